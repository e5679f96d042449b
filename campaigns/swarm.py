"""lastack swarm: scenarios that are drawn from seeds, and run."""
import argparse
import os
import random

import drawn
import runs

BATCH = 20


def arguments():
    parser = argparse.ArgumentParser(
        prog="lastack swarm", allow_abbrev=False,
        description="Draw scenarios from seeds (configuration, load, what comes before the fault, fault) and run them. "
                    "What is promised of each follows from what was drawn.",
        epilog="exit status: as that of lastack run")
    parser.add_argument("--seed", type=runs.whole_number, metavar="N", help="the first seed (default: chosen and printed)")
    parser.add_argument("--count", type=runs.whole_number, metavar="N", default=BATCH,
                        help=f"how many, 1 to 10000 (default: {BATCH})")
    parser.add_argument("--print", action="store_true", help="print the scenarios, and run nothing")
    parser.add_argument("--out", metavar="DIR", help="where DIR/scenarios and DIR/report are written; new or empty (default: lastack-swarm-SEED)")
    parser.add_argument("--server", metavar="PATH", help="server under test")
    parser.add_argument("--config", metavar="FILE", help="redis.conf that all run with, but for what a scenario is about (appendonly, save "
                        "and the like), which is listed beside its verdict")
    parser.add_argument("--jobs", metavar="N", help="scenarios at a time")
    asked = parser.parse_args()
    if not 1 <= asked.count <= 10000:
        parser.error(f"--count: {asked.count} is not from 1 to 10000")
    runs.no_empty_names(parser, asked, "out", "server", "config")
    return asked


def main():
    asked = arguments()
    seed = random.randrange(10 ** 9) if asked.seed is None else asked.seed
    seeds = range(seed, seed + asked.count)
    if asked.print:
        for number in seeds:
            print(f"---\n{drawn.Draw(number).text()}", end="")
        return 0
    out = runs.new_folder(asked.out or f"lastack-swarm-{seed}")
    try:
        drawn.write(out / "scenarios", seeds)
    except OSError as error:
        raise runs.Refused(f"--out {out}: {error.strerror}") from error
    words = [runs.LASTACK, "run", str(out / "scenarios"), "--seed", str(seed), "--out", str(out / "report")]
    for option in ("server", "config", "jobs"):
        if getattr(asked, option):
            words += [f"--{option}", getattr(asked, option)]
    os.execvp(words[0], words)


runs.end_with(main)
