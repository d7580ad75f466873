"""Persons behind participants: as a table names them, as somebody decided, else each by themselves."""

from collections.abc import Iterable, Iterator, Mapping

import pandas as pd

from curation.decisions import person_decisions
from curation.decisions.person_decisions import Pair, PersonDecision
from curation.errors import SourceError
from curation.storage import files, tables
from curation.storage.workspace import Workspace
from curation.wording import plural

#: Ages of one person may lie so far apart at most: no image of a head by magnetic resonance is older.
MOST_YEARS = 50.0
#: Ages of one person at one session of one source may differ by so many years.
SESSION_YEARS = 1.0
_NAMED = 3
_BY_TABLE = "person="


def subject_id(source: str, participant_id: str, person: object) -> str:
    """Return the person: as a table names them, in any source, or as a participant of this source."""
    return f"{_BY_TABLE}{person}" if isinstance(person, str) else key(source, participant_id)


def key(source: str, participant_id: str) -> str:
    """Return the name of a participant in the whole workspace, ``SOURCE:PARTICIPANT``."""
    return f"{source}:{participant_id}"


def keys_of(scans: pd.DataFrame) -> pd.Series:
    """Return the :func:`key` of each scan."""
    return scans["source"].astype("str") + ":" + scans["participant_id"].astype("str")


# ---- decisions in use --------------------------------------------------------------------------------


def unite(scans: pd.DataFrame, decisions: Mapping[Pair, bool]) -> pd.DataFrame:
    """Return scans whose ``subject_id`` is the same for all that somebody said to be one person.

    Parameters
    ----------
    scans : pandas.DataFrame
        All scans of a workspace; not written into.
    decisions : mapping
        For two participants whether they are one person.

    Notes
    -----
    A person is called as a table calls them, if one does; else after the first of their participants.
    """
    same = [of for of, one in decisions.items() if one]
    own = _own_ids(scans)
    if not same and own.equals(scans["subject_id"]):
        return scans
    keys = keys_of(scans)
    involved = keys.isin({name for of in same for name in of})
    ids_of = own[involved].groupby(keys[involved]).unique()
    linked = [(first, second) for first, second in same if {first, second} <= set(ids_of.index)]
    group = _groups(
        (one, other) for of in linked for one in ids_of[of[0]] for other in ids_of[of[1]]
    )
    return scans.assign(subject_id=own.map(lambda name: group.get(name, name)))


def _own_ids(scans: pd.DataFrame) -> pd.Series:
    """Return who each scan's person is by its source alone; ids made by earlier versions stay."""
    keys, named = keys_of(scans), scans["person"].notna()
    before = scans["subject_id"].astype(object)
    of_this_version = (
        before.isna()
        | before.astype("str").isin(set(keys))
        | before.astype("str").str.startswith(_BY_TABLE)
    )
    own = before.where(~of_this_version, keys.astype(object))
    return own.where(~named, _BY_TABLE + scans["person"].astype("str").astype(object))


def _groups(links: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return for each name that is linked to any the name of its group."""
    members: dict[str, set[str]] = {}
    for one, other in links:
        together = members.get(one, {one}) | members.get(other, {other})
        members |= dict.fromkeys(together, together)
    return {name: min(group, key=_rank) for name, group in members.items()}


def _rank(name: str) -> tuple[bool, str]:
    return not name.startswith(_BY_TABLE), name


def decide(workspace: Workspace, decisions: Iterable[PersonDecision], author: str) -> None:
    """Store decisions on who is who, and let the table of scans say so.

    Raises
    ------
    SourceError
        When nobody says so, a participant is not known, or what is said contradicts a table or another
        decision; nothing is stored then.
    """
    every = list(decisions)
    with files.lock(workspace.ingest_lock_path):
        scans = tables.read_scans(workspace)
        _refuse_unknown(scans, every)
        held = person_decisions.in_force(workspace)
        for each in every:
            held.pop(each.pair, None)
            if each.one_person is not None:
                held[each.pair] = each.one_person
        united = unite(scans, held)
        _refuse_against(united, held)
        if found := contradictions(united):
            raise SourceError(f"They cannot be one person. {' '.join(found[:_NAMED])}")
        person_decisions.store(workspace, every, author)
        if not united["subject_id"].equals(scans["subject_id"]):
            tables.write_scans(workspace, united)


def _refuse_unknown(scans: pd.DataFrame, decisions: Iterable[PersonDecision]) -> None:
    known = set(keys_of(scans))
    named = {name for each in decisions for name in each.pair}
    if unknown := sorted(named - known):
        raise SourceError(
            f"The workspace has no participant {unknown[0]!r}. Write SOURCE:PARTICIPANT as the page Cohort "
            "shows them, for example my-pool:sub-01."
        )


def _refuse_against(united: pd.DataFrame, held: Mapping[Pair, bool]) -> None:
    """Refuse that two are one person through others, of whom somebody said that they are different."""
    who = united.set_index(keys_of(united))["subject_id"].groupby(level=0).first()
    for of, one in held.items():
        if not one and who.get(of.first, of.first) == who.get(of.second, of.second):
            raise SourceError(
                f"{of.first} and {of.second} were said to be different people, and would now be one. Take "
                f"that back first: 'python -m curation people --undecided {of.first} {of.second}'."
            )


# ---- contradictions ----------------------------------------------------------------------------------


def contradictions(scans: pd.DataFrame) -> list[str]:
    """Say who would be of two sexes, or of two ages at once, in sentences.

    Parameters
    ----------
    scans : pandas.DataFrame
        With ``subject_id, source, participant_id, session_id, sex, age_years, person``. Only people that a
        table or a decision names in more than one place are looked at.

    Returns
    -------
    list of str
        A sentence a contradiction. Sexes are M and F, or what one source writes; ages may lie
        :data:`MOST_YEARS` apart, and :data:`SESSION_YEARS` at one session of one source.
    """
    people = scans.assign(_key=keys_of(scans))
    several = people.groupby("subject_id")["_key"].transform("nunique") > 1
    people = people[several | people["person"].notna()]
    return [*_of_two_sexes(people), *_of_two_ages(people)]


def _of_two_sexes(people: pd.DataFrame) -> Iterator[str]:
    told = people.dropna(subset="sex")
    understood = told["sex"].isin(("M", "F"))
    coded = told[~understood]
    for rows in (told[understood].groupby("subject_id"), coded.groupby(["subject_id", "source"])):
        for _, their in rows:
            if their["sex"].nunique() > 1:
                yield f"{_called(their)} would be of two sexes: {_each(their, 'sex')}."


def _of_two_ages(people: pd.DataFrame) -> Iterator[str]:
    aged = people.dropna(subset="age_years")
    seen: set[str] = set()
    for by, most, where in (
        (["subject_id", "source", "session_id"], SESSION_YEARS, " at one session"),
        (["subject_id"], MOST_YEARS, ""),
    ):
        for _, their in aged.groupby(by):
            apart = float(their["age_years"].max() - their["age_years"].min())
            if apart > most and their["subject_id"].iloc[0] not in seen:
                seen.add(their["subject_id"].iloc[0])
                told = _each(their, "age_years")
                yield f"{_called(their)} would be of ages {apart:g} years apart{where}: {told}."


def _called(their: pd.DataFrame) -> str:
    return their["subject_id"].iloc[0].removeprefix(_BY_TABLE)


def _each(their: pd.DataFrame, column: str) -> str:
    first = their.drop_duplicates(["_key", column]).sort_values("_key")
    told = [
        f"{row[column]:g} as {row['_key']}"
        if column == "age_years"
        else f"{row[column]} as {row['_key']}"
        for _, row in first.iterrows()
    ]
    more = f" and {len(told) - _NAMED} more" if len(told) > _NAMED else ""
    return ", ".join(told[:_NAMED]) + more


def refuse_contradictions(scans: pd.DataFrame, source: str) -> None:
    """Refuse a source by whose tables somebody would be of two sexes, or of two ages at once.

    Parameters
    ----------
    scans : pandas.DataFrame
        All scans of a workspace, see :func:`contradictions`.
    source : str
        Name of the source; people of others only are not looked at.

    Raises
    ------
    SourceError
        With the people, and what to do.
    """
    own = scans.loc[scans["source"] == source, "subject_id"]
    found = contradictions(scans[scans["subject_id"].isin(own)])
    if found:
        raise SourceError(
            f"{plural(len(found), 'person', 'people')} of {source} cannot be one. "
            f"{' '.join(found[:_NAMED])} A name in the column 'person' is one person in all sources, as are "
            "participants who were said to be one: mend the table, then ingest again. Nothing was changed."
        )
