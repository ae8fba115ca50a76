"""Reads a scenario file into plain objects; refuses what the oracle does not know."""
from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import yaml


class Refused(Exception):
    pass


ON = ("on_missing_field", "on_unknown_field", "on_unknown_value")
ON_DEFAULT = {"on_missing_field": "reject", "on_unknown_field": "ignore", "on_unknown_value": "reject"}
OUTCOMES = {"ignore", "reject", "retry", "drop", "crash", "misread"}
VERBS = ("reads", "writes", "sends", "receives")
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}


def seconds(text: str) -> int:
    m = re.fullmatch(r"(\d+)([smhdw])", text)
    if not m:
        raise Refused(f"duration {text}")
    return int(m[1]) * UNITS[m[2]]


def known(what: str, given: dict[str, Any], keys: str) -> None:
    for key in given:
        if key not in keys.split():
            raise Refused(f"{what}: {key}")


@dataclass(frozen=True)
class Item:
    """One field of a verb: the alternatives of a read, or the one name that is written."""
    names: tuple[str, ...]
    optional: bool = False
    tags: tuple[str, ...] | None = None
    source: tuple[str, str] | None = None


@dataclass(frozen=True)
class Fields:
    items: tuple[Item, ...]
    on: tuple[tuple[str, str], ...] = ()


@dataclass
class Place:
    name: str
    kind: str
    columns: list[str] = field(default_factory=list)
    not_null: set[str] = field(default_factory=set)
    disposable: set[str] = field(default_factory=set)
    same_as: dict[str, tuple[str, str]] = field(default_factory=dict)
    key: str | None = None
    migrations: dict[str, tuple[str, Any]] = field(default_factory=dict)
    starts: dict[str, list[str]] | None = None
    ttl: int | None = None
    of: str | None = None
    on_write: str = "leave"
    fresh_required: bool = False
    attempts: int | None = None
    then: str = "dead-letter"
    ack: str = "when done"
    retention: int | None = None


@dataclass
class Body:
    verbs: dict[tuple[str, str], Fields | None] = field(default_factory=dict)
    handlers: dict[str, dict[str, Any] | None] = field(default_factory=dict)
    on: dict[str, str] = field(default_factory=dict)
    keeps_unknown: bool | None = None
    starts_if: str | None = None
    ifs: list[tuple[str, "Body"]] = field(default_factory=list)


@dataclass
class Service:
    name: str
    versions: dict[str, list[Body]]
    replicas: int = 3
    stragglers: int = 0
    straggler_at: str | None = None


@dataclass
class Client:
    name: str
    chain: list[Body]
    falls: tuple[str, int] | None = None


@dataclass
class Value:
    name: str
    values: list[str]
    within: bool = False
    irreversible: bool = False
    flag: bool = True


@dataclass
class Step:
    verb: str
    args: tuple
    id: str
    when: list[str] = field(default_factory=list)
    undo: Any = None
    floor: bool = False
    once: bool = False
    overwrite: bool = False
    verify: str | None = None
    staged: bool = True
    stays: int | None = None
    stragglers: bool = False


@dataclass
class Plan:
    name: str | None
    steps: list[Step]
    rollback: Any
    rollforward: list[Step] | None
    promise: str


@dataclass
class Scenario:
    places: dict[str, Place]
    apis: dict[str, dict[str, Any]]
    services: dict[str, Service]
    clients: dict[str, Client]
    values: dict[str, Value]
    plans: list[Plan]
    faults: bool
    waits_at_most: int
    may_not: set[str]
    repairs: bool


def as_tags(text: Any) -> tuple[str, ...]:
    if not isinstance(text, str):
        raise Refused(f"tags {text}")
    tags = tuple(t.strip() for t in text.split("|"))
    if set(tags) & {"fresh", "stale", "absent"}:
        raise Refused(f"reserved tag in {text}")
    return tags


def parse_item(raw: Any) -> Item:
    tags = None
    if isinstance(raw, dict):
        if len(raw) != 1:
            raise Refused(f"field {raw}")
        (raw, tag_text), = raw.items()
        tags = as_tags(tag_text)
    m = re.fullmatch(r"(.+?)(?:\s+from\s+(\S+)\.([^.\s]+))?", raw)
    names, optional = [], False
    for part in re.split(r"\s+or\s+", m[1].strip()):
        if part.startswith('"') or part == "nothing":
            optional = True
        elif optional or not re.fullmatch(r"[\w./-]+", part):
            raise Refused(f"field {raw}")
        else:
            names.append(part)
    return Item(tuple(names), optional, tags, (m[2], m[3]) if m[2] else None)


def parse_on(raw: dict[str, Any]) -> dict[str, str]:
    on = {k: raw[k] for k in ON if k in raw}
    for value in on.values():
        if value not in OUTCOMES:
            raise Refused(f"outcome {value}")
    return on


def parse_fields(raw: Any) -> Fields | None:
    if raw == "none":
        return None
    if isinstance(raw, dict):
        known("fields", raw, "fields " + " ".join(ON))
        return Fields(tuple(map(parse_item, raw["fields"])), tuple(sorted(parse_on(raw).items())))
    return Fields(tuple(map(parse_item, raw)))


def parse_handler(raw: Any) -> dict[str, Any] | None:
    if raw == "none":
        return None
    known("handler", raw, "trigger when same_transaction " + " ".join(VERBS + ON))
    trigger = raw.get("trigger", "")
    if trigger and not re.match(r"start$|every |at |write ", trigger):
        raise Refused(f"trigger {trigger}")
    verbs = {(v, p): parse_fields(f) for v in VERBS for p, f in raw.get(v, {}).items()}
    return {"trigger": trigger, "when": facts(raw.get("when", [])), "verbs": verbs, "on": parse_on(raw),
            "atomic": raw.get("same_transaction") == "true"}


IGNORED_IN_BODY = "ready_in latency artifact"


def parse_body(raw: dict[str, Any], extra: str = "") -> Body:
    body = Body()
    for key, value in raw.items():
        if key in VERBS:
            for place, f in value.items():
                body.verbs[key, place] = parse_fields(f)
        elif key == "handlers":
            body.handlers = {n: parse_handler(h) for n, h in value.items()}
        elif key in ON:
            body.on.update(parse_on({key: value}))
        elif key == "keeps_unknown":
            body.keeps_unknown = value == "true"
        elif key == "starts_if":
            body.starts_if = value
        elif key.startswith("if "):
            body.ifs.append((key[3:].strip(), parse_body(value)))
        elif key not in (IGNORED_IN_BODY + " extends " + extra).split():
            raise Refused(f"version: {key}")
    return body


def facts(raw: Any) -> list[str]:
    parts = raw if isinstance(raw, list) else [raw]
    return [f.strip() for part in parts for f in part.split(" and ")]


def overlay(below: Body, above: Body) -> Body:
    verbs = {**below.verbs, **above.verbs}
    return Body(verbs, {**below.handlers, **above.handlers}, {**below.on, **above.on},
                above.keeps_unknown if above.keeps_unknown is not None else below.keeps_unknown,
                above.starts_if or below.starts_if)


def resolve(chain: list[Body], holds: Any) -> Body:
    result = Body()
    for body in chain:
        result = overlay(result, body)
    for body in chain:
        for cond, inner in body.ifs:
            if holds(cond):
                if inner.ifs:
                    raise Refused("if inside if")
                result = overlay(result, inner)
    return result


def parse_columns(place: Place, raw: dict[str, Any]) -> None:
    for name, spec in raw.items():
        place.columns.append(name)
        if isinstance(spec, dict):
            known("column", spec, "values not_null same_as disposable")
            if spec.get("not_null") == "true":
                place.not_null.add(name)
            if spec.get("disposable") == "true":
                place.disposable.add(name)
            if "same_as" in spec:
                p, _, f = spec["same_as"].rpartition(".")
                place.same_as[name] = (p or place.name, f)
        elif spec == "not_null":
            place.not_null.add(name)


def parse_starts(raw: dict[str, str] | None) -> dict[str, list[str]] | None:
    return None if raw is None else {f: [t.strip() for t in v.split("|")] for f, v in raw.items()}


def parse_places(top: dict[str, Any]) -> dict[str, Place]:
    places: dict[str, Place] = {}
    for name, raw in top.get("tables", {}).items():
        known("table", raw, "columns key rows migrations starts")
        place = Place(name, "table", starts=parse_starts(raw.get("starts")))
        parse_columns(place, raw.get("columns", {}))
        place.key = raw.get("key", next(iter(place.columns), None))
        for m, spec in raw.get("migrations", {}).items():
            (kind, what), = spec.items()
            if kind not in ("add_column", "drop_column", "rename_column", "alter_column"):
                raise Refused(f"migration {kind}")
            place.migrations[m] = (kind, next(iter(what.items())) if isinstance(what, dict) else what)
        places[name] = place
    kinds = {"documents": ("document", "fields starts"),
             "caches": ("cache", "fields of ttl on_write fresh"),
             "queues": ("queue", "fields in_flight delivery order ack attempts backoff then retention to")}
    for section, (kind, keys) in kinds.items():
        for name, raw in top.get(section, {}).items():
            known(kind, raw, keys)
            place = Place(name, kind, starts=parse_starts(raw.get("starts")))
            parse_columns(place, raw.get("fields", {}))
            place.ttl = seconds(raw["ttl"]) if "ttl" in raw else None
            place.of, place.on_write = raw.get("of"), raw.get("on_write", "leave")
            place.fresh_required = raw.get("fresh") == "required"
            if raw.get("order", "any") != "any" or raw.get("delivery", "at-least-once") != "at-least-once":
                raise Refused("order or delivery of a queue")
            if kind == "queue" and (place.same_as or "to" in raw):
                raise Refused("queue with same_as or to")
            attempts = raw.get("attempts", "unbounded")
            place.attempts = None if attempts == "unbounded" else min(int(attempts), 5)
            place.then, place.ack = raw.get("then", "dead-letter"), raw.get("ack", "when done")
            place.retention = seconds(raw["retention"]) if "retention" in raw else None
            places[name] = place
    return places


def parse_services(top: dict[str, Any]) -> dict[str, Service]:
    raw_versions = {}
    for name, raw in top.get("services", {}).items():
        if "versions" in raw:
            known("service", raw, "replicas stragglers sessions owner versions")
            raw_versions[name] = raw["versions"]
        else:
            raw_versions[name] = {"": {k: v for k, v in raw.items() if k not in ("replicas", "stragglers", "sessions", "owner")}}

    def chain(svc: str, ver: str, seen: tuple = ()) -> list[Body]:
        if (svc, ver) in seen or ver not in raw_versions.get(svc, {}):
            raise Refused(f"extends {svc} {ver}")
        raw = raw_versions[svc][ver]
        below: list[Body] = []
        if "extends" in raw:
            words = raw["extends"].split()
            below = chain(words[0] if len(words) == 2 else svc, words[-1], seen + ((svc, ver),))
        return below + [parse_body(raw)]

    services = {}
    for name, raw in top.get("services", {}).items():
        service = Service(name, {v: chain(name, v) for v in raw_versions[name]}, int(raw.get("replicas", 3)))
        if "stragglers" in raw:
            n, _, at = raw["stragglers"].split()
            service.stragglers, service.straggler_at = int(n), at
        services[name] = service
    return services


def parse_clients(top: dict[str, Any]) -> dict[str, Client]:
    clients = {}
    for name, raw in top.get("clients", {}).items():
        if set(raw) & {"loaded_from", "lives", "versions", "extends"}:
            raise Refused("client that is loaded")
        client = Client(name, [parse_body(raw, "traffic")])
        m = re.fullmatch(r"\S+ falling to (\S+) in (\S+)", raw.get("traffic", "rest"))
        if m:
            client.falls = (m[1], seconds(m[2]))
        clients[name] = client
    return clients


def parse_values(top: dict[str, Any]) -> dict[str, Value]:
    values = {}
    for name, raw in top.get("flags", {}).items():
        spec = raw if isinstance(raw, dict) else {"starts": raw}
        known("flag", spec, "starts observed irreversible")
        start = spec.get("starts", "off")
        if start == "on" and spec.get("irreversible") == "true":
            raise Refused("an irreversible flag that starts on")
        values[name] = Value(name, [start, "on" if start == "off" else "off"])
    for name, raw in top.get("config", {}).items():
        known("config", raw, "values observed irreversible")
        values[name] = Value(name, raw["values"], flag=False)
    for section in ("flags", "config"):
        for name, raw in top.get(section, {}).items():
            if isinstance(raw, dict):
                observed = raw.get("observed", "at once")
                if observed != "at once" and not observed.startswith("within "):
                    raise Refused(f"observed {observed}")
                values[name].within = observed != "at once"
                values[name].irreversible = raw.get("irreversible") == "true"
    return values


STEP_VERBS = "migrate deploy flag set backfill wait drain flush requeue restart pause"
MODIFIERS = "id when needs undo floor gate verify once canary bake stragglers overwrite rate like ready_in"


def parse_backfill(text: str) -> tuple:
    m = re.fullmatch(r"(\S+)\.([^.\s]+)\s+(\S+)\s+->\s+(\S+)", text)
    if m:
        return (m[1], m[2], "retag", m[3], m[4])
    m = re.fullmatch(r'(\S+)\.([^.\s]+)\s+from\s+(.+)', text)
    if not m:
        raise Refused(f"backfill {text}")
    if m[3].startswith('"'):
        return (m[1], m[2], "literal", m[3].strip('"'), None)
    p, _, f = m[3].rpartition(".")
    return (m[1], m[2], "copy", p or m[1], f)


def parse_step(raw: dict[str, Any], defaults: dict[str, Any]) -> Step:
    known("step", raw, STEP_VERBS + " " + MODIFIERS)
    verbs = [v for v in STEP_VERBS.split() if v in raw]
    if len(verbs) != 1:
        raise Refused(f"step {raw}")
    verb, text = verbs[0], raw[verbs[0]]
    ident = f"{verb} {text}"
    if verb == "migrate":
        words = text.split()
        args: tuple = (*words[0].split("."), len(words) == 2)
    elif verb == "backfill":
        args = parse_backfill(text)
        ident = f"backfill {args[0]}.{args[1]}"
    elif verb == "wait":
        args = ("until", facts(text[6:])) if text.startswith("until ") else ("for", seconds(text))
    else:
        args = tuple(text.split()) if verb != "pause" else ()
    step = Step(verb, args, raw.get("id", ident))
    step.when = facts(raw["when"]) if "when" in raw else []
    if "undo" in raw:
        step.undo = "none" if raw["undo"] == "none" else [parse_step(s, {}) for s in raw["undo"]]
    step.floor, step.once, step.overwrite = (raw.get(k) == "true" for k in ("floor", "once", "overwrite"))
    step.verify, step.stragglers = raw.get("verify"), raw.get("stragglers") == "included"
    canary = raw.get("canary", defaults.get("canary", ["1 replica", "100%"]) if verb == "deploy" else "none")
    step.staged = canary != "none" and len(canary) > 1
    if canary != "none" and canary[-1] != "100%":
        if canary != ["1 replica"]:
            raise Refused(f"canary {canary}")
        step.stays = 1
    if verb in ("set", "restart") and "canary" in raw:
        raise Refused(f"canary of {verb}")
    if seconds(raw.get("bake", defaults.get("bake", "0m"))) > 3600:
        raise Refused("a long bake")
    return step


def parse_steps(raw: list, defaults: dict[str, Any]) -> list[Step]:
    steps = [parse_step(s, defaults) for s in raw]
    seen: dict[str, int] = {}
    for step in steps:
        seen[step.id] = seen.get(step.id, 0) + 1
        if seen[step.id] > 1:
            step.id = f"{step.id} #{seen[step.id]}"
    return steps


def parse_plan(name: str | None, raw_steps: list, level: dict, top: dict) -> Plan:
    defaults = top.get("defaults", {})
    get = lambda k, d: level.get(k, top.get(k, d))
    rollback = get("rollback", "inverse")
    if isinstance(rollback, dict):
        raise Refused("rollback to")
    if isinstance(rollback, list):
        rollback = parse_steps(rollback, {"canary": "none"})
    forward = get("rollforward", None)
    promise = get("expect", {}).get("rollback_safe_until", "end")
    likes = parse_steps(forward, {"canary": "none"}) if forward else None
    return Plan(name, parse_steps(raw_steps, defaults), rollback, likes, promise)


TOP = """turnback name tables documents queues caches apis services clients flags config plan plans rollback
rollforward expect gates metrics defaults operator repairs faults"""


def load(path: str) -> Scenario:
    with open(path, encoding="utf-8") as handle:
        top = yaml.load(handle, Loader=yaml.BaseLoader)
    known("top", top, TOP)
    operator = top.get("operator", {})
    known("operator", operator, "may_not takes waits_at_most")
    plans = []
    if "plans" in top:
        for name, level in top["plans"].items():
            known("plan", level, "steps rollback rollforward expect")
            plans.append(parse_plan(name, level["steps"], level, top))
    else:
        plans.append(parse_plan(None, top.get("plan", []), {}, top))
    for api in top.get("apis", {}).values():
        known("api", api, "between to")
    services = parse_services(top)
    add_likes(top, services)
    return Scenario(parse_places(top), top.get("apis", {}), services, parse_clients(top), parse_values(top),
                    plans, top.get("faults", "on") == "on", seconds(operator.get("waits_at_most", "1h")),
                    set(operator.get("may_not", [])), "repairs" in top)


def add_likes(top: dict[str, Any], services: dict[str, Service]) -> None:
    lists = [top.get("plan", []), top.get("rollforward", []), top.get("rollback", [])]
    for plan in top.get("plans", {}).values():
        lists += [plan.get("steps", []), plan.get("rollforward", []), plan.get("rollback", [])]
    for steps in lists:
        for raw in steps if isinstance(steps, list) else []:
            if "like" in raw:
                svc, ver = raw["deploy"].split()
                services[svc].versions[ver] = services[svc].versions[raw["like"]]
