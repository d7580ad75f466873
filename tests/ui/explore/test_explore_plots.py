"""The plots of Explore: their titles, sites and gaps, and what is said where nothing can be drawn."""

import itertools

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


# ---- colours ---------------------------------------------------------------------------------


def _of(workspace: Workspace, rows: list[dict]) -> scan_arrays.ScanTable:
    put_scans(workspace, [{"distortion_score": 20.0, **row} for row in rows])
    return scan_arrays.read_scan_table(workspace, "pool")


def test_points_are_coloured_by_what_parts_the_scans(tmp_path) -> None:
    rows = [
        {
            "source": "one",
            "site": "North",
            "manufacturer": "Siemens Prisma",
            "field_strength_t": 3.0,
        },
        {
            "source": "two",
            "site": "North",
            "manufacturer": "Siemens Prisma",
            "field_strength_t": 1.5,
        },
        {"source": "two", "site": None, "manufacturer": None, "field_strength_t": 3.0},
    ]
    scans = _of(Workspace.create(tmp_path / "ws"), rows)
    assert explore_plots.coloured_by(scans) == ["tier", "data set", "scanner"]
    by_scanner = explore_plots.coloured(scans, np.arange(3), "scanner")
    assert [words for _, words, _ in by_scanner.legend] == [
        "3 T: 1",
        "Siemens Prisma, 1.5 T: 1",
        "Siemens Prisma, 3 T: 1",
    ]
    by_site = explore_plots.coloured(scans, np.array([2, 0]), "site")
    assert [words for _, words, _ in by_site.legend] == ["North: 1", "site not known: 1"]
    assert by_site.colours[by_site.codes[1]] == by_site.legend[0][0]
    assert by_site.colours[by_site.codes[0]] == by_site.legend[1][0]
    assert len(by_site.colours) == len(by_site.shapes)
    assert not [one for one in by_site.shapes if one.endswith("-open")]  # drawn as nothing


def test_beyond_eight_sites_the_smaller_ones_share_a_colour(tmp_path) -> None:
    rows = [{"site": f"S{site:02d}"} for site in range(11) for _ in range(site + 1)]
    colouring = explore_plots.coloured(
        _of(Workspace.create(tmp_path / "ws"), rows), np.arange(len(rows)), "site"
    )
    assert [words for _, words, _ in colouring.legend][:2] == ["S10: 11", "S09: 10"]
    assert colouring.legend[-1][1] == "3 other sites: 6" and len(colouring.legend) == 9
    assert np.bincount(colouring.codes)[8] == 6


#: What is seen by who lacks one kind of cones (Machado 2009), in linear light.
_SEEN = {
    "all": np.eye(3),
    "no red": [[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]],
    "no green": [[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]],
    "no blue": [[1.256, -0.077, -0.179], [-0.078, 0.931, 0.148], [0.005, 0.691, 0.304]],
}


def _lab(colour: str, seen: np.ndarray) -> np.ndarray:
    """Return a colour in CIELAB as somebody sees it."""
    part = np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)]) / 255
    linear = np.where(part <= 0.04045, part / 12.92, ((part + 0.055) / 1.055) ** 2.4)
    to_xyz = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    xyz = to_xyz @ np.clip(np.asarray(seen) @ linear, 0, 1) / [0.9505, 1, 1.089]
    x, y, z = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("who", _SEEN)
def test_colours_of_points_are_told_apart_by_everyone(who: str) -> None:
    labs = [_lab(colour, _SEEN[who]) for colour, _, _ in explore_plots.POINT_STYLES]
    apart = [np.linalg.norm(one - other) for one, other in itertools.combinations(labs, 2)]
    assert min(apart) > 15  # 2 is just seen side by side
    assert len({shape for _, shape, _ in explore_plots.POINT_STYLES}) == len(labs)
