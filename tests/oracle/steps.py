"""What the operator's steps do (R9, R11), and which list of them a rollback is."""
from __future__ import annotations

from typing import Any, Callable

from scenario import Refused, Step
from world import Context, Harm, Key, Model, World

DONE = "done"
Result = tuple[str, World, list[Harm], bool]
NARROWING = ("drop_column", "rename_column")


class Steps:
    def __init__(self, model: Model, stable: Callable[[Any, World, Context], bool]):
        self.m, self.s, self.stable = model, model.s, stable

    def run(self, step: Step, w: World, begun: bool, forward: bool) -> list[Result]:
        """The operator's next sub-steps: (on or done, world, harms, whether it can be relied upon)."""
        if step.once and step.id in w.control.once:
            return [(DONE, w, [], True)]
        results = getattr(self, step.verb)(step, w, begun, forward)
        if not step.once:
            return results
        return [(sub, self.control(v, once=v.control.once | {step.id}) if sub == DONE else v, h, ok) for sub, v, h, ok in results]

    def context(self, step: Step | None, begun: bool, w: World) -> Context:
        if step is None or not begun:
            return Context()
        if step.verb == "backfill":
            return Context(backfill=(*step.args, step.overwrite))
        return Context(limit=self.lasts(step, w), waits=True) if step.verb == "wait" else Context()

    def control(self, w: World, **changes: Any) -> World:
        return w._replace(control=w.control._replace(**changes))

    def each_key(self, w: World, change: Callable[[Key], Key]) -> World:
        return w._replace(keys=tuple(map(change, w.keys)))

    def deploy(self, step: Step, w: World, begun: bool, forward: bool) -> list[Result]:
        svc, ver = step.args
        n = self.m.services.index(svc)
        fleet = w.replicas[n]
        movable = range(len(fleet) - (0 if step.stragglers else self.s.services[svc].stragglers))
        moved = [j for j in movable if fleet[j][0] == ver]
        todo = [j for j in movable if fleet[j][0] != ver]
        if step.stays is not None and len(moved) >= step.stays:
            todo = []
        if not all(fleet[j][1] for j in moved):
            return []
        if not todo:
            return [(DONE, w, [], True)]
        results = []
        boots = self.m.boots[svc]
        left = len(todo) - 1 if step.stays is None else step.stays - len(moved) - 1
        for j in todo:
            for views in self.first_views(w):
                base = self.m.set_replica(w, n, j, (ver, not boots, views))
                for v, harms in self.stop_work(base, (svc, fleet[j][0]), any(r[0] == fleet[j][0] for r in base.replicas[n])):
                    results.append((DONE if not left and not boots else "on", v, harms, True))
        return results

    def first_views(self, w: World) -> list[tuple]:
        truth = tuple(w.control.truth[self.m.vi[v]] for v in self.m.within)
        return sorted({truth, *self.m.views(w)})

    def stop_work(self, w: World, actor: tuple, others: bool) -> list[tuple[World, list[Harm]]]:
        results = [(w, [])] if others else []
        harms: list[Harm] = []
        keys = []
        for key in w.keys:
            gone = {t for t in key.work if t.group[0] == actor}
            for t in gone:
                h = self.m.handlers[t.handler]
                if h.kind == "message" and self.s.places[h.target].ack == "on receive":
                    harms.append(("loss", "accepted work", h.target))
            keys.append(key._replace(work=key.work - gone))
        if tuple(keys) != w.keys or not others:
            results.append((w._replace(keys=tuple(keys)), harms))
        return results

    def flag(self, step: Step, w: World, begun: bool, forward: bool) -> list[Result]:
        name, value = step.args
        spec, i = self.s.values[name], self.m.vi[name]
        if w.control.truth[i] != value:
            if spec.irreversible and spec.values.index(value) < spec.values.index(w.control.truth[i]):
                return [(DONE, w, [], True)]
            w = self.control(w, truth=w.control.truth[:i] + (value,) + w.control.truth[i + 1:])
            return [("on" if spec.within else DONE, w, [], True)]
        if spec.within:
            x = self.m.within.index(name)
            if any(views[x] != value for views in self.m.views(w)):
                return [] if begun else [("on", w, [], True)]
        return [(DONE, w, [], True)]

    set = flag

    def migrate(self, step: Step, w: World, begun: bool, forward: bool) -> list[Result]:
        table, name, undo = step.args
        kind, what = self.s.places[table].migrations[name]
        t = self.m.ti[table]
        columns, not_null = map(set, w.control.schema[t])
        if kind == "alter_column":
            column, want = what[0], (what[1] == "not_null") != undo
            if column not in columns or (column in not_null) == want:
                return [(DONE, w, [], True)] if column in columns or undo else []
            if want:
                lacks = ("lacks", table, column)
                if not self.holds(lacks, w):
                    return []
                sure = self.stable(lacks, w, Context())
                return [(DONE, self.schema(w, t, columns, not_null | {column}), [], sure)]
            return [(DONE, self.schema(w, t, columns, not_null - {column}), [], True)]
        if kind == "rename_column":
            a, b = what[::-1] if undo else what
            if a not in columns:
                return [(DONE, w, [], True)] if b in columns or undo else []
            renamed = self.each_key(w, lambda k: self.rename(k, table, a, b))
            swap = lambda names: {b if n == a else n for n in names}
            return [(DONE, self.schema(renamed, t, swap(columns), swap(not_null)), [], True)]
        if (kind == "add_column") != undo:
            if what in columns:
                return [(DONE, w, [], True)]
            return [(DONE, self.schema(w, t, columns | {what}, not_null), [], True)]
        if what not in columns:
            return [(DONE, w, [], True)]
        dropped = self.each_key(w, lambda k: self.rename(k, table, what, None))
        harms = [("loss", "the data", ".".join(d)) for a, b in zip(w.keys, dropped.keys) for d in self.m.losses(a, b)]
        return [(DONE, self.schema(dropped, t, columns - {what}, not_null - {what}), harms, True)]

    def schema(self, w: World, t: int, columns: set, not_null: set) -> World:
        schema = w.control.schema
        return self.control(w, schema=schema[:t] + ((tuple(sorted(columns)), tuple(sorted(not_null))),) + schema[t + 1:])

    def rename(self, key: Key, table: str, a: str, b: str | None) -> Key:
        i = self.m.pi[table]
        row = key.places[i]
        if row is None:
            return key
        row = tuple(sorted((b if n == a else n, t, fr) for n, t, fr in row if n != a or b))
        return key._replace(places=key.places[:i] + (row,) + key.places[i + 1:])

    def holds(self, what: Any, w: World) -> bool:
        if what[0] == "lacks":
            rows = [k.places[self.m.pi[what[1]]] for k in w.keys]
            return all(row is None or any(n == what[2] for n, _, _ in row) for row in rows)
        if what[0] == "facts":
            return all(self.m.fact(f, w, w.keys) for f in what[1])
        return all(self.verified(what[1], what[2], k) for k in w.keys)

    def verified(self, text: str, place: str, key: Key) -> bool:
        inner, _, rest = text.partition("(")[2].partition(")")
        if rest.split() not in (["==", "0"], ["is", "0"]):
            raise Refused(f"verify {text}")
        row = key.places[self.m.pi[place]]
        if row is None:
            return True
        values = {n: (t, fr) for n, t, fr in row}
        words = inner.split()
        a = values.get(words[0])
        if words[1:4] == ["is", "distinct", "from"]:
            b = values.get(words[4])
            return a is None and b is None or a is not None and b is not None and a[1] == b[1] and a[0] == b[0]
        if words[1] != "is" or len(words) != 3:
            raise Refused(f"verify {text}")
        return a is not None if words[2] == "absent" else a is None or a[0] != words[2]

    def backfill(self, step: Step, w: World, begun: bool, forward: bool) -> list[Result]:
        place, f, kind, a, b = step.args
        named = [(place, f)] + ([(a, b)] if kind == "copy" else [])
        for p, column in named:
            if p in self.m.ti and column not in w.control.schema[self.m.ti[p]][0]:
                return []
        if not begun:
            return [("on", self.each_key(w, lambda k: k._replace(passed=0)), [], True)]
        if not all(k.passed for k in w.keys):
            return []
        if step.verify:
            what = ("verify", step.verify, place)
            if not self.holds(what, w):
                return [("on", self.each_key(w, lambda k: k._replace(passed=0)), [], True)]
            sure = self.stable(what, w, Context())
        else:
            sure = True
        return [(DONE, self.each_key(w, lambda k: k._replace(passed=0)), [], sure)]

    def lasts(self, step: Step, w: World) -> int:
        """How long a wait is still going to be."""
        if step.args[0] == "for":
            return step.args[1]
        words = {word for fact in step.args[1] for word in fact.split()} - w.control.gone
        return max([c.falls[1] for name, c in self.s.clients.items() if name in words and c.falls], default=0)

    def wait(self, step: Step, w: World, begun: bool, forward: bool) -> list[Result]:
        length = self.lasts(step, w)
        if not begun:
            return [("on", self.each_key(w, lambda k: self.aged(k, length)), [], True)]
        if any(k.old or any(mark for q in k.queues for _, _, mark in q) for k in w.keys):
            return []
        if any(c.falls and c.falls[1] <= length and name not in w.control.gone for name, c in self.s.clients.items()):
            return []
        facts = tuple(step.args[1]) if step.args[0] == "until" else ()
        return [(DONE, w, [], self.sure(facts, w))] if self.holds(("facts", facts), w) else []

    def aged(self, key: Key, length: int) -> Key:
        """Marks what cannot outlive a wait of that length."""
        places = self.s.places
        old = {p for p in self.m.place_names if places[p].ttl is not None and places[p].ttl <= length and key.places[self.m.pi[p]] is not None}
        for n, name in enumerate(self.m.queue_names):
            if places[name].retention is not None and places[name].retention <= length:
                key = self.queue(key, n, {(p, a, True) for p, a, _ in key.queues[n]})
        return key._replace(old=frozenset(old))

    def sure(self, facts: tuple, w: World) -> bool:
        about = tuple(f for f in facts if self.m.about_keys(f))
        return not about or self.stable(("facts", about), w, Context())

    def drain(self, step: Step, w: World, begun: bool, forward: bool) -> list[Result]:
        n = self.m.qi[step.args[0]]
        if not begun:
            return [("on", self.each_key(w, lambda k: self.queue(k, n, {(p, a, True) for p, a, _ in k.queues[n]})), [], True)]
        return [] if any(mark for k in w.keys for _, _, mark in k.queues[n]) else [(DONE, w, [], True)]

    def queue(self, key: Key, n: int, messages: set) -> Key:
        return key._replace(queues=key.queues[:n] + (frozenset(messages),) + key.queues[n + 1:])

    def flush(self, step: Step, w: World, begun: bool, forward: bool) -> list[Result]:
        return [(DONE, self.each_key(w, lambda k: self.m.put(k, step.args[0], None)), [], True)]

    def requeue(self, step: Step, w: World, begun: bool, forward: bool) -> list[Result]:
        n, attempts = self.m.qi[step.args[0]], self.s.places[step.args[0]].attempts

        def back(k: Key) -> Key:
            k2 = self.queue(k, n, k.queues[n] | {(p, attempts, False) for p in k.dead[n]})
            return k2._replace(dead=k.dead[:n] + (frozenset(),) + k.dead[n + 1:])
        return [(DONE, self.each_key(w, back), [], True)]

    def pause(self, step: Step, w: World, begun: bool, forward: bool) -> list[Result]:
        return [(DONE, w, [], True)]

    def restart(self, step: Step, w: World, begun: bool, forward: bool) -> list[Result]:
        if self.m.boots[step.args[0]]:
            raise Refused("restart of a service with starts")
        if not begun:
            return [("on", w, [], True)]
        return [(DONE, w, [], True)]

    # the rollback

    def calm(self, w: World) -> World:
        """The marks of a step that was aborted."""
        def change(k: Key) -> Key:
            queues = tuple(frozenset((p, a, False) for p, a, _ in q) for q in k.queues)
            return k._replace(queues=queues, old=frozenset(), passed=0)
        return self.each_key(w, change)

    def config(self, upto: int) -> tuple[dict[str, str], dict[str, str], list]:
        """Versions, values and schema after so many steps."""
        versions = {s: next(iter(self.s.services[s].versions)) for s in self.m.services}
        values = {v: self.s.values[v].values[0] for v in self.m.values}
        w = self.m.start_worlds[0]
        w = w._replace(keys=())
        for step in self.m.plan.steps[:upto]:
            if step.verb == "deploy":
                versions[step.args[0]] = step.args[1]
            elif step.verb in ("flag", "set"):
                values[step.args[0]] = step.args[1]
            elif step.verb == "migrate":
                w = next((r[1] for r in self.run(step, w, False, True)), w)
        return versions, values, list(w.control.schema)

    def floor(self, step: int, at: str) -> int:
        last = step if at in ("done", "start") else step - 1
        return max([i + 1 for i, s in enumerate(self.m.plan.steps[:last]) if s.floor], default=0)

    def undo(self, index: int, everything: bool) -> list[Step]:
        step = self.m.plan.steps[index]
        if step.undo == "none":
            return []
        ops = list(step.undo or [])
        versions, values, _ = self.config(index)
        if step.verb == "deploy":
            ops.append(Step("deploy", (step.args[0], versions[step.args[0]]), step.id, stragglers=step.stragglers))
        elif step.verb in ("flag", "set"):
            ops.append(Step("flag", (step.args[0], values[step.args[0]]), step.id))
        elif step.verb == "migrate" and not step.args[2]:
            kind, what = self.s.places[step.args[0]].migrations[step.args[1]]
            if everything or kind in NARROWING or kind == "alter_column" and what[1] == "not_null":
                ops.append(Step("migrate", (*step.args[:2], True), step.id))
        return ops

    def rollback(self, step: int, at: str) -> list[Step]:
        rule, floor = self.m.plan.rollback, self.floor(step, at)
        steps = self.m.plan.steps
        if isinstance(rule, list):
            return [self.capped(s, floor) for s in rule]
        if rule == "code-only":
            return [op for i in reversed(range(floor, step)) if steps[i].verb == "deploy" for op in self.undo(i, False)[-1:]]
        if rule not in ("inverse", "undo-everything"):
            raise Refused(f"rollback {rule}")
        ops: list[Step] = []
        again: list[Step] = []
        for i in reversed(range(floor, step)):
            if steps[i].verb in ("wait", "drain", "restart") and steps[i].undo is None:
                again = [steps[i]] * (steps[i].args[0] != "until") + again
            else:
                ops += self.undo(i, rule == "undo-everything") + again
                again = []
        return ops + again

    def capped(self, step: Step, floor: int) -> Step:
        if not floor:
            return step
        if step.verb not in ("deploy", "flag", "set"):
            raise Refused(f"{step.verb} in a list past a floor")
        versions, values, _ = self.config(floor)
        if step.verb == "deploy":
            order = list(self.s.services[step.args[0]].versions)
            if order.index(versions[step.args[0]]) > order.index(step.args[1]):
                return Step("deploy", (step.args[0], versions[step.args[0]]), step.id)
        else:
            order = self.s.values[step.args[0]].values
            if order.index(values[step.args[0]]) > order.index(step.args[1]):
                return Step("flag", (step.args[0], values[step.args[0]]), step.id)
        return step

    def at_home(self, w: World, floor: int) -> bool:
        versions, values, schema = self.config(floor)
        for name, fleet in zip(self.m.services, w.replicas):
            service = self.s.services[name]
            movable = fleet[:len(fleet) - service.stragglers]
            if any(r[0] != versions[name] for r in movable):
                return False
        for (columns, not_null), (home, required) in zip(w.control.schema, schema):
            if not set(home) <= set(columns) or not set(not_null) <= set(required):
                return False
        return all(w.control.truth[self.m.vi[v]] == value for v, value in values.items())
