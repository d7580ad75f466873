"""Scaling rule of presets: the learning rate of pretraining by batch and width.

The rate grows with the square root of the batch, as Adam's noise asks (Malladi et al. 2022,
arXiv:2205.10287), and falls with the width of the encoder, as hidden matrices ask (Yang et al. 2022,
arXiv:2203.03466). For a vision transformer it goes through ``laptop``, which was found by search, and through
``smoke``; for a U-Net through the small twin that was searched for (``docs/benchmarks.md``).
"""

from math import sqrt

#: Rate, batch and width that each backbone's rule goes through.
_KNOWN = {"vit": (1e-3, 2, 192), "unet": (4e-3, 8, 54)}


def pretrain_lr(batch: int, width: int, backbone: str = "vit") -> float:
    """Return the highest learning rate of a pretraining.

    Parameters
    ----------
    batch : int
        Volumes a step.
    width : int
        Of the encoder (``hidden``).
    backbone : str
        In :data:`training.settings.backbones.BACKBONES`.

    Examples
    --------
    >>> pretrain_lr(2, 192), pretrain_lr(8, 96), pretrain_lr(32, 768)
    (0.001, 0.004, 0.001)
    >>> pretrain_lr(32, 432, "unet")
    0.001
    """
    rate, known_batch, known_width = _KNOWN[backbone]
    return rate * sqrt(batch / known_batch) * known_width / width
