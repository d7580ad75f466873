"""Registry of metrics, walked by screen, documentation, scores and tests."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from curation.metrics.scan_context import Scan

Direction = Literal["higher is worse", "higher is better", "describes the acquisition"]
Family = Literal[
    "noise", "motion", "blur", "contrast", "inhomogeneity", "incompleteness", "geometry"
]
Function = Callable[[Scan], float]
#: A point of the scan's 2 mm grid, as indices that need not be whole.
Point = NDArray[np.float64]


class Spot(NamedTuple):
    """A point of the grid; where a whole slice is meant, with the axis that the slice lies across."""

    point: Point
    axis: int | None = None


Finder = Callable[[Scan], Spot | Point | None]

#: The seven families of metrics, each with a sub-score of its own, in the order in which they are told.
FAMILIES: tuple[Family, ...] = get_args(Family)
#: The family of what is measured on the prepared volume: it has no sub-score.
PREPARED: Literal["prepared"] = "prepared"

#: What a metric may need of a scan; without it, it is not measurable and
#: :class:`curation.imaging.masks.Masks` says why.
NEEDS = frozenset({"air", "outside", "face", "brain", "tissues", "t1w"})


@dataclass(frozen=True)
class Metric:
    """One number measured on a scan.

    Parameters
    ----------
    name : str
        Key in :data:`METRICS`; MRIQC's name only where the definition is MRIQC's.
    label, unit, formula, meaning : str
        For the screen; ``meaning`` is one plain sentence.
    family : str
        The sub-score that it can count for; :data:`PREPARED` where it counts for none.
    direction : str
        What a higher value says.
    needs : frozenset of str
        A part of :data:`NEEDS`.
    citation : str
        Where the definition comes from.
    function : callable
        ``function(scan) -> float``; raises :class:`.NotMeasurable`.
    """

    name: str
    label: str
    family: Family | Literal["prepared"]
    direction: Direction
    unit: str
    formula: str
    meaning: str
    needs: frozenset[str]
    citation: str
    function: Function

    @property
    def can_be_scored(self) -> bool:
        """True where a reference may judge the scan by it: of the image as acquired, better or worse."""
        return self.family != PREPARED and self.direction != "describes the acquisition"


@dataclass(frozen=True)
class Place:
    """Where in a scan the thing that a metric measures is worst.

    Parameters
    ----------
    label : str
        What is there, in few words that follow "the".
    find : callable
        ``find(scan)`` returns a point or spot, ``None`` where there is nothing; raises
        :class:`.NotMeasurable` as the metric does.
    """

    label: str
    find: Finder

    def spot(self, scan: Scan) -> Spot | None:
        """Return where it is in a scan."""
        found = self.find(scan)
        return Spot(found) if isinstance(found, np.ndarray) else found


#: All metrics by name, filled by the modules of this package.
METRICS: dict[str, Metric] = {}
#: The places of those metrics that have one, by name; noise or blur concern the whole image.
PLACES: dict[str, Place] = {}


def place_of(name: str, label: str) -> Callable[[Finder], Finder]:
    """Put the decorated function into :data:`PLACES`."""

    def register(find: Finder) -> Finder:
        PLACES[name] = Place(label, find)
        return find

    return register


def metric(
    name: str,
    label: str,
    family: Family | Literal["prepared"],
    direction: Direction,
    *,
    unit: str = "",
    formula: str,
    meaning: str,
    needs: tuple[str, ...] = (),
    citation: str = "Tierscope",
) -> Callable[[Function], Function]:
    """Put the decorated function into :data:`METRICS`."""

    def register(function: Function) -> Function:
        METRICS[name] = Metric(
            name,
            label,
            family,
            direction,
            unit,
            formula,
            meaning,
            frozenset(needs),
            citation,
            function,
        )
        return function

    return register
