"""Fine-tuning task: the outcome is learned on the training folds of the target, tested on the held-out fold.

The number of epochs is fixed beforehand and the last weights are used: nothing is selected on the test
people, so their error after each epoch can be shown without favouring any arm. External cohorts are predicted
by the finished model.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
import torch
from lightning_fabric import Fabric
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from curation.storage.workspace import Workspace
from training.held_out.age_metrics import Scale, epoch_figure, result_of, scale_of
from training.judging.outcome import Kind, Outcome
from training.models import masked_autoencoder, masking, networks
from training.models.age_model import AgeModel
from training.models.brain_age_cnn import BrainAgeCnn
from training.models.patches import mean_patches, patch_weights
from training.results import tuning_choices
from training.results.external_test import external_result
from training.settings import volume_grid
from training.settings.preset import Preset
from training.studies import prepare_volumes, runs
from training.studies.planned_study import Study
from training.studies.runs import Run
from training.tasks import devices, ridge, site_probe, training_loop
from training.tasks.batches import Augmentation, Batch, Volumes, batch_indices, change_contrast
from training.tasks.gradient_accumulation import add_cached_gradients
from training.tasks.pretrain import load_pretrained
from training.tasks.schedule import Schedule, parameter_groups, step_seed
from training.tasks.stop_signal import Interruption

_EVALUATION_BATCH = 16


def finetune(workspace: Workspace, study: Study, run: Run, interruption: Interruption) -> None:
    """Train the age model of a run, as its arm's method says; write ``model.pt`` and ``result.json``."""
    method = study.arm(run.arm).method
    if method == "ridge":
        ridge.fit_run(workspace, study, run)
        return
    model = model_of(workspace, study, run)
    with devices.device(study.preset, interruption) as fabric:
        task, schedule = task_of(workspace, study, run, model, fabric)
        trial = run.trial is not None
        probed = task.probed() if run.fold == 0 and not trial else {}
        trainer = trainer_of(fabric, study, run, task, schedule, interruption)
        trainer.fit(task)
        task.model.eval()
        train, test = task.train, task.test
        with torch.inference_mode():
            predicted = task.predict(test)
            result = {"lr": schedule.lr, "epochs": schedule.epochs} | result_of(
                study.outcome, train.scans, test.scans, predicted, train.scale
            )
            outside = {} if trial else study.external()  # nothing is chosen by external cohorts
            for cohort_id, scans in outside.items():
                seen = task.predict(_people(workspace, study, scans, train.scale))
                result |= external_result(cohort_id, scans, seen, result)
        trainer.finish({} if trial else task.model.state_dict(), result | probed)


def task_of(
    workspace: Workspace, study: Study, run: Run, model: AgeModel, fabric: Fabric
) -> tuple["AgeRegression", Schedule]:
    """Return the task of a fine-tuning and its schedule."""
    preset, fold = study.preset, run.fold or 0
    split = study.split(run.arm, run.seed, fold) if run.trial is None else study.inner_split(fold)
    train, test, steps = split
    recipe = tuning_choices.recipe_of(study, run)
    scale = scale_of(study.outcome, train)
    schedule = Schedule(
        seed=_seed(run),
        epochs=recipe.epochs,
        steps=steps,
        lr=recipe.lr,
        warmup=preset.warmup,
        clip_norm=preset.clip_norm,
    )
    masked_autoencoder.use_fused_attention(model, devices.fuses_attention(fabric, preset))
    groups = (_people(workspace, study, scans, scale) for scans in (train, test))
    return AgeRegression(fabric, preset, schedule.seed, model, *groups), schedule


def _seed(run: Run) -> int:
    """Return the same seed for every arm, for the same samples: it depends on the fold, not on the arm."""
    return step_seed(run.seed, 1_000_003 * (1 + (run.fold or 0)))


def trainer_of(
    fabric: Fabric,
    study: Study,
    run: Run,
    task: "AgeRegression",
    schedule: Schedule,
    interruption: Interruption,
) -> training_loop.Trainer:
    """Return the trainer of a fine-tuning, the head where it begins."""
    if study.preset.head_start == "ridge" and not study.outcome.two_valued:
        task.start_head()
    groups = parameter_groups(task.model, study.preset)
    return training_loop.Trainer(fabric, run, schedule, task.model, groups, interruption)


def _people(workspace: Workspace, study: Study, scans: pd.DataFrame, scale: Scale) -> "People":
    volumes = Volumes(prepare_volumes.sample_paths(workspace, study, scans["scan_id"]))
    return People(volumes, scans, study.outcome, scale)


class People:
    """Scans of a cohort: prepared volumes, and standardised values of the outcome [B].

    Parameters
    ----------
    volumes : Volumes
        In the order of ``scans``.
    scans : pandas.DataFrame
        ``subject_id`` and the column of the outcome.
    outcome : Outcome
        What is predicted.
    scale : Scale
        Of those who are trained on.
    """

    def __init__(
        self, volumes: Volumes, scans: pd.DataFrame, outcome: Outcome, scale: Scale
    ) -> None:
        self.volumes, self.scans, self.outcome, self.scale = volumes, scans, outcome, scale
        values = scale.standardise(scans[outcome.column].to_numpy(dtype=float))
        self.goal = torch.tensor(values, dtype=torch.float32)


#: What is made small, by the kind of outcome.
_LOSSES: Mapping[Kind, Callable[[Tensor, Tensor], Tensor]] = {
    "numeric": functional.l1_loss,
    "two-valued": functional.binary_cross_entropy_with_logits,
}


class AgeRegression(training_loop.Task):
    """Regression of a standardised outcome by its absolute error, or of two values by cross-entropy.

    Parameters
    ----------
    fabric : Fabric
        Device and precision.
    preset, seed
        Give batches and augmentation.
    model : AgeModel
        As it is trained, without Fabric's wrapping.
    train, test : People
        Of the training folds, and of the held-out fold.
    """

    def __init__(
        self,
        fabric: Fabric,
        preset: Preset,
        seed: int,
        model: AgeModel,
        train: People,
        test: People,
    ) -> None:
        super().__init__(preset.finetune_batch)
        self.fabric, self.preset, self.seed = fabric, preset, seed
        self.model, self.train, self.test = model, train, test

    def sample(self, step: int) -> Batch:
        """Sample people and the augmentation of their volumes."""
        rng = np.random.default_rng(step_seed(self.seed, step))
        preset, count = self.preset, len(self.train.volumes)
        indices = batch_indices(count, batch=self.size, step=step, seed=self.seed)
        changes = Augmentation.sample(
            rng, self.size, channels=preset.channels, shift_voxels=preset.shift_voxels
        )
        return {
            "volumes": self.train.volumes.batch(indices, changes),
            "gain": changes.gain,
            "offset": changes.offset,
            "goal": self.train.goal[indices],
        }

    def backward(self, fabric: Fabric, model: nn.Module, micro_batches: list[Batch]) -> Tensor:
        """Add the gradient of a whole batch, or accumulate the same over its micro-batches."""
        volumes = [change_contrast(b["volumes"], b["gain"], b["offset"]) for b in micro_batches]
        goal = torch.cat([batch["goal"] for batch in micro_batches])

        def loss_of(predicted: Tensor) -> Tensor:
            return _LOSSES[self.train.outcome.kind](predicted.float(), goal)

        if len(micro_batches) > 1:
            with fabric.autocast():
                return add_cached_gradients(self.model, volumes, loss_of)
        loss = loss_of(model(volumes[0]))
        fabric.backward(loss)
        return loss.detach()

    def evaluate(self) -> dict[str, float]:
        """Return what the test people's predictions are judged by."""
        # all of them: the first by id are those of one source, whose mean is not that of the others
        self.model.calibrate(self._features(self.train.volumes))
        return epoch_figure(self.train.outcome, self.test.scans, self.predict(self.test))

    def probed(self) -> dict[str, Any]:
        """Return how well the features tell the site, of everybody, before anything is fine-tuned."""
        groups = (self.train, self.test)
        self.fabric.to_device(self.model).eval()
        with torch.inference_mode():
            features = torch.cat([self._features(people.volumes) for people in groups])
        scans = pd.concat([people.scans for people in groups])
        found = site_probe.probe(features.cpu().double().numpy(), scans)
        return {"site_probe": found} if found else {}

    def start_head(self) -> None:
        """Let the head begin at ridge regression, before the encoder learns; a resumed run loads its own."""
        self.fabric.to_device(self.model).eval()
        with torch.inference_mode():
            features = self._features(self.train.volumes)
        self.model.start_head(features.clone(), self.train.goal.to(features.device))

    def predict(self, people: People) -> NDArray[np.float64]:
        """Return the predicted values of people's scans: years, the outcome's unit, or probabilities."""
        features = self._features(people.volumes)
        return self.train.scale.years(self.model.predict(features).cpu().numpy())

    def _features(self, volumes: Volumes) -> Tensor:
        batches = volumes.in_batches(range(len(volumes)), _EVALUATION_BATCH)
        with self.fabric.autocast():
            features = [self.model.pooled(self.fabric.to_device(batch)) for batch in batches]
        return torch.cat(features).float()


def model_of(workspace: Workspace, study: Study, run: Run) -> AgeModel:
    """Return the model of a fine-tuning before it learns, its encoder pretrained where the arm's is."""
    head_seed = _seed(run)
    method, preset = study.arm(run.arm).method, study.preset
    if method == "cnn":
        return BrainAgeCnn(preset, seed=run.seed, head_seed=head_seed)
    network, mean_patch_in = networks.build(preset, seed=run.seed), None
    pretraining = runs.pretraining_of(study, run)
    if pretraining is not None:
        mean_patch_in = load_pretrained(pretraining, preset, network)
    elif preset.centred:
        mean_patch_in = _mean_patch_in(workspace, study)
    mask = volume_grid.brain_mask(workspace, preset)
    return networks.age_model(
        network,
        preset,
        mean_patch_in=mean_patch_in,
        head_seed=head_seed,
        positions=masking.usable(patch_weights(mask, preset.patch), preset),
        frozen=method == "probe",
        pretrained=pretraining is not None,
    )


def _mean_patch_in(workspace: Workspace, study: Study) -> Tensor:
    """Return the mean patch [N, P] that is subtracted in an untrained network as in pretrained ones."""
    coding = Volumes(prepare_volumes.sample_paths(workspace, study, study.coding_scans()))
    batches = coding.in_batches(range(len(coding)), _EVALUATION_BATCH)
    (mean,) = mean_patches(batches, study.preset.patch, lambda patches: patches)
    return mean
