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
        """Of the documents' sentences those about speed may be left to --deep by one run and decided by another, and are
        never decided in two ways."""
        verdicts, decided = None, {}
        for seed in range(TIMES):
            run = self.lastack("certify", "--seed", seed)
            self.assertEqual(run.status, 0, str(run))
            said = {s["name"]: (s["verdict"], s["reasons"]) for s in run.result["scenarios"]}
            verdicts = verdicts or said
            self.assertEqual(said, verdicts, f"--seed {seed}")
            for claim in run.result["claims"]:
                if claim["verdict"] != "inconclusive":
                    before = decided.setdefault(claim["id"], claim["verdict"])
                    self.assertEqual(claim["verdict"], before, f"--seed {seed}: {claim}")

    def test_a_thousand_runs_of_delicate_scenarios(self):
        run = self.lastack("run", *DELICATE, "--repeat", -(-RUNS // len(DELICATE)), "--jobs", 4, "--keep", "findings", timeout=7200)
        self.assertEqual(run.status, 0, str(run))
        self.assertEqual(sorted(s["name"] for s in run.result["scenarios"]), sorted(DELICATE))  # as they ended


if __name__ == "__main__":
    unittest.main()
