"""Separation of pool and target: no image twice, no person in both, and the record of that comparison."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import pandas as pd

from curation.cohorts.frozen_cohort import Cohort
from curation.decisions import person_decisions
from curation.errors import StudyError
from curation.imaging.brain_vector import SAME_HEAD
from curation.sources import duplicates, near_duplicates, who_is_who
from curation.sources.duplicates import SharedIds
from curation.sources.near_duplicates import Suspicion
from curation.storage import tables
from curation.storage.workspace import Workspace
from curation.wording import plural

_OF_SCANS = [
    *("scan_id", "participant_id", "session_id", "person"),
    *("image_hash", "subject_id", "age_years", "sex"),
]


@dataclass(frozen=True)
class Separation:
    """Record of the comparison of pool and target when a study was planned.

    Parameters
    ----------
    scans : int
        Scans of pool and target.
    by_voxels : int
        How many of them were compared voxel by voxel; the others by their files alone.
    named_people : int
        How many have a person whom a table names in all sources.
    other_people : int
        Participant ids that sources share and of which somebody said that they are different people.
    by_brain : int
        How many scans were compared with all others of these by their brains; 0 before there was such a
        comparison.
    denied : int
        Pairs of scans that seem to show the same head, said by somebody to be of different people.
    same_head : float
        The similarity from which two scans seem to show the same head.
    outside : dict of str to Separation
        The same of pool and target together and each external cohort, by its id; nothing of a study planned
        before 0.11.
    """

    scans: int
    by_voxels: int
    named_people: int
    other_people: int
    by_brain: int = 0
    denied: int = 0
    same_head: float = 0.0
    outside: dict[str, "Separation"] = field(default_factory=dict, hash=False)

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON-ready values; of a study without external cohorts as it always was."""
        values = asdict(self)
        if not values["outside"]:
            del values["outside"]
        return values


def check(workspace: Workspace, pool: Cohort, target: Cohort) -> Separation:
    """Refuse an image that is in a study twice, and a person who is or may be in both cohorts.

    Parameters
    ----------
    workspace : Workspace
        Knows the images' hashes, the people and what was said of them.
    pool, target : Cohort
        Frozen.

    Raises
    ------
    StudyError
        With the scans or ids that are shared, and what to do.
    """
    scans = _joined(workspace, pool, target)
    _refuse_others(scans)
    _refuse_images(scans)
    _refuse_people(scans)
    _refuse_contradictions(scans)
    decided = person_decisions.in_force(workspace)
    _refuse_ids(scans, duplicates.shared_ids(scans, workspace.different_people(), decided))
    alike = _alike_that_matter(workspace, scans)
    _refuse_alike([each for each in alike if each.pair not in decided])
    by_brain = len(scans.merge(near_duplicates.compared(workspace), on=["scan_id", "sha256"]))
    return Separation(
        len(scans),
        int(scans["image_hash"].notna().sum()),
        int(scans["person"].notna().sum()),
        sum(len(each.ids) for each in _that_matter(scans, duplicates.shared_ids(scans, ()))),
        by_brain,
        len(alike),
        SAME_HEAD if by_brain else 0.0,
    )


def _joined(workspace: Workspace, pool: Cohort, target: Cohort) -> pd.DataFrame:
    """Return the scans of both with their role and their present rows in the workspace."""
    frozen = pd.concat([pool.scans.assign(role="pool"), target.scans.assign(role="target")])
    frozen = frozen[["scan_id", "subject_id", "source", "sha256", "role"]]
    today = tables.read_scans(workspace)[_OF_SCANS]
    return frozen.merge(today, on="scan_id", how="left", suffixes=("", "_today"))


def _refuse_others(scans: pd.DataFrame) -> None:
    """Refuse scans whose person is said to be another than when they were frozen: folds are by person."""
    other = scans[scans["subject_id"] != scans["subject_id_today"]]
    if len(other):
        raise StudyError(
            f"Of {plural(len(other), 'scan')} the person is another than when their cohort was frozen: "
            f"{duplicates.some(other['scan_id'])}. Freeze the cohort again."
        )


def _refuse_images(scans: pd.DataFrame) -> None:
    """Refuse an image that is in both parts, or in one of them twice: by its voxels, and by its file."""
    for column in ("image_hash", "sha256"):
        shared = scans[scans[column].notna() & scans[column].duplicated(keep=False)]
        groups = [rows for _, rows in shared.groupby(column, sort=False)]
        across = [rows for rows in groups if rows["role"].nunique() > 1]
        if across:
            raise StudyError(
                f"{_are(len(across), 'image')} in the target cohort and in the pretraining pool: "
                f"{_pairs(across)}. The model would be judged on what it was trained on. Leave one of each "
                "out of its source, ingest that again, and freeze again."
            )
        if groups:
            raise StudyError(
                f"{_are(len(groups), 'image')} in a cohort twice: {_pairs(groups)}. One could be learned "
                "from and the other judged on. Ingest their sources again, which leaves one of each out, and "
                "freeze again."
            )


def _are(count: int, noun: str, nouns: str | None = None) -> str:
    return f"1 {noun} is" if count == 1 else f"{count} {nouns or noun + 's'} are"


def _pairs(groups: list[pd.DataFrame]) -> str:
    """Name the scans that hold the same image."""
    return duplicates.some(
        " = ".join(f"{row.scan_id} ({row.role})" for row in rows.itertuples()) for rows in groups
    )


def _refuse_people(scans: pd.DataFrame) -> None:
    pool, target = (scans[scans["role"] == role] for role in ("pool", "target"))
    shared = target[target["subject_id"].isin(pool["subject_id"])]
    if len(shared):
        people = _are(shared["subject_id"].nunique(), "person", "people")
        raise StudyError(
            f"{people} in the target cohort and also in the pretraining pool: "
            f"{duplicates.some(shared['scan_id'])}. The model would be judged on what it was trained on. "
            "Take them out of one of the two, then freeze again."
        )


def _refuse_ids(scans: pd.DataFrame, shared: list[SharedIds]) -> None:
    for each in _that_matter(scans, shared):
        raise StudyError(
            f"{each.words} A person of both could be learned from and judged on. {each.remedy}"
        )


def _that_matter(scans: pd.DataFrame, shared: list[SharedIds]) -> list[SharedIds]:
    """Return those with a source of the target: within the pool, mistaken identity does no harm."""
    tested = set(scans.loc[scans["role"] == "target", "source"])
    return [each for each in shared if tested & set(each.sources)]


def _refuse_contradictions(scans: pd.DataFrame) -> None:
    """Refuse people of two sexes, as tables of versions before could make them."""
    if found := who_is_who.contradictions(scans):
        raise StudyError(
            f"{duplicates.some(found)} Mend the table that names them, or take back that they are one "
            "person, ingest again, and freeze again."
        )


def _alike_that_matter(workspace: Workspace, scans: pd.DataFrame) -> list[Suspicion]:
    """Return pairs of one head said to be of two people, one of them of the target at least."""
    tested = set(scans.loc[scans["role"] == "target", "scan_id"])
    found = near_duplicates.of_two_people(workspace, among=set(scans["scan_id"]))
    return [each for each in found if tested & {each.first, each.second}]


def _refuse_alike(found: list[Suspicion]) -> None:
    """Refuse scans that seem to show the same head, before somebody said who they are."""
    if found:
        one = found[0]
        more = (
            f" {plural(len(found) - 1, 'more such pair')} of this study." if len(found) > 1 else ""
        )
        raise StudyError(
            f"{one.words} One could be learned from and the other judged on.{more} {one.remedy} Then freeze "
            "again: within a target one person shares a fold; who is in pool and target is left out of one."
        )


# ---- in words ------------------------------------------------------------------------------------


def from_dict(values: Mapping[str, Any] | None) -> Separation | None:
    """Read the record of a study; ``None`` for one planned before there was any."""
    if values is None:
        return None
    outside = {name: Separation(**own) for name, own in values.get("outside", {}).items()}
    return Separation(**{**values, "outside": outside})


def words(found: Separation | None) -> str:
    """The comparison and its findings in sentences."""
    if found is None:
        return (
            "No file is in both, byte for byte; whether an image or a person is in both under another name "
            "was not looked at."
        )
    return " ".join(filter(None, [_of_images(found), _of_people(found), _of_brains(found)]))


def words_outside(found: Separation | None, cohort_id: str) -> str:
    """Say in a sentence what an external cohort shares with pool and target, as far as it was compared."""
    own = found.outside.get(cohort_id) if found else None
    declared = []
    if own and own.other_people:
        declared.append(
            f"{plural(own.other_people, 'shared id')} declared to be of different people"
        )
    if own and own.denied:
        declared.append(
            f"{plural(own.denied, 'pair')} of scans that seem to show the same head, declared to be of "
            "different people by somebody who looked at both"
        )
    but = f", but for {' and '.join(declared)}" if declared else ""
    return (
        "It was compared with pool and target as these were with each other, and shares no image and no "
        f"person with them as far as that tells{but}."
    )


def in_short(found: Separation | None) -> str:
    """The same in a line."""
    if found is None or found.by_voxels < found.scans:
        return "No file is in both."
    if found.other_people:
        return f"No image is in both; {found.other_people:,} shared participant ids are other people's."
    return "No image and no participant id is in both."


def _of_images(found: Separation) -> str:
    if found.by_voxels == found.scans:
        others = (
            "" if found.by_brain else "; resampled or otherwise changed copies were not looked for"
        )
        return (
            "No image is in the study twice: the voxels of all scans were compared, whatever their file, "
            f"order of axes or type of number{others}."
        )
    return (
        f"No file is in the study twice, byte for byte; the voxels of {found.by_voxels:,} of "
        f"{found.scans:,} scans were compared, too."
    )


def _of_people(found: Separation) -> str:
    how = "participant ids, compared between sources without case, prefix and leading zeros"
    if found.named_people:
        how = f"the name that a table gives the person ({plural(found.named_people, 'scan')}), else by {how}"
    if found.other_people:
        shared = plural(found.other_people, "shared id was", "shared ids were")
        what = f"{shared} declared to be those of different people"
    else:
        what = "the target shares none with another source"
    last = "" if found.by_brain else " One person under two ids was not looked for."
    return f"People were told by {how}: {what}.{last}"


def _of_brains(found: Separation) -> str:
    """Tell the search for near-duplicates; nothing where there was none."""
    if not found.by_brain:
        return ""
    whom = "all scans" if found.by_brain == found.scans else f"{found.by_brain:,} of the scans"
    denied = (
        f"; of {plural(found.denied, 'such pair')} somebody looked at both and said that they are different "
        "people"
        if found.denied
        else ""
    )
    return (
        f"Changed copies and other scans of one head were looked for among {whom}: their brains, aligned to "
        "the template at 4 mm, high-passed and freed of what the template explains, were compared in pairs. "
        f"A cosine of {found.same_head:g} or more counts as one head; none is left between pool and target "
        f"or between people of the target{denied}."
    )
