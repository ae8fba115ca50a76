"""Zones, harms and the verdict of one plan, from sets of full states (V1-V5)."""
from __future__ import annotations

from collections import defaultdict
from typing import Any, Iterable, NamedTuple

from moves import Moves
from scenario import Plan, Refused, Scenario, Step
from steps import DONE, Steps
from world import Context, Harm, Model, World


class TooBig(Exception):
    pass


class State(NamedTuple):
    """Mode F goes forward, R rolls back, B has rolled back, H runs the declared hotfix, D has run it."""
    mode: str
    step: int
    at: str
    op: int
    begun: bool
    world: World


class Edges(NamedTuple):
    forced: list
    helpful: list
    abort: Any


class Judge:
    def __init__(self, scenario: Scenario, plan: Plan, replicas: int = 3, keys: int = 1, named: bool = False, limit: int = 200000):
        self.m = Model(scenario, plan, replicas, keys, named)
        self.s, self.plan, self.limit = scenario, plan, limit
        self.steps = Steps(self.m, self.stable)
        self.cache: dict = {}
        self.stables: dict = {}
        self.lists: dict = {}
        self.homes: dict = {}
        self.promise = self.index_of(plan.promise)

    def index_of(self, promise: str) -> int:
        """Positions of steps before this one are promised."""
        if promise == "end":
            return len(self.plan.steps) + 1
        if promise == "start":
            return 0
        exact = [i for i, s in enumerate(self.plan.steps) if s.id == promise]
        found = exact or [i for i, s in enumerate(self.plan.steps) if promise in s.id]
        if len(found) != 1:
            raise Refused(f"promise {promise}")
        return found[0] + 1

    def moves(self, w: World, context: Context) -> tuple[list, list, frozenset]:
        """Possible and fair successors, and the harms done on the way."""
        if (w, context) not in self.cache:
            found = Moves(self.m, w, context)
            harms = frozenset(h for h in found.harms if h not in self.m.pre)
            self.cache[w, context] = (list(found.found), [v for v, fair in found.found.items() if fair], harms)
            if len(self.cache) > self.limit:
                raise TooBig(f"more than {self.limit} worlds")
        return self.cache[w, context]

    def closure(self, starts: Iterable[World], context: Context) -> set[World]:
        seen = set(starts)
        todo = list(seen)
        while todo:
            for v in self.moves(todo.pop(), context)[0]:
                if v not in seen:
                    seen.add(v)
                    todo.append(v)
        return seen

    def stable(self, what: Any, w: World, context: Context) -> bool:
        if (what, w) not in self.stables:
            self.stables[what, w] = all(self.steps.holds(what, v) for v in self.closure([w], context))
        return self.stables[what, w]

    # the graph

    def rollback(self, step: int, at: str) -> list[Step]:
        if (step, at) not in self.lists:
            self.lists[step, at] = self.steps.rollback(step, at)
        return self.lists[step, at]

    def ops(self, s: State) -> tuple[Step | None, bool]:
        """The step in progress or next, and whether it may begin."""
        if s.mode == "F":
            if s.at in ("start", "done"):
                return (self.plan.steps[s.step] if s.step < len(self.plan.steps) else None), True
            return self.plan.steps[s.step - 1], False
        if s.mode == "R":
            return self.rollback(s.step, s.at)[s.op], False
        return (self.plan.rollforward[s.op], False) if s.mode == "H" else (None, False)

    def context(self, s: State) -> Context:
        if s.mode in ("B", "D"):
            return Context(endless=s.mode == "B")
        step, fresh = self.ops(s)
        return self.steps.context(step, s.begun, s.world)

    def edges(self, s: State) -> tuple[Edges, frozenset, dict[State, frozenset]]:
        """Successors, harms here, harms of the operator's edges."""
        every, fair, harms = self.moves(s.world, self.context(s))
        forced = [self.passed(s._replace(world=w)) for w in every]
        helpful = [self.passed(s._replace(world=w)) for w in fair]
        by_step: dict[State, frozenset] = {}
        step, next_step = self.ops(s)
        if step is not None:
            guard, sure = True, True
            if (next_step or s.mode in "RH" and not s.begun) and step.when:
                guard = all(self.m.fact(f, s.world, s.world.keys) for f in step.when)
                sure = guard and self.steps.sure(tuple(step.when), s.world)
            for sub, w, more, reliable in self.steps.run(step, s.world, s.begun, s.mode == "F") if guard else []:
                more = [h for h in more if h not in self.m.pre]
                if any(h[0] == "loss" for h in more):
                    w = w._replace(lost=True)
                t = self.passed(self.after(s, step, next_step, sub, w))
                forced.append(t)
                by_step[t] = by_step.get(t, frozenset()) | frozenset(more)
                if reliable and sure:
                    helpful.append(t)
        abort = None
        if s.mode == "F":
            calm = self.steps.calm(s.world)
            abort = State("R" if self.rollback(s.step, s.at) else "B", s.step, s.at, 0, False, calm)
        return Edges(forced, helpful, abort), harms, by_step

    def after(self, s: State, step: Step, next_step: bool, sub: str, w: World) -> State:
        if s.mode == "F":
            index = s.step + 1 if next_step else s.step
            if sub == DONE:
                return self.skipped(State("F", index, "done", 0, False, w))
            at = "canary" if step.verb == "deploy" and step.staged and self.moved(step, w) == 1 and self.left(step, w) else "mixed"
            return State("F", index, at, 0, True, w)
        if sub != DONE:
            return s._replace(begun=True, world=w)
        length = len(self.rollback(s.step, s.at)) if s.mode == "R" else len(self.plan.rollforward)
        if s.op + 1 < length:
            return s._replace(op=s.op + 1, begun=False, world=w)
        return State("B" if s.mode == "R" else "D", s.step, s.at, 0, False, w)

    def passed(self, s: State) -> State:
        """A deploy or setting is done as soon as all are up, or observe it."""
        step = self.ops(s)[0] if s.begun else None
        if step is not None and step.verb in ("deploy", "flag", "set"):
            for sub, w, _, _ in self.steps.run(step, s.world, True, s.mode == "F"):
                if sub == DONE and w.replicas == s.world.replicas:
                    return self.after(s, step, False, sub, w)
        return s

    def skipped(self, s: State) -> State:
        """A step whose fact holds already is no position of its own."""
        while s.step < len(self.plan.steps):
            step = self.plan.steps[s.step]
            again = step.verb == "migrate" or step.once and step.id in s.world.control.once
            if not again or not all(self.m.fact(f, s.world, s.world.keys) for f in step.when):
                break
            results = self.steps.run(step, s.world, False, True)
            if [r[:2] for r in results] != [(DONE, s.world)]:
                break
            s = s._replace(step=s.step + 1, at="done")
        return s

    def left(self, step: Step, w: World) -> bool:
        fleet = w.replicas[self.m.services.index(step.args[0])]
        return any(r[0] != step.args[1] for r in fleet[:len(fleet) - self.s.services[step.args[0]].stragglers])

    def moved(self, step: Step, w: World) -> int:
        return sum(r[0] == step.args[1] for r in w.replicas[self.m.services.index(step.args[0])])

    def explore(self, starts: Iterable[State]) -> None:
        todo = [s for s in starts if s not in self.graph]
        self.graph.update((s, None) for s in todo)
        while todo:
            s = todo.pop()
            e, harms, by_step = self.edges(s)
            self.graph[s] = e
            self.note(s, harms)
            for t, more in by_step.items():
                self.note(t if s.mode == "F" else s, more, s.mode == "F")
            for t in e.forced + ([e.abort] if e.abort else []):
                if t not in self.graph:
                    self.graph[t] = None
                    todo.append(t)
            if len(self.graph) > self.limit:
                raise TooBig(f"more than {self.limit} states")

    def note(self, s: State, harms: frozenset, forward: bool | None = None) -> None:
        if harms and s.mode in "FRB":
            ahead = s.mode == "F" if forward is None else forward
            self.harms[s.step, s.at][ahead].update(harms)

    # harbours (V1)

    def settled(self, w: World) -> bool:
        for name, fleet in zip(self.m.services, w.replicas):
            movable = fleet[:len(fleet) - self.s.services[name].stragglers]
            if len({r[0] for r in movable}) > 1:
                return False
        truth = tuple(w.control.truth[self.m.vi[v]] for v in self.m.within)
        return all(views == truth for views in self.m.views(w))

    def analyse(self, worlds: set[World], context: Context) -> tuple[set[World], dict[World, frozenset]]:
        """Of a closed set: the harbours, and what may wait for ever where."""
        fair_to = defaultdict(list)
        to = defaultdict(list)
        for w in worlds:
            every, fair, _ = self.moves(w, context)
            for v in every:
                to[v].append(w)
            for v in fair:
                fair_to[v].append(w)
        stalled: dict[World, frozenset] = {w: frozenset() for w in worlds}
        for n, name in enumerate(self.m.queue_names):
            if ("stalled", "accepted work", name) in self.m.pre:
                continue
            ends = reach({w for w in worlds if not any(k.queues[n] for k in w.keys)}, fair_to)
            for w in worlds - ends:
                stalled[w] |= {("stalled", "accepted work", name)}
        known = {what for kind, _, what in self.m.pre if kind == "dead-letter"}
        dead = [n for n, name in enumerate(self.m.queue_names) if name not in known]
        bad = {w for w in worlds if self.moves(w, context)[2] or stalled[w] or w.lost or any(k.dead[n] for k in w.keys for n in dead)}
        harmful = reach(bad, to)
        return {w for w in worlds - harmful if self.settled(w)}, stalled

    def home(self, w: World, step: int, at: str) -> bool:
        floor = self.steps.floor(step, at)
        if (w, floor) not in self.homes:
            self.homes[w, floor] = self.steps.at_home(w, floor)
        return self.homes[w, floor]

    # the whole

    def find_pre_existing(self) -> None:
        context = Context()
        worlds = self.closure(self.m.start_worlds, context)
        pre = {h for w in worlds for h in self.moves(w, context)[2]}
        stalled = self.analyse(worlds, context)[1]
        pre |= {h for w in worlds for h in stalled[w]}
        self.m.pre = pre
        self.cache.clear()
        self.stables.clear()

    def run(self) -> dict[str, Any]:
        self.find_pre_existing()
        self.graph: dict[State, Edges | None] = {}
        self.harms: dict = defaultdict(lambda: {True: set(), False: set()})
        starts = [State("F", 0, "start", 0, False, w) for w in self.m.start_worlds]
        while True:
            self.explore(starts)
            back = {s.world for s in self.graph if s.mode == "B"}
            harbours, back_stalled = self.analyse(back, Context(endless=True))
            target = {s for s in self.graph if s.mode == "B" and s.world in harbours and self.home(s.world, s.step, s.at)}
            again = {self.again(s) for s in target if s.step < self.promise}
            starts = [s for s in again if s not in self.graph]
            if not starts:
                break
        return self.conclude(target, back_stalled)

    def again(self, s: State) -> State:
        """Another attempt goes on behind the last floor."""
        floor = self.steps.floor(s.step, s.at)
        return self.skipped(State("F", floor, "done" if floor else "start", 0, False, s.world))

    def conclude(self, home: set[State], back_stalled: dict) -> dict[str, Any]:
        last = len(self.plan.steps)
        at_end = "done" if last else "start"
        idle = {s.world for s in self.graph if s.mode == "F" and s.at in ("start", "done")}
        harbours, stalled = self.analyse(idle, Context())
        for s in self.graph:
            if s.mode == "F" and s.at in ("start", "done") and self.settled(s.world):
                self.note(s, stalled[s.world])
            elif s.mode == "B":
                self.note(s, back_stalled[s.world])
        forward = {s for s in self.graph if s.mode == "F"}
        goal = {s for s in forward if (s.step, s.at) == (last, at_end) and s.world in harbours}
        backward = {s for s in self.graph if s.mode in "RB"}
        back = self.works(backward, home)
        ahead = self.works(forward, goal)
        finished = {s for s in forward if (s.step, s.at) == (last, at_end)}
        can_finish = self.reaching(forward, finished)
        stalls = sorted({(s.step, s.at) for s in forward - can_finish})
        hotfix = self.hotfix(forward) if self.plan.rollforward else set()
        if "forward" in self.s.may_not:
            ahead = set()
        completes = self.reaching(backward, {s for s in backward if s.mode == "B"})
        loses = self.losing(backward)
        positions = defaultdict(list)
        for s in forward:
            positions[s.step, s.at].append(s)
        out = []
        order = {"start": 0, "canary": 1, "mixed": 2, "done": 3}
        for (step, at), states in sorted(positions.items(), key=lambda x: (x[0][0], order[x[0][1]])):
            aborts = {self.graph[s].abort for s in states}
            if aborts <= back:
                zone, ends = "rollback", "home"
            else:
                zone = "forward" if set(states) <= ahead or set(states) <= hotfix else \
                    "irrecoverable" if any(s.world.lost for s in states) else "repair-or-irrecoverable"
                ends = self.ends(aborts - back, loses, completes)
            harms = self.harms[step, at]
            promised = step < self.promise
            listed = sorted([(*h, True, True) for h in harms[True]] + [(*h, promised, False) for h in harms[False] - harms[True]])
            out.append({"step": step, "at": at, "zone": zone, "rollback_ends": ends,
                        "harms": [{"kind": k, "who": w, "what": f, "charged": c, "forward": a} for k, w, f, c, a in listed]})
        return self.verdict(out, stalls)

    def ends(self, aborts: set[State], loses: set, completes: set) -> str:
        if aborts & loses:
            return "lost"
        seen = set(aborts)
        todo = list(aborts)
        while todo:
            for t in self.graph[todo.pop()].forced:
                if t not in seen:
                    seen.add(t)
                    todo.append(t)
        if seen - completes:
            return "stuck"
        return "hurts"

    def losing(self, states: set[State]) -> set[State]:
        to = defaultdict(list)
        for s in states:
            for t in self.graph[s].forced:
                to[t].append(s)
        return reach({s for s in states if s.world.lost}, to)

    def reaching(self, states: set[State], target: set[State]) -> set[State]:
        to = defaultdict(list)
        for s in states:
            for t in self.graph[s].helpful:
                to[t].append(s)
        return reach(target, to)

    def works(self, states: set[State], target: set[State]) -> set[State]:
        """The largest loss-free set closed under the forced moves in which the target stays reachable."""
        alive = {s for s in states if not s.world.lost}
        while True:
            before = alive
            to = defaultdict(list)
            for s in states:
                for t in self.graph[s].forced:
                    to[t].append(s)
            alive = alive - reach(states - alive, to)
            to = defaultdict(list)
            for s in alive:
                for t in self.graph[s].helpful:
                    if t in alive:
                        to[t].append(s)
            alive = reach(target & alive, to)
            if alive == before:
                return alive

    def hotfix(self, forward: set[State]) -> set[State]:
        first = {s: State("H", 0, "", 0, False, self.steps.calm(s.world)) for s in forward}
        self.explore(set(first.values()))
        run = {s for s in self.graph if s.mode in "HD"}
        harbours, _ = self.analyse({s.world for s in run if s.mode == "D"}, Context())
        good = self.works(run, {s for s in run if s.mode == "D" and s.world in harbours})
        return {s for s, h in first.items() if h in good}

    def verdict(self, positions: list[dict], stalls: list) -> dict[str, Any]:
        promised = all(p["zone"] == "rollback" for p in positions if p["step"] < self.promise)
        charged = any(h["charged"] for p in positions for h in p["harms"])
        zones = {p["zone"] for p in positions}
        last = -1
        for step in range(len(self.plan.steps) + 1):
            here = [p for p in positions if p["step"] == step]
            if not here or any(p["zone"] != "rollback" for p in here):
                break
            last = step
        ids = ["start"] + [s.id for s in self.plan.steps]
        safe_point = None if last < 0 else "end" if 0 < last == len(self.plan.steps) else ids[last]
        dead = self.never_filled()
        verdict = "unsafe" if not promised or charged or stalls or "irrecoverable" in zones else \
            "unknown" if "repair-or-irrecoverable" in zones else "undecided" if dead else "safe"
        return {"plan": self.plan.name, "verdict": verdict, "last_safe_rollback_point": safe_point, "positions": positions,
                "stalls": stalls, "pre_existing": sorted(self.m.pre), "never_filled": dead, "states": len(self.graph)}

    def never_filled(self) -> list[str]:
        empty = set(self.s.places)
        for s in self.graph:
            for key in s.world.keys:
                empty -= {n for n, row in zip(self.m.place_names, key.places) if row is not None}
                empty -= {n for n, queue in zip(self.m.queue_names, key.queues) if queue}
            if not empty:
                break
        return sorted(empty)


def reach(targets: set, back: dict) -> set:
    seen = set(targets)
    todo = list(targets)
    while todo:
        for s in back[todo.pop()]:
            if s not in seen:
                seen.add(s)
                todo.append(s)
    return seen
