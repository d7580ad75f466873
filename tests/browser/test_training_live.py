"""A live study in Chromium: its numbers, stopped and resumed, by a page that was closed meanwhile."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from curation.storage.workspace import Source, Workspace
from tests.helpers import chromium, workspace_trainable
from tests.helpers.dashboard import Dashboard
from tests.helpers.launched_studies import study_processes, under_way, wait
from training.jobs import launch, study_status
from training.studies.planned_study import Study

pytestmark = pytest.mark.browser


@pytest.fixture
def planned(tmp_path: Path) -> Iterator[tuple[str, Workspace, Study]]:
    """A dashboard on a workspace with a planned study that would go on for hours."""
    workspace = workspace_trainable.make(Workspace.create(tmp_path / "w"))
    for role in ("pool", "target"):
        folder = str(workspace.root / "images")
        workspace.put_source(Source(role, folder, "folder", role, simulated=True))
    study = workspace_trainable.plan(workspace, arms=["A"], overrides={"pretrain_epochs": 100_000})
    with Dashboard(workspace, tmp_path / "log.txt") as address:
        yield address, workspace, study
    launch.stop(workspace, study.id)


@pytest.mark.soak  # with tests/pages/test_train_live.py, and the main path, which launches one here
def test_a_live_study_shows_its_numbers_and_is_stopped_and_resumed(
    page: Page, browser: Browser, planned: tuple[str, Workspace, Study]
) -> None:
    address, workspace, study = planned
    page.goto(f"{address}/train")
    expect(page.get_by_role("heading", name="What is running?")).to_be_visible()
    expect(page.get_by_text("planned", exact=True)).to_be_visible()
    page.get_by_role("button", name="Launch …").click()
    page.get_by_role("button", name="Launch this study").click()
    expect(page.get_by_role("button", name="Stop the study")).to_be_visible(timeout=60_000)
    page.context.close()  # the tab is closed: the study goes on

    before = wait(workspace, study, under_way)
    assert before.state == "running"
    context = browser.new_context(viewport=chromium.DESKTOP)
    again = context.new_page()
    again.goto(f"{address}/train")
    row = again.get_by_role("row").filter(has_text="Pretraining A, seed 0")
    expect(row).to_contain_text(re.compile(r"of 100000"), timeout=60_000)
    shown = row.inner_text()
    assert re.search(r"\d\.\d{3}", shown), shown  # the loss
    expect(row).to_contain_text("GB", timeout=60_000)  # its memory
    expect(row).not_to_have_text(shown, timeout=60_000)  # and it goes on, without a click
    card = again.locator(".ts-card").filter(has_text="Throughput")
    expect(card.locator("b")).to_have_text(re.compile(r"\d"), timeout=60_000)

    again.get_by_role("button", name="Stop the study").click()
    expect(again.get_by_text("stopped", exact=True).first).to_be_visible(timeout=60_000)
    assert not study_processes(study)
    epoch = study_status.status(workspace, study.id).runs[0].epoch
    assert epoch > 0

    again.get_by_role("button", name="Resume …").click()
    again.get_by_role("button", name="Resume the study").click()
    expect(again.get_by_role("button", name="Stop the study")).to_be_visible(timeout=60_000)
    status = wait(workspace, study, lambda status: status.runs[0].epoch > epoch)
    assert status.state == "running"
    context.close()
