#!/usr/bin/python3
"""Scenarios with a world: lines of a document, run as they stand there; incidents and backups. Where the documents are not
at hand, one of our own proves the machinery."""
import hashlib
import os
import re
import unittest

from support import FULL, ROOT, SCENARIOS, LastackTest

SEEDS = ROOT.parent / "shared/seeds"
OWNED = sorted(path for folder in ("playbooks", "incidents") for path in SCENARIOS.glob(f"{folder}/*.yaml")
               if "\nworld: " in path.read_text())
DOCUMENT = """A way out of a full night
1. Look
redis-cli PING # PONG
redis-check-aof /var/lib/redis/appendonly.aof
2. Back up
#!/bin/sh
cp /var/lib/redis/dump.rdb /backup/redis/night.rdb
echo done
"""
QUOTE = re.compile(r"lines: '?(\d+)(?:-(\d+))?'?[,\s]+sha256: ([0-9a-f]{64})")


def sha(first, last):
    return hashlib.sha256("\n".join(DOCUMENT.split("\n")[first - 1:last]).encode()).hexdigest()


def lines(first, last, more=""):
    return f"{{lines: {first}-{last}, sha256: {sha(first, last)}{more}}}"


@unittest.skipUnless(os.geteuid() == 0, "takes root")
class Documents(LastackTest):
    def scenario(self, name, steps, expect, world="{}", settings=""):
        """A scenario of these steps, each a text; `expect` likewise."""
        body = "".join(f"  - {step}\n" for step in steps)
        wanted = "".join(f"  - {one}\n" for one in expect)
        head = f"name: {name}\ntitle: t\nworld: {world}\n" + (f"settings: {settings}\n" if settings else "")
        return self.write(f"all/{name}.yaml", f"{head}steps:\n{body}expect:\n{wanted}")

    def tried(self, *options):
        self.write("document.txt", DOCUMENT)
        run = self.lastack("run", self.folder / "all", "--document", self.folder, "--jobs", 2, *options)
        self.assertIsNotNone(run.result, str(run))
        return run

    def text(self, run, name, figure):
        [found] = [one["text"] for one in run.scenario(name)["figures"] if one["name"] == figure]
        return found

    def test_steps_of_a_document(self):
        shell, says = "shell: ", "says: "
        self.scenario("lines", [shell + lines(3, 4, ", name: look")], [says + "{name: look, begins: right}"])
        self.scenario("corrected", [shell + lines(3, 4, ", name: look, edit: '/aof/d'")], [says + "{name: look, begins: 'right: PONG'}"])
        self.scenario("stale", [f"shell: {{name: look, lines: 3-4, sha256: {'0' * 64}}}"], [says + "{name: look, begins: right}"])
        self.scenario("script", [shell + lines(6, 8, ", to: /root/night"), "shell: {name: run, run: /root/night}",
                                 "count: {name: kept, in: '/backup/redis/night*'}"],
                      [says + "{name: run, begins: 'right: done'}", "figure: {name: kept, min: 1000, max: 1000}"])
        self.scenario("late", ["shell: {name: wait, run: sleep 30, within_ms: 500}"], [says + "{name: wait, begins: failed}"])
        run = self.tried()
        self.assertEqual({one["name"]: one["verdict"] for one in run.result["scenarios"]},
                         {"lines": "violated", "corrected": "holds", "stale": "inconclusive", "script": "holds", "late": "holds"}, str(run))
        self.assertRegex(self.text(run, "lines", "look"), r"^impossible: line 4: there is no /var/lib/redis/appendonly\.aof")
        self.assertIn("stale: nothing in", run.scenario("stale")["reasons"][0])
        self.assertEqual(run.status, 1)

    def test_without_the_document(self):
        path = self.scenario("lines", ["shell: " + lines(3, 4, ", name: look")], ["says: {name: look, begins: right}"])
        run = self.lastack("run", path)
        self.assertEqual(run.status, 3, str(run))
        self.assertIn("document not given", run.stdout)
        self.assert_refused(self.lastack("run", path, "--document", self.folder / "no"), "--document", "No such file")

    def test_a_damaged_and_a_whole_backup(self):
        """A backup is what a server makes of it, whatever it is packed in; and it is durable when the disk has it."""
        count = "count: {name: kept, in: '/backup/redis/x*'}"
        pack = {"gz": "gzip -c /backup/redis/dump_*.rdb > /backup/redis/x.rdb.gz",
                "tar": "tar -C / -czf /backup/redis/x.tar.gz $(ls /backup/redis/dump_*.rdb)",
                "log": "tar -C /var/lib/redis -czf /backup/redis/x.tar.gz appendonlydir",
                "cut": "head -c 9000 /backup/redis/dump_*.rdb > /backup/redis/x.rdb",
                "none": "true"}
        keys = {"gz": 1000, "tar": 1000, "log": 2000, "cut": 0, "none": 0}
        for name, command in pack.items():
            self.scenario(name, [f"stage: {{run: '{command}'}}", count],
                          [f"figure: {{name: kept, min: {keys[name]}, max: {keys[name]}}}"],
                          settings="appendonly yes" if name == "log" else "")
        for name, behind, least in (("power", [], 0), ("synced", ["shell: {run: sync}"], 1000)):
            self.scenario(name, ["shell: {run: cp /var/lib/redis/dump.rdb /backup/redis/x.rdb}", *behind, "cut: {}",
                                 "count: {name: kept, in: '/cut/x*'}"],
                          [f"figure: {{name: kept, min: {least}, max: {least}}}"], world="{disk: true}")
        run = self.tried()
        self.assertEqual((run.status, len(run.result["scenarios"])), (0, 7), str(run))

    def test_each_has_a_server_of_its_own(self):
        self.scenario("gone", ["shell: {run: systemctl stop redis}", "shell: {run: sleep 3}", "count: {name: kept}"],
                      ["figure: {name: kept, max: 0}"])
        self.scenario("there", ["shell: {run: sleep 3}", "shell: {name: ping, run: 'redis-cli -h localhost PING # PONG'}", "count: {name: kept}"],
                      ["says: {name: ping, begins: right}", "figure: {name: kept, min: 2000}"])
        self.scenario("refuses", ["stage: {run: 'chown root /var/lib/redis && chmod 555 /var/lib/redis; redis-cli BGSAVE; sleep 1'}",
                                  "shell: {name: write, run: redis-cli SET a b}", "count: {name: kept}"],
                      ["says: {name: write, contains: MISCONF}", "figure: {name: kept, min: 2000}"])
        run = self.tried()
        self.assertEqual(run.status, 0, str(run))

    def test_stand_ins(self):
        """Statuses as the real programs have them; what they do not do is said by name, and judged by nobody."""
        statuses = {"aws s3 ls s3://no/x": 254, "aws s3 mb s3://some": 0, "aws s3 cp /no s3://some/": 255,
                    "aws s3 cp s3://some/no /root/x": 1, "aws s3 cp /etc/hostname s3://some/here/name --only-show-errors": 0,
                    "aws s3 ls s3://some/there/": 1, "aws s3 ls s3://some/here/": 0, "aws s3 rm s3://some/here/no": 0,
                    "curl -s https://example.com/x -d hello": 0, "curl -X POST '' -d hello": 3,
                    "curl -fsS -H 'a: b' -m 5 http://example.com": 0}
        self.write("all/statuses", "".join(f"{command}; echo \"$? {status}\"\n" for command, status in statuses.items()))
        body = (self.folder / "all/statuses").read_text()
        text = "name: statuses\ntitle: t\nworld: {}\nsteps:\n  - stage: {run: 'true'}\n  - shell:\n      name: all\n      carry_on: true\n      run: |\n"
        text += "".join(f"        {line}\n" for line in body.splitlines())
        text += "  - shell: {name: sent, run: cat /run/lastack/hooks}\nexpect:\n  - says: {name: sent-output, contains: hello}\n"
        (self.folder / "all/statuses").unlink()
        self.write("all/statuses.yaml", text)
        self.scenario("unknown", ["shell: {name: a, run: 'aws s3 sync /root s3://x || true'}"], ["says: {name: a, begins: right}"])
        run = self.tried()
        seen = re.findall(r"(?m)(?:^|ok)(\d+) (\d+)\r?$", self.text(run, "statuses", "all-output"))
        self.assertEqual(len(seen), len(statuses), str(run))
        for got, wanted in seen:
            self.assertEqual(got, wanted, self.text(run, "statuses", "all-output"))
        self.assertEqual(run.scenario("unknown")["verdict"], "inconclusive")
        self.assertIn("aws (stand-in): ", run.scenario("unknown")["reasons"][0])

    def test_the_trap_under_s6(self):
        """It springs; and not where the primary finds its data again."""
        text = (SCENARIOS / "incidents/incident-trap-s6.yaml").read_text()
        self.assertIn("; rm /srv/primary/dump.rdb", text)
        for name, change, verdict in (("as-it-is", "; rm /srv/primary/dump.rdb", "holds"), ("kept", "", "violated")):
            path = self.write(f"{name}.yaml", text.replace("; rm /srv/primary/dump.rdb", change))
            run = self.lastack("run", path)
            self.assertEqual((run.status, [claim["verdict"] for claim in run.result["claims"]]), (0, [verdict]), str(run))

    def test_what_is_wrong_with_a_file(self):
        head = "name: x\ntitle: t\n"
        tail = "expect:\n  - says: {name: a, begins: right}\n"
        world = head + "world: {}\n"
        for text, words in (
                (head + "steps:\n  - shell: {name: a, run: ls}\n" + tail, "'shell' is for scenarios with 'world'"),
                (world + "steps:\n  - verify: {}\nexpect:\n  - lost: {max: 0}\n", "'verify' is for scenarios without 'world'"),
                (world + "steps:\n  - shell: {name: a, run: ls}\nexpect:\n  - lost: {max: 0}\n", "'lost' is for scenarios without"),
                (head + "world: {incident: flood}\nsteps:\n  - shell: {name: a, run: ls}\n" + tail, "no incident 'flood'"),
                (world + "steps:\n  - shell: {name: a}\n" + tail, "'run' or 'lines'"),
                (world + "steps:\n  - shell: {name: a, lines: 4-2, sha256: x}\n" + tail, "FIRST-LAST"),
                (world + "steps:\n  - shell: {name: a, lines: 2-4}\n" + tail, "go together"),
                (world + "steps:\n  - shell: {name: a, lines: 2-4, sha256: abc}\n" + tail, "64 hexadecimal digits"),
                (world + "steps:\n  - shell: {name: a, run: ls, to: ../x}\n" + tail, "an absolute path"),
                (world + "steps:\n  - cut: {}\n  - shell: {name: a, run: ls}\n" + tail, "disk: true"),
                (world + "steps:\n  - shell: {name: a, run: ls}\nexpect:\n  - says: {name: b, begins: right}\n", "measures 'b'"),
                (world + "steps:\n  - shell: {name: a, run: ls}\nexpect:\n  - says: {name: a}\n", "one of begins, contains, lacks")):
            self.assert_refused(self.lastack("run", self.write("x.yaml", text)), "x.yaml:", words)

    @unittest.skipUnless(SEEDS.is_dir(), "the documents are not at hand")
    def test_every_quote_stands_in_a_document(self):
        documents = [path.read_bytes().split(b"\n") for path in SEEDS.iterdir()]
        quotes = [(path.name, *quote) for path in OWNED for quote in QUOTE.findall(path.read_text())]
        self.assertGreater(len(quotes), 80)
        for name, first, last, wanted in quotes:
            texts = [b"\n".join(document[int(first) - 1:int(last or first)]) for document in documents]
            self.assertIn(wanted, [hashlib.sha256(text).hexdigest() for text in texts], f"{name}: {first}-{last}")

    @unittest.skipUnless(SEEDS.is_dir() and FULL, "with the documents, in a full run")
    def test_what_the_documents_say(self):
        """Each row has its verdict, and every correction works."""
        run = self.lastack("run", *OWNED, "--document", SEEDS, "--jobs", 2, timeout=3000)
        self.assertEqual(run.status, 0, str(run))
        verdicts = {claim["id"]: claim["verdict"] for claim in run.result["claims"]}
        wanted = {row for path in OWNED for row in re.findall(r"id: (S\d-\d\d)", path.read_text())}
        self.assertEqual(set(verdicts), wanted)
        self.assertNotIn("inconclusive", verdicts.values(), str(run))
        for claim, verdict in {"S0-24": "holds", "S0-26": "violated", "S0-30": "violated", "S0-36": "violated", "S0-40": "qualified",
                               "S0-44": "violated", "S0-48": "qualified", "S0-53": "violated", "S4-04": "holds"}.items():
            self.assertEqual(verdicts[claim], verdict, claim)


LOG_AS_A_WHOLE = "s#appendonly.aof#appendonlydir/appendonly.aof.manifest#"

# what turns a scenario of a document, and the claims whose verdicts it turns: from violated to holds
TURNS = (
    ("playbook-crash", "S0-38", [("lines: 209,", "edit: 's/DEBUG SLEEP 0/PING/', lines: 209,")]),
    ("playbook-disk-owner", "S0-41", [("  - shell: {name: start", "  - shell: {run: chmod 600 /var/lib/redis/dump.rdb}\n  - shell: {name: start")]),
    ("playbook-flushall-snapshot", "S0-44 S1-02", [("steps:\n", "settings: save \"\"\nsteps:\n"), ("contains: ' '", "lacks: ' '")]),
    ("playbook-flushall-value", "S0-47", [("SET note FLUSHALL", "SET note other"), ("SADD commands GET FLUSHALL", "SADD commands GET"),
                                          ("SISMEMBER commands FLUSHALL", "SISMEMBER commands GET")]),
    ("playbook-point-in-time-option", "S0-53 S0-51", [
        ("@1704027300", "@1705326900"),
        ("edit: 's/^# //; s/ \\.\\.\\. .*//; s/^/timeout 10 /'",
         "edit: 's#.*#redis-check-aof --truncate-to-timestamp $(date +%s) /var/lib/redis/appendonlydir/appendonly.aof.manifest#'")]),
    ("backup-beside-rewrite", "S0-25", [("to: /etc", "edit: 's/^.REDIS_CLI BGSAVE/$REDIS_CLI -e BGSAVE/', to: /etc")]),
    ("backup-beside-bgsave", "S0-26", [("to: /etc", "edit: 's/^.REDIS_CLI BGSAVE/until $REDIS_CLI -e BGSAVE; do sleep 0.2; done/', to: /etc")]),
    ("backup-power-cut", "S0-30", [("to: /etc", "edit: '$s/$/\\nsync/', to: /etc")]),
    ("backup-check-silent", "S0-32", [("run: /root/weekly}", "run: ALERT_ENDPOINT=https://example.com/x /root/weekly}")]),
    ("backup-tar-loop", "S2-03", [("lines: 130-134,", "edit: '3s/== .*; do/== $before ]; do/; 1s/^/before=$(redis-cli LASTSAVE); sleep 1; /', lines: 130-134,")]),
    ("migration-kill", "S4-06", [("lines: 100,", "edit: 's/pgrep redis-server/pgrep -f redis-server.*6380/', lines: 100,")]),
    ("incident-flush-rate", "S1-01", [("steps:\n", "settings: save \"\"\nsteps:\n"), ("contains: ' '", "lacks: ' '"), ("max: 100", "max: 3000")]),
    ("incident-option", "S1-05", [("SET rewrite-inc", "SET aof-rewrite-inc")]),
    ("backup-normal", "S0-27", [("lines: 113-175,", "edit: 's/^for i in/SECONDS=0; &/; s/[$][(][(]i [*] 5[)][)]/$SECONDS/; s/sleep 5/sleep 0.2/', lines: 113-175,")]),
    ("backup-check-stale", "S0-33", [("cp /root/empty/dump.rdb", "cp /var/lib/redis/dump.rdb")]),
    ("playbook-crash-torn", "S0-35 S0-36", [("incident: torn-aof", "incident: crash"),
                                            ("lines: 199,", f"edit: '{LOG_AS_A_WHOLE}', lines: 199,"),
                                            ("lines: 201,", f"edit: '{LOG_AS_A_WHOLE}', lines: 201,")]),
    ("playbook-flushall-aof", "S0-45 S0-49", [
        ("shell: {name: remove,", "shell: {name: remove, edit: '5s/^/    /; 17,18s/^/    /; 21s/^/    /; 26s/^/    /; "
                           "s|/var/lib/redis/appendonly.aof|/var/lib/redis/appendonlydir/appendonly.aof.1.incr.aof|',"),
        ("shell: {name: empty,", "shell: {name: empty, edit: 's#=.*#=$(redis-server --port 7999 --dir /var/lib/redis --save \"\" --daemonize yes >/dev/null; "
                          "sleep 1; redis-cli -p 7999 --raw DBSIZE; redis-cli -p 7999 SHUTDOWN NOSAVE)#',")]),
    ("tools-snapshot", "S0-56 S0-58 S0-60", [("CRITICAL: RDB CRC error", "RDB CRC error"), ("FATAL: short read or OOM", "Unexpected EOF"),
                                             ("contains: 'user:1'", "contains: 'keys read'")]),
    ("tools-snapshot-start", "S0-59 S1-22", [("is not supported", "RDB format version"), ("corrupted RDB file", "Wrong RDB checksum")]),
    ("tools-log", "S0-61 S0-62", [("incident: torn-aof", "incident: crash"), ("lines: 359,", f"edit: '{LOG_AS_A_WHOLE}', lines: 359,"),
                                  ("shell: {name: parts,", "shell: {name: parts, edit: 's/[.]2[.]incr/.1.incr/',"),
                                  ("AOF analyzed: size=", "AOF analyzed: filename="), ("'to offset'", "'is valid'")]),
    ("backup-tar", "S2-04", [("$(cat \\/root\\/day)/'", "$(cat \\/root\\/day)/; s|$|; mv /var/lib/redis/backup/redis/aof_* "
                              "/var/lib/redis/appendonlydir|'")]),
    ("backup-names", "S2-05", [("'s/YYYYMMDD/$(date +%Y%m%d)/'",
                                "'s#.*#gunzip -c \"$(ls -t /backup/redis/dump_*.rdb.gz | head -1)\" > /var/lib/redis/dump.rdb#'")]),
    ("incident-debug", "S2-06", [("world: {}\n", "world: {}\nsettings: enable-debug-command yes\n")]),
    ("tools-prune", "S3-08", [("  - shell: {name: start", "  - stage: {run: 'cp /backup/redis/dump_*.rdb /var/lib/redis/dump.rdb && "
                               "chown redis:redis /var/lib/redis/dump.rdb'}\n  - shell: {name: start")]),
    ("migration-export", "S4-05", [("  - stage: {run: 'redis-cli -p 6380 FLUSHALL'}\n", "")]),
    ("migration-crash", "S4-08", [("  - shell: {name: enable", "  - stage: {run: redis-cli SAVE}\n  - shell: {name: enable")]),
    ("migration-check", "S4-11", [("lines: 132,", f"edit: '{LOG_AS_A_WHOLE}', lines: 132,"), ("ls -lh *.aof", "ls -lh appendonlydir/*.aof"),
                                  ("lines: 210,", "edit: 's#tail -f appendonly.aof#tail -n 1 appendonlydir/*.incr.aof#', lines: 210,")]),
    ("monitor-rewrite", "S0-72", [("edit: '3s", "edit: 's/aof_last_write_status/aof_last_bgrewrite_status/; 3s")]),
    ("monitor-down", "S0-72", [("edit: '3s", "edit: '39s/if not .*:/try: fine = check_redis_persistence()\\nexcept redis.ConnectionError: fine = False\\nif not fine:/; 3s")]),
    ("backup-hourly", "S0-31", [("steps:\n", "steps:\n  - stage: {run: \"sed -i 's/^17/0/' /etc/crontab\"}\n")]),
    ("playbook-point-in-time", "S0-54", [
        ("  - stage: {run: 'seq 0 499", "  - stage: {run: 'sleep 2; date +%s > /root/1355; sleep 2'}\n  - stage: {run: 'seq 0 499"),
        ("recover, lines", "recover, edit: 's/--appendonly no/--appendonly yes/; 2s#.*#cp -r /var/lib/redis/appendonlydir /tmp/redis-recovery; "
                           "yes | redis-check-aof --truncate-to-timestamp $(cat /root/1355) /tmp/redis-recovery/appendonlydir/*.manifest#', lines"),
        ("promote, lines", "promote, edit: '2s#.*#rm -r /var/lib/redis/appendonlydir; cp -r /tmp/redis-recovery/appendonlydir /var/lib/redis#; "
                           "3s#.*#chown -R redis:redis /var/lib/redis/appendonlydir#', lines")]),
    ("incident-full-disk", "S1-18", [("  - shell: {name: rewrite", "  - stage: {run: 'mount -o remount,size=20m /var/lib/redis; sleep 2'}\n  - shell: {name: rewrite")]),
)


@unittest.skipUnless(os.geteuid() == 0 and SEEDS.is_dir(), "takes root, and the documents")
class Turned(LastackTest):
    def test_a_corrected_step_makes_it_right(self):
        """A few each time, all in a full run."""
        for name, claim, turns in TURNS if FULL else TURNS[:3]:
            [path] = SCENARIOS.glob(f"*/{name}.yaml")
            text = path.read_text()
            for old, new in turns:
                self.assertIn(old, text, name)
                text = text.replace(old, new)
            self.write(f"turned/{name}.yaml", text)
        run = self.lastack("run", self.folder / "turned", "--document", SEEDS, "--jobs", 2)
        for name, claims, _turns in TURNS if FULL else TURNS[:3]:
            verdicts = {(one["id"], one["verdict"]) for one in run.scenario(name)["claim_verdicts"] if one["id"] in claims.split()}
            self.assertEqual(verdicts, {(claim, "holds") for claim in claims.split()}, f"{name}\n{run}")


if __name__ == "__main__":
    unittest.main()
