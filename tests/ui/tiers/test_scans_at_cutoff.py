"""The scans on either side of a cut-off are the nearest ones, and each is shown on the side it is on."""

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from curation.storage import tables
from curation.storage.workspace import Workspace
from curation.tiers import overrides
from pages.ui.shell import state
from pages.ui.tiers import scans_at_cutoff
from pages.ui.viewer import tiles
from tests.helpers.workspace_scored import put_scans

VALUES = np.array([10.0, 24, 25, 25, 90, 26, np.nan, 24.5])


def test_the_nearest_come_first_and_a_scan_on_the_cutoff_is_above_it() -> None:
    below, above = scans_at_cutoff.nearest(VALUES, 25, 2)
    assert below.tolist() == [7, 1] and above.tolist() == [2, 3]
    below, above = scans_at_cutoff.nearest(VALUES, 25, 10)
    assert below.tolist() == [7, 1, 0] and above.tolist() == [2, 3, 5, 4]


def test_scans_may_have_cutoffs_of_their_own_and_there_may_be_none_on_a_side() -> None:
    edges = np.array([9.0, 30, 30, 20, 20, 99, 1, 99])
    below, above = scans_at_cutoff.nearest(VALUES, edges, 10)
    assert below.tolist() == [2, 1, 5, 7] and above.tolist() == [0, 3, 4]
    assert [len(side) for side in scans_at_cutoff.nearest(VALUES, 100, 3)] == [3, 0]


def test_few_of_many_are_the_same_as_the_first_of_all() -> None:
    values = np.random.default_rng(0).uniform(0, 100, 5000)
    few, all_ = (scans_at_cutoff.nearest(values, 40.0, count) for count in (4, 5000))
    assert [side.tolist() for side in few] == [side[:4].tolist() for side in all_]


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> dict:
    told: dict = {"clicked": None}

    def show(workspace: object, drawn: list[dict], *, key: str) -> str | None:
        told[key] = drawn
        return told["clicked"]

    monkeypatch.setattr(tiles, "show", show)
    return told


def _page(root: str, column: str) -> None:
    from pathlib import Path

    import numpy as np

    from curation.storage import tables
    from curation.storage.workspace import Workspace
    from curation.tiers import rule_columns
    from pages.ui.tiers import scans_at_cutoff

    workspace = Workspace(Path(root))
    scans = tables.read_scored_scans(workspace)
    values = scans["distortion_score"].to_numpy()
    codes = np.searchsorted((25, 50), values, side="right")
    scans_at_cutoff.show(
        workspace,
        scans,
        values,
        (25.0, 50.0),
        codes,
        ("A", "B", "C"),
        measure=rule_columns.find(column),
    )


def test_each_side_of_each_cutoff_is_drawn_and_a_click_opens_review(
    workspace: Workspace, shown: dict
) -> None:
    put_scans(workspace, [{"distortion_score": score} for score in (10.0, 24.0, 26.0, 48.0)])
    run = AppTest.from_function(_page, args=(str(workspace.root), "distortion_score")).run()
    assert not run.exception
    ids = tables.read_scored_scans(workspace)["scan_id"].tolist()
    assert [one["id"] for one in shown["cut-0-better"]] == [ids[1], ids[0]]
    assert [one["id"] for one in shown["cut-0-worse"]] == [ids[2], ids[3]]
    assert [one["score"] for one in shown["cut-0-worse"]] == ["26.0", "48.0"]
    assert "cut-1-worse" not in shown and "no scan" in [one.value for one in run.caption]
    shown["clicked"] = ids[2]
    run = AppTest.from_function(_page, args=(str(workspace.root), "snr_total")).run()
    assert [one["id"] for one in shown["cut-0-better"]] == [ids[2], ids[3]]
    assert run.session_state[state.PENDING_SCAN] == ids[2]


def test_a_scan_whose_tier_is_by_hand_is_said_to_be_so_at_the_cutoff(
    workspace: Workspace, shown: dict
) -> None:
    put_scans(workspace, [{"distortion_score": score} for score in (10.0, 24.0, 26.0)])
    ids = tables.read_scored_scans(workspace)["scan_id"].tolist()
    overrides.override(workspace, ids[1], "Ada", "A", "metal artefact")
    AppTest.from_function(_page, args=(str(workspace.root), "distortion_score")).run()
    told = {one["id"]: one["tier"] for key in ("better", "worse") for one in shown[f"cut-0-{key}"]}
    assert told == {ids[0]: "A", ids[1]: "A, by hand", ids[2]: "B"}
