"""Runs of lastack that end in time, whatever they are at."""
import json
import os
import pathlib
import signal
import subprocess
import sys
import time

LASTACK = os.environ.get("LASTACK", "lastack")
SCENARIOS = pathlib.Path(__file__).resolve().parent.parent / "scenarios"
GRACE_S = 25  # an interrupted run cleans up, and leaves a valid result


class Deadline:
    def __init__(self, seconds):
        self.began = time.monotonic()
        self.end = self.began + seconds

    @property
    def spent(self):
        return time.monotonic() - self.began

    @property
    def left(self):
        return max(0.0, self.end - time.monotonic())


def whole_number(text):
    """Of a command line."""
    value = int(text)
    if not 0 <= value < 10 ** 15:
        raise ValueError
    return value


class Refused(Exception):
    """A mistake of the user's, in one line."""


def no_empty_names(parser, asked, *options):
    for option in options:
        if getattr(asked, option) == "":
            parser.error(f"--{option.replace('_', '-')}: the name is empty (a variable that is not set?)")


def new_folder(path, else_do="name a new folder"):
    """Nothing is written where there is something."""
    path = pathlib.Path(path)
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise Refused(f"--out {path}: there is something already: {else_do}")
    return path


def scenario_files(name, what="such file"):
    """The file of that path, or of the scenario of that name that comes with lastack."""
    path = pathlib.Path(name)
    paths = [path] if path.is_file() else sorted(SCENARIOS.glob(f"*/{name}.yaml"))
    if not paths:
        raise Refused(f"{name}: no {what} or scenario; 'lastack list' has the names")
    return paths


def write_json(path, data, indent):
    """Whole or not at all: it is renamed into place."""
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(json.dumps(data, indent=indent) + "\n")
    partial.replace(path)


def end_with(main, errors=(Refused,)):
    """The program's end: its exit status, 2 for a mistake, which is said."""
    try:
        status = main()
    except errors as error:
        print(f"lastack: {error}", file=sys.stderr)
        status = 2
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 2
    sys.exit(status)


class Interrupted(Exception):
    """Somebody has pressed Ctrl-C, or sent SIGTERM."""


def lastack(*words, seconds=None, env=None, quiet=True):
    """Runs lastack; after so many seconds it is interrupted, as by Ctrl-C. Its exit status; None: it was interrupted."""
    sink = subprocess.DEVNULL if quiet else None
    process = subprocess.Popen([LASTACK, *map(str, words)], stdout=sink, stderr=sink, stdin=subprocess.DEVNULL,
                               env={**os.environ, **(env or {})}, start_new_session=True)
    try:
        return process.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        end(process)
        return None
    except (KeyboardInterrupt, Interrupted):
        end(process)
        raise


def shrink(what, words, minutes, folder, seconds):
    """The smallest case of a finding: its file; None: none was found in that time."""
    folder.parent.mkdir(exist_ok=True)
    lastack("shrink", what, *words, "--minutes", minutes, "--out", folder, seconds=seconds)
    small = folder / "shrunk.yaml"
    return small if small.is_file() else None


def end(process):
    process.send_signal(signal.SIGINT)
    try:
        process.wait(timeout=GRACE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def result_of(folder):
    """result.json of a report; None: there is none."""
    try:
        return json.loads((folder / "result.json").read_text())
    except (OSError, ValueError):
        return None


def counted(found):
    """In words: of what verdicts_of has given."""
    of_each = {verdict: sum(one["verdict"] == verdict for one in found.values())
               for verdict in ("holds", "violated", "inconclusive")}
    return f"{of_each['holds']} hold, {of_each['violated']} violated, {of_each['inconclusive']} inconclusive"


def verdicts_of(folder):
    return {one["name"]: one for one in (result_of(folder) or {}).get("scenarios", [])}
