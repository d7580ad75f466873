"""Linked plots: the data that they are given, and the scans that a box or lasso holds, few and many."""

import base64
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import streamlit as st

from pages.ui.explore import density, linked_plots
from pages.ui.explore.density import Panel
from pages.ui.explore.linked_plots import LinkedPlots

RNG = np.random.default_rng(0)
NOBODY = np.empty(0, dtype=np.intp)


def panel(n: int, **more: object) -> Panel:
    x, y = RNG.normal(size=(2, n))
    return Panel("across", "up", x, y, **more)  # type: ignore[arg-type]


def shown(n: int = 50, **more: object) -> LinkedPlots:
    sites = Panel(
        "Site", "score", np.arange(n) % 3.0, RNG.normal(size=n), ("N", "<b>S</b>", "x" * 30)
    )
    names = pd.Index([f"scan-{i}" for i in range(n)])
    return LinkedPlots((panel(n), sites), names, np.arange(n) % 2, ("#000000", "#ffffff"), **more)  # type: ignore[arg-type]


def floats(packed: dict[str, str]) -> np.ndarray:
    return np.frombuffer(base64.b64decode(packed["bdata"]), f"<{packed['dtype']}")


def test_few_scans_are_points_with_names_and_colours() -> None:
    made = shown(open=4)
    drawn = linked_plots.describe(made, [("#000000", "Tier A")], np.array([3, 7]))
    first, sites = drawn["panels"]
    assert floats(first["x"]) == pytest.approx(made.panels[0].x.astype("f4"))
    assert floats(drawn["codes"]).tolist() == made.codes.tolist()
    assert drawn["names"][:2] == ["scan-0", "scan-1"] and drawn["chosen"] == [3, 7]
    assert first["open"] == pytest.approx((made.panels[0].x[4], made.panels[0].y[4]))
    assert sites["open"] == pytest.approx((floats(sites["x"])[4], floats(sites["y"])[4]), abs=1e-6)
    assert drawn["legend"] == [["#000000", "Tier A"], [linked_plots.OPEN, "open on Review", "▲"]]
    assert sites["sites"] == ["N", "&lt;b&gt;S&lt;/b&gt;", "x" * 15 + "…"]
    assert sites["cut"]["sites"] == [
        "N",
        "&lt;b&gt;S&lt;/b&gt;",
        "x" * 30,
    ]  # in full under the mouse
    assert floats(sites["cut"]["at"]).tolist() == made.panels[1].x.tolist()
    apart = floats(sites["x"]) - made.panels[1].x
    assert np.abs(apart).max() <= 0.31 and len(np.unique(apart.round(3))) > 20


def test_boxes_are_quartiles_and_whiskers_of_each_site() -> None:
    made = shown(90)
    boxes = linked_plots.describe(made, [], NOBODY)["panels"][1]["boxes"]
    for at in range(3):
        values = made.panels[1].y[made.panels[1].x == at]
        assert boxes["at"][at] == at
        assert [boxes[key][at] for key in ("q1", "median", "q3")] == pytest.approx(
            np.quantile(values, [0.25, 0.5, 0.75])
        )
        assert boxes["low"][at] in values and boxes["high"][at] in values


def test_the_version_changes_with_what_is_drawn_and_not_with_what_is_selected() -> None:
    made = shown()
    versions = [
        linked_plots.describe(made, [], chosen)["version"] for chosen in (NOBODY, np.array([1]))
    ]
    assert versions[0] == versions[1]
    assert linked_plots.describe(shown(51), [], NOBODY)["version"] != versions[0]


def test_gaps_are_sent_as_gaps_and_an_open_scan_without_a_place_is_not_drawn() -> None:
    made = shown(open=0)
    made.panels[0].x[0] = np.nan
    drawn = linked_plots.describe(made, [], NOBODY)["panels"][0]
    assert np.isnan(floats(drawn["x"])[0]) and drawn["open"] is None
    empty = linked_plots.describe(
        LinkedPlots((panel(0, words="nothing <here>"),), pd.Index([]), np.zeros(0, int), ()),
        [],
        NOBODY,
    )
    assert empty["panels"][0]["words"] == "nothing &lt;here&gt;" and empty["panels"][0]["x"] == []


@pytest.fixture
def dense(monkeypatch: pytest.MonkeyPatch) -> LinkedPlots:
    monkeypatch.setattr(linked_plots, "POINTS_DRAWN", 1000)
    made = shown(4000)
    made.panels[0].x[:5] = np.nan
    made.panels[0].x[5] = 1e6
    return made


def test_many_scans_are_counts_in_cells_and_no_names(dense: LinkedPlots) -> None:
    chosen = np.arange(100, 400)
    drawn = linked_plots.describe(dense, [], chosen)
    assert drawn["names"] is None and drawn["codes"] is None and drawn["chosen"] == []
    assert drawn["many"] == 300 and drawn["all"] == 4000
    for cells, known in zip((one["cells"] for one in drawn["panels"]), (3995, 4000), strict=True):
        assert np.sum(cells["counts"]) == known and np.sum(cells["chosen"]) == 300
    assert np.shape(drawn["panels"][1]["cells"]["counts"])[1] == 3
    assert drawn["panels"][0]["cells"]["x0"] > -6  # one far-off scan does not stretch the plot
    again = linked_plots.describe(dense, [], NOBODY)
    assert again["version"] != drawn["version"] and again["panels"][0]["cells"]["chosen"] is None


def test_a_box_over_a_density_holds_the_scans_in_it_and_beyond_its_edge(dense: LinkedPlots) -> None:
    one = dense.panels[0]
    held = density.scans_inside(one, "box", [1.0, -0.5], [-0.25, 0.5])
    assert (
        np.flatnonzero(held).tolist()
        == np.flatnonzero(
            (one.x >= -0.5) & (one.x <= 1) & (one.y >= -0.25) & (one.y <= 0.5)
        ).tolist()
    )
    assert density.scans_inside(one, "box", [2.0, 10.0], [-10, 10])[5]
    sites = density.scans_inside(dense.panels[1], "box", [0.6, 1.4], [-9, 9])
    assert np.array_equal(sites, dense.panels[1].x == 1)


def test_a_lasso_holds_the_scans_on_the_inner_side_of_all_its_edges() -> None:
    x, y = RNG.uniform(-1, 3, 4000), RNG.uniform(-2, 2, 4000)
    outline = np.array(
        [(0.0, -1.0), (2.0, -0.5), (1.5, 1.5), (0.2, 1.0)]
    )  # convex, counter-clockwise
    wanted = np.ones(4000, dtype=bool)
    for (x1, y1), (x2, y2) in zip(outline, np.roll(outline, -1, axis=0), strict=True):
        wanted &= (x2 - x1) * (y - y1) > (y2 - y1) * (x - x1)
    for points in (outline, outline[::-1]):
        held = density.scans_inside(Panel("", "", x, y), "lasso", *points.T)
        assert np.array_equal(held, wanted) and 0 < held.sum() < 4000


def test_the_hole_of_a_ring_is_outside() -> None:
    ring = [(0, 0), (9, 0), (9, 9), (0, 9), (0, 0), (3, 3), (3, 6), (6, 6), (6, 3), (3, 3)]
    at = Panel("", "", np.array([1.0, 4.5, 8.0, 20.0]), np.array([1.0, 4.5, 5.0, 20.0]))
    xs, ys = zip(*ring, strict=True)
    assert density.scans_inside(at, "lasso", xs, ys).tolist() == [True, False, True, False]


def say(made: LinkedPlots, before: list[int], **said: object) -> list[int] | None:
    version = linked_plots.describe(made, [], NOBODY)["version"]
    found = linked_plots.selection_after(
        made, version, {"version": version} | said, np.array(before, dtype=np.intp)
    )
    return None if found is None else found.tolist()


def test_positions_that_the_browser_names_are_taken_if_they_are_there() -> None:
    assert say(shown(), [9], kind="scans", chosen=[4, 2, 2, 50, -1]) == [2, 4]
    assert say(shown(), [9], kind="scans", chosen=[]) == []


def test_what_was_drawn_over_an_earlier_picture_counts_for_nothing() -> None:
    made = shown()
    assert (
        linked_plots.selection_after(
            made, "now", {"version": "before", "kind": "scans", "chosen": [1]}, NOBODY
        )
        is None
    )
    for bad in (
        {"panel": 7},
        {"panel": "0"},
        {"panel": 0, "x": [1]},
        {"panel": 0, "x": [1, 2], "y": [1]},
    ):
        assert say(made, [], kind="box", **bad) is None


@pytest.mark.parametrize(
    ("mode", "wanted"), [("new", [1, 4]), ("add", [0, 1, 4]), ("keep", [1]), ("drop", [0])]
)
def test_a_box_starts_anew_adds_keeps_or_takes_away(
    dense: LinkedPlots, mode: str, wanted: list[int]
) -> None:
    dense.panels[1].y[:] = -8.0
    dense.panels[1].y[[1, 4]] = -1.0
    dense.panels[1].y[2000:2010] = 5.0
    found = say(dense, [0, 1], kind="box", panel=1, mode=mode, x=[0.5, 1.5], y=[-2, 0])
    assert found == wanted


def test_a_mode_that_comes_together_with_a_search_holds_for_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    session: dict = {}
    monkeypatch.setattr(st, "session_state", session)
    assert linked_plots.current_mode() == "new"
    session[linked_plots._KEY] = SimpleNamespace(mode="drop")
    assert linked_plots.current_mode() == "drop"  # before any callback has taken it over
    session[linked_plots._KEY] = SimpleNamespace(mode=None)
    assert linked_plots.current_mode() == "drop"
