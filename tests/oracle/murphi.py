"""Writes a scenario as a model for Murphi (rumur): named replicas, one key, one rule per move.

The rules of the model are written from the rule text alone; only the reader of scenarios is shared with the oracle.
"""
from __future__ import annotations

import argparse
import itertools
import os
import re
import sys
from dataclasses import dataclass, field
from typing import Any, Iterable

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from scenario import Fields, Item, Place, Plan, Refused, Scenario, Service, Step, load, resolve

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


class Exporter:
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
        self.count = 0
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
                if h and not h["atomic"] and len({p for _, p in h["verbs"]}) > 1:
                    raise Refused("a handler of several moments")
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

    # reading and writing

    def outcome(self, kind: str, who: str, what: str) -> str:
        if kind == "ignore":
            return ""
        if kind == "misread":
            return self.hurt("misread", who, what)
        if kind in ("reject", "crash"):
            return self.hurt(kind, who, what) + " return;"
        raise Refused(f"{kind} outside a message")

    def on(self, v: Variant, fields: Fields, what: str) -> str:
        default = "ignore" if what == "on_unknown_field" else "reject"
        return dict(fields.on).get(what, v.body.on.get(what, default))

    def named(self, place: str, fields: Fields) -> list[str]:
        return [n for item in fields.items for n in item.names if n != self.s.places[place].key]

    def reading(self, v: Variant, place: str, fields: Fields, handler: bool = False) -> list[str]:
        lines = []
        required = self.s.places[place].kind != "cache" or self.s.places[place].fresh_required
        kind = self.s.places[place].kind
        if kind == "table":
            for n in self.named(place, fields):
                if self.has(place, n) != "true":
                    lines.append(f"if !({self.has(place, n)}) then {self.hurt('reject', v.who, f'{place}.{n}')} return; end;")
        lines.append(f"if {self.row(place)} != 0 then" if handler else f"if {self.row(place)} = 0 then return; end;")
        if kind != "table":
            for c in self.columns[place]:
                text = self.outcome(self.on(v, fields, "on_unknown_field"), v.who, f"{place}.{c}")
                if c not in self.named(place, fields) and text:
                    lines.append(f"if {self.col(place, c)} != 0 then {text} end;")
        for item in fields.items:
            if item.source:
                raise Refused("from in a read")
            if self.s.places[place].key in item.names:
                continue
            text = "if "
            for n in item.names:
                column = self.col(place, n)
                tags = self.tags[place, n]
                good = [i for i, t in enumerate(tags) if item.tags is None or t in item.tags]
                meets = " | ".join(f"{column} = {2 * i + 1} | {column} = {2 * i + 2}" for i in good) or "false"
                how = self.on(v, fields, "on_unknown_value")
                unknown = self.outcome(how, v.who, f"{place}.{n}") if len(good) < len(tags) else ""
                stale = self.hurt("misread", v.who, f"{place}.{n}") if required else ""
                if handler:
                    bad = f" {self.bad(self.datum[place, n])} := true;"
                    stale += bad
                    unknown += bad if how == "misread" else ""
                text += f"{column} != 0 then if !({meets}) then {unknown} elsif {column} % 2 = 0 then {stale} end; elsif "
            missing = "" if item.optional else self.outcome(self.on(v, fields, "on_missing_field"), v.who, f"{place}.{item.names[0]}")
            lines.append(text[:-len("elsif ")] + (f"else {missing} " if missing else "") + "end;")
        return lines + (["end;"] if handler else [])

    def bad(self, datum: tuple) -> str:
        return ident("bad", *datum)

    def handlers(self) -> None:
        for v in self.variants:
            for name, h in v.body.handlers.items():
                if h and h["trigger"] != "start":
                    who = f"mode != {BOOT}" if h["trigger"] else "users()"
                    guard = " & ".join([f"{who} & {self.some(v)}"] + [self.fact(f) for f in h["when"]])
                    for label, call in self.handled(v, h):
                        self.rule(f"{v.who} {name} {label}", guard, [call])

    def handled(self, v: Variant, h: dict[str, Any]) -> list[tuple[str, str]]:
        verbs = {k: Fields(f.items, tuple({**h["on"], **dict(f.on)}.items())) for k, f in h["verbs"].items() if f}
        data = sorted({self.datum[p, n] for (verb, p), f in verbs.items() for n in self.named(p, f)})
        lines, declared = [], [f"  {self.bad(d)}: boolean;" for d in data]
        lines += [f"{self.bad(d)} := false;" for d in data]
        read = {p for verb, p in verbs if verb == "reads"}
        for (verb, p), f in verbs.items():
            if verb == "reads":
                lines += self.reading(v, p, f, True)
        writes = [(p, f) for (verb, p), f in verbs.items() if verb == "writes"]
        if len(writes) > 1:
            raise Refused("a handler that writes two places")
        if not writes:
            return [("", self.proc(declared, lines))]
        return self.writing(v, *writes[0], declared, lines, read)

    def writing(self, v: Variant, place: str, fields: Fields, above: list[str] = [], first: list[str] = [],
                read: Iterable[str] = ()) -> list[tuple[str, str]]:
        """Name and call of every way to choose the tags."""
        p = self.s.places[place]
        items = [i for i in fields.items if i.names != (p.key,)]
        for item in items:
            if len(item.names) != 1 or item.optional:
                raise Refused("a choice in a write")
            if item.source and (item.source[0] not in read or item.source not in self.datum):
                raise Refused("a copy of what was not read")
        names = [i.names[0] for i in items]
        listed = [(place, n) for n in names]
        copied = {i.names[0]: i for i in items if i.source}
        kept: set[str] = set()
        if v.body.keeps_unknown and place in read and p.kind != "table":
            kept = set(self.columns[place])
        found = []
        for choice in itertools.product(*(i.tags or (PLAIN,) for i in items)):
            lines = []
            for n in names:
                if p.kind == "table" and self.has(place, n) != "true":
                    lines.append(f"if !({self.has(place, n)}) then {self.hurt('write-fails', v.who, f'{place}.{n}')} return; end;")
            change = []
            if p.kind == "table":
                for c in self.columns[place]:
                    needed = f"{self.row(place)} = 0 & {self.has(place, c)} & {self.nn(place, c)}"
                    if c in names or self.nn(place, c) == "false":
                        continue
                    if any(w == place and c in self.named(place, f) for _, _, w, f in self.verbs("writes")):
                        lines.append(f"if {needed} then {self.hurt('write-fails', v.who, f'{place}.{c}')} return; end;")
                    else:
                        change.append(f"if {needed} then {self.col(place, c)} := 1; end;")
            taken = [f"from_{i} := {self.col(*item.source)};" for i, item in enumerate(copied.values())]
            locals_ = list(above) + [f"  from_{i}: 0..{2 * len(self.tags[item.source])};" for i, item in enumerate(copied.values())]
            for n, tag in zip(names, choice):
                column, code = self.col(place, n), 2 * self.tags[place, n].index(tag) + 1 if n not in copied or copied[n].tags else 0
                if n in copied:
                    source = f"from_{list(copied).index(n)}"
                    if not code:
                        self.same_tags((place, n), copied[n].source)
                        change.append(f"{column} := {source};")
                    else:
                        change.append(f"if {source} = 0 then {column} := 0; elsif {source} % 2 = 1 then {column} := {code}; else {column} := {code + 1}; end;")
                elif above:
                    change.append(f"if {self.bad(self.datum[place, n])} then {column} := {code + 1}; else {column} := {code}; end;")
                else:
                    change.append(f"{column} := {code};")
            if p.kind != "table":
                change += [f"{self.col(place, c)} := 0;" for c in self.columns[place] if c not in names and c not in kept]
            data = {self.datum[f]: "true" for f in listed if f[1] not in copied}
            for f in self.datum:
                if self.datum[f] in data and f not in listed and not (p.kind != "table" and f[0] == place and f[1] not in kept):
                    if above and self.bad(self.datum[f]) in " ".join(above):
                        change.append(f"if !{self.bad(self.datum[f])} then")
                    change.append(f"if {self.col(*f)} != 0 & {self.col(*f)} % 2 = 1 then {self.col(*f)} := {self.col(*f)} + 1; end;")
                    if above and self.bad(self.datum[f]) in " ".join(above):
                        change.append("end;")
            change += [f"{self.row(place)} := 1;"] + self.young(place)
            for cache in self.s.places.values():
                if cache.kind == "cache" and cache.of == place:
                    change += self.follow(cache)
            declared: list[str] = []
            if p.kind == "document" or above:
                declared, change = self.losing([(place, c) for c in self.columns[place]], change)
            label = " ".join(t for t in choice if t != PLAIN)
            found.append((label, self.proc(declared + locals_, list(first) + lines + taken + change)))
        return found

    def same_tags(self, a: tuple[str, str], b: tuple[str, str]) -> None:
        if self.tags[a] != self.tags[b]:
            raise Refused("a copy between fields of other tags")

    def empty(self, place: str) -> list[str]:
        return [f"{self.row(place)} := 0;"] + [f"{self.col(place, c)} := 0;" for c in self.columns[place]] + self.young(place)

    def young(self, place: str) -> list[str]:
        return [f"{ident('old', place)} := false;"] if self.s.places[place].ttl is not None else []

    def outlived(self, step: Step) -> list[Place]:
        """The caches that a wait empties of what was there when it began."""
        return [p for p in self.s.places.values() if p.kind == "cache" and p.ttl is not None and step.args[0] == "for" and step.args[1] >= p.ttl]

    def age(self, step: Step) -> list[str]:
        return [f"{ident('old', p.name)} := {self.row(p.name)} = 1;" for p in self.outlived(step)]

    def aged(self, step: Step) -> str:
        return " & ".join([f"!{ident('old', p.name)}" for p in self.outlived(step)] or ["true"])

    def follow(self, cache: Place) -> list[str]:
        """What a write to its table does to an entry."""
        if cache.on_write == "invalidate":
            return self.empty(cache.name)
        if cache.on_write == "refresh":
            lines = []
            for c in self.columns[cache.name]:
                twin = cache.same_as.get(c)
                if not twin or twin[0] != cache.of:
                    raise Refused("a refreshed entry without a twin")
                self.same_tags((cache.name, c), twin)
                lines.append(f"{self.col(cache.name, c)} := {self.col(*twin)};")
            return [f"if {self.row(cache.name)} = 1 then"] + lines + self.young(cache.name) + ["end;"]
        return []

    def caches(self) -> None:
        for place in self.s.places.values():
            if place.kind != "cache":
                continue
            there = f"{self.row(place.name)} = 1"
            if self.s.faults:
                self.rule(f"{place.name} evicts", f"users() & {there}", self.empty(place.name))
            if place.ttl is not None and place.ttl <= self.s.waits_at_most:
                self.rule(f"{place.name} runs out", f"mode != {BOOT} & {there}", self.empty(place.name))
            elif place.ttl is not None:
                if any(s.verb == "wait" and s.args[0] == "until" for s in self.every_step()):
                    raise Refused("a long ttl and a wait until")
                self.rule(f"{place.name} runs out", f"(!trust & (mode = {ENDED} | mode = {PROBE}) | {ident('old', place.name)}) & {there}",
                          self.empty(place.name))
            if place.of and place.on_write != "leave" and any(s.verb == "backfill" and s.args[0] == place.of for s in self.every_step()):
                raise Refused("a scan under a cache that follows")

    def alive(self, v: Variant, r: str) -> str:
        parts = self.is_at(v, r)
        if v.actor.boots:
            parts.append(f"up_{v.actor.var}[{r}]")
        return " & ".join(parts) or "true"

    def is_at(self, v: Variant, r: str) -> list[str]:
        parts = [f"ver_{v.actor.var}[{r}] = {v.index}"] if len(v.actor.versions) > 1 else []
        for name, value in v.seen:
            i = self.s.values[name].values.index(value)
            if name in self.watch:
                parts.append(f"{ident('view', name, v.actor.name)}[{r}] = {i}")
            else:
                parts.append(f"{ident('val', name)} = {i}")
        client = self.s.clients.get(v.actor.name)
        if client and client.falls:
            parts.append(f"{ident('gone', client.name)} = 0")
        return parts

    def boots(self) -> None:
        """A replica that is not up starts, again and again, and crashes where its version cannot start."""
        for v in self.variants:
            actor = v.actor
            if not actor.boots:
                continue
            if actor.client:
                raise Refused("a client that starts")
            up, last = f"up_{actor.var}", actor.total - 1
            facts = [self.fact(f) for f in v.body.starts_if.split(" and ")] if v.body.starts_if else []
            may = " & ".join(facts or ["true"])
            here = " & ".join(self.is_at(v, "x") + [f"!{up}[x]", f"mode != {BOOT}"])
            if facts:
                self.rule(f"{v.who} cannot start", f"{here} & !({may})", [self.hurt("crash", v.who, "")], f"x: 0..{last}")
            starts = [h for h in v.body.handlers.values() if h and h["trigger"] == "start"]
            if len(starts) > 1:
                raise Refused("two start handlers")
            calls: list[tuple[str, str]] = [("", "")]
            for h in starts:
                calls = self.starting(v, h)
            for label, call in calls:
                self.rule(f"{v.who} starts {label}", f"{here} & {may}",
                          ["starts_well := true;", call, f"if starts_well then {up}[x] := true; end;"], f"x: 0..{last}")
            if self.s.faults:
                alive = " & ".join(self.is_at(v, "x") + [f"{up}[x]", "users()"])
                self.rule(f"{v.who} restarts", alive, [f"{up}[x] := false;"], f"x: 0..{last}")

    def starting(self, v: Variant, h: dict[str, Any]) -> list[tuple[str, str]]:
        if h["when"]:
            raise Refused("a start handler with a when")
        before = len(self.procs)
        found = self.handled(v, h)
        for i in range(before, len(self.procs)):
            self.procs[i] = self.stop_at_crash(v, self.procs[i])
        return found

    def stop_at_crash(self, v: Variant, text: str) -> str:
        for (kind, who, _), i in self.harms.items():
            if kind == "crash" and who == v.who:
                text = text.replace(f"hurt_{i}(false); return;", f"hurt_{i}(false); starts_well := false; return;")
        return text

    def some(self, v: Variant) -> str:
        return f"exists r: 0..{v.actor.total - 1} do {self.alive(v, 'r')} end"

    def users(self) -> None:
        self.boots()
        self.caches()
        self.handlers()
        for v, verb, place, fields in self.direct("reads", "writes"):
            if place not in self.s.places:
                raise Refused(f"place {place}")
            if verb == "reads":
                call = self.proc([], self.reading(v, place, fields))
                self.rule(f"{v.who} reads {place}", f"users() & {self.some(v)}", [call])
            else:
                for label, call in self.writing(v, place, fields):
                    self.rule(f"{v.who} writes {place} {label}", f"users() & {self.some(v)}", [call])
        self.calls()

    # calls

    def calls(self) -> None:
        apis = set(self.s.apis)
        for v, verb, place, _ in self.verbs("sends", "receives"):
            if place not in self.s.places:
                apis.add(place.removesuffix(".reply"))
        for api in sorted(apis):
            self.one_api(api)

    def one_api(self, api: str) -> None:
        sends = {(id(v)): f for v, verb, p, f in self.verbs("sends") if p == api}
        takes = {(id(v)): f for v, verb, p, f in self.verbs("receives") if p == api}
        answers = {(id(v)): f for v, verb, p, f in self.verbs("sends") if p == f"{api}.reply"}
        hears = {(id(v)): f for v, verb, p, f in self.verbs("receives") if p == f"{api}.reply"}
        declared = self.s.apis.get(api, {})
        between = declared.get("between")
        if between:
            owners = {between}
        elif "to" in declared:
            owners = {declared["to"]} if isinstance(declared["to"], str) else set(declared["to"])
        else:
            owners = {v.actor.name for v in self.variants if id(v) in takes or id(v) in answers}
        if not takes and (sends or not answers):
            raise Refused(f"{api}: nobody receives it")
        for a in self.variants:
            if id(a) not in sends and not (not sends and id(a) in hears):
                continue
            for b in self.variants:
                if b.actor.name not in owners:
                    continue
                if a.actor is b.actor and not between:
                    raise Refused(f"{api}: a service that calls itself")
                harm = self.exchange(api, a, b, sends, takes, answers, hears)
                for text in harm:
                    if a.actor is b.actor:
                        n = a.actor.total - 1
                        guard = (f"exists r: 0..{n} do exists q: 0..{n} do r != q & {self.alive(a, 'r')} & {self.alive(b, 'q')} end end")
                    else:
                        guard = f"({self.some(a)}) & (exists q: 0..{b.actor.total - 1} do {self.alive(b, 'q')} end)"
                    self.rule(f"{a.who} calls {b.who} {api}", f"users() & {guard}", [text])

    def exchange(self, api: str, a: Variant, b: Variant, sends: dict, takes: dict, answers: dict, hears: dict) -> list[str]:
        found: list[str] = []
        passes = True
        if sends:
            if id(b) not in takes:
                return [self.hurt("reject", b.who, api)]
            passes, texts = self.meet(api, sends[id(a)], b, takes[id(b)])
            found += texts
        if id(a) in hears and passes:
            if id(b) not in answers:
                raise Refused(f"{api}: no reply")
            found += self.meet(api, answers[id(b)], a, hears[id(a)])[1]
        return found

    def meet(self, api: str, payload: Fields, v: Variant, wants: Fields) -> tuple[bool, list[str]]:
        """Whether some payload passes, and the harms of all."""
        found: list[str] = []
        passes = False
        for choice in itertools.product(*(i.tags or (PLAIN,) for i in payload.items)):
            for item in payload.items:
                if item.source or len(item.names) != 1:
                    raise Refused("a copy in a call")
            carried = {i.names[0]: t for i, t in zip(payload.items, choice)}
            good = True
            for kind, what in self.judged(carried, v, wants):
                text = self.outcome(kind, v.who, f"{api}.{what}")
                if text:
                    found.append(text.removesuffix(" return;"))
                if text.endswith("return;"):
                    good = False
                    break
            passes |= good
        return passes, list(dict.fromkeys(found))

    def judged(self, carried: dict[str, str], v: Variant, wants: Fields) -> Iterable[tuple[str, str]]:
        known = {n for i in wants.items for n in i.names}
        for f in carried:
            if f not in known:
                yield self.on(v, wants, "on_unknown_field"), f
        for item in wants.items:
            there = [n for n in item.names if n in carried]
            if not there:
                if not item.optional:
                    yield self.on(v, wants, "on_missing_field"), item.names[0]
            elif item.tags and carried[there[0]] not in item.tags:
                yield self.on(v, wants, "on_unknown_value"), there[0]

    # queues

    def queues(self) -> None:
        for place in self.s.places.values():
            if place.kind == "queue" and self.slots[place.name]:
                self.one_queue(place)

    def one_queue(self, place: Place) -> None:
        slots = self.slots[place.name]
        full = place.attempts or 1
        index = {c: i for i, c in enumerate(dict.fromkeys(c for c, _, _ in slots))}
        slot = {(c, left): name for c, name, left in slots}
        for v, _, p, fields in self.verbs("sends"):
            if p == place.name:
                for c, _ in self.payloads(fields):
                    q = slot[c, full]
                    self.rule(f"{v.who} sends {place.name}", f"users() & {self.some(v)}", [f"if {q} % 2 = 0 then {q} := {q} + 1; end;"])
        takers: dict[tuple, list[str]] = {c: [] for c in index}
        enders: dict[tuple, list[str]] = {c: [] for c in index}
        for v, _, p, fields in self.verbs("receives"):
            if p != place.name:
                continue
            for c in index:
                ending, texts = self.delivered(place, c, v, fields)
                if ending == "taken":
                    takers[c].append(self.some(v))
                if ending in ("taken", "drop") or place.ack == "on receive" or ending == "reject" and place.attempts:
                    enders[c].append(self.some(v))
                for left in range(1, full + 1):
                    q = slot[c, left]
                    lower = slot.get((c, left - 1))
                    self.delivery(place, v, q, lower, f"{ident('dead', place.name, str(index[c]))}", ending, texts)
        for c, i in index.items():
            nobody = f"!({' | '.join(f'({t})' for t in takers[c]) or 'false'})"
            still = f"!({' | '.join(f'({t})' for t in enders[c]) or 'false'})"
            if place.retention is not None and place.retention <= self.s.waits_at_most:
                still = "false"
            there = " | ".join(f"{slot[c, left]} != 0" for left in range(1, full + 1))
            self.rule(f"{place.name} stands still", f"mode != {BOOT} & ({there}) & {still}",
                      [f"if settled() then {self.hurt('stalled', 'accepted work', place.name)} else {self.hurt('maybe stalled', 'accepted work', place.name)} end;"])
            if place.retention is not None:
                if place.attempts and place.then == "dead-letter":
                    raise Refused("dead letters that grow old")
                for left in range(1, full + 1):
                    q = slot[c, left]
                    self.rule(f"{place.name} expires", f"{q} != 0 & ({self.clock(place.retention)}) & {nobody}",
                              [f"{q} := 0; lost := true; {self.hurt('loss', 'nobody', place.name)}"])

    def clock(self, length: int) -> str:
        """Whether a clock of that length may run out."""
        if length <= self.s.waits_at_most:
            return f"mode != {BOOT}"
        parts = [f"mode = {ENDED} | mode = {PROBE}"]
        for i, step in enumerate(self.plan.steps, 1):
            if step.verb == "wait" and (step.args[0] == "until" or step.args[1] >= length):
                if step.args[0] == "until":
                    raise Refused("a long clock and a wait until")
                parts.append(f"mode = {FORWARD} & busy & pc = {i}")
        if any(s.verb == "wait" for s in self.plan.rollback if isinstance(s, Step)) or \
                self.plan.rollback in ("inverse", "undo-everything") and len(parts) > 1:
            raise Refused("a long clock and a wait in the rollback")
        return " | ".join(f"({p})" for p in parts)

    def delivered(self, place: Place, message: tuple, v: Variant, fields: Fields) -> tuple[str, list[str]]:
        texts = []
        for kind, f in self.judged(dict(message), v, fields):
            what = f"{place.name}.{f}"
            if kind == "misread":
                texts.append(self.hurt("misread", v.who, what))
            elif kind == "crash":
                return "crash", texts + [self.hurt("crash", v.who, what)]
            elif kind == "drop":
                return "drop", texts + [self.hurt("drop", v.who, what)]
            elif kind in ("reject", "retry"):
                return kind, texts
        return "taken", texts

    def delivery(self, place: Place, v: Variant, q: str, lower: str | None, dead: str, ending: str, texts: list[str]) -> None:
        lose = ["lost := true;", self.hurt("loss", v.who, place.name)]
        if ending == "taken":
            lines = [f"{q} := 0;"]
        elif ending == "drop" or place.ack == "on receive":
            lines = [f"{q} := 0;"] + lose
        elif ending == "reject" and place.attempts:
            if lower:
                lines = [f"if {q} % 2 = 1 & {lower} % 2 = 0 then {lower} := {lower} + 1; end;",
                         f"if {q} >= 2 & {lower} < 2 then {lower} := {lower} + 2; end;", f"{q} := 0;"]
            elif place.then == "drop":
                lines = [f"{q} := 0;"] + lose
            else:
                lines = [f"{q} := 0; {dead} := 1;", self.hurt("dead-letter", v.who, place.name)]
        elif ending == "retry" and place.attempts:
            raise Refused("retry with attempts")
        else:
            lines = []
        self.rule(f"{v.who} receives {place.name}", f"mode != {BOOT} & {q} != 0 & {self.some(v)}", texts + lines)

    def marked(self, queue: str) -> str:
        return " | ".join(f"{q} >= 2" for _, q, _ in self.slots[queue]) or "false"

    def mark(self, queue: str) -> list[str]:
        lines = [f"if {q} % 2 = 1 then {q} := 2; end;" for _, q, _ in self.slots[queue]]
        return lines + ["draining := true;"]

    def unmark(self) -> list[str]:
        lines = [f"if {q} >= 2 then {q} := 1; end;" for slots in self.slots.values() for _, q, _ in slots]
        lines += [line for p in self.s.places.values() for line in (self.young(p.name) if p.kind == "cache" else [])]
        return lines + ["draining := false;"]

    def requeue(self, queue: str) -> list[str]:
        place, lines = self.s.places[queue], []
        if place.attempts and place.then == "dead-letter":
            for i, c in enumerate(dict.fromkeys(c for c, _, _ in self.slots[queue])):
                dead = ident("dead", queue, str(i))
                q = ident("q", queue, str(i), str(place.attempts))
                lines.append(f"if {dead} = 1 then if {q} % 2 = 0 then {q} := {q} + 1; end; {dead} := 0; end;")
        return lines

    def dead(self) -> list[str]:
        return [k.var for k in self.keys if k.var.startswith("dead_")]

    # facts

    def fact(self, text: str) -> str:
        words = text.split()
        if m := re.fullmatch(r"all (\S+) (>=|at) (\S+)", text):
            actor = self.actors[m[1]]
            i = list(actor.versions).index(m[3])
            if len(actor.versions) == 1:
                return "true"
            return f"(forall r: 0..{actor.total - 1} do ver_{actor.var}[r] {'>=' if m[2] == '>=' else '='} {i} end)"
        if m := re.fullmatch(r"(all|any) (\S+)(?: at (\S+))? up", text):
            if self.actors[m[2]].boots:
                raise Refused(f"fact {text}")
        if m := re.fullmatch(r"(?:all|any) (\S+) up", text):
            return "true"
        if m := re.fullmatch(r"any (\S+) at (\S+) up", text):
            actor = self.actors[m[1]]
            return f"(exists r: 0..{actor.total - 1} do ver_{actor.var}[r] = {list(actor.versions).index(m[2])} end)"
        if (m := re.fullmatch(r"no (\S+) (\S+)", text)) and m[1] in self.actors:
            actor = self.actors[m[1]]
            return f"(forall r: 0..{actor.total - 1} do ver_{actor.var}[r] != {list(actor.versions).index(m[2])} end)"
        if (m := re.fullmatch(r"no (\S+)", text)) and m[1] in self.s.clients and self.s.clients[m[1]].falls:
            return f"{ident('gone', m[1])} = 1"
        if m := re.fullmatch(r"(\S+) traffic < (\S+)%", text):
            falls = self.s.clients[m[1]].falls
            if not falls or float(falls[0].rstrip("%")) > float(m[2]):
                raise Refused(f"fact {text}")
            return f"{ident('gone', m[1])} = 1"
        if (m := re.fullmatch(r"no (\S+) where (\S+) is (not )?(\S+)", text)) and m[1] in self.columns:
            inner = self.state_of(m[1], m[2], m[4])
            return f"!({self.row(m[1])} = 1 & {'!' if m[3] else ''}({inner}))"
        if len(words) == 3 and words[1] == "is" and words[0] in self.columns and words[2] in ("empty", "absent", "present"):
            return f"({self.row(words[0])} = {int(words[2] == 'present')})"
        if m := re.fullmatch(r"(\S+) is (not )?(\S+)", text):
            if m[1] in self.s.values and m[3] in self.s.values[m[1]].values:
                return f"({ident('val', m[1])} {'!=' if m[2] else '='} {self.s.values[m[1]].values.index(m[3])})"
        raise Refused(f"fact {text}")

    def state_of(self, place: str, column: str, tag: str) -> str:
        if (place, column) not in self.tags:
            raise Refused(f"fact about {place}.{column}")
        c = self.col(place, column)
        if tag == "absent":
            return f"{c} = 0"
        if tag == "stale":
            return f"{c} != 0 & {c} % 2 = 0"
        if tag not in self.tags[place, column]:
            return "false"
        i = self.tags[place, column].index(tag)
        return f"{c} = {2 * i + 1} | {c} = {2 * i + 2}"

    def verify(self, step: Step) -> str:
        m = re.fullmatch(r"count\((\S+) is (?:(distinct from) )?(\S+)\) == 0", step.verify or "")
        if not m or step.verb != "backfill":
            raise Refused(f"verify {step.verify}")
        place = step.args[0]
        row = self.row(place)
        column = self.col(place, m[1].split(".")[-1])
        if m[2]:
            other = (place, m[3].split(".")[-1])
            if other not in self.tags:
                raise Refused(f"verify {step.verify}")
            return f"!({row} = 1 & {column} != {self.col(*other)})"
        return f"!({row} = 1 & ({self.state_of(place, m[1].split('.')[-1], m[3])}))"

    # steps

    def at(self, step: int, where: str) -> int:
        if (step, where) not in self.positions:
            self.positions.append((step, where))
        return self.positions.index((step, where))

    def everywhere(self, service: str, version: str) -> str:
        actor = self.actors[service]
        i = list(actor.versions).index(version)
        up = f" & up_{actor.var}[r]" if actor.boots else ""
        if len(actor.versions) == 1 and not up:
            return "true"
        at = f"ver_{actor.var}[r] = {i}" if len(actor.versions) > 1 else "true"
        return f"(forall r: 0..{actor.copies - 1} do {at}{up} end)"

    def all_up(self, actor: Actor, v: int) -> str:
        return f"(forall r: 0..{actor.copies - 1} do ver_{actor.var}[r] != {v} | up_{actor.var}[r] end)" if actor.boots else "true"

    def seen_by_all(self, name: str, value: int) -> str:
        views = [f"(forall r: 0..{a.total - 1} do {ident('view', name, a.name)}[r] = {value} end)" for a in self.watch.get(name, [])]
        return " & ".join([f"{ident('val', name)} = {value}"] + views)

    def migration(self, step: Step, undo: bool) -> tuple[str, str, list[str]]:
        """Holds already, guard, call."""
        table, m = step.args[:2]
        place = self.s.places[table]
        kind, what = place.migrations[m]
        did = ident("did", table, m)
        row = self.row(table)
        guard, change, fields = "true", [f"{did} := {int(not undo)};"], []
        if kind == "rename_column":
            a, b = what if not undo else (what[1], what[0])
            change += [f"{self.col(table, b)} := {self.col(table, a)};", f"{self.col(table, a)} := 0;",
                       f"{ident('has', table, a)} := 0;", f"{ident('has', table, b)} := 1;",
                       f"{ident('nn', table, b)} := {ident('nn', table, a)};"]
            guard = f"{self.has(table, a)} & !({self.has(table, b)})"
        elif (kind == "add_column") != undo and kind in ("add_column", "drop_column"):
            change.append(f"{ident('has', table, what)} := 1;")
            if ident("nn", table, what) in self.shape:
                change.append(f"{ident('nn', table, what)} := 0;")
        elif kind in ("add_column", "drop_column"):
            fields = [(table, what)]
            change += [f"{self.col(table, what)} := 0;", f"{ident('has', table, what)} := 0;"]
        else:
            tight = (what[1] == "not_null") != undo
            nn = ident("nn", table, what[0])
            change.append(f"{nn} := {int(tight)};")
            guard = self.has(table, what[0])
            if tight:
                guard += f" & !({row} = 1 & {self.col(table, what[0])} = 0)"
        declared, lines = self.losing(fields, change)
        return f"{did} = {int(not undo)}", guard, [self.proc(declared, lines)]

    def scan(self, step: Step) -> list[str]:
        place, column, how, a, b = step.args
        target, row = self.col(place, column), self.row(place)
        if (place, column) not in self.datum:
            raise Refused(f"backfill of {place}.{column}")
        guard = f"{row} = 1 & {self.has(place, column)}"
        only = "" if step.overwrite else f" & {target} = 0"
        declared: list[str] = []
        if how == "retag":
            i, j = (self.tags[place, column].index(t) for t in (a, b))
            lines = [f"if {guard} & {target} = {2 * i + 1} then {target} := {2 * j + 1};",
                     f"elsif {guard} & {target} = {2 * i + 2} then {target} := {2 * j + 2}; end;"]
        elif how == "copy":
            source = self.col(a, b)
            there = f"{self.row(a)} = 1 & {self.has(a, b)} & {source} != 0"
            if self.s.places[a].kind != "table" or self.s.places[place].kind != "table":
                raise Refused("backfill outside tables")
            declared, lines = self.losing([(place, column)], [f"if {guard}{only} & {there} then {target} := {source}; end;"])
        else:
            if sum(self.datum[f] == self.datum[place, column] for f in self.datum) > 1:
                raise Refused("a constant for a twin")
            tag = self.tags[place, column].index(a) if self.tags[place, column] != [PLAIN] else 0
            lose = ""
            if step.overwrite and column not in self.s.places[place].disposable:
                lose = f"if {target} % 2 = 1 then lost := true; {self.hurt('loss', 'the data', f'{place}.{column}')} end; "
            lines = [f"if {guard}{only} then {lose}{target} := {2 * tag + 1}; end;"]
        return [self.proc(declared, lines)]

    def holds(self, i: int, step: Step) -> str:
        if step.verb == "migrate":
            return f"{ident('did', *step.args[:2])} = {int(not step.args[2])}"
        if step.verb == "deploy":
            return self.everywhere(*step.args)
        if step.verb in ("flag", "set"):
            return self.seen_by_all(step.args[0], self.s.values[step.args[0]].values.index(step.args[1]))
        if step.verb == "backfill" and step.once:
            return f"once_{i} = 1"
        return "false"

    def forward(self) -> None:
        steps = self.plan.steps
        for i, step in enumerate(steps, 1):
            if step.once and step.verb != "backfill":
                raise Refused("once outside a backfill")
            if step.verify and step.verb != "backfill":
                raise Refused(f"verify of a {step.verb}")
            ready = []
            skipped = ""
            for j in range(i - 1, -1, -1):
                ready.append(f"(pc = {j}{skipped})")
                skipped += f" & {self.holds(j, steps[j - 1])}" if j else ""
            guard = " & ".join([f"!trust & (mode = {PRE} | mode = {FORWARD}) & !busy & ({' | '.join(ready)})", f"!({self.holds(i, step)})"]
                               + [self.fact(f) for f in step.when])
            self.begin(i, step, guard)

    def begin(self, i: int, step: Step, guard: str) -> None:
        go = [f"mode := {FORWARD};", f"pc := {i};"]
        inside = f"!trust & mode = {FORWARD} & busy & pc = {i}"
        done = [f"pos := {self.at(i, 'done')};", "busy := false;", "advance();"]
        name = f"step {i} {step.id}"
        if step.verb == "migrate":
            _, can, call = self.migration(step, step.args[2])
            self.rule(name, f"{guard} & {can}", go + done[:2] + call + done[2:])
        elif step.verb == "deploy":
            self.deploying(i, step, guard, inside, go)
        elif step.verb in ("flag", "set"):
            value = self.s.values[step.args[0]]
            v = value.values.index(step.args[1])
            change = [f"{ident('val', value.name)} := {v};"]
            if not value.within:
                self.rule(name, guard, go + change + done)
            else:
                self.rule(name, guard, go + change + [f"pos := {self.at(i, 'mixed')};", "busy := true;"])
                self.rule(name + " seen", f"{inside} & {self.seen_by_all(value.name, v)}", done)
        elif step.verb == "backfill":
            once = [f"once_{i} := 1;"] if step.once else []
            guard += f" & {self.has(*step.args[:2])}" + (f" & {self.has(*step.args[3:])}" if step.args[2] == "copy" else "")
            if step.once:
                self.var(f"once_{i}", "0..1", "0")
            self.rule(name, guard, go + [f"pos := {self.at(i, 'mixed')};", "busy := true;", "passed := false;"])
            again = "" if not step.verify else f" | !({self.verify(step)})"
            self.rule(name + " passes", f"{inside} & (!passed{again})", self.scan(step) + ["passed := true;"])
            held = f" & {self.verify(step)}" if step.verify else ""
            self.rule(name + " ends", f"{inside} & passed{held}", once + ["passed := false;"] + done)
        elif step.verb == "wait":
            self.rule(name, guard, go + [f"pos := {self.at(i, 'mixed')};", "busy := true;"] + self.age(step))
            until = step.args[1] if step.args[0] == "until" else []
            if step.args[0] == "for":
                until = [f"no {c.name}" for c in self.s.clients.values() if c.falls and step.args[1] >= c.falls[1]]
            self.rule(name + " ends", " & ".join([inside, self.aged(step)] + [self.fact(f) for f in until]), done)
            for client in self.s.clients.values():
                if client.falls:
                    long = step.args[0] == "for" and step.args[1] >= client.falls[1]
                    if long or any(client.name in f.split() for f in until):
                        self.rule(f"{client.name} is gone", f"{inside} & {ident('gone', client.name)} = 0", [f"{ident('gone', client.name)} := 1;"])
        elif step.verb == "pause":
            self.rule(name, guard, go + done)
        elif step.verb == "flush":
            self.rule(name, guard, go + self.empty(step.args[0]) + done)
        elif step.verb == "requeue":
            self.rule(name, guard, go + self.requeue(step.args[0]) + done)
        elif step.verb == "drain":
            self.rule(name, guard, go + [f"pos := {self.at(i, 'mixed')};", "busy := true;"] + self.mark(step.args[0]))
            self.rule(name + " ends", f"{inside} & !({self.marked(step.args[0])})", self.unmark() + done)
        else:
            raise Refused(f"step {step.verb}")

    def deploying(self, i: int, step: Step, guard: str, inside: str, go: list[str]) -> None:
        actor = self.actors[step.args[0]]
        v = list(actor.versions).index(step.args[1])
        if step.stays and actor.copies <= step.stays:
            raise Refused("a canary of everything")
        if step.stragglers:
            raise Refused("stragglers")
        last = actor.copies - 1
        ver = f"ver_{actor.var}"
        enough = step.stays or actor.copies
        ready = f" & {self.all_up(actor, v)}"
        if actor.boots and step.stays:
            raise Refused("a canary that boots and stays")
        if actor.boots:
            if actor.copies == 2 and step.staged:
                raise Refused("two replicas that boot")
            self.rule(f"step {i} {step.id} ends", f"{inside} & pos = {self.at(i, 'done' if step.stays else 'mixed')} & {self.everywhere(*step.args)}",
                      [f"pos := {self.at(i, 'done')};", "busy := false;", "advance();"])
        lines = [f"{ver}[x] := {v};"] + ([f"up_{actor.var}[x] := false;"] if actor.boots else [])
        lines += ["n := 0;", f"for r: 0..{last} do if {ver}[r] = {v} then n := n + 1; end; end;",
                 f"if n >= {enough}{' & false' if actor.boots else ''} then pos := {self.at(i, 'done')}; busy := false; advance();"]
        if step.staged and actor.copies > 1 and enough > 1:
            lines.append(f"elsif n = 1 then pos := {self.at(i, 'canary')}; busy := true;")
        if actor.copies > (2 if step.staged else 1) and enough > 1:
            lines.append(f"else pos := {self.at(i, 'mixed')}; busy := true;")
        lines.append("end;")
        self.count += 1
        self.procs.append(f"procedure deploy_{i}(x: 0..{last});\nvar n: 0..{actor.copies};\nbegin\n  " + "\n  ".join(lines) + "\nend;")
        self.rule(f"step {i} {step.id}", f"(({guard}) | ({inside})) & {ver}[x] != {v}{ready}", go + [f"deploy_{i}(x);"], f"x: 0..{last}")

    # the rollback

    def way(self, step: Step, active: str, undo: bool = False) -> Way:
        for f in step.when:
            if f.startswith("no ") and "where" in f or " is present" in f or " is absent" in f or " is empty" in f:
                raise Refused("a guard over rows in a rollback")
        guard = " & ".join([self.fact(f) for f in step.when] or ["true"])
        if step.verify:
            raise Refused("verify in a rollback")
        if step.verb == "migrate":
            holds, can, call = self.migration(step, step.args[2] != undo)
            return Way(active, holds, f"{guard} & {can}", call)
        if step.verb == "deploy":
            actor = self.actors[step.args[0]]
            if step.stays:
                raise Refused("a canary that stays in a rollback")
            v = list(actor.versions).index(step.args[1])
            ver = f"ver_{actor.var}"
            return Way(active, self.everywhere(*step.args), f"{guard} & {ver}[x] != {v} & {self.all_up(actor, v)}",
                       [f"{ver}[x] := {v};"] + ([f"up_{actor.var}[x] := false;"] if actor.boots else []), params=f"x: 0..{actor.copies - 1}")
        if step.verb in ("flag", "set"):
            value = self.s.values[step.args[0]]
            v = value.values.index(step.args[1])
            name = ident("val", value.name)
            return Way(active, self.seen_by_all(value.name, v), f"{guard} & {name} != {v}", [f"{name} := {v};"])
        if step.verb == "backfill":
            return Way(active, "false", guard, self.scan(step), once=True)
        if step.verb == "wait" and self.outlived(step):
            return Way(active, "false", f"{guard} & draining & {self.aged(step)}", ["draining := false;"], once=True,
                       first=self.age(step) + ["draining := true;"])
        if step.verb == "pause" or step.verb == "wait" and step.args[0] == "for":
            return Way(active, "false", guard, [], once=True)
        if step.verb == "flush":
            return Way(active, "false", guard, self.empty(step.args[0]), once=True)
        if step.verb == "requeue":
            return Way(active, "false", guard, self.requeue(step.args[0]), once=True)
        if step.verb == "drain":
            queue = step.args[0]
            if not self.slots[queue]:
                return Way(active, "false", guard, [], once=True)
            return Way(active, "false", f"{guard} & draining & !({self.marked(queue)})", self.unmark(), once=True, first=self.mark(queue))
        raise Refused(f"{step.verb} in a rollback")

    def before(self) -> list[Any]:
        """What each deploy and each value was set to before its step."""
        now: dict[str, str] = {a.name: next(iter(a.versions)) for a in self.actors.values()}
        values = {v.name: v.values[0] for v in self.s.values.values()}
        found = []
        for step in self.plan.steps:
            if step.verb == "deploy":
                found.append(now[step.args[0]])
                if step.stays:
                    if any(s.verb == "deploy" and s.args[0] == step.args[0] and s is not step for s in self.plan.steps):
                        raise Refused("a canary that stays, and another deploy")
                else:
                    now[step.args[0]] = step.args[1]
            elif step.verb in ("flag", "set"):
                found.append(values[step.args[0]])
                values[step.args[0]] = step.args[1]
            else:
                found.append(None)
        return found

    def back(self) -> list[Way]:
        kind = self.plan.rollback
        if isinstance(kind, list):
            return [self.way(step, "true") for step in kind]
        ways: list[Way] = []
        again: list[Way] = []
        before = self.before()
        for i in range(len(self.plan.steps), 0, -1):
            step, was = self.plan.steps[i - 1], before[i - 1]
            active = f"pc >= {i}"
            if step.undo == "none":
                if step.verb not in ("drain", "wait"):
                    ways += again
                    again = []
                continue
            if step.verb in ("drain", "wait") and step.undo:
                raise Refused(f"a {step.verb} with an undo")
            if step.undo:
                ways += [self.way(u, active) for u in step.undo]
            if step.verb == "deploy":
                ways.append(self.way(Step("deploy", (step.args[0], was), step.id), active))
            if kind == "code-only":
                continue
            if step.verb in ("flag", "set") and not self.s.values[step.args[0]].irreversible:
                ways.append(self.way(Step(step.verb, (step.args[0], was), step.id), active))
            if step.verb == "migrate" and (kind == "undo-everything" or self.narrows(step)):
                ways.append(self.way(Step("migrate", step.args, step.id), active, undo=True))
            if step.verb == "restart":
                raise Refused(f"{step.verb} in an inverse")
            if step.verb == "drain" or step.verb == "wait" and step.args[0] == "for":
                again.insert(0, self.way(step, active))
            elif step.verb != "wait":
                ways += again
                again = []
        return ways + again

    def narrows(self, step: Step) -> bool:
        kind, what = self.s.places[step.args[0]].migrations[step.args[1]]
        narrow = kind in ("drop_column", "rename_column") or kind == "alter_column" and what[1] == "not_null"
        if step.args[2]:
            raise Refused("an undo in the plan")
        return narrow

    def rollback(self) -> None:
        ways = self.back()
        if self.plan.rollback == "code-only" and any(s.undo for s in self.plan.steps):
            raise Refused("undo and code-only")
        self.ways = len(ways)
        self.rule("abort", f"!trust & (mode = {PRE} | mode = {FORWARD})",
                  [f"mode := {BACK};", "from := pos;", "pos := 0;", "busy := false;", "passed := false;", "bk := 0;"] + self.unmark())
        for j, w in enumerate(ways):
            turn = f"mode = {BACK} & bk = {j}"
            self.rule(f"rollback {j + 1} is passed", f"{turn} & (!({w.active}) | {w.holds})", [f"bk := {j + 1};"])
            after = [f"bk := {j + 1};"] if w.once else []
            if w.first:
                self.rule(f"rollback {j + 1} begins", f"{turn} & {w.active} & !draining", w.first)
            self.rule(f"rollback {j + 1}", f"{turn} & {w.active} & !({w.holds}) & {w.guard}", w.effect + after, w.params)
        self.rule("rollback ends", f"mode = {BACK} & bk = {len(ways)}", [f"mode := {ENDED};", "bk := 0;", "pc := 0;"])
        ids = [s.id for s in self.plan.steps]
        early = " | ".join(f"from = {p}" for p, (step, _) in enumerate(self.positions) if step < self.promised(ids)) or "false"
        self.rule("another attempt", f"!trust & mode = {ENDED} & harbour() & ({early})",
                  [f"mode := {FORWARD};", "from := 0;", "advance();"])
        self.rule("nothing but fair moves", f"!trust & (mode = {BACK} | mode = {ENDED})", ["trust := true;"])
        if self.probe:
            self.rule("probe", f"!trust & mode = {ENDED} & home() & !lost", [f"mode := {PROBE};", "from := 0;", "k0 := code();"])
            self.rule("probe lost", f"mode = {PROBE} & lost", ['put "REFUTED -1 "; put k0;'])

    def promised(self, ids: list[str]) -> int:
        until = self.plan.promise
        if until == "end":
            return len(ids) + 1
        if until == "start":
            return 0
        exact = [i for i, name in enumerate(ids, 1) if name == until]
        found = exact or [i for i, name in enumerate(ids, 1) if until in name]
        if len(found) != 1:
            raise Refused(f"promise {until}")
        return found[0]

    def home(self) -> str:
        parts = [self.everywhere(a.name, next(iter(a.versions))) for a in self.actors.values()]
        parts += [self.seen_by_all(v.name, 0) for v in self.s.values.values()]
        for place in self.s.places.values():
            for m, (kind, what) in place.migrations.items():
                if kind in ("drop_column", "rename_column") or kind == "alter_column" and what[1] == "not_null":
                    parts.append(f"{ident('did', place.name, m)} = 0")
        parts += [f"{d} = 0" for d in self.dead()]
        return " & ".join(parts)

    def settled(self) -> str:
        parts = ["!lost & !busy & mode != 3"] + [f"{d} = 0" for d in self.dead()]
        for a in self.actors.values():
            if len(a.versions) > 1:
                parts.append(f"(forall r: 0..{a.copies - 1} do ver_{a.var}[r] = ver_{a.var}[0] end)")
        for name, actors in self.watch.items():
            parts += [f"(forall r: 0..{a.total - 1} do {ident('view', name, a.name)}[r] = {ident('val', name)} end)" for a in actors]
        return " & ".join(parts)

    # the start

    def starts(self) -> list[str]:
        """One start for every way in which the places may begin."""
        choices = []
        for place in self.s.places.values():
            if place.starts is None or place.kind == "queue":
                continue
            for c in self.columns[place.name]:
                if c not in place.starts and (place.kind != "table" or place.columns):
                    added = ident("has", place.name, c) in self.shape and f"  {ident('has', place.name, c)} := 0;" in self.init
                    if not added:
                        raise Refused("starts that leave fields out")
            options: list[list[str]] = [[]]
            per_field = []
            for c, words in place.starts.items():
                if c == place.key:
                    continue
                codes = []
                for w in words:
                    tags = self.tags[place.name, c]
                    if w == "absent":
                        codes.append(0)
                    elif w == "stale":
                        codes += [2 * t + 2 for t in range(len(tags))]
                    elif w in ("fresh", "any"):
                        codes += [2 * t + 1 for t in range(len(tags))]
                    elif w in tags:
                        codes.append(2 * tags.index(w) + 1)
                    else:
                        raise Refused(f"starts {w}")
                per_field.append([f"{self.col(place.name, c)} := {x};" for x in codes])
            for chosen in itertools.product(*per_field):
                options.append([f"{self.row(place.name)} := 1;"] + list(chosen))
            choices.append(options)
        return [" ".join(part for option in combo for part in option) for combo in itertools.product(*choices)]

    # all of it

    def text(self) -> str:
        for name, actors in self.watch.items():
            for a in actors:
                view = ident("view", name, a.name)
                self.rule(f"{a.name} sees {name}", f"{view}[r] != {ident('val', name)}", [f"{view}[r] := {ident('val', name)};"], f"r: 0..{a.total - 1}")
                if self.s.faults:
                    others = " | ".join(f"(exists q: 0..{b.total - 1} do {ident('view', name, b.name)}[q] != {ident('val', name)} end)" for b in actors)
                    self.rule(f"{a.name} restarts and sees {name} as it was", f"users() & ({others}) & {view}[r] = {ident('val', name)}",
                              [f"{view}[r] := 1 - {ident('val', name)};"], f"r: 0..{a.total - 1}")
        for client in self.s.clients.values():
            if client.falls and client.falls[1] <= self.s.waits_at_most:
                self.rule(f"{client.name} is gone", f"{ident('gone', client.name)} = 0", [f"{ident('gone', client.name)} := 1;"])
        self.users()
        self.queues()
        self.forward()
        self.rollback()
        n = len(self.positions)
        top = 1
        code = []
        for k in self.keys:
            code.append(f"{top} * {k.var}" if top > 1 else k.var)
            top *= k.top + 1
        if top >= 2 ** 60:
            raise Refused("too many states of a key")
        for i, start in enumerate(self.starts()):
            self.rule(f"start {i}", f"mode = {BOOT}", [start, f"mode := {PRE};"])
        touch = [f"hurt_{i}(true);" for i in range(len(self.harms))] + ["note(true);"]
        self.rule("touch every cover", f"mode = {BOOT}", touch)
        self.rule("note", f"mode = {PRE} | mode = {FORWARD} | mode = {BACK} | mode = {ENDED}", ["note(false);"])
        note = [f"  cover all | ((mode = {PRE} | mode = {FORWARD}) & pos = {i}) \"AT|{i}\";" for i in range(n)]
        note += [f"  cover all | (lost & charged() = {i}) \"LOST|{i}\";" for i in range(n)]
        refuted = " | ".join(f"c = {x}" for x in self.refuted) or "false"
        kinds = sorted({kind for kind, _, _ in self.harms} - {"loss"}) if self.claims else []
        for k in kinds:
            self.var(ident("harm", k), "boolean", "false")
        out = [f"-- {self.s_name}: positions " + ", ".join(f"{i} = {s} {w}" for i, (s, w) in enumerate(self.positions)),
               "-- modes: 0 boot, 1 before any step, 2 forward, 3 rolling back, 4 rollback ended, 5 probe of a possible home",
               "var", "  mode: 0..5;", "  starts_well: boolean;", "  trust: boolean;", "  lost: boolean;", "  busy: boolean;", "  passed: boolean;",
               f"  pc: 0..{max(1, len(self.plan.steps))};", f"  pos: 0..{n};", f"  from: 0..{n};", f"  bk: 0..{max(1, self.ways)};",
               f"  k0: 0..{top - 1};"] + self.vars
        out += [f"function users(): boolean; begin return mode != {BOOT} & !trust; end;",
                f"function charged(): 0..{n}; begin if mode = {BACK} | mode = {ENDED} then return from; else return pos; end; end;",
                f"function code(): 0..{top - 1}; begin return {' + '.join(code) or '0'}; end;",
                f"function home(): boolean; begin return {self.home() or 'true'}; end;",
                f"function settled(): boolean; begin return {self.settled()}; end;",
                f"function refuted(): boolean; var c: 0..{top - 1}; begin c := code(); return {refuted}; end;",
                f"function harbour(): boolean; begin return mode = {ENDED} & !lost & home() & !refuted(); end;"]
        out += [self.hurt_proc(i, harm) for harm, i in self.harms.items()]
        out += ["procedure note(all: boolean);\nbegin\n" + "\n".join(note) + "\nend;"]
        out += ["procedure advance();\nbegin"]
        for i, step in enumerate(self.plan.steps, 1):
            if self.holds(i, step) != "false":
                out.append(f"  if pc = {i - 1} & !busy & {self.holds(i, step)} then pc := {i}; pos := {self.at(i, 'done')}; end;")
        out += ["end;"] + self.procs
        out += ["startstate begin", "  mode := 0; starts_well := true; trust := false; lost := false; busy := false; passed := false;",
                "  pc := 0; pos := 0; from := 0; bk := 0; k0 := 0;"] + self.init + ["end;"]
        out += self.rules
        if self.claims:
            out += [f'invariant "no {k}" !{ident("harm", k)};' for k in kinds] + ['invariant "no loss" !lost;']
        for i in range(n):
            out.append(f'liveness "HOME|{i}" !(trust & from = {i}) | lost | harbour();')
            out.append(f'liveness "ENDS|{i}" !(trust & from = {i}) | lost | mode = {ENDED};')
        return "\n".join(out) + "\n"

    @property
    def s_name(self) -> str:
        return self.plan.name or "the plan"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file")
    parser.add_argument("--plan")
    parser.add_argument("--replicas", type=int, default=3)
    parser.add_argument("--claims", action="store_true", help="invariants: no loss, no harm of any kind (rumur prints a trace to one)")
    options = parser.parse_args()
    try:
        scenario = load(options.file)
        plans = [p for p in scenario.plans if options.plan in (None, p.name)]
        if not plans:
            raise Refused(f"plan {options.plan}")
        for plan in plans:
            sys.stdout.write(Exporter(scenario, plan, options.replicas, probe=not options.claims, claims=options.claims).text())
    except (Refused, KeyError, ValueError) as why:
        print(f"refused: {why}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
