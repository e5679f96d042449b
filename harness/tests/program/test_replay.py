#!/usr/bin/python3
"""Recorded traffic, from an append-only file or from MONITOR: sent again, and held against a server that was sent the
same. What is lost from its end is counted; what is no state that there ever was is a finding."""
import json
import pathlib
import subprocess
import time
import unittest

from support import BROKEN, LastackTest

SCENARIO = """name: incident
title: an incident's own traffic
settings: |
  appendonly yes
  appendfsync always
  save ""
load: {replay: traffic, min_acked: 100}
steps:
  - load: {acked: ACKED}
  - kill: {scope: group}
  - recover: {}
  - verify: {}
expect:
  - lost: {max: 0}
"""
ALL = 100000  # more than is recorded


def commands():
    """Of all sorts, in two databases, with a transaction and keys that come and go."""
    for i in range(300):
        yield 0, ["SET", f"key:{i % 40}", f"value {i}"]
        yield 0, ["RPUSH", "list", f"element {i}\n\"quoted\""]
        yield 1, ["HSET", f"hash:{i % 7}", f"field {i % 11}", str(i)]
        if i % 3 == 0:
            yield 1, ["SADD", "set", str(i)]
            yield 0, ["DEL", f"key:{(i + 5) % 40}"]
        if i % 10 == 0:
            yield 0, ["SET", f"lasting:{i}", "x", "EX", "5000"]
            yield 0, ["EVAL", "redis.call('INCR',KEYS[1]) return redis.call('INCR',KEYS[2])", "2", "one", "two"]


def command(words):
    data = [word.encode() for word in words]
    return b"*%d\r\n" % len(data) + b"".join(b"$%d\r\n%b\r\n" % (len(word), word) for word in data)


def resp(lines):
    """An append-only file of commands, given as lines with no blanks in their words."""
    return b"".join(command(line.split(" ")) for line in lines)


def printed(lines):
    """What MONITOR prints of such lines; a word may be quoted already."""
    return "".join(f"1700000000.1 [0 127.0.0.1:5000] {line}\n" for line in lines).encode()


def aof():
    text, database = b"", None
    for number, (wanted, words) in enumerate(commands()):
        if wanted != database:
            text, database = text + command(["SELECT", str(wanted)]), wanted
        text += command(["MULTI"]) + command(words) + command(["INCR", "count"]) + command(["EXEC"]) \
            if number % 5 == 0 else command(words)
    return text + b"*3\r\n$3\r\nSET\r\n$4\r\ntorn\r\n$100\r\nend"


def monitor():
    def quoted(word):
        return '"' + word.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
    lines = ["OK"]
    for number, (database, words) in enumerate(commands()):
        lines.append(f"17000000{number:05}.123456 [{database} 127.0.0.1:5000] " + " ".join(map(quoted, words)))
        if words[0] == "EVAL":
            lines.append(f"17000000{number:05}.123457 [{database} lua] \"INCR\" \"one\"")
    return "\n".join(lines + ['1700000001.1 [0 127.0.0.1:5000] "BLPOP" "nothing" "0"', ""]).encode()


class Replay(LastackTest):
    def replay(self, traffic, acked=ALL, **options):
        (self.folder / "traffic").write_bytes(traffic)
        path = self.write("incident.yaml", SCENARIO.replace("ACKED", str(acked)))
        return self.lastack("run", path, **options)

    def test_an_append_only_file(self):
        run = self.replay(aof())
        self.assertEqual(run.status, 0, str(run))
        self.assertEqual(run.scenario()["rpo"]["acked"], len(list(commands())))
        self.assertEqual(run.scenario()["rpo"]["lost"], 0)

    def test_what_monitor_printed(self):
        run = self.replay(monitor())
        self.assertEqual(run.status, 0, str(run))
        self.assertEqual(run.scenario()["rpo"]["acked"], len(list(commands())))

    def test_times_in_an_append_only_file(self):
        stamped = b"".join(b"#TS:1700000%03d\r\n" % i + b"*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$3000\r\n%03000d\r\n" % i
                           for i in range(200))
        run = self.replay(stamped + b"*1\r\n$4\r\nPING\r\n#TS:17")
        self.assertEqual(run.status, 0, str(run))
        self.assertEqual(run.scenario()["rpo"]["acked"], 200)
        self.assertIn("replay: 200 recorded, 1 left out", str(run.scenario()["timeline"]))
        self.assertIn("; 6 bytes torn at the end", str(run.scenario()["timeline"]))

    def test_every_byte_in_a_value(self):
        value = bytes(range(256)) + b"\r\n*1\r\n"
        run = self.replay(b"".join(b"*3\r\n$3\r\nSET\r\n$5\r\nk:%03d\r\n$%d\r\n%b\r\n" % (i, len(value), value)
                                   for i in range(200)))
        self.assertEqual(run.status, 0, str(run))
        self.assertEqual(run.scenario()["rpo"]["acked"], 200)
        self.assertIn("200 recorded, 0 left out", str(run.scenario()["timeline"]))
        self.assertIn("; 0 bytes torn at the end", str(run.scenario()["timeline"]))

    def test_killed_in_the_middle(self):
        run = self.replay(aof(), acked=400)
        self.assertEqual(run.status, 0, str(run))
        self.assertGreaterEqual(run.scenario()["rpo"]["acked"], 400)

    def test_an_end_that_is_lost(self):
        run = self.lastack_on("cuts-aof", aof())
        self.assertEqual(run.status, 1, str(run))
        rpo = run.scenario()["rpo"]
        self.assertGreater(rpo["lost"], rpo["acked"] / 2)
        self.assertEqual(run.kinds(), {"lost"})

    def lastack_on(self, defect, traffic, expect="lost: {max: 0}"):
        (self.folder / "traffic").write_bytes(traffic)
        path = self.write("incident.yaml", SCENARIO.replace("ACKED", str(ALL)).replace("lost: {max: 0}", expect))
        return self.lastack("run", path, "--server", BROKEN / "redis", env={"REDIS_DEFECT": defect})

    def respd(self, defect, traffic):
        (self.folder / "traffic").write_bytes(traffic)
        path = self.write("incident.yaml", SCENARIO.replace("ACKED", str(ALL)))
        return self.lastack("run", path, "--server", BROKEN / "respd", env={"RESPD_DEFECT": defect})

    def test_a_server_that_does_not_tell_the_keys_of_a_command(self):
        traffic = resp(f"SET key:{i} v{i}" for i in range(400))
        for defect, status in (("", 0), ("lose-tail", 1), ("stale-snapshot", 1)):
            run = self.respd(defect, traffic)
            self.assertEqual(run.status, status, f"{defect}: {run}")

    def test_keys_that_are_not_declared(self):
        """In another database, in all, or named by a script alone."""
        undeclared = '"EVAL" "return redis.call(\'SET\',\'k\'..ARGV[1],1)" "0" "%d"'
        for what, traffic in (
                ("COPY DB", resp([f"COPY key:1 c:{i} DB 5" if i else "SET key:1 1" for i in range(200)])),
                ("MOVE", resp(line for i in range(100) for line in (f"SET k{i} v", f"MOVE k{i} 5"))),
                ("SWAPDB", resp(["SET a 1", "SWAPDB 0 1"] * 2 + [f"SET k{i} v" for i in range(100)])),
                ("EVAL", printed(undeclared % i for i in range(150)))):
            run = self.lastack_on("", traffic)
            self.assertEqual(run.status, 0, f"{what}: {run}")
            run = self.lastack_on("cuts-aof", traffic)
            self.assertEqual(run.status, 1, f"{what}: {run}")
            self.assertEqual(run.kinds(), {"lost"}, f"{what}: {run}")

    def test_a_script_that_fails_half_way(self):
        half = '"EVAL" "redis.call(\'INCR\',KEYS[1]) return redis.call(\'LPUSH\',KEYS[1],1)" "1" "n%d"'
        own = '"EVAL" "redis.call(\'INCR\',KEYS[1]) return redis.error_reply(\'MINE\')" "1" "o%d"'
        run = self.replay(printed(line for i in range(100) for line in (
            f"SET k{i} v", *([half % i, own % i, f"LPUSH k{i} no"] if i % 20 == 5 else ()))))
        self.assertEqual(run.status, 0, str(run))
        self.assertEqual(run.scenario()["rpo"]["acked"], 100)

    def test_short_times_to_live(self):
        traffic = resp(line for i in range(150) for line in (f"SET k{i} v PX 4500", f"PERSIST k{i}"))
        for defect, status in (("", 0), ("forget-persist", 1)):
            run = self.respd(defect, traffic)
            self.assertEqual(run.status, status, f"{defect}: {run}")
        # the last ten live on, so that there is something to get wrong however long the server takes to come back
        fleeting = resp(f"SET k{i} v{i} PX {100 + 40 * i if i < 140 else 600000}" for i in range(150))
        for defect, status in (("", 0), ("lose-ttl", 1), ("swap-values", 1)):
            run = self.respd(defect, fleeting)
            self.assertEqual(run.status, status, f"{defect}: {run}")

    def test_what_expires_before_it_is_looked_at(self):
        (self.folder / "traffic").write_bytes(resp(f"SET k{i} v PX {6000 + 10 * i}" for i in range(150)))
        path = self.write("incident.yaml", SCENARIO.replace("ACKED", str(ALL)).replace(
            "  - verify", "  - sleep: {ms: 6500}\n  - verify"))
        run = self.lastack("run", path)
        self.assertEqual(run.status, 0, str(run))

    def test_what_expires_between_two_looks_at_it(self):
        """A server that is slow to answer: some key has a time to live when it is asked for that, and is gone when it is
        asked for its value."""
        (self.folder / "traffic").write_bytes(resp(f"SET k{i:02} v PX {3000 + 450 * i}" for i in range(20)))
        path = self.write("incident.yaml", SCENARIO.replace("ACKED", str(ALL)).replace("100}", "1}").replace(
            "  - verify", "  - arm: {rule: \"op=send do=delay:300\"}\n  - verify"))
        run = self.lastack("run", path)
        self.assertEqual(run.status, 0, str(run))

    def test_a_deadline_that_is_passed_on(self):
        """The node took its time, and the server that it is compared with does not."""
        (self.folder / "traffic").write_bytes(resp(
            ["SET a v EX 100", "SET b v EX 200", "SET c v EX 300", *(f"SET k{i} v" for i in range(150)),
             "RENAME a d", "MOVE b 5", "COPY c e"]))
        path = self.write("incident.yaml", SCENARIO.replace("ACKED", str(ALL)).replace("traffic,", "traffic, rate: 40,"))
        run = self.lastack("run", path)
        self.assertEqual(run.status, 0, str(run))

    def test_a_name_with_a_zero_byte(self):
        traffic = resp(f"SET k{i}\0x v{i}" for i in range(150))
        for run in (self.replay(traffic), self.lastack_on("cuts-aof", traffic), self.respd("", traffic)):
            self.assertEqual(run.status, 3, str(run))
            self.assertIn("zero byte", run.stdout)

    def test_what_only_reads_cannot_be_lost(self):
        traffic = printed(line for i in range(200) for line in (
            f'"SET" "k{i}" "v{i}"', f'"get" "k{i}"', f'"SORT" "list{i}"', '"XREAD" "STREAMS" "s" "0"',
            *(['"SORT" "list" "STORE" "sorted"', '"PUNSUBSCRIBE" "a" "b"'] if i == 100 else ())))
        run = self.lastack_on("cuts-aof", traffic)
        self.assertEqual(run.status, 1, str(run))
        rpo = run.scenario()["rpo"]
        self.assertEqual(rpo["acked"], 201)
        self.assertTrue(190 < rpo["lost"] <= 201, str(rpo))
        self.assertIn("replay: 201 recorded, 601 left out", str(run.scenario()["timeline"]))

    def test_the_number_of_keys(self):
        traffic = resp(f"SET key:{i} v" for i in range(200))
        run = self.lastack_on("cuts-aof", traffic, "keys: {min: 190}")
        self.assertEqual(run.status, 1, str(run))
        run = self.lastack_on("", traffic + resp(["FLUSHALL"]), "keys: {max: 0}")
        self.assertEqual(run.status, 0, str(run))

    def test_a_state_that_never_was(self):
        (self.folder / "traffic").write_bytes(b"".join(
            b"*3\r\n$5\r\nRPUSH\r\n$4\r\nlist\r\n$4\r\n%04d\r\n" % i for i in range(400)))
        path = self.write("incident.yaml", SCENARIO.replace("ACKED", str(ALL)))
        for defect, kinds in (("", set()), ("reorder", {"corrupt"}), ("drop-list-head", {"corrupt"})):
            run = self.lastack("run", path, "--server", BROKEN / "respd", env={"RESPD_DEFECT": defect})
            self.assertEqual(run.status, 1 if kinds else 0, str(run))
            self.assertEqual(run.kinds() & {"corrupt", "lost"}, kinds, str(run))

    BASE = [f"SET k{i} v{i}" for i in range(100)]

    def verdict(self, lines, *arguments, settings="", load="", more="", server=None, env=None):
        """Of lines as resp takes them, or of traffic."""
        (self.folder / "traffic").write_bytes(lines if isinstance(lines, bytes) else resp(self.BASE + lines))
        text = SCENARIO.replace("ACKED", str(ALL)).replace('  save ""\n', f'  save ""\n{settings}')
        text = text.replace("min_acked: 100", "min_acked: 100" + load).replace("  - verify", more + "  - verify")
        return self.lastack("run", self.write("incident.yaml", text), *arguments,
                            *(["--server", server] if server else []), env=env)

    def assert_verdict(self, status, words, *arguments, **options):
        run = self.verdict(*arguments, **options)
        self.assertEqual(run.status, status, str(run))
        self.assertIn(words, run.stdout)
        return run

    def test_databases_that_there_are_not(self):
        far = ["SELECT 20", "SET other 1", "SELECT 0", "SET here 1"]
        self.assert_verdict(3, "the recording is about database 20", far)
        self.assert_verdict(0, "holds", far, settings="  databases 32\n")

    def test_the_settings_of_the_scenario(self):
        stream = printed(self.BASE + [f'"XADD" "s" "MAXLEN" "~" "50" "1-{i}" "f" "v"' for i in range(1, 400)])
        self.assert_verdict(0, "holds", stream, settings="  stream-node-max-entries 10\n")

    def test_refusals_after_a_change_of_database(self):
        lines = [line for i in range(300) for line in (f"SELECT {i % 2}", f"SET big{i} {'x' * 20000}")]
        run = self.assert_verdict(0, "holds", lines, settings="  maxmemory 4mb\n")
        self.assertGreater(run.scenario()["refused"][0]["count"], 50)
        self.assertEqual(run.scenario()["rpo"]["unknown"], 0)

    def test_functions(self):
        libraries = printed(f'"FUNCTION" "LOAD" "#!lua name=l{i}\\nredis.register_function(\'f{i}\',function() return 1 '
                            'end)"' for i in range(120))
        self.assert_verdict(0, "holds", libraries)
        run = self.assert_verdict(1, "lost", libraries, server=BROKEN / "redis", env={"REDIS_DEFECT": "cuts-aof"})
        self.assertGreater(run.scenario()["rpo"]["lost"], 100)

    def test_addresses_of_clients(self):
        lines = b"".join(b'1700000000.1 [0 %s] "SET" "k%d" "v"\n' % (address, i) for i in range(50) for address in (
            b"127.0.0.1:5000", b"[::1]:5000", b"unix:/" + b"long/" * 30 + b"socket"))
        run = self.assert_verdict(0, "holds", lines + b'1700000000.1 [0 127.0.0.1:5000] "SET" "k')
        self.assertEqual(run.scenario()["rpo"]["acked"], 150)
        self.assertIn("; 40 bytes torn at the end", str(run.scenario()["timeline"]))

    def test_transactions_that_go_elsewhere_or_nowhere(self):
        lines = ["MULTI", "SET a 0", "SELECT 1", "SET b 1", "EXEC", "SET c 1", "MULTI", "SET d 1", "DISCARD", "MULTI",
                 "SELECT 0", "SET e 1", "EXEC", "SET f 1"]
        run = self.assert_verdict(0, "holds", lines, more="".join(
            f"  - command: {{send: {json.dumps(line)}, expect: '{reply}'}}\n" for line, reply in (
                ("EVAL \"redis.call('select',1) return redis.call('exists','b','c')\" 0", "2"),
                ("EXISTS b c d", "0"), ("EXISTS a e f", "3"))))
        self.assertEqual(run.scenario()["rpo"]["acked"], 104)

    def test_scripts_whose_errors_sound_like_refusals(self):
        script = '"EVAL" "redis.call(\'INCR\',KEYS[1]) return %s" "2" "n" "s"'
        made = self.BASE + ['"XADD" "s" "1-1" "a" "b"', '"XGROUP" "CREATE" "s" "g" "0"']
        for what in ("redis.pcall('XGROUP','CREATE',KEYS[2],'g','0')", "redis.error_reply('BUSY try later')",
                     "redis.error_reply('NOPERM x')"):
            with self.subTest(what):
                self.assert_verdict(0, "holds", printed(made + [script % what]))

    def test_deadlines_that_are_passed_on(self):
        """On the second server, which is sent it at once, both deadlines are about the same."""
        lines = ["SET a v EX 100"] + [f"SET fill{i} 1" for i in range(120)] + ["SET b w EX 100"]
        for last in ("RENAME a b", "COPY a b REPLACE"):
            self.assert_verdict(0, "holds", lines + [last], load=", rate: 60")

    def test_deadlines_that_pass_meanwhile(self):
        soon = int(time.time() * 1000) + 15000  # long after the load, however long it takes until that begins
        lines = [line for i in range(20) for line in (f"SET rate{i} 1 PXAT {soon}", f"INCR rate{i}")]
        self.assert_verdict(3, "a recorded deadline has passed", lines, more="  - sleep: {ms: 15000}\n")

    def test_what_is_needed_to_compare_is_disabled(self):
        for command in ("PTTL", "TYPE"):
            self.assert_verdict(3, "disabled", [], settings=f'  rename-command {command} ""\n',
                                server=BROKEN / "redis", env={"REDIS_DEFECT": "cuts-aof"})

    def given(self):
        """A folder with an append-only file, and a configuration that loads it."""
        folder = self.folder / "given"
        folder.mkdir(exist_ok=True)
        server = subprocess.Popen(["redis-server", "--port", "0", "--unixsocket", folder / "socket", "--save", "",
                                   "--dir", folder, "--appendonly", "yes"], stdout=subprocess.DEVNULL)
        client = ["redis-cli", "-s", folder / "socket"]
        while subprocess.run([*client, "PING"], capture_output=True, check=False).stdout != b"PONG\n":
            time.sleep(0.01)
        for line in ("SET counter 41", "SET old 1", "SADD base a b"):
            subprocess.run([*client, *line.split()], check=True, stdout=subprocess.DEVNULL)
        subprocess.run([*client, "SHUTDOWN"], check=True)
        server.wait()
        (folder / "socket").unlink(missing_ok=True)
        return ["--data", folder, "--config", self.write("given.conf", 'appendonly yes\nappendfsync always\nsave ""\n')]

    def test_traffic_on_given_data(self):
        given = self.given()
        for last in ("INCR counter", "DEL old", "EXPIRE old 1000", "RENAME old new", "SUNIONSTORE new base", "FLUSHALL"):
            with self.subTest(last):
                self.assert_verdict(0, "holds", [last, "SET z 1"], *given)
        run = self.assert_verdict(1, "lost", resp(["INCR counter"] * 100), *given,
                                  more="  - command: {send: SET counter 41}\n")
        self.assertEqual(run.scenario()["rpo"]["lost"], 100)
        self.assert_verdict(1, "corrupt", [], *given, more="  - command: {send: EXPIRE old 1000}\n")

    def test_what_is_no_recording(self):
        for traffic, words in ((b"REDIS0010", "this is an RDB"), (b"", "empty"), (b"hello\n", "neither"),
                               (printed(["SET a 1"]) + b"\0" + printed(["SET b 2"]), "neither"),
                               (b"*1\r\n$4\r\nPING\r\n", "no command in it"), (b"*1\r\n:5\r\n", "something else"),
                               (b"*666666662\r\n", "something else")):
            run = self.replay(traffic)
            self.assertEqual(run.status, 3, str(run))
            self.assertIn(words, run.stdout)

    def test_a_bundle_of_recorded_traffic(self):
        run = self.replay(aof(), acked=400)
        self.assert_refused(self.lastack("replay", pathlib.Path(run.out) / "incident"), "recorded traffic")


if __name__ == "__main__":
    unittest.main()
