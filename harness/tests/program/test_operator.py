#!/usr/bin/python3
"""What is done to a node that is down, and to one that refuses to start: files, tools, settings, signals."""
import unittest

from support import LastackTest

AOF = "appendonly yes\nappendfsync always\nsave \"\""
RDB = "appendonly no\nsave 3600 1"
INCR = "@aof"
CRASH = ["load: {acked: 500}", "kill: {scope: group}"]
ANSWERED = [CRASH[0], "stop_load: {}", CRASH[1]]  # a kill within a write may tear it
BACK = ["recover: {}", "verify: {}"]


def scenario(steps, expect, settings=AOF, more=""):
    lines = "".join(f"  {line}\n" for line in settings.splitlines())
    return (f"name: operator\ntitle: an operator\n{more}settings: |\n{lines}load: {{min_acked: 1}}\nsteps:\n"
            + "".join(f"  - {step}\n" for step in steps) + "expect:\n" + "".join(f"  - {one}\n" for one in expect))


class Operator(LastackTest):
    runs = 0

    def judge(self, *args, **more):
        Operator.runs += 1
        run = self.lastack("run", self.write(f"operator{Operator.runs}.yaml", scenario(*args, **more)))
        self.assertIsNotNone(run.result, str(run))
        return run.scenario()["verdict"], run

    def expect(self, verdict, *args, **more):
        got, run = self.judge(*args, **more)
        self.assertEqual(got, verdict, str(args) + "\n" + str(run))
        return run

    def test_a_padded_file_is_refused_mended_and_loaded(self):
        pad = f"append: {{file: \"{INCR}\", zeros: 4096}}"
        mend = f"tool: {{run: redis-check-aof --fix @FILE, file: \"{INCR}\", input: \"y\\n\", says: Successfully truncated}}"
        strict = AOF + "\naof-load-truncated no"
        expect = ["start: {refused: true}", "lost: {max: 0}"]
        self.expect("holds", ANSWERED + [pad, "recover: {}", mend] + BACK, expect, strict)
        # nothing was done about it: it refuses again, which nobody expects
        run = self.expect("violated", ANSWERED + [pad, "recover: {}"] + BACK, expect, strict)
        self.assertIn("does not start, although", run.scenario()["reasons"][0])
        # nobody said that it may refuse
        run = self.expect("violated", ANSWERED + [pad, "recover: {}", mend] + BACK, ["lost: {max: 0}"], strict)
        self.assertIn("refuses to start", run.scenario()["reasons"][0])
        # it was to refuse, and there was no reason to
        self.expect("violated", ANSWERED + ["recover: {}"], ["start: {refused: true}"], strict)

    def test_zeros_that_a_file_system_left_are_repaired_on_the_way(self):
        mend = ["recover: {repair: true}", "verify: {}"]
        pad = f"append: {{file: \"{INCR}\", zeros: 900}}"
        run = self.expect("holds", ANSWERED + [pad] + mend, ["lost: {max: 0}"])
        self.assertRegex(run.scenario()["repairs"][0], r"does not start by itself: .* ends in 900 bytes of zeros.* 900 bytes")
        self.assertRegex(" ".join(run.stdout.split()), "does not start by itself")
        replayed = self.lastack("replay", run.out / run.scenario()["bundle"])
        self.assertEqual(replayed.status, 0, str(replayed))
        # without leave it stands, with the server's own words
        run = self.expect("violated", ANSWERED + [pad] + BACK, ["lost: {max: 0}"])
        self.assertRegex(run.scenario()["reasons"][0], "refuses to start .*: .*[Ff]ormat")
        # nothing but zeros is a file system's doing; a kill within a write may leave a torn command, which garbage goes on with
        for end in ("text: garbage", "zeros: 900, text: \"*1\""):
            junk = f"append: {{file: \"{INCR}\", {end}}}"
            expected = "holds" if "zeros" in end else "violated"
            self.assertEqual(self.judge(ANSWERED + [junk] + mend, ["lost: {max: 0}"])[0], expected, end)
        # what is cut off with them is lost all the same: nothing was under way, so it was acknowledged. More zeros than
        # any value has bytes: else they end a value that was cut, and the server takes it for a torn tail
        many = f"append: {{file: \"{INCR}\", zeros: 4000}}"
        run = self.expect("violated", ANSWERED + [f"truncate: {{file: \"{INCR}\", drop: 20000}}", many] + mend,
                          ["lost: {max: 0}"])
        self.assertEqual(len(run.scenario()["repairs"]), 1)
        # a server that starts is not touched
        run = self.expect("holds", ANSWERED + mend, ["lost: {max: 0}"])
        self.assertEqual(run.scenario()["repairs"], [])

    def test_the_last_bytes_are_zeros(self):
        """A hole in the middle of what was acknowledged: whatever the server does, that is lost."""
        run = self.expect("violated", CRASH + [f"zero: {{file: \"{INCR}\", offset: 4000, bytes: 500}}"] + BACK,
                          ["lost: {max: 0}"])
        self.assertTrue(run.kinds() & {"refuses to start", "lost", "corrupt", "hole"}, str(run))
        run = self.expect("inconclusive", CRASH + [f"zero: {{file: \"{INCR}\", offset: 900000000, bytes: 1}}"] + BACK,
                          ["lost: {max: 0}"])
        self.assertIn("too small", run.scenario()["reasons"][0])

    def test_a_lost_volume(self):
        self.expect("holds", CRASH + ["remove: {file: \"*\"}"] + BACK, ["lost: {all: true}"])
        self.expect("violated", CRASH + ["remove: {file: \"*\"}"] + BACK, ["lost: {max: 0}"])
        run = self.expect("inconclusive", CRASH + ["remove: {file: nothing}"] + BACK, ["lost: {max: 0}"])
        self.assertIn("'nothing' is no file of primary", run.scenario()["reasons"][0])

    def test_a_stale_backup(self):
        steps = ["load: {acked: 500}", "mark: {}", "backup: {}", "load: {acked: 3000}", "kill: {scope: group}"]
        self.expect("holds", steps + ["restore: {}"] + BACK, ["lost: {min: 1, before_mark: 0}"])
        self.expect("holds", steps + BACK, ["lost: {max: 0}"])

    def test_an_aof_that_is_switched_on_by_editing_has_none_of_the_snapshot(self):
        steps = ["load: {acked: 500}", "stop_load: {}", "command: {send: SAVE}", "kill: {scope: group}"]
        switch = "configure: {settings: appendonly yes}"
        self.expect("holds", steps + BACK, ["lost: {max: 0}"], RDB)
        self.expect("holds", steps + [switch] + BACK, ["lost: {all: true}"], RDB)
        self.expect("violated", steps + [switch] + BACK, ["lost: {max: 0}"], RDB)

    def test_another_program_is_started(self):
        other = self.write("other", "#!/bin/sh\nexec redis-server \"$@\"\n")
        other.chmod(0o755)
        self.expect("holds", CRASH + [f"configure: {{server: {other}}}"] + BACK, ["lost: {max: 0}"])
        liar = self.write("liar", "#!/bin/sh\necho no such luck; exit 3\n")
        liar.chmod(0o755)
        self.expect("holds", CRASH + [f"configure: {{server: {liar}}}", "recover: {}",
                                      "configure: {server: redis-server}"] + BACK,
                    ["start: {refused: true, log: no such luck}", "lost: {max: 0}"])

    def test_a_start_without_the_library_is_found_out(self):
        """The first start has it: what is armed afterwards could not fire in the second."""
        bare = self.write("bare", "#!/bin/sh\nunset LD_PRELOAD\nexec redis-server \"$@\"\n")
        bare.chmod(0o755)
        arm = "arm: {rule: \"op=write file=aof do=error:EIO\"}"
        for steps in ([], [arm], ["disarm: {}"]):
            run = self.expect("inconclusive", CRASH + [f"configure: {{server: {bare}}}"] + steps + BACK, ["lost: {max: 0}"])
            self.assertIn("primary has not loaded libfaultinject.so", run.scenario()["reasons"][0])

    def test_a_tool_that_fails(self):
        run = self.expect("violated", CRASH + ["tool: {run: \"false\"}"] + BACK, ["lost: {max: 0}"])
        self.assertIn("false: expected to end with status 0, ended with 1", run.scenario()["reasons"][0])
        self.expect("holds", CRASH + ["tool: {run: \"false\", status: 1}"] + BACK, ["lost: {max: 0}"])
        run = self.expect("violated", CRASH + ["tool: {run: echo no, says: yes}"] + BACK, ["lost: {max: 0}"])
        self.assertIn("expected it to say 'yes': no", run.scenario()["reasons"][0])
        run = self.expect("inconclusive", CRASH + ["tool: {run: no-such-tool}"] + BACK, ["lost: {max: 0}"])
        self.assertIn("no-such-tool", run.scenario()["reasons"][0])

    def test_only_a_node_that_is_down_is_touched(self):
        for step in (f"truncate: {{file: \"{INCR}\", drop: 1}}", "remove: {file: \"*\"}", "tool: {run: \"true\"}",
                     "configure: {settings: appendonly no}", f"append: {{file: \"{INCR}\", text: x}}"):
            run = self.expect("inconclusive", ["load: {acked: 500}", step, "verify: {}"], ["lost: {max: 0}"])
            self.assertIn("primary is running", run.scenario()["reasons"][0])

    def test_parts_are_found_whatever_they_are_called(self):
        named = AOF + "\nappenddirname \"the logs\"\nappendfilename \"my [log].txt\"\ndbfilename all.bin"
        torn = ["arm: {rule: \"op=write file=aof nth=5 do=torn:7\"}", "load: {acked: 100}", "wait: {for: exit}"]
        self.expect("holds", torn + BACK, ["exit: {how: killed}", "lost: {max: 0}"], named)
        for part, count in (("aof", 1), ("aof-all", 3), ("aof-base", 1), ("manifest", 1), ("rdb", 1), ("rdb-temp", 0), ("rewrite-temp", 0)):
            steps = ["load: {acked: 100}", "command: {send: SAVE}", "kill: {scope: group}"]
            for most, verdict in ((count, "holds"), (count + 1, "violated")):
                self.expect(verdict, steps + BACK, [f"files: {{match: \"@{part}\", min: {most}, max: {most}}}"],
                            named + "\naof-use-rdb-preamble yes")
        run = self.expect("inconclusive", CRASH + ["remove: {file: \"@rewrite-temp\"}"] + BACK, ["lost: {max: 0}"], named)
        self.assertIn("'@rewrite-temp' is no file of primary", run.scenario()["reasons"][0])

    def test_what_cannot_be_meant_is_refused(self):
        crash = "load: {acked: 1}"
        for steps, words, more in (
                ([crash, "append: {file: x}"], "zeros or text", ""),
                ([crash, "restore: {}"], "needs a step 'backup'", ""),
                ([crash, "configure: {}"], "settings or server", ""),
                ([crash, "configure: {settings: port 1}"], "harness's own", ""),
                ([crash, "tool: {run: \"a 'b\"}"], "quotes closed", ""),
                ([crash, "tool: {run: check @FILE}"], "go together", ""),
                ([crash, "remove: {file: ../x}"], "without ..", ""),
                ([crash, "remove: {file: x}", "power_cut: {}"], "a simulated power cut", "power_cut: {}\n"),
                ([crash, "kill: {scope: group, signal: WINCH}"], "WINCH", "")):
            run = self.lastack("run", self.write("bad.yaml", scenario(steps + BACK, ["lost: {max: 0}"], more=more)))
            self.assertEqual(run.status, 2, str(run))
            self.assertIn(words, run.stderr)

    def test_a_volume_that_comes_back_read_only(self):
        deny = "arm: {rule: \"op=any-write,namespace do=error:EROFS\"}"
        self.expect("holds", ["load: {acked: 1000}", "kill: {scope: group}", deny, "recover: {timeout_ms: 3000}",
                              "disarm: {}"] + BACK,
                    ["start: {refused: true, log: Read-only file system}", "lost: {max: 0}"])

    def test_starts_that_failed_belong_to_the_downtime(self):
        """Three starts of the policy, two of which fail: no less than three of its delays."""
        node = "nodes: [{name: primary, restart: always, restart_delay_ms: 300, restart_limit: 20}]\n"
        fails = [f"arm: {{rule: \"op=open file=aof nth={nth} do=error:EACCES\"}}" for nth in (1, 2)]
        run = self.expect("holds", ["load: {acked: 500}", *fails, "kill: {scope: group}"] + BACK,
                          ["restarts: {min: 3, max: 3}", "lost: {max: 0}"], more=node)
        self.assertGreaterEqual(run.scenario()["rto"]["ready_ms"], 900, str(run))
        # each of two crashes that were recovered from counts for itself
        crash = ["kill: {scope: group}", "wait: {for: ready}", "sleep: {ms: 1500}"]
        run = self.expect("holds", ["load: {acked: 500}"] + crash + ["kill: {scope: group}"] + BACK, ["lost: {max: 0}"],
                          more=node)
        events = run.scenario()["timeline"]
        killed = [event["t_ms"] for event in events if event["event"].startswith("SIGKILL")]
        serves = [event["t_ms"] for event in events if event["event"] == "serves"]
        self.assertEqual(len(killed), 2, events)
        self.assertLess(run.scenario()["rto"]["ready_ms"], serves[-1] - killed[0] - 1500, str(run))

    def test_a_node_that_is_asked_to_end(self):
        for name in ("TERM", "INT"):
            ask = ["load: {acked: 500}", f"kill: {{scope: process, signal: {name}}}"] + BACK
            self.expect("holds", ask, ["lost: {max: 0}", "exit: {how: stopped}"], RDB)
            self.expect("holds", ask, ["lost: {all: true}"], "appendonly no\nsave \"\"")
        self.expect("holds", ["load: {acked: 500}", "kill: {scope: process, signal: SEGV}"] + BACK, ["lost: {max: 0}"])

    def test_a_node_that_stands_still(self):
        stop = ["load: {acked: 500}", "kill: {scope: group, signal: STOP}", "sleep: {ms: 300}"]
        self.expect("holds", stop + ["kill: {scope: group, signal: CONT}", "load: {acked: 500}", "kill: {scope: group}"] + BACK,
                    ["lost: {max: 0}"])
        self.expect("holds", stop + ["kill: {scope: group}"] + BACK, ["lost: {max: 0}"])


if __name__ == "__main__":
    unittest.main()
