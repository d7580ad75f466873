"""What is known of a scan's face, and what follows: whether it may be shown in 3D, and in which words."""

import enum
import json
import math

import pandas as pd

from curation.faces.face_region import SHOWN_ML

#: What is said wherever faces are offered to be taken out. Share: Schwarz et al. 2021, NeuroImage 231:117845.
LIMIT = (
    "An image without a face is no longer recognised at a glance, but it is not anonymous: after popular "
    "defacing, 28 to 38 % of faces were still matched with photographs (Schwarz et al. 2021); after this one "
    "it was not measured."
)
#: Flags of earlier versions that say that there is none.
_WITHOUT = frozenset({"skull_stripped", "defaced"})


class FaceState(enum.Enum):
    """Whether an image shows a face."""

    SHOWN = "shown"
    NONE = "none"
    UNKNOWN = "unknown"


def evidence(face_ml: float) -> str:
    """Return in words what a face was recognised by."""
    return f"{face_ml:.0f} ml of nose, cheeks, mouth and chin are there (from {SHOWN_ML:.0f} ml on)"


def state_of(row: pd.Series | None) -> FaceState:
    """Return what a scan's row of the metrics table tells of its face.

    Parameters
    ----------
    row : pandas.Series or None
        With ``face_ml`` and ``flags``, where they are; none where the scan is not measured.
    """
    if row is None:
        return FaceState.UNKNOWN
    ml = row.get("face_ml")
    if ml is not None and not math.isnan(ml):
        return FaceState.SHOWN if ml >= SHOWN_ML else FaceState.NONE
    written = row.get("flags")
    flags = json.loads(written) if isinstance(written, str) else {}
    return FaceState.NONE if _WITHOUT & flags.keys() else FaceState.UNKNOWN
