"""Erasure of scans from the decisions: what names them is taken out, what was decided stays.

Decisions are appended and never changed, but for this: a person's right to be forgotten. A changed row gets
a line in a table of its own, chained as all others, with the hash of what it held before and of what it holds
now, right behind the line of the audit that says that somebody was forgotten; so the audit chain still tells
this change from every other one.
"""

import json
import re
import secrets
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from curation import __version__
from curation.access import acting
from curation.decisions import actions, audit_chain, database, schema
from curation.decisions.schema import AuditAction
from curation.storage.workspace import Workspace
from curation.wording import plural

#: What stands where a scan or a person was named, before letters of its own.
FORGOTTEN = "forgotten-"
_Table = tuple[sa.Table, sa.Column, Mapping[str, Any]]
#: Tables with a column that names a scan, and what else is taken out of such a row.
_OF_SCANS: tuple[_Table, ...] = (
    (schema.ratings, schema.ratings.c.scan_id, {"comment": ""}),
    (schema.overrides, schema.overrides.c.scan_id, {"reason": ""}),
    (schema.session_items, schema.session_items.c.scan_id, {}),
    (schema.scan_list_items, schema.scan_list_items.c.scan_id, {}),
    (schema.tag_change_items, schema.tag_change_items.c.scan_id, {}),
    (schema.audit, schema.audit.c.subject, {"detail": {}}),
)


def erase(
    connection: sa.Connection,
    scan_ids: Collection[str],
    participants: Collection[str],
    reason: str,
) -> int:
    """Take scans and people out of the decisions, in the transaction of a connection.

    Parameters
    ----------
    connection : Connection
        In a transaction of :func:`curation.decisions.database.writing`.
    scan_ids : collection of str
        The scans. Each gets a name that tells nothing, the same everywhere.
    participants : collection of str
        The people as ``SOURCE:PARTICIPANT``.
    reason : str
        Why, without a name: it stands in the audit, whose line is what :func:`changed` believes.

    Returns
    -------
    int
        Number of decisions that were changed.
    """
    names = {one: f"{FORGOTTEN}{secrets.token_hex(6)}" for one in (*scan_ids, *participants)}
    affected = _affected(connection, names)
    before = {kind: audit_chain.contents(connection, kind, keys) for kind, keys in affected.items()}
    _rename(connection, names, affected.get("ratings", set()))
    rows, now_is = [], database.now()
    for kind, keys in affected.items():
        now = audit_chain.contents(connection, kind, keys)
        rows += [
            {
                "at": now_is,
                "author": acting.who().name,
                "kind": kind,
                "key": key,
                "was": before[kind][key],
                "now": now[key],
                "version": __version__,
            }
            for key in sorted(before[kind])
            if before[kind][key] != now[key]
        ]
    if rows:
        connection.execute(schema.erasures.insert(), rows)
    subject = plural(len(scan_ids), "scan")
    actions.note_within(
        connection, AuditAction.PERSON_FORGOTTEN, subject, reason=reason, decisions=len(rows)
    )
    return len(rows)


def still_naming(connection: sa.Connection, names: re.Pattern[str]) -> list[str]:
    """Return where texts of the decisions still hold a name, such as a comment on another scan, in words."""
    found = []
    for table in schema.metadata.sorted_tables:
        texts = [one for one in table.c if isinstance(one.type, sa.String | sa.JSON)]
        for row in connection.execute(sa.select(table)).mappings():
            key = " ".join(str(row[one]) for one in table.primary_key)
            found += [
                f"the decisions: {table.name} {key}, {one.name}"
                for one in texts
                if names.search(_as_text(row[one.name]))
            ]
    return found


def _as_text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def leave_nothing_behind(workspace: Workspace) -> None:
    """Write SQLite's file anew, so that what was taken out is not left in its unused pages."""
    made = database.engine(workspace)
    if made.dialect.name == "sqlite":
        raw = made.raw_connection()  # outside of a transaction
        try:
            for words in ("VACUUM", "PRAGMA wal_checkpoint(TRUNCATE)"):
                raw.cursor().execute(words).close()
        finally:
            raw.close()


def changed(
    rows: Sequence[sa.Row], held: audit_chain.Held, foreign: Collection[int]
) -> tuple[dict[tuple[str, str, str], str], list[str]]:
    """Return what decisions hold since somebody was taken out, by kind, key and what they held first.

    Parameters
    ----------
    rows : sequence of Row
        The links of the chain.
    held : mapping
        What all decisions hold.
    foreign : collection of int
        Numbers of links of what was put in by another way.

    Returns
    -------
    changed : dict
        The SHA-256 of each.
    wrong : list of str
        Sentences on the erasures that Tierscope did not make.

    Notes
    -----
    Those that it made are linked right behind the line of the audit that says that somebody was forgotten
    and how many decisions that changed.
    """
    made: list[dict[str, Any]] = []
    wrong: list[str] = []
    left = 0
    for row in rows:
        if row.kind != schema.erasures.name:
            line = {} if row.number in foreign else audit_chain.line_of(row, held)
            left = (
                audit_chain.count_in(line)
                if line.get("action") == AuditAction.PERSON_FORGOTTEN
                else 0
            )
            continue
        record = held.get(row.kind, {}).get(row.key)
        if left and record is not None:
            made.append(record)
        elif not left and row.number not in foreign:
            wrong.append(f"erasures {row.key} is of nobody who was forgotten")
        left = max(left - 1, 0)
    return _erased(made), wrong


def told(connection: sa.Connection) -> list[str]:
    """Return how many decisions were changed by forgetting people, when and by whom, in sentences."""
    if not sa.inspect(connection).has_table(schema.erasures.name):
        return []
    rows = connection.execute(sa.select(schema.erasures).order_by(schema.erasures.c.id))
    counts = Counter((row.at.strftime("%Y-%m-%d %H:%M"), row.author) for row in rows)
    return [
        f"{plural(count, 'decision')} changed on {when} UTC by {author}, who had somebody forgotten"
        for (when, author), count in counts.items()
    ]


def _erased(erasures: Iterable[Mapping[str, Any]]) -> dict[tuple[str, str, str], str]:
    """Return what decisions hold since somebody was taken out, by kind, key and what they held first."""
    now: dict[tuple[str, str, str], str] = {}
    first: dict[tuple[str, str, str], str] = {}
    for each in erasures:
        what = (each["kind"], each["key"])
        was = first.get((*what, each["was"]), each["was"])
        first[*what, each["now"]] = was
        now[*what, was] = each["now"]
    return now


def _affected(connection: sa.Connection, names: Mapping[str, str]) -> dict[str, set[Any]]:
    """Return the keys of the decisions that name one of these, by kind."""
    found: dict[str, set[Any]] = {}
    for kind, key, column in _places():
        for part in _batches(list(names)):
            query = sa.select(key).where(column.in_(part))
            found.setdefault(kind, set()).update(connection.execute(query).scalars())
    return {kind: keys for kind, keys in found.items() if keys}


def _places() -> Iterator[tuple[str, sa.Column, sa.Column]]:
    """Yield kind, the column of the decision's key, and a column that names a scan or person."""
    for table, column, _ in _OF_SCANS:
        kind, key = next(
            (name, kind.parts.c[kind.of] if table is kind.parts else table.c[kind.key])
            for name, kind in audit_chain.KINDS.items()
            if table in (kind.table, kind.parts)
        )
        yield kind, key, column
    people = schema.person_decisions
    yield people.name, people.c.id, people.c.first
    yield people.name, people.c.id, people.c.second


def _rename(connection: sa.Connection, names: Mapping[str, str], ratings: set[Any]) -> None:
    for one, token in names.items():
        for table, column, besides in _OF_SCANS:
            values = {column.name: token, **besides}
            connection.execute(table.update().where(column == one).values(values))
        people = schema.person_decisions
        for column in (people.c.first, people.c.second):
            values = {column.name: token, "reason": ""}
            connection.execute(people.update().where(column == one).values(values))
    details = schema.details
    for part in _batches(sorted(ratings)):
        of = details.c.rating_id.in_(part)
        imported = sa.and_(of, details.c.session_id.is_(None))
        connection.execute(details.update().where(of).values(shown=None))
        connection.execute(details.update().where(imported).values(key=None, origin=""))


def _batches(values: list[Any], size: int = 500) -> Iterator[list[Any]]:
    for start in range(0, len(values), size):
        yield values[start : start + size]
