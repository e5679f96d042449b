"""Scenarios drawn from a seed: a configuration, a load, what happens before the fault, the fault, and what then must hold."""
import random

import yaml

TYPES = ("string", "counter", "list", "hash", "set", "zset", "stream", "expiry", "transaction", "script", "append", "range",
         "bitmap", "geo", "group", "queue", "move", "flush")

KEPT = {"always": "AOF always", "everysec": "AOF everysec", "no": "AOF without fsync", "rdb": "RDB",
        "none": "no persistence"}


class Dumper(yaml.SafeDumper):
    """Lines of redis.conf as they are written by hand."""


Dumper.add_representer(str, lambda dumper, text: dumper.represent_scalar(
    "tag:yaml.org,2002:str", text, style="|" if "\n" in text else None))


def text_of(scenario):
    return yaml.dump(scenario, Dumper=Dumper, sort_keys=False, width=1000)


class Draw:
    """One scenario. What is promised of it follows from what was drawn, and from nothing else."""

    def __init__(self, seed):
        self.seed = seed
        self.random = random.Random(f"lastack swarm {seed}")
        self.steps = []
        self.expect = []
        self.power_cut = None
        self.words = []
        self.kept = self.random.choice(("none", "rdb", "always", "everysec", "no", "always", "everysec"))
        self.logs = self.kept in ("always", "everysec", "no")
        self.load = self.draw_load()
        self.settings = self.draw_settings()
        self.draw_course()

    def one_in(self, number):
        return self.random.randrange(number) == 0

    def draw_settings(self):
        if self.kept == "none":
            return "appendonly no\nsave \"\"\n"
        if self.kept == "rdb":
            return "appendonly no\nsave 3600 1\n" + ("rdbcompression no\n" if self.one_in(4) else "")
        preamble = self.random.choice(("yes", "no"))
        waits = "no-appendfsync-on-rewrite yes\n" if self.kept == "no" and self.one_in(3) else ""
        return f"appendonly yes\nappendfsync {self.kept}\naof-use-rdb-preamble {preamble}\n{waits}"

    def draw_load(self):
        load = {"clients": self.random.choice((1, 2, 8, 20, 50)), "pipeline": self.random.choice((1, 4, 16)),
                "value_size": self.random.choice((48, 100, 1000, 4000)), "keys": self.random.choice((10, 100, 500)),
                "min_acked": 300}
        if self.one_in(4):
            load["churn"] = self.random.choice((50, 500))
        if self.one_in(5):
            load["big_size"], load["big_every"] = 200_000, 20
        if self.one_in(3):
            load["skew"] = self.random.choice((50, 120))
        if self.one_in(2):
            types = self.random.sample(TYPES, self.random.randrange(2, 7))
            load["mix"] = [{"type": name, "share": self.random.choice((1, 2, 5))} for name in sorted(types)]
        return load

    def say(self, words):
        self.words.append(words)

    def run_load(self, least=500, most=3000):
        self.steps.append({"load": {"acked": self.random.randrange(least, most)}})

    def draw_course(self):
        """What comes before, the fault, and what must hold afterwards."""
        self.run_load()
        faults = [self.kill, self.stop, self.cut]
        if self.logs:
            faults += [self.kill_at, self.torn, self.cut_at]
        if self.kept in ("everysec", "no"):  # with always, a server may end in place of refusing
            faults.append(self.disk_full)
        fault = self.random.choice(faults)
        settled = self.before(may_be_running=fault not in (self.disk_full,))
        fault(settled)
        self.steps += [{"recover": {}}]
        if self.one_in(4) and fault == self.kill and self.kept == "always":
            self.say("and once more after the recovery")
            self.run_load()
            self.steps += [{"kill": {"scope": "group"}}, {"recover": {}}]
        self.steps.append({"verify": {}})

    def before(self, may_be_running):
        """Work of the server's own. True: what was acknowledged before the mark is in a snapshot or a new log by now."""
        if self.kept == "none":
            return False
        command = "BGREWRITEAOF" if self.logs else "BGSAVE"
        settled = self.kept == "rdb" or self.one_in(2)
        if settled:
            self.say(f"after a {command}")
            self.steps += [{"mark": {}}, {"command": {"send": command}}, {"wait": {"for": "idle"}}]
            self.run_load()
        if may_be_running and self.one_in(3):
            self.say(f"while a {command} is under way")
            self.steps.append({"command": {"send": command}})
            if self.one_in(2):
                self.run_load(50, 500)
        return settled

    # ---- faults ----

    def kill(self, settled):
        self.say("kill -9")
        if self.kept in ("everysec", "no") and not settled:
            self.steps.append({"mark": {}})
            self.run_load()
            settled = True
        self.steps.append({"kill": {"scope": self.random.choice(("group", "process")) if not self.words[:-1] else "group"}})
        self.promise_after_kill(settled)

    def promise_after_kill(self, settled):
        if self.kept == "none":
            self.expect.append({"lost": {"all": True}})
        elif self.kept == "always":
            self.expect.append({"lost": {"max": 0}})
        elif settled:
            self.expect.append({"lost": {"before_mark": 0}})
        if self.kept == "everysec":
            self.expect.append({"window": {"max_ms": 2000}})

    def stop(self, settled):
        """SIGTERM: a server that has something to keep data with keeps all of it."""
        self.say("SIGTERM")
        self.steps += [{"stop_load": {}}, {"kill": {"scope": "process", "signal": "TERM"}}]
        self.expect.append({"lost": {"all": True}} if self.kept == "none" else {"lost": {"max": 0}})

    def spec_of_cut(self):
        self.power_cut = {"method": "simulated", "filesystem": self.random.choice(("ext4", "xfs")),
                          "policy": "drop"}  # after what the others leave, no server starts by itself
        self.say(f"power cut ({self.power_cut['filesystem']})")

    def cut(self, settled):
        self.spec_of_cut()
        self.steps.append({"power_cut": {}})
        self.promise_after_cut(settled)

    def promise_after_cut(self, settled):
        if self.kept == "everysec":
            self.load["rate"] = 2000  # what waits for an fsync is bounded
        if self.kept == "none":
            self.expect.append({"lost": {"all": True}})
        elif self.kept == "always":
            self.expect.append({"lost": {"max": 0}})
        elif self.kept == "everysec":
            self.expect.append({"window": {"max_ms": 2000}})
        elif settled:
            self.expect.append({"lost": {"before_mark": 0}})

    def operation(self):
        names = ["write"] if self.kept == "no" else ["write", "fsync"]
        return self.random.choice(names)

    def at_operation(self, what):
        operation = self.operation()
        nth = self.random.randrange(2, 200) if operation == "write" or self.kept == "always" else 2
        self.steps.append({"arm": {"rule": f"op={operation} file=aof role=server nth={nth} do={what}"}})
        self.steps.append({"load": {"acked": 100}})
        self.steps.append({"wait": {"for": "exit"}})
        return operation, nth

    def mark_first(self, settled):
        """What a kill leaves of a log is bounded by a mark."""
        if self.kept != "always" and not settled:
            self.steps.append({"mark": {}})
        return True

    def kill_at(self, settled):
        settled = self.mark_first(settled)
        operation, nth = self.at_operation("kill:group")
        self.say(f"killed at {operation} {nth} of the log")
        self.promise_after_kill(settled)

    def torn(self, settled):
        settled = self.mark_first(settled)
        nth, size = self.random.randrange(2, 200), self.random.randrange(1, 20)
        self.say(f"write {nth} of the log is torn after {size} bytes")
        self.steps += [{"arm": {"rule": f"op=write file=aof role=server nth={nth} do=torn:{size}"}},
                       {"load": {"acked": 100}}, {"wait": {"for": "exit"}}]
        self.promise_after_kill(settled)

    def cut_at(self, settled):
        self.spec_of_cut()
        operation, nth = self.at_operation("power-cut")
        self.say(f"at {operation} {nth} of the log")
        self.promise_after_cut(settled)

    def disk_full(self, settled):
        self.say("the disk fills up; kill -9")
        self.load["value_size"] = 1000
        self.steps += [{"arm": {"rule": "op=write do=disk-full:free:1m"}}, {"wait": {"for": "errors"}},
                       {"sleep": {"ms": 300}}, {"disarm": {}}, {"wait": {"for": "writes"}}, {"load": {"acked": 300}}]
        if not settled:
            self.steps.append({"mark": {}})
        self.steps += [{"stop_load": {}}, {"kill": {"scope": "group"}}]
        self.promise_after_kill(True)

    @property
    def name(self):
        return f"swarm-{self.seed}"

    def scenario(self):
        title = ", ".join([KEPT[self.kept], *self.words])
        scenario = {"name": self.name, "title": title, "why": f"Drawn from seed {self.seed}.", "settings": self.settings,
                    "tune": "auto-aof-rewrite-percentage 0\n", "load": self.load}
        if self.power_cut:
            scenario["power_cut"] = self.power_cut
        if not self.logs:
            del scenario["tune"]
        return {**scenario, "steps": self.steps, "expect": self.expect or [{"exit": {"how": "killed"}}]}  # nothing is promised but what always is

    def text(self):
        return text_of(self.scenario())


def write(folder, seeds):
    """One file for each seed."""
    folder.mkdir(parents=True, exist_ok=True)
    for seed in seeds:
        draw = Draw(seed)
        (folder / f"{draw.name}.yaml").write_text(draw.text())
