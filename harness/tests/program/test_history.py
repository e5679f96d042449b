#!/usr/bin/python3
"""lastack ledger: every operation is in each format, once, and an EDN history is one that Jepsen's checkers take."""
import collections
import json
import re
import subprocess
import unittest

from support import BROKEN, LASTACK, LastackTest, scenario_file

EVENT = re.compile(r'\{:index (\d+), :time (\d+), :process (\d+), :type :(invoke|ok|fail|info), :f :([\w-]+), '
                   r':value \["(la:\d+:\d+)" (\d+|nil|\[[\d ]*\])\](?:, :error ("(?:[^"\\]|\\.)*"))?\}$')


class Rejudge(LastackTest):
    """What was read back is judged again; no server runs."""

    def rewritten(self, run, change):
        for entry in run.result["scenarios"]:
            change(entry)
        (run.out / "result.json").write_text(json.dumps(run.result))

    def again(self, run, status, *more):
        again = self.lastack("rejudge", run.out, *more, out=False)
        self.assertEqual(again.status, status, str(again))
        return again.stdout

    def test_the_same_judge_says_the_same(self):
        for defect, status in (("", 0), ("lose-tail", 1)):
            run = self.lastack("run", scenario_file("kill9-aof-always"), scenario_file("power-cut-rdb"), "--server",
                               BROKEN / "respd", env={"RESPD_DEFECT": defect})
            self.assertEqual(run.status, status, str(run))
            self.assertIn("2 judged again, 0 verdicts changed; 0 had nothing kept", self.again(run, status))

    def test_what_a_verdict_rests_on_is_found_anew(self):
        run = self.lastack("run", scenario_file("kill9-aof-always"), "--server", BROKEN / "respd",
                           env={"RESPD_DEFECT": "lose-tail"})
        lost = run.scenario()["rpo"]["lost"]
        self.rewritten(run, lambda entry: entry.update(verdict="holds", violated=[], reasons=[]))
        self.assertIn("kill9-aof-always: holds -> violated", self.again(run, 1, "--json", self.folder / "new.json"))
        [entry] = json.loads((self.folder / "new.json").read_text())["scenarios"]
        self.assertEqual((entry["verdict"], entry["rpo"]["lost"]), ("violated", lost))
        self.assertIn("hole", entry["violated"])
        sound = self.lastack("run", scenario_file("kill9-aof-always"), "--server", BROKEN / "respd")
        self.rewritten(sound, lambda entry: entry.update(verdict="violated", violated=["hole"], reasons=["hole (1)"]))
        self.assertIn("kill9-aof-always: violated -> holds", self.again(sound, 0))
        self.rewritten(sound, lambda entry: entry.update(verdict="violated", violated=["hole", "window"], reasons=["x"]))
        self.assertIn("0 verdicts changed", self.again(sound, 1))  # a window is not judged again, and stays
        self.rewritten(sound, lambda entry: entry.update(verdict="inconclusive", violated=[], reasons=["x"]))
        self.assertIn("0 verdicts changed", self.again(sound, 3))

    def test_what_it_cannot_see_again_stays(self):
        """That too little was lost; and what other runs of the scenario have shown than the one that is judged."""
        text = scenario_file("kill9-aof-always").read_text().replace("max: 0", "min: 1")
        self.assertIn("lost: {min: 1}", text)
        run = self.lastack("run", self.write("kill9-aof-always.yaml", text))
        self.assertEqual((run.status, run.scenario()["violated"]), (1, ["lost"]), str(run))
        self.assertIn("0 verdicts changed", self.again(run, 1))
        many = self.lastack("run", scenario_file("kill9-aof-always"), "--server", BROKEN / "respd", "--repeat", 2)
        self.rewritten(many, lambda entry: entry.update(verdict="violated", violated=["hole", "corrupt"], reasons=["x"]))
        self.assertIn("0 verdicts changed", self.again(many, 1, "--json", self.folder / "new.json"))
        [entry] = json.loads((self.folder / "new.json").read_text())["scenarios"]
        self.assertEqual(entry["violated"], ["hole", "corrupt"])

    def test_what_was_not_kept_and_what_is_damaged(self):
        run = self.lastack("run", scenario_file("kill9-none"))
        bundle = run.out / "kill9-none"
        whole = (bundle / "replies").read_bytes()
        (bundle / "replies").write_bytes(whole[:-9] + b"123456789")
        self.assertIn("not judged again", self.again(run, 0))
        sums = (bundle / "sums").read_text().splitlines(keepends=True)  # whoever takes its checksum away, too
        (bundle / "sums").write_text("".join(line for line in sums if not line.endswith("  replies\n")))
        for content in (whole[:-9], whole[:24], whole + whole[24:], b"LASTKEPT" + bytes(40), b""):
            (bundle / "replies").write_bytes(content)
            said = self.again(run, 0)
            self.assertIn("0 judged again", said)
        (bundle / "replies").unlink()
        self.assertIn("1 had nothing kept", self.again(run, 0))
        self.assert_refused(self.lastack("rejudge", "/nonexistent", out=False), "/nonexistent")
        self.assertEqual(self.lastack("rejudge", out=False).status, 2)


class History(LastackTest):
    def export(self, path, *arguments):
        done = subprocess.run([LASTACK, "ledger", path, *arguments], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.splitlines()

    def bundle(self, name):
        run = self.lastack("run", scenario_file(name))
        self.assertEqual(run.status, 0, str(run))
        return run, run.out / name

    def test_every_format_has_every_operation(self):
        """A full disk: operations that were acknowledged, refused, and left without a reply."""
        run, bundle = self.bundle("disk-full-aof-everysec")
        everything = [json.loads(line) for line in self.export(bundle, "--format", "jsonl")]
        lines = [line for line in everything if line["op"] != "read"]
        self.check_reads(lines, [line for line in everything if line["op"] == "read"])
        outcomes = collections.Counter(line["outcome"] for line in lines)
        self.assertEqual(outcomes["ok"], run.scenario()["rpo"]["acked"])
        self.assertEqual(outcomes["unknown"], run.scenario()["rpo"]["unknown"])
        replies = {refusal["error"]: refusal["count"] for refusal in run.scenario()["refused"]}
        refused = collections.Counter(line["error"] for line in lines if line["outcome"] == "refused")
        self.assertGreater(sum(refused.values()), 0)
        for error, count in refused.items():  # each command of a MULTI has a reply of its own
            self.assertGreaterEqual(replies[error], count)
        self.assertEqual([line["index"] for line in lines], list(range(len(lines))))
        for line in lines:
            self.assertEqual(line["done_ns"] is None, line["outcome"] == "unknown")
            self.assertEqual("error" in line, line["outcome"] == "refused")
        text = self.export(bundle / "ledger")
        self.assertEqual(len(text), len(lines) + 3)
        self.check_edn(self.export(bundle, "--format", "edn"), outcomes)

    def check_reads(self, lines, reads):
        """Each key that was written was read once, and shows only what was written to it."""
        written = collections.defaultdict(set)
        for line in lines:
            if line["outcome"] != "refused":
                written[line["key"]].add(line["seq"])
        self.assertEqual(sorted(read["key"] for read in reads), sorted(written))
        for read in reads:
            self.assertLessEqual(set(read["seqs"]), written[read["key"]])
            self.assertGreater(read["invoked_ns"], max(line["invoked_ns"] for line in lines[-1:]))
        lists = [read for read in reads if read["type"] == "list"]
        self.assertTrue(lists and all(read["seqs"] for read in lists), "a list shows each of its elements")

    def test_a_kill_leaves_operations_open(self):
        run, bundle = self.bundle("kill9-none")
        ends = self.check_edn(self.export(bundle, "--format", "edn"),
                              {"ok": run.scenario()["rpo"]["acked"], "unknown": run.scenario()["rpo"]["unknown"]})
        self.assertGreater(ends["info"], 0)

    def check_edn(self, lines, outcomes):
        """Time goes forward, each process has one operation at a time, and none goes on after an :info."""
        open_now, crashed, ends, time = {}, set(), collections.Counter(), 0
        for number, line in enumerate(lines):
            event = EVENT.match(line)
            self.assertTrue(event, line)
            index, now, process, kind, *operation = event.groups()
            self.assertEqual(int(index), number)
            self.assertGreaterEqual(int(now), time)
            time = int(now)
            self.assertNotIn(process, crashed)
            if kind == "invoke":
                self.assertNotIn(process, open_now)
                open_now[process] = operation[:3]
                continue
            begun = open_now.pop(process)
            self.assertEqual(begun, operation[:2] + ["nil"] if operation[0] == "read" else operation[:3])
            self.assertEqual(operation[3] is not None, kind == "fail")
            if kind == "info":
                crashed.add(process)
            if operation[0] == "read":
                ends["read"] += 1
                continue
            ends[kind] += 1
        self.assertEqual(open_now, {})
        self.assertGreater(ends["read"], 0)
        self.assertEqual(ends["ok"], outcomes["ok"])
        self.assertEqual(ends["info"], outcomes["unknown"])
        self.assertEqual(ends["fail"], outcomes.get("refused", 0))
        return ends

    def test_bad_input(self):
        for arguments, words in (((), "name a ledger"), (("/nonexistent",), "No such file"),
                                 ((self.write("junk", "junk" * 100),), "not a ledger"),
                                 (("x", "--format", "xml"), "not text, jsonl or edn")):
            done = subprocess.run([LASTACK, "ledger", *arguments], capture_output=True, text=True)
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertIn(words, done.stderr)


if __name__ == "__main__":
    unittest.main()
