#!/usr/bin/python3
"""What certify answers first: what a configuration loses at worst. Turning the directive that decides turns the answer."""
import concurrent.futures
import unittest
import zlib

from result_schema import schema_errors
from support import BROKEN, FULL, SCENARIOS, LastackTest, undocumented
from test_userconfig import Server

HOUR = 3600 * 1000


class Worst(LastackTest):
    def all_at(self, cases, *options):
        """The same of several (name, lines), beside each other: most of the time they wait."""
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            return [seen["worst"] for seen in pool.map(lambda case: self.at(*case, *options), cases)]

    def at(self, name, lines, *options, **more):
        """What one scenario sees with a configuration."""
        conf = self.write(f"{name}-{zlib.crc32(lines.encode())}.conf", lines + "\n")
        [path] = SCENARIOS.glob(f"*/{name}.yaml")
        run = self.lastack("run", path, "--config", conf, *options, **more)
        self.assertIsNotNone(run.result, str(run))
        if not run.result["scenarios"]:
            return None
        self.assertEqual(schema_errors(run.result), [])
        return run.scenario()

    def test_certify_answers_first(self):
        conf = self.write("rdb.conf", "save 3600 1 300 100 60 10000\nappendonly no\n")
        run = self.lastack("certify", "--worst", "--config", conf, "--rpo", "10s", "--rto", "60s", "--jobs", 2, "--set", "hz 20")
        answer = run.result["answer"]
        self.assertEqual(schema_errors(run.result), [])
        self.assertEqual(undocumented(set(answer) | set(answer["situations"][0]) | set(answer["remedies"][0])), [])
        self.assertEqual([one["situation"] for one in answer["situations"]],
                         ["kill", "power cut", "full disk", "failed fork", "failed fsync", "restart"])
        for one in answer["situations"][:-1]:
            self.assertTrue(HOUR * 0.99 <= one["window_ms"] <= HOUR * 1.1, one)
            self.assertTrue(one["by_itself"] and not one["boundless"] and not one["unknown"], one)
            self.assertTrue(one["one_write"], one)
            self.assertTrue((run.out / one["scenario"] / "scenario.json").exists(), one)
        self.assertTrue(answer["situations"][-1]["everything"], "the trap: nothing was saved yet")
        self.assertIn("RDB snapshots", answer["strategy"])
        self.assertEqual({one["name"]: one["verdict"] for one in answer["requirements"]}, {"rpo": "violated", "rto": "holds"})
        self.assertEqual(run.status, 1, str(run))
        # what is proposed has been run, and is better
        best, other = answer["remedies"]
        self.assertEqual((best["line"], best["proposed"], best["was"]), ("appendonly yes", True, "no"))
        for one in best["situations"]:
            self.assertLess(one["window_ms"], 10000, one)
            self.assertTrue((run.out / one["scenario"] / "scenario.json").exists(), one)
        self.assertGreater(best["throughput"]["percent"], 5)
        self.assertIn("--set 'hz 20'", (run.out / best["throughput"]["scenario"] / "scenario.json").read_text())
        self.assertEqual(other["line"], "save 60 1")
        for one in other["situations"]:
            self.assertTrue(59000 <= one["window_ms"] <= 90000, one)
        first = run.stdout[:run.stdout.index("scenario  ")]
        self.assertRegex(first, r"kill +36\d\d s +all .*worst-kill \(clock x1200\)")
        self.assertRegex(first, r"--rpo 10000 ms: violated")
        self.assertRegex(first, r"with 'appendonly yes' \(it is appendonly no\): kill")
        # a trial is repeated by what stands in it
        trial = (run.out / "worst-kill-with-save-60-1/scenario.json").read_text()
        self.assertIn("--set 'save 60 1'", trial)

    def test_the_interval_decides(self):
        points = {600: "save 600 1", 36000: "save 36000 1 120 3"}
        for seconds, seen in zip(points, self.all_at(("worst-kill", f"appendonly no\n{save}") for save in points.values())):
            self.assertTrue(0.98 * seconds <= seen["window_ms"] / 1000 <= 1.1 * seconds, seen)
            self.assertIn(f"after {seconds} s", seen["moment"])

    def test_a_server_that_does_not_tell_its_settings(self):
        seen = self.at("worst-kill", "appendonly no\nsave 900 10\nsave 600 1\nrename-command CONFIG \"\"")["worst"]
        self.assertTrue(590 <= seen["window_ms"] / 1000 <= 660, seen)

    def test_snapshots_that_never_come(self):
        rare, nothing, log = self.all_at([("worst-kill", "appendonly no\nsave 600 1000000"),
                                          ("worst-kill", "appendonly no\nsave \"\""),
                                          ("worst-kill", "appendonly yes\nappendfsync always")])
        self.assertTrue(rare["boundless"] and rare["lost"] and not rare["everything"], rare)
        self.assertTrue(nothing["boundless"] and nothing["lost"] and nothing["everything"], nothing)
        self.assertFalse(log["boundless"] or log["lost"] or log["everything"], log)
        self.assertEqual([one["one_write"] for one in (rare, nothing, log)], [True, False, False])

    def test_writes_that_go_on_after_a_failed_snapshot(self):
        cases = [(name, f"appendonly no\nsave 600 1\nstop-writes-on-bgsave-error {stop}")
                 for name in ("worst-full-disk", "worst-failed-fork") for stop in ("yes", "no")]
        for case, seen in zip(cases, self.all_at(cases)):
            self.assertEqual(seen["boundless"], case[1].endswith("no"), f"{case} {seen}")

    def test_the_policy_decides(self):
        log = "appendonly yes\nsave \"\"\nappendfsync "
        always, everysec, no = self.all_at(("worst-power-cut-stall", log + policy) for policy in ("always", "everysec", "no"))
        self.assertEqual(always["lost"], 0, always)
        self.assertTrue(everysec["lost"] and not everysec["boundless"], everysec)
        self.assertTrue(no["lost"] and no["boundless"], no)
        goes_on, waits = self.all_at(("worst-power-cut-rewrite", f"{log}everysec\nno-appendfsync-on-rewrite {rewriting}")
                                     for rewriting in ("no", "yes"))
        self.assertFalse(goes_on["boundless"], goes_on)
        self.assertTrue(waits["boundless"], waits)
        self.assertIsNone(self.at("worst-power-cut-stall", "appendonly no"), "it is about the log")

    def test_a_replica_keeps_what_has_reached_it(self):
        """Whatever the primary has in its files; cut off, what was acknowledged without it, unless that is refused."""
        nothing = "appendonly no\nsave \"\""
        none, always, power, cut_off = self.all_at([
            ("failover-kill", nothing), ("failover-kill", "appendonly yes\nappendfsync always"), ("failover-power-cut", nothing),
            ("failover-kill-cut-off", nothing)])
        refused = self.at("failover-kill-cut-off", nothing, "--set", "min-replicas-to-write 1",
                          "--set", "min-replicas-max-lag 1")["worst"]
        for seen in (none, always, power):
            self.assertFalse(seen["boundless"] or seen["everything"] or not seen["by_itself"], seen)
            self.assertGreater(seen["ready_ms"], 0, seen)
        self.assertTrue(cut_off["boundless"] and cut_off["lost"] and not cut_off["everything"], cut_off)
        self.assertTrue(refused["lost"] and not refused["boundless"], refused)
        self.assertIn("when a write was refused", refused["moment"])

    def test_a_primary_whose_replica_has_nothing(self):
        """It follows nobody when its primary dies: all is gone, and nothing would keep it."""
        text = (SCENARIOS / "failover/failover-kill.yaml").read_text()
        leaves = text.replace("steps:\n", "steps:\n  - command: {node: replica, send: REPLICAOF NO ONE}\n")
        run = self.lastack("run", self.write("failover-kill.yaml", leaves), "--set", "appendonly no", "--set", "save \"\"")
        seen = run.scenario()["worst"]
        self.assertTrue(seen["everything"] and seen["boundless"], str(run))

    def test_a_replica_that_cannot_take_over(self):
        text = (SCENARIOS / "failover/failover-kill.yaml").read_text()
        alive = "".join(line for line in text.splitlines(keepends=True) if "brink" not in line and "disarm" not in line)
        run = self.lastack("run", self.write("alive.yaml", alive))
        self.assertEqual((run.status, run.scenario()["verdict"]), (3, "inconclusive"), str(run))
        self.assertIn("which is not down", str(run.scenario()["reasons"]))
        deaf = text.replace("replicates: primary}", "replicates: primary, config: \"rename-command REPLICAOF \\\"\\\"\"}").replace(
            "promote: {node: replica}", "promote: {node: replica, timeout_ms: 500}")
        run = self.lastack("run", self.write("deaf.yaml", deaf))
        self.assertEqual(run.scenario()["verdict"], "violated", str(run))
        self.assertEqual(run.kinds(), {"unavailable"})

    def test_a_server_that_does_not_sync(self):
        """The configuration promises what the server does not keep."""
        seen = self.at("worst-power-cut", "appendonly yes\nappendfsync always", "--server", BROKEN / "redis",
                       env={"REDIS_DEFECT": "no-fsync"})["worst"]
        self.assertGreater(seen["lost"], 0, seen)

    @unittest.skipUnless(FULL, "takes minutes: what a strategy is made of has tests of its own")
    def test_the_ways_of_persisting_side_by_side(self):
        """Every strategy with what it loses and costs, in the order in which the documents have them."""
        run = self.lastack("certify", "--matrix", "--repeat", 2, "--jobs", 6, "--keep", "none")
        matrix = {entry["strategy"]: entry for entry in run.result["matrix"]}
        self.assertEqual(schema_errors(run.result), [])
        self.assertEqual(undocumented(set(run.result["matrix"][0]) | set(run.result["matrix"][0]["rows"][0])), [])
        self.assertNotEqual(run.status, 1, str(run))

        def at(strategy, scenario):
            [row] = [row for row in matrix[strategy]["rows"] if row["scenario"].startswith(f"{scenario}-with")]
            self.assertEqual(row["runs"], 2)
            return row["worst"]
        self.assertEqual(list(matrix)[:5], ["none", "RDB hourly", "RDB every 5 minutes", "AOF everysec", "AOF always"])
        self.assertTrue(at("none", "worst-kill")["everything"])
        for strategy, seconds in (("RDB hourly", 3600), ("RDB every 5 minutes", 300)):
            for scenario in ("worst-kill", "worst-power-cut"):
                self.assertAlmostEqual(at(strategy, scenario)["window_ms"] / 1000, seconds, delta=seconds / 10)
        for strategy in ("AOF everysec", "mixed"):
            self.assertTrue(1000 < at(strategy, "worst-power-cut-stall")["window_ms"] < 10000)
        self.assertFalse(at("mixed", "worst-power-cut-rewrite")["boundless"])
        self.assertTrue(at("mixed, no fsync in a rewrite", "worst-power-cut-rewrite")["boundless"])
        for strategy in ("a replica, and no files", "a replica, both mixed"):
            self.assertTrue(matrix[strategy]["replica"])
            self.assertEqual({row["situation"] for row in matrix[strategy]["rows"]}, {"kill", "power cut"})
            self.assertTrue(at(strategy, "failover-kill-cut-off")["boundless"])
            for scenario in ("failover-kill", "failover-power-cut"):
                seen = at(strategy, scenario)
                self.assertFalse(seen["boundless"] or seen["everything"], seen)
        for row in matrix["AOF always"]["rows"]:
            self.assertEqual(row["worst"]["lost"], 0, row)
        for entry in matrix.values():
            self.assertGreater(entry["price"]["percent"], 5, entry["price"])
            self.assertEqual(entry["price"]["log_bytes"] is not None and entry["price"]["log_bytes"] > 0,
                             "appendonly yes" in entry["lines"], entry["price"])

    def test_another_version(self):
        """The way there loses nothing, or is violated; the way back is told."""
        def moves(defect, old):
            run = self.lastack("run", "worst-upgrade", "worst-downgrade", "--old-server", old, "--server", BROKEN / "redis",
                               env={"REDIS_DEFECT": defect})
            self.assertEqual(schema_errors(run.result), [])
            return run.scenario("worst-upgrade"), run.scenario("worst-downgrade")
        there, back = moves("", "redis-server")
        self.assertEqual((there["verdict"], there["worst"]["lost"]), ("holds", 0), there["reasons"])
        self.assertEqual((back["verdict"], back["worst"]["lost"], back["worst"]["by_itself"]), ("holds", 0, True), back)
        self.assertIn("--old-server", back["reproduce"])
        there, _ = moves("forgets-rdb", "redis-server")
        self.assertEqual((there["verdict"], there["worst"]["everything"]), ("violated", True), there)
        refuses = self.write("refuses", "#!/bin/sh\n[ -e \"$(dirname \"$1\")/data/dump.rdb\" ] && exit 1\nexec redis-server \"$@\"\n")
        refuses.chmod(0o755)
        _, back = moves("", refuses)
        self.assertEqual((back["verdict"], back["worst"]["by_itself"], back["worst"]["lost"]), ("holds", False, None), back)
        run = self.lastack("run", "worst-upgrade")
        self.assertIn("--old-server names it", run.stdout)

    def test_what_another_version_cannot_read_is_no_loss(self):
        """Given data is not the old server's; a configuration that it refuses says nothing of its files."""
        data = self.folder / "data"
        data.mkdir()
        with Server(self.folder, "--dir", data, "--save", "") as server:
            server.cli("SET", "theirs", "precious")
            server.cli("XADD", "log", "1-1", "field", "value")
            server.cli("SAVE")
        run = self.lastack("run", "worst-upgrade", "worst-downgrade", "--old-server", "redis-server", "--data", data)
        self.assertEqual([one["name"] for one in run.result["scenarios"]], ["worst-downgrade"], str(run))
        self.assertIn("the old server begins without data", run.stdout)
        self.assertEqual(run.status, 0, str(run))
        old = self.write("old.sh", "#!/bin/sh\n! grep -qs '^hz' \"$1\" || { echo \"Bad directive 'hz'\"; exit 1; }\n"
                         "exec redis-server \"$@\"\n")
        old.chmod(0o755)
        run = self.lastack("run", "worst-upgrade", "--old-server", old, "--config", self.write("new.conf", "hz 20\n"))
        self.assert_refused(run, "--old-server", "Bad directive 'hz'")

    def test_requirements_are_about_the_configuration(self):
        """--rpo is asked of what is written, not of scenarios that set something else; --set changes what is written."""
        for line, verdict in (("appendfsync always", "holds"), ("appendfsync everysec", "violated")):
            seen = self.at("worst-power-cut-stall", "appendonly yes\nsave \"\"", "--rpo", "100ms", "--set", line)
            self.assertEqual(seen["verdict"], verdict, seen["reasons"])
            self.assertIn(f"--set '{line}'", seen["reproduce"])
        # a run that could not be made leaves a requirement open, though every scenario holds
        conf = self.write("open.conf", "appendonly yes\nno-appendfsync-on-rewrite yes\nrename-command BGREWRITEAOF \"\"\n")
        run = self.lastack("certify", "--worst", "--quick", "--config", conf, "--rpo", "1h")
        self.assertEqual([one["verdict"] for one in run.result["answer"]["requirements"]], ["inconclusive"], str(run))
        self.assertEqual((run.status, {s["verdict"] for s in run.result["scenarios"]}), (3, {"holds"}), str(run))
        self.assertIn("and it may be worse: worst-power-cut-rewrite", run.stdout)
        self.assertEqual(self.lastack("run", "worst-kill", "--matrix").status, 2)
        run = self.lastack("certify", "--matrix", "--rto", "5s")
        self.assertEqual(run.status, 2)
        self.assertIn("--matrix is about many", run.stderr)

    def test_a_configuration_that_the_server_refuses(self):
        """Nothing is judged of it, and no target of the user's either."""
        run = self.lastack("certify", "--worst", "--quick", "--config", self.write("odd.conf", "save 3600 1\nappendonly no\n"
                           "tls-port some\n"), "--rpo", "1s")
        self.assertEqual([one["verdict"] for one in run.result["answer"]["requirements"]], ["inconclusive"], str(run))
        self.assertEqual((run.status, {s["verdict"] for s in run.result["scenarios"]}), (3, {"inconclusive"}), str(run))
        self.assertIn("how long your own data takes to load", " ".join(run.result["limits"]))

    def test_where_no_worst_moment_can_be_found(self):
        """The targets are left open, and said to be so."""
        run = self.lastack("certify", "--worst", "--quick", "--no-shim", "--rpo", "1s", "--rto", "1s")
        self.assertEqual([one["verdict"] for one in run.result["answer"]["requirements"]], ["inconclusive"] * 2, str(run))
        self.assertEqual(run.status, 3, str(run))
        run = self.lastack("run", "worst-kill", "--set", "port 1")
        self.assertEqual(run.status, 2)
        self.assertIn("--set: 'port' is the harness's own", run.stderr)

    def test_what_cannot_be_meant_is_refused(self):
        text = (SCENARIOS / "worst/worst-kill.yaml").read_text()
        for old, new, words in (("situation: kill", "situation: flood", "kill, power cut"),
                                ("  - verify: {}\n", "", "needs a step 'verify'"),
                                ("end: kill", "end: power-cut", "how it is to be cut"),
                                ("end: kill", "end: kill, ms: 5", "needs a rule")):
            self.assertIn(old, text)
            run = self.lastack("run", self.write("bad.yaml", text.replace(old, new)))
            self.assertEqual(run.status, 2, str(run))
            self.assertIn(words, run.stderr)


if __name__ == "__main__":
    unittest.main()
