"""Codes of sex in a table, read together: one letter is a man in one language and a woman in another."""

from collections.abc import Iterable

from curation.storage import text_tables

#: So many codes are named in a sentence.
_TOLD = 6
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
    *some, last = sorted(values)[:_TOLD]
    listed = " and ".join(filter(None, (", ".join(some), last)))
    return (
        f"Sex is written as {listed} and kept so: which is which is not told. Write M and F in a "
        "copy of the table, and list the source again with it as its table of people."
    )
