"""Pictures by gnuplot, as SVG that stands in a page: no script, no style, colours that go with light and dark."""
import re
import subprocess

from errors import Bad

SECONDS_MAX = 30
SETUP = """set terminal svg size 800,400 dynamic noenhanced font 'sans-serif,12'
set lmargin 12
set rmargin 2
set xrange [{first}:{last}]
set style fill solid 0.6 noborder
set key above right
set multiplot layout 2,1
"""
WINDOW = "set object {n} rect from {begin},graph 0 to {end},graph 1 fc rgb '{colour}' fs solid 0.25 noborder behind\n"
MARK = "set arrow {n} from {at},graph 0 to {at},graph 1 nohead lc rgb '#888888' dt 2\n"
LABEL = "set label {n} '{text}' at {at},graph 1.02 center front\n"
THROUGHPUT = """set ylabel 'operations/s'
set yrange [0:*]
plot '-' using 1:2 with steps lw 1.5 lc rgb '#2f7fbf' title 'acknowledged'{refused}
"""
LATENCY = """set ylabel 'latency, ms'
set yrange [*:*]
set logscale y
unset label
set xlabel 'seconds since the scenario began'
plot '-' using 1:2 with lines lc rgb '#2f7fbf' title 'median', '-' using 1:2 with lines lc rgb '#c07000' title '99 %', \
'-' using 1:2 with lines lc rgb '#b04040' title 'longest'
"""
FAULT, DOWN = "#c07000", "#b04040"


def inline(data):
    return "".join(f"{x:.6g} {y:.6g}\n" if y is not None else "\n" for x, y in data) + "e\n"


def apart(marks, span):
    """Labels that would lie over each other become one: 1-3."""
    groups = []
    for at, text in sorted(marks):
        if groups and at - groups[-1][0] < span / 40:
            groups[-1][1].append(text)
        else:
            groups.append((at, [text]))
    return [(at, texts[0] if len(texts) == 1 else f"{texts[0]}-{texts[-1]}") for at, texts in groups]


def script(rows, windows, marks):
    """`windows`: begin, end, colour in s; `marks`: s, label."""
    last = max([rows[-1][0], *(end for _, end, _ in windows), *(at for at, _ in marks)]) or 1
    first = min(0, rows[0][0])
    parts = [SETUP.format(first=first, last=last * 1.01)]
    for n, (begin, end, colour) in enumerate(windows, 1):
        parts.append(WINDOW.format(n=n, begin=begin, end=max(end, begin + last / 400), colour=colour))
    parts += [MARK.format(n=n, at=at) for n, (at, _) in enumerate(marks, 1)]
    parts += [LABEL.format(n=n, text=text, at=at) for n, (at, text) in enumerate(apart(marks, last - first), 1)]
    refused = any(row[2] for row in rows)
    parts.append(THROUGHPUT.format(refused=", '-' using 1:2 with steps lc rgb '#b04040' title 'refused'"
                                   if refused else ""))
    parts.append(inline((row[0], row[1]) for row in rows))
    if refused:
        parts.append(inline((row[0], row[2]) for row in rows))
    if any(row[3] for row in rows):
        parts.append(LATENCY)
        parts += [inline((row[0], row[column] or None) for row in rows) for column in (3, 4, 5)]
    return "".join(parts)


def clean(svg, prefix, title):
    """Fit for a page: ids of its own, no shapes that nothing shows, text and axes in the page's colour."""
    svg = svg[svg.index("<svg"):]
    svg = re.sub(r"<defs>.*?</defs>", "", svg, flags=re.S)
    svg = re.sub(r"<title>Gnuplot</title>\s*<desc>[^<]*</desc>", f"<title>{title}</title>", svg, count=1)
    svg = re.sub(r"<title>[^<]*gnuplot_plot[^<]*</title>", "", svg)
    svg = re.sub(r"""id=(["'])""", rf"id=\1{prefix}-", svg)
    svg = re.sub(r"""(stroke|fill|color)=(["'])(?:black|rgb\( *0, *0, *0\))\2""", r"\1=\2currentColor\2", svg)
    svg = re.sub(r"color=(['\"])currentColor\1 ", "", svg)
    svg = re.sub(r"(\d\.\d)\d+", r"\1", svg)
    svg = re.sub(r"\s*\n\s*", "\n", svg)
    return svg.replace("<svg", '<svg role="img" width="100%"', 1)


def draw(rows, windows, marks, prefix, title):
    """An SVG; `title` is markup-safe. Raises Bad where gnuplot is not there."""
    try:
        done = subprocess.run(["gnuplot"], input=script(rows, windows, marks), capture_output=True, text=True,
                              timeout=SECONDS_MAX)
    except FileNotFoundError as error:
        raise Bad("gnuplot is not installed: apt-get install gnuplot-nox") from error
    if done.returncode or "<svg" not in done.stdout:
        raise Bad(f"gnuplot: {done.stderr.strip().splitlines()[-1:] or 'no picture'}")
    return clean(done.stdout, prefix, title)
