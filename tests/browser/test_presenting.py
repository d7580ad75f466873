"""From a finished study to a report and a deck on the disk, as someone does the evening before a meeting."""

import re
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from playwright.sync_api import Page, expect

from curation.storage import files
from curation.storage.workspace import Workspace
from pages.ui.shell.frame import PAGES
from tests.helpers import chromium, report_reader, workspace_finished
from tests.helpers.dashboard import Dashboard
from training.held_out.predictions import BASELINE
from training.studies.planned_study import Study

pytestmark = pytest.mark.browser

#: For what needs a process of its own, which imports torch first: a loaded machine is slow, not wrong.
PATIENCE_MS = 300_000


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Workspace, Study]:
    """A finished study, really trained."""
    return workspace_finished.make(tmp_path_factory.mktemp("finished") / "workspace", seeds=(0,))


@pytest.fixture(scope="module")
def presenting(
    finished: tuple[Workspace, Study], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The address of a dashboard on it."""
    log = tmp_path_factory.mktemp("presenting") / "log.txt"
    with Dashboard(finished[0], log) as address:
        yield address


def _opened(page: Page, address: str) -> None:
    page.goto(f"{address}/present")
    expect(page.get_by_role("heading", name=PAGES["present"].question)).to_be_visible()
    expect(page.get_by_text(re.compile(r"^1 of \d+$"))).to_be_visible()
    chromium.listening(page)


def test_keys_lead_from_message_to_message(page: Page, presenting: str) -> None:
    _opened(page, presenting)
    count = int(page.get_by_text(re.compile(r"^1 of \d+$")).inner_text().split()[-1])
    presses = [
        ("ArrowRight", 2),
        ("Space", 3),
        ("PageDown", 4),
        ("ArrowLeft", 3),
        ("PageUp", 2),
        ("End", count),
        ("Home", 1),
    ]
    for key, there in presses:
        page.keyboard.press(key)
        expect(page.get_by_text(f"{there} of {count}", exact=True)).to_be_visible()


_OVER = """() => {
  const main = document.querySelector('[data-testid=stMain]');
  const screen = document.querySelector('.st-key-present-screen');
  const tables = [...screen.querySelectorAll('.ts-scroll')].map((one) => one.scrollWidth - one.clientWidth);
  return Math.max(main.scrollHeight - main.clientHeight, main.scrollWidth - main.clientWidth, ...tables);
}"""
_LETTERS = """() => Math.min(...[...document.querySelectorAll('.ts-shown :is(h2, p, li, td, .box)')]
  .map((one) => parseFloat(getComputedStyle(one).fontSize)))"""


@pytest.mark.parametrize(("width", "height"), [(1400, 1000), (900, 1200)])
def test_every_message_stands_on_the_screen_whole_and_can_be_read(
    page: Page, presenting: str, width: int, height: int
) -> None:
    page.set_viewport_size({"width": width, "height": height})
    _opened(page, presenting)
    count = int(page.get_by_text(re.compile(r"^1 of \d+$")).inner_text().split()[-1])
    for place in range(1, count + 1):
        expect(page.get_by_text(f"{place} of {count}", exact=True)).to_be_visible()
        chromium.settled(page)
        title = page.locator(".st-key-present-screen h2").inner_text()
        page.wait_for_function(f"({_OVER})() <= 1")
        assert page.evaluate(_LETTERS) >= 13, title
        if place < count:
            page.keyboard.press("ArrowRight")


_GROWN = "() => parseFloat(document.documentElement.style.getPropertyValue('--ts-grown'))"
#: Shares of the screen that are free above what stands below the title, and below all.
_FREE = """() => {
  const drawn = document.querySelector('.st-key-present-screen'), screen = drawn.getBoundingClientRect();
  const all = [...drawn.children].map((one) => one.getBoundingClientRect());
  return [all[1].top - all[0].bottom, screen.bottom - all.at(-1).bottom].map((room) => room / screen.height);
}"""


def test_few_words_are_larger_and_stand_in_the_middle_of_the_screen(
    page: Page, presenting: str
) -> None:
    _opened(page, presenting)  # the question, which has no plot
    page.wait_for_function(f"({_GROWN})() > 1")
    above, below = page.evaluate(_FREE)
    assert below < 0.4 and abs(above - below) < 0.1


def test_f_fills_the_screen_with_the_message_alone_and_keys_go_on(
    page: Page, presenting: str
) -> None:
    _opened(page, presenting)
    heading = page.get_by_role("heading", name=PAGES["present"].question)
    page.wait_for_function("window.tierscopeFullScreen")  # the key is heard from here on
    page.keyboard.press("f")
    expect(heading).not_to_be_visible()
    page.keyboard.press("ArrowRight")
    message = page.locator(".st-key-present-screen h2")
    expect(message).to_have_text(re.compile("years|arm"))  # the answer is the second message
    seen = page.get_by_role("button").evaluate_all(
        "all => all.filter(one => one.getBoundingClientRect().width > 1 && "
        "one.checkVisibility({ opacityProperty: true }) && !one.closest('.st-key-present-bar') && "
        "!one.closest('.js-plotly-plot')).map(one => one.innerText)"
    )
    assert seen == []
    page.keyboard.press("f")
    expect(heading).to_be_visible()


def test_space_after_a_click_goes_forward_once(page: Page, presenting: str) -> None:
    _opened(page, presenting)
    page.get_by_role("button", name="Next").click()
    expect(page.get_by_text(re.compile(r"^2 of \d+$"))).to_be_visible()
    page.keyboard.press("Space")
    expect(page.get_by_text(re.compile(r"^3 of \d+$"))).to_be_visible()
    page.wait_for_timeout(1500)
    expect(page.get_by_text(re.compile(r"^3 of \d+$"))).to_be_visible()


def test_report_and_deck_are_taken_along_with_the_numbers_of_the_result(
    page: Page, presenting: str, finished: tuple[Workspace, Study], tmp_path: Path
) -> None:
    result = pd.DataFrame(files.read_json(finished[1].result_path)["final_errors"]).set_index("arm")
    _opened(page, presenting)
    page.get_by_role("button", name="Take it with you").click()
    page.get_by_role("button", name="Make the files").click()
    taken = {}
    for label, suffix in (("Report (HTML", "html"), ("Slides (PowerPoint)", "pptx")):
        button = page.get_by_role("button", name=re.compile(re.escape(label)))
        expect(button).to_be_visible(timeout=PATIENCE_MS)
        with page.expect_download() as download:
            button.click()
        taken[suffix] = tmp_path / f"taken.{suffix}"
        download.value.save_as(taken[suffix])

    shown = {
        trace["name"].split(":")[0]: trace["x"][0]
        for trace in report_reader.html_figures(taken["html"].read_text())["final-errors"]["data"]
    }
    shown[BASELINE] = shown.pop("predict the mean age")
    assert shown == pytest.approx(result["age_mae_years"].to_dict())
    _, *rows = report_reader.chart_tables(taken["pptx"])["final-errors"]
    errors = sorted(value for row in rows for value in row[1:-2] if value is not None)
    assert errors == pytest.approx(sorted(result["age_mae_years"]))
    secrets = workspace_finished.secrets(*finished)
    for path in taken.values():
        for name, data in report_reader.every_byte(path):
            assert not [secret for secret in secrets if secret.encode() in data], name
    _look_at_from_disk(page, taken["html"])


def test_the_model_page_draws_what_the_model_sees(page: Page, presenting: str) -> None:
    page.goto(f"{presenting}/model")
    expect(page.get_by_role("heading", name=PAGES["model"].question)).to_be_visible()
    for label in ("Input", "Masked input", "Reconstruction", "Error"):
        expect(page.get_by_text(label, exact=True)).to_be_visible(timeout=PATIENCE_MS)
    for place in range(4):
        frame = page.frame_locator("iframe[title*=niivue]").nth(place)
        expect(frame.locator("html[data-image=drawn]")).to_be_attached(timeout=PATIENCE_MS)


@pytest.mark.soak  # with tests/pages/test_model_page.py, and tests/training/reconstruction
def test_the_errors_of_all_scans_are_measured_from_the_model_page(
    page: Page, presenting: str
) -> None:
    page.goto(f"{presenting}/model")
    button = page.get_by_role("button", name=re.compile("Measure 36 scans"))
    button.click(timeout=PATIENCE_MS)
    expect(page.get_by_text("People that the model has not seen")).to_be_visible(
        timeout=PATIENCE_MS
    )


def _look_at_from_disk(page: Page, report: Path) -> None:
    """Open the file with the network off: every plot is drawn, and nothing is asked for."""
    browser = page.context.browser
    assert browser is not None
    context = browser.new_context()
    context.set_offline(True)
    context.route(re.compile("^(?!file:)"), lambda route: route.abort())
    alone, asked, said = context.new_page(), [], []
    alone.on("request", lambda request: asked.append(request.url))
    alone.on("console", lambda message: said.append(message.text))
    alone.on("pageerror", lambda error: said.append(str(error)))
    alone.goto(report.as_uri())
    plots = len(report_reader.html_figures(report.read_text()))
    expect(alone.locator(".plot[data-drawn=yes] .main-svg").first).to_be_visible()
    expect(alone.locator(".plot[data-drawn=yes]")).to_have_count(plots)
    assert asked == [report.as_uri()]
    assert said == []
    context.close()
