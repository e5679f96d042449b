#!/usr/bin/python3
"""lastack ledger: every operation is in each format, once, and an EDN history is one that Jepsen's checkers take."""
import collections
import json
import re
import subprocess
import unittest

from support import LASTACK, LastackTest, scenario_file

EVENT = re.compile(r'\{:index (\d+), :time (\d+), :process (\d+), :type :(invoke|ok|fail|info), :f :([\w-]+), '
                   r':value \["(la:\d+:\d+)" (\d+|nil|\[[\d ]*\])\](?:, :error ("(?:[^"\\]|\\.)*"))?\}$')


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
