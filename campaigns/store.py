"""Scenarios that have found something once: they are run first, every night."""
import json
import pathlib
import re

import runs

KEPT = 3  # of each kind of finding and server
LIST = "store.json"


class Store:
    """A folder with scenario files, and a list of what each has found, on which server, and when it did last."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            entries = json.loads((self.folder / LIST).read_text())
            self.entries = [one for one in entries if (self.folder / one["file"]).is_file()]
        except (OSError, ValueError, KeyError, TypeError):
            self.entries = []

    @staticmethod
    def key(entry):
        return entry["server"], tuple(entry["kinds"])

    def files(self):
        """Those that failed last night come first."""
        return [self.folder / one["file"] for one in sorted(self.entries, key=lambda one: not one["failing"])]

    def entry_of(self, name):
        return next((one for one in self.entries if one["name"] == name), None)

    def add(self, scenario, text, seed, server):
        """A scenario whose verdict is violated: a bounded number of each kind is kept, failing before passing, small
        before large."""
        name = scenario["name"]
        entry = {"name": name, "file": f"{re.sub('[^a-z0-9-]', '-', name)}.yaml", "kinds": sorted(scenario["violated"]),
                 "server": server, "seed": seed, "failing": True, "size": len(text)}
        (self.folder / entry["file"]).write_text(text)
        self.entries = [one for one in self.entries if one["name"] != name] + [entry]
        alike = [one for one in self.entries if self.key(one) == self.key(entry)]
        for one in sorted(alike, key=lambda one: (not one["failing"], one["size"]))[KEPT:]:
            self.entries.remove(one)
            if one["file"] != entry["file"] or one is entry:
                (self.folder / one["file"]).unlink(missing_ok=True)
        self.save()

    def seen(self, name, failing):
        entry = self.entry_of(name)
        if entry:
            entry["failing"] = failing
            self.save()

    def save(self):
        runs.write_json(self.folder / LIST, self.entries, 2)
