#!/usr/bin/python3
"""A small server of ours with a switch for each defect: every one is found, by its right name, by scenarios that do
not know which is on; with none on, the same scenarios hold. FULL=1: all of them, over a thousand runs."""
import importlib.util
import unittest

import yaml

from support import BROKEN, FULL, ROOT, SCENARIOS, LastackTest, sample, scenario_file

# The standard mix finds most by kill -9, when enough operations of a type are drawn: here the load consists of that type.
TABLE = yaml.safe_load((ROOT / "fixtures/defects.yaml").read_text())
SOUND = ["failed-fsync-always", "failed-fsync-always-trickle", "failed-fsync-everysec", "failed-fsync-everysec-trickle",
         "failed-fsync-no",
         "kill9-none", "kill9-rdb", "kill9-aof-always", "kill9-aof-everysec", "kill9-mixed", "kill-before-fsync",
         "kill9-twice-aof-always",
         "power-cut-at-rest", "replica-resync", "wait-failover", "waitaof-power-cut",
         "wait-partition", "waitaof-cut-at-fsync", "min-replicas-partition", "shutdown-replica-behind",
         "torn-transaction-twice", "expire-while-down"]
RUNS = 1000

# and the claims that such a scenario says are violated then, by its own defect here or by that of test_flips.py
VIOLATED = {
    "disk-full-aof-everysec": "S0-74",
    "disk-full-rdb": "S2-11",
    "fork-enomem-bgsave": "S2-08",
    "kill9-none": "S0-01 S0-76",
    "kill9-rdb": "S0-02",
    "power-cut-aof-always": "S0-04 S0-76",
    "power-cut-aof-always-real": "S0-04",
    "power-cut-aof-everysec": "S0-03 S0-23 S1-08",
    "power-cut-aof-everysec-real": "S0-03 S1-08",
    "power-cut-mixed": "S0-05 S0-76 S4-02",
    "power-cut-rdb": "S0-02",
    "power-cut-rdb-real": "S0-02",
    "rewrite-child-killed": "S1-12",
    "torn-aof-truncated-yes": "S2-02",
    "trap-auto-restart": "S0-65",
    "trap-no-restart": "S0-67",
    "wait-partition": "S0-21",
}


def is_history(row):
    """It breaks the server as a version of Redis or Valkey once was broken."""
    return "scenario" in row and scenario_file(row["scenario"]).parent.name == "history"


def table():
    """The switches that the server knows."""
    spec = importlib.util.spec_from_file_location("defects", BROKEN / "respd_parts/defects.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.TABLE


def not_violated(scenario):
    """Of the claims that are to be: a scenario that is violated may be so for what they do not speak of."""
    ids = VIOLATED.get(scenario["name"], "").split()
    said = [one for one in scenario["claim_verdicts"] if one["id"] in ids]
    return set(ids) - {one["id"] for one in said} | {one["id"] for one in said if one["verdict"] != "violated"}


class Defects(LastackTest):
    folders = "/dev/shm"  # what a real disk adds is time: the defects are the server's

    def test_every_switch_is_here(self):
        self.assertEqual(set(table()), {one["defect"] for one in TABLE} | {"loading-forever", "skip-nth-fsync", "info-says-ok", "leaks-folder"})

    def test_no_defect_holds(self):
        run = self.lastack("run", *[scenario_file(name) for name in SOUND], "--server", BROKEN / "respd")
        self.assertEqual(run.status, 0, str(run))
        self.assertEqual(len(run.result["scenarios"]), len(SOUND), str(run))

    @unittest.skipUnless(FULL, "takes a quarter of an hour")
    def test_no_defect_holds_a_thousand_times(self):
        count = len(list(SCENARIOS.glob("*/*.yaml")))
        run = self.lastack("run", SCENARIOS, "--server", BROKEN / "respd", "--repeat", RUNS // count + 1, timeout=7200)
        self.assertEqual(run.status, 0, str(run))
        self.assertGreaterEqual(sum(scenario["repeats"]["runs"] for scenario in run.result["scenarios"]), RUNS)

    def test_nobody_loads_for_ever(self):
        self.caught("loading-forever", self.write("kill9.yaml", kill9(IMPATIENT)), {"unavailable"})

    def test_skip_nth_fsync(self):
        """Of twenty fsyncs one is made. The power is cut half-way between two of those, before a write whose client has
        the answers to all the others: a cut at any moment may come when nothing is outstanding."""
        text = (scenario_file("power-cut-aof-always")).read_text()
        text = text.replace("  - load: {acked: 3000}\n  - power_cut: {}\n", """\
  - arm: {rule: "op=write path=**/*.incr.aof role=server nth=311 do=power-cut"}
  - load: {acked: 300}
  - wait: {for: exit}
""") + "load: {clients: 1, pipeline: 1, min_acked: 300, mix: [{type: counter, share: 1}]}\n"
        path = self.write("power-cut.yaml", text)
        self.caught("skip-nth-fsync", path, {"lost"})
        run = self.lastack("run", path, "--server", BROKEN / "respd")
        self.assertEqual(run.status, 0, str(run))

    def test_phantoms_are_found_beside_keys_that_the_scenario_writes_itself(self):
        text = kill9().replace("steps:\n", "steps:\n  - command: {send: SET mine 1}\n", 1)
        path = self.write("kill9.yaml", text)
        self.caught("phantom-key", path, {"phantom"})
        run = self.lastack("run", path, "--server", BROKEN / "respd")
        self.assertEqual(run.status, 0, str(run))

    def caught(self, defect, scenario, kinds, *options):
        run = self.lastack("run", scenario, "--server", BROKEN / "respd", *options, env={"RESPD_DEFECT": defect})
        self.assertEqual(run.status, 1, str(run))
        seen = set(run.scenario()["violated"])
        self.assertTrue(not kinds or seen & kinds, f"{seen} has none of {kinds}\n{run}")
        self.assertEqual(not_violated(run.scenario()), set(), str(run))


IMPATIENT = "{timeout_ms: 8000}"  # for those that never serve again, and for them alone: others may be slow to


def kill9(recover="{}"):
    """kill9-aof-always."""
    text = (scenario_file("kill9-aof-always")).read_text()
    return text.replace("  - recover: {}", f"  - recover: {recover}")


def by_kill9(defect, kinds, struck):
    def test(self):
        text = kill9(IMPATIENT if "unavailable" in kinds else "{}")
        if struck:
            text += f"load: {{clients: 15, mix: [{{type: {struck}, share: 1}}]}}\n"
        self.caught(defect, self.write("kill9.yaml", text), kinds)
    return test


def by(defect, scenario, kinds):
    return lambda self: self.caught(defect, scenario_file(scenario), kinds)


def by_default(defect, kinds):
    """Nothing in the scenario, nor in its load, points to the defect."""
    return unittest.skipUnless(FULL, "the same by a load that is about it takes a third of the time")(
        lambda self: self.caught(defect, scenario_file("kill9-aof-always"), kinds, "--repeat", 3))


for one in sample(TABLE):
    name, expected = one["defect"].replace("-", "_"), set(one["finds"])
    if is_history(one):
        continue  # test_known_faults.py
    if "scenario" in one:
        setattr(Defects, f"test_{name}", by(one["defect"], one["scenario"], expected))
        continue
    setattr(Defects, f"test_{name}", by_kill9(one["defect"], expected, one.get("type")))
    setattr(Defects, f"test_default_{name}", by_default(one["defect"], expected))

if __name__ == "__main__":
    unittest.main()
