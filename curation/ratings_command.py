"""Commands on ratings: ``export-ratings`` and ``import-ratings``."""

import argparse
from pathlib import Path

from curation import rating_files, rating_import
from curation.command_line import Command
from curation.workspace import Workspace


def add_export_options(command: argparse.ArgumentParser) -> None:
    """Declare the options of ``export-ratings``."""
    command.add_argument(
        "--force",
        action="store_true",
        help="also where the exported files hold more than the database",
    )


def add_import_ratings_options(command: argparse.ArgumentParser) -> None:
    """Declare the options of ``import-ratings``."""
    command.add_argument(
        "files",
        type=Path,
        help="folder that was exported, a TSV with scan_id, rater, scale and value, or a file or folder of "
        "MRIQC's widget",
    )
    command.add_argument("--rater", help="who rated, for files that do not say")


def run_export(chosen: argparse.Namespace) -> int:
    """Export all ratings and say where they are."""
    workspace = Workspace.open(chosen.workspace)
    print(f"Ratings are in {rating_files.export_ratings(workspace, force=chosen.force)}")
    return 0


def run_import_ratings(chosen: argparse.Namespace) -> int:
    """Import ratings and say what came of it."""
    found = rating_import.import_ratings(
        Workspace.open(chosen.workspace), chosen.files, rater=chosen.rater
    )
    print(
        f"ratings added: {found.added}, there already: {found.known}; "
        f"tiers by hand added: {found.overrides}"
    )
    if found.unknown:
        print("left out, because this workspace does not have these scans:")
        for name in found.unknown:
            print(f"  {name}")
    return 0


RATING_COMMANDS = (
    Command(
        "export-ratings",
        "write ratings as BIDS-style TSV and JSON, and as files of MRIQC's rating widget",
        run_export,
        add_export_options,
    ),
    Command(
        "import-ratings",
        "add ratings from such files; those that are there already are not doubled",
        run_import_ratings,
        add_import_ratings_options,
    ),
)
