"""JUnit XML: violated is a failure, inconclusive an error, waived and not applicable are skipped."""
import re
import xml.etree.ElementTree as tree

# What XML 1.0 has no way to write.
FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def clean(text):
    return FORBIDDEN.sub("?", str(text))


def add_case(suite, scenario):
    entry = scenario.entry
    case = tree.SubElement(suite, "testcase", name=clean(scenario.name), classname=clean(entry["group"]),
                           time=f"{entry['seconds']:.3f}")
    if scenario.verdict == "holds":
        return
    tag = {"violated": "failure", "waived": "skipped"}.get(scenario.verdict, "error")
    if scenario.verdict == "waived":
        message = "waived: " + "; ".join(waiver.words for waiver in scenario.waivers)
    else:
        message = scenario.why or scenario.verdict
    element = tree.SubElement(case, tag, message=clean(message))
    element.text = clean(scenario.trace + "\n")


def add_beside(suites, view, stamp):
    """Requirements, alerts and a unit are judged as scenarios are."""
    if not view.matters:
        return
    suite = tree.SubElement(suites, "testsuite", name="requirements", timestamp=stamp, time="0.000")
    for matter in view.matters:
        case = tree.SubElement(suite, "testcase", name=clean(matter.name), classname="requirements", time="0.000")
        tag = {"violated": "failure", "inconclusive": "error"}.get(matter.verdict)
        if tag:
            tree.SubElement(case, tag, message=clean(matter.detail or matter.verdict))
    count(suite)


def add_skipped(suites, view, stamp):
    if not view.data["not_applicable"]:
        return
    suite = tree.SubElement(suites, "testsuite", name="not applicable", timestamp=stamp, time="0.000")
    for name, why in view.skipped:
        case = tree.SubElement(suite, "testcase", name=clean(name), classname="not applicable", time="0.000")
        tree.SubElement(case, "skipped", message=clean(why))
    count(suite)


def count(suite):
    suite.set("tests", str(len(suite)))
    for attribute, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(attribute, str(len(suite.findall(f"testcase/{tag}"))))


def render(view):
    stamp = view.data["started"].removesuffix("Z") or "1970-01-01T00:00:00"
    suites = tree.Element("testsuites", name="lastack", time=f"{view.data['seconds']:.3f}")
    groups = {}
    for scenario in sorted(view.scenarios, key=lambda one: (one.entry["group"], one.name)):
        groups.setdefault(scenario.entry["group"], []).append(scenario)
    for group, scenarios in groups.items():
        suite = tree.SubElement(suites, "testsuite", name=clean(group), timestamp=stamp,
                                time=f"{sum(one.entry['seconds'] for one in scenarios):.3f}")
        for scenario in scenarios:
            add_case(suite, scenario)
        count(suite)
    add_beside(suites, view, stamp)
    add_skipped(suites, view, stamp)
    for attribute in ("tests", "failures", "errors", "skipped"):
        suites.set(attribute, str(sum(int(suite.get(attribute)) for suite in suites)))
    tree.indent(suites)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + tree.tostring(suites, encoding="unicode") + "\n"
