#!/usr/bin/python3
"""What INFO shows of a fault, and which alert rules see it: on servers that tell, and on one that does not."""
import unittest

from result_schema import schema_errors
from support import BROKEN, LastackTest, scenario_file, undocumented

SAVE_FAILED = '- {field: rdb_last_bgsave_status, comparison: "!=", value: ok}\n'
DOWN = '- {field: up, comparison: "==", value: 0, for: 30s}\n'

# The snapshot that is asked for fails; clients are refused until one succeeds.
FAILED_SAVE = """
name: failed-save
title: a snapshot fails
settings: |
  appendonly no
  save 3600 1
  stop-writes-on-bgsave-error yes
load: {rate: 2000}
steps:
  - load: {acked: 1000}
  - arm: {rule: "op=write file=rdb-temp do=error:ENOSPC"}
  - command: {send: BGSAVE}
  - wait: {for: idle}
  - wait: {for: errors}
  - disarm: {}
  - sleep: {ms: 200}
  - stop_load: {}
  - verify: {}
expect:
  - replies: {error: MISCONF, min: 1}
"""


class Health(LastackTest):
    def run_with(self, rules, *scenarios, **more):
        run = self.lastack("run", *scenarios, "--alerts", self.write("alerts.yaml", rules), "--jobs", 2, **more)
        self.assertIsNotNone(run.result, str(run))
        self.assertEqual(schema_errors(run.result), [])
        return run

    def saves(self, rules, server="redis-server", **more):
        run = self.run_with(rules, self.write("failed-save.yaml", FAILED_SAVE), "--server", server, **more)
        [fault] = run.result["health"]["faults"]
        self.assertEqual((fault["fault"], fault["scenarios"]), ("write ENOSPC by save-child", ["failed-save"]))
        return run, fault

    def test_what_moves_and_which_rule_sees_it(self):
        run = self.run_with(SAVE_FAILED + DOWN, scenario_file("disk-full-rdb"), scenario_file("kill9-rdb"))
        self.assertEqual(run.status, 0, str(run))
        health = run.result["health"]
        full, kill = sorted(health["faults"], key=lambda fault: fault["fault"] == "kill -9")
        self.assertEqual((full["fault"], kill["fault"]), ("write disk-full by save-child", "kill -9"))
        moved = {field["field"]: field for field in full["moved"]}
        self.assertEqual((moved["rdb_last_bgsave_status"]["from"], moved["rdb_last_bgsave_status"]["to"]), ("ok", "err"))
        self.assertNotIn("up", moved, "the kill that follows is another fault")
        self.assertNotIn("rdb_last_save_age", moved, "time itself")
        self.assertNotIn("used_memory", moved, "it moves without a fault")
        self.assertEqual([seen["rule"] for seen in full["seen_by"]], ["rdb_last_bgsave_status != ok"])
        self.assertEqual([seen["rule"] for seen in kill["seen_by"]], ["up == 0 for 30s"])
        self.assertGreaterEqual(kill["seen_by"][0]["seconds"], 30)
        self.assertIn("process_id", {field["field"] for field in kill["moved"]})
        self.assertEqual([rule["verdict"] for rule in health["rules"]], ["holds", "holds"])
        self.assertEqual([rule["silent"] for rule in health["rules"]], [["kill -9"], ["write disk-full by save-child"]])
        self.assertIn("rdb_last_bgsave_status ok -> err", run.stdout)
        self.assertEqual(undocumented(set(health) | set(full) | set(health["rules"][0]) | set(run.scenario("kill9-rdb")["health"])), [])

    def test_a_fault_that_no_rule_sees(self):
        run, fault = self.saves(DOWN)
        self.assertEqual((fault["verdict"], fault["unseen"]),
                         ("violated", [{"scenario": "failed-save", "harm": "writes refused"}]))
        self.assertEqual(run.status, 1, str(run))
        self.assertEqual(run.scenario()["verdict"], "holds", "the server did nothing wrong")
        self.assertIn("seen by no rule: writes refused in failed-save", run.stdout)

    def test_a_rule_that_is_always_met_sees_nothing(self):
        _run, fault = self.saves('- {field: redis_mode, comparison: "==", value: standalone, for: 1h}\n')
        self.assertEqual((fault["verdict"], fault["seen_by"]), ("violated", []))

    def test_a_server_that_hides_it(self):
        run, fault = self.saves(SAVE_FAILED, BROKEN / "respd")
        self.assertEqual((run.status, fault["verdict"]), (0, "holds"), str(run))
        run, fault = self.saves(SAVE_FAILED, BROKEN / "respd", env={"RESPD_DEFECT": "info-says-ok"})
        self.assertEqual((run.status, fault["verdict"]), (1, "violated"), str(run))
        self.assertNotIn("rdb_last_bgsave_status", [field["field"] for field in fault["moved"]])

    def test_a_restart_that_is_sooner_than_the_rule(self):
        """What ends the fault is a policy here, and not whoever runs the harness: the rule would not fire."""
        at_once = '- {field: up, comparison: "==", value: 0}\n'
        run = self.run_with(DOWN + at_once, scenario_file("trap-auto-restart"))
        patient, hasty = run.result["health"]["rules"]
        self.assertEqual((patient["fired"], patient["verdict"]), ([], "inconclusive"))
        self.assertEqual([fired["fault"] for fired in hasty["fired"]], ["kill -9"])

    def test_rules_that_cannot_be_right(self):
        wrong = '- {field: rdb_last_bgsave_state, comparison: "==", value: err}\n' \
                '- {field: connected_clients, comparison: ">", value: 0}\n' \
                '- {field: maxclients, comparison: ">=", value: 1, for: 1h}\n'
        wrong += '- {field: aof_last_wirte_status, comparison: "!=", value: ok}\n' \
                 '- {field: used_memory_peak_perc, comparison: ">", value: 90}\n'
        comes = '- {field: master_link_status, comparison: "==", value: down}\n' \
                '- {field: uptime_in_seconds, comparison: "<", value: 60}\n'
        run, _fault = self.saves(SAVE_FAILED + wrong + comes)
        right, unknown, always, patient, misspelt, percent, absent, young = run.result["health"]["rules"]
        self.assertEqual(absent["verdict"], "inconclusive", "it has no primary here")
        self.assertEqual((young["verdict"], young["without_fault"]), ("inconclusive", []), "we have started it just now")
        self.assertEqual((right["verdict"], right["without_fault"]), ("holds", []))
        self.assertEqual((unknown["verdict"], unknown["known"]), ("violated", False))
        self.assertEqual((misspelt["verdict"], misspelt["known"]), ("violated", False))
        self.assertEqual((percent["verdict"], percent["known"], percent["no_number"]), ("violated", True, True))
        self.assertIn("it compares numbers, and its field is none", run.stdout)
        self.assertEqual((always["verdict"], always["without_fault"]), ("violated", ["failed-save"]))
        self.assertEqual(patient["without_fault"], [], "an hour has not passed")
        self.assertEqual(run.status, 1)

    def test_what_is_not_watched(self):
        """What measures speed; here of little data."""
        text = scenario_file("fork-time").read_text()
        for megabytes in (32, 64, 400):
            self.assertIn(f"megabytes: {megabytes}", text)
            text = text.replace(f"megabytes: {megabytes}", "megabytes: 2")
        run = self.run_with(SAVE_FAILED, self.write("fork-time.yaml", text))
        self.assertIsNone(run.scenario()["health"])
        self.assertEqual((run.result["health"]["faults"], [rule["verdict"] for rule in run.result["health"]["rules"]]),
                         ([], ["inconclusive"]))
        self.assertEqual((run.scenario()["verdict"], run.status), ("holds", 3), str(run))

    def test_a_fault_lasts_until_it_is_ended_and_no_longer(self):
        """Writes go well again after it, before the server is killed: that is another fault."""
        patient = '- {field: rdb_last_bgsave_status, comparison: "!=", value: ok, for: 5m}\n'
        run = self.run_with(patient, scenario_file("disk-full-rdb"))
        [fault] = run.result["health"]["faults"]
        self.assertEqual((fault["verdict"], len(fault["seen_by"]), run.status), ("holds", 1, 0), str(run))

    def test_what_begins_with_the_recovery_does_not_last(self):
        """The replica is away for a moment, once its primary is back: no rule waits for it."""
        away = '- {field: connected_slaves, comparison: "<", value: 1, for: 10m}\n'
        run = self.run_with(away, scenario_file("trap-operator-starts"))
        [rule] = run.result["health"]["rules"]
        self.assertEqual((rule["fired"], rule["silent"], run.status), ([], ["kill -9"], 1), str(run))

    def checked(self, script, *scenarios):
        check = self.write("check.sh", "#!/bin/sh\n" + script + "\n")
        check.chmod(0o755)
        self.folder.chmod(0o755)
        run = self.lastack("run", *scenarios, "--check", check)
        self.assertIsNotNone(run.result, str(run))
        self.assertEqual(schema_errors(run.result), [])
        health = run.result["health"]
        return run, {fault["fault"]: fault for fault in health["faults"]}, health["rules"]

    def test_a_check_of_the_user_s(self):
        lasting = FAILED_SAVE.replace("  - disarm: {}", "  - sleep: {ms: 5000}\n  - disarm: {}")  # for two looks, on any machine
        asks = "redis-cli -h $REDIS_HOST -p $REDIS_PORT INFO server | grep -q run_id"
        run, faults, [rule] = self.checked(asks, scenario_file("kill9-rdb"), self.write("failed-save.yaml", lasting))
        self.assertEqual(faults["kill -9"]["verdict"], "holds", str(run))
        self.assertEqual((faults["write ENOSPC by save-child"]["verdict"], run.status), ("violated", 1), "INFO is answered")
        self.assertEqual((rule["rule"], rule["known"], rule["without_fault"]), ("check != 0", True, []))
        pings = '[ "$(redis-cli -h $REDIS_HOST -p $REDIS_PORT PING)" = PONG ]'
        run, faults, _ = self.checked(pings, self.write("failed-save.yaml", lasting))
        self.assertEqual((faults["write ENOSPC by save-child"]["verdict"], run.status), ("holds", 0), str(run))

    def test_a_check_that_has_not_looked_has_not_seen(self):
        """It takes longer than the fault lasts: nothing is known of it, and nothing holds."""
        run, faults, _ = self.checked("sleep 3", self.write("failed-save.yaml", FAILED_SAVE))
        fault = faults["write ENOSPC by save-child"]
        self.assertEqual((fault["verdict"], fault["unseen"], run.status), ("inconclusive", [], 3), str(run))
        self.assertEqual(fault["not_looked_at"], [{"scenario": "failed-save", "harm": "writes refused"}])
        self.assertIn("not looked at in time: writes refused in failed-save", run.stdout)

    def test_checks_that_cannot_be_right(self):
        # it always says ill; it hangs, which is ill; and none can change anything
        marks = self.folder / "marks"
        marks.mkdir()
        marks.chmod(0o777)
        for script, acked in ((f"touch {marks}/was-here; exit 3", 1500), ("sleep 60", 12000)):
            run, _faults, [rule] = self.checked(script, self.write("slow.yaml", FAILED_SAVE.replace("acked: 1000", f"acked: {acked}")))
            self.assertEqual((rule["verdict"], rule["without_fault"], run.status), ("violated", ["failed-save"], 1), str(run))
        self.assertEqual(list(marks.iterdir()), [])

    def test_files_that_are_none(self):
        cases = {
            "field: up\n": "expected a list",
            '- {field: up, comparison: "==", value: 0}\n- {field: up, comparison: "=", value: 0}\n': ":2: expected one of ==, !=",
            '- {field: up, comparison: ">", value: down}\n': ":1: '>' compares numbers, and value 'down' is none",
            '- {field: up, comparison: "==", value: 0, for: soon}\n': ":1: for: 'soon' is no duration",
            '- {field: "a b", comparison: "==", value: 0}\n': ":1: field 'a b' is no name",
            '- {field: up, value: 0}\n': ":1: 'comparison' is missing",
            "[]\n": "the list is empty",
        }
        for text, message in cases.items():
            run = self.lastack("run", scenario_file("kill9-rdb"), "--alerts", self.write("bad.yaml", text))
            self.assert_refused(run, message)
        self.assert_refused(self.lastack("run", scenario_file("kill9-rdb"), "--alerts", "/nowhere"), "/nowhere")


if __name__ == "__main__":
    unittest.main()
