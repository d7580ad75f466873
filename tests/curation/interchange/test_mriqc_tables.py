"""MRIQC's results are read whatever their version: what is not understood is said, nothing is invented."""

import json
import math
from pathlib import Path

import pandas as pd
import pytest

from curation.errors import SourceError
from curation.interchange import mriqc_tables
from curation.sources.participants_table import People, in_words
from tests.helpers import rated_table


def _read(path: Path, rows: pd.DataFrame) -> mriqc_tables.MriqcTable:
    return mriqc_tables.read(rated_table.write(path, rows))


def test_names_tell_the_person_and_the_session(tmp_path: Path) -> None:
    row = _read(tmp_path / "group_T1w.tsv", rated_table.table(5)).rows.iloc[1]
    assert (row["key"], row["participant_id"], row["session_id"]) == (
        "sub-001_ses-1_T1w",
        "sub-001",
        "1",
    )
    assert (row["modality"], row["measured_by"], row["problem"]) == ("T1w", "mriqc", None)
    assert (row["shape"], row["spacing_mm"]) == ([160, 192, 192], [1.0, 1.33, 1.33])


def test_older_tables_name_scans_by_person_session_and_run(tmp_path: Path) -> None:
    old = rated_table.table(2).drop(columns=["bids_name", "site"])
    old = old.assign(subject_id=["0051", "0051"], session_id=["1", "2"], run_id="1")
    rows = _read(tmp_path / "T1w.csv", old).rows
    assert rows["key"].tolist() == ["0051_1_1", "0051_2_1"]
    assert rows["participant_id"].tolist() == ["0051", "0051"]


def test_a_sentinel_is_no_number_and_says_so(tmp_path: Path) -> None:
    table = rated_table.table(5).assign(
        fber=[-1.0, 0.0, 5.0, 6.0, 7.0], qi_2=[0, 0.1, 0.1, 0.1, 0.1]
    )
    rows = _read(tmp_path / "group_T1w.tsv", table).rows
    assert rows["fber"].isna().tolist() == [True, True, False, False, False]
    assert rows["qi_2"].isna().tolist() == [True, False, False, False, False]
    assert math.isnan(rows.loc[3, "qi_1"]) and rows.loc[2, "qi_1"] == 0.01
    assert rows.loc[0, "reasons"]["fber"] == "MRIQC could not measure this (it wrote -1)"


def test_junk_is_no_number_and_does_not_end_the_reading(tmp_path: Path) -> None:
    table = rated_table.table(5).astype(object)
    table.loc[0, "cjv"], table.loc[1, "cjv"], table.loc[2, "cjv"] = "<b>", "inf", "n/a"
    table.loc[3, "bids_name"] = "n/a"
    table.loc[4, ["cjv", "snr_total", "efc", "qi_1"]] = "n/a"
    rows = _read(tmp_path / "group_T1w.tsv", table).rows
    assert rows["cjv"].isna().tolist() == [True, True, True, False, True]
    assert rows.loc[0, "reasons"]["cjv"] == "'<b>' is no number"
    assert rows.loc[3, "problem"] == "row 4 of the table names no scan"
    assert rows.loc[4, "problem"] == "the table holds no metric of it"


def test_rows_that_are_cut_short_keep_what_they_have(tmp_path: Path) -> None:
    path = tmp_path / "group_T1w.tsv"
    path.write_text("bids_name\tcjv\tcnr\nsub-01_T1w\t0.4\nsub-02_T1w\t0.5\t3\n")
    rows = mriqc_tables.read(path).rows
    assert rows["cjv"].tolist() == [0.4, 0.5]
    assert math.isnan(rows.loc[0, "cnr"])


def test_functional_scans_are_not_taken_for_anatomical_ones(tmp_path: Path) -> None:
    table = rated_table.table(2).assign(bids_name=["sub-01_task-rest_bold", "sub-02_T2w"])
    problems = _read(tmp_path / "group_bold.tsv", table).rows["problem"]
    assert problems[0] == "its metrics are of a bold scan, not of an anatomical one"
    assert pd.isna(problems[1])


def test_unknown_columns_are_named_and_ratings_off_the_scale_left_out(tmp_path: Path) -> None:
    table = rated_table.table(5).assign(shoe_size=43, rater_2=[1, 0, -1, 7, 2.5])
    found = _read(tmp_path / "group_T1w.tsv", table)
    assert found.ignored_columns == ("shoe_size",)
    assert found.ratings.query("rater == 'rater_2'")["value"].tolist() == [1, 0, -1]
    assert found.notes[0].startswith("rater_2: 2 values are not on the scale")


def test_json_files_are_read_from_a_folder_with_their_version(tmp_path: Path) -> None:
    folder = tmp_path / "sub-01" / "anat"
    folder.mkdir(parents=True)
    values = {
        "cjv": 0.4,
        "qi_2": 0.0,
        "size_x": 10,
        "size_y": 11,
        "size_z": 12,
        "spacing_x": 1,
        "spacing_y": 1,
        "spacing_z": 2,
        "bids_meta": {"subject_id": "01", "modality": "T1w", "RepetitionTime": 2.3},
        "provenance": {"version": "23.1.0", "settings": {"testing": False}},
    }
    (folder / "sub-01_T1w.json").write_text(json.dumps(values))
    (folder / "sub-02_T1w.json").write_text("{ cut off")
    (tmp_path / "dataset_description.json").write_text('{"Name": "x"}')
    rows = mriqc_tables.read(tmp_path).rows
    assert rows["key"].tolist() == ["sub-01_T1w", "sub-02_T1w"]
    assert (rows.loc[0, "participant_id"], rows.loc[0, "measured_by"]) == ("sub-01", "mriqc 23.1.0")
    assert (rows.loc[0, "cjv"], rows.loc[0, "shape"]) == (0.4, [10, 11, 12])
    assert "is not valid JSON" in rows.loc[1, "problem"]
    assert len(mriqc_tables.read(folder / "sub-01_T1w.json").rows) == 1


def test_people_are_joined_and_the_tables_own_words_win(tmp_path: Path) -> None:
    people = People(
        "people.tsv",
        {"000": {"age_years": "30", "site": "X"}, "sub-001": {"age_years": "40", "site": "Y"}},
    )
    path = rated_table.write(tmp_path / "group_T1w.tsv", rated_table.table(3))
    found = mriqc_tables.read(path, people)
    rows = found.rows
    assert "people.tsv joined 2 of 3 people" in in_words(found.notes, None)[0]
    assert rows["age_years"].tolist()[:2] == [30, 40] and math.isnan(rows.loc[2, "age_years"])
    assert rows["site"].tolist() == ["site-0", "site-1", "site-2"]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.csv", b"", "cannot be read as a table"),
        ("a.csv", b"\xff\xfe\x00junk\x81", "cannot be read as a table"),
        ("a.csv", b"name,colour\nx,red\n", "no column of MRIQC's metrics"),
        ("a.tsv", b"bids_name\tcjv\nsub-01_T1w\t1\t2\t3\n", "cannot be read as a table"),
        ("a.json", b"[1, 2]", "no column of MRIQC's metrics"),
    ],
)
def test_what_is_no_table_is_refused_in_words(tmp_path: Path, name, content, words) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SourceError, match=words):
        mriqc_tables.read(tmp_path / name)


def test_an_absent_or_empty_source_is_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no table or folder"):
        mriqc_tables.read(tmp_path / "gone.tsv")
    with pytest.raises(SourceError, match="no column of MRIQC's metrics"):
        mriqc_tables.read(tmp_path)


@pytest.mark.parametrize("text", ["[" * 100_000, '{"cjv": ' + "9" * 100_000 + "}"])
def test_json_that_no_parser_can_take_is_a_row_with_its_reason(tmp_path: Path, text: str) -> None:
    (tmp_path / "sub-01_T1w.json").write_text('{"cjv": 0.4}')
    (tmp_path / "sub-02_T1w.json").write_text(text)
    rows = mriqc_tables.read(tmp_path).rows.set_index("key")
    assert "is not valid JSON" in rows.loc["sub-02_T1w", "problem"]


def test_a_header_without_a_row_names_no_scan(tmp_path: Path) -> None:
    path = tmp_path / "group_T1w.tsv"
    path.write_text("bids_name\tcjv\n")
    with pytest.raises(SourceError, match="names no scan"):
        mriqc_tables.read(path)
