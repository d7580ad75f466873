"""Tables read in part are those read whole; metrics of another file than the present one are none."""

from pathlib import Path

import pandas as pd
import pytest

from curation.errors import DamagedError
from curation.storage import files, tables
from curation.storage.workspace import Workspace
from tests.helpers.workspace_scored import put_metrics, put_scans

NAN = float("nan")


def test_metrics_are_joined_by_scan_and_content_in_the_order_of_the_scans(workspace) -> None:
    put_scans(workspace, [{"distortion_score": 5.0}] * 4)
    put_metrics(workspace, {"cjv": [0.1, 0.2, 0.3, NAN], "efc": [1.0, 2.0, 3.0, 4.0]})
    scans = tables.read_scored_scans(workspace)
    scans.loc[1, "sha256"] = "f" * 64
    turned = scans.iloc[::-1]
    joined = tables.with_metrics(workspace, turned, ["cjv", "distortion_score", "qi_1", "cjv"])
    expected = pd.Series([NAN, 0.3, NAN, 0.1], turned.index, name="cjv")
    pd.testing.assert_series_equal(joined["cjv"], expected)
    assert joined["qi_1"].isna().all()
    assert "efc" not in joined
    assert "cjv" not in turned
    assert tables.with_metrics(workspace, joined, ["cjv", "qi_1"]) is joined


def test_without_any_metric_all_are_not_measured(workspace: Workspace) -> None:
    put_scans(workspace, [{"distortion_score": 5.0}] * 2)
    scans = tables.read_scored_scans(workspace)
    assert tables.with_metrics(workspace, scans, ["cjv"])["cjv"].isna().tolist() == [True, True]
    none = scans.iloc[:0]
    assert tables.with_metrics(workspace, none, ["cjv"])["cjv"].tolist() == []


def test_the_newest_part_wins_whichever_columns_are_read(workspace: Workspace) -> None:
    put_scans(workspace, [{"distortion_score": 5.0}] * 2)
    put_metrics(workspace, {"cjv": [0.1, 0.2]})
    about = tables.read_scans(workspace)[["scan_id", "sha256"]].iloc[:1]
    files.write_parquet(
        workspace.metrics_dir / "part-z.parquet", about.assign(cjv=[0.9], efc=[1.0])
    )
    whole, part = tables.read_metrics(workspace), tables.read_metrics(workspace, ["cjv", "gone"])
    assert part.columns.tolist() == ["scan_id", "sha256", "cjv"]
    pd.testing.assert_frame_equal(part, whole[["scan_id", "sha256", "cjv"]])
    assert part["cjv"].tolist() == [0.9, 0.2]


def test_scored_scans_read_in_part_are_those_read_whole(workspace: Workspace) -> None:
    put_scans(workspace, [{"distortion_score": 5.0}, {}, {"distortion_score": 9.0}])
    wanted = ["site", "age_years", "reference", "status"]
    whole, part = (
        tables.read_scored_scans(workspace),
        tables.read_scored_scans(workspace, wanted),
    )
    assert set(part) == {"scan_id", "sha256", "distortion_score", *wanted}
    pd.testing.assert_frame_equal(part, whole[part.columns])


def test_nothing_yet_has_the_columns_all_the_same(workspace: Workspace) -> None:
    empty = tables.read_scored_scans(workspace, ["site"])
    assert set(empty) == {"scan_id", "sha256", "site", "distortion_score"}
    assert empty.empty


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda table: table.drop(columns="status"), "lacks the column 'status'"),
        (lambda table: table.assign(status=3), "'status' holds other values"),
        (lambda table: table.assign(age_years="old"), "'age_years' holds other values"),
        (lambda table: pd.concat([table, table.head(1)]), "'scan_id' is in it twice"),
    ],
)
def test_a_table_of_scans_that_is_none_is_named_with_what_is_wrong(
    change, said: str, tmp_path: Path
) -> None:
    workspace = Workspace.create(tmp_path / "w")
    ids = ["a", "b"]
    tables.write_scans(workspace, pd.DataFrame({"scan_id": ids, "status": "ok", "simulated": True}))
    files.write_parquet(workspace.scans_path, change(tables.read_scans(workspace)))
    with pytest.raises(DamagedError, match=said):
        tables.read_scans(workspace)
