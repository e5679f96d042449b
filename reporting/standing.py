"""What a run comes to: verdicts after waivers, what is new since a baseline, and the exit status."""
import datetime

import comparison
from waivers import fits

WEIGHT = {"violated": 0, "inconclusive": 1, "qualified": 2, "waived": 3, "untestable": 4, "holds": 5}
PLURAL = (("violated", "violated"), ("inconclusive", "inconclusive"), ("waived", "waived"), ("holds", "hold"))


class Scenario:
    """One scenario's entry, with the verdict after waivers."""

    def __init__(self, entry, waivers):
        self.entry = entry
        self.name = entry["name"]
        self.waivers = []
        self.verdict = entry["verdict"]
        if self.verdict == "violated":
            self.waive(waivers)

    def waive(self, waivers):
        """It is waived when all that is violated in it is; an older result does not say what that is."""
        for kind in self.entry["violated"] or [None]:
            accepting = [waiver for waiver in waivers if waiver.covers(self.name, kind)]
            for waiver in accepting:
                waiver.used = True
            self.waivers += [waiver for waiver in accepting if waiver not in self.waivers]
            if not accepting:
                return
        self.verdict = "waived"

    @property
    def why(self):
        return self.entry["reasons"][0] if self.entry["reasons"] else ""

    @property
    def trace(self):
        """All reasons, and the command that shows it again: a line each."""
        return "\n".join([*self.entry["reasons"], f"reproduce: {self.entry['reproduce']}"])


class Matter:
    """What is judged beside the scenarios, and decides the exit status as they do."""

    def __init__(self, name, verdict, detail):
        self.name = name
        self.verdict = verdict
        self.detail = detail


def at_worst(requirement):
    if requirement.get("worst_ms") is not None:
        return f"at worst {requirement['worst_ms']:.0f} ms, at a {requirement['situation']}"
    if requirement.get("situation"):
        return f"nothing bounds what a {requirement['situation']} takes"
    return ""


def matters_of(data):
    for one in (data["answer"] or {}).get("requirements", []):
        yield Matter(f"--{one['name']} {one['target_ms']} ms", one["verdict"], at_worst(one))
    if data["unit"]:
        yield Matter(f"unit {data['unit']['name']}", data["unit"]["verdict"],
                     "; ".join(f"{line['file']}:{line['line']}: {line['text']}" for line in data["unit"]["decided_by"]))
    health = data["health"]
    if not health or not health.get("own"):
        return
    if not health["faults"]:
        yield Matter("alerts", "inconclusive", "no fault was watched")
    for fault in health["faults"]:
        unseen = ", ".join(one["scenario"] for one in fault["unseen"])
        yield Matter(f"alerts on {fault['fault']}", fault["verdict"], f"no rule saw it in {unseen}" if unseen else "")
    for rule in health["rules"]:
        if rule.get("verdict") == "violated":
            why = ("it fires without a fault" if rule["without_fault"] else
                   "its field is no number" if rule.get("no_number") else "INFO does not have its field")
            yield Matter(f"alert rule {rule['rule']}", "violated", why)


class View:
    """A run as all who write about it see it: worst first."""

    def __init__(self, run, waivers, baseline):
        self.run = run
        self.data = run.data
        self.all_waivers = waivers
        version = self.data["server"].get("version", "")
        for waiver in waivers:
            waiver.of_another = bool(waiver.version) and not fits(version, waiver.version)
        self.scenarios = sorted((Scenario(entry, waivers) for entry in self.data["scenarios"]),
                                key=lambda one: (WEIGHT[one.verdict], one.name))
        self.matters = sorted(matters_of(self.data), key=lambda one: WEIGHT[one.verdict])
        self.claims = sorted(self.data["claims"], key=lambda one: (WEIGHT[one["verdict"]], one["id"]))
        self.comparison = comparison.Comparison(self.data, baseline.data, baseline.path, matters_of) \
            if baseline else None
        self.counts = {verdict: sum(one.verdict == verdict for one in self.scenarios) for verdict, _ in PLURAL}
        self.notices = list(self.notices_of())

    @property
    def status(self):
        verdicts = {one.verdict for one in (*self.scenarios, *self.matters)}
        if "violated" in verdicts:
            return 1
        whole = self.data["finished"] and not self.run.missing and self.scenarios
        return 0 if whole and "inconclusive" not in verdicts else 3

    @property
    def verdict(self):
        """In words that say no more than was run."""
        if self.status == 1:
            return "violated"
        if self.status == 3:
            return "inconclusive"
        return "waived" if self.counts["waived"] else "holds"

    @property
    def line(self):
        said = ", ".join(f"{self.counts[verdict]} {word}" for verdict, word in PLURAL
                         if self.counts[verdict] or verdict != "waived")
        beside = [f"{one.name}: {one.verdict}" for one in self.matters if one.verdict in ("violated", "inconclusive")]
        return "; ".join([said, *beside, f"exit {self.status}"])

    @property
    def began_ms(self):
        """Since 1970; 0 for an older result, which does not say."""
        try:
            began = datetime.datetime.fromisoformat(self.data["started"].replace("Z", "+00:00"))
        except ValueError:
            return 0
        return round(began.timestamp() * 1000)

    @property
    def skipped(self):
        """What does not apply: name, why."""
        for text in self.data["not_applicable"]:
            name, _, why = text.partition(": ")
            yield name, why

    @property
    def server(self):
        server = self.data["server"]
        return f"{server.get('name', '?')} {server.get('version', '?')}"

    def notices_of(self):
        if not self.data["finished"]:
            left = len(self.data["pending"])
            yield (f"The run has not finished: {left} scenario{'s have' if left != 1 else ' has'} no verdict." if left
                   else "The run has not finished.")
        if self.run.missing:
            yield f"Shards that are missing: {', '.join(map(str, self.run.missing))}. Nothing is said of what they run."
        names = {one.name for one in self.scenarios}
        for waiver in self.all_waivers:
            if waiver.expired:
                yield f"Waiver expired: {waiver.words} ({waiver.where})."
            elif waiver.of_another:
                yield f"Waiver of another version: {waiver.words} ({waiver.where})."
            elif not waiver.used:
                ran = not waiver.scenario or any(fits(name, waiver.scenario) for name in names)
                yield (f"Waiver of what {'no longer occurs' if ran else 'was not run'}: {waiver.words} "
                       f"({waiver.where}).")
