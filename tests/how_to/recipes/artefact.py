"""A simulated artefact, as it is written beside the others of its kind."""

import numpy as np

from curation.simulation.artefacts.registry import Array, register_artefact


@register_artefact("speckle", "speckle", "noise", "each voxel is off by a quarter of its intensity")
def _speckle(data: Array, severity: float, rng: np.random.Generator) -> Array:
    gain = rng.standard_normal(data.shape, dtype=np.float32)
    return np.maximum(data * (1 + np.float32(0.25 * severity) * gain), 0)
