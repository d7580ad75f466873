"""Whether a scan scores the same when it is measured again: ``python -m tests.benchmarks.repeats``.

Real scans of six kinds, each as it is and with what must not matter: moved by a part of a voxel, turned by
a degree, stored with other axes, as whole numbers of 16 bits, or with a header that puts it elsewhere. Prints
a line a case; the last line is one JSON object: ``retest_p95``, the 95th percentile of the difference of the
score, and ``retest_within_2``, the share of differences of at most 2 points. ``--keep FILE`` keeps the
measurements; ``--write`` puts them where Tiers takes the error of a score from
(:mod:`curation.tier_effects.repeat_error`).
"""

import json
import os
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import fft, ndimage

from curation.assessment.assess_scan import assess_volume
from curation.imaging import volumes
from curation.imaging.image_flags import recognise
from curation.imaging.volumes import Volume
from curation.scoring import distortion_score
from curation.scoring.score_reference import builtin
from curation.tier_effects import repeat_error
from tests.helpers.paths import ROOT

Floats = NDArray[np.float32]
DATA = ROOT.parent / "shared" / "data"
#: Scans as they were taken, every so many of them; all changes are tried on these.
WHOLE = {
    "ds000011/sub-*/anat/*_T1w.nii.gz": 3,
    "stripped_fullres/*.nii.gz": 1,
    "thick_slice_ms/*.nii.gz": 1,
}
#: Of these, a copy at 2 mm is made with the grid moved or turned, as others made the copies of the next.
AVERAGED = {"ds000011/sub-*/anat/*_T1w.nii.gz": 4, "stripped_fullres/*.nii.gz": 1}
#: Copies at 2 mm. To move them in k-space would ring, as an image does that is cut off there: they are only
#: stored otherwise.
COPIES = {"ixi_2mm/*.nii.gz": 5, "t1w_2mm/ds002748*.nii.gz": 40}
AS_IT_IS = "as it is"
_SHIFT_VOXELS, _TURN_DEGREES = (0.37, 0.41, 0.29), 1.0


def moved(volume: Volume) -> Volume:
    """Shift by parts of a voxel, in k-space, the image mirrored at its ends: grain stays as it is."""
    data = volume.data
    for axis, by in enumerate(_SHIFT_VOXELS):
        size = data.shape[axis]
        mirrored = np.concatenate([data, np.flip(data, axis)], axis)
        along = [1, 1, 1]
        along[axis] = -1
        phase = np.exp(-2j * np.pi * by * fft.rfftfreq(2 * size)).astype(np.complex64)
        spectrum = fft.rfft(mirrored, axis=axis) * phase.reshape(along)
        data = np.take(fft.irfft(spectrum, 2 * size, axis=axis), range(size), axis=axis)
    return _with(volume, data, volume.data == 0)


def turned(volume: Volume) -> Volume:
    """Turn by a degree about the left–right axis, by splines of the fifth order."""
    angle = np.radians(_TURN_DEGREES)
    turn = np.eye(3)
    turn[1:, 1:] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    spacing = np.array(volume.spacing_mm)
    matrix = turn * spacing / spacing[:, None]
    middle = (np.array(volume.data.shape) - 1) / 2
    offset = middle - matrix @ middle
    data = ndimage.affine_transform(volume.data, matrix, offset, order=5, mode="mirror")
    nothing = ndimage.affine_transform(
        (volume.data == 0).astype(np.float32), matrix, offset, order=1
    )
    return _with(volume, data, nothing > 0.5)


def _with(volume: Volume, data: Floats, nothing: NDArray[np.bool_]) -> Volume:
    """Return a scan with other intensities; where much of it was cut out, that stays zero."""
    data = np.maximum(data, 0)
    if np.mean(volume.data == 0) > 0.3:
        data = np.where(nothing, 0, data)
    return replace(volume, data=np.ascontiguousarray(data, dtype=np.float32))


def averaged(volume: Volume, *, shift: bool = False, turn: bool = False) -> Volume:
    """Average to a 2 mm grid, which may be moved by parts of a voxel or turned by a degree."""
    spacing = np.array(volume.spacing_mm)
    step = 2.0 / spacing
    shape = np.floor(np.array(volume.data.shape) / step).astype(int)
    angle = np.radians(_TURN_DEGREES * turn)
    rotation = np.eye(3)
    rotation[1:, 1:] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    matrix = np.diag(1 / spacing) @ rotation * 2.0
    middle = (np.array(volume.data.shape) - 1) / 2
    offset = middle - matrix @ ((shape - 1) / 2 + shift * np.array(_SHIFT_VOXELS))
    smooth = ndimage.gaussian_filter(volume.data, 0.35 * step)
    data = ndimage.affine_transform(smooth, matrix, offset, output_shape=tuple(shape), order=1)
    affine = volume.affine.copy()
    affine[:3, :3] = volume.affine[:3, :3] @ matrix
    affine[:3, 3] = volume.affine[:3, :3] @ offset + volume.affine[:3, 3]
    return replace(volume, data=data, affine=affine, spacing_mm=(2.0, 2.0, 2.0))


def stored_otherwise(volume: Volume) -> Volume:
    """Store it from front to back, from top to bottom and from right to left."""
    axes = nib.orientations.axcodes2ornt(("P", "I", "L"))
    data = nib.apply_orientation(volume.data, axes)
    affine = volume.affine @ nib.orientations.inv_ornt_aff(axes, volume.data.shape)
    edges = np.linalg.norm(affine[:3, :3], axis=0)
    other = replace(volume, data=data, affine=affine, spacing_mm=(edges[0], edges[1], edges[2]))
    return volumes.conform(other)


def as_whole_numbers(volume: Volume) -> Volume:
    """Store it as whole numbers up to 4095."""
    scale = np.float32(4095 / volume.data.max())
    return replace(volume, data=np.round(volume.data * scale), dtype="int16")


def put_elsewhere(volume: Volume) -> Volume:
    """Let the header put it some millimetres away, turned by a degree."""
    angle = np.radians(_TURN_DEGREES)
    there = np.eye(4)
    there[1:3, 1:3] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    there[:3, 3] = [3.0, -2.0, 5.0]
    return replace(volume, affine=there @ volume.affine)


CHANGES: dict[str, Callable[[Volume], Volume]] = {
    AS_IT_IS: lambda volume: volume,
    "shift": moved,
    "turn": turned,
    "axes": stored_otherwise,
    "int16": as_whole_numbers,
    "header": put_elsewhere,
}


def plan() -> list[tuple[Path, str, str]]:
    """Return path, kind (``whole``, ``averaged`` or ``copy``) and change of each case."""
    stored = [name for name in CHANGES if name not in ("shift", "turn")]
    return [
        (path, kind, change)
        for kind, globs, changes in (
            ("whole", WHOLE, [*CHANGES]),
            ("averaged", AVERAGED, [*CHANGES]),
            ("copy", COPIES, stored),
        )
        for glob, every in globs.items()
        for path in sorted(DATA.glob(glob))[::every]
        for change in changes
    ]


def _name(path: Path, kind: str) -> str:
    return path.name.split(".")[0] + (" averaged to 2 mm" if kind == "averaged" else "")


def _measured(task: tuple[Path, str, str]) -> dict[str, object]:
    path, kind, change = task
    volume = volumes.conform(volumes.load(path))
    if kind == "averaged":
        volume = averaged(volume, shift=change == "shift", turn=change == "turn")
    if kind != "averaged" or change not in ("shift", "turn"):
        volume = CHANGES[change](volume)
    values, _, masks = assess_volume(volume)
    named = {"scan": _name(path, kind), "change": change}
    return named | {"flags": json.dumps(recognise(volume, masks, "T1w"))} | values


def measure(kept: Path | None) -> pd.DataFrame:
    """Measure what is not kept yet; one row a case."""
    table = pd.read_parquet(kept) if kept and kept.exists() else pd.DataFrame()
    known = set(zip(table["scan"], table["change"], strict=True)) if len(table) else set()
    due = [case for case in plan() if (_name(*case[:2]), case[2]) not in known]
    with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn")) as pool:
        for done, row in enumerate(pool.map(_measured, due), start=1):
            table = pd.concat([table, pd.DataFrame([row])], ignore_index=True)
            print(f"{done} of {len(due)}", file=sys.stderr, flush=True)
            if kept:
                table.to_parquet(kept)
    return table


def report(table: pd.DataFrame) -> dict[str, float]:
    """Print what moved how far and why; return the figures."""
    scores = distortion_score.score(table.assign(scan_id=table.index.astype("str"), sha256=""))
    table = table.assign(score=scores["distortion_score"])
    before = table[table["change"] == AS_IT_IS].set_index("scan")
    again = table[table["change"] != AS_IT_IS]
    apart = again["score"] - again["scan"].map(before["score"])
    for (_, row), difference in zip(again.iterrows(), apart, strict=True):
        why = _moved_most(before.loc[row["scan"]], row)
        print(
            f"{row['scan'][:38]:39s}{row['change']:8s}{row['score']:6.1f}{difference:+6.1f}  {why}"
        )
    for change, of_change in apart.abs().groupby(again["change"]):
        print(f"{change:8s} 95 % within {np.percentile(of_change, 95):.1f}")
    return {
        "retest_p95": round(float(np.percentile(apart.abs(), 95)), 2),
        "retest_within_2": round(float((apart.abs() <= 2).mean()), 3),
        "retest_cases": len(apart),
    }


def _moved_most(one: pd.Series, other: pd.Series) -> str:
    """Name the metrics whose penalties moved by more than two points, the most first."""
    found = []
    for name, anchor in builtin().anchors.items():
        pair = np.array([one[name], other[name]], dtype=np.float64)
        difference = float(abs(np.diff(np.nan_to_num(anchor.penalty(pair)))[0]))
        if difference > 2:
            found.append((difference, f"{name} {pair[0]:.3g} to {pair[1]:.3g}"))
    return "; ".join(text for _, text in sorted(found, reverse=True)[:4])


def main(arguments: list[str]) -> int:
    """Measure and print; 1 where there are no scans."""
    if not DATA.exists():
        print(f"no scans below {DATA}: nothing measured")
        return 1
    kept = Path(arguments[arguments.index("--keep") + 1]) if "--keep" in arguments else None
    table = measure(kept)
    if "--write" in arguments:
        names = [name for name in table if table[name].dtype == float or name in ("scan", "change")]
        table[names].to_csv(repeat_error.CASES_PATH, index=False, float_format="%.6g")
    print(json.dumps(report(table)))
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
