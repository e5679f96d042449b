#!/usr/bin/python3
"""result.json is as docs/result.schema.json says, whatever came of the run; and the schema is no looser than it looks."""
import copy
import json
import re
import signal
import subprocess
import time
import unittest

import jsonschema

from result_schema import SCHEMA, schema_errors
from support import BROKEN, LASTACK, ROOT, LastackTest, scenario_file, undocumented

UNKNOWN = {"server", "may_evict", "cut_unseen", "crash_lives", "given_data", "started", "started_ns"}  # of a run that was interrupted
FIELDS = set(SCHEMA["$defs"]["scenario"]["properties"])
KILL9 = (scenario_file("kill9-aof-always")).read_text()


def objects(schema):
    """Every part of a schema that says what fields an object has."""
    if isinstance(schema, dict):
        if "properties" in schema:
            yield schema
        for inner in schema.values():
            yield from objects(inner)
    for inner in schema if isinstance(schema, list) else ():
        yield from objects(inner)


class Results(LastackTest):
    def assert_valid(self, result):
        self.assertEqual(schema_errors(result), [])
        self.assertEqual(result["schema"], 1)

    def run_valid(self, *args, **options):
        run = self.lastack("run", *args, **options)
        self.assertIsNotNone(run.result, str(run))
        self.assert_valid(run.result)
        return run

    def test_holds(self):
        """With injections, a power cut, two nodes, and error replies."""
        run = self.run_valid("kill9-rdb", "kill-at-aof-write-always", "power-cut-aof-always", "disk-full-rdb",
                             "wait-failover")
        self.assert_sound(run)
        scenarios = run.result["scenarios"]
        for field in ("faults", "injections", "power_cuts", "refused", "timeline", "claims"):
            self.assertTrue(any(scenario[field] for scenario in scenarios), field)
        for scenario in scenarios:
            self.assertEqual(FIELDS - set(scenario), {"repeats", "explored"})
            alone = json.loads((run.out / scenario["bundle"] / "scenario.json").read_text())
            self.assertEqual({**alone, "bundle": scenario["bundle"]}, scenario)

    def test_violated(self):
        run = self.run_valid("kill9-aof-always", "--server", BROKEN / "respd", env={"RESPD_DEFECT": "ack-before-write"})
        self.assertEqual(run.status, 1, str(run))
        self.assertIn("lost", run.kinds())
        self.assertEqual(run.scenario()["verdict"], "violated")

    def test_inconclusive(self):
        """Nothing is read back, since nobody starts what went down."""
        run = self.run_valid(self.write("down.yaml", KILL9.replace("  - recover: {}", "  - wait: {for: ready}")))
        self.assertEqual(run.status, 3, str(run))
        self.assertIsNone(run.scenario()["rpo"])
        self.assertIsNone(run.scenario()["rto"])
        self.assertTrue(run.scenario()["doubts"])

    def test_not_applicable(self):
        conf = self.write("no-save.conf", 'rename-command BGSAVE ""\n')
        run = self.run_valid("kill9-rdb", "--config", conf)
        self.assertEqual(run.status, 3, str(run))
        self.assertEqual(run.result["scenarios"], [])
        self.assertEqual(len(run.result["not_applicable"]), 1)

    def test_repeated_with_a_configuration(self):
        conf = self.write("my.conf", "appendonly no\ndir /nowhere\nlogfile /nowhere/log\n")
        run = self.run_valid("kill9-aof-always", "--repeat", 2, "--config", conf)
        self.assert_sound(run)
        self.assertEqual(FIELDS - {"explored"}, set(run.scenario()))
        self.assertEqual(run.scenario()["repeats"]["runs"], 2)
        self.assertTrue(run.scenario()["overrides"])
        self.assertTrue(run.result["changed_directives"])

    def test_unfinished_and_interrupted(self):
        """As it is while the run goes on, which a kill would leave, and as it is after Ctrl-C."""
        slow = self.write("slow.yaml", KILL9.replace("name: kill9-aof-always", "name: slow")
                          .replace("  - kill:", "  - sleep: {ms: 60000}\n  - kill:"))
        out = self.folder / "out"
        process = subprocess.Popen([LASTACK, "run", "kill9-none", slow, "--jobs", "1", "--out", out], stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        while process.poll() is None and not (out / "slow").exists():
            time.sleep(0.01)
        early = json.loads((out / "result.json").read_text())
        process.send_signal(signal.SIGINT)
        process.wait()
        self.assert_valid(early)
        self.assertEqual((early["finished"], early["pending"]), (False, ["slow"]))
        result = json.loads((out / "result.json").read_text())
        self.assert_valid(result)
        self.assertEqual((result["finished"], result["pending"]), (False, []))
        interrupted = result["scenarios"][1]
        self.assertEqual(interrupted["reasons"], ["interrupted"])
        self.assertEqual(FIELDS - set(interrupted), UNKNOWN | {"repeats", "explored"})


class Schema(LastackTest):
    def test_it_is_a_schema(self):
        jsonschema.Draft202012Validator.check_schema(SCHEMA)

    def test_every_field_is_described_and_no_other_admitted(self):
        for part in objects(SCHEMA):
            self.assertIs(part["additionalProperties"], False, part["description"])
            self.assertLessEqual(set(part["required"]), set(part["properties"]))
            for name, field in part["properties"].items():
                inner = SCHEMA["$defs"][field["$ref"].split("/")[-1]] if "$ref" in field else {}
                self.assertTrue({**inner, **field}.get("description"), name)
                self.assertTrue({"type", "enum"} & set({**inner, **field}), name)

    def test_every_field_is_documented(self):
        names = {name for part in objects(SCHEMA) for name in part["properties"]}
        self.assertEqual(undocumented(names), [])

    def test_the_words_are_those_of_the_program(self):
        definitions = SCHEMA["$defs"]
        for file, words in (("base/findings.c", definitions["finding"]["properties"]["kind"]["enum"]),
                            ("crash/state.c", definitions["power_cut"]["properties"]["did"]["items"]["enum"])):
            text = (ROOT / "harness" / file).read_text()
            self.assertEqual(re.findall(r'^ +\[LA_\w+\] = "(.+)",$', text, re.M), words, file)
        ages = re.search(r"la_age_ms\[.*\] = {(.*)};", (ROOT / "harness/verify/tally.c").read_text())[1]
        by_age = definitions["rpo"]["properties"]["by_age"]["items"]["properties"]
        self.assertEqual([*map(int, ages.split(", ")), None], by_age["below_ms"]["enum"])

    def test_what_is_wrong_is_found(self):
        run = self.lastack("run", "kill9-none")
        self.assertEqual(schema_errors(run.result), [])

        def changed(change):
            result = copy.deepcopy(run.result)
            change(result, result["scenarios"][0])
            return schema_errors(result)

        for where, words, change in (
                ("$", "'extra'", lambda r, s: r.update(extra=1)),
                ("$.scenarios[0]", "'extra'", lambda r, s: s.update(extra=1)),
                ("$.scenarios[0].rto.phases", "'extra'", lambda r, s: s["rto"]["phases"].update(extra=1)),
                ("$.scenarios[0].rpo.by_age[0]", "'extra'", lambda r, s: s["rpo"]["by_age"][0].update(extra=1)),
                ("$.host", "'extra'", lambda r, s: r["host"].update(extra=1)),
                ("$.scenarios[0].verdict", "'passed'", lambda r, s: s.update(verdict="passed")),
                ("$.scenarios[0].verdict", "'qualified'", lambda r, s: s.update(verdict="qualified")),
                ("$.claims[0].verdict", "'proven'", lambda r, s: r["claims"][0].update(verdict="proven")),
                ("$.claims[0].sides[0]", "'n' is a required", lambda r, s: r["claims"][0]["sides"][0].pop("n")),
                ("$", "'schema' is a required", lambda r, s: r.pop("schema")),
                ("$.schema", "1 was expected", lambda r, s: r.update(schema=2)),
                ("$.scenarios[0]", "'doubts' is a required", lambda r, s: s.pop("doubts")),
                ("$.scenarios[0]", "'server' is a dep", lambda r, s: s.pop("server")),
                ("$.scenarios[0].rpo", "'lost' is a required", lambda r, s: s["rpo"].pop("lost")),
                ("$.scenarios[0].rpo.lost", "is less than", lambda r, s: s["rpo"].update(lost=-1)),
                ("$.scenarios[0].rpo.acked", "'integer'", lambda r, s: s["rpo"].update(acked="many")),
                ("$.started", "does not match", lambda r, s: r.update(started="today")),
                ("$.pending", "None is not of type", lambda r, s: r.update(pending=None))):
            errors = changed(change)
            self.assertTrue(any(error.startswith(f"{where}: ") and words in error for error in errors),
                            f"{where}: {words}\n{errors}")


if __name__ == "__main__":
    unittest.main()
