"""A table becomes scans without images that are scored, rated and frozen like others; nothing comes twice."""

import time
from pathlib import Path

import pandas as pd
import pytest

from curation.access.actions import Rank
from curation.cohorts import frozen_cohort
from curation.errors import CohortError, SourceError
from curation.interchange import mriqc_import
from curation.ratings import rating_log
from curation.ratings.rating_record import Rating
from curation.references import reference_library
from curation.sources import ingest
from curation.storage import tables
from curation.storage.workspace import Workspace
from tests.helpers import rated_table
from tests.helpers.logins import signed_in


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return rated_table.write(tmp_path / "group_T1w.tsv", rated_table.table())


def test_every_row_is_a_scored_scan_and_every_rating_is_kept(workspace, path) -> None:
    summary = mriqc_import.import_table(workspace, path, name="made")
    assert (summary.added, summary.ratings) == (120, 120)
    scans = tables.read_scored_scans(workspace)
    assert set(scans["status"]) == {"table"}
    assert scans["path"].isna().all()
    assert scans["distortion_score"].between(0, 100).all()
    assert scans["certainty"].between(0.01, 0.99).all()
    assert rating_log.list_ratings(workspace)["rater"].unique().tolist() == ["made rater_1"]


def test_a_curator_who_is_signed_in_imports_ratings_with_their_table(workspace, path) -> None:
    with signed_in("cleo@lab.example", Rank.CURATOR):
        summary = mriqc_import.import_table(workspace, path, name="made")
    assert (summary.added, summary.ratings) == (120, 120)
    assert tables.read_scored_scans(workspace)["distortion_score"].notna().all()


def test_importing_twice_adds_nothing_twice(workspace, path) -> None:
    mriqc_import.import_table(workspace, path)
    before = tables.read_scored_scans(workspace)
    again = mriqc_import.import_table(workspace, path)
    assert (again.added, again.ratings) == (0, 0)
    pd.testing.assert_frame_equal(tables.read_scored_scans(workspace), before)
    assert len(rating_log.list_ratings(workspace)) == 120
    assert len(workspace.sources()) == 1


def test_a_rating_that_was_taken_back_does_not_come_again(workspace, path) -> None:
    mriqc_import.import_table(workspace, path)
    given = rating_log.list_ratings(workspace).iloc[0]
    rating_log.withdraw(workspace, int(given["id"]), given["rater"])
    assert mriqc_import.import_table(workspace, path).ratings == 0
    assert len(rating_log.list_ratings(workspace)) == 119


def test_raters_that_two_tables_only_number_are_not_taken_for_one_person(
    workspace, path, tmp_path
) -> None:
    other = rated_table.table(20).rename(columns={"rater_1": "rater_Jana"})
    other = rated_table.write(tmp_path / "other.csv", other.assign(rater_1=other["rater_Jana"]))
    mriqc_import.import_table(workspace, path, name="made")
    mriqc_import.import_table(workspace, other)
    raters = rating_log.list_ratings(workspace)["rater"].value_counts().to_dict()
    assert raters == {"made rater_1": 120, "other rater_1": 20, "rater_Jana": 20}
    assert mriqc_import.import_table(workspace, other).ratings == 0


def test_what_an_earlier_version_stored_under_bare_names_is_not_doubled(workspace, path) -> None:
    listed = mriqc_import.import_table(
        workspace, rated_table.write(path, rated_table.table().assign(rater_1=None)), name="made"
    ).scans
    of_scan = dict(zip(listed["scan_id"], rated_table.table()["rater_1"], strict=True))
    earlier = [
        Rating(scan_id=scan, rater="rater_1", scale="three-level", value=float(value))
        for scan, value in list(of_scan.items())[:100]
    ]
    rating_log.add_ratings(workspace, earlier)
    rated_table.write(path, rated_table.table())
    assert mriqc_import.import_table(workspace, path, name="made").ratings == 20
    assert set(rating_log.list_ratings(workspace)["rater"]) == {"rater_1"}
    assert mriqc_import.import_table(workspace, path, name="made").ratings == 0


def test_names_that_are_given_to_raters_stay_theirs(workspace, path) -> None:
    named = {"rater_1": "Ada"}
    assert mriqc_import.import_table(workspace, path, rater_names=named).ratings == 120
    assert set(rating_log.list_ratings(workspace)["rater"]) == {"Ada"}
    for names in (None, named):
        assert mriqc_import.import_table(workspace, path, rater_names=names).ratings == 0
    for names, words in (
        ({"rater_1": "Bob"}, "stored as those of 'Ada'"),
        ({"rater_7": "Bob"}, "those that do: rater_1"),
    ):
        with pytest.raises(SourceError, match=words):
            mriqc_import.import_table(workspace, path, rater_names=names)


def test_two_columns_cannot_be_one_person_and_nothing_is_listed_then(workspace, path) -> None:
    table = rated_table.table()
    rated_table.write(path, table.assign(rater_2=table["rater_1"]))
    for names, words in (
        ({"rater_1": "Ada", "rater_2": "Ada"}, "names one of them twice"),
        ({"rater_1": "A" * 101}, "at most 100 letters"),
    ):
        with pytest.raises(SourceError, match=words):
            mriqc_import.import_table(workspace, path, rater_names=names)
    assert tables.read_scans(workspace).empty and not workspace.sources()


def test_changed_rows_are_brought_up_to_date_and_lost_ones_stay_as_missing(workspace, path) -> None:
    mriqc_import.import_table(workspace, path)
    table = rated_table.table().iloc[1:]
    rated_table.write(path, table.assign(cjv=table["cjv"] * 2))
    mriqc_import.import_table(workspace, path)
    scans = tables.read_scored_scans(workspace)
    assert scans["status"].value_counts().to_dict() == {"table": 119, "missing": 1}
    values = tables.read_metrics(workspace).set_index("scan_id")["cjv"]
    assert values["group_T1w_sub-005_ses-1_T1w"] == pytest.approx(2 * rated_table.table()["cjv"][5])
    assert scans.loc[scans["status"] == "table", "distortion_score"].notna().all()


def test_repeated_and_empty_rows_are_kept_with_their_reason(workspace, tmp_path) -> None:
    table = rated_table.table(30)
    table.loc[1, "bids_name"] = table.loc[0, "bids_name"]
    table.loc[2, ["cjv", "snr_total", "efc", "qi_1"]] = float("nan")
    path = rated_table.write(tmp_path / "group_T1w.tsv", table)
    summary = mriqc_import.import_table(workspace, path)
    assert summary.scans["status"].value_counts().to_dict() == {
        "table": 28,
        "duplicate": 1,
        "unreadable": 1,
    }
    assert set(summary.problems["reason"]) == {
        "the table names this scan more than once; its first row is used",
        "the table holds no metric of it",
    }
    assert summary.ratings == 28


def test_a_table_leaves_other_sources_and_their_names_alone(workspace, path, tmp_path) -> None:
    mriqc_import.import_table(workspace, path, name="made")
    other = rated_table.write(tmp_path / "other.csv", rated_table.table(20))
    with pytest.raises(SourceError, match="has a source 'made' already"):
        mriqc_import.import_table(workspace, other, name="made")
    mriqc_import.import_table(workspace, other, role="target")
    assert tables.read_scans(workspace)["source"].value_counts().to_dict() == {
        "made": 120,
        "other": 20,
    }
    with pytest.raises(SourceError, match="not 'jury'"):
        mriqc_import.import_table(workspace, other, role="jury")  # type: ignore[arg-type]


def test_scans_of_a_table_can_be_frozen_with_or_left_out(workspace, path) -> None:
    mriqc_import.import_table(workspace, path)
    assert frozen_cohort.freeze(workspace, "all", author="tests").size == 120
    with pytest.raises(CohortError, match="No readable scan"):
        frozen_cohort.freeze(workspace, "images", author="tests", images_only=True)


def test_ingesting_a_table_as_a_manifest_points_to_the_right_command(workspace, path) -> None:
    with pytest.raises(SourceError, match="import-mriqc"):
        ingest.ingest(workspace, path)


def test_the_abide_table_comes_in_within_seconds(workspace: Workspace, shared_data: Path) -> None:
    path = shared_data / "iqm" / "abide_iqm_rating_age.csv"
    if not path.exists():
        pytest.skip(f"no rated table at {path}")
    started = time.process_time()
    summary = mriqc_import.import_table(workspace, path, name="abide")
    assert time.process_time() - started < 20
    assert (summary.added, summary.ratings) == (1101, 2301)
    scans = tables.read_scored_scans(workspace)
    assert scans["distortion_score"].notna().all()
    assert scans["reference"].str.startswith("experts-2.").all()
    assert scans["age_years"].between(6, 65).all() and scans["site"].nunique() == 17
    assert reference_library.active(workspace).id == "builtin-3"
