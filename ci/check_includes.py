#!/usr/bin/python3
"""Holds the #include lines of harness/ and faultinject/ against the tables of docs/architecture.md.

A file may include headers of its own folder, and of the folders that its folder may use, directly or through others. No
two files (a header and its source counted as one) may use each other, by whatever way round.
`check_includes.py [ROOT]`: exit status 1, and one line for each edge that is wrong.
"""
import pathlib
import re
import sys

TREES = ("harness", "faultinject")  # no folder of one has the name of a folder of the other
ROW = re.compile(r"^\| `(\w+)/` \|[^|]*\|([^|]*)\|$")


def table(root):
    """Folder -> the folders that it may use, directly."""
    rows = {}
    for line in (root / "docs/architecture.md").read_text().splitlines():
        found = ROW.match(line)
        if found:
            rows[found[1]] = re.findall(r"`(\w+)`", found[2])
    return rows


def reachable(rows, folder):
    seen, todo = set(), [folder]
    while todo:
        for used in rows[todo.pop()]:
            if used not in seen:
                seen.add(used)
                todo.append(used)
    return seen


def includes(folders):
    """(file, header) for each include of one of our own headers; tests left out."""
    for folder in folders.values():
        for path in sorted(folder.glob("*.[ch]")):
            for header in map(pathlib.PurePath, re.findall(r'^#include "([^"]+)"', path.read_text(), re.M)):
                if header.parts[0] in folders and (folders[header.parts[0]].parent / header).exists():
                    yield path.relative_to(folder.parent), header


def circles(edges):
    """Each circle of files once, as the list of its members."""
    graph = {}
    for source, header in edges:
        one, other = source.with_suffix(""), header.with_suffix("")
        if one != other:
            graph.setdefault(one, set()).add(other)
    state, path, found = {}, [], []

    def visit(file):
        state[file] = "open"
        path.append(file)
        for used in sorted(graph.get(file, ())):
            if state.get(used) == "open":
                found.append([*path[path.index(used):], used])
            elif used not in state:
                visit(used)
        path.pop()
        state[file] = "done"

    for file in sorted(graph):
        if file not in state:
            visit(file)
    return found


def check(root):
    rows = table(root)
    folders = {path.name: path for tree in TREES for path in sorted((root / tree).iterdir())
               if path.is_dir() and path.name != "tests"}
    place = {name: path.relative_to(root) for name, path in folders.items()}
    wrong = [f"docs/architecture.md: no row for {place[name]}/" for name in folders if name not in rows]
    wrong += [f"docs/architecture.md: {name}/ is not there" for name in rows if name not in folders]
    if wrong:
        return wrong
    edges = list(includes(folders))
    for source, header in edges:
        used, folder = header.parts[0], source.parts[0]
        if used != folder and used not in reachable(rows, folder):
            wrong.append(f"{place[folder] / source.name}: {folder}/ may not use {used}/ ({header})")
    for circle in circles(edges):
        wrong.append("in a circle: " + " -> ".join(map(str, circle)))
    return wrong


if __name__ == "__main__":
    lines = check(pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).resolve().parents[1])
    print("\n".join(lines), end="\n" if lines else "")
    sys.exit(1 if lines else 0)
