"""Learning rates and random seeds: schedule by step, parameter groups of the optimiser, seed of a step."""

import math
from dataclasses import dataclass

from torch import nn

from training.models.age_model import AgeModel, PooledAgeModel
from training.settings.preset import Preset


@dataclass(frozen=True)
class Schedule:
    """Length of a training and its learning rate: linear warm-up, then half a cosine to 0.

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

    Examples
    --------
    >>> schedule = Schedule(seed=0, epochs=2, steps=5, lr=1.0, warmup=0.2, clip_norm=1.0)
    >>> [round(schedule.lr_at(step), 2) for step in range(10)]
    [0.5, 1.0, 1.0, 0.96, 0.85, 0.69, 0.5, 0.31, 0.15, 0.04]
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
    """Return a seed for one step of one run, spread over 63 bits (a SplitMix64 step).

    Examples
    --------
    >>> step_seed(0, 0) == step_seed(0, 1)
    False
    >>> 0 <= step_seed(7, 1_000_000) < 2**63
    True
    """
    mixed = (seed * 0x9E3779B97F4A7C15 + step * 0xBF58476D1CE4E5B9 + 1) & 0xFFFFFFFFFFFFFFFF
    mixed = ((mixed ^ (mixed >> 30)) * 0x94D049BB133111EB) & 0xFFFFFFFFFFFFFFFF
    return (mixed ^ (mixed >> 31)) >> 1


def split_decay(
    parameters: list[nn.Parameter], weight_decay: float, lr_scale: float = 1.0
) -> list[dict]:
    """Split parameters into AdamW's groups: matrices, which decay, and vectors, which do not.

    Parameters
    ----------
    parameters : list of Parameter
        Each is put into one group.
    weight_decay : float
        Of matrices.
    lr_scale : float
        Factor of the learning rate of the schedule.
    """
    matrices = [parameter for parameter in parameters if parameter.squeeze().ndim > 1]
    vectors = [parameter for parameter in parameters if parameter.squeeze().ndim <= 1]
    groups = [
        {"params": matrices, "weight_decay": weight_decay, "lr_scale": lr_scale},
        {"params": vectors, "weight_decay": 0.0, "lr_scale": lr_scale},
    ]
    return [group for group in groups if group["params"]]


def parameter_groups(model: AgeModel, preset: Preset) -> list[dict]:
    """Return AdamW's groups for fine-tuning, each with its ``lr_scale``.

    Of a pretrained encoder, ``lr_scale`` falls by ``layer_decay`` a layer (Clark et al. 2020, ELECTRA;
    as He et al. 2022, appendix A): lower blocks learn slower than upper ones. An untrained network has
    nothing to keep: all of it learns at one rate.
    """
    if not isinstance(model, PooledAgeModel):
        return split_decay([p for p in model.parameters() if p.requires_grad], preset.weight_decay)
    layers, decay = len(model.blocks), preset.layer_decay if model.pretrained else 1.0
    depths: dict[int, list[nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            depths.setdefault(_depth(name, layers), []).append(parameter)
    return [
        group
        for depth, parameters in sorted(depths.items())
        for group in split_decay(parameters, preset.weight_decay, decay ** (layers - depth))
    ]


def _depth(name: str, layers: int) -> int:
    """Return 0 for the patch embedding, block + 1 for a block, ``layers`` for norm and head."""
    part, _, rest = name.partition(".")
    if part == "blocks":
        return min(int(rest.partition(".")[0]) + 1, layers)
    return 0 if part in {"patch_embedding", "cls_token"} else layers
