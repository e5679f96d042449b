#!/usr/bin/python3
"""Drills, held with a scripted person on a terminal: a good one, one who makes it worse, and whatever ends one."""
import os
import re
import signal
import termios
import unittest

import pexpect

from support import LASTACK, ROOT, LastackTest, Run, groups_left

PROMPT = r"root@lastack:\S+# "
FENCED = re.compile(r"```sh\n(.*?)```", re.S)


def commands_of(incident):
    """Of the runbook that comes with lastack, a line each."""
    text = (ROOT / f"docs/playbooks/{incident}.md").read_text()
    return [line.split(" # ")[0] for block in FENCED.findall(text) for line in block.splitlines() if line]


class Person:
    """A lastack drill on a terminal of the test's own."""

    def __init__(self, folder, incident, *options):
        self.out = folder / "out"
        self.child = pexpect.spawn(LASTACK, ["drill", incident, "--out", str(self.out), *map(str, options)],
                                   encoding="utf-8", timeout=120, dimensions=(30, 200))
        self.before = termios.tcgetattr(self.child.child_fd)
        self.seen = ""

    def until(self, pattern):
        self.child.expect(pattern)
        self.seen += self.child.before + (self.child.after if isinstance(self.child.after, str) else "")
        return self.child.before

    def arrive(self):
        return self.until(PROMPT)

    def type(self, *lines):
        for line in lines:
            self.child.sendline(line)
            said = self.until(PROMPT)
        return said

    def end(self):
        """What is printed when it is over, and the result."""
        said = self.until(pexpect.EOF)
        after = termios.tcgetattr(self.child.child_fd) if self.child.isalive() else None
        self.child.close()
        done = type("Done", (), {"returncode": self.child.exitstatus, "stdout": said, "stderr": ""})
        assert after in (None, self.before), "the terminal is not as it was"
        return Run(done, self.out)

    def exit(self):
        self.child.sendline("exit")
        return self.end()


@unittest.skipUnless(os.geteuid() == 0, "takes root")
class Drill(LastackTest):
    def tearDown(self):
        self.assertEqual(groups_left(), [])
        super().tearDown()

    def test_one_who_follows_the_runbook(self):
        person = Person(self.folder, "flushall-aof", "--seed", 5)
        page = person.arrive()
        self.assertRegex(page, r"PAGE \d\d:\d\d:\d\d  the application finds no data in redis")
        self.assertNotIn("FLUSHALL", page, "what has happened is for the person to find out")
        *first, last = commands_of("flushall-aof")
        person.type(*first, last + "   # as it is written")
        run = person.exit()
        result = run.result
        self.assertEqual((run.status, result["verdict"], result["seed"]), (0, "holds", 5), str(run))
        self.assertEqual((result["recoverable"], result["kept"], result["lost_by_fault"], result["lost_by_operator"]), (2000, 2000, 0, 0))
        self.assertTrue(all(step["typed"] for step in result["runbook"]["steps"]), str(run))
        self.assertNotIn("destructive", {command["was"] for command in result["commands"]})
        self.assertTrue(0 < result["detected_ms"] < result["mitigated_ms"] <= result["resolved_ms"] <= result["ms"], result)
        self.assertTrue(0 < result["down_ms"] < result["ms"], "it was stopped, and started")
        self.assertEqual((result["hints"], result["counted_ms"]), (0, result["resolved_ms"]))
        self.assertIn("it was 'flushall-aof'", run.stdout)
        self.assertIn("lost by the fault 0, lost by you 0", run.stdout)

    def test_one_who_makes_it_worse(self):
        person = Person(self.folder, "crash")
        person.arrive()
        person.type("rm -rf /var/lib/redis/*", "systemctl start redis", "redis-cli ping")
        run = person.exit()
        result = run.result
        self.assertEqual((run.status, result["verdict"]), (1, "violated"), str(run))
        # half of it is in the backup still, and the server does not have it
        self.assertEqual((result["kept"], result["lost_by_fault"], result["lost_by_operator"]), (0, 0, 2000))
        self.assertEqual([(command["was"], command["recoverable"]) for command in result["commands"]],
                         [("destructive", 1000), ("right", 1000), ("right", 1000)])
        self.assertIsNone(result["resolved_ms"])
        self.assertRegex(run.stdout, r"destructive +1000 +no +rm -rf /var/lib/redis/\*")

    def test_data_that_is_gone_again_is_not_resolved(self):
        person = Person(self.folder, "crash")
        person.arrive()
        person.type("systemctl start redis", "sleep 1", "redis-cli FLUSHALL")
        run = person.exit()
        self.assertEqual((run.status, run.result["kept"]), (1, 0), str(run))
        self.assertIsNotNone(run.result["mitigated_ms"])
        self.assertIsNone(run.result["resolved_ms"])

    def test_interrupts_hints_and_passwords(self):
        conf = self.write("own.conf", "dir /var/lib/redis\nrequirepass \"s3cret of ours\"\n")
        person = Person(self.folder, "torn-aof", "--config", conf)
        person.arrive()
        person.child.sendline("sh -c 'echo started; exec sleep 1000'")
        person.until("started\r\n")
        person.child.sendcontrol("c")
        person.arrive()
        first = person.type("hint")
        self.assertIn("1 of ", first)
        self.assertIn(commands_of("torn-aof")[0], first)
        self.assertIn("2 of ", person.type("hint"))
        person.type("redis-cli -a typed-one ping", "redis-cli --pass 'typed-two' ping; true", "echo typed-one again",
                    "REDISCLI_AUTH=typed-three redis-cli ping; grep requirepass /etc/redis/redis.conf", "echo left # alone")
        run = person.exit()
        self.assertIn(130, [command["status"] for command in run.result["commands"]])
        self.assertEqual((run.result["hints"], run.result["hint_price_ms"]), (2, 60000))
        self.assertIsNone(run.result["counted_ms"], "nothing was resolved")
        for file in (self.folder / "out/result.json", self.folder / "out/transcript"):
            content = file.read_text()
            for secret in ("s3cret of ours", "typed-one", "typed-two", "typed-three"):
                self.assertNotIn(secret, content, file)
            self.assertIn("echo left # alone", content)

    def test_the_time_and_a_signal_end_it(self):
        for options, ends in ((("--time", "12s"), None), ((), signal.SIGTERM), ((), signal.SIGHUP)):
            with self.subTest(str(ends)):
                folder = self.folder / f"ends-{ends}"
                folder.mkdir()
                person = Person(folder, "crash", *options)
                person.arrive()
                person.child.sendline("echo started; systemctl start redis; sleep 1000 & sleep 1000")
                person.until("started\r\n")
                if ends:
                    person.child.kill(ends)
                run = person.end()
                self.assertIsNotNone(run.result, str(run))
                self.assertEqual(run.result["ended_by"], "it was interrupted" if ends else "the time is up")
                self.assertEqual(groups_left(), [])

    def test_a_shell_without_its_beginnings(self):
        """What is not told is not known; the drill goes on, and its end is seen."""
        person = Person(self.folder, "crash")
        person.arrive()
        person.child.sendline("unset PROMPT_COMMAND PS0; PS1='> '; exec 3<&- 4>&-; systemctl start redis; echo done it")
        person.until("done it\r\n")
        run = person.exit()
        self.assertEqual((run.status, run.result["kept"]), (0, 2000), str(run))

    def test_what_a_person_may_do_to_the_harness(self):
        """Each costs nobody anything but the person's own time; commands are known that no history has."""
        person = Person(self.folder, "crash")
        person.arrive()
        person.type("true " + "a" * 10000, "history -c; rm -f /var/lib/redis/none", "set +o history", "echo unlisted", "",
                    "timeout 1 cat /dev/zero >&4; true", "printf 'e 0 0 99 rm -rf by nobody\\0' >&4", "mkdir /run/lastack/hint",
                    "rmdir /run/lastack/hint; mkfifo /run/lastack/undone", "rm /run/lastack/undone; systemctl start redis")
        run = person.exit()
        result = run.result
        self.assertEqual((run.status, result["kept"], result["hints"]), (0, 2000, 0), str(run))
        self.assertEqual({command["was"] for command in result["commands"]}, {"right"}, result["commands"])
        self.assertEqual([command["command"] for command in result["commands"]].count("(not in the shell's history)"), 6)

    def test_a_command_that_reads_nothing(self):
        """What is typed ahead waits, and the time goes on."""
        person = Person(self.folder, "crash", "--time", "12s")
        person.arrive()
        person.child.sendline("sh -c 'echo started; exec sleep 1000'")
        person.until("started\r\n")
        person.child.setecho(False)
        for _ in range(80):  # more than its terminal takes, less than that and ours
            person.child.sendline("x" * 90)
        self.assertEqual(person.end().result["ended_by"], "the time is up")

    def test_an_end_in_the_midst_of_a_look(self):
        person = Person(self.folder, "crash")
        person.arrive()
        person.child.sendline("echo x > /var/lib/redis/note; echo 'redis' > /var/lib/redis/other; printf done%s it")
        person.until("doneit")
        person.child.kill(signal.SIGTERM)
        run = person.end()
        self.assertEqual((run.result["recoverable"], run.result["lost_by_operator"]), (2000, 0), str(run))
        self.assertNotIn("destructive", {command["was"] for command in run.result["commands"]})

    def test_a_server_that_is_started_at_the_very_end(self):
        person = Person(self.folder, "crash")
        person.arrive()
        person.type("systemctl start --no-block redis")
        run = person.exit()
        self.assertEqual((run.status, run.result["kept"], run.result["in_files"]), (0, 2000, 2000), str(run))
        self.assertIsNotNone(run.result["resolved_ms"])
        self.assertGreater(run.result["down_ms"], 0)

    def test_one_that_the_seed_draws(self):
        drawn = set()
        for seed in (1, 1, 2):
            folder = self.folder / f"{len(os.listdir(self.folder))}"
            folder.mkdir()
            person = Person(folder, "any", "--seed", seed)
            person.arrive()
            drawn.add((seed, person.exit().result["incident"]))
        self.assertEqual(len(drawn), 2, drawn)

    def test_what_is_none(self):
        self.assert_refused(self.lastack("drill", "crash"), "takes a terminal")
        self.assert_refused(self.lastack("drill", "flood"), "there are any, crash, torn-aof")
        self.assertEqual(self.lastack("drill", out=False).status, 2)


if __name__ == "__main__":
    unittest.main()
