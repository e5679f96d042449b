#!/usr/bin/python3
"""Every default scenario holds on a sound server (ci/certify shows that) and is violated on one that is broken
in the way the scenario is about. A scenario that cannot fail is not one."""
import unittest

from support import BROKEN, SCENARIOS, LastackTest, sample, scenario_file
from test_defects import TABLE, VIOLATED, not_violated

# scenario -> what breaks it
FLIPS = {
    "kill9-none": "aof-anyway",
    "kill9-rdb": "forgets-rdb",
    "kill9-aof-everysec": "cuts-aof",
    "kill9-aof-everysec-slow-fsync": "cuts-aof",
    "kill9-aof-always": "no-aof",
    "kill-at-aof-write-everysec": "cuts-aof",
    "kill-at-aof-write-always": "cuts-aof",
    "kill-before-fsync": "cuts-aof",
    "kill-in-rdb-write": "takes-temp-rdb",
    "kill-after-rdb-rename": "forgets-rdb",
    "disk-full-rdb": "no-stop-writes",
    "disk-full-aof-always": "cuts-aof",
    "torn-aof-truncated-yes": "cuts-aof",
    "torn-aof-truncated-no": "loads-truncated",
    "torn-rdb-save": "takes-temp-rdb",
    "torn-rdb-file": "forgets-rdb",
    "fork-enomem-bgsave": "no-stop-writes",
    "fork-enomem-rewrite": "cuts-aof",
    "save-child-killed": "no-stop-writes",
    "rewrite-child-killed": "cuts-aof",
    "failed-fsync-no": "cuts-aof",
    "write-commands-aof": "pops-again",
    "write-commands-rdb": "forgets-rdb",
    "write-commands-rewrite": "no-aof",
    "write-commands-replica": "skips-lset",
    "trap-auto-restart": "aof-anyway",
    "expire-while-down-rdb": "forgets-rdb",
    "conversions": "cuts-aof",
    "incident-rewrite-halfway": "cuts-aof",
    "rewrite-without-preamble": "cuts-aof",
    "old-primary-rejoins": "skips-set",
    "sentinel-failover": "skips-set",
    "cluster-takeover": "skips-set",
    "cluster-kill9": "no-aof",
    "tour-users": "cuts-users",
    "tour-config": "halves-config",
    "power-cut-aof-always-real": "no-fsync",
    "power-cut-aof-everysec": "no-fsync",
    "power-cut-mixed": "no-fsync",
    "power-cut-aof-everysec-real": "no-fsync",
    "power-cut-aof-no": "no-fsync",
    "power-cut-aof-no-real": "no-fsync",
    "power-cut-rdb-real": "no-fsync",
    "power-cut-in-rdb-rename": "forgets-rdb",
    "power-cut-in-rdb-rename-real": "forgets-rdb",
    "power-cut-in-rewrite": "cuts-aof",
    "power-cut-in-rewrite-real": "cuts-aof",
}

# the same, with the small server of ours; test_defects.py has more
OUR_FLIPS = {
    "trap-no-restart": "diverging-replica",
    "power-cut-twice-aof-always": "deaf-after-restart",
    "big-values": "truncate-values",
    "failed-fsync-always-trickle": "ignores-failed-fsync",
    "failed-fsync-everysec-trickle": "deaf-after-failed-fsync",
    "torn-transaction-twice": "deaf-after-restart",
    "disk-full-after-rewrite": "ok-under-disk-full",
    "promoted-in-resync": "ack-before-write",
    "tour-aof-always": "no-fsync",
    # tours are short: a write that is lost now and then may be of a key that is written anew
    "tour-aof-everysec": "truncate-values",
    "tour-trickle": "truncate-values",
    "tour-admin": "truncate-values",
    "tour-rdb": "stale-snapshot",
    "tour-replica": "diverging-replica",
}


class Flips(LastackTest):
    def test_every_default_scenario_is_here(self):
        names = {path.stem for path in SCENARIOS.glob("*/*.yaml")
                 if path.parent.name not in ("claims", "worst", "failover", "cuts", "playbooks", "backups")  # tests of their own
                 and "\nworld: " not in path.read_text()}
        self.assertEqual(names, set(FLIPS) | set(OUR_FLIPS) | {one["scenario"] for one in TABLE if "scenario" in one}
                         | {"incident-rotten-bits"})
        self.assertLessEqual(set(VIOLATED), names)

    def test_the_wrapper_itself_breaks_nothing(self):
        run = self.lastack("run", scenario_file("kill9-mixed"), "--server", BROKEN / "redis")
        self.assertEqual(run.status, 0, str(run))

    def test_rotten_bits_that_are_none(self):
        """A server that starts where it is to refuse; here rightly."""
        text = scenario_file("incident-rotten-bits").read_text()
        kept = [line for line in text.splitlines(keepends=True) if not any(word in line for word in ("arm:", "fired", "tool:"))]
        run = self.lastack("run", self.write("rotten.yaml", "".join(kept)))
        self.assertEqual((run.status, run.scenario()["verdict"]), (1, "violated"), str(run))

    def test_trap_without_its_remedy(self):
        """With the restart policy back, the replica is wiped."""
        text = (scenario_file("trap-no-restart")).read_text()
        text = text.replace("restart: no", "restart: on-failure")
        run = self.lastack("run", self.write("trap-no-restart.yaml", text))
        self.assertEqual(run.status, 1, str(run))
        self.assertGreater(run.scenario()["rpo"]["lost"], 0)


def flip(name, defect, server, switch):
    def test(self):
        path = scenario_file(name)
        if defect == "ok-under-disk-full":  # it is waited for in vain, and 20 s long
            path = self.write(f"{name}.yaml", path.read_text().replace("{for: errors}", "{for: errors, timeout_ms: 2000}"))
        run = self.lastack("run", path, "--server", BROKEN / server, env={switch: defect})
        self.assertEqual(run.scenario()["verdict"], "violated", str(run))
        self.assertEqual(run.status, 1)
        self.assertEqual(not_violated(run.scenario()), set(), str(run))
    return test


for flips, server, switch in ((FLIPS, "redis", "REDIS_DEFECT"), (OUR_FLIPS, "respd", "RESPD_DEFECT")):
    for scenario, defect in sample(flips.items()):
        setattr(Flips, f"test_{scenario.replace('-', '_')}_on_{defect.replace('-', '_')}",
                flip(scenario, defect, server, switch))

if __name__ == "__main__":
    unittest.main()
