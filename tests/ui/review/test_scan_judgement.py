"""Judgement of a scan: its group's anchors, its site's usual values, its reasons."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from curation.ratings import rating_log
from curation.ratings.rating_record import Rating
from curation.references import reference_library
from curation.scoring.distortion_score import explain
from curation.scoring.score_reference import builtin
from curation.storage import files, tables
from curation.storage.workspace import Workspace
from pages.ui.review import scan_judgement
from tests.helpers import workspace_full


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return workspace_full.make(tmp_path_factory.mktemp("judged") / "workspace")


def _scan(workspace: Workspace) -> pd.Series:
    return tables.read_scored_scans(workspace).iloc[0]


def test_a_scan_is_explained_by_the_reference_that_scored_it(workspace: Workspace) -> None:
    known = scan_judgement.judgement_of(workspace, _scan(workspace))
    assert known.reference == builtin()
    assert known.anchors == builtin().anchors
    pd.testing.assert_frame_equal(known.parts, explain(known.row, builtin(), "North"))
    assert known.flags["no_air"] == "all is zero"
    # what only the score knows of stands beside what was recognised on the image
    assert "Unusual size" in known.flags["unusual_anatomy"]
    assert list(known.reasons.values()) == ["the background is exactly 0"]
    assert math.isnan(known.usual("cjv"))


def test_a_scan_without_metrics_is_not_measured(tmp_path) -> None:
    workspace = workspace_full.make(tmp_path / "workspace")
    scan, metrics = _scan(workspace), tables.read_metrics(workspace)
    path = workspace.metrics_dir / "part-made.parquet"
    files.write_parquet(path, metrics[metrics["scan_id"] != scan["scan_id"]])
    assert not scan_judgement.judgement_of(workspace, scan).measured
    files.write_parquet(path, metrics.assign(failure="no head"))
    known = scan_judgement.judgement_of(workspace, scan)
    assert known.failure == "no head" and not known.measured and known.reasons == {}


def test_what_a_model_judges_has_its_sites_usual_value_and_no_anchors(tmp_path) -> None:
    workspace = workspace_full.make(tmp_path / "workspace")
    reference, scan = _learned(workspace), _scan(workspace)
    known = scan_judgement.judgement_of(
        workspace, scan.to_frame().T.assign(reference=reference.id).iloc[0]
    )
    assert reference.model is not None
    assert not set(known.anchors) & set(reference.model.metrics)
    rows = tables.read_metrics(workspace).merge(tables.read_scans(workspace)[["scan_id", "site"]])
    name = "noise_wm"
    own = pd.to_numeric(rows.loc[rows["site"] == scan["site"], name])
    assert known.usual(name) == pytest.approx(float(np.median(own)), rel=1e-3)


def _learned(workspace: Workspace):  # type: ignore[no-untyped-def]
    metrics = tables.read_metrics(workspace)
    given = [
        Rating(
            scan_id=row.scan_id,
            rater=rater,
            scale="pass-fail",
            value=float(row.noise_wm < 1.0),
        )
        for rater in ("Ada", "Grace")
        for row in metrics.itertuples()
    ]
    rating_log.add_ratings(workspace, given)
    return reference_library.fit_ratings(workspace)


def test_what_has_no_value_has_a_reason(workspace: Workspace) -> None:
    known = scan_judgement.judgement_of(workspace, _scan(workspace))
    assert known.reason(next(iter(known.reasons))) == "the background is exactly 0"
    older = replace(known, row=pd.Series({"metrics_version": 1, "measured_by": "tierscope"}))
    assert "score the scans again" in older.reason("cjv")
    table = replace(known, row=pd.Series({"measured_by": "mriqc 23.1.0"}))
    assert table.reason("cjv") == "the imported table has no value"
