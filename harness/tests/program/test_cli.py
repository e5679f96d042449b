#!/usr/bin/python3
"""The command line: exit statuses, and bad input that ends in one clear line."""
import json
import os
import signal
import subprocess
import time
import unittest

import yaml

from support import LASTACK, ROOT, LastackTest, processes_of, scenario_file

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


if __name__ == "__main__":
    unittest.main()
