"""Registry of artefacts, and the intensity, noise and size of the head that they scale with."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from curation.metrics.registry import Family

Array = NDArray[np.float32]
Function = Callable[[Array, float, np.random.Generator], Array]


@dataclass(frozen=True)
class Artefact:
    """One kind of artefact.

    Parameters
    ----------
    name : str
        Key in :data:`ARTEFACTS`.
    label : str
        What people call it.
    family : str
        The sub-score that has to rise with it, where it is claimed to.
    meaning : str
        What happens at severity 1, in plain words.
    function : callable
        ``function(data, severity, rng)`` with float32 data ``[X, Y, Z]`` and a severity in (0, 1];
        returns an array of the same shape and leaves ``data`` as it is.
    claimed : bool
        False for what no measure tells from unusual anatomy: it makes that flag, and no score has to rise.
    """

    name: str
    label: str
    family: Family
    meaning: str
    function: Function
    claimed: bool = True


#: All artefacts by name.
ARTEFACTS: dict[str, Artefact] = {}


def apply(name: str, data: NDArray, severity: float, seed: int = 0) -> Array:
    """Return a distorted copy of a volume.

    Parameters
    ----------
    name : str
        Key in :data:`ARTEFACTS`.
    data : array of shape (X, Y, Z)
        Intensities in RAS order; finite.
    severity : float
        0 (identity, bit for bit) to 1 (the strongest that is made).
    seed : int
        Same seed, same artefact.

    Returns
    -------
    array of float32, shape (X, Y, Z)

    Raises
    ------
    KeyError
        When there is no artefact of that name.
    ValueError
        When ``severity`` is not within 0 to 1.
    """
    chosen = ARTEFACTS[name]
    if not 0.0 <= severity <= 1.0:
        raise ValueError(f"A severity is between 0 and 1; got {severity}.")
    volume = np.array(data, dtype=np.float32)
    if severity == 0.0 or not np.any(volume):
        return volume
    distorted = chosen.function(volume, float(severity), np.random.default_rng(seed))
    return np.ascontiguousarray(distorted, dtype=np.float32)


def register_artefact(
    name: str, label: str, family: Family, meaning: str, *, claimed: bool = True
) -> Callable[[Function], Function]:
    def register(function: Function) -> Function:
        ARTEFACTS[name] = Artefact(name, label, family, meaning, function, claimed)
        return function

    return register


# ---- what artefacts are relative to ----------------------------------------------------------------


def tissue_intensity(data: Array) -> float:
    """Return the intensity of tissue: the 90th percentile of the values above the mean."""
    return float(np.percentile(data[data > data.mean()], 90))


def noise_level(data: Array) -> float:
    """Return the standard deviation of the noise in the bright part, from differences of neighbours."""
    inner = data[1:-1, 1:-1, 1:-1]
    around = data[2:, 1:-1, 1:-1] + data[:-2, 1:-1, 1:-1] + data[1:-1, 2:, 1:-1]
    around = around + data[1:-1, :-2, 1:-1] + data[1:-1, 1:-1, 2:] + data[1:-1, 1:-1, :-2]
    rest = np.abs(inner - around / 6)[inner > 0.5 * tissue_intensity(data)]
    # The quieter half tells the noise; the louder one holds the edges of the anatomy.
    return float(np.sqrt(6 / 7) * np.percentile(rest, 25) / 0.3186) if len(rest) else 0.0


def head_extent(data: Array, axis: int) -> tuple[int, int]:
    """Return the first and last but one index along ``axis`` that holds more than air."""
    head = data > 0.2 * tissue_intensity(data)
    others = tuple(k for k in range(3) if k != axis)
    present = np.flatnonzero(head.mean(axis=others) > 0.005)
    return (int(present[0]), int(present[-1]) + 1) if len(present) else (0, data.shape[axis])
