"""How long and how fast a run is trained, and what seeds each of its steps; without torch."""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Schedule:
    """How long and how fast.

    Parameters
    ----------
    seed : int
        Of everything random in the run.
    epochs, steps : int
        Epochs, and optimiser steps in each.
    lr : float
        Highest learning rate.
    warmup : float
        Share of all steps over which it rises.
    clip_norm : float
        Largest norm of the gradient.
    """

    seed: int
    epochs: int
    steps: int
    lr: float
    warmup: float
    clip_norm: float

    def lr_at(self, step: int) -> float:
        """Return the learning rate of a step (from 0): a linear rise, then half a cosine to 0."""
        total = self.epochs * self.steps
        rise = max(1, round(self.warmup * total))
        if step < rise:
            return self.lr * (step + 1) / rise
        return self.lr * 0.5 * (1 + math.cos(math.pi * (step - rise) / max(1, total - rise)))


def step_seed(seed: int, step: int) -> int:
    """Return a seed for one step of one run, spread over 63 bits (a SplitMix64 step)."""
    mixed = (seed * 0x9E3779B97F4A7C15 + step * 0xBF58476D1CE4E5B9 + 1) & 0xFFFFFFFFFFFFFFFF
    mixed = ((mixed ^ (mixed >> 30)) * 0x94D049BB133111EB) & 0xFFFFFFFFFFFFFFFF
    return (mixed ^ (mixed >> 31)) >> 1
