"""Decisions of people, in one database: appended, never updated.

SQLite in the workspace by default; any database that SQLAlchemy speaks, PostgreSQL first of all, by the
environment variable ``TIERSCOPE_DATABASE_URL``.
"""

import datetime
import os
from functools import lru_cache

import sqlalchemy as sa

from curation.workspace import Workspace

URL_VARIABLE = "TIERSCOPE_DATABASE_URL"

_metadata = sa.MetaData()

ratings = sa.Table(
    "ratings",
    _metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("scan_id", sa.String(200), nullable=False, index=True),
    sa.Column("rater", sa.String(100), nullable=False),
    sa.Column("scale", sa.String(50), nullable=False),
    sa.Column("direction", sa.String(20), nullable=False),
    sa.Column("value", sa.Float, nullable=False),
    sa.Column("label", sa.String(50), nullable=False),
    sa.Column("comment", sa.Text, nullable=False),
    sa.Column("version", sa.String(20), nullable=False),
)

#: Who did what and when, besides ratings: cohorts frozen, studies launched and stopped.
audit = sa.Table(
    "audit",
    _metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("author", sa.String(100), nullable=False),
    sa.Column("action", sa.String(50), nullable=False),
    sa.Column("subject", sa.String(200), nullable=False),
    sa.Column("detail", sa.JSON, nullable=False),
)


def engine(workspace: Workspace) -> sa.Engine:
    """Return the engine of a workspace's database, its tables made where they are not there."""
    default = f"sqlite:///{workspace.database_path}"
    return _engine(os.environ.get(URL_VARIABLE, default))


@lru_cache(maxsize=8)
def _engine(url: str) -> sa.Engine:
    # NullPool: a SQLite file closes with each use, so that it can be copied, moved or deleted.
    pool = sa.NullPool if url.startswith("sqlite") else None
    made = sa.create_engine(url, poolclass=pool)
    if made.dialect.name == "sqlite":
        sa.event.listen(made, "connect", _make_durable)
    _metadata.create_all(made)
    return made


def _make_durable(connection, _record) -> None:  # type: ignore[no-untyped-def]
    """Let readers and writers work at once, and wait for each other instead of failing."""
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA busy_timeout=10000")
    cursor.close()


def now() -> datetime.datetime:
    """Return the present moment in UTC."""
    return datetime.datetime.now(datetime.UTC)


def note(workspace: Workspace, *, author: str, action: str, subject: str, detail: dict) -> None:
    """Append one line to the audit."""
    with engine(workspace).begin() as connection:
        connection.execute(
            audit.insert().values(
                at=now(), author=author, action=action, subject=subject, detail=detail
            )
        )
