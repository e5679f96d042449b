"""What has been made to fail, and judged, of all that there is: against a table that is fixed beforehand."""
import json
import pathlib
import re

import classes
import runs
import tour

ROLES = ("server", "save-child", "rewrite-child", "child")
ONLY_SERVER = ("fork", "connect", "send", "recv")  # children fork nobody, and talk to nobody
JUDGED = ("holds", "violated")


def all_cells():
    """(operation, role, kind of phase, how it fails). What no server does is in it, too."""
    return [(op, role, kind, fault) for op, faults in classes.FAULTS.items() for role in ROLES
            if role == "server" or op not in ONLY_SERVER for kind in tour.KINDS for fault in faults]


ALL = frozenset(all_cells())


def of_cell(cell, kind):
    operation = cell.operation
    return operation.op, operation.role, kind, cell.fault


def fault_of(text):
    """How an operation fails, in the table's words; None: in none of its ways."""
    name, _, value = text.partition(":")
    return name if name in ("short", "torn", "flip", "hang") else f"{name}:{value}" if name in ("error", "revert") else None


def of_scenario(scenario):
    """Of a scenario in result.json: what was made to fail in it, where that was judged. The operation, the role and the phase
    are those that were hit."""
    if scenario["verdict"] not in JUDGED:
        return set()
    fired = {(one["rule"], one["node"]) for one in scenario["faults"] if one["fired"]}
    hit = set()
    for one in scenario["injections"]:
        if (one["rule"], one["node"]) in fired:
            [how] = re.findall(r"do=(\S+)", one["rule"]) or [""]
            hit.add((one["op"], one["role"], one.get("phase"), fault_of(how)))
    return hit & ALL


class Store:
    """A file of what has been reached, by what it is counted in, that grows from run to run. None: it is kept nowhere."""

    def __init__(self, path):
        self.path = pathlib.Path(path) if path else None
        self.kept = self.read()

    @property
    def reached(self):
        return self.kept.get("reached", set()) & ALL

    def read(self):
        if not self.path or not self.path.exists():
            return {}
        try:
            return {name: {tuple(item) if isinstance(item, list) else item for item in items}
                    for name, items in json.loads(self.path.read_text()).items()}
        except (ValueError, AttributeError, TypeError) as error:
            raise ValueError(f"{self.path}: no coverage store: {error}") from error

    def add(self, items, name="reached"):
        """What another run has added meanwhile stays."""
        for other, kept in self.read().items():
            self.kept.setdefault(other, set()).update(kept)
        self.kept.setdefault(name, set()).update(items)
        if self.path:
            runs.write_json(self.path, {name: sorted(items) for name, items in self.kept.items()}, 0)


def of_each(reached):
    """A line for each operation: how many of its cells, and ways to fail that it never had."""
    for op in classes.FAULTS:
        all_of_it = {cell for cell in ALL if cell[0] == op}
        here = all_of_it & set(reached)
        yield told_of(op, {cell[-1] for cell in here}, {cell[-1] for cell in all_of_it}, len(here), len(all_of_it))


def told_of(name, seen, there_are, count=None, of=None):
    never = sorted(there_are - seen)
    return (f"  {name:<12} {len(seen) if count is None else count:>4} of {len(there_are) if of is None else of:<4}"
            + (f" never: {', '.join(never)}" if never else ""))


def told(reached):
    """By operation: how many cells were reached, and of which roles and phases none ever was."""
    return [f"coverage: {len(set(reached) & ALL)} of {len(ALL)} (operation x role x phase x how it fails)",
            *of_each(reached)]
