"""What is known of a scan's face, and what follows: whether it may be shown in 3D, and in which words."""

import enum
import json
import math

import pandas as pd

from curation.faces.face_region import SHOWN_ML, FaceSeen

#: What is said wherever faces are offered to be taken out. Share: Schwarz et al. 2021, NeuroImage 231:117845.
LIMIT = (
    "An image without a face is no longer recognised at a glance, but it is not anonymous: after popular "
    "defacing, 28 to 38 % of faces were still matched with photographs (Schwarz et al. 2021); after this one "
    "it was not measured."
)
#: The flag of what cannot be told, and what is said of it.
UNCLEAR = "face_unclear"
CANNOT_BE_TOLD = (
    "whether it shows a face cannot be told: noise, ghosts or a folded head are as bright as tissue where a "
    "face would be; it is treated as one that does"
)
#: Flags of earlier versions that say that there is none.
_WITHOUT = frozenset({"skull_stripped", "defaced"})


class FaceState(enum.Enum):
    """Whether an image shows a face. Where it cannot be told, it is treated as one that does."""

    SHOWN = "shown"
    IN_PART = "in part"
    UNCLEAR = "unclear"
    NONE = "none"
    UNKNOWN = "unknown"


def evidence(face_ml: float) -> str:
    """Return in words what a face was recognised by."""
    return f"{face_ml:.0f} ml of nose, cheeks, mouth and chin are there (from {SHOWN_ML:.0f} ml on)"


def flag_of(seen: FaceSeen) -> dict[str, str]:
    """Return the flag of a scan that shows a face, or may show one, with its evidence; else nothing."""
    if seen.unclear:
        return {UNCLEAR: CANNOT_BE_TOLD}
    return {"face": evidence(seen.ml)} if seen.shown else {}


def state_of(row: pd.Series | None) -> FaceState:
    """Return what a scan's row of the metrics table tells of its face.

    Parameters
    ----------
    row : pandas.Series or None
        With ``face_ml`` and ``flags``, where they are; none where the scan is not measured.
    """
    if row is None:
        return FaceState.UNKNOWN
    written = row.get("flags")
    flags = json.loads(written) if isinstance(written, str) else {}
    ml = row.get("face_ml")
    if ml is not None and not math.isnan(ml):
        if ml < SHOWN_ML:
            return FaceState.NONE
        if UNCLEAR in flags:
            return FaceState.UNCLEAR
        return FaceState.IN_PART if "defaced" in flags else FaceState.SHOWN
    return FaceState.NONE if _WITHOUT & flags.keys() else FaceState.UNKNOWN
