import numpy as np
import pytest
import torch

from tests.training_workspace import TINY
from training import masked_autoencoder
from training.config import PRESETS

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
    patches = masked_autoencoder.patchify(volumes, PRESET.patch)
    assert patches.shape == (2, np.prod(PRESET.grid), PRESET.patch**3)
    assert torch.allclose(patches.sum(-1), sums, rtol=1e-4)


def test_patches_go_back_where_they_came_from() -> None:
    volumes = torch.rand(2, 1, *PRESET.shape)
    patches = masked_autoencoder.patchify(volumes, PRESET.patch)
    assert torch.equal(masked_autoencoder.unpatchify(patches, PRESET.grid, PRESET.patch), volumes)


def test_weights_are_the_share_of_brain() -> None:
    mask = np.zeros(PRESET.shape, bool)
    mask[:4, :4, :2] = True
    weights = masked_autoencoder.patch_weights(mask, PRESET.patch)
    assert weights[0] == 0.5
    assert weights[1:].sum() == 0


class _Fixed(torch.nn.Module):
    """Predicts zeros and removes the first patch."""

    def forward(self, volumes: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        target = masked_autoencoder.patchify(volumes, PRESET.patch)
        removed = torch.zeros(target.shape[:2])
        removed[:, 0] = 1
        return torch.zeros_like(target), removed


def test_the_loss_is_the_mean_square_over_removed_patches_only() -> None:
    count = int(np.prod(PRESET.grid))
    loss = masked_autoencoder.ReconstructionLoss(_Fixed(), PRESET, torch.ones(count))
    volumes = torch.full((3, 1, *PRESET.shape), 2.0)
    volumes[:, :, 4:] = 100.0  # beyond the first patch: may not count
    assert loss(volumes) == pytest.approx(4.0)


def test_empty_patches_do_not_count() -> None:
    count = int(np.prod(PRESET.grid))
    weights = torch.ones(count)
    weights[0] = 0
    loss = masked_autoencoder.ReconstructionLoss(_Fixed(), PRESET, weights)
    assert loss(torch.ones(1, 1, *PRESET.shape)) == 0


def test_normalised_targets_do_not_know_brightness() -> None:
    preset = PRESET.changed({"normalise_targets": True})
    count = int(np.prod(PRESET.grid))
    loss = masked_autoencoder.ReconstructionLoss(_Fixed(), preset, torch.ones(count))
    volumes = torch.rand(1, 1, *PRESET.shape)
    assert loss(volumes).item() == pytest.approx(loss(5 * volumes + 3).item(), rel=1e-3)


def test_predictions_are_told_in_the_volume_s_own_intensities() -> None:
    """Of standardised targets a prediction of zeros is the patch's own mean."""
    preset = PRESET.changed({"normalise_targets": True})
    loss = masked_autoencoder.ReconstructionLoss(_Fixed(), preset, torch.ones(1))
    volumes = torch.rand(1, 1, *PRESET.shape)
    predicted, error, removed = loss.patch_errors(volumes)
    means = masked_autoencoder.patchify(volumes, PRESET.patch).mean(-1, keepdim=True)
    assert torch.allclose(predicted, means.expand_as(predicted))
    assert error.shape == removed.shape == (1, np.prod(PRESET.grid))


def test_three_quarters_of_the_patches_are_removed() -> None:
    network = masked_autoencoder.build(PRESET, seed=0)
    predicted, removed = network(torch.rand(2, 1, *PRESET.shape))
    assert predicted.shape == (2, np.prod(PRESET.grid), PRESET.patch**3)
    assert removed.float().mean() == pytest.approx(0.75, abs=0.01)


def test_a_few_hundred_steps_learn_to_fill_in_a_smooth_image() -> None:
    network = masked_autoencoder.build(PRESET, seed=0)
    count = int(np.prod(PRESET.grid))
    loss = masked_autoencoder.ReconstructionLoss(network, PRESET, torch.ones(count))
    axis = torch.linspace(-1, 1, PRESET.shape[0])[:, None, None].expand(PRESET.shape)
    volumes = torch.stack([axis, -axis]).unsqueeze(1).contiguous()
    optimizer = torch.optim.AdamW(loss.parameters(), lr=3e-3)
    torch.manual_seed(0)
    first = float(loss(volumes).detach())
    for _ in range(300):
        optimizer.zero_grad()
        loss(volumes).backward()
        optimizer.step()
    assert float(loss(volumes).detach()) < 0.3 * first
