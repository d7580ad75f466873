"""Commands for faces in images: ``deface`` and ``thumbnails``."""

import argparse
import os

from curation.assessment import faces_and_pictures
from curation.cli import framework
from curation.cli.framework import Command
from curation.faces import defacing
from curation.faces.face_state import LIMIT
from curation.storage.workspace import Workspace
from curation.wording import plural


def add_deface_options(command: argparse.ArgumentParser) -> None:
    """Declare the options of ``deface``."""
    command.add_argument("scans", nargs="*", help="ids of scans (default: all that show a face)")
    command.epilog = LIMIT  # argparse leaves % alone in it


def run_deface(chosen: argparse.Namespace) -> int:
    """Write images without faces; exit status 1 where one could not be made."""
    workspace = Workspace.open(chosen.workspace)
    with framework.bar("defacing", "scan") as progress:
        done = defacing.deface(workspace, chosen.scans or None, progress)
    print(f"{plural(done.made, 'image')} without a face in {done.folder}")
    if done.without:
        print(f"{plural(done.without, 'scan')} show none, and were left out.")
    for scan_id, why in done.failed.items():
        print(f"{scan_id}: {why}")
    print(f"{LIMIT} Look at each image before it is handed on.")
    return int(bool(done.failed))


def add_thumbnails_options(command: argparse.ArgumentParser) -> None:
    """Declare the options of ``thumbnails``."""
    what = command.add_mutually_exclusive_group()
    what.add_argument(
        "--whole-heads", action="store_true", help="from now on with scalp and face, for all scans"
    )
    what.add_argument(
        "--brain-only", action="store_true", help="from now on the brain alone, as at first"
    )
    command.add_argument(
        "--jobs", type=int, default=os.cpu_count(), help="processes (default: cores)"
    )


def run_thumbnails(chosen: argparse.Namespace) -> int:
    """Draw the thumbnails that are not there, or all of them in another way, and look for faces."""
    workspace = Workspace.open(chosen.workspace)
    with framework.bar("drawing", "scan") as progress:
        if chosen.whole_heads or chosen.brain_only:
            done = faces_and_pictures.choose(
                workspace, whole_heads=chosen.whole_heads, jobs=chosen.jobs, progress=progress
            )
        else:
            done = faces_and_pictures.make_missing(workspace, jobs=chosen.jobs, progress=progress)
    print(f"{plural(done, 'scan')} drawn and looked at for a face")
    return 0


COMMANDS = (
    Command(
        "deface",
        "write images without faces beside the originals, which are only read",
        run_deface,
        add_deface_options,
    ),
    Command(
        "thumbnails",
        "draw missing thumbnails, of brains alone or of whole heads, and look for faces",
        run_thumbnails,
        add_thumbnails_options,
    ),
)
