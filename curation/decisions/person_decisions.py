"""Decisions whether two participants are one person: who said so and when; the newest of two holds."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import sqlalchemy as sa

from curation import __version__
from curation.access.actions import Action
from curation.access.guard import guarded
from curation.decisions import database, schema
from curation.errors import SourceError
from curation.storage.workspace import Workspace

_LONGEST_NAME = 100


class Pair(NamedTuple):
    """Two participants as ``SOURCE:PARTICIPANT``, the lesser one first; see :func:`pair`."""

    first: str
    second: str


@dataclass(frozen=True)
class PersonDecision:
    """One decision.

    Parameters
    ----------
    pair : Pair
        On whom.
    one_person : bool or None
        Whether they are one person; ``None`` takes an earlier decision back.
    reason : str
        What had been found, a sentence.
    """

    pair: Pair
    one_person: bool | None
    reason: str


def pair(one: str, other: str) -> Pair:
    """Return two participants in their order.

    >>> pair("b:2", "a:1")
    Pair(first='a:1', second='b:2')
    """
    return Pair(*sorted((one, other)))


@guarded(Action.DECIDE_PEOPLE, author="author")
def store(workspace: Workspace, decisions: Iterable[PersonDecision], author: str) -> None:
    """Append decisions, all or none.

    Raises
    ------
    SourceError
        When nobody says so, or somebody is set against themselves.
    """
    author, every = author.strip(), list(decisions)
    if not author or len(author) > _LONGEST_NAME:
        raise SourceError(
            f"Say who decides who is who: fill in a name of at most {_LONGEST_NAME} letters."
        )
    if alone := [each.pair.first for each in every if each.pair.first == each.pair.second]:
        raise SourceError(f"Name two participants; {alone[0]} came twice.")
    rows = [
        {
            "at": database.now(),
            "first": each.pair.first,
            "second": each.pair.second,
            "one_person": each.one_person,
            "reason": each.reason,
            "author": author,
            "version": __version__,
        }
        for each in every
    ]
    if rows:
        with database.writing(workspace) as connection:
            connection.execute(schema.person_decisions.insert(), rows)


def in_force(workspace: Workspace) -> dict[Pair, bool]:
    """Return for each two participants on whom somebody decided whether they are one person."""
    table = schema.person_decisions
    query = sa.select(table.c.first, table.c.second, table.c.one_person).order_by(table.c.id)
    with database.engine(workspace).connect() as connection:
        if not sa.inspect(connection).has_table(table.name):
            return {}  # a workspace of before, which this account may only look at
        rows = connection.execute(query).all()
    newest = {Pair(row.first, row.second): row.one_person for row in rows}
    return {of: one for of, one in newest.items() if one is not None}


def newest(workspace: Workspace) -> int:
    """Return the number of the last decision, 0 where there is none: it grows with each."""
    table = schema.person_decisions
    with database.engine(workspace).connect() as connection:
        if not sa.inspect(connection).has_table(table.name):
            return 0
        return connection.execute(sa.select(sa.func.max(table.c.id))).scalar() or 0
