"""Common Test Report Format 1.0.0. Inconclusive is `other`; a run that was repeated lists its attempts."""
import json

STATUS = {"holds": "passed", "violated": "failed", "inconclusive": "other", "waived": "skipped"}


def case(scenario):
    entry = scenario.entry
    test = {"name": scenario.name, "status": STATUS[scenario.verdict], "rawStatus": scenario.verdict,
            "duration": round(entry["seconds"] * 1000), "suite": [entry["group"]]}
    if scenario.verdict != "holds":
        test["message"] = scenario.why
        test["trace"] = scenario.trace
    if scenario.waivers:
        test["extra"] = {"waivers": [waiver.words for waiver in scenario.waivers]}
    verdicts = (entry.get("repeats") or {}).get("verdicts", [])
    if verdicts:  # the runs as they were: none of them is a retry that turned a verdict
        test["retryAttempts"] = [{"attempt": number, "status": STATUS[verdict]}
                                 for number, verdict in enumerate(verdicts, 1)]
    return test


def matter_case(matter):
    return {"name": matter.name, "status": STATUS.get(matter.verdict, "other"), "rawStatus": matter.verdict,
            "duration": 0, "suite": ["requirements"], "message": matter.detail}


def skipped_case(name, why):
    return {"name": name, "status": "skipped", "rawStatus": "not applicable", "duration": 0,
            "suite": ["not applicable"], "message": why}


def render(view):
    tests = [case(scenario) for scenario in view.scenarios]
    tests += [matter_case(matter) for matter in view.matters]
    tests += [skipped_case(name, why) for name, why in view.skipped]
    start = view.began_ms
    summary = {"tests": len(tests), "passed": 0, "failed": 0, "skipped": 0, "pending": 0, "other": 0,
               "start": start, "stop": start + round(view.data["seconds"] * 1000)}
    for test in tests:
        summary[test["status"]] += 1
    document = {"reportFormat": "CTRF", "specVersion": "1.0.0",
                "results": {"tool": {"name": "lastack", "version": view.data["lastack"]}, "summary": summary,
                            "tests": tests,
                            "environment": {"testEnvironment": view.server,
                                            "extra": {"seed": view.data["seed"], "host": view.data["host"]}}}}
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
