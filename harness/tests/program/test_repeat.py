#!/usr/bin/python3
"""The same verdicts many times over, none of them inconclusive. Minutes, or an hour: behind ci/test --full."""
import unittest

from support import LastackTest

TIMES = 10

# whose verdicts hang on more than one server, moment or random command
DELICATE = ["wait-partition", "min-replicas-partition", "shutdown-replica-behind", "old-primary-rejoins", "sentinel-failover",
            "cluster-takeover", "cluster-kill9", "failed-fsync-always", "failed-fsync-always-trickle", "failed-fsync-everysec",
            "failed-fsync-everysec-trickle", "failed-fsync-no", "write-commands-aof", "write-commands-rdb",
            "write-commands-rewrite", "write-commands-replica", "power-cut-at-rest", "torn-aof-truncated-yes",
            "expire-while-down-rdb", "rewrite-without-preamble", "conversions"]
RUNS = 1000


class Repeat(LastackTest):
    def test_ten_certifications_agree(self):
        verdicts = []
        for seed in range(TIMES):
            run = self.lastack("certify", "--seed", seed)
            verdicts.append({s["name"]: (s["verdict"], s["reasons"]) for s in run.result["scenarios"]})
            self.assertEqual(run.status, 0, str(run))
        self.assertTrue(all(verdict == verdicts[0] for verdict in verdicts))

    def test_a_thousand_runs_of_delicate_scenarios(self):
        run = self.lastack("run", *DELICATE, "--repeat", -(-RUNS // len(DELICATE)), "--jobs", 4, "--keep", "findings", timeout=7200)
        self.assertEqual(run.status, 0, str(run))
        self.assertEqual(sorted(s["name"] for s in run.result["scenarios"]), sorted(DELICATE))  # as they ended


if __name__ == "__main__":
    unittest.main()
