"""Scans made for one metric: arrays on a 2 mm grid with the masks that a test gives."""

import numpy as np

from curation.imaging.masks import Masks
from curation.imaging.volumes import Volume
from curation.metrics import METRICS, Scan

SHAPE = (60, 64, 62)


def make(data: np.ndarray, **parts: object) -> Scan:
    """A scan on a 2 mm grid with the masks that are given, everything else plain."""
    shape = data.shape
    none, all_ = np.zeros(shape, dtype=bool), np.ones(shape, dtype=bool)
    volume = Volume(
        data.astype(np.float32), np.diag([2.0, 2, 2, 1]), (2.0, 2.0, 2.0), "RAS", "int16"
    )
    defaults = {
        "data": volume.data,
        "step": np.ones(3),
        "valid_slices": all_,
        "head": all_,
        "brain": all_,
        "air": none,
        "cavities": none,
        "csf": none,
        "gm": none,
        "wm": none,
        "tissue_probability": np.zeros((*shape, 3), np.float32),
        "log_bias_field": np.zeros(shape, np.float32),
        "signed_distance_mm": np.full(shape, 20.0, np.float32),
        "tissue_priors": np.zeros((*shape, 3), np.float32),
        "template_intensity": np.zeros(shape, np.float32),
        "tissues": None,
        "grid_to_template": np.eye(4),
        "template_affine": np.eye(4),
        "similarity": 0.5,
        "absent": {},
    }
    return Scan(volume, Masks(**(defaults | parts)))  # type: ignore[arg-type]


def value(name: str, scan: Scan) -> float:
    return METRICS[name].function(scan)


def thirds() -> Scan:
    """Thirds of CSF, grey and white matter with known noise, and a slab of air."""
    rng = np.random.default_rng(0)
    data, masks = np.zeros(SHAPE), {}
    for index, (name, mean, spread) in enumerate(
        [("csf", 30, 4), ("gm", 70, 5), ("wm", 100, 3), ("air", 8, 2)]
    ):
        mask = np.zeros(SHAPE, dtype=bool)
        mask[:, index * 16 : (index + 1) * 16] = True
        data[mask] = rng.normal(mean, spread, mask.sum())
        masks[name] = mask
    masks["head"] = ~masks["air"]
    probability = np.stack([masks["csf"], masks["gm"], masks["wm"]], axis=-1).astype(np.float32)
    return make(data, **masks, tissue_probability=probability)
