"""The command ``tag``: put a tag on scans, take it off, or list which scans have which."""

import argparse
import getpass

from curation.cli.framework import Command
from curation.decisions import scan_tags
from curation.errors import TagError
from curation.storage import tables
from curation.storage.workspace import Workspace
from curation.wording import plural


def add_options(command: argparse.ArgumentParser) -> None:
    """Declare the options of ``tag``."""
    command.add_argument("tag", nargs="?", help="the tag; without, all tags are listed")
    command.add_argument("scans", nargs="*", metavar="SCAN", help="ids of scans")
    command.add_argument("--off", action="store_true", help="take it off")
    command.add_argument("--author", default=getpass.getuser(), help="who tags")


def run(chosen: argparse.Namespace) -> int:
    """Change tags, or print them."""
    workspace = Workspace.open(chosen.workspace)
    if chosen.tag is None:
        for tag, scans in scan_tags.in_force(workspace).items():
            print(f"{tag}: {plural(len(scans), 'scan')}")
            print("\n".join(f"  {scan}" for scan in sorted(scans)))
        return 0
    known = set(tables.read_scans(workspace)["scan_id"])
    if strangers := [scan for scan in chosen.scans if scan not in known]:
        raise TagError(f"There is no scan {strangers[0]!r} here, so nothing was tagged.")
    act = scan_tags.take_off if chosen.off else scan_tags.put_on
    print(act(workspace, chosen.tag, chosen.scans, chosen.author).words)
    return 0


COMMAND = Command("tag", "put a tag on scans, take it off, or list all tags", run, add_options)
