"""Compares the oracle with turnback, on files or on generated scenarios."""
from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from typing import Any

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import states
from generate import generate
from oracle import judge
from scenario import Refused
from verdict import TooBig

BATCH = 10
SAME = {"repair-or-irrecoverable": {"repair", "irrecoverable"}}


class Late(Exception):
    pass


def alarm(*_: Any) -> None:
    raise Late


def run_tool(tool: str, files: list[str], options: argparse.Namespace) -> dict[str, Any]:
    command = [tool, "check", "--format", "json", "--max-states", "500000", "--threads", "1", "--keys", str(options.keys)]
    if options.replicas != 3:
        command += ["--replicas", str(options.replicas)]
    out = subprocess.run(command + files, capture_output=True, text=True).stdout
    found = {}
    for line in out.splitlines():
        answer = json.loads(line)
        found[answer["file"]] = answer
    return found


def ask_oracle(path: str, options: argparse.Namespace) -> tuple[str, Any]:
    signal.signal(signal.SIGALRM, alarm)
    signal.setitimer(signal.ITIMER_REAL, options.time)
    try:
        return "ok", judge(path, options.replicas, options.keys, options.named, options.max_states, bool(options.sets))
    except Refused as why:
        return "refused", str(why)
    except TooBig:
        return "too big", "states"
    except Late:
        return "too big", "time"
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def differences(ours: dict[str, Any], theirs: dict[str, Any], replicas: int = 3) -> list[str]:
    found = []

    def say(what: str, a: Any, b: Any) -> None:
        found.append(f"{what}: oracle {a}, turnback {b}")

    if ours["verdict"] != theirs["verdict"] and not (ours["verdict"] == "unknown" and theirs["verdict"] in ("safe", "unsafe")):
        say("verdict", ours["verdict"] + (f" stalls {ours['stalls']}" if ours["stalls"] else ""), theirs["verdict"])
    if ours["last_safe_rollback_point"] != theirs["last_safe_rollback_point"]:
        say("last safe point", ours["last_safe_rollback_point"], theirs["last_safe_rollback_point"])
    a = {(p["step"], p["at"]): p for p in ours["positions"]}
    b = {(p["step"], p["at"]): p for p in theirs["positions"]}
    if replicas < 3:
        b = {k: p for k, p in b.items() if k in a or k[1] != "mixed"}
    if set(a) != set(b):
        say("positions", sorted(set(a) - set(b)), sorted(set(b) - set(a)))
    for at in sorted(set(a) & set(b)):
        p, q = a[at], b[at]
        if q["zone"] != p["zone"] and q["zone"] not in SAME.get(p["zone"], ()):
            say(f"{at} zone", p["zone"], q["zone"])
        if p["rollback_ends"] != q["rollback_ends"]:
            say(f"{at} rollback ends", p["rollback_ends"], q["rollback_ends"])
        x, y = harms(p), harms(q)
        for h in sorted(x - y):
            found.append(f"{at} harm of the oracle only: {' '.join(map(str, h))}")
        for h in sorted(y - x):
            found.append(f"{at} harm of turnback only: {' '.join(map(str, h))}")
    return found


def harms(position: dict[str, Any]) -> set[tuple]:
    return {(h["kind"], h["who"] or "", h["what"] or "", "charged" if h["charged"] else "") for h in position["harms"]}


def compare(path: str, theirs: Any, options: argparse.Namespace) -> dict[str, Any]:
    if theirs is None or "plans" not in theirs:
        return {"file": path, "skipped": "invalid", "why": json.dumps(theirs)[:300]}
    if not all(plan["complete"] for plan in theirs["plans"]):
        return {"file": path, "skipped": "turnback incomplete", "why": ""}
    kind, answer = ask_oracle(path, options)
    if kind != "ok":
        return {"file": path, "skipped": kind, "why": answer}
    found = [(f"plan {a['plan']}: " if a["plan"] else "") + d for a, b in zip(answer, theirs["plans"]) for d in differences(a, b, options.replicas)]
    if options.sets:
        for a, b in zip(answer, states.explored(options.sets, path, options.replicas), strict=True):
            found += states.differences(a["sets"], b)
    return {"file": path, "differences": found, "verdicts": [p["verdict"] for p in theirs["plans"]], "states": sum(p["states"] for p in answer)}


def batch(job: tuple[Any, argparse.Namespace]) -> list[dict[str, Any]]:
    work, options = job
    if isinstance(work, list):
        theirs = run_tool(options.turnback, work, options)
        return [compare(path, theirs.get(path), options) for path in work]
    with tempfile.TemporaryDirectory() as folder:
        files = []
        for seed in work:
            path = os.path.join(folder, f"{seed}.yaml")
            with open(path, "w", encoding="utf-8") as out:
                out.write(generate(seed, options.size))
            files.append(path)
        theirs = run_tool(options.turnback, files, options)
        results = [compare(path, theirs.get(path), options) for path in files]
        for result in results:
            if result.get("differences") or result.get("skipped") == "invalid":
                os.makedirs(options.out, exist_ok=True)
                name = ("invalid-" if "skipped" in result else "") + os.path.basename(result["file"])
                result["file"] = shutil.copy(result["file"], os.path.join(options.out, name))
        return results


def listed(paths: list[str]) -> list[str]:
    found = []
    for path in paths:
        if os.path.isdir(path):
            found += [os.path.join(d, f) for d, _, names in os.walk(path) for f in names if f.endswith(".yaml")]
        else:
            found.append(path)
    return sorted(found)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("paths", nargs="*", help="files and directories; none: generated scenarios")
    parser.add_argument("--turnback", default="target/release/turnback")
    parser.add_argument("--sets", help="also the sets of states, against this program (`cargo build --release --example states`)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--size", default="mixed", choices=["small", "medium", "large", "mixed"])
    parser.add_argument("--replicas", type=int, default=3)
    parser.add_argument("--keys", type=int, default=1)
    parser.add_argument("--named", action="store_true")
    parser.add_argument("--time", type=float, default=10, help="seconds for one scenario")
    parser.add_argument("--max-states", type=int, default=10000)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--out", default="differences", help="directory for the scenarios that differ")
    parser.add_argument("--show", type=int, default=4, help="lines for one difference")
    options = parser.parse_args()
    began = time.time()
    if options.paths:
        files = listed(options.paths)
        work: list[Any] = [files[i:i + BATCH] for i in range(0, len(files), BATCH)]
    else:
        seeds = range(options.seed, options.seed + options.count)
        work = [seeds[i:i + BATCH] for i in range(0, len(seeds), BATCH)]
    jobs = [(w, options) for w in work]
    skipped, verdicts, refused, bad, compared, states = Counter(), Counter(), Counter(), 0, 0, 0
    sys.stdout.reconfigure(line_buffering=True)
    with multiprocessing.Pool(options.jobs) as pool:
        for result in (r for results in pool.imap(batch, jobs) for r in results):
            if "skipped" in result:
                skipped[result["skipped"]] += 1
                refused[f"{result['skipped']}: {result['why']}"[:90]] += 1
                continue
            compared += 1
            states += result["states"]
            verdicts.update(result["verdicts"])
            if result["differences"]:
                bad += 1
                print(result["file"])
                for line in result["differences"][:options.show]:
                    print("   ", line)
                if len(result["differences"]) > options.show:
                    print("    and", len(result["differences"]) - options.show, "more")
    total = sum(verdicts.values()) or 1
    print(f"compared {compared} of {compared + sum(skipped.values())} scenarios ({states} states, {time.time() - began:.0f} s), differences in {bad}")
    print("skipped:", ", ".join(f"{n} {why}" for why, n in skipped.most_common()) or "none")
    for why, n in refused.most_common(25):
        print(f"    {n} × {why}")
    print("verdicts:", ", ".join(f"{v} {100 * n // total} %" for v, n in sorted(verdicts.items())))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
