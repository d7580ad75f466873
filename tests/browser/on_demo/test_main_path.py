"""The whole main job in Chromium, as a newcomer does it on the demo workspace."""

import re

import pytest
from playwright.sync_api import Page, expect

from curation.cohorts import frozen_cohort
from curation.storage.workspace import Workspace
from tests.helpers import chromium

pytestmark = pytest.mark.browser

STUDY_TIMEOUT_MS = 300_000


def _open(page: Page, address: str, name: str, question: str) -> None:
    page.goto(f"{address}/{name}")
    expect(page.get_by_role("heading", name=question)).to_be_visible()


def _brain_pixels(page: Page) -> int:
    """Count pixels that are neither background nor letters: the grey of tissue."""
    grey = chromium.grey_levels(page)
    return int(((grey > 60) & (grey < 220)).sum())


def test_cohort_shows_what_there_is_and_what_cannot_be_used(page: Page, dashboard: str) -> None:
    _open(page, dashboard, "cohort", "What do I have?")
    expect(page.get_by_text("Simulated data.")).to_be_visible()
    expect(page.get_by_text("demo-target (simulated)")).to_be_visible()
    expect(page.get_by_text("Cannot be used, and why")).to_be_visible()


def test_review_draws_a_brain_and_says_how_it_lies(page: Page, dashboard: str) -> None:
    _open(page, dashboard, "review", "Is this scan good?")
    page.wait_for_function(
        "() => [...document.querySelectorAll('iframe')].some(f => f.title.includes('niivue'))"
    )
    for _ in range(60):
        if _brain_pixels(page) > 20_000:
            break
        page.wait_for_timeout(500)
    assert _brain_pixels(page) > 20_000
    expect(page.get_by_text(re.compile("radiological", re.IGNORECASE)).first).to_be_visible()
    expect(page.get_by_text("higher is worse").first).to_be_visible()


def test_a_rating_is_kept(page: Page, dashboard: str, demo_workspace: Workspace) -> None:
    from curation.ratings import rating_log

    _open(page, dashboard, "review", "Is this scan good?")
    page.get_by_label("Your name or initials").fill("Ada")
    page.get_by_label("Your name or initials").press("Enter")
    page.get_by_role("button", name=re.compile("^doubtful")).click()
    page.get_by_label(re.compile("^Comment")).fill("rings at the vertex")
    page.get_by_label(re.compile("^Comment")).press("Enter")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_test_id("stToast")).to_contain_text("Rating saved.")
    first = page.get_by_test_id("stTopNavLinkContainer").first
    assert "Data" in first.evaluate("one => getComputedStyle(one, '::before').content")
    expect(page.get_by_role("cell", name="rings at the vertex")).to_be_visible()
    kept = rating_log.list_ratings(demo_workspace)
    assert kept[["rater", "label", "comment"]].iloc[-1].tolist() == [
        "Ada",
        "doubtful",
        "rings at the vertex",
    ]


def _counts(page: Page) -> list[str]:
    return page.locator(".ts-card").all_inner_texts()


def test_from_a_moved_cut_off_to_growing_curves(
    page: Page, dashboard: str, demo_workspace: Workspace
) -> None:
    _open(page, dashboard, "tiers", "Where do I cut?")
    expect(page.locator(".cutoffs[data-drawn]")).to_be_visible()
    chromium.settled(page)
    before = _counts(page)
    lower = page.get_by_role("spinbutton").first
    lower.fill("12")
    lower.press("Enter")
    expect(page.locator(".ts-card").first).not_to_have_text(before[0])
    lower.fill("30")
    lower.press("Enter")
    chromium.settled(page)

    for role, button in (("Pretraining pool", "pool"), ("Target cohort", "target")):
        page.get_by_role("radio", name=role).or_(
            page.get_by_role("button", name=role)
        ).first.click()
        page.get_by_role("radio", name="Cohorts").or_(
            page.get_by_role("button", name="Cohorts")
        ).first.click()
        freeze = page.get_by_role("button", name=f"Freeze this {button} cohort")
        expect(freeze).to_be_visible()
        chromium.settled(page)
        page.get_by_label("Who decides").fill("Ada")
        freeze.click()
        expect(page.get_by_text(re.compile("Frozen as"))).to_be_visible()
    assert {header.role for header in frozen_cohort.list_cohorts(demo_workspace)} == {
        "pool",
        "target",
    }

    _open(page, dashboard, "train", "What is running?")
    for label, value in (("Seeds", "1"), ("Folds", "2")):
        field = page.get_by_role("spinbutton", name=label)
        field.fill(value)
        field.press("Enter")
        chromium.settled(page)
    arms = page.get_by_test_id("stMultiSelect").filter(has_text="Arms:")
    arms.get_by_role("combobox").click()
    while arms.locator("[data-baseweb=tag]").count() > 2:  # scratch and A will do
        arms.get_by_role("combobox").press("Backspace")
    page.keyboard.press("Escape")
    chromium.settled(page)
    preset = page.get_by_role("combobox", name="Preset")
    preset.fill("smoke")
    preset.press("Enter")
    chromium.settled(page)
    page.get_by_text(re.compile("^How models are trained")).click()
    changes = page.get_by_label(re.compile("^Changes of the preset"))
    changes.fill("pretrain_epochs=4 finetune_epochs=3")  # curves of three points grow all the same
    changes.press("Enter")
    chromium.settled(page)
    page.get_by_role("button", name="Launch the study").click()
    expect(page.get_by_role("button", name="Stop the study")).to_be_visible(timeout=60_000)

    _open(page, dashboard, "compare", "What is each tier worth?")
    lines = page.locator(".js-plotly-plot .scatterlayer .trace")
    expect(lines.first).to_be_attached(timeout=STUDY_TIMEOUT_MS)
    page.get_by_role("radio", name="The answer").or_(
        page.get_by_role("button", name="The answer")
    ).first.click()
    expect(page.get_by_role("heading", name="Final test error")).to_be_visible(
        timeout=STUDY_TIMEOUT_MS
    )
    table = page.get_by_role("table").filter(has_text="R²")
    expect(table).to_be_visible(timeout=STUDY_TIMEOUT_MS)


@pytest.mark.own_window
def test_nothing_is_asked_of_the_network(page: Page, dashboard: str) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    for name, question in (("review", "Is this scan good?"), ("tiers", "Where do I cut?")):
        _open(page, dashboard, name, question)
        page.wait_for_timeout(2000)
    elsewhere = [url for url in asked if not url.startswith((dashboard, "data:", "blob:"))]
    assert asked
    assert [url for url in elsewhere if "://127.0.0.1" not in url] == []
