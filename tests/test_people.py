import math
from pathlib import Path

import pytest

from curation import people
from curation.errors import SourceError


@pytest.mark.parametrize(
    ("text", "years", "noted"),
    [
        ("34", 34.0, False),
        ("34.5", 34.5, False),
        ("34,5", 34.5, False),
        ("89+", 89.0, True),
        (">89", 89.0, True),
        ("0", 0.0, False),
        (None, math.nan, False),
        ("thirty", math.nan, True),
        ("-3", math.nan, True),
        ("340", math.nan, True),
    ],
)
def test_ages_as_tables_spell_them(text, years, noted) -> None:
    found, note = people.age_in_years(text)
    assert found == years or (math.isnan(found) and math.isnan(years))
    assert bool(note) == noted


def test_missing_spellings_are_missing_and_ids_stay_text(tmp_path: Path) -> None:
    path = tmp_path / "participants.tsv"
    path.write_text("participant_id\tage\tsex\n007\tn/a\tmale\n08\t\tF\n")
    table = people.participants(path)
    assert list(table.rows) == ["007", "08"]
    assert [row["age_years"] for row in table.rows.values()] == [None, None]
    assert people.describe(table.row("007"))["sex"] == "M"


def test_semicolons_and_a_byte_order_mark_are_read(tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_text("\ufeffSubject;Age;Site\na;20,5;X\nb;30;Y\n", encoding="utf-8")
    table = people.participants(path)
    assert [(row["age_years"], row["site"]) for row in table.rows.values()] == [
        ("20,5", "X"),
        ("30", "Y"),
    ]


def test_no_file_is_no_people(tmp_path: Path) -> None:
    assert people.participants(tmp_path / "absent.tsv").rows == {}


@pytest.mark.parametrize("content", [b"\xff\xfe\x00\x01\x02", b""])
def test_a_file_that_is_no_table_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "people.csv"
    path.write_bytes(content)
    with pytest.raises(SourceError, match="cannot be read as a table"):
        people.participants(path)


def test_a_table_without_people_names_its_columns(tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_text("shoe,age\n43,20\n44,30\n")
    with pytest.raises(SourceError, match="shoe"):
        people.participants(path)
