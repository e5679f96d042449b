"""An in-toto statement that says of which files what holds (test-result predicate), and whether it speaks of others."""
import hashlib
import json
import pathlib
import shutil

import signature
from errors import Bad

STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "https://in-toto.io/attestation/test-result/v0.1"
FEW = 20  # scenarios that were judged: fewer certify nothing


def result_of(view):
    """PASSED says that enough was run, and that all of it holds."""
    if view.status == 1 or view.counts["inconclusive"] or view.status == 3:
        return "FAILED"
    judged = view.counts["holds"] + view.counts["waived"]
    return "WARNED" if view.counts["waived"] or judged < FEW else "PASSED"


def named(items, verdict):
    return [one.name for one in items if one.verdict in verdict]


def render(view):
    data = view.data
    if not data["subjects"]:
        raise Bad(f"{view.run.path}: it does not say which files it is about: it is of an older lastack; run it again")
    everything = [*view.scenarios, *view.matters]
    predicate = {
        "result": result_of(view),
        "configuration": [{"name": one["path"], "digest": {"sha256": one["sha256"]}, "annotations": {"role": one["role"]}}
                          for one in data["subjects"]],
        "passedTests": named(everything, ("holds",)),
        "warnedTests": named(everything, ("waived",)),
        "failedTests": named(everything, ("violated", "inconclusive")),
        "annotations": {
            "verdict": view.verdict, "summary": view.line, "lastack": data["lastack"], "seed": data["seed"],
            "server": view.server, "started": data["started"], "seconds": data["seconds"],
            "command": data["command"], "host": data["host"], "limits": data["limits"],
            "notApplicable": data["not_applicable"], "notices": view.notices,
            "waivers": sorted({waiver.words for one in view.scenarios for waiver in one.waivers}),
            "claims": {claim["id"]: claim["verdict"] for claim in view.claims},
        },
    }
    statement = {
        "_type": STATEMENT,
        "subject": [{"name": f"{one['role']}:{one['path']}", "digest": {"sha256": one["sha256"]}}
                    for one in data["subjects"]],
        "predicateType": PREDICATE,
        "predicate": predicate,
    }
    return json.dumps(statement, indent=2, ensure_ascii=False) + "\n"


def render_page(view):
    """The same for people, to be printed and signed by hand."""
    import page
    return page.environment().get_template("certificate.html").render(
        view=view, result=result_of(view), few=FEW, statement=json.loads(render(view)))


def sha256(path):
    digest = hashlib.sha256()
    try:
        with open(path, "rb") as file:
            while chunk := file.read(1 << 20):
                digest.update(chunk)
    except OSError as error:
        raise Bad(f"{path}: {error.strerror}") from error
    return digest.hexdigest()


def read(path):
    try:
        statement = json.loads(pathlib.Path(path).read_text(encoding="utf-8"))
        subjects = [(one["name"].partition(":")[0], one["name"].partition(":")[2], one["digest"]["sha256"])
                    for one in statement["subject"]]
        assert statement["_type"] == STATEMENT and statement["predicateType"] == PREDICATE
        return statement, subjects
    except OSError as error:
        raise Bad(f"{path}: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, AttributeError, AssertionError, RecursionError) as error:
        raise Bad(f"{path}: not a certificate of lastack") from error


def differs(subjects, server, config):
    """The first file that is not the one of the certificate, in words; None: all are."""
    named_roles = {role for role, _, _ in subjects}
    asked = {"server": shutil.which(server) or server, "config": config}
    for role, path in asked.items():
        if path is None and role in named_roles:
            return f"it is about a {role}, and none was named (--{role})"
        if path is not None and role not in named_roles:
            return f"it is about no {role} of the user's"
    of_server = next((digest for role, _, digest in subjects if role == "server"), None)
    for role, path, digest in subjects:
        if role == "executable" and digest == of_server:  # no wrapper: the file that was named has been looked at
            continue
        here = asked.get(role) or path
        try:
            same = sha256(here) == digest
        except Bad as error:
            return f"{role} {error}"
        if not same:
            return f"{role} {here} is another file"
    return None


def verify(path, key, server, config):
    """0: signed with that key, and about these files; 1: it is not. Says which in one line."""
    statement, subjects = read(path)
    wrong = signature.check(path, key)
    if wrong is None:
        wrong = differs(subjects, server, config)
    if wrong:
        print(f"{path}: does not speak of these files: {wrong}")
        return 1
    predicate = statement["predicate"]
    print(f"{path}: speaks of these files: {predicate['result']}, {predicate['annotations']['summary']} "
          f"({predicate['annotations']['started']})")
    return 0
