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
        for tree in ("harness", "faultinject"):
            shutil.copytree(ROOT / tree, self.tree / tree, ignore=shutil.ignore_patterns("tests"))
        (self.tree / "docs").mkdir()
        shutil.copy(ROOT / "docs/architecture.md", self.tree / "docs")

    def check(self):
        return subprocess.run(["/usr/bin/python3", CHECK, self.tree], capture_output=True, text=True)

    def add(self, file, line):
        path = self.tree / file
        path.write_text(line + "\n" + path.read_text())

    def test_as_it_is(self):
        done = self.check()
        self.assertEqual((done.returncode, done.stdout), (0, ""))

    def test_edges_against_the_table(self):
        """Upwards, far upwards, and sideways; into the library, and out of faultinject/."""
        for file, header in (("harness/base/util.c", "redis/client.h"), ("harness/ledger/plan.h", "judge/judge.h"),
                             ("harness/load/load.c", "nodes/node.h"),
                             ("harness/verify/tally.c", "scenario/scenario.h"),
                             ("harness/nodes/node.c", "shim/state.h"),
                             ("faultinject/driver/rule.c", "shim/perform.h"),
                             ("faultinject/shim/gate.c", "driver/rule.h"),
                             ("faultinject/shared/engine.h", "base/util.h")):
            before = (self.tree / file).read_text()
            self.add(file, f'#include "{header}"')
            done = self.check()
            self.assertEqual(done.returncode, 1)
            self.assertIn(f"{file}: {file.split('/')[1]}/ may not use {header.split('/')[0]}/", done.stdout)
            (self.tree / file).write_text(before)
        self.assertEqual(self.check().returncode, 0)

    def test_circles(self):
        self.add("harness/base/util.c", '#include "base/copy.h"')  # which uses util.h
        self.add("faultinject/shim/resolve.h", '#include "shim/gate.h"')  # whose call.c uses resolve.h
        done = self.check()
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stdout, r"in a circle: base/(util -> base/copy|copy -> base/util)")
        self.assertRegex(done.stdout, r"in a circle: shim/.*resolve")

    def test_folders_without_a_row(self):
        (self.tree / "harness/extra").mkdir()
        (self.tree / "faultinject/other").mkdir()
        done = self.check()
        self.assertIn("no row for harness/extra/", done.stdout)
        self.assertIn("no row for faultinject/other/", done.stdout)


if __name__ == "__main__":
    unittest.main()
