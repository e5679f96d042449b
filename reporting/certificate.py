"""An in-toto statement that says of which files what holds (test-result predicate), and whether it speaks of others."""
import glob
import hashlib
import json
import os
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
        if statement["_type"] != STATEMENT or statement["predicateType"] != PREDICATE:
            raise ValueError("another type")
        words = [statement["predicate"]["result"], *(statement["predicate"]["annotations"][key]
                                                     for key in ("summary", "started"))]
        if not all(isinstance(word, str) and word.isprintable() and "\0" not in word
                   for word in (*words, *(text for subject in subjects for text in subject))):
            raise ValueError("not text")
        return statement, subjects
    except OSError as error:
        raise Bad(f"{path}: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise Bad(f"{path}: not a certificate of lastack") from error


def moved(subjects, asked):
    """What a wrapper runs, and what a configuration names, can be told only where they were certified; None: all is well."""
    recorded = {role: (path, digest) for role, path, digest in subjects}
    others = [path for role, path, _ in subjects if role not in ("server", "executable", "config", "old-server")]

    def is_there(role):
        return os.path.realpath(asked[role]) == os.path.realpath(recorded[role][0])
    wrapped = "executable" in recorded and recorded["executable"][1] != recorded["server"][1]
    if wrapped and not is_there("server"):
        return f"the server is a wrapper, and was certified as {recorded['server'][0]}: verify it there"
    if asked["config"] is None:
        return None
    if others and not is_there("config"):
        return f"the configuration names other files, and was certified as {recorded['config'][0]}: verify it there"
    known = {os.path.realpath(path) for path in (*others, recorded["config"][0], asked["config"])}
    for file in (asked["config"], *others):
        for path in included(file, os.path.dirname(os.path.abspath(asked["config"]))):
            if os.path.realpath(path) not in known:
                return f"{path} is included, and was not certified"
    return None


def included(file, folder):
    """Files that lines of `include` name now."""
    try:
        lines = pathlib.Path(file).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return
    for line in lines:
        words = line.split(None, 1)
        if len(words) == 2 and words[0].lower() == "include":
            pattern = words[1].strip().strip("\"'")
            yield from glob.glob(pattern if pattern.startswith("/") else os.path.join(folder, pattern))


def differs(subjects, server, config):
    """The first file that is not the one of the certificate, in words; None: all are."""
    named_roles = {role for role, _, _ in subjects}
    asked = {"server": shutil.which(server) or server, "config": config}
    for role, path in asked.items():
        if path is None and role in named_roles:
            return f"it is about a {role}, and none was named (--{role})"
        if path is not None and role not in named_roles:
            return f"it is about no {role} of the user's"
    elsewhere = moved(subjects, asked)
    if elsewhere:
        return elsewhere
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
