#!/usr/bin/python3
"""A small server of ours with a switch for each defect: every one is found, by its right name, by scenarios that do
not know which is on; with none on, the same scenarios hold. FULL=1: all of them, over a thousand runs."""
import importlib.util
import unittest

from support import BROKEN, FULL, SCENARIOS, LastackTest, scenario_file

# defect -> finding kinds, one of which must be there, where an ordinary kill -9 shows it; and the type that it strikes.
# The standard mix finds it as well, when enough operations of that type are drawn: here the whole load consists of it.
KILL9 = {
    "lose-tail": ({"lost", "hole"}, "list"),
    "skip-nth": ({"hole", "lost", "corrupt"}, "counter"),
    "half-multi": ({"torn transaction"}, "transaction"),
    "half-script": ({"torn transaction"}, "script"),
    "lose-pipeline-tail": ({"hole"}, "list"),
    "forget-del": ({"resurrected"}, "string"),
    "forget-unlink": ({"resurrected"}, "string"),
    "forget-flush": ({"resurrected", "lost"}, "flush"),
    "forget-expire": ({"hole", "wrong ttl"}, "expiry"),
    "forget-persist": ({"hole", "wrong ttl"}, "expiry"),
    "forget-copy": ({"torn transaction", "hole"}, "move"),
    "forget-pop": ({"resurrected"}, "queue"),
    "forget-hdel": ({"resurrected"}, "hash"),
    "revived-member": ({"resurrected"}, "set"),
    "revived-score": ({"resurrected"}, "zset"),
    "revived-entry": ({"resurrected"}, "stream"),
    "forget-group": ({"hole"}, "group"),
    "forget-delivery": ({"hole"}, "group"),
    "forget-ack": ({"resurrected"}, "group"),
    "blpop-redelivers": ({"resurrected"}, "queue"),
    "half-rename": ({"torn transaction", "hole"}, "move"),
    "clear-bit": ({"hole", "lost"}, "bitmap"),
    "shifted-range": ({"corrupt"}, "range"),
    "lost-append": ({"hole"}, "append"),
    "double-incr": ({"phantom"}, "counter"),
    "double-push": ({"corrupt"}, "list"),
    "shift-ttl": ({"wrong ttl"}, "expiry"),
    "stale-snapshot": ({"lost"}, None),
    "reorder": ({"hole"}, "list"),
    "reorder-clients": ({"hole"}, "list"),
    "swap-values": ({"phantom", "corrupt"}, None),
    "foreign-value": ({"phantom", "corrupt"}, None),
    "truncate-values": ({"corrupt"}, None),
    "corrupt-values": ({"corrupt", "phantom"}, None),
    "wrong-counter": ({"phantom"}, "counter"),
    "phantom-key": ({"phantom"}, None),
    "drop-list-head": ({"hole"}, "list"),
    "lost-field": ({"hole"}, "hash"),
    "lost-member": ({"hole"}, "set"),
    "wrong-score": ({"phantom"}, "zset"),
    "lost-entry": ({"hole"}, "stream"),
    "garbled-member": ({"phantom"}, "zset"),
    "wrapped-score": ({"phantom"}, "zset"),
    "renamed-field": ({"phantom"}, "hash"),
    "shifted-id": ({"corrupt"}, "stream"),
    "renamed-entry-field": ({"corrupt"}, "stream"),
    "skipped-entries": ({"corrupt"}, "group"),
    "stranger-pending": ({"corrupt"}, "group"),
    "sudden-ttl": ({"wrong ttl"}, "list"),
    "lose-ttl": ({"wrong ttl"}, "expiry"),
    "field-ttl-lost": ({"hole", "wrong ttl"}, "field-expiry"),
    "wrong-database": ({"phantom"}, "flush"),
    "refuse-start": ({"refuses to start"}, None),
    "read-only-after-restart": ({"unavailable"}, None),
    "ack-before-write": ({"lost"}, None),
}

# defect -> the scenario that shows it, and what it is called there
ELSEWHERE = {
    "no-fsync": ("power-cut-aof-always", {"lost"}),
    "no-fsync-at-rest": ("power-cut-at-rest", {"lost"}),
    "fsync-wrong-file": ("power-cut-aof-always", {"lost"}),
    "rename-without-dirsync": ("power-cut-rdb", {"lost"}),
    "ignores-failed-fsync": ("failed-fsync-always", {"lost", "refuses to start"}),
    "deaf-after-failed-fsync": ("failed-fsync-everysec", set()),
    "ok-under-disk-full": ("disk-full-aof-everysec", {"hole"}),
    "lose-rewrite-tail": ("kill9-mixed", {"hole"}),
    "early-wait": ("wait-failover", {"lost"}),
    "early-waitaof": ("waitaof-power-cut", {"lost"}),
    "waitaof-at-once": ("waitaof-cut-at-fsync", {"lost"}),
    "wait-counts-connections": ("wait-partition", {"lost"}),
    "shutdown-leaves-replicas": ("shutdown-replica-behind", {"lost"}),
    "ignores-min-replicas": ("min-replicas-partition", set()),
    "revive-expired": ("expire-while-down", {"resurrected", "wrong ttl"}),
    "deaf-after-restart": ("kill9-twice-aof-always", {"lost"}),
    "diverging-replica": ("replica-resync", {"diverged"}),
    "replica-keeps-deleted": ("replica-resync", {"diverged"}),
}
SOUND = ["failed-fsync-always", "failed-fsync-always-trickle", "failed-fsync-everysec", "failed-fsync-everysec-trickle",
         "failed-fsync-no",
         "kill9-none", "kill9-rdb", "kill9-aof-always", "kill9-aof-everysec", "kill9-mixed", "kill-before-fsync",
         "kill9-twice-aof-always",
         "power-cut-at-rest", "replica-resync", "wait-failover", "waitaof-power-cut",
         "wait-partition", "waitaof-cut-at-fsync", "min-replicas-partition", "shutdown-replica-behind",
         "torn-transaction-twice", "expire-while-down"]
RUNS = 1000


def table():
    """The switches that the server knows."""
    spec = importlib.util.spec_from_file_location("defects", BROKEN / "respd_parts/defects.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.TABLE


class Defects(LastackTest):
    folders = "/dev/shm"  # what a real disk adds is time: the defects are the server's

    def test_every_switch_is_here(self):
        self.assertEqual(set(table()), set(KILL9) | set(ELSEWHERE) | {"loading-forever", "skip-nth-fsync", "info-says-ok"})

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
        self.assertTrue(not kinds or run.kinds() & kinds, f"{run.kinds()} has none of {kinds}\n{run}")


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


for name, (expected, struck_type) in KILL9.items():
    setattr(Defects, f"test_{name.replace('-', '_')}", by_kill9(name, expected, struck_type))
    setattr(Defects, f"test_default_{name.replace('-', '_')}", by_default(name, expected))
for name, (shown_by, expected) in ELSEWHERE.items():
    setattr(Defects, f"test_{name.replace('-', '_')}", by(name, shown_by, expected))

if __name__ == "__main__":
    unittest.main()
