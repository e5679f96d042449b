#!/usr/bin/python3
"""Faults on a real redis-server, each with what it must lead to, and the same run without it where that tells more."""
import json
import re
import subprocess
import threading
import time
import unittest

from support import LASTACK, LastackTest, sample, scenario_file



def scenario(steps, expect, settings="appendonly yes\nappendfsync always\nsave \"\"", more=""):
    lines = "".join(f"  {line}\n" for line in settings.splitlines())
    more = more if "load:" in more else more + "load: {min_acked: 1}\n"
    return (f"name: fault\ntitle: a fault\n{more}settings: |\n{lines}steps:\n"
            + "".join(f"  - {step}\n" for step in steps) + "expect:\n" + "".join(f"  - {one}\n" for one in expect))


PAIR = "nodes:\n  - {name: primary}\n  - {name: replica, replicates: primary}\n"
SLOWLY = "load: {min_acked: 1, rate: 1000}\n"
RDB = "appendonly no\nsave 3600 1"
EVERYSEC = "appendonly yes\nappendfsync everysec\nsave \"\""


AOF = "appendonly yes\nappendfsync always\nsave \"\""

# An operation that redis-server makes, what is done to it, and what comes of that: settings, steps, expectations.
EACH = {
    "the rename of a snapshot fails":
        (RDB, ["load: {acked: 500}", "arm: {rule: \"op=rename path=dump.rdb do=error:EIO\"}", "command: {send: BGSAVE}",
               "wait: {for: errors}", "verify: {}"], ["replies: {error: MISCONF, min: 1}"]),
    "a snapshot cannot be created":
        (RDB, ["load: {acked: 500}", "arm: {rule: \"op=open path=temp-*.rdb role=save-child do=error:EMFILE\"}",
               "command: {send: BGSAVE}", "wait: {for: errors}", "verify: {}"], ["replies: {error: MISCONF, min: 1}"]),
    "a rename that is not done leaves no snapshot":
        (RDB, ["load: {acked: 500}", "stop_load: {}", "arm: {rule: \"op=rename path=dump.rdb do=lie\"}",
               "command: {send: SAVE}", "kill: {scope: group}", "recover: {}", "verify: {}"], ["lost: {all: true}"]),
    "a short write is continued":
        (RDB, ["load: {acked: 500}", "stop_load: {}", "arm: {rule: \"op=write path=temp-*.rdb nth=2 do=short:10\"}",
               "command: {send: SAVE}", "kill: {scope: group}", "recover: {}", "verify: {}"], ["lost: {max: 0}"]),
    "the directory of the AOF cannot be made":
        ("appendonly no\nsave \"\"", ["load: {acked: 500}", "arm: {rule: \"op=mkdir path=appendonlydir do=error:ENOSPC\"}",
                                    "command: {send: \"CONFIG SET appendonly yes\", expect: \"ERR\"}",
                                    "verify: {}"],
         ["log: {contains: \"o space left on device\"}"]),
    "a file that a rewrite leaves behind cannot be removed":
        (AOF, ["load: {acked: 500}", "arm: {rule: \"op=unlink path=appendonlydir/*.incr.aof do=error:EIO\"}",
               "command: {send: BGREWRITEAOF}", "wait: {for: idle}", "wait: {for: fired}", "stop_load: {}",
               "kill: {scope: group}", "recover: {}", "verify: {}"], ["lost: {max: 0}"]),
    "a torn tail cannot be cut off":
        (AOF, ["load: {acked: 500}", "kill: {scope: group}", "truncate: {file: \"**/*.incr.aof\", drop: 7}",
               "arm: {rule: \"op=truncate path=**/*.incr.aof do=error:EIO\"}", "recover: {}"],
         ["start: {refused: true}"]),
    "the AOF cannot be written beyond a place":
        (AOF, ["arm: {rule: \"op=write path=**/*.incr.aof offset=100000-200000 do=error:ENOSPC\"}", "load: {acked: 5000}",
               "wait: {for: exit}", "disarm: {}", "recover: {}", "verify: {}"], ["exit: {how: failed}", "lost: {max: 0}"]),
}

NET = {
    "a replica cannot connect, until it can":
        ["load: {acked: 500}", "arm: {node: replica, rule: \"op=connect peer=@primary do=error:ECONNREFUSED\"}",
         "command: {node: primary, send: \"CLIENT KILL TYPE replica\"}", "wait: {node: replica, for: fired}",
         "command: {node: replica, send: \"INFO replication\", expect: \"master_link_status:down\"}",
         "disarm: {node: replica}", "stop_load: {}", "wait: {node: replica, for: synced}", "verify: {node: replica}"],
    "a client is turned away at the door":
        ["load: {acked: 500}", "arm: {node: primary, rule: \"op=accept peer=@primary nth=1 do=error:ECONNABORTED\"}",
         "command: {node: primary, send: PING}", "wait: {node: primary, for: fired}", "stop_load: {}",
         "wait: {node: replica, for: synced}", "verify: {node: replica}"],
    "a slow link":
        ["arm: {node: replica, rule: \"op=recv peer=@primary p=0.2 do=delay:5\"}", "load: {acked: 1000}",
         "wait: {node: replica, for: fired}", "stop_load: {}", "wait: {node: replica, for: synced}",
         "verify: {node: replica}"],
}


class Faults(LastackTest):
    def each(self, name, text):
        with self.subTest(name):
            verdict, run = self.verdict(text)
            self.assertEqual(verdict, "holds", str(run))
            self.assertTrue(all(fault["fired"] for fault in run.scenario()["faults"]), str(run))

    def test_each_operation_that_fails(self):
        for name, (settings, steps, expect) in sample(EACH.items()):
            self.each(name, scenario(steps, expect, settings))

    def test_each_operation_on_a_socket_that_fails(self):
        for name, steps in sample(NET.items()):
            self.each(name, scenario(steps, ["lost: {max: 0}"], "save \"\"", PAIR))

    def verdict(self, text, **kwargs):
        server = ["--server", kwargs.pop("server")] if "server" in kwargs else []
        run = self.lastack("run", self.write(f"fault{self.calls}.yaml", text), *server, **kwargs)
        self.assertIsNotNone(run.result, str(run))
        return run.scenario()["verdict"], run

    def test_a_signal_at_an_exact_operation(self):
        """TERM is a shutdown in good order, SEGV a crash: with an fsync before each reply neither loses anything."""
        for name, how, wrapped in (("TERM", "stopped", False), ("SEGV", "crashed", False), ("TERM", "stopped", True)):
            with self.subTest(name, wrapped=wrapped):
                steps = [f"arm: {{rule: \"op=fsync role=server path=**/*.incr.aof nth=300 do=signal:{name}\"}}",
                         "load: {acked: 100}", "wait: {for: exit}", "recover: {}", "verify: {}"]
                server = self.write("bare", "#!/bin/sh\nunset LD_PRELOAD\nexec redis-server \"$@\"\n")
                server.chmod(0o755)
                verdict, run = self.verdict(scenario(steps, ["lost: {max: 0}", f"exit: {{how: {how}}}"]),
                                            **({"server": server} if wrapped else {}))
                self.assertEqual(verdict, "holds", str(run))
                self.assertEqual([fault["fired"] for fault in run.scenario()["faults"]], [1])
                if name == "SEGV":  # the outage begins with the signal, not with the end of the report that it leads to
                    [hit] = run.scenario()["injections"]
                    [end] = [event for event in run.scenario()["timeline"] if event["event"] == "ended by signal 11"]
                    self.assertGreater(run.scenario()["rto"]["phases"]["gone_ms"], (end["t_ms"] - hit["t_ms"]) / 2)

    def test_a_pause_holds_up_clients_and_nothing_else(self):
        text = scenario(["load: {acked: 500}", "pause: {ms: 1200}", "wait: {for: writes}", "kill: {scope: group}",
                         "recover: {}", "verify: {}"], ["lost: {max: 0}", "exit: {how: killed}"])
        verdict, run = self.verdict(text)
        self.assertEqual(verdict, "holds", str(run))
        told = subprocess.run([LASTACK, "ledger", run.out / "fault", "--format", "jsonl"], capture_output=True, text=True)
        done = sorted(op["done_ns"] for op in map(json.loads, told.stdout.splitlines()) if op.get("done_ns"))
        self.assertGreater(max(later - before for before, later in zip(done, done[1:])), 1.1e9)

    def test_a_pause_is_not_held_against_the_server(self):
        steps = ["load: {acked: 2000}", "pause: {ms: 3000}", "power_cut: {}", "recover: {}", "verify: {}"]
        verdict, run = self.verdict(scenario(steps, ["window: {max_ms: 1500}"], EVERYSEC,
                                             "power_cut: {method: simulated}\n"))
        self.assertIn(verdict, ("holds", "inconclusive"), str(run))

    def test_a_node_that_is_down_has_no_pause(self):
        text = scenario(["load: {acked: 500}", "kill: {scope: group}", "pause: {ms: 10}"], ["exit: {how: killed}"])
        verdict, run = self.verdict(text)
        self.assertEqual(verdict, "inconclusive", str(run))
        self.assertIn("is not running: it cannot be paused", run.scenario()["reasons"][0])

    def test_a_fault_may_end_the_server_before_the_reply_to_the_command_that_led_to_it(self):
        ways = (("op=write path=**/*.incr.aof do=kill", "SET k v", AOF),
                ("op=fsync path=**/*.incr.aof do=kill:group", "SET k v", AOF),
                ("op=fsync path=**/*.incr.aof do=power-cut", "SET k v", AOF),
                ("op=fork do=kill", "BGSAVE", RDB), ("op=rename path=dump.rdb do=kill", "SAVE", RDB))
        for rule, command, settings in ways:
            steps = ["load: {acked: 100}", "stop_load: {}", f"arm: {{rule: \"{rule}\"}}",
                     f"command: {{send: \"{command}\"}}", "disarm: {}", "recover: {}", "verify: {}"]
            lost = "lost: {all: true}" if settings == RDB else "lost: {max: 0}"
            cut = "power_cut: {}\n" if "power-cut" in rule else ""
            verdict, run = self.verdict(scenario(steps, [lost], settings, cut))
            self.assertEqual(verdict, "holds", rule + "\n" + str(run))
            # a reply that is asked for has not come
            steps[3] = f"command: {{send: \"{command}\", expect: OK}}"
            verdict, run = self.verdict(scenario(steps, [lost], settings, cut))
            self.assertEqual(verdict, "inconclusive", rule + "\n" + str(run))

    def test_a_server_that_ends_at_a_command_by_itself_is_not_excused(self):
        for steps in (["load: {acked: 100}", "stop_load: {}", "command: {send: DEBUG SEGFAULT}"],
                      ["load: {acked: 100}", "stop_load: {}", "arm: {rule: \"op=rename path=dump.rdb do=kill\"}",
                       "command: {send: DEBUG SEGFAULT}"]):
            verdict, run = self.verdict(scenario(steps + ["recover: {}", "verify: {}"], ["lost: {all: true}"],
                                                 RDB + "\nenable-debug-command yes"))
            self.assertEqual(verdict, "inconclusive", str(run))
            self.assertIn("DEBUG SEGFAULT", run.scenario()["reasons"][0])

    def test_more_injections_than_the_log_has_room_for_void_no_verdict(self):
        reread = ["load: {acked: 1000}", "command: {send: BGREWRITEAOF}", "wait: {for: idle}", "load: {acked: 300}",
                  "kill: {scope: group}", "{}", "recover: {}", "disarm: {}", "verify: {}"]
        for rule in ("op=read path=** do=short:1", "op=read path=**/*.aof do=short:2"):
            steps = [step if step != "{}" else f"arm: {{rule: \"{rule}\"}}" for step in reread]
            for bound, expected in (("max: 0", "holds"), ("min: 1", "violated")):
                verdict, run = self.verdict(scenario(steps, [f"lost: {{{bound}}}"], AOF))
                self.assertEqual(verdict, expected, rule + "\n" + str(run))
                fired = run.scenario()["faults"][0]["fired"]
                self.assertGreater(fired, 16384)

    def test_a_write_that_is_too_small_to_be_torn_is_no_torn_write(self):
        for cut in ("torn:60000000", "short:60000000"):
            steps = [f"arm: {{rule: \"op=write path=**/*.incr.aof do={cut}\"}}", "load: {acked: 500}", "kill: {scope: group}",
                     "recover: {}", "verify: {}"]
            verdict, run = self.verdict(scenario(steps, ["lost: {max: 0}"], AOF))
            self.assertEqual(verdict, "inconclusive", str(run))
            self.assertIn("none has more bytes than it is to leave", run.scenario()["reasons"][0])

    def test_a_server_may_end_of_an_error_or_go_on(self):
        failed = ["load: {acked: 300}", "arm: {rule: \"op=fsync path=**/*.incr.aof do=error:EIO\"}", "load: {acked: 500}",
                  "wait: {for: exit}", "disarm: {}"]
        back = ["recover: {}", "verify: {}"]
        for end in ([], ["kill: {scope: group}"], ["power_cut: {}"]):  # it has ended already
            verdict, run = self.verdict(scenario(failed + end + back, ["lost: {max: 0}", "exit: {how: failed}"], AOF,
                                                 "power_cut: {}\n"))
            self.assertEqual(verdict, "holds", str(run))
        late = self.write("late", "#!/bin/sh\nredis-server \"$@\"\nstatus=$?\nsleep 0.5\nexit $status\n")
        late.chmod(0o755)  # on a busy machine it takes its time
        text = scenario(failed + ["power_cut: {}"] + back, ["lost: {max: 0}", "exit: {how: failed}"], AOF, "power_cut: {}\n")
        run = self.lastack("run", self.write("late.yaml", text), "--server", late)
        self.assertEqual(run.scenario()["verdict"], "holds", str(run))
        slow = ["load: {acked: 300}", "arm: {rule: \"op=fsync path=**/*.incr.aof do=delay:20\"}",
                "wait: {for: exit, timeout_ms: 300}", "disarm: {}"]
        for end in ([], ["kill: {scope: group}"]):  # it has gone on
            verdict, run = self.verdict(scenario(slow + end + back, ["lost: {max: 0}"], AOF))
            # without an end of any kind there was nothing to recover from
            self.assertEqual(verdict, "holds" if end else "inconclusive", str(run))
            verdict, run = self.verdict(scenario(slow + end + back, ["lost: {max: 0}", "exit: {how: failed}"], AOF))
            self.assertEqual(verdict, "violated", str(run))
        # nobody knows why it is down
        crash = ["load: {acked: 300}", "command: {send: DEBUG SEGFAULT}"]
        verdict, run = self.verdict(scenario(crash + ["kill: {scope: group}"] + back, ["lost: {max: 0}"],
                                             AOF + "\nenable-debug-command yes"))
        self.assertEqual(verdict, "inconclusive", str(run))

    def test_an_end_that_no_injection_explains(self):
        """A delay does no harm: who crashes beside one has crashed by himself."""
        crasher = self.write("crasher", "#!/bin/sh\ndir=$(dirname \"$1\")\ncase $dir in */primary) [ -e \"$dir/crashed\" ] || "
                                        "{ touch \"$dir/crashed\"; (sleep 1; kill -SEGV $$) & } ;; esac\nexec redis-server \"$@\"\n")
        crasher.chmod(0o755)
        steps = ["load: {acked: 100}", "arm: {rule: \"op=fsync do=delay:1\"}", "wait: {for: exit}", "disarm: {}", "kill: {scope: group}",
                 "recover: {}", "verify: {}"]
        verdict, run = self.verdict(scenario(steps, ["lost: {max: 0}"], AOF), server=crasher)
        self.assertEqual(verdict, "inconclusive", str(run))
        self.assertIn("ended by itself before KILL", run.scenario()["reasons"][0])

    def test_a_rule_that_strikes_while_the_server_starts(self):
        """That is the scenario's doing, however the server is wrapped: started again, it is judged."""
        wrap = self.write("wrap", "#!/bin/sh\nredis-server \"$@\"\nexit $?\n")
        wrap.chmod(0o755)
        selfkill = self.write("selfkill", "#!/bin/sh\ndir=$(dirname \"$1\")\ncase $dir in */primary) n=$(cat \"$dir/n\" 2>/dev/null || "
                                          "echo 0); echo $((n+1)) >\"$dir/n\"; [ $n != 1 ] || kill -KILL $$ ;; esac\n"
                                          "exec redis-server \"$@\"\n")
        selfkill.chmod(0o755)
        crash = ["load: {acked: 2000}", "kill: {scope: group}"]
        back = ["recover: {}", "disarm: {}", "recover: {}", "verify: {}"]
        on_load = "op=read role=server path=appendonlydir/*.incr.aof nth=1 do="
        for do, server in (("kill", "redis-server"), ("kill:group", "redis-server"), ("signal:ABRT", "redis-server"),
                           ("signal:TERM", "redis-server"), ("kill", wrap)):
            verdict, run = self.verdict(scenario([*crash, f"arm: {{rule: \"{on_load}{do}\"}}", *back], ["lost: {max: 0}"], AOF),
                                        server=server)
            self.assertEqual(verdict, "holds", do + str(run))
            verdict, run = self.verdict(scenario([*crash, f"arm: {{rule: \"{on_load}{do}\"}}", "recover: {}", "verify: {}"],
                                                 ["lost: {max: 0}"], AOF), server=server)
            self.assertEqual(verdict, "inconclusive", do + str(run))
        # a rule that does no harm is no excuse
        verdict, run = self.verdict(scenario([*crash, "arm: {rule: \"op=read do=delay:1\"}", *back], ["lost: {max: 0}"], AOF),
                                    server=selfkill)
        self.assertEqual(verdict, "violated", str(run))

    def test_what_was_found_stands_whatever_is_doubted_afterwards(self):
        steps = ["load: {acked: 300}", "arm: {rule: \"op=any-write path=**/*.aof do=error:ENOSPC\"}", "wait: {for: fired}",
                 "wait: {for: writes, timeout_ms: 1500}"]
        for then, doubt in (([], "load too thin: only"), (["wait: {for: synced, timeout_ms: 100}"], "waited 100 ms for"),
                            (["command: {send: NOSUCH}"], "NOSUCH"), (["recover: {}"], "never went down")):
            verdict, run = self.verdict(scenario(steps + then + ["verify: {}"], ["lost: {max: 0}"], EVERYSEC,
                                                 "load: {min_acked: 900000}\n"))
            self.assertEqual(verdict, "violated", str(run))
            reasons = run.scenario()["reasons"]
            self.assertIn("no write was accepted within 1500 ms", reasons[0])
            self.assertTrue(any(doubt in reason for reason in reasons), str(run))

    def test_what_came_in_place_of_the_reply_that_was_expected_is_said(self):
        for line, words in (("XRANGE nothing - +", "[]"), ("GET nothing", "(nil)"), ("STRLEN nothing", "0"),
                            ("MGET nothing other", "[(nil), (nil)]"), ("ECHO hello", "hello"),
                            ("COMMAND INFO nothing", "[(nil)]"), ("EVAL \"return {1,{2,'x'}}\" 0", "[1, [2, x]]")):
            steps = ["load: {acked: 100}", f"command: {{send: {json.dumps(line)}, expect: this}}", "verify: {}"]
            verdict, run = self.verdict(scenario(steps, ["lost: {max: 0}"], AOF))
            self.assertEqual(verdict, "violated", str(run))
            self.assertIn(f"expected a reply with 'this', got '{words}'", run.scenario()["reasons"][0])

    def test_times_to_live_that_differ_are_said_in_ms(self):
        late = "command: {node: replica, send: \"EVAL \\\"for _,k in ipairs(redis.call('KEYS','*')) do local t=redis.call('PTTL',k) " \
               "if t>1000 then redis.call('PEXPIRE',k,t+500) end end\\\" 0\"}"
        steps = ["load: {acked: 1000}", "stop_load: {}", "wait: {node: replica, for: synced}", late]
        more = PAIR.replace("replicates: primary", "replicates: primary, config: replica-read-only no") + \
            "load: {min_acked: 1, mix: [{type: expiry, share: 1}]}\n"
        for step, words in (("compare", "ms earlier"), ("verify", "ms off")):
            for bound, expected in ((100, "violated"), (1000, "holds")):
                reads = [f"{step}: {{node: replica, ttl_ms: {bound}}}"]
                if step == "compare":
                    reads.append("verify: {node: replica, ttl_ms: 1000}")
                verdict, run = self.verdict(scenario(steps + reads, ["lost: {max: 0}"], "save \"\"", more))
                self.assertEqual(verdict, expected, str(run))
                if expected == "violated":
                    self.assertIn(words, str(run.scenario()["findings"]))

    def test_what_the_environment_preloads_is_no_part_of_the_server(self):
        """Under libeatmydata no fsync is made: a server that had it would lose everything."""
        for name in ("power-cut-aof-always", "kill9-rdb"):
            run = self.lastack("run", scenario_file(name), env={"LD_PRELOAD": "libeatmydata.so.1"})
            self.assertEqual(run.status, 0, str(run))
            self.assertIn("LD_PRELOAD=libeatmydata.so.1", run.stdout)

    def test_a_key_that_the_scenario_itself_writes_is_no_phantom(self):
        ways = ("SET mine 1", "SET mine 1 EX 1000", "EVAL \"redis.call('set', 'mine', '1')\" 0", "MSET mine 1 yours 2",
                "RPUSH mine 1", "HSET \"mine\" 1 2", "EVAL \"redis.call('select', 3) redis.call('set', 'mine', 1)\" 0",
                "FUNCTION LOAD \"#!lua name=mine\\nredis.register_function('f', function() return 1 end)\"")
        for line in ways:
            quoted = line.replace("'", "''")
            steps = [f"command: {{send: '{quoted}'}}", "load: {acked: 500}", "kill: {scope: group}", "recover: {}",
                     "verify: {}"]
            verdict, run = self.verdict(scenario(steps, ["lost: {max: 0}"], AOF))
            self.assertEqual(verdict, "holds", line + "\n" + str(run))

    def test_files_that_are_left_behind_are_counted(self):
        """A save child that is killed leaves its temporary file, and the next start leaves it lie."""
        steps = ["load: {acked: 500}", "arm: {rule: \"op=write path=temp-*.rdb role=save-child nth=2 do=kill:group\"}",
                 "command: {send: BGSAVE}", "wait: {for: exit}", "recover: {}", "verify: {}"]
        for bounds, expected in (("max: 0", "violated"), ("min: 1, max: 1", "holds"), ("min: 2", "violated")):
            verdict, run = self.verdict(scenario(steps, ["lost: {all: true}", f"files: {{match: temp-*.rdb, {bounds}}}"],
                                                 RDB))
            self.assertEqual(verdict, expected, str(run))
        for match in ("/etc/passwd", "../x", "''"):
            run = self.lastack("run", self.write("bad.yaml", scenario(steps, [f"files: {{match: {match}, max: 0}}"])))
            self.assertEqual(run.status, 2, str(run))

    def test_a_partition_stops_replication_and_heals(self):
        steps = ["load: {acked: 1000}", "arm: {node: replica, rule: \"op=network peer=@primary do=hang\"}",
                 "load: {acked: 1000}", "wait: {node: replica, for: fired}", "stop_load: {}", "sleep: {ms: 200}",
                 "{}", "disarm: {node: replica}", "wait: {node: replica, for: synced}",
                 "verify: {node: replica}"]
        behind = "command: {node: replica, send: \"INFO replication\", expect: \"master_link_status:up\"}"
        text = scenario([step.replace("{}", behind, 1) if step == "{}" else step for step in steps],
                        ["lost: {max: 0}"], "save \"\"", PAIR)
        verdict, run = self.verdict(text)
        self.assertEqual(verdict, "holds", str(run))
        # while it lasts, the replica has not got what the primary acknowledged
        during = [step for step in steps if not step.startswith(("disarm", "wait: {node: replica, for: synced"))]
        verdict, run = self.verdict(scenario([s for s in during if s != "{}"], ["lost: {max: 0}"], "save \"\"", PAIR))
        self.assertEqual(verdict, "violated", str(run))

    def test_compressed_time_makes_an_hourly_save_due(self):
        steps = ["load: {acked: 2000}", "mark: {}", "{}", "sleep: {ms: 9000}", "wait: {for: idle}", "kill: {scope: group}",
                 "recover: {}", "verify: {}"]
        faster = [step.replace("{}", "arm: {rule: \"op=clock do=clock:x600\"}", 1) if step == "{}" else step
                  for step in steps]
        verdict, run = self.verdict(scenario(faster, ["lost: {before_mark: 0}"], RDB, SLOWLY))
        self.assertEqual(verdict, "holds", str(run))
        normal = [step for step in steps if step != "{}"]
        verdict, run = self.verdict(scenario(normal, ["lost: {before_mark: 0}"], RDB, SLOWLY))
        self.assertEqual(verdict, "violated", str(run))

    def test_time_stays_consistent_across_a_replication_link(self):
        """On the replica it is never earlier than on the primary just before, nor later than there just after. What
        keeps the link up is waited for longer than usual: a busy machine's 0.6 s are the 60 s in which it times out."""
        ask = ("command: {node: %s, send: \"EVAL \\\"local t = redis.call('TIME') "
               "return string.format('at %%d.%%06d', t[1], t[2])\\\" 0\"}")
        steps = ["load: {acked: 500}", "arm: {rule: \"op=clock do=clock:x100\"}", "sleep: {ms: 3000}",
                 ask % "primary", ask % "replica", ask % "primary",
                 "command: {node: replica, send: \"INFO replication\", expect: \"master_link_status:up\"}",
                 "load: {acked: 500}", "stop_load: {}", "wait: {node: replica, for: synced}", "verify: {node: replica}"]
        verdict, run = self.verdict(scenario(steps, ["lost: {max: 0}", "full_syncs: {node: replica, max: 1}"],
                                             "save \"\"\nrepl-timeout 3600", PAIR))
        self.assertEqual(verdict, "holds", str(run))
        said = [event["event"].partition(" -> at ")[2] for event in run.scenario()["timeline"]]
        times = [float(time) for time in said if time]
        self.assertEqual(len(times), 3)
        self.assertEqual(times, sorted(times))

    def test_a_rotten_bit_in_a_snapshot_is_noticed_at_load(self):
        """In the midst of a large string: by a bit of a length or of a type, Redis may come to crash on an assertion."""
        large = "load: {value_size: 60000, min_acked: 100, mix: [{type: string, share: 1}]}\n"
        steps = ["load: {acked: 200}", "command: {send: SAVE}", "kill: {scope: group}",
                 "arm: {rule: \"op=read path=dump.rdb nth=3 do=flip:4000\"}", "recover: {}"]
        verdict, run = self.verdict(scenario(steps, ["start: {refused: true}"], RDB, large))
        self.assertEqual(verdict, "holds", str(run))
        verdict, run = self.verdict(scenario([s for s in steps if "flip" not in s], ["start: {refused: true}"], RDB, large))
        self.assertEqual(verdict, "violated", str(run))

    def test_a_read_error_at_load(self):
        steps = ["load: {acked: 2000}", "kill: {scope: group}",
                 "arm: {rule: \"op=read path=**/*.incr.aof nth=2 do=error:EIO\"}", "recover: {}"]
        verdict, run = self.verdict(scenario(steps, ["start: {refused: true}"]))
        self.assertEqual(verdict, "holds", str(run))

    def test_an_fsync_that_lies_shows_under_a_power_cut_only(self):
        lie = "arm: {rule: \"op=fsync path=**/*.incr.aof do=lie\"}"
        for ending, expected in (("kill: {scope: group}", "holds"), ("power_cut: {}", "violated")):
            steps = [lie, "load: {acked: 2000}", ending, "recover: {}", "verify: {}"]
            verdict, run = self.verdict(scenario(steps, ["lost: {max: 0}"],
                                                 more="power_cut: {method: simulated, policy: drop}\n"))
            self.assertEqual(verdict, expected, str(run))

    def test_a_failed_fsync_refuses_clients_until_the_aof_is_begun_anew(self):
        """Redis 7.0 with everysec asks for another fsync only once there is more to write, and takes no writes until
        one has succeeded: at a low rate neither time nor a rewrite helps, only the AOF switched off and on."""
        steps = ["load: {acked: 2000}", "arm: {rule: \"op=fdatasync path=**/*.incr.aof nth=1 do=error:EIO\"}",
                 "wait: {for: fired}", "wait: {for: errors}", "command: {send: \"CONFIG SET appendonly no\"}",
                 "command: {send: \"CONFIG SET appendonly yes\"}", "wait: {for: writes}", "wait: {for: idle}",
                 "mark: {}", "kill: {scope: group}", "recover: {}", "verify: {}"]
        verdict, run = self.verdict(scenario(steps, ["lost: {before_mark: 0}", "replies: {error: MISCONF, min: 1}"], EVERYSEC))
        self.assertEqual(verdict, "holds", str(run))

    def test_after_a_failed_fsync_btrfs_has_the_old_content(self):
        """On ext4 and xfs what an fsync failed to bring to the disk can still be read, and a kill -9 loses none of it."""
        for action, expected in (("error", "holds"), ("revert", "violated")):
            steps = ["load: {acked: 2000}", f"arm: {{rule: \"op=fdatasync path=**/*.incr.aof nth=1 do={action}:EIO\"}}",
                     "wait: {for: fired}", "wait: {for: errors}", "mark: {}", "kill: {scope: group}", "recover: {}",
                     "verify: {}"]
            verdict, run = self.verdict(scenario(steps, ["lost: {before_mark: 0}"], EVERYSEC,
                                                 "power_cut: {method: simulated}\n"))
            self.assertEqual(verdict, expected, str(run))

    def test_a_hanging_fsync_holds_the_server_up_until_it_ends(self):
        steps = ["load: {acked: 500}", "arm: {rule: \"op=fsync path=**/*.incr.aof do=hang\"}", "wait: {for: fired}",
                 "sleep: {ms: 300}", "disarm: {}", "wait: {for: writes}", "kill: {scope: group}", "recover: {}",
                 "verify: {}"]
        verdict, run = self.verdict(scenario(steps, ["lost: {max: 0}"]))
        self.assertEqual(verdict, "holds", str(run))

    def test_a_reset_connection_is_no_loss(self):
        steps = ["load: {acked: 500}", "arm: {node: replica, rule: \"op=recv peer=@primary nth=1 do=error:ECONNRESET\"}",
                 "wait: {node: replica, for: fired}", "load: {acked: 500}", "stop_load: {}",
                 "wait: {node: replica, for: synced}", "verify: {node: replica}"]
        verdict, run = self.verdict(scenario(steps, ["lost: {max: 0}"], "save \"\"", PAIR))
        self.assertEqual(verdict, "holds", str(run))

    def test_rules_from_outside_while_it_runs(self):
        """The last of them ends the server, and with that the wait."""
        text = scenario(["load: {acked: 300}", "wait: {for: exit, timeout_ms: 120000}", "recover: {}", "verify: {}"],
                        ["lost: {max: 0}"])
        answers = []

        def fault(*words):
            node = self.folder / "out1/fault/primary"
            done = subprocess.run([LASTACK, "fault", *words, "--node", node], capture_output=True, text=True)
            return done.stdout + done.stderr

        def until(true):
            for _ in range(6000):
                if true():
                    break
                time.sleep(0.01)

        def meddle():
            until((self.folder / "out1/fault/primary/data/appendonlydir").exists)
            answers.append(fault("arm", "op=fsync path=**/*.incr.aof do=delay:2"))
            until(lambda: re.search(r"0  armed +\d{3}", fault("ls")))  # so many are the load's
            for words in (["ls"], ["log"], ["disarm", "0"], ["ls"],
                          ["arm", "op=fsync path=**/*.incr.aof nth=1 do=kill:group"]):
                answers.append(fault(*words))

        thread = threading.Thread(target=meddle)
        thread.start()
        verdict, run = self.verdict(text)
        thread.join()
        self.assertEqual(verdict, "holds", str(run))
        self.assertIn("armed as rule 0", answers[0])
        self.assertRegex(answers[1], r"0  armed +[1-9]")
        self.assertIn("server#1 thread#", answers[2])
        self.assertRegex(answers[4], r"0  disarmed")
        self.assertGreater(run.scenario()["faults"][0]["fired"], 0)

    def test_bad_input_is_refused_before_the_server_starts(self):
        rows = [
            (["arm: {rule: \"op=write path=a/../../b do=lie\"}"], "stays below it"),
            (["arm: {rule: \"op=fsync do=error:EIO\"}", "arm: {rule: \"op=fsync nth=2 do=delay:5\"}"], "can never fire"),
            (["arm: {rule: \"op=fsync nth=2 do=error:EIO\"}", "arm: {rule: \"op=fsync nth=2 do=error:ENOSPC\"}"],
             "same operation"),
            (["arm: {rule: \"op=write do=disk-full:1m\"}", "arm: {rule: \"op=write do=disk-full:2m\"}"], "budget"),
            (["arm: {rule: \"op=send peer=@nobody do=hang\"}"], "there is no node 'nobody'"),
            (["arm: {rule: \"op=fsync do=power-cut\"}"], "power_cut: {}"),
            (["power_cut: {}"], "power_cut: {}"),
        ]
        for steps, words in rows:
            run = self.lastack("run", self.write("bad.yaml", scenario(steps, ["lost: {max: 0}"])))
            self.assert_refused(run, "bad.yaml:", words)
        for power, words in (("{method: simulated, filesystem: btrfs}", "no profile of btrfs"),
                             ("{method: real, filesystem: posix}", "profile of the simulated cut")):
            run = self.lastack("run", self.write("bad.yaml", scenario(["power_cut: {}"], ["lost: {max: 0}"],
                                                                      more=f"power_cut: {power}\n")))
            self.assert_refused(run, "bad.yaml:", words)

    def test_the_same_seed_leaves_the_same_log(self):
        """One client and no pipeline: the server's order of work is the client's, but for queues, whose pops come by
        another connection, and for what expires. What is armed at the end is for the child alone: beside it a thread of
        the server closes the old file."""
        logs = []
        for _ in range(2):
            text = scenario(["arm: {rule: \"op=fsync path=**/*.aof p=0.2 do=delay:1\"}",
                             "load: {acked: 300}", "stop_load: {}",
                             "disarm: {}", "arm: {rule: \"op=fsync path=temp-*.aof role=rewrite-child do=delay:1\"}",
                             "command: {send: BGREWRITEAOF}", "wait: {for: idle}"], ["exit: {how: alive}"])
            text = text.replace("{min_acked: 1}", "{min_acked: 1, clients: 1, pipeline: 1, capacity: 300, "
                                "mix: [{type: string, share: 3}, {type: transaction, share: 1}, {type: stream, share: 1}]}")
            run = self.lastack("run", self.write("log.yaml", text), "--seed", "5")
            node = run.out / "fault/primary"
            done = subprocess.run([LASTACK, "fault", "log", "--node", node], capture_output=True, text=True)
            logs.append(done.stdout)
            self.assertIn("rewrite-child", logs[-1], f"{run}\n{run.scenario()['timeline']}")
        self.assertGreater(len(logs[0].splitlines()), 20)
        self.assertEqual(logs[0], logs[1])


if __name__ == "__main__":
    unittest.main()
