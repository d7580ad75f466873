"""Places of artefacts that a rater marked on the image, kept with what was on the screen of the rating."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

#: A place: x, y, z in mm of the scan's own space, as its header has it.
Place = tuple[float, float, float]
#: At most so many a rating; a mark this near to another one, in mm, takes that one away.
MOST, NEAR_MM = 30, 5.0
#: A mark farther out, in mm, is on no head.
FAR_MM = 2000.0
_KEY = "places"


def of(shown: Any) -> tuple[Place, ...]:
    """Return the places of a stored rating; none where it has none, or holds something else.

    >>> of({"places": [[1, 2.5, -3], "x", [1, 2]]}), of(None)
    (((1.0, 2.5, -3.0),), ())
    """
    held = shown.get(_KEY) if isinstance(shown, Mapping) else None
    found = [_place(each) for each in held] if isinstance(held, list | tuple) else []
    return tuple(each for each in found if each is not None)[:MOST]


def into(shown: Mapping[str, Any] | None, places: Sequence[Place]) -> dict[str, Any] | None:
    """Return what was on the screen with the places beside it; as it was where there are none."""
    if not places:
        return None if shown is None else dict(shown)
    return {**(shown or {}), _KEY: [list(each) for each in places]}


def toggled(places: Sequence[Place], place: Sequence[Any]) -> tuple[Place, ...]:
    """Return places with one more, or without those that are near to it.

    >>> toggled([(0.0, 0.0, 0.0)], (40, 0, 0)), toggled([(0.0, 0.0, 0.0)], (3, 0, 0))
    (((0.0, 0.0, 0.0), (40.0, 0.0, 0.0)), ())
    """
    new = _place(place)
    if new is None:
        return tuple(places)
    left = tuple(each for each in places if math.dist(each, new) > NEAR_MM)
    return left if len(left) < len(places) or len(left) >= MOST else (*left, new)


def _place(given: Any) -> Place | None:
    if not isinstance(given, list | tuple) or len(given) != 3:
        return None
    if not all(type(each) in (int, float) and abs(each) < FAR_MM for each in given):
        return None  # NaN is under no limit, too
    x, y, z = (round(float(each), 1) + 0.0 for each in given)
    return x, y, z
