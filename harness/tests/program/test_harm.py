#!/usr/bin/python3
"""First do no harm: what the user points at is never changed, and nothing grows without bound."""
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import time
import unittest

from support import BROKEN, LASTACK, LastackTest, processes_of, scenario_file

ALWAYS = "appendonly yes\nappendfsync always\nsave \"\"\n"


def picture(folder):
    """Everything about a folder that a run must not change: names, contents, inodes, links, modes, times."""
    seen = {}
    for path in sorted(pathlib.Path(folder).rglob("*")):
        st = path.lstat()
        content = path.read_bytes() if path.is_file() and not path.is_symlink() else None
        seen[str(path)] = (st.st_ino, st.st_nlink, st.st_mode, st.st_size, st.st_mtime_ns, content,
                           os.readlink(path) if path.is_symlink() else None)
    return seen


def inodes(folder):
    return {(path.stat().st_dev, path.stat().st_ino) for path in pathlib.Path(folder).rglob("*") if path.is_file()}


class GivenData(LastackTest):
    def make_data(self, name):
        """A data directory with an AOF of several files, as a server leaves it."""
        data = self.folder / name
        data.mkdir(parents=True)
        sock = self.folder / "s"
        server = subprocess.Popen(["redis-server", "--port", "0", "--unixsocket", sock, "--dir", data, "--save", "",
                                   "--appendonly", "yes", "--appendfsync", "no"], stdout=subprocess.DEVNULL)
        try:
            cli = ["redis-cli", "-s", sock]
            while subprocess.run([*cli, "PING"], capture_output=True).returncode:
                time.sleep(0.01)
            for word in ("a", "b", "c"):
                subprocess.run([*cli, "SET", word, word * 1000], capture_output=True, check=True)
            subprocess.run([*cli, "BGREWRITEAOF"], capture_output=True, check=True)
            while "rewrite_in_progress:1" in subprocess.run([*cli, "INFO"], capture_output=True, text=True).stdout:
                time.sleep(0.01)
            subprocess.run([*cli, "SET", "d", "d"], capture_output=True, check=True)
        finally:
            server.kill()
            server.wait()
            sock.unlink(missing_ok=True)
        return data

    def test_a_configuration_among_them_is_not_started_on(self):
        data = self.make_data("with-configuration")
        (data / "redis.conf").write_text(f"pidfile {self.folder}/escaped\ndaemonize yes\nappendonly yes\n")
        run = self.lastack("run", "tour-config", "--data", data)
        self.assertEqual(run.status, 0, str(run))
        self.assertFalse((self.folder / "escaped").exists())
        self.assertIn("maxmemory-samples 9", (run.out / "tour-config/primary/crash/redis.conf").read_text())
        self.assertIn("escaped", (data / "redis.conf").read_text())

    def run_on(self, data, *args):
        """A run with rewrites and a power cut, on data that it must not change."""
        conf = self.write("aof.conf", ALWAYS)
        return self.lastack("run", scenario_file("expire-while-down"), scenario_file("kill9-aof-always"),
                            scenario_file("power-cut-aof-always"), "--config", conf, "--data", data, *args)

    def assert_untouched(self, data, elsewhere, before):
        run = self.run_on(data)
        self.assertEqual(run.status, 0, str(run))
        self.assertEqual(picture(elsewhere), before)
        self.assertFalse(inodes(run.out) & inodes(elsewhere), "the run has an inode of the user's")
        for path in run.out.rglob("*"):
            self.assertFalse(path.is_symlink(), path)
        self.assertFalse((run.out / "given-data").exists())

    def test_links_of_every_sort(self):
        """To a folder elsewhere, relative and absolute; to a file; a link to a link; a second name; within the folder."""
        home = self.make_data("elsewhere/real")
        elsewhere = self.folder / "elsewhere"
        for kind in ("absolute", "relative", "twice"):
            data = elsewhere / kind
            data.mkdir()
            link = data / "appendonlydir"
            if kind == "absolute":
                link.symlink_to(home / "appendonlydir")
            elif kind == "relative":
                link.symlink_to("../real/appendonlydir")
            else:
                (data / "middle").symlink_to(home / "appendonlydir")
                link.symlink_to("middle")
        files = elsewhere / "files"
        (files / "appendonlydir").mkdir(parents=True)
        for number, path in enumerate(sorted((home / "appendonlydir").iterdir())):
            target = files / "appendonlydir" / path.name
            target.symlink_to(path) if number % 2 else os.link(path, target)
        for kind in ("absolute", "relative", "twice", "files"):
            with self.subTest(kind):
                self.assert_untouched(elsewhere / kind, elsewhere, picture(elsewhere))

    def test_the_server_sees_what_was_behind_the_link(self):
        """A server that never syncs loses on the disk that is cut, wherever the original's files lie."""
        home = self.make_data("home")
        data = self.folder / "data"
        data.mkdir()
        (data / "appendonlydir").symlink_to(home / "appendonlydir")
        wrapper = self.write("eatmydata", "#!/bin/sh\nLD_PRELOAD=\"$LD_PRELOAD libeatmydata.so\" "
                                          "exec redis-server \"$@\"\n")
        wrapper.chmod(0o755)
        conf = self.write("aof.conf", ALWAYS)
        run = self.lastack("run", scenario_file("power-cut-aof-always-real"), "--config", conf, "--data", data,
                           "--server", wrapper)
        if run.result["not_applicable"]:
            self.skipTest(run.result["not_applicable"][0])
        self.assertEqual(run.status, 1, str(run))

    def test_what_is_no_data(self):
        data = self.make_data("data")
        os.mkfifo(data / "fifo")
        self.assert_refused(self.run_on(data), "fifo", "FIFO")
        (data / "fifo").unlink()
        (data / "loop").symlink_to(data)
        self.assert_refused(self.run_on(data), "loop", "leads back")
        (data / "loop").unlink()
        (data / "up").symlink_to("/")
        self.assert_refused(self.run_on(data), "up", "leads back")
        (data / "up").unlink()
        (data / "gone").symlink_to("nowhere")
        self.assert_refused(self.run_on(data), "gone", "link to nothing")
        (data / "gone").unlink()
        (data / "null").symlink_to("/dev/null")
        self.assert_refused(self.run_on(data), "null", "device")
        (data / "null").unlink()
        with socket.socket(socket.AF_UNIX) as sock:  # holds nothing: left out
            sock.bind(str(data / "redis.sock"))
            self.assertEqual(self.run_on(data).status, 0)

    def test_absurd_folders_are_refused_before_anything_starts(self):
        data = self.make_data("data")
        for value, *words in (("", "--data", "empty"), ("/", "would lie in it"), (self.folder, "would lie in it"),
                              ("/proc", "no files"), ("/nonexistent", "No such file"), (data / "x", "No such file"),
                              (data / "appendonlydir/appendonly.aof.manifest", "not a folder"), ("/sys", "no files")):
            run = self.run_on(value)
            self.assert_refused(run, *words)
        if os.geteuid() != 0:
            closed = self.folder / "closed"
            closed.mkdir(mode=0)
            self.assert_refused(self.run_on(closed), "Permission denied")

    def test_room_is_reckoned_with_the_data(self):
        if os.geteuid() != 0:
            self.skipTest("needs root to mount a small file system")
        data = self.folder / "large"
        data.mkdir()
        with open(data / "dump.rdb", "wb") as file:
            file.truncate(1 << 30)
        mount = self.folder / "small"
        mount.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=700m", "none", mount], check=True)
        try:
            run = self.lastack("run", "kill9-rdb", "--data", data, "--out", mount / "out", out=False)
            self.assert_refused(run, "too little disk", "1024 MiB")
            self.assertEqual(list(mount.iterdir()), [])
        finally:
            subprocess.run(["umount", mount], check=True)

    def test_other_files_that_the_user_names(self):
        """ACL file, module, included file, TLS files and the configuration itself, behind links and with second names."""
        there = self.folder / "there"
        there.mkdir()
        (there / "users.acl").write_text("user default on nopass ~* &* +@all\nuser app on >secret ~* +@all\n")
        (there / "common.conf").write_text("hz 20\n")
        (there / "cert.pem").write_text("certificate\n")
        (there / "real.conf").write_text(f"include {there}/linked.conf\naclfile {there}/linked.acl\n"
                                         f"tls-cert-file {there}/second.pem\n{ALWAYS}")
        (there / "linked.conf").symlink_to("common.conf")
        (there / "linked.acl").symlink_to("users.acl")
        (there / "redis.conf").symlink_to("real.conf")
        os.link(there / "cert.pem", there / "second.pem")
        before = picture(there)
        text = (scenario_file("kill9-aof-always")).read_text()
        steps = "steps:\n  - command: {send: ACL SETUSER mallory on nopass +@all}\n  - command: {send: ACL SAVE}\n"
        first = self.write("a.yaml", text.replace("steps:\n", steps))
        second = text.replace("name: kill9-aof-always", "name: later").replace(
            "steps:\n", "steps:\n  - command: {send: ACL GETUSER mallory, expect: on}\n")
        run = self.lastack("run", first, self.write("b.yaml", second), "--config", there / "redis.conf")
        self.assertEqual(picture(there), before)
        self.assertFalse(inodes(run.out) & inodes(there))
        self.assertEqual(run.scenario("kill9-aof-always")["verdict"], "holds", str(run))
        self.assertEqual(run.scenario("later")["verdict"], "violated", "another scenario's user is there")
        for name, value in (("fifo.acl", None), ("none.acl", "/nonexistent"), ("dir.acl", str(there))):
            path = self.folder / name
            if value is None:
                os.mkfifo(path)
            conf = self.write("bad.conf", f"aclfile {value or path}\n")
            self.assert_refused(self.lastack("run", "kill9-none", "--config", conf), "bad.conf:1", "aclfile")


ENDLESS = """#!/usr/bin/python3
import re, socket, sys, threading
port = int(re.search(r'^port "(\\d+)"', open(sys.argv[1]).read(), re.M)[1])
listener = socket.create_server(("127.0.0.1", port))
HEAD, PIECE = {head!r}, {piece!r}
def serve(client):
    try:
        while True:
            words = client.recv(65536)
            if not words:
                return
            if {when!r} in words.upper():
                client.sendall(HEAD)
                while True:
                    client.sendall(PIECE)
            client.sendall(b"+PONG\\r\\n" * words.count(b"PING"))
    except OSError:
        pass
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
"""


class Endless(LastackTest):
    def endless(self, head, piece, when=b"INFO"):
        script = self.write("endless", ENDLESS.format(head=head, piece=piece, when=when))
        script.chmod(0o755)
        return script

    def assert_bounded(self, run):
        """Ended by itself with one line, with less memory than one such reply would take."""
        self.assert_refused(run)

    def test_replies_without_end(self):
        """A huge string, an array of billions, strings one by one, a line that never ends, nested arrays."""
        wall = b"x" * (1 << 20)
        for head, piece in ((b"$99999999999\r\n", wall), (b"*2147483647\r\n", b":1\r\n" * 10000), (b"+", wall),
                            (b"*16000000\r\n", b"*16000000\r\n" * 5 + b":1\r\n" * 10000)):
            run = self.lastack("run", "kill9-none", "--server", self.endless(head, piece))
            with self.subTest(head):
                self.assert_bounded(run)

    def test_memory_stays_bounded(self):
        script = self.endless(b"$99999999999\r\n", b"x" * (1 << 20))
        used = subprocess.run(["/usr/bin/python3", "-c", f"""
import resource, subprocess
subprocess.run([{LASTACK!r}, "run", "kill9-none", "--server", {str(script)!r}, "--out", "o"], stderr=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""], capture_output=True, text=True, cwd=self.folder, check=True).stdout
        self.assertLess(int(used), 512 << 10, "KiB")  # a reply that is no value is cut off at 32 MiB

    def test_signals_end_it_at_once_whatever_the_server_does(self):
        """While it probes a server that never answers: a SIGTERM, and Ctrl-C."""
        script = self.endless(b"", b"", b"PING")
        script.write_text(script.read_text().replace("client.sendall(PIECE)", "threading.Event().wait()"))
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            out = self.folder / f"signal-{number}"
            process = subprocess.Popen([LASTACK, "run", "kill9-none", "--server", script, "--out", out],
                                       stderr=subprocess.PIPE, text=True, start_new_session=True)
            while process.poll() is None and not (out / "probe/probe/log").exists():
                time.sleep(0.01)
            os.kill(process.pid, number)
            _, errors = process.communicate(timeout=60)
            self.assertEqual(process.returncode, 3, errors)
            self.assertIn("interrupted", errors)
            self.assertEqual(processes_of(out), [])

    def test_a_log_without_end(self):
        """Before it serves, and under load."""
        flood = self.write("flood", "#!/bin/sh\nexec yes 'more and more words for the log'\n")
        flood.chmod(0o755)
        self.assert_refused(self.lastack("run", "kill9-none", "--server", flood), "floods its log")
        later = self.write("later", "#!/bin/sh\nredis-server \"$@\" & server=$!\nsleep 0.5\n"
                                    "yes 'more and more words for the log' & yes=$!\nwait $server\nkill $yes\n")
        later.chmod(0o755)
        slow = self.write("slow.yaml", (scenario_file("kill9-none")).read_text().replace(
            "  - kill:", "  - sleep: {ms: 60000}\n  - kill:").replace("sleep: {ms: 60000}", "wait: {for: exit, timeout_ms: 60000}"))
        run = self.lastack("run", slow, "--server", later)
        self.assertEqual(run.status, 3, str(run))
        self.assertIn("has grown beyond 64 MiB", run.stdout)
        # while the harness waits for a reply and looks at nothing
        blind = self.write("blind.yaml", (scenario_file("kill9-none")).read_text().replace(
            "  - kill:", "  - command: {send: BLPOP nothing 3}\n  - kill:"))
        run = self.lastack("run", blind, "--server", later)
        self.assertEqual(run.status, 3, str(run))
        self.assertIn("has grown beyond 64 MiB", run.stdout)
        for log in run.out.rglob("log"):
            self.assertLess(log.stat().st_size, 1 << 30, log)

    def test_a_scan_without_end_and_odd_counts(self):
        """respd with replies of another size than they claim: an error, or inconclusive; never a hang."""
        wrapper = self.write("odd", f"#!/bin/sh\nexec '{BROKEN}/respd' \"$@\"\n")
        wrapper.chmod(0o755)
        run = self.lastack("run", "kill9-none", "--server", wrapper)
        self.assertEqual(run.status, 0, str(run))
        script = self.endless(b"*2\r\n$1\r\n7\r\n*1\r\n", b"$1\r\nk\r\n", b"SCAN")
        self.assert_refused(self.lastack("run", "kill9-none", "--server", script))


class Files(LastackTest):
    """What --json and --junit name, and what lies beside it."""

    def test_neighbours_and_links_stay(self):
        precious = self.write("r.json.new", "precious")
        target = self.write("target.json", "old")
        link = self.folder / "r.json"
        link.symlink_to(target)
        names = {path.name for path in self.folder.iterdir()}
        run = self.lastack("run", "kill9-none", "--json", link)
        self.assertEqual(run.status, 0, str(run))
        self.assertEqual(precious.read_text(), "precious")
        self.assertTrue(link.is_symlink())
        self.assertEqual(json.loads(target.read_text()), run.result)
        self.assertEqual({path.name for path in self.folder.iterdir()} - {run.out.name}, names)
        output = self.folder / "stdout"
        with open(output, "w") as file:  # /dev/stdout is a link, and leads to a file here
            subprocess.run([LASTACK, "run", "kill9-none", "--junit", "/dev/stdout", "--out", self.folder / "o"], stdout=file,
                           stderr=subprocess.DEVNULL)
        self.assertTrue(pathlib.Path("/dev/stdout").is_symlink())
        self.assertIn("<testsuite", output.read_text())
        self.assertNotIn("exit 0", output.read_text(), "the table goes to standard error")

    def test_what_is_read_is_not_written(self):
        conf = self.write("my.conf", "appendonly no\n")
        data = self.folder / "data"
        data.mkdir()
        for option in ("--json", "--junit"):
            self.assert_refused(self.lastack("run", "kill9-none", "--config", conf, option, conf), "the run is about")
            self.assert_refused(self.lastack("run", "kill9-none", "--data", data, option, data / "x"), "lies in --data")
        same = self.write("same", "")
        os.link(same, self.folder / "other")
        self.assert_refused(self.lastack("run", "kill9-none", "--json", same, "--junit", self.folder / "other"), "the same")
        self.assertEqual(conf.read_text(), "appendonly no\n")
        self.assertEqual(list(data.iterdir()), [])

    def test_endless_names(self):
        before = set(self.folder.iterdir())
        for option in ("--server", "--config", "--data", "--json", "--junit", "--out"):
            done = subprocess.run([LASTACK, "run", "kill9-none", option, "x" * 5000], capture_output=True, text=True,
                                  cwd=self.folder)
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertIn("longer than", done.stderr)
        self.assertEqual(set(self.folder.iterdir()), before)

    def test_data_whose_links_lead_to_the_report(self):
        data = self.folder / "given"
        data.mkdir()
        (data / "link").symlink_to(self.folder)
        self.assert_refused(self.lastack("run", "kill9-none", "--data", data), "link", "leads back")
        place = self.folder / "place"
        place.mkdir()
        (data / "link").unlink()
        (data / "link").symlink_to(place)
        run = self.lastack("run", "kill9-none", "--data", data, "--out", place / "out", out=False)
        self.assert_refused(run, "leads back")


class Chroot(LastackTest):
    """A root of its own that is no mount: mounts made in it would be everybody's."""

    def setUp(self):
        super().setUp()
        if os.geteuid() != 0:
            self.skipTest("needs root")
        self.root = self.folder / "root"
        self.root.mkdir()
        for name in ("proc", "dev", "tmp"):
            (self.root / name).mkdir()
        self.mounts = []
        self.mount("-t", "proc", "proc", self.root / "proc")
        self.mount("--bind", "/dev", self.root / "dev")
        build = pathlib.Path(LASTACK).parents[1]
        self.prefix = self.root / "opt"
        subprocess.run(["cmake", "--install", build, "--prefix", self.prefix], check=True, capture_output=True)
        for program in ("/usr/bin/redis-server", "/usr/bin/redis-check-rdb", "/bin/sh", self.prefix / "bin/lastack"):
            self.bring(program)

    def tearDown(self):
        for target in reversed(self.mounts):
            subprocess.run(["umount", target], check=True)
        super().tearDown()

    def mount(self, *args):
        subprocess.run(["mount", *map(str, args)], check=True)
        self.mounts.append(args[-1])

    def bring(self, program):
        """A program and its libraries."""
        listed = subprocess.run(["ldd", program], capture_output=True, text=True).stdout
        for word in [str(program), *listed.split()]:
            path = pathlib.Path(word)
            if not path.is_absolute() or not path.is_file() or self.root in path.parents:
                continue
            target = self.root / path.relative_to("/")
            target.parent.mkdir(parents=True, exist_ok=True)
            if not target.exists():
                shutil.copy(path, target)

    def test_nothing_outside_is_touched(self):
        before = pathlib.Path("/proc/self/mountinfo").read_text()
        inside = ["chroot", self.root, "/opt/bin/lastack"]
        (self.root / "opt/redis.conf").write_text("hz 20\n")
        run = subprocess.run([*inside, "run", "kill9-rdb", "power-cut-aof-always", "power-cut-aof-always-real",
                              "--config", "/opt/redis.conf",
                              "--server", "/usr/bin/redis-server", "--out", "/tmp/out"], capture_output=True, text=True)
        self.assertEqual(run.returncode, 0, run.stdout + run.stderr)
        self.assertEqual(pathlib.Path("/proc/self/mountinfo").read_text(), before)
        result = json.loads((self.root / "tmp/out/result.json").read_text())
        self.assertIn("power-cut-aof-always-real: its power cannot be cut for real here: no mount namespace of its own",
                      result["not_applicable"])
        self.assertTrue(any("no namespaces (mounts cannot be kept private" in limit for limit in result["limits"]))
        self.assertTrue(any("was not asked what it makes of the configuration" in limit for limit in result["limits"]))
        self.assertTrue(os.path.exists("/proc/self/status"))
        again = subprocess.run([*inside, "replay", "/tmp/out/kill9-rdb", "--out", "/tmp/again"], capture_output=True,
                               text=True)
        self.assertIn("acknowledged operations lost", again.stdout, again.stderr)
        self.assertEqual(pathlib.Path("/proc/self/mountinfo").read_text(), before)


class Damage(LastackTest):
    @classmethod
    def setUpClass(cls):
        cls.base = pathlib.Path(subprocess.run(["mktemp", "-d"], capture_output=True, text=True).stdout.strip())
        text = (scenario_file("kill9-rdb")).read_text() + "load: {mix: [{type: string, share: 1}], rate: 5000}\n"
        (cls.base / "s.yaml").write_text(text)
        subprocess.run([LASTACK, "run", cls.base / "s.yaml", "--out", cls.base / "report"], check=True,
                       capture_output=True)
        cls.bundle = cls.base / "report/kill9-rdb"

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.base)

    def test_the_bundle_as_it_is(self):
        self.assertEqual(self.lastack("replay", self.bundle).status, 0)
        done = subprocess.run(["xxh128sum", "--check", "--quiet", "sums"], cwd=self.bundle, capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        listing = self.lastack("ledger", self.bundle.parent, out=False)
        self.assertIn("kill9-rdb", listing.stdout)

    def flip(self, path, place):
        data = bytearray(path.read_bytes())
        data[place // 8] ^= 1 << place % 8
        path.write_bytes(data)

    def test_every_flipped_bit_is_noticed(self):
        """In ledger, crash state, reads, scenario, result, configuration and the checksums themselves."""
        copy = self.folder / "bundle"
        shutil.copytree(self.bundle, copy)
        files = ["ledger", "reads", "scenario.yaml", "scenario.json", "sums", "primary/redis.conf",
                 "primary/crash/dump.rdb"]
        for name in files:
            path = copy / name
            bits = 8 * path.stat().st_size
            original = path.read_bytes()
            for part in range(6):
                place = bits * part // 6 + 8 * part + part
                self.flip(path, place)
                for command in ("replay", "ledger"):
                    run = self.lastack(command, copy, out=command == "replay")
                    self.assertEqual(run.status, 2, f"{name}, bit {place}: {run}")
                    self.assertIn("damaged", run.stderr, f"{name}, bit {place}")
                path.write_bytes(original)
        self.assertEqual(self.lastack("replay", copy).status, 0)

    def test_what_is_gone_or_new(self):
        def link(bundle):
            shutil.move(bundle / "primary/crash", self.folder / "elsewhere")
            os.truncate(self.folder / "elsewhere/dump.rdb", 2000)
            (bundle / "primary/crash").symlink_to(self.folder / "elsewhere")

        for name, change in (("crash", lambda b: (b / "primary/crash/dump.rdb").unlink()),
                             ("new", lambda b: (b / "primary/crash/more").write_text("x")),
                             ("fifo", lambda b: os.mkfifo(b / "primary/crash/fifo")),
                             ("link", link), ("cut", lambda b: os.truncate(b / "sums", 100)),
                             ("short", lambda b: os.truncate(b / "ledger", 600000))):
            copy = self.folder / name
            shutil.copytree(self.bundle, copy)
            change(copy)
            run = self.lastack("replay", copy)
            self.assert_refused(run, "damaged")
        report = self.folder / "report"
        shutil.copytree(self.bundle.parent, report)
        (report / "kill9-rdb/.note").write_text("somebody's")
        self.assertEqual(self.lastack("replay", report / "kill9-rdb").status, 0)
        self.assert_refused(self.lastack("replay", report / "kill9-rdb", "--out", report / "kill9-rdb/again", out=False),
                            "would lie in the bundle")
        os.truncate(report / "kill9-rdb/ledger", 600000)
        self.assertEqual(self.lastack("ledger", report, out=False).status, 2)
        copy = self.folder / "lean"  # logs and last data may go
        shutil.copytree(self.bundle, copy)
        shutil.rmtree(copy / "primary/data")
        (copy / "primary/log").unlink()
        self.assertEqual(self.lastack("replay", copy).status, 0)

    def test_older_and_unfinished_bundles_say_so(self):
        copy = self.folder / "old"
        shutil.copytree(self.bundle, copy)
        (copy / "sums").unlink()
        recorded = json.loads((copy / "scenario.json").read_text())
        del recorded["sealed"]
        (copy / "scenario.json").write_text(json.dumps(recorded))
        run = self.lastack("replay", copy)
        self.assertEqual(run.status, 0, str(run))
        self.assertIn("without checksums", run.stderr)
        (copy / "scenario.json").unlink()
        run = self.lastack("replay", copy)
        self.assertEqual(run.status, 3, str(run))
        self.assertIn("not finished", run.stdout)
        copy = self.folder / "without"  # killed before the checksums were there, or they are gone: never a conviction
        shutil.copytree(self.bundle, copy)
        (copy / "sums").unlink()
        os.truncate(copy / "primary/crash/dump.rdb", 1000)
        run = self.lastack("replay", copy)
        self.assertEqual(run.status, 3, str(run))

    def test_a_report_may_be_moved(self):
        """With an ACL file, which the server of the replay is to have from the bundle."""
        (self.folder / "data").mkdir()
        for folder, place in ((self.folder, "crash/users.acl"), (self.folder / "data", "aclfile-*")):
            acl = self.write("users.acl", "user default on nopass ~* &* +@all\nuser app on >secret ~* +@all\n")
            conf = self.write("acl.conf", f"dir {folder}\naclfile {acl}\n{ALWAYS}")
            run = self.lastack("run", "kill9-aof-always", "--config", conf)
            self.assertEqual(run.status, 0, str(run))
            moved = self.folder / f"moved-{folder.name}"
            run.out.rename(moved)
            acl.unlink()
            self.assertEqual(self.lastack("replay", moved / "kill9-aof-always").status, 0)
            next((moved / "kill9-aof-always/primary").glob(place)).unlink()
            self.assert_refused(self.lastack("replay", moved / "kill9-aof-always"), "damaged")


class Killed(LastackTest):
    def killed(self, *args):
        """What is left of a run with a scenario that takes a minute, killed when that has begun."""
        slow = self.write("slow.yaml", (scenario_file("kill9-none")).read_text().replace(
            "name: kill9-none", "name: slow").replace("  - kill:", "  - sleep: {ms: 60000}\n  - kill:"))
        self.calls += 1
        out = self.folder / f"killed{self.calls}"
        process = subprocess.Popen([LASTACK, "run", *map(str, args), slow, "--jobs", "1", "--out", out], stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        while process.poll() is None and not (out / "slow").exists():
            time.sleep(0.01)
        early = json.loads((out / "result.json").read_text())  # whole at any moment
        process.kill()
        process.wait()
        result = json.loads((out / "result.json").read_text())
        self.assertLessEqual(len(early["scenarios"]), len(result["scenarios"]))
        self.assertFalse(result["finished"])
        self.assertEqual(result["command"][:2], ["lastack", "run"])
        self.assertRegex(result["started"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
        return {s["name"]: s["verdict"] for s in result["scenarios"]}, result["pending"]

    def test_what_was_known_is_there(self):
        """SIGKILL after the first verdicts, before the first, with several runs of each: what was known, and what not."""
        self.assertEqual(self.killed("kill9-none", "kill9-rdb"),
                         ({"kill9-none": "holds", "kill9-rdb": "holds"}, ["slow"]))
        self.assertEqual(self.killed(), ({}, ["slow"]))
        self.assertEqual(self.killed("kill9-none", "--repeat", 2), ({"kill9-none": "holds"}, ["slow"]))

    def test_a_result_is_never_half_written(self):
        """Read again and again while it is written: always whole."""
        out = self.folder / "out"
        process = subprocess.Popen([LASTACK, "run", "kill9-none", "kill9-rdb", "kill9-aof-always", "--jobs", "3", "--out",
                                    out], stdout=subprocess.DEVNULL)
        looks = 0
        while process.poll() is None:
            if (out / "result.json").exists():
                json.loads((out / "result.json").read_text())
                looks += 1
        self.assertGreater(looks, 10)
        self.assertTrue(json.loads((out / "result.json").read_text())["finished"])


if __name__ == "__main__":
    unittest.main()
