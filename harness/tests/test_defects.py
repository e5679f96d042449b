#!/usr/bin/python3
"""A small server of ours with a switch for each defect: every one is found, by its right name, by scenarios that do
not know which is on; with none on, the same scenarios hold."""
import unittest

from support import BROKEN, SCENARIOS, LastackTest

# defect -> finding kinds, one of which must be there
DEFECTS = {
    "lose-tail": {"lost", "hole"},
    "skip-nth": {"hole", "lost", "corrupt"},
    "half-multi": {"torn transaction"},
    "forget-del": {"resurrected"},
    "swap-values": {"phantom", "corrupt"},
    "truncate-values": {"corrupt"},
    "corrupt-values": {"corrupt", "phantom", "torn transaction"},
    "phantom-key": {"phantom"},
    "stale-snapshot": {"lost"},
    "reorder": {"hole"},
    "drop-list-head": {"hole"},
    "lost-field": {"hole", "lost"},
    "wrong-counter": {"phantom", "torn transaction"},
    "refuse-start": {"refuses to start"},
    "read-only-after-restart": {"unavailable"},
    "ack-before-write": {"lost"},
}
SOUND = ["kill9-none", "kill9-rdb", "kill9-aof-always", "kill9-aof-everysec", "kill9-mixed", "kill-before-fsync"]


class Defects(LastackTest):
    def test_no_defect_holds(self):
        run = self.lastack("run", *[SCENARIOS / f"{name}.yaml" for name in SOUND], "--server", BROKEN / "respd")
        self.assertEqual(run.status, 0, str(run))

    def test_nobody_loads_for_ever(self):
        text = (SCENARIOS / "kill9-aof-always.yaml").read_text()
        text = text.replace("  - recover: {}", "  - recover: {timeout_ms: 2000}")
        run = self.lastack("run", self.write("kill9.yaml", text), "--server", BROKEN / "respd",
                           env={"RESPD_DEFECT": "loading-forever"})
        self.assertEqual(run.status, 1, str(run))
        self.assertIn("unavailable", run.kinds())


def caught(defect, kinds):
    def test(self):
        run = self.lastack("run", SCENARIOS / "kill9-aof-always.yaml", "--server", BROKEN / "respd",
                           env={"RESPD_DEFECT": defect})
        self.assertEqual(run.status, 1, str(run))
        self.assertTrue(run.kinds() & kinds, f"{run.kinds()} has none of {kinds}\n{run}")
    return test


for name, expected in DEFECTS.items():
    setattr(Defects, f"test_{name.replace('-', '_')}", caught(name, expected))

if __name__ == "__main__":
    unittest.main()
