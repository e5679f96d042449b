#!/usr/bin/python3
"""certify --config and --data: somebody's own redis.conf and data."""
import re
import subprocess
import time
import unittest

from support import BROKEN, CRASHES, FULL, LastackTest, scenario_file

PRODUCTION = """# production
include {folder}/common.conf
dir "/srv/redis data/does not exist"
port 6390
bind 10.1.2.3
daemonize yes
supervised systemd
pidfile /run/redis/x.pid
logfile /var/log/redis/x.log
save ""
appendonly yes
appendfsync everysec
appendfilename "my log.aof"
appenddirname "the logs"
maxmemory 400mb
requirepass "sw0rdfish"
masterauth sw0rdfish
replicaof 10.9.9.9 6379
rename-command CONFIG settings-7
rename-command FLUSHALL ""
client-output-buffer-limit pubsub 64mb 16mb 90
"""


def config_of(server, password, command):
    args = [*server.client, "-a", password, "--no-auth-warning"]
    lines = subprocess.run([*args, command, "GET", "*"], capture_output=True, text=True, check=True).stdout.split("\n")
    return dict(zip(lines[0::2], lines[1::2]))


class Server:
    """A plain redis-server of the test's own, by a socket in its folder: any port may be somebody else's."""

    def __init__(self, folder, *args):
        self.client = ["redis-cli", "-s", folder / "socket"]
        self.process = subprocess.Popen(["redis-server", *map(str, args), "--port", "0", "--unixsocket", folder / "socket"],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def __enter__(self):
        while subprocess.run([*self.client, "PING"], capture_output=True).returncode:
            if self.process.poll() is not None:
                raise AssertionError("redis-server does not start")
            time.sleep(0.01)
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def cli(self, *args):
        return subprocess.run([*self.client, *map(str, args)], capture_output=True, text=True, check=True).stdout.strip()


def as_written(run):
    """Names of the scenarios that judge the configuration as the user wrote it; test_worst.py has those that ask."""
    return sorted(s["name"] for s in run.result["scenarios"] if not s["overrides"] and not s["worst"])


class UserConfig(LastackTest):
    def production(self):
        self.write("common.conf", "maxclients 500\nhz 20\n")
        return self.write("prod.conf", PRODUCTION.format(folder=self.folder))

    def test_what_can_be_judged_is_judged_whatever_is_refused(self):
        always = "appendonly yes\nappendfsync always\nsave \"\"\n"
        for refused, scenario, verdict, words in (
                ("SELECT", "kill9-aof-always", "violated", "does not start"),  # its own log selects a database
                ("SELECT", "kill9-rdb", "holds", ""), ("SCAN", "kill9-aof-always", "inconclusive", "were not looked for"),
                ("INFO", "kill9-aof-always", "inconclusive", "only database 0"),
                ("KEYS", "kill9-aof-always", "holds", ""), ("DBSIZE", "kill9-aof-always", "holds", "")):
            conf = self.write("refused.conf", f"{always}rename-command {refused} \"\"\n")
            run = self.lastack("run", scenario_file(scenario), "--config", conf)
            self.assertEqual(run.scenario()["verdict"], verdict, refused + "\n" + str(run))
            self.assertIn(words, "\n".join(run.scenario()["reasons"]))
            self.assertTrue(run.scenario()["rpo"] or verdict == "violated", str(run))
        # what is lost is seen without a list of the keys
        conf = self.write("refused.conf", f"{always}rename-command SCAN \"\"\n")
        run = self.lastack("run", scenario_file("kill9-aof-always"), "--config", conf, "--server", BROKEN / "redis",
                           env={"REDIS_DEFECT": "cuts-aof"})
        self.assertEqual(run.scenario()["verdict"], "violated", str(run))

    def test_a_production_file(self):
        some = ("kill9-rdb", "kill9-aof-everysec", "kill9-aof-always", "disk-full-aof-everysec", "power-cut-aof-everysec",
                "trap-auto-restart")
        run = self.lastack("run", *(CRASHES if FULL else some), "--config", self.production())
        self.assert_sound(run)
        names = as_written(run)
        self.assertIn("kill9-aof-everysec", names)
        self.assertIn("disk-full-aof-everysec", names)
        self.assertNotIn("kill9-aof-always", names)
        self.assertNotIn("kill9-rdb", names)
        self.assertEqual(run.scenario("kill9-rdb")["overrides"],
                         ["appendonly no (not yes)", 'save 3600 1 (not "")'])
        self.assertIn("    sets appendonly no (not yes), save 3600 1", run.stdout)
        changed = "\n".join(run.result["changed_directives"])
        for name in ("dir", "port", "bind", "daemonize", "supervised", "pidfile", "logfile", "replicaof", "requirepass"):
            self.assertRegex(changed, rf"(?m)^{name}: ")
        self.assertNotRegex(changed, r"(?m)^(maxmemory|hz|appendfilename): ")
        for path in run.out.rglob("*"):
            if path.is_file():
                self.assertNotIn(b"sw0rdfish", path.read_bytes(), path)
        log = next(run.out.glob("kill9-aof-everysec/primary/data/the logs"))
        self.assertTrue(any("my log.aof" in p.name for p in log.iterdir()))

    def test_all_other_directives_are_those_of_the_bare_server(self):
        path = self.production()
        run = self.lastack("certify", "--config", path, "--quick")
        self.assertEqual(run.status, 0, str(run))
        conf = (run.out / "kill9-aof-everysec/primary/redis.conf").read_text()
        password = re.search(r'^requirepass "(\w+)"', conf, re.M)[1]
        self.write("data/x", "")
        boxed_conf = self.write("boxed.conf", re.sub(r"(?m)^dir .*", f"dir {self.folder}/data", conf))
        with Server(self.folder, boxed_conf) as server:
            boxed = config_of(server, password, "settings-7")
        bare_text = re.sub(r"(?m)^(dir|port|bind|daemonize|supervised|pidfile|logfile|replicaof) .*", "", path.read_text())
        bare_conf = self.write("bare.conf", bare_text + f"\nbind 127.0.0.1\ndir {self.folder}/data\n")
        with Server(self.folder, bare_conf) as server:
            bare = config_of(server, "sw0rdfish", "settings-7")
        differs = {name for name in bare if bare[name] != boxed.get(name)}
        self.assertLessEqual(differs, {"requirepass", "masterauth", "pidfile"})
        self.assertEqual(boxed["maxclients"], "500")
        self.assertEqual(boxed["maxmemory"], str(400 << 20))

    def test_users_and_acl_files(self):
        acl = self.write("users.acl", "user default on >sw0rdfish ~* +@all\nuser app on >sw0rdfish ~* +get\n")
        conf = self.write("acl.conf", f"aclfile {acl}\nappendonly yes\nappendfsync always\nsave \"\"\n")
        run = self.lastack("certify", "--config", conf, "--quick")
        self.assertEqual(run.status, 0, str(run))
        self.assertEqual(as_written(run), ["kill9-aof-always", "power-cut-aof-always"])
        conf = self.write("user.conf", "user default off\nuser app on >sw0rdfish ~* +@all\nappendonly no\nsave 60 1\n")
        run = self.lastack("certify", "--config", conf, "--quick")
        self.assertEqual(as_written(run), ["kill9-rdb"])
        self.assertEqual(run.scenario("kill9-rdb")["verdict"], "holds", str(run))
        if run.status == 1:  # see the known bug below: with an AOF in its place, this configuration loses data
            self.assertIn("none of those that are about it is violated", run.stdout)

    def test_a_known_bug_of_redis_is_found(self):
        """redis/redis#14541: with the default user off, loading the AOF skips every MULTI/EXEC without a word."""
        conf = self.write("off.conf", "user default off\nuser app on >x ~* +@all\nappendonly yes\n"
                                      "appendfsync always\nsave \"\"\n")
        run = self.lastack("certify", "--config", conf, "--quick")
        if int(run.result["server"]["version"].split(".")[0]) >= 8:
            self.skipTest("mended in this server")
        self.assertEqual(run.status, 1, str(run))
        self.assertIn("hole", run.kinds("kill9-aof-always"))

    def test_a_cache_that_evicts_is_not_called_lossy(self):
        for limit in ("3mb", "1400kb"):
            conf = self.write("cache.conf", f"maxmemory {limit}\nmaxmemory-policy allkeys-lru\nappendonly yes\n"
                                            "appendfsync everysec\nsave \"\"\n")
            run = self.lastack("run", scenario_file("kill9-aof-everysec"),
                               scenario_file("kill-at-aof-write-everysec"), "--config", conf)
            self.assertEqual(run.status, 3, str(run))
            self.assertIn("evict", run.stdout)

    def test_starting_from_the_users_data(self):
        data = self.folder / "data"
        data.mkdir()
        with Server(self.folder, "--dir", data, "--save", "") as server:
            server.cli("SET", "theirs", "precious")
            server.cli("RPUSH", "queue", *range(100))
            server.cli("SADD", "set", *range(50))
            server.cli("HSET", "hash", "a", 1, "b", 2)
            server.cli("ZADD", "board", *[word for i in range(300) for word in (i, f"member{i}")])
            server.cli("ZREMRANGEBYRANK", "board", 10, -1)  # its encoding will change with a reload, its content not
            server.cli("XADD", "log", "1-1", "field", "value")
            server.cli("-n", 3, "SET", "elsewhere", "too")
            server.cli("SET", "brief", "gone", "PX", 1)
            server.cli("SAVE")
        before = (data / "dump.rdb").read_bytes()
        conf = self.write("rdb.conf", "appendonly no\nsave 3600 1\n")
        run = self.lastack("certify", "--config", conf, "--data", data, "--quick")
        self.assertEqual(run.status, 0, str(run))
        self.assertEqual((data / "dump.rdb").read_bytes(), before)
        self.assertIn("kill9-aof-always: it is about another 'appendonly', with which the given data would not be read",
                      run.result["not_applicable"])

    def given(self, name, *commands):
        """A data directory with a dump that these commands made."""
        data = self.folder / name
        data.mkdir()
        with Server(self.folder, "--dir", data, "--save", "") as server:
            for command in commands:
                server.cli(*command)
            server.cli("SAVE")
        return data

    def with_changed_data(self, change, *commands):
        """A run whose data these commands made, and that something changes between crash and restart."""
        self.calls += 1
        conf = self.write("mixed.conf", "appendonly no\nsave 3600 1\n")
        data = self.given(f"data{self.calls}", *commands)
        wrapper = self.write(f"changes{self.calls}", f"""#!/bin/sh
dir=$(sed -n 's/^dir "\\(.*\\)"$/\\1/p' "$1")
if [ -e "$dir/started" ]; then
    (cd /; unset LD_PRELOAD; redis-server --port 26395 --dir "$dir" --save "" >/dev/null & echo $! >"$dir/pid")
    until redis-cli -p 26395 PING >/dev/null 2>&1; do sleep 0.01; done
    redis-cli -p 26395 {change} >/dev/null; redis-cli -p 26395 SAVE >/dev/null; kill -9 "$(cat "$dir/pid")"
fi
[ ! -e "$dir/dump.rdb" ] || touch "$dir/started"
exec redis-server "$@"
""")
        wrapper.chmod(0o755)
        scenario = self.write("kill9.yaml", (scenario_file("kill9-rdb")).read_text() +
                              "load: {mix: [{type: list, share: 1}]}\n")
        return self.lastack("run", scenario, "--config", conf, "--data", data, "--server", wrapper)

    def test_given_data_that_comes_back_changed(self):
        for change in ("-n 1 FLUSHDB", "LMOVE l l LEFT RIGHT"):
            run = self.with_changed_data(change, ("-n", 1, "SET", "a", 1), ("RPUSH", "l", "a", "b", "c"))
            self.assertEqual(run.status, 1, str(run))
            self.assertTrue(run.kinds() & {"lost", "corrupt"})
            self.assertIn("given data", str(run.scenario()["findings"]))

    def test_times_to_live_that_nobody_gave(self):
        """Keys of the given data may have one; the load's lists were given none."""
        given = ("SET", "a", 1, "EX", 1000), ("SET", "b", 1)
        self.assertEqual(self.with_changed_data("PING", *given).status, 0)
        age = "EVAL \"for _, k in ipairs(redis.call('keys', 'la:*')) do redis.call('expire', k, 1000) end\" 0"
        run = self.with_changed_data(age, *given)
        self.assertEqual(run.status, 1, str(run))
        self.assertIn("wrong ttl", run.kinds(), str(run))

    def test_given_data_that_cannot_be_judged(self):
        conf = self.write("aof.conf", "appendonly yes\nappendfsync always\nsave \"\"\n")
        data = self.given("d", ("SET", "a", 1))
        run = self.lastack("run", scenario_file("kill9-aof-always"), "--config", conf, "--data", data)
        self.assertEqual(run.status, 3, str(run))  # a dump beside an AOF that does not exist is not read
        self.assertIn("loaded nothing", run.stdout)
        conf = self.write("rdb.conf", "appendonly no\nsave 3600 1\n")
        data = self.given("e", ("SET", "la:1:1", 1))
        run = self.lastack("run", scenario_file("kill9-rdb"), "--config", conf, "--data", data)
        self.assertEqual(run.status, 3, str(run))
        self.assertIn("begin with la:", run.stdout)

    def test_usual_hardening(self):
        for text in ("masterauth secretive\nappendonly no\nsave 3600 1\n",
                     "min-replicas-to-write 1\nappendonly no\nsave 3600 1\n",
                     'rename-command CONFIG ""\nappendonly no\nsave 3600 1\n',
                     "user app on >old-secret >new-secret <old-secret ~* &* +@all\nappendonly no\nsave 3600 1\n"):
            run = self.lastack("run", "kill9-rdb", "--config", self.write("hard.conf", text))
            self.assertEqual(run.status, 0, str(run))
            self.assertEqual(as_written(run), ["kill9-rdb"])
            for path in run.out.rglob("*"):
                if path.is_file():
                    self.assertNotIn(b"secret", path.read_bytes().replace(b"a secret", b""), path)
            again = self.lastack("replay", run.out / "kill9-rdb")
            self.assertEqual(again.status, 0, str(again))

    def test_a_server_at_its_memory_limit_serves(self):
        conf = self.write("small.conf", "appendonly yes\nappendfsync always\nsave \"\"\nmaxmemory 1400kb\n")
        run = self.lastack("run", scenario_file("kill9-aof-always"), "--config", conf)
        self.assertEqual(run.status, 0, str(run))

    def test_a_quiet_log_does_not_hide_a_full_sync(self):
        conf = self.write("quiet.conf", "appendonly no\nsave \"\"\nloglevel warning\n")
        run = self.lastack("run", scenario_file("trap-auto-restart"), "--config", conf)
        self.assertEqual(run.status, 0, str(run))


if __name__ == "__main__":
    unittest.main()
