"""What outlives a reload by the address, and a selection on Explore as the worklist of Review."""

import pytest
from streamlit.testing.v1 import AppTest

from curation.cohorts import frozen_cohort
from curation.storage import tables
from curation.storage.workspace import ENVIRONMENT_VARIABLE, Workspace
from curation.tiers import overrides, rule_yaml
from curation.tiers.tier_rule import DEFAULT_RULE, TierRule
from pages.tiers import COHORTS, RULE
from pages.ui.review import scan_panel
from pages.ui.scan_table import rule_in_address
from pages.ui.shell import state
from pages.ui.shell.frame import PAGES, ROOT
from tests.helpers.page_words import button, checked, field, words

MOVED = TierRule(cutoffs=(35.0, 50.0))


@pytest.fixture
def loaded(monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]
    """Load a page anew at an address."""

    def load(name: str, workspace: Workspace, **address: str) -> AppTest:
        page = AppTest.from_file(ROOT / PAGES[name].path, default_timeout=60)
        for key, value in address.items():
            page.query_params[key] = value
        monkeypatch.setenv(ENVIRONMENT_VARIABLE, str(workspace.root))
        return checked(page.run())

    return load


def _named(page: AppTest, key: str) -> str:
    value = page.query_params[key]
    return value if isinstance(value, str) else value[0]


# ---- the rule ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["tiers", "review", "sheet", "explore"])
def test_a_rule_that_is_tried_is_still_tried_when_the_page_is_loaded_anew(
    name: str, full, run, loaded
) -> None:
    first = run(name, full.workspace, **{state.TRIED: MOVED.as_dict()})
    written = _named(first, "rule")
    assert rule_yaml.parse(written) == MOVED
    again = loaded(name, full.workspace, rule=written)
    assert TierRule.from_dict(again.session_state[state.TRIED]) == MOVED


def test_the_rule_that_everybody_starts_with_needs_no_word_in_the_address(full, run) -> None:
    assert "rule" not in run("sheet", full.workspace).query_params
    assert (
        "rule"
        not in run("sheet", full.workspace, **{state.TRIED: DEFAULT_RULE.as_dict()}).query_params
    )


@pytest.mark.parametrize("text", ["cutoffs: [50, 35]", "<b>", "a: [", "column: __class__"])
def test_an_address_that_names_no_rule_is_answered_in_words(text: str, full, loaded) -> None:
    page = loaded("sheet", full.workspace, rule=text)
    assert any("rule in the address is left out" in warning.value for warning in page.warning)
    assert state.TRIED not in page.session_state
    assert "rule" not in page.query_params


def test_a_rule_too_long_for_an_address_is_left_out_of_it(full, run, monkeypatch) -> None:
    monkeypatch.setattr(rule_in_address, "MAX_LENGTH", 10)
    page = run("sheet", full.workspace, **{state.TRIED: MOVED.as_dict()})
    assert "rule" not in page.query_params


# ---- the open scan and the worklist ------------------------------------------------------------------


def test_the_open_scan_is_open_again_and_one_that_is_gone_is_named(full, run, loaded) -> None:
    page = run("review", full.workspace)
    checked(button(page, "Next").click().run())
    opened = _named(page, "scan")
    assert opened == page.session_state[state.SCAN]
    assert loaded("review", full.workspace, scan=opened).session_state[state.SCAN] == opened
    other = loaded("review", full.workspace, scan="no <such> scan")
    assert any("no usable scan" in warning.value for warning in other.warning)
    assert other.session_state[state.SCAN] != "no <such> scan"


def test_next_walks_through_what_was_selected_until_one_leaves_it(full, run) -> None:
    every = field(run("review", full.workspace), "selectbox", state.SCAN).options
    chosen = tuple(option.split()[0] for option in every[2:8:2])
    page = run(
        "review",
        full.workspace,
        **{state.SELECTED: chosen, state.WORKLIST: True, state.PENDING_SCAN: chosen[0]},
    )
    assert f"1 of {len(chosen)} selected" in words(page)
    checked(button(page, "Next").click().run())
    assert page.session_state[state.SCAN] == chosen[1]
    checked(button(page, "All scans").click().run())
    assert f"5 of {len(every)}" in words(page) and "selected" not in words(page)


def test_a_scan_opened_from_elsewhere_is_seen_among_all(full, run) -> None:
    every = field(run("review", full.workspace), "selectbox", state.SCAN).options
    first, second, *_ = (option.split()[0] for option in every)
    page = run(
        "review",
        full.workspace,
        **{state.SELECTED: (first,), state.WORKLIST: True, state.PENDING_SCAN: second},
    )
    assert f"2 of {len(every)}" in words(page) and not page.session_state[state.WORKLIST]


# ---- rules of frozen cohorts -------------------------------------------------------------------------


def test_the_rule_of_a_frozen_cohort_is_taken_up_again(own, run) -> None:
    frozen_cohort.freeze(own, "mine", author="Ada", rule=MOVED)
    page = run("tiers", own, **{state.TIERS_PART: COHORTS})
    checked(button(page, "Use this rule").click().run())
    assert TierRule.from_dict(page.session_state[state.TRIED]) == MOVED


def test_two_frozen_cohorts_are_compared_by_their_rules(own, run) -> None:
    names = [
        frozen_cohort.freeze(own, name, author="Ada", rule=TierRule(cutoffs=cutoffs)).id
        for name, cutoffs in (("one", (20.0, 40.0)), ("two", (20.0, 90.0)))
    ]
    page = run("tiers", own, **{state.TIERS_PART: RULE})
    labels = [f"Rule of cohort {name}" for name in names]
    assert set(labels) <= set(page.selectbox(key=state.BEFORE).options)
    page.selectbox(key=state.BEFORE).set_value(labels[0])
    checked(page.selectbox(key=state.AFTER).set_value(labels[1]).run())
    assert "moves to another tier" in words(page) or "move to another tier" in words(page)
    assert all(move.startswith("C → B") for move in page.selectbox(key=state.MOVE).options)


def test_more_like_this_makes_the_nearest_scans_the_worklist(full, run) -> None:
    page = run("review", full.workspace)
    opened = page.session_state[state.SCAN]
    checked(button(page, "More like this").click().run())
    chosen = page.session_state[state.SELECTED]
    assert chosen[0] == opened and len(set(chosen)) == len(chosen) == 1 + scan_panel.ALIKE
    assert f"of {len(chosen)} selected" in words(page)
    roles = tables.read_scans(full.workspace).set_index("scan_id").loc[list(chosen), "role"]
    assert roles.nunique() == 1
    checked(button(page, "All scans").click().run())
    assert "selected" not in words(page)


def test_scans_like_one_come_in_the_order_of_their_likeness(full, run) -> None:
    page = run("review", full.workspace)
    checked(button(page, "Next").click().run())
    opened = page.session_state[state.SCAN]
    checked(button(page, "More like this").click().run())
    chosen = page.session_state[state.SELECTED]
    options = field(page, "selectbox", state.SCAN).options
    assert [option.split()[0] for option in options] == list(chosen)
    assert f"Next (N) and Previous (P) now walk through {opened}" in words(page).replace("\\", "")
    checked(page.selectbox(key=state.ALIKE_SORT).set_value("worst first").run())
    assert f"{1 + scan_panel.ALIKE} selected" in words(page)
    checked(button(page, "All scans").click().run())
    assert page.session_state[state.SCAN] == opened and "now walk through" not in words(page)


def test_a_browser_that_still_tells_the_old_words_of_a_scan_moves_nothing(own, run) -> None:
    page = run("review", own)
    checked(button(page, "Next").click().run())
    opened = page.session_state[state.SCAN]
    old = next(o for o in field(page, "selectbox", state.SCAN).options if o.startswith(opened))
    overrides.override(own, opened, "Ada", "C" if old.endswith("A") else "A", "seen")
    checked(page.run())
    picker = field(page, "selectbox", state.SCAN)
    assert old not in picker.options
    button(page, "More like this").click()
    told = page._tree.get_widget_states()
    for widget in told.widgets:
        if widget.id == picker.id:
            widget.string_value = old
    checked(page._run(told))
    assert page.session_state[state.SCAN] == opened
    assert page.session_state[state.SELECTED][0] == opened and page.session_state[state.WORKLIST]
