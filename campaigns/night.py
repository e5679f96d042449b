"""One night: what was found before, certification, a canary, and as many drawn scenarios as the time allows."""
import argparse
import datetime
import hashlib
import os
import pathlib
import random
import shutil
import signal
import sys
import time

import yaml

import drawn
import runs
from store import Store

QUICK_BELOW_S = 15 * 60
REPORT_S = 40  # kept for the reports
CANARY_S = 60
AGAIN = 10
FIRST_BATCH, BATCH_MAX = 10, 500
SHRINK_MINUTES = 2
LEAST_S = 30  # less is not worth another batch
WORST = {1: 0, 3: 1, 0: 2}  # exit statuses, worst first


class Night:
    def __init__(self, asked, seconds):
        self.deadline = runs.Deadline(seconds - REPORT_S)
        self.started = time.monotonic()
        self.asked = asked
        self.out = pathlib.Path(asked.out)
        self.out.mkdir(parents=True, exist_ok=True)
        self.kept = Store(asked.store)
        self.parts = []  # name, folder
        self.notes = []
        self.bad = False
        self.open = False
        self.random = random.Random(asked.seed)
        self.interrupted = False
        self.shrunk = set()  # kinds of findings

    def say(self, text):
        print(f"[{time.monotonic() - self.started:5.0f} s] {text}", flush=True)

    def note(self, text):
        self.notes.append(text)
        self.say(text)

    def common(self):
        return [word for option in ("server", "config") if getattr(self.asked, option)
                for word in (f"--{option}", getattr(self.asked, option))]

    def run(self, name, *words, seconds):
        """One run of lastack into a folder of that name: verdicts by scenario."""
        folder = self.out / name
        self.parts.append((name, folder))
        status = runs.lastack(*words, *self.common(), "--out", folder, "--keep", "findings", seconds=seconds)
        found = runs.verdicts_of(folder)
        cut = " (cut by the time)" if status is None else ""
        self.say(f"{name}: {runs.counted(found)}{cut}")
        if status == 2:
            self.open = True
            self.note(f"{name}: lastack refused to run it")
        return found

    @property
    def server(self):
        """With the configuration, where there is one: a finding is of both."""
        config = self.asked.config and pathlib.Path(self.asked.config)
        with_it = f" with {hashlib.sha256(config.read_bytes()).hexdigest()[:12]}" if config and config.is_file() else ""
        for _, folder in self.parts:
            result = runs.result_of(folder)
            if result:
                return f"{result['server']['name']} {result['server']['version']}{with_it}"
        return "?"

    # ---- parts ----

    def replay_store(self):
        files = self.kept.files()
        if not files or self.deadline.left < LEAST_S:
            return
        found = self.run("store", "run", *files, "--seed", self.asked.seed, seconds=self.deadline.left * 0.25)
        for name, one in found.items():
            self.kept.seen(name, one["verdict"] == "violated")

    def certify(self, quick):
        if self.deadline.left < LEAST_S:
            self.note("no time was left to certify")
            self.open = True
            return
        words = ["certify", "--seed", self.asked.seed, *(["--quick"] if quick else [])]
        if self.asked.shard:
            words += ["--shard", self.asked.shard]
        self.run("certify", *words, seconds=self.deadline.left)

    def canary(self):
        """A broken server, drawn by the seed, that must be caught."""
        table = yaml.safe_load((pathlib.Path(self.asked.fixtures) / "defects.yaml").read_text())
        one = self.random.choice(table)
        scenario = one.get("scenario", "kill9-aof-always")
        [path] = pathlib.Path(self.asked.scenarios).glob(f"*/{scenario}.yaml")
        text = yaml.safe_load(path.read_text())
        if "type" in one:
            text["load"] = {"clients": 15, "mix": [{"type": one["type"], "share": 1}]}
        mine = self.out / "canary.yaml"
        mine.write_text(yaml.dump(text, Dumper=drawn.Dumper, sort_keys=False))
        folder = self.out / "canary"
        runs.lastack("run", mine, "--server", pathlib.Path(self.asked.fixtures) / "broken/respd", "--out", folder,
                     "--keep", "none", env={"RESPD_DEFECT": one["defect"]}, seconds=max(CANARY_S, self.deadline.left))
        found = list(runs.verdicts_of(folder).values())
        seen = {word for scenario in found for word in scenario["violated"]}
        caught = bool(found) and found[0]["verdict"] == "violated" and (not one["finds"] or seen & set(one["finds"]))
        self.note(f"canary {one['defect']} ({scenario}): {'caught' if caught else 'MISSED'}")
        self.bad = self.bad or not caught

    def swarm(self):
        """In a few batches: how many the time allows, the batch before has shown. Shards draw from seeds of their own."""
        shard = int(self.asked.shard.split("/")[0]) - 1 if self.asked.shard else 0
        first = (self.asked.seed * 1000 + shard) * 100_000
        size = FIRST_BATCH
        for number in range(1000):
            if self.deadline.left < LEAST_S:
                return
            folder = self.out / f"swarm-{number}-scenarios"
            drawn.write(folder, range(first, first + size))
            began = time.monotonic()
            found = self.run(f"swarm-{number}", "run", folder, "--seed", first, seconds=self.deadline.left)
            each = (time.monotonic() - began) / size
            for scenario, one in found.items():
                if one["verdict"] == "violated":
                    self.finding(one, folder / f"{scenario}.yaml", first)
            first += size
            size = max(1, min(BATCH_MAX, int(self.deadline.left * 0.7 / each)))

    def finding(self, scenario, path, seed):
        """It is kept, and run again and again: a finding is never turned into a pass."""
        self.kept.add(scenario, path.read_text(), seed, self.server)
        again = done = 0
        for turn in range(AGAIN):
            if self.deadline.left < 20:
                break
            folder = self.out / "again" / f"{scenario['name']}.{turn}"
            runs.lastack("run", path, *self.common(), "--seed", seed, "--out", folder, "--keep", "none",
                         seconds=self.deadline.left)
            found = runs.verdicts_of(folder)
            done += bool(found)
            again += any(one["verdict"] == "violated" for one in found.values())
        shutil.rmtree(self.out / "again", ignore_errors=True)
        why = scenario["reasons"][0] if scenario["reasons"] else "violated"
        self.note(f"{scenario['name']} ({scenario['title']}): {why:.200}; reproduced {again} of {done}")
        self.shrink(scenario, path, seed)

    def shrink(self, scenario, path, seed):
        """The first finding of its kinds, while there is time for it."""
        kinds = tuple(scenario["violated"])
        if kinds in self.shrunk or self.deadline.left < 2 * 60 * SHRINK_MINUTES:
            return
        self.shrunk.add(kinds)
        small = runs.shrink(path, [*self.common(), "--seed", seed], SHRINK_MINUTES, self.out / "shrunk" / scenario["name"],
                            self.deadline.left)
        if small:
            self.note(f"{scenario['name']}: its smallest case: {small}")

    # ---- reports ----

    def report(self):
        """A page for each part, and one that says what the night was; what is new since the last one."""
        statuses = []
        rows = []
        for name, folder in self.parts:
            if not runs.result_of(folder):
                self.open = True
                rows.append(f"| {name} | no result | |\n")
                continue
            last = pathlib.Path(self.asked.store) / f"last-{name}.json"
            words = ["report", folder, "--html", folder / "report.html", "--junit", folder / "junit.xml", "--markdown",
                     folder / "summary.md"]
            if last.is_file() and not name.startswith("swarm"):
                words += ["--baseline", last]
            if self.asked.waivers:
                words += ["--waivers", self.asked.waivers]
            status = runs.lastack(*words, seconds=60)
            statuses.append(status if status in WORST else 3)
            rows.append(f"| [{name}]({name}/report.html) | {runs.counted(runs.verdicts_of(folder))} | exit {status} |\n")
            if not name.startswith("swarm"):
                shutil.copy(folder / "result.json", last)
        status = min(statuses, key=WORST.get, default=3)
        if self.bad:
            status = 1
        elif status == 0 and (self.open or self.interrupted):
            status = 3
        head = f"# The night of {datetime.date.today()}: {self.server}\n\nSeed {self.asked.seed}. Exit status {status}.\n\n"
        notes = "".join(f"- {note}\n" for note in self.notes)
        (self.out / "night.md").write_text(f"{head}{notes}\n| part | verdicts | |\n| --- | --- | --- |\n{''.join(rows)}")
        self.say(f"report: {self.out / 'night.md'}; exit {status}")
        return status

    def through(self, seconds):
        quick = seconds < QUICK_BELOW_S
        if quick:
            self.note("less than 15 minutes: --quick")
        try:
            self.canary()
            self.replay_store()
            self.certify(quick)
            self.swarm()
        except (KeyboardInterrupt, runs.Interrupted):
            self.interrupted = True
            self.note("interrupted: what was done until then is reported")
        return self.report()


def arguments():
    parser = argparse.ArgumentParser(prog="ci/nightly", allow_abbrev=False, description="One night of lastack.")
    parser.add_argument("--minutes", type=int, default=60, metavar="N", help="when it ends, set-up and report included "
                        "(2 to 1440; default: 60); below 15 it certifies with --quick")
    parser.add_argument("--store", default="nightly-store", metavar="DIR", help="what is kept from night to night")
    parser.add_argument("--out", metavar="DIR", help="where everything is written (default: nightly-DATE-TIME)")
    parser.add_argument("--seed", type=int, metavar="N", help="what is drawn follows from it (default: the date)")
    parser.add_argument("--shard", metavar="K/N", help="the K-th of N machines")
    parser.add_argument("--server", metavar="PATH")
    parser.add_argument("--config", metavar="FILE")
    parser.add_argument("--waivers", metavar="FILE", help="see docs/reports.md")
    asked = parser.parse_args()
    if not 2 <= asked.minutes <= 1440:
        parser.error(f"--minutes: {asked.minutes} is not from 2 to 1440")
    if asked.shard:
        try:
            number, of = map(int, asked.shard.split("/"))
        except ValueError:
            number, of = 0, 0
        if not 1 <= number <= of <= 1000:
            parser.error(f"--shard: '{asked.shard}' is not K/N")
    today = datetime.datetime.now()
    asked.seed = asked.seed if asked.seed is not None else int(today.strftime("%Y%m%d"))
    asked.out = asked.out or f"nightly-{today.strftime('%Y%m%d-%H%M%S')}"
    root = pathlib.Path(__file__).resolve().parent.parent
    asked.fixtures, asked.scenarios = root / "fixtures", root / "scenarios"
    return asked


def main():
    asked = arguments()

    def interrupt(*_):
        raise runs.Interrupted
    signal.signal(signal.SIGTERM, interrupt)
    seconds = asked.minutes * 60 - float(os.environ.get("NIGHTLY_SPENT", 0))
    return Night(asked, seconds).through(asked.minutes * 60)


sys.exit(main())
