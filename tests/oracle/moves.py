"""The moves of the environment in one world, fair and possible (1.3), with the harm that they do."""
from __future__ import annotations

from typing import Any, Iterator

from scenario import ON_DEFAULT, Refused
from world import Context, Handler, Harm, Key, Model, Task, World

Move = tuple[World, bool]


class Moves:
    """All moves of one world: `found` is a list of (world, fair); `harms` a set."""

    def __init__(self, model: Model, w: World, context: Context):
        self.m, self.s, self.w, self.context = model, model.s, w, context
        self.found: dict[World, bool] = {}
        self.harms: set[Harm] = set()
        self.groups = model.groups(w)
        self.actors = {actor for actor, _ in self.groups}
        self.users_and_messages()
        self.calls()
        self.clocks()
        self.replicas()
        if context.backfill is not None:
            self.scan()

    def add(self, w: World, fair: bool, harms: list[Harm] = []) -> None:
        self.harms.update(harms)
        if any(h[0] == "loss" and h not in self.m.pre for h in harms):
            w = w._replace(lost=True)
        if w != self.w:
            self.found[w] = self.found.get(w, False) or fair

    def with_key(self, i: int, key: Key, base: World | None = None) -> World:
        base = base or self.w
        keys = base.keys[:i] + (key,) + base.keys[i + 1:]
        return base._replace(keys=keys if self.m.named else tuple(sorted(keys, key=repr)) if len(keys) > 1 else keys)

    # handlers

    def users_and_messages(self) -> None:
        for group in self.groups:
            for h in self.m.compile(*group):
                for i, key in enumerate(self.w.keys):
                    if h.when and not all(self.m.fact(f, self.w, [key]) for f in h.when):
                        continue
                    if h.kind in ("user", "timer"):
                        self.begin(i, key, group, h, None, h.kind == "timer")
                    elif h.kind == "trigger" and (group[0][0], h.target) in key.woken:
                        self.begin(i, key._replace(woken=key.woken - {(group[0][0], h.target)}), group, h, None, True)
                    elif h.kind == "message":
                        for message in sorted(key.queues[self.m.qi[h.target]], key=repr):
                            self.deliver(i, key, group, h, message)
        for i, key in enumerate(self.w.keys):
            for task in key.work:
                if task.group[0] in self.actors:
                    self.go_on(i, key._replace(work=key.work - {task}), task, True)
                    if self.s.faults:
                        self.add(self.with_key(i, key._replace(work=key.work - {task})), False, self.forgotten(task))
            for sleeper in key.woken if self.s.faults else ():
                self.add(self.with_key(i, key._replace(woken=key.woken - {sleeper})), False)

    def forgotten(self, task: Task) -> list[Harm]:
        h = self.m.handlers[task.handler]
        if h.kind == "message" and self.s.places[h.target].ack == "on receive":
            return [("loss", "accepted work", h.target)]
        return []

    def begin(self, i: int, key: Key, group: tuple, h: Handler, message: Any, fair: bool) -> None:
        if any(t.group[0] == group[0] and self.m.handlers[t.handler].name == h.name for t in key.work):
            return
        seen = frozenset()
        if message:
            seen = frozenset([((h.target, n), (t, fr)) for n, t, fr in message[0]] + [((h.target, "*"), None)])
        task = Task(group, h.number, 0, message, seen, frozenset(), frozenset())
        later = message and self.s.places[h.target].ack == "on receive" and h.moments
        if later:
            self.add(self.with_key(i, key._replace(work=key.work | {task})), fair)
        else:
            self.go_on(i, key, task, fair)

    def go_on(self, i: int, key: Key, task: Task, fair: bool) -> None:
        h = self.m.handlers[task.handler]
        if not h.moments:
            return self.finish(i, key, task, fair, [])
        for outcome, k, t, harms, blame in self.m.moment(h, key, self.w.control, task):
            if outcome == "ok":
                if task.at + 1 < len(h.moments):
                    self.add(self.with_key(i, k._replace(work=k.work | {t._replace(at=task.at + 1)})), fair, harms)
                else:
                    self.finish(i, k, t, fair, harms)
            else:
                self.fail(i, k, t, fair, harms, outcome, blame)

    def finish(self, i: int, key: Key, task: Task, fair: bool, harms: list[Harm]) -> None:
        h = self.m.handlers[task.handler]
        if h.kind == "message":
            if self.s.faults:
                self.add(self.with_key(i, key), False, harms)
            key = self.without(key, h.target, task.message)
        self.add(self.with_key(i, key), fair, harms)

    def without(self, key: Key, queue: str, message: Any) -> Key:
        n = self.m.qi[queue]
        return key._replace(queues=key.queues[:n] + (key.queues[n] - {message},) + key.queues[n + 1:])

    def deliver(self, i: int, key: Key, group: tuple, h: Handler, message: tuple) -> None:
        payload = {n: (t, fr) for n, t, fr in message[0]}
        outcome, harms, _, blame = self.m.check(h.actor, h.target, h.receive, dict(h.on), payload, True, True)
        acked = self.s.places[h.target].ack == "on receive"
        after = self.without(key, h.target, message) if acked else key
        task = Task(group, h.number, 0, message, frozenset(), frozenset(), frozenset())
        if outcome == "ok":
            if harms:
                self.harms.update(harms)
            self.begin(i, after, group, h, message, True)
        else:
            self.fail(i, after, task, True, harms, outcome, f"{h.target}.{blame}")

    def fail(self, i: int, key: Key, task: Task, fair: bool, harms: list[Harm], outcome: str, blame: str) -> None:
        h = self.m.handlers[task.handler]
        who = h.actor
        harms = list(harms)
        if outcome in ("crash", "write-fails"):
            harms.append((outcome, who, blame))
        if h.kind != "message":
            if outcome in ("reject", "drop", "retry"):
                harms.append(("reject" if outcome == "retry" else outcome, who, blame))
            w = self.with_key(i, key)
        else:
            w = self.refuse_message(i, key, task, outcome, harms, blame)
        if outcome == "crash":
            for down in self.crash(w, task.group):
                self.add(down, fair, harms)
        else:
            self.add(w, fair, harms)

    def refuse_message(self, i: int, key: Key, task: Task, outcome: str, harms: list[Harm], blame: str) -> World:
        h, place = self.m.handlers[task.handler], self.s.places[self.m.handlers[task.handler].target]
        n = self.m.qi[place.name]
        payload, left, mark = task.message
        if outcome == "drop":
            harms += [("drop", h.actor, blame), ("loss", h.actor, place.name)]
            key = self.without(key, place.name, task.message)
        elif place.ack == "on receive":
            harms.append(("loss", h.actor, place.name))
        elif outcome in ("reject", "write-fails") and left is not None:
            key = self.without(key, place.name, task.message)
            if left > 1:
                key = key._replace(queues=key.queues[:n] + (key.queues[n] | {(payload, left - 1, mark)},) + key.queues[n + 1:])
            elif place.then == "drop":
                harms.append(("loss", h.actor, place.name))
            else:
                harms.append(("dead-letter", h.actor, place.name))
                key = key._replace(dead=key.dead[:n] + (key.dead[n] | {payload},) + key.dead[n + 1:])
                if "requeue" in self.s.may_not:
                    harms.append(("loss", h.actor, place.name))
        return self.with_key(i, key)

    # replicas

    def crash(self, w: World, group: tuple) -> Iterator[World]:
        actor, view = group
        if len(actor) == 1 or not self.m.boots[actor[0]]:
            yield w
            return
        n = self.m.services.index(actor[0])
        for j, (version, up, views) in enumerate(w.replicas[n]):
            if up and version == actor[1] and self.m.view(w.control.truth, views) == view:
                yield self.m.set_replica(w, n, j, (version, False, views))

    def replicas(self) -> None:
        w, m = self.w, self.m
        truth = tuple(w.control.truth[m.vi[name]] for name in m.within)
        for i, views in enumerate(w.control.heard):
            for heard in self.closer(views, truth) if list(self.s.clients)[i] not in w.control.gone else ():
                control = w.control._replace(heard=w.control.heard[:i] + (heard,) + w.control.heard[i + 1:])
                self.add(w._replace(control=control), True)
        for n, fleet in enumerate(w.replicas):
            for j, (version, up, views) in enumerate(fleet):
                if not up:
                    self.boot(n, j, version, views)
                elif self.s.faults and m.boots[m.services[n]]:
                    self.add(m.set_replica(w, n, j, (version, False, views)), False)
                for seen in self.closer(views, truth):
                    self.add(m.set_replica(w, n, j, (version, up, seen)), True)
                for seen in self.older(views, truth) if self.s.faults else ():
                    self.add(m.set_replica(w, n, j, (version, up, seen)), False)

    def older(self, views: tuple, truth: tuple) -> list[tuple]:
        """The views of somebody who starts while others have yet to observe a value."""
        fleets = zip(self.m.services, self.w.replicas)
        seen = [v for name, fleet in fleets for _, _, v in fleet[:len(fleet) - self.s.services[name].stragglers]]
        seen += [v for name, v in zip(self.s.clients, self.w.control.heard) if name not in self.w.control.gone]
        return [views[:x] + (was,) + views[x + 1:] for x, now in enumerate(truth) if views[x] == now
                for was in {v[x] for v in seen} - {now}]

    def closer(self, views: tuple, truth: tuple) -> list[tuple]:
        """The views of somebody who observes one more value."""
        return [views[:x] + (now,) + views[x + 1:] for x, now in enumerate(truth) if views[x] != now]

    def boot(self, n: int, j: int, version: str, views: tuple) -> None:
        m, actor = self.m, (self.m.services[n], version)
        view = m.view(self.w.control.truth, views)
        body = m.body(actor, view)
        if body.starts_if and not m.fact(body.starts_if, self.w, self.w.keys):
            self.harms.add(("crash", m.who(actor), ""))
            return
        for i, first in enumerate(self.w.keys):
            states = [(first, [])]
            for h in m.compile(actor, view):
                if h.kind != "start" or not h.moments:
                    continue
                following = []
                for key, harms in states:
                    task = Task((actor, view), h.number, 0, None, frozenset(), frozenset(), frozenset())
                    for outcome, k, _, more, blame in m.moment(h, key, self.w.control, task):
                        if outcome != "ok":
                            more = more + [(outcome, m.who(actor), blame)]
                        if outcome == "crash":
                            self.harms.update(harms + more)
                        else:
                            following.append((k, harms + more))
                states = following
            for key, harms in states:
                self.add(m.set_replica(self.with_key(i, key), n, j, (version, True, views)), True, harms)

    # calls (R4)

    def calls(self) -> None:
        for caller in self.groups:
            body = self.m.body(*caller)
            wanted = {p for v, p in body.verbs if v == "sends" and self.m.is_api(p) and not p.endswith(".reply") and body.verbs[v, p] is not None}
            for v, p in body.verbs:
                if v == "receives" and p.endswith(".reply") and p[:-6] not in self.m.requested:
                    wanted.add(p[:-6])
            for api in sorted(wanted):
                for owner in self.owners(api):
                    for receiver, count in self.groups.items():
                        if receiver[0][0] == owner and len(receiver[0]) == 2:
                            if receiver[0][0] != caller[0][0] or receiver != caller or count > 1:
                                self.call(api, caller, receiver)

    def owners(self, api: str) -> list[str]:
        spec = self.s.apis.get(api, {})
        if spec:
            to = spec.get("between") or spec.get("to")
            return to if isinstance(to, list) else [to]
        return [s for s in self.m.services for chain in [sum(self.s.services[s].versions.values(), [])]
                if any(("receives", api) in b.verbs or ("sends", api + ".reply") in b.verbs
                       for top in chain for b in [top] + [x for _, x in top.ifs])]

    def call(self, api: str, caller: tuple, receiver: tuple) -> None:
        asks, answers = self.m.body(*caller), self.m.body(*receiver)
        request, expects = asks.verbs.get(("sends", api)), answers.verbs.get(("receives", api))
        reply, needs = answers.verbs.get(("sends", api + ".reply")), asks.verbs.get(("receives", api + ".reply"))
        if expects is None and reply is None:
            self.harms.add(("reject", self.m.who(receiver[0]), api))
            return
        for i, key in enumerate(self.w.keys):
            for payload in self.m.payloads(request, key, None) if request and expects else [()]:
                if expects and not self.meets(i, receiver, answers, api, expects, payload):
                    continue
                for back in self.m.payloads(reply, key, None) if reply and needs else []:
                    self.meets(i, caller, asks, api, needs, back)

    def meets(self, i: int, group: tuple, body: Any, api: str, f: Any, payload: tuple) -> bool:
        on, who = {**ON_DEFAULT, **body.on}, self.m.who(group[0])
        outcome, harms, _, blame = self.m.check(who, api, f, on, {n: (t, fr) for n, t, fr in payload}, True, True)
        self.harms.update(harms)
        if outcome == "ok":
            return True
        self.harms.add(("reject" if outcome == "retry" else outcome, who, f"{api}.{blame}"))
        if outcome == "crash":
            for down in self.crash(self.w, group):
                self.add(down, False)
        return False

    # clocks

    def clocks(self) -> None:
        limit = max(self.s.waits_at_most, self.context.limit)
        for name, client in self.s.clients.items():
            if client.falls and client.falls[1] <= limit:
                control = self.w.control._replace(gone=self.w.control.gone | {name})
                self.add(self.w._replace(control=control), True)
        for i, key in enumerate(self.w.keys):
            for name, row in zip(self.m.place_names, key.places):
                p = self.s.places[name]
                if p.kind == "cache" and row is not None:
                    fair = p.ttl is not None and (p.ttl <= limit or name in key.old)
                    if fair or self.s.faults or p.ttl is not None and self.context.endless:
                        self.add(self.with_key(i, self.m.put(key, name, None)), fair)
            for n, (name, queue) in enumerate(zip(self.m.queue_names, key.queues)):
                p = self.s.places[name]
                due = p.retention is not None and (p.retention <= limit or self.context.endless)
                for payload in key.dead[n] if due else ():
                    less = key._replace(dead=key.dead[:n] + (key.dead[n] - {payload},) + key.dead[n + 1:])
                    self.add(self.with_key(i, less), True, [("loss", "accepted work", name)])
                for message in queue:
                    if (due or message[2] and self.context.waits) and not self.taken(key, name, message):
                        self.add(self.with_key(i, self.without(key, name, message)), True, [("loss", "accepted work", name)])

    def taken(self, key: Key, queue: str, message: tuple) -> bool:
        """Whether somebody there could still take the message."""
        payload = {n: (t, fr) for n, t, fr in message[0]}
        takers = [h for g in self.groups for h in self.m.compile(*g) if h.kind == "message" and h.target == queue]
        return any(t.message == message for t in key.work) or \
            any(self.m.check(h.actor, queue, h.receive, dict(h.on), payload, True, True)[0] == "ok" for h in takers)

    # the scan (R8)

    def scan(self) -> None:
        for i, key in enumerate(self.w.keys):
            if not key.passed:
                after, harms = scanned(self.m, self.w, key, self.context.backfill)
                self.add(self.with_key(i, after._replace(passed=1)), True, harms)


def created(m: Model, w: World, key: Key, backfill: tuple) -> tuple | None:
    """The row that a copy from another place creates, if the store lets it."""
    place, f, kind, a, b, _ = backfill
    if kind != "copy" or a == place or not any(n == b for n, _, _ in key.places[m.pi[a]] or ()):
        return None
    if place not in m.ti:
        return ()
    columns, not_null = w.control.schema[m.ti[place]]
    if any(c not in (f, m.s.places[place].key) and c not in m.filled[place] for c in not_null):
        return None
    return tuple(sorted((c, "any", True) for c in m.filled[place] if c in columns))


def scanned(m: Model, w: World, key: Key, backfill: tuple) -> tuple[Key, list[Harm]]:
    place, f, kind, a, b, overwrite = backfill
    row = key.places[m.pi[place]]
    if row is None:
        row = created(m, w, key, backfill)
    if row is None:
        return key, []
    values = {n: (t, fr) for n, t, fr in row}
    if kind == "retag":
        if f in values and values[f][0] == a:
            values[f] = (b, values[f][1])
    elif f not in values or overwrite:
        if kind == "literal":
            datum = m.twins.get((place, f), (place, f))
            new = (f'"{a}"', not any(m.twins.get((p, n), (p, n)) == datum for p, r in zip(m.place_names, key.places) for n, _, _ in r or ()))
        else:
            source = key.places[m.pi[a]] or ()
            new = next(((t, fr) for n, t, fr in source if n == b), None)
        if new is not None:
            values[f] = new
    after = m.put(key, place, tuple(sorted((n, t, fr) for n, (t, fr) in values.items())))
    if after.places == key.places:
        return key, []
    after = m.spoil(after, set(), frozenset(), place)
    return after, [("loss", "the data", ".".join(d)) for d in m.losses(key, after)]
