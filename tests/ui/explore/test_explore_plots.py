"""The plots of Explore: their titles, sites and gaps, and what is said where nothing can be drawn."""

import numpy as np
import pytest

from curation.storage.workspace import Workspace
from pages.ui.explore import explore_plots
from pages.ui.scan_table import scan_arrays
from tests.helpers import workspace_full
from tests.helpers.workspace_scored import put_scans


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> scan_arrays.ScanTable:
    return scan_arrays.read_scan_table(
        workspace_full.make(tmp_path_factory.mktemp("made") / "workspace"), "pool"
    )


def test_all_that_is_measured_can_be_an_axis_and_nothing_else(pool: scan_arrays.ScanTable) -> None:
    names = explore_plots.measured_columns(pool)
    assert names[0] == "distortion_score" and {"motion", "cjv", "efc"} <= set(names)
    unmeasured = next(iter(workspace_full.METRICS))
    assert unmeasured not in names
    assert explore_plots.default_metrics(names)[0] != explore_plots.default_metrics(names)[1]
    assert explore_plots.default_metrics(["distortion_score"]) == (
        "distortion_score",
        "distortion_score",
    )


def test_panels_hold_the_rows_in_their_order(pool: scan_arrays.ScanTable) -> None:
    rows = np.array([7, 3, 12])
    first, pair, site, metrics = explore_plots.explore_panels(
        pool, rows, "cjv", ("efc", "snr_total"), "motion"
    )
    assert first.y.tolist() == pool.values("distortion_score")[rows].tolist()
    assert (pair.x.tolist(), pair.y.tolist()) == (
        pool.values("efc")[rows].tolist(),
        pool.values("snr_total")[rows].tolist(),
    )
    assert [site.sites[int(one)] for one in site.x] == [
        pool.sites[code] for code in pool.site_codes[rows]
    ]
    layout = explore_plots.all_metrics(pool)
    assert layout is not None and np.array_equal(metrics.x, layout.points[rows, 0])
    assert "higher is worse" in first.along and "%" in metrics.up and not metrics.words


def test_what_no_scan_has_is_said_in_the_place_of_the_plot(pool: scan_arrays.ScanTable) -> None:
    unmeasured = next(iter(workspace_full.METRICS))
    first, pair, site, _ = explore_plots.explore_panels(
        pool, np.arange(3), unmeasured, ("cjv", unmeasured), unmeasured
    )
    assert all("not measured on any of these scans" in one.words for one in (first, pair, site))


def test_of_many_sites_the_largest_have_a_column_and_the_rest_share_one(monkeypatch) -> None:
    monkeypatch.setattr(explore_plots, "SITES_DRAWN", 3)
    codes = np.repeat([0, 1, 2, 3, 4], [5, 1, 9, 2, 0])
    place, names = explore_plots.few_sites(codes, tuple("abcde"))
    assert names == ("a", "c", explore_plots.OTHER_SITES)
    assert np.bincount(place).tolist() == [5, 9, 3]
    place, names = explore_plots.few_sites(codes[:6], tuple("abcde"))
    assert names == ("a", "b") and np.bincount(place).tolist() == [5, 1]


def test_how_all_metrics_were_laid_out_is_said(pool: scan_arrays.ScanTable) -> None:
    said = explore_plots.embedding_caption(explore_plots.all_metrics(pool))
    assert "principal" in said and "left out" in said and said.endswith(".")
    assert "_" not in said  # names of metrics in words
    assert explore_plots.embedding_caption(None) == ""


def test_scores_without_metrics_one_scan_and_no_metrics_at_all(workspace: Workspace) -> None:
    put_scans(workspace, [{"distortion_score": 40.0}])
    alone = scan_arrays.read_scan_table(workspace, "pool")
    assert explore_plots.measured_columns(alone) == ["distortion_score", "unusual_anatomy"]
    _, _, site, metrics = explore_plots.explore_panels(
        alone, np.arange(1), "cjv", ("cjv", "efc"), "distortion_score"
    )
    assert site.y.tolist() == [40.0] and "two scans and two metrics" in metrics.words
