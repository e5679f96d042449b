#!/usr/bin/python3
"""A server that does not load libfaultinject.so is driven from outside: same rules, same log, fewer of them."""
import os
import pathlib
import subprocess
import threading
import unittest

from support import BROKEN, LASTACK, LastackTest, scenario_file

FILE_LIMIT = """\
name: file-limit
title: no file may grow beyond a limit
settings: |
  appendonly yes
  appendfsync everysec
  save ""
load: {min_acked: 100}
steps:
  - load: {acked: 100}
  - arm: {rule: "op=write do=file-limit:300k"}
  - wait: {for: fired}
  - wait: {for: errors}
  - disarm: {}
  - wait: {for: writes}
  - wait: {for: idle}
  - mark: {}
  - kill: {scope: group}
  - recover: {}
  - verify: {}
expect:
  - lost: {before_mark: 0}
  - replies: {error: MISCONF, min: 1}
"""


class Outside(LastackTest):
    def setUp(self):
        super().setUp()
        self.bare = self.script("unset LD_PRELOAD")

    def script(self, line, name="server"):
        path = self.write(name, f'#!/bin/sh\n{line}\nexec redis-server "$@"\n')
        path.chmod(0o755)
        return path

    def log(self, run, name):
        return subprocess.run([LASTACK, "fault", "log", "--node", run.out / name / "primary"], capture_output=True,
                              text=True, check=True).stdout

    def test_faults_that_need_no_library(self):
        names = ("kill-before-fsync", "fork-enomem-bgsave", "fork-enomem-rewrite", "kill-after-rdb-rename",
                 "kill9-aof-everysec-slow-fsync")
        run = self.lastack("run", *(scenario_file(name) for name in names), "--server", self.bare)
        self.assertEqual(run.status, 0, str(run))
        for name in names:
            self.assertTrue(all(fault["fired"] for fault in run.scenario(name)["faults"]), name)
        self.assertRegex(self.log(run, "kill-before-fsync"), r"^server#\d+ thread#\d+ fdatasync appendonlydir/.* number=300 ")
        self.assertTrue(any("driven from outside" in limit for limit in run.result["limits"]))

    def test_what_it_cannot_see_is_inconclusive_before_the_load_starts(self):
        run = self.lastack("run", scenario_file("kill-in-rdb-write"), scenario_file("save-child-killed"),
                           scenario_file("power-cut-aof-always"), "--server", self.bare)
        self.assertEqual(run.status, 3, str(run))
        for name, words in (("kill-in-rdb-write", "from outside the server only open"),
                            ("save-child-killed", "kill_child needs it"),
                            ("power-cut-aof-always", "needs libfaultinject.so inside")):
            scenario = run.scenario(name)
            self.assertEqual(scenario["verdict"], "inconclusive")
            self.assertIn(words, scenario["reasons"][0])
            self.assertNotIn("load starts", [event["event"] for event in scenario["timeline"]])

    def test_a_file_limit_is_the_same_from_inside_and_outside(self):
        path = self.write("limit.yaml", FILE_LIMIT)
        for arguments in ([], ["--server", self.bare]):
            run = self.lastack("run", path, *arguments)
            self.assertEqual(run.scenario()["verdict"], "holds", str(run))
            self.assertRegex(self.log(run, "file-limit"), r"^server#\d+ .* write appendonlydir/")

    def test_an_fsync_that_does_nothing_shows_under_a_real_power_cut(self):
        """A wrapper from somewhere else, with a preload of its own in place of ours."""
        eats = self.script("export LD_PRELOAD=libeatmydata.so.1", "eats")
        name = "power-cut-aof-always-real"
        run = self.lastack("run", scenario_file(name), "--server", eats)
        if any("real power cuts" in limit for limit in (run.result or {"limits": ["real power cuts"]})["limits"]):
            self.skipTest("no real power cuts here")
        self.assertEqual(run.scenario()["verdict"], "violated", str(run))
        run = self.lastack("run", scenario_file(name), "--server", self.bare)
        self.assertEqual(run.scenario()["verdict"], "holds", str(run))

    def test_the_supervisor_s_death_is_not_the_server_s(self):
        killed = []
        ended = threading.Event()

        def find_and_kill():
            while not killed and not ended.wait(0.005):
                if any(log.stat().st_size > 10000 for log in self.folder.glob("**/*.incr.aof")): # the load is at it
                    killed.extend(pid for pid in self.supervisors() if not os.kill(pid, 9))

        # the rule never fires: the run goes on until its clients are refused, for want of a supervisor
        path = self.write("wait.yaml", FILE_LIMIT.replace("file-limit:300k", "file-limit:1g")
                          .replace("  - wait: {for: fired}\n  - wait: {for: errors}\n",
                                   "  - wait: {for: errors, timeout_ms: 200000}\n")
                          .replace("  - wait: {for: writes}\n", ""))
        killer = threading.Thread(target=find_and_kill)
        killer.start()
        try:
            run = self.lastack("run", path, "--server", self.bare)
        finally:
            ended.set()
            killer.join()
        self.assertTrue(killed)
        self.assertEqual(run.scenario()["verdict"], "inconclusive", str(run))
        self.assertTrue(any("supervisor of primary ended" in reason for reason in run.scenario()["reasons"]), str(run))

    def supervisors(self):
        """Processes of a run of this test that listen to a system-call filter."""
        for process in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                if str(self.folder) in self.arguments_of(process.name) and any(
                        "seccomp notify" in os.readlink(link) for link in process.glob("fd/*")):
                    yield int(process.name)
            except OSError:
                pass

    @staticmethod
    def arguments_of(pid):
        return pathlib.Path(f"/proc/{pid}/cmdline").read_text()

    def test_a_broken_server_is_caught_from_outside(self):
        """The same defects flip the same verdicts as they do under the library."""
        script = self.write("broken", f'#!/bin/sh\nunset LD_PRELOAD\nexec "{BROKEN}/redis" "$@"\n')
        script.chmod(0o755)
        for name, defect in (("kill-before-fsync", "cuts-aof"), ("kill-after-rdb-rename", "forgets-rdb")):
            run = self.lastack("run", scenario_file(name), "--server", script, env={"REDIS_DEFECT": defect})
            self.assertEqual(run.scenario()["verdict"], "violated", str(run))
            run = self.lastack("run", scenario_file(name), "--server", script)
            self.assertEqual(run.scenario()["verdict"], "holds", str(run))


if __name__ == "__main__":
    unittest.main()
