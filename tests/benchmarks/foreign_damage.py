"""Damage that is not ours: TorchIO's ghosting, motion, noise and blur in ten severities.

TorchIO (Apache-2.0) is a dependency of this benchmark alone. Severity 10 is the middle or the end of what its
own random transforms draw from by default, severity 1 a tenth of it.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
SEVERITIES = tuple(range(1, 11))


def apply(name: str, data: Floats, affine: NDArray, severity: int, seed: int) -> Floats:
    """Return a scan damaged by TorchIO; what is drawn does not depend on the severity."""
    import torch
    import torchio

    torch.manual_seed(seed)
    image = torchio.ScalarImage(tensor=torch.from_numpy(data)[None], affine=affine)
    damaged = DAMAGES[name](torchio, severity / max(SEVERITIES), float(data.std()))(image)
    return np.maximum(damaged.numpy()[0], 0).astype(np.float32)


def _ghosting(torchio: Any, share: float, _: float) -> Callable[[Any], Any]:
    return torchio.RandomGhosting(num_ghosts=(4, 10), intensity=(share, share))


def _motion(torchio: Any, share: float, _: float) -> Callable[[Any], Any]:
    return torchio.RandomMotion(degrees=10 * share, translation=10 * share, num_transforms=2)


def _noise(torchio: Any, share: float, spread: float) -> Callable[[Any], Any]:
    return torchio.RandomNoise(mean=(0, 0), std=(0.25 * share * spread, 0.25 * share * spread))


def _blur(torchio: Any, share: float, _: float) -> Callable[[Any], Any]:
    return torchio.RandomBlur(std=(2 * share, 2 * share))


#: TorchIO's transforms by name: a function of the module, the share of the largest severity, and the
#: image's SD.
DAMAGES: dict[str, Callable[[Any, float, float], Callable[[Any], Any]]] = {
    "ghosting": _ghosting,
    "motion": _motion,
    "noise": _noise,
    "blur": _blur,
}
