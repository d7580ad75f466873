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
        return _basis(positions) @ self.coefficients.astype(np.float32)

    def posterior(self, values: Floats, priors: Floats, positions: Floats) -> Floats:
        """Return the probability of CSF, grey and white matter, shape (N, 3), each 0 to 1."""
        flat = np.asarray(values / np.exp(self.log_bias_field(positions)), dtype=np.float32)
        return self.tissue_probability(flat, priors)

    def tissue_probability(self, flat: Floats, priors: Floats) -> Floats:
        """Return the same for values whose bias field is corrected already."""
        return _posterior(flat, _softened(priors), self.means, self.deviations)


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
    coefficients = np.zeros(basis.shape[1])
    logs = np.log(values)
    for round_ in range(_ROUNDS):
        flat = (values / np.exp(basis @ coefficients.astype(np.float32))).astype(np.float32)
        share = _posterior(flat, priors, means, deviations)
        means, deviations = _moments(flat, share, means)
        if round_ >= 1:
            coefficients = _fit_field(logs, share, means, deviations, basis)
    return Tissues(means, deviations, coefficients)


def _softened(priors: Floats) -> Floats:
    total = priors.sum(axis=1, keepdims=True)
    probability = np.divide(priors, total, out=np.full_like(priors, 1 / 3), where=total > 0)
    return probability * (1 - 3 * _PRIOR_FLOOR) + np.float32(_PRIOR_FLOOR)


def _basis(positions: Floats) -> Floats:
    x, y, z = positions.T
    powers = [[np.ones_like(axis), axis, axis**2, axis**3] for axis in (x, y, z)]
    return np.stack([powers[0][i] * powers[1][j] * powers[2][k] for i, j, k in POWERS], axis=1)


def _start(values: Floats, priors: Floats) -> tuple[NDArray, NDArray]:
    """Start at the median of the voxels where each tissue is likeliest."""
    likeliest = priors.argmax(axis=1)
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
    z = (flat[:, None] - means.astype(np.float32)) / deviations.astype(np.float32)
    density = priors * np.exp(-0.5 * np.minimum(z * z, 80)) / deviations.astype(np.float32)
    # Outliers: as dense as a Gaussian 3 deviations off, so that what is no tissue moves nothing.
    outlier = np.float32(0.011 / deviations.mean())
    return density / (density.sum(axis=1, keepdims=True) + outlier)


def _moments(flat: Floats, share: Floats, before: NDArray) -> tuple[NDArray, NDArray]:
    weight = share.sum(axis=0, dtype=np.float64) + 1e-9
    means = (share * flat[:, None]).sum(axis=0, dtype=np.float64) / weight
    means = np.where(weight > 20, means, before)
    square = (share * (flat[:, None] - means.astype(np.float32)) ** 2).sum(axis=0) / weight
    floor = 0.01 * float(np.abs(means).max())
    return means, np.maximum(np.sqrt(square), floor).astype(np.float64)


def _fit_field(
    logs: Floats, share: Floats, means: NDArray, deviations: NDArray, basis: Floats
) -> NDArray[np.float64]:
    """Fit the polynomial to the residual of the tissues' intensity, CSF left out."""
    precision = (np.maximum(means, 1e-6) / deviations).astype(np.float32) ** 2
    precision[0] = 0.0
    weights = share * precision
    total = weights.sum(axis=1) + 1e-9
    expected = (weights * np.log(np.maximum(means, 1e-6)).astype(np.float32)).sum(axis=1) / total
    design = np.column_stack([basis, np.ones(len(basis), dtype=np.float32)])
    weighted = design * total[:, None]
    normal = (design.T @ weighted).astype(np.float64)
    normal[np.diag_indices_from(normal)] += 1e-4 * np.trace(normal) / len(normal)
    right = (weighted.T @ (logs - expected)).astype(np.float64)
    return np.linalg.solve(normal, right)[:-1]
