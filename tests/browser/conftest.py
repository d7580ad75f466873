"""A dashboard on a small demo workspace, and a Chromium that looks at it."""

import os
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from curation.assessment import assess_workspace
from curation.simulation import demo_workspace as demo
from curation.storage.workspace import Workspace
from tests.helpers.dashboard import ROOT as ROOT
from tests.helpers.dashboard import Dashboard as _serving
from training.jobs import launch
from training.studies.planned_study import list_studies

CHROMIUM_ARGUMENTS = [
    "--no-sandbox",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
DESKTOP = {"width": 1400, "height": 1000}
#: Marks the moment from which streamlit hears keys: hotkeys-js listens to the document, a little after
#: the buttons are drawn, with functions that fall back on the global event.
NOTICE_LISTENING = """
const add = EventTarget.prototype.addEventListener;
EventTarget.prototype.addEventListener = function (type, listener, ...rest) {
  if (type === "keydown" && this === document && String(listener).includes("window.event"))
    window.tierscopeListens = true;
  return add.call(this, type, listener, ...rest);
};
"""

#: What Chromium says where a page's Content-Security-Policy refuses something.
_REFUSED = "Content Security Policy"


@pytest.fixture(scope="session")
def demo_workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """A small demo: 15 people in the pool and 12 in the target, scored; its studies end with the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(demo, "POOL_SIZE", 15)
        patch.setattr(demo, "TARGET_SIZE", 12)
        workspace = demo.make_demo(tmp_path_factory.mktemp("demo") / "workspace")
    assess_workspace.assess(workspace, jobs=os.cpu_count() or 1)
    yield workspace
    for study in list_studies(workspace):
        launch.stop(workspace, study.id)


@pytest.fixture(scope="session")
def dashboard(demo_workspace: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a dashboard that runs on the demo workspace."""
    log = tmp_path_factory.mktemp("dashboard") / "log.txt"
    with _serving(demo_workspace, log) as address:
        yield address


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium with software WebGL."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if not chromium:
        pytest.skip("no Chromium on this machine (Debian: apt-get install chromium)")
    expect.set_options(timeout=30_000)  # a loaded machine is slow, not wrong
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A fresh tab of desktop size, in which nothing that a page does is against its own policy."""
    context = fresh_context(browser)
    page, against = context.new_page(), []
    page.on("console", lambda told: against.append(told.text) if _REFUSED in told.text else None)
    yield page
    context.close()
    assert against == []


def fresh_context(browser: Browser) -> BrowserContext:
    """Return a browser window without memories, of desktop size, that tells when keys are heard."""
    context = browser.new_context(viewport=DESKTOP)
    context.set_default_timeout(30_000)
    context.add_init_script(NOTICE_LISTENING)
    return context


def listening(page: Page) -> None:
    """Wait until a page that was just loaded hears keys: one pressed before is lost."""
    page.wait_for_function("window.tierscopeListens", timeout=30_000)
