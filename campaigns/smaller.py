"""What can be made smaller in a scenario, cheapest first. Whatever a promise rests on stays as it is: without it the same
kind of finding would be another one."""
import copy

import delta

# A way of persisting, and what decides whether a server may refuse its files.
KEPT_SETTINGS = ("appendonly", "appendfsync", "save", "aof-load-truncated", "maxmemory", "min-replicas-to-write",
                 "min-slaves-to-write", "stop-writes-on-bgsave-error")
KEPT_STEPS = ("mark", "wait", "stop_load", "kill", "power_cut", "recover", "verify", "compare")
AMOUNTS = {"load": {"acked": 1}, "sleep": {"ms": 1}, "pause": {"ms": 1}}
LOADS = {"clients": 1, "pipeline": 1, "keys": 1, "value_size": 48, "big_size": 48, "rate": 1}


def name_of(step):
    return next(iter(step))


def promised_until(scenario):
    """Steps from `mark` up to the next load are what a promise rests on: their numbers."""
    steps = scenario["steps"]
    marked = next((at for at, step in enumerate(steps) if name_of(step) == "mark"), None)
    if marked is None:
        return range(0)
    end = next((at for at in range(marked + 1, len(steps)) if name_of(steps[at]) == "load"), len(steps))
    return range(marked, end)


class Smaller:
    """`shows(scenario)` runs one, or knows what came of it."""

    def __init__(self, scenario, shows):
        self.scenario = scenario
        self.shows = shows

    def attempt(self, change):
        """A copy with the change; kept when it shows the finding still."""
        other = copy.deepcopy(self.scenario)
        change(other)
        if not self.shows(other):
            return False
        self.scenario = other
        return True

    def go(self):
        self.steps()
        self.expectations()
        self.types()
        self.settings()
        self.drop_keys()
        self.loads()
        self.amounts()
        return self.scenario

    def steps(self):
        kept = promised_until(self.scenario)
        steps = list(enumerate(self.scenario["steps"]))
        free = [number for number, step in steps if name_of(step) not in KEPT_STEPS and number not in kept]

        def with_only(numbers):
            return [step for number, step in steps if number not in free or number in numbers]

        def shows(numbers):
            return self.shows({**self.scenario, "steps": with_only(numbers)})
        self.scenario = {**self.scenario, "steps": with_only(delta.smallest(free, shows))}

    def expectations(self):
        expect = self.scenario.get("expect", [])
        wanted = delta.smallest(expect, lambda some: bool(some) and self.shows({**self.scenario, "expect": some}))
        if expect and wanted:
            self.scenario = {**self.scenario, "expect": wanted}
        for key in ("claims", "situation", "only_with", "quick", "bare", "times"):
            if key in self.scenario and "expect" in self.scenario:
                self.attempt(lambda other, key=key: other.pop(key))

    def types(self):
        """One type alone, the one that has lost most first; else without those that it does not take."""
        load = self.scenario.get("load") or {}
        if "replay" in load or "commands" in load:
            return
        for name in self.shows.suspects():
            if self.attempt(lambda other, name=name: other.setdefault("load", {}).update(
                    mix=[{"type": name, "share": 1}])):
                return
        mix = load.get("mix")
        if mix:
            self.scenario["load"]["mix"] = delta.smallest(mix, lambda some: bool(some) and self.shows(
                {**self.scenario, "load": {**load, "mix": some}}))

    def settings(self):
        for key in ("settings", "tune"):
            lines = self.scenario.get(key, "").splitlines()
            free = [line for line in lines if line.split()[:1] and line.split()[0].lower() not in KEPT_SETTINGS]

            def text(some, lines=lines, free=free):
                return "".join(f"{line}\n" for line in lines if line not in free or line in some)
            if free:
                few = delta.smallest(free, lambda some, key=key: self.shows({**self.scenario, key: text(some)}))
                self.scenario = {**self.scenario, key: text(few)}

    def drop_keys(self):
        for key in ("churn", "skew", "big_every", "big_size", "ramp_ms", "idle_ms", "busy_ms", "unix_socket"):
            if key in (self.scenario.get("load") or {}):
                self.attempt(lambda other, key=key: other["load"].pop(key))

    def loads(self):
        self.attempt(lambda other: other.setdefault("load", {}).update(clients=1, pipeline=1))
        usual = {"clients": 8, "pipeline": 4, "keys": 100, "value_size": 100}
        for key, low in LOADS.items():
            number = (self.scenario.get("load") or {}).get(key, usual.get(key))
            if number:
                self.least_of(lambda other: other.setdefault("load", {}), key, number, low)

    def amounts(self):
        for at, step in enumerate(self.scenario["steps"]):
            for key, low in AMOUNTS.get(name_of(step), {}).items():
                number = (step[name_of(step)] or {}).get(key)
                if number:
                    self.least_of(lambda other, at=at: other["steps"][at][name_of(other["steps"][at])], key, number, low)

    def least_of(self, place, key, number, low):
        def put(scenario, value):
            other = copy.deepcopy(scenario)
            place(other)[key] = value
            load = other.setdefault("load", {})
            load["min_acked"] = 1  # how much is too little was said for the whole
            return other
        value = delta.least(number, low, lambda value: self.shows(put(self.scenario, value)))
        if value != number:
            self.scenario = put(self.scenario, value)
