"""Duplicates in a workspace: the same person in two sources, the same image in two files.

Possible duplicates of people are reported and left to people to decide; of equal images one is used, and the
others are rows that name it.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from curation.access.actions import Action
from curation.access.guard import guarded
from curation.decisions import database, person_decisions
from curation.decisions.person_decisions import Pair
from curation.errors import SourceError
from curation.sources import image_modality, near_duplicates, sex_codes, who_is_who
from curation.sources.participants_table import same_person
from curation.storage import files, tables
from curation.storage.workspace import Workspace

#: Ages of one person in two sources may differ by so many years.
_YEARS = 1.0
_NAMED = 3
#: Reason of a decision that follows the suggestion.
FITTING = "equal participant ids, age and sex fit"

#: Names of two sources.
Sources = frozenset[str]


@dataclass(frozen=True)
class SharedIds:
    """Participant ids that two sources have in common, while nobody said whether they are the same people.

    Parameters
    ----------
    sources : tuple of str
        Names of both.
    ids : tuple of str
        As the first one writes them. Case, ``sub-`` and leading zeros do not count.
    fits : tuple of Pair
        Those that may be one person: the ages are known and no more than a year apart, and the sexes, if
        known, are the same.
    others : tuple of Pair
        The rest of them.
    """

    sources: tuple[str, str]
    ids: tuple[str, ...]
    fits: tuple[Pair, ...]
    others: tuple[Pair, ...]

    @property
    def fitting(self) -> int:
        """How many may be one person by age and sex."""
        return len(self.fits)

    @property
    def words(self) -> str:
        """The ids in common, as a sentence."""
        ids = f"{len(self.ids)} participant id{'s' * (len(self.ids) != 1)}"
        return (
            f"{self.sources[0]} and {self.sources[1]} share {ids} ({some(self.ids)}); age and sex "
            f"agree for {self.fitting or 'none'} of them."
        )

    @property
    def remedy(self) -> str:
        """The remedy, in sentences."""
        both = " ".join(self.sources)
        confirm = (
            "confirm on Cohort those whose age and sex agree, or with '--one-person-where-fitting "
            f"{both}'; or say "
            if self.fits
            else "say "
        )
        return (
            "If these are different people, note it on Cohort, or with 'python -m curation people "
            f"--different {both}'. If some are the same, give both sources a column 'person' that names "
            f"everybody alike, and list them again; or {confirm}of two that they are one person with "
            "'--one-person A B'."
        )


def shared_ids(
    scans: pd.DataFrame, decided: Collection[Sources], of_two: Mapping[Pair, bool] | None = None
) -> list[SharedIds]:
    """Return the participant ids that two sources have in common, for each two that nobody decided on.

    Parameters
    ----------
    scans : pandas.DataFrame
        With ``source, participant_id, person, age_years, sex``.
    decided : collection of pairs of sources
        Sources of which somebody said that they hold different people.
    of_two : mapping, optional
        Decisions on two participants, see :mod:`curation.decisions.person_decisions`.
    """
    known = scans.assign(_key=scans["participant_id"].map(same_person))
    people = known.groupby(["source", "_key"], as_index=False).first()
    people = people[["source", "_key", "participant_id", "person", "age_years", "sex"]]
    both = people.merge(people, on="_key", suffixes=("", "_2"))
    named = both["person"].notna() & both["person_2"].notna()
    both = both[(both["source"] < both["source_2"]) & ~named]
    first, second = sex_codes.without_neither(both["sex"]), sex_codes.without_neither(both["sex_2"])
    same_sex = first.isna() | second.isna() | (first == second)
    fits = (both["age_years"] - both["age_years_2"]).abs().le(_YEARS) & same_sex
    pairs = [
        person_decisions.pair(
            who_is_who.key(row.source, row.participant_id),
            who_is_who.key(row.source_2, row.participant_id_2),
        )
        for row in both.itertuples()
    ]
    is_open = pd.Series([of not in (of_two or {}) for of in pairs], both.index, dtype=bool)
    found = both.assign(fits=fits, pair=pairs)[is_open]
    return [
        SharedIds(
            (str(first), str(second)),
            tuple(rows["participant_id"]),
            tuple(rows.loc[rows["fits"], "pair"]),
            tuple(rows.loc[~rows["fits"], "pair"]),
        )
        for (first, second), rows in found.groupby(["source", "source_2"])
        if frozenset((first, second)) not in decided
    ]


def undecided(workspace: Workspace, among: Collection[str] | None = None) -> list[SharedIds]:
    """Return the shared ids that nobody decided on; if asked only those of some sources with any other."""
    found = _usable_shared_ids(workspace, workspace.different_people())
    return [each for each in found if among is None or set(each.sources) & set(among)]


def alike(workspace: Workspace) -> list[SharedIds]:
    """Return the participant ids that any two sources share, whatever was said of the sources."""
    return _usable_shared_ids(workspace, ())


def _usable_shared_ids(workspace: Workspace, decided: Collection[Sources]) -> list[SharedIds]:
    scans = tables.read_scans(workspace)
    usable = scans[scans["status"].isin(tables.SCORABLE)]
    return shared_ids(usable, decided, person_decisions.in_force(workspace))


def in_both_roles(scans: pd.DataFrame) -> list[str]:
    """Say which images and named people are in the pool and in the target, in sentences.

    Parameters
    ----------
    scans : pandas.DataFrame
        All scans of a workspace.
    """
    usable = scans[scans["status"].isin(tables.SCORABLE)]
    pool, target = (usable[usable["role"] == role] for role in ("pool", "target"))
    said = []
    for column, noun, nouns in (("image_hash", "image", "images"), ("person", "person", "people")):
        first = pool.dropna(subset=column).drop_duplicates(column).set_index(column)["scan_id"]
        shared = target[target[column].isin(first.index)].drop_duplicates(column)
        if len(shared):
            pairs = [f"{first[row[column]]} = {row['scan_id']}" for _, row in shared.iterrows()]
            are = f"{noun} is" if len(shared) == 1 else f"{nouns} are"
            said.append(
                f"{len(shared)} {are} in the pool and in the target: {some(pairs)}. No study takes both: "
                "leave them out of one of the two."
            )
    return said


def notes(workspace: Workspace, sources: Collection[str]) -> list[str]:
    """Return sentences on certain and possible duplicates of some sources."""
    scans = tables.read_scans(workspace)
    told = [f"{each.words} {each.remedy}" for each in undecided(workspace, sources)]
    own = set(scans.loc[scans["source"].isin(sources), "scan_id"])
    alike = [
        each for each in near_duplicates.suspicions(workspace) if own & {each.first, each.second}
    ]
    told += [f"{each.words} {each.remedy}" for each in alike[:_NAMED]]
    if len(alike) > _NAMED:
        told.append(f"So do {len(alike) - _NAMED:,} more pairs; Cohort shows all of them.")
    return [*told, *in_both_roles(scans)]


@guarded(Action.DECIDE_PEOPLE, author="author")
def say_different(
    workspace: Workspace, pairs: Collection[Sources], author: str, *, different: bool = True
) -> None:
    """Note that equal participant ids of two sources are different people, or take it back.

    Parameters
    ----------
    workspace : Workspace
        Where it is noted, with who said so.
    pairs : collection of pairs
        Names of two sources each.
    author : str
        Who says so.
    different : bool
        False to take it back.

    Raises
    ------
    SourceError
        When nobody says so, or the workspace has no source of a name.
    """
    if not author.strip():
        raise SourceError("Say who says that they are different people: fill in a name.")
    known = [source.name for source in workspace.sources()]
    for name in sorted(frozenset[str]().union(*pairs)):
        if name not in known:
            have = ", ".join(known) or "none yet"
            raise SourceError(f"The workspace has no source {name!r}; it has: {have}.")
    with files.lock(workspace.ingest_lock_path):
        before = workspace.different_people()
        after = before | set(pairs) if different else before - set(pairs)
        workspace.put_different_people(after)
    said = "different people" if different else "perhaps the same people"
    for pair in sorted(map(sorted, before ^ after)):
        about = " and ".join(pair)
        database.note(workspace, author=author.strip(), action=said, subject=about, detail={})


def with_all_others(workspace: Workspace, name: str) -> set[Sources]:
    """Return the pairs of a source with all others that the workspace has now."""
    others = {source.name for source in workspace.sources()} - {name}
    return {frozenset((name, other)) for other in others}


def some(names: Iterable[str], shown: int = _NAMED) -> str:
    """Name the first few."""
    every = list(names)
    return ", ".join(every[:shown]) + (
        f" and {len(every) - shown} more" if len(every) > shown else ""
    )


#: How the reason begins of a file that is named as another one, and of one that holds the same image.
SAME_NAME, SAME_IMAGE = "has the same id as", "the same image as"
_OTHER_PERSON = ", under the id of another person"


def same_name(used: Path | None, own: Path | None) -> str:
    """Return the reason why a scan is not used whose id another one of its source has."""
    if used is not None and used == own:
        return f"{SAME_NAME} another line for the same file; the first one is used"
    return f"{SAME_NAME} {used.name if used else 'another'}, which is used; rename or remove one"


def mark(scans: pd.DataFrame, in_use: Collection[str], asked: Mapping[str, str]) -> pd.DataFrame:
    """Let one scan be used of those that hold the same image and have the same role.

    The one that was in use before stays. Of several that come at once it is one with a known age, if there is
    one, then the one with the shortest id, then the first by the alphabet: the order of the files does not
    count. PETs are left alone: one may go with the T1w of several sessions.

    Parameters
    ----------
    scans : pandas.DataFrame
        All scans of a workspace; not written into.
    in_use : collection of str
        Ids of the scans that were in use before.
    asked : mapping of str to str
        What each source has scored, by its name.

    Returns
    -------
    pandas.DataFrame
        With ``status`` and ``reason`` as they have to be. A scan that was left out for another one is used
        again where that one is gone.
    """
    scans = _as_if_single(scans.reset_index(drop=True), asked)
    there = scans[scans["status"].isin(("ok", "other")) & scans["image_hash"].notna()]
    order = there.assign(
        _listed=there["status"] != "ok",
        _new=~there["scan_id"].isin(in_use),
        _ageless=there["age_years"].isna(),
        _length=there["scan_id"].str.len(),
    ).sort_values(["_listed", "_new", "_ageless", "_length", "scan_id"])
    used = order.groupby(["role", "image_hash"], sort=False)["scan_id"].transform("first")
    again = order[used != order["scan_id"]].index
    whose = scans.set_index("scan_id")["subject_id"]
    for index in again:
        other = whose[used[index]] != scans.at[index, "subject_id"]
        scans.loc[index, ["status", "reason"]] = [
            "duplicate",
            f"{SAME_IMAGE} {used[index]}, which is used{_OTHER_PERSON * other}; one of them can be removed",
        ]
    return scans


def _as_if_single(scans: pd.DataFrame, asked: Mapping[str, str]) -> pd.DataFrame:
    """Give scans that were left out for another one the status that they have by themselves."""
    for index in scans.index[scans["reason"].fillna("").str.startswith(SAME_IMAGE)]:
        row = scans.loc[index]
        status = image_modality.status_of(
            row["modality"], asked.get(row["source"], image_modality.SCORED)
        )
        scans.loc[index, ["status", "reason"]] = [status, None]
    return scans
