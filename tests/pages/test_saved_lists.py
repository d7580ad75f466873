"""A saved list of scans narrows Scans and Review, and can be the list of a rating session."""

from curation.sessions import saved_lists, session_log
from pages.ui.shell import state
from pages.ui.viewer import tiles
from tests.helpers.page_words import button, checked, words

IDS = ["made-pool_sub-03_T1w", "made-target_sub-02_T1w"]


def test_scans_and_review_show_the_scans_on_the_lists_that_are_chosen(
    own, run, monkeypatch
) -> None:
    drawn: list[dict] = []
    monkeypatch.setattr(tiles, "show", lambda _, shown, **__: drawn.extend(shown))
    first = saved_lists.save(own, "odd", "Ada", [*IDS, "gone"])
    second = saved_lists.save(own, "more", "Ada", ["made-pool_sub-05_T1w"])
    run("sheet", own, **{state.LISTS: [first]})
    assert {tile["id"] for tile in drawn} == set(IDS)
    page = run("review", own, **{state.LISTS: [first, second, 99]})
    assert "1 of 3" in words(page)


def test_without_a_list_nothing_is_asked(full, run) -> None:
    page = run("sheet", full.workspace, **{state.LISTS: [5]})
    assert "On any of these lists" not in [one.label for one in page.multiselect]
    assert page.session_state[state.LISTS] == []


def test_a_session_is_started_on_a_list_and_named_after_it(own, run) -> None:
    number = saved_lists.save(own, "odd", "Ada", IDS)
    page = run("rate", own, **{state.NEW_CHOICE: "list"})
    page.text_input(key="new-rater").set_value("Ada")
    button(page, "Start rating").click()
    checked(page.run())
    (session,) = session_log.list_sessions(own).itertuples()
    assert session.choice == f"list:{number}"
    assert {item.scan_id for item in session_log.load(own, session.id).items} == set(IDS)
    assert "List odd" in words(run("rate", own))
