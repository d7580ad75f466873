"""The contrast of views: closed forms, a reference written out, gradients, and what is left out of it."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.helpers.workspace_trainable import TINY_PRESET
from training.models import masked_autoencoder, masking
from training.models.contrast import View, ViewContrast, nt_xent, twins_found
from training.models.masked_autoencoder import ReconstructionLoss
from training.models.patches import cut_out, patchify, take, voxels_of_patches

PATCHES = int(np.prod(TINY_PRESET.grid))


def _views(scans: int, width: int = 5, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(2, scans, width, generator=generator, dtype=torch.float64)


def _written_out(embeddings: Tensor, people: list[int], temperature: float) -> float:
    """The formula of SimCLR in loops, without the views of the same person but the twin."""
    scans = len(people)
    flat = embeddings.reshape(2 * scans, -1).tolist()
    units = [[x / math.hypot(*vector) for x in vector] for vector in flat]
    losses = []
    for i, unit in enumerate(units):
        twin = (i + scans) % (2 * scans)
        power = [
            math.exp(sum(a * b for a, b in zip(unit, other, strict=True)) / temperature)
            for other in units
        ]
        counted = [
            k for k in range(2 * scans) if k == twin or people[k % scans] != people[i % scans]
        ]
        losses.append(-math.log(power[twin] / sum(power[k] for k in counted)))
    return sum(losses) / len(losses)


@pytest.mark.parametrize("temperature", [0.01, 0.2, 1.0])
@pytest.mark.parametrize("scans", [2, 5])
def test_views_all_alike_are_told_apart_by_chance(scans: int, temperature: float) -> None:
    """One twin among 2 B − 1 others that are as near: the logarithm of their number."""
    alike = torch.ones(2, scans, 3)
    expected = math.log(2 * scans - 1)
    found = float(nt_xent(alike, torch.arange(scans), temperature))
    assert found == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("temperature", [0.1, 0.5, 1.0])
def test_scans_at_right_angles_with_twins_alike_have_the_loss_in_closed_form(
    temperature: float,
) -> None:
    """−log(e^(1/t) / (e^(1/t) + 2 (B − 1))), and with opposite twins the same with e^(−1/t)."""
    scans = 4
    corners = torch.eye(scans)
    for sign in (1.0, -1.0):
        twin = math.exp(sign / temperature)
        expected = -math.log(twin / (twin + 2 * (scans - 1)))
        found = nt_xent(torch.stack([corners, sign * corners]), torch.arange(scans), temperature)
        assert float(found) == pytest.approx(expected, rel=1e-4, abs=1e-6)


@pytest.mark.parametrize("people", [[0, 1, 2, 3, 4, 5], [0, 1, 0, 2, 2, 2]])
@pytest.mark.parametrize("temperature", [0.05, 0.2, 1.0])
def test_the_loss_is_that_of_the_formula_written_out(people: list[int], temperature: float) -> None:
    views = _views(len(people))
    found = nt_xent(views, torch.tensor(people), temperature)
    assert float(found) == pytest.approx(_written_out(views, people, temperature), rel=1e-4)


def test_only_the_direction_of_an_embedding_counts() -> None:
    views, people = _views(4), torch.arange(4)
    longer = views * torch.rand(2, 4, 1, generator=torch.Generator().manual_seed(1)).add(0.5)
    found, expected = (float(nt_xent(each, people, 0.2)) for each in (longer, views))
    assert found == pytest.approx(expected, rel=1e-4)


def test_the_order_of_the_scans_does_not_matter() -> None:
    views, people = _views(5), torch.tensor([0, 1, 1, 2, 3])
    order = torch.tensor([3, 0, 4, 1, 2])
    found = float(nt_xent(views[:, order], people[order], 0.2))
    assert found == pytest.approx(float(nt_xent(views, people, 0.2)), rel=1e-4)


def test_the_gradient_is_that_of_finite_differences() -> None:
    people, step = torch.tensor([0, 1, 1]), 1e-2
    views = _views(3, width=3).float().requires_grad_()
    (slope,) = torch.autograd.grad(nt_xent(views, people, 0.5), views)
    for place in np.ndindex(*views.shape):
        moved = torch.zeros_like(views)
        moved[place] = step
        with torch.no_grad():
            up, down = (nt_xent(views + sign * moved, people, 0.5) for sign in (1, -1))
        assert float(slope[place]) == pytest.approx(float(up - down) / (2 * step), abs=2e-3)


def test_scans_of_one_person_are_never_told_apart() -> None:
    views = _views(4)
    one_person = nt_xent(views.requires_grad_(), torch.zeros(4, dtype=torch.long), 0.2)
    assert float(one_person.detach()) == 0
    assert (torch.autograd.grad(one_person, views)[0] == 0).all()
    near = torch.eye(3, dtype=torch.float64)[[0, 0, 1]].expand(2, 3, 3)  # two scans alike
    told = [float(nt_xent(near, torch.tensor(people), 0.2)) for people in ([0, 1, 2], [0, 0, 2])]
    assert told[1] < 0.1 < told[0]


def test_views_that_are_nearest_to_their_twin_are_counted() -> None:
    corners, people = torch.eye(4), torch.arange(4)
    assert float(twins_found(torch.stack([corners, corners]), people)) == 1
    turned = corners[[1, 2, 3, 0]]
    assert float(twins_found(torch.stack([corners, turned]), people)) == 0
    half = corners[[0, 1, 3, 2]]
    assert float(twins_found(torch.stack([corners, half]), people)) == 0.5


# ---- the network -----------------------------------------------------------------------------------


def _network(objective: str) -> ViewContrast:
    preset = TINY_PRESET.changed({"objective": objective})
    network = masked_autoencoder.build(preset, seed=0)
    return ViewContrast(ReconstructionLoss(network, preset, torch.ones(PATCHES)), preset, seed=0)


def _seen(count: int = 3) -> tuple[Tensor, masking.PatchMasks]:
    generator = torch.Generator().manual_seed(0)
    volumes = torch.randn(count, 1, *TINY_PRESET.shape, generator=generator)
    rng = np.random.default_rng(0)
    return volumes, masking.sample_masks(rng, count, torch.ones(PATCHES), TINY_PRESET)


def test_beside_the_contrast_the_reconstruction_is_the_masked_autoencoders() -> None:
    model, (volumes, masks) = _network("hybrid"), _seen()
    view = View(volumes, masks.kept)
    with torch.no_grad():
        error, _ = model(view, view, masks)
        expected = model.reconstruction(volumes, masks)
    assert float(error) == pytest.approx(float(expected), rel=1e-6)


def test_a_view_alike_has_an_embedding_alike_and_a_volumes_own_alone() -> None:
    model, (volumes, masks) = _network("contrast"), _seen()
    view = View(volumes, masks.kept)
    error, embeddings = model(view, view, masks)
    assert error == 0
    assert torch.allclose(embeddings[0], embeddings[1], atol=1e-6)
    alone = View(volumes[1:2], masks.kept[1:2])
    _, of_one = model(alone, alone, masks)
    assert torch.allclose(of_one[:, 0], embeddings[:, 1], atol=1e-5)


def test_a_contrast_alone_leaves_the_decoder_as_it_is_and_trains_all_of_the_encoder() -> None:
    model, (volumes, masks) = _network("contrast"), _seen()
    view = View(volumes, masks.kept)
    other = View(volumes.flip(2), masks.kept)
    nt_xent(model(view, other, masks)[1], torch.arange(3), 0.2).backward()
    trained = {name for name, p in model.named_parameters() if p.grad is not None and p.grad.any()}
    wanted = {name for name, p in model.named_parameters() if p.requires_grad}
    assert not any("decoder" in name or "mask_tokens" in name for name in wanted)
    assert wanted - trained <= {"head.2.bias"}  # may cancel
    assert any("blocks.0" in name for name in trained)


# ---- what a view shows -------------------------------------------------------------------------------


@pytest.mark.parametrize("crop", [0.4, 0.75, 1.0])
def test_a_crop_shows_as_many_patches_as_a_mask_keeps_within_its_box(crop: float) -> None:
    preset = TINY_PRESET.changed({"crop": crop, "masking_ratio": 0.95})
    crops = masking.sample_crops(np.random.default_rng(0), 6, torch.ones(PATCHES), preset)
    masks = masking.sample_masks(np.random.default_rng(0), 6, torch.ones(PATCHES), preset)
    assert crops.shape == masks.kept.shape
    place = np.stack(np.unravel_index(crops.numpy(), preset.grid), axis=2)
    extent = place.max(axis=1) - place.min(axis=1) + 1
    assert (extent <= np.ceil(crop * np.array(preset.grid))).all()
    assert all(len(set(row)) == len(row) for row in crops.tolist())
    if crop < 1:
        assert len({tuple(row) for row in place.min(axis=1)}) > 1  # at another place each time


def test_where_a_box_holds_too_few_patches_others_fill_up() -> None:
    preset = TINY_PRESET.changed({"crop": 0.3, "masking_ratio": 0.1})
    crops = masking.sample_crops(np.random.default_rng(0), 2, torch.ones(PATCHES), preset)
    assert crops.shape[1] == masking.kept_patches(PATCHES, preset)
    assert all(len(set(row)) == len(row) for row in crops.tolist())


def test_empty_patches_are_shown_to_no_view_where_masks_are_of_the_brain() -> None:
    preset = TINY_PRESET.changed({"masking": "brain"})
    shares = torch.zeros(PATCHES)
    shares[::3] = 0.5
    crops = masking.sample_crops(np.random.default_rng(0), 4, shares, preset)
    assert (crops % 3 == 0).all()


def test_patches_that_are_cut_out_are_those_taken_of_all() -> None:
    preset = TINY_PRESET.changed({"modalities": ("T1w", "pet"), "paired": True})
    volumes = torch.randn(3, preset.channels, *preset.shape)
    positions = torch.randint(math.prod(preset.grid), (3, 5))
    cut = cut_out(volumes, positions, voxels_of_patches(preset))
    assert preset.channels == 2
    assert torch.equal(cut, take(patchify(volumes, preset.patch), positions))
