"""One split of the study, from images to its report; what is finished in its folder is not done again."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from curation.assessment import assess_workspace
from curation.cohorts import frozen_cohort
from curation.cohorts.frozen_cohort import Cohort
from curation.sources.ingest import ingest
from curation.storage.workspace import Workspace
from curation.tiers.tier_rule import DEFAULT_RULE, TierRule
from tests.helpers import launched_studies
from tests.real_study import people
from training.arms.designs import DESIGNS
from training.jobs.study_status import StudyStatus
from training.report_files import bundle
from training.studies import planned_study
from training.studies.analysis_plan import AnalysisPlan
from training.studies.planned_study import Study

DESIGN = "lost-in-distortion"
AUTHOR = "make study"
DAMAGE = "simulated-damage"
_POLL_S = 5.0


class Settings(NamedTuple):
    """What the study is trained with.

    Parameters
    ----------
    preset : str
        Key of the presets.
    seeds, folds : int
        How often each arm is trained, and how many parts its target is cut into.
    rule : TierRule
        Cuts the tiers.
    """

    preset: str = "smoke"
    seeds: int = 3
    folds: int = 3
    rule: TierRule = DEFAULT_RULE


class Finished(NamedTuple):
    """A finished split.

    Parameters
    ----------
    name : str
        Of the split.
    workspace : Workspace
        Where it is.
    study : Study
        Finished.
    pool, target : Cohort
        Frozen.
    damage : pandas.DataFrame
        Of the pool's scans: ``scan_id, artefact, severity, distortion_score, tier``; severity 0 as the
        scanner gave it.
    """

    name: str
    workspace: Workspace
    study: Study
    pool: Cohort
    target: Cohort
    damage: pd.DataFrame


def run(folder: Path, data: Path, name: str, settings: Settings) -> Finished:
    """Run a split to the end.

    Parameters
    ----------
    folder : Path
        Of the study; the split is a workspace in it.
    data : Path
        Folder of the real scans; only read.
    name : str
        Of the split.
    settings : Settings
        What is trained with.

    Raises
    ------
    StudyError
        When the study ends otherwise than finished.
    """
    chosen, jobs = people.split(data, name), os.cpu_count() or 1
    planned = people.copies(chosen.pool)
    people.write_copies(folder / DAMAGE, planned, jobs)
    workspace = Workspace.create(folder / name)
    _list(workspace, folder, chosen, planned)
    assess_workspace.assess(workspace, jobs=jobs)
    pool = _freeze(workspace, "pool", settings.rule)
    target = _freeze(workspace, "target", settings.rule)
    study = _plan(workspace, pool, target, settings)
    launched_studies.finish(workspace, study, _progress(), every_s=_POLL_S)
    bundle.write(workspace, study.id, folder / f"report-{name}")
    return Finished(name, workspace, study, pool, target, _damage(pool, planned))


def _list(
    workspace: Workspace, folder: Path, chosen: people.Split, planned: list[people.Copy]
) -> None:
    """List the people, their distorted copies and the target, each a source of its own."""
    name = workspace.root.name
    distorted = [one.person for one in planned]
    sources = {
        "people": (chosen.pool, [one.path for one in chosen.pool]),
        DAMAGE: (distorted, [folder / DAMAGE / one.name for one in planned]),
        "target": (chosen.target, [one.path for one in chosen.target]),
    }
    for source, (listed, scans) in sources.items():
        manifest = folder / f"{name}-{source}.csv"
        people.write_manifest(manifest, listed, scans)
        role = "target" if source == "target" else "pool"
        ingest(workspace, manifest, name=source, role=role)


def _freeze(workspace: Workspace, role: str, rule: TierRule) -> Cohort:
    return frozen_cohort.freeze(workspace, role, author=AUTHOR, role=role, rule=rule)  # type: ignore[arg-type]


def _plan(workspace: Workspace, pool: Cohort, target: Cohort, settings: Settings) -> Study:
    return planned_study.plan(
        workspace,
        name=DESIGN,
        cohort_id=pool.id,
        target_id=target.id,
        arms=DESIGNS[DESIGN].arms(pool),
        seeds=list(range(settings.seeds)),
        folds=settings.folds,
        preset=settings.preset,
        analysis=AnalysisPlan(("A", "all")),
    )


def _progress() -> Callable[[StudyStatus], None]:
    """Return what prints how many runs are done, where that has changed."""
    told = ""

    def tell(now: StudyStatus) -> None:
        nonlocal told
        done = sum(run.state == "finished" for run in now.runs)
        if told != (words := f"  {done} of {len(now.runs)} runs"):
            print(told := words, flush=True)

    return tell


def _damage(pool: Cohort, planned: list[people.Copy]) -> pd.DataFrame:
    """Return what was done to each scan of a pool, beside its score."""
    known = {one.name.removesuffix(".nii.gz"): one for one in planned}
    scans = pool.scans[["scan_id", "distortion_score", "tier"]].reset_index(drop=True)
    done = [
        next((one for name, one in known.items() if scan.endswith(name)), None)
        for scan in scans["scan_id"]
    ]
    return scans.assign(
        artefact=[one.artefact if one else "" for one in done],
        severity=[one.severity if one else 0.0 for one in done],
    )
