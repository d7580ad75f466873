"""The audit trail: what people decided, newest first, and whether anything of it was changed afterwards."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any

import pandas as pd
import sqlalchemy as sa

from curation import errors
from curation.decisions import audit_chain, database, erasure, schema
from curation.decisions.audit_chain import Held
from curation.decisions.schema import AuditAction, chain
from curation.storage.workspace import Workspace
from curation.wording import plural

_REMEDY = (
    "'python -m curation audit --verify' names the rows that were changed; put back a copy of it."
)
AUDIT_COLUMNS = ["at", "who", "what", "subject", "detail"]
#: Stored actions in words; of others, and of those of earlier versions, the stored text is the words.
ACTION_WORDS: dict[str, str] = {
    AuditAction.SESSION_UNBLINDED: "what was hidden shown",
    AuditAction.SESSION_TAKEN_BACK: "session taken back",
    AuditAction.CUTOFF_SUGGESTED: "cut-off suggested",
    AuditAction.COHORT_FROZEN: "freeze cohort",
    AuditAction.FOUND_PUT_IN: "found decisions put in by another way",
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


def history(
    workspace: Workspace,
    limit: int | None = None,
    *,
    views: bool = True,
    entries: bool = True,
    hidden: Collection[int] = (),
    names: Mapping[str, str] = MappingProxyType({}),
) -> pd.DataFrame:
    """Return the decisions of people.

    Parameters
    ----------
    workspace : Workspace
        Where they are.
    limit : int, optional
        Only the newest so many.
    views : bool
        With the lines on who looked at which scan. They name the scan that a blinded session shows.
    entries : bool
        With the lines on who signed in and out, and who was refused.
    hidden : collection of int
        Sessions of which no rating is told, nor that it was taken back: they name scans, too.
    names : mapping of str to str
        What the screen calls the keys of artefacts and scales; others stand as they are.

    Returns
    -------
    pandas.DataFrame
        ``at`` (UTC), ``who``, ``what`` (in words), ``subject`` (the scan, session, cohort …) and ``detail``
        (a sentence; may be empty), newest first.

    Raises
    ------
    DamagedError
        When a row holds what Tierscope never stores.
    """
    lines: list[tuple] = []
    with (
        errors.readable(workspace.database_path, _REMEDY),
        database.engine(workspace).connect() as connection,
    ):
        there = sa.inspect(connection)  # a workspace of before, which is only looked at, lacks some
        for table, query, tell in _SOURCES:
            if not there.has_table(table.name):
                continue
            if table is schema.audit and not views:
                query = query.where(~schema.is_action(AuditAction.LOOKED_AT))
            if table is schema.audit and not entries:
                query = query.where(~schema.is_entry())
            if hidden and table in (_ratings, _withdrawals):
                of = _details.c.session_id
                query = query.where(of.is_(None) | of.not_in(hidden))
            recent = query if limit is None else query.limit(limit)
            said = partial(tell, names=names) if table in (_ratings, schema.sessions) else tell
            lines += [said(row) for row in connection.execute(recent)]
    found = pd.DataFrame(lines, columns=AUDIT_COLUMNS)
    newest = found.sort_values("at", ascending=False, kind="stable", ignore_index=True)
    return newest if limit is None else newest.head(limit)


def verify(connection: sa.Connection, expected: tuple[int, str] | None = None) -> list[str]:
    """Return what is wrong with the chain and the decisions, in sentences; nothing where nothing is.

    Parameters
    ----------
    connection : Connection
        To the database.
    expected : tuple of int and str, optional
        Number and hash of a link that was noted before.
    """
    rows, held = (
        connection.execute(sa.select(chain).order_by(chain.c.number)).all(),
        audit_chain.held(connection),
    )
    foreign = _put_in(rows, held)
    erased, wrong = erasure.changed(rows, held, foreign)
    before, noted = audit_chain.BEGINNING, None
    seen: dict[str, set[str]] = {name: set() for name in audit_chain.KINDS}
    for place, row in enumerate(rows, 1):
        what = f"{row.kind} {row.key}"
        record = held.get(row.kind, {}).get(row.key)
        if row.number != place:
            wrong.append(f"link {place} of the chain is gone")
            return wrong
        if row.hash != audit_chain.linked(before, row.number, row.kind, row.key, row.content):
            wrong.append(f"link {row.number} of the chain, of {what}, was changed")
        if record is None:
            wrong.append(f"{what} was removed")
        elif audit_chain.hash_of(record) != erased.get(
            (row.kind, row.key, row.content), row.content
        ):
            wrong.append(f"{what} was changed after it was stored")
        if row.number in foreign:
            wrong.append(f"{what} was put in by another way, found on {foreign[row.number]}")
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


def links(connection: sa.Connection) -> Iterator[Link]:
    """Yield every link with what its decision holds, the oldest first."""
    held = audit_chain.held(connection)
    for row in connection.execute(sa.select(chain).order_by(chain.c.number)):
        record = held.get(row.kind, {}).get(row.key)
        told = record and audit_chain.readable(record, audit_chain.KINDS[row.kind])
        yield Link(row.number, row.kind, row.key, row.hash, told)


def put_in_by_another_way(workspace: Workspace) -> int:
    """Return how many decisions were found that Tierscope had not stored, as the audit says."""
    lines = sa.select(schema.audit).where(schema.is_action(AuditAction.FOUND_PUT_IN))
    with database.engine(workspace).connect() as connection:
        found = connection.execute(lines).mappings().all()
    return sum(audit_chain.count_in(dict(line)) for line in found)


def _put_in(rows: Sequence[sa.Row], held: Held) -> dict[int, str]:
    """Return the numbers of links of what was put in by another way, each with when that was found."""
    found: dict[int, str] = {}
    for row in rows:
        line = audit_chain.line_of(row, held)
        if line.get("action") == AuditAction.FOUND_PUT_IN:
            when = f"{line['at']}"[:16].replace("T", " ")
            found |= dict.fromkeys(range(row.number - audit_chain.count_in(line), row.number), when)
    return found


# ---- in words


def _rating(row: sa.Row, names: Mapping[str, str]) -> tuple:
    what = "verdict" if row.role == "adjudicator" else "rating"
    scale = names.get(row.scale, row.scale)
    words = [f"{row.label} ({row.value:g} on {scale}, {row.direction})"]
    words += ["hidden repeat"] if row.repeat else []
    if row.confidence is not None:
        words += [
            names.get(f"confidence {row.confidence:g}", f"confidence {row.confidence:g}, 0 to 4")
        ]
    words += [", ".join(names.get(key, key) for key in row.artefacts)] if row.artefacts else []
    words += [row.comment] if row.comment else []
    marked = row.shown.get("places") if isinstance(row.shown, dict) else None
    words += (
        [f"{plural(len(marked), 'place')} marked"] if isinstance(marked, list) and marked else []
    )
    words += [f"imported from {row.origin}"] if row.origin else []
    return row.at, row.rater, what, row.scan_id, "; ".join(words)


def _withdrawal(row: sa.Row) -> tuple:
    return row.at, row.author, "rating taken back", row.scan_id, f"was {row.label}"


def _session(row: sa.Row, names: Mapping[str, str]) -> tuple:
    given = [schema.plan_field(row.plan, name) for name in ("choice", "scale", "blinded", "seed")]
    if None in given:
        return row.at, row.rater, "session for this rater", row.name, "its plan cannot be read"
    choice, scale, blinded, seed = given
    detail = f"{choice}, scale {names.get(scale, scale)}, {'' if blinded else 'not '}blinded, seed {seed}"
    return row.at, row.rater, "session for this rater", row.name, detail


def _override(row: sa.Row) -> tuple:
    what = f"tier {row.tier} by hand" if row.tier else "tier by the rule again"
    return row.at, row.author, what, row.scan_id, row.reason


def _scale(row: sa.Row) -> tuple:
    levels = ", ".join(f"{value:g} {word}" for value, word, *_ in row.words)
    return row.at, row.author, "scale added", row.name, f"{levels} ({row.direction})"


def _rule(row: sa.Row) -> tuple:
    return row.at, row.author, "rule saved", f"{row.name}, version {row.number}", f"hash {row.hash}"


def _study_mark(row: sa.Row) -> tuple:
    if row.archived is not None:
        what = "study archived" if row.archived else "study taken back from the archive"
        return row.at, row.author, what, row.study_id, ""
    if row.tags is not None:
        return row.at, row.author, "study tagged", row.study_id, ", ".join(row.tags) or "no tags"
    return row.at, row.author, "note on a study", row.study_id, row.note


def _tag_change(row: sa.Row) -> tuple:
    what = "tag put on scans" if row.there else "tag taken off scans"
    others = f" and {plural(row.scans - 1, 'other scan')}" if row.scans > 1 else ""
    return row.at, row.author, what, row.tag, f"{row.one_of_them or 'no scan'}{others}"


_OF_TWO = {True: "one person", False: "different people", None: "perhaps one person"}


def _person_decision(row: sa.Row) -> tuple:
    return row.at, row.author, _OF_TWO[row.one_person], f"{row.first} and {row.second}", row.reason


def _note(row: sa.Row) -> tuple:
    known = ((name, _in_words(value)) for name, value in row.detail.items())
    detail = "; ".join(f"{name.replace('_', ' ')}: {words}" for name, words in known if words)
    return row.at, row.author, ACTION_WORDS.get(row.action, row.action), row.subject, detail


def _in_words(value: object) -> str:
    """Return a value of a note for a line of text: numbers short, lists and mappings in a row."""
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, dict):
        return ", ".join(f"{name} {_in_words(one)}" for name, one in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(_in_words, value))
    return "" if value is None else str(value)


def _newest_first(query: sa.Select, table: sa.Table) -> sa.Select:
    return query.order_by(table.c.at.desc())


_tagged = schema.tag_change_items
_scans_tagged = (
    sa.select(sa.func.count())
    .where(_tagged.c.change_id == schema.tag_changes.c.id)
    .scalar_subquery()
    .label("scans")
)
_one_tagged = (
    sa.select(sa.func.min(_tagged.c.scan_id))
    .where(_tagged.c.change_id == schema.tag_changes.c.id)
    .scalar_subquery()
    .label("one_of_them")
)
_ratings, _details, _withdrawals = schema.ratings, schema.details, schema.withdrawals
_SOURCES: list[tuple[sa.Table, sa.Select, Callable[..., tuple]]] = [
    (
        _ratings,
        _newest_first(
            sa.select(
                _ratings,
                _details.c.role,
                _details.c.artefacts,
                _details.c.origin,
                _details.c.shown,
                _details.c.repeat,
                _details.c.confidence,
            ).outerjoin(_details, _details.c.rating_id == _ratings.c.id),
            _ratings,
        ),
        _rating,
    ),
    (
        _withdrawals,
        _newest_first(
            sa.select(_withdrawals, _ratings.c.scan_id, _ratings.c.label)
            .join(_ratings, _ratings.c.id == _withdrawals.c.rating_id)
            .outerjoin(_details, _details.c.rating_id == _ratings.c.id),
            _withdrawals,
        ),
        _withdrawal,
    ),
    (
        schema.tag_changes,
        _newest_first(
            sa.select(schema.tag_changes, _scans_tagged, _one_tagged), schema.tag_changes
        ),
        _tag_change,
    ),
    *(
        (table, _newest_first(sa.select(table), table), tell)
        for table, tell in (
            (schema.sessions, _session),
            (schema.overrides, _override),
            (schema.scales, _scale),
            (schema.rules, _rule),
            (schema.study_marks, _study_mark),
            (schema.person_decisions, _person_decision),
            (schema.audit, _note),
        )
    ),
]
