"""Command line of the curation side: ``python -m curation COMMAND --workspace W``."""

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path

from curation import (
    assess_command,
    cohort_command,
    demo,
    ingest,
    metrics_page,
    ratings_command,
    rules_command,
    tables_command,
    terminal,
)
from curation.errors import TierscopeError
from curation.workspace import DEFAULT_ROOT, ENVIRONMENT_VARIABLE, ROLES, Workspace


def main(arguments: list[str] | None = None) -> int:
    """Run one command; an error of ours is one sentence and exit status 2."""
    try:
        with terminal.quiet_when_closed():
            chosen = _parser().parse_args(arguments)
            return chosen.run(chosen)
    except TierscopeError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nInterrupted. What was finished is kept; run the same command to go on.")
        return 130


def _ingest(chosen: argparse.Namespace) -> int:
    workspace = Workspace.create(chosen.workspace)
    with terminal.bar("reading") as progress:
        summary = ingest.ingest(
            workspace,
            chosen.source,
            name=chosen.name,
            role=chosen.role,
            simulated=chosen.simulated,
            include=chosen.include,
            participants=chosen.participants,
            progress=progress,
        )
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
    return 0


def _assess(chosen: argparse.Namespace) -> int:
    return assess_command.run(Workspace.open(chosen.workspace), chosen)


def _describe_metrics(chosen: argparse.Namespace) -> int:
    print(metrics_page.page(), end="")
    return 0


def _demo(chosen: argparse.Namespace) -> int:
    with terminal.bar("simulating") as progress:
        workspace = demo.make_demo(chosen.workspace, jobs=chosen.jobs, progress=progress)
    print(f"Simulated people are in {workspace.root}. Score them with:")
    print(f"  python -m curation assess --workspace {workspace.root}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m curation", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    command = _command(commands, "ingest", _ingest, "list a source's scans in the workspace")
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

    command = _command(commands, "assess", _assess, "measure and score the scans not scored yet")
    assess_command.add_options(command)

    tables_command.add_import_options(
        _command(commands, "import-mriqc", tables_command.run_import, tables_command.IMPORT_MEANING)
    )
    tables_command.add_example_options(
        _command(commands, "example", tables_command.run_example, tables_command.EXAMPLE_MEANING)
    )
    fit = commands.add_parser(
        "fit-experts", help=tables_command.FIT_MEANING, description=tables_command.FIT_MEANING
    )
    tables_command.add_fit_options(fit)

    _command(commands, "export-ratings", ratings_command.run_export, ratings_command.EXPORT_MEANING)
    ratings_command.add_import_options(
        _command(
            commands, "import-ratings", ratings_command.run_import, ratings_command.IMPORT_MEANING
        )
    )

    meaning = "print the page of metrics and flags, docs/metrics.md"
    command = commands.add_parser("describe-metrics", help=meaning, description=meaning)
    command.set_defaults(run=_describe_metrics)

    for name, add_options, run, meaning in (*cohort_command.COMMANDS, rules_command.COMMAND):
        add_options(_command(commands, name, run, meaning))

    command = _command(commands, "demo", _demo, "make a workspace of simulated people")
    command.add_argument(
        "--jobs", type=int, default=os.cpu_count(), help="processes (default: cores)"
    )
    return parser


def _command(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
    name: str,
    run: Callable[[argparse.Namespace], int],
    meaning: str,
) -> argparse.ArgumentParser:
    command = commands.add_parser(name, help=meaning, description=meaning)
    command.set_defaults(run=run)
    command.add_argument(
        "--workspace", "-w", type=Path,
        default=Path(os.environ.get(ENVIRONMENT_VARIABLE, DEFAULT_ROOT)),
        help=f"its folder (default: ${ENVIRONMENT_VARIABLE} or ./{DEFAULT_ROOT})",
    )  # fmt: skip
    return command


if __name__ == "__main__":
    sys.exit(main())
