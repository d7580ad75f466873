"""Persons behind participants: as a table names them, as somebody decided, else each by themselves."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial

import pandas as pd

from curation.decisions import person_decisions
from curation.decisions.person_decisions import Pair, PersonDecision
from curation.errors import SourceError
from curation.sources import image_modality, pseudonyms
from curation.sources.participants_table import Called
from curation.sources.source import Entry, Listing
from curation.storage import files, tables
from curation.storage.workspace import Source, Workspace
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


# ---- one label in several places ---------------------------------------------------------------------


def told_apart(workspace: Workspace, source: Source, listing: Listing) -> Listing:
    """Return a listing in which one label of BIDS under several prefixes or folders is several people.

    A person is called as they were when the source was listed before, unless that contradicts itself.
    """
    groups: dict[str, list[Entry]] = defaultdict(list)
    for entry in listing.entries:
        if entry.before is not None:
            groups[entry.participant_id].append(entry)
    if not groups:
        return listing
    earlier = pseudonyms.listed_before(workspace, source)
    names = {who: _names(who, those, earlier) for who, those in groups.items()}
    several = {
        who: sorted(set(of.values())) for who, of in names.items() if len(set(of.values())) > 1
    }
    entries = [
        one
        if one.before is None
        else replace(one, participant_id=names[one.participant_id][one.before])
        for one in listing.entries
    ]
    notes = (*listing.notes, partial(_apart_in_words, several)) if several else listing.notes
    return replace(listing, entries=entries, notes=notes)


def _names(who: str, those: list[Entry], earlier: Callable[[Entry, str], bool]) -> dict[str, str]:
    """Return the person of each place in which a label stands."""
    places: dict[str, list[Entry]] = defaultdict(list)
    for entry in those:
        places[str(entry.before)].append(entry)
    words = {place: image_modality.words_besides(place) for place in places}
    short = {place: "_".join((*words[place], who)) for place in places}
    whole = {place: "_".join(filter(None, (place.replace("/", "_"), who))) for place in places}
    kept = {
        place: name
        for place, its in places.items()
        for name in (whole[place], short[place], who)
        if any(earlier(entry, name) for entry in its)
    }
    by_words = {words[place]: name for place, name in kept.items()}
    usual = short if len(set(words.values())) > 1 else dict.fromkeys(places, who)
    names = {at: kept.get(at) or by_words.get(words[at]) or usual[at] for at in places}
    for finer in (short, whole):
        torn = _torn(those, names)
        names = {at: finer[at] if name in torn else name for at, name in names.items()}
    return names


def _torn(those: list[Entry], names: Mapping[str, str]) -> set[str]:
    """Return who of some people would contradict themselves."""
    if len(those) == 1:
        return set()
    rows = [
        {
            "subject_id": names[str(entry.before)],
            "source": "",
            "participant_id": names[str(entry.before)],
            "session_id": entry.session_id,
            **{name: entry.person.get(name) for name in ("sex", "age_years", "person")},
        }
        for entry in those
    ]
    return {who for who, _ in _contradictory(pd.DataFrame(rows), by_label=True)}


def _apart_in_words(several: Mapping[str, list[str]], called: Called | None) -> str:
    who, names = next(iter(several.items()))
    more = f" and {len(several) - 1} more" if len(several) > 1 else ""
    labels = f"{plural(len(several), 'label')} of people stand" + "s" * (len(several) == 1)
    return (
        f"{labels} under several prefixes or folders and are taken as different people"
        + ("" if called else f": {who} as {', '.join(names[:_NAMED])}{more}")
        + ". Where they are the same, list a manifest with a column 'participant_id' that names each person."
    )


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
        said = keys_of(united).isin({name for each in every for name in each.pair})
        touched = united["subject_id"].isin(united.loc[said, "subject_id"])
        if found := contradictions(united[touched]):
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
        With ``subject_id, source, participant_id, session_id, sex, age_years, person`` and, where known,
        ``status``: of somebody of one source alone files that are not there are not looked at.

    Returns
    -------
    list of str
        A sentence a contradiction. Sexes are M and F, or what one source writes; ages may lie
        :data:`MOST_YEARS` apart, and :data:`SESSION_YEARS` at one session of one source. Where no session is
        told, scans of other ages are visits: see :func:`visits_untold`.
    """
    return [said for _, said in _contradictory(scans)]


def visits_untold(scans: pd.DataFrame) -> int:
    """Return how many people have ages more than :data:`SESSION_YEARS` apart and no session is told."""
    ages = scans[scans["session_id"].isna()].groupby("subject_id")["age_years"]
    return int((ages.max() - ages.min() > SESSION_YEARS).sum())


def _contradictory(scans: pd.DataFrame, *, by_label: bool = False) -> Iterator[tuple[str, str]]:
    """Yield each person who contradicts themselves, with a sentence that says so.

    ``by_label`` tells that a label alone makes them one person: visits of other ages have to be told then.
    """
    people = scans.assign(_key=keys_of(scans))
    if "status" in people:
        several = people.groupby("subject_id")["_key"].transform("nunique") > 1
        there = people["status"] != "missing"
        people = people[there | several | people["person"].notna()]
    yield from _of_two_sexes(people)
    yield from _of_two_ages(people, by_label)


def _of_two_sexes(people: pd.DataFrame) -> Iterator[tuple[str, str]]:
    told = people.dropna(subset="sex")
    understood = told["sex"].isin(("M", "F"))
    for rows, by in (
        (told[understood], ["subject_id"]),
        (told[~understood], ["subject_id", "source"]),
    ):
        differ = rows.groupby(by)["sex"].transform("nunique") > 1
        for _, their in rows[differ].groupby(by):
            yield (
                their["subject_id"].iloc[0],
                f"{_called(their)} would be of two sexes: {_each(their, 'sex')}.",
            )


def _of_two_ages(people: pd.DataFrame, by_label: bool) -> Iterator[tuple[str, str]]:
    aged = people.dropna(subset="age_years").astype({"age_years": float})
    seen: set[str] = set()
    for rows, by, most, where in (
        (aged, ["subject_id", "source", "session_id"], SESSION_YEARS, " at one session"),
        (
            aged[aged["session_id"].isna() & by_label],
            ["subject_id", "_key"],
            SESSION_YEARS,
            ", and no session is told",
        ),
        (aged, ["subject_id"], MOST_YEARS, ""),
    ):
        ages = rows.groupby(by)["age_years"]
        differ = ages.transform("max") - ages.transform("min") > most
        for _, their in rows[differ].groupby(by):
            if (who := their["subject_id"].iloc[0]) not in seen:
                seen.add(who)
                apart = float(their["age_years"].max() - their["age_years"].min())
                told = _each(their, "age_years")
                yield (
                    who,
                    f"{_called(their)} would be of ages {apart:g} years apart{where}: {told}.",
                )


def _called(their: pd.DataFrame) -> str:
    return their["subject_id"].iloc[0].removeprefix(_BY_TABLE)


def _each(their: pd.DataFrame, column: str) -> str:
    first = their.drop_duplicates(["_key", column]).sort_values("_key")
    values = first[column].map("{:g}".format) if column == "age_years" else first[column]
    told = [f"{value} as {key}" for value, key in zip(values, first["_key"], strict=True)]
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
            f"{' '.join(found[:_NAMED])} One name in a column of people is one person, as are participants "
            "who were said to be one: mend the table, then ingest again. In a manifest, give each person a "
            "name of their own in the column 'participant_id', and each visit in 'session_id'. Nothing was "
            "changed."
        )
