"""The command ``report``: everything that is handed on of a study, in a folder."""

import argparse
from pathlib import Path

from curation import terminal
from curation.command_line import Command
from curation.workspace import Workspace


def add_report_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command to its parser."""
    parser.add_argument("--study", required=True, help="id of a study")
    parser.add_argument("--out", required=True, type=Path, help="folder to write into")
    parser.add_argument("--sites", action="store_true", help="keep the names of sites")
    parser.add_argument("--no-pictures", action="store_true", help="no example scans")
    parser.add_argument("--corrected", action="store_true", help="bias-corrected figures too")


def run_report(chosen: argparse.Namespace) -> int:
    """Write the report and say where it is, and what was removed."""
    from training.report import bundle, content  # brings plotly, matplotlib and python-pptx
    from training.report.source import Options

    workspace = Workspace.open(chosen.workspace)
    options = Options(
        sites=chosen.sites, pictures=not chosen.no_pictures, corrected=chosen.corrected
    )
    with terminal.bar("writing", unit="file") as progress:
        written = bundle.write(workspace, chosen.study, chosen.out, options, progress)
    for path in written:
        print(path)
    print("\nRemoved, so that nobody can be told from these files:")
    for line in content.build(workspace, chosen.study, options).removed:
        print(f"- {line}")
    return 0


REPORT_COMMAND = Command(
    "report",
    "write the report of a study: HTML, PowerPoint, figures, numbers, methods, without identities",
    run_report,
    add_report_options,
)
