#!/usr/bin/python3
"""lastack report: what is made of results, new and old, whole and damaged; and that nothing hostile in them gets out."""
import copy
import datetime
import html.parser
import json
import random
import re
import subprocess
import unittest
import xml.etree.ElementTree as tree

import junitparser

from support import BROKEN, LASTACK, LastackTest

HOSTILE = '<script>alert(1)</script>"\'&</pre><img src=x onerror=y>\x07 | `@all` [a](http://b) \u202e'
SECRET = "hunter2hunter2"
SHA = "0" * 64


def scenario(name, verdict="holds", **more):
    entry = {"name": name, "title": "a scenario", "verdict": verdict, "group": "faults", "reasons": [], "violated": [],
             "claims": [], "claim_verdicts": [], "rpo": None, "rto": None, "faults": [], "injections": [],
             "power_cuts": [], "refused": [], "repairs": [], "findings": [], "timeline": [], "seconds": 1.5,
             "doubts": [], "sealed": True, "overrides": [], "reproduce": f"lastack run {name}", "write_commands": None,
             "bundle": name, "worst": None, "figures": [], "health": None}
    return {**entry, **more}


def violated(name, *kinds, **more):
    return scenario(name, "violated", reasons=[f"{kind} is violated" for kind in kinds], violated=list(kinds), **more)


def repeated(name, median, low, high):
    spread = {"median": median, "min": low, "max": high, "n": 10}
    return scenario(name, repeats={"runs": 10, "verdicts": ["holds"] * 10, "violated": 0, "inconclusive": 0,
                                   "violation_rate_upper_95": 0.26, "lost": spread, "window_ms": spread,
                                   "down_ms": spread, "ready_ms": spread, "first_write_ms": spread})


def result(*scenarios, **more):
    whole = {"schema": 1, "lastack": "0.2.0", "seed": 7, "started": "2026-11-26T23:07:02Z", "seconds": 12.5,
             "server": {"path": "/usr/bin/redis-server", "name": "redis", "version": "7.0.15"}, "command": ["lastack"],
             "finished": True, "pending": [], "claims": [], "scenarios": list(scenarios), "answer": None, "unit": None,
             "matrix": None, "health": None, "write_commands": None, "shard": None, "limits": [],
             "subjects": [{"role": "server", "path": "/usr/bin/redis-server", "sha256": SHA}],
             "host": {"name": "here", "kernel": "6.1", "cpus": 2, "memory": 1 << 30, "filesystem": "ext4",
                      "thp": "never", "overcommit": "0"}, "changed_directives": [], "not_applicable": []}
    return {**whole, **more}


class Page(html.parser.HTMLParser):
    """What stands in a page, and whether any of it could do something."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.ids, self.texts, self.hidden = [], set(), [], None
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        self.ids |= {value for name, value in attributes if name == "id"}
        self.hidden = tag if tag in ("script", "style") else self.hidden

    def handle_endtag(self, tag):
        self.hidden = None if tag == self.hidden else self.hidden

    def handle_data(self, data):
        if not self.hidden:
            self.texts.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.texts).split())


class Report(LastackTest):
    def save(self, name, data):
        return self.write(f"{name}.json", json.dumps(data))

    def report(self, *arguments):
        return self.lastack("report", *arguments, out=False)

    def made(self, kind, data, *more):
        """One kind of output, with the exit status."""
        source = data if not isinstance(data, dict) else self.save("result", data)
        target = self.folder / f"made.{kind}"
        run = self.report(source, f"--{kind}", target, *more)
        self.assertIn(run.status, (0, 1, 3), str(run))
        return target.read_text(), run.status

    def page(self, data, *more):
        text, _ = self.made("html", data, *more)
        done = subprocess.run(["tidy", "-q", "-e", "--warn-proprietary-attributes", "no"], input=text,
                              capture_output=True, text=True)
        self.assertEqual(done.stderr, "")
        self.assertNotIn(SECRET, text)
        page = Page(text)
        for tag, attributes in page.tags:  # Jenkins' content policy, and what a key could smuggle in
            self.assertNotIn("style", attributes, tag)
            self.assertFalse([name for name in attributes if name.startswith("on")], (tag, attributes))
            self.assertFalse([value for value in attributes.values() if (value or "").startswith(("data:", "http"))
                              and tag != "svg"], (tag, attributes))
            self.assertNotIn(tag, ("img", "iframe", "object", "link", "base"))
        return page


class OfARun(Report):
    """Of real runs, with their bundles."""

    @classmethod
    def setUpClass(cls):
        cls.kept = LastackTest()
        cls.kept.setUp()
        cls.junit = cls.kept.folder / "run.xml"
        cls.bad = cls.kept.lastack("run", "kill9-aof-always", "kill9-none", "disk-full-rdb", "--server",
                                   BROKEN / "respd", "--seed", 7, "--junit", cls.junit,
                                   env={"RESPD_DEFECT": "ack-before-write"})

    @classmethod
    def tearDownClass(cls):
        cls.kept.tearDown()

    def test_a_page(self):
        self.assertEqual(self.bad.status, 1, str(self.bad))
        page = self.page(self.bad.out, "--baseline", self.save("before", result(scenario("kill9-aof-always"))))
        for section in ("new", "scenarios", "claims", "configuration", "machine", "s0"):
            self.assertIn(section, page.ids)
        [entry] = [one for one in self.bad.result["scenarios"] if one["name"] == "kill9-aof-always"]
        self.assertEqual(entry["verdict"], "violated")
        for said in ("new kill9-aof-always holds violated", "Loss by age at the fault", "Survival by data type",
                     "Operations around the first finding", "log of that moment", "Timeline", "first write",
                     f"{entry['rpo']['lost']:,}", "To see it again", "sha256"):
            self.assertIn(said, page.text)
        self.assertIn(entry["reproduce"], page.text)
        self.assertTrue([tag for tag, _ in page.tags if tag == "svg"])
        order = [page.text.rindex(word) for word in ("exit 1", "What is new", "Worst first", "the document says",
                                                     "Files that the", "Machine and limits")]
        self.assertEqual(order, sorted(order))

    def test_the_first_lost_operation_is_shown_with_its_history(self):
        page = self.page(self.bad.out)
        [entry] = [one for one in self.bad.result["scenarios"] if one["name"] == "kill9-aof-always"]
        done = subprocess.run([LASTACK, "ledger", self.bad.out / entry["bundle"], "--format", "jsonl"],
                              capture_output=True, text=True, check=True)
        first = json.loads(done.stdout.splitlines()[entry["rpo"]["first_lost"]])
        self.assertIn(f"{first['key']} {first['op']} {first['seq']} ok", page.text.split("→", 1)[1])

    def test_what_the_types_lost_is_what_was_lost(self):
        for entry in self.bad.result["scenarios"]:
            if entry["rpo"]:
                for figure in ("acked", "lost"):
                    self.assertEqual(sum(one[figure] for one in entry["rpo"]["by_type"]), entry["rpo"][figure])

    def test_run_and_report_write_the_same_junit(self):
        text, status = self.made("junit", self.bad.out)
        self.assertEqual((text, status), (self.junit.read_text(), 1))

    def test_a_damaged_bundle_is_said(self):
        ledger = self.bad.out / "kill9-none/ledger"
        before = ledger.read_bytes()
        self.addCleanup(ledger.write_bytes, before)
        ledger.write_bytes(before[:600000] + b"\0" * 100 + before[600100:])
        self.assertIn("Nothing is told from its bundle:", self.page(self.bad.out).text)

    def test_without_its_bundles(self):
        page = self.page(json.loads((self.bad.out / "result.json").read_text()))
        self.assertIn("Its bundle is not at hand", page.text)

    def test_shards_together_say_what_one_run_says(self):
        names = ("kill9-none", "kill9-rdb", "kill9-aof-always")
        one = self.lastack("run", *names, "--seed", 3)
        shards = [self.lastack("run", *names, "--seed", 3, "--shard", f"{number}/2") for number in (1, 2)]
        self.assertEqual([len(shard.result["scenarios"]) for shard in shards], [2, 1])

        def verdicts(path):
            document = json.loads(self.made("ctrf", path)[0] if not isinstance(path, list) else self.together(path))
            return sorted((test["name"], test["status"]) for test in document["results"]["tests"])
        self.assertEqual(verdicts(one.out), verdicts([shard.out for shard in shards]))
        merged = json.loads(subprocess.run([LASTACK, "merge", *(shard.out for shard in shards)], capture_output=True,
                                           check=True).stdout)
        self.assertEqual([(claim["id"], claim["verdict"]) for claim in merged["claims"]],
                         [(claim["id"], claim["verdict"]) for claim in one.result["claims"]])
        alone = self.report(shards[0].out)
        self.assertEqual(alone.status, 3, str(alone))
        self.assertIn("Shards that are missing: 2", self.made("markdown", shards[0].out)[0])
        self.assert_refused(self.report(shards[0].out, shards[0].out), "shard 1 is there twice")
        self.assert_refused(self.report(shards[0].out, one.out), "only shards of one run go together")
        other = json.loads((shards[1].out / "result.json").read_text())
        other["server"]["version"] = "8.0"
        self.assert_refused(self.report(shards[0].out, self.save("other", other)), "another server")
        other["command"].append("--deep")
        self.assert_refused(self.report(shards[0].out, self.save("other", other)), "another command line")
        self.assertEqual(self.lastack("run", "kill9-none", "--shard", "3/2").status, 2)

    def test_runs_of_one_scenario_are_dealt_out_too(self):
        words = ("run", "kill9-none", "kill9-aof-always", "--seed", 8, "--repeat", 5)
        shards = [self.lastack(*words, "--shard", f"{number}/3") for number in (1, 2, 3)]
        dealt = {}
        for shard in shards:
            for entry in shard.result["scenarios"]:
                seeds = entry["repeats"]["seeds"] if "repeats" in entry else [entry["seed"]]
                dealt.setdefault(entry["name"], []).append(seeds)
        self.assertEqual(dealt, {"kill9-none": [[8, 11], [9, 12], [10]], "kill9-aof-always": [[9, 12], [10], [8, 11]]})
        merged = json.loads(subprocess.run([LASTACK, "merge", *(shard.out for shard in shards)], capture_output=True,
                                           check=True).stdout)
        self.assertEqual([entry["name"] for entry in merged["scenarios"]], ["kill9-none", "kill9-aof-always"])
        for entry in merged["scenarios"]:
            repeats = entry["repeats"]
            self.assertEqual((repeats["runs"], repeats["seeds"], repeats["verdicts"]), (5, [8, 9, 10, 11, 12], ["holds"] * 5))
            parts = [one for shard in shards for one in shard.result["scenarios"] if one["name"] == entry["name"]]
            windows = [value for part in parts for value in
                       (part["repeats"]["window_ms"]["values"] if "repeats" in part else [part["rpo"]["window_ms"]])]
            self.assertEqual(repeats["window_ms"]["values"], sorted(windows))
            self.assertEqual(repeats["window_ms"]["median"], sorted(windows)[2])
            self.assertIn(entry["bundle"], [part["bundle"] for part in parts])
        damaged = self.save("damaged", {**shards[0].result, "scenarios": [5, *shards[0].result["scenarios"]]})
        for names in ((shards[0].out, shards[0].out), (damaged, shards[1].out)):
            done = subprocess.run([LASTACK, "merge", *names], capture_output=True, text=True)
            self.assertEqual((done.returncode, done.stdout), (2, ""), done.stderr)
        target = self.folder / "page.html"
        self.assertEqual(self.report(*(shards[number].out for number in (2, 0, 1)), "--html", target).status, 0)
        text = target.read_text()
        self.assertNotIn("Its bundle is not at hand", text)
        self.assertNotIn("Shards that are missing", text)
        lone = self.lastack("run", "kill9-none", "--repeat", 2, "--shard", "3/3")
        self.assertEqual(lone.status, 3, str(lone))
        self.assertIn("nothing falls to shard 3 of 3", lone.stdout)
        self.assertEqual(self.lastack("certify", "--matrix", "--shard", "1/2").status, 2)

    def together(self, paths):
        target = self.folder / "together"
        run = self.report(*paths, "--ctrf", target)
        self.assertEqual(run.status, 0, str(run))
        return target.read_text()


class OfAnything(Report):
    def test_hostile_texts_are_texts(self):
        entry = violated(
            "h", "lost", title=HOSTILE, group=HOSTILE, reproduce=f"lastack run h --set 'requirepass {SECRET}'",
            timeline=[{"t_ms": 1, "node": None, "event": f"redis-cli -a {SECRET} GET {HOSTILE}"}],
            findings=[{"kind": "lost", "node": "", "detail": HOSTILE, "evidence": HOSTILE, "count": 3}],
            refused=[{"error": HOSTILE, "count": 2}], overrides=[HOSTILE])
        entry["reasons"] = [HOSTILE, f"AUTH user {SECRET}"]
        data = result(entry, command=["lastack", "--set", f"requirepass {SECRET}"], limits=[HOSTILE],
                      changed_directives=[HOSTILE], not_applicable=[f"other: {HOSTILE}"])
        data["server"]["version"] = HOSTILE
        page = self.page(data)
        self.assertIn("<script>alert(1)</script>", page.text)
        scripts = [attributes for tag, attributes in page.tags if tag == "script"]
        self.assertEqual(scripts, [], "there is no picture, so nothing to zoom")
        markdown, _ = self.made("markdown", data)
        self.assertNotRegex(markdown, r"<script|\]\(http|(?<!\S)@all")
        for line in markdown.splitlines():
            if line.startswith("| h "):
                self.assertEqual(len(re.findall(r"(?<!\\)\|", line)), 6, line)
        junit, _ = self.made("junit", data)
        self.assertIn("alert(1)", tree.fromstring(junit).find(".//failure").get("message"))
        for text in (markdown, junit, self.made("ctrf", data)[0], self.made("certificate", data)[0],
                     self.made("metrics", data)[0], (self.folder / "made.html").read_text()):
            self.assertNotIn(SECRET, text)

    def test_the_answer_says_what_the_table_says(self):
        """What is not known, or in doubt, is told, and a target that nothing proves has no figure."""
        base = {"sound": True, "moment": "", "clock_factor": 1, "window_ms": None, "lost": None, "one_write": False,
                "boundless": False, "everything": False, "ready_ms": None, "by_itself": False, "in_words": "not loaded",
                "scenario": "a", "unknown": []}
        answer = {"strategy": "x", "requirements": [{"name": "rpo", "target_ms": 5, "verdict": "violated", "worst_ms": None,
                                                     "situation": None}],
                  "situations": [{**base, "situation": "kill"},
                                 {**base, "situation": "power cut", "by_itself": True, "window_ms": 3.6e6, "lost": 1,
                                  "one_write": True, "in_words": "3600 s",
                                  "unknown": [{"scenario": "b", "verdict": "inconclusive", "why": "thin"}]}],
                  "remedies": [{"line": "appendonly yes", "directive": "appendonly", "was": "no", "proposed": True,
                                "throughput": None, "situations": [{**base, "situation": "kill", "in_words": "12 ms"}]}]}
        data = result(scenario("a"), answer=answer)
        text = self.page(data).text
        for said in ("kill not loaded – – no", "power cut 3600 s all – yes It may be worse: b is inconclusive: thin",
                     "With appendonly yes : kill 12 ms"):
            self.assertIn(said, text)
        self.assertNotIn("nothing bounds", text)

    def test_exit_status_is_that_of_the_run(self):
        holds, bad, open_ = scenario("a"), violated("b", "lost"), scenario("c", "inconclusive", reasons=["thin"])
        alerts = {"own": True, "faults": [{"fault": "kill", "scenarios": ["a"], "moved": [], "seen_by": [],
                                           "unseen": [{"scenario": "a", "harm": "down"}], "not_looked_at": [],
                                           "verdict": "violated"}], "rules": []}
        required = {"strategy": "x", "situations": [], "remedies": [],
                    "requirements": [{"name": "rpo", "target_ms": 5, "verdict": "violated", "worst_ms": 9,
                                      "situation": "kill"}]}
        for data, status in ((result(holds), 0), (result(holds, bad), 1), (result(holds, open_), 3), (result(), 3),
                             (result(bad, open_), 1), (result(holds, finished=False, pending=["x"]), 3),
                             (result(holds, health=alerts), 1), (result(holds, answer=required), 1)):
            run = self.report(self.save("one", data))
            self.assertEqual(run.status, status, str(run))
            self.assertIn(f"exit {status}", run.stdout)

    def test_waivers(self):
        soon = (datetime.date.today() + datetime.timedelta(days=9)).isoformat()
        entry = "reason: known, who: me, until: "

        def with_waivers(lines, *scenarios):
            path = self.write("waivers.yaml", lines)
            text, status = self.made("ctrf", result(*scenarios), "--waivers", path)
            notices = self.made("markdown", result(*scenarios), "--waivers", path)[0]
            return status, {test["name"]: test["rawStatus"] for test in json.loads(text)["results"]["tests"]}, notices
        both = violated("b", "lost", "hole")
        by_kind = f"- {{finding: lost, {entry}{soon}}}\n"
        status, verdicts, _ = with_waivers(f"- {{scenario: b, {entry}{soon}}}\n", scenario("a"), both)
        self.assertEqual((status, verdicts), (0, {"a": "holds", "b": "waived"}))
        self.assertEqual(with_waivers(by_kind, both)[:2], (1, {"b": "violated"}), "a hole is not waived")
        status, verdicts, _ = with_waivers(by_kind + f"- {{scenario: 'b*', finding: hole, {entry}{soon}}}\n", both)
        self.assertEqual((status, verdicts), (0, {"b": "waived"}))
        status, _, notices = with_waivers(f"- {{scenario: b, {entry}2020-01-01}}\n", both)
        self.assertEqual((status, "Waiver expired" in notices), (1, True))
        status, _, notices = with_waivers(f"- {{scenario: b, version: '6.*', {entry}{soon}}}\n", both)
        self.assertEqual((status, "Waiver of another version" in notices), (1, True))
        status, _, notices = with_waivers(f"- {{scenario: a, {entry}{soon}}}\n", scenario("a"))
        self.assertEqual((status, "no longer occurs" in notices), (0, True))
        status, _, _ = with_waivers(f"- {{scenario: c, {entry}{soon}}}\n", scenario("c", "inconclusive"))
        self.assertEqual(status, 3, "only what is violated can be accepted")
        run = self.report(self.save("one", result(scenario("a"), both)), "--waivers",
                          self.write("waivers.yaml", f"- {{scenario: b, {entry}{soon}}}\n"))
        self.assertIn("1 waived, 1 hold; exit 0", run.stdout)

    def test_waivers_that_are_none(self):
        source = self.save("one", result(scenario("a")))
        for text, *words in (("- {scenario: a}\n", ":1:", "'reason' is missing"),
                             ("\n- {scenario: a, reason: x, who: y, until: soon}\n", ":2:", "not a date"),
                             ("- {reason: x, who: y, until: 2030-01-01}\n", "'scenario' or 'finding' is missing"),
                             ("- {scenrio: a}\n", "unknown key 'scenrio'"), ("a: b\n", "a list of waivers"),
                             ("- [\n", "not YAML"), ("- 5\n", "a mapping"),
                             ("- {scenario: '*', reason: x, who: y, until: 2030-01-01}\n", "a waiver of everything is none"),
                             ("- {scenario: a, scenario: b, reason: x, who: y, until: 2030-01-01}\n", "is there twice"),
                             ("- {scenario: a, reason: ' ', who: y, until: 2030-01-01}\n", "'reason' is missing"),
                             ("- {scenario: 5, reason: x, who: y, until: 2030-01-01}\n", "not a text")):
            self.assert_refused(self.report(source, "--waivers", self.write("w.yaml", text)), "w.yaml", *words)
        self.assert_refused(self.report(source, "--waivers", "/nonexistent"), "/nonexistent: No such file")

    def test_what_is_new(self):
        before = result(scenario("was-well"), violated("still", "lost"), violated("mended", "lost"), scenario("gone"),
                        repeated("slow", 10, 8, 12), repeated("noise", 10, 8, 12), repeated("fast", 10, 8, 12),
                        scenario("once", rto={"ready_ms": 5, "phases": {}}))
        after = result(violated("was-well", "lost"), violated("still", "lost", "hole"), scenario("mended"),
                       violated("first", "lost"), repeated("slow", 20, 14, 30), repeated("noise", 20, 11, 30),
                       repeated("fast", 3, 2, 4), scenario("once", rto={"ready_ms": 500, "phases": {}}))
        text = self.page(after, "--baseline", self.save("before", before)).text
        for said in ("new was-well holds violated", "new first - violated", "new still: hole - violated",
                     "still still violated violated", "gone mended violated holds", "not run gone holds -",
                     "worse slow: time to recovery 10 ms (8 to 12, n = 10) 20 ms (14 to 30, n = 10)",
                     "within what runs vary noise: time to recovery", "better fast: time to recovery",
                     "cannot be told: one run once: time to recovery 5 ms 500 ms"):
            self.assertIn(said, text)

    def test_what_is_new_beside_the_scenarios(self):
        def required(verdict):
            return {"strategy": "x", "situations": [], "remedies": [], "requirements": [
                {"name": "rpo", "target_ms": 5, "verdict": verdict, "worst_ms": 9, "situation": "kill"}]}
        claim = {"id": "S9-99", "text": "x", "source": "y", "verdict": "violated", "measured": "z", "quantity": "", "unit": "",
                 "value": None, "interval": None, "n": 0, "document_says": "", "bound": "", "conditions": "",
                 "scenarios": [], "sides": []}
        before = self.save("before", result(scenario("a"), answer=required("holds"), lastack="0.1.0"))
        markdown = self.made("markdown", result(scenario("a"), answer=required("violated"), claims=[claim]),
                             "--baseline", before)[0]
        for said in ("| differs | lastack | 0.1.0 | 0.2.0 |", "| new | --rpo 5 ms | holds | violated |",
                     "| new | claim S9-99 | - | violated |"):
            self.assertIn(said, markdown)

    def test_passwords(self):
        for text in (f"requirepass a;{SECRET}", f"AUTH {SECRET} failed", f'"AUTH" "default" "{SECRET}"',
                     f"valkey-cli -a {SECRET} ping", f"redis-cli -h 'a|b' --pass={SECRET} x", f"redis-cli -a ab'{SECRET}' GET",
                     f"sentinel auth-pass main {SECRET}", f'"requirepass": "{SECRET}"', f'requirepass "a\\"{SECRET}"',
                     f"redis://user:{SECRET}@host", f"ACL SETUSER bob on >{SECRET}", f"AUTH2 user {SECRET}"):
            data = result(scenario("a", timeline=[{"t_ms": 1, "node": None, "event": text}], limits=[]), limits=[text])
            self.assertNotIn(SECRET, self.made("html", data)[0], text)
        slow = result(scenario("a"), limits=["://a:" * 200000, "auth " * 200000])  # nor does looking for them take long
        self.made("ctrf", slow)

    def test_outputs_do_not_overwrite_each_other(self):
        source = self.save("one", result(scenario("a")))
        run = self.report(source, "--html", self.folder / "x.html", "--certificate", self.folder / "x.json")
        self.assertEqual((run.status, "the same name" in run.stderr), (2, True), str(run))

    def test_junit_is_what_consumers_read(self):
        soon = (datetime.date.today() + datetime.timedelta(days=9)).isoformat()
        data = result(scenario("a"), violated("b", "lost"), scenario("c", "inconclusive", reasons=["thin \x01\ufffe"]),
                      violated("d", "hole", group="strategies"), not_applicable=["e: not here"])
        waivers = self.write("w.yaml", f"- {{scenario: d, reason: x, who: y, until: {soon}}}\n")
        self.made("junit", data, "--waivers", waivers)
        target = self.folder / "made.junit"
        subprocess.run(["xmllint", "--noout", target], check=True)
        read = junitparser.JUnitXml.fromfile(str(target))
        self.assertEqual((read.tests, read.failures, read.errors, read.skipped), (5, 1, 1, 2))
        cases = {case.name: (case.classname, type(case.result[0]).__name__ if case.result else None)
                 for suite in read for case in suite}
        self.assertEqual(cases, {"a": ("faults", None), "b": ("faults", "Failure"), "c": ("faults", "Error"),
                                 "d": ("strategies", "Skipped"), "e": ("not applicable", "Skipped")})
        for suite in read:
            self.assertRegex(suite.timestamp, r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$")

    def test_ctrf(self):
        data = result(repeated("a", 1, 1, 1), violated("b", "lost"), scenario("c", "inconclusive"))
        document = json.loads(self.made("ctrf", data)[0])
        self.assertEqual((document["reportFormat"], document["specVersion"]), ("CTRF", "1.0.0"))
        summary = document["results"]["summary"]
        self.assertEqual([summary[key] for key in ("tests", "passed", "failed", "other", "skipped", "pending")],
                         [3, 1, 1, 1, 0, 0])
        self.assertEqual(summary["stop"] - summary["start"], 12500)
        tests = {test["name"]: test for test in document["results"]["tests"]}
        self.assertEqual([attempt["attempt"] for attempt in tests["a"]["retryAttempts"]], list(range(1, 11)))
        self.assertEqual([tests[name]["status"] for name in "abc"], ["passed", "failed", "other"])
        self.assertFalse([test for test in tests.values() if "flaky" in test])

    def test_metrics(self):
        data = result(scenario("a", group='"\\\n', rpo={"lost": 3, "acked": 10, "window_ms": 1500}), violated("b", "lost"))
        text, _ = self.made("metrics", data)
        done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn('lastack_scenarios{verdict="violated"} 1.0', text)
        self.assertIn('lastack_loss_window_seconds{scenario="a"} 1.5', text)

    def test_markdown_is_bounded_and_readable_where_it_is_cut(self):
        many = [violated(f"s{n}", "lost" * 20, reproduce="r" * 300) for n in range(9000)]
        text, _ = self.made("markdown", result(*many))
        self.assertLess(len(text.encode()), 900_000)
        self.assertIn("Cut here", text[-200:])
        self.assertEqual([line.count("|") for line in text.splitlines() if line.startswith("| s")][-1], 6)

    def test_a_page_is_bounded(self):
        long = "x" * 500
        many = [violated(f"s{n}", "lost", timeline=[{"t_ms": n, "node": "p", "event": long}] * 100,
                         findings=[{"kind": "lost", "node": "", "detail": long, "evidence": long, "count": 1}] * 5)
                for n in range(400)]
        text, _ = self.made("html", result(*many))
        self.assertLess(len(text.encode()), 20 << 20)
        self.assertIn("are not shown in detail", text)

    def test_results_that_are_none(self):
        source = self.save("one", result(scenario("a")))
        for path, *words in (("/nonexistent", "No such file"), (self.write("x.json", "{"), "not JSON"),
                             (self.write("y.json", "[]"), "not the result"), (self.folder, "result.json"),
                             (self.save("z", {**result(), "schema": 2}), "format version 2"),
                             (self.save("v", result(scenario("a", seconds="long"))), "damaged", "seconds"),
                             (self.save("n", result(scenario("a", seconds=float("nan")))), "NaN is no number"),
                             (self.save("s", result(scenario("a", title="\ud800"))), "surrogates")):
            self.assert_refused(self.report(path), *words)
        self.assertEqual(self.report().status, 2)
        self.assertEqual(self.report(source, "--html", "").status, 2)
        self.assert_refused(self.report(source, "--html", "/nonexistent/page.html"), "/nonexistent/page.html")

    def test_damage_is_an_error_and_never_a_crash(self):
        random.seed(11)
        text = json.dumps(result(violated("a", "lost", rpo={"lost": 1, "acked": 2, "window_ms": 3}), repeated("b", 1, 1, 2)))
        for number in range(25):
            data = bytearray(text.encode())
            for _ in range(random.randrange(1, 4)):
                data[random.randrange(len(data))] = random.choice(b'0x"{}[],:nul')
            path = self.folder / "damaged.json"
            path.write_bytes(bytes(data))
            run = self.report(path, "--junit", self.folder / "j", "--ctrf", self.folder / "c", "--markdown",
                              self.folder / "m", "--metrics", self.folder / "p")
            self.assertIn(run.status, (0, 1, 2, 3), f"{number}: {run}")
            self.assertNotIn("Traceback", run.stderr, f"{number}: {run}")

    def test_results_of_older_versions(self):
        old = copy.deepcopy(result(violated("a", "lost")))
        for key in ("shard", "subjects", "health", "answer", "unit", "matrix", "host", "schema"):
            del old[key]
        for key in ("group", "violated", "worst", "figures", "health"):
            del old["scenarios"][0][key]
        self.assertIn("is violated", self.page(old).text)
        self.assert_refused(self.report(self.save("old", old), "--certificate", self.folder / "c"), "run it again")


class Certificate(Report):
    def setUp(self):
        super().setUp()
        self.server = self.write("server", "the server")
        self.config = self.write("redis.conf", "appendonly yes\n")
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.folder / "ssh"], check=True)
        subprocess.run(["minisign", "-G", "-W", "-f", "-s", self.folder / "mini", "-p", self.folder / "mini.pub"],
                       check=True, capture_output=True)

    def certificate(self, *scenarios, key="ssh"):
        import hashlib
        subjects = [{"role": role, "path": str(path), "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
                    for role, path in (("server", self.server), ("executable", self.server), ("config", self.config))]
        path = self.folder / "certificate.json"
        run = self.report(self.save("one", result(*scenarios, subjects=subjects)), "--certificate", path,
                          *(("--key", self.folder / key) if key else ()))
        self.assertIn(run.status, (0, 1, 3), str(run))
        return path

    def verify(self, path, key="ssh.pub", server=None, config=True):
        more = ("--config", self.config) if config else ()
        return self.report("--verify", path, "--key", self.folder / key, "--server", server or self.server, *more)

    def test_it_speaks_of_these_files_and_of_no_others(self):
        many = [scenario(f"s{n}") for n in range(20)]
        for key in ("ssh", "mini"):
            path = self.certificate(*many, key=key)
            statement = json.loads(path.read_text())
            self.assertEqual(statement["predicate"]["result"], "PASSED")
            self.assertEqual(len(statement["subject"]), 3)
            run = self.verify(path, f"{key}.pub")
            self.assertEqual((run.status, "speaks of these files: PASSED" in run.stdout), (0, True), str(run))
            other = "mini.pub" if key == "ssh" else "ssh.pub"
            for wrong, word in ((self.verify(path, other), "not signed"),
                                (self.verify(path, f"{key}.pub", config=False), "about a config"),
                                (self.verify(path, f"{key}.pub", server=self.config), "is another file")):
                self.assertEqual(wrong.status, 1, str(wrong))
                self.assertIn(word, wrong.stdout)
            path.write_text(path.read_text().replace("PASSED", "PASSED "))
            run = self.verify(path, f"{key}.pub")
            self.assertEqual((run.status, "changed" in run.stdout), (1, True), str(run))
        Page((self.folder / "certificate.html").read_text())

    def test_what_cannot_be_looked_at_from_elsewhere(self):
        """A wrapper runs what lies beside it, and a configuration includes what lies beside it."""
        def subject(role, path):
            import hashlib
            return {"role": role, "path": str(path), "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
        real = self.write("real", "the real server")
        (self.folder / "conf.d").mkdir()
        part = self.write("conf.d/1.conf", "appendfsync always\n")
        config = self.write("with.conf", f"include {self.folder}/conf.d/*.conf\n")
        path = self.folder / "certificate.json"
        subjects = [subject("server", self.server), subject("executable", real), subject("config", config),
                    subject("include", part)]
        self.report(self.save("one", result(scenario("a"), subjects=subjects)), "--certificate", path, "--key",
                    self.folder / "ssh")
        words = ("--verify", path, "--key", self.folder / "ssh.pub")
        self.assertEqual(self.report(*words, "--server", self.server, "--config", config).status, 0)
        copied = self.write("elsewhere/server", self.server.read_text())
        moved = self.write("elsewhere/with.conf", config.read_text())
        for other, word in (((copied, config), "a wrapper"), ((self.server, moved), "names other files")):
            run = self.report(*words, "--server", other[0], "--config", other[1])
            self.assertEqual((run.status, word in run.stdout), (1, True), str(run))
        self.write("conf.d/2.conf", "appendfsync no\n")
        run = self.report(*words, "--server", self.server, "--config", config)
        self.assertEqual((run.status, "2.conf is included" in run.stdout), (1, True), str(run))

    def test_another_key_of_the_same_kind(self):
        path = self.certificate(scenario("a"))
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.folder / "other"], check=True)
        self.assertEqual(self.verify(path, "other.pub").status, 1)

    def test_a_file_that_changed_since(self):
        path = self.certificate(scenario("a"))
        self.assertEqual(self.verify(path).status, 0)
        self.config.write_text("appendonly no\n")
        run = self.verify(path)
        self.assertEqual((run.status, "redis.conf is another file" in run.stdout), (1, True), str(run))

    def test_what_it_says(self):
        few = self.certificate(scenario("a"), key=None)
        self.assertEqual(json.loads(few.read_text())["predicate"]["result"], "WARNED", "few are not enough")
        for scenarios in ((), (violated("b", "lost"),), [scenario("c", "inconclusive"), *map(scenario, map(str, range(30)))]):
            predicate = json.loads(self.certificate(*scenarios, key=None).read_text())["predicate"]
            self.assertEqual(predicate["result"], "FAILED")
            self.assertEqual(set(predicate["failedTests"]), {one["name"] for one in scenarios if one["verdict"] != "holds"})
        self.certificate(scenario("a"))
        run = self.verify(self.certificate(scenario("a"), key=None))
        self.assertEqual(run.status, 1, "what was signed before is none of its business")

    def test_what_is_no_certificate(self):
        self.assert_refused(self.verify(self.write("x", "{}")), "not a certificate")
        self.assert_refused(self.verify("/nonexistent"), "No such file")
        path = self.certificate(scenario("a"))
        self.write("nokey", "hello")
        self.assert_refused(self.verify(path, "nokey"), "neither minisign nor ssh-keygen")


if __name__ == "__main__":
    unittest.main()
