"""The command ``people``: who is in a workspace twice, or may be, and what is known of it."""

import argparse
import getpass
import itertools

from curation import overlaps, tables
from curation.command_line import Command
from curation.errors import SourceError
from curation.workspace import Workspace


def add_people_options(command: argparse.ArgumentParser) -> None:
    """Declare the options of ``people``."""
    command.add_argument(
        "--different",
        nargs="+",
        metavar="SOURCE",
        default=[],
        help="say that equal participant ids of these sources are different people",
    )
    command.add_argument(
        "--perhaps-same",
        nargs="+",
        metavar="SOURCE",
        default=[],
        help="take that back: equal ids of these sources may be the same people",
    )
    command.add_argument("--author", default=getpass.getuser(), help="who says so")


def run_people(chosen: argparse.Namespace) -> int:
    """Note what is known, then say what is not."""
    workspace = Workspace.open(chosen.workspace)
    for names, different in ((chosen.different, True), (chosen.perhaps_same, False)):
        if len(set(names)) == 1:
            raise SourceError("Name two sources or more: whose people are different from whose?")
        pairs = set(map(frozenset, itertools.combinations(names, 2)))
        overlaps.say_different(workspace, pairs, chosen.author, different=different)
    for pair in sorted(map(sorted, workspace.different_people())):
        print(f"different people: {' and '.join(pair)}")
    found = [f"{each.words} {each.remedy}" for each in overlaps.undecided(workspace)]
    for sentence in (*found, *overlaps.in_both_roles(tables.read_scans(workspace))):
        print(sentence)
    if not found:
        print("No two sources share a participant id that nobody decided on.")
    return 0


PEOPLE_COMMAND = Command(
    "people",
    "say which participant ids several sources share, and that they are different people",
    run_people,
    add_people_options,
)
