"""One process that measures scans by whatever revision of the code is on its path, one a line of its input.

Run by :mod:`tests.benchmarks.scoring` as a script, so that it can load a revision that has no such benchmark.
A line is a path; the answer is one line of JSON: ``cpu_s`` and ``wall_s`` from file to metrics, thumbnail and
(where the revision has them) the brain's vector, and ``peak_mb``, the largest memory of the process so far.
"""

import json
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any


def measurement() -> Callable[[Path, Path], dict[str, Any]]:
    """Return the revision's measurement of one scan, with the template loaded."""
    if find_spec("curation.assessment"):
        from curation.assessment.assess_scan import assess_file
        from curation.imaging.template import template
        from curation.sources.scan_vectors import KINDS
        from curation.storage.files import sha256_of
    else:  # as it was named up to version 0.5, which made no vectors
        KINDS: tuple[str, ...] = ()  # type: ignore[no-redef]
        from curation.files import sha256_of  # type: ignore[no-redef]
        from curation.measurement import assess_file  # type: ignore[no-redef]
        from curation.template import template  # type: ignore[no-redef]
    for step in (2, 4, 8):
        template(step)

    def measure(path: Path, folder: Path) -> dict[str, Any]:
        vectors = (
            {"vector_paths": {kind: folder / f"{kind}.npy" for kind in KINDS}} if KINDS else {}
        )
        return assess_file(path, "scan", sha256_of(path), folder / "scan.png", **vectors)

    return measure


def main() -> int:
    """Answer until the input ends."""
    measure = measurement()
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        with tempfile.TemporaryDirectory() as folder:
            cpu, wall = time.process_time(), time.perf_counter()
            row = measure(Path(line.strip()), Path(folder))
            answer = {
                "cpu_s": time.process_time() - cpu,
                "wall_s": time.perf_counter() - wall,
                "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000,
                "failure": row["failure"],
            }
        print(json.dumps(answer), flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
