#!/usr/bin/python3
"""lastack killed with SIGKILL at random moments leaves no process, no mount and no file outside --out."""
import collections
import os
import pathlib
import random
import signal
import subprocess
import time
import unittest

from support import LASTACK, LastackTest, processes_of

MOMENTS = 20
# Left alone for at most so long, the kernel has ended a process namespace; waited for, never asserted on.
GONE_SECONDS = 30


def mounts():
    return collections.Counter(pathlib.Path("/proc/mounts").read_text().splitlines())


def gone(out):
    """Whoever was forked behind the back of one look, by a process that is killed before the look gets to it, is seen
    by the next."""
    return not processes_of(out) and not processes_of(out)


class Kill(LastackTest):
    def test_nothing_is_left(self):
        dice = random.Random(2026)
        mounted = mounts()
        files = ["trap-auto-restart", "save-child-killed", "kill9-aof-everysec"]
        for moment in range(MOMENTS):
            out = self.folder / f"out-{moment}"
            before = {path for path in self.folder.iterdir()}
            process = subprocess.Popen([LASTACK, "run", *files, "--out", out, "--jobs", "2"], cwd=self.folder,
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(dice.uniform(0, 2.5))
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
            deadline = time.monotonic() + GONE_SECONDS
            while not gone(out) and time.monotonic() < deadline:
                time.sleep(0.01)
            self.assertEqual(processes_of(out), [])
            self.assertEqual(mounts() - mounted, collections.Counter())  # what others unmount is their affair
            self.assertLessEqual({path for path in self.folder.iterdir()} - before, {out})


if __name__ == "__main__":
    unittest.main()
