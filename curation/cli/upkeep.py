"""Commands for the upkeep of a workspace: ``check``, ``backup`` and ``restore``."""

import argparse
from pathlib import Path

from curation.cli import framework
from curation.cli.framework import Command
from curation.storage.workspace import Workspace
from curation.upkeep import backup
from curation.upkeep.checks import check
from curation.wording import plural

_MB = 1_000_000


def add_check_options(command: argparse.ArgumentParser) -> None:
    """Declare the options of ``check``."""
    command.add_argument(
        "--repair",
        action="store_true",
        help="repair what can be without losing anything; damaged files are kept under another name",
    )


def run_check(chosen: argparse.Namespace) -> int:
    """Print what is wrong; exit status 1 where something is left to do."""
    workspace = Workspace.open(chosen.workspace)
    with framework.bar("looking", "image") as progress:
        left, repaired = check(workspace, progress, repair=chosen.repair)
    for found in repaired:
        print(f"repaired: {found.where}: {found.what}")
    for found in left:
        print(found.words)
    can = sum(found.repair is not None for found in left)
    if can:
        print(f"{plural(can, 'thing')} of these can be repaired: python -m curation check --repair")
    print(
        f"{workspace.root}: {plural(len(left), 'thing')} to look at" if left else "nothing is wrong"
    )
    return int(bool(left))


def add_backup_options(command: argparse.ArgumentParser) -> None:
    """Declare the options of ``backup``."""
    command.add_argument("into", type=Path, help="folder in which a new one is made for the copy")


def run_backup(chosen: argparse.Namespace) -> int:
    """Copy the workspace and say where the copy is."""
    workspace = Workspace.open(chosen.workspace)
    with framework.bar("copying", "file") as progress:
        made = backup.back_up(workspace, chosen.into, progress)
    print(f"{made.folder}: {plural(made.count, 'file')}, {made.size / _MB:,.1f} MB")
    if made.on_server:
        print("The decisions lie in PostgreSQL and are not in it: dump them with pg_dump.")
    print(f"Back: python -m curation restore {made.folder} --workspace FOLDER")
    return 0


def add_restore_options(command: argparse.ArgumentParser) -> None:
    """Declare the options of ``restore``."""
    command.add_argument("backup", type=Path, help="folder that 'backup' made")
    command.add_argument(
        "--replace",
        action="store_true",
        help="in the place of the workspace that is there, which is kept beside it under another name",
    )


def run_restore(chosen: argparse.Namespace) -> int:
    """Make a workspace from a backup."""
    before = backup.restore(chosen.backup, chosen.workspace, replace=chosen.replace)
    workspace = Workspace.open(chosen.workspace)
    print(f"{workspace.root} is as it was copied; every file was compared with its hash.")
    if before is not None:
        print(f"What was there, with all that came after the copy, lies in {before}")
    return 0


COMMANDS = (
    Command(
        "check",
        "look for damaged, lost and left-behind files in a workspace, and for changed images",
        run_check,
        add_check_options,
    ),
    Command(
        "backup",
        "copy a workspace, while it is used, with a hash of every file",
        run_backup,
        add_backup_options,
    ),
    Command("restore", "make a workspace from such a copy", run_restore, add_restore_options),
)
