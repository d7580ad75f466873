"""Participants tables: ages and sexes under their many spellings, matched to people."""

import math
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path

from curation.errors import SourceError
from curation.sources import allowed_roots, sex_codes
from curation.sources.allowed_roots import AllowedRoots
from curation.storage import text_tables

OLDEST_YEARS = 125
#: An age as a note of :func:`age_in_years` quotes it.
_AGE_TEXT = re.compile(
    r"age (?:'.*'|\".*\")(?= is (?:not a number of years|top-coded);)", re.DOTALL
)
_TOP_CODED = re.compile(r"(?:>=?\s*|≥\s*)?(\d+(?:\.\d+)?)\s*(\+)?")
#: Words that one place puts before a person's number and another does not.
_PREFIX = re.compile(r"(?:sub|subj|subject|patient|pat|participant|person|id)[-_ ]*(?=\d)|sub-")
_LEADING_ZEROS = re.compile(r"(?<!\d)0+(?=\d)")
_NAMED = 3
#: What is kept of a person, and what it is called.
_OF_PERSON = {
    "age_years": "age",
    "sex": "sex",
    "group": "group",
    "site": "site",
    "person": "person",
}

Row = dict[str, str | None]
#: What a person is called where names are hidden, by the id.
Called = Callable[[str], str]
#: A sentence, or what makes it with names, or without where they are hidden; ``None``: there is none.
Note = str | Callable[[Called | None], str | None]


@dataclass(frozen=True)
class People:
    """A table of people.

    Parameters
    ----------
    table : str
        Its file's name; empty where there is none.
    rows : dict of str to dict
        What it says of each person, by the id as it is written; of several rows that in which none differs.
    notes : tuple of Note
        What was guessed of its columns, in sentences.
    visits : dict of str to list of dict
        Each row of those who have several, as one a visit.
    """

    table: str = ""
    rows: dict[str, Row] = field(default_factory=dict)
    notes: tuple[Note, ...] = ()
    visits: dict[str, list[Row]] = field(default_factory=dict)

    def find(self, name: str) -> str | None:
        """Return the id, as the table writes it, of a person whom others may write otherwise.

        ``sub-007``, ``7`` and ``patient07`` are one, unless the table itself tells two of them apart.
        """
        for exact in (name, name.removeprefix("sub-"), f"sub-{name}"):
            if exact in self.rows:
                return exact
        return self._alike.get(same_person(name))

    def owner(self, stem: str) -> str | None:
        """Return the person with whose id, as a whole word, a file's name begins: the longest id counts."""
        for end in range(len(stem), 0, -1):
            is_whole = end == len(stem) or not _is_letter(stem[end])
            if is_whole and (found := self.find(stem[:end])):
                return found
        return None

    def row(self, name: str | None, session: str | None = None) -> Row:
        """Return the table's values of a person at a visit; empty where there are none.

        Of a visit that the table does not name it is what all rows of the person say alike.
        """
        written = (self.find(name) or "") if name else ""
        alike = self.rows.get(written, {})
        if not (own := self._at(written, session)):
            return alike
        of_no_visit = _alike([row for row in self.visits[written] if not row.get("session_id")])
        told = {column: text for column, text in _alike(own).items() if text is not None}
        return {**alike, "age_years": of_no_visit.get("age_years"), **told}

    def unsure(self, name: str, session: str | None, known: Mapping[str, object]) -> list[str]:
        """Return, in words, what is not known of a person at a visit as rows of the table differ in it.

        Parameters
        ----------
        name, session : str
            The person and the visit.
        known : mapping
            What is known of them in the end, as of :func:`describe`.
        """
        written = self.find(name) or ""
        rows = self._at(written, session) or self.visits.get(written, [])
        return [
            word
            for column, word in _OF_PERSON.items()
            if known[column] is None or known[column] != known[column]  # NaN
            if any(row.get(column) is not None for row in rows)
        ]

    def unsure_in_words(self, names: Iterable[str], called: Called | None = None) -> str | None:
        """Say of whom rows of the table differ, and what can be done about it."""
        if not (everybody := list(dict.fromkeys(names))):
            return None
        return (
            f"{self.called} has rows that differ for {_some(everybody, called)}, and none that names the "
            "visit of each of their scans: what differs, such as the age, is taken as unknown there. Add a "
            "column 'session_id' that says of which visit a row is."
        )

    @property
    def called(self) -> str:
        """The table's name, or what it is."""
        return self.table or "The table of people"

    def _at(self, written: str, session: str | None) -> list[Row]:
        """Return the rows of a person that name a visit, as it is written or else alike."""
        rows = [row for row in self.visits.get(written, []) if session and row.get("session_id")]
        exact = [row for row in rows if row["session_id"] in (session, f"ses-{session}")]
        alike = [
            row for row in rows if same_visit(str(row["session_id"])) == same_visit(str(session))
        ]
        return exact or alike

    def joined(self, names: Iterable[str], called: Called | None = None) -> str | None:
        """Say how many of the people of a source the table knows, where it does not know all of them.

        Whoever has a row and no scan has no other name: where names are hidden they are counted.
        """
        everybody = list(dict.fromkeys(names))
        known = {name: self.find(name) for name in everybody}
        without = [name for name in everybody if known[name] is None]
        if not self.table or not without:
            return None
        unused = [name for name in self.rows if name not in set(known.values())]
        others = _some(unused) if called is None else unused and f"{len(unused)}"
        return (
            f"{self.table} joined {len(everybody) - len(without)} of {len(everybody)} people. It has no row "
            f"for {_some(without, called)}; its rows for nobody: {others or 'none'}."
        )

    def notes_on(self, everybody: Iterable[str], unsure: Iterable[str]) -> tuple[Note, ...]:
        """Return its notes, and those on whom of a source it holds and of whom it is unsure."""
        said = partial(self.joined, tuple(everybody)), partial(self.unsure_in_words, tuple(unsure))
        return (*self.notes, *(note for note in said if note()))

    @cached_property
    def _alike(self) -> dict[str, str]:
        """The ids by what they have in common with other spellings; none that two of them share."""
        found: dict[str, list[str]] = {}
        for name in self.rows:
            found.setdefault(same_person(name), []).append(name)
        return {key: names[0] for key, names in found.items() if len(names) == 1}


def same_person(name: str) -> str:
    """Return a person's id without case, prefix and leading zeros: ``sub-007`` is ``7``."""
    text = unicodedata.normalize("NFC", name).casefold().strip()
    prefix = _PREFIX.match(text)
    return _LEADING_ZEROS.sub("", text[prefix.end() :] if prefix else text)


def same_visit(name: str) -> str:
    """Return a visit's id without case, prefix and leading zeros: ``ses-01`` is ``1``."""
    return same_person(name.strip().lower().removeprefix("ses-"))


def _is_letter(character: str) -> bool:
    """Return whether a character is part of a word: a letter, digit or mark of any script."""
    return character.isalnum() or unicodedata.category(character).startswith("M")


def _some(names: list[str], called: Called | None = None) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(map(called or str, names[:_NAMED])) + more


def in_words(notes: Iterable[Note], called: Called | None) -> tuple[str, ...]:
    """Return notes as sentences; with ``called``, which gives people other names, without theirs."""
    said = (note if isinstance(note, str) else note(called) for note in notes)
    return tuple(filter(None, said))


def participants(
    path: Path, allowed: AllowedRoots = allowed_roots.EVERYTHING, sexes: str = ""
) -> People:
    """Read a table of people, such as ``participants.tsv``; no file is no people.

    ``sexes`` are codes of sex as of :func:`curation.sources.sex_codes.of_words`.

    Raises
    ------
    SourceError
        When the table names no people.
    """
    if not path.exists():
        return People()
    table = sex_codes.read_table(path, allowed, sexes)
    if "participant_id" not in table:
        raise SourceError(text_tables.without_people(table, path.name))
    known = table.dropna(subset=["participant_id"])
    first = known.drop_duplicates("participant_id")
    rows = first.set_index("participant_id", drop=False).to_dict("index")
    visits: dict[str, list[Row]] = {}
    for row in known[known.duplicated("participant_id", keep=False)].to_dict("records"):
        visits.setdefault(row["participant_id"], []).append(row)
    rows |= {name: _alike(of_them) for name, of_them in visits.items()}
    return People(path.name, rows, table.attrs["guessed"], visits)


def with_visits(people: People, tables: Iterable[tuple[str, Path]], sexes: str = "") -> People:
    """Return people with what tables of their visits add, such as BIDS' ``sub-01_sessions.tsv``.

    Parameters
    ----------
    people : People
        Who is known.
    tables : iterable of (str, Path)
        A participant and the table of their visits; one that cannot be read becomes a note.
    sexes : str
        See :func:`participants`.
    """
    rows, visits = dict(people.rows), dict(people.visits)
    notes: list[Note] = [*people.notes]
    for name, path in tables:
        try:
            told = sex_codes.read_table(path, told=sexes)
        except SourceError as error:
            notes.append(partial(_unread, name, str(error)))
            continue
        except OSError as error:
            why = f"{path.name} cannot be read ({error.strerror or error}) and is left out."
            notes.append(partial(_unread, name, why))
            continue
        if "session_id" in told:
            written = people.find(name) or name
            before = visits.get(written) or ([rows[written]] if written in rows else [])
            visits[written] = [*before, *told.to_dict("records")]
            rows[written] = _alike(visits[written])
    return People(people.table, rows, tuple(notes), visits)


def _unread(name: str, why: str, called: Called | None) -> str:
    """Say that a person's table of visits, which is named after them, cannot be read."""
    return f"The table of visits of {called(name)} cannot be read." if called else why


def _alike(rows: list[Row]) -> Row:
    """Return what rows of a person say alike; what differs is ``None``."""
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: _same(name, [row.get(name) for row in rows]) for name in names}


def _same(column: str, texts: list[str | None]) -> str | None:
    told = [text for text in texts if text is not None]
    meant = {_meant(column, text) for text in told}
    return told[0] if len(meant) == 1 else None


def _meant(column: str, text: str) -> object:
    if column == "age_years":
        years = age_in_years(text)[0]
        return text if math.isnan(years) else years
    return sex(text) if column == "sex" else text


def age_in_years(text: str | None) -> tuple[float, str | None]:
    """Read an age.

    Parameters
    ----------
    text : str or None
        Such as ``'34'``, ``'34,5'`` (decimal comma), ``'89+'`` (top-coded) or ``None``.

    Returns
    -------
    age_years : float
        NaN where unknown, unreadable or not between 0 and 125 years.
    note : str or None
        What was taken differently than written.
    """
    if text is None:
        return math.nan, None
    match = _TOP_CODED.fullmatch(text.strip().replace(",", "."))
    if not match or not 0 <= float(match[1]) <= OLDEST_YEARS:
        return math.nan, f"age {text!r} is not a number of years; taken as unknown"
    if match[0] != match[1]:
        return float(match[1]), f"age {text!r} is top-coded; taken as {float(match[1]):g}"
    return float(match[1]), None


def without_texts(note: object) -> str | None:
    """Return a note of :func:`describe` without what the table has as the age: it may be a date of birth."""
    return _AGE_TEXT.sub("the age", note) if isinstance(note, str) else None


def sex(text: str | None) -> str | None:
    """Return ``M`` or ``F`` for their spellings, other values as they are."""
    if text is None:
        return None
    return {"male": "M", "m": "M", "female": "F", "f": "F"}.get(text.lower(), text)


def describe(row: Mapping[str, str | None]) -> dict[str, object]:
    """Turn one row's texts into ``age_years``, ``sex``, ``group``, ``site``, ``person`` and a ``note``."""
    age_years, note = age_in_years(row.get("age_years"))
    return {
        "age_years": age_years,
        "sex": sex(row.get("sex")),
        "group": row.get("group"),
        "site": row.get("site"),
        "person": row.get("person"),
        "note": note,
    }


def describe_at(
    table: People, name: str, session: str | None, known: Mapping[str, str | None]
) -> dict[str, object]:
    """Return :func:`describe` of a person at a visit.

    What is ``known`` besides takes precedence over the table; what the table leaves unsure is in the note.
    """
    described = describe({**table.row(name, session), **known})
    if unsure := table.unsure(name, session, described):
        what = f"{table.called} has rows of this person that differ in {', '.join(unsure)}"
        notes = (described["note"], f"{what}: taken as unknown")
        described["note"] = "; ".join(str(note) for note in notes if note)
    return described
