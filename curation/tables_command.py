"""Commands on MRIQC's tables: ``import-mriqc``, ``example`` and ``fit-experts``."""

import argparse
from pathlib import Path

from curation import (
    examples,
    files,
    ingest_command,
    mriqc_import,
    mriqc_tables,
    source_words,
)
from curation.command_line import Command
from curation.mriqc_import import TableSummary
from curation.rated_tables import experts_of
from curation.workspace import ROLES, Workspace


def add_import_mriqc_options(command: argparse.ArgumentParser) -> None:
    """Declare the options of ``import-mriqc``."""
    command.add_argument(
        "table",
        type=Path,
        help="group_T1w.tsv, a CSV with such columns, a JSON file or a folder of them",
    )
    command.add_argument("--name", help="short name of the source (default: the table's name)")
    ingest_command.add_kind_options(command)
    command.add_argument("--participants", type=Path, help="table of people to join (CSV or TSV)")


def add_example_options(command: argparse.ArgumentParser) -> None:
    """Declare the options of ``example``."""
    command.add_argument("example", choices=list(examples.EXAMPLES), help="which")
    command.add_argument("--role", choices=list(ROLES), default="pool", help="which scans they are")
    command.add_argument("--participants", type=Path, help="table of people to join (CSV or TSV)")


def add_fit_options(command: argparse.ArgumentParser) -> None:
    """Declare the options of ``fit-experts``."""
    command.add_argument(
        "tables",
        type=Path,
        nargs="+",
        help="tables with columns such as rater_1 (1, 0, -1) and site",
    )
    command.add_argument("--out", type=Path, required=True, help="the JSON file to write")


def run_import_mriqc(chosen: argparse.Namespace) -> int:
    """Import a table and say what came of it."""
    workspace = Workspace.create(chosen.workspace)
    summary = mriqc_import.import_table(
        workspace,
        chosen.table,
        name=chosen.name,
        role=chosen.role,
        modality=chosen.modality,
        participants=chosen.participants,
    )
    if chosen.own_ids:
        ingest_command.say_own_ids(workspace, summary.source.name)
    _say(workspace, summary)
    return 0


def run_example(chosen: argparse.Namespace) -> int:
    """Import an example and say what it is."""
    example = examples.EXAMPLES[chosen.example]
    workspace = Workspace.create(chosen.workspace)
    summary = examples.import_example(
        workspace,
        chosen.example,
        role=chosen.role,
        participants=chosen.participants,
    )
    _say(workspace, summary)
    print(f"{example.label}: {example.meaning}\n{example.licence}\n{example.citation}")
    return 0


def _say(workspace: Workspace, summary: TableSummary) -> None:
    found = source_words.counts(summary.scans)
    print(
        f"{summary.source.name} ({summary.source.role}): {found}; {summary.added} new scans, "
        f"{summary.ratings} new ratings"
    )
    for line in source_words.lines(workspace, summary):
        print(line)


def run_fit(chosen: argparse.Namespace) -> int:
    """Fit the experts' reference and print its evidence."""
    tables = {path.name: mriqc_tables.read(path) for path in chosen.tables}
    reference = experts_of(tables)
    files.write_json(chosen.out, reference.as_dict())
    found = reference.evidence
    print(f"{reference.id}: {reference.description}")
    for who, figures in (("all", found), *found["raters"].items()):
        known = "AUC {auc} ({low} to {high})".format(**figures) if "auc" in figures else "no AUC"
        print(
            f"  {who}: {known}, {figures['ratings']} ratings, {figures['excluded']} exclusions, held out "
            f"by {found['held_out']}"
        )
    return 0


MRIQC_COMMANDS = (
    Command(
        "import-mriqc",
        "take in MRIQC's metrics and their ratings: scans without images",
        run_import_mriqc,
        add_import_mriqc_options,
    ),
    Command(
        "example",
        "take in a real example: published metrics and ratings, without images",
        run_example,
        add_example_options,
    ),
    Command(
        "fit-experts",
        "learn the experts' reference from rated tables of MRIQC's metrics",
        run_fit,
        add_fit_options,
        on_workspace=False,
    ),
)
