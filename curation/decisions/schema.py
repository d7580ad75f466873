"""The tables of the database of decisions.

What was added to the layout since 0.1.0 lies in tables of its own, made where they are not there: no table
that holds decisions is ever altered.
"""

import datetime
import enum
from collections.abc import Callable, Mapping
from typing import Any

import sqlalchemy as sa


class Moment(sa.TypeDecorator[datetime.datetime]):
    """A moment in UTC, read with its zone from every database (SQLite forgets zones)."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_result_value(
        self, value: datetime.datetime | None, dialect: sa.Dialect
    ) -> datetime.datetime | None:
        """Return the moment in UTC."""
        if value is None or value.tzinfo is not None:
            return value and value.astimezone(datetime.UTC)
        return value.replace(tzinfo=datetime.UTC)

    def process_bind_param(
        self, value: datetime.datetime | None, dialect: sa.Dialect
    ) -> datetime.datetime | None:
        """Store the moment in UTC."""
        return value and value.astimezone(datetime.UTC)


#: All tables below.
metadata = sa.MetaData()

#: Which database this is, see :mod:`curation.decisions.database_identity`: one row, made with the tables.
identity = sa.Table(
    "identity",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("at", Moment, nullable=False),
    sa.Column("version", sa.String(20), nullable=False),
)

ratings = sa.Table(
    "ratings",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("at", Moment, nullable=False),
    sa.Column("scan_id", sa.String(200), nullable=False, index=True),
    sa.Column("rater", sa.String(100), nullable=False),
    sa.Column("scale", sa.String(50), nullable=False),
    sa.Column("direction", sa.String(20), nullable=False),
    sa.Column("value", sa.Float, nullable=False),
    sa.Column("label", sa.String(50), nullable=False),
    sa.Column("comment", sa.Text, nullable=False),
    sa.Column("version", sa.String(20), nullable=False),
)

#: What else is known of a rating; ratings made before 0.2.0 have no row here.
details = sa.Table(
    "rating_details",
    metadata,
    sa.Column("rating_id", sa.ForeignKey("ratings.id"), primary_key=True),
    # what makes a rating one and the same, however often it is sent: session, position and attempt, or a
    # row of an imported file
    sa.Column("key", sa.String(200), nullable=True, unique=True),
    sa.Column(
        "role", sa.String(20), nullable=False
    ),  # one of curation.ratings.rating_record.RATING_ROLES
    sa.Column("session_id", sa.ForeignKey("sessions.id"), nullable=True, index=True),
    sa.Column("position", sa.Integer, nullable=True),
    sa.Column("repeat", sa.Boolean, nullable=False),
    sa.Column("confidence", sa.Float, nullable=True),
    sa.Column("artefacts", sa.JSON, nullable=False),
    sa.Column("seconds", sa.Float, nullable=True),
    sa.Column("shown", sa.JSON, nullable=True),
    sa.Column("origin", sa.String(200), nullable=False),  # "" or where it was imported from
)

#: Ratings taken back by undo; the rating itself stays.
withdrawals = sa.Table(
    "withdrawals",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("at", Moment, nullable=False),
    sa.Column("rating_id", sa.ForeignKey("ratings.id"), nullable=False, unique=True),
    sa.Column("author", sa.String(100), nullable=False),
    sa.Column("version", sa.String(20), nullable=False),
)

#: The study's own scales.
scales = sa.Table(
    "scales",
    metadata,
    sa.Column("name", sa.String(50), primary_key=True),
    sa.Column("at", Moment, nullable=False),
    sa.Column("label", sa.String(100), nullable=False),
    sa.Column(
        "words", sa.JSON, nullable=False
    ),  # value, word and, if said, what it means, best first
    sa.Column("direction", sa.String(20), nullable=False),
    sa.Column("citation", sa.Text, nullable=False),
    sa.Column("author", sa.String(100), nullable=False),
    sa.Column("version", sa.String(20), nullable=False),
)

#: Rating sessions, and the list of scans that each drew once.
sessions = sa.Table(
    "sessions",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("at", Moment, nullable=False),
    sa.Column("name", sa.String(100), nullable=False),
    sa.Column("rater", sa.String(100), nullable=False),
    sa.Column("plan", sa.JSON, nullable=False),
    sa.Column("version", sa.String(20), nullable=False),
    sa.UniqueConstraint("rater", "name"),
)
session_items = sa.Table(
    "session_items",
    metadata,
    sa.Column("session_id", sa.ForeignKey("sessions.id"), primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("scan_id", sa.String(200), nullable=False),
    sa.Column("repeat_of", sa.Integer, nullable=True),
)

#: Tiers given to single scans by people, against the rule.
overrides = sa.Table(
    "overrides",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("at", Moment, nullable=False),
    sa.Column("scan_id", sa.String(200), nullable=False, index=True),
    sa.Column("author", sa.String(100), nullable=False),
    sa.Column("tier", sa.String(50), nullable=True),  # NULL: back to the rule
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("version", sa.String(20), nullable=False),
)

#: Tier rules, each saved version a row.
rules = sa.Table(
    "rules",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("at", Moment, nullable=False),
    sa.Column("name", sa.String(100), nullable=False),
    sa.Column("number", sa.Integer, nullable=False),  # 1, 2, ... of this name
    # of what the rule does, not of how it is written
    sa.Column("hash", sa.String(16), nullable=False),
    sa.Column("author", sa.String(100), nullable=False),
    sa.Column("text", sa.Text, nullable=False),  # YAML, as its author wrote it
    sa.Column("version", sa.String(20), nullable=False),
    sa.UniqueConstraint("name", "number"),
)

#: What people note of studies; each row says one thing, NULL where it says nothing of it.
study_marks = sa.Table(
    "study_marks",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("at", Moment, nullable=False),
    sa.Column("study_id", sa.String(200), nullable=False, index=True),
    sa.Column("author", sa.String(100), nullable=False),
    sa.Column("tags", sa.JSON(none_as_null=True), nullable=True),  # all tags that hold from now on
    sa.Column("note", sa.Text, nullable=True),
    sa.Column("archived", sa.Boolean, nullable=True),
    sa.Column("version", sa.String(20), nullable=False),
)

#: Lists of scans that people picked.
scan_lists = sa.Table(
    "scan_lists",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("at", Moment, nullable=False),
    sa.Column("name", sa.String(100), nullable=False, unique=True),
    sa.Column("author", sa.String(100), nullable=False),
    sa.Column("note", sa.Text, nullable=False),
    sa.Column("version", sa.String(20), nullable=False),
)
scan_list_items = sa.Table(
    "scan_list_items",
    metadata,
    sa.Column("list_id", sa.ForeignKey("scan_lists.id"), primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("scan_id", sa.String(200), nullable=False),
)

#: Tags put on scans (``there``) or taken off; the newest change of a tag on a scan holds.
tag_changes = sa.Table(
    "tag_changes",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("at", Moment, nullable=False),
    sa.Column("author", sa.String(100), nullable=False),
    sa.Column("tag", sa.String(40), nullable=False),
    sa.Column("there", sa.Boolean, nullable=False),
    sa.Column("version", sa.String(20), nullable=False),
)
#: The scans that each changed: never one that had been so before.
tag_change_items = sa.Table(
    "tag_change_items",
    metadata,
    sa.Column("change_id", sa.ForeignKey("tag_changes.id"), primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("scan_id", sa.String(200), nullable=False, index=True),
)

#: Whether two participants are one person; the newest row of two participants holds.
person_decisions = sa.Table(
    "person_decisions",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("at", Moment, nullable=False),
    # SOURCE:PARTICIPANT as the source spells it, the lesser one first
    sa.Column("first", sa.Text, nullable=False),
    sa.Column("second", sa.Text, nullable=False),
    sa.Column("one_person", sa.Boolean, nullable=True),  # NULL: taken back, open again
    sa.Column("reason", sa.Text, nullable=False),  # what had been found
    sa.Column("author", sa.String(100), nullable=False),
    sa.Column("version", sa.String(20), nullable=False),
)

#: Who did what and when, besides: cohorts frozen, cut-offs suggested from ratings.
audit = sa.Table(
    "audit",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("at", Moment, nullable=False),
    sa.Column("author", sa.String(100), nullable=False),
    sa.Column("action", sa.String(50), nullable=False),
    sa.Column("subject", sa.String(200), nullable=False),
    sa.Column("detail", sa.JSON, nullable=False),
)


#: Decisions out of which somebody was taken, see :mod:`curation.decisions.erasure`.
erasures = sa.Table(
    "erasures",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("at", Moment, nullable=False),
    sa.Column("author", sa.String(100), nullable=False),
    sa.Column("kind", sa.String(40), nullable=False),  # a table above
    sa.Column("key", sa.String(100), nullable=False),  # primary key of its row
    sa.Column("was", sa.String(64), nullable=False),  # SHA-256 of what the row held
    sa.Column("now", sa.String(64), nullable=False),  # and of what it holds since
    sa.Column("version", sa.String(20), nullable=False),
)

#: Links of the audit chain, see :mod:`curation.decisions.audit_chain`.
chain = sa.Table(
    "audit_chain",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("kind", sa.String(40), nullable=False),  # a table above
    sa.Column("key", sa.String(100), nullable=False),  # primary key of its row
    sa.Column("content", sa.String(64), nullable=False),  # SHA-256 of what the row holds
    sa.Column("hash", sa.String(64), nullable=False),  # SHA-256 of this link and the one before
    sa.UniqueConstraint("kind", "key"),
    sa.Index("audit_chain_of_kind", "kind", "number"),
)


class AuditAction(enum.StrEnum):
    """Actions of the audit that decide something later and are therefore looked up, as they are stored.

    What the history says of them is in :mod:`curation.decisions.audit_trail` and may be reworded; these keys
    may not. All other actions are sentences that nobody but a reader looks at.
    """

    SESSION_UNBLINDED = "session_unblinded"
    SESSION_TAKEN_BACK = "session_taken_back"
    CUTOFF_SUGGESTED = "cutoff_suggested"
    COHORT_FROZEN = "cohort_frozen"
    FOUND_PUT_IN = "found_put_in"
    PERSON_FORGOTTEN = "person forgotten"
    LOOKED_AT = "looked at"


#: How the audit's lines begin that say who signed in, was refused, or signed out.
_ENTRIES = ("signed in", "signed out", "sign-in refused")
#: What earlier versions stored in place of the keys: never to be reworded, or their workspaces are misread.
_EARLIER_ACTIONS = {
    AuditAction.SESSION_UNBLINDED: "what was hidden shown",
    AuditAction.CUTOFF_SUGGESTED: "cut-off suggested",
    AuditAction.COHORT_FROZEN: "freeze cohort",
}


def is_action(action: AuditAction) -> sa.ColumnElement[bool]:
    """Return the condition that a row of the audit is of an action, whichever version stored it."""
    return audit.c.action.in_((action.value, _EARLIER_ACTIONS.get(action, action.value)))


def is_entry() -> sa.ColumnElement[bool]:
    """Return the condition that a row of the audit says who signed in, was refused, or signed out."""
    return sa.or_(*(audit.c.action.startswith(begins) for begins in _ENTRIES))


#: Hidden repeats as a share of a session's scans, at most.
MAX_REPEATS_SHARE = 0.5
_LARGEST = 2**63 - 1


def plan_field(values: Any, name: str) -> Any:
    """Return one field of a stored plan, the rule apart; ``None`` where its value is not valid."""
    value = values.get(name) if isinstance(values, Mapping) else None
    return value if _FITS[name](value) else None


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_whole(value: Any) -> bool:
    return type(value) is int and 0 <= value <= _LARGEST  # to Python a truth is a number too


def _is_share(value: Any) -> bool:
    return type(value) in (int, float) and 0 <= value <= MAX_REPEATS_SHARE


def _is_truth(value: Any) -> bool:
    return isinstance(value, bool)


_FITS: dict[str, Callable[[Any], bool]] = {
    "name": _is_text,
    "rater": _is_text,
    "scale": _is_text,
    "choice": _is_text,
    "size": _is_whole,
    "repeats_share": _is_share,
    "blinded": _is_truth,
    "seed": _is_whole,
    "air_first": _is_truth,
}
