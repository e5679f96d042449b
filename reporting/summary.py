"""A summary in Markdown for CI: worst first, and readable where it is cut."""
import re

BYTES_MAX = 900_000  # GitHub drops a step summary above 1 MiB whole
CELL_MAX = 300
NOTE = "\n_Cut here: the rest is in the report._\n"
SPECIAL = re.compile(r"([\\`*_\[\]<>#|~&$@]|:(?=//)|(?<=www)\.)", re.IGNORECASE)
HEADINGS = {"violated": "Violated", "inconclusive": "Inconclusive", "waived": "Waived", "holds": "Holds"}


def text(value, most=CELL_MAX):
    """Hostile text as it is: nothing in it is markup, a mention or a link."""
    value = value.replace("\r", " ").replace("\n", " ")
    value = value if len(value) <= most else value[:most] + "…"
    value = "".join(char if char.isprintable() else "?" for char in value)
    return SPECIAL.sub(lambda found: f"&#{ord(found[1])};", value)


def number(value, unit=""):
    return "–" if value is None else f"{value:,.0f}{unit}"


def row(*cells):
    return "| " + " | ".join(cells) + " |\n"


def scenarios(view):
    for verdict, heading in HEADINGS.items():
        of_it = [one for one in view.scenarios if one.verdict == verdict]
        if not of_it:
            continue
        yield f"\n### {heading} ({len(of_it)})\n\n"
        yield row("scenario", "lost", "window", "ready", "why") + row(*["---"] * 5)
        for one in of_it:
            rpo, rto = one.entry["rpo"] or {}, one.entry["rto"] or {}
            why = "; ".join(waiver.words for waiver in one.waivers) or one.why
            yield row(text(one.name), number(rpo.get("lost")), number(rpo.get("window_ms"), " ms"),
                      number(rto.get("ready_ms"), " ms"), text(why))
        if verdict == "violated":
            yield "\n" + "".join(f"    {line}\n" for line in reproductions(of_it))


def reproductions(of_it):
    for one in of_it[:20]:
        if one.entry["reproduce"]:
            yield "".join(char if char.isprintable() else "?" for char in one.entry["reproduce"])[:2000]


def new(view):
    compared = view.comparison
    if not compared:
        return
    yield f"\n### What is new since {text(compared.path)}\n\n"
    if not compared.changes and not compared.worse:
        yield "No verdict has changed, and no figure is worse.\n\n"
    if not compared.differences and not compared.changes and not compared.worse:
        return
    yield row("", "what", "before", "now") + row(*["---"] * 4)
    for one in [*compared.differences, *compared.changes, *compared.worse]:
        yield row(text(one.word), text(one.what), text(one.before), text(one.after))


def claims(view):
    if not view.claims:
        return
    yield f"\n### Claims ({len(view.claims)})\n\n" + row("claim", "verdict", "the document says", "measured")
    yield row(*["---"] * 4)
    for claim in view.claims:
        yield row(text(claim["id"]), claim["verdict"], text(claim.get("text", "")), text(claim.get("measured", "")))


def pieces(view):
    yield f"## lastack: {text(view.server)}: {view.verdict}\n\n{text(view.line)}\n"
    for notice in view.notices:
        yield f"\n**{text(notice, 1000)}**\n"
    if view.matters:
        yield "\n### Requirements\n\n" + row("verdict", "what", "seen") + row(*["---"] * 3)
        for one in view.matters:
            yield row(one.verdict, text(one.name), text(one.detail))
    yield from new(view)
    yield from scenarios(view)
    yield from claims(view)


def render(view):
    parts, size = [], len(NOTE.encode())
    for piece in pieces(view):
        size += len(piece.encode())
        if size > BYTES_MAX:
            parts.append(NOTE)
            break
        parts.append(piece)
    return "".join(parts)
