#!/usr/bin/python3
"""The command line: exit statuses, and bad input that ends in one clear line."""
import json
import os
import pathlib
import signal
import subprocess
import time
import unittest

import yaml

from support import LASTACK, ROOT, LastackTest, scenario_file

KILL9 = scenario_file("kill9-aof-always")


class CommandLine(LastackTest):
    def test_help_and_version(self):
        self.assertRegex(self.lastack("--version", out=False).stdout, r"^lastack \d+\.\d+\.\d+\n$")
        for args in (["--help"], ["run", "--help"], ["certify", "--help"], ["list", "--help"], ["replay", "--help"]):
            run = self.lastack(*args, out=False)
            self.assertEqual(run.status, 0, str(run))
            self.assertTrue(run.stdout)

    def test_list(self):
        names = self.lastack("list", out=False).stdout
        self.assertIn("kill9-aof-always", names)
        claims = self.lastack("list", "--claims", out=False).stdout
        self.assertEqual(len(claims.splitlines()), 144)
        listed = {one["name"]: one for one in json.loads(self.lastack("list", "--json", out=False).stdout)}
        self.assertEqual(listed["kill9-none"]["group"], "strategies")
        self.assertGreater(listed["kill9-none"]["seconds"], 0)
        self.assertEqual(listed["kill9-none"]["needs"], [])
        self.assertEqual(listed["power-cut-rdb-real"]["needs"], ["root"])
        self.assertIn("--document", listed["playbook-flushall-aof"]["needs"])
        timed = {one["name"] for one in yaml.safe_load((ROOT / "fixtures/seconds.yaml").read_text())}
        self.assertEqual(timed - set(listed), set(), "of scenarios that are gone")

    def test_explain(self):
        """Every scenario and claim, and the words that a table has."""
        listed = [one["name"] for one in json.loads(self.lastack("list", "--json", out=False).stdout)]
        for name, *words in ((listed[0], "what is done:", "run it: lastack run"), ("s0-17", "restart loads RDB", "qualified"),
                             ("mark", "must survive"), ("holds", "every rule fired"), ("window ms", "earliest lost")):
            run = self.lastack("explain", name, out=False)
            self.assertEqual(run.status, 0, str(run))
            for word in words:
                self.assertIn(word, " ".join(run.stdout.split()))
        self.assert_refused(self.lastack("explain", "kil9-rdb", out=False), "is it kill9-rdb")
        self.assertEqual(self.lastack("explain", out=False).status, 2)

    def test_completion(self):
        (self.folder / "bin").mkdir()
        (self.folder / "bin/lastack").symlink_to(LASTACK)

        def completed(*words):
            line = " ".join(f"'{word}'" for word in words)
            script = (f"source {ROOT}/harness/cli/lastack.bash; COMP_WORDS=({line}); COMP_CWORD={len(words) - 1}; _lastack; "
                      "printf '%s\\n' \"${COMPREPLY[@]}\"")
            return subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True, env={
                **os.environ, "PATH": f"{self.folder}/bin:{os.environ['PATH']}"}).stdout.split()
        self.assertEqual(completed("lastack", "rep"), ["replay", "report"])
        self.assertEqual(completed("lastack", "run", "kill9-no"), ["kill9-none"])
        self.assertEqual(completed("lastack", "run", "kill9-none", "--ju"), ["--junit"])
        self.assertEqual(completed("lastack", "run", "--keep", "f"), ["findings"])

    def test_usage(self):
        for args in ([], ["dance"], ["run"], ["run", KILL9, "--jobs", "0"], ["run", KILL9, "--seed", "x"],
                     ["certify", "extra"], ["run", KILL9, "--what"], ["replay"]):
            run = self.lastack(*args, out=False)
            self.assertEqual(run.status, 2, f"{args}\n{run}")
            self.assertTrue(run.stderr)

    def test_scenario_files(self):
        self.assert_refused(self.lastack("run", "nowhere.yaml"), "nowhere.yaml", "No such file")
        empty = self.folder / "empty"
        empty.mkdir()
        self.assert_refused(self.lastack("run", empty), "no scenario")
        text = KILL9.read_text()
        self.assert_refused(self.lastack("run", self.write("a.yaml", text + "colour: red\n")), "a.yaml:", "colour",
                            "expected one of")
        bad = text.replace("  - recover: {}", "  - arm: {rule: op=write do=melt}")
        self.assert_refused(self.lastack("run", self.write("b.yaml", bad)), "b.yaml:", "column 13", "melt")
        twice = self.lastack("run", KILL9, self.write("c.yaml", text))
        self.assert_refused(twice, "c.yaml", "is taken by")

    def test_servers(self):
        plain = self.write("plain", "not a program")
        self.assert_refused(self.lastack("run", KILL9, "--server", "/nonexistent/redis"), "No such file")
        self.assert_refused(self.lastack("run", KILL9, "--server", plain), "not executable")
        self.assert_refused(self.lastack("run", KILL9, "--server", self.folder), "not a program")
        self.assert_refused(self.lastack("run", KILL9, "--server", "/bin/false"), "ends at once")
        self.assert_refused(self.lastack("run", KILL9, "--server", "no-such-server"), "not found in PATH")

    def test_a_server_that_speaks_something_else(self):
        script = self.write("http", "#!/usr/bin/python3\n"
                            "import http.server, re, sys\n"
                            "port = int(re.search(r'^port \"(\\d+)\"', open(sys.argv[1]).read(), re.M)[1])\n"
                            "http.server.HTTPServer(('127.0.0.1', port), http.server.BaseHTTPRequestHandler)"
                            ".serve_forever()\n")
        script.chmod(0o755)
        self.assert_refused(self.lastack("run", KILL9, "--server", script, "--start-timeout", "3s"), "does not speak Redis")

    def test_configurations(self):
        self.assert_refused(self.lastack("certify", "--config", "/nonexistent.conf"), "No such file")
        bad = self.write("bad.conf", "port 1\nmaxmemory lots\n")
        self.assert_refused(self.lastack("certify", "--config", bad), "maxmemory")
        quotes = self.write("quotes.conf", 'dir "/tmp\n')
        self.assert_refused(self.lastack("certify", "--config", quotes), "quotes.conf:1", "unbalanced quotes")

    def test_output_folder(self):
        full = self.folder / "full"
        full.mkdir()
        (full / "precious").write_text("mine")
        run = self.lastack("run", KILL9, "--out", full, out=False)
        self.assert_refused(run, "not empty")
        self.assertEqual([p.name for p in full.iterdir()], ["precious"])
        self.assert_refused(self.lastack("run", KILL9, "--out", "/proc/nothing/here", out=False), "/proc/nothing")

    def test_a_full_disk_is_said_before_anything_starts(self):
        big = KILL9.read_text() + "load: {capacity: 100000000}\n"
        if os.geteuid() != 0:
            self.skipTest("needs root to mount a small file system")
        mount = self.folder / "small"
        mount.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "none", mount], check=True)
        try:
            run = self.lastack("run", self.write("big.yaml", big), "--out", mount / "out", out=False)
            self.assert_refused(run, "too little disk")
        finally:
            subprocess.run(["umount", mount], check=True)

    def test_without_the_library_kills_are_judged(self):
        run = self.lastack("run", KILL9, "--no-shim")
        self.assertEqual(run.status, 0, str(run))

    def test_a_server_that_escapes_its_kill_is_found_out(self):
        script = self.write("background", "#!/bin/sh\nsetsid redis-server \"$@\" &\nsleep 1000\n")
        script.chmod(0o755)
        run = self.lastack("run", KILL9, "--server", script)
        self.assertEqual(run.status, 0, str(run))  # the process that INFO names was killed: a real crash
        self.assertEqual(processes_of(run.out), [])
        text = KILL9.read_text().replace("  - kill: {scope: group}", "  - sleep: {ms: 1}")
        run = self.lastack("run", self.write("unkilled.yaml", text))
        self.assertEqual(run.status, 3, str(run))
        self.assertIn("never went down", run.stdout)

    def test_a_server_that_takes_its_time_to_die(self):
        """Its wrapper is gone at once; giving back so much memory takes longer, and until then it holds the port."""
        fat = self.write("fat.c", """
#include <sys/mman.h>
__attribute__((constructor)) static void fat(void)
{
    mmap(0, 1L << 30, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
}
""")
        library = self.folder / "fat.so"
        subprocess.run(["cc", "-shared", "-fPIC", "-o", library, fat], check=True)
        script = self.write("slow-to-die", f"""#!/bin/sh
[ -e "$(sed -n 's/^dir "\\(.*\\)"$/\\1/p' "$1")/appendonlydir" ] || fat={library}
LD_PRELOAD="$LD_PRELOAD $fat" setsid redis-server "$@" &
exec sleep 1000
""")
        script.chmod(0o755)
        run = self.lastack("run", KILL9, "--server", script)
        self.assertEqual(run.status, 0, str(run))

    def test_a_rule_that_does_not_fire_is_inconclusive(self):
        text = (scenario_file("kill9-aof-always")).read_text()
        text = text.replace("steps:", "steps:\n  - arm: {rule: op=write path=nothing do=error:EIO}")
        run = self.lastack("run", self.write("idle-rule.yaml", text))
        self.assertEqual(run.status, 3, str(run))
        self.assertIn("did not fire", run.stdout)

    def test_a_slow_server_is_not_taken_for_a_slow_harness(self):
        """For 2 s the port is open and nobody answers: too slow for --rto, and that is the server's doing."""
        script = self.write("slow", """#!/usr/bin/python3
import os, re, socket, sys, time
text = open(sys.argv[1]).read()
if os.path.exists(re.search(r'^dir "(.*)"$', text, re.M)[1] + "/appendonlydir"):
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", int(re.search(r'^port "(.*)"$', text, re.M)[1])))
        listener.listen(100)
        time.sleep(2)
os.execvp("redis-server", ["redis-server", *sys.argv[1:]])
""")
        script.chmod(0o755)
        run = self.lastack("run", KILL9, "--server", script, "--rto", 500)
        self.assertEqual(run.status, 1, str(run))
        self.assertIn("--rto 500", run.stdout)

    def test_replies_need_not_be_text(self):
        text = KILL9.read_text().replace("  - kill:", '  - command: {send: \'ECHO "\\xff\\xfe"\'}\n  - kill:')
        run = self.lastack("run", self.write("binary.yaml", text))
        self.assertEqual(run.status, 0, str(run))

    def test_restart_policies_are_those_of_systemd(self):
        """`always` restarts after a clean end, `on-failure` does not; `restart_limit` ends it."""
        base = KILL9.read_text().replace("  - kill: {scope: group}\n", "  - command: {send: SHUTDOWN NOSAVE}\n")
        for policy, restarts in (("always", 1), ("on-failure", 0), ("no", 0)):
            text = base.replace("steps:", f"nodes: [{{name: primary, restart: {policy}}}]\nsteps:", 1)
            text = text.replace("expect:", f"expect:\n  - restarts: {{min: {restarts}, max: {restarts}}}\n"
                                           "  - exit: {how: stopped}", 1)
            run = self.lastack("run", self.write("policy.yaml", text))
            self.assertEqual(run.status, 0, f"{policy}\n{run}")

    def test_a_thin_load_is_inconclusive(self):
        text = (scenario_file("kill9-aof-always")).read_text()
        run = self.lastack("run", self.write("thin.yaml", text.replace("acked: 5000", "acked: 1") +
                                             "load: {min_acked: 900000, rate: 100}\n"))
        self.assertEqual(run.status, 3, str(run))
        self.assertIn("load too thin", run.stdout)

    def test_a_slow_load_is_awaited_as_long_as_it_goes_on(self):
        """33 s and more, of which none passes without an operation."""
        text = scenario_file("kill9-aof-always").read_text()
        self.assertIn("acked: 5000", text)
        run = self.lastack("run", self.write("slow.yaml", text.replace("acked: 5000", "acked: 3300") + "load: {rate: 100}\n"))
        self.assertEqual(run.status, 0, str(run))
        self.assertGreater(run.scenario()["seconds"], 30)

    def test_jobs_and_wrappers_with_names_that_need_quotes(self):
        wrapper = self.write("my server's wrapper", "#!/bin/sh\nexec redis-server \"$@\"\n")
        wrapper.chmod(0o755)
        run = self.lastack("run", KILL9, scenario_file("kill9-none"), "--jobs", 2, "--server", wrapper)
        self.assertEqual(run.status, 0, str(run))
        self.assertIn("'", run.scenario()["reproduce"])

    def test_interruption(self):
        """Ctrl-C and SIGTERM in the middle: one line, a report of what was done, status 3."""
        slow = KILL9.read_text().replace("  - kill:", "  - sleep: {ms: 60000}\n  - kill:")
        path = self.write("slow.yaml", slow)
        for number in (signal.SIGINT, signal.SIGTERM):
            out = self.folder / f"out-{number}"
            process = subprocess.Popen([LASTACK, "run", path, "--out", out], stderr=subprocess.PIPE, text=True,
                                       stdout=subprocess.PIPE, start_new_session=True)
            log = out / "kill9-aof-always/primary/log"
            while process.poll() is None and not (log.exists() and "Ready to accept" in log.read_text()):
                time.sleep(0.01)
            os.kill(process.pid, number)
            _, errors = process.communicate(timeout=60)
            self.assertEqual(process.returncode, 3, errors)
            self.assertIn("interrupted", errors)
            self.assertTrue((out / "result.json").exists())
            self.assertEqual(processes_of(out), [])


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


if __name__ == "__main__":
    unittest.main()
