"""The audit trail: the decisions of people with author, moment and subject, newest first."""

from collections.abc import Callable

import pandas as pd
import sqlalchemy as sa

from curation import errors
from curation.decisions import database, schema
from curation.decisions.schema import AuditAction
from curation.storage.workspace import Workspace
from curation.wording import plural

_REMEDY = (
    "'python -m curation audit --verify' names the rows that were changed; put back a copy of it."
)
AUDIT_COLUMNS = ["at", "who", "what", "subject", "detail"]
#: Stored actions in words; of others, and of those of earlier versions, the stored text is the words.
ACTION_WORDS: dict[str, str] = {
    AuditAction.SESSION_UNBLINDED: "what was hidden shown",
    AuditAction.CUTOFF_SUGGESTED: "cut-off suggested",
    AuditAction.COHORT_FROZEN: "freeze cohort",
}


def history(workspace: Workspace, limit: int | None = None) -> pd.DataFrame:
    """Return the decisions of people.

    Parameters
    ----------
    workspace : Workspace
        Where they are.
    limit : int, optional
        Only the newest so many.

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
            recent = query if limit is None else query.limit(limit)
            lines += [tell(row) for row in connection.execute(recent)]
    found = pd.DataFrame(lines, columns=AUDIT_COLUMNS)
    newest = found.sort_values("at", ascending=False, kind="stable", ignore_index=True)
    return newest if limit is None else newest.head(limit)


def _rating(row: sa.Row) -> tuple:
    what = "verdict" if row.role == "adjudicator" else "rating"
    words = [f"{row.label} ({row.value:g} on {row.scale}, {row.direction})"]
    words += [", ".join(row.artefacts)] if row.artefacts else []
    words += [row.comment] if row.comment else []
    marked = row.shown.get("places") if isinstance(row.shown, dict) else None
    words += (
        [f"{plural(len(marked), 'place')} marked"] if isinstance(marked, list) and marked else []
    )
    words += [f"imported from {row.origin}"] if row.origin else []
    return row.at, row.rater, what, row.scan_id, "; ".join(words)


def _withdrawal(row: sa.Row) -> tuple:
    return row.at, row.author, "rating taken back", row.scan_id, f"was {row.label}"


def _session(row: sa.Row) -> tuple:
    given = [schema.plan_field(row.plan, name) for name in ("choice", "scale", "blinded", "seed")]
    if None in given:
        return row.at, row.rater, "session started", row.name, "its plan cannot be read"
    choice, scale, blinded, seed = given
    detail = f"{choice}, scale {scale}, {'' if blinded else 'not '}blinded, seed {seed}"
    return row.at, row.rater, "session started", row.name, detail


def _override(row: sa.Row) -> tuple:
    what = f"tier {row.tier} by hand" if row.tier else "tier by the rule again"
    return row.at, row.author, what, row.scan_id, row.reason


def _scale(row: sa.Row) -> tuple:
    levels = ", ".join(f"{value:g} {word}" for value, word in row.words)
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
_SOURCES: list[tuple[sa.Table, sa.Select, Callable[[sa.Row], tuple]]] = [
    (
        _ratings,
        _newest_first(
            sa.select(
                _ratings, _details.c.role, _details.c.artefacts, _details.c.origin, _details.c.shown
            ).outerjoin(_details, _details.c.rating_id == _ratings.c.id),
            _ratings,
        ),
        _rating,
    ),
    (
        _withdrawals,
        _newest_first(
            sa.select(_withdrawals, _ratings.c.scan_id, _ratings.c.label).join(
                _ratings, _ratings.c.id == _withdrawals.c.rating_id
            ),
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
