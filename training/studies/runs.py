"""Runs of a study: one folder a training process, whose files are valid also after the process died.

A folder holds ``config.json`` (before the start), ``status.json`` (atomic, with a heartbeat),
``metrics.jsonl`` (one line an epoch, appended), ``log.txt``, ``usage.json`` and TensorBoard's event files
(of its monitoring), ``last.pt`` (while unfinished), ``model.pt`` and ``result.json`` (once finished).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from curation.errors import StudyError
from curation.storage import files
from curation.storage.files import slug
from training.studies.planned_study import Study

RunKind = Literal["pretrain", "finetune"]

#: Characters at the beginning of a result in which its header lies.
_HEADER = 4096


@dataclass(frozen=True)
class Run:
    """One training process of a study.

    Parameters
    ----------
    id : str
        Name of its folder.
    kind : {'pretrain', 'finetune'}
        What it trains.
    arm : str
        Name of the arm; of a pretraining: the arm that the encoder is named after.
    seed : int
        Of initial weights, order and masks.
    fold : int or None
        The held-out fold; none while pretraining.
    folder : Path
        Where its files lie.
    """

    id: str
    kind: RunKind
    arm: str
    seed: int
    fold: int | None
    folder: Path

    @property
    def config_path(self) -> Path:
        return self.folder / "config.json"

    @property
    def status_path(self) -> Path:
        return self.folder / "status.json"

    @property
    def metrics_path(self) -> Path:
        return self.folder / "metrics.jsonl"

    @property
    def log_path(self) -> Path:
        return self.folder / "log.txt"

    @property
    def checkpoint_path(self) -> Path:
        return self.folder / "last.pt"

    @property
    def model_path(self) -> Path:
        return self.folder / "model.pt"

    @property
    def result_path(self) -> Path:
        return self.folder / "result.json"

    @property
    def usage_path(self) -> Path:
        """Resource usage of its process: see :func:`training.jobs.monitoring.usage`."""
        return self.folder / "usage.json"


def runs_of(study: Study) -> list[Run]:
    """Return the runs of a study: pretrainings, then fine-tunings, arm by arm.

    An encoder is pretrained once a seed; the folds share it, and so do arms that differ in their
    fine-tuning alone. ``scratch`` is not pretrained.
    """
    encoders = dict.fromkeys(arm.encoder for arm in study.arms if arm.encoder)
    pretrain = [
        _run(study, "pretrain", encoder, seed) for encoder in encoders for seed in study.seeds
    ]
    finetune = [
        _run(study, "finetune", arm.name, seed, fold)
        for arm in study.arms
        for seed in study.seeds
        for fold in study.run_folds
    ]
    return pretrain + finetune


def find(study: Study, run_id: str) -> Run:
    """Return a run of a study by its id.

    Raises
    ------
    StudyError
        When the study has no such run.
    """
    for run in runs_of(study):
        if run.id == run_id:
            return run
    raise StudyError(f"Study {study.id} has no run {run_id!r}.")


def pretraining_of(study: Study, run: Run) -> Run | None:
    """Return the pretraining whose encoder a fine-tuning starts from; none for ``scratch``."""
    encoder = study.arm(run.arm).encoder
    return None if encoder is None else _run(study, "pretrain", encoder, run.seed)


def epochs_of(study: Study, run: Run) -> int:
    """Return how many epochs a run has in all."""
    preset = study.preset
    if run.kind == "pretrain":
        return preset.pretrain_epochs
    return 1 if study.arm(run.arm).method == "ridge" else preset.finetune_epochs


def made_before_calibration_on_all(study: Study) -> list[Run]:
    """Return the finished fine-tunings of networks that Tierscope made before 0.4.0.

    They were calibrated on the first 64 people by id, and scratch learned otherwise than pretrained arms.
    Which Tierscope made a run stands in its result since then.
    """
    finished = [
        run for run in runs_of(study) if run.kind == "finetune" and run.result_path.exists()
    ]
    trained = [run for run in finished if study.arm(run.arm).method != "ridge"]
    return [run for run in trained if not _names_its_maker(run.result_path)]


def _names_its_maker(result_path: Path) -> bool:
    """Tell whether a result says which Tierscope made it: at its beginning, before the many predictions."""
    with result_path.open(encoding="utf-8") as file:
        return '"tierscope":' in file.read(_HEADER)


def write_configs(study: Study) -> None:
    """Write ``config.json``, the configuration, of every run that has none yet, before it starts."""
    for run in runs_of(study):
        if run.config_path.exists():
            continue
        config: dict[str, Any] = {
            "run_id": run.id,
            "kind": run.kind,
            "arm": run.arm,
            "seed": run.seed,
            "fold": run.fold,
            "study": study.id,
            "epochs": epochs_of(study, run),
            "preset": study.preset.as_dict(),
        }
        if run.kind == "pretrain":
            config["scans"] = study.pretraining_scans(run.arm, run.seed)
        files.write_json(run.config_path, config)


def named(study: Study, names: Sequence[str]) -> list[Run]:
    """Return the runs by their ids, or by names of arms with their own pretrainings.

    Raises
    ------
    StudyError
        When the study has no run and no arm of a name.
    """
    found: dict[str, Run] = {}
    every, arms = runs_of(study), {arm.name: arm for arm in study.arms}
    for name in names:
        chosen = [run for run in every if run.id == name or run.arm == name]
        if not chosen:
            known = ", ".join(arms)
            raise StudyError(f"Study {study.id} has no run and no arm {name!r}; its arms: {known}.")
        found |= {run.id: run for run in chosen}
    return list(found.values())


def delete_results(study: Study, selected: Sequence[Run]) -> list[Run]:
    """Delete the results of runs and of the fine-tunings built on them; return all that start over."""
    ids, deleted = {run.id for run in selected}, []
    for run in runs_of(study):
        pretraining = pretraining_of(study, run) if run.kind == "finetune" else None
        if run.id in ids or (pretraining and pretraining.id in ids):
            # the result first: without it, nothing else is taken for finished
            for path in (
                run.result_path,
                run.model_path,
                run.checkpoint_path,
                run.metrics_path,
                run.status_path,
                run.usage_path,
            ):
                path.unlink(missing_ok=True)
            deleted.append(run)
    study.result_path.unlink(missing_ok=True)
    return deleted


def _run(study: Study, kind: RunKind, arm: str, seed: int, fold: int | None = None) -> Run:
    run_id = f"{kind}_{slug(arm)}_seed{seed}" + ("" if fold is None else f"_fold{fold}")
    return Run(run_id, kind, arm, seed, fold, study.runs_dir / run_id)
