"""What the whole-program tests share: running lastack in a folder of its own and reading its result."""
import compileall
import contextlib
import fcntl
import json
import os
import pathlib
import random
import shutil
import socket
import subprocess
import tempfile
import threading
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[3]
LASTACK = os.environ.get("LASTACK", str(ROOT / "build/release/harness/lastack"))
BROKEN = ROOT / "fixtures/broken"
SCENARIOS = ROOT / "scenarios"
FULL = bool(os.environ.get("FULL"))  # what a nightly run has the time for
compileall.compile_dir(BROKEN / "respd_parts", quiet=2)  # or each of its thousand starts would translate it anew
CRASHES = [SCENARIOS / folder for folder in ("strategies", "faults", "replication")]  # all that judge data


def sample(rows, which=0):
    """Every fifth row of a long table, from the how-many-th on; with FULL=1 all of them."""
    return list(rows) if FULL else list(rows)[which::5]


def scenario_file(name):
    """The file of a scenario that comes with lastack."""
    [path] = SCENARIOS.glob(f"*/{name}.yaml")
    return path


def free_port():
    """Below those of outgoing connections: one of them would be given away again before the server has it."""
    while True:
        with socket.socket() as probe, contextlib.suppress(OSError):
            port = random.randrange(10000, 20000)
            probe.bind(("127.0.0.1", port))
            return port


def groups_left():
    """Control groups that a lastack has left behind: those in use are locked, also by whoever runs beside us."""
    def unlocked():
        for group in pathlib.Path("/sys/fs/cgroup").glob("**/lastack-*"):
            with contextlib.suppress(OSError):  # it is gone, or somebody's
                folder = os.open(group, os.O_RDONLY | os.O_DIRECTORY)
                try:
                    fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    yield group
                finally:
                    os.close(folder)
    seen = set(unlocked())
    if seen:
        time.sleep(0.5)  # one that is being made is locked by then
    return sorted(group for group in set(unlocked()) & seen if group.exists())


def processes_of(folder):
    """Processes whose working directory or arguments lie below a folder."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            command = (entry / "cmdline").read_bytes()
            cwd = os.readlink(entry / "cwd")
        except OSError:
            continue
        if str(folder).encode() in command or cwd.startswith(str(folder)):
            found.append((entry.name, command))
    return found


def undocumented(names):
    """Fields of result.json that docs/results.md does not mention."""
    text = (ROOT / "docs/results.md").read_text()
    return sorted(name for name in names if f"`{name}`" not in text and f".{name}`" not in text)


def plain_library(folder):
    """A link to libfaultinject.so below a plain folder: LD_PRELOAD takes a path apart at blanks and colons."""
    folder.mkdir(parents=True, exist_ok=True)
    link = folder / "shim.so"
    if not link.is_symlink():
        link.symlink_to(os.environ["SHIM"])
    return str(link)


class Run:
    """One finished call of lastack."""

    def __init__(self, done, out):
        self.status = done.returncode
        self.stdout = done.stdout
        self.stderr = done.stderr
        self.out = out
        path = out / "result.json"
        self.result = json.loads(path.read_text()) if path.exists() else None

    def scenario(self, name=None):
        found = [s for s in self.result["scenarios"] if name in (None, s["name"])]
        return found[0]

    def kinds(self, name=None):
        return {finding["kind"] for finding in self.scenario(name)["findings"]}

    def __str__(self):
        return f"exit {self.status}\n{self.stdout}\n{self.stderr}"


class LastackTest(unittest.TestCase):
    maxDiff = None
    folders = None  # where output goes; None: the usual place

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="lastack-test-", dir=self.folders))
        self.calls = 0
        self.lock = threading.Lock()

    def tearDown(self):
        shutil.rmtree(self.folder, ignore_errors=True)

    def lastack(self, *args, out=True, env=None, timeout=1200):
        """Runs lastack; with `out`, in a new output folder. Only a hang takes as long as `timeout`."""
        with self.lock:
            self.calls += 1
            folder = self.folder / f"out{self.calls}"
        command = [LASTACK, *map(str, args)] + (["--out", str(folder)] if out else [])
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=timeout,
                              env={**os.environ, **(env or {})}, cwd=self.folder, stdin=subprocess.DEVNULL)
        return Run(done, folder)

    def run_steps(self, steps, expect, settings, *options, nodes="", load="load: {rate: 2000}"):
        """A scenario of these steps and this expectation, by the name of the class."""
        name = type(self).__name__.lower()
        lines = "".join(f"  - {step}\n" for step in steps)
        text = (f"name: {name}\ntitle: {name}\nsettings: |\n  {settings}\n{nodes}\n{load}\n"
                f"steps:\n{lines}expect:\n  - {expect}\n")
        run = self.lastack("run", self.write(f"{name}{self.calls}.yaml", text), *options)
        self.assertIsNotNone(run.result, str(run))
        return run

    def write(self, name, text):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def assert_sound(self, run):
        """Nothing is violated. Inconclusive is only what the machine's own mood left so: it stood still, or its disk was
        slow."""
        self.assertIn(run.status, (0, 3), str(run))
        for scenario in run.result["scenarios"]:
            if scenario["verdict"] == "holds":
                continue
            self.assertEqual(scenario["verdict"], "inconclusive", str(run))
            for reason in scenario["reasons"]:
                self.assertRegex(reason, "stood still for", str(run))

    def assert_refused(self, run, *words):
        """Exit 2, one clear line, no traceback."""
        self.assertEqual(run.status, 2, str(run))
        for word in words:
            self.assertIn(word, run.stderr)
        self.assertEqual(len(run.stderr.strip().splitlines()), 1, run.stderr)
        if run.out.exists():
            self.assertEqual(list(run.out.iterdir()), [], "something half-written is left")
