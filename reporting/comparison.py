"""What is new since a baseline. A figure is worse only where both runs say how much it varies, and it varies less."""

FIGURES = (("rpo", "lost", "operations lost", ""), ("rpo", "window_ms", "window of loss", "ms"),
           ("rto", "ready_ms", "time to recovery", "ms"))


class Span:
    """A figure: its value, and between what it lies over how many runs."""

    def __init__(self, value, low, high, n):
        self.value, self.low, self.high, self.n = value, low, high, n

    def words(self, unit):
        unit = f" {unit}" if unit else ""
        if self.n > 1:
            return f"{number(self.value)}{unit} ({number(self.low)} to {number(self.high)}, n = {self.n})"
        return f"{number(self.value)}{unit}"


def number(value):
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.1f}"


def figure_of(scenario, part, name):
    spread = (scenario.get("repeats") or {}).get(name)
    if spread:
        low = spread.get("min", spread["median"])
        return Span(spread["median"], low, spread["max"], spread.get("n", scenario["repeats"]["runs"]))
    value = (scenario[part] or {}).get(name)
    return None if value is None else Span(value, value, value, 1)


def claim_span(claim):
    if claim.get("value") is None:
        return None
    low, high = claim.get("interval") or (claim["value"], claim["value"])
    return Span(claim["value"], low, high, claim.get("n", 1))


def told(before, after):
    """In a word what became of a figure, for which less is better."""
    if before.n < 2 or after.n < 2:
        return "same" if before.value == after.value else "cannot be told: one run"
    if after.low > before.high:
        return "worse"
    if after.high < before.low:
        return "better"
    return "within what runs vary"


class Change:
    """A line of the comparison."""

    def __init__(self, word, what, before, after):
        self.word, self.what, self.before, self.after = word, what, before, after


def verdict_change(before, after):
    """new: it was not violated before; gone: it no longer is; still: as it was."""
    if before == after:
        return "still" if after == "violated" else None
    if after == "violated":
        return "new"
    return "gone" if before == "violated" and after == "holds" else "changed"


class Comparison:
    def __init__(self, data, baseline, path, matters_of):
        self.path = path
        self.differences = list(self.differences_of(data, baseline))
        self.changes = []
        self.figures = []
        now = {one["name"]: one for one in data["scenarios"]}
        old = {one["name"]: one for one in baseline["scenarios"]}
        for name, scenario in now.items():
            self.compare(name, old.get(name), scenario)
        for name in old:
            if name not in now:
                word = "not run" if old[name]["verdict"] != "violated" else "not run, was violated"
                self.changes.append(Change(word, name, old[name]["verdict"], "-"))
        self.compare_matters(matters_of(data), matters_of(baseline))
        self.compare_claims(data, baseline)
        order = ("new", "still", "changed", "gone", "not run, was violated", "not run", "first run")
        self.changes.sort(key=lambda one: (order.index(one.word), one.what.startswith("claim "), one.what))
        self.figures.sort(key=lambda one: (one.word != "worse", one.word != "better", one.what))
        self.worse = [one for one in self.figures if one.word == "worse"]

    @staticmethod
    def differences_of(data, baseline):
        for what, value in (("lastack", lambda one: one["lastack"]),
                            ("server", lambda one: f"{one['server'].get('name')} {one['server'].get('version')}"),
                            ("machine", lambda one: f"{one['host'].get('cpus')} processors, "
                                                    f"{one['host'].get('filesystem')}")):
            if value(data) != value(baseline):
                yield Change("differs", what, value(baseline), value(data))
        for what, roles in (("program", ("server", "executable")), ("configuration", None)):
            files = [sorted(one["sha256"] for one in side["subjects"]
                            if (one["role"] in roles if roles else one["role"] not in ("server", "executable")))
                     for side in (baseline, data)]
            if files[0] != files[1]:
                yield Change("differs", what, "another one" if files[0] else "not known", "this one")

    def compare(self, name, before, after):
        if before is None:
            word = "new" if after["verdict"] == "violated" else "first run"
            self.changes.append(Change(word, name, "-", after["verdict"]))
            return
        word = verdict_change(before["verdict"], after["verdict"])
        if word:
            self.changes.append(Change(word, name, before["verdict"], after["verdict"]))
        kinds = set(after["violated"]) - set(before["violated"])
        if word == "still" and kinds and before["violated"]:
            self.changes.append(Change("new", f"{name}: {', '.join(sorted(kinds))}", "-", "violated"))
        for part, figure, label, unit in FIGURES:
            self.compare_figure(f"{name}: {label}", figure_of(before, part, figure), figure_of(after, part, figure),
                                unit)

    def compare_figure(self, what, before, after, unit):
        if before is None or after is None or before.value == after.value == 0:
            return
        self.figures.append(Change(told(before, after), what, before.words(unit), after.words(unit)))

    def compare_matters(self, after, before):
        old = {one.name: one.verdict for one in before}
        for one in after:
            word = verdict_change(old.get(one.name, "-"), one.verdict) if one.name in old or one.verdict == "violated" \
                else "first run"
            if word:
                self.changes.append(Change(word, one.name, old.get(one.name, "-"), one.verdict))

    def compare_claims(self, data, baseline):
        old = {one["id"]: one for one in baseline["claims"]}
        for claim in data["claims"]:
            before = old.get(claim["id"])
            if before is None:
                if claim["verdict"] == "violated":
                    self.changes.append(Change("new", f"claim {claim['id']}", "-", "violated"))
                continue
            word = verdict_change(before["verdict"], claim["verdict"])
            if word:
                self.changes.append(Change(word, f"claim {claim['id']}", before["verdict"], claim["verdict"]))
            spans = claim_span(before), claim_span(claim)
            if None in spans or before.get("quantity") != claim.get("quantity"):
                continue
            unit = claim.get("unit", "")
            if min(one.n for one in spans) > 1 and (spans[1].low > spans[0].high or spans[1].high < spans[0].low):
                self.figures.append(Change("outside what runs vary", f"claim {claim['id']}: {claim['quantity']}",
                                           spans[0].words(unit), spans[1].words(unit)))
