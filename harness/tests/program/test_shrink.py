#!/usr/bin/python3
"""lastack shrink: the smallest case that shows the same."""
import json
import os
import pathlib
import subprocess
import sys
import unittest

import yaml

from support import BROKEN, LASTACK, ROOT, LastackTest

sys.path.insert(0, str(ROOT / "campaigns"))

import delta  # noqa: E402
import smaller  # noqa: E402
import state  # noqa: E402


class Delta(unittest.TestCase):
    def test_the_smallest_part(self):
        for wanted in ([], [3], [0, 7], [2, 3, 5], list(range(8))):
            tried = []

            def shows(some, wanted=wanted, tried=tried):
                tried.append(tuple(some))
                return set(wanted) <= set(some)
            self.assertEqual(delta.smallest(range(8), shows), wanted)

    def test_the_least_number(self):
        for wanted in (1, 2, 37, 100):
            self.assertEqual(delta.least(100, 1, lambda number, wanted=wanted: number >= wanted), wanted)


class Log(unittest.TestCase):
    def test_commands_and_what_is_none(self):
        one, two = b"*1\r\n$4\r\nPING\r\n", b"*2\r\n$3\r\nGET\r\n$4\r\n\r\n*1\r\n"
        for content, wanted in ((b"", ([], b"")), (one + two, ([one, two], b"")), (one + two[:-1], ([one], two[:-1])),
                                (one + b"\0" * 9, ([one], b"\0" * 9)), (b"REDIS0011", ([], b"REDIS0011")), (b"*0\r\n", ([], b"*0\r\n")),
                                (b"*1\r\n$-1\r\n", ([], b"*1\r\n$-1\r\n")), (b"*1\r\n$99\r\nx\r\n", ([], b"*1\r\n$99\r\nx\r\n"))):
            self.assertEqual(state.commands_of(content), wanted)


class Oracle:
    """Stands for runs: which of a scenario's parts the finding needs is known."""

    def __init__(self, needs, suspects=()):
        self.needs, self.listed = needs, suspects

    def __call__(self, scenario):
        return self.needs(scenario)

    def suspects(self):
        return self.listed


WHOLE = {
    "name": "whole", "title": "t", "settings": "appendonly yes\nappendfsync always\nhz 20\n", "tune": "rdbcompression no\n",
    "load": {"clients": 20, "pipeline": 8, "mix": [{"type": "string", "share": 1}, {"type": "list", "share": 2}]},
    "steps": [{"load": {"acked": 500}}, {"sleep": {"ms": 200}}, {"mark": {}}, {"command": {"send": "BGREWRITEAOF"}},
              {"wait": {"for": "idle"}}, {"load": {"acked": 300}}, {"command": {"send": "PING"}}, {"kill": {"scope": "group"}},
              {"recover": {}}, {"verify": {}}],
    "expect": [{"lost": {"before_mark": 0}}, {"keys": {"min": 1}}]}


class Smaller(unittest.TestCase):
    def small(self, needs=lambda scenario: True, suspects=("list",)):
        return smaller.Smaller(WHOLE, Oracle(needs, suspects)).go()

    def test_what_a_promise_rests_on_stays(self):
        small = self.small()
        self.assertEqual([smaller.name_of(step) for step in small["steps"]],
                         ["mark", "command", "wait", "kill", "recover", "verify"])
        self.assertEqual(small["settings"], "appendonly yes\nappendfsync always\n")

    def test_what_the_finding_needs_stays(self):
        def needs(scenario):
            sent = [step["command"]["send"] for step in scenario["steps"] if "command" in step]
            return "PING" in sent and "hz 20" in scenario["settings"] and scenario["load"].get("clients", 8) >= 5
        small = self.small(needs)
        self.assertTrue(needs(small))
        self.assertEqual((small["load"]["clients"], small["tune"]), (5, ""))
        self.assertNotIn("sleep", [smaller.name_of(step) for step in small["steps"]])

    def test_one_type_and_one_expectation(self):
        small = self.small(lambda scenario: "lost" in scenario["expect"][0])
        self.assertEqual(small["expect"], [{"lost": {"before_mark": 0}}])
        self.assertEqual(small["load"]["mix"], [{"type": "list", "share": 1}])


class Shrink(LastackTest):
    def shrink(self, *words, defect="", server=BROKEN / "respd"):
        out = self.folder / "shrunk"
        done = subprocess.run([LASTACK, "shrink", *map(str, words), "--server", server, "--seed", "5", "--out", out],
                              capture_output=True, text=True, cwd=self.folder,
                              env={**os.environ, "RESPD_DEFECT": defect})
        return done, out

    def test_a_server_that_forgets_deletions(self):
        scenario = self.write("whole.yaml", yaml.safe_dump({
            "name": "whole", "title": "t", "settings": "appendonly yes\nappendfsync always\n",
            "load": {"clients": 4, "min_acked": 100, "mix": [{"type": "string", "share": 1}]},
            "steps": [{"load": {"acked": 150}}, {"sleep": {"ms": 50}}, {"kill": {"scope": "group"}}, {"recover": {}},
                      {"verify": {}}], "expect": [{"lost": {"max": 0}}]}))
        done, out = self.shrink(scenario, "--minutes", "1", defect="forget-del")
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        small = yaml.safe_load((out / "shrunk.yaml").read_text())
        self.assertNotIn("sleep", [smaller.name_of(step) for step in small["steps"]])
        summary = json.loads((out / "shrunk.json").read_text())
        self.assertIn("resurrected", summary["kinds"])
        self.assertGreater(summary["shown"], 10)
        script = out / "shrunk.sh"
        subprocess.run(["sh", "-n", script], check=True)
        shown = subprocess.run(["sh", script, "redis-server"], capture_output=True, text=True, timeout=60)
        self.assertIn("it has started, and has these keys:\nla:", shown.stdout)
        folder = shown.stdout.rsplit("files: ", 1)[1].strip()
        subprocess.run(["rm", "-rf", pathlib.Path(folder)], check=True)

    def test_nothing_to_shrink(self):
        done, _ = self.shrink("kill9-none")
        self.assertEqual(done.returncode, 2)
        self.assertIn("there is nothing to shrink", done.stderr)

    def test_mistakes_are_said(self):
        for words, said in ((["nowhere"], "no bundle, file or scenario"), (["kill9-none", "--minutes", "0"], "--minutes")):
            done, _ = self.shrink(*words)
            self.assertEqual(done.returncode, 2, words)
            self.assertIn(said, done.stderr)


if __name__ == "__main__":
    unittest.main()
