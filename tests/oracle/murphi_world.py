"""The variables of a Murphi model: actors, places, one key, what is harm and loss."""
from __future__ import annotations

import itertools
import re
from dataclasses import dataclass, field
from typing import Any, Iterable

from scenario import Fields, Place, Plan, Refused, Scenario, Step, resolve

BOOT, PRE, FORWARD, BACK, ENDED, PROBE = range(6)
PLAIN = "*"


def ident(*parts: str) -> str:
    return "_".join(re.sub(r"\W", lambda m: f"_{ord(m[0]):x}", p) for p in parts)


@dataclass
class Actor:
    """A service or a client: a client is one copy that no step moves."""
    name: str
    versions: dict[str, list]
    copies: int
    client: bool = False
    var: str = ""
    behind: int = 0
    behind_at: str = ""
    boots: bool = False

    @property
    def total(self) -> int:
        return self.copies + self.behind

    def who(self, version: str) -> str:
        return f"{self.name} {version}".strip()


@dataclass
class Variant:
    """What one version does under one valuation of the values that it looks at."""
    actor: Actor
    index: int
    version: str
    body: Any
    seen: tuple[tuple[str, str], ...]

    @property
    def who(self) -> str:
        return self.actor.who(self.version)


@dataclass
class Way:
    """One line of a rollback: it is passed where it holds, else moved or, unguarded, run once."""
    active: str
    holds: str
    guard: str
    effect: list[str]
    once: bool = False
    params: str = ""
    first: list[str] = field(default_factory=list)


@dataclass
class Key:
    var: str
    top: int


class World:
    def __init__(self, scenario: Scenario, plan: Plan, replicas: int = 3, refuted: Iterable[int] = (), probe: bool = True,
                 claims: bool = False):
        self.s, self.plan, self.replicas = scenario, plan, replicas
        self.refuted, self.probe, self.claims = sorted(set(refuted)), probe, claims
        self.harms: dict[tuple[str, str, str], int] = {}
        self.rules: list[str] = []
        self.procs: list[str] = []
        self.covers: list[str] = []
        self.keys: list[Key] = []
        self.vars: list[str] = []
        self.init: list[str] = []
        self.positions: list[tuple[int, str]] = [(0, "start")]
        self.count = self.progress = 0
        self.outdated: dict[tuple[str, str], list[str]] = {}
        self.actors = self.read_actors()
        self.variants = [v for a in self.actors.values() for v in self.read_variants(a)]
        self.refuse_unknown()
        self.columns = {p.name: self.read_columns(p) for p in self.s.places.values()}
        self.unite()
        self.declare()

    # what is in the world

    def read_actors(self) -> dict[str, Actor]:
        actors = {}
        for service in self.s.services.values():
            if service.stragglers > 1:
                raise Refused("more than one straggler")
            actors[service.name] = Actor(service.name, service.versions, min(service.replicas, self.replicas),
                                         behind=service.stragglers, behind_at=service.straggler_at or "")
        for client in self.s.clients.values():
            if client.name in actors:
                raise Refused("a client named like a service")
            actors[client.name] = Actor(client.name, {"": client.chain}, 1, True)
        for actor in actors.values():
            actor.var = ident(actor.name)
        return actors

    def read_variants(self, actor: Actor) -> list[Variant]:
        found = []
        for index, (version, chain) in enumerate(actor.versions.items()):
            names = sorted({self.condition(part)[0] for body in chain for cond, _ in body.ifs for part in cond.split(" and ")})
            for chosen in itertools.product(*(self.s.values[n].values for n in names)):
                seen = dict(zip(names, chosen))
                body = resolve(chain, lambda cond: all(self.met(part, seen) for part in cond.split(" and ")))
                if body.starts_if or any(h and h["trigger"] == "start" for h in body.handlers.values()):
                    actor.boots = True
                found.append(Variant(actor, index, version, body, tuple(seen.items())))
        return found

    def condition(self, text: str) -> tuple[str, bool, str]:
        words = text.split()
        if len(words) >= 3 and words[1] == "is":
            name, sense, value = words[0], words[2] != "not", words[-1]
        else:
            name, sense, value = words[-1], words[0] != "not", "on"
        if name not in self.s.values:
            raise Refused(f"condition {text}")
        return name, sense, value

    def met(self, text: str, seen: dict[str, str]) -> bool:
        name, sense, value = self.condition(text)
        return (seen[name] == value) == sense

    def refuse_unknown(self) -> None:
        for place in self.s.places.values():
            if place.kind not in ("table", "document", "queue", "cache"):
                raise Refused(place.kind)
            if place.kind == "queue" and place.starts is not None:
                raise Refused("a queue that starts with messages")
        for v in self.variants:
            for h in v.body.handlers.values():
                if h and h["trigger"] == "start" and not self.s.faults:
                    raise Refused("a start handler without faults")
                if h and (h["trigger"].startswith("write") or any(verb not in ("reads", "writes") or p not in self.s.places for verb, p in h["verbs"])):
                    raise Refused("a handler of messages, calls, times or starts")
                if h and h["trigger"] == "start" and len({p for _, p in h["verbs"]}) > 1:
                    raise Refused("a start handler of several moments")
        for value in self.s.values.values():
            if value.within and len(value.values) > 2:
                raise Refused("a config seen one by one")
            if value.irreversible and isinstance(self.plan.rollback, list):
                raise Refused("irreversible and a list")
        for step in self.plan.steps:
            if step.floor:
                raise Refused("floor")

    def direct(self, *names: str) -> list[tuple[Variant, str, str, Fields]]:
        return [(v, verb, place, f) for v in self.variants for (verb, place), f in v.body.verbs.items()
                if f is not None and verb in names]

    def verbs(self, *names: str) -> list[tuple[Variant, str, str, Fields]]:
        return self.direct(*names) + [(v, verb, place, f) for v in self.variants for h in v.body.handlers.values() if h
                                      for (verb, place), f in h["verbs"].items() if f is not None and verb in names]

    def read_columns(self, place: Place) -> list[str]:
        if place.kind == "queue":
            return []
        names = list(place.columns)
        for kind, what in place.migrations.values():
            if kind == "add_column":
                names.append(what)
            elif kind == "rename_column":
                names.append(what[1])
        for _, _, where, fields in self.verbs("reads", "writes"):
            if where == place.name:
                names += [n for item in fields.items for n in item.names]
        names += list(place.starts or {})
        return [n for n in dict.fromkeys(names) if n != place.key]

    def unite(self) -> None:
        """Twins stand for one datum; fields that copy from each other share their tags."""
        fields = [(p, c) for p, cs in self.columns.items() for c in cs]
        self.datum = {f: f for f in fields}
        self.family = {f: f for f in fields}

        def join(parent: dict, a: tuple, b: tuple) -> None:
            for x in (a, b):
                if x not in parent:
                    raise Refused(f"field {x[0]}.{x[1]}")
            ra, rb = parent[a], parent[b]
            for f in fields:
                if parent[f] == rb:
                    parent[f] = ra

        def both(a: tuple, b: tuple) -> None:
            join(self.datum, a, b)
            join(self.family, a, b)

        for place in self.s.places.values():
            for f, twin in place.same_as.items():
                both((place.name, f), twin)
            for kind, what in place.migrations.values():
                if kind == "rename_column":
                    both((place.name, what[0]), (place.name, what[1]))
        for _, _, where, spec in self.verbs("reads"):
            if where in self.columns:
                for item in spec.items:
                    for other in item.names[1:]:
                        both((where, item.names[0]), (where, other))
        for _, _, where, spec in self.verbs("writes"):
            for item in spec.items:
                if item.source and not item.tags:
                    join(self.family, (where, item.names[0]), item.source)
        for step in self.every_step():
            if step.verb == "backfill" and step.args[2] == "copy":
                both((step.args[0], step.args[1]), (step.args[3], step.args[4]))
        self.tags: dict[tuple[str, str], list[str]] = {}
        for f in fields:
            group = [g for g in fields if self.family[g] == self.family[f]]
            names: list[str] = []
            for _, verb, where, spec in self.verbs("reads", "writes"):
                for item in spec.items:
                    if item.tags and any((where, n) in group for n in item.names):
                        names += item.tags
            for step in self.every_step():
                if step.verb == "backfill" and (step.args[0], step.args[1]) in group and step.args[2] == "retag":
                    names += step.args[3:5]
            literals = [step.args[3] for step in self.every_step() if step.verb == "backfill" and step.args[2] == "literal"
                        and (step.args[0], step.args[1]) in group]
            if names:
                names += literals
                for _, _, where, spec in self.verbs("writes"):
                    if any((where, n) in group and not item.tags and not item.source for item in spec.items for n in item.names):
                        raise Refused("a tagged field that is written without a tag")
            self.tags[f] = list(dict.fromkeys(names)) or [PLAIN]
            if {"wrong", "any"} & set(names):
                raise Refused("reserved tag")

    def every_step(self) -> list[Step]:
        steps = list(self.plan.steps) + (self.plan.rollback if isinstance(self.plan.rollback, list) else [])
        return steps + [u for s in steps if isinstance(s.undo, list) for u in s.undo]

    # variables

    def var(self, name: str, kind: str, start: str) -> None:
        self.vars.append(f"  {name}: {kind};")
        self.init.append(f"  {name} := {start};")

    def key(self, name: str, top: int, start: str = "0") -> None:
        self.var(name, f"0..{top}", start)
        self.keys.append(Key(name, top))

    def col(self, place: str, column: str) -> str:
        return ident("c", place, column)

    def row(self, place: str) -> str:
        return ident("row", place)

    def has(self, place: str, column: str) -> str:
        name = ident("has", place, column)
        return f"{name} = 1" if name in self.shape else "true"

    def nn(self, place: str, column: str) -> str:
        name = ident("nn", place, column)
        if name in self.shape:
            return f"{name} = 1"
        return "true" if column in self.s.places[place].not_null else "false"

    def declare(self) -> None:
        self.shape: set[str] = set()
        for actor in self.actors.values():
            if len(actor.versions) > 1:
                self.var(f"ver_{actor.var}", f"array[0..{actor.total - 1}] of 0..{len(actor.versions) - 1}", "")
                self.init[-1] = f"  for i: 0..{actor.copies - 1} do ver_{actor.var}[i] := 0; end;"
                if actor.behind:
                    self.init[-1] += f" ver_{actor.var}[{actor.copies}] := {list(actor.versions).index(actor.behind_at)};"
            if actor.boots:
                self.var(f"up_{actor.var}", f"array[0..{actor.total - 1}] of boolean", "")
                self.init[-1] = f"  for i: 0..{actor.total - 1} do up_{actor.var}[i] := true; end;"
        self.watch: dict[str, list[Actor]] = {}
        for value in self.s.values.values():
            self.var(ident("val", value.name), f"0..{len(value.values) - 1}", "0")
            if value.within:
                self.watch[value.name] = [a for a in self.actors.values()
                                          if any(v.actor is a and value.name in dict(v.seen) for v in self.variants)]
                for a in self.watch[value.name]:
                    self.var(ident("view", value.name, a.name), f"array[0..{a.total - 1}] of 0..1", "")
                    self.init[-1] = f"  for i: 0..{a.total - 1} do {ident('view', value.name, a.name)}[i] := 0; end;"
        self.var("draining", "boolean", "false")
        self.slots: dict[str, list[tuple[tuple, str, int]]] = {}
        for place in self.s.places.values():
            if place.kind == "queue":
                self.declare_queue(place)
                continue
            self.key(self.row(place.name), 1)
            for c in self.columns[place.name]:
                self.key(self.col(place.name, c), 2 * len(self.tags[place.name, c]))
            if place.ttl is not None:
                self.var(ident("old", place.name), "boolean", "false")
            for m, (kind, what) in place.migrations.items():
                self.key(ident("did", place.name, m), 1)
                if kind == "add_column":
                    self.shape_of("has", place.name, what, 0)
                elif kind == "drop_column":
                    self.shape_of("has", place.name, what, 1)
                    self.shape_of("nn", place.name, what, int(what in place.not_null))
                elif kind == "rename_column":
                    self.shape_of("has", place.name, what[0], 1)
                    self.shape_of("has", place.name, what[1], 0)
                    self.shape_of("nn", place.name, what[0], int(what[0] in place.not_null))
                    self.shape_of("nn", place.name, what[1], 0)
                else:
                    self.shape_of("nn", place.name, what[0], int(what[0] in place.not_null))
            if place.key in [w if isinstance(w, str) else w[0] for _, w in place.migrations.values()]:
                raise Refused("a migration of the key")
            if place.kind == "table":
                for c in self.columns[place.name]:
                    added = any(k in ("add_column", "rename_column") and (w if isinstance(w, str) else w[1]) == c
                                for k, w in place.migrations.values())
                    if place.columns and c not in place.columns and not added:
                        self.shape_of("has", place.name, c, 0)
        for client in self.s.clients.values():
            if client.falls:
                self.key(ident("gone", client.name), 1)

    def declare_queue(self, place: Place) -> None:
        """Per class of messages and attempts left: 1 is there, 2 was there when a drain began, 3 both."""
        takers = {v.actor.name for v, verb, p, _ in self.verbs("receives") if p == place.name}
        if len(takers) > 1 or takers & set(self.s.clients):
            raise Refused("a queue with several services or a client behind it")
        classes: list[tuple] = []
        for v, _, p, fields in self.verbs("sends"):
            if p == place.name:
                classes += [c for c, _ in self.payloads(fields) if c not in classes]
        if len(classes) > 4:
            raise Refused("more than four classes of messages")
        self.slots[place.name] = []
        for i, c in enumerate(classes):
            for left in range(1, (place.attempts or 1) + 1):
                name = ident("q", place.name, str(i), str(left))
                self.key(name, 3)
                self.slots[place.name].append((c, name, left))
            if place.attempts and place.then == "dead-letter":
                self.key(ident("dead", place.name, str(i)), 1)

    def payloads(self, fields: Fields) -> list[tuple[tuple, dict[str, str]]]:
        for item in fields.items:
            if item.source or len(item.names) != 1 or item.optional:
                raise Refused("a copy in a message")
        found = []
        for choice in itertools.product(*(i.tags or (PLAIN,) for i in fields.items)):
            carried = {i.names[0]: t for i, t in zip(fields.items, choice)}
            found.append((tuple(sorted(carried.items())), carried))
        return found

    def shape_of(self, what: str, place: str, column: str, start: int) -> None:
        name = ident(what, place, column)
        if name not in self.shape:
            self.shape.add(name)
            self.key(name, 1, str(start))

    # harm and loss

    def hurt(self, kind: str, who: str, what: str) -> str:
        number = self.harms.setdefault((kind, who, what), len(self.harms))
        return f"hurt_{number}(false);"

    def hurt_proc(self, number: int, harm: tuple[str, str, str]) -> str:
        name = "|".join(harm)
        lines = [f"procedure hurt_{number}(all: boolean);", "begin"]
        if self.probe:
            lines += [f"  if mode = {PROBE} & !all then put \"REFUTED {number} \"; put k0; end;"]
        if self.claims:
            lines += [f"  if mode > {PRE} & mode != {PROBE} & !all then {ident('harm', harm[0])} := true; end;"]
        lines += [f"  cover all | mode = {PRE} \"PRE|{number}|{name}\";"]
        lines += [f"  cover all | (mode != {PROBE} & charged() = {i}) \"HARM|{i}|{number}|{name}\";" for i in range(len(self.positions))]
        return "\n".join(lines + ["end;"])

    def fresh_in(self, datum: tuple, lasting: bool) -> str:
        fields = [f for f in self.datum if self.datum[f] == datum and self.s.places[f[0]].kind != "cache"
                  and not (lasting and f[1] in self.s.places[f[0]].disposable)]
        return " | ".join(f"{self.col(*f)} % 2 = 1" for f in fields) or "false"

    def losing(self, fields: Iterable[tuple[str, str]], change: list[str]) -> tuple[list[str], list[str]]:
        """Variables and statements: the change, and what is lost by it."""
        data = sorted({self.datum[f] for f in fields})
        declared = [f"  held_{i}: boolean;" for i in range(len(data))]
        before = [f"held_{i} := {self.fresh_in(d, True)};" for i, d in enumerate(data)]
        after = [f"if held_{i} & !({self.fresh_in(d, False)}) then lost := true; {self.hurt('loss', 'the data', '.'.join(d))} end;"
                 for i, d in enumerate(data)]
        return declared, before + change + after

    def proc(self, declared: list[str], body: list[str]) -> str:
        self.count += 1
        name = f"move_{self.count}"
        head = ["var"] + declared if declared else []
        self.procs.append("\n".join([f"procedure {name}();"] + head + ["begin"] + ["  " + b for b in body] + ["end;"]))
        return f"{name}();"

    def rule(self, name: str, guard: str, body: list[str], params: str = "") -> None:
        self.count += 1
        text = f'rule "{self.count}: {name}" {guard} ==> begin {" ".join(body)} end;'
        self.rules.append(f"ruleset {params} do {text} end;" if params else text)
