"""The command ``ingest``: a source's scans as rows of the workspace, or taken out of it again."""

import argparse
from pathlib import Path
from typing import Any

from curation.access import acting
from curation.cli import framework
from curation.cli.framework import Command
from curation.errors import SourceError
from curation.sources import duplicates, image_modality, source_summary
from curation.sources.ingest import IngestSummary, ingest
from curation.storage.workspace import ROLES, Source, Workspace
from curation.upkeep import forgetting
from curation.wording import plural


def add_ingest_options(command: argparse.ArgumentParser) -> None:
    """Declare the options of ``ingest``."""
    command.add_argument(
        "source", type=Path, nargs="?", help="BIDS data set, folder of NIfTI, or CSV/TSV manifest"
    )
    command.add_argument(
        "--again", action="store_true", help="list all known sources of images again, as they were"
    )
    command.add_argument(
        "--take-out",
        metavar="NAME",
        help="take a source out of the list again; what was measured and decided comes back with it",
    )
    command.add_argument("--name", help="short name of the source (default: its folder's name)")
    add_kind_options(command)
    command.add_argument("--include", help="pattern of file names, e.g. '*_T1w*' (default: all)")
    command.add_argument("--participants", type=Path, help="table of people to join (CSV or TSV)")
    command.add_argument(
        "--sex",
        metavar="F=CODE,M=CODE",
        help="which code of sex is which in its tables, such as F=2,M=1, where no JSON file beside them says "
        "so by Levels of BIDS (docs/sources.md); '' forgets what was said",
    )
    add_pseudonyms_option(command)
    command.add_argument(
        "--simulated", action="store_true", default=None, help="the scans are not of people"
    )


def add_pseudonyms_option(command: argparse.ArgumentParser) -> None:
    """Add the option that hides names."""
    command.add_argument(
        "--pseudonyms",
        action="store_true",
        default=None,
        help="hide names: ids of scans and people become pseudonyms, made with a key that lies outside of "
        "the workspace (docs/privacy.md)",
    )


def add_kind_options(command: argparse.ArgumentParser) -> None:
    """Add the options for the role of a source and its scored modality."""
    command.add_argument(
        "--role",
        choices=list(ROLES),
        help="; ".join(f"{role}: {meaning}" for role, meaning in ROLES.items())
        + " (default: as before, else pool)",
    )
    command.add_argument(
        "--modality",
        choices=list(image_modality.KINDS),
        help="which kind of image is scored; others are listed (default: as before, else plain T1w)",
    )
    command.add_argument(
        "--own-ids",
        action="store_true",
        help="the participant ids are this source's own: the same id in another source, of those that are "
        "there now, is another person",
    )


def run_ingest(chosen: argparse.Namespace) -> int:
    """List a source's scans, or those of all sources again, and print a summary."""
    if sum((chosen.again, chosen.source is not None, chosen.take_out is not None)) != 1:
        raise SourceError(
            "Name one source to list, or give --again to list all that are known, or --take-out NAME."
        )
    if chosen.take_out is not None:
        count = forgetting.take_out(Workspace.open(chosen.workspace), chosen.take_out)
        print(f"{chosen.take_out} is taken out, with {plural(count, 'row', 'rows')} of scans.")
        return 0
    if chosen.again:
        return _all_again(Workspace.open(chosen.workspace))
    workspace = Workspace.create(chosen.workspace)
    summary = _ingest(
        workspace,
        chosen.source,
        name=chosen.name,
        role=chosen.role,
        modality=chosen.modality,
        simulated=chosen.simulated,
        include=chosen.include,
        participants=chosen.participants,
        sexes=chosen.sex,
        hide_names=chosen.pseudonyms,
    )
    if chosen.own_ids:
        say_own_ids(workspace, summary.source.name)
    _say(workspace, summary)
    return 0


def say_own_ids(workspace: Workspace, name: str) -> None:
    """Note that nobody of a source is in any other."""
    pairs = duplicates.with_all_others(workspace, name)
    duplicates.say_different(workspace, pairs, acting.who().name)


def _all_again(workspace: Workspace) -> int:
    """List all sources of images as they were listed before; one that cannot be listed stays as it is."""
    failed = []
    for source in workspace.sources():
        if source.kind == "mriqc":
            print(
                f"{source.name}: a table; take it in again with 'python -m curation import-mriqc'"
            )
            continue
        try:
            _say(workspace, _ingest(workspace, Path(source.path), name=source.name))
        except SourceError as error:
            failed.append(_why_not(source, error))
    if failed:
        raise SourceError(
            f"{len(failed)} of {len(workspace.sources())} sources could not be listed. {' '.join(failed)}"
        )
    return 0


def _why_not(source: Source, error: SourceError) -> str:
    return (
        source_summary.of_gone(source)
        if source_summary.is_gone(source)
        else f"{source.name}: {error}"
    )


def _ingest(workspace: Workspace, path: Path, **asked: Any) -> IngestSummary:
    with framework.bar("reading") as progress:
        return ingest(workspace, path, progress=progress, **asked)


def _say(workspace: Workspace, summary: IngestSummary) -> None:
    source, found = summary.source, source_summary.counts(summary.scans)
    found += source_summary.people(summary.scans)
    print(f"{source.name} ({source.kind}, {source.role}): {found}; {summary.added} new")
    for line in source_summary.lines(workspace, summary):
        print(line)


INGEST_COMMAND = Command(
    "ingest",
    "list a source's scans, T1w and others, in the workspace",
    run_ingest,
    add_ingest_options,
)
