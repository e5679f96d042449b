"""What a bundle's ledger tells: throughput and latency over time, and the operations around a finding."""
import json
import os
import re
import subprocess

import redact

OPERATIONS_MAX = 1_000_000  # read of one ledger; more are left out, and it is said
BINS_MAX = 400
AROUND = 4  # operations before and after, of other keys
OF_KEY = 12  # of the key itself
STEPS_MS = tuple(factor * 10 ** power for power in range(6) for factor in (1, 2, 5))
KEY = re.compile(r"\bla:\d{6}:\d{5}\b")
RECORD = re.compile(r"ledger record (\d+)")


class Bin:
    def __init__(self):
        self.acked = 0
        self.refused = 0
        self.latencies = []  # ms

    def at(self, share):
        return self.latencies[min(len(self.latencies) - 1, int(share * len(self.latencies)))]


class History:
    """Of one bundle. `bins` are in order of time, each `width_ms` wide."""

    def __init__(self):
        self.operations = 0
        self.left_out = False
        self.width_ms = None
        self.bins = []  # pairs: where it begins in ms, Bin
        self.around = []  # operations around the first finding, as the ledger has them
        self.why = ""  # why there is none of it

    def rows(self):
        """Time in s, acknowledged and refused a second, and median, 99 % and greatest latency in ms."""
        for at, one in self.bins:
            scale = 1000 / self.width_ms
            latencies = (one.at(0.5), one.at(0.99), one.latencies[-1]) if one.latencies else (None, None, None)
            yield (at / 1000, one.acked * scale, one.refused * scale, *latencies)


def key_of(scenario):
    """The operation or key that the first finding is about: index, key."""
    for finding in scenario["findings"]:
        text = f"{finding['detail']} {finding['evidence']}"
        record, key = RECORD.search(text), KEY.search(text)
        if record or key:
            return int(record[1]) if record else None, key[0] if key else None
    first = (scenario["rpo"] or {}).get("first_lost")
    return first, None


def lines_of(bundle):
    """Lines of `lastack ledger`, or why there are none."""
    lastack = os.environ.get("LASTACK", "lastack")
    with subprocess.Popen([lastack, "ledger", str(bundle), "--format", "jsonl"], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, encoding="utf-8", errors="replace") as process:
        for number, line in enumerate(process.stdout):
            if number >= OPERATIONS_MAX:
                yield None
                process.kill()
                break
            yield json.loads(redact.hide(line) if '"error"' in line else line)
        said = process.stderr.read()
    if process.returncode not in (0, -9) and said:
        raise ValueError(said.strip().removeprefix("lastack: "))


def width_of(span_ms):
    return next((step for step in STEPS_MS if span_ms / step <= BINS_MAX), STEPS_MS[-1])


def fill(history, operations, started_ns):
    """Bins by when the reply came; what had none is in none."""
    ends = [(one["done_ns"] - started_ns) / 1e6 for one in operations if one["done_ns"]]
    if not ends:
        return
    history.width_ms = width_of(max(ends) - min(ends))
    bins = {}
    for one in operations:
        if not one["done_ns"]:
            continue
        number = int((one["done_ns"] - started_ns) / 1e6 // history.width_ms)
        bin_ = bins.setdefault(number, Bin())
        if one["outcome"] == "refused":
            bin_.refused += 1
            continue
        bin_.acked += 1
        bin_.latencies.append((one["done_ns"] - one["invoked_ns"]) / 1e6)
    for bin_ in bins.values():
        bin_.latencies.sort()
    first, last = min(bins), max(bins)
    history.bins = [(number * history.width_ms, bins.get(number) or Bin()) for number in range(first, last + 1)]


def excerpt(operations, reads, index, key, started_ns):
    """The history of the key of the first finding, and what stands around it."""
    if key is None and index is not None and index < len(operations):
        key = operations[index]["key"]
    of_key = [one for one in operations if one["key"] == key]
    if not of_key:
        return []
    if index is None:
        index = of_key[-1]["index"]
    chosen = {one["index"]: one for one in sorted(of_key, key=lambda one: abs(one["index"] - index))[:OF_KEY]}
    chosen.update({one["index"]: one for one in operations[max(0, index - AROUND):index + AROUND + 1]})
    rows = [dict(one, at_ms=(one["invoked_ns"] - started_ns) / 1e6, it=one["index"] == index, same=one["key"] == key)
            for _, one in sorted(chosen.items())]
    for read in reads:
        if read["key"] == key:
            rows.append(dict(read, at_ms=(read["invoked_ns"] - started_ns) / 1e6, it=False, same=True))
    return rows


def read(bundle, scenario):
    history = History()
    operations, reads = [], []
    try:
        for one in lines_of(bundle):
            if one is None:
                history.left_out = True
            elif one["op"] == "read":
                reads.append(one)
            else:
                operations.append(one)
    except (ValueError, OSError, KeyError) as error:
        history.why = str(error)
        return history
    history.operations = len(operations)
    started_ns = scenario.get("started_ns")
    if started_ns is None:  # an older result: times count from the first operation
        started_ns = operations[0]["invoked_ns"] if operations else 0
    fill(history, operations, started_ns)
    history.around = excerpt(operations, reads, *key_of(scenario), started_ns)
    return history
