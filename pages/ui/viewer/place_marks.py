"""Places on the image: rings around those that raters pointed at, and one that the cross hair is sent to."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import streamlit as st

from curation.ratings.artefact_places import Place
from curation.storage import files
from curation.wording import plural
from pages.ui.viewer.laid_over import Overlay

#: NiiVue's name of their colour, and the colour.
COLOUR_MAP, COLOUR = "blue2magenta", "#FF00FF"
#: A ring's radius and width, and the grid on which it is drawn, in mm.
_RADIUS_MM, _WIDTH_MM, _GRID_MM = 8.0, 2.0, 1.0
#: At most so many voxels of the grid: marks far apart on a large field of view get a coarser one.
_MOST_VOXELS = 4_000_000


@dataclass(frozen=True)
class Marks:
    """Places of artefacts on the image.

    Parameters
    ----------
    places : tuple of (x, y, z)
        In mm: of the rating in the making, and of ratings that the scan has.
    on_mark : callable, optional
        Is told a place that is marked, or marked once more.
    """

    places: tuple[Place, ...]
    on_mark: Callable[[list[float]], None] | None


@dataclass(frozen=True)
class Aim:
    """A place that the cross hair is sent to, once.

    Parameters
    ----------
    place : (x, y, z)
        In mm of the scan's space.
    said : str
        What is there, for the line below the image.
    asked_ms : int
        When it was asked for: tells one sending from another.
    """

    place: Place
    said: str
    asked_ms: int


def say(count: int) -> None:
    """Draw how many places are marked and not saved yet, and how a mark is taken away; nothing of none."""
    if count:
        st.caption(
            f"{plural(count, 'place is', 'places are')} marked (ring) and saved with your rating. To take a "
            "mark away, put the cross hair on it and press Q again."
        )


def counted(places: Sequence[Place]) -> str:
    """Return how many places are marked, to stand before what else is said of an image; empty of none."""
    return f"{plural(len(places), 'place')} marked · " if places else ""


def overlay(places: Sequence[Place]) -> list[Overlay]:
    """Return what is laid over the image for some places: a shell around each, a ring in every plane.

    Parameters
    ----------
    places : sequence of (x, y, z)
        In mm of the scan's space.

    Returns
    -------
    list of Overlay
        One, or none without places.
    """
    if not places:
        return []
    points = np.array(places, dtype=float)
    reach = _RADIUS_MM + 2 * _WIDTH_MM
    low, high = points.min(axis=0) - reach, points.max(axis=0) + reach
    step = max(_GRID_MM, float((np.prod(high - low) / _MOST_VOXELS) ** (1 / 3)))
    shape = np.ceil((high - low) / step).astype(int) + 1
    axes = [start + step * np.arange(count) for start, count in zip(low, shape, strict=True)]
    mask = np.zeros(shape, dtype=bool)
    for point in points:
        squares = [(axis - at) ** 2 for axis, at in zip(axes, point, strict=True)]
        away = np.sqrt(
            squares[0][:, None, None] + squares[1][None, :, None] + squares[2][None, None, :]
        )
        mask |= np.abs(away - _RADIUS_MM) <= max(_WIDTH_MM, step) / 2
    affine = np.diag([step, step, step, 1.0])
    affine[:3, 3] = low
    key = f"places-{files.short_hash(repr(points.tolist()))}"
    return [Overlay(key, COLOUR_MAP, mask, affine, 0.9)]
