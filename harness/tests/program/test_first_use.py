#!/usr/bin/python3
"""The first fifteen minutes: usual configurations, odd paths, containers, and what is said when something is wrong."""
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import time
import unittest
import xml.etree.ElementTree

from support import CRASHES, FULL, LASTACK, SCENARIOS, LastackTest, sample, scenario_file

KILL9 = scenario_file("kill9-aof-always")
LAST_LINE = re.compile(r"^(\d+) hold, (\d+) violated, (\d+) inconclusive, (\d+) not applicable; (\d+) s; exit (\d)$")
PREFIX = """include {folder}/common.conf
bind 127.0.0.1 -::1
protected-mode yes
port 6379
tcp-backlog 511
daemonize yes
supervised systemd
pidfile /run/redis/redis-server.pid
logfile /var/log/redis/redis-server.log
dir /var/lib/redis
dbfilename dump.rdb
"""
SOME = ("kill9-rdb", "kill9-aof-everysec", "power-cut-rdb", "disk-full-aof-always", "fork-enomem-rewrite", "trap-auto-restart")
RULES = {  # what was done to the server, by what its scenario's name begins with
    "kill": "kill", "power-cut": "power cut", "disk-full": "full disk", "fork-enomem": "failed fork"}


def memory_cgroup():
    """Where a memory cgroup can be made, and the file of its limit; of the first or the second version."""
    name = f"test-of-lastack-{os.getpid()}"
    for line in pathlib.Path("/proc/mounts").read_text().splitlines():
        _, place, kind, options = line.split()[:4]
        controllers = pathlib.Path(place) / "cgroup.subtree_control"
        if not os.access(place, os.W_OK):
            continue
        if kind == "cgroup" and "memory" in options.split(","):
            return pathlib.Path(place) / name, "memory.limit_in_bytes"
        if kind == "cgroup2" and controllers.exists() and "memory" in controllers.read_text().split():
            return pathlib.Path(place) / name, "memory.max"
    return None, None


class UsualConfigurations(LastackTest):
    def certify(self, text, as_written):
        """All scenarios in a full run; else one of each kind, and those that take the configuration as it is."""
        self.write("common.conf", "maxclients 500\nhz 20\n")
        self.write("users.acl", "user default on >s3cret ~* &* +@all\nuser app on >s3cret ~app:* +@write +@read\n")
        conf = self.write("redis.conf", text.format(folder=self.folder))
        scenarios = CRASHES if FULL else sorted({*SOME, *as_written})
        return self.lastack("run", *scenarios, "--config", conf, "--jobs", 3, "--keep", "findings", timeout=900)

    def assert_tested(self, text, *as_written):
        run = self.certify(text, as_written)
        self.assert_sound(run)
        judged = [s for s in run.result["scenarios"] if s["verdict"] == "holds" and s["rpo"]]
        self.assertGreaterEqual(len(judged), 25 if FULL else 5)
        for beginning, what in RULES.items():
            self.assertTrue(any(s["name"].startswith(beginning) for s in judged), what)
        own = {s["name"] for s in run.result["scenarios"] if not s["overrides"]}
        self.assertLessEqual(set(as_written), own)
        for scenario in run.result["scenarios"]:
            for override in scenario["overrides"]:
                self.assertIn(override, run.stdout)
        return run

    def test_the_distributions_file_as_it_is(self):
        run = self.assert_tested(PREFIX, "kill9-rdb", "power-cut-rdb", "disk-full-rdb", "fork-enomem-bgsave")
        self.assertFalse([p for p in run.out.iterdir() if p.name.startswith("kill9")], "--keep findings")

    def test_with_aof_everysec(self):
        self.assert_tested(PREFIX + "appendonly yes\nappendfsync everysec\n", "kill9-aof-everysec", "power-cut-aof-everysec", "disk-full-aof-everysec", "kill9-mixed")

    def test_with_aof_always_and_no_save_points(self):
        self.assert_tested(PREFIX + "appendonly yes\nappendfsync always\nsave \"\"\n", "kill9-aof-always", "power-cut-aof-always", "disk-full-aof-always")

    def test_the_images_defaults_with_a_password(self):
        self.assert_tested("dir /data\nprotected-mode no\nrequirepass \"a pass\\x20word\"\n", "kill9-rdb")

    def test_a_charts(self):
        self.assert_tested("dir /data\nappendonly yes\nappendfsync everysec\nsave \"\"\naclfile {folder}/users.acl\n"
                           "rename-command FLUSHDB \"\"\nrename-command FLUSHALL \"\"\nrename-command CONFIG cfg-1\n"
                           "rename-command BGREWRITEAOF bg-rw\nmasterauth s3cret\nreplica-announce-ip 10.0.0.1\n",
                           "kill9-aof-everysec", "fork-enomem-rewrite")


class OtherConfigurations(LastackTest):
    def test_tls_only_is_certified_in_plain_tcp(self):
        for text in ("port 0\ntls-port 6379\n", "port 0\ntls-port 6390\ntls-auth-clients no\ntls-replication yes\n",
                     "tls-port 6379\nport 6380\n"):
            run = self.lastack("run", "kill9-rdb", "--config", self.write("tls.conf", text))
            self.assertEqual(run.status, 0, str(run))
            self.assertTrue(any("plain TCP" in limit for limit in run.result["limits"]))
            self.assertIn("TLS: the harness speaks plain TCP", run.stdout)

    def test_what_the_configuration_disables_is_not_applicable(self):
        for command in ("BGREWRITEAOF", "bgrewriteaof"):
            conf = self.write("off.conf", f"rename-command {command} \"\"\nappendonly yes\n")
            run = self.lastack("run", "fork-enomem-rewrite", "kill9-aof-everysec", "rewrite-child-killed", "--config", conf)
            self.assertEqual(run.status, 0, str(run))
            self.assertEqual(run.result["not_applicable"],
                             ["fork-enomem-rewrite: the configuration disables BGREWRITEAOF",
                              "rewrite-child-killed: the configuration disables BGREWRITEAOF"])
            self.assertIn("only 1 of 3 scenarios can be run here", run.stdout.split("scenario  ")[0])
            self.assertIn("  2: the configuration disables BGREWRITEAOF", run.stdout.split("scenario  ")[0])

    def test_what_is_as_it_should_be_stays(self):
        """Save points that cannot fire within a run are kept; those that can are replaced, and that is said."""
        for points, overrides in (("save 900 1 300 10", []), ("save 60 10000", []),
                                  ("save 1 1", ["save 3600 1 (not 1 1)"]), ("save 3600 1\nsave 5 100",
                                                                           ["save 3600 1 (not 3600 1 5 100)"])):
            run = self.lastack("run", "kill9-rdb", "--config", self.write("save.conf", points + "\n"))
            self.assertEqual(run.status, 0, str(run))
            self.assertEqual(run.scenario()["overrides"], overrides)
            written = (run.out / "kill9-rdb/primary/redis.conf").read_text()
            self.assertEqual('save "3600" "1"' in written, bool(overrides) or "3600" in points, written)

    def test_what_a_scenario_is_about_is_never_taken_for_granted(self):
        """Close save points, rewrites, lines of one node, and sizes in other words."""
        text = (scenario_file("kill9-rdb")).read_text()
        cases = (("save 3600 1", "save 1 1", "", ["save 1 1 (not 3600 1 300 100 60 10000)"]),
                 ("save 3600 1", "auto-aof-rewrite-percentage 100\n  auto-aof-rewrite-min-size 100kb",
                  "auto-aof-rewrite-percentage 0\nauto-aof-rewrite-min-size 100kb\n",
                  ["auto-aof-rewrite-percentage 100 (not 0)"]),
                 ("save 3600 1", "maxmemory 200mb\n  repl-backlog-size 2g", "maxmemory 209715200\nrepl-backlog-size 1mb\n",
                  ["repl-backlog-size 2g (not 1048576)"]))
        for old, new, conf, overrides in cases:
            path = self.write("s.yaml", text.replace(old, new))
            run = self.lastack("run", path, "--config", self.write("c.conf", conf))
            self.assertEqual(run.scenario()["overrides"], overrides, str(run))
        path = self.write("n.yaml", text.replace("steps:", "nodes:\n  - {name: primary, config: appendfsync always}\nsteps:", 1))
        run = self.lastack("run", path, "--config", self.write("c.conf", "hz 10\n"))
        self.assertEqual(run.scenario()["overrides"], ["primary: appendfsync always (not everysec)"])

    def test_legal_and_odd(self):
        """An empty password; limits of output buffers below what is read back; both are listed or need no mention."""
        run = self.lastack("run", "kill9-rdb", "--config", self.write("a.conf", 'requirepass ""\n'))
        self.assertEqual(run.status, 0, str(run))
        for limit in ("normal 1kb 1kb 1", "normal 100 0 0 replica 256mb 64mb 60", "pubsub 1mb 1mb 1 normal 10kb 1kb 1"):
            run = self.lastack("run", "kill9-rdb", "--config",
                               self.write("b.conf", f"client-output-buffer-limit {limit}\n"))
            self.assertEqual(run.status, 0, str(run))
            self.assertTrue([c for c in run.result["changed_directives"] if c.startswith("client-output-buffer-limit")])


class Paths(LastackTest):
    ODD = ["my projects", "a:b", "$HOME", "[ab]*?", "quo'te\"s", "back\\slash", "über größe", "-dash"]

    def test_the_report_may_lie_anywhere(self):
        """What needs the library, what reads back through the configuration, what finds files by a pattern."""
        for name in sample(self.ODD):
            out = self.folder / name / "out"
            run = self.lastack("run", "torn-rdb-file", "power-cut-in-rewrite", "--out", out, out=False)
            self.assertEqual(run.status, 0, f"{name}: {run}")
            self.assertTrue((out / "result.json").exists())
        raw = os.fsencode(self.folder) + b"/\xff\xfe"
        done = subprocess.run([LASTACK, "run", "kill9-rdb", "--out", raw], capture_output=True)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_so_may_lastack_itself_and_what_it_is_given(self):
        build = pathlib.Path(LASTACK).parents[1]
        for name in self.ODD[:4]:
            prefix = self.folder / f"{name} prefix"
            subprocess.run(["cmake", "--install", build, "--prefix", prefix], check=True, capture_output=True)
            config = self.write(f"{name}/my redis.conf", "appendonly yes\nappendfsync always\n")
            server = self.write(f"{name}/my server", "#!/bin/sh\nexec redis-server \"$@\"\n")
            server.chmod(0o755)
            before = set(pathlib.Path("/tmp").glob("lastack-??????"))
            done = subprocess.run([prefix / "bin/lastack", "run", "kill-before-fsync", "power-cut-aof-always", "--config",
                                   config, "--server", server, "--out", self.folder / f"{name} out"],
                                  capture_output=True, text=True)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            self.assertEqual(set(pathlib.Path("/tmp").glob("lastack-??????")), before)


class Containers(LastackTest):
    def inside(self, wrapper, *args):
        self.calls += 1
        out = self.folder / f"in{self.calls}"
        done = subprocess.run([*wrapper, LASTACK, "run", *args, "--out", out], capture_output=True, text=True)
        return done, json.loads((out / "result.json").read_text())

    def test_what_cannot_be_done_is_found_out_by_trying(self):
        """Uid 0 of a user namespace, root without CAP_SYS_ADMIN, root without loop devices."""
        wrappers = [["unshare", "--user", "--map-root-user"]]
        if os.geteuid() == 0:
            wrappers.append(["setpriv", "--bounding-set", "-sys_admin", "--inh-caps", "-sys_admin"])
            wrappers.append(["unshare", "--mount", "sh", "-c", "mount -t tmpfs none /dev && "
                             "mknod /dev/null c 1 3 && mknod /dev/urandom c 1 9 && exec \"$@\"", "sh"])
        for wrapper in wrappers:
            if subprocess.run([*wrapper, "true"], capture_output=True).returncode:
                continue  # not granted here at all
            with self.subTest(wrapper[0]):
                done, result = self.inside(wrapper, "power-cut-aof-always-real", "power-cut-aof-always", "kill9-rdb")
                self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
                self.assertEqual(len(result["not_applicable"]), 1)
                self.assertRegex(result["not_applicable"][0], "^power-cut-aof-always-real: its power cannot be cut for real")
                done, result = self.inside(wrapper, "power-cut-aof-always-real", "power-cut-rdb-real")
                self.assertEqual(done.returncode, 3, "nothing was judged")
                self.assertIn("only 0 of 2 scenarios can be run here", done.stdout)
                self.assertIn("  2: its power cannot be cut for real here", done.stdout)


class Words(LastackTest):
    def test_the_table_fits_and_the_last_line_says_it(self):
        run = self.lastack("run", "kill9-rdb", "kill9-aof-everysec-slow-fsync", "power-cut-in-rdb-rename-real",
                           "waitaof-power-cut", "--rpo", "1h")
        lines = run.stdout.splitlines()
        for line in lines:
            if re.match(r"(scenario|kill9|power)", line):
                self.assertLessEqual(len(line), 80, line)
        figures = LAST_LINE.match(lines[-1])
        self.assertTrue(figures, lines[-1])
        self.assertEqual(int(figures[6]), run.status)
        self.assertEqual(int(figures[1]) + int(figures[4]), 4)
        self.assertRegex(lines[-2], r"^report: .* \(\d+ MiB\)$")
        text = KILL9.read_text().replace("lost: {max: 0}", "keys: {max: 0}")
        run = self.lastack("run", self.write("wrong.yaml", text))
        self.assertRegex(run.stdout.splitlines()[-1], r"^0 hold, 1 violated, 0 inconclusive, 0 not applicable; .*exit 1$")

    def test_why_a_server_does_not_start(self):
        """Its own last words, of this start: the cause, and not what it says of the machine at each start."""
        base = KILL9.read_text()
        torn = (scenario_file("torn-aof-truncated-no")).read_text().replace("start: {refused: true, log: Unexpected "
                                                                             "end of file reading the append only file}",
                                                                             "exit: {how: killed}")
        rdb = (scenario_file("torn-rdb-file")).read_text().replace(
            "start: {refused: true}", "exit: {how: killed}")
        odd = base.replace("settings: |", "settings: |\n  maxmemory-policy no-such-policy")
        for text, cause, status in ((torn, "Unexpected end of file", 1), (rdb, "Short read|RDB", 1),
                                    (odd, "no-such-policy", 3)):
            run = self.lastack("run", self.write("s.yaml", text))
            self.assertEqual(run.status, status, str(run))
            told = str(run.scenario()["reasons"]) + str(run.scenario()["findings"])
            self.assertRegex(told, cause)
            self.assertNotIn("overcommit", told)

    def test_a_directive_that_the_server_does_not_have(self):
        for name, known in (("no-such-directive yes", False), ("save 3600 1", True), ("rename-command GETSET gs", True)):
            text = KILL9.read_text().replace("settings: |", f"settings: |\n  {name}")
            run = self.lastack("run", self.write("s.yaml", text))
            self.assertEqual("has no directive" not in run.stdout, known, str(run))
            self.assertEqual(run.status, 0 if known else 3, str(run))

    def test_an_oom_kill_is_named(self):
        group, limit = memory_cgroup()
        if not group:
            self.skipTest("no memory cgroup can be made here")
        group.mkdir()
        (group / limit).write_text("24M")
        try:
            server = self.write("small", f"#!/bin/sh\necho $$ >{group}/cgroup.procs\nexec redis-server \"$@\"\n")
            server.chmod(0o755)
            text = KILL9.read_text().replace("  - kill: {scope: group}", "  - wait: {for: exit}")
            text = text.replace("acked: 5000", "acked: 100") + "load: {value_size: 100000}\n"
            run = self.lastack("run", self.write("oom.yaml", text), "--server", server)
            self.assertEqual(run.status, 3, str(run))
            self.assertIn("OOM kill", run.stdout)
        finally:
            deadline = time.monotonic() + 30
            while time.monotonic() < deadline and (group / "cgroup.procs").read_text():
                time.sleep(0.01)
            group.rmdir()

    def test_names_and_endings(self):
        run = self.lastack("run", "kill9-none")
        self.assertEqual([s["name"] for s in run.result["scenarios"]], ["kill9-none"])
        self.assert_refused(self.lastack("run", "kill9-nothing"), "kill9-nothing", "lastack list")
        self.write("kill9-none", KILL9.read_text())  # a file of that name comes first
        run = self.lastack("run", "kill9-none")
        self.assertEqual([s["name"] for s in run.result["scenarios"]], ["kill9-aof-always"])
        self.write("folder/one.yml", KILL9.read_text())
        self.write("folder/notes.txt", "no scenario")
        run = self.lastack("run", self.folder / "folder")
        self.assertEqual([s["name"] for s in run.result["scenarios"]], ["kill9-aof-always"])
        listing = self.lastack("ledger", run.out, out=False)
        self.assertRegex(listing.stdout, r"(?m)^kill9-aof-always +\d+ +\d+$")
        self.assert_refused(self.lastack("ledger", self.folder / "folder", out=False), "no report")

    def test_durations(self):
        for option in ("--rpo", "--rto", "--start-timeout"):
            for text in ("", "x", "1d", "-1s", "1.2.3s", "1e9s", "99999999999", "s"):
                run = self.lastack("run", "kill9-none", option, text, out=False)
                self.assertEqual(run.status, 2, f"{option} {text}: {run}")
        # no fsync excuses this loss, and no machine that stands still under the load: nothing is done for most of it
        whole = scenario_file("kill9-none").read_text()
        self.assertIn("  - load: {acked: 5000}\n", whole)
        lost = self.write("lost.yaml", whole.replace("  - load: {acked: 5000}\n",
                                                     "  - load: {acked: 1500}\n  - stop_load: {}\n  - sleep: {ms: 2000}\n"))
        for text, status in sample((("0ms", 1), ("0", 1), ("0.001s", 1), ("1h", 0), ("60m", 0), ("3600s", 0))):
            run = self.lastack("run", lost, "--rpo", text)
            self.assertEqual(run.status, status, f"{text}: {run}")
        slow = self.write("slow", "#!/bin/sh\nsleep 2\nexec redis-server \"$@\"\n")
        slow.chmod(0o755)
        self.assert_refused(self.lastack("run", "kill9-none", "--server", slow, "--start-timeout", "1s"), "within 1 s")
        self.assertEqual(self.lastack("run", "kill9-none", "--server", slow, "--start-timeout", "1m").status, 0)

    def test_two_runs_in_one_second(self):
        runs = [subprocess.Popen([LASTACK, "run", "kill9-none"], cwd=self.folder, stdout=subprocess.DEVNULL)
                for _ in range(4)]
        self.assertEqual([run.wait() for run in runs], [0] * 4)
        self.assertEqual(len(list(self.folder.glob("lastack-*/result.json"))), 4)
        before = set(self.folder.iterdir())
        subprocess.run([LASTACK, "run", "kill9-none", "--server", "/nonexistent"], cwd=self.folder, capture_output=True)
        self.assertEqual(set(self.folder.iterdir()), before, "a folder is left of a run that never began")

    def test_what_is_ignored_stays_ignored(self):
        """nohup: a terminal that is closed does not end the run; a signal that is not ignored does."""
        slow = self.write("slow.yaml", KILL9.read_text().replace("  - kill:", "  - sleep: {ms: 1500}\n  - kill:"))
        for ignored, status in ((True, 0), (False, 3)):
            out = self.folder / f"hup-{ignored}"
            process = subprocess.Popen(["nohup"] * ignored + [LASTACK, "run", slow, "--out", out],
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
            while process.poll() is None and not (out / "kill9-aof-always/ledger").exists():
                time.sleep(0.01)
            process.send_signal(signal.SIGHUP)
            self.assertEqual(process.wait(), status)

    def test_what_is_kept(self):
        text = KILL9.read_text().replace("name: kill9-aof-always", "name: wrong").replace("lost: {max: 0}",
                                                                                         "keys: {max: 0}")
        wrong = self.write("wrong.yaml", text)
        for keep, kept in (("all", {"kill9-none", "wrong", "probe"}), ("findings", {"wrong", "probe"}), ("none", set())):
            run = self.lastack("run", "kill9-none", wrong, "--keep", keep)
            self.assertEqual({p.name for p in run.out.iterdir()} - {"result.json"}, kept)
        self.assertEqual(self.lastack("run", wrong, "--keep", "some", out=False).status, 2)


class Refused(LastackTest):
    def refuse(self, text, *words):
        self.assert_refused(self.lastack("run", self.write("bad.yaml", text)), "bad.yaml", *words)

    def test_expectations_that_need_what_is_not_there(self):
        """Without `verify` nothing is read back; that is no fault of the server's."""
        base = KILL9.read_text().replace("  - verify: {}\n", "")
        for expectation in ("lost: {max: 0}", "lost: {all: true}", "window: {max_ms: 1}", "keys: {min: 1}"):
            self.refuse(base.replace("lost: {max: 0}", expectation), ":", "needs a step 'verify'")
        claim = base.replace("  - lost: {max: 0}", "  - exit: {how: killed}\nclaims:\n  - id: S0-01\n    expect:\n"
                                                   "      - keys: {min: 1}")
        self.refuse(claim, "needs a step 'verify'")
        whole = KILL9.read_text()
        self.refuse(whole + "  - full_syncs: {min: 1}\n", "replicates another")
        self.refuse(whole + "  - restarts: {min: 1}\n", "restart policy")
        self.refuse(whole.replace("  - recover: {}\n", "").replace("  - lost: {max: 0}", "  - start: {refused: true}"),
                    "needs a step 'recover'")
        self.refuse(KILL9.read_text().replace("steps:", "steps:\n  - arm: {rule: op=fsync do=revert:EIO}"),
                    "bad.yaml:", "needs the journal")
        self.refuse(KILL9.read_text().replace("steps:", "power_cut: {method: real}\nsteps:\n"
                                              "  - arm: {rule: op=fsync do=revert:EIO}"), "needs the journal")

    def test_files_that_are_no_scenario(self):
        text = KILL9.read_text()
        line = len(text.splitlines()) + 1
        self.refuse(text + "---\n" + text, f"bad.yaml:{line}", "second document")
        self.refuse("[" * 200000, "bad.yaml:1:", "nested deeper")
        self.refuse("a: " + "{b: " * 100 + "}" * 100, "bad.yaml:1:", "nested deeper")
        self.refuse(text.replace("kill9-aof-always", "k" * 300, 1), "bad.yaml:1:", "300 characters")
        self.refuse("a: &a [x, x]\nb: &b [*a, *a]\n", "bad.yaml:2:", "alias")
        self.refuse("x" * (2 << 20), "at most 1048576")
        os.mkfifo(self.folder / "fifo.yaml")
        self.assert_refused(self.lastack("run", self.folder / "fifo.yaml"), "fifo.yaml", "neither a file")
        self.assert_refused(self.lastack("run", "/dev/zero"), "/dev/zero", "neither a file")
        self.assert_refused(self.lastack("run", ""), "empty")
        (self.folder / "fifo.conf").unlink(missing_ok=True)
        os.mkfifo(self.folder / "fifo.conf")
        self.assert_refused(self.lastack("run", "kill9-none", "--config", self.folder / "fifo.conf"), "not a regular file")

    def test_scenarios_that_cannot_be_run(self):
        """Bounds that nothing meets, lines that cannot be read or lead out, names that are taken, rules that nobody armed."""
        text = KILL9.read_text()
        bounds = "lost: {max: 0}"
        for old, new, word in ((bounds, "lost: {min: 5, max: 3}", "min 5 is above max 3"),
                               (bounds, "keys: {min: 2, max: 1}", "min 2 is above max 1"),
                               ("  appendonly yes", "  appendonly \"yes", "unbalanced quotes"),
                               ("  appendonly yes", "  include other.conf", "the harness's own"),
                               ("steps:", "tune: logfile /anywhere\nsteps:", "the harness's own"),
                               ("steps:", "nodes: [{name: primary, config: 'dir /anywhere'}]\nsteps:", "the harness's own"),
                               ("name: kill9-aof-always", "name: given-data", "folder of the report"),
                               ("steps:", "nodes: [{name: ledger}]\nsteps:", "file of the report"),
                               ("  - kill:", "  - wait: {for: fired}\n  - kill:", "no rule has been armed"),
                               ("  - kill:", "  - command: {send: ''}\n  - kill:", "no command"),
                               ("  - kill:", "  - command: {send: 'SET \"x'}\n  - kill:", "unbalanced quotes"),
                               ("steps:", "load: {replay: nowhere.aof}\nsteps:", "nowhere.aof: No such file"),
                               ("steps:", "load: {capacity: 100, min_acked: 200}\nsteps:", "more than the capacity"),
                               ("title: AOF", "title: ''\nwhy: AOF", "the title is one line"),
                               ("expect:\n  - lost: {max: 0}", "expect: []", "the list is empty")):
            self.assertIn(old, text)
            changed = text.replace(old, new, 1)
            if new.startswith("title"):
                changed = changed[:changed.index("why: |")] + changed[changed.index("quick:"):]
            self.refuse(changed, "bad.yaml:", word)

    def test_numbers_and_operations_say_what_there_is(self):
        text = KILL9.read_text()
        self.refuse(text.replace("acked: 5000", "acked: 5000000000"), "out of range: 0 to 999999999")
        self.refuse(text.replace("acked: 5000", "acked: many"), "expected a whole number, found 'many'")
        rule = "steps:\n  - arm: {rule: \"op=%s nth=%s do=kill\"}"
        self.refuse(text.replace("steps:", rule % ("wriet", 1)), "clock, or for several any-write, namespace, network, any")
        self.refuse(text.replace("steps:", rule % ("write", 10 ** 30)), "out of range: at most")

    def test_outputs_are_looked_at_before_the_run(self):
        (self.folder / "folder").mkdir()
        for option in ("--json", "--junit"):
            for value, word in (("", "empty"), (self.folder / "folder", "is a directory"), ("/nonexistent/x", "No such file"),
                                ("/proc/x", "")):
                self.assert_refused(self.lastack("run", "kill9-none", option, value), option, word)
            run = self.lastack("run", "kill9-none", option, "/dev/full")
            self.assertEqual(run.status, 2, str(run))
            self.assertIn("No space left", run.stderr)
            self.assertEqual(run.scenario()["verdict"], "holds")
        self.assert_refused(self.lastack("run", "kill9-none", "--json", "-", "--junit", "-"), "name the same")
        before = self.write("old.json", "old")
        self.lastack("run", "kill9-none", "--json", before, "--server", "/nonexistent")
        self.assertEqual(before.read_text(), "old", "nothing came of the run")

    def test_standard_output(self):
        run = self.lastack("run", "kill9-none", "--json", "-")
        self.assertEqual(json.loads(run.stdout), run.result)
        self.assertIn("kill9-none", run.stderr)
        run = self.lastack("run", "kill9-none", "--junit", "-")
        self.assertEqual(xml.etree.ElementTree.fromstring(run.stdout).tag, "testsuites")

    def test_control_characters_do_not_break_the_xml(self):
        text = KILL9.read_text().replace("steps:", "steps:\n  - command: {send: 'ECHO \"a\\x01\\x1b[31m\\xff\"', "
                                         "expect: \"b\\x01\\uFFFE\"}")
        junit = self.folder / "x.xml"
        run = self.lastack("run", self.write("control.yaml", text), "--junit", junit)
        self.assertEqual(run.status, 1, str(run))
        self.assertEqual(xml.etree.ElementTree.parse(junit).getroot().get("failures"), "1")
        self.assertEqual(subprocess.run(["xmllint", "--noout", junit], capture_output=True).returncode, 0)


class SetUp(LastackTest):
    """ci/certify where nothing can be installed or built: a status of its own, and one clear line."""

    def copy(self, *names):
        tree = self.folder / "tree"
        tree.mkdir()
        for name in names:
            source = SCENARIOS.parent / name
            (shutil.copytree if source.is_dir() else shutil.copy)(source, tree / name)
        return tree

    def call(self, tree, **env):
        return subprocess.run(["ci/certify", "--quick"], cwd=tree, capture_output=True, text=True,
                              env={**os.environ, **env}, stdin=subprocess.DEVNULL)

    def test_no_package_and_no_build(self):
        tree = self.copy("ci")
        done = self.call(tree)  # no CMakeLists.txt
        self.assertEqual(done.returncode, 4, done.stdout + done.stderr)
        self.assertIn("the build of release failed (log: ", done.stderr)
        fake = self.folder / "bin"
        fake.mkdir()
        self.write("bin/dpkg-query", "#!/bin/sh\nexit 1\n").chmod(0o755)
        self.write("bin/apt-get", "#!/bin/sh\necho E: nothing to be had\nexit 100\n").chmod(0o755)
        self.write("bin/sudo", "#!/bin/sh\necho sudo: a terminal is required >&2\nexit 1\n").chmod(0o755)
        path = f"{fake}:{os.environ['PATH']}"
        if os.geteuid() == 0:
            existed = os.path.exists("/usr/sbin/policy-rc.d")
            done = self.call(tree, PATH=path)
            self.assertEqual(done.returncode, 4, done.stdout + done.stderr)
            self.assertRegex(done.stdout, r"^ci/bootstrap: installing \d+ packages \(log: build/bootstrap.log\)\n")
            self.assertIn("nothing to be had", done.stderr)
            self.assertEqual(os.path.exists("/usr/sbin/policy-rc.d"), existed)
            os.chmod(self.folder, 0o755)
            done = subprocess.run(["setpriv", "--reuid", "65534", "--clear-groups", "env", f"PATH={path}", "ci/bootstrap"],
                                  cwd=tree, capture_output=True, text=True, stdin=subprocess.DEVNULL)
        else:
            done = self.call(tree, PATH=path)
        self.assertEqual(done.returncode, 4, done.stdout + done.stderr)
        self.assertIn("sudo refuses", done.stderr)
        self.assertNotIn("clang", done.stderr)


if __name__ == "__main__":
    unittest.main()
