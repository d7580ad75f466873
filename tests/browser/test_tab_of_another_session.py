"""A tab that slept comes back to a new session of the server: its scripts hold nothing of the former one."""

import json
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from curation.storage.workspace import Workspace
from curation.tiers.tier_rule import TierRule
from pages.ui.scan_table.cutoff_axis import Axis, Lines, binned
from pages.ui.shell import static_files
from pages.ui.shell.frame import ASSETS
from pages.ui.tiers import cutoff_plot
from tests.helpers import chromium
from tests.helpers.dashboard import Dashboard

pytestmark = pytest.mark.browser

#: Takes a script as streamlit does: what it is told goes in by ``give``, what it reports is in ``told``.
TAKE = """async ([code, body]) => {
  document.body.innerHTML = body;
  const script = (await import(URL.createObjectURL(new Blob([code], { type: "text/javascript" })))).default;
  window.told = [];
  const setTriggerValue = (name, value) => window.told.push(value);
  window.give = (data) => script({ data, parentElement: document.body, setTriggerValue });
}"""


def _take(page: Page, code: str, body: str = "") -> None:
    page.route(
        "http://tab.test/",
        lambda route: route.fulfill(body="<html></html>", content_type="text/html"),
    )
    page.goto("http://tab.test/")
    page.evaluate(TAKE, [code, body])


def _script(name: str) -> str:
    return (ASSETS / f"{name}.js").read_text(encoding="utf-8")


def test_one_press_leads_one_scan_on_however_often_was_pressed_before(page: Page) -> None:
    _take(page, _script("steps"), '<div class="st-key-next"><button>Next</button></div>')
    steps = [{"name": "next", "key": "n", "by": 1}]
    page.evaluate("give", {"steps": steps, "heard": {"since": None, "far": 0}, "session": "one"})
    for _ in range(37):
        page.keyboard.press("n")
    assert page.evaluate("told.at(-1).far") == 37
    page.evaluate("give", {"steps": steps, "heard": {"since": None, "far": 0}, "session": "two"})
    page.evaluate("told.length = 0")
    page.keyboard.press("n")
    assert page.evaluate("told.map((one) => one.far)") == [1]


def _give_name(page: Page, session: str, name: str = "", doubted: bool = False) -> None:
    data = {"name": name, "session": session, "pause_s": 1800, "doubted": doubted}
    page.evaluate("give", data)


def test_a_name_is_told_to_a_new_session_and_not_forgotten(page: Page) -> None:
    _take(page, _script("remembered_name"))
    _give_name(page, "one", "Ada")
    _give_name(page, "two")
    assert page.evaluate("told.map(({ name }) => name)") == ["Ada"]
    _give_name(page, "two", "Ada")
    _give_name(page, "two")  # emptied by hand
    _give_name(page, "three")
    assert page.evaluate("told.length") == 1


def test_a_tab_that_slept_long_says_so_with_the_name_until_that_was_heard(page: Page) -> None:
    _take(page, _script("remembered_name"))
    _give_name(page, "one", "Ada")
    page.evaluate("sessionStorage.setItem('tierscope-last-act', Date.now() - 7200e3)")
    _give_name(page, "two")
    _give_name(page, "two")  # the first telling was lost
    told = page.evaluate("told")
    assert [one["name"] for one in told] == ["Ada", "Ada"]
    assert all(one["idle_s"] >= 7200 for one in told)
    _give_name(page, "two", doubted=True)
    _give_name(page, "two", "Bob")
    _give_name(page, "three")
    last = page.evaluate("told.at(-1)")
    assert last["name"] == "Bob" and last["idle_s"] < 60 and page.evaluate("told.length") == 3


def test_a_tab_without_a_name_says_that_it_slept_long_and_nothing_of_a_short_sleep(
    page: Page,
) -> None:
    _take(page, _script("remembered_name"))
    _give_name(page, "one")
    _give_name(page, "two")
    assert page.evaluate("told") == []
    page.evaluate("sessionStorage.setItem('tierscope-last-act', Date.now() - 7200e3)")
    _give_name(page, "three")
    assert [one["name"] for one in page.evaluate("told")] == [""]


def _plot(page: Page) -> dict[str, object]:
    """Take the plot of cut-offs, with a stand-in for plotly, and return what it is told at first."""
    bins = binned(np.array([10.0, 30.0, 80.0]), np.zeros(3, dtype=int), ("North",), Axis())
    rule = TierRule()
    lines = Lines(rule, dict.fromkeys(rule.labels, 1), {})
    _take(page, static_files.drawing("cutoffs"), '<div class="cutoffs"></div>')
    page.evaluate(
        """() => { const axis = { _offset: 0, d2p: (v) => 5 * v, p2d: (x) => x / 5 };
        const drawn = async (plot) => { plot._fullLayout = { xaxis: axis, yaxis: axis, yaxis2: axis }; };
        window.Plotly = { react: drawn }; }"""
    )
    told = json.loads(json.dumps(cutoff_plot.describe(bins, lines))) | {"session": "one"}
    page.evaluate("give", told)
    page.wait_for_function("document.querySelector('.cutoffs').dataset.drawn")
    return told


DRAWN = "document.querySelector('.cutoffs').dataset.drawn"


def test_a_moved_cut_off_is_told_again_until_it_was_heard(page: Page) -> None:
    told = _plot(page)
    page.locator(".line").first.press("ArrowRight")
    page.wait_for_function("told.length === 1")
    page.evaluate("give", told)  # the report was lost: the server knows nothing of it
    assert page.evaluate(DRAWN) == "25.5 50"
    page.wait_for_function("told.length === 2")
    first, second = page.evaluate("told")
    assert first == second and first["cutoffs"] == [25.5, 50]
    page.evaluate("give", told | {"heard": first["id"], "cutoffs": [25.5, 50]})
    page.evaluate("give", told | {"heard": first["id"], "cutoffs": [30, 50]})  # by a slider
    page.wait_for_function(f"{DRAWN} === '30 50'")


def test_what_the_former_session_was_told_holds_no_line(page: Page) -> None:
    told = _plot(page)
    page.locator(".line").first.press("ArrowRight")
    page.wait_for_function("told.length === 1")
    moved = page.evaluate("told[0]")
    page.evaluate("give", told | {"heard": moved["id"], "cutoffs": [25.5, 50]})
    page.evaluate("give", told | {"session": "two"})  # which has heard of nothing
    page.wait_for_function(f"{DRAWN} === '25 50'")


def _become(page: Page, connection: str) -> None:
    page.evaluate(
        "now => { document.querySelector('main').dataset.testConnectionState = now; }", connection
    )


def test_a_page_runs_once_after_each_loss_of_the_server_and_says_that_it_is_away(
    page: Page,
) -> None:
    _take(page, _script("connection"), '<main data-test-connection-state="CONNECTED"></main>')
    page.evaluate("give", None)
    page.evaluate("give", None)  # drawn once more
    away = page.get_by_text("Tierscope does not answer at the moment.")
    for losses in (1, 2):
        _become(page, "PINGING_SERVER")
        expect(away).to_be_visible(timeout=3_000)
        _become(page, "CONNECTING")
        _become(page, "CONNECTED")
        expect(away).to_be_hidden()
        page.wait_for_function(f"told.length === {losses}")
    _become(page, "PINGING_SERVER")
    _become(page, "CONNECTED")
    page.wait_for_timeout(1_500)
    expect(away).to_be_hidden()  # it was back before anybody saw that it had gone
    assert page.evaluate("told.length") == 3


@pytest.mark.parametrize(
    ("said", "hidden"), [("Connection error", True), ("Connection error HTTP status: 403", False)]
)
def test_what_streamlit_says_itself_is_left_where_the_server_refuses_a_tab(
    page: Page, said: str, hidden: bool
) -> None:
    _take(page, _script("connection"), '<main data-test-connection-state="CONNECTED"></main>')
    page.evaluate("give", None)
    _become(page, "PINGING_SERVER")
    away = page.get_by_text("Tierscope does not answer at the moment.")
    expect(away).to_be_visible(timeout=3_000)
    page.evaluate(
        """said => document.body.insertAdjacentHTML("beforeend",
        `<div data-testid="stDialog"><div role="dialog">${said}</div></div>`)""",
        said,
    )
    dialog = page.locator("[data-testid=stDialog]")
    for one, gone in ((dialog, hidden), (away, not hidden)):
        if gone:
            expect(one).to_be_hidden()
        else:
            expect(one).to_be_visible()


def _give_entered(page: Page, holder: str, heard: str = "", place: str = "here", **entered: object):
    page.evaluate(
        "give",
        {
            "form": "f",
            "place": place,
            "holder": holder,
            "heard": heard,
            "path": ["comment"],
            "entered": entered,
        },
    )


def test_what_was_entered_is_told_to_another_holder_at_its_place_alone(page: Page) -> None:
    _take(page, _script("entered"))
    _give_entered(page, "one", value=1)
    _give_entered(page, "two", place="elsewhere")
    assert page.evaluate("told") == []
    _give_entered(page, "two")
    entered = {"value": 1}
    assert page.evaluate("told") == [
        {"place": "here", "holder": "one", "typed": False, "entered": entered}
    ]
    _give_entered(page, "two", "one", value=1)
    _give_entered(page, "two", "one")  # saved, or taken away
    _give_entered(page, "three")
    assert page.evaluate("told.length") == 1


def test_what_is_entered_before_the_holder_has_heard_does_not_replace_what_the_tab_kept(
    page: Page,
) -> None:
    _take(page, _script("entered"))
    _give_entered(page, "one", comment="a ring")
    _give_entered(page, "two", value=1)
    _give_entered(page, "two", value=1)  # the first telling was lost
    told = {"place": "here", "holder": "one", "typed": False, "entered": {"comment": "a ring"}}
    assert page.evaluate("told") == [told, told]
    _give_entered(page, "two", "one", value=1, comment="a ring")
    _give_entered(page, "three")
    both = {"value": 1, "comment": "a ring"}
    last = {"place": "here", "holder": "two", "typed": False, "entered": both}
    assert page.evaluate("told.at(-1)") == last


def test_what_is_typed_is_kept_before_the_server_knows_of_it(page: Page) -> None:
    _take(
        page, _script("entered"), '<div class="st-key-comment-f-1"><input></div><input id="other">'
    )
    _give_entered(page, "one", value=1)
    page.locator("input").first.fill("a ri")
    page.locator("#other").fill("no comment")
    _give_entered(page, "one", value=2)  # which was drawn meanwhile, without the text
    page.locator("input").first.fill("a ring")  # typed while no server answers
    _give_entered(page, "two", value=3)
    assert page.evaluate("told.at(-1).entered") == {"value": 2, "comment": "a ring"}
    _give_entered(page, "two", "one", value=3, comment="a ring")
    _give_entered(page, "two", "one", value=3)  # the comment was taken away
    _give_entered(page, "three")
    assert page.evaluate("told.at(-1).entered") == {"value": 3}


def test_what_is_typed_is_told_after_a_reload_once(page: Page) -> None:
    _take(page, _script("entered"), '<div class="st-key-comment-f-1"><input></div>')
    _give_entered(page, "one", value=1)
    page.locator("input").fill("a ring")
    page.evaluate("delete window.tierscopeEntered")  # as a reload does
    _give_entered(page, "one", value=1)
    both = {"value": 1, "comment": "a ring"}
    assert page.evaluate("told") == [
        {"place": "here", "holder": "one", "typed": True, "entered": both}
    ]
    _give_entered(page, "one", **both)
    page.evaluate("delete window.tierscopeEntered")
    _give_entered(page, "one", **both)
    assert page.evaluate("told.length") == 1


def test_after_a_restart_a_tab_says_whom_to_ask_and_then_goes_on(
    page: Page, tmp_path: Path
) -> None:
    key = "a-key_of-24-letters-1234"
    serving = Dashboard(Workspace.create(tmp_path / "w"), tmp_path / "log.txt", key=key)
    with serving as address:
        page.goto(f"{address}/?key={key}")
        chromium.opened(page, address, "cohort")
    told = page.get_by_text("Ask whoever runs Tierscope for that address")
    with serving:
        expect(told).to_be_visible(timeout=90_000)
        other = page.context.new_page()
        other.goto(f"{address}/?key={key}")
        expect(other.get_by_text("Present", exact=True).first).to_be_visible()
        expect(told).to_be_hidden(timeout=90_000)
