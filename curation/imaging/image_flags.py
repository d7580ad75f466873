"""Flags of an image, such as stripped, defaced or rescaled, that limit the meaning of its numbers.

A flag is recognised, never guessed, and says nothing of quality. It names the metrics that have no value on
this scan, and why its score stands on fewer of them; missing parts themselves are kept by
:mod:`curation.imaging.masks` as ``absent``. A face is looked for by
:mod:`curation.faces.face_region`. Some are known only with a score, and stand beside it
(:mod:`curation.scoring.score_flags`). Flags are listed in the order of their weight for a reader.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from curation.imaging.masks import Masks
from curation.imaging.registered_grid import GRID_MM, nearest
from curation.imaging.volumes import Volume


@dataclass(frozen=True)
class Flag:
    """One flag: a kind of image that limits the meaning of its numbers.

    Parameters
    ----------
    key : str
        Key in :data:`FLAGS`.
    label : str
        A chip on the screen.
    meaning : str
        What it is, in one sentence.
    consequence : str
        What follows for the metrics.
    """

    key: str
    label: str
    meaning: str
    consequence: str


#: All flags by key, in the order in which they are shown.
FLAGS: dict[str, Flag] = {
    flag.key: flag
    for flag in (
        Flag(
            "unusual_anatomy",
            "Unusual anatomy: look",
            "The brain's size or shape is unlike that of healthy adults: a lesion, a resection, atrophy, a "
            "child's or a rare head, or else a bent image or a wrong voxel size.",
            "It counts for no score. Whether anatomy or the scanner is behind it, only a look can tell.",
        ),
        Flag(
            "skull_stripped",
            "Skull-stripped",
            "All around the brain was removed.",
            "What needs air or scalp is not measured: most of noise in air, ghosting, fold-over, entropy.",
        ),
        Flag(
            "defaced",
            "Defaced",
            "The face was removed to protect the person.",
            "The zeroed part is left out of the air; entropy (efc) is not measured.",
        ),
        Flag(
            "face",
            "Face",
            "Nose, cheeks, mouth and chin are in the image: the person could be recognised.",
            "It counts for no score. Thumbnails and reports show the brain alone, the viewer's planes the "
            "image as it is, and 3D is off but for simulated heads; see docs/privacy.md.",
        ),
        Flag(
            "face_unclear",
            "Face: cannot be told",
            "Noise, ghosts or a folded head lie where a face would be, as bright as one.",
            "It counts for no score. The scan is treated as one that shows a face; see docs/privacy.md.",
        ),
        Flag(
            "field_of_view_cut",
            "Field of view cut",
            "Part of the brain lies outside the image, or the image ends inside the brain.",
            "Incompleteness says how much is missing; from 3 % on, volumes and overlap of tissues are not "
            "measured.",
        ),
        Flag(
            "no_air",
            "No air",
            "Around the head there is no noise to measure on.",
            "What needs air is not measured; noise is judged inside white matter only.",
        ),
        Flag(
            "rescaled_8bit",
            "8 bits",
            "Brightness was stored in at most 256 steps.",
            "Fine grain may have been rounded off, above all in the air.",
        ),
        Flag(
            "low_resolution",
            "Low resolution",
            "Voxels are 1.8 mm or larger along each axis.",
            "Blur and noise were averaged away before they could be seen: both look better than they were.",
        ),
        Flag(
            "thick_slices",
            "Thick slices",
            "Slices are 2.5 mm or thicker, and twice as thick as wide.",
            "Detail along one axis is lost; tissues are told apart less well.",
        ),
        Flag(
            "not_t1w",
            "Not T1-weighted",
            "Grey matter is the brighter one, or the file's name says so.",
            "Contrast and agreement with the T1-weighted template are not measured.",
        ),
        Flag(
            "name_contradicted",
            "Name and image differ",
            "The image's own contrast is not the one that its name or table says.",
            "Look at it before it is used: in a study of one kind of image it may be another.",
        ),
        Flag(
            "no_orientation",
            "No orientation",
            "The header gives neither sform nor qform.",
            "Left and right have to be taken on trust.",
        ),
        Flag(
            "outside_reference",
            "Outside the reference",
            "The scan is of another age, scanner, resolution or kind than those by which scores are judged.",
            "The score is given, but what is usual for such scans may be counted as distortion, or the "
            "reverse.",
        ),
        Flag(
            "no_reference",
            "No reference",
            "The reference does not hold for this kind of image.",
            "It gets no score and no tier. A reference made from such scans (20 or more) can judge it.",
        ),
    )
}

_LOW_RESOLUTION_MM = 1.8
_THICK_MM, _THICK_RATIO = 2.5, 2.0
#: An image ends inside the brain where this area of it or more lies in the outermost slice; what has this
#: share of the brain's median signal is there, and no empty slice.
_CUT_CM2, _LIT = 5.0, 0.3
_EDGES = (
    ("the top", 2, -1),
    ("the front", 1, -1),
    ("the back", 1, 0),
    ("the right side", 0, -1),
    ("the left side", 0, 0),
)
_EIGHT_BITS = 256
#: Kinds in which white matter is brighter than grey and fluid the darkest, and kinds in which it is not.
_LIKE_T1W, _UNLIKE_T1W = ("T1w", "T1w-ce", "UNIT1"), ("T2w", "FLAIR", "PDw")
_DARKER = 0.9


def recognise(volume: Volume, masks: Masks, modality: str | None = None) -> dict[str, str]:
    """Return the flags of a scan.

    Parameters
    ----------
    volume : Volume
        In RAS order.
    masks : Masks
        Found on it.
    modality : str, optional
        BIDS suffix that the file's name gives.

    Returns
    -------
    dict of str to str
        For each flag of :data:`FLAGS` that holds, the evidence in one sentence.
    """
    found: dict[str, str] = {}
    absent = masks.absent
    of_masks = {
        "skull_stripped": "outside",
        "defaced": "face",
        "field_of_view_cut": "brain",
        "no_air": "air",
        "not_t1w": "t1w",
    }
    for key, part in of_masks.items():
        if part in absent:
            found[key] = absent[part]
    found |= _cut(masks)
    if "skull_stripped" in found:
        found.pop("defaced", None)
    if modality and modality != "T1w":
        found["not_t1w"] = f"the file's name says {modality}"
    if contradiction := _contradicted(masks, modality):
        found["name_contradicted"] = contradiction
    if levels := _few_levels(volume, masks):
        found["rescaled_8bit"] = f"stored as {volume.dtype}, with {levels} steps of brightness"
    if min(volume.spacing_mm) >= _LOW_RESOLUTION_MM:
        found["low_resolution"] = f"voxels of {_edges(volume)} mm"
    longest, shortest = max(volume.spacing_mm), min(volume.spacing_mm)
    if longest >= _THICK_MM and longest >= _THICK_RATIO * shortest:
        found["thick_slices"] = f"voxels of {_edges(volume)} mm"
    if not volume.orientation:
        found["no_orientation"] = "the header gives neither sform nor qform"
    return {key: found[key] for key in FLAGS if key in found}


def _cut(masks: Masks) -> dict[str, str]:
    """Return the flag of a cut field of view with how much and where.

    Where the brain alone was kept, an image that was cropped to it tells nothing.
    """
    where = "" if "outside" in masks.absent else _ends_in_brain(masks)
    told = [words for words in (masks.absent.get("brain"), where) if words]
    return {"field_of_view_cut": "; ".join(told)} if told else {}


def _ends_in_brain(masks: Masks) -> str:
    """Return where the image ends inside the brain; empty where it does not. The neck, below, is no brain."""
    inside = masks.signed_distance_mm > 0
    middle = float(np.median(masks.data[inside])) if inside.any() else 0.0
    at = []
    for word, axis, end in _EDGES:
        brain = inside.take(end, axis) & masks.valid_slices.take(end, axis)
        lit = masks.data.take(end, axis) > _LIT * middle
        if np.count_nonzero(brain & lit) * (GRID_MM / 10) ** 2 >= _CUT_CM2:
            at.append(word)
    return f"the image ends inside the brain at {' and '.join(at)}" if at else ""


def _contradicted(masks: Masks, modality: str | None) -> str | None:
    """Return in what a name and the order of brightness of the tissues differ."""
    if modality in _LIKE_T1W and "t1w" in masks.absent:
        return f"it is said to be {modality}, but {masks.absent['t1w']}"
    if (
        modality not in _UNLIKE_T1W
        or masks.tissues is None
        or {"tissues", "t1w"} & set(masks.absent)
    ):
        return None
    csf, grey, white = masks.tissues.means
    if csf < _DARKER * grey and grey < _DARKER * white:
        return (
            f"it is said to be {modality}, but white matter is the brightest and fluid the darkest"
        )
    return None


def _few_levels(volume: Volume, masks: Masks) -> int:
    """Return the number of steps of brightness where 8 bits explain it, else 0."""
    stored = volume.dtype in ("uint8", "int8")
    if not stored and not volume.dtype.startswith("float"):
        return 0
    levels: NDArray = np.unique(nearest(volume.data, masks.step, masks.data.shape))
    return len(levels) if stored or len(levels) <= _EIGHT_BITS else 0


def _edges(volume: Volume) -> str:
    return " × ".join(f"{edge:.3g}" for edge in volume.spacing_mm)
