#!/usr/bin/python3
"""The shim's account of every file against what the kernel saw. A server and a replica run under strace through all
that Redis does to files; afterwards operations and bytes must be equal, file by file. Another server than Debian's:
LASTACK_SERVER=PATH."""
import collections
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import time
import unittest

from support import free_port, plain_library

DRIVE = os.environ["DRIVE"]
SERVER = os.environ.get("LASTACK_SERVER", "redis-server")

CALLS = ("openat,open,creat,read,pread64,readv,write,pwrite64,writev,pwritev,pwritev2,sendfile,copy_file_range,splice,"
         "fsync,fdatasync,sync_file_range,ftruncate,truncate,fallocate,rename,renameat,renameat2,unlink,unlinkat,close")
OPS = {"write": "write", "pwrite64": "write", "writev": "write", "read": "read", "pread64": "read", "readv": "read",
       "sendfile": "write", "copy_file_range": "write", "fsync": "fsync", "fdatasync": "fdatasync",
       "sync_file_range": "sync-range", "ftruncate": "truncate", "truncate": "truncate", "fallocate": "truncate",
       "rename": "rename", "renameat": "rename", "renameat2": "rename", "unlink": "unlink", "unlinkat": "unlink"}
LINE = re.compile(r"^(\d+) +(\w+)\((.*)\) += (-?\d+|\?)")
DESCRIPTOR = re.compile(r"^\d+<([^>]*)>")
TEXT = re.compile(r'"([^"]*)"')


def whole_lines(path):
    """The calls of a trace in the order in which they ended; those that a trap took over are left out."""
    begun, last = {}, {}
    lines = []
    for line in path.read_text(errors="replace").splitlines():
        pid, _, rest = line.partition(" ")
        rest = rest.strip()
        if rest.endswith("<unfinished ...>"):
            begun[pid] = rest[:-len("<unfinished ...>")]
            continue
        resumed = re.match(r"<\.\.\. \w+ resumed>(.*)", rest)
        if resumed:
            rest = begun.pop(pid, "") + resumed.group(1)
        if rest.startswith("--- SIGSYS") and pid in last:
            lines[last.pop(pid)] = None  # it trapped; what the handler did in its place follows
            continue
        if rest.startswith(("---", "+++")):
            continue
        last[pid] = len(lines)
        lines.append(f"{pid} {rest}")
    return [line for line in lines if line]


class Trace:
    """What the kernel saw of the files below one directory."""

    def __init__(self, path, data):
        self.data = str(data) + "/"
        self.names = {}  # current path -> name under which the file was met first
        self.account = collections.defaultdict(lambda: collections.defaultdict(lambda: [0, 0]))
        for line in whole_lines(path):
            found = LINE.match(line)
            if found and not found.group(4).startswith(("-", "?")):
                self.take(found.group(2), found.group(3), int(found.group(4)))

    def below(self, path):
        path = path.removesuffix(" (deleted)")
        if path + "/" == self.data:
            return "."
        return path[len(self.data):] if path.startswith(self.data) else None

    def absolute(self, path):
        return path if path.startswith("/") else self.data + path

    def count(self, name, op, size=0):
        entry = self.account[self.names.setdefault(name, name)][op]
        entry[0] += 1
        entry[1] += size if op in ("read", "write") else 0

    def take(self, call, args, result):
        if call in ("openat", "open", "creat"):
            path = self.below(self.absolute(TEXT.search(args).group(1)))
            if path is not None and "O_PATH" not in args and "O_DIRECTORY" not in args:
                self.count(path, "open")
        elif call.startswith("rename"):
            old, new = (self.below(self.absolute(path)) for path in TEXT.findall(args))
            self.count(old, "rename")
            self.names[new] = self.names.pop(old)
        elif call.startswith("unlink"):
            path = self.below(self.absolute(TEXT.search(args).group(1)))
            if path is not None:
                self.count(path, "unlink")
        elif call == "truncate":
            self.count(self.below(self.absolute(TEXT.search(args).group(1))), "truncate")
        elif call in OPS:
            target = DESCRIPTOR.match(args)
            path = self.below(target.group(1)) if target else None
            if path:
                self.count(path, OPS[call], result)


class Server:
    def __init__(self, folder, name, config):
        self.folder = folder / name
        self.data = self.folder / "data"
        self.side = self.folder / "side"
        self.data.mkdir(parents=True)
        self.side.mkdir()
        self.port = free_port()
        self.process = None
        self.trace = self.folder / "trace"
        (self.data / "users.acl").write_text("user default on nopass ~* &* +@all\n")
        (self.data / "redis.conf").write_text(
            f"port {self.port}\nbind 127.0.0.1\ndir {self.data}\naclfile {self.data}/users.acl\n"
            f"logfile {self.folder}/log\n{config}\n")
        subprocess.run([DRIVE, "create", self.data, self.side, self.folder / "control"], check=True)

    def start(self):
        command = ["strace", "-f", "-y", "-s", "0", "-e", f"trace={CALLS}", "-e", "signal=SIGSYS", "-A", "-o",
                   self.trace, "-E", f"LD_PRELOAD={plain_library(self.folder)}", "-E", f"FAULTINJECT_CONTROL={self.folder}/control", SERVER,
                   self.data / "redis.conf"]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT)
        self.until(lambda: self.ask("PING") == "PONG")

    def ask(self, *words):
        done = subprocess.run(["redis-cli", "-p", str(self.port), *words], capture_output=True, text=True)
        return done.stdout.strip()

    def until(self, true):
        for _ in range(3000):
            if true():
                return
            time.sleep(0.01)
        raise AssertionError((self.folder / "log").read_text()[-2000:])

    def idle(self):
        info = self.ask("INFO", "persistence")
        return not re.search(r"(bgsave_in_progress|rewrite_in_progress|rewrite_scheduled|loading):1", info) and info

    def stop(self, *how):
        self.ask("SHUTDOWN", *how)
        self.process.wait(60)

    def account(self):
        done = subprocess.run([DRIVE, "account", self.side], capture_output=True, text=True, check=True)
        account = collections.defaultdict(dict)
        for line in done.stdout.splitlines():
            path, *ops = line.split("\t")
            for op in ops:
                name, _, rest = op.partition("=")
                count, _, size = rest.partition(":")
                entry = account[path].setdefault(name, [0, 0])
                entry[0] += int(count)
                entry[1] += int(size)
        return {path: ops for path, ops in account.items() if ops}


class Account(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="account-"))
        self.servers = []

    def tearDown(self):
        for server in self.servers:
            if server.process and server.process.poll() is None:
                server.process.kill()
                server.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def server(self, name, config):
        server = Server(self.folder, name, config)
        self.servers.append(server)
        server.start()
        return server

    def assert_same(self, server):
        kernel = {name: dict(ops) for name, ops in Trace(server.trace, server.data).account.items()}
        directories = [kernel.pop(name, {}) for name in (".", "appendonlydir")]
        self.assertEqual(server.account(), kernel)
        synced = sum(ops.get(op, [0])[0] for ops in directories for op in ("fsync", "fdatasync"))
        seen = subprocess.run([DRIVE, "seen", server.folder / "control"], capture_output=True, text=True).stdout
        self.assertEqual(seen.strip(), str(synced), "fsyncs of directories; and nothing happened unseen")
        return kernel

    def fill(self, server, count):
        subprocess.run(["redis-benchmark", "-p", str(server.port), "-n", str(count), "-r", "2000", "-d", "300", "-q",
                        "-t", "set,incr,lpush", "-P", "8"], stdout=subprocess.DEVNULL, check=True)

    def test_everything_that_redis_does_to_files(self):
        primary = self.server("primary", "appendonly yes\nappendfsync everysec\nsave 3600 1\n"
                                         "repl-diskless-sync no\nrepl-backlog-size 16kb")
        self.fill(primary, 3000)
        primary.ask("BGSAVE")
        primary.until(primary.idle)
        primary.ask("BGREWRITEAOF")
        primary.until(primary.idle)
        self.fill(primary, 1000)
        primary.ask("SAVE")
        self.assertEqual(primary.ask("ACL", "SETUSER", "someone", "on"), "OK")
        self.assertEqual(primary.ask("ACL", "SAVE"), "OK")
        self.assertEqual(primary.ask("CONFIG", "REWRITE"), "OK")
        replica = self.server("replica", f"replicaof 127.0.0.1 {primary.port}\nappendonly yes\nsave ''")
        replica.until(lambda: "master_link_status:up" in replica.ask("INFO", "replication") and replica.idle())
        for diskless in ("yes", "no"):  # full resynchronisations, by socket and by disk
            primary.ask("CONFIG", "SET", "repl-diskless-sync", diskless, "repl-diskless-sync-delay", "0")
            replica.ask("CONFIG", "SET", "repl-diskless-load", "swapdb" if diskless == "yes" else "disabled")
            replica.ask("REPLICAOF", "NO", "ONE")
            replica.ask("SET", "own", "history")
            self.fill(primary, 500)
            replica.ask("REPLICAOF", "127.0.0.1", str(primary.port))
            replica.until(lambda: "master_link_status:up" in replica.ask("INFO", "replication") and replica.idle())
        replica.stop("NOSAVE")
        primary.stop("SAVE")
        kernel = self.assert_same(primary)
        self.assert_same(replica)
        self.assertGreater(len(kernel), 8)
        self.assertTrue(any(name.startswith("temp-rewriteaof") for name in kernel))
        primary.start()  # and what loading reads; strace appends to its trace
        primary.stop("NOSAVE")
        kernel = self.assert_same(primary)
        self.assertTrue(any("read" in ops for ops in kernel.values()))


if __name__ == "__main__":
    unittest.main()
