"""Writes random, plausible, small scenarios; the same seed gives the same text."""
from __future__ import annotations

import argparse
import itertools
import os
import random
from collections import Counter
from typing import Any

import yaml

FEATURES = ("table", "tags", "migration", "twin", "starts", "queue", "dead-letter", "cache", "source", "document", "flag", "within",
            "config", "client", "api", "reply", "two services", "three versions", "handler", "copy", "timer", "trigger", "start",
            "backfill", "verify", "overwrite", "once", "wait", "drain", "flush", "requeue", "guard", "floor", "list", "code-only",
            "undo-everything", "rollforward", "promise", "no faults", "straggler", "undo")
SIZES = {"small": (1, 2), "medium": (2, 3), "large": (3, 5)}


class Generator:
    def __init__(self, seed: int, size: str):
        self.r = random.Random(f"turnback {seed} {size}")
        self.size = self.r.choice(["small", "small", "small", "medium", "medium", "medium", "large"]) if size == "mixed" else size
        self.top: dict[str, Any] = {"turnback": "1", "name": f"Generated {seed} ({self.size})"}
        self.tame = self.r.random() < 0.6
        self.tags: set[str] = set()
        self.steps: list[dict[str, Any]] = []
        self.back: list[dict[str, Any]] = []
        self.n = 3 if self.yes(0.35, "three versions") else 2
        self.app: list[dict[str, Any]] = [{} for _ in range(self.n)]
        self.worker: list[dict[str, Any]] = [{} for _ in range(2)]
        self.early: list[dict[str, Any]] = []
        self.middle: list[dict[str, Any]] = []
        self.late: list[dict[str, Any]] = []

    def yes(self, chance: float, feature: str | None = None) -> bool:
        happens = self.r.random() < chance
        if happens and feature:
            self.tags.add(feature)
        return happens

    def pick(self, *options: Any) -> Any:
        return self.r.choice(options)

    def style(self, *options: Any) -> Any:
        """The first option is the careful one."""
        return options[0] if self.tame and self.r.random() < 0.85 else self.r.choice(options)

    def rash(self, chance: float, feature: str | None = None) -> bool:
        return self.yes(chance * (0.25 if self.tame else 1), feature)

    def verb(self, body: dict, verb: str, place: str, fields: Any) -> None:
        body.setdefault(verb, {})[place] = fields

    def handler(self, body: dict, name: str, **parts: Any) -> None:
        self.tags.add("handler")
        body.setdefault("handlers", {})[name] = parts

    # places

    def table(self) -> None:
        self.tags.add("table")
        columns: dict[str, Any] = {"id": "not_null"}
        table: dict[str, Any] = {"columns": columns}
        self.top["tables"] = {"rows": table}
        which = self.r.random()
        if which < 0.45:
            self.tagged_column(columns)
        if which > 0.35:
            self.renamed_column(table, columns)
        if self.yes(0.12, "starts") and "a" in columns:
            table["starts"] = {"a": self.pick("fresh", "absent|fresh", "stale|fresh")}

    def column(self, body: dict, writes: list, reads: list) -> None:
        """Columns of one table are written and read together."""
        self.verb(body, "writes", "rows", body.get("writes", {}).get("rows", []) + writes)
        self.verb(body, "reads", "rows", body.get("reads", {}).get("rows", []) + reads)

    def tagged_column(self, columns: dict) -> None:
        self.tags.add("tags")
        columns["k"] = "A|B"
        writes = self.pick(["A", "A", "B"], ["A", "B", "B"], ["A", "A|B", "B"])
        reads = self.style(["A|B", "A|B", "A|B"], ["A", "A|B", "A|B"], ["A|B", "A|B", "B"], ["A", "A|B", "B"])
        for body, w, r in zip(self.app, writes, reads):
            self.column(body, [{"k": w}], [{"k": r}])
            if self.yes(0.3):
                body["on_unknown_value"] = self.pick("crash", "misread", "ignore")
        if self.yes(0.4, "backfill"):
            step = {"backfill": "rows.k A -> B"}
            if self.yes(0.25, "verify"):
                step["verify"] = "count(k is A) == 0"
            if self.yes(0.15, "wait"):
                self.late.append({"wait": "until no rows where k is A"})
            if self.yes(0.3, "undo"):
                step["undo"] = [{"backfill": "rows.k B -> A"}]
            self.late.append(step)
        if self.yes(0.4):
            self.back.append({"backfill": "rows.k B -> A"})

    def renamed_column(self, table: dict, columns: dict) -> None:
        columns["a"] = self.pick("nullable", "nullable", "not_null")
        if self.yes(0.75, "migration"):
            table["migrations"] = {"expand": {"add_column": "b"}}
            self.early.append({"migrate": "rows.expand"})
        else:
            columns["b"] = self.pick("nullable", {"same_as": "a"})
        twin = self.yes(0.6, "twin")
        if twin:
            reads = self.style([["a"], ["a"], ["b or a"]], [["a"], ["a"], ["b"]], [["a"], ["b or a"], ["b"]], [["a"], ["b"], ["b"]])
            writes = self.style([["a"], ["a", "b"], ["a", "b"]], [["a"], ["a", "b"], ["b"]], [["a"], ["b"], ["b"]])
        else:
            columns["b"] = "nullable" if "b" in columns else None
            reads = self.style([["a"], ["a", 'b or "none"'], ["a", "b or nothing"]], [["a"], ["a", "b or nothing"], ["a", "b"]], [["a"], ["a", "b"], ["a", "b"]])
            writes = [["a"], ["a", "b"], ["a", "b"]]
        if columns.get("b", "") is None:
            del columns["b"]
        for body, w, r in zip(self.app, writes, reads):
            self.column(body, w, r)
        if self.yes(0.95 if self.tame else 0.7, "backfill"):
            step: dict[str, Any] = {"backfill": "rows.b from a" if twin else self.pick('rows.b from "none"', "rows.b from a")}
            if "from a" in step["backfill"] and self.yes(0.9 if self.tame else 0.6, "overwrite"):
                step["overwrite"] = "true"
            if self.yes(0.3, "verify"):
                step["verify"] = "count(b is distinct from a) == 0" if "overwrite" in step else "count(b is absent) == 0"
            if self.rash(0.12, "once"):
                step["once"] = "true"
            self.middle.append(step)
        if self.rash(0.45, "migration"):
            table.setdefault("migrations", {})
            kind = self.pick("relax", "contract", "enforce", "rename")
            if kind == "relax" and columns["a"] == "not_null":
                table["migrations"]["relax"] = {"alter_column": {"a": "nullable"}}
                self.middle.append({"migrate": "rows.relax"})
            elif kind == "contract":
                table["migrations"]["contract"] = {"drop_column": "a"}
                self.late.append({"migrate": "rows.contract"})
            elif kind == "enforce":
                table["migrations"]["enforce"] = {"alter_column": {"b": "not_null"}}
                self.late.append({"migrate": "rows.enforce"})
                if self.yes(0.3, "guard"):
                    self.late[-1]["when"] = "no rows where b is absent"
            if not table["migrations"]:
                del table["migrations"]

    def document(self) -> None:
        self.tags.add("document")
        second: Any = {"disposable": "true"} if self.yes(0.2) else "any"
        if "tables" in self.top and "a" in self.top["tables"]["rows"]["columns"] and self.yes(0.15):
            second = {"same_as": "rows.a"}
        self.top["documents"] = {"profile": {"fields": {"p": "any", "q": second}}}
        styles = self.style([2, 2, 2], [0, 1, 2], [0, 2, 2], [0, 1, 1])
        keeps = self.yes(0.4)
        for body, style in zip(self.app, styles):
            reads, writes = [(["p"], ["p"]), (["p", "q or nothing"], ["p"]), (["p", "q or nothing"], ["p", "q"])][style]
            if keeps and style < 2:
                body["keeps_unknown"] = "true"
                self.handler(body, "edit", reads={"profile": ["p"]}, writes={"profile": writes})
            else:
                self.verb(body, "reads", "profile", reads)
                self.verb(body, "writes", "profile", writes)
            if self.yes(0.1):
                body["on_unknown_field"] = self.pick("crash", "reject")
        if all(s < 2 for s in styles[:self.n]):
            self.verb(self.app[-1], "writes", "profile", ["p", "q"])
        if self.rash(0.15, "start"):
            self.handler(self.app[1], "boot", trigger="start", reads={"profile": [self.pick("p", "p", "q")]})

    def queue(self) -> None:
        self.tags.add("queue")
        queue: dict[str, Any] = {}
        if self.yes(0.5):
            queue["attempts"] = str(self.pick(1, 2, 2, 3))
            queue["then"] = self.pick("dead-letter", "dead-letter", "drop")
            if queue["then"] == "dead-letter":
                self.tags.add("dead-letter")
        if self.rash(0.1):
            queue["ack"] = "on receive"
        if self.yes(0.1):
            queue["retention"] = self.pick("30m", "24h")
        self.top["queues"] = {"jobs": queue}
        self.second_service()
        sends, receives = self.style(([["x"], ["x", "y"], ["x", "y"]], [["x"], ["x", "y or nothing"]]),
                                    ([["x"], ["x", "y"], ["x", "y"]], [["x"], ["x", "y"]]),
                                    ([[{"x": "P"}], [{"x": "Q"}], [{"x": "P|Q"}]], [[{"x": "P"}], [{"x": "P|Q"}]]),
                                    ([["x"], ["x"], ["x"]], [["x"], ["x"]]))
        for body, fields in zip(self.app, sends):
            self.verb(body, "sends", "jobs", fields)
        works = self.yes(0.3) and "retention" not in queue
        if works:
            self.top.setdefault("tables", {})["done"] = {"columns": {"id": "not_null", "x": "nullable"}}
        copied = "x from jobs.x" if self.yes(0.3) and works else "x"
        onward, atomic = works and self.yes(0.25), self.yes(0.3)
        if "from" in copied:
            self.tags.add("copy")
        if onward:
            self.top["queues"]["mail"] = {}
            for body in self.app[self.pick(0, 0, 1):]:
                self.verb(body, "receives", "mail", ["z"])
        for body, fields in zip(self.worker, receives):
            if works:
                job: dict[str, Any] = {"receives": {"jobs": fields}, "writes": {"done": [copied]}}
                if onward:
                    job["sends"] = {"mail": ["z"]}
                if atomic:
                    job["same_transaction"] = "true"
                self.handler(body, "work", **job)
            else:
                self.verb(body, "receives", "jobs", fields)
        if works and self.yes(0.5):
            self.verb(self.worker[-1], "reads", "done", ["x or nothing"])
        if self.yes(0.5):
            self.worker[0][self.style("on_missing_field", "on_unknown_field", "on_unknown_value", "on_missing_field")] = self.pick("reject", "crash", "drop", "misread", "retry")
        if self.rash(0.15):
            for body in self.worker[:self.pick(0, 1)]:
                body.get("receives", {}).pop("jobs", None)
        if self.yes(0.4, "drain"):
            self.back.append({"drain": "jobs"})
        if self.yes(0.15, "drain"):
            self.middle.append({"drain": "jobs"})
        if "dead-letter" in self.tags and self.yes(0.4, "requeue"):
            self.pick(self.back, self.late).append({"requeue": "jobs"})

    def cache(self) -> None:
        self.tags.add("cache")
        cache: dict[str, Any] = {}
        if self.yes(0.7):
            cache["ttl"] = self.pick("10m", "10m", "24h")
        self.top["caches"] = {"front": cache}
        if "a" in self.top.get("tables", {}).get("rows", {}).get("columns", {}) and self.yes(0.6, "source"):
            cache["of"] = "rows"
            cache["fields"] = {"a": {"same_as": "rows.a"}}
            if self.yes(0.6):
                whole = all("a" in body["writes"]["rows"] for body in self.app)
                cache["on_write"] = self.pick("invalidate", "refresh") if whole else "invalidate"
            if self.rash(0.5):
                cache["fresh"] = "required"
            self.tags.add("copy")
            fill: dict[str, Any] = {"when": "rows is present", "reads": {"rows": ["a"]}, "writes": {"front": ["a from rows.a"]}}
            if self.yes(0.6):
                fill["same_transaction"] = "true"
            for body in self.app[0 if cache.get("on_write") == "refresh" else self.pick(0, 1):]:
                self.handler(body, "fill", **fill)
                self.verb(body, "reads", "front", ["a"])
        else:
            writes = self.pick(["C", "D", "D"], ["C", "C", "D"])
            reads = self.style(["C|D", "C|D", "C|D"], ["C", "C|D", "C|D"], ["C", "C|D", "D"], ["C|D", "C|D", "D"])
            for body, w, r in zip(self.app, writes, reads):
                self.verb(body, "writes", "front", [{"c": w}])
                self.verb(body, "reads", "front", [{"c": r}])
                if self.yes(0.3):
                    body["on_unknown_value"] = self.pick("crash", "ignore")
        if self.yes(0.4, "flush"):
            self.back.append({"flush": "front"})
        if self.yes(0.3, "flush"):
            self.pick(self.middle, self.late).append({"flush": "front"})

    def api(self) -> None:
        self.tags.add("api")
        name = self.pick("GET /things", "POST /things")
        receiver = self.app
        needs = self.style([["u"], ["u", 'w or "none"'], ["u", 'w or "none"']], [["u"], ["u", "w"], ["u", "w"]], [["u"], ["u", 'w or "none"'], ["u", "w"]], [["u"], ["u"], ["u"]])
        for body, fields in zip(receiver, needs):
            self.verb(body, "receives", name, fields)
            if self.rash(0.15):
                body["on_unknown_field"] = "reject"
        new = self.pick(["u"], ["u", "w"], ["u", "w"])
        if self.yes(0.5, "client"):
            old: dict[str, Any] = {}
            if self.yes(0.6):
                old["traffic"] = "30% falling to 1% in 30d"
                self.pick(self.early, self.middle, self.late).append({"wait": self.pick("until old-app traffic < 1%", "until old-app traffic < 1%", "7d")})
                self.tags.add("wait")
            self.verb(old, "sends", name, ["u"])
            young: dict[str, Any] = {"traffic": "rest"}
            self.verb(young, "sends", name, ["u", "w"])
            self.top["clients"] = {"old-app": old, "new-app": young}
            callers = [old, young]
        else:
            self.second_service()
            for body, fields in zip(self.worker, [["u"], new]):
                self.verb(body, "sends", name, fields)
            callers = self.worker
            if new == ["u"] and any("w" in str(f) for f in needs):
                self.verb(self.worker[-1], "sends", name, ["u", "w"])
        if self.yes(0.4, "reply"):
            replies = self.style([["net"], ["net", "gross"], ["net", "gross"]], [["net"], ["net", "gross"], ["gross"]], [["net"], ["gross"], ["gross"]])
            for body, fields in zip(receiver, replies):
                self.verb(body, "sends", name + ".reply", fields)
            for body, fields in zip(callers, self.pick([["net"], ["gross or net"]], [["net"], ["net"]])):
                self.verb(body, "receives", name + ".reply", fields)
                if self.yes(0.2):
                    body["on_missing_field"] = "crash"

    def flag(self) -> None:
        self.tags.add("flag")
        spec: Any = "off"
        if self.yes(0.3, "within"):
            spec = {"observed": "within 60s"}
        self.top["flags"] = {"new_way": spec}
        body = self.app[1]
        overlay: dict[str, Any] = {}
        for verb in ("writes", "sends", "reads", "receives"):
            for place, fields in self.app[-1].get(verb, {}).items():
                if self.yes(0.5) and body.get(verb, {}).get(place) is not None:
                    self.verb(overlay, verb, place, fields)
                    if verb in ("writes", "sends") and self.yes(0.7):
                        body[verb][place] = self.app[0].get(verb, {}).get(place, fields)
        if not overlay:
            self.tags.discard("flag")
            self.tags.discard("within")
            del self.top["flags"]
            return
        body["if new_way"] = overlay
        self.middle.append({"flag": "new_way on"})
        if self.yes(0.6):
            self.back.insert(0, {"flag": "new_way off"})

    def config(self) -> None:
        self.tags.add("config")
        self.top["config"] = {"level": {"values": ["low", "high"], "irreversible": self.pick("true", "false")}}
        self.app[self.pick(0, 1)]["starts_if"] = self.pick("level is low", "level is low", "level is high")
        if self.app[0].get("starts_if") == "level is high":
            self.app[0]["starts_if"] = "level is low"
        self.late.append({"set": "level high"})

    def second_service(self) -> None:
        self.tags.add("two services")

    def extras(self) -> None:
        columns = self.top.get("tables", {}).get("rows", {}).get("columns", {})
        if self.yes(0.1, "timer") and "a" in columns:
            self.handler(self.app[1], "nightly", trigger="every 24h", when="rows is present", reads={"rows": ["a"]}, writes={"rows": ["a from rows.a"]})
        if self.yes(0.15) and "documents" in self.top and columns:
            field: Any = {"k": "A|B"} if "k" in columns else "a or nothing"
            self.handler(self.pick(*self.app), "publish", reads={"rows": [field]}, writes={"profile": ["p", "q"]})
        if self.rash(0.1) and "a" in columns and not isinstance(columns.get("b"), dict):
            self.handler(self.app[-1], "guess", when="rows is present", reads={"rows": ["a"]}, writes={"rows": [{"a": "wrong"} if self.yes(0.3) else "a"]})
        if self.yes(0.1, "trigger") and columns:
            field = "k" if "k" in columns else "a"
            read: Any = {"k": "A|B"} if field == "k" else "a"
            self.top["tables"]["mirror"] = {"columns": {"id": "not_null", "m": "A|B" if field == "k" else "nullable"}}
            job: dict[str, Any] = {"trigger": "write rows", "reads": {"rows": [read]}, "writes": {"mirror": [f"m from rows.{field}"]}, "same_transaction": "true"}
            self.tags.update(["copy", "handler"])
            self.top.setdefault("services", {})["copier"] = {"handlers": {"copy": job}}
            self.top["services"]["page"] = {"reads": {"mirror": [{"m": self.pick("A", "A|B")} if field == "k" else "m or nothing"]}}
        if self.yes(0.15):
            self.late.append({"wait": self.pick("7d", "2h")})
            self.tags.add("wait")
        if self.yes(0.08):
            self.middle.append({"pause": "look"})

    # the plan

    def plan(self) -> None:
        two = "two services" in self.tags
        deploys = [{"deploy": f"app v{i}"} for i in range(2, self.n + 1)]
        work = [{"deploy": "worker v2"}] if two and len(self.worker) > 1 else []
        if not self.rash(0.4):
            steps = self.early + (work + deploys[:1] if not self.rash(0.4) else deploys[:1] + work) + self.middle + deploys[1:] + self.late
        else:
            steps = self.early + self.middle + work + deploys + self.late
            self.r.shuffle(steps)
        if len(steps) > 2 and self.rash(0.2):
            i = self.r.randrange(len(steps) - 1)
            steps[i], steps[i + 1] = steps[i + 1], steps[i]
        if len(steps) > 3 and self.rash(0.25):
            steps.pop(self.r.randrange(len(steps)))
        names = [s.get("migrate") for s in steps]
        if "rows.enforce" in names and "rows.expand" not in names[:names.index("rows.enforce")] and "b" not in self.top["tables"]["rows"]["columns"]:
            steps = [s for s in steps if s.get("migrate") != "rows.enforce"]
        steps = steps[:6]
        if not any("deploy" in s for s in steps):
            steps.append({"deploy": "app v2"})
        for step in steps:
            if "deploy" in step and self.yes(0.2):
                step["canary"] = "none"
        if two and work and self.yes(0.1, "guard"):
            later = [s for s in steps if s.get("deploy", "").startswith("app")]
            if later:
                later[0]["when"] = "all worker >= v2"
        if self.yes(0.1, "floor") and len(steps) > 2 and not self.back:
            self.r.choice(steps[:-1])["floor"] = "true"
        if self.rash(0.1, "undo"):
            self.r.choice(steps).setdefault("undo", "none")
        self.top["plan"] = [dict(s) for s in steps]
        kind = self.r.random()
        if self.back and kind < 0.6 or kind < 0.1:
            self.tags.add("list")
            flags = [s for s in self.back if "flag" in s]
            rest = [s for s in self.back if "flag" not in s]
            down = [{"deploy": "app v1"}]
            order = flags + down + rest + work_back(work) if not self.rash(0.4) else flags + rest + down + work_back(work)
            self.top["rollback"] = order
        elif kind < 0.75:
            pass
        elif kind < 0.85 and not any("floor" in s for s in steps):
            self.tags.add("undo-everything")
            self.top["rollback"] = "undo-everything"
        elif kind < 0.93:
            self.tags.add("code-only")
            self.top["rollback"] = "code-only"
        if self.yes(0.08, "rollforward") and self.n == 3 and not any(s.get("deploy") == "app v3" for s in steps):
            self.top["rollforward"] = [{"deploy": "app v3"}]
        if self.yes(0.4, "promise"):
            self.top["expect"] = {"rollback_safe_until": self.promised(steps)}
        if self.yes(0.15, "no faults"):
            self.top["faults"] = "none"
        if self.yes(0.1):
            self.top["operator"] = {"may_not": ["forward"]}

    def promised(self, steps: list[dict]) -> str:
        i = self.r.randrange(len(steps))
        steps_out = self.top["plan"]
        if self.yes(0.15):
            return "start"
        steps_out[i]["id"] = f"step-{i + 1}"
        return f"step-{i + 1}"

    def build(self) -> dict[str, Any]:
        low, high = SIZES[self.size]
        makers = [self.table, self.table, self.document, self.queue, self.cache, self.api]
        wanted: list[Any] = []
        while len(wanted) < self.r.randint(low, high):
            maker = self.r.choice(makers)
            if maker not in wanted:
                wanted.append(maker)
        for maker in sorted(wanted, key=makers.index):
            maker()
        if self.yes(0.3):
            self.flag()
        if self.rash(0.1):
            self.config()
        if self.size != "small":
            self.extras()
        services = {"app": {"versions": {f"v{i + 1}": body for i, body in enumerate(self.app)}}}
        if "two services" in self.tags:
            services["worker"] = {"versions": {f"v{i + 1}": body for i, body in enumerate(self.worker)}}
        if self.rash(0.06, "straggler"):
            services["app"] = {"stragglers": "1 at v1", **services["app"]}
        services.update(self.top.pop("services", {}))
        self.top["services"] = services
        self.plan()
        return self.top


def work_back(work: list) -> list:
    return [{"deploy": "worker v1"}] if work else []


class Plain(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        return True


def build(seed: int, size: str = "mixed") -> tuple[str, set[str]]:
    generator = Generator(seed, size)
    top = generator.build()
    return yaml.dump(top, Dumper=Plain, sort_keys=False, default_flow_style=None, width=160), generator.tags


def generate(seed: int, size: str = "mixed") -> str:
    return build(seed, size)[0]


def table(seeds: range, size: str) -> None:
    """How often each pair of features appears."""
    pairs: Counter = Counter()
    for seed in seeds:
        tags = build(seed, size)[1]
        pairs.update(itertools.combinations_with_replacement(sorted(tags, key=FEATURES.index), 2))
    print(f"{'':16}" + " ".join(f"{f[:5]:>5}" for f in FEATURES))
    for i, a in enumerate(FEATURES):
        print(f"{a:16}" + " ".join(f"{pairs[a, b]:5}" if j >= i else " " * 5 for j, b in enumerate(FEATURES)))
    never = [f"{a} + {b}" for a, b in itertools.combinations(FEATURES, 2) if not pairs[a, b]]
    print(f"{len(never)} pairs never appear:", ", ".join(never))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--size", default="mixed", choices=["small", "medium", "large", "mixed"])
    parser.add_argument("--out")
    parser.add_argument("--table", action="store_true", help="print how often each pair of features appears")
    options = parser.parse_args()
    seeds = range(options.seed, options.seed + options.count)
    if options.out:
        os.makedirs(options.out, exist_ok=True)
        for seed in seeds:
            with open(os.path.join(options.out, f"{seed}.yaml"), "w", encoding="utf-8") as out:
                out.write(generate(seed, options.size))
    if options.table or not options.out:
        table(seeds, options.size)


if __name__ == "__main__":
    main()
