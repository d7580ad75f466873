"""How fast and how large scoring is, beside an earlier revision: ``python -m tests.benchmarks.scoring``.

``--beside FOLDER`` names a working tree of the revision to compare with; without it, one of 26ee003 is made
where git has that commit, and taken away again. ``--repeats N`` (3) times each scan so often, by turns.
Prints a line a scan; the last line is one JSON object. Times are from file to metrics, thumbnail and brain's
vector in a process that has measured a scan before:

``seconds_per_scan, seconds_per_scan_2mm``
    Median wall-clock time of a raw whole head of 5.9 million voxels, and of a head at 2 mm.
``time_ratio, time_ratio_2mm``
    Median of the CPU time of this revision / that of the earlier one, over scans and repeats, by turns in the
    same minutes; with ``_wall``, the same of wall-clock time.
``peak_mb``
    Largest memory of the process that measured whole heads.
``speedup_2_workers``
    Wall-clock time of all whole heads by one process / by two, the median of the repeats.
``mask_dice``
    See :mod:`tests.benchmarks.brain_masks`.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import numpy as np

from tests.benchmarks import brain_masks
from tests.helpers.paths import ROOT

DATA = ROOT.parent / "shared" / "data"
EARLIER = "26ee003"
#: Heads that are timed, by what they are.
WHOLE, SMALL = "ds000011/sub-*/anat/*_T1w.nii.gz", "t1w_2mm/*.nii.gz"
_EVERY_SMALL = 12
#: Brain masks are looked at on so many heads of each kind.
_HEADS = 2


class Worker:
    """A process that measures scans by the code of one revision."""

    def __init__(self, root: Path) -> None:
        script = Path(__file__).with_name("scoring_worker.py")
        environment = os.environ | {"PYTHONPATH": str(root)}
        self.process = subprocess.Popen(
            [sys.executable, "-P", str(script)],
            cwd=root,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._answer()

    def __enter__(self) -> "Worker":
        return self

    def __exit__(self, *_: object) -> None:
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()

    def measure(self, path: Path) -> dict[str, Any]:
        """Return what :mod:`tests.benchmarks.scoring_worker` says of one scan."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{path}\n")
        self.process.stdin.flush()
        answer = self._answer()
        if answer["failure"]:
            raise SystemExit(f"{path}: {answer['failure']}")
        return answer

    def _answer(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"a process that measures ended with {self.process.wait()}")
        return json.loads(line)


@contextmanager
def earlier_tree(given: str | None) -> Iterator[Path | None]:
    """Yield a working tree of the earlier revision: the given one, one made for the while, or ``None``."""
    if given:
        yield Path(given).resolve()
        return
    git = ["git", "-C", str(ROOT)]
    if subprocess.run([*git, "cat-file", "-e", EARLIER], capture_output=True).returncode:
        print(f"git has no {EARLIER} here: nothing to compare with")
        yield None
        return
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "tree"
        subprocess.run([*git, "worktree", "add", "--detach", str(tree), EARLIER], check=True)
        try:
            yield tree
        finally:
            subprocess.run([*git, "worktree", "remove", "--force", str(tree)], check=True)


def compared(paths: Sequence[Path], now: Worker, then: Worker | None, repeats: int) -> np.ndarray:
    """Return CPU and wall-clock seconds, shape (scans, repeats, revisions, 2); NaN without an earlier one."""
    both = [worker for worker in (now, then) if worker]
    for worker in both:
        worker.measure(paths[0])
    found = np.full((len(paths), repeats, 2, 2), np.nan)
    for repeat in range(repeats):
        for number, path in enumerate(paths):
            for which, worker in list(enumerate(both))[:: 1 if repeat % 2 else -1]:
                answer = worker.measure(path)
                found[number, repeat, which] = answer["cpu_s"], answer["wall_s"]
    for path, of_scan in zip(paths, np.median(found, axis=1), strict=True):
        told = "  ".join(f"{cpu:5.2f} s CPU {wall:5.2f} s" for cpu, wall in of_scan[: len(both)])
        print(f"{path.name:40s} {told}", flush=True)
    return found


def ratios(found: np.ndarray, name: str) -> dict[str, float]:
    """Return the ratio of the medians of two revisions, of CPU and of wall-clock time."""
    now, then = np.median(found, axis=(0, 1))
    return {
        name: round(float(now[0] / then[0]), 3),
        f"{name}_wall": round(float(now[1] / then[1]), 3),
    }


def spread_time(paths: Sequence[Path], workers: Sequence[Worker]) -> float:
    """Return the seconds in which so many processes measure all scans, each taking the next one due."""
    free: SimpleQueue[Worker] = SimpleQueue()
    for worker in workers:
        free.put(worker)

    def measure(path: Path) -> None:
        worker = free.get()
        worker.measure(path)
        free.put(worker)

    started = time.perf_counter()
    with ThreadPoolExecutor(len(workers)) as pool:
        list(pool.map(measure, paths))
    return time.perf_counter() - started


def main(arguments: list[str]) -> int:
    """Measure and print; 1 where there are no scans to measure on."""
    whole, small = sorted(DATA.glob(WHOLE)), sorted(DATA.glob(SMALL))[::_EVERY_SMALL]
    if not whole or not small:
        print(f"no scans below {DATA}: nothing measured")
        return 1
    given = arguments[arguments.index("--beside") + 1] if "--beside" in arguments else None
    repeats = int(arguments[arguments.index("--repeats") + 1]) if "--repeats" in arguments else 3
    with ExitStack() as stack:
        tree = stack.enter_context(earlier_tree(given))
        now, other = (stack.enter_context(Worker(ROOT)) for _ in range(2))
        then = stack.enter_context(Worker(tree)) if tree else None
        of_small = compared(small, now, then, repeats)
        of_whole = compared(whole, now, then, repeats)
        peak = now.measure(whole[0])["peak_mb"]
        other.measure(whole[0])
        times = np.array(
            [[spread_time(whole, each) for each in ([now], [now, other])] for _ in range(repeats)]
        )
    figures = {
        "seconds_per_scan": round(float(np.median(of_whole[:, :, 0, 1])), 2),
        "seconds_per_scan_2mm": round(float(np.median(of_small[:, :, 0, 1])), 2),
        **(ratios(of_whole, "time_ratio") | ratios(of_small, "time_ratio_2mm") if tree else {}),
        "peak_mb": round(peak),
        "speedup_2_workers": round(float(np.median(times[:, 0] / times[:, 1])), 2),
    }
    print(json.dumps(figures | brain_masks.figures(_HEADS)))
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
