#!/usr/bin/python3
"""Runbooks, run as they are written: those that come with lastack, and what is wrong with others."""
import json
import os
import pathlib
import unittest

from support import ROOT, LastackTest, groups_left, sample

RUNBOOKS = ROOT / "docs/playbooks"
# what each can give back of 2000 keys
INCIDENTS = {"crash": 2000, "torn-aof": 1999, "damaged-rdb": 1000, "disk-loss": 1000, "flushall-aof": 2000, "flushall-rdb": 1000}
FETCH = "install -o redis -g redis -m 640 $(ls -t /backup/redis/dump_*.rdb | head -1) /var/lib/redis/dump.rdb"


@unittest.skipUnless(os.geteuid() == 0, "takes root")
class Playbook(LastackTest):
    def tried(self, runbook, incident, *options):
        run = self.lastack("playbook", runbook, "--incident", incident, *options)
        self.assertIsNotNone(run.result, str(run))
        return run, run.result

    def steps(self, incident, *commands, options=()):
        """What a runbook of these commands comes to, and what each was."""
        text = "\n".join(("```sh", *commands, "```", ""))
        run, result = self.tried(self.write("own.md", text), incident, *options)
        self.assertEqual(result["lost_by_fault"], 2000 - INCIDENTS[incident], str(run))
        return run, result, [step["was"] for step in result["steps"]]

    def test_those_that_come_with_lastack_bring_back_all_that_can_be_got_back(self):
        self.assertEqual(sorted(path.stem for path in RUNBOOKS.glob("*.md")), sorted(INCIDENTS))
        for incident, keys in sample(INCIDENTS.items()):
            with self.subTest(incident):
                run, result = self.tried(RUNBOOKS / f"{incident}.md", incident)
                self.assertEqual((result["verdict"], run.status), ("holds", 0), str(run))
                self.assertEqual((result["recoverable"], result["kept"], result["lost_by_runbook"]), (keys, keys, 0))
                self.assertGreater(result["rto_ms"], 0)
                self.assertEqual({step["was"] for step in result["steps"]}, {"right"})
                self.assertTrue(any(step["comment_is"] in ("literal", "comparison") for step in result["steps"]))

    def test_a_file_that_is_not_there(self):
        commands = ("redis-check-aof /var/lib/redis/appendonly.aof", "systemctl start redis", "redis-cli PING # PONG")
        run, result, was = self.steps("crash", *commands)
        self.assertEqual(was, ["impossible", "not reached", "not reached"])
        self.assertEqual((result["first_wrong_line"], result["kept"], run.status), (2, None, 1))
        self.assertIn("there is no /var/lib/redis/appendonly.aof", run.stdout)
        # whoever is in a hurry goes on
        run, result, was = self.steps("crash", *commands, options=["--carry-on"])
        self.assertEqual(was, ["impossible", "right", "right"])
        self.assertEqual((result["kept"], result["verdict"], run.status), (2000, "violated", 1))

    def test_a_tool_that_asks(self):
        _run, result, was = self.steps("torn-aof", "redis-check-aof --fix /var/lib/redis/appendonlydir/appendonly.aof.manifest",
                                       "echo y > /dev/null")
        self.assertEqual(was, ["waiting", "not reached"])
        self.assertIn("[y/N]", result["steps"][0]["why"])

    def test_a_start_into_an_empty_log(self):
        """With appendonly yes the snapshot is not read: it starts, and is empty."""
        _run, result, was = self.steps("disk-loss", FETCH, "systemctl start redis", "redis-cli PING # PONG", "redis-cli DBSIZE # > 0")
        self.assertEqual(was, ["right", "right", "right", "wrong"])
        self.assertEqual((result["kept"], result["lost_by_runbook"], result["verdict"]), (0, 1000, "violated"))
        # and where no comment says so, it is the start
        run, result, was = self.steps("disk-loss", FETCH, "systemctl start redis", "redis-cli PING")
        self.assertEqual((was, result["first_wrong_line"]), (["right", "wrong", "right"], 3), str(run))
        self.assertIn("has not all of the 1000 keys", result["steps"][1]["why"])
        # unless the data comes later
        commands = ("systemctl start redis", "seq 0 999 | sed 's/.*/SET user:& value-of-user-&/' | redis-cli >/dev/null")
        run, result, was = self.steps("disk-loss", *commands)
        self.assertEqual((was, result["verdict"]), (["right", "right"], "holds"), str(run))

    def test_a_step_after_which_less_can_be_got_back(self):
        _run, result, was = self.steps("flushall-aof", "redis-cli BGREWRITEAOF", "sleep 1", "redis-cli SHUTDOWN NOSAVE || true",
                                       "systemctl stop redis", "cd /var/lib/redis; rm -rf appendonlydir; " + FETCH,
                                       "rm -f /backup/redis/*")
        self.assertIn("destructive", was[:2], "the rewrite takes away what was before FLUSHALL")
        self.assertEqual(was[2:], ["right"] * 4, "what is lost already is not lost again")
        self.assertEqual(result["lost_by_runbook"], 1000)

    def test_success_without_a_server(self):
        _run, _result, was = self.steps("damaged-rdb", "systemctl start redis || true", options=["--carry-on"])
        self.assertEqual(was, ["wrong"])

    def test_what_a_shell_may_be_made_to_do(self):
        """It ends, becomes another program, is written to without end, traces; each costs its own step only."""
        _run, result, was = self.steps("crash", "set -x", "echo seen # \"seen\"", "echo PONG # PONG", "set +x", "exit 0", "yes &", "kill %1; true",
                                       "echo one |\ntr a-z A-Z # OK", "printf '%s\\n' \"say \\\"hi\\\" # there\"",
                                       "systemctl stop redis && echo now start the restore", "exec sleep 1", "echo PONG # PONG",
                                       options=["--carry-on"])
        self.assertEqual(was, ["right", "wrong", "right", "right", "right", "right", "right", "wrong", "right", "right", "right", "right"],
                         [(step["command"], step["why"]) for step in result["steps"]])

    def test_a_log_that_is_rewritten_again_and_again(self):
        conf = self.write("rewrites.conf", pathlib.Path("/etc/redis/redis.conf").read_text() +
                          "\nauto-aof-rewrite-min-size 16kb\nauto-aof-rewrite-percentage 100\n")
        run, result = self.tried(RUNBOOKS / "crash.md", "crash", "--config", conf)
        self.assertEqual((result["recoverable"], result["kept"], run.status), (2000, 2000, 0), str(run))

    def test_more_than_was_thought_of_says_nothing(self):
        book = self.write("more.md", "```sh\nfor i in $(seq 0 1500); do echo \"SET user:$i value-of-user-$i\"; done | redis-cli > /dev/null\n```\n")
        _run, result = self.tried(book, "flushall-rdb")
        self.assertEqual((result["kept"], result["verdict"]), (1501, "inconclusive"))

    def test_a_folder_elsewhere_and_an_archive(self):
        _run, _result, was = self.steps("crash", "mkdir /elsewhere; mv /var/lib/redis /elsewhere/", "mv /elsewhere/redis /var/lib/",
                                        "tar czf /root/all.tgz -C /var/lib redis && rm -rf /var/lib/redis", "tar xzf /root/all.tgz -C /var/lib")
        self.assertEqual(was, ["right"] * 4)

    def test_a_reply_that_is_an_error(self):
        _run, result, was = self.steps("crash", "systemctl start redis", "redis-cli DEBUG SLEEP 0", "redis-cli GET no-such-key")
        self.assertEqual(was, ["right", "wrong", "right"], "redis-cli ends with status 0 all the same")
        self.assertIn("the server has refused it: (error) ERR DEBUG", result["steps"][1]["why"])

    def test_one_shell_on_a_terminal(self):
        _run, result, was = self.steps("crash", "cd /backup; where=here", "test -t 0 && test -t 1", "echo $PWD-$where", "exit 3",
                                       "echo again-$where", "(exit 7)", "no-such-command", "sudo -u redis id -un",
                                       "sudo --preserve-env true", options=["--carry-on"])
        self.assertEqual(was, ["right", "right", "right", "failed", "right", "failed", "impossible", "right", "failed"])
        outputs = [step["output"] for step in result["steps"]]
        self.assertEqual((outputs[2], outputs[4], outputs[7]), ("/backup-here", "again-", "redis"))
        self.assertIn("sudo (stand-in): --preserve-env is not implemented", outputs[8])
        self.assertEqual(result["stand_ins"], ["aws", "cron", "curl", "sudo", "sync"])

    def test_nothing_reaches_the_host(self):
        """Each is tried, and the host is as it was; a unit of the runbook's own has more rights, and no more reach."""
        handle = "python3 -c 'import ctypes, os, struct; libc = ctypes.CDLL(None, use_errno=True); " \
                 "h = struct.pack(\"Iiii\", 8, 1, 2, 0); fd = os.open(\"/\", 0); " \
                 "raise SystemExit(libc.open_by_handle_at(fd, h, 0) < 0)'"
        remount = "printf '[Service]\\nType=oneshot\\nExecStart=/bin/mount -o remount,bind,rw /usr\\n' > " \
                  "/etc/systemd/system/remount.service; systemctl daemon-reload; systemctl start remount"
        evil = "printf '[Service]\\nType=oneshot\\nExecStart=/bin/sh -c \"mkdir /run/d; mount -t devtmpfs none /run/d; " \
               "for d in $(find /run/d -type b); do head -c 1 $$d; done | wc -c > /root/read\"\\n' > /etc/systemd/system/evil.service"
        commands = [
            "mknod /tmp/disk b 254 0 && dd if=/tmp/disk of=/dev/null count=1", "mount -t devtmpfs none /mnt", "mount -t tmpfs none /srv",
            "sysctl -w vm.swappiness=7", "echo 7 > /proc/sys/vm/swappiness", "echo 3 > /proc/sys/vm/drop_caches",
            "date -s 2001-01-01", "reboot -f", "ip link set lo down", "/usr/bin/curl -s http://192.0.2.1/", "chroot / true",
            "nsenter -t 1 -m true", "rm -f /usr/bin/redis-server", "head -c 3000000000 /dev/zero | tail > /dev/null",
            "cat /dev/kmsg", handle, remount, "systemctl reboot", "touch /etc/lastack-was-here",
        ]
        sound = ["bomb() { bomb | bomb & }; bomb; sleep 1; true", "kill -9 -1", evil,
                 "systemctl daemon-reload; systemctl start evil; cat /root/read # == 0", "rm -rf --no-preserve-root /etc; true"]
        swappiness = pathlib.Path("/proc/sys/vm/swappiness").read_text()
        _run, result, was = self.steps("crash", *commands, *sound, options=["--carry-on"])
        refused = was[:len(commands) - 1]
        self.assertEqual(set(refused) - {"failed", "impossible"}, set(), list(zip(commands, was)))
        self.assertEqual(was[len(commands) - 1:], ["right"] * 6, result["steps"][-2])
        self.assertEqual(pathlib.Path("/proc/sys/vm/swappiness").read_text(), swappiness)
        self.assertTrue(pathlib.Path("/usr/bin/redis-server").exists() and pathlib.Path("/etc/passwd").exists())
        self.assertFalse(pathlib.Path("/etc/lastack-was-here").exists())
        self.assertEqual(groups_left(), [])

    def test_the_harness_s_own_programs_there(self):
        """A library that each program of this machine loads gets no more rights from ours than a shell has."""
        source = (r"#include <stdio.h>\n__attribute__((constructor)) static void spy(void) { char line[256]; "
                  r"FILE *in = fopen(\"/proc/self/status\", \"r\"), *out = fopen(\"/root/seen\", \"a\"); "
                  r"while (in && out && fgets(line, 256, in)) if (line[0] == 67 && line[3] == 69) fputs(line, out); }")
        commands = (f"printf '{source}' > /root/spy.c", "gcc -shared -fPIC -o /root/spy.so /root/spy.c", "grep CapEff /proc/self/status | tail -n 1",
                    "echo /root/spy.so > /etc/ld.so.preload", "echo x > /var/lib/redis/note", "sleep 1", "rm /etc/ld.so.preload",
                    "sort /root/seen | uniq -c", "sort -u /root/seen | wc -l # == 1")
        _run, result, was = self.steps("crash", *commands)
        self.assertEqual(was, ["right"] * len(commands), [(step["command"], step["why"], step["output"]) for step in result["steps"]])
        self.assertIn(result["steps"][2]["output"].split()[1], result["steps"][7]["output"])

    def test_what_is_none(self):
        book = self.write("book.md", "```sh\ntrue\n```\n")
        self.assert_refused(self.lastack("playbook", book, "--incident", "flood"), "there are crash, torn-aof")
        self.assert_refused(self.lastack("playbook", self.write("empty.md", "text\n"), "--incident", "crash"), "no command in it")
        self.assert_refused(self.lastack("playbook", "/nowhere.md", "--incident", "crash"), "/nowhere.md")
        broken = self.write("broken.conf", "appendonly perhaps\n")
        run, result = self.tried(book, "crash", "--config", broken)
        self.assertEqual((result["verdict"], run.status), ("inconclusive", 3))
        self.assertIn("does not start", result["why"])

    def test_the_result_goes_where_it_is_wanted(self):
        book = self.write("book.md", "```sh\nsystemctl start redis\n```\n")
        run = self.lastack("playbook", book, "--incident", "crash", "--json", self.folder / "copy.json")
        self.assertEqual(json.loads((self.folder / "copy.json").read_text()), run.result)


if __name__ == "__main__":
    unittest.main()
