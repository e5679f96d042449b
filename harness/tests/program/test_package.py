#!/usr/bin/python3
"""The Debian package: lintian finds no error in it, and what it installs in a fresh root certifies. Behind ci/test --full: it
takes a mirror of Debian's, and minutes."""
import pathlib
import subprocess
import unittest

from support import FULL, ROOT, LastackTest


@unittest.skipUnless(FULL, "a fresh root takes minutes")
class Package(LastackTest):
    def run_in(self, root, *words):
        """With a /proc, as any container has it; its mount goes with the command."""
        script = 'mount -t proc proc "$0/proc" && exec chroot "$0" "$@"'
        done = subprocess.run(["unshare", "--mount", "sh", "-c", script, root, *words], capture_output=True, text=True, env={
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"})
        self.assertEqual(done.returncode, 0, f"{words}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
        return done.stdout

    def test_a_fresh_root(self):
        done = subprocess.run([ROOT / "ci/package"], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        deb = pathlib.Path(ROOT / done.stdout.splitlines()[-1].removeprefix("package: "))
        root = self.folder / "root"
        subprocess.run(["debootstrap", "--variant=minbase", "bookworm", root], check=True, capture_output=True)
        for name in ("/etc/apt/sources.list", "/etc/apt/sources.list.d", "/etc/apt/apt.conf.d", "/etc/resolv.conf", "/etc/hosts"):
            if pathlib.Path(name).exists():
                subprocess.run(["cp", "-rT", name, f"{root}{name}"], check=True)
        (root / "usr/sbin/policy-rc.d").write_text("#!/bin/sh\nexit 101\n")
        (root / "usr/sbin/policy-rc.d").chmod(0o755)
        (root / deb.name).write_bytes(deb.read_bytes())
        self.run_in(root, "apt-get", "update", "-q")
        self.run_in(root, "apt-get", "install", "-q", "-y", f"/{deb.name}")  # with what it recommends
        said = self.run_in(root, "lastack", "certify", "--quick", "--html", "--out", "/report")
        self.assertIn("exit 0", said)
        self.assertTrue((root / "report/report.html").is_file())
        self.assertIn("lastack-scenario", self.run_in(root, "find", "/usr/share/man", "-name", "lastack*"))
        self.assertIn("the moment before a crash", self.run_in(root, "lastack", "explain", "mark"))


if __name__ == "__main__":
    unittest.main()
