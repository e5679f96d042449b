#!/usr/bin/python3
"""--backup and --restore: the user's own scripts, good ones and bad ones."""
import os
import unittest

from support import FULL, ROOT, SCENARIOS, LastackTest

GOOD = ROOT / "docs/playbooks/backup.sh"
RESTORE = ROOT / "docs/playbooks/restore.sh"
BACKUPS = SCENARIOS / "backups"

# A script, the scenario that finds it out, what is said of it; on a healthy server the others succeed. The first of each
# scenario is always tried, the others in a full run.
BAD = {
    "old": ("cp /var/lib/redis/dump.rdb /backup/redis/x.rdb", "backup-user", "1000"),
    "hasty": ("redis-cli BGSAVE; sleep 0.3; cp /var/lib/redis/dump.rdb /backup/redis/x.rdb", "backup-user-snapshot", "reports success"),
    "trusting": ("redis-cli BGSAVE; sleep 0.5; cp /var/lib/redis/dump.rdb /backup/redis/x.rdb", "backup-user-failing", "1000 of 2000"),
    "silent": ("redis-cli BGSAVE; sleep 0.5; cp /var/lib/redis/dump.rdb /backup/redis/x.rdb; true", "backup-user-full", "reports success"),
    "down": ("redis-cli BGSAVE || true; cp /var/lib/redis/dump.rdb /backup/redis/x.rdb", "backup-user-down", "1000 of 2000"),
    "volatile": ("redis-cli SAVE && cp /var/lib/redis/dump.rdb /backup/redis/x.rdb", "backup-user-power-cut", "no backup that a server loads"),
    "nothing": ("true", "backup-user", "no backup that a server loads"),
    "beside": ("redis-cli SAVE; ln /var/lib/redis/dump.rdb /var/lib/redis/dump.bak", "backup-user", "no backup that a server loads"),
    "staged": ("redis-cli --rdb /var/lib/redis/staged.rdb; mv /var/lib/redis/staged.rdb /backup/redis/x.rdb || true", "backup-user-full",
               "reports success"),
    "packed": ("redis-cli --rdb /root/x; gzip -c /root/x >/backup/redis/x.gz; rm /root/x; true", "backup-user-full", "reports success"),
    "deadly": ("redis-cli --rdb /backup/redis/x.rdb && redis-cli FLUSHALL && redis-cli SHUTDOWN NOSAVE; true", "backup-user", "no server serves"),
    "cut": ("redis-cli SAVE && head -c 20000 /var/lib/redis/dump.rdb > /backup/redis/x.rdb", "backup-user", "no backup that a server loads"),
}


@unittest.skipUnless(os.geteuid() == 0, "takes root")
class Backup(LastackTest):
    def script(self, name, text):
        return self.write(f"{name}.sh", f"#!/bin/sh\n{text}\n")

    def test_a_good_one(self):
        run = self.lastack("run", BACKUPS, "--backup", GOOD, "--restore", RESTORE, "--jobs", 2)
        self.assertEqual(run.status, 0, str(run))
        self.assertEqual(len(run.result["scenarios"]), len(list(BACKUPS.iterdir())))
        run = self.lastack("run", BACKUPS / "backup-user.yaml", BACKUPS / "backup-user-power-cut.yaml", "--backup", GOOD)
        self.assertEqual(run.status, 0, str(run))

    def test_bad_ones(self):
        tried = set()
        for name, (text, scenario, words) in BAD.items():
            if scenario in tried and not FULL:
                continue
            tried.add(scenario)
            with self.subTest(name):
                run = self.lastack("run", BACKUPS / f"{scenario}.yaml", "--backup", self.script(name, text))
                self.assertEqual((run.status, run.scenario()["verdict"]), (1, "violated"), str(run))
                said = " ".join([*run.scenario()["reasons"], *(figure["text"] for figure in run.scenario()["figures"])])
                self.assertIn(words, said)

    def test_where_it_lies_and_what_it_is(self):
        """Wherever it is put, and whatever it is packed in; the server's own files are none."""
        cases = (("redis-cli SAVE && mkdir -p '/srv/my copies' && gzip -c /var/lib/redis/dump.rdb > '/srv/my copies/x.rdb.gz'", "holds"),
                 ("redis-cli --rdb /var/tmp/x; xz /var/tmp/x", "holds"),
                 ("redis-cli --rdb /backup/redis/x; gzip -c /backup/redis/x > /backup/redis/y; rm /backup/redis/x", "holds"),
                 ("redis-cli --rdb /root/x; tar -C / -cf /backup/redis/x.tar etc/redis root/x; rm /root/x", "holds"),
                 ("redis-cli --rdb /root/x; gzip /root/x; tar -C / -cf /backup/redis/x.tar etc/redis root/x.gz; rm /root/x.gz", "holds"),
                 ("redis-cli --rdb /root/x; openssl enc -aes-256-cbc -pass pass:a -pbkdf2 -in /root/x -out /root/y; "
                  "tar -C / -cf /backup/redis/x.tar root/y; rm /root/x /root/y", "inconclusive"),
                 ("redis-cli --rdb /root/x; gzip /root/x; head -c 5000 /root/x.gz >/root/y.gz; tar -C / -cf /backup/redis/x.tar root/y.gz; "
                  "rm /root/x.gz /root/y.gz; true", "violated"),
                 ("read answer; redis-cli --rdb /backup/redis/x", "inconclusive"),
                 ("redis-cli --rdb /root/x; aws s3 cp /root/x s3://mine/x; rm /root/x", "holds"),
                 ("redis-cli --rdb /root/x; gzip -c /root/x | aws s3 cp - s3://mine/x; rm /root/x", "holds"),
                 ("redis-cli --rdb /root/x; openssl enc -aes-256-cbc -pass pass:a -pbkdf2 -in /root/x -out /backup/redis/x; rm /root/x",
                  "inconclusive"),
                 ("redis-cli SAVE", "violated"))
        for text, verdict in cases if FULL else cases[::3]:
            run = self.lastack("run", BACKUPS / "backup-user.yaml", "--backup", self.script("x", text))
            self.assertEqual(run.scenario()["verdict"], verdict, f"{text}\n{run}")
        run = self.lastack("run", BACKUPS / "backup-user.yaml", "--backup", self.script("x", "redis-cli SAVE"), "--config",
                           self.write("slash.conf", "dir /var/lib/redis/\nsave 3600 1\nappendonly no\n"))
        self.assertEqual(run.scenario()["verdict"], "violated", str(run))
        # what is on no disk of its own cannot be cut
        run = self.lastack("run", BACKUPS / "backup-user-power-cut.yaml", "--backup",
                           self.script("x", "redis-cli SAVE && mkdir -p /srv/x && cp /var/lib/redis/dump.rdb /srv/x/"))
        self.assertEqual(run.scenario()["verdict"], "inconclusive", str(run))

    def test_a_log_of_another_name(self):
        """Also where its files are older than the script, and after a power cut."""
        lines = "dir /var/lib/redis\nappendonly yes\nappendfilename my.aof\n"
        run = self.lastack("run", BACKUPS / "backup-user.yaml", BACKUPS / "backup-user-power-cut.yaml", "--config",
                           self.write("own.conf", lines), "--backup",
                           self.script("x", "sleep 1; cp -a /var/lib/redis/appendonlydir /backup/redis/log && sync"))
        self.assertEqual(run.status, 0, str(run))

    def test_what_only_its_owner_can_read(self):
        enc = "openssl enc -aes-256-cbc -pass pass:a -pbkdf2"
        backup = self.script("b", f"redis-cli --rdb /root/x; {enc} -in /root/x -out /backup/redis/x && sync; rm /root/x")
        restore = self.script("r", f"{enc} -d -in /backup/redis/x -out /var/lib/redis/dump.rdb && systemctl start redis")
        two = BACKUPS / "backup-user.yaml", BACKUPS / "backup-user-power-cut.yaml"
        run = self.lastack("run", *two, "--backup", backup, "--restore", restore)
        self.assertEqual(run.status, 0, str(run))
        self.assertIn("--restore", run.scenario()["reproduce"])
        run = self.lastack("run", *two, "--backup", backup)
        self.assertEqual(run.status, 3, str(run))

    def test_a_restore_of_what_was_not_cut(self):
        """It brings back what lies beside the disk whose power was cut: of that nothing is said."""
        backup = self.script("b", "redis-cli --rdb /root/x.rdb")
        restore = self.script("r", "install -o redis -g redis /root/x.rdb /var/lib/redis/dump.rdb && systemctl start redis")
        both = [f"backup-user{which}" for which in ("", "-power-cut")]
        run = self.lastack("run", *(BACKUPS / f"{name}.yaml" for name in both), "--backup", backup, "--restore", restore)
        self.assertEqual([run.scenario(name)["verdict"] for name in both], ["holds", "inconclusive"], str(run))

    def test_a_restore_that_brings_nothing_back(self):
        run = self.lastack("run", BACKUPS / "backup-user.yaml", "--backup", GOOD, "--restore",
                           self.script("f", "cp /backup/redis/dump_2*.rdb /var/lib/redis/dump.rdb; exit 1"))
        self.assertEqual(run.status, 1, str(run))
        self.assertIn("the restore: failed", run.scenario()["figures"][-1]["text"])
        run = self.lastack("run", BACKUPS / "backup-user.yaml", "--backup", GOOD, "--restore", self.script("r", "true"))
        self.assertEqual((run.status, run.scenario()["verdict"]), (1, "violated"), str(run))

    def test_the_users_own_files(self):
        script = self.script("own", "rm -rf /lastack/user; rm -f \"$0\"; echo gone")
        before = script.read_text()
        self.lastack("run", BACKUPS / "backup-user.yaml", "--backup", script)
        self.assertEqual(script.read_text(), before)
        # nor what its links would lead to here
        precious = self.folder / "precious"
        (precious / "bin").mkdir(parents=True)
        (precious / "bin/mine").write_text("mine")
        script = self.script("links", "redis-cli SAVE && cp /var/lib/redis/dump.rdb /backup/redis/x.rdb && sync; rm -rf /lastack /cut; "
                                      f"ln -s {precious} /lastack; ln -s {precious} /cut; ln -s {precious} /backup/redis/out")
        for name in ("backup-user", "backup-user-power-cut"):
            self.lastack("run", BACKUPS / f"{name}.yaml", "--backup", script, "--restore", RESTORE)
        self.assertEqual([path.name for path in precious.rglob("*")], ["bin", "mine"])
        for option, value in (("--backup", self.folder / "no"), ("--backup", self.folder), ("--backup", "")):
            self.assert_refused(self.lastack("run", BACKUPS, option, value), "--backup")
        self.assert_refused(self.lastack("run", BACKUPS, "--restore", script), "--restore goes with --backup")
        run = self.lastack("run", BACKUPS)
        self.assertEqual(run.status, 3, str(run))
        self.assertIn("no script given: --backup", run.stdout)


if __name__ == "__main__":
    unittest.main()
