"""Planned studies: arms × seeds on a pool, tested on a target cohort; planned once, then never changed.

``study.json`` holds every choice, ``scans.parquet`` every scan with the alignment it is used with.
The study's id ends in a hash of both: the same plan is the same study.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from curation import __version__, errors
from curation.access.actions import Action
from curation.access.guard import guarded
from curation.decisions import database
from curation.errors import StudyError, TierscopeError, WorkspaceError
from curation.storage import files
from curation.storage.files import slug
from curation.storage.workspace import Workspace
from training.arms import arm_scans, distortion, study_arms
from training.arms.study_arms import Arm
from training.judging import judged_scans, splits
from training.judging.judging import BY_AGE, Asked, Judging
from training.judging.outcome import Outcome
from training.judging.splits import Split
from training.settings.preset import Preset
from training.settings.presets import PRESETS
from training.settings.tuning import INNER_FOLDS, Tuning
from training.studies import (
    pet_pairing,
    plan_checks,
    plan_identity,
    pool_target_separation,
    study_checks,
    study_scans,
)
from training.studies.analysis_plan import EXPLORATORY, AnalysisPlan
from training.studies.pool_target_separation import Separation
from training.studies.study_folder import HEADER, StudyFolder

SCHEMA = 2
#: Scans of the pool that the mean patches are taken from, at most.
CODING_SCANS = 512
#: What to do where a file of a study cannot be read.
_REMEDY = (
    "Put back a copy of it, update Tierscope if a newer one wrote it, or move the study's folder away: the "
    "other studies go on without it."
)
#: Seed of the folds.
SPLIT_SEED = 0
#: Seed of the sampling of a control: this plus the seed of its run.
CONTROL_SEED = 1000
_FIXED = {"schema": SCHEMA, "split_seed": SPLIT_SEED, "control_seed": CONTROL_SEED}


@dataclass(frozen=True)
class Study(StudyFolder):
    """A planned study.

    Parameters
    ----------
    id : str
        Name and hash; the name of its folder.
    name : str
        As given by people.
    cohort_id, target_id : str
        The frozen pool, and the frozen cohort on which every arm is tested.
    arms : tuple of Arm
        What is compared.
    seeds : tuple of int
        Each arm is trained once a seed.
    folds : int
        Folds of the target cohort.
    preset : Preset
        How volumes are prepared and trained on, overrides applied.
    split_seed, control_seed : int
        Of the folds and of the shares of labels; of the sampling of controls.
    created, version : str
        When (ISO 8601, UTC) and by which Tierscope.
    simulated : bool
        True when any scan in it is simulated.
    separation : Separation, optional
        Comparison that keeps pool and target apart; none up to 0.3.
    analysis : AnalysisPlan
        Primary comparison and margin; declares nothing up to 0.4.
    tuning : Tuning, optional
        Grid of the trials that choose rate and length of fine-tuning; none where the preset's are taken.
    judging : Judging
        What arms are judged on: outcome, folds, external cohorts.
    folder : Path
        See :class:`training.studies.study_folder.StudyFolder`.
    """

    id: str
    name: str
    cohort_id: str
    target_id: str
    arms: tuple[Arm, ...]
    seeds: tuple[int, ...]
    folds: int
    preset: Preset
    split_seed: int
    control_seed: int
    created: str
    version: str
    simulated: bool
    separation: Separation | None = field(default=None, compare=False)
    analysis: AnalysisPlan = EXPLORATORY
    tuning: Tuning | None = None
    judging: Judging = field(default_factory=Judging)

    @property
    def outcome(self) -> Outcome:
        """What is predicted of each person of the target."""
        return self.judging.outcome

    @property
    def run_folds(self) -> range:
        """Numbers of the folds of all partitions: those of partition r begin at ``r · folds``."""
        return range(self.folds * self.judging.repeats)

    def arm(self, name: str) -> Arm:
        """Return an arm by its name."""
        return next(arm for arm in self.arms if arm.name == name)

    def scans(self) -> pd.DataFrame:
        """Read the study's scans, as :func:`training.studies.study_scans.table` makes them.

        ``fold`` is −1 outside of the target. Studies planned by earlier versions have no ``source``: there
        nothing stands in for an unknown site, and controls stay as they were drawn.

        Raises
        ------
        DamagedError
            When it lacks what every study has, or has nobody to judge on.
        """
        table = files.read_parquet(self.scans_path, _REMEDY)
        return study_scans.checked(self.scans_path, table, self.outcome.column, _REMEDY)

    def pool(self) -> pd.DataFrame:
        """Return the scans of the pretraining pool."""
        return self.scans().query("role == 'pool'")

    def pretraining_scans(self, arm_name: str, seed: int) -> list[str]:
        """Return the ``scan_id`` of the scans that an arm is pretrained on with a seed."""
        arm = self.arm(arm_name)
        matched = arm_scans.matched_arm(arm) if arm.matches else None
        return arm_scans.scans_of(arm, self.pool(), matched=matched, seed=self.control_seed + seed)

    def coding_scans(self) -> list[str]:
        """Return the ``scan_id`` of the scans whose mean patches set the input coding of every arm.

        They are spread evenly over the pool, of whatever tier, so that arms differ in what they are
        pretrained on alone; at most :data:`CODING_SCANS`.
        """
        pool = np.sort(self.scans().query("role == 'pool'")["scan_id"].to_numpy(dtype=object))
        positions = np.linspace(0, len(pool) - 1, min(len(pool), CODING_SCANS)).round().astype(int)
        return pool[positions].tolist()

    def split(self, arm_name: str, seed: int, fold: int) -> Split:
        """Return the train/test split of the target cohort for one fine-tuning."""
        target = self.scans().query("role == 'target'").reset_index(drop=True)
        held_out = judged_scans.fold_of(target, fold // self.folds) == fold
        training = target[~held_out]
        labelled = splits.labelled(
            training,
            percent=self.arm(arm_name).label_percent,
            seed=(self.split_seed, seed, fold),
        )
        steps = -(-len(training) // self.preset.finetune_batch)
        return Split(labelled, target[held_out], steps)

    def external(self) -> dict[str, pd.DataFrame]:
        """Return the scans of each external cohort, by its id."""
        scans = self.scans() if self.judging.external else pd.DataFrame()
        return {one: scans[scans["cohort"] == one] for one in self.judging.external}

    def inner_split(self, fold: int) -> Split:
        """Return the split of a fold's training people that it is tuned on: nobody held out is in it."""
        target = self.scans().query("role == 'target'").reset_index(drop=True)
        train, test = judged_scans.inner(
            target[judged_scans.fold_of(target, fold // self.folds) != fold],
            self.judging,
            folds=INNER_FOLDS,
            seed=self.split_seed + fold,
        )
        return Split(train, test, -(-len(train) // self.preset.finetune_batch))


@guarded(Action.PLAN_STUDY)
def plan(
    workspace: Workspace,
    *,
    name: str,
    cohort_id: str,
    target_id: str,
    arms: list[str],
    seeds: list[int],
    folds: int,
    preset: str,
    overrides: Mapping[str, Any] | None = None,
    analysis: AnalysisPlan = EXPLORATORY,
    tuning: Tuning | None = None,
    asked: Asked = BY_AGE,
) -> Study:
    """Plan a study and write its folder; the same plan again returns the study that is there.

    Parameters
    ----------
    workspace, name, cohort_id, target_id
        Where the cohorts are; name of the study; ids of the frozen pool and of the frozen target cohort.
    arms : list of str
        Names out of :func:`training.arms.study_arms.available_arms`.
    seeds, folds
        Different numbers of 0 or more, each arm is trained once with each; 2 folds or more.
    preset : str
        Key of :data:`training.settings.presets.PRESETS`.
    overrides : mapping, optional
        Fields of the preset to change; :attr:`training.settings.input_images.Images.overrides` are such.
    analysis : AnalysisPlan, optional
        Primary comparison and margin; without, all comparisons are exploratory.
    tuning, asked : optional
        Trials that choose rate and length of fine-tuning, where the preset's are not taken; outcome, kind of
        folds, repeats and external cohorts.

    Raises
    ------
    StudyError
        When the plan makes no fair study, see :mod:`training.studies.plan_checks`.
    """
    plan_checks.refuse_settings(name, preset, seeds, asked, target_id)
    pool, target, *outside = study_checks.usable_cohorts(
        workspace, cohort_id, (target_id, *asked.external)
    )
    chosen = study_arms.choose(pool, arms)
    separated = study_checks.separated(workspace, pool, target, outside)
    judged, target, outside = judged_scans.with_values(workspace, asked, target, outside)
    changed = PRESETS[preset].changed(overrides)
    plan_checks.refuse_unfit(pool, target, chosen, changed, folds, tuning)
    analysis = analysis.fitting(chosen, judged.outcome)
    content: dict[str, Any] = {
        "name": name.strip(),
        "cohort_id": pool.id,
        "target_id": target.id,
        "arms": [arm.as_dict() for arm in chosen],
        "seeds": list(seeds),
        "folds": folds,
        "preset": changed.as_dict(),
        "simulated": any(bool(one.scans["simulated"].any()) for one in (pool, target, *outside)),
        **_declared(analysis, tuning, judged),
    }
    scans = study_scans.table(workspace, pool, target, outside)
    scans = judged_scans.with_folds(scans, judged, folds=folds, seed=SPLIT_SEED)
    plan_checks.refuse_unfit_folds(scans, judged, chosen, seeds, folds, tuning, seed=SPLIT_SEED)
    scans = pet_pairing.with_pets(workspace, scans, changed)
    scans = distortion.with_seeds(scans, [arm.distortion for arm in chosen])
    return _write(workspace, _FIXED | content, scans, separated)


def _declared(analysis: AnalysisPlan, tuning: Tuning | None, judged: Judging) -> dict[str, Any]:
    """Return what is stored only where something was declared, so that plans of before keep their id."""
    stored = {"tuning": tuning.as_dict() if tuning else {}, "judging": judged.as_dict()}
    return analysis.entry | {name: values for name, values in stored.items() if values}


def load(workspace: Workspace, study_id: str) -> Study:
    """Read a planned study.

    Raises
    ------
    StudyError
        When there is none of that id, or a newer Tierscope made it.
    DamagedError
        When its file cannot be read.
    """
    try:
        paths = StudyFolder(folder=workspace.study_dir(study_id))
    except WorkspaceError as error:
        raise StudyError(str(error)) from error
    if not paths.header_path.exists():
        known = ", ".join(study.id for study in list_studies(workspace)) or "none yet"
        raise StudyError(f"There is no study {study_id!r}; the workspace has: {known}.")
    return _read(paths.header_path)


def _read(path: Path) -> Study:
    with errors.readable(path, _REMEDY):
        values = files.read_json(path, _REMEDY)
        if values["schema"] > SCHEMA:
            raise StudyError(f"{path} was made by a newer Tierscope. Update Tierscope to open it.")
        plan_identity.refuse_changed(path, values, _REMEDY)
        judged = Judging.from_dict(values.get("judging"))
        return Study(
            arms=tuple(Arm.from_dict(arm) for arm in values["arms"]),
            seeds=tuple(values["seeds"]),
            preset=Preset.from_dict(values["preset"]),
            folder=path.parent,
            separation=pool_target_separation.from_dict(values.get("separation")),
            analysis=AnalysisPlan.from_dict(values.get("analysis"), judged.outcome),
            tuning=Tuning.from_dict(values.get("tuning")),
            judging=judged,
            **{key: values[key] for key in _PLAIN},
        )


_PLAIN = (
    "id",
    "name",
    "cohort_id",
    "target_id",
    "folds",
    "split_seed",
    "control_seed",
    "created",
    "version",
    "simulated",
)


def list_studies(workspace: Workspace) -> list[Study]:
    """Return all planned studies that can be read, newest first."""
    return read_studies(workspace)[0]


def read_studies(workspace: Workspace) -> tuple[list[Study], list[TierscopeError | OSError]]:
    """Return all planned studies, newest first, and the errors of those that cannot be read."""
    found, troubles = errors.read_each(sorted(workspace.studies_dir.glob(f"*/{HEADER}")), _read)
    return sorted(found, key=lambda study: (study.created, study.id), reverse=True), troubles


# ---- writing -------------------------------------------------------------------------------------


def _write(
    workspace: Workspace, content: dict[str, Any], scans: pd.DataFrame, separated: Separation
) -> Study:
    study_id = f"{slug(content['name'])}-{plan_identity.hash_of(content, scans)}"
    paths = StudyFolder(folder=workspace.study_dir(study_id))
    if not paths.header_path.exists():
        created = database.now().isoformat(timespec="seconds")
        files.write_parquet(paths.scans_path, scans)
        header = {"id": study_id, "created": created, "version": __version__}
        about = {"separation": separated.as_dict()}
        files.write_json(paths.header_path, header | content | about)
    return load(workspace, study_id)
