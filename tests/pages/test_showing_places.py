"""From a reason of the score to its place: buttons on Review, what is said, where the cross hair is sent."""

from concurrent.futures import Future

import numpy as np
import pandas as pd
import pytest

from curation.errors import VolumeError
from curation.metrics import METRICS, PLACES, FoundPlace
from curation.scoring.score_reference import builtin
from curation.storage import files, tables
from curation.storage.workspace import Workspace
from pages.ui.review import scan_judgement
from pages.ui.review.scan_judgement import ScanJudgement
from pages.ui.shell import state
from pages.ui.viewer import image_overlays, niivue_viewer
from pages.ui.viewer.display_window import AIR_WINDOW
from pages.ui.viewer.image_overlays import OverlayMasks
from tests.helpers import workspace_full
from tests.helpers.page_words import button, checked, words

DROPPED = "Show where: darkest slab"


@pytest.fixture
def search(monkeypatch: pytest.MonkeyPatch) -> Future[OverlayMasks]:
    """A search for masks and places that a test ends."""
    asked: Future[OverlayMasks] = Future()
    monkeypatch.setattr(image_overlays, "request_overlays", lambda path: asked)
    return asked


@pytest.fixture
def aims(monkeypatch: pytest.MonkeyPatch) -> list:
    """Where the viewer was told to send the cross hair, run by run."""
    told: list = []
    monkeypatch.setattr(niivue_viewer, "show", lambda image, *, aim=None, **_: told.append(aim))
    return told


@pytest.fixture(scope="module")
def dropped(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A workspace of scans with a dark slab, only to read."""
    made = workspace_full.make(tmp_path_factory.mktemp("dropped") / "own")
    _set(made, slab_dropout=0.9)
    return made


def _found(**places: FoundPlace) -> OverlayMasks:
    return OverlayMasks(np.eye(4), {}, {}, None, places)


def _set(own, **values: float) -> None:  # type: ignore[no-untyped-def]
    """Make every scan good but for these metrics."""
    anchors = builtin().anchors | builtin().anatomy
    made = tables.read_metrics(own).assign(
        **{name: anchor.good for name, anchor in anchors.items()} | values
    )
    files.write_parquet(own.metrics_dir / "part-made.parquet", made.assign(flags="{}"))


def test_a_press_waits_honestly_and_then_sends_the_cross_hair_once(
    dropped, run, search, aims
) -> None:
    page = run("review", dropped)
    assert aims == [None] and "Looking for" not in words(page)
    checked(button(page, DROPPED).click().run())
    assert "Looking for the darkest slab … 0 s" in words(page) and aims[-1] is None
    search.set_result(_found(slab_dropout=FoundPlace((3.6, -8.2, 22.0), "axial")))
    checked(page.run())
    assert "Cross hair moved to the darkest slab, axial: 4, −8, 22 mm." in words(page)
    assert "Looking for" not in words(page)
    first = aims[-1]
    assert (first.place, first.said) == ((3.6, -8.2, 22.0), "The darkest slab, axial")
    checked(page.run())
    assert aims[-1] == first  # told again, and so not followed again
    checked(button(page, DROPPED).click().run())
    assert aims[-1].place == first.place and aims[-1].asked_ms > first.asked_ms


def test_what_lies_out_of_view_is_told_as_the_edge_nearest_to_it(own, run, search, aims) -> None:
    _set(own, brain_missing=0.5)
    search.set_result(_found(brain_missing=FoundPlace((0.5, -2.5, -0.4), beyond=True)))
    page = run("review", own)
    checked(button(page, "Show where: largest missing part").click().run())
    there = "edge of the image nearest to the largest missing part"
    # halves as the read-out rounds them: away from 0
    assert f"Cross hair moved to the {there}: 1, −3, 0 mm." in words(page)
    assert aims[-1].said == f"The {there}"


def test_where_nothing_has_a_place_the_key_of_the_first_says_so(own, run, search, aims) -> None:
    _set(own)
    page = run("review", own)
    assert not page.toast and not [b for b in page.button if b.label.startswith("Show where:")]
    checked(button(page, "No place to show").click().run())
    assert ["one place on the image" in one.value for one in page.toast] == [True]


def test_another_scan_knows_nothing_of_it(dropped, run, search, aims) -> None:
    search.set_result(_found(slab_dropout=FoundPlace((0.0, 0.0, 0.0))))
    page = run("review", dropped)
    checked(button(page, DROPPED).click().run())
    assert aims[-1] is not None
    checked(button(page, "Next").click().run())
    assert aims[-1] is None and "Cross hair moved" not in words(page)
    checked(button(page, "Previous").click().run())
    assert aims[-1] is None and "Cross hair moved" not in words(page)


@pytest.mark.parametrize("view", ["Lightbox", "Coronal"])
def test_a_view_without_planes_gives_way_to_three(dropped, run, search, aims, view) -> None:
    page = run("review", dropped, **{state.VIEW: view})
    checked(button(page, DROPPED).click().run())
    shown = page.session_state[state.VIEW]
    assert shown == ("Three planes" if view == "Lightbox" else view)


def test_what_has_no_place_in_this_scan_and_what_cannot_be_read_is_said(
    dropped, run, search, aims
) -> None:
    search.set_result(_found())
    page = run("review", dropped)
    checked(button(page, DROPPED).click().run())
    assert "This image shows no one place for the darkest slab." in words(page)
    assert aims[-1] is None


def test_a_search_that_fails_says_why(dropped, run, search, aims) -> None:
    search.set_exception(VolumeError("cut off"))
    page = run("review", dropped)
    checked(button(page, DROPPED).click().run())
    assert "No place can be looked for in this scan: cut off" in page.error[0].value


def test_noise_is_said_to_concern_the_whole_image(own, run, search, aims) -> None:
    _set(own, noise_wm=0.5)
    page = run("review", own)
    assert "Noise concerns the whole image." in words(page)
    assert not [b for b in page.button if b.label.startswith("Show where")]


def test_a_good_scan_offers_nothing(own, run, search, aims) -> None:
    _set(own)
    page = run("review", own)
    assert "whole image." not in words(page)
    assert not [b for b in page.button if b.label.startswith("Show where")]


def test_the_key_is_of_the_first_button_alone(own, run, search, aims) -> None:
    _set(own, slab_dropout=0.9, ghost_x=0.5, cavity_volume=200.0)
    page = run("review", own)
    offered = [b for b in page.button if b.label.startswith("Show where")]
    assert [b.proto.shortcut for b in offered].count("w") == 1
    assert offered[0].proto.shortcut == "w"


def test_a_ghost_is_shown_in_the_background_and_tissue_in_the_window_of_before(
    own, run, search, aims
) -> None:
    _set(own, ghost_x=0.5, slab_dropout=0.9)
    place = FoundPlace((1.0, 2.0, 3.0))
    search.set_result(_found(ghost_x=place, slab_dropout=place))
    page = run("review", own)
    first = page.session_state[state.WINDOW]
    checked(button(page, "Show where: brightest ghost left–right").click().run())
    assert page.session_state[state.WINDOW] == AIR_WINDOW
    assert "The background window is on; key K shows the tissue." in words(page)
    checked(button(page, DROPPED).click().run())
    assert page.session_state[state.WINDOW] == first
    assert "background window" not in words(page)
    checked(button(page, "Show where: brightest ghost left–right").click().run())
    checked(button(page, "Show tissue").click().run())
    assert "It shows in the background window (key K)." in words(page)


def test_slices_drawn_without_niivue_are_those_through_the_place(
    dropped, run, search, monkeypatch
) -> None:
    monkeypatch.setattr(niivue_viewer, "show", lambda image, **_: "this browser has no WebGL 2")
    search.set_result(_found(slab_dropout=FoundPlace((0.0, 0.0, 0.0))))
    page = run("review", dropped)
    before = {s.label.split()[0]: s.value for s in page.slider if "slice" in s.label}
    checked(button(page, DROPPED).click().run())
    after = {s.label.split()[0]: s.value for s in page.slider if "slice" in s.label}
    assert len(after) == 3 and after != before


# ---- which are offered ---------------------------------------------------------------------------


def _judged(flags: dict[str, str] | None = None, **penalties: float) -> ScanJudgement:
    total = sum(penalties.values())
    rows = [
        (name, METRICS[name].family, 1.0, penalty, penalty / total, penalty)
        for name, penalty in sorted(penalties.items(), key=lambda item: -item[1])
    ]
    names = ("metric", "family", "value", "penalty", "share_of_score", "points")
    parts = pd.DataFrame(rows, columns=list(names))
    anchors = builtin().anchors
    return ScanJudgement(
        builtin(), None, parts=parts, anchors={n: anchors[n] for n in penalties}, flags=flags or {}
    )


def _scores(**families: float) -> pd.Series:
    return pd.Series(dict.fromkeys(scan_judgement.TROUBLES, 5.0) | families)


def test_the_headlines_own_metrics_come_first_and_three_are_enough() -> None:
    judged = _judged(ghost_y=60, slab_dropout=80, brain_missing=70, air_structure=55, ghost_x=50)
    scores = _scores(incompleteness=85, motion=65)
    names, whole = scan_judgement.places(scores, judged)
    # ghosts and shapes together make most of the score
    assert names == ["ghost_y", "air_structure", "ghost_x"] and whole == ""


def test_a_good_metric_is_not_shown() -> None:
    names, _ = scan_judgement.places(
        _scores(incompleteness=60), _judged(slab_dropout=60, border_signal=18)
    )
    assert names == ["slab_dropout"]


def test_where_the_headline_has_no_place_the_others_still_have_theirs() -> None:
    names, whole = scan_judgement.places(
        _scores(blur=95, motion=60), _judged(edge_width=95, ghost_x=60)
    )
    assert names == ["ghost_x"] and whole == "Blur concerns the whole image."


def test_more_than_one_thing_concern_the_image() -> None:
    _, whole = scan_judgement.places(_scores(noise=95), _judged(wave_amplitude=95))
    assert whole == "Herringbone or spikes concern the whole image."


def test_a_cavity_is_shown_where_it_is_called_unusual() -> None:
    flag = {"unusual_anatomy": f"{METRICS['cavity_volume'].label} 37.8 ml (usual: 5 or less)"}
    judged = _judged(flag, slab_dropout=60)
    assert scan_judgement.places(_scores(incompleteness=60), judged)[0] == [
        "slab_dropout",
        "cavity_volume",
    ]
    other = {"unusual_anatomy": "Left–right symmetry 0.5 (usual: 0.74 or more)"}
    judged = _judged(other, slab_dropout=10)
    assert scan_judgement.places(_scores(), judged) == ([], "")
    assert set(PLACES) >= {"cavity_volume", "slab_dropout"}


def test_a_cut_field_of_view_leads_to_the_border_also_where_all_metrics_are_good() -> None:
    judged = _judged({"field_of_view_cut": "the image ends inside the brain at the top"})
    assert scan_judgement.places(_scores(), judged) == (["border_signal"], "")
    judged = _judged(judged.flags, border_signal=60, slab_dropout=10)
    assert scan_judgement.places(_scores(incompleteness=60), judged)[0] == ["border_signal"]
