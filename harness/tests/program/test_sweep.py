#!/usr/bin/python3
"""lastack sweep: what a tour has done is made to fail, in an order that the seed gives, and judged by what was promised."""
import copy
import json
import signal
import subprocess
import sys
import unittest

import yaml

from support import BROKEN, FULL, LASTACK, ROOT, SCENARIOS, LastackTest

sys.path.insert(0, str(ROOT / "campaigns"))
import classes  # noqa: E402
import coverage  # noqa: E402
import tour  # noqa: E402

TOURS = {path.stem: tour.Tour(path.read_text()) for path in sorted((SCENARIOS / "tours").glob("*.yaml"))}
LOG = """\
1.5 pid=7 tid=7 server#1 thread#1 fork number=1 on-file=1 rule=1 'op=any,read,fork do=note'
1.6 pid=9 tid=9 save-child#1 thread#1 open temp-*.rdb number=2 on-file=1 rule=1 'op=any,read,fork do=note'
1.7 pid=9 tid=9 save-child#1 thread#1 write temp-*.rdb number=3 on-file=2 bytes=4096 offset=0 rule=1 'op=any'
1.7 pid=9 tid=9 save-child#1 thread#1 write temp-*.rdb number=4 on-file=3 bytes=9 rule=1 'op=any'
1.8 pid=9 tid=9 save-child#1 thread#1 fdatasync temp-*.rdb number=5 on-file=4 rule=1 'op=any'
1.8 pid=9 tid=9 save-child#1 thread#1 fsync temp-*.rdb number=6 on-file=5 rule=1 'op=any'
1.9 pid=7 tid=7 server#1 thread#1 write appendonlydir/appendonly.aof.12.incr.aof number=7 on-file=1 bytes=1 rule=0 'op=any'
""".splitlines()
SMALL = """
name: small
title: a small tour
settings: |
  appendonly yes
  appendfsync always
  save ""
load: {clients: 2, pipeline: 1, rate: 1000, keys: 5, min_acked: 20, mix: [{type: list, share: 1}]}
power_cut: {method: simulated}
steps:
  - load: {acked: 100}
  - power_cut: {}
  - recover: {}
  - verify: {}
expect:
  - lost: {max: 0}
"""


def kept(text):
    return yaml.safe_load(text)


class Tours(LastackTest):
    def test_phases(self):
        self.assertEqual([phase.name for phase in TOURS["tour-rdb"].phases],
                         ["1-writes", "2-snapshot", "3-snapshot", "4-snapshot", "5-shutdown", "6-start"])
        self.assertLessEqual({"writes", "snapshot", "rewrite", "switch", "resync", "shutdown", "start", "admin"},
                             {*tour.KINDS})
        kinds = {phase.kind for one in TOURS.values() for phase in one.phases}
        self.assertLessEqual(kinds, set(tour.KINDS))
        self.assertLessEqual({"writes", "snapshot", "rewrite", "switch", "resync", "shutdown", "start"}, kinds)

    def test_what_is_no_tour_is_refused(self):
        for old, new in (("  - verify: {}\n", ""), ("  - power_cut: {}\n", ""),
                         ("  - load: {acked: 100}\n", "  - arm: {rule: op=write do=error:EIO}\n")):
            with self.assertRaises(tour.Unfit):
                tour.Tour(SMALL.replace(old, new))
        run = self.lastack("sweep", self.write("x.yaml", SMALL.replace("  - power_cut: {}\n", "")))
        self.assert_refused(run, "a tour ends with")

    def test_each_run_is_a_scenario(self):
        """As lastack reads it: in every phase, at every node, however long the fault lasts."""
        folder = self.folder / "all"
        number = 0
        for one in TOURS.values():
            for phase in one.phases:
                for node in one.nodes:
                    for lasting in classes.LASTING:
                        fault = {"phase": phase.number, "node": node, "rule": "op=write nth=1 do=error:EIO", "op": "write",
                                 "role": "server", "lasting": lasting, "title": "a fault"}
                        number += 1
                        self.write(f"all/run-{number}.yaml", one.scenario_of(f"run-{number}", fault))
            self.write(f"all/{one.name}.yaml", one.recording()[0])
        self.assertGreater(number, 100)
        self.assert_refused(self.lastack("run", folder, "--server", "/nonexistent"), "/nonexistent")  # they have been read

    def steps_of(self, name, number, lasting):
        fault = {"phase": number, "node": "primary", "rule": "op=write nth=1 do=error:EIO", "op": "write", "role": "server",
                 "lasting": lasting, "title": "a fault"}
        scenario = kept(TOURS[name].scenario_of("x", fault))
        return [next(iter(step)) for step in scenario["steps"]], scenario

    def test_a_fault_for_good_ends_before_the_recovery(self):
        for name in TOURS:
            names, _ = self.steps_of(name, 1 if name != "tour-admin" else 2, "good")
            self.assertLess(names.index("arm"), names.index("disarm"))
            self.assertEqual(names[names.index("disarm") + 1], "recover", name)
        _, always = self.steps_of("tour-aof-always", 1, "good")
        self.assertNotIn("appendonly no", str(always["steps"]), "it could not be switched on again")
        names, _ = self.steps_of("tour-aof-always", 1, "until")
        self.assertLess(names.index("disarm"), names.index("command"), "the tour goes on without it")

    def test_what_is_promised(self):
        _, always = self.steps_of("tour-aof-always", 2, "good")
        self.assertIn({"lost": {"max": 0}}, always["expect"])
        _, everysec = self.steps_of("tour-aof-everysec", 2, "until")
        self.assertIn({"window": {"max_ms": 2000}}, everysec["expect"])
        names, everysec = self.steps_of("tour-aof-everysec", 2, "good")
        self.assertIn({"lost": {"before_mark": 0}}, everysec["expect"])
        self.assertEqual(names[names.index("arm") - 1], "mark")
        names, rdb = self.steps_of("tour-rdb", 3, "good")  # the snapshot of phase 2 is the last good one
        self.assertIn({"lost": {"before_mark": 0}}, rdb["expect"])
        self.assertEqual(rdb["steps"][names.index("mark") + 1], {"command": {"send": "BGSAVE"}})
        _, rdb = self.steps_of("tour-rdb", 2, "good")
        self.assertFalse(any("lost" in one for one in rdb["expect"]), "the first snapshot fails: nothing is kept")


class Descriptors(LastackTest):
    """A directory is to be fsynced in a rewrite, which fails once."""
    FAULT = {"phase": 2, "node": "primary", "rule": "op=fsync-dir nth=1 do=error:EIO", "op": "fsync-dir", "role": "server",
             "lasting": "once", "title": "a fault"}

    def at_rest(self, one):
        run = self.lastack("run", self.write("dry.yaml", one.recording()[0]), "--server", BROKEN / "respd")
        [figure] = run.scenario()["figures"]
        self.assertEqual((run.scenario()["verdict"], figure["name"]), ("holds", "descriptors-primary"), str(run))
        return int(figure["samples"][0])

    def test_one_that_is_left_open_is_found(self):
        one = tour.Tour((SCENARIOS / "tours/tour-aof-everysec.yaml").read_text())
        self.assertEqual(one.phases[1].kind, "rewrite")
        one.descriptors["primary"] = self.at_rest(one)
        path = self.write("fault.yaml", one.scenario_of("fault", self.FAULT))
        for defect, verdict in (("", "holds"), ("leaks-folder", "violated")):
            seen = self.lastack("run", path, "--server", BROKEN / "respd", env={"RESPD_DEFECT": defect}).scenario()
            self.assertEqual((seen["verdict"], seen["faults"][0]["fired"]), (verdict, 1), seen)
        self.assertIn(f"at most {one.descriptors['primary']} expected", seen["reasons"][0])

    def test_every_tour_holds_when_it_is_recorded(self):
        for one in TOURS.values():
            self.write(f"dry/{one.name}.yaml", one.recording()[0])
        run = self.lastack("run", self.folder / "dry", "--jobs", 2)
        self.assertEqual({seen["name"]: seen["verdict"] for seen in run.result["scenarios"]}, dict.fromkeys(TOURS, "holds"), str(run))
        for seen in run.result["scenarios"]:
            nodes = TOURS[seen["name"]].nodes
            self.assertEqual([figure["name"] for figure in seen["figures"]], [f"descriptors-{node}" for node in nodes], seen["name"])

    def test_a_configuration_among_the_data(self):
        """It is rewritten, and replayed as it was left. (That of somebody's data: test_harm.)"""
        run = self.lastack("run", "tour-config")
        self.assertEqual(run.status, 0, str(run))
        left = run.out / "tour-config/primary/crash"
        self.assertIn("maxmemory-samples 9", (left / "redis.conf").read_text())
        again = self.lastack("replay", run.out / "tour-config")
        self.assertEqual(again.status, 0, str(again))
        text = (SCENARIOS / "tours/tour-config.yaml").read_text()
        for old, new in (("config_file: true", "config_file: true, acl_file: true"), ("  - kill:", "  - configure: {settings: hz 50}\n  - kill:"),
                         ("load: {clients", "load: {unix_socket: true, clients")):
            self.assert_refused(self.lastack("run", self.write("elsewhere.yaml", text.replace(old, new))), "config_file")
        run = self.lastack("run", "tour-config", "--config", self.write("mine.conf", "hz 20\n"))
        self.assertIn("without --config", run.result["not_applicable"][0], str(run))

    def test_the_recorded_number_is_the_bound(self):
        one = TOURS["tour-aof-everysec"]
        for lasting, node, there in (("until", "primary", True), ("good", "primary", False), ("until", "nobody", False)):
            changed = tour.Tour(one.text)
            changed.descriptors[node] = 7
            text = changed.scenario_of("x", {**self.FAULT, "lasting": lasting})
            self.assertEqual({"descriptors": {"node": "primary", "max": 7}} in kept(text)["steps"], there, lasting)


class Classes(LastackTest):
    def test_names_that_are_drawn(self):
        for path, name in (("redis.conf.Vy5RwF", "redis.conf.#"), ("temp-1234.rdb", "temp-#.rdb"), ("redis.conf-12.abcDEf", "redis.conf-#.#"),
                           ("x.backup", "x.backup"), ("appendonlydir/appendonly.aof.1.incr.aof", "appendonlydir/appendonly.aof.#.incr.aof")):
            self.assertEqual(classes.without_digits(path), name)

    def found(self):
        return classes.operations("primary", [*LOG, "no line of the log"], [1, 2])

    def test_of_the_log(self):
        found = self.found()
        self.assertEqual([(one.op, one.path, one.before, one.nth, one.size) for one in found],
                         [("fork", "", "-", 1, -1), ("open", "temp-#.rdb", "-", 1, -1),
                          ("write", "temp-#.rdb", "open temp-#.rdb", 1, 4096),
                          ("write", "temp-#.rdb", "write temp-#.rdb", 2, 9),
                          ("fdatasync", "temp-#.rdb", "write temp-#.rdb", 1, -1),
                          ("fsync", "temp-#.rdb", "fdatasync temp-#.rdb", 2, -1),  # op=fsync is about both
                          ("write", "appendonlydir/appendonly.aof.#.incr.aof", "-", 1, 1)])
        self.assertEqual([one.phase for one in found], [2, 2, 2, 2, 2, 2, 1])

    def plan(self, seed=5):
        found = {"tour-rdb": classes.classes_of(self.found())}
        return classes.Plan(TOURS, found, seed)

    def test_rules(self):
        cells = {(cell.operation.op, cell.fault, cell.lasting): cell.rule for cell in self.plan().filling()}
        self.assertEqual(cells["fork", "error:ENOMEM", "good"], "op=fork role=server do=error:ENOMEM")
        self.assertEqual(cells["write", "short", "once"], "op=write path=temp-*.rdb role=save-child nth=2 do=short:4")
        self.assertEqual(cells["fsync", "error:EIO", "until"],
                         "op=fsync path=temp-*.rdb role=save-child after=1 do=error:EIO")
        self.assertNotIn(("write", "torn", "until"), cells)
        self.assertNotIn(("fsync", "revert:EIO", "once"), cells, "its power is not cut")
        self.assertGreater(self.plan().skipped["revert needs a tour whose power cut is simulated"], 0)

    def test_the_order_follows_from_the_seed(self):
        ids = [[cell.id for cell in self.plan(seed).order] for seed in (5, 5, 6)]
        self.assertEqual(ids[0], ids[1])
        self.assertNotEqual(ids[0], ids[2])
        self.assertEqual(sorted(set(ids[0])), sorted(ids[0]), "none comes twice")
        keys = [cell.key for cell in self.plan().order]
        self.assertEqual(len(set(keys[:len(set(keys))])), len(set(keys)), "each class once, before any comes again")

    def test_what_is_done_is_not_done_again(self):
        plan = self.plan()
        verdicts, seen = [], []
        while cells := plan.next(verdicts, 7):
            seen += [cell.id for cell in cells]
            verdicts += [(cell, "holds") for cell in cells]
        self.assertEqual(seen[:len(plan.order)], [cell.id for cell in plan.order])
        self.assertEqual(sorted(seen), sorted(cell.id for cell in plan.filling()), "in the end all of them")

    def test_what_nobody_has_reached_comes_first(self):
        plan = self.plan()
        forks = plan.next([], 3, lambda cell: cell.operation.op == "fork")
        self.assertEqual({cell.operation.op for cell in forks}, {"fork"})

    def test_members_that_disagree_are_bisected(self):
        members = [classes.Operation("primary", 1, "server", "write", "x", "-", number, 10) for number in range(1, 17)]
        plan = classes.Plan(TOURS, {"tour-rdb": {members[0].key: members}}, 1)
        ends = [plan.cell("tour-rdb", members[0].key, member, "error:EIO", "once") for member in (0, 15)]
        verdicts = list(zip(ends, ("holds", "violated")))
        seen = []
        while found := list(plan.between(verdicts)):
            [cell] = found
            seen.append(cell.member)
            verdicts.append((cell, "violated" if cell.member > 5 else "holds"))
        self.assertEqual(seen, [7, 3, 5, 6])

    def test_two_recordings_are_compared(self):
        one = {"tour-rdb": classes.classes_of(self.found())}
        other = copy.deepcopy(one)
        self.assertEqual(classes.differences(one, other), [])
        gone = next(iter(other["tour-rdb"]))
        del other["tour-rdb"][gone]
        [line] = classes.differences(one, other)
        self.assertEqual((line[:10], "fork" in line), ("- tour-rdb", True))


class Coverage(LastackTest):
    def test_of_a_result(self):
        rule = "op=write role=server nth=1 do=error:EIO"
        scenario = {"verdict": "holds", "faults": [{"rule": rule, "node": "primary", "fired": 1}],
                    "injections": [{"rule": rule, "node": "primary", "op": "write", "role": "server", "phase": "writes"}]}
        cell = ("write", "server", "writes", "error:EIO")
        self.assertEqual(coverage.of_scenario(scenario), {cell})
        self.assertIn(cell, coverage.ALL)
        self.assertEqual(coverage.of_scenario({**scenario, "verdict": "inconclusive"}), set())
        unfired = {**scenario, "faults": [{"rule": rule, "node": "primary", "fired": 0}]}
        self.assertEqual(coverage.of_scenario(unfired), set())
        del scenario["injections"][0]["phase"]
        self.assertEqual(coverage.of_scenario(scenario), set(), "of an older version: nobody knows the phase")

    def test_results_and_tours_mean_the_same_phases(self):
        """One operation of each phase is noted, by a rule that has its number: a result has the word that the tour has."""
        one = tour.Tour((SCENARIOS / "tours/tour-aof-always.yaml").read_text())
        scenario = yaml.safe_load(one.recording()[0])
        arms = [step["arm"] for step in scenario["steps"] if "arm" in step]
        numbers = [1 if phase.kind == "shutdown" else place for place, phase in enumerate(one.phases, 2)]  # it does little
        for number, arm in zip(numbers, arms, strict=True):
            arm["rule"] = f"op=any,read,fork nth={number} do=note"
        seen = self.lastack("run", self.write("dry.yaml", yaml.safe_dump(scenario))).scenario()
        found = {int(injection["rule"].split()[1].removeprefix("nth=")): injection["phase"] for injection in seen["injections"]}
        self.assertEqual(found, {number: phase.kind for number, phase in zip(numbers, one.phases) if number in found})
        self.assertLessEqual({"writes", "snapshot", "rewrite", "switch", "shutdown", "start"}, set(found.values()))

    def test_a_store_grows(self):
        path = self.folder / "store.json"
        cells = sorted(coverage.ALL)[:5]
        one, other = coverage.Store(path), coverage.Store(path)
        one.add(cells[:3])
        other.add(cells[2:4])
        self.assertEqual(coverage.Store(path).reached, set(cells[:4]), "what another run has added stays")
        self.assertIn(f"coverage: 4 of {len(coverage.ALL)}", coverage.told(coverage.Store(path).reached)[0])
        path.write_text("{")
        self.assert_refused(self.lastack("sweep", "--coverage-store", path), "no coverage store")

    def test_the_denominator_is_fixed(self):
        self.assertEqual(len(coverage.ALL), len(coverage.all_cells()))
        self.assertFalse({cell for cell in coverage.ALL if cell[0] == "fork" and cell[1] != "server"})


class CoverageOfRuns(LastackTest):
    def test_what_scenarios_have_reached(self):
        store = self.folder / "store.json"
        run = self.lastack("run", SCENARIOS / "faults/failed-fsync-everysec-trickle.yaml", "--coverage-store", store)
        self.assertIn(f"of {len(coverage.ALL)} (operation x role x phase", run.stdout)
        reached = json.loads(store.read_text())["reached"]
        self.assertIn(["fdatasync", "server", "writes", "error:EIO"], reached)
        other = ["write", "server", "rewrite", "error:EIO"]
        store.write_text(json.dumps({"reached": [other], "cuts": ["append lost"]}))
        done = subprocess.run([LASTACK, "coverage", run.out, "--store", store], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        kept = json.loads(store.read_text())
        self.assertEqual(sorted(kept["reached"]), sorted([*reached, other]))
        self.assertEqual(kept["cuts"], ["append lost"])
        done = subprocess.run([LASTACK, "coverage", self.folder / "nowhere"], capture_output=True, text=True)
        self.assertEqual(done.returncode, 2)


class Sweeps(LastackTest):
    def sweep(self, *words, **options):
        run = self.lastack("sweep", *words, **options)
        path = run.out / "sweep.json"
        run.sweep = json.loads(path.read_text()) if path.exists() else None
        return run

    def test_a_sound_server(self):
        small = self.write("small.yaml", SMALL)
        run = self.sweep(small, "--server", BROKEN / "respd", "--seed", 3, "--cells", 5)
        self.assertEqual(run.status, 0, str(run))
        verdicts = [cell["verdict"] for cell in run.sweep["cells"]]
        self.assertEqual((len(verdicts), verdicts.count("violated")), (5, 0))
        self.assertGreater(verdicts.count("holds"), 2, run.sweep["cells"])
        more = self.lastack("sweep", "--resume", run.out, "--server", BROKEN / "respd", "--cells", 2, out=False)
        self.assertEqual(more.status, 0, str(more))
        again = json.loads((run.out / "sweep.json").read_text())
        self.assertEqual([cell["id"] for cell in again["cells"][:5]], [cell["id"] for cell in run.sweep["cells"]])
        self.assertEqual(len({cell["id"] for cell in again["cells"]}), 7)
        self.assertIn("5 cells done, seed 3", more.stdout)
        self.assertRegex(more.stdout, r"classes: \d+ differ")

    def test_a_broken_one(self):
        small = self.write("small.yaml", SMALL)
        environment = {"RESPD_DEFECT": "ignores-failed-fsync"}
        store = self.folder / "store.json"
        fsyncs = [cell for cell in coverage.ALL if cell[0] in ("fsync", "fdatasync") and cell[3].startswith("error")]
        coverage.Store(store).add(coverage.ALL - set(fsyncs))  # so that these come first
        run = self.sweep(small, "--server", BROKEN / "respd", "--seed", 3, "--cells", 4, "--coverage-store", store,
                         *([] if FULL else ["--no-shrink"]), env=environment)
        self.assertEqual(run.status, 1, str(run))
        self.assertLessEqual({cell["class"][3] for cell in run.sweep["cells"]}, {"fsync", "fdatasync"})
        [name, *_] = run.sweep["findings"][0]["scenarios"]
        self.assertTrue((run.out / "findings" / name / "scenario.json").is_file(), "its bundle")
        again = self.lastack("run", run.out / "findings" / f"{name}.yaml", "--server", BROKEN / "respd", env=environment)
        self.assertEqual(again.status, 1, str(again))
        sound = self.lastack("run", run.out / "findings" / f"{name}.yaml", "--server", BROKEN / "respd")
        self.assertNotEqual(sound.status, 1, str(sound))
        if not FULL:  # that takes minutes
            return
        [small, *_] = [one["smallest"] for one in run.sweep["findings"] if one["smallest"]]
        self.assertLess(len((run.out / small).read_text()), len((run.out / "findings" / f"{name}.yaml").read_text()))
        again = self.lastack("run", run.out / small, "--server", BROKEN / "respd", env=environment)
        self.assertEqual(again.status, 1, str(again))

    def test_interrupted_it_leaves_a_result(self):
        words = ["sweep", self.write("small.yaml", SMALL), "--seed", "3", "--out", self.folder / "cut"]
        sweep = subprocess.Popen([LASTACK, *map(str, words)], cwd=self.folder, text=True, stdout=subprocess.PIPE)
        said = sweep.stdout.readline()
        sweep.send_signal(signal.SIGINT)
        said += sweep.communicate()[0]
        self.assertIn(sweep.returncode, (0, 3), said)
        self.assertIn("interrupted", said)
        self.assertGreater(len(json.loads((self.folder / "cut/sweep.json").read_text())["classes"]["small"]), 5)

    def test_another_server_s_cells_are_not_taken_up(self):
        begun = self.folder / "begun"
        self.lastack("sweep", self.write("small.yaml", SMALL), "--seed", "3", "--cells", "2", "--no-shrink", "--out", begun, out=False)
        for given in (("--server", BROKEN / "respd"), ("--config", self.write("own.conf", "hz 20\n"))):
            run = self.lastack("sweep", "--resume", begun, *given, "--cells", "1", out=False)
            self.assert_refused(run, "it was of another", given[0])
        run = self.lastack("sweep", "--resume", begun, "--cells", "1", "--no-shrink", out=False)
        self.assertIn(run.status, (0, 1, 3), str(run))
        self.assertEqual(len(json.loads((begun / "sweep.json").read_text())["cells"]), 3)

    def test_usage(self):
        for words in (("--minutes", 0), ("--seed", "x"), ("--server", ""), ("--resume", "/nonexistent"), ("no-such-tour",),
                      ("--resume", "x", "--seed", 1)):
            run = self.lastack("sweep", *words, out=False)
            self.assertEqual(run.status, 2, str(run))
            self.assertNotIn("Traceback", run.stderr)


class CarryOn(LastackTest):
    """What a sweep stands on: a scenario that goes on whatever a fault does."""
    STEPS = """
carry_on: true
steps:
  - load: {acked: 50}
  - arm: {rule: "op=%s file=aof role=server nth=1 do=error:EIO"}
  - wait: {for: fired}
  - sleep: {ms: 300}
  - disarm: {}
  - wait: {for: writes}
  - command: {send: PING}
  - recover: {}
  - load: {acked: 20}
  - kill: {scope: group, or_down: true}
  - recover: {}
  - verify: {}
expect:
  - lost: {max: 0}
  - exit: {never: crashed}
"""

    def scenario(self, op):
        return SMALL[:SMALL.index("power_cut")].strip() + (self.STEPS % op)

    def test_a_server_that_ends_is_recovered(self):
        run = self.lastack("run", self.write("small.yaml", self.scenario("fdatasync")))
        self.assertEqual(run.status, 0, str(run))
        self.assertEqual([end["how"] for end in run.scenario()["ends"]], ["failed", "killed"])

    def test_without_it_nothing_is_said(self):
        run = self.lastack("run", self.write("small.yaml", self.scenario("fdatasync").replace("carry_on: true", "")))
        self.assertEqual(run.status, 3, str(run))

    def test_a_rule_that_does_not_fire_is_inconclusive(self):
        text = self.scenario("mkdir").replace("for: fired", "for: fired, timeout_ms: 500")
        run = self.lastack("run", self.write("small.yaml", text))
        self.assertEqual(run.status, 3, str(run))

    def test_a_start_under_a_fault_is_tried_again(self):
        text = self.scenario("read").replace("  - arm: {", "  - kill: {scope: group}\n  - arm: {").replace(
            "file=aof role=server nth=1", "role=server").replace("  - wait: {for: fired}\n", "  - recover: {}\n", 1).replace(
            "  - wait: {for: writes}\n  - command: {send: PING}\n", "")
        run = self.lastack("run", self.write("small.yaml", text))
        self.assertEqual(run.status, 0, str(run))
        self.assertEqual([end["how"] for end in run.scenario()["ends"]], ["killed", "failed", "killed"])


if __name__ == "__main__":
    unittest.main()
