"""Compares turnback with what rumur finds in the exported model, on files or on generated scenarios."""
from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from typing import Any
from xml.sax.saxutils import unescape

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from generate import generate
from murphi import Exporter
from scenario import Plan, Refused, Scenario, load

RUMUR = ["rumur", "--threads", "1", "--output-format", "machine-readable", "--counterexample-trace", "off",
         "--max-errors", "100000", "--symmetry-reduction", "off", "--deadlock-detection", "off"]
GCC = ["gcc", "-O0", "-w", "-std=c11", "-mcx16"]


class Late(Exception):
    pass


class Broken(Exception):
    pass


def execute(command: list[str], seconds: float) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds)
    except subprocess.TimeoutExpired as late:
        raise Late from late
    if done.returncode not in (0, 1, 2, 3):
        raise Broken(f"{command[0]}: {done.returncode} {done.stderr[-300:]}")
    return done.stdout


def explore(text: str, folder: str, seconds: float) -> dict[str, Any]:
    """What rumur says of one model: covers that were hit, homes that were refuted, properties that fail."""
    model, source, checker = (os.path.join(folder, n) for n in ("model.m", "model.c", "model"))
    with open(model, "w", encoding="utf-8") as out:
        out.write(text)
    for stale in (source, checker):
        if os.path.exists(stale):
            os.remove(stale)
    said = subprocess.run(RUMUR + ["-o", source, model], capture_output=True, text=True)
    if said.returncode:
        raise Broken(f"rumur: {said.stderr[-400:]}")
    built = subprocess.run(GCC + [source, "-o", checker, "-lpthread"], capture_output=True, text=True)
    if built.returncode:
        raise Broken(f"gcc: {built.stderr[-400:]}")
    out = execute([checker], seconds)
    summary = re.search(r'<summary states="(\d+)"', out)
    if not summary:
        raise Broken(f"checker: {out[-400:]}")
    hit = {unescape(m) for m, n in re.findall(r'<cover_result message="([^"]*)" count="(\d+)"', out) if int(n) > 1}
    failed = set(re.findall(r"liveness property &quot;(\S+?)&quot; violated", out))
    other = [m for m in re.findall(r"<message>([^<]*)</message>", out) if "liveness property" not in m]
    if other:
        raise Broken(f"checker: {other[0]}")
    refuted = {(int(h), int(k)) for h, k in re.findall(r"REFUTED (-?\d+) k0:(\d+)", out)}
    return {"hit": hit, "failed": failed, "refuted": refuted, "states": int(summary[1])}


def ask_murphi(scenario: Scenario, plan: Plan, options: argparse.Namespace) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        exporter = Exporter(scenario, plan, options.replicas)
        first = explore(exporter.text(), folder, options.time)
        before = {tuple(h.split("|")[2:]) for h in first["hit"] if h.startswith("PRE|")}
        known = {number for harm, number in exporter.harms.items() if harm in before}
        if any(kind == "loss" for kind, _, _ in before):
            raise Refused("loss before any step")
        refuted = {k for h, k in first["refuted"] if h not in known}
        last = first
        if refuted:
            exporter = Exporter(scenario, plan, options.replicas, refuted, probe=False)
            last = explore(exporter.text(), folder, options.time)
    positions = {}
    for i, at in enumerate(exporter.positions):
        if f"AT|{i}" not in last["hit"]:
            continue
        harms = {tuple(h.split("|")[3:]) for h in last["hit"] if h.startswith(f"HARM|{i}|")} - before
        ends = set()
        if f"LOST|{i}" in last["hit"]:
            ends.add("lost")
        if f"ENDS|{i}" in last["failed"]:
            ends |= {"stuck", "hurts"} if f"HOME|{i}" in last["failed"] else {"stuck"}
        elif f"HOME|{i}" in last["failed"]:
            ends.add("hurts")
        positions[at] = {"harms": harms, "ends": ends or {"home"}}
    return {"positions": positions, "before": before, "states": first["states"]}


def plain(harm: tuple[str, str, str]) -> tuple[str, str, str]:
    """What is lost is compared, not who lost it."""
    if harm[0] == "loss":
        return ("loss", "", "")
    return ("stalled", *harm[1:]) if harm[0] == "stuck" else harm


def differences(ours: dict[str, Any], theirs: dict[str, Any]) -> list[str]:
    found = []
    a = ours["positions"]
    b = {(p["step"], p["at"]): p for p in theirs["positions"]}
    if set(a) != set(b):
        found.append(f"positions: murphi only {sorted(set(a) - set(b))}, turnback only {sorted(set(b) - set(a))}")
    for at in sorted(set(a) & set(b)):
        if b[at]["rollback_ends"] not in a[at]["ends"]:
            found.append(f"{at} rollback ends: murphi {'/'.join(sorted(a[at]['ends']))}, turnback {b[at]['rollback_ends']}")
        if (b[at]["zone"] == "rollback") != (a[at]["ends"] == {"home"}):
            found.append(f"{at} zone: murphi {'/'.join(sorted(a[at]['ends']))}, turnback {b[at]['zone']}")
        x = {plain(h) for h in a[at]["harms"]}
        y = {plain((h["kind"], h["who"] or "", h["what"] or "")) for h in b[at]["harms"]}
        y -= {plain(h) for h in ours["before"]}
        maybe = {("stalled", *h[1:]) for h in x if h[0] == "maybe stalled"}
        x = {h for h in x if h[0] != "maybe stalled"} | (maybe & y)
        found += [f"{at} harm of murphi only: {' '.join(h)}" for h in sorted(x - y)]
        found += [f"{at} harm of turnback only: {' '.join(h)}" for h in sorted(y - x)]
    return found


def compare(job: tuple[str, argparse.Namespace]) -> dict[str, Any]:
    path, options = job
    began = time.time()
    result: dict[str, Any] = {"file": path, "differences": [], "compared": 0, "states": 0, "ends": Counter()}
    try:
        scenario = load(path)
        command = [options.turnback, "check", "--format", "json", "--max-states", "500000", "--threads", "1", "--replicas", str(options.replicas), path]
        said = json.loads(execute(command, options.time).splitlines()[0])
        if "plans" not in said:
            return {**result, "refused": "turnback: invalid"}
        for plan, theirs in zip(scenario.plans, said["plans"]):
            if not theirs["complete"]:
                raise Refused("turnback: incomplete")
            ours = ask_murphi(scenario, plan, options)
            named = f"plan {plan.name}: " if plan.name else ""
            result["differences"] += [named + d for d in differences(ours, theirs)]
            result["compared"] += 1
            result["states"] += ours["states"]
            result["ends"].update(p["rollback_ends"] for p in theirs["positions"])
    except Refused as why:
        result["refused"] = str(why)
    except Late:
        result["refused"] = "too much time"
    except Broken as why:
        result["differences"].append(f"broken: {why}")
    except (KeyError, ValueError, IndexError) as why:
        result["refused"] = f"not understood: {type(why).__name__} {why}"
    result["seconds"] = time.time() - began
    return result


def gather(paths: list[str]) -> list[str]:
    found = []
    for path in paths:
        if os.path.isdir(path):
            found += sorted(os.path.join(d, f) for d, _, files in os.walk(path) for f in files if f.endswith(".yaml"))
        else:
            found.append(path)
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="*")
    parser.add_argument("--turnback", default="target/release/turnback")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=0)
    parser.add_argument("--size", default="small")
    parser.add_argument("--replicas", type=int, default=3)
    parser.add_argument("--time", type=float, default=60, help="seconds for one exploration")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--out", default="target/murphi", help="where scenarios that differ are kept")
    options = parser.parse_args()
    for tool in ("rumur", "gcc"):
        if not shutil.which(tool):
            print(f"{tool} is not installed", file=sys.stderr)
            return 2
    began = time.time()
    with tempfile.TemporaryDirectory() as folder:
        paths = gather(options.files)
        for seed in range(options.seed, options.seed + options.count):
            paths.append(os.path.join(folder, f"{seed}.yaml"))
            with open(paths[-1], "w", encoding="utf-8") as out:
                out.write(generate(seed, options.size))
        results = []
        with multiprocessing.Pool(options.jobs) as pool:
            for result in pool.imap(compare, [(p, options) for p in paths]):
                results.append(result)
                if result["differences"]:
                    print(result["file"])
                    for d in result["differences"]:
                        print(f"  {d}")
                    if result["file"].startswith(folder):
                        os.makedirs(options.out, exist_ok=True)
                        shutil.copy(result["file"], options.out)
                    sys.stdout.flush()
    return report(results, time.time() - began)


def report(results: list[dict[str, Any]], seconds: float) -> int:
    refused = Counter(r["refused"] for r in results if "refused" in r)
    compared = [r for r in results if "refused" not in r]
    ends: Counter = sum((r["ends"] for r in compared), Counter())
    different = [r for r in results if r["differences"]]
    print(f"\nscenarios     {len(results):6}")
    print(f"compared      {len(compared):6}   {sum(r['compared'] for r in compared)} plans, {sum(r['states'] for r in compared)} states, {seconds:.0f} s")
    print(f"refused       {sum(refused.values()):6}")
    for why, n in refused.most_common():
        print(f"  {n:6}  {why}")
    print(f"rollback ends {' '.join(f'{k} {n}' for k, n in sorted(ends.items()))}")
    print(f"differences   {len(different):6}")
    return 1 if different or not compared else 0


if __name__ == "__main__":
    sys.exit(main())
