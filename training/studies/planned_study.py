"""Planned studies: arms × seeds on a pool, tested on a target cohort; planned once, then never changed.

``study.json`` holds every choice, ``scans.parquet`` every scan with the alignment it is used with.
The study's id ends in a hash of both: the same plan is the same study.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from curation import __version__, errors
from curation.cohorts import matched_controls
from curation.cohorts.frozen_cohort import Cohort
from curation.decisions import database
from curation.errors import StudyError, TierscopeError, WorkspaceError
from curation.storage import files
from curation.storage.files import slug
from curation.storage.workspace import Workspace
from training.arms import arm_checks, arm_scans, distortion, study_arms
from training.arms.study_arms import Arm
from training.studies import (
    input_images,
    pet_pairing,
    pool_target_separation,
    splits,
    study_checks,
)
from training.studies.analysis_plan import EXPLORATORY, AnalysisPlan
from training.studies.pool_target_separation import Separation
from training.studies.preset import Preset
from training.studies.presets import PRESETS
from training.studies.splits import Split
from training.studies.study_folder import HEADER, StudyFolder
from training.studies.tuning import INNER_FOLDS, Tuning

SCHEMA = 2
#: Scans of the pool that the mean patches are taken from, at most.
CODING_SCANS = 512
#: What to do where a file of a study cannot be read.
_REMEDY = (
    "Put back a copy of it, update Tierscope if a newer one wrote it, or move the study's folder away: the "
    "other studies go on without it."
)
#: Columns of a study's ``scans.parquet``; ``template_affine`` is row-major, scan mm to template mm. Where
#: they are known of the pool, also ``sex`` and ``group``, on which controls are matched; where the study
#: looks at PET, also :data:`training.studies.pet_pairing.PAIR_COLUMNS`; where arms distort scans, also
#: ``distortion_seed``.
SCAN_COLUMNS = (
    "scan_id",
    "subject_id",
    "role",
    "sha256",
    "site",
    "age_years",
    "tier",
    "distortion_score",
    "template_affine",
    "fold",
    "source",
)
#: Seed of the sampling of a control: this plus the seed of its run.
CONTROL_SEED = 1000


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

    def arm(self, name: str) -> Arm:
        """Return an arm by its name."""
        return next(arm for arm in self.arms if arm.name == name)

    def scans(self) -> pd.DataFrame:
        """Read the study's scans, the columns of :data:`SCAN_COLUMNS`; ``fold`` is −1 in the pool.

        Studies planned by earlier versions have no ``source``: there nothing stands in for an unknown site,
        and controls stay as they were drawn.
        """
        return files.read_parquet(self.scans_path, _REMEDY)

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
        training = target[target["fold"] != fold]
        labelled = splits.labelled(
            training,
            percent=self.arm(arm_name).label_percent,
            seed=(self.split_seed, seed, fold),
        )
        steps = -(-len(training) // self.preset.finetune_batch)
        return Split(labelled, target[target["fold"] == fold], steps)

    def inner_split(self, fold: int) -> Split:
        """Return the split of a fold's training people that it is tuned on: nobody held out is in it."""
        target = self.scans().query("role == 'target'").reset_index(drop=True)
        train, test = splits.inner(
            target[target["fold"] != fold], folds=INNER_FOLDS, seed=self.split_seed + fold
        )
        return Split(train, test, -(-len(train) // self.preset.finetune_batch))


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
        Key of :data:`training.studies.presets.PRESETS`.
    overrides : mapping, optional
        Fields of the preset to change; :attr:`training.studies.input_images.Images.overrides` are such.
    analysis : AnalysisPlan, optional
        Primary comparison and margin; without, all comparisons are exploratory.
    tuning : Tuning, optional
        Trials that choose rate and length of fine-tuning; by default the preset's are taken.

    Raises
    ------
    StudyError
        When the plan makes no fair study, see :mod:`training.studies.study_checks`,
        :mod:`training.arms.arm_checks` and :mod:`training.studies.pool_target_separation`.
    """
    study_checks.refuse_settings(name, preset, seeds)
    pool = study_checks.usable_cohort(workspace, cohort_id, "pool")
    target = study_checks.usable_cohort(workspace, target_id, "target")
    chosen = study_arms.choose(pool, arms)
    analysis.refuse_unfit(chosen)
    study_checks.refuse_mixed(pool, target)
    separated = pool_target_separation.check(workspace, pool, target)
    study_checks.refuse_too_few(target, folds)
    study_checks.refuse_too_few_labels(target, folds, chosen)
    study_checks.refuse_too_few_to_tune(target, folds, tuning)
    study_checks.refuse_same_folder(chosen)
    changed = PRESETS[preset].changed(overrides)
    arm_checks.refuse(pool, chosen, input_images.other_than_t1w(changed))
    content: dict[str, Any] = {
        "schema": SCHEMA,
        "name": name.strip(),
        "cohort_id": pool.id,
        "target_id": target.id,
        "arms": [arm.as_dict() for arm in chosen],
        "seeds": list(seeds),
        "folds": folds,
        "preset": changed.as_dict(),
        "split_seed": 0,
        "control_seed": CONTROL_SEED,
        "simulated": bool(pool.scans["simulated"].any() or target.scans["simulated"].any()),
        **analysis.entry,
        **({"tuning": tuning.as_dict()} if tuning else {}),
    }
    scans = _scan_table(workspace, pool, target, folds=folds, seed=content["split_seed"])
    scans = pet_pairing.with_pets(workspace, scans, changed)
    scans = distortion.with_seeds(scans, [arm.distortion for arm in chosen])
    return _write(workspace, content, scans, separated)


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
        return Study(
            arms=tuple(Arm.from_dict(arm) for arm in values["arms"]),
            seeds=tuple(values["seeds"]),
            preset=Preset.from_dict(values["preset"]),
            folder=path.parent,
            separation=pool_target_separation.from_dict(values.get("separation")),
            analysis=AnalysisPlan.from_dict(values.get("analysis")),
            tuning=Tuning.from_dict(values.get("tuning")),
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
    text = json.dumps(content, sort_keys=True) + scans.to_json(orient="records", double_precision=9)
    study_id = f"{slug(content['name'])}-{files.short_hash(text)}"
    paths = StudyFolder(folder=workspace.study_dir(study_id))
    if not paths.header_path.exists():
        created = database.now().isoformat(timespec="seconds")
        files.write_parquet(paths.scans_path, scans)
        header = {"id": study_id, "created": created, "version": __version__}
        about = {"separation": separated.as_dict()}
        files.write_json(paths.header_path, header | content | about)
    return load(workspace, study_id)


def _scan_table(
    workspace: Workspace, pool: Cohort, target: Cohort, *, folds: int, seed: int
) -> pd.DataFrame:
    table = pd.concat(
        [pool.scans.assign(role="pool"), target.scans.assign(role="target")], ignore_index=True
    )
    affines = study_checks.alignments(workspace, table)
    fold = splits.fold_of_subject(target.scans, folds=folds, seed=seed)
    in_target = table["role"] == "target"
    fold_column = table["subject_id"].map(fold).where(in_target, -1).astype(int)
    # controls are matched on these; left out where nothing is known, so that such plans keep their id
    traits = matched_controls.known_traits(pool.scans)
    return table.assign(template_affine=affines, fold=fold_column)[[*SCAN_COLUMNS, *traits]]
