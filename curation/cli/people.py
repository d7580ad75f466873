"""The command ``people``: who is who in several sources, and scans that show the same head."""

import argparse
import getpass
import itertools
import os

from curation.cli import framework
from curation.cli.framework import Command
from curation.decisions import person_decisions
from curation.decisions.person_decisions import PersonDecision
from curation.errors import SourceError
from curation.sources import duplicates, near_duplicates, who_is_who
from curation.storage import tables
from curation.storage.workspace import Workspace

_BY_HAND = "said on the command line"
#: Suspicions that are printed, at most; the page has all.
_SHOWN = 20


def add_options(command: argparse.ArgumentParser) -> None:
    """Declare the options of ``people``."""
    for option, kind, meaning in (
        ("--different", "SOURCE", "equal participant ids of these sources are different people"),
        ("--perhaps-same", "SOURCE", "take that back: they may be the same people"),
        (
            "--one-person-where-fitting",
            "SOURCE",
            "equal ids of these two sources are one person each where age and sex agree, too",
        ),
        ("--one-person", "PARTICIPANT", "these two, as SOURCE:PARTICIPANT, are one person"),
        (
            "--two-people",
            "PARTICIPANT",
            "these two are different people, though their scans or ids are alike",
        ),
        ("--undecided", "PARTICIPANT", "take back what was said of these two"),
    ):
        command.add_argument(option, nargs="+", metavar=kind, default=[], help=meaning)
    command.add_argument(
        "--search",
        action="store_true",
        help="look for scans that show the same head now, also where scans were scored by an earlier version",
    )
    command.add_argument("--author", default=getpass.getuser(), help="who says so")


def run(chosen: argparse.Namespace) -> int:
    """Store the answers given, then print the open questions."""
    workspace = Workspace.open(chosen.workspace)
    for names, different in ((chosen.different, True), (chosen.perhaps_same, False)):
        if not names:
            continue
        if len(set(names)) == 1:
            raise SourceError("Name two sources or more: whose people are different from whose?")
        pairs = set(map(frozenset, itertools.combinations(names, 2)))
        duplicates.say_different(workspace, pairs, chosen.author, different=different)
    decisions = [*_fitting(workspace, chosen.one_person_where_fitting), *_of_two(chosen)]
    if decisions:
        who_is_who.decide(workspace, decisions, chosen.author)
    if chosen.search:
        with framework.bar("comparing") as progress:
            found = near_duplicates.search(workspace, jobs=os.cpu_count() or 1, progress=progress)
        print(found.words)
    _say(workspace)
    return 0


def _fitting(workspace: Workspace, sources: list[str]) -> list[PersonDecision]:
    if not sources:
        return []
    found = [each for each in duplicates.undecided(workspace) if set(each.sources) == set(sources)]
    fits = [of for each in found for of in each.fits]
    if not fits:
        raise SourceError(
            f"{' and '.join(sources)} share no undecided participant id for which age and sex agree. "
            "'python -m curation people' says what is open."
        )
    return [PersonDecision(of, True, duplicates.FITTING) for of in fits]


def _of_two(chosen: argparse.Namespace) -> list[PersonDecision]:
    decisions = []
    for names, one in (
        (chosen.one_person, True),
        (chosen.two_people, False),
        (chosen.undecided, None),
    ):
        if names and len(names) != 2:
            raise SourceError(
                f"Name two participants as SOURCE:PARTICIPANT, not {len(names)}: for example "
                "'--one-person my-pool:sub-01 external:sub-07'."
            )
        if names:
            decisions.append(PersonDecision(person_decisions.pair(*names), one, _BY_HAND))
    return decisions


def _say(workspace: Workspace) -> None:
    """Print what was decided, and what is open."""
    for pair in sorted(map(sorted, workspace.different_people())):
        print(f"different people: {' and '.join(pair)}")
    for of, one in sorted(person_decisions.in_force(workspace).items()):
        print(f"{'one person' if one else 'two people'}: {of.first} and {of.second}")
    found = [f"{each.words} {each.remedy}" for each in duplicates.undecided(workspace)]
    alike = near_duplicates.suspicions(workspace)
    told = [f"{each.words} {each.remedy}" for each in alike[:_SHOWN]]
    if len(alike) > _SHOWN:
        told.append(f"So do {len(alike) - _SHOWN:,} more pairs; the page Cohort shows all.")
    for sentence in (*found, *told, *duplicates.in_both_roles(tables.read_scans(workspace))):
        print(sentence)
    if not found:
        print("No two sources share a participant id that nobody decided on.")
    print(near_duplicates.standing(workspace))


COMMAND = Command(
    "people",
    "say who is who: participant ids that sources share, and scans that show the same head",
    run,
    add_options,
)
