"""The command ``database``: where the decisions of a workspace lie, and how to tie it to another database."""

import argparse
import os

import sqlalchemy as sa

from curation import database, identity, schema
from curation.command_line import Command
from curation.identity import URL_VARIABLE
from curation.workspace import Workspace

#: What is counted, by what it is called.
_COUNTED = {
    "ratings": schema.ratings,
    "sessions": schema.sessions,
    "tiers by hand": schema.overrides,
    "rules": schema.rules,
    "lists": schema.scan_lists,
    "lines of history": schema.audit,
}


def add_database_options(command: argparse.ArgumentParser) -> None:
    """Declare the options of ``database``."""
    command.add_argument(
        "--adopt",
        action="store_true",
        help="from now on take the database that is there (an empty one where there is none) for the "
        "workspace's own: after a loss without a copy, or to move to a server",
    )


def run_database(chosen: argparse.Namespace) -> int:
    """Say where the decisions lie and how many there are."""
    workspace = Workspace.open(chosen.workspace)
    if chosen.adopt:
        database.adopt(workspace)
    with database.engine(workspace).connect() as connection:
        counts = [
            f"{connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()} {name}"
            for name, table in _COUNTED.items()
        ]
    on_server = f"PostgreSQL, as {URL_VARIABLE} says"
    print(on_server if URL_VARIABLE in os.environ else workspace.database_path)
    note = identity.noted(workspace)
    print(f"id {note.id if note else 'none yet'}")
    print(", ".join(counts))
    return 0


DATABASE_COMMAND = Command(
    "database",
    "say where the decisions of people lie and how many there are",
    run_database,
    add_database_options,
    epilog="A copy: stop the page and copy decisions.sqlite, or dump the server's database.",
)
