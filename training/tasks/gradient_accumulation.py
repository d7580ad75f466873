"""Gradient accumulation: a batch too large for the memory, worked through in micro-batches.

The optimiser steps once a batch, on the same gradient as without micro-batches.
"""

from collections.abc import Callable, Iterable
from itertools import pairwise

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from training.models.age_model import AgeModel
from training.tasks.batches import Batch


def micro_batches_of(batch: Batch, size: int, count: int) -> list[Batch]:
    """Split a batch into micro-batches of nearly equal size.

    Parameters
    ----------
    batch : dict of Tensor
        Each with ``size`` samples along its first axis.
    size, count : int
        Samples in the batch, and how many micro-batches to make of it, ``size`` at most.
    """
    bounds = np.linspace(0, size, count + 1).round().astype(int)
    return [
        {name: value[start:end] for name, value in batch.items()}
        for start, end in pairwise(bounds.tolist())
    ]


def add_gradients(
    fabric: Fabric,
    model: nn.Module,
    micro_batches: list[Batch],
    loss_of: Callable[[nn.Module, Batch], Tensor],
) -> Tensor:
    """Accumulate the gradient of a batch over its micro-batches, and return its loss.

    Parameters
    ----------
    fabric : Fabric
        Device, precision, and of how many processes this is one: they exchange gradients once a batch.
    model : nn.Module
        As Fabric set it up.
    micro_batches : list of dict
        From :func:`micro_batches_of`.
    loss_of : callable
        The loss of a micro-batch; those of all add up to the batch's.
    """
    total = torch.zeros((), dtype=torch.float64, device=fabric.device)
    for number, micro_batch in enumerate(micro_batches, start=1):
        more = fabric.world_size > 1 and number < len(micro_batches)
        with fabric.no_backward_sync(model, enabled=more):  # type: ignore[arg-type]
            loss = loss_of(model, micro_batch)
            fabric.backward(loss * fabric.world_size)  # processes are averaged
        total += loss.detach()
    return total


def add_cached_gradients(
    model: AgeModel, micro_batches: list[Tensor], loss_of: Callable[[Tensor], Tensor]
) -> Tensor:
    """Accumulate the gradient of a batch whose samples depend on each other, and return its loss.

    The head sees the features of the whole batch at once, so that its batch normalisation and its dropout
    are what they are without micro-batches; then the encoder goes over each micro-batch again for the
    gradient ("gradient caching", Gao et al. 2021, doi:10.18653/v1/2021.repl4nlp-1.31).

    Parameters
    ----------
    model : AgeModel
        In training.
    micro_batches : list of Tensor, [b, C, X, Y, Z]
        The volumes of the batch.
    loss_of : callable
        The loss from the standardised ages of all micro-batches together, a scalar.
    """
    with torch.no_grad():
        features = torch.cat([model.pooled(volumes) for volumes in micro_batches])
    features = features.float().requires_grad_()
    loss = loss_of(model.predict(features))
    loss.backward()
    if features.grad is not None and any(p.requires_grad for p in _but_head(model)):
        slopes = features.grad.split([len(volumes) for volumes in micro_batches])
        for volumes, slope in zip(micro_batches, slopes, strict=True):
            (model.pooled(volumes).float() * slope).sum().backward()
    return loss.detach()


def _but_head(model: AgeModel) -> Iterable[nn.Parameter]:
    return (p for name, p in model.named_parameters() if not name.startswith("head."))
