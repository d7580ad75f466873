"""How well the brain is found: ``python -m tests.benchmarks.brain_masks``.

Three kinds of truth: scans of ds002748, from which others cut the brain out; simulated heads, whose brain is
known; and whole heads that are damaged without being moved, of which the brain is where it was. Where
``deepbet`` can be imported (MIT, a network whose weights are in its wheel; no dependency), its masks and time
stand beside; ``--scans N`` takes N of each kind. Prints a line a case; the last line is one JSON object:
``mask_dice``, the mean over the first two kinds, undamaged and damaged; ``mask_dice_kept``, the mean of the
third; ``mask_seconds`` (CPU time); with deepbet, the same of it.
"""

import json
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from threadpoolctl import threadpool_limits

from curation.imaging import volumes
from curation.imaging.masks import find_masks
from curation.imaging.registered_grid import GRID_MM, nearest
from curation.imaging.volumes import Volume
from curation.simulation import artefacts, demo_workspace, phantom_t1w
from tests.helpers.paths import ROOT

Bools = NDArray[np.bool_]
Finder = Callable[[Volume], Bools]
Case = tuple[str, str, Volume, Bools | None]

DATA = ROOT.parent / "shared" / "data"
RAW = ("ds000011/sub-0[15]/anat/*_T1w.nii.gz", "ixi_2mm/IXI01*.nii.gz")
STRIPPED = "t1w_2mm/ds002748*.nii.gz"
_EVERY_STRIPPED, _SIMULATED = 12, (0, 40)
DAMAGE = ("none", "cropped_fov", "noise", "motion", "bias", "ghosting")
SEVERITY = 0.5


def cases(most: int | None = None) -> Iterator[Case]:
    """Yield the kind of truth, a name, the undamaged scan and its brain, where that is known.

    At most so many of each kind, and of each set of raw heads.
    """
    for path in sorted(DATA.glob(STRIPPED))[::_EVERY_STRIPPED][:most]:
        volume = volumes.conform(volumes.load(path))
        yield "stripped", path.name, volume, ndimage.binary_fill_holes(volume.data > 0)
    plans = [*demo_workspace.pool_plans(), *demo_workspace.target_plans()]
    for made in [plans[number] for number in _SIMULATED][:most]:
        scanner = replace(phantom_t1w.SCANNERS[made.site], flip=False)
        data, affine = phantom_t1w.scan(made.person, scanner)
        tissue, _ = phantom_t1w.anatomy(made.person)
        brain = tissue["csf"] + tissue["grey"] + tissue["white"] > 0.5
        volume = Volume(np.round(data).astype(np.float32), affine, (2.0, 2.0, 2.0), "RAS", "int16")
        yield "simulated", made.person.participant_id, volume, brain
    for pattern in RAW:
        for path in sorted(DATA.glob(pattern))[:most]:
            yield "raw", path.name, volumes.conform(volumes.load(path)), None


def ours(volume: Volume) -> Bools:
    """Return Tierscope's brain on its 2 mm grid."""
    with threadpool_limits(1):
        return find_masks(volume).brain


@lru_cache(maxsize=1)
def _deepbet() -> Any:
    from deepbet.bet import BrainExtraction

    return BrainExtraction(no_gpu=True)


def deepbet(volume: Volume) -> Bools:
    """Return deepbet's brain at the scan's own voxels; nothing where it finds none."""
    import torch

    torch.set_num_threads(1)
    network = _deepbet()
    try:
        return network.postprocess(network.run_model(volume.data.copy()) > 0.5)
    except (AssertionError, ValueError):  # what it raises where it finds nothing
        return np.zeros(volume.data.shape, dtype=bool)


def dice(one: Bools, two: Bools) -> float:
    """Return twice the common part of two masks over the sum of both, 0 to 1."""
    return 2 * float((one & two).sum()) / max(1, int(one.sum() + two.sum()))


def figures(most: int | None = None) -> dict[str, float]:
    """Measure and print; return the figures. ``most`` as of :func:`cases`."""
    finders: dict[str, Finder] = {"": ours}
    if find_spec("deepbet"):
        finders["_deepbet"] = deepbet
    found: dict[str, list[float]] = {}
    for kind, name, clean, truth in cases(most):
        for suffix, finder in finders.items():
            told = _of_case(kind, clean, truth, finder, suffix, found)
            print(f"{kind:10s}{name:36s}{suffix or '_tierscope':11s} {told}", flush=True)
    return {key: round(float(np.mean(values)), 3) for key, values in found.items()}


def _of_case(
    kind: str,
    clean: Volume,
    truth: Bools | None,
    finder: Finder,
    suffix: str,
    found: dict[str, list[float]],
) -> str:
    """Find the brain of one scan as it is and with each damage; return what was found in words."""
    reference, told = truth, []
    for damage in DAMAGE:
        volume = clean
        if damage != "none":
            volume = replace(clean, data=artefacts.apply(damage, clean.data, SEVERITY, 1))
        started = time.process_time()
        mask = finder(volume)
        found.setdefault(f"mask_seconds{suffix}", []).append(time.process_time() - started)
        mask, seen = _on_grid(mask, volume), _on_grid(volume.data != 0, volume)
        if reference is None:
            reference = mask
            continue
        there = reference if truth is None else _on_grid(reference, volume)
        if damage == "cropped_fov":  # what was cut off is in no mask
            there = there & ndimage.binary_dilation(seen, iterations=2)
        value = dice(mask, there)
        key = "mask_dice_kept" if kind == "raw" else "mask_dice"
        found.setdefault(key + suffix, []).append(value)
        told.append(f"{damage} {value:.3f}")
    return "  ".join(told)


def _on_grid(mask: Bools, volume: Volume) -> Bools:
    """Return a mask at the points of the 2 mm grid; one that is there already as it is."""
    step = GRID_MM / np.array(volume.spacing_mm)
    shape = tuple(max(8, int(n / s)) for n, s in zip(volume.data.shape, step, strict=True))
    return mask if mask.shape == shape else nearest(mask, step, shape)


def main(arguments: list[str]) -> int:
    """Measure and print; 1 where there are no scans."""
    if not Path(DATA).exists():
        print(f"no scans below {DATA}: nothing measured")
        return 1
    most = int(arguments[arguments.index("--scans") + 1]) if "--scans" in arguments else None
    print(json.dumps(figures(most)))
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
