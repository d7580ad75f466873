"""Scaling rule of presets: the learning rate of pretraining by batch and width.

The rate grows with the square root of the batch, as Adam's noise asks (Malladi et al. 2022,
arXiv:2205.10287), and falls with the width of the encoder, as hidden matrices ask (Yang et al. 2022,
arXiv:2203.03466). It goes through ``laptop``, which was found by search, and through ``smoke``.
"""

from math import sqrt

#: Rate, batch and width of ``laptop``.
_RATE, _BATCH, _WIDTH = 1e-3, 2, 192


def pretrain_lr(batch: int, width: int) -> float:
    """Return the highest learning rate of a pretraining.

    Parameters
    ----------
    batch : int
        Volumes a step.
    width : int
        Of the encoder (``hidden``).

    Examples
    --------
    >>> pretrain_lr(2, 192), pretrain_lr(8, 96), pretrain_lr(32, 768)
    (0.001, 0.004, 0.001)
    """
    return _RATE * sqrt(batch / _BATCH) * _WIDTH / width
