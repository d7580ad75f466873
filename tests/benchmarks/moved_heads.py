"""How the experts' score answers on images that Tierscope measures.

``python -m tests.benchmarks.moved_heads``: real heads at 2 mm, each as it is and with simulated damage; how
often the damaged one scores worse than the same head undamaged. ``--scans N`` takes the first N. The last
line is one JSON object.
"""

import json
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd

from curation.imaging import volumes
from curation.imaging.masks import find_masks
from curation.metrics import measure
from curation.references import reference_library
from curation.scoring.comparison_groups import POOLED
from curation.scoring.directed_model import DirectedModel
from curation.simulation import artefacts
from tests.helpers.paths import ROOT

DATA = ROOT.parent / "shared" / "data" / "ixi_2mm"
DAMAGE = (
    ("motion", 0.1),
    ("motion", 0.25),
    ("motion", 0.6),
    ("noise", 0.15),
    ("ghosting", 0.2),
    ("blur", 0.3),
)


def figures(paths: list[Path], workers: int = 2) -> dict[str, float]:
    """Return the share of heads that score worse with each damage, such as ``experts_order_motion_0.1``."""
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        heads = np.array(list(pool.map(_log_odds, paths, range(len(paths)))))
    worse = (heads[:, 1:] > heads[:, :1]).mean(axis=0)
    return {
        f"experts_order_{name}_{severity:g}": round(float(share), 3)
        for (name, severity), share in zip(DAMAGE, worse, strict=True)
    }


def _log_odds(path: Path, seed: int) -> list[float]:
    """Return the log-odds of exclusion of one head: as it is, then with each damage."""
    model = reference_library.experts().model
    assert isinstance(model, DirectedModel)
    clean = volumes.conform(volumes.load(path))
    names = {*model.metrics, *(each.relative_to for each in model.quantities if each.relative_to)}
    rows = []
    for name, severity in (("none", 0.0), *DAMAGE):
        volume = clean
        if severity:
            volume = replace(clean, data=artefacts.apply(name, clean.data, severity, seed))
        rows.append(measure(volume, find_masks(volume), names)[0])
    terms = model.contributions(pd.DataFrame(rows), POOLED)
    return [float(value) for value in model.intercept + terms.sum(axis=1)]


def main(arguments: list[str]) -> int:
    """Measure and print; 1 where the heads are absent."""
    paths = sorted(DATA.glob("*.nii.gz"))
    if "--scans" in arguments:
        paths = paths[: int(arguments[arguments.index("--scans") + 1])]
    if not paths:
        print(f"no heads at {DATA}: nothing measured")
        return 1
    print(json.dumps(figures(paths) | {"heads": len(paths)}))
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
