#!/usr/bin/python3
"""Where a verdict would be easy to get wrong: what is no fault of the server is not held against it, and what nobody put
to the test does not hold."""
import json
import pathlib
import unittest

from support import LastackTest

HEAD = """name: x
title: t
settings: |
  appendonly yes
  appendfsync always
  save ""
"""
LOST_NOTHING = "expect: [{lost: {max: 0}}]\n"
PAIR = "nodes: [{name: primary}, {name: replica, replicates: primary}]\n"


class Verdicts(LastackTest):
    def verdict(self, steps, expect=LOST_NOTHING, more=""):
        """As the exit status says it: 0 holds, 1 violated, 3 inconclusive."""
        run = self.lastack("run", self.write("x.yaml", HEAD + more + f"steps: [{steps}]\n" + expect))
        return run.status, run

    def expect_verdict(self, status, words, *args, **options):
        got, run = self.verdict(*args, **options)
        self.assertEqual(got, status, str(run))
        self.assertIn(words, run.stdout)
        return run


class Waiting(Verdicts):
    def test_nobody_starts_what_went_down(self):
        self.expect_verdict(3, "nobody is to start it",
                            "{load: {acked: 1500}}, {kill: {scope: group}}, {wait: {for: ready}}, {verify: {}}")

    def test_nobody_writes(self):
        for what in ("writes", "errors"):
            self.expect_verdict(3, "no load runs",
                                "{load: {acked: 1500}}, {stop_load: {}}, "
                                f"{{wait: {{for: {what}, timeout_ms: 500}}}}, {{verify: {{}}}}")

    def test_the_load_pauses(self):
        """In five seconds one operation is acknowledged; in the next sixty none is sent."""
        self.expect_verdict(3, "the load pauses",
                            "{load: {acked: 1}}, {sleep: {ms: 6000}}, {wait: {for: writes, timeout_ms: 1000}}, "
                            "{verify: {}}", more="load: {clients: 1, busy_ms: 5000, idle_ms: 60000}\n")

    def test_a_server_that_takes_no_writes(self):
        self.expect_verdict(1, "no write was accepted",
                            "{load: {acked: 1500}}, {command: {send: CONFIG SET min-replicas-to-write 1}}, "
                            "{sleep: {ms: 300}}, {wait: {for: writes, timeout_ms: 500}}, {verify: {}}")


class Recovery(Verdicts):
    def test_writes_that_are_refused_as_configured(self):
        self.expect_verdict(0, "holds",
                            "{command: {send: CONFIG SET min-replicas-to-write 1}}, {command: {send: CONFIG REWRITE}}, "
                            "{load: {acked: 1500}}, {kill: {scope: group, node: replica}}, {kill: {scope: group}}, "
                            "{recover: {}}, {verify: {}}", more=PAIR)

    def test_a_start_before_any_fault(self):
        run = self.expect_verdict(3, "did not start", "{load: {acked: 1}}, {verify: {}}",
                                  more="tune: 'maxmemory-policy wrong'\n")
        self.assertIn("maxmemory-policy", run.stdout)


class Loss(Verdicts):
    FLUSHED = "{load: {acked: 1500}}, {stop_load: {}}, {command: {send: FLUSHALL}}, {verify: {}}"
    LATER = ("{load: {acked: 1500}}, {kill: {scope: group}}, {recover: {}}, {load: {acked: 1500}}, {stop_load: {}}, "
             "{command: {send: FLUSHALL}}, {verify: {}}")
    STRINGS = "load: {mix: [{type: string, share: 1}]}\n"
    VOLATILE = "tune: 'appendonly no'\n" + STRINGS

    def test_that_no_crash_has_taken(self):
        self.expect_verdict(1, "no crash has taken", self.FLUSHED, "expect: [{window: {max_ms: 30000}}]\n",
                            more=self.STRINGS)
        self.expect_verdict(1, "no crash has taken", self.LATER, "expect: [{lost: {all: true}}]\n",
                            more=self.VOLATILE)

    def test_that_a_crash_has_taken(self):
        self.expect_verdict(0, "holds", self.LATER.replace("{stop_load: {}}, {command: {send: FLUSHALL}}, ", ""),
                            "expect: [{lost: {all: true}}, {window: {max_ms: 60000}}]\n", more=self.VOLATILE)

    def test_that_could_not_be(self):
        self.expect_verdict(3, "nothing was acknowledged before", "{kill: {scope: group}}, {recover: {}}, "
                            "{load: {acked: 1500}}, {verify: {}}", "expect: [{lost: {all: true}}]\n",
                            more=self.VOLATILE)


class Tampered(Verdicts):
    """What came back is changed a little before it is read, as a server could have got it wrong."""
    KEY = "la:000000:00000"

    def tamper(self, kind, finding, *commands):
        changes = "".join(f"  - command: {{send: {json.dumps(command)}}}\n" for command in commands)
        text = (HEAD + f"load: {{clients: 1, mix: [{{type: {kind}, share: 1, keys: 1}}], min_acked: 300}}\n"
                "steps:\n  - load: {acked: 500}\n  - stop_load: {}\n  - kill: {scope: group}\n  - recover: {}\n"
                + changes + "  - verify: {}\n" + LOST_NOTHING)
        run = self.lastack("run", self.write("x.yaml", text))
        self.assertEqual(run.status, 1 if finding else 0, str(run))
        self.assertTrue(finding in run.kinds() if finding else not run.kinds(), str(run))

    def test_a_place(self):
        self.tamper("geo", None, f"EXISTS {self.KEY}")
        for by in (1, -1, 2):
            self.tamper("geo", "phantom", f"EVAL \"return redis.call('ZINCRBY',KEYS[1],{by},redis.call('ZRANGE',KEYS[1],0,0)"
                        f"[1])\" 1 {self.KEY}")

    def test_a_function(self):
        code = "register_function('%s',function(keys,args) return 'broken' end)"
        name = self.KEY.replace(":", "_")
        self.tamper("function", None, "FUNCTION LIST")
        self.tamper("function", "corrupt", f'FUNCTION LOAD REPLACE "#!lua name={name}\\nredis.{code % name}"')
        # one that the scenario itself loads is its own; one that is in the file is nobody's
        library = f"#!lua name=nobody\nredis.{code % 'nobody'}"
        self.tamper("function", None, f"FUNCTION LOAD {json.dumps(library)}")
        logged = "".join(f"${len(word)}\r\n{word}\r\n" for word in ("FUNCTION", "LOAD", library))
        text = (HEAD + "load: {clients: 1, mix: [{type: function, share: 1, keys: 1}], min_acked: 300}\n"
                "steps:\n  - load: {acked: 500}\n  - stop_load: {}\n  - kill: {scope: group}\n"
                f"  - append: {{file: \"**/*.incr.aof\", text: {json.dumps('*3' + chr(13) + chr(10) + logged)}}}\n"
                "  - recover: {}\n  - verify: {}\n" + LOST_NOTHING)
        run = self.lastack("run", self.write("x.yaml", text))
        self.assertEqual(run.kinds(), {"phantom"}, str(run))

    def test_a_group(self):
        back = ("local p=redis.call('XPENDING',KEYS[1],'g','-','+',100000) local n=tonumber(string.match(p[#p][1],'%d+')) "
                "return redis.call('XGROUP','SETID',KEYS[1],'g',(n-1)..'-0')")
        self.tamper("group", None, f"XINFO GROUPS {self.KEY}")
        self.tamper("group", "corrupt", f'EVAL "{back}" 1 {self.KEY}')
        self.tamper("group", "phantom", f"XGROUP CREATE {self.KEY} h 0")
        self.tamper("group", "phantom", f"XGROUP CREATECONSUMER {self.KEY} g stranger")

    def test_times_to_live(self):
        """Of 50 keys that may expire a good part has no time to live: one more that has is told all the same. A counter:
        a string may have been deleted last. The second is for those that live half of it: what expires between reading
        and counting would make up for the one."""
        self.expect_verdict(1, "wrong ttl", "{load: {acked: 1500}}, {stop_load: {}}, "
                            "{command: {send: 'PEXPIRE la:000000:00000 3600000', expect: '1'}}, "
                            "{sleep: {ms: 1000}}, {verify: {}}",
                            more="load: {clients: 1, mix: [{type: counter, share: 1, keys: 1}, "
                            "{type: expiry, share: 1, keys: 50}]}\n")


class Replies(Verdicts):
    """A user that may not INCR: MULTI is refused as a whole, and says why once."""
    USER = ("tune: 'user app on >app ~* &* +@all -incr'\nload: {user: app, password: app, mix: "
            "[{type: string, share: 1}, {type: transaction, share: 1}]}\n")

    def test_errors_within_a_transaction(self):
        steps = "{load: {acked: 1500}}, {verify: {}}"
        for bound, status in (("min: 1", 0), ("max: 0", 1)):
            self.expect_verdict(status, "", steps, f"expect: [{{replies: {{error: NOPERM, {bound}}}}}]\n",
                                more=self.USER)


class Tuned(Verdicts):
    STEPS = "{load: {acked: 1500}}, {kill: {scope: group}}, {recover: {}}, {verify: {}}"

    def test_commands_that_the_scenario_disables(self):
        tune = "tune: 'rename-command INCR \"\"'\n"
        self.expect_verdict(0, "holds", self.STEPS, more=tune)
        self.expect_verdict(3, "the scenario disables INCR", self.STEPS,
                            more=tune + "load: {mix: [{type: counter, share: 1}]}\n")

    def test_commands_that_the_scenario_renames(self):
        self.expect_verdict(0, "holds", self.STEPS, more="tune: 'rename-command INFO about-it'\n")

    def test_a_password_that_the_scenario_sets(self):
        self.expect_verdict(0, "holds", self.STEPS, more="tune: 'requirepass secret'\n")


class Replica(Verdicts):
    def test_its_bundle_is_not_replayed_on_the_primary(self):
        run = self.expect_verdict(0, "holds", "{load: {acked: 1500}}, {stop_load: {}}, "
                                  "{wait: {for: synced, node: replica}}, {kill: {scope: group}}, {recover: {}}, "
                                  "{verify: {node: replica}}", more=PAIR)
        self.assert_refused(self.lastack("replay", pathlib.Path(run.out) / "x"), "read replica back")

    LOAD = "load: {clients: 50, pipeline: 200, value_size: 2000, mix: [{type: string, share: 1}]}\n"

    def test_it_is_read_when_it_has_caught_up(self):
        run = self.expect_verdict(0, "holds", "{load: {acked: 30000}}, {arm: {node: replica, rule: "
                                  "'op=recv peer=@primary do=delay:5'}}, {load: {acked: 5000}}, {stop_load: {}}, "
                                  "{disarm: {node: replica}}, {kill: {scope: group, node: replica}}, "
                                  "{recover: {node: replica}}, {verify: {node: replica}}", more=PAIR + self.LOAD)
        self.assertEqual(run.scenario()["rpo"]["lost"], 0)

    def test_it_evicts(self):
        nodes = ("nodes: [{name: primary}, {name: replica, replicates: primary, config: \"maxmemory 3mb\\n"
                 "maxmemory-policy allkeys-random\\nreplica-ignore-maxmemory no\"}]\nload: {value_size: 3000}\n")
        self.expect_verdict(3, "evicted",
                            "{load: {acked: 6000}}, {stop_load: {}}, {wait: {for: synced, node: replica}}, "
                            "{kill: {scope: group}}, {command: {node: replica, send: REPLICAOF NO ONE}}, "
                            "{verify: {node: replica}}", more=nodes)


if __name__ == "__main__":
    unittest.main()
