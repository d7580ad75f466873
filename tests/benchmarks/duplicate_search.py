"""Are copies of a head found, and other heads not: ``python -m tests.benchmarks.duplicate_search``.

Of the 8 people of ds000011 each scan is copied in five ways (:mod:`tests.helpers.changed_copies`), 40 copies
in all; one is found where its voxels' hash or its brain's vector is that of its original. False pairs are
those of the 86 people of ``t1w_2mm``. Scans are registered, not scored. A sixth kind stands for another
session of the same person and is printed apart, as it is made and not real.
"""

import itertools
import json
import multiprocessing
import os
import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
from threadpoolctl import threadpool_limits

from curation.imaging import brain_vector, volumes
from curation.imaging.brain_vector import SAME_HEAD
from curation.imaging.registered_grid import register_volume, volume_on_grid
from tests.helpers.changed_copies import COPIES, write
from tests.helpers.paths import SHARED_DATA

SESSION = "another_session"


class Found(NamedTuple):
    """What is known of one file: the hash of its voxels, and its brain's vector."""

    image_hash: str
    vector: np.ndarray


def measure() -> dict[str, float]:
    """Return ``duplicate_recall`` (share of 40 copies) and ``duplicate_false_rate`` (share of pairs).

    Also ``duplicate_false_pairs``, and how alike one head and two heads are.

    Raises
    ------
    FileNotFoundError
        Where the scans are not at hand.
    """
    originals = sorted((SHARED_DATA / "ds000011").glob("sub-*/anat/*_T1w.nii.gz"))
    others = sorted((SHARED_DATA / "t1w_2mm").glob("*.nii.gz"))
    if not originals or not others:
        raise FileNotFoundError(f"no scans at {SHARED_DATA}: nothing can be measured")
    kinds = [*COPIES, SESSION]
    tasks = [(path, kind) for path in originals for kind in (None, *kinds)]
    tasks += [(path, None) for path in others]
    with multiprocessing.get_context("spawn").Pool(os.cpu_count()) as pool:
        known = dict(zip(tasks, pool.starmap(look_at, tasks, chunksize=1), strict=True))
    alike = {
        (path, kind): _alike(known[path, None], known[path, kind])
        for path, kind in itertools.product(originals, kinds)
    }
    same = {
        key: value >= SAME_HEAD or known[key].image_hash == known[key[0], None].image_hash
        for key, value in alike.items()
    }
    for (path, kind), value in sorted(alike.items(), key=lambda item: item[1])[:5]:
        print(f"least alike: {path.name} {kind} {value:.3f}")
    different = [
        _alike(known[a, None], known[b, None]) for a, b in itertools.combinations(others, 2)
    ]
    false = sum(value >= SAME_HEAD for value in different)
    copies = [same[path, kind] for path, kind in itertools.product(originals, COPIES)]
    sessions = [same[path, SESSION] for path in originals]
    return {
        "duplicate_recall": round(float(np.mean(copies)), 4),
        "duplicate_false_rate": round(false / len(different), 6),
        "duplicate_false_pairs": int(false),
        "copies": len(copies),
        "pairs_of_two": len(different),
        "least_of_one_head": round(min(v for k, v in alike.items() if k[1] != SESSION), 3),
        "most_of_two_heads": round(max(different), 3),
        "mean_of_two_heads": round(float(np.mean(different)), 3),
        "sd_of_two_heads": round(float(np.std(different)), 3),
        "made_sessions_found": round(float(np.mean(sessions)), 3),
        "least_of_made_sessions": round(min(v for k, v in alike.items() if k[1] == SESSION), 3),
    }


def look_at(path: Path, kind: str | None) -> Found:
    """Register a scan, or a copy of a kind of it, and return its hash and vector."""
    with threadpool_limits(1), tempfile.TemporaryDirectory() as folder:
        file = path if kind is None else write(path, kind, Path(folder))
        image_hash = volumes.verify(file).image_hash
        volume = volumes.conform(volumes.load(file))
        vector = brain_vector.brain_vector(
            volume_on_grid(volume), register_volume(volume).template_affine
        )
    assert vector is not None, file
    return Found(image_hash, vector)


def _alike(one: Found, other: Found) -> float:
    return brain_vector.similarity(one.vector, other.vector)


if __name__ == "__main__":
    print(json.dumps(measure()))
