"""Fine-tuning for age on the training folds of the target cohort, judged on the held-out fold.

The number of epochs is fixed beforehand and the last weights are used: nothing is chosen on the
held-out people, so their error after each epoch can be shown without favouring any arm.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from curation.workspace import Workspace
from training import engine, masked_autoencoder, prepare, runs
from training.age_model import AgeModel
from training.data import Volumes, augment, batch_indices
from training.interruption import Interruption
from training.pretrain import load_pretrained
from training.runs import Run
from training.study import Study

_EVALUATION_BATCH = 16
_CALIBRATION_VOLUMES = 64


@dataclass(frozen=True)
class AgeScale:
    """Standardises ages by the training folds: mean and standard deviation, years."""

    mean_years: float
    sd_years: float

    @classmethod
    def of(cls, ages: NDArray[np.float64]) -> "AgeScale":
        """Measure the scale; ages that do not differ get a deviation of 1 year."""
        return cls(float(ages.mean()), float(ages.std()) or 1.0)

    def standardise(self, years: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return years as deviations from the mean in standard deviations."""
        return (years - self.mean_years) / self.sd_years

    def years(self, standardised: NDArray) -> NDArray[np.float64]:
        """Undo :meth:`standardise`."""
        return np.asarray(standardised, dtype=np.float64) * self.sd_years + self.mean_years


def finetune(workspace: Workspace, study: Study, run: Run, interruption: Interruption) -> None:
    """Train the age model of a run and write ``model.pt`` and ``result.json``."""
    preset = study.preset
    training, held_out, steps = study.judged(run.arm, run.seed, run.fold or 0)
    ages = training["age_years"].to_numpy()
    scale = AgeScale.of(ages)
    goal = torch.tensor(scale.standardise(ages), dtype=torch.float32)
    volumes = Volumes(prepare.volume_paths(workspace, study, training["scan_id"]))
    unseen = Volumes(prepare.volume_paths(workspace, study, held_out["scan_id"]))
    # the same draws for every arm: the seed knows of the fold, not of the arm
    seed = engine.step_seed(run.seed, 1_000_003 * (1 + (run.fold or 0)))
    model = _model(study, run, head_seed=seed)
    schedule = engine.Schedule(
        seed=seed, epochs=preset.finetune_epochs, steps=steps,
        lr=preset.finetune_lr, warmup=preset.warmup, clip_norm=preset.clip_norm,
    )  # fmt: skip
    with engine.device(preset, interruption) as fabric:
        trainer = engine.Trainer(
            fabric, run, schedule, model, model.parameter_groups(preset), interruption
        )
        known = fabric.to_device(volumes.batch(range(min(len(volumes), _CALIBRATION_VOLUMES))))

        def loss_of(step: int) -> Tensor:
            chosen = batch_indices(len(volumes), batch=preset.finetune_batch, step=step, seed=seed)
            batch = augment(volumes.batch(chosen), shift_voxels=preset.shift_voxels)
            predicted = trainer.model(fabric.to_device(batch))
            return functional.l1_loss(predicted, fabric.to_device(goal[chosen]))

        def predict() -> NDArray[np.float64]:
            batches = np.array_split(np.arange(len(unseen)), -(-len(unseen) // _EVALUATION_BATCH))
            parts = [trainer.model(fabric.to_device(unseen.batch(part))) for part in batches]
            return scale.years(torch.cat(parts).float().cpu().numpy())

        def evaluate() -> dict[str, float]:
            model.calibrate(known)
            return {"age_mae_years": age_error(held_out, predict())}

        trainer.fit(loss_of, evaluate)
        trainer.model.eval()
        with torch.inference_mode():
            predicted = predict()
        trainer.finish(model.state_dict(), _result(training, held_out, predicted, scale))


def age_error(people: pd.DataFrame, predicted_years: NDArray[np.float64]) -> float:
    """Return the mean absolute error over people, years; a person's scans are averaged first."""
    table = people.assign(predicted=predicted_years).groupby("subject_id")[
        ["age_years", "predicted"]
    ]
    means = table.mean()
    return float((means["predicted"] - means["age_years"]).abs().mean())


def _model(study: Study, run: Run, *, head_seed: int) -> AgeModel:
    network = masked_autoencoder.build(study.preset, seed=run.seed)
    pretraining = runs.pretraining_of(study, run)
    if pretraining is not None:
        load_pretrained(pretraining, network)
    return AgeModel(network, study.preset, head_seed=head_seed)


def _result(
    training: pd.DataFrame, held_out: pd.DataFrame, predicted: NDArray[np.float64], scale: AgeScale
) -> dict:
    rows = held_out[["scan_id", "subject_id", "age_years"]].assign(predicted_age_years=predicted)
    return {
        "age_mae_years": age_error(held_out, predicted),
        "baseline_age_years": scale.mean_years,
        "baseline_mae_years": age_error(held_out, np.full(len(held_out), scale.mean_years)),
        "training_subjects": int(training["subject_id"].nunique()),
        "predictions": rows.to_dict("records"),
    }
