"""Pages for somebody who is signed in: what each rank is offered, and in whose name it happens."""

import pytest

from curation.access.acting import Actor
from curation.access.actions import Rank
from curation.access.membership import Membership
from curation.decisions import actions, audit_trail
from curation.ratings import rating_log
from curation.ratings.rating_record import Opinion
from curation.sessions import session_log, unblinding
from pages.tiers import COHORTS
from pages.ui.entrance import entrance, login_sessions
from pages.ui.rate import history_panel
from pages.ui.shell import downloads, state
from pages.ui.shell.frame import PAGES
from tests.helpers import rating_sessions
from tests.helpers.logins import signed_in
from tests.helpers.page_words import button, checked, words

pytestmark = pytest.mark.usefixtures("few_draws")

#: Of each page that has one, a button that decides, and what is chosen on the page where it stands.
DECIDING = {
    "cohort": "Add the source",
    "review": "Save",
    "rate": "Start rating",
    "tiers": "Freeze this pool cohort",
    "train": "Launch the study",
}
CHOSEN = {"tiers": {state.TIERS_PART: COHORTS}}


def _labels(page) -> set[str]:
    return {one.label for one in page.button}


@pytest.mark.parametrize("name", list(PAGES))
def test_a_viewer_sees_every_page_and_is_offered_nothing_that_decides(name, full, run) -> None:
    before = len(audit_trail.history(full.workspace))
    with signed_in("vera@lab.example", Rank.VIEWER):
        page = run(name, full.workspace, **CHOSEN.get(name, {}))
        assert not page.error
        said = words(page)
        assert "vera@lab.example, viewer" in said
        assert "Sign out" in said
    assert not {*DECIDING.values()} & _labels(page)
    assert not any(one.label.startswith(("Who ", "Your name")) for one in page.text_input)
    assert len(audit_trail.history(full.workspace)) == before


@pytest.mark.parametrize("name", list(DECIDING))
def test_a_curator_is_offered_what_a_viewer_is_not(name, full, run) -> None:
    with signed_in("cora@lab.example", Rank.CURATOR):
        page = run(name, full.workspace, **CHOSEN.get(name, {}))
    assert DECIDING[name] in _labels(page)


def test_a_rating_on_review_is_in_the_name_of_who_is_signed_in(own, run) -> None:
    with signed_in("ada@lab.example", Rank.RATER):
        page = run("review", own, **{state.PERSON: "Somebody Else"})
        assert not any("initials" in one.label for one in page.text_input)
        checked(button(page, "accept").click().run())
        checked(button(page, "Save").click().run())
    assert rating_log.list_ratings(own)["rater"].tolist() == ["ada@lab.example"]


def test_anothers_session_is_not_opened_by_its_number(own, run) -> None:
    with signed_in("ada@lab.example", Rank.RATER):
        session = rating_sessions.started(own, rater="ada@lab.example")
        page = run("rate", own, **{state.RATING_SESSION: session.id})
        assert "Scan 1 of 3" in words(page)
    with signed_in("eve@lab.example", Rank.ADMINISTRATOR):
        page = run("rate", own, **{state.RATING_SESSION: session.id})
        assert "Scan 1 of 3" not in words(page)
        assert not any("pilot" in label for label in _labels(page))
    assert "Go on with session pilot, 0 of 3 (Ada)" not in _labels(page)


def test_a_second_rater_can_rate_the_scans_of_anothers_session(own, run) -> None:
    with signed_in("ada@lab.example", Rank.RATER):
        model = rating_sessions.started(own, rater="ada@lab.example", scale="mriqc-4")
    with signed_in("tom@lab.example", Rank.RATER):
        page = checked(run("rate", own, **{state.NEW_CHOICE: "session"}))
        assert "Prepare it for later" not in _labels(page)
        checked(button(page, "Start rating").click().run())
        (row,) = session_log.list_sessions(own, "tom@lab.example").to_dict("records")
        assert (row["choice"], row["scale"]) == (f"session:{model.id}", "mriqc-4")
        page = run("rate", own)
        assert "The scans of another session" in words(page)
        checked(button(page, "Take the session back").click().run())
        assert session_log.list_sessions(own, "tom@lab.example").empty


def test_a_curator_ends_a_session_of_somebody_who_does_not_come_back(own, run) -> None:
    with signed_in("ada@lab.example", Rank.RATER):
        session = rating_sessions.started(own, rater="ada@lab.example")
        session_log.save(own, session.id, 0, Opinion(1.0))
        assert "End the session" not in _labels(run("rate", own))
    with signed_in("eve@lab.example", Rank.CURATOR):
        page = run("rate", own)
        assert session.items[0].scan_id not in words(page)
        checked(button(page, "End the session").click().run())
        said = words(page)
        assert "still running" not in said
        assert "Session pilot of ada@lab.example is ended, after 1 of 3 scans." in said.replace(
            "\\", ""
        )
    assert unblinding.is_unblinded(own, session)
    line = audit_trail.history(own).set_index("what").loc["what was hidden shown"]
    assert line["who"] == "eve@lab.example"


def test_whose_session_was_ended_meanwhile_reads_what_was_not_saved_and_by_whom(own, run) -> None:
    with signed_in("ada@lab.example", Rank.RATER):
        session = rating_sessions.started(own, rater="ada@lab.example")
        session_log.save(own, session.id, 0, Opinion(1.0))
        page = run("rate", own, **{state.RATING_SESSION: session.id})
        checked(button(page, "accept").click().run())
    with signed_in("eve@lab.example", Rank.CURATOR):
        unblinding.end_for_rater(own, session, "eve@lab.example")
    with signed_in("ada@lab.example", Rank.RATER):
        checked(button(page, "Save and next").click().run())
        for _ in range(2):  # it stands
            said = words(checked(page.run())).replace("\\", "")
            assert "Ended after 1 of 3" in said
            assert "What you entered last, for scan 2, was not saved" in said
            assert "eve@lab.example ended this session. Its 1 saved rating counts" in said
        checked(button(page, "Close").click().run())
        assert "was not saved" not in words(page)


def test_each_view_of_a_scan_is_noted_once_where_it_is_asked_for(own, run, monkeypatch) -> None:
    def looked_at() -> list[str]:
        noted = audit_trail.history(own)
        return noted.loc[noted["what"] == "looked at", "subject"].tolist()

    settings = Membership("oidc", people={"vera@lab.example": Rank.VIEWER}, views=True)
    with signed_in("vera@lab.example", Rank.VIEWER):
        run("review", own)
        assert looked_at() == []
        monkeypatch.setattr(entrance, "settings", lambda: settings)
        page = run("review", own)
        first = page.session_state[state.SCAN]
        checked(page.run())
        assert looked_at() == [first]
        checked(button(page, "Next").click().run())
        assert looked_at() == [page.session_state[state.SCAN], first]
        page.toggle(key=state.BESIDE).set_value(True)
        checked(page.run())
        checked(page.run())
        beside, *before = looked_at()
        assert before == [page.session_state[state.SCAN], first] and beside not in before
        detail = audit_trail.history(own).iloc[0]["detail"]
        assert f"beside: {page.session_state[state.SCAN]}" in detail


def test_who_looked_at_what_is_shown_to_an_administrator_alone(own, run, monkeypatch) -> None:
    settings = Membership("oidc", people={"ada@lab.example": Rank.RATER}, views=True)
    with monkeypatch.context() as asked, signed_in("ada@lab.example", Rank.RATER):
        asked.setattr(entrance, "settings", lambda: settings)
        session = rating_sessions.started(own, rater="ada@lab.example")
        run("rate", own, **{state.RATING_SESSION: session.id})
    hidden = session.items[0].scan_id
    assert hidden in set(audit_trail.history(own)["subject"])  # for the command

    def told(sought: str = "") -> str:
        page = run("rate", own, **{state.RATE_PART: "History"})
        if sought:
            checked(page.text_input(key="history-sought").set_value(sought).run())
        return words(page)

    assert hidden not in told() and hidden not in told(sought="ada")
    monkeypatch.setattr(history_panel, "_READ", 1)
    for rank in (Rank.RATER, Rank.CURATOR):
        with signed_in("ada@lab.example", rank):
            assert hidden not in told() and hidden not in told(sought="ada")
    with signed_in("it@lab.example", Rank.ADMINISTRATOR):
        assert hidden in told(sought="ada")


def test_who_signed_in_and_out_is_shown_to_curators_and_not_to_raters(own, run) -> None:
    refused = "sign-in refused, no name to be used"
    for what in ("signed in", "signed out", refused, *login_sessions._ENDS.values()):
        actions.note_of(own, Actor("bob@lab.example", None), what, "bob@lab.example")
    for rank, shown in ((Rank.VIEWER, False), (Rank.RATER, False), (Rank.CURATOR, True)):
        with signed_in("ada@lab.example", rank):
            page = run("rate", own, **{state.RATE_PART: "History"})
            assert ("bob@lab.example" in words(page)) is shown


def test_a_rater_is_offered_no_door_behind_which_nothing_is(own, run, workspace) -> None:
    doors = {"cohort": "Add data", "rate": "Export and import ratings"}
    for rank, offered in ((Rank.RATER, False), (Rank.CURATOR, True)):
        with signed_in("ada@lab.example", rank):
            for name, door in doors.items():
                page = run(name, own, **{state.RATE_PART: "History"})
                assert (door in [one.label for one in page.expander]) is offered
            said = words(run("cohort", workspace))
            assert ("Name above where yours are" in said) is offered
            assert ("one has to be a curator here: ask one" in said) is not offered


def test_a_download_is_for_curators_and_noted(own, run) -> None:
    with signed_in("ada@lab.example", Rank.RATER):
        page = run("explore", own)
        assert button(page, "Download: for curators").disabled
    with signed_in("cora@lab.example", Rank.CURATOR):
        page = run("explore", own)
        assert not [one for one in page.button if one.label == "Download"]
        assert [one.label for one in page.get("download_button")] == ["Download"]


def test_what_is_downloaded_stands_in_the_audit_before_it_leaves(own) -> None:
    with signed_in("cora@lab.example", Rank.CURATOR) as cora:
        taken = downloads._noted(own, cora, lambda: "all of it", "scans.tsv")
    line = audit_trail.history(own).iloc[0]
    assert taken == "all of it"
    assert (line["who"], line["what"], line["subject"]) == (
        "cora@lab.example",
        "downloaded",
        "scans.tsv",
    )


def test_with_a_login_there_is_no_3d_unless_it_is_allowed(own, run, monkeypatch) -> None:
    people = {"vera@lab.example": Rank.VIEWER}
    with signed_in("vera@lab.example", Rank.VIEWER):
        for allowed in (False, True):
            settings = Membership("oidc", people=people, in_3d=allowed)
            monkeypatch.setattr(entrance, "settings", lambda held=settings: held)
            page = run("review", own, **{state.VIEW: "3D"})
            view = page.segmented_control(key=state.VIEW)
            assert ("3D" in view.options) is allowed
            assert (view.value == "3D") is allowed
