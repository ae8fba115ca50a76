"""The transition relation: what the environment may do to one world (R1-R10)."""
from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from typing import Any, Iterable, NamedTuple

from scenario import Body, Fields, Item, ON_DEFAULT, Refused, Scenario, resolve

Harm = tuple[str, str, str]


class Key(NamedTuple):
    """One business item. A place is None or a sorted tuple of (field, tag, fresh)."""
    places: tuple
    queues: tuple
    dead: tuple
    work: frozenset = frozenset()
    woken: frozenset = frozenset()
    old: frozenset = frozenset()
    passed: int = 0


class Control(NamedTuple):
    """What holds for all; `heard` are the views of each client."""
    truth: tuple
    schema: tuple
    heard: tuple = ()
    gone: frozenset = frozenset()
    once: frozenset = frozenset()


class World(NamedTuple):
    """Replicas: per service a tuple of (version, up, views)."""
    control: Control
    replicas: tuple
    keys: tuple
    lost: bool = False


class Context(NamedTuple):
    """What of the step in progress the environment sees."""
    backfill: Any = None
    limit: int = 0
    waits: bool = False
    endless: bool = False


@dataclass(frozen=True)
class Handler:
    number: int
    actor: str
    name: str
    kind: str
    target: str
    receive: Fields | None
    when: tuple
    moments: tuple
    on: tuple
    keeps: bool
    direct: frozenset | None


class Task(NamedTuple):
    """A handler in progress on one key."""
    group: tuple
    handler: int
    at: int
    message: Any
    seen: frozenset
    misread: frozenset
    written: frozenset


class Model:
    def __init__(self, scenario: Scenario, plan: Any, replicas: int, keys: int, named: bool):
        self.s, self.plan, self.named = scenario, plan, named
        self.pre: set[Harm] = set()
        self.place_names = [p for p in scenario.places if scenario.places[p].kind != "queue"]
        self.queue_names = [p for p in scenario.places if scenario.places[p].kind == "queue"]
        self.pi = {p: i for i, p in enumerate(self.place_names)}
        self.qi = {q: i for i, q in enumerate(self.queue_names)}
        self.tables = [p for p in self.place_names if scenario.places[p].kind == "table"]
        self.ti = {t: i for i, t in enumerate(self.tables)}
        self.services = list(scenario.services)
        self.values = list(scenario.values)
        self.vi = {v: i for i, v in enumerate(self.values)}
        self.within = [v for v in self.values if scenario.values[v].within]
        self.handlers: list[Handler] = []
        self.compiled: dict = {}
        self.bodies: dict = {}
        self.twins = self.find_twins()
        self.filled = self.find_filled()
        self.sleepers = self.find_sleepers()
        self.boots = {s: any(map(self.can_boot, scenario.services[s].versions.values())) for s in self.services}
        self.requested = {p for b in self.all_bodies() for (v, p) in b.verbs if v == "sends" and self.is_api(p)}
        self.replied = {p[:-6] for b in self.all_bodies() for (v, p) in b.verbs if v == "receives" and p.endswith(".reply")}
        self.memo: dict = {}
        self.start_worlds = self.build_start(replicas, keys)

    # reading the scenario as a whole

    def chains(self) -> list[list[Body]]:
        return [c for s in self.s.services.values() for c in s.versions.values()] + [c.chain for c in self.s.clients.values()]

    def all_bodies(self) -> Iterable[Body]:
        for chain in self.chains():
            for body in chain:
                yield body
                yield from (inner for _, inner in body.ifs)

    def all_fields(self) -> Iterable[tuple[str, str, Fields]]:
        for body in self.all_bodies():
            for (verb, place), f in body.verbs.items():
                if f:
                    yield verb, place, f
            for handler in body.handlers.values():
                for (verb, place), f in (handler["verbs"] if handler else {}).items():
                    if f:
                        yield verb, place, f

    def is_api(self, place: str) -> bool:
        return place not in self.s.places

    def find_twins(self) -> dict:
        parent: dict = {}

        def root(x: tuple) -> tuple:
            while parent.get(x, x) != x:
                x = parent[x]
            return x

        order: list[tuple] = []

        def join(a: tuple, b: tuple) -> None:
            for x in (a, b):
                if x not in order:
                    order.append(x)
            a, b = sorted((root(a), root(b)), key=order.index)
            parent[b] = a

        for name, place in self.s.places.items():
            if place.kind != "queue":
                for column in place.columns:
                    join((name, column), (name, column))
        for name, place in self.s.places.items():
            for f, twin in place.same_as.items():
                join((name, f), twin)
            for kind, what in place.migrations.values():
                if kind == "rename_column":
                    join((name, what[0]), (name, what[1]))
        for verb, place, f in self.all_fields():
            if verb in ("reads", "writes") and place in self.pi:
                for item in f.items:
                    for other in item.names:
                        join((place, item.names[0]), (place, other))
        for step in self.plan_steps():
            if step.verb == "backfill" and step.args[2] == "copy":
                join(step.args[:2], step.args[3:5])
        return {x: root(x) for x in order}

    def plan_steps(self) -> Iterable:
        plan = self.plan
        rollback = plan.rollback if isinstance(plan.rollback, list) else []
        for step in plan.steps + rollback + (plan.rollforward or []):
            yield step
            if isinstance(step.undo, list):
                yield from step.undo

    def find_filled(self) -> dict[str, set[str]]:
        written = {(p, i.names[0]) for v, p, f in self.all_fields() if v == "writes" for i in f.items}
        return {t: {c for c in self.s.places[t].not_null if (t, c) not in written} - {self.s.places[t].key} for t in self.tables}

    def can_boot(self, chain: list[Body]) -> bool:
        bodies = [b for body in chain for b in [body] + [i for _, i in body.ifs]]
        return any(b.starts_if or any(h and h["trigger"] == "start" for h in b.handlers.values()) for b in bodies)

    # the start

    def build_start(self, replicas: int, keys: int) -> list[World]:
        truth = tuple(self.s.values[v].values[0] for v in self.values)
        schema = []
        for t in self.tables:
            place = self.s.places[t]
            added = {w for k, w in place.migrations.values() if k == "add_column"}
            columns = [c for c in place.columns if c not in added]
            schema.append((tuple(sorted(columns)), tuple(sorted(place.not_null & set(columns)))))
        views = tuple(truth[self.vi[v]] for v in self.within)
        fleet = []
        for name in self.services:
            service = self.s.services[name]
            first = next(iter(service.versions))
            old = service.straggler_at or first
            n = min(service.replicas, replicas)
            fleet.append(tuple([(first, True, views)] * n + [(old, True, views)] * service.stragglers))
        options = [self.start_options(p) for p in self.place_names]
        empty = tuple(frozenset() for _ in self.queue_names)
        alone = [Key(places, empty, empty) for places in itertools.product(*options)]
        control = Control(truth, tuple(schema), (views,) * len(self.s.clients))
        return [World(control, tuple(fleet), tuple(k)) for k in itertools.combinations_with_replacement(alone, keys)]

    def start_options(self, name: str) -> list:
        place = self.s.places[name]
        if place.starts is None:
            return [None]
        start = [c[next(iter(c))] for c in (s.versions for s in self.s.services.values())] + [c.chain for c in self.s.clients.values()]
        written: dict[str, set] = {}
        for chain in start:
            body = resolve(chain, lambda c: self.cond(c, tuple(v.values[0] for v in self.s.values.values())))
            sets = [(k, f) for k, f in body.verbs.items()] + [x for h in body.handlers.values() if h for x in h["verbs"].items()]
            for (verb, p), f in sets:
                if verb == "writes" and p == name and f:
                    for item in f.items:
                        written.setdefault(item.names[0], set()).update(item.tags or ("any",))
        fields = dict(place.starts)
        per_field = []
        added = {w for k, w in place.migrations.values() if k == "add_column"}
        for f in dict.fromkeys(list(place.columns) + list(fields)):
            if f == place.key or f in added and f not in fields:
                continue
            if f in fields:
                values = []
                for word in fields[f]:
                    tags = sorted(written.get(f, {"any"}))
                    values += [None] if word == "absent" else [(f, t, True) for t in tags] if word == "fresh" else \
                        [(f, t, False) for t in tags] if word == "stale" else [(f, word, True)]
            else:
                values = [(f, t, True) for t in sorted(written.get(f, ()))] or ([(f, "any", True)] if f in place.not_null else [None])
            per_field.append(values)
        rows = [tuple(sorted(x for x in row if x)) for row in itertools.product(*per_field)]
        return [None] + sorted(set(rows))

    # facts

    def cond(self, text: str, view: tuple) -> bool:
        for part in text.split(" and "):
            m = re.fullmatch(r"(not )?(\S+)", part) or re.fullmatch(r"(\S+) is (not )?(\S+)", part)
            if m and len(m.groups()) == 2 and m[2] in self.vi:
                holds = (view[self.vi[m[2]]] == "on") != bool(m[1])
            elif m and len(m.groups()) == 3 and m[1] in self.vi:
                holds = (view[self.vi[m[1]]] == m[3]) != bool(m[2])
            else:
                raise Refused(f"condition {part}")
            if not holds:
                return False
        return True

    def fact(self, text: str, w: World, keys: Iterable[Key]) -> bool:
        if m := re.fullmatch(r"all (\S+) (>=|at) (\S+)", text):
            order = list(self.s.services[m[1]].versions)
            index = order.index(m[3])
            versions = [r[0] for r in w.replicas[self.services.index(m[1])]]
            return all(order.index(v) >= index if m[2] == ">=" else v == m[3] for v in versions)
        if m := re.fullmatch(r"all (\S+) up", text):
            return all(r[1] for r in w.replicas[self.services.index(m[1])])
        if m := re.fullmatch(r"any (\S+)(?: at (\S+))? up", text):
            return any(r[1] and m[2] in (None, r[0]) for r in w.replicas[self.services.index(m[1])])
        if m := re.fullmatch(r"(\S+) traffic < (\S+)", text):
            client = self.s.clients.get(m[1])
            if not client or not client.falls or client.falls[0] != m[2]:
                raise Refused(f"fact {text}")
            return m[1] in w.control.gone
        if m := re.fullmatch(r"no (\S+) where (\S+) is (not )?(\S+)", text):
            return not any(self.field_is(k, m[1], m[2], bool(m[3]), m[4]) for k in keys)
        if (m := re.fullmatch(r"no (\S+) (\S+)", text)) and m[1] in self.services:
            return all(r[0] != m[2] for r in w.replicas[self.services.index(m[1])])
        if (m := re.fullmatch(r"no (\S+)", text)) and m[1] in self.s.clients:
            return m[1] in w.control.gone
        if m := re.fullmatch(r"(\S+) is (empty|absent|present)", text):
            name, want = m[1], m[2] == "present"
            if name in self.qi:
                return all(bool(k.queues[self.qi[name]]) == want for k in keys)
            if name in self.pi:
                return all((k.places[self.pi[name]] is not None) == want for k in keys)
        if (m := re.fullmatch(r"(\S+) is (not )?(\S+)", text)):
            if m[1] in self.vi:
                return (w.control.truth[self.vi[m[1]]] == m[3]) != bool(m[2])
            name, _, f = m[1].rpartition(".")
            if name in self.pi:
                return all(self.field_is(k, name, f, bool(m[2]), m[3]) for k in keys)
        raise Refused(f"fact {text}")

    def field_is(self, key: Key, place: str, f: str, negated: bool, what: str) -> bool:
        if place not in self.pi:
            raise Refused(f"fact about {place}")
        row = key.places[self.pi[place]]
        if row is None:
            return False
        value = next((x for x in row if x[0] == f), None)
        holds = value is None if what == "absent" else value is not None and (not value[2] if what == "stale" else value[1] == what)
        return holds != negated

    def about_keys(self, text: str) -> bool:
        words = text.replace(".", " ").split()
        return any(w in self.s.places for w in words) or any(w.rpartition(".")[0] in self.s.places for w in text.split())

    # who is there

    def body(self, actor: tuple, view: tuple) -> Body:
        if (actor, view) not in self.bodies:
            chain = self.s.services[actor[0]].versions[actor[1]] if len(actor) == 2 else self.s.clients[actor[0]].chain
            self.bodies[actor, view] = resolve(chain, lambda c: self.cond(c, view))
        return self.bodies[actor, view]

    def who(self, actor: tuple) -> str:
        return " ".join(x for x in actor if x)

    def view(self, truth: tuple, views: tuple) -> tuple:
        if not self.within:
            return truth
        seen = dict(zip(self.within, views))
        return tuple(seen.get(v, truth[i]) for i, v in enumerate(self.values))

    def views(self, w: World) -> list[tuple]:
        """What everybody who is there observes, stragglers aside."""
        clients = [views for name, views in zip(self.s.clients, w.control.heard) if name not in w.control.gone]
        return [r[2] for name, fleet in zip(self.services, w.replicas) for r in fleet[:len(fleet) - self.s.services[name].stragglers]] + clients

    def groups(self, w: World) -> dict[tuple, int]:
        """Who acts, as (actor, view), and how many of them."""
        found: dict[tuple, int] = {}
        for name, fleet in zip(self.services, w.replicas):
            for version, up, views in fleet:
                if up:
                    g = ((name, version), self.view(w.control.truth, views))
                    found[g] = found.get(g, 0) + 1
        for name, views in zip(self.s.clients, w.control.heard):
            if name not in w.control.gone:
                found[((name,), self.view(w.control.truth, views))] = 2
        return found

    def compile(self, actor: tuple, view: tuple) -> list[Handler]:
        if (actor, view) in self.compiled:
            return self.compiled[actor, view]
        body, found = self.body(actor, view), []

        def add(name: str, kind: str, target: str, receive: Fields | None, when: list, moments: list, on: dict,
                direct: frozenset | None = None) -> None:
            keeps = bool(body.keeps_unknown)
            full = tuple(sorted({**ON_DEFAULT, **body.on, **on}.items()))
            h = Handler(len(self.handlers), self.who(actor), name, kind, target, receive, tuple(when), tuple(map(tuple, moments)), full, keeps, direct)
            self.handlers.append(h)
            found.append(h)

        for (verb, place), f in body.verbs.items():
            if f is None or self.is_api(place):
                continue
            if verb == "receives":
                if place not in self.qi:
                    raise Refused(f"receives from {place}")
                add(f"receives {place}", "message", place, f, [], [], {})
            else:
                if (verb == "sends") != (place in self.qi):
                    raise Refused(f"{verb} {place}")
                reads = body.verbs.get(("reads", place))
                known = frozenset(n for fields in (reads, f) for item in fields.items for n in item.names) if reads else None
                add(f"{verb} {place}", "user", "", None, [], [[(verb, place, f)]], {}, known)
        for name, h in body.handlers.items():
            if not h:
                continue
            got = [(p, f) for (v, p), f in h["verbs"].items() if v == "receives"]
            acts = [(v, p, f) for wanted in ("reads", "writes", "sends") for (v, p), f in h["verbs"].items() if v == wanted and f]
            if any(self.is_api(p) for _, p, _ in acts) or len(got) > 1 or got and got[0][0] not in self.qi:
                raise Refused("a call in a handler")
            moments: list[list] = []
            for act in acts:
                joined = moments and act[0] == "writes" and moments[-1][-1][1] == act[1]
                if h["atomic"] and moments or joined:
                    moments[-1].append(act)
                else:
                    moments.append([act])
            trigger = h["trigger"]
            kind = "start" if trigger == "start" else "timer" if trigger[:3] in ("eve", "at ") else "trigger" if trigger else "message" if got else "user"
            target = trigger[6:].strip() if kind == "trigger" else got[0][0] if got else ""
            if kind == "start" and len(moments) > 1:
                raise Refused("a start in several moments")
            for act in acts:
                if act[0] == "writes" and not h["atomic"] and self.shares_twin(acts):
                    raise Refused("twins written in two moments")
            add(name, kind, target, got[0][1] if got else None, h["when"], moments, h["on"])
        self.compiled[actor, view] = found
        return found

    def shares_twin(self, acts: list) -> bool:
        seen: dict = {}
        for verb, place, f in acts:
            for item in f.items if verb == "writes" else ():
                if item.source is None:
                    datum = self.twins.get((place, item.names[0]))
                    if datum and seen.setdefault(datum, place) != place:
                        return True
        return False

    # reading (R5)

    def check(self, who: str, place: str, f: Fields, on: dict, payload: dict, unknown: bool, strict: bool) -> tuple[str, list[Harm], list[str], str]:
        """Outcome, harms, misread fields, the field to blame."""
        harms: list[Harm] = []
        misread: list[str] = []
        on = {**on, **dict(f.on)}

        def end(outcome: str, name: str) -> bool:
            if outcome == "misread":
                harms.append(("misread", who, f"{place}.{name}"))
                misread.append(name)
            return outcome not in ("ignore", "misread")

        names = {n for item in f.items for n in item.names}
        for name in sorted(payload) if unknown else ():
            if name not in names and end(on["on_unknown_field"], name):
                return on["on_unknown_field"], harms, misread, name
        for item in f.items:
            for name in item.names:
                value = payload.get(name)
                if value is None:
                    continue
                tag, fresh = value
                if item.tags and tag not in item.tags and "any" not in item.tags:
                    if tag == "any" or tag.startswith('"') and tag.strip('"') in item.tags:
                        raise Refused(f"untagged value in {place}.{name}")
                    if end(on["on_unknown_value"], name):
                        return on["on_unknown_value"], harms, misread, name
                elif not fresh and strict:
                    end("misread", name)
                break
            else:
                if not item.optional and end(on["on_missing_field"], item.names[0]):
                    return on["on_missing_field"], harms, misread, item.names[0]
        return "ok", harms, misread, ""

    def read(self, h: Handler, place: str, f: Fields, key: Key, control: Control) -> tuple[str, list[Harm], list[str], str]:
        p = self.s.places[place]
        if p.kind == "table":
            columns = control.schema[self.ti[place]][0]
            for item in f.items:
                for name in item.names:
                    if name not in columns:
                        return "reject", [], [], name
        row = key.places[self.pi[place]]
        if row is None:
            return "ok", [], [], ""
        payload = {n: (t, fresh) for n, t, fresh in row}
        if p.key:
            payload[p.key] = ("any", True)
        return self.check(h.actor, place, f, dict(h.on), payload, p.kind != "table", p.kind != "cache" or p.fresh_required)

    # writing (R2, R3, R7, R10)

    def write(self, h: Handler, place: str, f: Fields, key: Key, control: Control, task: Task) -> list[tuple[Key, Task, list[Harm], str]]:
        """One result per choice of tags; a field to blame when the store refuses."""
        p, row = self.s.places[place], key.places[self.pi[place]]
        names = [item.names[0] for item in f.items]
        if p.kind == "table":
            columns, not_null = control.schema[self.ti[place]]
            for name in names:
                if name not in columns:
                    return [(key, task, [], name)]
            if row is None:
                for name in p.columns + list(not_null):
                    if name in not_null and name not in names and name != p.key and name not in self.filled[place]:
                        return [(key, task, [], name)]
        results = []
        for tags in itertools.product(*[item.tags or ("any",) for item in f.items]):
            values: dict = {n: (t, fr) for n, t, fr in row} if row is not None and p.kind == "table" else {}
            if row is None and p.kind == "table":
                values.update({c: ("any", True) for c in self.filled[place] if c in columns})
            if p.kind == "document" and h.keeps:
                known_names = {n for q, n in self.names_known(h) if q == place}
                seen = {n: v for (q, n), v in task.seen if q == place and n != "*"}
                values.update({n: v for n, v in seen.items() if n not in known_names and v})
                if h.direct is not None:
                    values.update({n: (t, fr) for n, t, fr in row or () if n not in h.direct})
            newer, copied = set(), {}
            for item, tag in zip(f.items, tags):
                name, datum = item.names[0], self.twins.get((place, item.names[0]), (place, item.names[0]))
                if name == p.key:
                    continue
                if item.source:
                    value = self.source(item, key, task)
                    if value and item.tags:
                        value = (tag, value[1])
                    copied[datum] = item.source
                    if value is None:
                        values.pop(name, None)
                        if p.kind == "table" and name in control.schema[self.ti[place]][1]:
                            raise Refused("an absent copy into a not_null column")
                    else:
                        values[name] = value
                else:
                    newer.add(datum)
                    values[name] = ("any", False) if tag == "wrong" else (tag, datum not in task.misread)
            written = task.written | {(place, n) for n in names}
            after = self.put(key, place, tuple(sorted((n, t, fr) for n, (t, fr) in values.items())))
            after = self.spoil(after, newer - task.misread, written, place)
            lost = [d for d in self.losses(key, after) if d not in newer - task.misread and not self.source_fresh(after, copied.get(d))]
            after = self.wake(key, after, place, h.actor.split()[0], bool(newer - task.misread))
            results.append((after, task._replace(written=written), [("loss", h.actor, ".".join(d)) for d in lost], ""))
        return results

    def names_known(self, h: Handler) -> set:
        found = set()
        for moment in h.moments:
            for verb, place, f in moment:
                found |= {(place, n) for item in f.items for n in item.names}
        return found

    def source(self, item: Item, key: Key, task: Task) -> tuple[str, bool] | None:
        place, name = item.source
        seen = dict(task.seen)
        if (place, "*") in seen:
            return seen.get((place, name))
        if place in self.pi:
            row = key.places[self.pi[place]] or ()
            return next(((t, fr) for n, t, fr in row if n == name), None)
        raise Refused(f"copy from {place}")

    def put(self, key: Key, place: str, row: tuple | None) -> Key:
        i = self.pi[place]
        return key._replace(places=key.places[:i] + (row,) + key.places[i + 1:], old=key.old - {place})

    def spoil(self, key: Key, newer: set, written: frozenset, place: str) -> Key:
        """Twins that were not written go stale; caches of the place do as declared."""
        for i, name in enumerate(self.place_names):
            row, p = key.places[i], self.s.places[name]
            if row is None:
                continue
            if p.of == place and p.on_write == "invalidate":
                key = self.put(key, name, None)
            elif p.of == place and p.on_write == "refresh":
                source = {(place, n): (t, fr) for n, t, fr in key.places[self.pi[place]] or ()}
                new = [(n, *source[p.same_as[n]]) for n in p.columns if p.same_as.get(n) in source]
                key = self.put(key, name, tuple(sorted(new)))
            elif any(fr and self.twins.get((name, n)) in newer and (name, n) not in written for n, t, fr in row):
                new = [(n, t, fr and not (self.twins.get((name, n)) in newer and (name, n) not in written)) for n, t, fr in row]
                key = key._replace(places=key.places[:i] + (tuple(new),) + key.places[i + 1:])
        work = {t._replace(seen=frozenset((f, v and (v[0], v[1] and self.twins.get(f) not in newer)) for f, v in t.seen)) for t in key.work}
        return key._replace(work=frozenset(work)) if newer and work else key

    def held(self, key: Key) -> dict[tuple, set]:
        facts: dict[tuple, set] = {}
        for name, row in zip(self.place_names, key.places):
            p = self.s.places[name]
            for n, t, fresh in row or () if p.kind != "cache" else ():
                if fresh:
                    facts.setdefault(self.twins.get((name, n), (name, n)), set()).add((name, n))
        return facts

    def losses(self, before: Key, after: Key) -> list[tuple]:
        was, now = self.held(before), self.held(after)
        return [d for d, where in was.items() if d not in now and any(n not in self.s.places[p].disposable for p, n in where)]

    def source_fresh(self, key: Key, source: tuple | None) -> bool:
        return source is not None and self.twins.get(source, source) in self.held(key)

    def wake(self, before: Key, after: Key, place: str, actor: str, newer: bool) -> Key:
        if after.places == before.places and not newer:
            return after
        woken = {(s, place) for s in self.services if s != actor and (s, place) in self.sleepers}
        return after._replace(woken=after.woken | woken) if woken else after

    def find_sleepers(self) -> set:
        return {(s, h["trigger"][6:].strip()) for s in self.services for c in self.s.services[s].versions.values()
                for top in c for b in [top] + [i for _, i in top.ifs] for h in b.handlers.values()
                if h and h["trigger"].startswith("write ")}

    def payloads(self, f: Fields, key: Key, task: Task | None) -> list[tuple]:
        blank = task or Task((), 0, 0, None, frozenset(), frozenset(), frozenset())
        found = []
        for tags in itertools.product(*[item.tags or ("any",) for item in f.items]):
            fields = []
            for item, tag in zip(f.items, tags):
                value = ("any", False) if tag == "wrong" else (tag, True)
                if item.source:
                    value = self.source(item, key, blank)
                    value = (tag, value[1]) if value and item.tags else value
                if value:
                    fields.append((item.names[0], *value))
            found.append(tuple(sorted(fields)))
        return found

    def moment(self, h: Handler, key: Key, control: Control, task: Task) -> list[tuple[str, Key, Task, list[Harm], str]]:
        """Runs one moment: (outcome, key, task, harms, blame)."""
        known = (h.number, key, control.schema, task)
        if known not in self.memo:
            self.memo[known] = self.run_moment(h, key, control, task)
        return self.memo[known]

    def run_moment(self, h: Handler, key: Key, control: Control, task: Task) -> list[tuple[str, Key, Task, list[Harm], str]]:
        states = [("ok", key, task, [], "")]
        for verb, place, f in h.moments[task.at]:
            following = []
            for outcome, k, t, harms, blame in states:
                if outcome != "ok":
                    following.append((outcome, k, t, harms, blame))
                elif verb == "reads":
                    outcome, more, misread, blame = self.read(h, place, f, k, control)
                    data = {self.twins.get((place, n), (place, n)) for n in misread}
                    row = k.places[self.pi[place]] or ()
                    seen = {((place, n), (tag, fr)) for n, tag, fr in row} | {((place, "*"), None)}
                    t = t._replace(seen=t.seen | seen, misread=t.misread | data) if self.remembers(h, t.at) else t
                    following.append((outcome, k, t, harms + more, f"{place}.{blame}"))
                elif verb == "writes":
                    for k2, t2, more, blame in self.write(h, place, f, k, control, t):
                        following.append(("write-fails" if blame else "ok", k2, t2, harms + more, f"{place}.{blame}"))
                else:
                    i = self.qi[place]
                    for payload in self.payloads(f, k, t):
                        queue = k.queues[i] | {(payload, self.s.places[place].attempts, False)}
                        following.append(("ok", k._replace(queues=k.queues[:i] + (queue,) + k.queues[i + 1:]), t, harms, ""))
            states = following
        return states

    def remembers(self, h: Handler, at: int) -> bool:
        return len(h.moments) > 1 or len(h.moments[at]) > 1

    def set_replica(self, w: World, n: int, j: int, replica: tuple) -> World:
        fleet = w.replicas[n][:j] + (replica,) + w.replicas[n][j + 1:]
        stragglers = self.s.services[self.services[n]].stragglers
        if not self.named:
            cut = len(fleet) - stragglers
            fleet = tuple(sorted(fleet[:cut])) + tuple(sorted(fleet[cut:]))
        return w._replace(replicas=w.replicas[:n] + (fleet,) + w.replicas[n + 1:])
