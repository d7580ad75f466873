"""People and images that are in a workspace twice: told, and left to people to decide."""

import dataclasses
from collections.abc import Collection, Iterable
from dataclasses import dataclass

import pandas as pd

from curation import database, files, tables
from curation.errors import SourceError
from curation.people import same_person
from curation.workspace import Workspace

#: Ages of one person in two sources may differ by so many years.
_YEARS = 1.0
_NAMED = 3


@dataclass(frozen=True)
class SharedIds:
    """Participant ids that two sources have in common, while nobody said whether they are the same people.

    Parameters
    ----------
    sources : tuple of str
        Names of both.
    ids : tuple of str
        As the first one writes them. Case, ``sub-`` and leading zeros do not count.
    fitting : int
        How many of them may be one person: the ages are known and no more than a year apart, and the sexes,
        if known, are the same.
    """

    sources: tuple[str, str]
    ids: tuple[str, ...]
    fitting: int

    @property
    def words(self) -> str:
        """What they have in common, as a sentence."""
        ids = f"{len(self.ids)} participant id{'s' * (len(self.ids) != 1)}"
        return (
            f"{self.sources[0]} and {self.sources[1]} share {ids} ({some(self.ids)}); age and sex fit for "
            f"{self.fitting}."
        )

    @property
    def remedy(self) -> str:
        """What people can do about it, in sentences."""
        return (
            "If these are different people, say so on Cohort, or with 'python -m curation people --own-ids "
            f"{self.sources[1]}'. If some are the same, give both sources a column 'person' that names "
            "everybody alike, and ingest them again."
        )


def shared_ids(scans: pd.DataFrame, own_ids: Collection[str]) -> list[SharedIds]:
    """Return the participant ids that two sources have in common, for each two that nobody decided on.

    Parameters
    ----------
    scans : pandas.DataFrame
        With ``source, participant_id, person, age_years, sex``.
    own_ids : collection of str
        Names of the sources whose ids are known to be their own.
    """
    known = scans.assign(_key=scans["participant_id"].map(same_person))
    people = known.groupby(["source", "_key"], as_index=False).first()
    people = people[["source", "_key", "participant_id", "person", "age_years", "sex"]]
    both = people.merge(people, on="_key", suffixes=("", "_2"))
    decided = both["source"].isin(own_ids) | both["source_2"].isin(own_ids)
    decided |= both["person"].notna() & both["person_2"].notna()
    both = both[(both["source"] < both["source_2"]) & ~decided]
    same_sex = both["sex"].isna() | both["sex_2"].isna() | (both["sex"] == both["sex_2"])
    fits = (both["age_years"] - both["age_years_2"]).abs().le(_YEARS) & same_sex
    pairs = both.assign(fits=fits).groupby(["source", "source_2"])
    return [
        SharedIds((str(first), str(second)), tuple(rows["participant_id"]), int(rows["fits"].sum()))
        for (first, second), rows in pairs
    ]


def undecided(workspace: Workspace, among: Collection[str] | None = None) -> list[SharedIds]:
    """Return the shared ids of a workspace's usable scans, if asked those of some sources with any other."""
    scans = tables.read_scans(workspace)
    found = shared_ids(scans[scans["status"].isin(tables.SCORABLE)], own(workspace))
    return [each for each in found if among is None or set(each.sources) & set(among)]


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
    for column, what in (("image_hash", "image"), ("person", "person")):
        shared = target[target[column].notna() & target[column].isin(pool[column].dropna())]
        count = shared[column].nunique()
        if count:
            nouns = what if count == 1 else {"person": "people"}.get(what, f"{what}s")
            said.append(
                f"{count} {nouns} of the target {'is' if count == 1 else 'are'} in the pool, too: "
                f"{some(shared['scan_id'])}. No study takes both: leave them out of one of the two."
            )
    return said


def notes(workspace: Workspace, sources: Collection[str]) -> list[str]:
    """Say of some sources, in sentences, what is in the workspace twice or may be."""
    scans = tables.read_scans(workspace)
    told = [f"{each.words} {each.remedy}" for each in undecided(workspace, sources)]
    return [*told, *in_both_roles(scans)]


def own(workspace: Workspace) -> set[str]:
    """Return the names of the sources whose participant ids somebody said to be their own."""
    return {source.name for source in workspace.sources() if source.own_ids}


def say_own(
    workspace: Workspace, names: Collection[str], author: str, *, own_ids: bool = True
) -> None:
    """Note that the participant ids of some sources are their own, or take it back.

    Parameters
    ----------
    workspace : Workspace
        Where it is noted, with who said so.
    names : collection of str
        Of the sources.
    author : str
        Who says so.
    own_ids : bool
        False to take it back.

    Raises
    ------
    SourceError
        When nobody says so, or the workspace has no source of a name.
    """
    if not author.strip():
        raise SourceError("Say who says that they are different people: fill in a name.")
    with files.lock(workspace.root / ".ingest.lock"):
        known = {source.name: source for source in workspace.sources()}
        if strange := [name for name in names if name not in known]:
            raise SourceError(
                f"The workspace has no source {strange[0]!r}; it has: {', '.join(known) or 'none yet'}."
            )
        for name in names:
            workspace.put_source(dataclasses.replace(known[name], own_ids=own_ids))
            said = "participant ids are its own" if own_ids else "participant ids may be shared"
            database.note(workspace, author=author.strip(), action=said, subject=name, detail={})


def some(names: Iterable[str], shown: int = _NAMED) -> str:
    """Name the first few."""
    every = list(names)
    return ", ".join(every[:shown]) + (
        f" and {len(every) - shown} more" if len(every) > shown else ""
    )
