"""Reading result.json, of this version or an older one, and putting the shards of one run together."""
import functools
import json
import os
import pathlib
import subprocess

import redact
from errors import Bad, needs

SCHEMA = 1
SIZE_MAX = 512 << 20  # bytes of a result.json
LOOSE = {"required", "additionalProperties", "dependentRequired", "minItems"}  # older versions have fewer fields


class Run:
    """A run's result, and the folder with its bundles (None: they are not at hand)."""

    def __init__(self, data, folder, path):
        self.data = data
        self.folder = folder
        self.path = path
        self.folders = {}  # by scenario, where they differ: shards
        self.missing = []  # numbers of shards that are not there

    def bundle(self, scenario):
        folder = self.folders.get(scenario["name"], self.folder)
        name = scenario.get("bundle") or scenario["name"]
        if folder is None or "/" in name or name in ("", ".", ".."):
            return None
        bundle = folder / name
        if bundle.is_symlink() or not (bundle / "scenario.json").is_file():
            return None
        return bundle

    def log(self, scenario):
        """The log of the node that the scenario is about, with its name; None: it is not at hand."""
        bundle = self.bundle(scenario)
        if bundle is None:
            return None
        named = [event["node"] for event in scenario["timeline"] if event.get("node")]
        named += sorted(path.parent.name for path in bundle.glob("*/log"))
        for node in named:
            path = bundle / node / "log"
            if "/" not in node and path.is_file() and not path.is_symlink() and not path.parent.is_symlink():
                return path
        return None


@functools.lru_cache(1)
def validator():
    try:
        import jsonschema
    except ImportError as error:
        raise needs("python3-jsonschema", error) from error
    here = pathlib.Path(__file__).resolve().parent
    places = (here / "result.schema.json", here.parent / "docs/result.schema.json")
    path = next((place for place in places if place.is_file()), None)
    if path is None:
        raise Bad(f"{places[0]}: it is not there: lastack is not installed whole")
    return jsonschema.Draft202012Validator(json.loads(path.read_text()))


def check(data, path):
    if not isinstance(data, dict) or "scenarios" not in data:
        raise Bad(f"{path}: not the result of 'lastack run' or 'lastack certify'")
    version = data.get("schema", SCHEMA)
    if version != SCHEMA:
        raise Bad(f"{path}: of format version {version!r:.40}; this lastack reads version {SCHEMA}")
    for error in validator().iter_errors(data):
        if error.validator not in LOOSE:
            raise Bad(f"{path}: damaged: {error.json_path}: {error.message:.120}")


def without_secrets(value):
    """The same without passwords: in a command line, a log's line, a reply."""
    if isinstance(value, str):
        return redact.hide(value)
    if isinstance(value, list):
        return [without_secrets(one) for one in value]
    if isinstance(value, dict):
        return {key: without_secrets(one) for key, one in value.items()}
    return value


def fill(data):
    """What an older version did not write down yet."""
    for name, value in (("claims", []), ("limits", []), ("changed_directives", []), ("not_applicable", []),
                        ("pending", []), ("command", []), ("subjects", []), ("host", {}), ("server", {}),
                        ("finished", not data.get("pending")), ("health", None), ("answer", None), ("unit", None), ("shard", None),
                        ("matrix", None), ("started", ""), ("seconds", 0), ("lastack", "?"), ("seed", 0)):
        data.setdefault(name, value)
    for scenario in data["scenarios"]:
        if not {"name", "verdict"} <= set(scenario):
            raise Bad("a scenario without a name or verdict")
        for name, value in (("title", ""), ("group", "lastack"), ("reasons", []), ("violated", []), ("claims", []),
                            ("claim_verdicts", []), ("rpo", None), ("rto", None), ("faults", []), ("injections", []),
                            ("power_cuts", []), ("refused", []), ("repairs", []), ("findings", []), ("timeline", []),
                            ("figures", []), ("overrides", []), ("reproduce", ""), ("seconds", 0), ("doubts", [])):
            scenario.setdefault(name, value)


def no_number(name):
    raise ValueError(f"{name} is no number")


def read(path):
    """A report's folder, or its result.json."""
    place = pathlib.Path(path)
    file = place / "result.json" if place.is_dir() else place
    try:
        if file.stat().st_size > SIZE_MAX:
            raise Bad(f"{file}: larger than {SIZE_MAX >> 20} MiB")
        text = file.read_text(encoding="utf-8")
        data = json.loads(text, parse_constant=no_number)
        json.dumps(data, ensure_ascii=False).encode()  # halves of characters are none
    except OSError as error:
        raise Bad(f"{file}: {error.strerror}: name a run's folder, or its result.json") from error
    except (ValueError, RecursionError) as error:
        raise Bad(f"{file}: not JSON: {error}") from error
    check(data, file)
    data = without_secrets(data)
    try:
        fill(data)
    except Bad as error:
        raise Bad(f"{file}: damaged: {error}") from error
    return Run(data, file.parent if (file.name == "result.json") else None, str(path))


def merged(runs):
    """One result of several: `lastack merge` knows what claims, alerts and commands say together."""
    lastack = os.environ.get("LASTACK", "lastack")
    files = [str(pathlib.Path(run.path) / "result.json" if pathlib.Path(run.path).is_dir() else run.path)
             for run in runs]
    done = subprocess.run([lastack, "merge", *files], capture_output=True, text=True)
    if done.returncode:
        raise Bad(done.stderr.strip().removeprefix("lastack: "))
    data = without_secrets(json.loads(done.stdout))
    fill(data)
    return data


def together(runs):
    if len(runs) == 1:
        [run] = runs
        shard = run.data["shard"]
        run.missing = [n for n in range(1, shard["of"] + 1) if n != shard["number"]] if shard else []
        return run
    first = runs[0].data
    for run in runs[1:]:
        for what in ("lastack", "seed"):
            if run.data[what] != first[what]:
                raise Bad(f"{run.path}: its {what} is {run.data[what]}, that of {runs[0].path} is {first[what]}: "
                          "only shards of one run go together")
        if command_of(run.data) != command_of(first):
            raise Bad(f"{run.path}: another command line than that of {runs[0].path}: only shards of one run go together")
        if run.data["server"].get("version") != first["server"].get("version") or \
                files_of(run.data) != files_of(first):
            raise Bad(f"{run.path}: it is about another server or configuration than {runs[0].path}: only shards of "
                      "one run go together")
    shards = [run.data["shard"] or {"number": None, "of": None} for run in runs]
    if None in (shard["number"] for shard in shards) or len({shard["of"] for shard in shards}) > 1:
        raise Bad("only shards of one run go together (--shard K/N): these are runs of their own")
    whole = Run(merged(runs), None, " ".join(run.path for run in runs))
    whole.missing = sorted(set(range(1, shards[0]["of"] + 1)) - {shard["number"] for shard in shards})
    told = {scenario["name"]: scenario for scenario in whole.data["scenarios"]}
    for run in runs:
        for scenario in run.data["scenarios"]:
            if scenario.get("bundle") == told[scenario["name"]].get("bundle"):  # several can have runs of it
                whole.folders[scenario["name"]] = run.folder
    return whole


def command_of(data):
    """The words that say what is run, without those that say where, and which share."""
    words, skip = [], False
    for word in data["command"]:
        if skip:
            skip = False
        elif word in ("--shard", "--out", "-o", "--jobs", "-j", "--junit", "--json"):
            skip = True
        elif not word.startswith(("--shard=", "--out=", "--jobs=", "--junit=", "--json=", "-o", "-j")) and word != "--html":
            words.append(word)
    return words


def files_of(data):
    return sorted((subject["role"], subject["sha256"]) for subject in data["subjects"])
