"""Codes of sex in a table, read together: one letter is a man in one language and a woman in another.

Where codes tell nothing by themselves (1 and 2), the ``Levels`` of BIDS in the JSON file beside the table do,
or whoever lists it says which is which.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from curation.errors import DamagedError, SourceError
from curation.sources import allowed_roots
from curation.sources.allowed_roots import AllowedRoots
from curation.storage import files, text_tables
from curation.wording import plural

#: So many codes are named in a sentence.
_TOLD = 6
#: Of a label so many signs are told.
_LONGEST = 60
#: Codes of sex, a language a line: women's, then men's. That of BIDS and of English comes first.
_SEXES = (
    ("f female woman girl females women girls", "m male man boy males men boys"),
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
            if (women, men) == _SEXES[0]:
                break
    return readings[0] if readings and all(one == readings[0] for one in readings) else None


def unread_sexes_in_words(values: Iterable[str]) -> str:
    """Say that codes of sex are not understood, and what to do."""
    return (
        f"Sex is written as {_listed(values)}: which is which is not told, so nobody here counts as a woman "
        "or as a man. Add the source again with the codes of women and of men (on Cohort under Add data, in "
        "a terminal with --sex F=CODE,M=CODE). Or write into a JSON file of the table's name beside it, as "
        'BIDS has it, {"sex": {"Levels": {"1": "male", "2": "female"}}}, and list the source again.'
    )


def neither_in_words(values: Iterable[str]) -> str:
    """Say of how many people, each with a code, the sex is told as neither; empty where of nobody."""
    told = Counter(value for value in values if value.strip().casefold() in _NEITHER)
    if not told:
        return ""
    people = plural(told.total(), "person", "people")
    counts = "counts neither as a woman nor as a man" if told.total() == 1 else _NEITHER_COUNTS
    return f"{people} of sex {_listed(told)} {counts}."


def without_neither(values: pd.Series) -> pd.Series:
    """Return codes of sex without those that say neither, such as X: of such the sex is not known."""
    return values.mask(values.str.strip().str.casefold().isin(_NEITHER))


_NEITHER_COUNTS = "count neither as women nor as men"


def _listed(values: Iterable[str]) -> str:
    *some, last = sorted(values)[:_TOLD]
    return " and ".join(filter(None, (", ".join(some), last)))


# ---- which code is which, as somebody tells it ---------------------------------------------------

#: A label that says one thing at its beginning, such as ``Male (at birth)``.
_LABEL = re.compile(r"\s*([^\W\d_][\w-]*)\s*(?:[(,;].*)?", re.DOTALL)


def of_words(told: str) -> dict[str, str]:
    """Return the codes that somebody names, each with its sex.

    Raises
    ------
    SourceError
        When it is not said so.

    Examples
    --------
    >>> of_words("M=1, F=2"), of_words("")
    ({'1': 'M', '2': 'F'}, {})
    """
    pairs = [part.partition("=") for part in told.split(",")] if told.strip() else []
    codes = {_bare(code): sex.strip().upper() for sex, _, code in pairs}
    if not set(codes.values()) <= {"F", "M"} or "" in codes or len(codes) < len(pairs):
        raise SourceError(
            f"Which code of sex is which is said as F=CODE,M=CODE, such as F=2,M=1, each code once; not as "
            f"{told!r}."
        )
    return codes


def read_table(
    path: Path, allowed: AllowedRoots = allowed_roots.EVERYTHING, told: str = ""
) -> pd.DataFrame:
    """Read a table with its codes of sex as ``F`` and ``M`` where it is told which is which.

    Parameters
    ----------
    path : Path
        See :func:`curation.storage.text_tables.read_table`. A JSON file of its name beside it may tell the
        codes as BIDS does, ``{"sex": {"Levels": {"1": "male", "2": "female"}}}``.
    allowed : AllowedRoots
        What may be read.
    told : str
        Codes that somebody names, see :func:`of_words`; they take precedence.

    Returns
    -------
    pandas.DataFrame
        A code of which it is told that it is neither, or of which nothing is told, is ``None``. What was made
        of the codes is a sentence in ``attrs["guessed"]``.
    """
    table = text_tables.read_table(path)
    if "sex" not in table:
        return table
    labels, why = _levels(path.with_suffix(".json"), allowed)
    codes = _of_labels(labels) | of_words(told)
    said = [why] if why else []
    if labels and not codes:
        said.append(
            f"{path.stem}.json names codes of sex ({_listed(labels)}), but none as male or female: they are "
            "left as they are."
        )
    if codes:
        written = table["sex"].tolist()
        read = [_read(code, codes) for code in written]
        table["sex"] = pd.Series(read, table.index, dtype=object)
        said.append(_read_in_words({code for code in written if code}, codes, labels))
    table.attrs["guessed"] = (*table.attrs["guessed"], *said)
    return table


def _read(code: str | None, codes: Mapping[str, str]) -> str | None:
    """Return a code as ``F`` or ``M`` where it is told; English ones are as they are, others ``None``."""
    bare = _bare(code or "")
    english = {"f": "F", "female": "F", "m": "M", "male": "M"}
    return codes.get(bare) or english.get(bare) or (code if bare in _NEITHER else None)


def _read_in_words(
    written: Iterable[str], codes: Mapping[str, str], labels: Mapping[str, str]
) -> str:
    of = {sex: sorted(code for code in written if _read(code, codes) == sex) for sex in ("F", "M")}
    named = {"F": "women", "M": "men"}
    read = [f"{_listed(of[sex])} as {named[sex]}" for sex in of if of[sex]]
    lost = sorted(code for code in written if _read(code, codes) is None)
    said = f"Sex is read as told: {' and '.join(read) or 'nobody as a woman or a man'}."
    meant = {_bare(code): label for code, label in labels.items()}
    unread = [f"{code} ({meant[_bare(code)]})" if _bare(code) in meant else code for code in lost]
    return said + (f" Not known, neither women nor men: {_listed(unread)}." if unread else "")


def _levels(path: Path, allowed: AllowedRoots) -> tuple[dict[str, str], str]:
    """Return the ``Levels`` of sex in a JSON file, and why they cannot be read where it is there."""
    if allowed.reason(path):
        return {}, ""
    try:
        found = files.read_json(path)
    except (DamagedError, OSError):
        return {}, f"{path.name} cannot be read as JSON: what it may say of sex is not used."
    columns = found.items() if isinstance(found, dict) else ()
    for column, about in columns:
        levels = about.get("Levels") if isinstance(about, dict) else None
        if text_tables.is_called(column, "sex") and isinstance(levels, dict):
            return {str(code): _label(label) for code, label in levels.items()}, ""
    return {}, ""


def _label(label: Any) -> str:
    """Return what a level is called; BIDS has a text, or an object with one."""
    return str(label.get("Description", "") if isinstance(label, dict) else label)[:_LONGEST]


def _of_labels(labels: Mapping[str, str]) -> dict[str, str]:
    """Return the codes whose labels say women or men, all in one language."""
    begun = {code: _LABEL.fullmatch(label) for code, label in labels.items()}
    words = {code: found[1] for code, found in begun.items() if found}
    known = {word for pair in _SEXES for words_of in pair for word in words_of.split()}
    told = {code: word for code, word in words.items() if word.casefold() in known}
    read = sexes_in(told.values()) or {}
    return {_bare(code): sex for code, word in told.items() if (sex := read.get(word))}


def _bare(code: str) -> str:
    """Return a code without case; a whole number without the zeros that spreadsheets put behind it."""
    return re.sub(r"^(\d+)\.0+$", r"\1", code.strip().casefold())
