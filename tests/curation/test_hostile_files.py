"""Whatever a file holds, its reader answers or says what is wrong, in words; soon, and in little memory."""

import os
import time
from pathlib import Path

import pytest

from tests.fuzz import run
from tests.fuzz.formats import FORMATS, Format

#: Numbers of the cases of each format that are read here; those of 8 go through the whole door.
NUMBERS = range(1, 7)

pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")


def test_any_content_is_read_or_refused_in_words() -> None:
    cases = [(name, number) for name in FORMATS for number in NUMBERS]
    found = run.run([*cases, ("ratings", 8), ("data set", 8)], seed="test")
    assert found.read == len(cases) + 2
    assert not found.crashes and not found.hangs
    assert found.peak_bytes < 2e9
    assert found.refused.total() > len(cases) / 5


def _fails(_: Path) -> None:
    raise KeyError("x")


def _wants_all_memory(_: Path) -> None:
    bytearray(run.MEMORY_BYTES * 2)


def _never_ends(_: Path) -> None:
    while True:
        pass


@pytest.mark.parametrize(
    ("read", "crashes", "hangs"),
    [
        (lambda _: None, 0, 0),
        (_fails, 1, 0),
        (_wants_all_memory, 1, 0),
        (lambda _: os._exit(7), 1, 0),
        (_never_ends, 0, 1),
        (lambda _: time.sleep(60), 0, 1),
    ],
)
def test_what_goes_wrong_is_counted(read, crashes, hangs, monkeypatch) -> None:
    monkeypatch.setitem(FORMATS, "planted", Format(lambda case, rng: None, read))
    monkeypatch.setattr(run.sound, "make_all", lambda: None)
    found = run.run([("planted", 1), ("planted", 2)], limit_s=0.1)
    assert (found.read, len(found.crashes), len(found.hangs)) == (2, 2 * crashes, 2 * hangs)
