"""Texts as numbers, to be counted by."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Codes = NDArray[np.integer[Any]]

SEXES = ("F", "M")


@dataclass(frozen=True)
class Coded:
    """Texts as numbers.

    Parameters
    ----------
    codes : numpy.ndarray of int, shape (N,)
        Position in ``names``; ``len(names)`` where not known.
    names : tuple of str, L entries
        The different texts, in order.
    """

    codes: Codes
    names: tuple[str, ...]


def coded(values: pd.Series) -> Coded:
    """Return texts as numbers; missing ones are not known."""
    codes, names = pd.factorize(values.astype(object), sort=True)
    return Coded(np.where(codes < 0, len(names), codes), tuple(map(str, names)))


def sexes(values: pd.Series) -> Coded:
    """Read ``F``, ``female``, ``m`` and the like; where nothing reads so, keep the table's own codes."""
    codes, names = pd.factorize(values.astype(object))
    places = [{"F": 0, "M": 1}.get(str(name).upper()[:1], 2) for name in names]
    if not {0, 1} & set(places):
        return coded(values)
    return Coded(np.array([*places, 2], dtype=np.int64)[codes], SEXES)
