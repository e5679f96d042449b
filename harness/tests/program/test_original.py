#!/usr/bin/python3
"""--config: what the server makes of the files as they lie, includes and all, is what it is run with."""
import hashlib
import unittest

from support import LastackTest

OWN = "appendonly yes\nsave \"\"\n"


def tree(folder):
    """Every file below, and what is in it."""
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in folder.rglob("*") if p.is_file()}


def said(run):
    """What its commands were answered."""
    return [event["event"] for event in run.scenario()["timeline"] if " -> " in event.get("event", "")]


class Original(LastackTest):
    def judge(self, conf, *steps, expect="lost: {max: 0}", **more):
        """A run that sets nothing of its own, on a configuration that must not change by it."""
        lines = "".join(f"  - {step}\n" for step in ("load: {acked: 100}", *steps, "verify: {}"))
        scenario = self.write(f"out-of-the-way/{self.calls}.yaml",
                              f"name: asks\ntitle: asks\nload: {{min_acked: 1}}\nsteps:\n{lines}expect:\n  - {expect}\n")
        before = tree(conf.parent)
        run = self.lastack("run", scenario, "--config", conf, **more)
        self.assertEqual(tree(conf.parent), before, "the user's files have changed")
        self.assertIsNotNone(run.result, str(run))
        return run

    def in_force(self, conf, name, value, **more):
        """What CONFIG GET says in the run, and nothing was found to differ."""
        run = self.judge(conf, f"command: {{send: \"CONFIG GET {name}\"}}", **more)
        self.assertEqual(run.scenario()["verdict"], "holds", f"{name}\n{run}")
        self.assertIn(f"CONFIG GET {name} -> [{name}, {value}]", said(run))
        self.assertNotIn("was not asked", run.stdout)
        return run

    def test_a_relative_include_begins_in_the_data_folder_of_that_moment(self):
        for place, policy in (("etc", "no"), ("data", "always"), (".", "everysec"), ("data/deeper", "no")):
            self.write(f"{place}/extra.conf", f"appendfsync {policy}\n")
        data = self.folder / "data"
        conf = self.write("etc/dir.conf", f"{OWN}dir {data}\ninclude extra.conf\n")
        self.in_force(conf, "appendfsync", "always")
        conf = self.write("etc/late.conf", f"{OWN}include extra.conf\ndir {data}\n")
        self.in_force(conf, "appendfsync", "everysec")  # the working directory's
        conf = self.write("etc/twice.conf", f"{OWN}dir {data}\ndir deeper\ninclude extra.conf\n")
        self.in_force(conf, "appendfsync", "no")
        self.write("etc/goes.conf", f"dir {data}\n")
        conf = self.write("etc/nested.conf", f"{OWN}include {self.folder}/etc/goes.conf\ninclude extra.conf\n")
        self.in_force(conf, "appendfsync", "always")

    def test_names_that_begin_beside_the_file(self):
        self.write("etc/conf.d/one.conf", "hz 31\n")
        self.write("etc/conf.d/two.conf", "hz 32\n")
        conf = self.write("etc/beside.conf", f"{OWN}include conf.d/*.conf\n")
        run = self.in_force(conf, "hz", "32")
        self.assertIn(f"include: names begin in {self.folder}/etc", "\n".join(run.result["changed_directives"]))
        conf = self.write("etc/gone.conf", f"{OWN}\ninclude conf.d/three.conf\n")
        run = self.lastack("run", "kill9-rdb", "--config", conf)
        self.assertEqual(run.status, 2, str(run))
        self.assertIn("gone.conf:4: include conf.d/three.conf: no such file", run.stderr)

    def test_includes_keep_their_place(self):
        """Since 7.0 each `save` behind an include replaces the one before; the last of the same name wins, wherever it is."""
        base = self.write("etc/base.conf", "maxmemory 0\nhz 33\n")
        saves = "save 3600 1\nsave 300 100\nsave 60 10000\n"
        conf = self.write("etc/behind.conf", f"appendonly no\ninclude {base}\n{saves}")
        self.in_force(conf, "save", "60 10000")
        conf = self.write("etc/before.conf", f"appendonly no\n{saves}include {base}\n")
        self.in_force(conf, "save", "3600 1 300 100 60 10000")
        conf = self.write("etc/last.conf", f"hz 20\ninclude {base}\n{OWN}include {base}\n")
        self.in_force(conf, "hz", "33")
        conf = self.write("etc/first.conf", f"include {base}\n{OWN}hz 20\n")
        self.in_force(conf, "hz", "20")
        saving = self.write("etc/saving.conf", saves)
        conf = self.write("etc/inside.conf", f"appendonly no\ninclude {base}\ninclude {saving}\n")
        self.in_force(conf, "save", "3600 1 300 100 60 10000")

    def test_the_scenarios_own_save_points_behind_an_include(self):
        base = self.write("etc/base.conf", "hz 33\n")
        conf = self.write("etc/redis.conf", f"include {base}\nsave 5 1\n")
        scenario = self.write("own.yaml", "name: own\ntitle: own\nsettings: |\n  save 3600 7\n  save 7200 8\n"
                              "load: {min_acked: 1}\nsteps:\n  - load: {acked: 100}\n"
                              "  - command: {send: \"CONFIG GET save\"}\n"
                              "  - verify: {}\nexpect:\n  - lost: {max: 0}\n")
        run = self.lastack("run", scenario, "--config", conf)
        self.assertEqual(run.status, 0, str(run))
        self.assertIn("CONFIG GET save -> [save, 3600 7 7200 8]", said(run))

    def test_config_rewrite_with_users(self):
        """Redis writes `user` lines to its own file and leaves those of an included one: the next start sees two."""
        users = self.write("etc/users.conf", "user app on nopass ~* +@all\nuser default on nopass ~* +@all\n")
        back = ["command: {send: CONFIG REWRITE}", "kill: {scope: group}", "recover: {}"]
        conf = self.write("etc/redis.conf", f"{OWN}appendfsync always\ninclude {users}\n")
        run = self.judge(conf, *back)
        self.assertEqual(run.scenario()["verdict"], "violated", str(run))
        self.assertIn("Duplicate user", str(run.scenario()["findings"]))
        conf = self.write("etc/whole.conf", f"{OWN}appendfsync always\n{users.read_text()}")
        self.assertEqual(self.judge(conf, *back).scenario()["verdict"], "holds")

    def test_commands_renamed_in_an_included_file(self):
        names = self.write("etc/names.conf", "rename-command CONFIG \"\"\nrename-command ACL hush\n")
        conf = self.write("etc/redis.conf", f"{OWN}include {names}\nhz 20\n")
        run = self.judge(conf, "kill: {scope: group}", "recover: {}")
        self.assertEqual(run.scenario()["verdict"], "holds", str(run))
        self.assertNotIn("was not asked", run.stdout)

    def test_a_difference_is_a_doubt(self):
        """A server that reads the copy otherwise than the original."""
        for line, words in (("hz 50", "hz is '10' as it lies, and '50' in the copy"),
                            ("user bob on nopass ~* +@all", "only in the copy: user bob on nopass")):
            server = self.write("odd-server", f"#!/bin/sh\ncase $1 in\n*/probe/*) echo '{line}' >>\"$1\" ;;\nesac\n"
                                              "exec redis-server \"$@\"\n")
            server.chmod(0o755)
            conf = self.write("etc/redis.conf", f"{OWN}appendfsync always\n")
            run = self.judge(conf, "kill: {scope: group}", "recover: {}", )
            self.assertEqual(run.scenario()["verdict"], "holds", str(run))
            scenario = self.folder / "out-of-the-way/0.yaml"
            run = self.lastack("run", scenario, "--config", conf, "--server", server)
            self.assertEqual(run.scenario()["verdict"], "inconclusive", str(run))
            self.assertIn(words, "\n".join(run.scenario()["reasons"]))

    def test_a_file_that_the_server_refuses(self):
        conf = self.write("etc/twice.conf", f"{OWN}rename-command FLUSHDB a\nrename-command FLUSHDB b\n")
        run = self.judge(conf)
        self.assertEqual(run.scenario()["verdict"], "inconclusive", str(run))
        self.assertIn("as it lies, the server ends at once", run.scenario()["reasons"][0])
        self.assertIn("No such command in rename-command", run.scenario()["reasons"][0])
        conf = self.write("etc/secret.conf", f"{OWN}requirepass sw0rd fish\n")
        run = self.lastack("run", "kill9-rdb", "--config", conf)
        self.assertEqual(run.status, 2, str(run))
        self.assertIn("ends at once", run.stderr)
        self.assertNotRegex(str(run), "sw0rd|fish")

        for line in ("logfile /var/log/redis server.log", "supervised systemmd", "cluster-enabled maybe", "tls-port some"):
            run = self.judge(self.write("etc/typo.conf", f"{OWN}appendfsync always\n{line}\n"), "kill: {scope: group}", "recover: {}")
            self.assertEqual(run.scenario()["verdict"], "inconclusive", line + str(run))
            self.assertIn("as it lies, the server ends at once", run.scenario()["reasons"][0])
        (self.folder / "etc/zero.conf").write_bytes(f"{OWN}hz 20\n".encode() + b"\0hz 30\nappendonly no\n")
        run = self.lastack("run", "kill9-rdb", "--config", self.folder / "etc/zero.conf")
        self.assertEqual(run.status, 2, str(run))
        self.assertIn("zero byte", run.stderr)

    def test_a_last_line_without_an_end(self):
        """Redis since 7.0 adds the first line of the next file that a pattern finds to it."""
        self.write("etc/conf.d/10.conf", "logfile /var/log/redis.log\n# the log")
        self.write("etc/conf.d/20.conf", "appendonly yes\n")
        conf = self.write("etc/redis.conf", f"save \"\"\ninclude {self.folder}/etc/conf.d/*.conf\n")
        run = self.judge(conf, "kill: {scope: group}", "recover: {}")
        self.assertEqual(run.scenario()["verdict"], "inconclusive", str(run))
        self.assertIn("appendonly is 'no' as it lies, and 'yes' in the copy", run.scenario()["reasons"][0])

    def test_a_replica_that_gives_no_stale_data_is_asked(self):
        conf = self.write("etc/redis.conf", f"{OWN}replicaof 10.9.9.9 6379\nreplica-serve-stale-data no\n")
        run = self.judge(conf, "kill: {scope: group}", "recover: {}")
        self.assertEqual(run.scenario()["verdict"], "holds", str(run))
        self.assertNotIn("was not asked", run.stdout)

    def test_directives_without_what_they_need(self):
        """One clear line, in the server's words or ours, and never the end of lastack itself."""
        for name in ("requirepass", "masterauth", "user", "aclfile", "dir", "include", "loadmodule", "logfile", "rename-command",
                     "replicaof", "supervised", "tls-key-file", "tls-port", "unixsocket", "sentinel down-after-milliseconds"):
            run = self.lastack("run", "kill9-rdb", "--config", self.write("etc/bare.conf", f"{OWN}{name}\n"))
            self.assertNotIn("killed by signal", run.stderr, name)
            if run.status == 2:
                self.assertEqual(run.stderr.count("\n"), 1, name + str(run))
            else:  # what the harness drops may be anything in the copy: the original says that it is refused
                self.assertEqual(run.scenario()["verdict"], "inconclusive", name + str(run))

    def test_secrets_that_the_server_quotes(self):
        """It gives the line back as it stands in the file, where a secret may be written in more than one way."""
        self.write("etc/tls.key", "-----BEGIN PRIVATE KEY-----\nsw0rdfish\n")
        for line in ('masterauth "s\\x77\\x30rdfish-quoted" ""', "user app on >sw0rdfish-quoted ~* +@al", "requirepass sw0rdfish-quoted b", "masterauth /sw0rdfish-quoted b"):
            conf = self.write("etc/redis.conf", f"{OWN}tls-key-file {self.folder}/etc/tls.key\n{line}\n")
            run = self.lastack("run", "kill9-rdb", "--config", conf)
            self.assertNotIn("rdfish-quoted", str(run))
            for path in run.out.rglob("*"):
                if path.is_file():
                    self.assertNotIn(b"rdfish", path.read_bytes(), path)

    def test_secrets_stay_where_they_are(self):
        acl = self.write("etc/users.acl", "user default on >sw0rdfish ~* +@all\nuser app on >sw0rdfish ~* +get\n")
        for users in (f"aclfile {acl}\n", "user app on >sw0rdfish ~* +get\n", "requirepass sw0rdfish\n",
                      "user default off\nrequirepass sw0rdfish\n"):
            conf = self.write("etc/redis.conf", f"{OWN}masterauth sw0rdfish\n{users}")
            run = self.judge(conf, "kill: {scope: group}", "recover: {}")
            self.assertNotIn("was not asked", run.stdout)
            self.assertNotIn("as it lies", run.stdout)
            for path in run.out.rglob("*"):
                if path.is_file():
                    self.assertNotIn(b"sw0rdfish", path.read_bytes(), path)

    def test_nothing_of_the_users_is_written(self):
        """Log, pid file, socket and data that the configuration names lie in a folder that must stay as it is."""
        here = self.folder / "etc"
        conf = self.write("etc/redis.conf", f"{OWN}dir {here}\nlogfile {here}/redis.log\npidfile {here}/redis.pid\n"
                                            f"daemonize yes\nunixsocket {here}/redis.sock\ncluster-enabled yes\n"
                                            f"cluster-config-file {here}/nodes.conf\n")
        run = self.judge(conf, "kill: {scope: group}", "recover: {}")
        self.assertEqual(run.scenario()["verdict"], "holds", str(run))
        self.assertNotIn("was not asked", run.stdout)


class OwnFiles(LastackTest):
    """What a server may write lies where the user's file lies, and is the scenario's own."""

    STEPS = ["load: {acked: 500}", "command: {send: \"ACL SETUSER bob on >pw ~* +@all\"}"]
    BACK = ["recover: {}", "verify: {}"]

    def run_on(self, conf, steps, expect="lost: {max: 0}"):
        lines = "".join(f"  - {step}\n" for step in steps)
        text = ("name: acl\ntitle: acl\nload: {min_acked: 1, mix: [{type: string, share: 1}]}\n"
                f"steps:\n{lines}expect:\n  - {expect}\n")
        return self.lastack("run", self.write(f"acl{self.calls}.yaml", text), "--config", conf)

    def conf(self, data, aclfile):
        (self.folder / data).mkdir(exist_ok=True)
        return self.write("redis.conf", f"{OWN}appendfsync always\ndir {self.folder}/{data}\naclfile {aclfile}\n")

    def saved(self, conf, rule):
        """Killed in ACL SAVE."""
        return self.run_on(conf, [*self.STEPS, f"arm: {{rule: \"{rule}\"}}", "command: {send: ACL SAVE}",
                                  "wait: {for: fired, timeout_ms: 3000}", "disarm: {}", *self.BACK])

    def test_rules_reach_an_acl_file_in_the_data_folder(self):
        users = "user default on nopass ~* &* +@all\n"
        for name, aclfile in (("data/users.acl", "users.acl"), ("data/users.acl", f"{self.folder}/data/users.acl"),
                              ("data/etc/users.acl", "etc/users.acl"), ("data/users.acl", "../data/./users.acl")):
            acl = self.write(name, users)
            run = self.saved(self.conf("data", aclfile), "op=write path=**users.acl* do=kill:group")
            self.assertEqual(run.scenario()["verdict"], "holds", str(run))
            self.assertEqual(acl.read_text(), users)
            again = self.lastack("replay", run.out / "acl")
            self.assertEqual(again.status, 0, str(again))
            acl.unlink()

    def test_the_file_comes_back_whole(self):
        self.write("data/users.acl", "user default on nopass ~* &* +@all\n")
        conf = self.conf("data", "users.acl")
        for rule, bob, more in (("op=rename path=**users.acl* do=kill:group", False, ""), ("op=write path=**users.acl* do=torn:20", False, ""),
                          ("op=write path=**users.acl* do=error:ENOSPC", False, ", expect: ERR"),
                                ("op=rename path=**users.acl* do=delay:1", True, "")):
            steps = [*self.STEPS, f"arm: {{rule: \"{rule}\"}}", f"command: {{send: ACL SAVE{more}}}", "disarm: {}",
                     "kill: {scope: group}", "recover: {}",
                     "command: {send: ACL USERS}", "verify: {}"]
            run = self.run_on(conf, steps)
            self.assertEqual(run.scenario()["verdict"], "holds", str(run))
            self.assertEqual(said(run)[-1], f"ACL USERS -> [{'bob, ' * bob}default, lastack]", str(run))

    def test_an_acl_file_elsewhere_stays_elsewhere(self):
        acl = self.write("etc/users.acl", "user default on nopass ~* &* +@all\n")
        run = self.saved(self.conf("data", acl), "op=write path=**users.acl* do=kill:group")
        self.assertEqual(run.scenario()["verdict"], "inconclusive", str(run))

    def test_one_scenario_does_not_see_anothers(self):
        self.write("data/users.acl", "user default on nopass ~* &* +@all\n")
        conf = self.conf("data", "users.acl")
        save = self.run_on(conf, [*self.STEPS, "command: {send: ACL SAVE}", "kill: {scope: group}", "recover: {}",
                                  "command: {send: ACL USERS, expect: bob}", "verify: {}"])
        self.assertEqual(save.scenario()["verdict"], "holds", str(save))
        look = self.run_on(conf, ["load: {acked: 500}", "command: {send: ACL USERS}", "verify: {}"])
        self.assertEqual(look.scenario()["verdict"], "holds", str(look))
        self.assertEqual(said(look), ["ACL USERS -> [default, lastack]"])


if __name__ == "__main__":
    unittest.main()
