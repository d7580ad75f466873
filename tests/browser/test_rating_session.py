"""A rating session in Chromium: by keyboard alone, through a restart of the server, and blind on the wire."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from curation.ratings import rating_log, scales
from curation.ratings.rating_record import Opinion
from curation.sessions import session_log
from curation.sessions.session_plan import SessionPlan
from curation.storage import tables
from curation.storage.workspace import Workspace
from tests.helpers import chromium, workspace_full, workspace_marked
from tests.helpers.dashboard import Dashboard

pytestmark = pytest.mark.browser

SCANS = 8
LEVELS = {"1": 1.0, "2": 0.0, "3": -1.0}


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[Workspace, Dashboard, str]]:
    """A workspace whose scans Bob rated, and a dashboard that can be started anew."""
    workspace = workspace_full.make(tmp_path / "workspace")
    session = session_log.start(
        workspace, SessionPlan("his", "Bob", "three-level", "all", repeats_share=0.0)
    )
    for item in session.items:
        session_log.save(
            workspace, session.id, item.position, Opinion(float(item.position % 3 - 1), seconds=9)
        )
    serving = Dashboard(workspace, tmp_path / "log.txt")
    with serving as address:
        yield workspace, serving, address


def _tab_to(page: Page, wanted: Locator) -> None:
    """Press Tab until ``wanted`` has the cursor."""
    expect(wanted).to_be_visible()
    for _ in range(80):
        if wanted.evaluate("element => element === document.activeElement"):
            return
        page.keyboard.press("Tab")
    raise AssertionError("Tab does not lead there")


def _type(page: Page, label: str, words: str) -> None:
    _tab_to(page, page.get_by_label(label, exact=True).first)
    page.keyboard.press("Control+a")
    page.keyboard.type(words)
    page.keyboard.press("Tab")
    chromium.settled(page)


def _at(page: Page, place: int, total: int = SCANS) -> None:
    expect(page.get_by_role("heading", name=f"Scan {place} of {total}", exact=True)).to_be_visible()
    chromium.settled(page)


def _chosen(page: Page, label: str) -> None:
    """Wait until a button looks chosen."""
    button = page.get_by_role("button", name=re.compile(rf"^{label}"))
    expect(button).to_have_attribute("data-testid", "stBaseButton-primary")
    expect(button).to_have_attribute("aria-pressed", "true")


def _rate(page: Page, place: int, digit: str) -> None:
    _at(page, place)
    # the buttons come a moment after the heading, and their keys with them
    expect(page.get_by_role("button", name=re.compile("^Save and"))).to_be_visible()
    page.keyboard.press(digit)
    page.keyboard.press("s")


def _rate_first(page: Page) -> None:
    """Rate the first scan with every kind of key."""
    _at(page, 1)
    assert page.locator("[data-testid=stBaseButton-primary]").count() == 1  # only "Save and next"
    page.keyboard.press("s")
    expect(page.get_by_text("Choose a rating first.")).to_be_visible()
    for key, label in (
        ("2", "doubtful"),
        ("h", "Head motion"),
        ("w", "Wrap-around"),
        ("8", "sure"),
    ):
        page.keyboard.press(key)
        _chosen(page, label)
    others = page.get_by_role("button", name=re.compile("^(accept|exclude|Intensity|guess)"))
    for other in others.all():
        expect(other).to_have_attribute("aria-pressed", "false")
    page.keyboard.press("t")
    page.keyboard.type("nothing of the kind 123")
    page.keyboard.press("Enter")
    chromium.settled(page)
    page.keyboard.press("n")  # saves as well, for those who are used to it


def _standing(workspace: Workspace, rater: str) -> list[int]:
    """Return the places whose rating stands in the database."""
    given = rating_log.list_ratings(workspace)
    return sorted(int(place) for place in given.loc[given["rater"] == rater, "position"])


def _check_stored(workspace: Workspace) -> None:
    """See that each scan has one rating that stands, with all that was said."""
    given = rating_log.list_ratings(workspace, withdrawn=True)
    given = given[given["rater"] == "Ada"]
    standing = given[given["withdrawn"].isna()].sort_values("position")
    assert standing["position"].tolist() == list(range(SCANS))
    assert len(given) == SCANS + 1
    first = standing.iloc[0]
    assert first["label"] == "doubtful"
    assert first["artefacts"] == ("head-motion", "wrap-around")
    assert (first["confidence"], first["comment"]) == (3.0, "nothing of the kind 123")
    assert standing.iloc[1]["value"] == LEVELS["3"]
    assert standing["blinded"].all() and (standing["seconds"] > 0).all()
    assert first["shown"]["windows"] == ["Tissue"]
    before_and_after_the_restart = [standing.iloc[k]["shown"]["windows"] for k in (4, 5)]
    assert before_and_after_the_restart == [["Background"], ["Background"]]  # K, on the third scan


def test_a_blinded_session_by_keyboard_alone_survives_a_server_that_is_killed(
    page: Page, served
) -> None:
    workspace, serving, address = served
    chromium.opened(page, address, "rate")
    _type(page, "Who rates (name or initials)", "Ada")
    _type(page, "Name of the session", "pilot")
    _type(page, "How many scans", "7")
    _type(page, "Hidden repeats (%)", "15")
    _tab_to(page, page.get_by_role("button", name="Start rating"))
    page.keyboard.press("Enter")

    _rate_first(page)
    _rate(page, 2, "1")
    _at(page, 3)
    page.keyboard.press("u")
    _rate(page, 2, "3")
    _at(page, 3)
    page.keyboard.press("k")
    expect(page.get_by_text("Background window")).to_be_visible()
    for place in range(3, 6):
        _rate(page, place, "123"[place % 3])
        page.keyboard.press("s")  # a doubled press saves once
    _at(page, 6)

    serving.kill()
    assert _standing(workspace, "Ada") == list(range(5))  # all that was confirmed on the screen
    serving.__enter__()
    page.reload()
    chromium.listening(page)
    expect(page.get_by_text("Background window")).to_be_visible()
    _rate(page, 6, "1")
    _at(page, 7)
    # as if the browser had been closed: no address leads into the session
    page.goto(f"{address}/rate")
    expect(
        page.get_by_role("button", name="Go on with session pilot, 6 of 8 (Ada)")
    ).to_be_visible()
    chromium.settled(page)
    chromium.listening(page)
    page.keyboard.press("g")
    expect(page.get_by_text("Are you Ada?")).to_be_visible()
    chromium.settled(page)
    page.keyboard.press("y")
    for place in range(7, SCANS + 1):
        _rate(page, place, "123"[place % 3])
    expect(page.get_by_role("heading", name="Finished")).to_be_visible()
    chromium.settled(page)
    page.keyboard.press("s")  # pressed once too often it shows nothing: that cannot be undone
    chromium.settled(page)
    expect(page.get_by_text("Unblinded results", exact=True)).not_to_be_visible()
    _tab_to(page, page.get_by_role("button", name="Show what was hidden"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("row").filter(has_text="Bob").first).to_be_visible()
    expect(page.get_by_text("Unblinded results", exact=True)).to_be_visible()
    _check_stored(workspace)


def _go_on_with(page: Page, address: str, workspace: Workspace) -> int:
    """Open a session of Ada's, wait until its first scan is drawn, and return how many it has."""
    session = session_log.start(
        workspace, SessionPlan("hers", "Ada", "three-level", "all", repeats_share=0.0)
    )
    page.goto(f"{address}/rate?session={session.id}")
    _at(page, 1, session.total)
    chromium.drawn(page)
    return session.total


#: Presses a button again and again, until it looks chosen.
PRESS_UNTIL_CHOSEN = """(word) => {
  const buttons = () => [...document.querySelectorAll("button")];
  const button = () => buttons().find((one) => one.textContent.startsWith(word));
  const pressing = setInterval(() => {
    if (button()?.getAttribute("aria-pressed") === "true") return void clearInterval(pressing);
    button()?.click();
  }, 20);
}"""


def test_a_page_left_open_goes_on_by_itself_after_the_server_was_killed(page: Page, served) -> None:
    workspace, serving, address = served
    total = _go_on_with(page, address, workspace)
    chromium.listening(page)
    page.keyboard.press("2")
    _chosen(page, "doubtful")
    page.keyboard.press("w")
    _chosen(page, "Wrap-around")
    page.get_by_label("Comment").fill("a ring")
    page.keyboard.press("Enter")
    chromium.settled(page)
    # last of all the whole page runs: streamlit then asks the new server for nothing
    page.frame_locator("iframe[title*=niivue]").get_by_role("button", name="Mark").click()
    page.wait_for_function("Object.values(sessionStorage).some((one) => one.includes('places'))")
    chromium.settled(page)
    page.get_by_label("Comment").fill("a ring, and more")  # and no Enter
    serving.kill()
    away = page.get_by_text("Tierscope does not answer at the moment.")
    expect(away).to_be_visible(timeout=5_000)
    dialog = page.get_by_role("dialog")
    page.wait_for_function("document.querySelector('[role=dialog]')", timeout=90_000)
    expect(dialog).to_be_hidden()  # streamlit's own
    doubtful = page.get_by_role("button", name=re.compile("^doubtful"))
    expect(doubtful).to_have_css("background-color", "rgb(36, 59, 83)")
    serving.__enter__()
    page.evaluate(PRESS_UNTIL_CHOSEN, "accept")  # by who does not wait for anything
    expect(away).to_be_hidden(timeout=90_000)
    expect(dialog).not_to_be_attached()
    _chosen(page, "accept")
    _chosen(page, "Wrap-around")
    expect(page.get_by_label("Comment")).to_have_value("a ring, and more")
    chromium.settled(page)  # what was brought back is drawn once more with the whole page
    _chosen(page, "accept")
    page.get_by_role("button", name=re.compile("^Save and")).click()
    _at(page, 2, total)
    given = rating_log.list_ratings(workspace)
    (row,) = given[given["rater"] == "Ada"].to_dict("records")
    assert (row["position"], row["label"], row["comment"]) == (0, "accept", "a ring, and more")
    assert row["artefacts"] == ("wrap-around",) and len(row["shown"]["places"]) == 1


def test_what_is_typed_outlives_a_reload(page: Page, served) -> None:
    workspace, _, address = served
    _go_on_with(page, address, workspace)
    chromium.listening(page)
    page.keyboard.press("2")
    _chosen(page, "doubtful")
    page.get_by_label("Comment").fill("a ring")  # and no Enter
    page.reload()
    _chosen(page, "doubtful")
    expect(page.get_by_label("Comment")).to_have_value("a ring")


#: Whether each level's word is drawn whole within its button, and where the button that saves ends.
_WORDS_AND_SAVE = """() => {
  const buttons = [...document.querySelectorAll(".st-key-levels button")];
  const inside = (button) => {
    const text = document.createRange(), around = button.getBoundingClientRect();
    text.selectNodeContents(button.querySelector("p"));
    const drawn = text.getBoundingClientRect();
    for (let box = button.querySelector("p"); box !== button; box = box.parentElement)
      if (getComputedStyle(box).overflowX !== "visible" && box.scrollWidth > box.clientWidth + 1)
        return false;
    return drawn.left >= around.left && drawn.right <= around.right && drawn.bottom <= around.bottom;
  };
  const save = [...document.querySelectorAll("button")].find((one) => one.textContent.startsWith("Save and"));
  return { words: buttons.length === 4 && buttons.every(inside), save: save.getBoundingClientRect().bottom };
}"""


def test_each_levels_word_is_whole_and_a_mark_moves_nothing(page: Page, served) -> None:
    workspace, _, address = served
    words = "good\nusable\npoor\nrepeat the scan"
    scale = scales.scale_of_lines("Four", words, "", higher=True)
    scales.add_scale(workspace, scale, "Ada")
    session = session_log.start(workspace, SessionPlan("hers", "Ada", scale.name, size=3))
    for size in ((900, 1200), (1400, 1000)):
        page.set_viewport_size(dict(zip(("width", "height"), size, strict=True)))
        page.goto(f"{address}/rate?session={session.id}")
        chromium.drawn(page)
        chromium.settled(page)
        before = page.evaluate(_WORDS_AND_SAVE)
        assert before["words"] and before["save"] <= size[1]
        mark = page.frame_locator("iframe[title*=niivue]").get_by_role("button", name="Mark")
        mark.click()
        expect(page.get_by_text("1 place marked")).to_be_visible()
        assert page.evaluate(_WORDS_AND_SAVE) == before
        mark.click()
        expect(page.get_by_text("1 place marked")).to_be_hidden()


def test_one_of_the_earlier_ratings_is_corrected_on_a_tablet(page: Page, served) -> None:
    workspace, _, address = served
    long = "the second wave of all sites, read for artefacts of motion alone"
    session = session_log.start(
        workspace, SessionPlan(long, "Ada", "three-level", size=8, repeats_share=0.0)
    )
    for place in range(5):
        tags = ["wrap-around"] if place == 1 else []
        session_log.save(workspace, session.id, place, Opinion(float(place % 2), artefacts=tags))
    page.set_viewport_size({"width": 900, "height": 1200})
    page.goto(f"{address}/rate?session={session.id}")
    _at(page, 6)
    chromium.drawn(page)
    chromium.settled(page)
    bar, undo = page.locator(".st-key-session-bar"), page.get_by_role("button", name="Undo")
    assert bar.bounding_box()["height"] == undo.bounding_box()["height"]  # one row
    assert page.evaluate(_WORDS_AND_SAVE)["save"] <= 1200
    page.get_by_role("button", name="Rated").click()
    page.get_by_text("Scan 2: accept").click()
    page.get_by_role("button", name="Take it back").click()
    _at(page, 2)
    expect(page.get_by_role("button", name="Take it back")).to_be_hidden()
    _chosen(page, "Wrap-around")
    page.get_by_role("button", name=re.compile("^exclude")).click()
    _chosen(page, "exclude")
    page.get_by_role("button", name=re.compile("^Save and")).click()
    _at(page, 6)
    given = rating_log.list_ratings(workspace)
    own = given[given["session_id"] == session.id].sort_values("position")
    assert own["label"].tolist() == ["doubtful", "exclude", "doubtful", "accept", "doubtful"]
    assert own.iloc[1]["artefacts"] == ("wrap-around",)


def test_the_image_gives_way_until_save_is_in_sight_on_a_low_tablet(page: Page, served) -> None:
    workspace, _, address = served
    _go_on_with(page, address, workspace)
    for height in (1200, 1080, 1000):
        page.set_viewport_size({"width": 900, "height": height})
        page.wait_for_function(
            """() => [...document.querySelectorAll("button")].some((one) =>
            one.textContent.startsWith("Save and") && one.getBoundingClientRect().bottom <= innerHeight)"""
        )


def test_what_was_entered_on_review_outlives_a_server_that_was_killed(page: Page, served) -> None:
    _, serving, address = served
    chromium.opened(page, address, "review")
    chromium.drawn(page)
    chromium.listening(page)
    page.keyboard.press("2")
    _chosen(page, "doubtful")
    page.keyboard.press("t")
    page.keyboard.type("a ring")  # and no Enter: the server knows nothing of it
    page.wait_for_function("Object.values(sessionStorage).some((one) => one.includes('a ring'))")
    serving.kill()
    serving.__enter__()
    page.reload()  # as who does not read what stands on the page
    _chosen(page, "doubtful")
    chromium.settled(page)
    expect(page.get_by_placeholder("comment, key")).to_have_value("a ring")


# ---- what goes over the wire -----------------------------------------------------------------------


class _Traffic:
    """Everything that a page gets from the server."""

    def __init__(self, page: Page) -> None:
        self.parts: list[bytes] = []
        page.on("websocket", lambda socket: socket.on("framereceived", self._frame))
        page.on("response", self._response)
        self._page = page

    def _frame(self, payload: str | bytes) -> None:
        self.parts.append(payload.encode() if isinstance(payload, str) else payload)

    def _response(self, response) -> None:  # type: ignore[no-untyped-def]
        self.parts.append(response.url.encode())
        if not response.url.endswith((".js", ".css", ".woff2")) and response.ok:
            self.parts.append(response.body())

    def found(self) -> set[bytes]:
        """Return the marks that were sent."""
        return {mark for mark in workspace_marked.MARKS if any(mark in part for part in self.parts)}


def _drawn(page: Page, before: list[str]) -> str:
    """Wait for an image of another address than those before; return its address."""
    others = "".join(f":not([data-file='{address}'])" for address in before)
    html = page.frame_locator("iframe[title*=niivue]").locator(f"html[data-image=drawn]{others}")
    expect(html).to_be_attached()
    return html.get_attribute("data-file") or ""


@pytest.mark.own_window
def test_nothing_hidden_reaches_the_browser_while_blinded(page: Page, tmp_path: Path) -> None:
    workspace = workspace_marked.make(tmp_path / "workspace")
    unreadable = tables.read_scans(workspace).set_index("scan_id")["path"]
    session = session_log.start(
        workspace, SessionPlan("blind", "Ada", "three-level", size=4, repeats_share=0.25, seed=1)
    )
    Path(unreadable[session.items[1].scan_id]).write_bytes(b"no image")
    with Dashboard(workspace, tmp_path / "log.txt") as address:
        traffic = _Traffic(page)
        chromium.opened(
            page, address, "review"
        )  # what was looked at before is not sent again either
        page.get_by_role("link", name="Rate", exact=True).click()
        expect(page.get_by_role("heading", name="What do raters say?")).to_be_visible()
        chromium.settled(page)
        assert traffic.found()
        traffic.parts.clear()
        page.get_by_role("button", name="Go on with session blind, 0 of 5 (Ada)").click()
        page.get_by_role("button", name="Yes, I am Ada").click()
        addresses: list[str] = []
        for place in range(1, 6):
            _at(page, place, 5)
            if place != 2:
                addresses.append(_drawn(page, addresses))
            page.keyboard.press("k")
            chromium.settled(page)
            page.keyboard.press("2")
            page.keyboard.press("n")
            if place == 3:
                _at(page, 4, 5)
                page.keyboard.press("u")
                _at(page, 3, 5)
                page.keyboard.press("1")
                page.keyboard.press("n")
            if place == 5:
                break
            _at(page, place + 1, 5)
            page.wait_for_timeout(1500)
            assert len(traffic.parts) > 10
            assert traffic.found() == set()
        expect(page.get_by_role("heading", name="Finished")).to_be_visible()
        chromium.settled(page)
        assert traffic.found() == set()
        assert len(set(addresses)) == 4 and session.items[3].repeat_of == 0
        page.get_by_role("button", name="Show what was hidden").click()
        expect(page.get_by_text("Unblinded results", exact=True)).to_be_visible()
        chromium.settled(page)
        page.wait_for_timeout(500)
        shown = {b"MARKSCAN", b"MARKSITE", b"MARKSEX", b"MARKGROUP", b"MARKRATER"}
        assert shown <= traffic.found()
