"""Names of scans: the parts of a file's name, in any script, and the ids made of them."""

import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from curation.storage import files
from curation.storage.files import slug

SUFFIXES = (".nii.gz", ".nii")
#: Short enough for a suffix such as ``-copy2`` or ``.png`` in a plain file name.
MAX_ID = 70

#: An entity of a BIDS name runs to the next underscore; in a loose name to whatever is no letter or digit.
_OF_BIDS = re.compile(r"(?:^|_)([A-Za-z0-9]+)-([^_]+)")
_OF_LOOSE = re.compile(r"(?:^|_)([A-Za-z0-9]+)-([A-Za-z0-9\u0080-\U0010ffff]+)")


def stem_of(path: Path) -> str:
    """Return a file's name without ``.nii`` or ``.nii.gz``.

    Examples
    --------
    >>> stem_of(Path("anat/sub-01_T1w.nii.gz"))
    'sub-01_T1w'
    """
    for suffix in SUFFIXES:
        if path.name.lower().endswith(suffix):
            return path.name[: -len(suffix)]
    return path.stem


def entities(stem: str, *, loose: bool = False) -> dict[str, str]:
    """Return the entities of a BIDS name.

    Parameters
    ----------
    stem : str
        A file's name without its ending.
    loose : bool
        Of a name that only resembles BIDS: a value ends at a hyphen, too.

    Examples
    --------
    >>> entities("sub-01_ce-gd_T1w")
    {'sub': '01', 'ce': 'gd'}
    """
    return dict((_OF_LOOSE if loose else _OF_BIDS).findall(stem))


def before_label(key: str, participant_id: str) -> str | None:
    """Return what stands in a path before the first label of BIDS that names a person; ``None`` without one.

    Parameters
    ----------
    key : str
        The path, with ``/`` between its parts.
    participant_id : str
        The label, with ``sub-``.

    Examples
    --------
    >>> before_label("site-a/ds01_sub-03_T1w", "sub-03"), before_label("sub-03/anat/T1w", "sub-03")
    ('site-a/ds01', '')
    """
    parts = key.split("/")
    for place, part in enumerate(parts):
        for found in _OF_LOOSE.finditer(part):
            if f"{found[1]}-{found[2]}" == participant_id:
                return "/".join(filter(None, (*parts[:place], part[: found.start()])))
    return None


def as_unicode(text: str) -> str:
    r"""Return text that can be stored: bytes that are not Unicode as ``\xe9``, all else unchanged."""
    try:
        return os.fsencode(text).decode("utf-8", "backslashreplace")
    except UnicodeEncodeError:  # a lone surrogate of JSON, which is no byte of a file's name
        return text.encode("utf-8", "backslashreplace").decode("utf-8")


def is_unicode(text: str) -> bool:
    """Return whether text can be stored as it is."""
    return as_unicode(text) == text


def shortest_tails(paths: Iterable[str]) -> dict[str, str]:
    """Return for each path the fewest of its last parts that no other path ends in.

    Parameters
    ----------
    paths : iterable of str
        With ``/`` between their parts; equal ones count once.
    """
    unique = dict.fromkeys(paths)
    parts = {path: tuple(part for part in path.split("/") if part) for path in unique}
    found: dict[str, str] = {}
    length, open_ = 1, list(unique)
    while open_:
        tails: dict[tuple[str, ...], list[str]] = {}
        for path in open_:
            tails.setdefault(parts[path][-length:], []).append(path)
        open_ = []
        for tail, those in tails.items():
            if len(those) == 1 or all(len(parts[path]) <= length for path in those):
                found |= dict.fromkeys(those, "/".join(tail))
            else:
                open_ += those
        length += 1
    return found


def give_ids(
    source: str, keys: Sequence[str], earlier: Sequence[str | None]
) -> tuple[list[str], list[int | None]]:
    """Give every scan of a source an id: a plain file name that no other scan of the workspace has.

    Parameters
    ----------
    source : str
        Name of the source, which begins each id.
    keys : sequence of str
        What names each scan within its source. Of those with equal keys one is used.
    earlier : sequence of str or None
        The id that a scan has already, which it keeps.

    Returns
    -------
    ids : list of str
        A copy's id is that of the one that is used, with ``-copy2`` and so on.
    used : list of int or None
        Of a copy the place of the one that is used; ``None`` for all others.
    """
    ids: list[str] = [""] * len(keys)
    used: list[int | None] = [None] * len(keys)
    order = sorted(range(len(keys)), key=lambda place: (keys[place], earlier[place] is None))
    first = {keys[place]: place for place in reversed(order)}
    taken = {id_ for place, id_ in enumerate(earlier) if id_ and first[keys[place]] == place}
    for place in first.values():
        ids[place] = earlier[place] or _new_id(source, keys[place], taken)
        taken.add(ids[place])
    for place in order:
        if (one := first[keys[place]]) != place:
            used[place] = one
            ids[place] = _copy_id(ids[one], taken)
            taken.add(ids[place])
    return ids, used


def _new_id(source: str, key: str, taken: set[str]) -> str:
    """Return the name itself where it is plain, short and free; otherwise its plain part and a hash."""
    name = f"{source}_{key}".replace("/", "_")
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", name)
    start = slug(plain[: MAX_ID - 9])
    possible = [f"{start}-{files.short_hash(text)}" for text in (name, f"{source}/{key}")]
    if slug(plain) == plain == name and len(name) <= MAX_ID:
        possible.insert(0, name)
    return next(id_ for id_ in possible if id_ not in taken)


def _copy_id(used: str, taken: set[str]) -> str:
    number = 2
    while f"{used}-copy{number}" in taken:
        number += 1
    return f"{used}-copy{number}"
