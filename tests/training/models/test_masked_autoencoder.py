import numpy as np
import pytest
import torch
from monai.networks.nets.masked_autoencoder_vit import MaskedAutoEncoderViT

from tests.helpers.workspace_trainable import TINY
from training.models import masked_autoencoder, masking
from training.models.masked_autoencoder import ReconstructionLoss
from training.models.masking import PatchMasks
from training.models.patches import patch_weights, patchify, take, unpatchify
from training.settings.preset import Preset
from training.settings.presets import PRESETS

PRESET = PRESETS["smoke"].changed(TINY)


def test_the_seed_alone_decides_the_initial_weights() -> None:
    one, same, other = (masked_autoencoder.build(PRESET, seed=seed) for seed in (1, 1, 2))
    pairs = list(zip(one.parameters(), same.parameters(), strict=True))
    assert all(torch.equal(a, b) for a, b in pairs)
    assert not torch.equal(one.cls_token, other.cls_token)


def test_patches_are_cut_in_the_order_of_the_patch_embedding() -> None:
    """An embedding that sums each patch gives the sums of ours."""
    network = masked_autoencoder.build(PRESET, seed=0)
    volumes = torch.rand(2, 1, *PRESET.shape)
    convolution = network.patch_embedding.patch_embeddings
    with torch.no_grad():
        convolution.weight.fill_(1.0)
        convolution.bias.zero_()
        sums = convolution(volumes).flatten(2).transpose(1, 2)[..., 0]
    patches = patchify(volumes, PRESET.patch)
    assert patches.shape == (2, np.prod(PRESET.grid), PRESET.patch**3)
    assert torch.allclose(patches.sum(-1), sums, rtol=1e-4)


def test_patches_go_back_where_they_came_from() -> None:
    volumes = torch.rand(2, 1, *PRESET.shape)
    patches = patchify(volumes, PRESET.patch)
    assert torch.equal(unpatchify(patches, PRESET.grid, PRESET.patch), volumes)


def test_weights_are_the_share_of_brain() -> None:
    mask = np.zeros(PRESET.shape, bool)
    mask[:4, :4, :2] = True
    weights = patch_weights(mask, PRESET.patch)
    assert weights[0] == 0.5
    assert weights[1:].sum() == 0


def _loss(preset: Preset = PRESET, weights: torch.Tensor | None = None) -> ReconstructionLoss:
    count = int(np.prod(preset.grid))
    network = masked_autoencoder.build(preset, seed=0)
    return ReconstructionLoss(network, preset, torch.ones(count) if weights is None else weights)


def _masks(count: int = 2, preset: Preset = PRESET, seed: int = 0) -> PatchMasks:
    shares = torch.ones(int(np.prod(preset.grid)))
    return masking.sample_masks(np.random.default_rng(seed), count, shares, preset)


def _monais(network: torch.nn.Module, volumes: torch.Tensor, kept: torch.Tensor) -> torch.Tensor:
    """MONAI's own forward with the given patches kept."""

    def chosen(tokens: torch.Tensor, masking_ratio: float | None = None):
        mask = torch.ones(tokens.shape[:2], dtype=torch.int)
        mask[torch.arange(len(tokens)).unsqueeze(-1), kept] = 0
        return tokens[torch.arange(len(tokens)).unsqueeze(1), kept], kept, mask

    network._masking = chosen
    predicted, _ = network(volumes)
    del network._masking
    return predicted


@pytest.mark.parametrize("fused", [False, True])
@pytest.mark.parametrize("channels", [1, 2])
def test_predictions_are_those_of_monais_own_forward(fused: bool, channels: int) -> None:
    both = {"modalities": ("T1w", "pet"), "paired": True} if channels == 2 else {}
    preset = PRESET.changed(both)
    loss, masks = _loss(preset), _masks(preset=preset)
    volumes = torch.randn(2, channels, *preset.shape)
    with torch.no_grad():
        expected = _monais(loss.network, volumes, masks.kept)
        masked_autoencoder.use_fused_attention(loss.network, fused)
        predicted, _, removed = loss.patch_errors(volumes, masks)
    gone = removed.bool()
    assert torch.allclose(predicted[gone], expected[gone], atol=1e-4)
    assert (predicted[~gone] == 0).all()


def test_gradients_are_those_of_monais_own_forward() -> None:
    loss, masks = _loss(), _masks()
    volumes = torch.randn(2, 1, *PRESET.shape)
    loss(volumes, masks).backward()
    ours = {name: p.grad for name, p in loss.network.named_parameters() if p.grad is not None}
    loss.network.zero_grad()
    target = patchify(volumes, PRESET.patch)
    error = (_monais(loss.network, volumes, masks.kept) - target).square().mean(-1)
    (take(error.unsqueeze(-1), masks.removed)[..., 0] * masks.weights).sum().backward()
    theirs = {name: p.grad for name, p in loss.network.named_parameters() if p.grad is not None}
    assert set(ours) == set(theirs)
    assert all(torch.allclose(ours[name], theirs[name], atol=1e-5) for name in ours)


def test_the_names_of_the_weights_are_monais() -> None:
    plain = MaskedAutoEncoderViT(
        1, PRESET.shape, (PRESET.patch,) * 3, 24, 32, 2, 2, 0.75, 12, 16, 1, 2, qkv_bias=True
    )
    assert set(_loss().weights_to_keep()) - {"expected"} == set(plain.state_dict())


def test_the_loss_is_the_mean_square_over_removed_patches_only(monkeypatch) -> None:
    loss, masks = _loss(), _masks(3)
    monkeypatch.setattr(loss, "predict", lambda shown, masks, modality: torch.zeros(1))
    patches = torch.full((3, int(np.prod(PRESET.grid)), PRESET.patch**3), 100.0)
    patches.scatter_(1, masks.removed.unsqueeze(-1).expand(-1, -1, PRESET.patch**3), 2.0)
    volumes = unpatchify(patches, PRESET.grid, PRESET.patch)
    assert loss(volumes, masks) == pytest.approx(4.0)


def test_losses_of_micro_batches_add_up_to_that_of_the_batch() -> None:
    loss, masks = _loss(), _masks(4)
    volumes = torch.randn(4, 1, *PRESET.shape)
    losses = [
        loss(volumes[cut], PatchMasks(*(one[cut] for one in masks)))
        for cut in (slice(0, 1), slice(1, 4))
    ]
    assert sum(losses).item() == pytest.approx(loss(volumes, masks).item(), rel=1e-5)


def test_empty_patches_do_not_count() -> None:
    shares = torch.zeros(int(np.prod(PRESET.grid)))
    masks = masking.sample_masks(np.random.default_rng(0), 1, shares, PRESET)
    assert _loss(weights=shares)(torch.ones(1, 1, *PRESET.shape), masks) == 0


def test_normalised_targets_do_not_know_brightness(monkeypatch) -> None:
    loss, masks = _loss(PRESET.changed({"normalise_targets": True})), _masks(1)
    monkeypatch.setattr(loss, "predict", lambda shown, masks, modality: torch.zeros(1))
    volumes = torch.rand(1, 1, *PRESET.shape)
    assert loss(volumes, masks).item() == pytest.approx(
        loss(5 * volumes + 3, masks).item(), rel=1e-3
    )


def test_predictions_are_told_in_the_volume_s_own_intensities(monkeypatch) -> None:
    """Of standardised targets a prediction of zeros is the patch's own mean."""
    loss, masks = _loss(PRESET.changed({"normalise_targets": True})), _masks(1)
    zeros = torch.zeros(1, masks.removed.shape[1], PRESET.patch**3)
    monkeypatch.setattr(loss, "predict", lambda shown, masks, modality: zeros)
    volumes = torch.rand(1, 1, *PRESET.shape)
    predicted, error, removed = loss.patch_errors(volumes, masks)
    means = patchify(volumes, PRESET.patch).mean(-1, keepdim=True)
    gone = removed.bool()
    assert torch.allclose(predicted[gone], means.expand_as(predicted)[gone])
    assert error.shape == removed.shape == (1, np.prod(PRESET.grid))


def test_without_masks_torchs_generator_draws_them() -> None:
    loss, volumes = _loss(), torch.rand(2, 1, *PRESET.shape)
    torch.manual_seed(4)
    first = loss.patch_errors(volumes)[2]
    torch.manual_seed(4)
    assert torch.equal(first, loss.patch_errors(volumes)[2])
    assert not torch.equal(first, loss.patch_errors(volumes)[2])
    assert first.mean() == pytest.approx(0.75, abs=0.01)


def test_training_starts_at_the_mean_patch_and_its_mirror_image() -> None:
    loss, masks = _loss(), _masks()
    volumes = torch.rand(6, 1, *PRESET.shape)
    loss.set_mean_patches(volumes.split(4))
    both = torch.cat((volumes, volumes.flip(2)))
    expected = patchify(both, PRESET.patch).mean(0)
    assert torch.allclose(loss.mean_patch_out[0], expected, atol=1e-5)
    torch.nn.init.zeros_(loss.network.decoder_pred.weight)
    torch.nn.init.zeros_(loss.network.decoder_pred.bias)
    predicted, _, removed = loss.patch_errors(volumes[:2], masks)
    gone = removed[0].bool()
    assert torch.allclose(predicted[0][gone], expected[gone], atol=1e-5)


def test_what_is_kept_of_a_pretraining_brings_it_back() -> None:
    loss, masks = _loss(MIXED), _masks()
    volumes = torch.rand(2, 1, *PRESET.shape)
    loss.set_mean_patches([volumes], modality=1)
    again = ReconstructionLoss(masked_autoencoder.build(MIXED, seed=9), MIXED, loss.weights)
    again.load_kept(loss.weights_to_keep())
    modality = torch.tensor([0, 1])
    assert torch.equal(loss(volumes, masks, modality), again(volumes, masks, modality))


def test_masks_by_brain_keep_empty_patches_out_of_everything() -> None:
    preset = PRESET.changed({"masking": "brain"})
    shares = torch.linspace(-1, 1, int(np.prod(preset.grid))).clamp_min(0)
    loss = _loss(preset, shares)
    masks = masking.sample_masks(np.random.default_rng(0), 2, shares, preset)
    patches = torch.rand(2, len(shares), preset.patch**3)
    before = loss(unpatchify(patches, preset.grid, preset.patch), masks)
    patches[:, shares == 0] = 50.0
    after = loss(unpatchify(patches, preset.grid, preset.patch), masks)
    assert before == after


MIXED = PRESET.changed({"modalities": ("T1w", "pet")})


def test_a_mixed_network_is_told_which_kind_of_image_it_sees() -> None:
    loss, masks = _loss(MIXED), _masks()
    volumes = torch.rand(2, 1, *PRESET.shape)
    as_t1w, as_pet = (loss(volumes, masks, torch.full((2,), modality)) for modality in (0, 1))
    assert as_t1w != as_pet
    assert as_t1w == loss(volumes, masks)  # the first is what is not told otherwise


def test_for_one_kind_a_mixed_network_is_a_plain_one() -> None:
    loss, masks = _loss(MIXED), _masks()
    volumes = torch.randn(2, 1, *PRESET.shape)
    kept = loss.weights_to_keep()
    for modality in (0, 1):
        plain = masked_autoencoder.build(PRESET, seed=5)
        plain.load_state_dict(masked_autoencoder.weights_for(kept, modality))
        with torch.no_grad():
            expected = _monais(plain, volumes, masks.kept)
            predicted, _, removed = loss.patch_errors(volumes, masks, torch.full((2,), modality))
        gone = removed.bool()
        assert torch.allclose(predicted[gone], expected[gone], atol=1e-4)


@pytest.mark.parametrize("preset", [PRESET, MIXED])
def test_a_centred_network_is_a_plain_one_with_other_positions(preset: Preset) -> None:
    preset = preset.changed({"centred": True})
    loss, masks = _loss(preset), _masks(preset=preset)
    volumes = torch.rand(6, 1, *PRESET.shape) + torch.rand(1, 1, *PRESET.shape)
    modalities = 1 if preset.channels == len(preset.modalities) else 2
    for modality in range(modalities):
        loss.set_mean_patches([volumes[3 * modality :]], modality=modality)
        loss.mean_patch_out[modality] = 0  # what MONAI's own forward does not add
        plain = masked_autoencoder.build(PRESET, seed=5)
        plain.load_state_dict(masked_autoencoder.weights_for(loss.weights_to_keep(), modality))
        with torch.no_grad():
            expected = _monais(plain, volumes[:2], masks.kept)
            predicted, _, removed = loss.patch_errors(
                volumes[:2], masks, torch.full((2,), modality)
            )
        gone = removed.bool()
        assert torch.allclose(predicted[gone], expected[gone], atol=1e-4)


def test_the_usual_patch_is_the_mean_of_the_volumes_also_of_standardised_targets() -> None:
    loss = _loss(PRESET.changed({"centred": True, "normalise_targets": True}))
    volumes = torch.rand(3, 1, *PRESET.shape)
    loss.set_mean_patches([volumes])
    both = torch.cat((volumes, volumes.flip(2)))
    assert torch.allclose(loss.mean_patch_in[0], patchify(both, PRESET.patch).mean(0))
    again = _loss(loss.preset)
    again.load_kept(loss.weights_to_keep())
    assert torch.equal(again.mean_patch_in, loss.mean_patch_in)


def test_the_loss_can_be_compiled_without_a_break() -> None:
    loss, masks = _loss(), _masks()
    volumes = torch.rand(2, 1, *PRESET.shape)
    compiled = torch.compile(loss, backend="eager", fullgraph=True)
    assert compiled(volumes, masks).item() == pytest.approx(loss(volumes, masks).item(), rel=1e-5)


def test_a_few_hundred_steps_learn_to_fill_in_a_smooth_image() -> None:
    loss = _loss()
    axis = torch.linspace(-1, 1, PRESET.shape[0])[:, None, None].expand(PRESET.shape)
    volumes = torch.stack([axis, -axis]).unsqueeze(1).contiguous()
    optimizer = torch.optim.AdamW(loss.parameters(), lr=3e-3)
    first = float(loss(volumes, _masks()).detach())
    for step in range(300):
        optimizer.zero_grad()
        loss(volumes, _masks(seed=step)).backward()
        optimizer.step()
    assert float(loss(volumes, _masks()).detach()) < 0.3 * first
