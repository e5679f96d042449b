#!/usr/bin/python3
"""The same verdicts ten times over, none of them inconclusive. Minutes: behind ci/test --full."""
import unittest

from support import LastackTest

TIMES = 10


class Repeat(LastackTest):
    def test_ten_certifications_agree(self):
        verdicts = []
        for seed in range(TIMES):
            run = self.lastack("certify", "--seed", seed)
            verdicts.append({s["name"]: (s["verdict"], s["reasons"]) for s in run.result["scenarios"]})
            self.assertEqual(run.status, 0, str(run))
        self.assertTrue(all(verdict == verdicts[0] for verdict in verdicts))


if __name__ == "__main__":
    unittest.main()
