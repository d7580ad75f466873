"""The U-Net as a backbone: what it is shown, predicts, hands on to fine-tuning, and how large it is."""

from pathlib import Path

import numpy as np
import pytest
import torch

from curation.errors import StudyError
from tests.helpers.workspace_trainable import TINY_PRESET, UNET
from training.models import masked_autoencoder, masking, networks
from training.models.age_model import PooledAgeModel
from training.models.masked_autoencoder import ReconstructionLoss
from training.models.masking import PatchMasks
from training.models.patches import patchify, unpatchify
from training.settings import backbones
from training.settings.backbones import BACKBONES
from training.settings.preset_scaling import pretrain_lr
from training.settings.presets import PRESETS
from training.tasks import checkpoints
from training.tasks.schedule import parameter_groups

PRESET = TINY_PRESET.changed(UNET | {"centred": True})
COUNT = int(np.prod(PRESET.grid))


def _loss(seed: int = 0) -> ReconstructionLoss:
    loss = networks.reconstruction(PRESET, torch.ones(COUNT), seed=seed).eval()
    torch.manual_seed(3)
    loss.set_mean_patches([torch.randn(3, 1, *PRESET.shape)])
    return loss


def _volumes_and_masks() -> tuple[torch.Tensor, PatchMasks]:
    torch.manual_seed(1)
    volumes = torch.randn(2, 1, *PRESET.shape)
    masks = masking.sample_masks(np.random.default_rng(0), 2, torch.ones(COUNT), PRESET)
    return volumes, masks


def test_in_place_of_vit_b_it_has_nineteen_million_weights_and_the_rate_of_the_rule() -> None:
    preset = PRESETS["gpu-base"]
    preset = preset.changed(preset.with_backbone("unet"))
    network = networks.build(preset, seed=0)
    assert sum(one.numel() for one in network.parameters()) == pytest.approx(19e6, rel=0.03)
    assert preset.pretrain_lr == pretrain_lr(preset.pretrain_batch, preset.hidden, "unet")


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_has_a_backbone_of_each_kind_and_is_written_down_with_it(name: str) -> None:
    preset = PRESETS[name]
    for backbone in BACKBONES:
        other = preset.changed(preset.with_backbone(backbone))
        assert other.backbone == backbone
        assert type(other).from_dict(other.as_dict()) == other
        assert ("backbone" in other.as_dict()) == (backbone != "vit")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"backbone": "resnet"}, "backbone is one of vit, unet"),
        ({"shape": (12, 24, 20)}, "16 voxels or more"),
        ({"hidden": 2}, "as the finest"),
        ({"hidden": 25}, "even number of channels"),
    ],
)
def test_what_a_u_net_cannot_be_is_refused_in_words(changes: dict, words: str) -> None:
    with pytest.raises(StudyError, match=words):
        PRESET.changed(changes)


def test_a_seed_gives_the_same_weights_and_another_gives_others() -> None:
    one, same, other = (networks.build(PRESET, seed=seed).state_dict() for seed in (1, 1, 2))
    name = "conv_0.conv_0.conv.weight"
    assert torch.equal(one[name], same[name]) and not torch.equal(one[name], other[name])


@torch.no_grad()
def test_what_was_removed_does_not_reach_the_prediction() -> None:
    loss, (volumes, masks) = _loss(), _volumes_and_masks()
    patches = patchify(volumes, PRESET.patch)
    changed = patches.scatter(1, masks.removed.unsqueeze(-1).expand(-1, -1, patches.shape[-1]), 7.0)
    again = unpatchify(changed, PRESET.grid, PRESET.patch)
    predicted, _, removed = loss.patch_errors(volumes, masks)
    assert torch.equal(predicted, loss.patch_errors(again, masks)[0])
    seen = patches.scatter(1, masks.kept.unsqueeze(-1).expand(-1, -1, patches.shape[-1]), 7.0)
    shown = unpatchify(seen, PRESET.grid, PRESET.patch)
    assert not torch.allclose(predicted, loss.patch_errors(shown, masks)[0])
    assert removed.sum() == masks.removed.numel()


@torch.no_grad()
@pytest.mark.parametrize("shape", [(20, 24, 20), (16, 32, 48)])
def test_the_prediction_is_that_of_the_plain_network(shape: tuple[int, int, int]) -> None:
    """Of sizes that halve to odd numbers, too."""
    preset = PRESET.changed({"shape": shape})
    count = int(np.prod(preset.grid))
    loss = networks.reconstruction(preset, torch.ones(count), seed=0).eval()
    torch.manual_seed(1)
    volumes = torch.randn(2, 1, *shape)
    masks = masking.sample_masks(np.random.default_rng(0), 2, torch.ones(count), preset)
    kept = torch.zeros(2, count, 1).scatter(1, masks.kept.unsqueeze(-1), 1.0)
    shown = unpatchify(patchify(volumes, preset.patch) * kept, preset.grid, preset.patch)
    expected = patchify(loss.network(shown), preset.patch) * (1 - kept)
    assert torch.allclose(loss.patch_errors(volumes, masks)[0], expected, atol=1e-5)


@torch.no_grad()
def test_the_loss_is_the_weighted_error_of_removed_patches() -> None:
    loss, (volumes, masks) = _loss(), _volumes_and_masks()
    predicted, _, removed = loss.patch_errors(volumes, masks)
    error = (predicted - patchify(volumes, PRESET.patch)).square().mean(-1) * removed
    assert float(loss(volumes, masks)) == pytest.approx(float(error.sum() / removed.sum()))


@torch.no_grad()
def test_where_memory_ran_out_the_losses_of_both_parts_add_up_to_that_of_the_batch() -> None:
    loss, (volumes, masks) = _loss(), _volumes_and_masks()
    parts = [
        loss(volumes[own], PatchMasks(*(one[own] for one in masks)))
        for own in (slice(0, 1), slice(1, 2))
    ]
    assert float(sum(parts)) == pytest.approx(float(loss(volumes, masks)), rel=1e-5)


@torch.no_grad()
@pytest.mark.parametrize("pooling", ["mean", "places"])
def test_fine_tuning_begins_at_the_features_of_the_pretrained_encoder(pooling: str) -> None:
    loss, (volumes, _) = _loss(), _volumes_and_masks()
    weights, mean = networks.kept(loss.weights_to_keep(), PRESET, 0)
    network = networks.build(PRESET, seed=9)
    network.load_state_dict(weights)
    preset = PRESET.changed({"pooling": pooling})
    model = networks.age_model(network, preset, mean_patch_in=mean, head_seed=0).eval()
    kept = torch.arange(COUNT).expand(2, -1)
    features = loss.encode(patchify(volumes, PRESET.patch), kept)
    pooled = model.pooled(volumes)
    if pooling == "mean":
        assert torch.allclose(pooled, loss.pooled(features), atol=1e-5)
    else:
        assert pooled.shape == (2, 4)  # of the one place that is left of 20 × 24 × 20 voxels
    other = networks.age_model(networks.build(PRESET, seed=9), preset, head_seed=0).eval()
    assert not torch.allclose(other.pooled(volumes), pooled, atol=1e-3)


def test_a_pretrained_encoder_learns_slower_towards_the_input() -> None:
    def scales(model: PooledAgeModel) -> dict[str, float]:
        rates = {
            one: group["lr_scale"]
            for group in parameter_groups(model, PRESET)
            for one in group["params"]
        }
        return {name: rates[one] for name, one in model.named_parameters()}

    found = scales(
        networks.age_model(networks.build(PRESET, seed=0), PRESET, head_seed=0, pretrained=True)
    )
    levels = [found[f"blocks.{level}.{rest}"] for level, rest in enumerate(_firsts())]
    assert levels == pytest.approx([0.9**4, 0.9**3, 0.9**2, 0.9, 1.0])
    assert found["head.weight"] == 1
    fresh = scales(networks.age_model(networks.build(PRESET, seed=0), PRESET, head_seed=0))
    assert set(fresh.values()) == {1.0}


def _firsts() -> list[str]:
    return ["conv_0.conv.weight", *["convs.conv_0.conv.weight"] * backbones.UNET_HALVINGS]


def test_a_probe_trains_the_head_alone() -> None:
    model = networks.age_model(networks.build(PRESET, seed=0), PRESET, head_seed=0, frozen=True)
    assert {n for n, p in model.named_parameters() if p.requires_grad} == {
        "head.weight",
        "head.bias",
    }


def test_weights_of_another_backbone_are_refused_in_words(tmp_path: Path) -> None:
    of_unet, of_vit = (networks.build(preset, seed=0) for preset in (PRESET, TINY_PRESET))
    for network, weights, there, here in (
        (of_unet, of_vit.state_dict(), "vit", "unet"),
        (of_vit, of_unet.state_dict(), "unet", "vit"),
    ):
        words = f"of the backbone {there}, and this run trains the backbone {here}"
        with pytest.raises(StudyError, match=words):
            checkpoints.load_weights(network, weights, tmp_path / "last.pt")
    larger = networks.build(PRESET.changed({"hidden": 32}), seed=0).state_dict()
    with pytest.raises(StudyError, match="the backbone unet of other sizes"):
        checkpoints.load_weights(of_unet, larger, tmp_path / "last.pt")
    before = masked_autoencoder.plain(of_unet.state_dict())
    checkpoints.load_weights(of_unet, before, tmp_path / "last.pt")
