#!/usr/bin/python3
"""What a scenario can ask of its load: each does what it says, and is judged like any other."""
import json
import subprocess
import unittest

from support import BROKEN, LASTACK, LastackTest

HEAD = """name: load
title: a load
settings: |
  appendonly yes
  appendfsync always
  save ""
"""
KILL = """steps:
  - load: {acked: 2000}
  - kill: {scope: group}
  - recover: {}
  - load: {acked: 1000}
  - verify: {}
expect:
  - lost: {max: 0}
"""


class Load(LastackTest):
    def run_load(self, load, more="", steps=KILL, **options):
        run = self.lastack("run", self.write("load.yaml", HEAD + more + f"load: {load}\n" + steps), **options)
        self.assertEqual(run.status, 0, str(run))
        done = subprocess.run([LASTACK, "ledger", run.out / "load", "--format", "jsonl"], capture_output=True, text=True,
                              check=True)
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        return run, [line for line in lines if line["op"] != "read"]

    def test_every_type_alone(self):
        for kind in ("string counter list hash transaction set zset stream group bitmap hyperloglog geo append range "
                     "script expiry move flush function queue").split():
            with self.subTest(kind):
                _, lines = self.run_load(f"{{mix: [{{type: {kind}, share: 1}}]}}")
                self.assertEqual({line["type"] for line in lines}, {kind})
                self.assertGreater(len(lines), 3000)

    def test_all_types_by_default(self):
        _, lines = self.run_load("{}")
        self.assertEqual(len({line["type"] for line in lines}), 20, "all but wait, waitaof and field-expiry")

    def test_a_user_of_the_servers(self):
        """The load logs in as a user who may do nothing else; the harness does not."""
        tune = "tune: |\n  user app on >open-sesame ~la:* &* +@all -@dangerous +select +flushdb\n"
        run, lines = self.run_load("{user: app, password: open-sesame}", tune)
        self.assertGreater(len(lines), 3000)
        self.assertNotIn("open-sesame", (run.out / "result.json").read_text())

    def test_a_wrong_password_is_inconclusive(self):
        tune = "tune: |\n  user app on >open-sesame ~la:* &* +@all\n"
        run = self.lastack("run", self.write("load.yaml", HEAD + tune + "load: {user: app, password: x}\n" + KILL))
        self.assertEqual(run.status, 3, str(run))

    def test_connections_come_and_go(self):
        _, lines = self.run_load("{clients: 4, churn: 50, unix_socket: true}")
        sessions = {line["session"] for line in lines}
        self.assertGreater(len(sessions), len(lines) / 100)
        own = [line["session"] for line in lines if line["op"] != "blpop"]  # that is sent by a connection beside it
        per_session = max(own.count(session) for session in list(sessions)[:5])
        self.assertLessEqual(per_session, 50 + 4, "a pipeline may go beyond")

    def test_phases_of_rest(self):
        """Without a rate: with one, what a slow server has left behind is made up for in the rest."""
        _, lines = self.run_load("{busy_ms: 10, idle_ms: 40, mix: [{type: string, share: 1}]}")
        times = [line["invoked_ns"] / 1e6 for line in lines]
        rests = [b - a for a, b in zip(times, times[1:]) if b - a > 30]
        self.assertGreater(len(rests), 1)

    def test_an_open_loop_keeps_its_rate(self):
        """What is due is counted from before the first connection stands: for that, half of the time. Without a rate
        this load takes a twentieth of it."""
        _, lines = self.run_load("{rate: 400, mix: [{type: counter, share: 1}]}")
        seconds = (lines[-1]["invoked_ns"] - lines[0]["invoked_ns"]) / 1e9
        self.assertGreater(seconds, len(lines) / 400 / 2)

    def test_some_keys_are_written_more_often(self):
        _, lines = self.run_load("{skew: 120, keys: 50, clients: 2, mix: [{type: string, share: 1}]}")
        keys = [int(line["key"].split(":")[2]) for line in lines]
        self.assertGreater(keys.count(0), 10 * max(keys.count(49), 1))

    def test_a_type_that_the_server_has_not(self):
        path = self.write("load.yaml", HEAD + "load: {mix: [{type: geo, share: 1}]}\n" + KILL)
        other = self.write("other.yaml", HEAD.replace("name: load", "name: other") + KILL)
        run = self.lastack("run", path, other, "--server", BROKEN / "respd")
        self.assertEqual(run.status, 0, str(run))
        self.assertEqual([scenario["name"] for scenario in run.result["scenarios"]], ["other"])
        self.assertIn("the server has no GEOADD", run.result["not_applicable"][0])
        self.assertTrue(any("hyperloglog" in limit for limit in run.result["limits"]))

    def test_a_promise_that_nobody_was_given(self):
        """No replica: WAIT promises nothing, so that nothing was put to the test. It may take until the server's next
        tick, a tenth of a second, to say so: hence so few."""
        steps = KILL.replace("lost: {max: 0}", "lost: {promised: 0}").replace("000", "0")
        text = HEAD + "load: {min_acked: 20, wait_replicas: 1, wait_ms: 1, mix: [{type: wait, share: 1}]}\n" + steps
        run = self.lastack("run", self.write("load.yaml", text))
        self.assertEqual(run.status, 3, str(run))
        self.assertIn("promised nothing", run.stdout)

    def test_replies_that_come_slowly(self):
        """No replica: each WAIT of a pipeline takes all of its time, together 30 s, which is longer than the end waits
        for any of them, and than it is waited for if it does not answer."""
        steps = KILL.replace("2000", "1").replace("1000", "1")
        text = HEAD + steps + ("load: {clients: 2, pipeline: 40, min_acked: 1, wait_replicas: 1, wait_ms: 750,"
                               " mix: [{type: wait, share: 1}]}\n")
        run = self.lastack("run", self.write("load.yaml", text))
        self.assertEqual(run.status, 0, str(run))
        self.assertGreaterEqual(run.scenario()["rpo"]["acked"], 2 * 40)

    def test_replies_that_never_come(self):
        """The server may execute at any time what it has not answered: what is read says nothing."""
        steps = KILL.replace("  - verify", "  - load: {acked: 50}\n  - command: {send: CLIENT PAUSE 600000 WRITE}\n"
                                           "  - sleep: {ms: 3000}\n  - verify")  # the load sends something more
        run = self.lastack("run", self.write("load.yaml", HEAD + steps))
        self.assertEqual(run.status, 3, str(run))
        self.assertIn("last operations were not answered", run.stdout)

    def test_what_has_expired_and_is_counted_still(self):
        """While writes are paused, a server deletes nothing: keys whose time is over stand in its count of those with
        a time to live."""
        steps = KILL.replace("  - verify", "  - load: {acked: 1000}\n  - stop_load: {}\n"
                                           "  - command: {send: CLIENT PAUSE 600000 WRITE}\n  - sleep: {ms: 1500}\n"
                                           "  - verify")
        run = self.lastack("run", self.write("load.yaml", HEAD + "load: {mix: [{type: expiry, keys: 60, share: 1}]}\n" + steps))
        self.assertEqual(run.status, 0, str(run))

    def test_a_claim_that_was_not_put_to_the_test(self):
        """The scenario holds, as far as it goes; the claim asks for more."""
        text = HEAD + KILL + "claims:\n  - {id: S0-05, expect: [{lost: {promised: 0}}]}\n  - {id: S0-06}\n"
        run = self.lastack("run", self.write("load.yaml", text))
        self.assertEqual(run.status, 0, str(run))
        doubted, held = sorted(run.result["claims"], key=lambda claim: claim["id"])
        self.assertEqual((doubted["verdict"], held["verdict"]), ("inconclusive", "holds"), str(run))
        self.assertIn("have promised nothing", doubted["measured"])

    def test_several_runs_as_one(self):
        run, _ = self.run_load("{mix: [{type: string, share: 1}]}", steps=KILL)
        again = self.lastack("run", self.folder / "load.yaml", "--repeat", 3, "--seed", 5)
        self.assertEqual(again.status, 0, str(again))
        repeats = again.scenario()["repeats"]
        self.assertEqual((repeats["runs"], repeats["violated"], repeats["inconclusive"]), (3, 0, 0))
        self.assertAlmostEqual(repeats["violation_rate_upper_95"], 0.6316, 3)
        self.assertLessEqual(repeats["ready_ms"]["median"], repeats["ready_ms"]["max"])
        self.assertIn("3 runs: 0 violated", again.stdout)
        self.assertNotIn("repeats", run.scenario())
        self.assertEqual(sorted(path.name for path in again.out.iterdir()), ["load", "probe", "result.json"])
        phases = run.scenario()["rto"]["phases"]
        times = [phases[f"{phase}_ms"] for phase in ("gone", "started", "accepting", "ready", "first_read", "first_write")]
        self.assertEqual([0, *times, 60000], sorted([0, *times, 60000]))
        self.assertGreater(phases["loaded_bytes"], 100000)
        self.assertGreater(phases["loaded_keys"], 100)

    def test_the_worst_of_several_runs_stands_for_all(self):
        """The first is sound, the others lose a part, which the scenario allows and the claim does not: the second
        nearly all, so that it is the worst however many operations each of them has seen."""
        script = self.write("later", """#!/bin/sh
dir=$(sed -n 's/^dir "\\(.*\\)"$/\\1/p' "$1")
case $dir in
    */load/*) part=100 ;;
    */load.2/*) part=1 ;;
    *) part=99 ;;
esac
for file in "$dir"/*/*.incr.aof; do
    [ ! -s "$file" ] || truncate -s "$(($(stat -c %s "$file") * part / 100))" "$file"
done
exec redis-server "$@"
""")
        script.chmod(0o755)
        text = HEAD + KILL.replace("  - lost: {max: 0}", "  - window: {max_ms: 60000}")
        text += "claims:\n  - {id: S0-05, expect: [{lost: {max: 0}}]}\n"
        path = self.write("load.yaml", text)
        for jobs in (1, 2):
            run = self.lastack("run", path, "--server", script, "--repeat", 3, "--jobs", jobs)
            self.assertEqual(run.status, 0, str(run))
            scenario, claim = run.scenario(), run.result["claims"][0]
            self.assertEqual(scenario["rpo"]["lost"], scenario["repeats"]["lost"]["max"])
            self.assertEqual(claim["verdict"], "violated", str(run))
            self.assertEqual(claim["value"], scenario["rpo"]["lost"], str(run))
            self.assertEqual(scenario["bundle"], "load.2")
            self.assertEqual(sorted(path.name for path in run.out.iterdir()), ["load", "load.2", "probe", "result.json"])
            kept = json.loads((run.out / "load.2/scenario.json").read_text())
            self.assertEqual(kept["rpo"]["lost"], scenario["rpo"]["lost"])

    def replayed(self, run, status, *args, **options):
        """The one scenario of a run, judged again from its bundle."""
        again = self.lastack("replay", run.out / "load", *args, **options)
        self.assertEqual(again.status, status, f"{run}\n{again}")
        return again

    def test_a_replay_doubts_what_the_run_doubted(self):
        """Keys that were evicted, a load that was too thin: neither loss nor its absence says more the second time."""
        evicting = HEAD.replace("settings: |\n", "settings: |\n  maxmemory 4mb\n  maxmemory-policy allkeys-lru\n")
        full = "load: {min_acked: 1000, value_size: 1000, mix: [{type: string, share: 1, keys: 1000}]}\n"
        thin = "load: {min_acked: 900000, rate: 10000}\n"
        for text, words in ((evicting + full + KILL.replace("2000", "15000"), "evict"), (HEAD + thin + KILL, "too thin")):
            run = self.lastack("run", self.write("load.yaml", text))
            self.assertEqual(run.status, 3, str(run))
            again = self.replayed(run, 3)
            self.assertIn("acknowledged operations lost", again.stdout)
            self.assertRegex(again.stdout, f"inconclusive: the run itself: .*{words}")
        for name in ("scenario.json", "sums"):  # as a run leaves it that is killed
            (run.out / "load" / name).unlink()
        self.assertIn("not finished", self.replayed(run, 3).stdout)

    def test_a_replay_of_a_refusal_to_start_among_evicted_keys(self):
        """The server that refuses is guilty; one that starts is not, whatever the first one had evicted."""
        script = self.write("refuses", """#!/bin/sh
! ls "$(sed -n 's/^dir "\\(.*\\)"$/\\1/p' "$1")"/*/*.aof || exit 1
exec redis-server "$@"
""")
        script.chmod(0o755)
        text = HEAD.replace("settings: |\n", "settings: |\n  maxmemory 4mb\n  maxmemory-policy allkeys-lru\n")
        text += "load: {min_acked: 1000, value_size: 1000, mix: [{type: string, share: 1, keys: 1000}]}\n"
        run = self.lastack("run", self.write("load.yaml", text + KILL.replace("2000", "15000")), "--server", script)
        self.assertEqual(run.status, 1, str(run))
        self.replayed(run, 1)
        self.replayed(run, 3, "--server", "redis-server")

    def test_a_replay_takes_the_strictest_bound(self):
        text = HEAD + KILL + "  - lost: {max: 1000000}\n"
        cuts = {"env": {"REDIS_DEFECT": "cuts-aof"}}
        run = self.lastack("run", self.write("load.yaml", text), "--server", BROKEN / "redis", **cuts)
        self.assertEqual(run.status, 1, str(run))
        self.replayed(run, 1, **cuts)

    def test_a_replay_knows_which_crash_was_kept(self):
        """A policy restarts after the first crash, the operator after the second, whose state is kept; writes of
        the third life are no part of it."""
        policy = "nodes: [{name: primary, restart: on-failure, restart_limit: 1}]\n"
        kills = KILL.replace("  - recover", "  - load: {acked: 2000}\n  - kill: {scope: group}\n  - recover")
        path = self.write("load.yaml", HEAD + policy + kills)
        run = self.lastack("run", path)
        self.assertEqual(run.status, 0, str(run))
        again = self.replayed(run, 0)
        before, after = run.scenario()["rpo"]["acked"], int(again.stdout.split(" ")[2])
        self.assertTrue(4000 <= after < before, f"{before}, {after}")
        cuts = {"env": {"REDIS_DEFECT": "cuts-aof"}}
        self.assertIn("acknowledged operations lost", self.replayed(run, 1, "--server", BROKEN / "redis", **cuts).stdout)


if __name__ == "__main__":
    unittest.main()
