import numpy as np
import pytest
import torch

from tests.helpers.workspace_trainable import TINY
from training.models import masking
from training.settings.presets import PRESETS

PRESET = PRESETS["smoke"].changed(TINY)
COUNT = int(np.prod(PRESET.grid))
SHARES = torch.linspace(-1, 1, COUNT).clamp_min(0)  # half of the patches are empty


def _draw(seed: int, masking_kind: str = "uniform", count: int = 5) -> masking.PatchMasks:
    preset = PRESET.changed({"masking": masking_kind})
    return masking.sample_masks(np.random.default_rng(seed), count, SHARES, preset)


def test_the_generator_alone_decides_and_every_volume_has_its_own_mask() -> None:
    first, again, other = _draw(1), _draw(1), _draw(2)
    assert torch.equal(first.kept, again.kept)
    assert not torch.equal(first.kept, other.kept)
    assert len({tuple(sorted(row)) for row in first.kept.tolist()}) == 5


def test_a_quarter_is_kept_and_the_rest_is_asked_for() -> None:
    masks = _draw(0)
    assert masks.kept.shape[1] == int(0.25 * COUNT)
    for kept, removed in zip(masks.kept.tolist(), masks.removed.tolist(), strict=True):
        assert sorted(kept + removed) == list(range(COUNT))


def test_the_weights_are_the_share_of_brain_and_sum_to_one_over_the_batch() -> None:
    masks = _draw(0)
    assert masks.weights.sum() == pytest.approx(1)
    assert torch.allclose(
        masks.weights / masks.weights.max(), SHARES[masks.removed] / SHARES[masks.removed].max()
    )


def test_brain_weighted_masks_leave_empty_patches_out() -> None:
    masks = _draw(0, "brain")
    with_brain = set(torch.nonzero(SHARES > 0).flatten().tolist())
    for kept, removed in zip(masks.kept.tolist(), masks.removed.tolist(), strict=True):
        assert set(kept) | set(removed) == with_brain
        assert not set(kept) & set(removed)
    assert masks.kept.shape[1] == int(0.25 * len(with_brain))


def test_the_more_brain_a_patch_holds_the_likelier_it_is_removed() -> None:
    masks = _draw(0, "brain", count=2000)
    times = torch.bincount(masks.removed.flatten(), minlength=COUNT)[SHARES > 0].float() / 2000
    assert np.corrcoef(times, SHARES[SHARES > 0])[0, 1] > 0.8
    first, last = times[:5].mean(), times[-5:].mean()
    assert first < 0.5 < 0.85 < last


def test_one_removal_falls_on_a_patch_in_proportion_to_its_brain() -> None:
    """Closed form: with a single removal the chances are the shares over their sum."""
    shares = torch.tensor([0.0, 1.0, 2.0, 3.0, 4.0])
    preset = PRESET.changed({"masking": "brain", "masking_ratio": 0.01})
    masks = masking.sample_masks(np.random.default_rng(0), 20_000, shares, preset)
    assert masks.removed.shape[1] == 1
    times = torch.bincount(masks.removed.flatten(), minlength=5) / 20_000
    assert times.tolist() == pytest.approx([0, 0.1, 0.2, 0.3, 0.4], abs=0.015)
