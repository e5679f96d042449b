"""lastack explain: what a scenario, a claim, a kind of finding or a word of the tables is, and how to read it."""
import difflib
import os
import pathlib
import shutil
import sys
import textwrap

import yaml

ROOT = pathlib.Path(__file__).resolve().parent.parent
READ = {
    "holds": "holds: everything that it expects was met, and the run was sound.",
    "violated": "violated: an expectation was not met, or the server lost, invented or damaged data.",
    "inconclusive": "inconclusive: the run could not say either, for the reason that it gives. Never a pass.",
}


def width():
    return min(100, shutil.get_terminal_size((80, 24)).columns)


def paragraph(text, indent=""):
    print(textwrap.fill(" ".join(str(text).split()), width(), initial_indent=indent, subsequent_indent=indent))


def words():
    """The tables of words in the documentation: word, meaning."""
    for name in ("results.md", "architecture.md"):
        for line in (ROOT / "docs" / name).read_text(encoding="utf-8").splitlines():
            cells = line.strip("|").split("|", 1)
            if line.startswith("| ") and len(cells) == 2 and "---" not in line:
                for word in cells[0].split(", "):
                    yield word.strip(" `"), cells[1].strip()


def scenarios():
    return {path.stem: path for path in (ROOT / "scenarios").glob("*/*.yaml")}


def claims():
    return {one["id"]: one for one in yaml.safe_load((ROOT / "fixtures/claims.yaml").read_text(encoding="utf-8"))}


def short(step):
    """A step or an expectation in a line."""
    [(name, value)] = step.items()
    inside = ", ".join(f"{key} {str(one).splitlines()[0]}" for key, one in (value or {}).items())
    return f"{name}: {inside}" if inside else name


def explain_scenario(path):
    scenario = yaml.safe_load(path.read_text(encoding="utf-8"))
    print(f"{scenario['name']}, a scenario of {path.parent.name}/\n")
    paragraph(scenario["title"])
    if scenario.get("why"):
        print()
        paragraph(scenario["why"])
    if scenario.get("history"):
        fault = scenario["history"]
        print()
        paragraph(f"A fault that there was ({fault['tracker']}): {fault['versions']} had it"
                  + (f"; mended: {fault['mended']}." if fault.get("mended") else "."))
    for heading, key in (("what is done", "steps"), ("what must be so", "expect")):
        if scenario.get(key):
            print(f"\n{heading}:")
            for step in scenario[key]:
                print("  " + textwrap.shorten(short(step), width() - 2, placeholder=" ..."))
    for claim in scenario.get("claims", []):
        about = claims().get(claim["id"], {})
        print()
        paragraph(f"It speaks of claim {claim['id']}: {about.get('text', '')} ({about.get('source', '')})"
                  + (f"; when {claim['when']}" if claim.get("when") else ""))
    print()
    for text in READ.values():
        paragraph(text)
    print(f"\nrun it: lastack run {scenario['name']}")


def explain_claim(claim):
    print(f"{claim['id']}, a claim\n")
    paragraph(f"{claim['source']}: {claim['text']}")
    if claim.get("needs"):
        paragraph(f"It cannot be tried without {claim['needs']}.")
    by = sorted(name for name, path in scenarios().items()
                if any(one["id"] == claim["id"] for one in yaml.safe_load(path.read_text()).get("claims", [])))
    if by:
        print()
        paragraph(f"Scenarios that speak of it: {', '.join(by)}.")
    print()
    paragraph("Its verdict is about the sentence: holds, violated, qualified (it holds under one condition and not under another, "
              "both named), inconclusive, or untestable. A sentence that turns out wrong is a row, not a failure.")


def main():
    asked = " ".join(sys.argv[1:])
    if not asked or asked in ("--help", "-?", "-h"):
        print("usage: lastack explain SCENARIO|CLAIM|WORD\n"
              "what it is, why it matters, and how its verdict is to be read; lastack list has the scenarios",
              file=sys.stderr if not asked else sys.stdout)
        return 0 if asked else 2
    known = dict(words())
    of_scenarios, of_claims = scenarios(), claims()
    if asked in of_scenarios:
        explain_scenario(of_scenarios[asked])
    elif asked.upper() in of_claims:
        explain_claim(of_claims[asked.upper()])
    elif asked in known or asked.lower() in known:
        print(f"{asked}\n")
        paragraph(known.get(asked) or known[asked.lower()])
    else:
        near = difflib.get_close_matches(asked, [*of_scenarios, *of_claims, *known], 3)
        hint = f"; is it {' or '.join(near)}?" if near else "; lastack list has the scenarios"
        print(f"lastack explain: nothing is known of '{asked}'{hint}", file=sys.stderr)
        return 2
    return 0


try:
    status = main()
except BrokenPipeError:
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    status = 0
sys.exit(status)
