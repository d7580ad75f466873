"""Random subsets of an arm's people: a share, one of several draws, at equal steps or equal passes.

``A-share-25-draw-1``: a quarter of the people of ``A``. A draw's smaller shares lie within its larger ones.
"""

import re
from dataclasses import dataclass

import numpy as np
import pandas as pd

_SPELLED = re.compile(
    r"(?P<of>.+)-share-(?P<percent>[1-9][0-9]?)-draw-(?P<draw>[1-9][0-9]?)(?P<passes>-passes)?"
)


@dataclass(frozen=True)
class Subset:
    """A random share of the people of an arm.

    Parameters
    ----------
    of : str
        Name of the arm.
    percent : int
        Share of its people, 1 to 99.
    draw : int
        Number of the draw, from 1; it is the seed.
    equal_passes : bool
        Fewer steps, so that each scan is seen as often as in the whole arm; else as many steps.
    """

    of: str
    percent: int
    draw: int
    equal_passes: bool = False

    @property
    def name(self) -> str:
        """Name of the arm that is pretrained on these scans."""
        passes = "-passes" * self.equal_passes
        return f"{self.of}-share-{self.percent}-draw-{self.draw}{passes}"

    @property
    def label(self) -> str:
        """Share and draw in words."""
        passes = ", as many passes" * self.equal_passes
        return f"{self.percent} % of the people at random (draw {self.draw}{passes})"


def parse(name: str) -> Subset | None:
    """Return the subset that an arm's name spells; none where it spells none.

    Examples
    --------
    >>> parse("A+B-share-25-draw-2-passes")
    Subset(of='A+B', percent=25, draw=2, equal_passes=True)
    """
    found = _SPELLED.fullmatch(name)
    if found is None:
        return None
    return Subset(found["of"], int(found["percent"]), int(found["draw"]), bool(found["passes"]))


def sample(members: pd.DataFrame, subset: Subset) -> list[str]:
    """Return the scans of a subset.

    Parameters
    ----------
    members : pandas.DataFrame
        ``scan_id`` and ``subject_id`` of the whole arm.
    subset : Subset
        Share and draw.

    Returns
    -------
    list of str
        ``scan_id``, sorted: all scans of ``round(percent / 100 × people)`` people, one at least.
    """
    people = np.sort(members["subject_id"].astype(str).unique())
    wanted = max(1, round(len(people) * subset.percent / 100))
    chosen = np.random.default_rng(subset.draw).permutation(people)[:wanted]
    return sorted(members.loc[members["subject_id"].astype(str).isin(chosen), "scan_id"])
