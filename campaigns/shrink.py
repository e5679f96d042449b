"""lastack shrink: the smallest scenario that still shows a finding, and a shell script that shows it without lastack."""
import argparse
import datetime
import json
import math
import pathlib
import random
import shutil
import sys

import yaml

import drawn
import runs
import script
import smaller
import state

FIRST_TRIES = 10  # runs that say how often the finding shows itself
TRIES_MAX = 20
LAST_RUNS = 20
CONFIRMED = 3  # of a finding that shows in every run, so many of a smaller scenario must show it
SURE = 0.05  # a candidate that shows it as often as the whole did is missed so rarely


class Finding:
    """What is to stay the same, and how it is looked for."""

    def __init__(self, asked, scenario, deadline):
        self.asked, self.deadline = asked, deadline
        self.folder = pathlib.Path(asked.out) / "work"
        self.known = {}  # text of a scenario: whether it shows the finding
        self.runs = 0
        self.tries, self.enough = FIRST_TRIES, 1
        self.kinds = None
        self.first = self.run(scenario, FIRST_TRIES)
        self.kinds = self.first["violated"] if self.first else []
        if not self.kinds:
            verdict = self.first["verdict"] if self.first else "it could not be run"
            raise runs.Refused(f"{asked.what}: it is not violated in {FIRST_TRIES} runs ({verdict}): there is "
                           "nothing to shrink")
        shown = self.first.get("repeats", {}).get("violated", FIRST_TRIES)
        rate = shown / FIRST_TRIES
        self.tries = CONFIRMED if rate == 1 else min(TRIES_MAX, math.ceil(math.log(SURE) / math.log(1 - rate)))
        self.enough = CONFIRMED if rate == 1 else max(1, int(self.tries * rate / 2))

    def run(self, scenario, times):
        """The scenario's entry of the result; None: it is no scenario, or the run was cut."""
        file = self.folder / "scenario.yaml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(drawn.text_of(scenario))
        report = self.folder / "report"
        shutil.rmtree(report, ignore_errors=True)
        words = ["run", file, "--seed", self.asked.seed, "--out", report, "--repeat", times, "--keep", "none"]
        if self.asked.server:
            words += ["--server", self.asked.server]
        if self.asked.config:
            words += ["--config", self.asked.config]
        runs.lastack(*words, seconds=max(30, self.deadline.left))
        self.runs += times
        found = list(runs.verdicts_of(report).values())
        return found[0] if found else None

    def __call__(self, scenario):
        text = drawn.text_of(scenario)
        if text not in self.known and self.deadline.left:
            found = self.run(scenario, self.tries)
            self.known[text] = self.is_it(found) and self.holds_on_sound(scenario)
            say(f"{'smaller' if self.known[text] else 'needed '}  {len(text)} bytes, {len(scenario['steps'])} steps")
        return self.known.get(text, False)

    def is_it(self, found):
        """As often as was to be expected; the same first kind, which is what convicts most, and none that the whole had
        not."""
        kinds = found["violated"] if found and found["verdict"] == "violated" else []
        often = (found or {}).get("repeats", {}).get("violated", len(kinds) > 0) >= self.enough
        return often and self.kinds[0] in kinds and set(kinds) <= set(self.kinds)

    def holds_on_sound(self, scenario):
        if not self.asked.sound:
            return True
        mine, self.asked.server = self.asked.server, self.asked.sound
        found = self.run(scenario, 1)
        self.asked.server = mine
        return bool(found) and found["verdict"] == "holds"

    def suspects(self):
        """Types of data, the one that has lost most first."""
        by_type = (self.first.get("rpo") or {}).get("by_type") or []
        return [one["type"] for one in sorted(by_type, key=lambda one: -one["lost"]) if one["lost"]]


def say(text):
    if sys.stderr.isatty():
        print(text, file=sys.stderr)


def read_scenario(what):
    """The scenario of a bundle, a file, or a name; and what was found in it, of a bundle."""
    path = pathlib.Path(what)
    if path.is_dir():
        if not (path / "scenario.yaml").is_file():
            raise runs.Refused(f"{what}: no bundle: it has no scenario.yaml; name the folder of a scenario in a report")
        found = json.loads((path / "scenario.json").read_text()) if (path / "scenario.json").is_file() else {}
        return yaml.safe_load((path / "scenario.yaml").read_text()), found
    scenario = yaml.safe_load(runs.scenario_files(what, "bundle, file")[0].read_text())
    if not isinstance(scenario, dict) or not isinstance(scenario.get("steps"), list):
        raise runs.Refused(f"{what}: not a scenario")
    return scenario, {}


def at_least(shown, of):
    """The share of runs that show it is at least this, with 95 % confidence (Clopper-Pearson, by bisection)."""
    low, high = 0.0, 1.0
    for _ in range(60):
        p = (low + high) / 2
        tail = sum(math.comb(of, k) * p ** k * (1 - p) ** (of - k) for k in range(shown, of + 1))
        low, high = (p, high) if tail < 0.025 else (low, p)
    return low


# ---- the program ----

def arguments():
    parser = argparse.ArgumentParser(
        prog="lastack shrink", allow_abbrev=False,
        description="Make a scenario that is violated smaller, as long as the same kinds of finding stay: steps, "
                    "expectations, data types, settings, then clients, pipeline and amounts.",
        epilog="exit status: 1 the shrunk scenario is violated, 0 it is not any more, 2 usage, 3 cut by the time before "
               "anything could be said")
    parser.add_argument("what", metavar="BUNDLE|SCENARIO", help="the folder of a scenario in a report, a file, or a name")
    parser.add_argument("--server", metavar="PATH", help="server under test (default: that of the bundle, or redis-server)")
    parser.add_argument("--sound", metavar="PATH", help="a server on which every smaller scenario must hold")
    parser.add_argument("--config", metavar="FILE", help="a redis.conf to run with")
    parser.add_argument("--minutes", type=runs.whole_number, default=10, metavar="N", help="how long at most, 1 to 1440 (default: 10)")
    parser.add_argument("--seed", type=runs.whole_number, metavar="N", help="what random choices follow from")
    parser.add_argument("--out", metavar="DIR", help="where the result is written; new or empty (default: lastack-shrink-TIME)")
    asked = parser.parse_args()
    if not 1 <= asked.minutes <= 1440:
        parser.error(f"--minutes: {asked.minutes} is not from 1 to 1440")
    runs.no_empty_names(parser, asked, "server", "sound", "config", "out", "what")
    asked.seed = random.randrange(10 ** 9) if asked.seed is None else asked.seed
    asked.out = asked.out or f"lastack-shrink-{datetime.datetime.now():%Y%m%d-%H%M%S}"
    return asked


def leave(asked, finding, scenario, last):
    """What is found in the output folder."""
    out = pathlib.Path(asked.out)
    shrunk = {**scenario, "name": f"shrunk-{scenario['name'].removeprefix('shrunk-')}"[:80]}
    (out / "shrunk.yaml").write_text(drawn.text_of(shrunk))
    shown = last.get("repeats", {}).get("violated", 0) if last else 0
    summary = {"kinds": finding.kinds, "runs": finding.runs, "candidates": len(finding.known), "shown": shown,
               "of": LAST_RUNS if last else 0, "at_least": at_least(shown, LAST_RUNS) if shown else 0.0}
    (out / "shrunk.json").write_text(json.dumps(summary, indent=2) + "\n")
    return summary


def bundle_of(asked, out):
    """One run whose bundle is kept, for the script."""
    report = out / "report"
    words = ["run", out / "shrunk.yaml", "--seed", asked.seed, "--out", report]
    words += ["--server", asked.server] if asked.server else []
    words += ["--config", asked.config] if asked.config else []
    runs.lastack(*words, seconds=120)
    bundles = [path.parent for path in report.glob("*/scenario.json")]
    return bundles[0] if bundles else None


def shrink_state(asked, out):
    """Of a state that an exploration has made: no run leads to it."""
    summary = state.shrink(asked.what, asked.server, asked.minutes * 60, out)
    if not summary:
        raise runs.Refused(f"{asked.what}: a replay shows nothing of which less could show the same")
    print(state.told(summary))
    print(f"files: {out / 'state'}")
    if summary["script"]:
        print(f"without lastack: {out / summary['script']}")
    return 1


def main():
    asked = arguments()
    out = runs.new_folder(asked.out)
    scenario, found = read_scenario(asked.what)
    asked.server = asked.server or found.get("server")
    out.mkdir(parents=True, exist_ok=True)
    if found.get("explored"):
        return shrink_state(asked, out)
    finding = Finding(asked, scenario, runs.Deadline(asked.minutes * 60))
    small = smaller.Smaller(scenario, finding).go()
    last = finding.run(small, LAST_RUNS)
    summary = leave(asked, finding, small, last)
    bundle = bundle_of(asked, out)
    shutil.rmtree(out / "work", ignore_errors=True)
    print(f"{', '.join(summary['kinds'])}: {len(scenario['steps'])} steps became {len(small['steps'])}, in "
          f"{summary['runs']} runs and {finding.deadline.spent:.0f} s")
    print(f"{summary['shown']} of {summary['of']} runs show it; with 95 % confidence at least "
          f"{100 * summary['at_least']:.0f} % do")
    print(f"scenario: {out / 'shrunk.yaml'}")
    if bundle and script.leave(out, script.files_of(bundle), script.settings_of(bundle), asked.server):
        print(f"without lastack: {out / script.NAME}")
    return 1 if summary["shown"] else 0 if last else 3


runs.end_with(main, (runs.Refused, yaml.YAMLError, OSError, ValueError))
