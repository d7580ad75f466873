"""What a GPU compiles is one graph, and what it computes is as much as is said."""

import numpy as np
import pytest
import torch
from torch import nn

from tests.benchmarks import peak
from tests.benchmarks.training import flops
from training.models import masked_autoencoder, masking, networks
from training.models.contrast import View, ViewContrast
from training.models.masking import PatchMasks
from training.settings.backbones import BACKBONES
from training.settings.objectives import OBJECTIVES
from training.settings.preset import Preset
from training.settings.presets import PRESETS


def _network(preset: Preset, shares: torch.Tensor) -> nn.Module:
    loss = networks.reconstruction(preset, shares, seed=0)
    masked_autoencoder.use_fused_attention(loss, True)  # as on a GPU
    contrasts = OBJECTIVES[preset.objective].contrasts
    return ViewContrast(loss, preset, seed=0) if contrasts else loss


#: Of the other backbone one that reconstructs and one that contrasts; others differ in sizes alone.
OFTEN = ("gpu-base", "world")


@pytest.mark.parametrize(
    ("name", "backbone"),
    [
        pytest.param(
            name,
            backbone,
            marks=() if backbone == "vit" or name in OFTEN else pytest.mark.soak,
            id=f"{name}-{backbone}",
        )
        for name in PRESETS
        for backbone in BACKBONES
    ],
)
def test_the_network_of_a_preset_is_compiled_in_one_graph_forward_and_backward(
    name: str, backbone: str
) -> None:
    """On tensors without values: sizes are those of the preset, and nothing is computed."""
    preset = PRESETS[name]
    preset = preset.changed(preset.with_backbone(backbone) | {"pretrain_batch": 2})
    shares = torch.rand(int(np.prod(preset.grid)))
    model = _network(preset, shares).to("meta")
    sampled = masking.sample_masks(np.random.default_rng(0), 2, shares, preset)
    masks = PatchMasks(*(one.to("meta") for one in sampled))
    volumes = torch.empty(2, preset.channels, *preset.shape, device="meta")
    given = (volumes, masks)
    if isinstance(model, ViewContrast):
        given = (View(volumes, masks.kept), View(volumes, masks.kept), masks)  # type: ignore[assignment]
    graphs: list[torch.fx.GraphModule] = []

    def kept(graph: torch.fx.GraphModule, inputs: list) -> torch.fx.GraphModule:
        graphs.append(graph)
        return graph

    torch._dynamo.reset()
    compiled = torch.compile(model, backend=kept, fullgraph=True)  # a break would raise
    found = compiled(*given)
    loss = sum(one.sum() for one in found) if isinstance(found, tuple) else found
    loss.backward()  # type: ignore[union-attr]
    assert len(graphs) == 1
    learned = [one for one in model.parameters() if one.requires_grad]
    assert all(one.grad is not None for one in learned)
    torch._dynamo.reset()


@pytest.mark.parametrize("name", ["smoke", "laptop"])
def test_counted_operations_are_those_of_the_formula(name: str) -> None:
    preset = PRESETS[name].changed({"masking": "uniform"})
    assert 1e9 * peak.counted(preset).pretraining_gflop == pytest.approx(flops(preset), rel=0.05)


def test_counted_operations_of_a_u_net_are_those_of_its_convolutions() -> None:
    preset = PRESETS["gpu-base"]
    preset = preset.changed(preset.with_backbone("unet"))
    levels = [32, 64, 128, 256, 432]
    voxels = [np.prod(preset.shape) / 8**level for level in range(5)]
    down = [
        27 * (before * own + own * own) for before, own in zip([1, *levels], levels, strict=False)
    ]
    up = {}
    for level, after in ((3, 256), (2, 128), (1, 64), (0, 32)):
        below = {3: 432, 2: 256, 1: 128, 0: 64}[level]
        risen = below // 2 if level else below  # the last step keeps its channels
        up[level] = risen * below + 27 * ((levels[level] + risen) * after + after * after)
    products = sum(one * many for one, many in zip(down, voxels, strict=True))
    products += sum(one * voxels[level] for level, one in up.items()) + 32 * voxels[0]
    assert peak.counted(preset).pretraining_gflop == pytest.approx(6 * products / 1e9, rel=0.05)


def test_the_table_asks_readers_for_what_a_card_computes() -> None:
    one = peak.Counted(100.0, 50.0, 90.0, 1.1, 2.0)
    lines = peak.table({"gpu-base": one, "gpu-large": one}).splitlines()
    h100 = next(line for line in lines if "gpu-base" in line and "H100" in line)
    assert "| 3,956 | 7.9 GB/s | 8.09 ms | 2.5 GB, 0.75 ms |" in h100
