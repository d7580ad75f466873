"""Commands on workspaces: ``demo`` (simulated people) and ``database`` (where the decisions lie)."""

import argparse
import os

import sqlalchemy as sa

from curation.access.actions import Action
from curation.access.guard import guarded
from curation.cli import framework
from curation.cli.framework import Command
from curation.decisions import actions, database, database_identity, schema
from curation.decisions.database_identity import URL_VARIABLE
from curation.simulation import demo_workspace
from curation.storage import shared_disk, sharing
from curation.storage.workspace import Workspace


def add_demo_options(command: argparse.ArgumentParser) -> None:
    """Declare the options of ``demo``."""
    command.add_argument(
        "--jobs", type=int, default=os.cpu_count(), help="processes (default: cores)"
    )


def run_demo(chosen: argparse.Namespace) -> int:
    """Make the workspace and say how to go on."""
    with framework.bar("simulating") as progress:
        workspace = demo_workspace.make_demo(chosen.workspace, jobs=chosen.jobs, progress=progress)
    print(
        f"Simulated people are in {workspace.root}. 'make run' scores them by itself; a command does it too:"
    )
    print(f"  python -m curation assess --workspace {workspace.root}")
    return 0


DEMO_COMMAND = Command(
    "demo",
    "make a workspace of simulated people, each with T1w and PET",
    run_demo,
    add_demo_options,
)


def add_share_options(command: argparse.ArgumentParser) -> None:
    """Declare the options of ``share``."""
    command.add_argument("--group", required=True, help="name of a group of this machine")


@guarded(Action.SHARE)
def run_share(chosen: argparse.Namespace) -> int:
    """Give the workspace to the group, and say what could not be."""
    workspace = Workspace.create(chosen.workspace)
    actions.note(workspace, "workspace shared", workspace.root.name, group=chosen.group)
    left = sharing.share(workspace, chosen.group)
    print(
        f"{workspace.root} is shared by the group {chosen.group}; other accounts may not look in."
    )
    for path in left[:_NAMED]:
        print(f"belongs to another account, who has to give this command too: {path}")
    if len(left) > _NAMED:
        print(f"and {len(left) - _NAMED} more")
    return int(bool(left))


SHARE_COMMAND = Command(
    "share",
    "let the accounts of a group use a workspace together, a new one where there is none",
    run_share,
    add_share_options,
)

#: Files that are named, at most.
_NAMED = 5
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
    """Print the place of the decisions and their number."""
    workspace = Workspace.open(chosen.workspace)
    if chosen.adopt:
        database.adopt(workspace)
        actions.note(workspace, "database adopted", workspace.root.name)
    with database.engine(workspace).connect() as connection:
        counts = [
            f"{connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()} {name}"
            for name, table in _COUNTED.items()
        ]
    on_server = f"PostgreSQL, as {URL_VARIABLE} says"
    print(on_server if URL_VARIABLE in os.environ else workspace.database_path)
    if URL_VARIABLE not in os.environ and (kind := shared_disk.network_kind(workspace.root)):
        print(f"on a disk that several machines see ({kind}): readers and writers take turns")
    note = database_identity.noted(workspace)
    print(f"id {note.id if note else 'none yet'}")
    print(", ".join(counts))
    return 0


DATABASE_COMMAND = Command(
    "database",
    "say where the decisions of people lie and how many there are",
    run_database,
    add_database_options,
    epilog="A copy: 'python -m curation backup', or dump the server's database.",
)
