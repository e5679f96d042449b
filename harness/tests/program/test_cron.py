#!/usr/bin/python3
"""The step cron: what crontabs have due, run as cron runs it, and without the hours between."""
import os
import re
import shlex
import unittest

from support import LastackTest

HOURS = 6
BACKUP = r"""#!/bin/sh
set -e
redis-cli save >/dev/null
cp /var/lib/redis/dump.rdb "/backup/redis/hourly-$(date +%H%M).rdb"
"""
LISTED = r"""# of the system
MAILTO=ops@example.com
NAME = "of the crontab"
*/5 * * * * root date +\%H:\%M >>/tmp/five
10 * * * * nobody cat >/tmp/own; id -un; pwd; env%one%two 100\%
30 2 30 2 * root touch /tmp/never
@reboot root touch /tmp/boot
45 * * * * redis exit 7
"""


@unittest.skipUnless(os.geteuid() == 0, "takes root")
class Cron(LastackTest):
    def tried(self, files, *more, expect="figure: {name: cron, min: 0}", hours=HOURS):
        """What these files (path, text, mode) have due, then `more` steps; its scenario."""
        stages = "mkdir -p /etc/cron.d /etc/cron.hourly /var/spool/cron/crontabs"
        for path, text, mode in files:
            stages += f"; printf %s {shlex.quote(text)} > {path}; chmod {mode} {path}"
        body = "".join(f"          {line}\n" for line in stages.splitlines())
        steps = "".join(f"  - {step}\n" for step in more)
        path = self.write(f"cron{self.calls}.yaml", f"name: cron\ntitle: t\nworld: {{}}\nsteps:\n  - stage:\n      run: |\n{body}"
                          f"  - cron: {{name: cron, hours: {hours}}}\n{steps}expect:\n  - {expect}\n")
        run = self.lastack("run", path)
        self.assertIsNotNone(run.result, str(run))
        return run.scenario()

    def figure(self, scenario, name):
        [found] = [one for one in scenario["figures"] if one["name"] == name]
        return found["samples"][0] if found["samples"] else found["text"]

    def test_what_is_due(self):
        seen = self.tried([("/etc/cron.hourly/backup", BACKUP, "755"), ("/etc/cron.d/listed", LISTED, "644"),
                           ("/var/spool/cron/crontabs/redis", "0 */3 * * * id -un >>/tmp/redis\n", "600")],
                          "stage: {name: five, run: cat /tmp/five}", "stage: {name: backups, run: 'ls /backup/redis/hourly-*'}",
                          "stage: {name: old, run: \"find /backup/redis -name 'hourly-*' -newermt '+2 hours' | wc -l\"}",
                          "stage: {name: own, run: cat /tmp/own}", "stage: {name: none, run: 'ls /tmp/never /tmp/boot 2>&1 || true'}",
                          "count: {name: kept, in: '/backup/redis/hourly-*'}",
                          "stage: {name: users, run: cat /tmp/redis}", expect="figure: {name: kept, min: 2000}")
        self.assertEqual(seen["verdict"], "holds", seen["reasons"])
        kept = self.figure(seen, "cron-output")
        others = len(re.findall(r"run-parts --report /etc/cron\.(?:daily|weekly|monthly)", kept))  # whatever hour it is
        self.assertEqual(self.figure(seen, "cron"), HOURS * (1 + 12 + 1 + 1) + HOURS / 3 + others, kept)
        self.assertEqual(self.figure(seen, "cron-failed"), HOURS, kept)
        self.assertGreater(self.figure(seen, "cron-factor"), 1)
        five = self.figure(seen, "five").split()
        self.assertEqual((len(set(five)), {one[-1] for one in five}), (HOURS * 12, {"0", "5"}), "of the time that was said")
        backups = re.findall(r"hourly-(\d\d)(\d\d)\.rdb", self.figure(seen, "backups"))
        self.assertEqual((len(backups), {minute for _hour, minute in backups}), (HOURS, {"17"}))
        self.assertGreaterEqual(self.figure(seen, "old"), HOURS - 3, "a file is of the time at which it was written")
        self.assertEqual(self.figure(seen, "own"), "one\ntwo 100%")
        self.assertEqual(self.figure(seen, "users").split(), ["redis"] * (HOURS // 3))
        self.assertNotIn("\n/tmp/", "\n" + self.figure(seen, "none"))
        for line in ("    nobody", "    SHELL=/bin/sh", "    LOGNAME=nobody", "    NAME=of the crontab", "status 7",
                     "MAILTO=ops@example.com: nobody is sent mail", "@reboot is not due: touch /tmp/boot"):
            self.assertIn(line, kept)
        self.assertRegex(kept, r"\n    PATH=\S*:/usr/bin:/bin\n")
        self.assertTrue(any("times the speed" in event["event"] for event in seen["timeline"]), seen["timeline"])

    def test_what_cron_does_not_take(self):
        """A wrong line costs all of its file, as under cron; the others go on."""
        good = "*/30 * * * * root true\n"
        wrong = {"minute": ("# first\n" + good + "61 * * * * root true\n", "644", ":3: bad minute"),
                 "hour": ("0 5-25 * * * root true\n", "644", ":1: bad hour"),
                 "step": ("5/15 * * * * root true\n", "644", ":1: bad minute"),
                 "last": ("0 0 L * * root true\n", "644", ":1: bad day-of-month"),
                 "short": ("0 0 * *\n", "644", ":1: bad day-of-week"),
                 "user": ("0 0 * * * true\n", "644", ":1: bad username"),
                 "nickname": ("@often root true\n", "644", ":1: bad time specifier"),
                 "end": (good.strip(), "644", ":1: missing newline"),
                 "a.sh": (good, "644", ": a name with other characters"),
                 "mode": (good, "666", ": others may write to it")}
        files = [(f"/etc/cron.d/{name}", text, mode) for name, (text, mode, _said) in wrong.items()]
        seen = self.tried([("/etc/crontab", "", "644"), ("/etc/cron.d/good", good, "644"), *files], hours=3)
        self.assertEqual((seen["verdict"], self.figure(seen, "cron")), ("holds", 6), seen)
        events = [event["event"] for event in seen["timeline"]]
        for name, (_text, _mode, said) in wrong.items():
            self.assertTrue(any(f"/etc/cron.d/{name}{said}" in event and "ignores this file" in event for event in events),
                            f"{name}: {events}")

    def test_days_of_month_and_week(self):
        """Either is enough where both are given; one that begins with * is no day of its own."""
        month = 24 * 31
        seen = self.tried([("/etc/crontab", "0 0 1 * 0 root echo either\n0 0 */2 * 0 root echo both\n", "644")], hours=month)
        kept = self.figure(seen, "cron-output")
        either, both = (re.findall(rf"(?m)^(\S+) 00:00 root: echo {word}", kept) for word in ("either", "both"))
        self.assertTrue(5 <= len(either) <= 6, kept)
        self.assertTrue(1 <= len(both) <= 3, kept)

    def test_a_daemon_is_not_there(self):
        for command, said in (("cron -f", "unrecognized arguments: -f"), ("cron", "as a daemon"), ("cron --hours 2", "nobody sets the clock")):
            path = self.write("daemon.yaml", f"name: daemon\ntitle: t\nworld: {{}}\nsteps:\n  - shell: {{name: a, run: '{command} || true'}}\n"
                              "expect:\n  - says: {name: a, begins: right}\n")
            seen = self.lastack("run", path).scenario()
            self.assertEqual(seen["verdict"], "inconclusive", seen)
            self.assertIn("cron (stand-in): ", seen["reasons"][0])
            self.assertIn(said, seen["reasons"][0])

    def test_whatever_stands_in_its_place_it_ends(self):
        """A runbook has put something else there: one that lives on when it has closed all, one that asks for the wrong time, and a
        FIFO where the output is to be."""
        others = {"lives": "exec 0<&- 1>&- 2>&- 3<&- 4>&-; sleep 1000", "years": "echo 99999999999999 >&4; sleep 1000", "silent": "sleep 1000",
                  "fifo": "rm -f /run/lastack/cron; mkfifo /run/lastack/cron; printf '0\\n0\\n0\\n1\\n'"}
        for name, command in others.items():
            path = self.write(f"{name}.yaml", f"name: {name}\ntitle: t\nworld: {{}}\nsteps:\n  - shell:\n      run: |\n        echo '#!/bin/sh' > /lastack/bin/cron\n"
                              f"        cat >> /lastack/bin/cron <<'END'\n        {command}\n        END\n"
                              "  - cron: {name: cron, hours: 1, within_ms: 3000}\nexpect:\n  - figure: {name: cron, min: 0}\n")
            seen = self.lastack("run", path).scenario()
            self.assertEqual(seen["verdict"], "inconclusive", f"{name}: {seen}")
            self.assertTrue(any("cron: " in reason for reason in seen["reasons"]), f"{name}: {seen['reasons']}")

    def test_without_the_library_nothing_is_said(self):
        path = self.write("bare.yaml", "name: bare\ntitle: t\nworld: {}\nsteps:\n  - cron: {name: cron, hours: 1}\n"
                          "expect:\n  - figure: {name: cron, min: 1}\n")
        seen = self.lastack("run", path, "--no-shim").scenario()
        self.assertEqual(seen["verdict"], "inconclusive", seen)
        self.assertIn("nothing sets the clock", seen["reasons"][0])


if __name__ == "__main__":
    unittest.main()
