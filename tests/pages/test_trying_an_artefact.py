"""Trying an artefact on Review: unmistakable, nothing stored, no rating meanwhile."""

import pytest

from curation.metrics import METRICS
from curation.ratings import rating_log
from curation.simulation.artefacts import ARTEFACTS
from curation.storage import tables
from curation.storage.workspace import Workspace
from pages.ui.review import artefact_trial, scan_panel
from pages.ui.shell import state
from tests.helpers.page_words import button, checked, words


@pytest.fixture
def measuring(monkeypatch) -> list[str]:
    """Measure in no time, the same for every image, and note each call."""
    calls: list[str] = []

    def stand_in(volume):  # type: ignore[no-untyped-def]
        calls.append(str(volume.data.shape))
        return dict.fromkeys(METRICS, 2.5), {}, None

    monkeypatch.setattr(artefact_trial, "assess_volume", stand_in)
    artefact_trial._measured.clear()
    return calls


def _begun(run, workspace: Workspace, **session: object):  # type: ignore[no-untyped-def]
    page = run("review", workspace, **session)
    return checked(button(page, "Simulate an artefact").click().run())


def test_the_altered_image_cannot_be_taken_for_the_scan(full, run, measuring) -> None:
    page = _begun(run, full.workspace, **{state.ARTEFACT: "motion"})
    said = words(page)
    assert (
        f"Simulated artefact: {ARTEFACTS['motion'].label}, severity 0.5</b> – not the scan" in said
    )
    assert page.session_state[state.SCAN] in said


def test_rating_is_off_until_one_is_back_at_the_scan(full, run, measuring) -> None:
    page = _begun(run, full.workspace)
    assert "Rating is off" in words(page)
    assert not [b for b in page.button if b.label.startswith(("Save", "accept"))]
    checked(button(page, "Back to the scan").click().run())
    assert button(page, "accept") and "not the scan" not in words(page)


def test_score_sub_scores_and_metrics_are_shown_before_and_after(full, run, measuring) -> None:
    page = _begun(run, full.workspace, **{state.ARTEFACT: "blur"})
    said = words(page)
    assert said.count(" → ") > 8
    assert f"<b>{scan_panel.FAMILY_NAMES['blur']}</b>" in said
    assert "What moved most" in said
    assert len(measuring) == 1  # the scan itself is measured already


def test_the_same_trial_is_measured_once_and_another_draw_anew(full, run, measuring) -> None:
    page = _begun(run, full.workspace)
    checked(page.run())
    assert len(measuring) == 1
    checked(button(page, "New random pattern").click().run())
    assert len(measuring) == 2


def test_severity_0_is_the_scan(full, run, measuring) -> None:
    page = _begun(run, full.workspace, **{state.SEVERITY: 0.0})
    said = words(page)
    assert "Nothing moved" in said and "not the scan</div>" not in said
    assert measuring == []


def test_another_scan_is_shown_as_it_is(full, run, measuring) -> None:
    page = _begun(run, full.workspace)
    checked(button(page, "Next").click().run())
    assert "Simulated artefact" not in words(page)
    assert button(page, "accept")


def test_nothing_is_stored(own, run, measuring) -> None:
    def everything() -> dict[str, bytes]:
        roots = (own.root, own.root.parent / "images")
        found = (path for root in roots for path in sorted(root.rglob("*")) if path.is_file())
        return {str(p): p.read_bytes() for p in found if not p.name.startswith("decisions.sqlite")}

    run("review", own)
    before, scores = everything(), tables.read_scores(own)
    _begun(run, own)
    assert everything() == before
    assert tables.read_scores(own).equals(scores)
    assert rating_log.newest(own) == 0
