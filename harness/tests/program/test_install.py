#!/usr/bin/python3
"""cmake --install gives a working installation, wherever its prefix is."""
import pathlib
import shutil
import subprocess
import unittest

from support import LASTACK, LastackTest


class Install(LastackTest):
    def test_an_installation_works(self):
        build = pathlib.Path(LASTACK).parents[1]
        prefix = self.folder / "prefix"
        subprocess.run(["cmake", "--install", build, "--prefix", prefix], check=True, capture_output=True)
        binary = prefix / "bin/lastack"
        done = subprocess.run([binary, "certify", "--quick", "--out", self.folder / "out"], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn(str(prefix), subprocess.run([binary, "list", "--json"], capture_output=True, text=True).stdout)
        page = prefix / "share/man/man1/lastack.1"
        self.assertIn("certify", page.read_text())
        if shutil.which("man"):
            shown = subprocess.run(["man", "-l", page], capture_output=True, text=True)
            self.assertIn("certify", shown.stdout)

    def test_what_is_taken_of_the_scenarios_that_come_with_it(self):
        build = pathlib.Path(LASTACK).parents[1]
        prefix = self.folder / "prefix"
        subprocess.run(["cmake", "--install", build, "--prefix", prefix], check=True, capture_output=True)
        scenarios = prefix / "share/lastack/scenarios"

        def error(*arguments):
            done = subprocess.run([prefix / "bin/lastack", *arguments, "--server", "/nonexistent", "--out",
                                   self.folder / "out"], capture_output=True, text=True)
            self.assertEqual(done.returncode, 2, done.stdout + done.stderr)
            return done.stderr

        (scenarios / "history/old-bug.yaml").write_text("name: old-bug\n")  # read, it is refused
        self.assertIn("/nonexistent", error("run", scenarios))
        self.assertIn("/nonexistent", error("certify"))
        self.assertIn("old-bug.yaml:1: 'title' is missing", error("run", scenarios / "history"))
        self.assertIn("old-bug.yaml:1: 'title' is missing", error("run", "old-bug"))
        self.assertIn("/nonexistent", error("run", scenarios / "strategies", scenarios / "faults/torn-rdb-file.yaml"))
        moved = error("run", scenarios / "torn-rdb-file.yaml")
        self.assertIn("scenarios/faults/torn-rdb-file.yaml now", moved)
        self.assertIn("/nonexistent", moved)
        self.assertIn("No such file", error("run", scenarios / "no-such-scenario.yaml"))
        self.assertIn("No such file", error("run", self.folder / "torn-rdb-file.yaml"))
        self.assertIn("No such file or scenario", error("run", "torn-rdb"))
        other = shutil.copytree(scenarios, self.folder / "checkout")
        self.assertIn("/nonexistent", error("run", other))
        self.assertIn("old-bug.yaml:1: 'title' is missing", error("run", other / "history"))
        (scenarios / "mine").mkdir()
        self.assertIn("mine: no folder of lastack's own", error("certify"))


if __name__ == "__main__":
    unittest.main()
