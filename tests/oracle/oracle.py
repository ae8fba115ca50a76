"""Judges scenario files by brute force: python3 oracle.py [--replicas K] [--keys K] FILE..."""
from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from scenario import Refused, load
from states import states_of
from verdict import Judge, TooBig


def judge(path: str, replicas: int = 3, keys: int = 1, named: bool = False, limit: int = 200000, sets: bool = False) -> list[dict[str, Any]]:
    scenario = load(path)
    judges = [Judge(scenario, plan, replicas, keys, named, limit) for plan in scenario.plans]
    return [{**judge.run(), **({"sets": states_of(judge)} if sets else {})} for judge in judges]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="+")
    parser.add_argument("--replicas", type=int, default=3)
    parser.add_argument("--keys", type=int, default=1)
    parser.add_argument("--named", action="store_true", help="do not sort interchangeable replicas and keys")
    parser.add_argument("--max-states", type=int, default=200000)
    options = parser.parse_args()
    status = 0
    for path in options.files:
        try:
            for plan in judge(path, options.replicas, options.keys, options.named, options.max_states):
                print(json.dumps({"file": path, **plan}, ensure_ascii=False))
        except Refused as why:
            print(f"{path}: refused: {why}", file=sys.stderr)
            status = 2
        except TooBig as why:
            print(f"{path}: too big: {why}", file=sys.stderr)
            status = max(status, 3)
    return status


if __name__ == "__main__":
    sys.exit(main())
