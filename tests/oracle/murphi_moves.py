"""The rules of a Murphi model for the environment: users, timers, starts, caches, calls, queues."""
from __future__ import annotations

import itertools
from typing import Any, Iterable

from murphi_world import BOOT, ENDED, FORWARD, PLAIN, PROBE, Variant, World, ident
from scenario import Fields, Place, Refused, Step


class Moves(World):
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
        if not h["atomic"] and len({p for _, p in verbs}) > 1:
            return self.two_moments(v, verbs, declared, lines, writes, data)
        if not writes:
            return [("", self.proc(declared, lines))]
        return self.writing(v, *writes[0], declared, lines, read)

    def two_moments(self, v: Variant, verbs: dict, declared: list[str], lines: list[str], writes: list, data: list) -> list[tuple[str, str]]:
        """First it reads and remembers, later it writes; a crash in between forgets it."""
        if len(verbs) != 2 or len(writes) != 1 or v.seen or v.actor.client:
            raise Refused("a handler of several moments")
        (place, fields), = writes
        read = {p for verb, p in verbs if verb == "reads"}
        self.progress += 1
        name = f"work_{self.progress}"
        self.key(name, 1)
        flags = {self.bad(d): f"{name}_{self.bad(d)}" for d in data}
        sources = [i.source for i in fields.items if i.source]
        for flag in flags.values():
            self.key(flag, 1)
        for i, source in enumerate(sources):
            if source not in self.datum:
                raise Refused("a copy of what was not read")
            self.key(f"{name}_{i}", 2 * len(self.tags[source]))
            self.outdated.setdefault(self.datum[source], []).append(f"{name}_{i}")
        keep = [f"{name} := 1;"] + [f"if {a} then {b} := 1; end;" for a, b in flags.items()]
        keep += [f"{name}_{i} := {self.col(*source)};" for i, source in enumerate(sources)]
        clear = [f"{name} := 0;"] + [f"{b} := 0;" for b in flags.values()] + [f"{name}_{i} := 0;" for i in range(len(sources))]
        remember = [f"{a} := {b} = 1;" for a, b in flags.items()]
        ways = self.writing(v, place, fields, declared, remember, read, [f"{name}_{i}" for i in range(len(sources))])
        for label, call in ways:
            self.rule(f"{v.who} goes on {label}", f"mode != {BOOT} & {name} = 1 & {self.some(v)}", [call] + clear)
        crash = "users() | " if self.s.faults else ""
        self.rule(f"{v.who} forgets", f"mode != {BOOT} & {name} = 1 & ({crash}!({self.some(v)}))", clear)
        return [("", self.proc(declared, [f"if {name} = 1 then return; end;"] + lines + keep))]

    def writing(self, v: Variant, place: str, fields: Fields, above: list[str] = [], first: list[str] = [],
                read: Iterable[str] = (), kept_from: list[str] | None = None) -> list[tuple[str, str]]:
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
            taken = [f"from_{i} := {kept_from[i] if kept_from else self.col(*item.source)};" for i, item in enumerate(copied.values())]
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
            for d in sorted(data):
                self.outdated.setdefault(d, [])
                call = f"{ident('outdate', *d)}();"
                change.append(f"if !{self.bad(d)} then {call} end;" if above and self.bad(d) in " ".join(above) else call)
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
