"""Review: level and width stand in fields, in step with the image, and go along from scan to scan."""

from pathlib import Path

import pytest

from curation.sources import sidecar
from pages.ui.shell import state
from pages.ui.viewer import niivue_viewer, user_window
from pages.ui.viewer.browser_image import PreparedImage
from pages.ui.viewer.display_window import WINDOWS
from tests.helpers.page_words import button, checked


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> dict:
    """What the viewer was told to draw last, and how it tells of a window drawn on the image."""
    told: dict = {}

    def show(image: PreparedImage, *, home, on_window, key="niivue", **_: object) -> None:  # type: ignore[no-untyped-def]
        if key == "niivue":
            told.update(image=image, home=home, on_window=on_window)

    monkeypatch.setattr(niivue_viewer, "show", show)
    return told


def _field(page, label: str):  # type: ignore[no-untyped-def]
    (found,) = [field for field in page.number_input if field.label == label]
    return found


def _fields(page) -> tuple[float, float]:  # type: ignore[no-untyped-def]
    return _field(page, "Level").value, _field(page, "Width").value


def _ends(drawn: dict) -> tuple[float, float]:
    return drawn["image"].black, drawn["image"].white


@pytest.mark.parametrize("window", WINDOWS)
def test_the_fields_say_what_is_black_and_white(window, full, run, drawn) -> None:
    page = run("review", full.workspace, **{state.WINDOW: window})
    black, white = _ends(drawn)
    assert _fields(page) == pytest.approx(((black + white) / 2, white - black), rel=1e-5)
    assert drawn["home"] == (black, white)


def test_a_typed_level_or_width_changes_the_image_and_makes_a_window_of_ones_own(
    full, run, drawn
) -> None:
    page = run("review", full.workspace, **{state.WINDOW: "Tissue"})
    preset, (level, width) = _ends(drawn), _fields(page)
    checked(_field(page, "Width").set_value(width / 2).run())
    checked(_field(page, "Level").set_value(level + 10).run())
    assert _ends(drawn) == pytest.approx((level + 10 - width / 4, level + 10 + width / 4), rel=1e-4)
    assert page.session_state[state.WINDOW] == user_window.CUSTOM
    assert drawn["home"] == preset
    page.session_state[state.WINDOW] = "Tissue"
    checked(page.run())
    assert _ends(drawn) == preset


def test_it_goes_along_from_scan_to_scan_in_proportion(full, run, drawn) -> None:
    page = run("review", full.workspace, **{state.WINDOW: "Tissue"})
    (black, white), (_, width) = _ends(drawn), _fields(page)
    checked(_field(page, "Width").set_value(width / 2).run())
    first = (drawn["image"].white - drawn["image"].black) / (white - black)
    checked(button(page, "Next").click().run())
    assert page.session_state[state.WINDOW] == user_window.CUSTOM
    assert (drawn["image"].white - drawn["image"].black) / (
        drawn["home"][1] - drawn["home"][0]
    ) == pytest.approx(first, rel=1e-6)


@pytest.mark.parametrize("ends", [(5.0, 5.0), (9.0, 3.0), (float("nan"), 3.0)])
def test_what_is_no_window_is_not_taken(ends, full, run, drawn) -> None:
    page = run("review", full.workspace)
    before = _ends(drawn)
    level, width = _fields(page)
    checked(_field(page, "Width").set_value(0.0).run())
    assert _ends(drawn) == before and _fields(page) == (level, width)
    with pytest.MonkeyPatch.context() as patch:
        kept: dict = {}
        patch.setattr(state, "put", kept.__setitem__)
        user_window.set_window(*ends, home=drawn["image"], tissue=drawn["image"])
    assert not kept


def test_a_window_drawn_on_the_image_is_kept_and_a_double_click_leads_back(
    monkeypatch: pytest.MonkeyPatch, full, run, drawn
) -> None:
    run("review", full.workspace, **{state.WINDOW: "Background"})
    image, kept = drawn["image"], {state.WINDOW: "Background"}
    monkeypatch.setattr(state, "put", kept.__setitem__)
    monkeypatch.setattr(state, "get", lambda key, default=None: kept.get(key, default))
    span = image.white - image.black
    drawn["on_window"](image.black, image.black + span / 3)
    assert kept[state.WINDOW] == user_window.CUSTOM
    assert kept[state.CUSTOM_WINDOW].instead_of == "Background"
    assert kept[state.CUSTOM_WINDOW].white == pytest.approx(1 / 30)
    drawn["on_window"](image.black, image.white)
    assert kept[state.WINDOW] == "Background"


@pytest.mark.parametrize(
    ("width", "said"),
    [(165.33, "83"), (26.4, "82.7"), (1.5, "82.66"), (4000.0, "83"), (0.0, "82.66")],
)
def test_level_and_width_are_written_as_finely_as_an_eye_can_tell(width: float, said: str) -> None:
    assert user_window.shown_as(width) % 82.6649 == said


def test_a_scan_made_of_dicom_can_be_seen_in_the_window_of_its_scanner(
    full, run, drawn, monkeypatch
) -> None:
    page = run("review", full.workspace)
    assert "As in the DICOM" not in [one.label for one in page.button]
    black, white = _ends(drawn)
    level, width = black + 0.4 * (white - black), 0.7 * (white - black)
    kept = {"WindowCenter": level, "WindowWidth": width}
    monkeypatch.setattr(sidecar, "read", lambda path: kept)
    page = run("review", full.workspace)
    checked(button(page, "As in the DICOM").click().run())
    assert _ends(drawn) == pytest.approx((level - width / 2, level + width / 2), rel=1e-4)


@pytest.mark.parametrize("kept", [{}, {"WindowCenter": 1}, {"WindowCenter": "1", "WindowWidth": 0}])
def test_a_sidecar_without_a_window_tells_none(kept, monkeypatch) -> None:
    monkeypatch.setattr(sidecar, "read", lambda path: kept)
    assert sidecar.window(Path("x.nii")) is None
