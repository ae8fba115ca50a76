"""The states of a judged plan as neutral lines, position by position, and what only one of two programs explores."""
from __future__ import annotations

import json
import subprocess
from collections import Counter
from typing import Any

from world import Model, World

Sets = dict[tuple[int, str, str], set[str]]
MODES = {"F": "forward", "R": "rollback", "B": "rollback"}


def states_of(judge: Any) -> Sets:
    """By position, of the plan and of the rollbacks that begin there."""
    lines: dict[World, str] = {}
    found: Sets = {}
    for s in judge.graph:
        if s.mode in MODES:
            if s.world not in lines:
                lines[s.world] = line(judge.m, s.world)
            found.setdefault((s.step, s.at, MODES[s.mode]), set()).add(lines[s.world])
    return found


def line(m: Model, w: World) -> str:
    """What is said of a state; `states.rs` says it in the same words."""
    clauses = [f"{name} is {value}" for name, value in zip(m.values, w.control.truth)]
    for table, (columns, not_null) in zip(m.tables, w.control.schema):
        said = [c + " not null" * (c in not_null) for c in columns if c != m.s.places[table].key]
        clauses.append(f"columns of {table}: {', '.join(sorted(said))}")
    for client, heard in zip(m.s.clients, w.control.heard):
        clauses += [f"{client} gone"] if client in w.control.gone else [f"{client} sees {v} {seen}" for v, seen in zip(m.within, heard)]
    for name, fleet in zip(m.services, w.replicas):
        last = len(fleet) - m.s.services[name].stragglers
        classes = Counter(version + " starting" * (not up) + " straggler" * (j >= last)
                          + "".join(f" sees {v} {seen}" for v, seen in zip(m.within, views))
                          for j, (version, up, views) in enumerate(fleet))
        clauses.append(f"{name}: {', '.join(f'{n} {c}' for c, n in sorted(classes.items()))}")
    for key in w.keys:
        for name, place in m.s.places.items():
            if place.kind == "queue" and w.lost:
                continue
            if place.kind == "queue":
                n = m.qi[name]
                fewest = {p: min(left or 0 for q, left, _ in key.queues[n] if p == q) for p, _, _ in key.queues[n]}
                said = [payload(m, name, p) + f" {min(left, 5)} left" * (left > 0) for p, left in fewest.items()]
                said += ["dead " + payload(m, name, p) for p in key.dead[n]]
                clauses.append(f"{name} [{', '.join(sorted(said))}]")
            else:
                row = key.places[m.pi[name]]
                clauses.append(f"{name} {'nothing' if row is None else payload(m, name, row)}")
    return "; ".join(sorted(clauses + ["lost"] * w.lost))


def payload(m: Model, place: str, fields: tuple) -> str:
    said = [n + f" {tag}" * (tag != "any" and tag[0] != '"') + " stale" * (not fresh) for n, tag, fresh in fields if n != m.s.places[place].key]
    return "{" + ", ".join(sorted(said)) + "}"


def explored(tool: str, file: str, replicas: int) -> list[Sets]:
    """What turnback explores of every plan."""
    size = [f"--replicas={replicas}"] if replicas != 3 else []
    out = subprocess.run([tool, *size, file], capture_output=True, text=True, check=True).stdout
    return list(map(sets_of, json.loads(out)))


def sets_of(plan: dict[str, Any]) -> Sets:
    found: Sets = {}
    for p in plan["positions"]:
        for mode in ("forward", "rollback"):
            found[p["step"], p["at"], mode] = {plan["states"][i] for i in p[mode]}
    return found


def differences(ours: Sets, theirs: Sets) -> list[str]:
    """Per position how many states only one of them has, and the smallest."""
    order = ("start", "canary", "mixed", "done")
    found = []
    for at in sorted(ours.keys() | theirs.keys(), key=lambda k: (k[2], k[0], order.index(k[1]))):
        a, b = ours.get(at, set()), theirs.get(at, set())
        for who, only in (("the oracle", a - b), ("turnback", b - a)):
            if only:
                found.append(f"{at} {len(only)} of {len(a | b)} states of {who} only: {min(only, key=lambda s: (len(s), s))}")
    return found
