"""The command ``audit``: what was done, by whom and when; whether anything of it was changed afterwards."""

import argparse
import contextlib
import json
import re
from collections.abc import Iterator

import sqlalchemy as sa

from curation.cli.framework import Command
from curation.decisions import audit_chain, audit_trail, database, erasure
from curation.errors import WorkspaceError
from curation.storage.workspace import Workspace
from curation.wording import plural

_SHOWN = 30
_LINK = re.compile(r"(\d+):([0-9a-f]{64})")


def add_options(command: argparse.ArgumentParser) -> None:
    """Declare the options of ``audit``."""
    command.add_argument(
        "--verify", action="store_true", help="look whether anything was changed, removed or added"
    )
    command.add_argument(
        "--expect",
        metavar="NUMBER:HASH",
        help="that this link, which an earlier --verify printed, is still in the chain",
    )
    command.add_argument(
        "--lines",
        action="store_true",
        help="print everything as JSON, a line each, the oldest first; for other programs",
    )
    command.add_argument("--last", type=int, default=_SHOWN, help=f"how many (default: {_SHOWN})")


def run(chosen: argparse.Namespace) -> int:
    """Print the newest lines, everything as JSON, or what is wrong."""
    workspace = Workspace.open(chosen.workspace)
    if chosen.verify or chosen.expect:
        return _verify(workspace, chosen.expect)
    if chosen.lines:
        with _opened(workspace) as connection:
            for link in audit_trail.links(connection):
                print(json.dumps(_line(link), ensure_ascii=False))
        return 0
    for row in audit_trail.history(workspace, chosen.last)[::-1].itertuples():
        about = f"{row.subject}: {row.detail}" if row.detail else row.subject
        print(f"{row.at:%Y-%m-%d %H:%M:%S} {row.who}: {row.what}, {about}")
    return 0


def _verify(workspace: Workspace, expected: str | None) -> int:
    noted = None
    if expected is not None:
        match = _LINK.fullmatch(expected.strip())
        if match is None:
            raise WorkspaceError(
                f"{expected!r} is no link of the chain. Expected is what 'audit --verify' prints: a number, "
                "a colon and 64 hexadecimal digits."
            )
        noted = int(match[1]), match[2]
    with _opened(workspace) as connection:
        wrong = audit_trail.verify(connection, noted)
        number, newest = audit_chain.head(connection)
        forgotten = erasure.told(connection)
    for sentence in wrong:
        print(sentence)
    for sentence in forgotten or ["no decision was changed by forgetting somebody"]:
        print(sentence)
    if wrong:
        print(f"{plural(len(wrong), 'thing')} in the audit are not as they were stored")
        return 1
    print(f"{plural(number, 'line')}, nothing else was changed, removed or added by another way")
    print(f"the newest, to be noted elsewhere: {number}:{newest}")
    return 0


@contextlib.contextmanager
def _opened(workspace: Workspace) -> Iterator[sa.Connection]:
    with database.engine(workspace).connect() as connection:
        if not audit_chain.is_there(connection):
            raise WorkspaceError(
                "The audit of this workspace has no chain yet, as an earlier version wrote it. Open it once "
                "with an account that may write to it; everything in it is taken into the chain then."
            )
        yield connection


def _line(link: audit_trail.Link) -> dict[str, object]:
    record = link.record or {}
    return {
        "number": link.number,
        "at": record.get("at"),
        "who": record.get("author", record.get("rater")),
        "kind": link.kind,
        "record": link.record,
        "hash": link.hash,
    }


COMMAND = Command(
    "audit",
    "say what was done, by whom and when; --verify looks whether any of it was changed",
    run,
    add_options,
)
