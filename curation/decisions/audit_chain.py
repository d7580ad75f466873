"""The audit chain: every decision's hash together with that of the one before, so that changes show.

Each row that a person's decision left gets a link with its number, the SHA-256 of what the row holds, and
the SHA-256 of that and of the link before it. Whoever changes, removes or adds a row by another way than
Tierscope breaks the chain there. Whoever may write to the database can make the whole chain anew, and cut off
its end: the newest number and hash, noted elsewhere (:func:`head`), show that, too.
"""

import datetime
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from curation.decisions import schema
from curation.decisions.schema import chain
from curation.storage import files

#: What the first link has in the place of the hash before it.
_BEGINNING = "0" * 64
#: Held on PostgreSQL while links are added, so that they follow each other.
_ADDING = 20_261_129
#: So many keys are asked for at once.
_BATCH = 500


@dataclass(frozen=True)
class Kind:
    """A kind of decision: a table, and another one with parts of its rows.

    Parameters
    ----------
    table : sqlalchemy.Table
        One row a decision.
    key : str
        Its primary key.
    parts : sqlalchemy.Table, optional
        More rows of the same decision.
    of : str
        The column of ``parts`` that names the decision.
    """

    table: sa.Table
    key: str = "id"
    parts: sa.Table | None = None
    of: str = ""


KINDS: dict[str, Kind] = {
    kind.table.name: kind
    for kind in (
        Kind(schema.ratings, parts=schema.details, of="rating_id"),
        Kind(schema.withdrawals),
        Kind(schema.scales, "name"),
        Kind(schema.sessions, parts=schema.session_items, of="session_id"),
        Kind(schema.overrides),
        Kind(schema.rules),
        Kind(schema.study_marks),
        Kind(schema.scan_lists, parts=schema.scan_list_items, of="list_id"),
        Kind(schema.tag_changes, parts=schema.tag_change_items, of="change_id"),
        Kind(schema.person_decisions),
        Kind(schema.audit),
        Kind(schema.erasures),
    )
}


@dataclass(frozen=True)
class Link:
    """One link of the chain with the decision that it is of.

    Parameters
    ----------
    number : int
        From 1.
    kind, key : str
        Table and primary key.
    hash : str
        Of this link and so of all before it.
    record : dict or None
        What the decision holds; none where it is gone.
    """

    number: int
    kind: str
    key: str
    hash: str
    record: dict[str, Any] | None


def append(connection: sa.Connection) -> None:
    """Add a link for each decision that has none, in the transaction that wrote them."""
    if connection.dialect.name != "sqlite":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_ADDING)))
    number, before = head(connection)
    rows: list[dict[str, Any]] = []
    for name, kind in KINDS.items():
        for key, record in _records(connection, kind, _without_link(connection, name, kind)):
            number, content = number + 1, _hash_of(record)
            before = _linked(before, number, name, key, content)
            rows.append(
                {"number": number, "kind": name, "key": key, "content": content, "hash": before}
            )
    if rows:
        connection.execute(chain.insert(), rows)


def head(connection: sa.Connection) -> tuple[int, str]:
    """Return number and hash of the newest link; 0 and zeros where there is none."""
    newest = sa.select(chain.c.number, chain.c.hash).order_by(chain.c.number.desc()).limit(1)
    found = connection.execute(newest).first()
    return (found.number, found.hash) if found else (0, _BEGINNING)


def is_there(connection: sa.Connection) -> bool:
    """Return whether a database has a chain: not one of before that this account may only look at."""
    return sa.inspect(connection).has_table(chain.name)


def verify(connection: sa.Connection, expected: tuple[int, str] | None = None) -> list[str]:
    """Return what is wrong with the chain and the decisions, in sentences; nothing where nothing is.

    Parameters
    ----------
    connection : Connection
        To the database.
    expected : tuple of int and str, optional
        Number and hash of a link that was noted before.
    """
    wrong: list[str] = []
    before, noted = _BEGINNING, None
    seen: dict[str, set[str]] = {name: set() for name in KINDS}
    held = _held(connection)
    erased = _erased(held.get("erasures", {}).values())
    for place, row in enumerate(connection.execute(sa.select(chain).order_by(chain.c.number)), 1):
        what = f"{row.kind} {row.key}"
        record = held.get(row.kind, {}).get(row.key)
        if row.number != place:
            wrong.append(f"link {place} of the chain is gone")
            return wrong
        if row.hash != _linked(before, row.number, row.kind, row.key, row.content):
            wrong.append(f"link {row.number} of the chain, of {what}, was changed")
        if record is None:
            wrong.append(f"{what} was removed")
        elif _hash_of(record) != erased.get((row.kind, row.key, row.content), row.content):
            wrong.append(f"{what} was changed after it was stored")
        before = row.hash
        seen.setdefault(row.kind, set()).add(row.key)
        noted = row.hash if expected and row.number == expected[0] else noted
    wrong += [
        f"{name} {key} was put in by another way"
        for name, records in held.items()
        for key in records
        if key not in seen[name]
    ]
    if expected and noted != expected[1]:
        wrong.append(
            f"link {expected[0]} is not the one that was noted: the chain was made anew or cut off"
        )
    return wrong


def contents(connection: sa.Connection, name: str, keys: Iterable[Any]) -> dict[str, str]:
    """Return the SHA-256 of what each of some decisions of a kind holds now, by its key."""
    kind, wanted = KINDS[name], sorted(keys)
    found: dict[str, str] = {}
    for start in range(0, len(wanted), _BATCH):
        which = kind.table.c[kind.key].in_(wanted[start : start + _BATCH])
        found |= {key: _hash_of(record) for key, record in _records(connection, kind, which)}
    return found


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


def links(connection: sa.Connection) -> Iterator[Link]:
    """Yield every link with what its decision holds, the oldest first."""
    held = _held(connection)
    for row in connection.execute(sa.select(chain).order_by(chain.c.number)):
        record = held.get(row.kind, {}).get(row.key)
        told = record and _readable(record, KINDS[row.kind])
        yield Link(row.number, row.kind, row.key, row.hash, told)


# ---- records -----------------------------------------------------------------------------------------


def _held(connection: sa.Connection) -> dict[str, dict[str, dict[str, Any]]]:
    """Return what all decisions hold, by kind and key; of kinds that came later than a database, nothing."""
    tables = sa.inspect(connection)
    return {
        name: dict(_records(connection, kind)) if tables.has_table(name) else {}
        for name, kind in KINDS.items()
    }


def _without_link(connection: sa.Connection, name: str, kind: Kind) -> sa.ColumnElement[bool]:
    """Return the condition that a row of a table has no link yet."""
    key = kind.table.c[kind.key]
    if connection.dialect.name == "sqlite" and isinstance(key.type, sa.Integer):
        # one writes at a time, so that numbers only grow
        last = sa.select(chain.c.key).where(chain.c.kind == name)
        found = connection.execute(last.order_by(chain.c.number.desc()).limit(1)).scalar()
        return key > int(found or 0)
    has = sa.exists().where(chain.c.kind == name, chain.c.key == sa.cast(key, sa.String))
    return ~has


def _records(
    connection: sa.Connection, kind: Kind, which: sa.ColumnElement[bool] | None = None
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield key and content of the decisions of a table, in the order of their keys."""
    key = kind.table.c[kind.key]
    query = _select(connection, kind.table).order_by(key)
    rows = connection.execute(query if which is None else query.where(which)).mappings().all()
    parts = _parts(connection, kind, [row[kind.key] for row in rows], everything=which is None)
    for row in rows:
        record = {name: _plain(value) for name, value in row.items()}
        if kind.parts is not None:
            record["parts"] = parts.get(row[kind.key], [])
        yield str(row[kind.key]), record


def _select(connection: sa.Connection, table: sa.Table) -> sa.Select:
    """Return a query for a table; of SQLite, where any column may hold anything, for what is stored there."""
    if connection.dialect.name != "sqlite":
        return sa.select(table)
    stored = sa.types.NullType()
    return sa.select(*(sa.type_coerce(each, stored).label(each.name) for each in table.columns))


def _parts(
    connection: sa.Connection, kind: Kind, keys: list[Any], *, everything: bool
) -> dict[Any, list[dict[str, Any]]]:
    found: dict[Any, list[dict[str, Any]]] = {}
    if kind.parts is None or not keys:
        return found
    query = _select(connection, kind.parts).order_by(*kind.parts.primary_key.columns)
    of = kind.parts.c[kind.of]
    batches: Iterable[sa.Select] = (
        [query]
        if everything
        else (
            query.where(of.in_(keys[start : start + _BATCH]))
            for start in range(0, len(keys), _BATCH)
        )
    )
    for batch in batches:
        for row in connection.execute(batch).mappings():
            plain = {name: _plain(value) for name, value in row.items()}
            found.setdefault(row[kind.of], []).append(plain)
    return found


def _readable(record: dict[str, Any], kind: Kind) -> dict[str, Any]:
    """Return a record with its moments and its JSON as such; what is none stays as it is stored."""
    told = {name: _told(kind.table, name, value) for name, value in record.items()}
    if kind.parts is not None:
        parts = kind.parts
        told["parts"] = [
            {name: _told(parts, name, value) for name, value in each.items()}
            for each in record["parts"]
        ]
    return told


def _told(table: sa.Table, name: str, value: Any) -> Any:
    kind = table.c[name].type if name in table.c else None
    if not isinstance(value, str) or kind is None:
        return value if not isinstance(value, bytes) else repr(value)
    try:
        if isinstance(kind, sa.JSON):
            return files.parse_json(value)
        if isinstance(kind, schema.Moment):
            moment = datetime.datetime.fromisoformat(value)
            return moment.replace(tzinfo=moment.tzinfo or datetime.UTC).isoformat()
    except ValueError:
        pass
    return value


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime.datetime) else value


def _hash_of(record: Mapping[str, Any]) -> str:
    text = json.dumps(
        record, sort_keys=True, ensure_ascii=True, separators=(",", ":"), default=repr
    )
    return hashlib.sha256(text.encode()).hexdigest()


def _linked(before: str, number: int, kind: str, key: str, content: str) -> str:
    text = json.dumps([before, number, kind, key, content], ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()
