"""Image panel of Review: overlays, the reference scan, and images that the browser cannot draw."""

import re
from concurrent.futures import Future

import numpy as np
import pytest

from pages.ui.shell import state
from pages.ui.viewer import image_overlays, niivue_viewer
from pages.ui.viewer.browser_image import PreparedImage
from tests.helpers.page_words import words


@pytest.fixture
def looked(monkeypatch: pytest.MonkeyPatch) -> dict:
    """What the viewer was told to draw, and a search for masks that has ended."""
    told: dict = {"overlays": [], "keys": []}

    def show(image: PreparedImage, *, scan_id: str, overlays=(), key="niivue", **_: object):
        told["overlays"] = [overlay.key for overlay in overlays] if key == "niivue" else []
        told["keys"].append(key)
        return told.get("failed")

    done: Future[image_overlays.OverlayMasks] = Future()
    masks = {key: np.ones((4, 4, 4), bool) for key in image_overlays.LAYERS}
    shares = dict.fromkeys(("structure", "folded", "missing"), 0.25)
    done.set_result(image_overlays.OverlayMasks(np.eye(4), masks, shares, None))
    monkeypatch.setattr(niivue_viewer, "show", show)
    monkeypatch.setattr(image_overlays, "request_overlays", lambda path: done)
    return told


def test_nothing_is_searched_for_until_it_is_asked_for(full, run, looked, monkeypatch) -> None:
    monkeypatch.setattr(image_overlays, "request_overlays", None)
    run("review", full.workspace)
    assert looked["overlays"] == []
    assert looked["keys"] == ["niivue"]


def test_where_the_score_comes_from_is_laid_over_the_image_and_said(full, run, looked) -> None:
    page = run("review", full.workspace, **{state.OVERLAYS: ["Artefact voxels"]})
    assert looked["overlays"] == ["structure", "folded", "missing"]
    assert "25.0 % of the air" in words(page)
    assert "cannot be outlined" in words(page)


def test_the_reference_scan_stands_beside_and_is_named(full, run, looked) -> None:
    page = run("review", full.workspace, **{state.BESIDE: True})
    assert looked["keys"] == ["niivue", "niivue-reference"]
    assert re.search(r"Best-scoring scan of (North|South): (≥ )?\d+\.\d", words(page))


def test_what_the_browser_cannot_draw_is_drawn_as_slices_with_the_reason(full, run, looked) -> None:
    looked["failed"] = "this browser has no WebGL 2"
    page = run("review", full.workspace)
    assert "Drawn as slices: this browser has no WebGL 2" in words(page).replace("\\", "")
    assert len([s for s in page.slider if "slice" in s.label]) == 3


def test_what_is_marked_and_how_to_take_it_away_is_said_before_it_is_saved(
    full, run, looked
) -> None:
    page = run("review", full.workspace)
    assert "marked (ring)" not in words(page)
    drafts = {page.session_state[state.SCAN]: {"places": ((1.0, 2.0, 3.0),)}}
    said = words(run("review", full.workspace, **{state.RATING_DRAFTS: drafts}))
    assert "1 place is marked (ring) and saved with your rating." in said
    assert "press Q again" in said
