"""A shell script that shows what a server makes of files, without lastack."""
import base64
import shlex

import yaml

NAME = "shrunk.sh"
BYTES_MAX = 256 << 10  # of files that it brings along
OURS = ("dir", "port", "bind", "daemonize", "supervised", "unixsocket", "unixsocketperm", "logfile", "pidfile", "protected-mode",
        "requirepass", "masterauth", "masteruser", "user", "aclfile", "include", "loadmodule", "replicaof", "slaveof",
        "enable-debug-command", "enable-protected-configs")


def node_of(bundle):
    """The folder of its only node; None: there are more."""
    nodes = yaml.safe_load((bundle / "scenario.yaml").read_text()).get("nodes") or [{"name": "primary"}]
    return bundle / nodes[0]["name"] if len(nodes) == 1 else None


def settings_of(bundle):
    """What its server ran with, but for where things lie, and for secrets."""
    node = node_of(bundle)
    lines = (node / "redis.conf").read_text(errors="replace").splitlines() if node else []
    return "".join(f"{line}\n" for line in lines if line.split()[:1] and line.split()[0].lower() not in OURS
                   and not line.startswith(("tls-", "#")))


def files_of(bundle):
    """The crash state of a bundle of one node."""
    node = node_of(bundle)
    crash = node / "crash" if node else bundle / "none"
    return {str(path.relative_to(crash)): path.read_bytes() for path in sorted(crash.rglob("*"))
            if path.is_file()}


def text_of(files, settings, server):
    """Makes these files, and starts a server on them; None: there are none, or too many bytes, or they
    are started on a configuration among them."""
    if not files or "redis.conf" in files or sum(map(len, files.values())) > BYTES_MAX:
        return None
    lines = ["#!/bin/sh", "# What a server makes of files that a crash has left. Needs redis-server and redis-cli, and nothing else.",
             "set -eu", f"server=${{1:-{server or 'redis-server'}}}", "dir=$(mktemp -d)", "cd \"$dir\""]
    for name, content in files.items():
        if "/" in name:
            lines.append(f"mkdir -p {shlex.quote(name.rsplit('/', 1)[0])}")
        body = base64.encodebytes(content).decode()
        lines += [f"base64 -d >{shlex.quote(name)} <<'END'", body.rstrip("\n"), "END"] if content else [f": >{shlex.quote(name)}"]
    lines += ["cat >redis.conf <<'END'", settings.rstrip("\n"), "port 0", "unixsocket server.sock", "logfile log", "END",
              '"$server" redis.conf --dir "$dir" &', "pid=$!", "trap 'kill $pid 2>/dev/null || true' EXIT",
              "for _ in 1 2 3 4 5 6 7 8 9 10; do",
              "    redis-cli -s server.sock ping 2>/dev/null | grep -q PONG && break", "    sleep 0.3", "done",
              "if redis-cli -s server.sock ping 2>/dev/null | grep -q PONG; then",
              "    echo 'it has started, and has these keys:'", "    redis-cli -s server.sock --scan | sort | head -n 50",
              "else", "    echo 'it has not started; its last words:'", "    tail -n 5 log", "fi",
              "echo \"files: $dir\"", ""]
    return "\n".join(lines)


def leave(out, files, settings, server):
    """Whether there is one now, in the folder `out`."""
    text = text_of(files, settings, server)
    if text:
        (out / NAME).write_text(text)
        (out / NAME).chmod(0o755)
    return bool(text)
