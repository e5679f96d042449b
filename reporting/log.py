"""The lines of a server's log around a moment. What is no time is passed over: families and versions differ."""
import datetime
import re

import redact

BYTES_MAX = 4 << 20  # of a log, from its end
LINES = 16
STAMP = re.compile(r"(\d{1,2} [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d(?:\.\d{1,6})?)|(\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:\.\d{1,6})?)")
ZONES_S = 900  # clocks of the zones of the earth differ by quarters of an hour


def time_of(line):
    found = STAMP.search(line[:80])
    if not found:
        return None
    try:
        if found[2]:
            return datetime.datetime.fromisoformat(found[2].replace(" ", "T"))
        form = "%d %b %Y %H:%M:%S.%f" if "." in found[1] else "%d %b %Y %H:%M:%S"
        return datetime.datetime.strptime(found[1], form)
    except ValueError:
        return None


def tail(path):
    with open(path, "rb") as file:
        file.seek(0, 2)
        size = file.tell()
        file.seek(max(0, size - BYTES_MAX))
        return redact.hide(file.read().decode("utf-8", "replace")).splitlines()


def around(path, started, moment_ms):
    """Lines around a moment, `moment_ms` after `started` (ISO, UTC); the last lines where that cannot be told."""
    try:
        lines = tail(path)
    except OSError:
        return []
    times = [time_of(line) for line in lines]
    if moment_ms is None or not started or not any(times):
        return lines[-LINES:]
    moment = datetime.datetime.fromisoformat(started.rstrip("Z")) + datetime.timedelta(milliseconds=moment_ms)

    def distance(time):
        seconds = (time - moment).total_seconds()
        return abs(seconds - round(seconds / ZONES_S) * ZONES_S)
    nearest = min((n for n, time in enumerate(times) if time), key=lambda n: distance(times[n]))
    first = max(0, nearest - LINES // 2)
    return lines[first:first + LINES]
