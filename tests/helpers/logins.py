"""Somebody who is signed in, without a server: for tests of what each may do."""

import contextlib
from collections.abc import Iterator

from curation.access import acting
from curation.access.acting import Actor
from curation.access.actions import Rank


@contextlib.contextmanager
def signed_in(name: str, rank: Rank | None) -> Iterator[Actor]:
    """Have somebody act in this process while the block lasts."""
    actor = Actor(name, rank, address="127.0.0.1")
    before = acting._asked
    acting.ask(lambda: actor)
    try:
        yield actor
    finally:
        acting.ask(before)
