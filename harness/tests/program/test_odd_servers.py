#!/usr/bin/python3
"""Servers and loads that are slow, escape, or say nothing: what is made of them."""
import subprocess
import unittest

from support import LastackTest, processes_of, scenario_file

KILL9 = scenario_file("kill9-aof-always")


class OddServers(LastackTest):
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


if __name__ == "__main__":
    unittest.main()
