"""Tags: words that people put on scans and take off again; appended, the newest change holds.

To rules they are columns, see :mod:`curation.storage.tag_columns`.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
import sqlalchemy as sa
from numpy.typing import NDArray

from curation import __version__
from curation.access.actions import Action
from curation.access.guard import guarded
from curation.decisions import database, schema
from curation.errors import TagError
from curation.storage import tag_columns
from curation.storage.tag_columns import MAX_TAG
from curation.storage.workspace import Workspace
from curation.wording import plural

_LONGEST_NAME = 100
#: Rows of one statement.
_AT_ONCE = 5000
#: Up to so many scans are asked for one by one.
_FEW = 500


@dataclass(frozen=True)
class Change:
    """What a change did.

    Parameters
    ----------
    id : int
        Its number; 0 where there was nothing to change.
    tag : str
        As it is spelled.
    scans : int
        How many it changed.
    there : bool
        Whether the tag was put on, not taken off.
    """

    id: int
    tag: str
    scans: int
    there: bool

    @property
    def words(self) -> str:
        """In a sentence."""
        if not self.id:
            return f"{self.tag}: nothing to change."
        return (
            f"{self.tag}: {'put on' if self.there else 'taken off'} {plural(self.scans, 'scan')}."
        )


# ---- changes -----------------------------------------------------------------------------------------


@guarded(Action.TAG, author="author")
def put_on(workspace: Workspace, tag: str, scan_ids: Iterable[str], author: str) -> Change:
    """Put a tag on scans; those that have it already stay as they are.

    Parameters
    ----------
    workspace : Workspace
        Where it goes.
    tag : str
        The word. One that differs from a known tag by capitals alone is that tag.
    scan_ids : iterable of str
        The scans.
    author : str
        Who does.

    Raises
    ------
    TagError
        Without author or scans, or where the word can be no tag.
    """
    return _change(workspace, tag, scan_ids, author, there=True)


@guarded(Action.TAG, author="author")
def take_off(workspace: Workspace, tag: str, scan_ids: Iterable[str], author: str) -> Change:
    """Take a tag off scans; those that do not have it stay as they are. See :func:`put_on`."""
    return _change(workspace, tag, scan_ids, author, there=False)


@guarded(Action.TAG, author="author")
def undo(workspace: Workspace, number: int, author: str) -> Change:
    """Take a change back, of the scans that it changed, by another one; both stay in the records.

    Raises
    ------
    TagError
        When there is no such change, or without author.
    """
    marks = schema.tag_changes
    with database.engine(workspace).connect() as connection:
        row = connection.execute(sa.select(marks).where(marks.c.id == number)).first()
        if row is None:
            raise TagError(f"There is no change of tags {number} to take back.")
        items = schema.tag_change_items
        query = sa.select(items.c.scan_id).where(items.c.change_id == number)
        scans = list(connection.execute(query.order_by(items.c.position)).scalars())
    return _change(workspace, row.tag, scans, author, there=not row.there)


def _change(
    workspace: Workspace, tag: str, scan_ids: Iterable[str], author: str, *, there: bool
) -> Change:
    tag, author, ids = " ".join(tag.split()), author.strip(), list(dict.fromkeys(scan_ids))
    _check(tag, author, ids)
    with database.writing(workspace) as connection:
        tag = _as_spelled(connection, tag)
        has = _having(connection, tag, ids)
        changed = [one for one in ids if (one in has) != there]
        if not changed:
            return Change(0, tag, 0, there)
        number = _append(connection, tag, changed, author, database.now(), there=there)
    return Change(number, tag, len(changed), there)


def add_from_file(connection: sa.Connection, given: Iterable[Mapping[str, Any]]) -> int:
    """Put on in a transaction the tags that a file has, in the name of who put them on, and when.

    Parameters
    ----------
    connection : Connection
        To the database.
    given : iterable of mapping
        Rows of :func:`table`.

    Returns
    -------
    int
        How many there are now that were not there. What was changed here at the same time or later stays.

    Raises
    ------
    TagError
        When a word can be no tag, or nobody has put it on.
    """
    changes: dict[tuple[datetime, str, str], list[str]] = {}
    for row in given:
        tag, author = " ".join(row["tag"].split()), row["author"].strip()
        _check(tag, author, [row["scan_id"]])
        changes.setdefault((row["at"], author, tag), []).append(row["scan_id"])
    added = 0
    for (at, author, written), ids in sorted(changes.items()):
        tag = _as_spelled(connection, written)
        asked = ids if len(ids) <= _FEW else None
        kept = {row.scan_id for row in _newest(connection, tag, asked) if row.there or row.at >= at}
        if new := [one for one in dict.fromkeys(ids) if one not in kept]:
            _append(connection, tag, new, author, at, there=True)
        added += len(new)
    return added


def _as_spelled(connection: sa.Connection, tag: str) -> str:
    """Return the known tag that differs from a word by capitals alone, or the word."""
    known = schema.tag_changes.c.tag
    spelled = connection.execute(sa.select(known).distinct().order_by(known)).scalars()
    return next((one for one in spelled if one.casefold() == tag.casefold()), tag)


def _append(
    connection: sa.Connection, tag: str, ids: list[str], author: str, at: datetime, *, there: bool
) -> int:
    """Store a change of a tag on scans; return its number."""
    marks, items = schema.tag_changes, schema.tag_change_items
    row = {"at": at, "author": author, "tag": tag, "there": there, "version": __version__}
    number: int = connection.execute(marks.insert().values(row).returning(marks.c.id)).scalar_one()
    rows = [
        {"change_id": number, "position": place, "scan_id": scan_id}
        for place, scan_id in enumerate(ids)
    ]
    for start in range(0, len(rows), _AT_ONCE):
        connection.execute(items.insert(), rows[start : start + _AT_ONCE])
    return number


def _having(connection: sa.Connection, tag: str, ids: list[str]) -> set[str]:
    """Return which of some scans have a tag; of a few only their own changes are read."""
    asked = ids if len(ids) <= _FEW else None
    return {row.scan_id for row in _newest(connection, tag, asked) if row.there}


def _check(tag: str, author: str, ids: list[str]) -> None:
    if not tag_columns.is_tag(tag):
        raise TagError(
            f"A tag is a word or a few, of at most {MAX_TAG} letters, digits, spaces and . _ + -; "
            f"{tag[:MAX_TAG]!r} is none."
        )
    if not author or len(author) > _LONGEST_NAME:
        raise TagError(f"Say who tags, in at most {_LONGEST_NAME} letters.")
    if not ids:
        raise TagError("No scan is chosen: choose some, then tag them.")


# ---- what holds --------------------------------------------------------------------------------------


def in_force(workspace: Workspace) -> dict[str, frozenset[str]]:
    """Return the scans of each tag that any scan has, by tag in the order of the alphabet."""
    with database.engine(workspace).connect() as connection:
        return _in_force(connection) if _is_there(connection) else {}


def of_scan(tags: Mapping[str, Collection[str]], scan_id: str) -> list[str]:
    """Return the tags of one scan."""
    return [tag for tag, scans in tags.items() if scan_id in scans]


def words(tags: Mapping[str, Collection[str]], scan_ids: pd.Series) -> pd.Series:
    """Return the tags of each scan with ``;`` between, for tables; empty where it has none."""
    found: dict[str, list[str]] = {}
    for tag, scans in tags.items():
        for scan_id in scans:
            found.setdefault(scan_id, []).append(tag)
    return scan_ids.map(lambda one: "; ".join(found.get(one, ()))).astype("str")


def values(
    tags: Mapping[str, Collection[str]], tag: str, scan_ids: pd.Series | pd.Index
) -> NDArray[np.float64]:
    """Return 1 for each scan that has a tag and 0 for all others, shape (N,)."""
    return scan_ids.isin(list(tags.get(tag, ()))).astype(np.float64)


def table(workspace: Workspace) -> pd.DataFrame:
    """Return every tag of every scan: ``scan_id``, ``tag``, ``author`` and ``at``, by scan and tag."""
    columns = ["scan_id", "tag", "author", "at"]
    with database.engine(workspace).connect() as connection:
        rows = _newest(connection) if _is_there(connection) else []
    found = [(row.scan_id, row.tag, row.author, row.at) for row in rows if row.there]
    return pd.DataFrame(found, columns=columns).sort_values(columns[:2], ignore_index=True)


def newest(workspace: Workspace) -> int:
    """Return a number that grows with each change; 0 before the first."""
    with database.engine(workspace).connect() as connection:
        if not _is_there(connection):
            return 0
        return connection.execute(sa.select(sa.func.max(schema.tag_changes.c.id))).scalar() or 0


def _in_force(connection: sa.Connection) -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for row in _newest(connection):
        if row.there:
            found.setdefault(row.tag, set()).add(row.scan_id)
    return {tag: frozenset(found[tag]) for tag in sorted(found, key=str.casefold)}


def _newest(
    connection: sa.Connection, tag: str | None = None, ids: list[str] | None = None
) -> list[sa.Row]:
    """Return the newest change of each tag on each scan; of one tag or of some scans alone, where asked."""
    marks, items = schema.tag_changes, schema.tag_change_items
    changes = sa.select(marks.c.tag, items.c.scan_id, sa.func.max(marks.c.id).label("id"))
    changes = changes.join(items, items.c.change_id == marks.c.id)
    if tag is not None:
        changes = changes.where(marks.c.tag == tag)
    if ids is not None:
        changes = changes.where(items.c.scan_id.in_(ids))
    last = changes.group_by(marks.c.tag, items.c.scan_id).subquery()
    columns = (last.c.scan_id, marks.c.tag, marks.c.author, marks.c.at, marks.c.there)
    query = sa.select(*columns).join(marks, marks.c.id == last.c.id)
    return list(connection.execute(query))


def _is_there(connection: sa.Connection) -> bool:
    """Return whether a database has tags: not one of before that this account may only look at."""
    return sa.inspect(connection).has_table(schema.tag_changes.name)
