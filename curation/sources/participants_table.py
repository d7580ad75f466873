"""Participants tables: ages and sexes under their many spellings, matched to people."""

import math
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from curation.errors import SourceError
from curation.storage import text_tables

OLDEST_YEARS = 125
_TOP_CODED = re.compile(r"(?:>=?\s*|≥\s*)?(\d+(?:\.\d+)?)\s*(\+)?")
#: Words that one place puts before a person's number and another does not.
_PREFIX = re.compile(r"(?:sub|subj|subject|patient|pat|participant|person|id)[-_ ]*(?=\d)|sub-")
_LEADING_ZEROS = re.compile(r"(?<!\d)0+(?=\d)")
#: So many people, and codes of sex, are named in a sentence.
_NAMED, _CODES_TOLD = 3, 6
#: Codes of sex, a language a line: women's, then men's. That of BIDS and of English comes first.
_SEXES = (
    ("f female woman girl", "m male man boy"),
    ("w weiblich frau", "m männlich maennlich mann"),
    ("v vrouw vrouwelijk", "m man mannelijk"),
    ("f femme", "h homme"),
    ("f féminin feminin", "m masculin"),
    ("m mujer", "h hombre v varón varon"),
    ("f femenino", "m masculino"),
    ("m mulher", "h homem"),
    ("f feminino", "m masculino"),
    ("f femmina donna", "m maschio uomo"),
    ("k kvinna kvinde kvinne", "m man mand mann"),
)
#: Said of people whose sex is neither, or not told.
_NEITHER = frozenset(
    (*text_tables.UNKNOWN, "o", "other", "x", "d", "divers", "diverse", "intersex", "non-binary")
)


@dataclass(frozen=True)
class People:
    """A table of people.

    Parameters
    ----------
    table : str
        Its file's name; empty where there is none.
    rows : dict of str to dict
        What it says of each person, the first where one comes twice, by the id as it is written.
    notes : tuple of str
        What was guessed of its columns, in sentences.
    """

    table: str = ""
    rows: dict[str, dict[str, str | None]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

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

    def row(self, name: str | None) -> dict[str, str | None]:
        """Return the table's values of a person; empty where there are none."""
        return self.rows.get(self.find(name) or "", {}) if name else {}

    def joined(self, names: Iterable[str]) -> str | None:
        """Say how many of the people of a source the table knows, where it does not know all of them."""
        everybody = list(dict.fromkeys(names))
        known = {name: self.find(name) for name in everybody}
        without = [name for name in everybody if known[name] is None]
        if not self.table or not without:
            return None
        unused = [name for name in self.rows if name not in set(known.values())]
        return (
            f"{self.table} joined {len(everybody) - len(without)} of {len(everybody)} people. It has no row "
            f"for {_some(without)}; its rows for nobody: {_some(unused) or 'none'}."
        )

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


def _is_letter(character: str) -> bool:
    """Return whether a character is part of a word: a letter, digit or mark of any script."""
    return character.isalnum() or unicodedata.category(character).startswith("M")


def _some(names: list[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def participants(path: Path) -> People:
    """Read a table of people, such as ``participants.tsv``; no file is no people.

    Raises
    ------
    SourceError
        When the table names no people.
    """
    if not path.exists():
        return People()
    table = text_tables.read_table(path)
    if "participant_id" not in table:
        raise SourceError(
            f"{path.name} has no column of people. Name one 'participant_id' "
            f"({text_tables.columns_in_words(table.attrs['written'])})."
        )
    known = table.dropna(subset=["participant_id"]).drop_duplicates("participant_id")
    rows = known.set_index("participant_id", drop=False).to_dict("index")
    return People(path.name, rows, table.attrs["guessed"])


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


def sex(text: str | None) -> str | None:
    """Return ``M`` or ``F`` for their spellings, other values as they are."""
    if text is None:
        return None
    return {"male": "M", "m": "M", "female": "F", "f": "F"}.get(text.lower(), text)


def sexes_in(values: Iterable[str]) -> dict[str, str | None] | None:
    """Read the codes of sex of one table.

    A code alone does not tell: ``M`` is a man in one language and a woman in another, so the codes of a table
    are read together.

    Parameters
    ----------
    values : iterable of str
        All that stand in its column.

    Returns
    -------
    dict of str to str or None, or None
        Of each ``F``, ``M``, or ``None`` where it says neither; nothing where no language has all of them,
        or two have them and mean different things by them (``M`` and ``V``).

    Examples
    --------
    >>> sexes_in(["H", "M"]), sexes_in(["H", "F"]), sexes_in(["1", "2"])
    ({'H': 'M', 'M': 'F'}, {'H': 'M', 'F': 'F'}, None)
    """
    codes = {value: value.strip().casefold() for value in values}
    told = set(codes.values()) - _NEITHER
    readings = []
    for women, men in _SEXES:
        known = dict.fromkeys(women.split(), "F") | dict.fromkeys(men.split(), "M")
        if told <= known.keys():
            readings.append({value: known.get(code) for value, code in codes.items()})
            if len(readings) == 1 and (women, men) == _SEXES[0]:
                return readings[0]
    return readings[0] if readings and all(one == readings[0] for one in readings) else None


def unread_sexes_in_words(values: Iterable[str]) -> str:
    """Say that codes of sex are not understood, and what to do."""
    *some, last = sorted(values)[:_CODES_TOLD]
    listed = " and ".join(filter(None, (", ".join(some), last)))
    return (
        f"Sex is written as {listed} and kept so: which is which is not told. Write M and F to have it "
        "understood."
    )


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
