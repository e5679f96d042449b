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


if __name__ == "__main__":
    unittest.main()
