"""Any text comes back from a table as it was."""

import datetime
from pathlib import Path

import numpy as np
import pytest

from curation.errors import RatingError
from curation.storage import bids_tables
from curation.storage.bids_tables import Column

LETTERS = [*"\\\t\n\rnrt/an ", "é", "\u2028", "\x0b", '"', "'", ",", "\x85", "n/a", "\\n"]


def test_texts_of_troublesome_letters_come_back_letter_by_letter(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    texts = ["".join(rng.choice(LETTERS, rng.integers(1, 6))) for _ in range(3000)]
    texts += ["n/a", "n\\/a", "\\", "\\\\", "\ufeff"]
    columns = [Column("text", ""), Column("end", "")]
    path = tmp_path / "table.tsv"
    bids_tables.write(path, columns, [{"text": text, "end": "."} for text in texts])
    assert [row["text"] for _, row in bids_tables.read(path, columns)] == texts


def test_every_kind_comes_back_exactly(tmp_path: Path) -> None:
    moment = datetime.datetime(2026, 11, 24, 9, 30, 0, 123456, datetime.UTC)
    values = {
        "number": (bids_tables.NUMBER, 0.1 + 0.2),
        "integer": (bids_tables.INTEGER, 12),
        "truth": (bids_tables.TRUTH, False),
        "moment": (bids_tables.MOMENT, moment),
        "keys": (bids_tables.KEYS, ("inu", "head-motion")),
        "json": (bids_tables.JSON, {"views": ["a\tb", None, 1.5, "\\"]}),
    }
    columns = [Column(name, "", kind) for name, (kind, _) in values.items()]
    path = tmp_path / "table.tsv"
    row = {name: value for name, (_, value) in values.items()}
    nothing = {"number": float("nan"), "keys": (), "moment": None}
    bids_tables.write(path, columns, [row, nothing])
    assert bids_tables.read(path, columns) == [(2, row), (3, {})]


def test_a_moment_of_another_zone_is_the_same_moment() -> None:
    there = bids_tables.MOMENT.read("2026-11-24T11:30:00+02:00")
    assert there == bids_tables.MOMENT.read("2026-11-24T09:30:00") and there.tzinfo is datetime.UTC


def test_the_line_is_that_of_the_file_whatever_lines_are_empty(tmp_path: Path) -> None:
    path = tmp_path / "table.tsv"
    path.write_text("number\n1\n\n\nbad\n")
    with pytest.raises(RatingError, match=r"table\.tsv, line 5: number holds 'bad'"):
        bids_tables.read(path, [Column("number", "", bids_tables.NUMBER)])


def test_the_dictionary_describes_every_column_with_its_unit() -> None:
    found = bids_tables.dictionary(
        [Column("time_sec", "Time.", bids_tables.NUMBER, units="s"), Column("who", "Who.")]
    )
    assert found == {
        "time_sec": {"Description": "Time.", "Units": "s"},
        "who": {"Description": "Who."},
    }
