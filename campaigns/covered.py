"""lastack coverage: what the faults of runs have reached, of all that there is. `lastack certify --coverage` prints it."""
import argparse
import json
import pathlib

import coverage
import runs

# What a simulated power cut may have done to a directory (docs/power-cuts.md); as result.json has it.
CLASSES = ("create or mkdir undone", "rename undone", "unlink undone", "truncate undone", "unforced metadata kept", "append lost",
           "append kept", "append kept in part", "hole of zeros", "overwrite lost", "overwrite kept")


def reached_by(result):
    cells = set()
    for scenario in result["scenarios"]:
        cells |= coverage.of_scenario(scenario)
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
    known, sent = commands
    lines = [*coverage.told(cells), coverage.told_of("power cuts", cuts, set(CLASSES))]
    return lines + ([coverage.told_of("commands", sent, known)] if known else [])


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
    store = coverage.Store(asked.store)
    store.add(cells)
    store.add(cuts, "cuts")
    print("\n".join(told(store.reached, store.kept["cuts"] & set(CLASSES), (known, sent))))
    return 0


runs.end_with(main, (OSError, ValueError, KeyError, TypeError))
