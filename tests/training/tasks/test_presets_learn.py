"""Presets for a GPU learn: small twins of them, of the same recipe, on a CPU."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy import ndimage

from tests.benchmarks.learning import HeldOut
from training.models.patches import patch_weights
from training.settings.backbones import BACKBONES
from training.settings.preset import Preset
from training.settings.preset_scaling import pretrain_lr
from training.settings.presets import PRESETS
from training.studies.runs import Run
from training.tasks import devices, pretrain
from training.tasks.batches import Volumes
from training.tasks.stop_signal import Interruption

#: Sizes of a twin: volumes of as many patches, of the same size in mm, but of 8 mm voxels; a small network.
SMALL = {
    "spacing_mm": 8.0,
    "shape": (20, 24, 20),
    "patch": 2,
    "hidden": 96,
    "layers": 2,
    "heads": 4,
    "mlp": 192,
    "decoder_hidden": 48,
    "decoder_layers": 1,
    "decoder_heads": 4,
    "decoder_mlp": 96,
    "pretrain_epochs": 1,
    "pretrain_steps": 400,
    "pretrain_batch": 8,
    "shift_voxels": 0,
    "threads": 1,
    "compiled": False,
}
POOL, HELD_OUT, LATENTS, NOISE = 96, 24, 4, 0.3
#: What of a preset was found to let networks learn; without it they stay at the mean.
FOUND = {"masking": "uniform", "centred": False, "locality": 0.0}


def twin(preset: Preset, backbone: str = "vit") -> Preset:
    """Return a small preset of the same recipe, its rate by the rule that gives the large one's."""
    assert preset.grid == (10, 12, 10)
    large = preset.changed(preset.with_backbone(backbone))
    assert large.pretrain_lr == pretrain_lr(large.pretrain_batch, large.hidden, backbone)
    small = preset.changed(SMALL | {"pretrain_lr": pretrain_lr(8, 96)})
    return small.changed(small.with_backbone(backbone))


def brain() -> NDArray[np.bool_]:
    grid = np.moveaxis(np.indices(SMALL["shape"]), 0, -1)
    middle = (np.array(SMALL["shape"]) - 1) / 2
    return (((grid - middle) / (0.9 * middle)) ** 2).sum(-1) < 1


def people(folder: Path, count: int, seed: int) -> Volumes:
    """Write volumes that share a mean and differ by smooth patterns and noise."""
    smooth = np.random.default_rng(0)
    fields = [
        ndimage.gaussian_filter(smooth.normal(0, 1, SMALL["shape"]), 2) for _ in range(LATENTS + 1)
    ]
    mean, *patterns = (field / field.std() for field in fields)
    rng, inside, paths = np.random.default_rng(seed), brain(), []
    for number in range(count):
        of_person = sum(rng.normal() * pattern for pattern in patterns)
        noise = rng.normal(0, NOISE, mean.shape)
        paths.append(folder / f"{seed}-{number}.npy")
        np.save(paths[-1], np.where(inside, mean + 0.5 * of_person + noise, -2).astype(np.float16))
    return Volumes(paths)


def error_of_the_mean(preset: Preset, folder: Path) -> float:
    """Pretrain, and return the error on removed patches of others as a share of the mean patch's."""
    pool, others = people(folder, POOL, 1), people(folder, HELD_OUT, 2)
    shares = patch_weights(brain(), preset.patch)
    run = Run("pretrain", "pretrain", "all", 0, None, folder / "run")
    run.folder.mkdir(exist_ok=True)
    with devices.device(preset, Interruption()) as fabric:
        trainer, task, loss = pretrain.begin(
            fabric, Interruption(), 1, preset, run, pool, pool, shares
        )
        trainer.fit(task)
    loss.eval()
    held_out = HeldOut(others, shares, preset)
    return held_out.error(loss) / held_out.errors_of_means(pool)["place"]


@pytest.mark.soak
@pytest.mark.parametrize("backbone", BACKBONES)
@pytest.mark.parametrize("name", ["gpu-base", "gpu-large"])
def test_a_small_twin_learns_more_than_the_mean(name: str, backbone: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    assert error_of_the_mean(twin(PRESETS[name], backbone), tmp_path) < 0.8


@pytest.mark.soak
def test_without_the_recipe_a_twin_does_not_beat_the_mean(tmp_path: Path) -> None:
    """The control: the same volumes, steps and rate, as the presets were before."""
    torch.manual_seed(0)
    assert error_of_the_mean(twin(PRESETS["gpu-base"]).changed(FOUND), tmp_path) > 1


def test_both_have_the_recipe_that_let_the_small_one_learn_and_rates_by_the_rule() -> None:
    for name in ("gpu-base", "gpu-large"):
        preset, small = PRESETS[name], PRESETS["laptop"]
        for field in ("masking", "masking_ratio", "centred", "locality", "warp_mm", "objective"):
            assert getattr(preset, field) == getattr(small, field)
    for preset in (PRESETS["gpu-base"], PRESETS["gpu-large"], PRESETS["laptop"], PRESETS["smoke"]):
        rate = pretrain_lr(preset.pretrain_batch, preset.hidden)
        assert preset.pretrain_lr == pytest.approx(rate)
    assert replace(twin(PRESETS["gpu-base"]), name="") != replace(PRESETS["gpu-base"], name="")
