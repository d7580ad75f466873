"""The command ``dicom``: series of a DICOM folder shown, and made into images of the workspace."""

import argparse
import sys
from pathlib import Path

from curation.cli import framework, sources
from curation.cli.framework import Command
from curation.dicom import conversion, last_look
from curation.dicom.conversion import Conversion
from curation.dicom.series import Series
from curation.sources import source_summary
from curation.sources.scan_names import as_unicode
from curation.storage.workspace import Workspace


def add_options(command: argparse.ArgumentParser) -> None:
    """Declare the options of ``dicom``."""
    command.add_argument("folder", type=Path, help="folder with DICOM files, at any depth")
    command.add_argument(
        "--list", action="store_true", help="show its series, with their ids, and make nothing"
    )
    command.add_argument(
        "--series",
        help="ids of the series to take in, with commas between them (default: those against which "
        "nothing speaks)",
    )
    command.add_argument(
        "--name", help=f"short name of the source (default: {conversion.USUAL_NAME})"
    )
    sources.add_kind_options(command)
    command.add_argument(
        "--labels",
        type=Path,
        help="table with patient_id and participant_id: what people are to be called (read, not kept)",
    )
    command.add_argument(
        "--ages",
        action="store_true",
        help="take age and sex from the files into the table of people",
    )


def run(chosen: argparse.Namespace) -> int:
    """List the series of a folder, or take them in."""
    workspace = Workspace.create(chosen.workspace)
    if chosen.list:
        with framework.bar("looking", "file") as progress:
            found = last_look.look(workspace, chosen.folder, progress)
        for one in found.series:
            print(_line(one))
        for note in found.notes:
            print(note)
        if sys.stdout.isatty():  # what a page starts writes into a log, in which no name may stand
            for place, path in found.places.items():
                print(f"{place}: {as_unicode(path)}")
        return 0
    ids = None if chosen.series is None else [one for one in chosen.series.split(",") if one]
    with framework.bar("converting", "image") as progress:
        done = conversion.take_in(
            workspace,
            chosen.folder,
            chosen=ids,
            name=chosen.name,
            role=chosen.role,
            modality=chosen.modality,
            labels=chosen.labels,
            ages=chosen.ages,
            progress=progress,
        )
    if chosen.own_ids:
        sources.say_own_ids(workspace, done.summary.source.name)
    _say(workspace, done)
    return 0


def _line(one: Series) -> str:
    mark = "-" if one.refused else "*" if one.chosen else " "
    size = "×".join(map(str, one.matrix))
    edges = "×".join(f"{edge:.3g}" for edge in one.spacing_mm)
    why = f"  [{one.why_not()}]" if one.marks else ""
    return (
        f"{mark} {one.id}  {one.person} {one.visit}  {one.number:>4}  {one.description or '–'}  "
        f"{one.kind or one.modality}  {size}  {edges} mm  {one.images} images{why}"
    )


def _say(workspace: Workspace, done: Conversion) -> None:
    for reason in done.failed:
        print(f"  not made: {reason}")
    print(f"images made: {done.made}, there already: {done.before}")
    for one in done.left_out:
        print(f"  left out: {one.id} {one.description}: {one.why_not() or 'not chosen'}")
    for note in last_look.notes_of(done.folder):
        print(f"  note: {note}")
    summary = done.summary
    print(f"{summary.source.name}: {source_summary.counts(summary.scans)}; {summary.added} new")
    for line in source_summary.lines(workspace, summary):
        print(line)


COMMAND = Command(
    "dicom",
    "show the series of a DICOM folder, and make those that are chosen into images of the workspace",
    run,
    add_options,
    epilog="In the list, * marks series that are chosen beforehand, - those that cannot be taken in.",
)
