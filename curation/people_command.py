"""The command ``people``: who is in a workspace twice, or may be, and what is known of it."""

import argparse
import getpass

from curation import overlaps, tables
from curation.command_line import Command
from curation.workspace import Workspace


def add_options(command: argparse.ArgumentParser) -> None:
    """Declare the options of ``people``."""
    command.add_argument(
        "--own-ids",
        nargs="+",
        metavar="SOURCE",
        default=[],
        help="say that the participant ids of these sources are their own: the same id elsewhere is another "
        "person",
    )
    command.add_argument(
        "--shared-ids",
        nargs="+",
        metavar="SOURCE",
        default=[],
        help="take that back: the same id elsewhere may be the same person",
    )
    command.add_argument("--author", default=getpass.getuser(), help="who says so")


def run(chosen: argparse.Namespace) -> int:
    """Note what is known, then say what is not."""
    workspace = Workspace.open(chosen.workspace)
    overlaps.say_own(workspace, chosen.own_ids, chosen.author)
    overlaps.say_own(workspace, chosen.shared_ids, chosen.author, own_ids=False)
    scans = tables.read_scans(workspace)
    if own := sorted(overlaps.own(workspace)):
        print(f"participant ids of their own: {', '.join(own)}")
    found = [f"{each.words} {each.remedy}" for each in overlaps.undecided(workspace)]
    for sentence in (*found, *overlaps.in_both_roles(scans)):
        print(sentence)
    if not found:
        print("No two sources share a participant id that nobody decided on.")
    return 0


COMMAND = Command(
    "people",
    "say which participant ids several sources share, and whether they are the same people",
    run,
    add_options,
)
