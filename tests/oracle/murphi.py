"""Writes a scenario as a model for Murphi (rumur): named replicas, one key, one rule per move.

The rules of the model are written from the rule text alone; only the reader of scenarios is shared with the oracle.
"""
from __future__ import annotations

import argparse
import itertools
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from murphi_steps import Steps
from murphi_world import BACK, BOOT, ENDED, FORWARD, PRE, PROBE, ident
from scenario import Refused, load


class Exporter(Steps):
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
        for datum, held in self.outdated.items():
            out.append(f"procedure {ident('outdate', *datum)}();\nbegin")
            out += [f"  if {var} % 2 = 1 then {var} := {var} + 1; end;" for var in held] + ["end;"]
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
