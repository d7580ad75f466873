"""Commands for the upkeep of a workspace: ``check``, ``backup`` and ``restore``."""

import argparse
from pathlib import Path

from curation.cli import framework
from curation.cli.framework import Command
from curation.storage.workspace import Workspace
from curation.upkeep import backup
from curation.upkeep.checks import check
from curation.upkeep.forgetting import forget
from curation.wording import plural

_MB = 1_000_000
_ACCESS = {
    "kept": "access.toml is the one that was there, not the copy's; whoever was taken out stays out.",
    "of the copy": "access.toml is the copy's; look whether somebody in it is to be taken out again.",
}


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
    done = backup.restore(chosen.backup, chosen.workspace, replace=chosen.replace)
    workspace = Workspace.open(chosen.workspace)
    print(f"{workspace.root} is as it was copied; every file was compared with its hash.")
    if done.before is not None:
        print(f"What was there, with all that came after the copy, lies in {done.before}")
    if done.access is not None:
        print(f"Who may come in: {_ACCESS[done.access]}")
    if done.unnoted is not None:
        print(f"The audit has no line on this, since the server was not to be had: {done.unnoted}")
    return 0


def add_forget_options(command: argparse.ArgumentParser) -> None:
    """Declare the options of ``forget``."""
    command.add_argument("person", help="subject or participant id, as the table of scans has it")
    command.add_argument(
        "--reason", required=True, help="why, without naming anybody: it stands in the audit"
    )


def run_forget(chosen: argparse.Namespace) -> int:
    """Take a person out of the workspace; exit status 1 where files still name them."""
    workspace = Workspace.open(chosen.workspace)
    done = forget(workspace, chosen.person, chosen.reason)
    print(
        f"forgotten: {plural(done.scans, 'scan')}, and the names in {plural(done.decisions, 'decision')}. "
        "Backups that were made before still have them; the data set is as it was."
    )
    for path in done.left:
        print(f"still named in {path}")
    if done.left:
        print(
            "A frozen cohort or a study is what it holds: remove its folder, if it is to go, too. A text of "
            "a decision on another scan stays as it was written."
        )
    return int(bool(done.left))


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
    Command(
        "forget",
        "take a person out of a workspace, with a line in the audit; not while a study runs",
        run_forget,
        add_forget_options,
    ),
)
