"""Table of a study's scans: of the pool, of the target and of external cohorts, with their alignment."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from curation.cohorts import matched_controls
from curation.cohorts.frozen_cohort import Cohort
from curation.errors import DamagedError
from curation.storage import table_checks
from curation.storage.workspace import Workspace
from training.judging import judged_scans
from training.studies import study_checks

#: Columns of a study's ``scans.parquet``; ``template_affine`` is row-major, scan mm to template mm. Where the
#: study looks at PET, also :data:`training.studies.pet_pairing.PAIR_COLUMNS`; where it judges otherwise than
#: by age and one partition, those of :mod:`training.judging.judged_scans`; where they are known of the pool,
#: ``sex`` and ``group``, on which controls are matched; where arms distort scans, ``distortion_seed``.
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
#: What the columns that every study has hold.
_KINDS = {
    **dict.fromkeys(("scan_id", "subject_id", "role", "sha256", "tier"), "str"),
    **dict.fromkeys(("age_years", "distortion_score", "fold"), "float64"),
    **dict.fromkeys(("site", "template_affine"), "object"),
}


def table(
    workspace: Workspace, pool: Cohort, target: Cohort, outside: Sequence[Cohort]
) -> pd.DataFrame:
    """Return the scans of a study, a row each, before the people of the target are dealt into folds.

    Parameters
    ----------
    workspace : Workspace
        Knows each scan's alignment to the template.
    pool, target : Cohort
        What is pretrained on, and what is learned from and judged on.
    outside : sequence of Cohort
        What is judged on besides.

    Returns
    -------
    pandas.DataFrame
        :data:`SCAN_COLUMNS`, those of :data:`training.judging.judged_scans.COLUMNS` that are there, and the
        traits of the pool that are known.
        ``role`` is ``pool``, ``target`` or ``external``.

    Raises
    ------
    StudyError
        When a scan is not aligned, or has changed since.
    """
    scans = pd.concat(
        [
            pool.scans.assign(role="pool"),
            target.scans.assign(role="target"),
            *(one.scans.assign(role="external", cohort=one.id) for one in outside),
        ],
        ignore_index=True,
    )
    affines = study_checks.alignments(workspace, scans)
    added = [name for name in judged_scans.COLUMNS if name in scans]
    # controls are matched on these; left out where nothing is known, so that such plans keep their id
    added += matched_controls.known_traits(pool.scans)
    return scans.assign(template_affine=affines, fold=-1)[[*SCAN_COLUMNS, *added]]


def checked(path: Path, scans: pd.DataFrame, outcome: str, remedy: str) -> pd.DataFrame:
    """Return a study's scans as they were read, if they are whole.

    Parameters
    ----------
    path : Path
        Where they came from.
    scans : pandas.DataFrame
        As they were read.
    outcome : str
        Column of what is predicted.
    remedy : str
        What to do where they are not.

    Raises
    ------
    DamagedError
        When a column that every study has is not there or holds other things, or nobody is judged on.
    """
    table_checks.refuse_odd(path, scans, {**_KINDS, outcome: "float64"}, remedy)
    if scans[["scan_id", "subject_id", "role", "fold"]].isna().any(axis=None):
        raise DamagedError(path, "a scan in it lacks its name, person, role or fold", remedy)
    if not (scans["role"] == "target").any():
        raise DamagedError(path, "no scan in it is of the target", remedy)
    return scans
