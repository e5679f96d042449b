"""Classes of operations that a tour has made, which of them fail how, and in which order that is tried."""
import collections
import dataclasses
import random
import re

WRITES = ("error:EIO", "error:ENOSPC", "error:EDQUOT", "error:EINTR", "short", "torn")
NAMES = ("error:EIO", "error:ENOSPC")
SYNCS = ("error:EIO", "error:ENOSPC", "revert:EIO", "revert:ENOSPC")
LINKS = ("error:ECONNRESET", "hang")
# How each operation fails. What coverage is told against (coverage.py): never what was seen.
FAULTS = {"write": WRITES, "fsync": SYNCS, "fdatasync": SYNCS, "fsync-dir": NAMES, "sync-range": ("error:EIO",),
          "open": ("error:EMFILE", "error:EACCES", "error:ENOSPC"), "rename": NAMES, "unlink": NAMES, "mkdir": NAMES,
          "link": NAMES, "truncate": ("error:EIO",), "read": ("error:EIO", "short", "flip"),
          "fork": ("error:EAGAIN", "error:ENOMEM"), "connect": LINKS, "send": LINKS, "recv": LINKS}
LASTING = ("once", "until", "good")
ONCE = ("error:EINTR", "short", "torn", "flip")  # no kernel interrupts or cuts off for ever; what kills, kills once
FSYNCS = ("fsync", "fdatasync", "fsync-dir")  # a rule with op=fsync is about each of them
MANY = 20  # of so many, the last need not come again: a run is not the other's copy, byte for byte
CUT_BYTES = 16
NETWORK = ("connect", "send", "recv")
DRAWN = re.compile(r"(?<=[.-])(?=\w*[A-Z\d])[A-Za-z\d]{6}$")  # an ending of mkstemp's, but for one in 200
LINE = re.compile(r"[\d.]+ pid=\d+ tid=\d+ (?P<role>\S+)#(?P<process>\d+) thread#(?P<thread>\d+) (?P<op>\S+)"
                  r"(?: (?P<path>.*?))? number=\d+ on-file=\d+(?: bytes=(?P<bytes>\d+))?(?: offset=\d+)?(?: peer=\d+)?"
                  r" rule=(?P<rule>\d+) '")


@dataclasses.dataclass(frozen=True)
class Operation:
    node: str
    phase: int
    role: str
    op: str
    path: str  # with digits taken out
    before: str  # the operation before it of the same thread; "-": none in this phase
    nth: int  # of those that a rule about it sees in its phase
    size: int  # bytes; -1: none
    peer: str = ""  # on sockets: the node at the other end

    @property
    def key(self):
        return self.node, self.phase, self.role, self.op, self.path, self.before


def without_digits(path):
    """One name for those that differ by a process, a time, a count or what mkstemp draws; `*` stands for a process in
    the log."""
    return re.sub(r"(?:\d|\*)+", "#", re.sub(DRAWN, "*", path))


def operations(node, lines, phase_of_rule, peer=""):
    """Of the log of injections of a dry run."""
    found, counts, before = [], collections.Counter(), {}
    for line in lines:
        parts = LINE.match(line)
        if not parts:
            continue
        phase = phase_of_rule[int(parts["rule"])]
        op, path, role = parts["op"], without_digits(parts["path"] or ""), parts["role"]
        counts[phase, role, path, op] += 1
        nth = sum(counts[phase, role, path, each] for each in (FSYNCS if op == "fsync" else (op,)))
        thread = phase, role, parts["process"], parts["thread"]
        found.append(Operation(node, phase, role, op, path, before.get(thread, "-"), nth, int(parts["bytes"] or -1),
                               peer if op in NETWORK else ""))
        before[thread] = f"{op} {path}".strip()
    return found


def classes_of(found):
    """By key, in the order in which they came first: their members."""
    classes = {}
    for operation in found:
        if operation.op in FAULTS:
            classes.setdefault(operation.key, []).append(operation)
    return classes


@dataclasses.dataclass(frozen=True)
class Cell:
    """One run: a member of a class fails in one way."""
    tour: str
    key: tuple  # of its class
    member: int  # from 0 on
    operation: Operation
    fault: str
    lasting: str

    @property
    def id(self):
        return "/".join(map(str, (self.tour, *self.key, self.member, self.fault, self.lasting)))

    @property
    def rule(self):
        operation = self.operation
        path = f" path={operation.path.replace('#', '*')}" if operation.path else ""
        path += f" peer=@{operation.peer}" if operation.peer else ""
        size = min(CUT_BYTES, max(1, operation.size // 2))
        what = f"{self.fault}:{size}" if self.fault in ("short", "torn") else self.fault
        when = f"nth={operation.nth}" if self.lasting == "once" else f"after={operation.nth - 1}"
        when = "" if when == "after=0" else f" {when}"
        return f"op={operation.op}{path} role={operation.role}{when} do={what}"


def why_not(operation, fault, lasting, tour):
    """Why this is not tried; None: it is."""
    if not tour.is_promised(tour.phases[operation.phase - 1], lasting):
        return "a log that is switched on promises nothing before it is written anew"
    if fault.startswith("revert") and not tour.is_simulated():
        return "revert needs a tour whose power cut is simulated"
    if fault in ONCE and lasting != "once":
        return f"{fault.split(':')[-1]} comes once"
    if fault in ("short", "torn") and operation.size == 1:
        return "one byte cannot be cut"
    if fault == "flip" and not operation.path.endswith(".rdb"):
        return "no checksum: that a bit of it has turned cannot be known"
    if operation.role == "child" and operation.op == "fork":
        return "a child that forks"
    return None


def last_of(members):
    """The last that comes again in any run."""
    return len(members) - 1 if len(members) <= MANY else len(members) * 4 // 5


class Plan:
    """All cells of some tours, in an order that the seed gives: broad first, so that a sweep that is cut by time is a
    beginning of the whole."""

    def __init__(self, tours, classes, seed):
        self.tours = tours  # by name
        self.classes = classes  # by tour: by key, members
        self.skipped = collections.Counter()  # why: how many
        self.random = random.Random(f"lastack sweep {seed}")
        self.order = self.make_order()

    def cell(self, tour, key, member, fault, lasting):
        return Cell(tour, key, member, self.classes[tour][key][member], fault, lasting)

    def chosen(self, members):
        """The first, the last, and one drawn between them."""
        last = last_of(members)
        between = [self.random.randrange(1, last)] if last > 1 else []
        return list(dict.fromkeys([0, last, *between]))

    def make_order(self):
        """Rounds: each class in one way, then in each other way, then second members and other durations."""
        rounds = collections.defaultdict(list)
        for tour, classes in self.classes.items():
            for key, members in classes.items():
                self.add_class(rounds, tour, key, members)
        order = []
        for number in sorted(rounds):
            self.random.shuffle(rounds[number])
            order += rounds[number]
        return order

    def add_class(self, rounds, tour, key, members):
        chosen = self.chosen(members)
        faults = {fault: [] for fault in self.random.sample(FAULTS[key[3]], len(FAULTS[key[3]]))}
        for fault, able in faults.items():
            for each in self.random.sample(LASTING, len(LASTING)):
                why = why_not(members[0], fault, each, self.tours[tour])
                if why:
                    self.skipped[why] += len(chosen)
                else:
                    able.append(each)
        for way, (fault, able) in enumerate((fault, able) for fault, able in faults.items() if able):
            variants = [(member, each) for member in chosen for each in able]
            for turn, (member, each) in enumerate(variants):
                late = turn and len(faults) + len(variants) * (chosen.index(member) > 0) + turn
                rounds[late or way].append(self.cell(tour, key, member, fault, each))

    def between(self, verdicts):
        """Members between two that disagree, half way: what lies between them is found by halving."""
        ways = collections.defaultdict(dict)
        for cell, verdict in verdicts:
            if verdict in ("holds", "violated"):
                ways[cell.tour, cell.key, cell.fault, cell.lasting][cell.member] = verdict
        for (tour, key, fault, lasting), seen in ways.items():
            members = sorted(seen)
            for low, high in zip(members, members[1:]):
                if seen[low] != seen[high] and high - low > 1:
                    yield self.cell(tour, key, (low + high) // 2, fault, lasting)

    def filling(self):
        """All that is left, when the rest is done."""
        for tour, classes in self.classes.items():
            for key, members in classes.items():
                for member in range(last_of(members) + 1):
                    for fault in FAULTS[key[3]]:
                        for lasting in LASTING:
                            if not why_not(members[member], fault, lasting, self.tours[tour]):
                                yield self.cell(tour, key, member, fault, lasting)

    def next(self, verdicts, count, first=lambda cell: False):
        """The next cells to run, of those without a verdict. What `first` picks comes first, in the same order."""
        done = {cell.id for cell, _ in verdicts}
        found = {}

        def take(cells):
            for cell in cells:
                if len(found) >= count:
                    return
                if cell.id not in done:
                    found.setdefault(cell.id, cell)
        take(self.between(verdicts))
        take(sorted(self.order, key=lambda cell: not first(cell)))
        if not found:
            take(self.filling())
        return list(found.values())


def differences(old, new):
    """Two tours' classes: those that only one of them has, in words."""
    lines = []
    for tour in sorted({*old, *new}):
        before, now = set(old.get(tour, ())), set(new.get(tour, ()))
        for sign, keys in (("-", before - now), ("+", now - before)):
            lines += [f"{sign} {tour}: {' '.join(map(str, key))}" for key in sorted(keys)]
    return lines
