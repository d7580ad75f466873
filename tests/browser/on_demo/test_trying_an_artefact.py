"""Trying an artefact in Chromium: what is drawn changes, the frame says so, the score responds."""

import re

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from curation.storage import files
from curation.storage.workspace import Workspace
from tests.helpers import chromium

pytestmark = pytest.mark.browser

#: Measuring the altered image takes some seconds, on a loaded machine many.
MEASURED_MS = 180_000


def _drawn(page: Page) -> np.ndarray:
    """Return the canvas once there is a head on it."""
    for _ in range(60):
        grey = chromium.grey_levels(page)
        if ((grey > 60) & (grey < 220)).sum() > 20_000:
            return grey
        page.wait_for_timeout(500)
    raise AssertionError("no head was drawn")


def test_an_artefact_is_seen_said_and_scored_and_gone_again(
    page: Page, dashboard: str, demo_workspace: Workspace
) -> None:
    images = sorted(demo_workspace.demo_images_dir.rglob("*.nii.gz"))
    before = [files.sha256_of(path) for path in images]
    chromium.opened(page, dashboard, "review")
    scan = _drawn(page)

    page.get_by_role("button", name="Simulate an artefact").click()
    banner = page.get_by_text(re.compile(r"Simulated artefact: .+, severity 0\.5"))
    expect(banner).to_be_visible(timeout=MEASURED_MS)
    expect(page.get_by_text("What moved most")).to_be_visible(timeout=MEASURED_MS)
    chromium.settled(page)
    expect(page.get_by_text("Rating is off")).to_be_visible()
    expect(page.get_by_role("button", name=re.compile("^Save, next scan"))).to_have_count(0)
    altered = _drawn(page)
    assert altered.shape != scan.shape or np.abs(altered.astype(int) - scan).mean() > 1

    page.keyboard.press("a")
    expect(page.get_by_role("button", name=re.compile("^Save, next scan"))).to_be_visible()
    expect(banner).to_have_count(0)
    chromium.settled(page)
    assert [files.sha256_of(path) for path in images] == before
