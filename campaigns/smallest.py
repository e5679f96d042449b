"""The smallest state of each kind that an exploration has found: what lastack explore says at its end."""
import pathlib
import sys

import yaml

import runs
import state

SECONDS = 60  # for each
MOST = 5


def main():
    report = pathlib.Path(sys.argv[1])
    found = [(scenario, one) for scenario in runs.verdicts_of(report).values()
             for one in (scenario.get("explored") or {}).get("found", ()) if one["bundle"]]
    for scenario, one in found[:MOST]:
        bundle = report / scenario["bundle"] / one["bundle"]
        out = report / "shrunk" / f"{scenario['name']}-{one['bundle']}"
        summary = state.shrink(bundle, scenario["server"], SECONDS, out)
        if summary:
            print(f"smallest: {scenario['name']}, {one['ending']}: {state.told(summary)}: {out}", flush=True)
    return 0


runs.end_with(main, (runs.Refused, yaml.YAMLError, OSError, ValueError))
