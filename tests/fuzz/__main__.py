"""Hostile files, read: ``python -m tests.fuzz``; with ``--number`` one, with its traceback."""

import argparse
import json
import random
import tempfile
import time
from pathlib import Path

from tests.fuzz import run, sound
from tests.fuzz.formats import FORMATS


def main() -> None:
    """Read what is asked for and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--seed", default="")
    parser.add_argument("--format", choices=list(FORMATS), action="append")
    parser.add_argument("--number", type=int)
    asked = parser.parse_args()
    if asked.number is not None:
        _one(asked.format[0], asked.number, asked.seed)
        return
    began = time.monotonic()
    todo = [case for case in run.cases(asked.count) if not asked.format or case[0] in asked.format]
    outcome = run.run(todo, jobs=asked.jobs, seed=asked.seed)
    print(json.dumps(run.summary(outcome) | {"seconds": time.monotonic() - began}, indent=1))


def _one(name: str, number: int, seed: str) -> None:
    sound.make_all()
    with tempfile.TemporaryDirectory() as folder:
        case = Path(folder) / "case"
        case.mkdir()
        FORMATS[name].make(case, random.Random(f"{seed}/{name}/{number}"))
        FORMATS[name].reader(number)(case)


if __name__ == "__main__":
    main()
