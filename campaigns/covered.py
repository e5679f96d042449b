"""lastack coverage: what the faults of runs have reached, of all that there is. `lastack certify --coverage` prints it."""
import argparse
import json
import pathlib
import sys

import coverage

# What a simulated power cut may have done to a directory (docs/power-cuts.md); as result.json has it.
CLASSES = ("create or mkdir undone", "rename undone", "unlink undone", "truncate undone", "unforced metadata kept", "append lost",
           "append kept", "append kept in part", "hole of zeros", "overwrite lost", "overwrite kept")
KIND = coverage.tour.KINDS[0]  # a result does not know the phase: cells are counted without it


def without_phase(cells):
    return {(op, role, how) for op, role, _, how in cells}


ALL = without_phase(coverage.ALL)


def reached_by(result):
    cells = set()
    for scenario in result["scenarios"]:
        cells |= without_phase(coverage.of_scenario(scenario, KIND))
    return cells


def classes_of(result):
    return {did for scenario in result["scenarios"] if scenario["verdict"] in coverage.JUDGED
            for cut in scenario["power_cuts"] for did in cut["did"]} & set(CLASSES)


def commands_of(result):
    """Write commands that the server has, and those of them that were sent."""
    known, sent = set(), set()
    for scenario in result["scenarios"]:
        for command in scenario.get("write_commands") or []:
            known.add(command["name"])
            sent |= set() if command["why"] else {command["name"]}
    return known, sent


def told(cells, cuts, commands):
    lines = [f"coverage: {len(cells)} of {len(ALL)} (operation x role x how it fails)"]
    for op in coverage.classes.FAULTS:
        whole = {cell for cell in ALL if cell[0] == op}
        here = whole & cells
        never = sorted({how for *_, how in whole} - {how for *_, how in here})
        lines.append(f"  {op:<12} {len(here):>4} of {len(whole):<4}" + (f" never: {', '.join(never)}" if never else ""))
    unseen = [name for name in CLASSES if name not in cuts]
    lines.append(f"  power cuts   {len(cuts):>4} of {len(CLASSES):<4}" + (f" never: {', '.join(unseen)}" if unseen else ""))
    known, sent = commands
    if known:
        lines.append(f"  commands     {len(sent):>4} of {len(known):<4}" + (f" never: {', '.join(sorted(known - sent))}"
                                                                           if known - sent else ""))
    return lines


class Store(coverage.Store):
    """Keeps what was reached without a phase, and the classes, beside what sweeps have reached."""

    def extra(self):
        if not self.path or not self.path.exists():
            return set(), set()
        data = json.loads(self.path.read_text())
        return {tuple(cell) for cell in data.get("reached_by_runs", [])} & ALL, set(data.get("cuts", [])) & set(CLASSES)

    def add_runs(self, cells, cuts):
        if not self.path:
            return cells, cuts
        before = self.extra()
        cells, cuts = cells | before[0], cuts | before[1]
        data = json.loads(self.path.read_text()) if self.path.exists() else {"reached": []}
        data.update(reached_by_runs=sorted(cells), cuts=sorted(cuts))
        partial = self.path.with_name(f".{self.path.name}.partial")
        partial.write_text(json.dumps(data, indent=0) + "\n")
        partial.replace(self.path)
        return cells, cuts


def main():
    parser = argparse.ArgumentParser(prog="lastack coverage", allow_abbrev=False,
                                     description="What the faults of runs have reached, and were judged, against a table that "
                                                 "is fixed beforehand.")
    parser.add_argument("reports", nargs="+", metavar="REPORT", help="a report folder, or its result.json")
    parser.add_argument("--store", metavar="FILE", help="what was ever reached: it grows")
    asked = parser.parse_args()
    cells, cuts, known, sent = set(), set(), set(), set()
    for name in asked.reports:
        path = pathlib.Path(name)
        result = json.loads((path / "result.json" if path.is_dir() else path).read_text())
        cells |= reached_by(result)
        cuts |= classes_of(result)
        more = commands_of(result)
        known |= more[0]
        sent |= more[1]
    store = Store(asked.store)
    cells, cuts = store.add_runs(cells, cuts)
    print("\n".join(told(cells, cuts, (known, sent))))
    return 0


try:
    status = main()
except (OSError, ValueError, KeyError, TypeError) as error:
    print(f"lastack coverage: {error}", file=sys.stderr)
    status = 2
sys.exit(status)
