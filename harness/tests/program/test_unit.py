#!/usr/bin/python3
"""A deployment's own systemd unit, run by the real systemd: in the trap or not, and which line decides."""
import os
import pathlib
import shutil
import tempfile
import unittest

from result_schema import schema_errors
from support import LastackTest, groups_left, undocumented
from test_userconfig import Server

UNIT = """[Service]
Type=notify
ExecStart=/usr/bin/redis-server /etc/redis/redis.conf --supervised systemd --daemonize no
User=redis
RuntimeDirectory=redis
{}
"""


@unittest.skipUnless(os.geteuid() == 0, "takes root")
class Unit(LastackTest):
    def tried(self, *options):
        run = self.lastack("run", "kill9-none", *options)
        self.assertIsNotNone(run.result, str(run))
        self.assertEqual(schema_errors(run.result), [])
        return run, run.result["unit"]

    def configured(self, lines):
        return self.write("redis.conf", f"dir /var/lib/redis\n{lines}\n")

    def dropped_in(self, line):
        """A folder that stands for /etc/systemd/system, with one line for Debian's unit."""
        folder = self.folder / "system/redis-server.service.d"
        folder.mkdir(parents=True)
        (folder / "own.conf").write_text(f"[Service]\n{line}\n")
        return folder.parent

    def test_debian_s_unit_as_it_is(self):
        run, unit = self.tried("--unit", "redis-server")
        self.assertEqual((unit["verdict"], run.status), ("violated", 1), str(run))
        as_it_is, no_restart, appendonly = unit["trials"]
        self.assertEqual((as_it_is["kept"], as_it_is["back_with"], as_it_is["acked"]), (0, 0, 1000))
        self.assertGreater(as_it_is["kills_until_down"], 1, "its start limit")
        self.assertEqual((no_restart["with"], no_restart["kept"], no_restart["back_ms"]), ("Restart=no", 1000, None))
        self.assertEqual((appendonly["with"], appendonly["kept"], appendonly["back_with"]), ("appendonly yes", 1000, 1000))
        self.assertIn("Restart=always", [line["text"] for line in unit["decided_by"]])
        self.assertIn("appendonly no", [line["text"] for line in unit["decided_by"]])
        for line in unit["decided_by"]:
            self.assertEqual(pathlib.Path(line["file"]).read_text().splitlines()[line["line"] - 1].strip(), line["text"])
        self.assertIn("unit redis-server.service: in the trap", run.stdout)
        self.assertEqual(undocumented(set(unit) | set(as_it_is) | set(unit["decided_by"][0])), [])
        self.assertEqual(groups_left(), [])

    def test_a_drop_in_turns_it(self):
        run, unit = self.tried("--unit", "redis-server", "--unit-dir", self.dropped_in("Restart=no"))
        self.assertEqual((unit["verdict"], run.status), ("holds", 0), str(run))
        [trial] = unit["trials"]
        self.assertEqual((trial["kept"], trial["back_ms"], trial["state"]), (1000, None, "failed"))
        self.assertIn(str(self.folder / "system/redis-server.service.d/own.conf"), [line["file"] for line in unit["decided_by"]])

    def test_a_configuration_turns_it(self):
        run, unit = self.tried("--unit", "redis-server", "--config", self.configured("appendonly yes\nrequirepass secret"))
        self.assertEqual((unit["verdict"], run.status), ("holds", 0), str(run))
        self.assertEqual([trial["back_with"] for trial in unit["trials"]], [1000])

    def test_a_unit_s_file_with_its_drop_ins(self):
        """It waits before it restarts, and its password is the configuration's."""
        file = self.write("cache.service", UNIT.format("Restart=no"))
        conf = self.configured("requirepass secret\nbind 192.0.2.1")
        _run, unit = self.tried("--unit", file, "--config", conf)
        self.assertEqual((unit["name"], unit["verdict"]), ("cache.service", "holds"))
        folder = self.folder / "cache.service.d"
        folder.mkdir()
        (folder / "10.conf").write_text("[Service]\nRestart = on-failure\nRestartSec=500ms\n")
        _run, unit = self.tried("--unit", file, "--config", conf)
        self.assertEqual(unit["verdict"], "violated")
        self.assertGreaterEqual(unit["trials"][0]["back_ms"], 500)
        self.assertEqual([line["text"] for line in unit["decided_by"]], ["Restart = on-failure"])

    def test_what_the_unit_reads_comes_along(self):
        folder = pathlib.Path(tempfile.mkdtemp(dir="/var/tmp"))  # /tmp is the world's own
        self.addCleanup(shutil.rmtree, folder)
        environment = folder / "environment"
        environment.write_text("OPTIONS=--appendonly yes\n")
        file = self.write("cache.service", UNIT.format("Restart=always").replace(
            "/etc/redis/redis.conf", "/etc/redis/redis.conf $OPTIONS") + f"EnvironmentFile=-{environment}\n")
        run, unit = self.tried("--unit", file)
        self.assertEqual((unit["verdict"], unit["trials"][0]["back_with"]), ("holds", 1000), str(run))
        texts = [line["text"] for line in unit["decided_by"]]
        self.assertIn("Restart=always", texts)
        self.assertNotIn("appendonly no", texts, "it is not in force")

    def test_drop_ins_of_a_prefix_and_of_an_alias(self):
        system = self.folder / "system"
        for folder in ("redis-.service.d", "cache.service.d"):
            (system / folder).mkdir(parents=True)
            (system / folder / "own.conf").write_text("[Service]\nRestart=no\n")
            (system / "cache.service").unlink(missing_ok=True)
            (system / "cache.service").symlink_to("/usr/lib/systemd/system/redis-server.service")
            run, unit = self.tried("--unit", "cache" if "cache" in folder else "redis-server", "--unit-dir", system)
            self.assertEqual((unit["name"], unit["verdict"]), ("redis-server.service", "holds"), str(run))
            (system / folder / "own.conf").unlink()

    def test_an_instance_of_a_template(self):
        folder = self.folder / "system/redis-server@.service.d"
        folder.mkdir(parents=True)
        (folder / "own.conf").write_text("[Service]\nRestart=no\n")
        run, unit = self.tried("--unit", "redis-server@own", "--unit-dir", folder.parent, "--config", self.configured(""))
        self.assertEqual((unit["name"], unit["verdict"]), ("redis-server@own.service", "holds"), str(run))

    def test_keys_that_are_evicted_say_nothing(self):
        """They are gone before the unit is killed."""
        data = self.folder / "data"
        data.mkdir()
        with Server(self.folder, "--dir", data, "--save", "") as server:
            server.cli("EVAL", "for i=1,20000 do redis.call('SET', 'theirs:'..i, string.rep('x', 100)) end", 0)
            server.cli("SAVE")
        conf = self.configured("maxmemory 3mb\nmaxmemory-policy allkeys-random\nappendonly no")
        run, unit = self.tried("--unit", "redis-server", "--config", conf, "--data", data, "--unit-dir",
                               self.dropped_in("Restart=no"))
        self.assertEqual((unit["verdict"], run.status), ("inconclusive", 3), str(run))
        self.assertIn("before anything is killed", unit["trials"][0]["why"])

    def test_what_cannot_be_tried_says_why(self):
        file = self.write("none.service", "[Service]\nExecStart=/bin/false /etc/redis/redis.conf\nType=oneshot\n")
        run, unit = self.tried("--unit", file)
        self.assertEqual((unit["verdict"], run.status), ("inconclusive", 3), str(run))
        self.assertIn("it does not start", unit["trials"][0]["why"])
        file = self.write("replica.service", UNIT.format(""))
        run, unit = self.tried("--unit", file, "--config", self.configured("replicaof 127.0.0.1 1"))
        self.assertEqual((unit["verdict"], unit["trials"][0]["why"]), ("inconclusive", "it is no primary"), str(run))
        self.assertEqual(groups_left(), [])

    def test_names_that_are_none(self):
        self.assert_refused(self.lastack("run", "kill9-none", "--unit", "no-such-unit"), "no no-such-unit.service in")
        self.assert_refused(self.lastack("run", "kill9-none", "--unit", "/nowhere/x.service"), "no such file")
        self.assert_refused(self.lastack("run", "kill9-none", "--unit", self.write("x.conf", "")), "ends in .service")
        self.assert_refused(self.lastack("run", "kill9-none", "--unit", "redis-server", "--unit-dir", "/nowhere"), "/nowhere")
        file = self.write("cache.service", UNIT.format(""))
        self.assert_refused(self.lastack("run", "kill9-none", "--unit", file, "--unit-dir", self.folder), "beside it")
        (self.folder / "redis-server.service").symlink_to("/dev/null")
        self.assert_refused(self.lastack("run", "kill9-none", "--unit", "redis-server", "--unit-dir", self.folder), "masks it")


if __name__ == "__main__":
    unittest.main()
