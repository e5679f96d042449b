#!/usr/bin/python3
"""Windows and downtimes of crashes that are not plain: a child that was killed before, a start that fails, clients that were
cut off, a clock that was changed, a recovery that nobody watched."""
import unittest

from support import LastackTest, scenario_file

NONE = "appendonly no\n  save \"\""
RDB = "appendonly no\n  save 3600 1"


class Crashes(LastackTest):
    def test_a_child_that_was_killed_has_not_ended_its_server(self):
        """Seconds before the server ends: what is acknowledged in between is lost, and as old as it is."""
        for kill in (["kill_child: {command: BGSAVE, role: save-child, points: 1}"],
                     ["arm: {rule: \"op=write role=save-child nth=2 do=kill\"}", "command: {send: BGSAVE}", "wait: {for: fired}"]):
            steps = ["load: {acked: 1000}", *kill, "load: {acked: 6000}", "stop_load: {}", "command: {send: SHUTDOWN NOSAVE}",
                     "recover: {}", "verify: {}"]
            run = self.run_steps(steps, "window: {max_ms: 1000}", NONE)
            scenario = run.scenario()
            self.assertEqual(scenario["verdict"], "violated", str(run))
            self.assertGreater(scenario["rpo"]["window_ms"], 2000, str(run))
            self.assertLess(scenario["rto"]["ready_ms"], 2500, str(run))  # not since the child's end

    def test_a_torn_write_of_a_child_ends_the_server(self):
        """All of its group, at that moment: also where its end is seen a second later, since another node is waited for."""
        steps = ["load: {acked: 1000}", "arm: {rule: \"op=write role=save-child nth=1 do=torn:3\"}", "command: {send: BGSAVE}",
                 "command: {node: other, send: BLPOP nothing 1}", "wait: {for: exit}", "recover: {}", "verify: {}"]
        run = self.run_steps(steps, "exit: {how: killed}", NONE, nodes="nodes: [{name: primary}, {name: other}]\n")
        scenario = run.scenario()
        self.assertEqual(scenario["verdict"], "holds", str(run))
        [injection] = scenario["injections"]
        self.assertLess(abs(scenario["rto"]["fault_ms"] - injection["t_ms"]), 1, str(run))

    def test_a_client_that_was_cut_off_has_not_waited_since(self):
        steps = ["load: {acked: 1000}", "command: {send: SAVE}", "load: {acked: 500}", "command: {send: CLIENT KILL TYPE normal}",
                 "sleep: {ms: 5000}", "kill: {scope: group}", "recover: {}", "verify: {}"]
        run = self.run_steps(steps, "window: {max_ms: 1000}", RDB, load="load: {rate: 20000, clients: 20}")
        self.assertEqual(run.scenario()["verdict"], "violated", str(run))
        self.assertGreater(run.scenario()["rpo"]["window_ms"], 4000)

    def test_a_start_that_fails_is_no_crash(self):
        """Nothing was acknowledged between the two: the window ends with the first."""
        steps = ["load: {acked: 1000}", "stop_load: {}", "kill: {scope: group}", "truncate: {file: \"@aof\", drop: 2000}",
                 "append: {file: \"@aof\", zeros: 4096}", "sleep: {ms: 3000}", "recover: {}",
                 "tool: {run: redis-check-aof --fix @FILE, file: \"@aof\", input: \"y\\n\"}", "recover: {}", "verify: {}"]
        run = self.run_steps(steps, "start: {refused: true}", "appendonly yes\n  appendfsync always\n  aof-load-truncated no")
        scenario = run.scenario()
        self.assertEqual(scenario["verdict"], "holds", str(run))
        lost = [age["below_ms"] or 60000 for age in scenario["rpo"]["by_age"] if age["lost"]]
        self.assertTrue(lost, str(run))
        self.assertLessEqual(scenario["rpo"]["window_ms"], max(lost), str(run))
        self.assertGreaterEqual(scenario["rto"]["ready_ms"], 0)

    def test_the_longest_recovery_stays_the_longest(self):
        """Also when a start fails after it."""
        steps = ["load: {acked: 1000}", "stop_load: {}", "command: {send: SAVE}", "kill: {scope: group}", "backup: {}",
                 "arm: {rule: \"op=open file=rdb role=server do=delay:3000\"}", "recover: {}", "disarm: {}", "kill: {scope: group}",
                 "truncate: {file: \"@rdb\", drop: 100}", "recover: {try: damaged}", "restore: {}", "recover: {}", "verify: {}"]
        run = self.run_steps(steps, "says: {name: damaged, begins: refuses}", RDB, "--rto", "1s")
        self.assertEqual(run.scenario()["verdict"], "violated", str(run))
        self.assertGreater(run.scenario()["rto"]["ready_ms"], 3000)

    def test_a_restart_that_nobody_watches_is_one(self):
        """Its policy starts it again; later it ends once more, and is down from then on."""
        steps = ["load: {acked: 1000}", "stop_load: {}", "kill: {scope: process}", "sleep: {ms: 4000}",
                 "command: {send: SHUTDOWN NOSAVE}", "recover: {}", "verify: {}"]
        run = self.run_steps(steps, "restarts: {min: 1}", NONE, nodes="nodes: [{name: primary, restart: on-failure}]\n")
        self.assertEqual(run.scenario()["verdict"], "holds", str(run))
        self.assertLess(run.scenario()["rto"]["ready_ms"], 3500, str(run))

    def test_one_recovery_says_nothing_of_another(self):
        """A quick one is watched, and a slow one, by a policy, is not."""
        steps = ["load: {acked: 2000}", "command: {send: SHUTDOWN}", "recover: {}", "kill: {scope: group}", "sleep: {ms: 5000}",
                 "verify: {}"]
        nodes = "nodes: [{name: primary, restart: on-failure, restart_delay_ms: 3000}]\n"
        run = self.run_steps(steps, "restarts: {min: 1, max: 1}", "appendonly yes\n  appendfsync always", "--rto", "1s", nodes=nodes)
        self.assertEqual(run.scenario()["verdict"], "inconclusive", str(run))
        self.assertIn("no step has watched", " ".join(run.scenario()["reasons"]))

    def test_who_looks_late_does_not_make_it_late(self):
        steps = ["load: {acked: 2000}", "kill: {scope: group}", "sleep: {ms: 4000}", "recover: {}", "verify: {}"]
        nodes = "nodes: [{name: primary, restart: always}]\n"
        run = self.run_steps(steps, "figure: {name: ready_ms, max: 1000}", "appendonly yes", nodes=nodes)
        self.assertEqual(run.scenario()["verdict"], "inconclusive", str(run))

    def test_a_start_that_served_is_a_life_though_it_answered_nothing(self):
        """It is killed within its first fsync: what it was sent may be in its log, and a replay of that is no phantom."""
        steps = ["load: {acked: 2000}", "kill: {scope: group}",
                 "arm: {rule: \"op=fsync file=aof role=server nth=1 do=kill:group\"}", "wait: {for: fired}", "sleep: {ms: 200}",
                 "recover: {}", "verify: {}"]
        nodes = "nodes: [{name: primary, restart: always, restart_delay_ms: 1000, restart_limit: 1}]\n"
        run = self.run_steps(steps, "lost: {max: 0}", "appendonly yes\n  appendfsync always", nodes=nodes)
        self.assertEqual(run.scenario()["verdict"], "holds", str(run))
        again = self.lastack("replay", run.out / "crashes")
        self.assertEqual(again.status, 0, str(again))

    def test_writes_that_the_scenario_keeps_away_are_not_the_servers(self):
        steps = ["load: {acked: 2000}", "kill: {scope: group}", "wait: {for: writes, timeout_ms: 2000}", "recover: {}", "verify: {}"]
        nodes = "nodes: [{name: primary, restart: always, restart_delay_ms: 6000}]\n"
        run = self.run_steps(steps, "restarts: {min: 1}", "appendonly yes\n  appendfsync always", nodes=nodes)
        self.assertEqual(run.scenario()["verdict"], "inconclusive", str(run))
        self.assertIn("by the scenario", " ".join(run.scenario()["reasons"]))

    def test_what_was_not_read_lacks_nothing(self):
        steps = ["measure: {name: field, info: no_such_name}", "load: {acked: 1000}"]
        run = self.run_steps(steps, "says: {name: field, lacks: kept}", NONE)
        self.assertEqual(run.scenario()["verdict"], "inconclusive", str(run))
        run = self.run_steps(steps, "says: {name: field, lacks: no such field}", NONE)
        self.assertEqual(run.scenario()["verdict"], "violated", str(run))

    def test_a_claim_does_not_hold_of_steps_that_never_came(self):
        """The server refuses to start, and no command is refused for memory, since none is sent."""
        steps = ["load: {acked: 2000}", "kill: {scope: group}", "truncate: {file: \"@aof\", drop: 20}", "recover: {}",
                 "command: {send: CONFIG SET maxmemory 1}", "sleep: {ms: 500}"]
        text = "start: {refused: false}\nclaims: [{id: S0-74, expect: [{replies: {error: OOM, max: 0}}]}]"
        run = self.run_steps(steps, text, "appendonly yes\n  aof-load-truncated no")
        [said] = run.scenario()["claim_verdicts"]
        self.assertEqual((run.scenario()["verdict"], said["verdict"]), ("violated", "inconclusive"), str(run))
        self.assertIn("before its last step", said["measured"])

    def test_a_full_sync_that_nobody_watches_is_one(self):
        """The primary is back by its policy, and its replica has taken its nothing over, while the scenario sleeps."""
        text = scenario_file("trap-auto-restart").read_text()
        self.assertIn("  - recover: {}\n  - wait: {node: replica, for: synced}\n", text)
        text = text.replace("  - recover: {}\n  - wait: {node: replica, for: synced}\n", "  - sleep: {ms: 4000}\n")
        run = self.lastack("run", self.write("trap-auto-restart.yaml", text))
        scenario = run.scenario()
        self.assertEqual(scenario["verdict"], "holds", str(run))
        self.assertEqual([finding["node"] for finding in scenario["findings"]], ["replica"], str(run))  # which was read back

    def test_by_a_changed_clock_there_is_no_rpo(self):
        run = self.lastack("run", scenario_file("save-interval-worst"), "--rpo", "10s")
        self.assertEqual((run.status, run.scenario()["verdict"]), (3, "inconclusive"), str(run))
        self.assertIn("clock was changed", " ".join(run.scenario()["reasons"]))

    def test_a_failover_that_no_step_watches_has_no_rto(self):
        steps = ["load: {acked: 1500}", "wait: {node: replica, for: synced}", "kill: {scope: group}",
                 "command: {node: replica, send: REPLICAOF NO ONE}", "load: {node: replica, acked: 300}", "verify: {node: replica}"]
        nodes = "nodes: [{name: primary}, {name: replica, replicates: primary}]\n"
        run = self.run_steps(steps, "lost: {since_move: 0}", NONE + "\n  repl-diskless-sync-delay 0", "--rto", "1s", nodes=nodes)
        self.assertEqual(run.scenario()["verdict"], "inconclusive", str(run))
        self.assertIn("no step has watched", " ".join(run.scenario()["reasons"]))


if __name__ == "__main__":
    unittest.main()
