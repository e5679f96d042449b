"""lastack sweep: every operation that a server makes in a tour fails once, in a run of its own, in every way that it can."""
import argparse
import collections
import dataclasses
import hashlib
import json
import pathlib
import random
import re
import shutil
import signal
import subprocess

import classes
import coverage
import runs
import tour

BATCH = 16
UNFIRED = "the rule did not fire"
SHOWN = 40  # classes that differ
SHRINK_S = 120  # for each kind of finding, as far as a quarter of the time goes
VERDICTS = ("holds", "violated", "inconclusive")
FORMAT = 1
SUBJECTS = ("server", "executable", "config")  # of result.json: whose files they are that the cells speak of


def read_tours(name):
    """The scenario of that file or name, or all that come with lastack."""
    paths = sorted((runs.SCENARIOS / "tours").glob("*.yaml")) if name is None else runs.scenario_files(name)
    try:
        tours = [tour.Tour(path.read_text()) for path in paths]
    except (OSError, ValueError, KeyError, TypeError, AttributeError, tour.yaml.YAMLError) as error:
        raise runs.Refused(f"{paths[0]}: {str(error) or 'no scenario'}".replace("\n", " ")) from error
    except tour.Unfit as error:
        raise runs.Refused(f"{paths[0]}: {error}") from error
    return {one.name: one for one in tours}


@dataclasses.dataclass
class Done:
    """A cell that was run, and what came of it."""
    cell: classes.Cell
    verdict: str
    why: str = ""
    violated: tuple = ()
    died: str = ""


class Sweep:
    def __init__(self, asked):
        self.asked = asked
        self.out = pathlib.Path(asked.out)
        self.deadline = runs.Deadline(asked.minutes * 60)
        self.store = coverage.Store(asked.coverage_store)
        self.tours, self.classes = {}, {}
        self.done, self.notes = [], []
        self.server = "?"
        self.subjects = {}
        self.plan = classes.Plan({}, {}, asked.seed)
        self.batches = 0
        self.interrupted = False
        self.small = {}  # name of a finding's scenario: file of its smallest case

    # ---- runs of lastack ----

    def run(self, folder, out):
        """Verdicts of all scenarios of the folder; those that the time has cut off have none."""
        asked = self.asked
        words = ["run", folder, "--out", out, "--keep", "all" if folder.name == "dry" else "findings", *self.common()]
        words += ["--jobs", asked.jobs] if asked.jobs else []
        try:
            status = runs.lastack(*words, seconds=max(1.0, self.left))
        except (KeyboardInterrupt, runs.Interrupted):
            self.interrupted, status = True, None
        if status == 2:
            self.refused(words)
        result = runs.result_of(out) or {"scenarios": [], "not_applicable": []}
        if "server" in result:
            self.server = f"{result['server']['name']} {result['server']['version']}"
            self.subjects = {one["role"]: one["sha256"] for one in result.get("subjects", []) if one["role"] in SUBJECTS}
        return result

    def common(self):
        given = [(option, getattr(self.asked, option)) for option in ("server", "config", "seed")]
        return [word for option, value in given if value is not None for word in (f"--{option}", value)]

    @staticmethod
    def refused(words):
        """lastack says why itself."""
        said = subprocess.run([runs.LASTACK, *map(str, words)], capture_output=True, text=True, stdin=subprocess.DEVNULL)
        raise runs.Refused(said.stderr.strip().removeprefix("lastack: ") or "lastack refused to run the scenarios")

    @property
    def over(self):
        return self.interrupted or not self.left

    @property
    def left(self):
        """Seconds for more cells: what was found is to be shrunk as well."""
        kinds = len(set(map(kind_of_finding, self.findings()))) if self.asked.shrink else 0
        return max(0.0, self.deadline.left - min(kinds * SHRINK_S, self.asked.minutes * 60 / 4))

    # ---- the dry run ----

    def record(self, tours):
        """The tours without a fault: their classes, by tour."""
        folder, out = self.out / "dry", self.out / "dry-report"
        for old in (folder, out):
            shutil.rmtree(old, ignore_errors=True)
        folder.mkdir(parents=True)
        rules = {}
        for name, one in tours.items():
            text, rules[name] = one.recording()
            (folder / f"{name}.yaml").write_text(text)
        result = self.run(folder, out)
        self.notes += [f"not run: {text}" for text in result["not_applicable"]]
        found = {}
        for scenario in result["scenarios"]:
            if scenario["verdict"] == "holds":
                name = scenario["name"]
                seen = {one["name"]: int(one["samples"][0]) for one in scenario["figures"] if one["samples"]}
                tours[name].descriptors = {node: seen[figure] for node in tours[name].nodes
                                           if (figure := tours[name].descriptors_of(node)) in seen}
                found[name] = classes.classes_of(self.operations(out / scenario["bundle"], tours[name], rules[name]))
                continue
            self.notes.append(f"{scenario['name']} does not hold without a fault, so nothing is said of it: "
                              f"{scenario['verdict']}: {'; '.join(scenario['reasons'])}")
        shutil.rmtree(out, ignore_errors=True)
        return found

    def operations(self, bundle, one, rules):
        found = []
        for node, phase_of_rule in rules.items():
            log = subprocess.run([runs.LASTACK, "fault", "log", "--times", "--node", str(bundle / node)],
                                 capture_output=True, text=True, errors="replace")
            if log.stderr.strip():  # what is not in the log is not tried, and that is said
                self.notes.append(f"{bundle.name}: {node}: {log.stderr.strip().removeprefix('lastack: ')}")
            found += classes.operations(node, log.stdout.splitlines(), phase_of_rule, one.follows.get(node, ""))
        return found

    # ---- one batch ----

    def name_of(self, cell):
        digest = hashlib.sha256(cell.id.encode()).hexdigest()[:8]
        phase = self.tours[cell.tour].phases[cell.operation.phase - 1].name
        how = cell.fault.split(":")[-1].lower()
        stem = cell.tour.removeprefix("tour-")[:30]
        return re.sub("[^a-z0-9-]", "-", f"sweep-{stem}-{phase}-{cell.operation.op}-{how}-{cell.lasting}-{digest}")

    def text_of(self, cell):
        operation = cell.operation
        phase = self.tours[cell.tour].phases[operation.phase - 1]
        lasting = {"once": "once", "until": "until it is disarmed", "good": "for good"}[cell.lasting]
        title = (f"{cell.tour}, phase {phase.name}: {operation.op} {operation.path} of {operation.role} on {operation.node} "
                 f"({operation.nth}, after {operation.before}): {cell.fault}, {lasting}")
        fault = {"phase": operation.phase, "node": operation.node, "rule": cell.rule, "lasting": cell.lasting,
                 "title": title, "op": operation.op, "role": operation.role}
        return self.tours[cell.tour].scenario_of(self.name_of(cell), fault)

    def batch(self, cells):
        folder, out = self.out / f"batch-{self.batches}", self.out / f"batch-{self.batches}-report"
        self.batches += 1
        for old in (folder, out):  # of one that was cut off
            shutil.rmtree(old, ignore_errors=True)
        folder.mkdir(parents=True)
        by_name = {}
        for cell in cells:
            by_name[self.name_of(cell)] = cell
            (folder / f"{self.name_of(cell)}.yaml").write_text(self.text_of(cell))
        result = self.run(folder, out)
        pending = set(result.get("pending", ()))
        for scenario in result["scenarios"]:
            cell = by_name[scenario["name"]]
            if scenario["sealed"]:
                self.judged(cell, scenario, folder, out)
            elif not self.over and scenario["name"] not in pending:  # not cut off: lastack itself has failed
                self.done.append(Done(cell, "inconclusive", scenario["reasons"][0]))
        for text in result["not_applicable"]:
            name, _, why = text.partition(": ")
            self.done.append(Done(by_name[name], "inconclusive", f"does not apply: {why}"))
        for old in (folder, out):
            shutil.rmtree(old, ignore_errors=True)
        self.store.add(self.reached())
        self.write()

    def judged(self, cell, scenario, folder, out):
        fired = any(one["fired"] for one in scenario["faults"])
        verdict = scenario["verdict"] if fired or scenario["verdict"] == "violated" else "inconclusive"
        why = scenario["reasons"][0] if scenario["reasons"] else ""
        ends = sorted({one["how"] for one in scenario.get("ends", ()) if one["node"] == cell.operation.node} - {"killed"})
        self.done.append(Done(cell, verdict, why if fired else UNFIRED, tuple(sorted(scenario["violated"])),
                              ", ".join(end for end in ends if end in ("failed", "crashed"))))
        if verdict != "violated":
            return
        findings = self.out / "findings"
        findings.mkdir(exist_ok=True)
        shutil.copy(folder / f"{scenario['name']}.yaml", findings)
        shutil.rmtree(findings / scenario["name"], ignore_errors=True)
        if (out / scenario["bundle"]).is_dir():
            shutil.move(out / scenario["bundle"], findings / scenario["name"])

    def reached(self):
        return {coverage.of_cell(one.cell, self.kind_of(one.cell)) for one in self.done
                if one.verdict in coverage.JUDGED and one.why != UNFIRED}

    def kind_of(self, cell):
        return self.tours[cell.tour].phases[cell.operation.phase - 1].kind

    # ---- sweep.json ----

    def result(self):
        counted = collections.Counter(one.verdict for one in self.done)
        return {"format": FORMAT, "seed": self.asked.seed, "server": self.server, "subjects": self.subjects, "notes": self.notes,
                "tours": {name: one.text for name, one in self.tours.items()},
                "classes": {name: [[dataclasses.asdict(member) for member in members] for members in found.values()]
                            for name, found in self.classes.items()},
                "verdicts": {verdict: counted[verdict] for verdict in VERDICTS}, "map": self.map(),
                "findings": self.findings(), "died": self.deaths(), "skipped": dict(self.plan.skipped),
                "cells": [{"id": one.cell.id, "name": self.name_of(one.cell), "tour": one.cell.tour,
                           "class": list(one.cell.key), "member": one.cell.member, "fault": one.cell.fault,
                           "lasting": one.cell.lasting, "rule": one.cell.rule, "verdict": one.verdict, "why": one.why,
                           "violated": list(one.violated), "died": one.died} for one in self.done]}

    def write(self):
        """Valid at any moment: it is renamed into place."""
        self.out.mkdir(parents=True, exist_ok=True)
        runs.write_json(self.out / "sweep.json", self.result(), 1)

    def map(self):
        """Operation by how it fails: how many runs of each verdict."""
        table = {}
        for one in self.done:
            row = table.setdefault(one.cell.operation.op, {}).setdefault(one.cell.fault, dict.fromkeys(VERDICTS, 0))
            row[one.verdict] += 1
        return table

    def findings(self):
        """Those that are alike together: the same class in whatever phase, and the same kind of finding."""
        groups = {}
        for one in self.done:
            if one.verdict != "violated":
                continue
            operation = one.cell.operation
            key = one.cell.tour, operation.node, operation.role, operation.op, operation.path, one.violated
            groups.setdefault(key, []).append(one)
        return [{"tour": key[0], "node": key[1], "role": key[2], "op": key[3], "path": key[4], "violated": list(key[5]),
                 "count": len(alike), "faults": sorted({f"{one.cell.fault} {one.cell.lasting}" for one in alike}),
                 "why": alike[0].why, "scenarios": [self.name_of(one.cell) for one in alike],
                 "smallest": self.small.get(self.name_of(alike[0].cell))}
                for key, alike in groups.items()]

    def deaths(self):
        """Where the server has ended by itself: a fact, which the expectations judge."""
        groups = collections.Counter()
        for one in self.done:
            if one.died:
                operation = one.cell.operation
                groups[f"{self.tours[one.cell.tour].policy}: {operation.op} {operation.path} of {operation.role}: "
                       f"{one.cell.fault}: {one.died}"] += 1
        return dict(sorted(groups.items()))

    # ---- taken up again ----

    def take_up(self, folder):
        try:
            old = json.loads((folder / "sweep.json").read_text())
            self.asked.seed = old["seed"]
            self.tours = {name: tour.Tour(text) for name, text in old["tours"].items()}
            for name, members in old["classes"].items():
                of_tour = [[classes.Operation(**member) for member in each] for each in members]
                self.classes[name] = {each[0].key: each for each in of_tour}
            self.plan = classes.Plan(self.tours, self.classes, old["seed"])
            for one in old["cells"]:
                cell = self.plan.cell(one["tour"], tuple(one["class"]), one["member"], one["fault"], one["lasting"])
                self.done.append(Done(cell, one["verdict"], one["why"], tuple(one["violated"]), one["died"]))
        except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
            raise runs.Refused(f"--resume {folder}: no sweep.json of a sweep: {error}") from error
        self.server, self.subjects = old["server"], old.get("subjects", {})
        self.notes = [note for note in old["notes"] if not note.startswith("not run: ")]
        print(f"taken up again: {len(self.done)} cells done, seed {self.asked.seed}", flush=True)

    def same_as(self, before):
        """What was found of one server, or with one configuration, is not another's. An older sweep.json does not say."""
        for role in SUBJECTS:
            if before and self.subjects.get(role) != before.get(role):
                option = "--config" if role == "config" else "--server"
                raise runs.Refused(f"--resume: it was of another {role}: give the same {option}, or begin a new sweep")

    def compare(self, old, new):
        lines = classes.differences(old, new)
        print(f"classes: {len(lines)} differ between the two recordings", flush=True)
        for line in lines[:SHOWN]:
            print(f"  {line}")
        if len(lines) > SHOWN:
            print(f"  and {len(lines) - SHOWN} more")

    # ---- through ----

    def begin(self):
        asked = self.asked
        if asked.resume:
            self.take_up(pathlib.Path(asked.resume))
            before = self.subjects
            recorded = self.record(self.tours)
            self.same_as(before)
            self.compare(self.classes, recorded)
            return
        self.tours = read_tours(asked.scenario)
        self.classes = self.record(self.tours)
        self.plan = classes.Plan(self.tours, self.classes, asked.seed)
        if asked.tour:
            self.compare(classes_in(asked.tour), self.classes)

    def through(self):
        try:
            self.begin()
            self.go_on()
            self.shrink()
        except (KeyboardInterrupt, runs.Interrupted):
            self.interrupted = True
        self.write()
        return self.report()

    def go_on(self):
        number = sum(len(found) for found in self.classes.values())
        members = sum(len(each) for found in self.classes.values() for each in found.values())
        print(f"{self.server}: {len(self.classes)} tours, {members} operations in {number} classes; seed {self.asked.seed}",
              flush=True)
        self.write()
        seen_before = set(self.store.reached)
        began = len(self.done)
        while not self.over:
            left = self.asked.cells - (len(self.done) - began) if self.asked.cells else BATCH
            verdicts = [(one.cell, one.verdict) for one in self.done]
            cells = self.plan.next(verdicts, min(BATCH, left), lambda cell: bool(seen_before) and coverage.of_cell(
                cell, self.kind_of(cell)) not in seen_before)
            if not cells:
                break
            before = len(self.done)
            self.batch(cells)
            print(f"[{self.deadline.spent:5.0f} s] {self.counted()}", flush=True)
            if len(self.done) == before:  # nothing came of it: the time is over, or no run is possible
                break

    def shrink(self):
        """The first finding of each kind, while there is time for it."""
        seen = set()
        for one in self.findings() if self.asked.shrink else ():
            name = one["scenarios"][0]
            if kind_of_finding(one) in seen or self.interrupted or self.deadline.left < SHRINK_S / 2:
                continue
            seen.add(kind_of_finding(one))
            minutes = max(1, int(min(SHRINK_S, self.deadline.left) / 60))
            small = runs.shrink(self.out / "findings" / f"{name}.yaml", self.common(), minutes, self.out / "shrunk" / name,
                                self.deadline.left)
            if small:
                self.small[name] = str(small.relative_to(self.out))
                print(f"[{self.deadline.spent:5.0f} s] {name}: its smallest case: {small}", flush=True)

    def counted(self):
        counts = collections.Counter(one.verdict for one in self.done)
        return (f"{len(self.done)} cells: {counts['holds']} hold, {counts['violated']} violated, "
                f"{counts['inconclusive']} inconclusive")

    # ---- what is printed ----

    def report(self):
        print("\nhow each operation may fail, and what came of it: hold/violated/inconclusive")
        for op, row in self.map().items():
            cells = [f"{fault.removeprefix('error:')} {'/'.join(str(counts[verdict]) for verdict in VERDICTS)}"
                     for fault, counts in sorted(row.items())]
            print(f"  {op:<12} {'  '.join(cells)}")
        self.print_all("where the server has ended by itself",
                       [f"{count} x {text}" for text, count in self.deaths().items()])
        self.print_all("why a run says nothing", self.why_open())
        self.print_all("not tried", [f"{count} x {why}" for why, count in sorted(self.plan.skipped.items())])
        self.print_all("notes", self.notes)
        print()
        print("\n".join(coverage.told(self.store.reached | self.reached())))
        findings = self.findings()
        self.print_all(f"findings: {len(findings)}", [
            f"{one['count']} x {one['tour']}: {one['op']} {one['path']} of {one['role']} on {one['node']} "
            f"({', '.join(one['faults'])}): {', '.join(one['violated'])}: {one['why']:.160}\n"
            f"    lastack run {self.out}/{one['smallest'] or 'findings/' + one['scenarios'][0] + '.yaml'}" for one in findings])
        cut = ", interrupted" if self.interrupted else ""
        status = 1 if findings else 0 if any(one.verdict in coverage.JUDGED for one in self.done) else 3
        print(f"\n{self.out}/sweep.json: {self.counted()}; {self.deadline.spent:.0f} s{cut}; exit {status}", flush=True)
        return status

    @staticmethod
    def print_all(title, lines):
        if lines:
            print(f"\n{title}")
            for line in lines:
                print(f"  {line}")

    def why_open(self):
        whys = collections.Counter(re.sub(r"'op=.*?'", "...", one.why) for one in self.done if one.verdict == "inconclusive")
        return [f"{count} x {why:.200}" for why, count in whys.most_common()]


def kind_of_finding(finding):
    """One of each is made smaller."""
    return finding["op"], finding["role"], *finding["violated"]


def classes_in(path):
    """Of another sweep's sweep.json."""
    try:
        old = json.loads(pathlib.Path(path).read_text())["classes"]
        return {name: [classes.Operation(**each[0]).key for each in members] for name, members in old.items()}
    except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
        raise runs.Refused(f"--tour {path}: no sweep.json: {error}") from error


def arguments():
    parser = argparse.ArgumentParser(
        prog="lastack sweep", allow_abbrev=False,
        description="Record what a server does with its files in a tour, then make each of these operations fail in a run "
                    "of its own, in every way that it can, and judge what is left.",
        epilog="exit status: 0 no finding, 1 findings, 2 usage, 3 nothing could be judged")
    parser.add_argument("scenario", nargs="?", metavar="SCENARIO", help="the tour: a file, or the name of a scenario that "
                        "comes with lastack (default: all of scenarios/tours)")
    parser.add_argument("--server", metavar="PATH", help="server under test")
    parser.add_argument("--config", metavar="FILE", help="redis.conf that it is run with")
    parser.add_argument("--minutes", type=runs.whole_number, default=20, metavar="N",
                        help="when it ends, 1 to 100000 (default: 20)")
    parser.add_argument("--cells", type=runs.whole_number, metavar="N", help="end after so many runs")
    parser.add_argument("--no-shrink", dest="shrink", action="store_false",
                        help="keep no time for making what was found smaller")
    parser.add_argument("--seed", type=runs.whole_number, metavar="N",
                        help="the order follows from it (default: chosen and printed)")
    parser.add_argument("--out", metavar="DIR",
                        help="where everything is written; new or empty (default: lastack-sweep-SEED)")
    parser.add_argument("--jobs", metavar="N", help="runs at a time")
    parser.add_argument("--resume", metavar="DIR", help="take up again the sweep that has written DIR")
    parser.add_argument("--tour", metavar="FILE", help="another sweep's sweep.json: print which classes differ")
    parser.add_argument("--coverage-store", metavar="FILE", help="cells that were ever reached: it grows, and what nobody "
                        "has reached comes first")
    asked = parser.parse_args()
    if not 1 <= asked.minutes <= 100000:
        parser.error(f"--minutes: {asked.minutes} is not from 1 to 100000")
    runs.no_empty_names(parser, asked, "scenario", "out", "server", "config", "resume", "tour", "coverage_store")
    if asked.resume and (asked.out or asked.scenario or asked.seed is not None or asked.tour):
        parser.error("--resume goes on with the seed, the tours and the folder of the sweep that was cut off")
    asked.seed = random.randrange(10 ** 9) if asked.seed is None else asked.seed
    asked.out = asked.resume or asked.out or f"lastack-sweep-{asked.seed}"
    return asked


def main():
    asked = arguments()
    if not asked.resume:
        runs.new_folder(asked.out, "name a new folder, or --resume it")

    def interrupt(*_):
        raise runs.Interrupted
    signal.signal(signal.SIGTERM, interrupt)
    return Sweep(asked).through()


if __name__ == "__main__":
    runs.end_with(main, (runs.Refused, ValueError, OSError))
