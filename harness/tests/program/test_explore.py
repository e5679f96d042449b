#!/usr/bin/python3
"""lastack explore: every state that a crash may leave, by the real server and by broken ones."""
import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

from result_schema import schema_errors
from support import BROKEN, FULL, LASTACK, LastackTest, scenario_file


class Explore(LastackTest):
    more = ("--no-shrink",)

    def explore(self, *words, server=None, environment=None):
        run = self.lastack("explore", *words, *(["--server", server] if server else []), "--seed", "7", *self.more,
                           env=environment)
        if run.result:
            self.assertEqual(schema_errors(run.result), [])
        return run, {one["name"]: one for one in (run.result or {}).get("scenarios", [])}

    def ending(self, scenario, name):
        [one] = [one for one in scenario["explored"]["endings"] if one["ending"] == name]
        return one

    @staticmethod
    def less_of(name, **changes):
        """The scenario with less load: its states are few."""
        text = scenario_file(name).read_text().replace("acked: 100}", "acked: 12}").replace("acked: 60}", "acked: 8}")
        text = text.replace("min_acked: 150", "min_acked: 10").replace("min_acked: 100", "min_acked: 10")
        for old, new in changes.items():
            text = text.replace(old, new)
        return text

    def small(self, name, **changes):
        return self.write(f"{name}.yaml", self.less_of(name, **changes))


class RealServer(Explore):
    def test_zeros_at_the_end_of_a_log_are_found_and_replayed(self):
        self.more = ()
        run, found = self.explore(self.small("cut-aof-always"), "--endings", "kill,ext4", "--states", "60")
        scenario = found["cut-aof-always"]
        explored = scenario["explored"]
        self.assertEqual((run.status, scenario["verdict"]), (1, "violated"), run.stdout)
        self.assertIn("refuses to start", scenario["violated"])
        self.assertEqual(explored["plain_starts"], "", "a forked server recovers")
        self.assertEqual(explored["differ"], 0)
        self.assertEqual(self.ending(scenario, "kill")["violated"], 0)
        self.assertGreater(self.ending(scenario, "ext4")["violated"], 0)
        bundle = run.out / "cut-aof-always" / explored["found"][0]["bundle"]
        replayed = subprocess.run([LASTACK, "replay", bundle, "--out", self.folder / "again"], capture_output=True, text=True)
        self.assertEqual(replayed.returncode, 1, replayed.stdout + replayed.stderr)
        self.assertIn("lastack explore ", scenario["reproduce"])
        # its smallest state: a log of zeros, and what names it
        shrunk = run.out / "shrunk" / f"cut-aof-always-{explored['found'][0]['bundle']}"
        summary = json.loads((shrunk / "shrunk.json").read_text())
        self.assertEqual(summary["kinds"], ["refuses to start"])
        self.assertLess(summary["bytes"][1], 200, summary)
        [log] = shrunk.glob("state/**/*.incr.aof")
        self.assertEqual(log.read_bytes().strip(b"\0"), b"")
        shown = subprocess.run(["sh", shrunk / summary["script"]], capture_output=True, text=True, timeout=60)
        self.assertIn("it has not started", shown.stdout)
        subprocess.run(["rm", "-rf", shown.stdout.rsplit("files: ", 1)[1].strip()], check=True)
        done = subprocess.run([LASTACK, "shrink", bundle, "--out", self.folder / "small"], capture_output=True, text=True)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertEqual(json.loads((self.folder / "small/shrunk.json").read_text())["bytes"], summary["bytes"])

    def test_a_write_that_is_half_done_was_not_answered(self):
        """Each write is answered before the next one begins, and none of those that a kill leaves half of."""
        text = ("name: closed\ntitle: t\nsettings: |\n  appendonly yes\n  appendfsync no\n  save \"\"\n"
                "load: {clients: 1, pipeline: 1, value_size: 200, min_acked: 10, mix: [{type: string, share: 1}]}\n"
                "steps:\n  - load: {acked: 80}\n  - kill: {scope: group}\n  - recover: {}\n  - verify: {}\n"
                "expect:\n  - lost: {max: 0}\n")
        run, found = self.explore(self.write("closed.yaml", text), "--endings", "kill")
        self.assertEqual((run.status, found["closed"]["verdict"]), (0, "holds"), run.stdout)
        self.assertTrue(self.ending(found["closed"], "kill")["all"], run.stdout)

    def test_a_repaired_log_has_lost_nothing(self):
        """Where a page's zeros begin inside a command, this server has a fault of its own (docs/explore.md): whether there is such a
        page is the recording's luck."""
        run, found = self.explore(scenario_file("cut-aof-always-repaired"), "--endings", "kill,ext4,xfs", "--states", "80")
        scenario = found["cut-aof-always-repaired"]
        self.assertGreater(self.ending(scenario, "ext4")["recovered"], 30)
        self.assertEqual(self.ending(scenario, "kill")["violated"], 0, run.stdout)
        self.assertEqual(run.status, 1 if scenario["explored"]["found"] else 0, run.stdout)
        for one in scenario["explored"]["found"]:
            self.assertRegex(one["kinds"], "refuses to start|corrupt", run.stdout)

    def test_a_snapshot_is_there_or_the_one_before(self):
        run, found = self.explore(self.small("cut-rdb"), "--endings", "ext4", "--states", "80")
        self.assertEqual((run.status, found["cut-rdb"]["verdict"]), (0, "holds"), run.stdout)

    def test_the_same_by_plain_starts(self):
        scenario = self.small("cut-rdb")
        run, found = self.explore(scenario, "--endings", "kill", "--plain")
        self.assertEqual(run.status, 0, run.stdout)
        self.assertEqual(found["cut-rdb"]["explored"]["forked"], 0)
        self.assertEqual(found["cut-rdb"]["explored"]["plain_starts"], "not asked for")
        kill = self.ending(found["cut-rdb"], "kill")
        self.assertTrue(kill["all"] and kill["recovered"] == kill["distinct"] > 5, kill)

    def test_a_bound_on_states_is_kept(self):
        run, found = self.explore(self.small("cut-aof-always-repaired"), "--endings", "ext4", "--states", "6")
        self.assertEqual(found["cut-aof-always-repaired"]["explored"]["recovered"], 6, run.stdout)
        self.assertFalse(self.ending(found["cut-aof-always-repaired"], "ext4")["all"])


class Interrupted(Explore):
    def test_what_was_done_by_then_is_a_result(self):
        out = self.folder / "cut"
        process = subprocess.Popen([LASTACK, "explore", scenario_file("cut-aof-everysec"), "--endings", "kill,ext4", "--out", out],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=self.folder)
        while not list(out.glob("*/recording/sums")) and process.poll() is None:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate()
        [scenario] = json.loads((out / "result.json").read_text())["scenarios"]
        self.assertTrue(scenario["explored"]["cut_short"], said)
        self.assertIn("cut short: a beginning of it", said)
        self.assertFalse(list(out.glob("*/exploring")), "nothing is left of what it worked on")
        run, found = self.explore("--resume", out, "--endings", "kill,ext4", "--states", "10")
        halves = scenario["explored"]["recovered"] - found["cut-aof-everysec"]["explored"]["known"]
        self.assertIn(halves, range(os.cpu_count() + 1), f"those that were under way, one of each process: {run.stdout}")


    def test_a_fork_server_that_is_killed_is_replaced(self):
        out = self.folder / "killed"
        process = subprocess.Popen([LASTACK, "explore", scenario_file("cut-rdb"), "--endings", "kill,ext4,posix", "--states", "150", "--out", out,
                                    "--no-shrink"],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=self.folder)
        killed = set()
        while len(killed) < 2 and process.poll() is None:
            for entry in pathlib.Path("/proc").glob("[0-9]*"):
                with contextlib.suppress(OSError):  # it has ended
                    works = (entry / f"task/{entry.name}/children").read_text()  # it has forked already
                    ours = re.fullmatch(re.escape(str(out)) + r"/cut-rdb/exploring/\d+/fork\.\d+", os.readlink(entry / "cwd"))
                    if works and ours and len(killed) < 2:
                        os.kill(int(entry.name), signal.SIGKILL)
                        killed.add(entry.name)
            time.sleep(0.02)
        said, _ = process.communicate()
        [scenario] = json.loads((out / "result.json").read_text())["scenarios"]
        self.assertTrue(killed, said)
        self.assertEqual((process.returncode, scenario["verdict"]), (0, "holds"), said)
        explored = scenario["explored"]
        self.assertEqual((explored["plain_starts"], explored["recovered"]), ("", 150), said)
        self.assertGreater(explored["forked"], 100)


class Resume(Explore):
    NAME = "cut-aof-always-repaired"

    def resume(self, folder, *words, status=None, **more):
        run, found = self.explore("--resume", folder, "--endings", "kill,ext4", *words, **more)
        self.assertIn(run.status, (0, 1) if status is None else (status,), run.stderr)
        return run, found.get(self.NAME)

    @classmethod
    def setUpClass(cls):
        cls.beginning = pathlib.Path(tempfile.mkdtemp(prefix="lastack-test-"))
        cls.scenario = cls.beginning / f"{cls.NAME}.yaml"
        cls.scenario.write_text(scenario_file(cls.NAME).read_text())  # more states than are asked for, whatever is recorded
        cls.begun = cls.beginning / "out"
        subprocess.run([LASTACK, "explore", cls.scenario, "--endings", "kill,ext4", "--states", "20", "--seed", "7", "--out", cls.begun],
                       capture_output=True, check=False)

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.beginning)

    def test_it_goes_on_and_in_the_same_way_each_time(self):
        told = []
        for _ in range(2):
            run, one = self.resume(self.begun, "--states", "15")
            explored = one["explored"]
            self.assertEqual((explored["known"], explored["recovered"], explored["differ"]), (20, 35, 0), run.stdout)
            told.append((explored["endings"], [(found["kinds"], found["states"], found["state"]) for found in explored["found"]]))
        self.assertEqual(told[0], told[1])
        for named in (self.NAME, self.begun / self.NAME / "scenario.yaml", self.begun / self.NAME / "recording/scenario.yaml"):
            _run, one = self.resume(self.begun, named, "--states", "1")
            self.assertEqual(one["explored"]["known"], 20, named)
        run, one = self.resume(run.out, "--states", "10")  # and on
        self.assertEqual((one["explored"]["known"], one["explored"]["recovered"]), (35, 45), run.stdout)

    def test_another_server_knows_nothing_of_it(self):
        run, one = self.resume(self.begun, "--states", "8", server=BROKEN / "redis")
        self.assertEqual((one["explored"]["known"], one["explored"]["recovered"]), (0, 8))
        self.assertIn("another server", run.stderr)
        run, one = self.resume(self.begun, "--states", "8", "--set", "hz 50")
        self.assertEqual((one["explored"]["known"], one["explored"]["recovered"]), (0, 8))
        self.assertIn("another configuration", run.stderr)

    @unittest.skipUnless(FULL, "of what the test before it is about, every way")
    def test_other_endings_and_deviations(self):
        whole, everything = self.explore(self.scenario, "--endings", "kill,ext4,posix", "--deviations", "0", "--states", "150")
        violated = {one["ending"]: one["violated"] for one in everything[self.NAME]["explored"]["endings"]}
        recovered = everything[self.NAME]["explored"]["recovered"]
        for words in (("kill,ext4,posix", "0"), ("posix", "0"), ("kill,ext4,posix", "1")):
            run, found = self.explore("--resume", whole.out, "--endings", words[0], "--deviations", words[1], "--states", "1")
            explored = found[self.NAME]["explored"]
            for one in explored["endings"]:  # nothing is forgotten, whatever there is room for
                self.assertGreaterEqual(one["violated"], violated[one["ending"]], f"{words} {run.stdout}")
            again, found = self.explore("--resume", run.out, "--endings", "kill,ext4,posix", "--deviations", "0", "--states", "1")
            explored = found[self.NAME]["explored"]
            if words[1] == "0":  # with more of them, some can be left later than was judged
                self.assertGreaterEqual(explored["recovered"], recovered, f"{words} {again.stdout}")
            self.assertGreaterEqual(sum(one["violated"] for one in explored["endings"]), sum(violated.values()))

    def test_an_earlier_violation_is_told_again(self):
        """A server that has lost everything, and nobody looks at those states again."""
        broken = {"REDIS_DEFECT": "no-aof"}
        run, one = self.resume(self.begun, "--states", "8", server=BROKEN / "redis", environment=broken)
        self.assertEqual((run.status, one["verdict"]), (1, "violated"), run.stdout)
        again, two = self.resume(run.out, "--states", "1", server=BROKEN / "redis", environment=broken)
        self.assertEqual((again.status, two["explored"]["known"]), (1, one["explored"]["recovered"]), again.stdout)
        told, before = ({(found["ending"], found["kinds"]): found["states"] for found in explored["explored"]["found"]} for explored in (two, one))
        for group, states in before.items():  # the one more may come before the first of them, and be named in its place
            self.assertGreaterEqual(told.get(group, 0), states, f"{group} {again.stdout}")

    def test_what_cannot_be_gone_on_from_is_refused(self):
        tape = self.begun / self.NAME / "recording"
        (self.folder / "empty").mkdir()
        run, _ = self.resume(self.folder / "empty", status=2)
        self.assertIn("no recording is there", run.stderr)
        other = self.write("other.yaml", self.scenario.read_text() + "# changed\n")
        _run, one = self.explore(other, "--resume", self.begun)
        self.assertIn("is not the scenario that was recorded", one[self.NAME]["reasons"][0])
        inside = self.begun / self.NAME / "recording/inside"
        done = subprocess.run([LASTACK, "explore", "--resume", self.begun, "--out", inside], capture_output=True, text=True)
        self.assertEqual((done.returncode, inside.exists()), (2, False), done.stderr)
        self.assertIn("which is not changed", done.stderr)
        [kept, *_] = tape.glob("file.*")
        for name in (f"{kept.name}.old", "file.9"):  # what the recording has not left is nobody's note here
            shutil.copy(kept, tape / name)
            run, _ = self.resume(self.begun, status=2)
            self.assertIn("it was not there when the run ended", run.stderr)
            (tape / name).unlink()
        for name in ("ledger", "journal", "recording.json"):
            content = (tape / name).read_bytes()
            damaged = bytearray(content)
            damaged[len(damaged) // 2] ^= 1
            (tape / name).write_bytes(damaged)
            run, _ = self.resume(self.begun, status=2)
            self.assertIn("damaged", run.stderr)
            (tape / name).write_bytes(content)


class BrokenServers(Explore):
    """They cannot be forked: each state has a start of its own."""
    # Of a key that is deleted later, nothing is missing when it is gone. At that rate the ledger has room for them.
    COUNTERS = {"keys: 10,": "keys: 10, rate: 1000, mix: [{type: counter, share: 1}],"}

    def caught(self, defect, name, endings, kinds, **changes):
        run, found = self.explore(self.small(name, **changes), "--endings", endings, "--states", "40", server=BROKEN / "respd",
                                  environment={"RESPD_DEFECT": defect})
        self.assertEqual((run.status, found[name]["verdict"]), (1, "violated"), run.stdout)
        self.assertTrue(set(kinds) & set(found[name]["violated"]), found[name]["violated"])
        told = [one["state"] for one in found[name]["explored"]["found"] if "lost" in one["kinds"]]
        self.assertTrue(any(": all that was written is there, " in state for state in told), told)  # but for one thing

    @unittest.skipUnless(FULL, "one of its kind is enough: each state takes a start")
    def test_it_forgets_some_fsyncs(self):
        self.caught("skip-nth-fsync", "cut-aof-always-repaired", "ext4", ["lost"])

    def test_it_syncs_after_it_has_replied(self):
        many = {"clients: 4, pipeline: 2": "clients: 64, pipeline: 1"}  # it does so where many wait
        self.caught("reply-before-fsync", "cut-aof-always-repaired", "ext4", ["lost"], **many)

    @unittest.skipUnless(FULL, "one of its kind is enough: each state takes a start")
    def test_it_never_syncs_a_directory(self):
        self.caught("rename-without-dirsync", "cut-rdb", "ext4", ["lost"], **self.COUNTERS)

    def test_a_sound_one_passes(self):
        run, found = self.explore(self.small("cut-rdb"), "--endings", "kill,ext4", "--states", "24", server=BROKEN / "respd")
        self.assertEqual((run.status, found["cut-rdb"]["verdict"]), (0, "holds"), run.stdout)
        self.assertNotEqual(found["cut-rdb"]["explored"]["plain_starts"], "")

    def test_what_a_wrapper_does_before_the_start_is_seen(self):
        """A forked server does not go through the wrapper again: plain starts beside it give that away."""
        run, found = self.explore(self.small("cut-rdb", **self.COUNTERS), "--endings", "kill", server=BROKEN / "redis",
                                  environment={"REDIS_DEFECT": "forgets-rdb"})
        self.assertEqual((run.status, found["cut-rdb"]["verdict"]), (1, "violated"), run.stdout)
        self.assertEqual(found["cut-rdb"]["explored"]["plain_starts"], "forked and plain starts differ")


class Usage(Explore):
    def test_mistakes_are_said(self):
        for words, said in ((["--endings", "ext5"], "is not kill, ext4, xfs or posix"), (["--minutes", "0"], "--minutes"),
                            (["--deviations", "7"], "--deviations"), (["nowhere"], "No such file or scenario")):
            done = subprocess.run([LASTACK, "explore", *words], capture_output=True, text=True, cwd=self.folder)
            self.assertEqual(done.returncode, 2, words)
            self.assertIn(said, done.stderr)

    def test_a_run_that_says_nothing_is_not_explored(self):
        """Keys that are evicted are no loss; a load that is too thin tells nothing."""
        for lines, said in ((["--set", "maxmemory 1mb", "--set", "maxmemory-policy allkeys-lru"], "evict"), ([], "load too thin")):
            text = self.small("cut-rdb").read_text()
            scenario = self.write("cut-rdb.yaml", text if lines else text.replace("min_acked: 10", "min_acked: 15000"))
            run, found = self.explore(scenario, "--endings", "kill", *lines)
            self.assertEqual((run.status, found["cut-rdb"]["verdict"]), (3, "inconclusive"), run.stdout)
            self.assertIn(said, found["cut-rdb"]["reasons"][0])
            self.assertEqual(found["cut-rdb"]["explored"]["recovered"], 0)

    def test_without_the_library_nothing_is_said(self):
        """A static server: nothing was recorded."""
        server = self.folder / "bare"
        server.write_text('#!/bin/sh\nunset LD_PRELOAD\nexec redis-server "$@"\n')
        server.chmod(0o755)
        run, found = self.explore(self.small("cut-rdb"), server=server)
        self.assertEqual((run.status, found["cut-rdb"]["verdict"]), (3, "inconclusive"), run.stdout)


if __name__ == "__main__":
    unittest.main()
