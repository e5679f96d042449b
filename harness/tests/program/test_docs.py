#!/usr/bin/python3
"""What can be used stands where a reader looks for it, and what a page refers to is there."""
import re
import unittest

from support import ROOT, SCENARIOS, LastackTest

DOCS = ROOT / "docs"


class Docs(LastackTest):
    def names_in(self, text):
        """What lastack says it knows in place of something that it does not."""
        error = self.lastack("run", self.write("unknown.yaml", text)).stderr
        return re.search(r"(?:expected|use) one of: (.+?)(?:, in '|\n)", error)[1].split(", ")

    def test_every_step_and_expectation_is_documented(self):
        text = (DOCS / "scenarios.md").read_text()
        head = "name: x\ntitle: t\n"
        for names in (self.names_in(head + "steps:\n  - no_such: {}\nexpect:\n  - lost: {max: 0}\n"),
                      self.names_in(head + "steps:\n  - verify: {}\nexpect:\n  - no_such: {}\n")):
            self.assertGreater(len(names), 9)
            for name in names:
                self.assertRegex(text, rf"(?m)^\| `{name}: \{{")

    def test_every_fault_action_is_documented(self):
        text = (DOCS / "rules.md").read_text()
        actions = self.names_in("name: x\ntitle: t\nsteps:\n  - arm: {rule: op=write do=no-such}\n  - verify: {}\n"
                                "expect:\n  - lost: {max: 0}\n")
        self.assertGreater(len(actions), 12)
        for name in actions:
            self.assertRegex(text, rf"(?m)^\|[^|]*`{name}[`:]")

    def test_every_folder_of_scenarios_has_its_row(self):
        rows = set(re.findall(r"(?m)^\| `(\w+)/` \|", (DOCS / "scenarios.md").read_text()))
        self.assertLessEqual({path.name for path in SCENARIOS.iterdir()}, rows)
        self.assertEqual(rows, set(re.findall(r'\{"(\w+)", (?:true|false)\}',
                                              (ROOT / "harness/suite/select.c").read_text())))

    def test_scenarios_that_a_page_names_are_there(self):
        """By their names, or what several begin with."""
        names = [path.stem for path in SCENARIOS.glob("*/*.yaml")]
        section = (DOCS / "playbooks.md").read_text().split("### Outages, replayed")[1].split("\n## ")[0]
        named = re.findall(r"`([a-z]+(?:-[a-z0-9]*)+)`", section.replace("`--", ""))
        self.assertGreater(len(named), 40)
        for word in named:
            self.assertTrue(any(name == word or name.startswith(word) for name in names), word)

    def test_the_readme_is_short_and_leads_to_every_page(self):
        text = (ROOT / "README.md").read_text()
        self.assertLessEqual(len(text.splitlines()), 120)
        for page in [page for page in DOCS.iterdir() if page.is_file()]:
            self.assertIn(f"](docs/{page.name})", text)

    def test_what_a_page_refers_to_is_there(self):
        for page in [*ROOT.glob("*.md"), *DOCS.rglob("*.md")]:
            text = page.read_text()
            for link in re.findall(r"\]\(([^)#]+)", text):
                if "://" not in link:
                    self.assertTrue((page.parent / link).exists(), f"{page.name}: {link}")
            for path in re.findall(r"`((?:harness|faultinject|fixtures|ci|scenarios)/[\w./-]+)`", text):
                here = "NAME" in path or (ROOT / path).exists() or path.rstrip("/").split("/")[0] == "scenarios"
                self.assertTrue(here, f"{page.name}: {path}")


if __name__ == "__main__":
    unittest.main()
