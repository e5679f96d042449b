#!/usr/bin/python3
"""More than one primary: clients that move, an old primary that comes back, two primaries at once."""
import unittest

from support import LastackTest

AOF = "appendonly yes\n  appendfsync always\n  save \"\"\n  repl-diskless-sync-delay 0"
NONE = "appendonly no\n  save \"\"\n  repl-diskless-sync-delay 0"
PAIR = "nodes: [{name: primary}, {name: replica, replicates: primary}]"
PROMOTE = ["command: {node: replica, send: REPLICAOF NO ONE}", "wait: {node: replica, for: primary}"]
REJOIN = ["command: {node: primary, send: REPLICAOF @replica}", "wait: {node: primary, for: synced}"]
# before the rewrite that follows a full sync is over, what the replica logs is in no file that its manifest names
CAUGHT_UP = ["stop_load: {}", "wait: {node: replica, for: synced}", "wait: {node: replica, for: idle}"]


class Failover(LastackTest):
    def judge(self, steps, expect, settings=AOF, nodes=PAIR, mix="string, list, hash, set", more=()):
        types = ", ".join(f"{{type: {name}, share: 1}}" for name in mix.split(", "))
        load = f"load: {{min_acked: 1, mix: [{types}]}}"
        return self.run_steps(steps, expect, settings, *more, nodes=nodes, load=load)

    def expect(self, verdict, *args, **more):
        run = self.judge(*args, **more)
        self.assertEqual(run.scenario()["verdict"], verdict, str(run))
        return run.scenario()

    def test_clients_move_and_nothing_is_lost(self):
        """Planned: the replica has everything when it takes over."""
        steps = ["load: {acked: 1000}", *CAUGHT_UP, *PROMOTE, "load: {node: replica, acked: 1000}", *REJOIN]
        for node in ("primary", "replica"):
            result = self.expect("holds", [*steps, f"verify: {{node: {node}}}"], "lost: {max: 0}")
            self.assertGreaterEqual(result["rpo"]["acked"], 2000)

    def test_there_and_back(self):
        back = ["stop_load: {}", "wait: {node: primary, for: synced}", "command: {node: primary, send: REPLICAOF NO ONE}",
                "load: {node: primary, acked: 500}", "command: {node: replica, send: REPLICAOF @primary}"]
        self.expect("holds", ["load: {acked: 500}", *CAUGHT_UP, *PROMOTE, "load: {node: replica, acked: 500}", *REJOIN, *back,
                              "compare: {node: replica}", "verify: {}"], "lost: {max: 0}")

    def test_the_window_ends_with_the_primary(self):
        """Not when its clients have found the next one, two seconds later: in these nothing is acknowledged that could be lost."""
        steps = ["load: {acked: 500}", *CAUGHT_UP[1:2], "arm: {node: replica, rule: \"op=network peer=@primary do=hang\"}",
                 "load: {acked: 300}", "kill: {scope: group}", "sleep: {ms: 2000}", *PROMOTE, "load: {node: replica, acked: 300}",
                 "verify: {node: replica}"]
        rpo = self.expect("holds", steps, "lost: {min: 300}")["rpo"]
        oldest = max(age["below_ms"] or 60000 for age in rpo["by_age"] if age["lost"])
        self.assertLessEqual(rpo["window_ms"], oldest, rpo)
        self.assertGreater(rpo["window_ms"], 0)

    def test_two_primaries_at_once(self):
        """The old primary goes on taking writes; when it comes back as a replica it must throw them away."""
        split = ["load: {acked: 500}", *CAUGHT_UP, *PROMOTE, "load: {node: replica, acked: 500}",
                 "load: {node: primary, acked: 700}", "load: {node: replica, acked: 300}", *REJOIN]
        result = self.expect("violated", [*split, "verify: {node: primary}"], "lost: {max: 0}")
        self.assertGreaterEqual(result["rpo"]["lost"], 500)
        self.assertLess(result["rpo"]["lost"], result["rpo"]["acked"] - 1000)  # and nothing else
        self.expect("holds", [*split, "verify: {node: replica}"], "lost: {min: 500}")

    def test_the_new_primary_dies(self):
        """Its file still says whose replica it is: with that it throws away what it had taken, whatever it keeps."""
        def steps(*more):
            return ["load: {acked: 500}", *CAUGHT_UP, *PROMOTE, *more, "load: {node: replica, acked: 500}",
                    "kill: {node: replica, scope: group}", "recover: {node: replica}", "verify: {node: replica}"]
        for settings in (NONE, AOF):
            result = self.expect("violated", steps(), "lost: {max: 0}", settings=settings)
            self.assertGreaterEqual(result["rpo"]["lost"], 300)
            self.assertLess(result["rpo"]["lost"], result["rpo"]["acked"] - 300)
        rewrite = "command: {node: replica, send: CONFIG REWRITE}"
        self.expect("holds", steps(rewrite), "lost: {max: 0}")
        result = self.expect("violated", steps(rewrite), "lost: {max: 0}", settings=NONE)
        self.assertGreaterEqual(result["rpo"]["lost"], 700)

    def test_clients_that_leave_a_dead_primary(self):
        """What it has taken since the other one was promoted is on it alone."""
        steps = ["load: {acked: 500}", *CAUGHT_UP, *PROMOTE, "load: {node: replica, acked: 100}",
                 "load: {node: primary, acked: 600}", "kill: {scope: group}", "load: {node: replica, acked: 100}",
                 "verify: {node: replica}"]
        result = self.expect("violated", steps, "lost: {max: 0}")
        self.assertGreaterEqual(result["rpo"]["lost"], 400)

    def test_what_the_new_primary_took_is_lost_on_both(self):
        steps = ["load: {acked: 500}", *CAUGHT_UP, *PROMOTE, "load: {node: replica, acked: 500}", *REJOIN]
        ends = ["compare: {node: replica}", "verify: {node: primary}"]
        self.expect("holds", [*steps, *ends], "lost: {max: 0, since_move: 0}")
        flush = ["command: {node: replica, send: FLUSHALL}", "load: {acked: 100}", "wait: {node: primary, for: synced}"]
        result = self.expect("violated", [*steps, *flush, *ends], "lost: {since_move: 0}")
        self.assertIn("after clients had moved to replica", "\n".join(result["reasons"]))

    def test_a_run_whose_clients_have_moved_is_not_replayed(self):
        run = self.judge(["load: {acked: 500}", *CAUGHT_UP, *PROMOTE, "load: {node: replica, acked: 500}", "load: {node: primary, acked: 500}",
                          "kill: {scope: group}", "recover: {}", "verify: {}"], "lost: {min: 100}")
        self.assertEqual(run.scenario()["verdict"], "holds", str(run))
        again = self.lastack("replay", run.out / "failover")
        self.assertEqual(again.status, 2, str(again))
        self.assertIn("clients have moved", again.stderr)

    def wrapper(self, name, line):
        """A server that has this line in its configuration from its second start on."""
        path = self.write(name, f"#!/bin/sh\ndir=$(dirname \"$1\")\ncase $dir in */primary)\n"
                                f"[ ! -e \"$dir/was-here\" ] || echo '{line}' >>\"$1\"\ntouch \"$dir/was-here\" ;;\nesac\n"
                                "exec redis-server \"$@\"\n")
        path.chmod(0o755)
        return path

    def test_writes_that_are_refused_for_no_reason_of_the_run(self):
        """It serves reads, and nothing that the run has done or set explains why it refuses all writes."""
        for name, line in (("turns-replica", "replicaof 127.0.0.1 1"), ("wants-replicas", "min-replicas-to-write 3"),
                           ("is-full", "maxmemory 1")):
            run = self.lastack("run", "kill9-aof-always", "--start-timeout", "3s", "--server", self.wrapper(name, line))
            self.assertEqual(run.scenario()["verdict"], "violated", name + str(run))
            self.assertIn("does not take reads and writes", str(run))

    def test_a_recovery_that_nobody_watched(self):
        """Clients are on the other node when that is restarted by its policy."""
        nodes = "nodes: [{name: primary}, {name: other, restart: always, restart_delay_ms: 500}]"
        steps = ["load: {acked: 100}", "load: {node: other, acked: 100}", "kill: {node: other, scope: group}", "load: {acked: 100}",
                 "verify: {node: other}"]
        run = self.judge(steps, "lost: {min: 1}", nodes=nodes, more=("--rto", "100ms"))
        self.assertEqual(run.scenario()["verdict"], "inconclusive", str(run))
        self.assertIn("no step has watched", str(run))

    def test_names_of_nodes_in_commands(self):
        run = self.judge(["load: {acked: 10}", "command: {send: \"ECHO @replica\", expect: x}", "verify: {}"], "lost: {max: 0}")
        self.assertIn("wrong number of arguments", str(run))  # host and port are two words
        run = self.judge(["load: {acked: 10}", "command: {send: 'ECHO \"\\x40replica\"', expect: \"@replica\"}", "verify: {}"],
                         "lost: {max: 0}")
        self.assertEqual(run.scenario()["verdict"], "holds", str(run))

    def test_sentinels_know_users_and_renamed_commands(self):
        """With a password, Sentinels log in as the harness does; a command that has another name is sent by that."""
        conf = self.write("redis.conf", "requirepass sw0rdfish\nrename-command CONFIG settings-7\nappendonly yes\n"
                                        "save \"\"\nrepl-diskless-sync-delay 0\n")
        run = self.lastack("run", "sentinel-failover", "--config", conf)
        self.assertEqual(run.status, 0, str(run))

    def test_a_cluster_node_under_every_policy(self):
        nodes = "nodes: [{name: primary, cluster: true}]"
        crash = ["load: {acked: 1000}", "kill: {scope: group}", "recover: {}", "verify: {}"]
        self.expect("holds", crash, "lost: {max: 0}", nodes=nodes)
        self.expect("violated", crash, "lost: {max: 0}", settings=NONE, nodes=nodes)
        lost = ["load: {acked: 1000}", "kill: {scope: group}", "remove: {file: \"*.conf\"}", "recover: {}", "verify: {}"]
        self.assertNotEqual(self.judge(lost, "lost: {max: 0}", nodes=nodes).scenario()["verdict"], "holds")


if __name__ == "__main__":
    unittest.main()
