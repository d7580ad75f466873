"""How fast and how large scoring is, on raw whole-head scans: ``python -m tests.benchmarks.scoring``.

Prints a line a scan; the last line is one JSON object. ``seconds_per_scan`` is from file to metrics and
thumbnail on one process, the template already loaded; ``peak_gb`` the largest memory of that process.
"""

import json
import multiprocessing
import resource
import tempfile
import time
from pathlib import Path

from tests.helpers.paths import ROOT

DATA = ROOT.parent / "shared" / "data" / "ds000011"


def main() -> int:
    """Measure and print; 1 where there are no scans to measure on."""
    paths = sorted(DATA.glob("sub-*/anat/*_T1w.nii.gz"))
    if not paths:
        print(f"no scans at {DATA}: nothing measured")
        return 1
    context = multiprocessing.get_context("spawn")
    seconds: dict[int, float] = {}
    for workers in (1, 2):
        with context.Pool(workers, initializer=_warm) as pool:
            pool.map(_idle, range(workers * 4), chunksize=1)
            started = time.perf_counter()
            rows = pool.map(_score, paths, chunksize=1)
            seconds[workers] = time.perf_counter() - started
        for path, (alone, memory) in zip(paths, rows, strict=True):
            print(f"{workers} worker(s)  {path.name}  {alone:5.2f} s  {memory:.2f} GB")
        if workers == 1:
            peak = max(memory for _, memory in rows)
    figures = {
        "seconds_per_scan": round(seconds[1] / len(paths), 2),
        "peak_gb": round(peak, 2),
        "speedup_2_workers": round(seconds[1] / seconds[2], 2),
    }
    print(json.dumps(figures))
    return 0


def _warm() -> None:
    from curation.imaging.template import template

    for step in (2, 4, 8):
        template(step)


def _idle(_: int) -> None:
    time.sleep(0.5)


def _score(path: Path) -> tuple[float, float]:
    """Return the seconds that one scan took and the process's largest memory so far (GB)."""
    from curation.assessment.assess_scan import assess_file
    from curation.storage.files import sha256_of

    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        row = assess_file(path, "scan", sha256_of(path), Path(folder) / "scan.png")
    if row["failure"]:
        raise SystemExit(f"{path}: {row['failure']}")
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    return time.perf_counter() - started, memory


if __name__ == "__main__":
    raise SystemExit(main())
