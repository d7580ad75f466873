"""The command ``ingest``: a source's scans into the workspace."""

import argparse
from pathlib import Path

from curation import terminal
from curation.command_line import Command
from curation.ingest import IngestSummary, ingest
from curation.workspace import ROLES, Workspace


def add_options(command: argparse.ArgumentParser) -> None:
    """Declare the options of ``ingest``."""
    command.add_argument(
        "source", type=Path, help="BIDS data set, folder of NIfTI, or CSV/TSV manifest"
    )
    command.add_argument("--name", help="short name of the source (default: its folder's name)")
    command.add_argument(
        "--role", choices=list(ROLES), default="pool",
        help="; ".join(f"{role}: {meaning}" for role, meaning in ROLES.items()),
    )  # fmt: skip
    command.add_argument("--include", default="*", help="pattern of file names, e.g. '*_T1w*'")
    command.add_argument("--participants", type=Path, help="table of people to join (CSV or TSV)")
    command.add_argument("--simulated", action="store_true", help="the scans are not of people")


def run(chosen: argparse.Namespace) -> int:
    """List a source's scans and say what was found."""
    workspace = Workspace.create(chosen.workspace)
    with terminal.bar("reading") as progress:
        summary = ingest(
            workspace,
            chosen.source,
            name=chosen.name,
            role=chosen.role,
            simulated=chosen.simulated,
            include=chosen.include,
            participants=chosen.participants,
            progress=progress,
        )
    _say(summary)
    return 0


def _say(summary: IngestSummary) -> None:
    counts = summary.scans["status"].value_counts()
    print(
        f"{summary.source.name} ({summary.source.kind}, {summary.source.role}): "
        + ", ".join(f"{number} {status}" for status, number in counts.items())
        + f"; {summary.added} new"
    )
    if summary.ignored_columns:
        print(f"columns not understood and left out: {', '.join(summary.ignored_columns)}")
    for row in summary.problems.itertuples():
        print(f"  {row.status}: {row.scan_id}: {row.reason}")
    for row in summary.scans[summary.scans["note"].notna()].itertuples():
        print(f"  note: {row.scan_id}: {row.note}")


COMMAND = Command(
    "ingest", "list a source's scans, T1w and PET, in the workspace", run, add_options
)
