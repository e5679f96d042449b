#!/usr/bin/python3
"""lastack swarm and ci/nightly: what is drawn is sound, what is found is kept, and a night ends in time with a report."""
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import unittest

import yaml

from support import BROKEN, FULL, LASTACK, ROOT, LastackTest

sys.path.insert(0, str(ROOT / "campaigns"))
import drawn  # noqa: E402
from store import KEPT, Store  # noqa: E402


class Swarm(LastackTest):
    def test_a_seed_is_a_scenario(self):
        texts = [drawn.Draw(seed).text() for seed in range(300)]
        self.assertEqual(texts, [drawn.Draw(seed).text() for seed in range(300)])
        scenarios = [yaml.safe_load(text) for text in texts]
        for steps in ("kill", "power_cut", "arm"):
            self.assertTrue(any(steps in step for scenario in scenarios for step in scenario["steps"]), steps)
        drawn.write(self.folder / "drawn", range(300))
        run = self.lastack("run", self.folder / "drawn", "--server", "/nonexistent")
        self.assert_refused(run, "/nonexistent")  # they have been read, and found right

    def test_what_is_printed_can_be_run(self):
        run = self.lastack("swarm", "--seed", 9, "--count", 1, "--print", out=False)
        self.assertEqual(run.status, 0, str(run))
        run = self.lastack("run", self.write("mine.yaml", run.stdout.removeprefix("---\n")), "--seed", 1)
        self.assert_sound(run)
        self.assertEqual(run.scenario()["name"], "swarm-9")

    def test_a_sound_server_holds_and_a_broken_one_does_not(self):
        words = ("swarm", "--seed", 20, "--count", 12, "--server", BROKEN / "respd")
        sound = self.lastack(*words)
        self.assertIn(sound.status, (0, 3), str(sound))  # slow machines leave some open
        found = json.loads((sound.out / "report/result.json").read_text())
        self.assertGreater(len(found["scenarios"]), 6, found["not_applicable"])
        for one in found["scenarios"]:
            self.assertNotEqual(one["verdict"], "violated", one["reasons"])
            self.assertTrue((sound.out / "scenarios" / f"{one['name']}.yaml").is_file())
        broken = self.lastack(*words, env={"RESPD_DEFECT": "lose-tail"})
        self.assertEqual(broken.status, 1, str(broken))
        self.assert_refused_there(broken.out)

    def test_on_a_configuration_of_the_users(self):
        config = self.write("mine.conf", "appendonly no\nsave 3600 1\nhash-max-listpack-entries 7\n")
        run = self.lastack("swarm", "--seed", 19, "--count", 2, "--config", config)
        self.assertEqual(run.status, 0, str(run))
        found = json.loads((run.out / "report/result.json").read_text())
        self.assertTrue(any("appendonly yes (not no)" in one["overrides"] for one in found["scenarios"]), found)
        used = [path.read_text() for path in (run.out / "report").glob("swarm-*/*/redis.conf")]
        self.assertTrue(used and all('hash-max-listpack-entries "7"' in text for text in used), used)

    def assert_refused_there(self, out):
        run = self.lastack("swarm", "--count", 1, "--out", out, out=False)
        self.assertEqual((run.status, "something already" in run.stderr), (2, True), str(run))

    def test_usage(self):
        for words in (("--count", 0), ("--seed", "x"), ("--server", ""), ("--config", ""), ("extra",)):
            self.assertEqual(self.lastack("swarm", *words, out=False).status, 2)


class Kept(LastackTest):
    @staticmethod
    def finding(number, kind="hole"):
        return {"name": f"swarm-{number}", "violated": [kind]}

    def test_a_bounded_number_of_each_kind_is_kept(self):
        store = Store(self.folder / "store")
        for number in range(10):
            store.add(self.finding(number), "x" * (100 - number), number, "redis 7")
        store.add(self.finding(50, "lost"), "y", 50, "redis 7")
        store.add(self.finding(51), "z" * 500, 51, "redis 8")
        again = Store(self.folder / "store")
        self.assertEqual(sorted(one["name"] for one in again.entries),
                         ["swarm-50", "swarm-51", "swarm-7", "swarm-8", "swarm-9"], "the smallest ones")
        self.assertEqual(len(list((self.folder / "store").glob("*.yaml"))), KEPT + 2)
        again.seen("swarm-7", False)
        self.assertEqual(again.files()[-1].name, "swarm-7.yaml", "those that fail come first")
        again.add(self.finding(60), "x" * 900, 60, "redis 7")
        self.assertNotIn("swarm-7", {one["name"] for one in Store(self.folder / "store").entries})

    def test_a_damaged_list_is_an_empty_one(self):
        self.write("store/store.json", "{")
        self.assertEqual(Store(self.folder / "store").entries, [])


TEMPLATES = ROOT / "ci/templates"
LAX = "{extends: default, rules: {line-length: {max: 132}, document-start: disable, truthy: {check-keys: false}, " \
      "comments: {min-spaces-from-content: 1}}}"


class Templates(LastackTest):
    """As far as something here can read them. A Jenkinsfile has no validator outside Jenkins."""

    def test_yaml(self):
        names = ("github-actions.yml", "gitlab-ci.yml", "kubernetes.yaml")
        done = subprocess.run(["yamllint", "--strict", "-d", LAX, *(TEMPLATES / name for name in names)],
                              capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stdout), (0, ""))
        actions, gitlab, job = (yaml.safe_load((TEMPLATES / name).read_text()) for name in names)
        self.assertEqual(set(actions["jobs"]), {"night", "report"})
        self.assertEqual(len(actions["jobs"]["night"]["strategy"]["matrix"]["shard"]), 4)
        self.assertEqual(gitlab["night"]["parallel"], 4)
        self.assertEqual((job["kind"], job["spec"]["completionMode"], job["spec"]["completions"]), ("Job", "Indexed", 4))

    def test_what_they_call_is_there(self):
        shown = subprocess.run([ROOT / "ci/nightly", "--help"], capture_output=True, text=True, check=True).stdout
        for path in TEMPLATES.iterdir():
            for line in path.read_text().splitlines():
                if "ci/nightly --" in line:
                    for option in re.findall(r"--[a-z]+", line):
                        self.assertIn(option, shown, path.name)

    def test_systemd(self):
        service = (TEMPLATES / "lastack-nightly.service").read_text().replace("/opt/lastack", str(ROOT))
        units = [self.write("lastack-nightly.service", service),
                 self.write("lastack-nightly.timer", (TEMPLATES / "lastack-nightly.timer").read_text())]
        done = subprocess.run(["systemd-analyze", "verify", "--man=no", *units], capture_output=True, text=True)
        self.assertNotIn(str(self.folder), done.stderr)
        self.assertEqual(done.returncode, 0, done.stderr)
        subprocess.run(["systemd-analyze", "calendar", "*-*-* 02:17"], check=True, capture_output=True)


class Night(LastackTest):
    def begin(self, *words, spent, root=ROOT):
        environment = {**os.environ, "LASTACK": LASTACK, "NIGHTLY_SPENT": str(spent)}
        return subprocess.Popen(["/usr/bin/python3", "-B", root / "campaigns/night.py", "--minutes", "2", "--out", "night",
                                 "--store", "store", *words], cwd=self.folder, env=environment, text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def report(self):
        return (self.folder / "night/night.md").read_text()

    def test_ended_half_way_it_reports_all_the_same(self):
        self.write("store/store.json", '[{"name": "swarm-9", "file": "swarm-9.yaml", "kinds": ["lost"], "seed": 1, '
                   '"server": "redis 7", "failing": true, "size": 1}]')
        self.write("store/swarm-9.yaml", drawn.Draw(9).text())
        night = self.begin("--seed", "3", "--server", BROKEN / "respd", spent=0)
        said = ""
        self.addCleanup(night.stdout.close)
        for line in night.stdout:
            said += line
            if "] store: " not in line:
                continue
            while not list((self.folder / "night/certify").glob("*/ledger")) and night.poll() is None:
                time.sleep(0.1)
            night.send_signal(signal.SIGTERM)
        night.wait()
        self.assertEqual(night.returncode, 3, said + self.report())
        for words in ("caught", "interrupted", "[certify]", "[store]"):
            self.assertIn(words, self.report())
        self.assertTrue((self.folder / "night/certify/report.html").is_file())
        self.assertTrue((self.folder / "night/certify/junit.xml").is_file())
        if "store: 1 hold" in said:  # a machine that is busy may leave it open
            self.assertFalse(Store(self.folder / "store").entries[0]["failing"], "it holds by now")

    def test_a_canary_that_is_missed_is_the_worst_of_nights(self):
        tree = self.folder / "tree"
        for name in ("campaigns", "fixtures", "scenarios"):
            shutil.copytree(ROOT / name, tree / name)
        (tree / "fixtures/defects.yaml").write_text('- {defect: "", finds: [lost]}\n')
        night = self.begin(spent=80, root=tree)
        said, _ = night.communicate()
        self.assertEqual(night.returncode, 1, said)
        self.assertIn("MISSED", self.report())

    def test_usage(self):
        for words in (("--minutes", "1"), ("--shard", "3/2"), ("--nonsense",)):
            night = self.begin(*words, spent=0)
            night.communicate()
            self.assertEqual(night.returncode, 2, words)

    @unittest.skipUnless(FULL, "two nights of two minutes")
    def test_two_nights(self):
        for turn in range(2):
            began = time.monotonic()
            night = self.begin("--seed", "4", "--server", BROKEN / "respd", spent=0)
            said, _ = night.communicate()
            self.assertEqual(night.returncode, 0, said + self.report())
            self.assertIn("swarm-0", self.report())
            self.assertLess(time.monotonic() - began, 130, said)
            page = (self.folder / "night/certify/report.html").read_text()
            self.assertEqual("What is new" in page, turn == 1)
            shutil.move(self.folder / "night", self.folder / f"night-{turn}")


if __name__ == "__main__":
    unittest.main()
