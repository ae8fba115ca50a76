"""The rules of a Murphi model for the operator: the plan, abort, the rollback, another attempt."""
from __future__ import annotations

import re
from typing import Any

from murphi_moves import Moves
from murphi_world import BACK, ENDED, FORWARD, PLAIN, PRE, PROBE, Actor, Way, ident
from scenario import Refused, Step


class Steps(Moves):
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
            if a != place:
                raise Refused("backfill into another table")
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
