import datetime
import sqlite3

import pytest

from curation.decisions import audit_trail, database, schema
from curation.errors import RatingError
from curation.ratings import rating_log
from curation.ratings.rating_record import Rating
from curation.ratings.scales import SCALES
from curation.storage.workspace import Workspace


def _rate(workspace: Workspace, **changes) -> int:
    given = {"scan_id": "s1", "rater": "Ada", "scale": "three-level", "value": 1.0} | changes
    return rating_log.add_rating(workspace, Rating(**given))


def test_a_second_opinion_is_appended_and_the_first_stays(workspace: Workspace) -> None:
    _rate(workspace, value=1.0)
    _rate(workspace, value=-1.0, comment="  ringing at the vertex ")
    table = rating_log.list_ratings(workspace, "s1")
    assert table["label"].tolist() == ["accept", "exclude"]
    assert table["comment"].tolist() == ["", "ringing at the vertex"]
    assert table["id"].is_monotonic_increasing


def test_scale_and_direction_are_stored_with_each_rating(workspace: Workspace) -> None:
    for scale in SCALES.values():
        _rate(workspace, scale=scale.name, value=next(iter(scale.values)))
    table = rating_log.list_ratings(workspace)
    assert table["scale"].tolist() == list(SCALES)
    assert table["direction"].tolist() == [scale.direction for scale in SCALES.values()]


def test_only_the_ratings_of_the_scan_asked_for_come(workspace: Workspace) -> None:
    _rate(workspace)
    _rate(workspace, scan_id="s2")
    assert rating_log.list_ratings(workspace, "s2")["scan_id"].tolist() == ["s2"]
    assert rating_log.list_ratings(workspace, "s3").empty


def test_the_history_tells_how_many_places_were_marked(workspace: Workspace) -> None:
    _rate(workspace, shown={"places": [[1.0, 2.0, 3.0], [40.0, 2.0, 3.0]]}, comment="ghost")
    _rate(workspace, shown={"view": "axial"})
    told = audit_trail.history(workspace)["detail"].tolist()
    assert sorted("places" in line for line in told) == [False, True]
    assert any(line.endswith("ghost; 2 places marked") for line in told)


def test_text_of_people_is_stored_as_text(workspace: Workspace) -> None:
    nasty = "Robert'); DROP TABLE ratings;--"
    _rate(workspace, rater=nasty, comment="<script>alert(1)</script>")
    row = rating_log.list_ratings(workspace).iloc[0]
    assert (row["rater"], row["comment"]) == (nasty, "<script>alert(1)</script>")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rater": "  "}, "name or initials"),
        ({"rater": "x" * 101}, "at most"),
        ({"comment": "x" * 2001}, "at most"),
        ({"scale": "stars"}, "no scale 'stars'"),
        ({"value": 0.5}, "not on the scale"),
    ],
)
def test_a_rating_that_cannot_be_taken_is_refused_and_nothing_is_stored(
    workspace: Workspace, changes, message
) -> None:
    with pytest.raises(RatingError, match=message):
        _rate(workspace, **changes)
    assert rating_log.list_ratings(workspace).empty


def test_best_comes_first_on_every_scale() -> None:
    for scale in SCALES.values():
        ordered = sorted(scale.values, reverse=scale.direction == "higher is better")
        assert list(scale.values) == ordered


def test_rated_scans_are_known_without_reading_all(workspace: Workspace) -> None:
    assert (rating_log.newest(workspace), rating_log.rated_scans(workspace)) == (0, frozenset())
    for scan_id in ("a", "b", "a"):
        rating_log.add_rating(
            workspace, Rating(scan_id=scan_id, rater="Ada", scale="pass-fail", value=1.0)
        )
    assert rating_log.newest(workspace) == 3
    assert rating_log.rated_scans(workspace) == {"a", "b"}


# ---- taken back ------------------------------------------------------------------------------------


def test_a_rating_taken_back_counts_no_more_and_stays_in_the_records(workspace: Workspace) -> None:
    first, second = _rate(workspace), _rate(workspace, value=-1.0)
    rating_log.withdraw(workspace, second, " Ada ")
    rating_log.withdraw(workspace, second, "Ada")  # twice is once
    assert rating_log.list_ratings(workspace)["id"].tolist() == [first]
    every = rating_log.list_ratings(workspace, withdrawn=True)
    assert every["id"].tolist() == [first, second]
    assert every["withdrawn"].notna().tolist() == [False, True]
    rating_log.withdraw(workspace, first, "Ada")
    assert rating_log.rated_scans(workspace) == frozenset()


def test_only_its_rater_takes_a_rating_back_and_not_out_of_a_session(workspace: Workspace) -> None:
    given = _rate(workspace)
    with pytest.raises(RatingError, match="Only Ada"):
        rating_log.withdraw(workspace, given, "Bob")
    with pytest.raises(RatingError, match="no rating 99"):
        rating_log.withdraw(workspace, 99, "Ada")
    with database.writing(workspace) as connection:
        session = {"at": database.now(), "name": "s", "rater": "Ada", "plan": {}, "version": "0"}
        number = connection.execute(
            schema.sessions.insert().values(session).returning(schema.sessions.c.id)
        ).scalar_one()
        held = schema.details.update().where(schema.details.c.rating_id == given)
        connection.execute(held.values(session_id=number))
    with pytest.raises(RatingError, match="of a session"):
        rating_log.withdraw(workspace, given, "Ada")
    assert len(rating_log.list_ratings(workspace)) == 1


# ---- which of several stands ------------------------------------------------------------------------


def _moment(minute: int, microsecond: int = 0) -> datetime.datetime:
    return datetime.datetime(2024, 1, 1, 12, minute, 0, microsecond, tzinfo=datetime.UTC)


def _standing(workspace: Workspace) -> list[str]:
    return rating_log.current(rating_log.list_ratings(workspace))["label"].tolist()


def test_what_was_rated_later_stands_whenever_it_was_stored(workspace: Workspace) -> None:
    newer = _rate(workspace, value=1.0, at=_moment(30))
    older = _rate(workspace, value=-1.0, at=_moment(0))
    assert _standing(workspace) == ["accept"]
    assert rating_log.list_ratings(workspace)["id"].tolist() == [older, newer]
    rating_log.withdraw(workspace, newer, "Ada")
    assert _standing(workspace) == ["exclude"]  # the newest that is left
    _rate(workspace, value=0.0)
    assert _standing(workspace) == ["doubtful"]


def test_of_one_moment_what_was_stored_later_stands(workspace: Workspace) -> None:
    for value in (1.0, -1.0):
        _rate(workspace, value=value, at=_moment(0))
    assert _standing(workspace) == ["exclude"]


@pytest.mark.parametrize(
    ("first", "second", "stands"),
    [
        ("2024-01-01 12:00:00", "2024-01-01 12:00:00.000000", "exclude"),
        ("2024-01-01 12:00:00.000000", "2024-01-01 12:00:00", "exclude"),
        ("2024-01-01 12:00:00.5", "2024-01-01 12:00:00", "accept"),
        ("2024-01-01 12:00:01", "2024-01-01 12:00:00.999999", "accept"),
    ],
)
def test_moments_stored_with_and_without_fractions_are_told_apart(
    workspace: Workspace, first: str, second: str, stands: str
) -> None:
    for value, at in ((1.0, first), (-1.0, second)):
        number = _rate(workspace, value=value)
        with sqlite3.connect(workspace.database_path) as raw:
            raw.execute("UPDATE ratings SET at = ? WHERE id = ?", (at, number))
    assert _standing(workspace) == [stands]
