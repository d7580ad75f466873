"""The command ``ingest``: a source's scans into the workspace."""

import argparse
from pathlib import Path

from curation import modalities, source_words, terminal
from curation.command_line import Command
from curation.ingest import ingest
from curation.workspace import ROLES, Workspace


def add_options(command: argparse.ArgumentParser) -> None:
    """Declare the options of ``ingest``."""
    command.add_argument(
        "source", type=Path, help="BIDS data set, folder of NIfTI, or CSV/TSV manifest"
    )
    command.add_argument("--name", help="short name of the source (default: its folder's name)")
    add_kind_options(command)
    command.add_argument("--include", help="pattern of file names, e.g. '*_T1w*' (default: all)")
    command.add_argument("--participants", type=Path, help="table of people to join (CSV or TSV)")
    command.add_argument(
        "--simulated", action="store_true", default=None, help="the scans are not of people"
    )


def add_kind_options(command: argparse.ArgumentParser) -> None:
    """Declare what a source is for and what of it is scored."""
    command.add_argument(
        "--role",
        choices=list(ROLES),
        help="; ".join(f"{role}: {meaning}" for role, meaning in ROLES.items())
        + " (default: as before, else pool)",
    )
    command.add_argument(
        "--modality",
        choices=list(modalities.KINDS),
        help="which kind of image is scored; others are listed (default: as before, else plain T1w)",
    )
    command.add_argument(
        "--own-ids",
        action="store_true",
        default=None,
        help="the participant ids are this source's own: the same id in another source is another person",
    )


def run(chosen: argparse.Namespace) -> int:
    """List a source's scans and say what was found."""
    workspace = Workspace.create(chosen.workspace)
    with terminal.bar("reading") as progress:
        summary = ingest(
            workspace,
            chosen.source,
            name=chosen.name,
            role=chosen.role,
            modality=chosen.modality,
            own_ids=chosen.own_ids,
            simulated=chosen.simulated,
            include=chosen.include,
            participants=chosen.participants,
            progress=progress,
        )
    source = summary.source
    found = source_words.counts(summary.scans)
    print(f"{source.name} ({source.kind}, {source.role}): {found}; {summary.added} new")
    for line in source_words.lines(workspace, summary):
        print(line)
    return 0


COMMAND = Command(
    "ingest", "list a source's scans, T1w and others, in the workspace", run, add_options
)
