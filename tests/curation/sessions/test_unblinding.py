"""What was hidden is shown once and for all."""

import pytest

from curation.access.actions import Rank
from curation.decisions import audit_trail, database, schema
from curation.errors import AccessError, RatingError
from curation.ratings import rating_log
from curation.ratings.rating_record import Opinion, Rating
from curation.sessions import session_log, unblinding
from curation.sessions.session_plan import SessionPlan
from tests.helpers import workspace_full
from tests.helpers.logins import signed_in


@pytest.fixture
def finished(tmp_path):  # type: ignore[no-untyped-def]
    workspace = workspace_full.make(tmp_path / "workspace")
    session = session_log.start(
        workspace, SessionPlan("pilot", "Ada", "pass-fail", size=2, repeats_share=0.0)
    )
    for item in session.items:
        session_log.save(workspace, session.id, item.position, Opinion(1.0))
    return workspace, session_log.load(workspace, session.id)


def test_until_it_is_shown_a_rating_can_be_taken_back(finished) -> None:
    workspace, session = finished
    assert not unblinding.is_unblinded(workspace, session)
    assert session_log.undo(workspace, session.id).position == 1


def test_once_it_is_shown_nothing_is_taken_back_and_history_knows(finished) -> None:
    workspace, session = finished
    for _ in range(2):
        unblinding.unblind(workspace, session)
    assert unblinding.is_unblinded(workspace, session)
    with pytest.raises(RatingError, match="would not be blind"):
        session_log.undo(workspace, session.id)
    assert audit_trail.history(workspace)["what"].tolist().count("what was hidden shown") == 1


def test_a_session_unblinded_by_an_earlier_version_stays_unblinded(finished) -> None:
    workspace, session = finished
    database.note(  # the sentence that was stored before the action had a key
        workspace,
        author="Ada",
        action="what was hidden shown",
        subject=f"session {session.id}",
        detail={"name": "pilot"},
    )
    assert unblinding.is_unblinded(workspace, session)
    with pytest.raises(RatingError, match="would not be blind"):
        session_log.undo(workspace, session.id)
    unblinding.unblind(workspace, session)
    assert audit_trail.history(workspace)["what"].tolist().count("what was hidden shown") == 1


def test_what_was_never_hidden_needs_no_showing(finished) -> None:
    workspace, _ = finished
    plan = SessionPlan("open", "Ada", "pass-fail", size=2, blinded=False)
    assert unblinding.is_unblinded(workspace, session_log.start(workspace, plan))


def test_a_curator_ends_the_session_of_a_rater_who_does_not_come_back(finished) -> None:
    workspace, session = finished
    with signed_in("Eve", Rank.RATER):
        with pytest.raises(AccessError, match="belongs to Ada"):
            unblinding.unblind(workspace, session)
        with pytest.raises(
            AccessError, match="end somebody else's session one has to be a curator"
        ):
            unblinding.end_for_rater(workspace, session, "Eve")
    assert not unblinding.is_unblinded(workspace, session)
    with signed_in("Cleo", Rank.CURATOR):
        with pytest.raises(AccessError, match="belongs to Ada"):
            unblinding.end_for_rater(workspace, session, "Ada")
        unblinding.end_for_rater(workspace, session, "Cleo")
    assert unblinding.is_unblinded(workspace, session)
    assert len(rating_log.counted(rating_log.list_ratings(workspace))) == 2
    line = audit_trail.history(workspace).set_index("what").loc["what was hidden shown"]
    assert line["who"] == "Cleo"


# ---- what counts -------------------------------------------------------------------------------------


def test_ratings_of_a_session_are_set_against_scores_only_once_it_is_ended(finished) -> None:
    workspace, session = finished
    rating = Rating(1.0, scan_id="made-pool_sub-05_T1w", rater="Bob", scale="pass-fail")
    rating_log.add_rating(workspace, rating)
    given, before = rating_log.list_ratings(workspace), rating_log.newest(workspace)
    assert given["running"].tolist() == [True, True, False]
    assert rating_log.counted(given)["rater"].tolist() == ["Bob"]
    assert rating_log.not_counted(workspace) == (2, 1)
    assert rating_log.rated_scans(workspace, running=False) == {"made-pool_sub-05_T1w"}
    unblinding.unblind(workspace, session)
    assert len(rating_log.counted(rating_log.list_ratings(workspace))) == 3
    assert rating_log.not_counted(workspace) == (0, 0)
    its = {item.scan_id for item in session.items}
    assert rating_log.rated_scans(workspace, running=False) == {"made-pool_sub-05_T1w", *its}
    assert rating_log.newest(workspace) > before  # what was read before is read anew


@pytest.mark.parametrize("version", ["0.14.3", "0.9.0", "x"])
def test_sessions_begun_with_earlier_versions_count_as_they_did(finished, version) -> None:
    workspace, _ = finished
    with database.writing(workspace) as connection:
        connection.execute(schema.sessions.update().values(version=version))
    assert not rating_log.list_ratings(workspace)["running"].any()
    assert not session_log.list_sessions(workspace)["finished"].empty
    assert len(rating_log.rated_scans(workspace, running=False)) == 2


def test_an_unblinding_is_counted_once_however_often_it_is_asked_for(finished) -> None:
    workspace, session = finished
    for _ in range(2):
        before = rating_log.newest(workspace)
        assert rating_log.newest(workspace) == before
    unblinding.unblind(workspace, session)
    assert rating_log.newest(workspace) == rating_log.newest(workspace) == before + 1


def test_ratings_of_a_session_that_hides_nothing_count_at_once(finished) -> None:
    workspace, _ = finished
    plan = SessionPlan("open", "Ada", "pass-fail", size=2, blinded=False, repeats_share=0.0)
    seen = session_log.start(workspace, plan)
    session_log.save(workspace, seen.id, 0, Opinion(1.0))
    assert len(rating_log.counted(rating_log.list_ratings(workspace))) == 1


def test_a_session_that_is_ended_early_takes_no_rating_and_counts(finished) -> None:
    workspace, session = finished
    session_log.undo(workspace, session.id)
    session = session_log.load(workspace, session.id)
    assert not session.finished
    unblinding.unblind(workspace, session)
    ended = session_log.load(workspace, session.id)
    assert ended.finished and ended.done == 1
    assert session_log.list_sessions(workspace)["finished"].all()
    with pytest.raises(RatingError, match="would not be blind"):
        session_log.save(workspace, session.id, 1, Opinion(1.0))
    sent_again = session_log.save(workspace, session.id, 0, Opinion(1.0))
    assert sent_again == ended.rated[0]
    assert len(rating_log.counted(rating_log.list_ratings(workspace))) == 1


# ---- taken back before anything is rated -------------------------------------------------------------


def test_a_session_without_ratings_is_taken_back_listed_no_more_and_stays_in_history(
    finished,
) -> None:
    workspace, kept = finished
    plan = SessionPlan("by mistake", "Tom", "pass-fail", size=2)
    session = session_log.start(workspace, plan)
    assert session_log.list_sessions(workspace)["untouched"].tolist() == [True, False]
    for _ in range(2):
        unblinding.take_back(workspace, session, "Ada")
    assert session_log.list_sessions(workspace)["id"].tolist() == [kept.id]
    assert "by mistake" in session_log.names(workspace)
    with pytest.raises(RatingError, match="taken back"):
        session_log.load(workspace, session.id)
    with pytest.raises(RatingError, match="taken back"):  # from a tab that was left open
        session_log.save(workspace, session.id, 0, Opinion(1.0))
    told = audit_trail.history(workspace)
    lines = told[["who", "what"]].values.tolist()
    assert lines.count(["Ada", "session taken back"]) == 1
    assert ["Tom", "session for this rater"] in lines
    with pytest.raises(RatingError, match="one that was taken back keeps its name"):
        session_log.start(workspace, plan)


def test_a_session_with_a_rating_even_one_taken_back_cannot_be_taken_back(finished) -> None:
    workspace, session = finished
    for _ in session.items:
        session_log.undo(workspace, session.id)
    with pytest.raises(RatingError, match="were rated in it"):
        unblinding.take_back(workspace, session, "Ada")
    (row,) = session_log.list_sessions(workspace).to_dict("records")
    assert (row["done"], row["untouched"]) == (0, False)


def test_who_is_signed_in_takes_back_only_an_own_session(finished) -> None:
    workspace, _ = finished
    with signed_in("tom@lab.example", Rank.RATER):
        session = session_log.start(workspace, SessionPlan("his", "tom@lab.example", "pass-fail"))
    with (
        signed_in("ada@lab.example", Rank.ADMINISTRATOR),
        pytest.raises(AccessError, match="belongs to"),
    ):
        unblinding.take_back(workspace, session, "ada@lab.example")
    with signed_in("tom@lab.example", Rank.RATER):
        unblinding.take_back(workspace, session, "tom@lab.example")
        assert session_log.list_sessions(workspace, "tom@lab.example").empty
