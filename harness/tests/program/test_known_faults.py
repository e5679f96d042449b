#!/usr/bin/python3
"""Faults that versions of Redis and Valkey had: scenarios/history has one scenario for each. It is violated on a server
of ours that is broken in the same way, and holds on the sound one. FULL=1: it also holds where that server is broken in
the way of another fault."""
import concurrent.futures
import json
import re
import unittest

import yaml

from support import BROKEN, FULL, ROOT, SCENARIOS, LastackTest
from test_defects import TABLE, is_history

FOLDER = SCENARIOS / "history"
FAULTS = {path.stem: yaml.safe_load(path.read_text()) for path in FOLDER.glob("*.yaml")}
ROWS = {row["scenario"]: row for row in TABLE if is_history(row)}
AT_ONCE = 4  # most of the time they wait
UNTRIED = {("no-fsync-at-rest", "waitaof-early")}  # what is never fsynced is never promised


class KnownFaults(LastackTest):
    folders = "/dev/shm"

    def on(self, scenario, defect=""):
        return self.lastack("run", scenario, "--server", BROKEN / "respd", "--jobs", AT_ONCE, env={"RESPD_DEFECT": defect})

    def test_each_has_a_defect_of_its_own(self):
        self.assertGreaterEqual(len(FAULTS), 20)
        self.assertEqual(set(ROWS), set(FAULTS))
        self.assertEqual(len({row["defect"] for row in ROWS.values()}), len(FAULTS))
        for row in ROWS.values():
            self.assertTrue(row["finds"], row)

    def test_a_sound_server_has_none_of_them(self):
        run = self.on(FOLDER)
        self.assertEqual(run.status, 0, str(run))
        self.assertEqual({entry["name"] for entry in run.result["scenarios"]}, set(FAULTS))

    def test_each_is_violated_on_its_own_defect(self):
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
            runs = list(pool.map(lambda name: self.on(FOLDER / f"{name}.yaml", ROWS[name]["defect"]), ROWS))
        for name, run in zip(ROWS, runs):
            with self.subTest(scenario=name):
                self.assertEqual(run.status, 1, str(run))
                self.assertTrue(set(run.scenario()["violated"]) & set(ROWS[name]["finds"]), str(run))

    @unittest.skipUnless(FULL, "takes a quarter of an hour")
    def test_each_is_violated_on_no_other_defect(self):
        for name, row in ROWS.items():
            with self.subTest(defect=row["defect"]):
                run = self.on(FOLDER, row["defect"])
                others = {one: "inconclusive" if (row["defect"], one) in UNTRIED else "holds" for one in FAULTS}
                self.assertEqual({entry["name"]: entry["verdict"] for entry in run.result["scenarios"]},
                                 {**others, name: "violated"}, str(run))

    def test_they_are_run_when_named_only(self):
        for folder in ("strategies", "faults"):
            (self.folder / "own" / folder).mkdir(parents=True)
        self.write("own/history/one.yaml", (FOLDER / "keepttl-lost.yaml").read_text())
        self.assert_refused(self.lastack("run", self.folder / "own", "--server", BROKEN / "respd"), "no scenario")
        run = self.lastack("run", self.folder / "own/history", "--server", BROKEN / "respd")
        self.assertEqual(run.status, 0, str(run))

    def test_what_is_said_of_them(self):
        """The files, `lastack list`, the result, `lastack explain` and the table of the page agree."""
        listed = {one["name"]: one["history"] for one in json.loads(self.lastack("list", "--json", out=False).stdout)}
        said = {name: {"mended": None, **fault["history"]} for name, fault in FAULTS.items()}
        self.assertEqual({name: history for name, history in listed.items() if history}, said)
        page = (ROOT / "docs/scenarios.md").read_text()
        rows = set(re.findall(r"(?m)^\| `[a-z-]+` \| .+ \| `[a-z-]+` \|$", page))
        self.assertEqual(rows, {f"| `{name}` | {FAULTS[name]['title']} | {about['tracker']} | {about['versions']} | "
                                f"{about['mended']} | `{ROWS[name]['defect']}` |" for name, about in said.items()})
        run = self.lastack("run", FOLDER / "keepttl-lost.yaml", "--server", BROKEN / "respd")
        self.assertEqual(run.scenario()["history"], said["keepttl-lost"])
        explained = self.lastack("explain", "keepttl-lost", out=False).stdout
        for words in said["keepttl-lost"].values():
            self.assertIn(words, " ".join(explained.split()))
        self.assertIn("[redis#7357: 6.0.0 to 6.0.4]", self.lastack("list", out=False).stdout)


if __name__ == "__main__":
    unittest.main()
