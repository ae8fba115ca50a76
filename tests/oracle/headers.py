"""Checks the oracle against the expectations in the headers of rule cases: python3 headers.py PATH..."""
from __future__ import annotations

import sys
from collections import Counter
from typing import Any, Iterator

from compare import listed
from oracle import judge
from scenario import Refused
from verdict import TooBig

SYMBOLS = {"rollback": "●", "forward": "▲", "repair-or-irrecoverable": "◆✖", "irrecoverable": "✖"}
WORST = ["rollback", "forward", "repair-or-irrecoverable", "irrecoverable"]
ENDS = ["home", "hurts", "stuck", "lost"]


def header(path: str) -> dict[str | None, list[tuple[str, str]]]:
    plans: dict[str | None, list[tuple[str, str]]] = {None: []}
    plan = None
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            if not line.startswith("# "):
                break
            key, _, value = line[2:].strip().partition(": ")
            if key == "plan":
                plan = value
            else:
                plans.setdefault(plan, []).append((key, value))
    return plans


def matches(harm: dict[str, Any], wanted: list[str]) -> bool:
    """Kind, actor and version, place and field; may be cut short from the right."""
    kind, rest = wanted[0], " ".join(w for w in wanted[1:] if w != "-")
    nobody = "-" in wanted[1:]
    who = harm["what"] if nobody else f"{harm['who']} {harm['what']}"
    return harm["kind"] == kind and who.startswith(rest)


def check(answer: dict[str, Any], expected: list[tuple[str, str]]) -> Iterator[str]:
    steps: dict[int, list[dict]] = {}
    for p in answer["positions"]:
        steps.setdefault(p["step"], []).append(p)
    harms = [(n, h) for n, ps in steps.items() for p in ps for h in p["harms"]]
    forward = [(n, h) for n, h in harms if h["forward"]]
    for key, value in expected:
        words = value.split()
        ok = True
        if key == "verdict":
            ok = answer["verdict"] in (value, "unknown")
        elif key == "zones":
            worst = [max((p["zone"] for p in steps[n]), key=WORST.index) for n in sorted(steps)]
            ok = len(worst) == len(value) and all(v in SYMBOLS[z] for v, z in zip(value, worst))
        elif key == "rollback-ends":
            ok = max((p["rollback_ends"] for p in steps[int(words[0])]), key=ENDS.index) == words[1]
        elif key == "harm":
            ok = any(n == int(words[0]) and matches(h, words[1:]) for n, h in forward)
        elif key == "rollback-harm":
            ok = any(n == int(words[0]) and matches(h, words[1:]) for n, h in harms if not h["forward"])
        elif key == "no-harm":
            ok = not (any(h["charged"] for _, h in harms) or forward) if value == "any" else not any(matches(h, words) for _, h in harms)
        elif key == "only":
            ok = all(matches(h, words) for _, h in forward)
        elif key == "pre-existing":
            pre = [dict(zip(("kind", "who", "what"), h)) for h in answer["pre_existing"]]
            ok = not pre if value == "none" else any(matches(h, words) for h in pre)
        elif key == "stalls":
            ok = any(n == int(value) for n, _ in answer["stalls"])
        elif key == "no-stall":
            ok = not answer["stalls"]
        elif key == "last-safe":
            worst = [n for n in sorted(steps) if any(p["zone"] != "rollback" for p in steps[n])]
            ok = int(value) == (worst[0] - 1 if worst else max(steps))
        if not ok:
            yield f"{key}: {value}"


def main() -> int:
    counts, status = Counter(), 0
    for path in listed(sys.argv[1:]):
        expected = header(path)
        if not any(expected.values()):
            continue
        try:
            answers = judge(path)
        except (Refused, TooBig) as why:
            counts["refused"] += 1
            print(f"{path}: refused: {why}")
            continue
        wrong = [w for a in answers for w in check(a, expected.get(a["plan"], []) + (expected[None] if a["plan"] else []))]
        counts["wrong" if wrong else "right"] += 1
        for line in wrong:
            status = 1
            print(f"{path}: not so: {line}")
    print(", ".join(f"{n} {what}" for what, n in counts.items()))
    return status


if __name__ == "__main__":
    sys.exit(main())
