"""Known findings that somebody has accepted in writing, until a date (docs/reports.md has the format)."""
import datetime
import pathlib
import re

from errors import Bad, needs

KEYS = {"scenario", "finding", "reason", "who", "until", "version"}
REQUIRED = ("reason", "who", "until")


def fits(name, pattern):
    """With `*` and `?`, and nothing else that means more than itself."""
    words = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    return re.fullmatch(words, name) is not None


class Waiver:
    def __init__(self, entry, where, today):
        self.scenario = entry.get("scenario")
        self.finding = entry.get("finding")
        self.reason = entry["reason"]
        self.who = entry["who"]
        self.until = entry["until"]
        self.version = entry.get("version")
        self.where = where
        self.expired = self.until < today
        self.used = False
        self.of_another = False  # it is about another version of the server

    @property
    def words(self):
        about = [self.scenario or "every scenario"] + ([self.finding] if self.finding else [])
        version = f", server {self.version}" if self.version else ""
        return f"{': '.join(about)}{version}; {self.reason} ({self.who}, until {self.until})"

    def covers(self, scenario, kind):
        """Whether it accepts that `kind` is violated there."""
        if self.expired or self.of_another:
            return False
        if self.scenario and not fits(scenario, self.scenario):
            return False
        return self.finding is None or self.finding == kind


def entries(path):
    try:
        import yaml
    except ImportError as error:
        raise needs("python3-yaml", error) from error
    try:
        text = pathlib.Path(path).read_text(encoding="utf-8")
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        values = yaml.safe_load(text)
    except OSError as error:
        raise Bad(f"{path}: {error.strerror}") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f":{mark.line + 1}" if mark else ""
        raise Bad(f"{path}{where}: not YAML: {getattr(error, 'problem', None) or error}") from error
    if values is None:
        return []
    if not isinstance(values, list):
        raise Bad(f"{path}:1: a list of waivers is expected, each with {', '.join(REQUIRED)} and scenario or finding")
    for node in root.value:
        keys = [key.value for key, _ in node.value] if isinstance(node, yaml.MappingNode) else []
        twice = next((key for key in keys if keys.count(key) > 1), None)
        if twice:
            raise Bad(f"{path}:{node.start_mark.line + 1}: '{twice}' is there twice")
    return [(node.start_mark.line + 1, value) for node, value in zip(root.value, values)]


def read(path, today=None):
    today = today or datetime.date.today()
    found = []
    for line, entry in entries(path):
        where = f"{path}:{line}"
        if not isinstance(entry, dict):
            raise Bad(f"{where}: a waiver is a mapping of {', '.join(sorted(KEYS))}")
        for key in entry:
            if key not in KEYS:
                raise Bad(f"{where}: unknown key '{key}'; expected one of: {', '.join(sorted(KEYS))}")
        for key in REQUIRED:
            if not str(entry.get(key) or "").strip():
                raise Bad(f"{where}: '{key}' is missing: a waiver says why, who accepts it, and until when")
        everything = not str(entry.get("scenario") or "").strip("*? ")
        if everything and not entry.get("finding"):
            raise Bad(f"{where}: 'scenario' or 'finding' is missing: a waiver of everything is none")
        if type(entry["until"]) is not datetime.date:
            raise Bad(f"{where}: until: '{entry['until']}' is not a date: 2026-12-31")
        for key in KEYS - {"until"}:
            if entry.get(key) is not None and not isinstance(entry[key], str):
                raise Bad(f"{where}: {key}: '{entry[key]}' is not a text; put it in quotes")
        found.append(Waiver(entry, where, today))
    return found
