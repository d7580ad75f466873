"""Places of the slices of a DICOM series, by the positions in its headers."""

from collections import Counter
from dataclasses import dataclass

import numpy as np

from curation.dicom import dicom_header
from curation.dicom.dicom_header import DicomHeader

#: A gap between two slices so much wider than the others is a slice that is not there.
_GAP = 1.5
#: Slices so near to each other lie at one place, mm.
_SAME_MM = 0.01


@dataclass(frozen=True)
class Slices:
    """Places of the slices of a series, and what is missing between them.

    Parameters
    ----------
    images : int
        All of them.
    places : int
        Those that lie at different places.
    planes : int
        Directions in which they lie.
    apart_mm : float
        From one to the next; NaN where it is not told.
    missing : int
        How many are not there, by the gaps between the others.
    """

    images: int
    places: int
    planes: int
    apart_mm: float
    missing: int = 0

    @classmethod
    def of(cls, headers: list[DicomHeader]) -> "Slices":
        """Measure those of a series; a multi-frame file tells only how many it has."""
        images = sum(dicom_header.whole(header.values, "NumberOfFrames", 1) for header in headers)
        told = [
            (header.numbers("ImageOrientationPatient"), header.numbers("ImagePositionPatient"))
            for header in headers
        ]
        known = [
            np.array([*way, *place]) for way, place in told if (len(way), len(place)) == (6, 3)
        ]
        said = (headers[0].numbers("SpacingBetweenSlices") or headers[0].numbers("SliceThickness"))[
            :1
        ]
        apart = abs(said[0]) if said else np.nan
        if len(known) < 2 or images != len(headers):
            return cls(images, images, 1, apart)
        planes = Counter(tuple(np.round(one[:6], 2)) for one in known)
        normal = np.cross(known[0][:3], known[0][3:6])
        along = np.sort([one[6:] @ normal for one in known])
        along = along[np.diff(along, prepend=-np.inf) > _SAME_MM]
        gaps = np.diff(along)
        if len(planes) > 1 or not len(gaps):
            return cls(images, len(along), len(planes), apart)
        middle = float(np.median(gaps))
        missing = sum(round(gap / middle) - 1 for gap in gaps if gap > _GAP * middle)
        return cls(images, len(along), 1, middle, missing)
