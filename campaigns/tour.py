"""A tour: a scenario in which nothing fails, taken apart into phases, so that each of its operations can be made to fail."""
import copy
import functools

import yaml

import drawn

RULES_MAX = 32  # of one node (faultinject/shared/control_block.h)
CRASHES = ("kill", "power_cut")
SETTLE_MS = {"always": 200, "everysec": 1500, "no": 500, "rdb": 300, "none": 300}  # for the server to notice what failed
UNDER_FAULT_MS = 1500  # no step waits longer while a fault is on
SERVES_MS = 10000  # within so long it serves again
LEFTOVERS = ("@rdb-temp", "@rewrite-temp")
VERBS = {"BGSAVE": "snapshot", "SAVE": "snapshot", "BGREWRITEAOF": "rewrite", "REPLICAOF": "resync", "SLAVEOF": "resync",
         "SHUTDOWN": "shutdown"}
KINDS = ("writes", "snapshot", "rewrite", "switch", "resync", "shutdown", "start", "admin")


class Unfit(Exception):
    """The scenario is no tour."""


def kind_of(step):
    """What the server is about in a phase that begins with this step."""
    [(name, spec)] = step.items()
    if name == "recover":
        return "start"
    if name == "load":
        return "writes"
    words = spec["send"].upper().split()
    return "switch" if words[:2] == ["CONFIG", "SET"] else VERBS.get(words[0], "admin")


class Phase:
    """Steps from `first` to before `end`, in which the server works."""

    def __init__(self, number, first, step):
        self.number, self.first, self.end = number, first, first + 1
        self.kind = kind_of(step)

    @property
    def name(self):
        return f"{self.number}-{self.kind}"


def joins(phase, step, before):
    """What belongs to the phase under way: waiting for it, and the load beside a command."""
    [name] = step
    return phase and (name in ("wait", "sleep") or (name == "load" and "command" in before))


def phases_of(steps):
    phases, now = [], None
    for index, step in enumerate(steps):
        [name] = step
        if joins(now, step, steps[index - 1]):
            now.end = index + 1
        elif name in ("command", "recover", "load"):
            now = Phase(len(phases) + 1, index, step)
            phases.append(now)
        else:
            now = None
    return phases


def policy_of(settings):
    """What the settings promise: always, everysec, no, rdb or none."""
    lines = [line.split() for line in settings.lower().splitlines() if line.strip()]
    said = {words[0]: " ".join(words[1:]) for words in lines}
    if said.get("appendonly") == "yes":
        return said.get("appendfsync", "everysec")
    return "none" if said.get("save", "3600 1") in ('""', "''") else "rdb"


class Tour:
    def __init__(self, text):
        self.text = text
        self.scenario = yaml.safe_load(text)
        self.name = self.scenario["name"]
        self.steps = self.scenario["steps"]
        self.policy = policy_of(self.scenario.get("settings", ""))
        self.nodes = [node["name"] for node in self.scenario.get("nodes", [{"name": "primary"}])]
        self.follows = {node["name"]: node["replicates"] for node in self.scenario.get("nodes", []) if "replicates" in node}
        self.load = self.scenario.get("load", {})
        self.descriptors = {}  # by node, open at the last step before which it is up, when nothing had failed
        crashes = [index for index, step in enumerate(self.steps) if set(step) & set(CRASHES)]
        last = self.steps[crashes[-1]:] if crashes else []
        if not any("recover" in step for step in last) or "verify" not in self.steps[-1]:
            raise Unfit("a tour ends with kill or power_cut, then recover, then verify")
        self.crash = crashes[-1]
        self.phases = phases_of(self.steps)
        if len(self.phases) * 2 > RULES_MAX:
            raise Unfit(f"a tour has at most {RULES_MAX // 2} phases, this one {len(self.phases)}")
        if any("arm" in step for step in self.steps):
            raise Unfit("nothing fails in a tour: this scenario arms rules of its own")

    @functools.cached_property
    def last_up(self):
        """The last step before which the servers are up: the crash, or a SHUTDOWN that nobody starts them after."""
        for index in range(self.crash - 1, -1, -1):
            step = self.steps[index]
            if "recover" in step:
                break
            if "command" in step and kind_of(step) == "shutdown":
                return index
        return self.crash

    def is_promised(self, phase, lasting):
        """A log that cannot be switched on keeps nothing, and the server says so."""
        return lasting != "good" or phase.kind != "switch"

    def may_end(self):
        """With `always`, also when it is set on the way, a server that cannot keep what it has executed ends."""
        sent = [step["command"]["send"].lower() for step in self.steps if "command" in step]
        return self.policy == "always" or any("appendfsync always" in line for line in sent)

    def is_simulated(self):
        return self.scenario.get("power_cut", {}).get("method") == "simulated"

    # ---- the dry run ----

    def recorders(self, node):
        """Rules that note each operation of a node: on files and forks, and to the node that it replicates."""
        yield "op=any,read,fork do=note"
        if node in self.follows:
            yield f"op=connect,send,recv peer=@{self.follows[node]} do=note"

    def recording(self):
        """The tour with its operations noted, phase by phase, and by node the phase of each rule."""
        scenario = copy.deepcopy(self.scenario)
        phase_of_rule = {node: [] for node in self.nodes}
        steps = []
        for index, step in enumerate(self.steps):
            if index == self.last_up:
                steps += [{"descriptors": {"node": node, "name": self.descriptors_of(node)}} for node in self.nodes]
            for phase in self.phases:
                if phase.first == index:
                    for node in self.nodes:
                        rules = list(self.recorders(node))
                        steps += [{"arm": {"node": node, "rule": rule, "optional": True}} for rule in rules]
                        phase_of_rule[node] += [phase.number] * len(rules)
            steps.append(step)
            if any(phase.end == index + 1 for phase in self.phases):
                steps += [{"disarm": {"node": node}} for node in self.nodes]
        scenario["steps"] = steps
        return drawn.text_of(scenario), phase_of_rule

    @staticmethod
    def descriptors_of(node):
        return f"descriptors-{node}"

    # ---- one fault ----

    def scenario_of(self, name, fault):
        return Run(self, fault).scenario(name)


class Run:
    """One run of the sweep: the tour up to a phase, a fault in it, and the rest. `fault` says which: phase (its number),
    node, rule, op, role, lasting (once, until, good), and title."""

    def __init__(self, tour, fault):
        self.tour, self.fault = tour, fault
        self.phase = tour.phases[fault["phase"] - 1]
        self.node, self.lasting = fault["node"], fault["lasting"]
        self.good = self.lasting == "good"
        self.starts = self.phase.kind == "start"
        self.kills = "do=torn" in fault["rule"]
        self.expect = []

    def load_runs(self, until):
        names = [next(iter(step)) for step in self.tour.steps[:until]]
        return "load" in names and "stop_load" not in names

    def eased(self, step, under_fault):
        """The same where a fault may be on, or the server down: nothing waits for what cannot come."""
        [(name, spec)] = step.items()
        spec = dict(spec or {})
        if name == "load":
            rate = self.tour.load.get("rate", 5000)
            return {"sleep": {"ms": int(min(1500, max(50, 1000 * spec["acked"] / rate)))}}
        if name == "wait" and under_fault:
            spec["timeout_ms"] = UNDER_FAULT_MS
            if spec["for"] == "synced":  # in vain, perhaps, and the fault is not its node's
                return {"sleep": {"ms": UNDER_FAULT_MS}}
        if name == "kill":
            spec["or_down"] = True
        if name == "recover" and under_fault:
            spec["timeout_ms"] = SERVES_MS
        return {name: spec}

    def begins_load(self, index):
        """A load that has not begun cannot be slept through."""
        return "load" in self.tour.steps[index] and not self.load_runs(index)

    def shuts_down(self):
        """While a log that was switched on is being written, a SHUTDOWN keeps all or is refused. No crash does: it waits."""
        for step in self.tour.steps[self.phase.end:]:
            if self.phase.kind != "switch" or set(step) & set(CRASHES):
                return False
            if "command" in step and kind_of(step) == "shutdown":
                return True
        return False

    def of_phase(self):
        """The phase, under the fault."""
        for step in self.tour.steps[self.phase.first:self.phase.end]:
            yield self.eased(step, True)

    def after_fault(self):
        """The fault goes, unless it is for good, and the server serves again without help. A snapshot that failed is made
        again: until then a server refuses writes as it was configured to."""
        recover, disarm = {"recover": {"node": self.node, "timeout_ms": SERVES_MS}}, {"disarm": {"node": self.node}}
        steps = []
        if self.good and not self.starts:
            return steps
        if self.good:
            steps += [{"kill": {"node": self.node, "scope": "group", "or_down": True}}]
        steps += [disarm]
        marks_later = not self.kills and any("mark" in step for step in self.tour.steps[self.phase.end:])
        if self.starts or not marks_later:  # nothing is marked after a recovery
            steps += [recover]
        if self.phase.kind == "switch":  # a server that has refused is asked again
            steps += [self.tour.steps[self.phase.first]]
        if not self.shuts_down():
            steps += [step for step in self.tour.steps[self.phase.first:self.phase.end] if "wait" in step]
        if self.load_runs(self.phase.end) and self.phase.end <= self.tour.crash:
            if self.tour.policy == "rdb":
                steps += [{"command": {"send": "BGSAVE"}}, {"wait": {"for": "idle"}}]
            steps += [{"wait": {"for": "writes", "timeout_ms": SERVES_MS}}]
        return steps

    def rest(self):
        """The tour to its end. What is for good ends before its node is started again, or, at the latest, the primary is."""
        on = self.good and not self.starts
        for index, step in enumerate(self.tour.steps[self.phase.end:], self.phase.end):
            [(name, spec)] = step.items()
            of_node = (spec or {}).get("node", self.tour.nodes[0]) == self.node
            if on and name == "recover" and (of_node or index > self.tour.crash):
                on = False
                yield {"disarm": {"node": self.node}}
            if on and name == "command" and kind_of(step) == "switch":
                continue  # a log that cannot be switched on again keeps nothing
            if index == self.tour.crash and self.shuts_down():  # one that was refused
                yield {"wait": {"for": "idle"}}
            if index == self.tour.last_up and not self.good and self.node in self.tour.descriptors:
                yield {"descriptors": {"node": self.node, "max": self.tour.descriptors[self.node]}}
            yield step if self.begins_load(index) else self.eased(step, on)

    def steps(self):
        tour = self.tour
        waits = [{"wait": {"node": self.node, "for": "fired", "timeout_ms": 3000}},
                 {"sleep": {"ms": SETTLE_MS[tour.policy]}}]
        begins = [{"load": {"acked": 10}}] if self.begins_load(self.phase.first) else []
        return [*tour.steps[:self.phase.first], *begins,
                {"arm": {"node": self.node, "rule": self.fault["rule"], "optional": True}},
                *self.of_phase(), *waits, *self.after_fault(), *self.rest()]

    # ---- what is promised ----

    def marked(self, steps):
        """What is for good, or kills, leaves no bound but what was acknowledged before: with snapshots alone, before
        the last good one. Where a mark cannot stand, there is none."""
        bounded = self.good if self.tour.policy == "everysec" else self.tour.policy == "rdb" and (self.good or self.kills)
        if not bounded or self.starts:
            return steps
        steps = [step for step in steps if "mark" not in step]
        at = next(index for index, step in enumerate(steps) if "arm" in step)
        if self.tour.policy == "rdb":
            saves = [index for index, step in enumerate(steps[:at]) if "command" in step and kind_of(step) == "snapshot"]
            at = saves[-1] if saves else None
        before = steps[:at] if at is not None else []
        if not any("load" in step for step in before) or any("recover" in step for step in before):
            return steps
        self.expect.append({"lost": {"before_mark": 0}})
        return [*before, {"mark": {}}, *steps[at:]]

    def promises(self, steps):
        tour = self.tour
        marked = any("mark" in step for step in steps)
        if tour.policy == "always":
            self.expect.append({"lost": {"max": 0}})
        elif tour.policy == "everysec" and self.good and not self.starts:
            self.expect.append({"lost": {"max": 2 * tour.load.get("rate", 10000) + 100}})
        elif tour.policy == "everysec":
            self.expect.append({"window": {"max_ms": 2000}})
        elif marked and not self.expect:
            self.expect.append({"lost": {"before_mark": 0}})
        if self.node not in tour.follows:  # a replica that cannot write ends, as it is documented
            ends = ["crashed"] if tour.may_end() or self.starts else ["crashed", "failed"]
            self.expect += [{"exit": {"node": self.node, "never": end}} for end in ends]
        # Where a server is killed, or may end, a child's file may be left that nobody tidies up.
        may_end = self.fault["role"] == "server" and (tour.may_end() or self.node in tour.follows)
        if self.fault["op"] != "unlink" and not self.kills and not may_end:
            self.expect += [{"files": {"node": self.node, "match": part, "max": 0}} for part in LEFTOVERS]

    def scenario(self, name):
        scenario = {key: value for key, value in self.tour.scenario.items()
                    if key not in ("steps", "expect", "claims", "why", "quick", "situation", "times")}
        steps = self.marked(self.steps())
        self.promises(steps)
        load = {**self.tour.load, "min_acked": 1}
        scenario.update(name=name, title=self.fault["title"], carry_on=True, load=load, steps=steps,
                        expect=self.expect or [{"exit": {"never": "crashed"}}])
        return drawn.text_of(scenario)
