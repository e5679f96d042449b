#!/usr/bin/python3
"""Save and rewrite, hundreds of times under load, with the idle shim: no hang, no leak, no other data set.

The same with jemalloc and with libc's malloc, alone and beside another preloaded library, and each against the bare
server that was sent the same commands.
"""
import itertools
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import threading
import time
import unittest

from support import free_port, plain_library

CYCLES = int(os.environ.get("CYCLES", "200"))
DRIVE = os.environ["DRIVE"]
PATIENCE = 60  # seconds for one save; only a hang takes so long
FIRST = CYCLES // 4  # after so many cycles the server has settled
SETTLED = 4 << 20  # bytes that may come and go: the copies of pages that a child leaves behind


def command(number):
    """The load: one command of each kind in turn, over a bounded key space."""
    key, value = number * 7919 % 997, f"{number:020d}" * (1 + number % 20)
    return (["SET", f"string:{key}", value], ["INCR", f"counter:{key}"], ["HSET", f"hash:{key % 50}", key, value],
            ["RPUSH", f"list:{key % 50}", value], ["LTRIM", f"list:{key % 50}", "-50", "-1"],
            ["DEL", f"string:{key // 2}"])[number % 6]


class Client:
    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        self.file = self.socket.makefile("rb")

    def reply(self):
        line = self.file.readline()
        kind, rest = line[:1], line[1:].strip()
        if kind == b"$":
            return self.file.read(int(rest) + 2)[:-2].decode() if int(rest) >= 0 else None
        if kind == b"-":
            raise AssertionError(rest.decode())
        return rest.decode()

    def send(self, *commands):
        """All of them at once; their replies."""
        self.socket.sendall(b"".join(
            b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(str(word)), str(word).encode())
                                                for word in words) for words in commands))
        return [self.reply() for _ in commands]

    def info(self, section):
        return dict(line.split(":", 1) for line in self.send(["INFO", section])[0].splitlines() if ":" in line)

    def close(self):
        self.file.close()
        self.socket.close()


class Server:
    """A redis-server with both kinds of persistence."""

    def __init__(self, folder, preload, shim):
        self.folder = folder
        self.preload = [plain_library(folder), *preload] if shim else preload
        self.env = dict(os.environ)
        (folder / "data").mkdir(parents=True)
        (folder / "side").mkdir()
        if shim:
            block = folder / "control"
            subprocess.run([DRIVE, "create", folder / "data", folder / "side", block], check=True)
            subprocess.run([DRIVE, "forget", block], check=True)
            self.env["FAULTINJECT_CONTROL"] = str(block)
        if self.preload:
            self.env["LD_PRELOAD"] = ":".join(self.preload)
        self.start()

    def start(self):
        self.port = free_port()
        self.process = subprocess.Popen(
            ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--dir", self.folder / "data", "--save",
             "", "--appendonly", "yes", "--auto-aof-rewrite-percentage", "0", "--enable-debug-command", "yes",
             "--logfile", self.folder / "log"], env=self.env)
        deadline = time.monotonic() + PATIENCE
        while True:
            if subprocess.run(["redis-cli", "-p", str(self.port), "ping"], capture_output=True).stdout == b"PONG\n":
                self.client = Client(self.port)
                return
            if time.monotonic() > deadline:
                raise AssertionError("the server does not start: " + (self.folder / "log").read_text())
            time.sleep(0.02)

    def footprint(self):
        proc = pathlib.Path(f"/proc/{self.process.pid}")
        rss = int(next(line for line in (proc / "status").read_text().splitlines() if line.startswith("VmRSS")).split()[1])
        return {"fds": len(os.listdir(proc / "fd")), "maps": len((proc / "maps").read_text().splitlines()),
                "rss": rss * 1024}

    def digest(self):
        return self.client.send(["DEBUG", "DIGEST"])[0]

    def stop(self):
        self.client.close()
        self.process.terminate()
        self.process.wait(PATIENCE)

    def end(self):
        self.client.close()
        self.process.kill()
        self.process.wait()


class Load(threading.Thread):
    """Sends the commands in order, in batches, until it is told to stop."""

    def __init__(self, port):
        super().__init__()
        self.client = Client(port)
        self.sent = 0
        self.enough = False
        self.error = None

    def run(self):
        try:
            while not self.enough:
                self.client.send(*(command(number) for number in range(self.sent, self.sent + 50)))
                self.sent += 50
                time.sleep(0.002)  # every one of these is sent to a second server later
        except (OSError, AssertionError) as error:
            self.error = error
        self.client.close()


class Cycles(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="lastack-test-"))
        self.servers = []

    def tearDown(self):
        for server in self.servers:
            server.end()
        shutil.rmtree(self.folder, ignore_errors=True)

    def server(self, name, preload, shim):
        server = Server(self.folder / name, preload, shim)
        self.servers.append(server)
        return server

    def until(self, true, what):
        deadline = time.monotonic() + PATIENCE
        while not true():
            self.assertLess(time.monotonic(), deadline, what)
            time.sleep(0.002)

    def cycle(self, server, words, field):
        """One save in the background, to its end."""
        server.client.send([words])
        self.until(lambda: server.client.info("persistence")[field] == "0", f"{words} hangs")

    def cycles(self, server):
        """All of them under load: how many commands were sent, and the footprints early and late."""
        load = Load(server.port)
        load.start()
        try:
            for number in range(CYCLES):
                self.cycle(server, "BGREWRITEAOF", "aof_rewrite_in_progress")
                self.cycle(server, "BGSAVE", "rdb_bgsave_in_progress")
                if number == FIRST:
                    early = server.footprint()
        finally:
            load.enough = True
            load.join()
        self.assertIsNone(load.error)
        done = server.client.info("persistence")
        self.assertEqual((done["aof_last_bgrewrite_status"], done["rdb_last_bgsave_status"]), ("ok", "ok"))
        # a file that a rewrite has replaced is closed in the background
        self.until(lambda: server.footprint()["fds"] <= early["fds"], "descriptors are left open")
        return load.sent, early, server.footprint()

    def compare(self, preload):
        server = self.server("shim", preload, True)
        sent, early, late = self.cycles(server)
        bare = self.server("bare", [], False)
        for first in range(0, sent, 1000):
            bare.client.send(*(command(number) for number in range(first, min(first + 1000, sent))))
        self.assertGreater(sent, CYCLES * 50)
        self.assertEqual(server.digest(), bare.digest())
        self.assertLess(late["rss"] - early["rss"], SETTLED)
        self.assertLess(late["maps"] - early["maps"], 20)
        before = server.digest()
        server.stop()
        server.start()  # from what all those rewrites have left
        self.assertEqual(server.digest(), before)
        said = [line for line in (self.folder / "shim/log").read_text().splitlines() if "libfaultinject" in line]
        self.assertEqual(said, [])


def add(malloc, beside):
    preload = [library for library in (beside, malloc) if library]  # libc last: what comes behind it finds nothing
    name = "_".join(["libc_malloc" if malloc else "jemalloc", "beside_libeatmydata" if beside else "alone"])
    setattr(Cycles, f"test_{name}", lambda self: self.compare(preload))


for pair in itertools.product((None, "libc.so.6"), (None, "libeatmydata.so.1")):
    add(*pair)

if __name__ == "__main__":
    unittest.main()
