"""What a card at full speed asks of readers, counted: ``python -m tests.benchmarks.peak``.

Needs no GPU. The floating-point operations of a volume, forward and backward, are counted by torch on tensors
without values; bytes follow from sizes. Prints the table of ``docs/training.md``; the last line is JSON, by
preset: GFLOP a volume while pretraining and fine-tuning, million weights, GB of a checkpoint, MB of a volume.
"""

import json
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from curation.imaging import prepared_volume
from training.models import masked_autoencoder, masking, networks
from training.models.contrast import View, ViewContrast
from training.models.masking import PatchMasks
from training.models.patches import patch_weights
from training.settings.objectives import OBJECTIVES
from training.settings.preset import Preset
from training.settings.presets import PRESETS

#: Share of a card's nominal peak that is asked for.
SHARE = 0.4
#: Bytes that AdamW reads and writes a weight: weight, gradient and both moments, all but the gradient back.
ADAMW_BYTES = 28
_VOLUMES = 2


class Card(NamedTuple):
    """A card by its data sheet.

    Parameters
    ----------
    name : str
        As sold.
    flops : float
        Dense products of bfloat16 matrices with sums in float32, operations a second.
    bandwidth : float
        Of its memory, bytes a second.
    """

    name: str
    flops: float
    bandwidth: float


CARDS = (
    Card("RTX 4090", 165e12, 1.008e12),
    Card("A100 80 GB", 312e12, 2.039e12),
    Card("H100 SXM", 989e12, 3.35e12),
)


class Counted(NamedTuple):
    """What was counted of a preset."""

    pretraining_gflop: float
    finetuning_gflop: float
    million_weights: float
    checkpoint_gb: float
    volume_mb: float


def counted(preset: Preset) -> Counted:
    """Count a preset: operations a volume, weights that are trained, bytes."""
    shares = patch_weights(prepared_volume.template_brain(preset), preset.patch)
    loss = networks.reconstruction(preset, shares, seed=0)
    trained: nn.Module = loss
    if OBJECTIVES[preset.objective].contrasts:
        trained = ViewContrast(loss, preset, seed=0)
    age = networks.age_model(
        networks.build(preset, seed=0),
        preset,
        head_seed=0,
        positions=masking.usable(shares, preset),
    )
    volumes = torch.empty(_VOLUMES, preset.channels, *preset.shape, device="meta")
    masks = _masks(preset, shares)
    weights = sum(one.numel() for one in trained.parameters() if one.requires_grad)
    stored = sum(one.numel() for one in trained.state_dict().values())
    return Counted(
        _flops(trained.to("meta"), _shown(trained, volumes, masks)) / 1e9,
        _flops(age.to("meta"), (volumes,)) / 1e9,
        weights / 1e6,
        4 * (stored + 2 * weights) / 1e9,
        2 * preset.channels * float(np.prod(preset.shape)) / 1e6,
    )


def _masks(preset: Preset, shares: Tensor) -> PatchMasks:
    sampled = masking.sample_masks(np.random.default_rng(0), _VOLUMES, shares, preset)
    return PatchMasks(*(one.to("meta") for one in sampled))


def _shown(trained: nn.Module, volumes: Tensor, masks: PatchMasks) -> tuple:
    if isinstance(trained, ViewContrast):
        return View(volumes, masks.kept), View(volumes, masks.kept), masks
    return volumes, masks


def _flops(model: nn.Module, given: tuple) -> float:
    """Return the operations of one volume, forward and backward."""
    masked_autoencoder.use_fused_attention(model, False)  # the same products, which torch can count
    with FlopCounterMode(display=False) as counter:
        found = model(*given)
        sum(one.sum() for one in (found if isinstance(found, tuple) else (found,))).backward()
    return counter.get_total_flops() / _VOLUMES


def table(found: dict[str, Counted]) -> str:
    """Return what was counted, and what each card asks for at :data:`SHARE` of its peak, as Markdown."""
    lines = [
        "| preset | GFLOP a volume, pretraining | fine-tuning | weights | checkpoint | volume on disk |",
        "|---|---|---|---|---|---|",
    ]
    for name, one in found.items():
        lines.append(
            f"| `{name}` | {one.pretraining_gflop:,.4g} | {one.finetuning_gflop:,.4g} | "
            f"{one.million_weights:.3g} million | {one.checkpoint_gb:.2g} GB | {one.volume_mb:.3g} MB |"
        )
    lines += [
        "",
        "| preset | card | volumes a second | readers deliver | a step computes | AdamW moves |",
        "|---|---|---|---|---|---|",
    ]
    for name in (name for name in found if name.startswith("gpu-")):
        one, batch = found[name], PRESETS[name.partition("+")[0]].pretrain_batch
        for card in CARDS:
            speed = SHARE * card.flops / (1e9 * one.pretraining_gflop)
            moved = 1e6 * one.million_weights * ADAMW_BYTES
            moved_ms = 1000 * moved / card.bandwidth
            lines.append(
                f"| `{name}` | {card.name} | {speed:,.0f} | {speed * one.volume_mb / 1000:.2g} GB/s | "
                f"{1000 * batch / speed:.3g} ms | {moved / 1e9:.2g} GB, {moved_ms:.2g} ms |"
            )
    return "\n".join(lines)


def main() -> None:
    """Print the table and JSON."""
    found = {name: counted(preset) for name, preset in PRESETS.items()}
    for name in ("gpu-base", "gpu-large"):
        preset = PRESETS[name]
        found[f"{name}+unet"] = counted(preset.changed(preset.with_backbone("unet")))
    print(table(found))
    print(json.dumps({name: one._asdict() for name, one in found.items()}))


if __name__ == "__main__":
    main()
