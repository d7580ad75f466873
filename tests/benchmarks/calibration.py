"""Calibration on all whom a model learned from: ``python -m tests.benchmarks.calibration``.

Two sources of 100 simulated people each, aged 30 ± 6 and 65 ± 6 years, in the order of their ids; the age
shows in how large the dark middle of a head is. A small network is fine-tuned as a study does it, and judged
on as many others. ``calibration_gap_years`` is its mean absolute error less the one with the ideal
normalisation of the same network's features: their mean and variance over everybody it learned from, in
closed form, in double precision. The largest of three seeds counts. Beside it stands the gap of a
normalisation from the first 64 people by id, which is how it once was.
"""

import json
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from tests.helpers.stops import StopAt
from training.held_out.age_metrics import AgeScale
from training.judging.measures import figure
from training.judging.outcome import AGE
from training.models import masked_autoencoder
from training.models.age_model import AgeModel, EncoderAgeModel
from training.settings.presets import PRESETS
from training.studies.runs import Run
from training.tasks import devices, finetune, training_loop
from training.tasks.batches import Volumes
from training.tasks.schedule import Schedule, parameter_groups

SOURCES = ((30.0, 6.0), (65.0, 6.0))
PEOPLE = 100
SEEDS = (0, 1, 2)
FIRST = 64
PRESET = PRESETS["smoke"].changed(
    {
        "spacing_mm": 8.0,
        "shape": (20, 24, 20),
        "patch": 4,
        "hidden": 48,
        "layers": 2,
        "heads": 2,
        "mlp": 64,
        "finetune_epochs": 8,
        "finetune_batch": 8,
        "finetune_lr": 3e-3,
    }
)


def measure(seeds: tuple[int, ...] = SEEDS) -> dict[str, float]:
    """Return ``calibration_gap_years`` and ``first_64_gap_years``, each the largest of the seeds."""
    gaps = np.array([_gaps(seed) for seed in seeds])
    whole, first = gaps.max(axis=0)
    return {
        "calibration_gap_years": round(float(whole), 3),
        "first_64_gap_years": round(float(first), 1),
    }


def _gaps(seed: int) -> tuple[float, float]:
    rng = np.random.default_rng(seed)
    with TemporaryDirectory() as folder:
        scale: AgeScale | None = None
        groups = []
        for name in ("known", "unseen"):
            ages = np.concatenate([rng.normal(mean, sd, PEOPLE) for mean, sd in SOURCES])
            scale = scale or AgeScale.of(ages)
            groups.append(_people(Path(folder) / name, ages, scale, rng))
        known, unseen = groups
        model, task = _trained(Path(folder), seed, known, unseen)
        with torch.inference_mode():
            shipped = figure(AGE, unseen.scans, task.predict(unseen))
            seen, new = (task._features(each.volumes).double().numpy() for each in (known, unseen))
    errors = [
        figure(AGE, unseen.scans, _predicted(model, reference, new, known.scale))
        for reference in (seen, seen[:FIRST])
    ]
    return shipped - errors[0], errors[1] - errors[0]


def _predicted(
    model: AgeModel, reference: NDArray[np.float64], new: NDArray[np.float64], scale: AgeScale
) -> NDArray[np.float64]:
    """Predict from features that are normalised by those of a reference, in closed form."""
    spread = np.sqrt(reference.var(axis=0, ddof=1) + model.norm.eps)
    weight = model.head.weight.detach().double().numpy()[0]
    return scale.years(
        (new - reference.mean(axis=0)) / spread @ weight + float(model.head.bias.detach())
    )


def _trained(
    folder: Path, seed: int, known: finetune.People, unseen: finetune.People
) -> tuple[AgeModel, finetune.AgeRegression]:
    """Fine-tune without pretraining, as a run does."""
    run = Run("finetune_scratch", "finetune", "scratch", seed, 0, folder / "run")
    network = masked_autoencoder.build(PRESET, seed=seed)
    model = EncoderAgeModel(network, PRESET, head_seed=seed)
    devices.set_determinism(PRESET)
    fabric = devices.fabric_on("cpu", 1, PRESET)
    schedule = Schedule(
        seed=seed,
        epochs=PRESET.finetune_epochs,
        steps=-(-len(known.scans) // PRESET.finetune_batch),
        lr=PRESET.finetune_lr,
        warmup=PRESET.warmup,
        clip_norm=PRESET.clip_norm,
    )
    trainer = training_loop.Trainer(
        fabric, run, schedule, model, parameter_groups(model, PRESET), StopAt()
    )
    task = finetune.AgeRegression(fabric, PRESET, seed, model, known, unseen)
    trainer.fit(task)
    model.eval()
    return model, task


def _people(
    folder: Path, ages: NDArray[np.float64], scale: AgeScale, rng: np.random.Generator
) -> finetune.People:
    folder.mkdir()
    paths = [folder / f"{number:03d}.npy" for number in range(len(ages))]
    for path, age_years in zip(paths, ages, strict=True):
        np.save(path, _head(age_years, rng))
    scans = pd.DataFrame({"subject_id": [path.stem for path in paths], "age_years": ages})
    return finetune.People(Volumes(paths), scans, AGE, scale)


def _head(age_years: float, rng: np.random.Generator) -> NDArray[np.float16]:
    """Return a bright ball with a dark middle that grows with age, standardised like a prepared volume."""
    grid = np.moveaxis(np.indices(PRESET.shape), 0, -1) - (np.array(PRESET.shape) - 1) / 2
    radius_mm = np.linalg.norm(grid, axis=-1) * PRESET.spacing_mm
    head = np.where(radius_mm < 80, 1.0, 0.0) + rng.normal(0, 0.02, PRESET.shape)
    # the edge of the middle is as smooth as a voxel is wide, or ages between would look the same
    inside = np.clip((0.6 * age_years - radius_mm) / PRESET.spacing_mm + 0.5, 0, 1)
    return ((head * (1 - 0.75 * inside) - 0.5) / 0.25).astype(np.float16)


if __name__ == "__main__":
    print(json.dumps(measure()))
