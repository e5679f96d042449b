"""The smallest crash state on which a server still does the same: files, the commands of a log, its torn end."""
import json
import pathlib
import re
import shutil
import subprocess

import delta
import runs
import script

# What is wrong with what is there; of what is missing, less says nothing.
KINDS = ("refuses to start", "unavailable", "corrupt", "torn transaction", "resurrected", "phantom", "wrong ttl")
REPLAY_S = 90
NO_EVIDENCE = ("sums", "data", "log", "control", "journal", "exploring")


def commands_of(content):
    """Of a log in the server's protocol: its commands, and what is none at its end. Of another file it is all."""
    commands, at = [], 0
    while at < len(content):
        end = end_of_command(content, at)
        if end is None:
            break
        commands.append(content[at:end])
        at = end
    return commands, content[at:]


def end_of_command(content, at):
    """*N, then N times $LENGTH and so many bytes, each line ending with CR LF. None: that is not what is there."""
    def number(mark, at):
        end = content.find(b"\r\n", at, at + 32)
        digits = content[at + 1:end]
        return (int(digits), end + 2) if end > 0 and content[at:at + 1] == mark and digits.isdigit() else (None, at)
    count, at = number(b"*", at)
    if not count:
        return None
    for _ in range(count):
        length, at = number(b"$", at)
        if length is None or content[at + length:at + length + 2] != b"\r\n":
            return None
        at += length + 2
    return at


def write(folder, files):
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


class State:
    """The crash state of a bundle; `files` is what of it is there."""

    def __init__(self, bundle, server, folder, deadline):
        self.bundle, self.server, self.folder, self.deadline = pathlib.Path(bundle), server, folder, deadline
        self.result = json.loads((self.bundle / "scenario.json").read_text())
        self.files = script.files_of(self.bundle)
        self.replays = 0
        self.wanted = None
        self.known = {}

    @property
    def bytes(self):
        return sum(map(len, self.files.values()))

    def replayed(self, files):
        """What `lastack replay` says of these files: lines of findings, without their numbers. The server's own words are in
        them: one that misses a file refuses, too, and for another reason."""
        work = self.folder / "candidate"
        for old in (work, self.folder / "again"):
            shutil.rmtree(old, ignore_errors=True)
        shutil.copytree(self.bundle, work, ignore=shutil.ignore_patterns("crash", *NO_EVIDENCE, "found-*", "recording", "progress"))
        (work / "scenario.json").write_text(json.dumps({**self.result, "sealed": False}))  # it is no evidence any more
        write(script.node_of(work) / "crash", files)
        words = [runs.LASTACK, "replay", work, "--out", self.folder / "again", *(["--server", self.server] if self.server else [])]
        self.replays += 1
        try:
            done = subprocess.run(list(map(str, words)), capture_output=True, text=True, errors="replace", timeout=REPLAY_S,
                                  stdin=subprocess.DEVNULL, check=False)
        except subprocess.TimeoutExpired:
            return []
        lines = [re.sub(r"[0-9]+", "0", line) for line in done.stdout.splitlines()]
        return [line for line in lines if line.split(":")[0] in KINDS] if done.returncode == 1 else []

    def shows(self, files):
        key = tuple(files.items())
        if key not in self.known and self.deadline.left:
            self.known[key] = self.wanted in self.replayed(files)
        return self.known.get(key, False)

    def begin(self):
        """Whether a replay shows something of which less can show the same."""
        kinds = [kind for kind in self.result.get("violated", KINDS) if kind in KINDS]
        if not self.files or not kinds:
            return False
        found = [line for line in self.replayed(self.files) if line.split(":")[0] in kinds]
        self.wanted = found[0] if found else None
        return bool(found)

    def make_small(self):
        names = delta.smallest(self.files, lambda some: bool(some) and self.shows({name: self.files[name] for name in some}))
        self.files = {name: self.files[name] for name in names}
        for name in names:
            self.shrink_file(name)

    def shrink_file(self, name):
        commands, tail = commands_of(self.files[name])

        def with_this(content):
            return {**self.files, name: content}
        few = b"".join(delta.smallest(commands, lambda some: self.shows(with_this(b"".join(some) + tail))))
        least = delta.least(len(tail), 0, lambda length: self.shows(with_this(few + tail[:length])))
        self.files = with_this(few + tail[:least])


def shrink(bundle, server, seconds, out):
    """Leaves the files of the smallest state in out/state, and a script; what came of it. None: there is nothing to shrink."""
    deadline = runs.Deadline(seconds)
    left = State(bundle, server, out / "work", deadline)
    files, size = len(left.files), left.bytes
    shows = left.begin()
    if shows:
        left.make_small()
        write(out / "state", left.files)
    shutil.rmtree(out / "work", ignore_errors=True)
    if not shows:
        return None
    summary = {"kinds": [left.wanted.split(":")[0]], "replays": left.replays, "files": [files, len(left.files)],
               "bytes": [size, left.bytes], "seconds": round(deadline.spent, 1),
               "script": script.NAME if script.leave(out, left.files, script.settings_of(left.bundle), server) else None}
    runs.write_json(out / "shrunk.json", summary, 2)
    return summary


def told(summary):
    files, size = summary["files"], summary["bytes"]
    return (f"{summary['kinds'][0]}: {files[0]} files, {size[0]} bytes became {files[1]}, {size[1]} bytes, in "
            f"{summary['replays']} replays and {summary['seconds']:.0f} s")
