"""Tissue segmentation with its bias field: three Gaussians, the template's priors, a smooth field.

Expectation–maximisation after Van Leemput et al., IEEE TMI 18 (1999) 885–896: each class has one
intensity, the field is a polynomial in log-space, and an outlier class takes what is no tissue.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

#: Powers of x, y and z of the polynomial field, up to the third order, without the constant.
POWERS = tuple(
    (i, j, k) for i in range(4) for j in range(4) for k in range(4) if 0 < i + j + k <= 3
)
_ROUNDS = 14
_PRIOR_FLOOR = 0.06
_MAX_POINTS = 40_000


@dataclass(frozen=True)
class Tissues:
    """Intensity model of the brain: one Gaussian a tissue under a bias field.

    Parameters
    ----------
    means, deviations : array of float64, shape (3,)
        Corrected intensity of CSF, grey and white matter, and its standard deviation.
    coefficients : array of float64, shape (19,)
        Of the polynomial log bias field, in the order of :data:`POWERS`; coordinates run from -1 to 1.
    """

    means: NDArray[np.float64]
    deviations: NDArray[np.float64]
    coefficients: NDArray[np.float64]

    def log_bias_field(self, positions: Floats) -> Floats:
        """Return the natural logarithm of the bias field at ``positions`` of shape (N, 3)."""
        return self.coefficients.astype(np.float32) @ _basis(positions)[:-1]

    def posterior(self, values: Floats, priors: Floats, positions: Floats) -> Floats:
        """Return the probability of CSF, grey and white matter, shape (N, 3), each 0 to 1."""
        flat = np.asarray(values / np.exp(self.log_bias_field(positions)), dtype=np.float32)
        return self.tissue_probability(flat, priors)

    def tissue_probability(self, flat: Floats, priors: Floats) -> Floats:
        """Return the same for values whose bias field is corrected already."""
        return _posterior(flat, _softened(priors), self.means, self.deviations).T


def find_tissues(values: Floats, priors: Floats, positions: Floats) -> Tissues | None:
    """Fit tissues and bias field.

    Parameters
    ----------
    values : array of shape (N,)
        Intensity of the voxels inside the brain.
    priors : array of shape (N, 3)
        The template's probability of CSF, grey and white matter there.
    positions : array of shape (N, 3)
        Their positions, each coordinate from -1 to 1 over the brain.

    Returns
    -------
    Tissues or None
        ``None`` where there are too few voxels with signal.
    """
    has_signal = (
        values > 0.05 * np.percentile(values, 90) if len(values) else np.zeros(0, dtype=bool)
    )
    chosen = np.flatnonzero(has_signal)
    chosen = chosen[:: max(1, len(chosen) // _MAX_POINTS)]
    values, priors, positions = values[chosen], _softened(priors[chosen]), positions[chosen]
    if len(values) < 2000:
        return None
    basis = _basis(positions)
    means, deviations = _start(values, priors)
    coefficients = np.zeros(len(basis) - 1)
    logs = np.log(values)
    for round_ in range(_ROUNDS):
        flat = (values / np.exp(coefficients.astype(np.float32) @ basis[:-1])).astype(np.float32)
        share = _posterior(flat, priors, means, deviations)
        means, deviations = _moments(flat, share, means)
        if round_ >= 1:
            coefficients = _fit_field(logs, share, means, deviations, basis)
    return Tissues(means, deviations, coefficients)


def _softened(priors: Floats) -> Floats:
    """Return probabilities of shape (3, N) that leave each tissue a chance, from priors of shape (N, 3)."""
    priors = np.ascontiguousarray(priors.T)
    total = priors.sum(axis=0)
    probability = np.divide(priors, total, out=np.full_like(priors, 1 / 3), where=total > 0)
    return probability * (1 - 3 * _PRIOR_FLOOR) + np.float32(_PRIOR_FLOOR)


def _basis(positions: Floats) -> Floats:
    """Return the polynomial's terms, a row each, and ones, shape (20, N)."""
    powers = []
    for axis in np.ascontiguousarray(positions.T):
        square = axis * axis
        powers.append([np.ones_like(axis), axis, square, square * axis])
    rows = np.empty((len(POWERS) + 1, len(positions)), dtype=np.float32)
    for row, (i, j, k) in zip(rows, POWERS, strict=False):
        np.multiply(powers[0][i], powers[1][j], out=row)
        row *= powers[2][k]
    rows[-1] = 1
    return rows


def _start(values: Floats, priors: Floats) -> tuple[NDArray, NDArray]:
    """Start at the median of the voxels where each tissue is likeliest."""
    likeliest = priors.argmax(axis=0)
    overall = float(np.median(values))
    means = np.array(
        [
            np.median(values[likeliest == k]) if np.any(likeliest == k) else overall
            for k in range(3)
        ],
        dtype=np.float64,
    )
    return means, np.full(3, max(0.15 * overall, 1e-6))


def _posterior(flat: Floats, priors: Floats, means: NDArray, deviations: NDArray) -> Floats:
    """Return each tissue's probability, shape (3, N)."""
    means, deviations = (part.astype(np.float32)[:, None] for part in (means, deviations))
    z = (flat - means) / deviations
    density = priors * np.exp(-0.5 * np.minimum(z * z, 80)) / deviations
    # Outliers: as dense as a Gaussian 3 deviations off, so that what is no tissue moves nothing.
    outlier = np.float32(0.011 / deviations.mean())
    return density / (density.sum(axis=0) + outlier)


def _moments(flat: Floats, share: Floats, before: NDArray) -> tuple[NDArray, NDArray]:
    weight = share.sum(axis=1, dtype=np.float64) + 1e-9
    means = (share * flat).sum(axis=1, dtype=np.float64) / weight
    means = np.where(weight > 20, means, before)
    square = (share * (flat - means.astype(np.float32)[:, None]) ** 2).sum(axis=1) / weight
    floor = 0.01 * float(np.abs(means).max())
    return means, np.maximum(np.sqrt(square), floor).astype(np.float64)


def _fit_field(
    logs: Floats, share: Floats, means: NDArray, deviations: NDArray, basis: Floats
) -> NDArray[np.float64]:
    """Fit the polynomial to the residual of the tissues' intensity, CSF left out."""
    precision = (np.maximum(means, 1e-6) / deviations).astype(np.float32) ** 2
    grey, white = share[1] * precision[1], share[2] * precision[2]
    total = grey + white + np.float32(1e-9)
    levels = np.log(np.maximum(means, 1e-6)).astype(np.float32)
    expected = (grey * levels[1] + white * levels[2]) / total
    weighted = basis * total
    normal = (weighted @ basis.T).astype(np.float64)
    normal[np.diag_indices_from(normal)] += 1e-4 * np.trace(normal) / len(normal)
    right = (weighted @ (logs - expected)).astype(np.float64)
    return np.linalg.solve(normal, right)[:-1]
