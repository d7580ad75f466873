"""Previous and Next: each press counts once, and no field leads back, whatever was cut short between."""

import pytest
import streamlit as st

from pages.ui.shell import controls, scan_lists, state


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> dict:
    kept: dict = {}
    monkeypatch.setattr(st, "session_state", kept)
    return kept


def _said(far: object, since: str = "one window") -> dict:
    return {"since": since, "far": far}


def test_only_what_was_not_heard_yet_is_gone_on_by(session: dict) -> None:
    assert [scan_lists._fresh(_said(far)) for far in (1, 4, 4, 3)] == [1, 3, 0, -1]


def test_a_window_that_was_loaded_anew_counts_from_nothing(session: dict) -> None:
    scan_lists._fresh(_said(9))
    assert scan_lists._fresh(_said(2, since="another")) == 2


@pytest.mark.parametrize("said", [None, "5", {"far": "5"}, {"since": "x"}, {"far": None}])
def test_what_is_no_count_moves_nothing(said: object, session: dict) -> None:
    assert scan_lists._fresh(said) == 0 and session == {}


def test_a_field_that_tells_what_it_was_drawn_with_chooses_nothing(session: dict) -> None:
    told: list[dict] = []

    def drawn(_: str, options: list[str], **more: object) -> None:
        told.append(more)

    options = ["first", "second", "third"]
    assert controls.choose_movable(drawn, "Scan", options, key=state.SCAN) == "first"
    controls.move(state.SCAN, "second")
    assert controls.choose_movable(drawn, "Scan", options, key=state.SCAN) == "second"
    old, new = told
    assert old["key"] != new["key"]  # what the browser still says of the old one is not heard
    controls.move(state.SCAN, "third")
    new["on_change"](*new["args"])
    assert session[state.SCAN] == "third"
    session[new["key"]] = "first"
    new["on_change"](*new["args"])
    assert session[state.SCAN] == "first"


def test_a_field_whose_words_change_is_another_one_and_one_that_moves_by_hand_the_same(
    session: dict,
) -> None:
    told: list[dict] = []
    tiers = {"first": "first · B", "second": "second · A"}

    def choose() -> str:
        def drawn(_: str, __: list[str], **more: object) -> None:
            told.append(more)

        return controls.choose_movable(
            drawn, "Scan", list(tiers), key=state.SCAN, format_func=tiers.get
        )

    choose()
    session[told[0]["key"]] = "second"
    told[0]["on_change"](*told[0]["args"])
    assert choose() == "second" and told[1]["key"] == told[0]["key"]
    tiers["second"] = "second · C"  # by hand
    assert choose() == "second" and told[2]["key"] != told[1]["key"]
