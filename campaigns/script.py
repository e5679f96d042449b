"""A shell script that shows what a server makes of files, without lastack."""
import base64
import shlex

import yaml

NAME = "shrunk.sh"
BYTES_MAX = 256 << 10  # of files that it brings along


def files_of(bundle):
    """The crash state of a bundle of one node."""
    scenario = yaml.safe_load((bundle / "scenario.yaml").read_text())
    nodes = scenario.get("nodes") or [{"name": "primary"}]
    crash = bundle / nodes[0]["name"] / "crash"
    return {str(path.relative_to(crash)): path.read_bytes() for path in sorted(crash.rglob("*"))
            if path.is_file()} if len(nodes) == 1 else {}


def text_of(files, scenario, server):
    """Makes these files, and starts a server on them; None: there are none, or too many bytes."""
    if not files or sum(map(len, files.values())) > BYTES_MAX:
        return None
    lines = ["#!/bin/sh", "# What a server makes of files that a crash has left. Needs redis-server and redis-cli, and nothing else.",
             "set -eu", f"server=${{1:-{server or 'redis-server'}}}", "dir=$(mktemp -d)", "cd \"$dir\""]
    for name, content in files.items():
        if "/" in name:
            lines.append(f"mkdir -p {shlex.quote(name.rsplit('/', 1)[0])}")
        body = base64.encodebytes(content).decode()
        lines += [f"base64 -d >{shlex.quote(name)} <<'END'", body.rstrip("\n"), "END"] if content else [f": >{shlex.quote(name)}"]
    settings = "".join(scenario.get(key, "") for key in ("settings", "tune"))
    lines += ["cat >redis.conf <<'END'", settings.rstrip("\n"), "port 0", "unixsocket server.sock", "logfile log", "END",
              '"$server" redis.conf --dir "$dir" &', "pid=$!", "trap 'kill $pid 2>/dev/null || true' EXIT",
              "for _ in 1 2 3 4 5 6 7 8 9 10; do",
              "    redis-cli -s server.sock ping 2>/dev/null | grep -q PONG && break", "    sleep 0.3", "done",
              "if redis-cli -s server.sock ping 2>/dev/null | grep -q PONG; then",
              "    echo 'it has started, and has these keys:'", "    redis-cli -s server.sock --scan | sort | head -n 50",
              "else", "    echo 'it has not started; its last words:'", "    tail -n 5 log", "fi",
              "echo \"files: $dir\"", ""]
    return "\n".join(lines)


def leave(out, files, scenario, server):
    """Whether there is one now, in the folder `out`."""
    text = text_of(files, scenario, server)
    if text:
        (out / NAME).write_text(text)
        (out / NAME).chmod(0o755)
    return bool(text)
