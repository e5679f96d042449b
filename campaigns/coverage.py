"""What has been made to fail, and judged, of all that there is: against a table that is fixed beforehand."""
import json
import pathlib
import re

import classes
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


def of_scenario(scenario, kind):
    """Of a scenario in result.json: what was made to fail in it, where that was judged. The operation and the role are those
    that were hit; `kind` is the phase, which no result knows."""
    if scenario["verdict"] not in JUDGED:
        return set()
    fired = {(one["rule"], one["node"]) for one in scenario["faults"] if one["fired"]}
    hit = set()
    for one in scenario["injections"]:
        if (one["rule"], one["node"]) in fired:
            [how] = re.findall(r"do=(\S+)", one["rule"]) or [""]
            hit.add((one["op"], one["role"], kind, fault_of(how)))
    return hit & ALL


class Store:
    """A file of cells that have been reached, which grows from run to run. None: it is kept nowhere."""

    def __init__(self, path):
        self.path = pathlib.Path(path) if path else None
        self.reached = self.read()

    def read(self):
        if not self.path or not self.path.exists():
            return set()
        try:
            cells = json.loads(self.path.read_text())["reached"]
            return {tuple(cell) for cell in cells} & ALL
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"{self.path}: no coverage store: {error}") from error

    def add(self, cells):
        """What another run has added meanwhile stays."""
        self.reached |= set(cells) & ALL
        if not self.path:
            return
        self.reached |= self.read()
        partial = self.path.with_name(f".{self.path.name}.partial")
        partial.write_text(json.dumps({"reached": sorted(self.reached)}, indent=0) + "\n")
        partial.replace(self.path)


def told(reached):
    """By operation: how many cells were reached, and of which roles and phases none ever was."""
    lines = []
    for op in classes.FAULTS:
        whole = {cell for cell in ALL if cell[0] == op}
        here = whole & set(reached)
        never = sorted({fault for *_, fault in whole} - {fault for *_, fault in here})
        lines.append(f"  {op:<12} {len(here):>4} of {len(whole):<4}" + (f" never: {', '.join(never)}" if never else ""))
    return [f"coverage: {len(set(reached) & ALL)} of {len(ALL)} (operation x role x phase x how it fails)", *lines]
