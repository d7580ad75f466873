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
from training.settings import tuning
from training.settings.preset import Preset
from training.studies.planned_study import Study

RunKind = Literal["pretrain", "tune", "finetune"]

#: Characters at the beginning of a result in which its header lies.
_HEADER = 4096

#: Beside a run's status, written every few seconds while it lives.
USAGE_NAME = "usage.json"


@dataclass(frozen=True)
class Run:
    """One training process of a study.

    Parameters
    ----------
    id : str
        Name of its folder.
    kind : {'pretrain', 'tune', 'finetune'}
        What it trains; ``tune`` is a fine-tuning that chooses the recipe of others.
    arm : str
        Name of the arm; of a pretraining: the arm that the encoder is named after; of a trial: the arm
        that is tuned on.
    seed : int
        Of initial weights, order and masks.
    fold : int or None
        The held-out fold; none while pretraining.
    folder : Path
        Where its files lie.
    trial : int or None
        Of a trial: its number in :meth:`training.settings.tuning.Tuning.trials`.
    """

    id: str
    kind: RunKind
    arm: str
    seed: int
    fold: int | None
    folder: Path
    trial: int | None = None

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
    def again(self) -> str:
        """What to do where what it wrote is damaged or gone, in words."""
        study_id = self.folder.parents[1].name
        return f"Do the run again: 'python -m training retry {study_id} {self.id} --anew'."

    @property
    def usage_path(self) -> Path:
        """Resource usage of its process: see :func:`training.jobs.monitoring.usage`."""
        return self.folder / USAGE_NAME


def runs_of(study: Study) -> list[Run]:
    """Return the runs of a study: pretrainings, then trials of the tuning, then fine-tunings, arm by arm.

    An encoder is pretrained once a seed; the folds share it, and so do arms that differ in their
    fine-tuning alone. ``scratch`` is not pretrained.
    """
    encoders = dict.fromkeys(arm.encoder for arm in study.arms if arm.encoder)
    pretrain = [
        _run(study, "pretrain", encoder, seed) for encoder in encoders for seed in study.seeds
    ]
    trials = [
        trial
        for kind in tuning.kinds_of(study.arms)
        for fold in study.run_folds
        for trial in trials_of(study, kind, fold)
    ]
    finetune = [
        _run(study, "finetune", arm.name, seed, fold)
        for arm in study.arms
        for seed in study.seeds
        for fold in study.run_folds
    ]
    return pretrain + trials + finetune


def trials_of(study: Study, kind: str, fold: int) -> list[Run]:
    """Return the trials that a kind of arm is tuned by in a fold; none where the study is not tuned."""
    if study.tuning is None:
        return []
    arm, seed = tuning.tuned_on(study.arms, kind, fold), study.seeds[0]
    names = [
        f"tune_{kind}_fold{fold}_trial{number}"
        for number in range(len(study.tuning.trials(study.preset, kind)))
    ]
    return [
        Run(name, "tune", arm.name, seed, fold, study.runs_dir / name, number)
        for number, name in enumerate(names)
    ]


def parents_of(study: Study, run: Run) -> list[Run]:
    """Return the runs that have to be finished before a run starts."""
    if run.kind == "pretrain":
        return []
    pretraining, kind = pretraining_of(study, run), tuning.kind_of(study.arm(run.arm))
    trials: list[Run] = []
    if run.kind == "finetune" and kind:
        trials = trials_of(study, kind, run.fold or 0)
    return [*([pretraining] if pretraining else []), *trials]


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
    """Return the pretraining whose encoder a fine-tuning or trial starts from; none for ``scratch``."""
    encoder = study.arm(run.arm).encoder
    return None if encoder is None else _run(study, "pretrain", encoder, run.seed)


def epochs_of(study: Study, run: Run) -> int:
    """Return how many epochs a run has in all; of one that is tuned, how many the preset gives it."""
    preset, kind = study.preset, tuning.kind_of(study.arm(run.arm))
    if run.kind == "pretrain":
        return preset.pretrain_epochs
    if run.trial is not None and study.tuning and kind:
        return study.tuning.trials(preset, kind)[run.trial].epochs
    return 1 if study.arm(run.arm).method == "ridge" else preset.finetune_epochs


def preset_of(study: Study, run: Run) -> Preset:
    """Return the settings of a pretraining: the study's, of a subset at equal passes with fewer steps."""
    arm = study.arm(run.arm)
    if arm.share_of_steps == 1:
        return study.preset
    whole = study.pool()["tier"].isin(arm.tiers).sum()
    share = len(study.pretraining_scans(run.arm, run.seed)) / whole
    steps = max(1, round(study.preset.pretrain_steps * share))
    return study.preset.changed({"pretrain_steps": steps})


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
        if run.trial is not None:
            config["trial"] = run.trial
        if run.kind == "finetune" and study.tuning:
            del config["epochs"]  # the tuning chooses them
        if run.kind == "pretrain":
            config["preset"] = preset_of(study, run).as_dict()
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
        # trials stay as they are when an arm is done again: they chose for others too
        chosen = [
            run for run in every if run.id == name or (run.arm == name and run.kind != "tune")
        ]
        if not chosen:
            known = ", ".join(arms)
            raise StudyError(f"Study {study.id} has no run and no arm {name!r}; its arms: {known}.")
        found |= {run.id: run for run in chosen}
    return list(found.values())


def delete_results(study: Study, selected: Sequence[Run]) -> list[Run]:
    """Delete the results of runs and of the fine-tunings built on them; return all that start over.

    What a tuning chose on a pretraining stays chosen, unless its trials are named themselves.
    """
    ids, deleted = {run.id for run in selected}, []
    study.result_path.unlink(missing_ok=True)
    for run in reversed(runs_of(study)):  # none stays that was built on an encoder that is gone
        parents = parents_of(study, run) if run.kind == "finetune" else []
        if run.id in ids or any(parent.id in ids for parent in parents):
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
    return deleted[::-1]


def _run(study: Study, kind: RunKind, arm: str, seed: int, fold: int | None = None) -> Run:
    run_id = f"{kind}_{slug(arm)}_seed{seed}" + ("" if fold is None else f"_fold{fold}")
    return Run(run_id, kind, arm, seed, fold, study.runs_dir / run_id)
