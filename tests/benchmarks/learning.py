"""Is reconstruction learned, or averaged? ``make bench-learning``.

Makes the demo, prepares it, pretrains on its pool with a preset as it is shipped (all scans, one seed), and
measures the error on removed patches of the target: people, and a scanner, that were never trained on. The
masks are the same ones throughout. What it is held against, on the very same patches, weighted alike:

- the mean patch of each place in the pool, the strongest of the three (asked: 0.6 of its error or less);
- each removed patch's own mean, which no prediction can know;
- one mean patch of the pool for all places.

The noise floor is what even the true person would get: the same people scanned again, other noise.
"""

import argparse
import dataclasses
import json
import os
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from torch import Tensor

from curation.assessment import assess_workspace
from curation.cohorts import frozen_cohort
from curation.imaging import prepared_volume
from curation.simulation import demo_workspace, phantom_t1w
from curation.storage.workspace import Workspace
from training.models import masking
from training.models.masked_autoencoder import ReconstructionLoss
from training.models.patches import patch_weights, patchify, take
from training.settings import volume_grid
from training.settings.preset import Preset
from training.settings.presets import PRESETS
from training.studies import planned_study, prepare_volumes, runs
from training.studies.planned_study import Study
from training.tasks import devices, pretrain
from training.tasks.batches import Volumes
from training.tasks.stop_signal import Interruption

_AT_ONCE = 4


def main() -> None:
    """Print what is measured, and the figures as JSON in the last line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--preset", choices=list(PRESETS), default="laptop")
    parser.add_argument("--workspace", type=Path, help="kept, and used again where it is a demo")
    chosen = parser.parse_args()
    print(f"torch {torch.__version__}, load {os.getloadavg()[0]:.1f}", flush=True)
    with TemporaryDirectory() as folder:
        workspace, study = _planned(chosen.workspace or Path(folder) / "demo", chosen.preset)
        print(json.dumps(_measured(workspace, study)))


def _planned(root: Path, preset: str) -> tuple[Workspace, Study]:
    known = (root / "workspace.toml").exists()
    workspace = Workspace.open(root) if known else demo_workspace.make_demo(root)
    assess_workspace.assess(workspace, jobs=os.cpu_count() or 1)
    pool = frozen_cohort.freeze(workspace, "pool", author="bench-learning")
    target = frozen_cohort.freeze(workspace, "target", author="bench-learning", role="target")
    study = planned_study.plan(
        workspace,
        name="learning",
        cohort_id=pool.id,
        target_id=target.id,
        arms=["scratch", "all"],
        seeds=[0],
        folds=3,
        preset=preset,
    )
    prepare_volumes.prepare(workspace, study)
    runs.write_configs(study)
    return workspace, study


def _measured(workspace: Workspace, study: Study) -> dict[str, float | None]:
    """Pretrain, telling how the error on held-out people falls, and return the figures."""
    preset, scans = study.preset, study.scans()
    pool, target = (
        Volumes(
            prepare_volumes.volume_paths(
                workspace, study, scans.loc[scans["role"] == role, "scan_id"]
            )
        )
        for role in ("pool", "target")
    )
    shares = patch_weights(volume_grid.brain_mask(workspace, preset), preset.patch)
    held_out = HeldOut(target, shares, preset)
    means = held_out.errors_of_means(pool)
    run = runs.find(study, "pretrain_all_seed0")
    with devices.device(preset, Interruption()) as fabric:
        trainer, task, loss = pretrain.begin(
            fabric, Interruption(), 1, preset, run, pool, pool, shares
        )

        def told() -> dict[str, float]:
            with fabric.autocast():
                error = held_out.error(loss)
            print(
                f"step {trainer.progress.step}: {error / means['place']:.3f} of the mean patch of "
                f"each place, load {os.getloadavg()[0]:.1f}",
                flush=True,
            )
            return {"held_out": error}

        task.evaluate = told  # type: ignore[method-assign]
        trainer.fit(task)
        error = told()["held_out"]
    floor = held_out.error_of(_scanned_again(workspace, study))
    return {
        "reconstruction_ratio": round(error / means["place"], 3),
        "ratio_to_own_mean": round(error / means["own"], 3),
        "ratio_to_one_mean_patch": round(error / means["one"], 3),
        "noise_floor_ratio": round(floor / means["place"], 4),
        "steps": trainer.progress.step,
        "hours": round(trainer.progress.seconds / 3600, 2),
        "processor_hours": round(time.process_time() / 3600, 2),
    }


class HeldOut:
    """People that were not trained on, with one mask each, and the error on what is removed.

    Parameters
    ----------
    volumes : Volumes
        Theirs.
    shares : Tensor, [N]
        Share of brain in each patch: the weights of the error.
    preset : Preset
        Gives patch and masks.
    """

    def __init__(self, volumes: Volumes, shares: Tensor, preset: Preset) -> None:
        self.volumes, self.preset = volumes.batch(range(len(volumes))), preset
        self.masks = masking.sample_masks(np.random.default_rng(0), len(volumes), shares, preset)
        self.true = self._removed(self.volumes)

    @torch.inference_mode()
    def error(self, loss: ReconstructionLoss) -> float:
        """Return the weighted mean squared error of a network."""
        total = 0.0
        for start in range(0, len(self.volumes), _AT_ONCE):
            own = slice(start, start + _AT_ONCE)
            total += float(
                loss(self.volumes[own], masking.PatchMasks(*(m[own] for m in self.masks)))
            )
        return total

    def error_of(self, volumes: Tensor) -> float:
        """Return the error of predicting what other volumes [B, C, X, Y, Z] hold there."""
        return self._error(self._removed(volumes))

    def errors_of_means(self, pool: Volumes) -> dict[str, float]:
        """Return the error of predicting a mean patch of the pool, or of each patch its own mean."""
        total = torch.zeros_like(self.volumes[:1])
        for index in range(len(pool)):
            total += pool.batch([index])
        mean = total / len(pool)
        one = patchify(mean, self.preset.patch).mean(1, keepdim=True)
        return {
            "place": self.error_of(mean.expand_as(self.volumes)),
            "own": self._error(self.true.mean(-1, keepdim=True)),
            "one": self._error(one),
        }

    def _error(self, predicted: Tensor) -> float:
        error = (predicted - self.true).square().mean(-1)
        return float((error * self.masks.weights).sum())

    def _removed(self, volumes: Tensor) -> Tensor:
        return take(patchify(volumes, self.preset.patch), self.masks.removed)


def _scanned_again(workspace: Workspace, study: Study) -> Tensor:
    """Return the target's people with other noise, prepared as they were."""
    plans = {plan.person.participant_id: plan for plan in demo_workspace.target_plans()}
    scans = study.scans()
    mask = volume_grid.brain_mask(workspace, study.preset)
    again = []
    for _, scan in scans[scans["role"] == "target"].iterrows():
        plan = plans[str(scan["subject_id"]).rpartition(":")[2]]
        scanner = phantom_t1w.SCANNERS[plan.site]
        silent, affine = phantom_t1w.scan(plan.person, dataclasses.replace(scanner, noise=0.0))
        noise = np.random.default_rng(len(again)).normal(0, scanner.noise, (2, *silent.shape))
        data = np.hypot(silent + noise[0], noise[1]).round().astype(np.float32)
        template_affine = np.array(scan["template_affine"], dtype=float).reshape(4, 4)
        again.append(
            prepared_volume.prepared_volume(data, affine, template_affine, study.preset, mask)
        )
    return torch.from_numpy(np.stack(again)[:, None].astype(np.float32))


if __name__ == "__main__":
    main()
