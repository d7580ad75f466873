"""Named lists of scans that people picked: appended, never changed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from curation import __version__
from curation.access.actions import Action
from curation.access.guard import guarded
from curation.decisions import database, schema
from curation.errors import ScanListError
from curation.ratings.rating_record import MAX_COMMENT, MAX_RATER
from curation.storage.workspace import Workspace

MAX_NAME = 100
#: Rows of one statement.
_AT_ONCE = 5000


@dataclass(frozen=True)
class ScanList:
    """A named list.

    Parameters
    ----------
    id : int
        Its number.
    name, author : str
        What it is called, and who picked it.
    at : datetime.datetime
        When, UTC.
    note : str
        How the scans were picked, in words.
    scans : int
        How many.
    """

    id: int
    name: str
    author: str
    at: datetime
    note: str
    scans: int


@guarded(Action.SAVE_LIST, author="author")
def save(
    workspace: Workspace, name: str, author: str, scan_ids: Sequence[str], note: str = ""
) -> int:
    """Append a list.

    Parameters
    ----------
    workspace : Workspace
        Where it goes.
    name, author : str
        What it is called, and who picked it.
    scan_ids : sequence of str
        The scans; each counts once.
    note : str
        How they were picked.

    Returns
    -------
    int
        The number of the list, safely stored.

    Raises
    ------
    ScanListError
        Without name, author or scans, or where there is a list of that name.
    """
    name, author, ids = name.strip(), author.strip(), list(dict.fromkeys(scan_ids))
    _check(name, author, note, ids)
    lists, items = schema.scan_lists, schema.scan_list_items
    row = {
        "at": database.now(),
        "name": name,
        "author": author,
        "note": note.strip(),
        "version": __version__,
    }
    try:
        with database.writing(workspace) as connection:
            insert = lists.insert().values(row).returning(lists.c.id)
            number = connection.execute(insert).scalar_one()
            rows = [
                {"list_id": number, "position": place, "scan_id": scan_id}
                for place, scan_id in enumerate(ids)
            ]
            for start in range(0, len(rows), _AT_ONCE):
                connection.execute(items.insert(), rows[start : start + _AT_ONCE])
    except sa.exc.IntegrityError:
        raise ScanListError(
            f"There is a list named {name!r}. Lists are never changed: choose another name."
        ) from None
    return number


def _check(name: str, author: str, note: str, ids: list[str]) -> None:
    if not name or len(name) > MAX_NAME:
        raise ScanListError(f"A list needs a name, of at most {MAX_NAME} letters.")
    if not author or len(author) > MAX_RATER:
        raise ScanListError(f"Say who picked the scans, in at most {MAX_RATER} letters.")
    if len(note) > MAX_COMMENT:
        raise ScanListError(f"A note has at most {MAX_COMMENT} letters.")
    if not ids:
        raise ScanListError("No scan is selected: select some, then save them as a list.")


def list_lists(workspace: Workspace) -> list[ScanList]:
    """Return all lists, newest first."""
    lists, items = schema.scan_lists, schema.scan_list_items
    size = sa.select(sa.func.count()).where(items.c.list_id == lists.c.id).scalar_subquery()
    columns = (lists.c.id, lists.c.name, lists.c.author, lists.c.at, lists.c.note, size)
    with database.engine(workspace).connect() as connection:
        rows = connection.execute(sa.select(*columns).order_by(lists.c.id.desc()))
        return [ScanList(*row) for row in rows]


def scans_of(workspace: Workspace, list_id: int) -> list[str]:
    """Return the ids of a list's scans, in the order in which they were picked; empty where there is none."""
    items = schema.scan_list_items
    query = sa.select(items.c.scan_id).where(items.c.list_id == list_id)
    with database.engine(workspace).connect() as connection:
        return list(connection.execute(query.order_by(items.c.position)).scalars())


def newest(workspace: Workspace) -> int:
    """Return the number of the newest list; 0 before the first."""
    query = sa.select(sa.func.coalesce(sa.func.max(schema.scan_lists.c.id), 0))
    with database.engine(workspace).connect() as connection:
        return connection.execute(query).scalar_one()
