"""Runs of lastack that end in time, whatever they are at."""
import json
import os
import signal
import subprocess
import time

LASTACK = os.environ.get("LASTACK", "lastack")
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
