"""report.html: one page, offline, readable without style or script."""
import concurrent.futures
import json
import os
import pathlib

import chart
import comparison
import history
import log
from errors import Bad, needs

PAGE_MAX = 19 << 20  # bytes
DETAILS_MAX = 16 << 20  # of them, for scenarios in detail
EVENTS_MAX = 120
ROWS_MAX = 40  # of any other table of a scenario
TEXT_MAX = 600  # characters of anything that a server or a file has said
SCENARIOS_MAX = 5000  # in the list
DYGRAPHS = pathlib.Path("/usr/share/javascript/dygraphs")
PHASES = (("gone_ms", "gone"), ("started_ms", "started"), ("ready_ms", "ready"), ("first_write_ms", "first write"))


def shorten(text, most=TEXT_MAX):
    text = str(text)
    return text if len(text) <= most else f"{text[:most]}… ({len(text):,} characters)"


def number(value, unit=""):
    if value is None:
        return "–"
    if unit == "ms" and value >= 10_000:
        return number(value / 1000, "s")
    return f"{comparison.number(value)} {unit}".strip()


def bytes_of(value):
    for unit in ("B", "KiB", "MiB", "GiB"):
        if value < 1024 or unit == "GiB":
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1024
    return ""


class Detail:
    """What the page says of one scenario."""

    def __init__(self, view, scenario, place):
        self.scenario = scenario
        self.entry = entry = scenario.entry
        self.id = f"s{place}"
        self.rto = entry["rto"] or {}
        self.phases = self.rto.get("phases") or {}
        self.bundle = view.run.bundle(entry)
        self.svg = ""
        self.series = None
        self.note = ""  # why there is no picture, or what was left out of it
        self.around = []
        self.marks = list(self.marks_of())
        self.events = self.events_of()
        self.log = self.log_of(view)
        self.draw()

    @property
    def moment_ms(self):
        """When it happened: the fault of the recovery that counts, or the first injection."""
        if self.rto.get("fault_ms") is not None:
            return self.rto["fault_ms"]
        if self.entry["injections"]:
            return self.entry["injections"][0]["t_ms"]
        return (self.entry.get("health") or {}).get("fault_ms")

    def marks_of(self):
        """Moments that the picture marks: ms, name."""
        if self.moment_ms is None:
            return
        fault = self.moment_ms
        word = "power cut" if self.entry["power_cuts"] else "fault"
        yield fault, word
        for name, label in PHASES:
            if self.phases.get(name) is not None and self.rto.get("fault_ms") is not None:
                yield fault + self.phases[name], label

    def windows(self):
        """While the server was away, and while each rule struck: begin, end, colour; in s."""
        if self.rto.get("fault_ms") is not None and self.phases.get("ready_ms") is not None:
            fault = self.rto["fault_ms"]
            yield fault / 1000, (fault + self.phases["ready_ms"]) / 1000, chart.DOWN
        struck = {}
        for one in self.entry["injections"]:
            struck.setdefault(one["rule"], []).append(one["t_ms"])
        for times in list(struck.values())[:10]:
            yield min(times) / 1000, max(times) / 1000, chart.FAULT

    def events_of(self):
        events = [(event["t_ms"], event.get("node") or "", event["event"]) for event in self.entry["timeline"]]
        events += [(at, "", f"({number_}) {name}") for number_, (at, name) in enumerate(self.marks, 1)]
        return sorted(events)[:EVENTS_MAX]

    def log_of(self, view):
        path = view.run.log(self.entry)
        return log.around(path, self.entry.get("started"), self.moment_ms) if path else []

    def draw(self):
        if self.bundle is None:
            self.note = "Its bundle is not at hand: no picture, no operations, no log."
            return
        if not (self.bundle / "ledger").is_file():
            self.note = "Its load was no ledger's: no picture."
            return
        past = history.read(self.bundle, self.entry)
        if past.why:
            self.note = f"Nothing is told from its bundle: {past.why}"
            return
        self.around = past.around
        rows = list(past.rows())
        if not rows:
            self.note = "No operation had a reply: no picture."
            return
        marks = [(at / 1000, str(n)) for n, (at, _) in enumerate(self.marks, 1)]
        self.svg = chart.draw(rows, list(self.windows()), marks, self.id,
                              "Operations a second and latency over time")
        left = ", and more that were left out" if past.left_out else ""
        self.note = (f"{past.operations:,} operations{left}, drawn as {len(rows)} points of "
                     f"{number(past.width_ms, 'ms')}.")
        self.series = [[row[0], *(None if value is None else round(value, 3) for value in row[1:])] for row in rows]


def detail(arguments):
    view, place = arguments
    return Detail(view, view.scenarios[place], place)


def details(view):
    """Worst first, as many as the page has room for."""
    places = range(min(len(view.scenarios), SCENARIOS_MAX))
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        yield from pool.map(detail, ((view, place) for place in places))


def environment():
    try:
        import jinja2
    except ImportError as error:
        raise needs("python3-jinja2", error) from error
    here = pathlib.Path(__file__).resolve().parent / "templates"
    made = jinja2.Environment(loader=jinja2.FileSystemLoader(here), autoescape=True, trim_blocks=True,
                              lstrip_blocks=True, undefined=jinja2.StrictUndefined)
    made.filters.update(short=shorten, number=number, bytes=bytes_of)
    return made


def zoom():
    """The library that lets a chart zoom, where the reader allows scripts."""
    parts = [DYGRAPHS / "dygraph.min.js", DYGRAPHS / "dygraph.min.css"]
    try:
        return [part.read_text(encoding="utf-8").replace("</", "<\\/") for part in parts]
    except OSError as error:
        raise Bad(f"{error.filename}: not there: apt-get install libjs-dygraphs") from error


def render(view):
    made = environment()
    section = made.get_template("scenario.html")
    sections, size, left_out = [], 0, 0
    for one in details(view):
        text = section.render(one=one, rows_max=ROWS_MAX)
        if size + len(text.encode()) > DETAILS_MAX:
            left_out += 1
            continue
        size += len(text.encode())
        sections.append((one, text))
    script, style = zoom()
    page = made.get_template("report.html").render(
        view=view, sections=sections, left_out=left_out, rows_max=SCENARIOS_MAX, script=script, zoom_style=style,
        series=json.dumps({one.id: one.series for one, _ in sections if one.series}).replace("<", "\\u003c"),
        shown={one.scenario.name: one.id for one, _ in sections})
    if len(page.encode()) > PAGE_MAX:
        raise Bad(f"the page would have {len(page.encode()) >> 20} MiB; report on fewer scenarios")
    return page
