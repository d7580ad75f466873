"""Bias field by N4 on a coarse grid, as MRIQC measures it.

The field that is divided out before other metrics is fitted together with the tissues, see
:mod:`curation.imaging.tissue_segmentation`.

N4 is written out here because SimpleITK's evaluates splines anew in every one of its iterations, a second a
scan. At the few thousand points of the coarse brain, a spline is one sparse matrix a level of its mesh, made
once; steps and stops are those of SimpleITK's filter with its defaults, and a test holds the two together.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

#: Every third point of the 2 mm grid: the field is far smoother than that; from fewer points it depends on
#: which of them are taken.
_EVERY = 3
#: Percentiles between which a brain's brightness ranges; its extremes are those of single points.
_RANGE = (1, 99)
#: Share of a bright point's brightness below which there is no signal.
_LEAST = 0.05
#: Cells of the spline's mesh along each axis, a level each, and the most steps of a level.
_LEVELS, _ITERATIONS = (1, 2, 4, 8), 50
#: A level ends where a step changes the field by a smaller coefficient of variation.
_STILL = 0.001
_BINS, _PADDED = 200, 512
#: Width of the Gaussian by which the field blurs log-intensities, and noise of the Wiener filter.
_FWHM, _WIENER_NOISE = 0.15, 0.01


def n4_field(data: Floats, inside: NDArray[np.bool_]) -> Floats:
    """Estimate the bias field inside a mask (N4, Tustison et al., IEEE TMI 29 (2010) 1310–1320).

    Parameters
    ----------
    data : array of float32, shape (X, Y, Z)
        Intensity on a 2 mm grid, averaged.
    inside : array of bool, shape (X, Y, Z)
        The brain.

    Returns
    -------
    array of float32, shape (N,)
        The field at every third point of the grid inside the brain, scaled so that the corrected brain keeps
        its range of intensity, as ANTs does with ``--rescale-intensities``, but from the 1st to the 99th
        percentile; empty where there is no brain.
    """
    part, brain = coarse_brain(data, inside)
    if min(part.shape) < 4 or brain.sum() < 100 or np.ptp(part[brain]) == 0:
        return np.zeros(0, dtype=np.float32)
    field = np.exp(np.clip(n4_log_field(part, brain), -10, 10))
    before, after = (
        float(np.diff(np.percentile(values, _RANGE))[0])
        for values in (part[brain], part[brain] / field)
    )
    if before <= 0:
        return np.zeros(0, dtype=np.float32)
    return np.asarray(field * after / before, dtype=np.float32)


def coarse_brain(data: Floats, inside: NDArray[np.bool_]) -> tuple[Floats, NDArray[np.bool_]]:
    """Return every third point of the box around the brain, and which of them are brain with signal."""
    where = np.nonzero(inside)
    if not len(where[0]):
        return np.zeros((0, 0, 0), np.float32), np.zeros((0, 0, 0), bool)
    box = tuple(slice(max(0, int(k.min()) - 2), int(k.max()) + 3, _EVERY) for k in where)
    part, brain = np.ascontiguousarray(data[box]), inside[box]
    if not brain.any():
        return part, brain
    # A point of next to nothing would stretch the histogram of logarithms until nothing is told apart in it.
    return part, brain & (part > _LEAST * float(np.percentile(part[brain], 90)))


def n4_log_field(data: Floats, inside: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the natural logarithm of N4's field at the points of a mask.

    Parameters
    ----------
    data : array of shape (X, Y, Z)
        Intensity, above 0 inside the mask.
    inside : array of bool, shape (X, Y, Z)
        Where to look; the mesh spans the whole array.

    Returns
    -------
    array of float64, shape (N,)
    """
    logs = np.log(data[inside].astype(np.float64))
    where = [index / (n - 1) for index, n in zip(np.nonzero(inside), data.shape, strict=True)]
    field = np.zeros_like(logs)
    for cells in _LEVELS:
        spline = _spline(where, cells)
        squares = spline.power(2)
        weights = np.asarray(squares.sum(axis=0)).ravel()
        spread = spline.power(3).T.tocsr()
        of_points = np.asarray(squares.sum(axis=1)).ravel()
        for _ in range(_ITERATIONS):
            flat = logs - field
            values = spread @ ((flat - _sharpened(flat)) / of_points)
            step = spline @ np.divide(values, weights, out=np.zeros_like(values), where=weights > 0)
            field = field + step
            ratio = np.exp(-step)
            if np.std(ratio, ddof=1) / np.mean(ratio) <= _STILL:
                break
    return field


def _spline(where: list[NDArray[np.float64]], cells: int) -> Any:
    """Return the cubic B-splines of a mesh at some points, shape (points, (cells + 3)³), sparse.

    ``where`` holds the coordinates, 0 to 1 over the mesh.
    """
    from scipy import sparse

    index, weight = np.zeros((len(where[0]), 1), dtype=np.int64), np.ones((len(where[0]), 1))
    for along in where:
        place = np.minimum(along * cells, cells - 1e-9)
        cell = place.astype(np.int64)
        t = (place - cell)[:, None]
        four = np.hstack(
            [(1 - t) ** 3, 3 * t**3 - 6 * t**2 + 4, -3 * t**3 + 3 * t**2 + 3 * t + 1, t**3]
        )
        control = cell[:, None] + np.arange(4)
        index = (index[:, :, None] * (cells + 3) + control[:, None]).reshape(len(t), -1)
        weight = (weight[:, :, None] * (four / 6)[:, None]).reshape(len(t), -1)
    rows = np.arange(0, index.size + 1, index.shape[1])
    return sparse.csr_matrix(
        (weight.ravel().astype(np.float32), index.ravel(), rows),
        shape=(len(index), (cells + 3) ** 3),
    )


def _sharpened(logs: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return log-intensities as they were before a Gaussian field blurred their histogram."""
    low = logs.min()
    width = float(logs.max() - low) / (_BINS - 1)
    place = (logs - low) / width
    below = np.minimum(place.astype(np.int64), _BINS - 1)
    share = place - below
    counts = np.bincount(below, 1 - share, _BINS + 1) + np.bincount(below + 1, share, _BINS + 1)
    start = (_PADDED - _BINS) // 2
    padded = np.zeros(_PADDED)
    padded[start : start + _BINS] = counts[:_BINS]
    blur = np.fft.rfft(_gaussian(_FWHM / width))
    filter_ = (np.conj(blur) / (np.conj(blur) * blur + _WIENER_NOISE)).real
    sharp = np.maximum(np.fft.irfft(np.fft.rfft(padded) * filter_, _PADDED), 0)
    levels = low + (np.arange(_PADDED) - start) * width
    above, under = (
        np.fft.irfft(np.fft.rfft(part) * blur, _PADDED) for part in (levels * sharp, sharp)
    )
    expected = np.divide(above, under, out=np.zeros(_PADDED), where=under != 0)
    return np.interp(place, np.arange(_BINS), expected[start : start + _BINS])


def _gaussian(fwhm: float) -> NDArray[np.float64]:
    """Return a Gaussian of this width in bins, its middle at 0, around a circle of ``_PADDED`` bins."""
    apart = np.minimum(np.arange(_PADDED), _PADDED - np.arange(_PADDED))
    return 2 * np.sqrt(np.log(2) / np.pi) / fwhm * np.exp(-4 * np.log(2) * (apart / fwhm) ** 2)
