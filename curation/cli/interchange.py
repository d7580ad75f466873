"""Commands on other tools' files: ratings (``export-ratings``, ``import-ratings``), tables and MRIQC's.

Tables are joined by ``join``; MRIQC's commands are ``import-mriqc``, ``example`` and ``fit-experts``.
"""

import argparse
from pathlib import Path

from curation.cli import sources
from curation.cli.framework import Command
from curation.errors import SourceError
from curation.interchange import (
    example_datasets,
    mriqc_import,
    mriqc_tables,
    rating_export,
    rating_import,
)
from curation.interchange.mriqc_import import TableSummary
from curation.interchange.rated_tables import experts_reference
from curation.references import reference_library
from curation.sources import joined_tables, other_tables, source_summary
from curation.storage import files, tables
from curation.storage.workspace import ROLES, Workspace


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
    print(f"Ratings are in {rating_export.export_ratings(workspace, force=chosen.force)}")
    return 0


def run_import_ratings(chosen: argparse.Namespace) -> int:
    """Import ratings and print the result."""
    found = rating_import.import_ratings(
        Workspace.open(chosen.workspace), chosen.files, rater=chosen.rater
    )
    print(
        f"ratings added: {found.added}, there already: {found.known}; "
        f"tiers by hand added: {found.overrides}; tags added: {found.tags}"
    )
    if found.unknown:
        print("left out, because this workspace does not have these scans:")
        for name in found.unknown:
            print(f"  {name}")
    return 0


def add_join_options(command: argparse.ArgumentParser) -> None:
    """Declare the options of ``join``."""
    command.add_argument(
        "table",
        type=Path,
        nargs="?",
        help="CSV or TSV with ids of scans or people, such as those of agitation, fsqc and QC-Studio",
    )
    command.add_argument("--name", help="how it is called here (default: its tool or its file)")
    command.add_argument(
        "--worse", nargs="+", default=[], metavar="COLUMN", help="the higher, the worse the scan"
    )
    command.add_argument(
        "--better", nargs="+", default=[], metavar="COLUMN", help="the higher, the better the scan"
    )
    command.add_argument("--only", nargs="+", metavar="COLUMN", help="take these columns only")
    command.add_argument("--source", help="the source that its ids are of (default: any)")
    command.add_argument("--remove", metavar="NAME", help="take a joined table out again")


def run_join(chosen: argparse.Namespace) -> int:
    """Join a table, take one out, or list those that are joined."""
    workspace = Workspace.open(chosen.workspace)
    if chosen.remove:
        joined_tables.remove(workspace, chosen.remove)
        print(f"{chosen.remove} is taken out")
        return 0
    if chosen.table is None:
        print("\n".join(joined_tables.names(workspace)) or "no table is joined")
        return 0
    table = other_tables.read_table(workspace, chosen.table, chosen.name)
    done = joined_tables.join(
        workspace,
        table,
        worse=chosen.worse,
        better=chosen.better,
        only=chosen.only,
        source_name=chosen.source,
    )
    print(f"{done.headline} They are called:")
    for name in done.columns:
        print(f"  {name}")
    for note in done.notes():
        print(f"  note: {note}")
    return 0


JOIN_COMMAND = Command(
    "join",
    "join a table of another tool to the scans: its numbers as columns to plot, filter and cut on",
    run_join,
    add_join_options,
)

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


def add_import_mriqc_options(command: argparse.ArgumentParser) -> None:
    """Declare the options of ``import-mriqc``."""
    command.add_argument(
        "table",
        type=Path,
        help="group_T1w.tsv, a CSV with such columns, a JSON file or a folder of them",
    )
    command.add_argument("--name", help="short name of the source (default: the table's name)")
    sources.add_kind_options(command)
    command.add_argument("--participants", type=Path, help="table of people to join (CSV or TSV)")
    command.add_argument(
        "--raters",
        nargs="+",
        default=[],
        metavar="COLUMN=NAME",
        help="who rated in which column (default: the source's name before rater_1, rater_2 ...)",
    )
    sources.add_pseudonyms_option(command)


def add_example_options(command: argparse.ArgumentParser) -> None:
    """Declare the options of ``example``."""
    command.add_argument("example", choices=list(example_datasets.EXAMPLES), help="which")
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
    """Import a table and print the result."""
    workspace = Workspace.create(chosen.workspace)
    summary = mriqc_import.import_table(
        workspace,
        chosen.table,
        name=chosen.name,
        role=chosen.role,
        modality=chosen.modality,
        participants=chosen.participants,
        rater_names=_names_of(chosen.raters),
        hide_names=chosen.pseudonyms,
    )
    if chosen.own_ids:
        sources.say_own_ids(workspace, summary.source.name)
    _say(workspace, summary)
    return 0


def _names_of(given: list[str]) -> dict[str, str]:
    """Return who stands behind each column with ratings, as it was typed."""
    pairs = [one.partition("=") for one in given]
    for column, _, name in pairs:
        if not column or not name.strip():
            raise SourceError(f"--raters takes COLUMN=NAME, such as rater_1=Ada; {column!r} came.")
    return {column: name.strip() for column, _, name in pairs}


def run_example(chosen: argparse.Namespace) -> int:
    """Import an example and describe it."""
    example = example_datasets.EXAMPLES[chosen.example]
    workspace = Workspace.create(chosen.workspace)
    summary = example_datasets.import_example(
        workspace,
        chosen.example,
        role=chosen.role,
        participants=chosen.participants,
    )
    _say(workspace, summary)
    print(f"{example.label}: {example.meaning}\n{example.licence}\n{example.citation}")
    return 0


def _say(workspace: Workspace, summary: TableSummary) -> None:
    found = source_summary.counts(summary.scans)
    print(
        f"{summary.source.name} ({summary.source.role}): {found}; {summary.added} new scans, "
        f"{summary.ratings} new ratings"
    )
    scores, judging = tables.read_scores(workspace), reference_library.for_tables(workspace).id
    own = scores["scan_id"].isin(summary.scans["scan_id"])
    if scores.loc[own, "reference"].eq(judging).any():
        print(
            "its scans have no image here, so their metrics in the table are scored by a model of experts' "
            f"ratings of such tables ({judging}); scans with an image are scored as before"
        )
    for line in source_summary.lines(workspace, summary):
        print(line)


def run_fit(chosen: argparse.Namespace) -> int:
    """Fit the experts' reference and print its evidence."""
    tables = {path.name: mriqc_tables.read(path) for path in chosen.tables}
    reference = experts_reference(tables)
    files.write_json(chosen.out, reference.as_dict())
    found = reference.evidence
    print(f"{reference.id}: {reference.description}")
    for who, figures in (("all", found), *found["raters"].items()):
        known = "AUC {auc} ({low} to {high})".format(**figures) if "auc" in figures else "no AUC"
        print(
            f"  {who}: {known}, {figures['ratings']} ratings, {figures['excluded']} exclusions, held out "
            f"by {found['held_out']}"
        )
    print(
        "  order: rank correlation with the mean grades {rank_correlation}; pairs of a site in the right "
        "order {order}, of scans that were not excluded {order_kept}".format(**found)
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
