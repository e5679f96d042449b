#!/usr/bin/python3
"""The include check passes on this tree, and finds what is added against the table."""
import shutil
import subprocess
import unittest

from support import ROOT, LastackTest

CHECK = ROOT / "ci/check_includes.py"


class Includes(LastackTest):
    def setUp(self):
        super().setUp()
        self.tree = self.folder / "tree"
        shutil.copytree(ROOT / "harness", self.tree / "harness", ignore=shutil.ignore_patterns("tests"))
        (self.tree / "docs").mkdir()
        shutil.copy(ROOT / "docs/architecture.md", self.tree / "docs")

    def check(self):
        return subprocess.run(["/usr/bin/python3", CHECK, self.tree], capture_output=True, text=True)

    def add(self, file, line):
        path = self.tree / "harness" / file
        path.write_text(line + "\n" + path.read_text())

    def test_as_it_is(self):
        done = self.check()
        self.assertEqual((done.returncode, done.stdout), (0, ""))

    def test_edges_against_the_table(self):
        """Upwards, far upwards, and sideways."""
        for file, header in (("base/util.c", "redis/client.h"), ("ledger/plan.h", "judge/judge.h"),
                             ("load/load.c", "nodes/node.h"), ("verify/tally.c", "scenario/scenario.h")):
            before = (self.tree / "harness" / file).read_text()
            self.add(file, f'#include "{header}"')
            done = self.check()
            self.assertEqual(done.returncode, 1)
            self.assertIn(f"harness/{file}: {file.split('/')[0]}/ may not use {header.split('/')[0]}/", done.stdout)
            (self.tree / "harness" / file).write_text(before)
        self.assertEqual(self.check().returncode, 0)

    def test_circles(self):
        self.add("base/util.c", '#include "base/copy.h"')  # which uses util.h
        done = self.check()
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stdout, r"in a circle: base/(util -> base/copy|copy -> base/util)")

    def test_folders_without_a_row(self):
        (self.tree / "harness/extra").mkdir()
        self.assertIn("no row for harness/extra/", self.check().stdout)


if __name__ == "__main__":
    unittest.main()
