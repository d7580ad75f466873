"""The audit chain: every decision's hash together with that of the one before, so that changes show.

Each row that a person's decision left gets a link with its number, the SHA-256 of what the row holds, and
the SHA-256 of that and of the link before it. Whoever changes, removes or adds a row by another way than
Tierscope breaks the chain there. Rows without link that are found before the next decision are linked, and a
line of the audit right behind them says for ever that they came by another way (:func:`take_in`). Whoever may
write to the database can add links of their own as Tierscope does, make the whole chain anew, and cut off its
end: the newest number and hash, noted elsewhere (:func:`head`), show what was done to all before them.
"""

import datetime
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import sqlalchemy as sa

from curation.decisions import schema
from curation.decisions.schema import chain
from curation.storage import files

#: What the first link has in the place of the hash before it.
BEGINNING = "0" * 64
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


#: Kind, key and content of a decision; what all decisions hold, by kind and key.
_Decision = tuple[str, str, dict[str, Any]]
Held = dict[str, dict[str, dict[str, Any]]]

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


def append(connection: sa.Connection) -> None:
    """Add a link for each decision that the transaction of a connection wrote, at its end."""
    _take_turn(connection)
    _link(connection, _without_link(connection, own=True))


def take_in(connection: sa.Connection) -> list[str]:
    """Link the decisions that have no link though their transaction has ended; return kind and key of each.

    They were put in by another way. The transaction is to say so by a line of the audit with
    ``AuditAction.FOUND_PUT_IN`` and their number, which :func:`append` links next.
    """
    if not _kinds_without_link(connection, own=False):
        return []
    _take_turn(connection)
    found = list(_without_link(connection, own=False))  # perhaps another one took them in meanwhile
    _link(connection, found)
    return [f"{name} {key}" for name, key, _ in found]


def take_in_earlier(connection: sa.Connection) -> None:
    """Link all decisions of a version that had no chain, as they are."""
    _link(connection, _without_link(connection, own=False))


def head(connection: sa.Connection) -> tuple[int, str]:
    """Return number and hash of the newest link; 0 and zeros where there is none."""
    newest = sa.select(chain.c.number, chain.c.hash).order_by(chain.c.number.desc()).limit(1)
    found = connection.execute(newest).first()
    return (found.number, found.hash) if found else (0, BEGINNING)


def is_there(connection: sa.Connection) -> bool:
    """Return whether a database has a chain: not one of before that this account may only look at."""
    return sa.inspect(connection).has_table(chain.name)


def contents(connection: sa.Connection, name: str, keys: Iterable[Any]) -> dict[str, str]:
    """Return the SHA-256 of what each of some decisions of a kind holds now, by its key."""
    kind, wanted = KINDS[name], sorted(keys)
    found: dict[str, str] = {}
    for start in range(0, len(wanted), _BATCH):
        which = kind.table.c[kind.key].in_(wanted[start : start + _BATCH])
        found |= {key: hash_of(record) for key, record in _records(connection, kind, which)}
    return found


def line_of(row: sa.Row, held: Held) -> dict[str, Any]:
    """Return the line of the audit that a link is of, as it was stored; else nothing."""
    record = held["audit"].get(row.key) if row.kind == "audit" else None
    kept = record is not None and hash_of(record) == row.content
    return readable(record, KINDS["audit"]) if record is not None and kept else {}


def count_in(line: Mapping[str, Any]) -> int:
    """Return of how many decisions a line of the audit speaks."""
    detail = line.get("detail")
    said = detail.get("decisions") if isinstance(detail, dict) else None
    return said if type(said) is int else 0


# ---- records -----------------------------------------------------------------------------------------


def held(connection: sa.Connection) -> Held:
    """Return what all decisions hold, by kind and key; of kinds that came later than a database, nothing."""
    tables = sa.inspect(connection)
    return {
        name: dict(_records(connection, kind)) if tables.has_table(name) else {}
        for name, kind in KINDS.items()
    }


def _take_turn(connection: sa.Connection) -> None:
    """Wait until no other transaction adds links; on SQLite only one writes anyway."""
    if connection.dialect.name != "sqlite":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_ADDING)))


def _link(connection: sa.Connection, decisions: Iterable[_Decision]) -> None:
    """Add links, one after the other."""
    number, before = head(connection)
    rows: list[dict[str, Any]] = []
    for name, key, record in decisions:
        number, content = number + 1, hash_of(record)
        before = linked(before, number, name, key, content)
        rows.append(
            {"number": number, "kind": name, "key": key, "content": content, "hash": before}
        )
    if rows:
        connection.execute(chain.insert(), rows)


def _without_link(connection: sa.Connection, *, own: bool) -> Iterator[_Decision]:
    """Yield the decisions that have no link: those of this transaction, or all."""
    for name in _kinds_without_link(connection, own=own):
        condition = _has_no_link(name, connection.dialect.name, own=own)
        for key, record in _records(connection, KINDS[name], condition):
            yield name, key, record


def _kinds_without_link(connection: sa.Connection, *, own: bool) -> list[str]:
    """Return the kinds with decisions that have no link, by one query, since each decision asks twice."""
    asked = connection.execute(_asking_kinds(connection.dialect.name, own=own))
    found = {name for name, some in asked if some}
    return [name for name in KINDS if name in found]


@cache
def _asking_kinds(dialect: str, *, own: bool) -> sa.CompoundSelect:
    """Return the query for the kinds; it counts, so that PostgreSQL does not look up each row by itself."""
    return sa.union_all(
        *(sa.select(sa.literal(name), _some_lack(name, dialect, own=own)) for name in KINDS)
    )


def _some_lack(name: str, dialect: str, *, own: bool) -> sa.ColumnElement[bool]:
    """Return whether rows of a kind have no link yet.

    Of all on SQLite, whether rows are as many as links, and none is after the newest link's: that is quick,
    and who puts in a row with a low number and removes another one is told by what was removed.
    """
    table = KINDS[name].table
    if dialect != "sqlite" or own:
        return _count(table, _has_no_link(name, dialect, own=own)) > 0
    newer = _count(table, _has_no_link(name, dialect, own=True)) > 0
    return sa.or_(_count(table) != _count(chain, chain.c.kind == name), newer)


def _count(table: sa.Table, *which: sa.ColumnElement[bool]) -> sa.ScalarSelect[int]:
    return sa.select(sa.func.count()).select_from(table).where(*which).scalar_subquery()


@cache
def _has_no_link(name: str, dialect: str, *, own: bool) -> sa.ColumnElement[bool]:
    """Return the condition that a row of a kind has no link yet; of own ones, that it is this transaction's.

    On SQLite, where one writes at a time, numbers only grow and all without link are of this transaction once
    :func:`take_in` was called in it. On PostgreSQL others may put in rows meanwhile, which are not to be
    taken for this one's; there are no savepoints, whose rows would have numbers of their own.
    """
    table = KINDS[name].table
    key = table.c[KINDS[name].key]
    none = ~sa.exists().where(chain.c.kind == name, chain.c.key == sa.cast(key, sa.String))
    if not own:
        return none
    if dialect == "sqlite":
        if not isinstance(key.type, sa.Integer):
            return none
        last = sa.select(sa.cast(chain.c.key, sa.Integer)).where(chain.c.kind == name)
        newest = last.order_by(chain.c.number.desc()).limit(1).scalar_subquery()
        return sa.and_(key > sa.func.coalesce(newest, 0), none)
    made_by = sa.cast(sa.literal_column(f"{table.name}.xmin"), sa.String)
    this = sa.cast(sa.func.txid_current(type_=sa.BigInteger) % 2**32, sa.String)
    return sa.and_(made_by == sa.select(this).scalar_subquery(), none)


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


def readable(record: dict[str, Any], kind: Kind) -> dict[str, Any]:
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


def hash_of(record: Mapping[str, Any]) -> str:
    text = json.dumps(
        record, sort_keys=True, ensure_ascii=True, separators=(",", ":"), default=repr
    )
    return hashlib.sha256(text.encode()).hexdigest()


def linked(before: str, number: int, kind: str, key: str, content: str) -> str:
    text = json.dumps([before, number, kind, key, content], ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()
