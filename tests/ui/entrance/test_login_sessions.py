"""The table of login sessions: when one ends, and that nothing brings it back."""

import threading
from pathlib import Path

import pytest

from curation.access.acting import NOBODY
from curation.access.actions import Rank
from curation.errors import ServerError
from pages.ui.entrance.login_sessions import LoginSessions

SETTINGS = '[login]\nby = "oidc"\nlongest_hours = 2\n[people]\nrater = ["ada", "group:raters"]\n'


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def table(tmp_path: Path, clock: Clock) -> LoginSessions:
    path = tmp_path / "access.toml"
    path.write_text(SETTINGS)
    path.chmod(0o600)
    return LoginSessions(path, clock)


def test_a_session_lives_while_it_is_used_and_ends_after_fifteen_minutes(
    table: LoginSessions, clock: Clock
) -> None:
    session = table.begin("ada", (), "127.0.0.1")
    for _ in range(4):
        clock.now += 14 * 60
        assert table.find(session.token) is not None
        table.use(session)
    clock.now += 15 * 60 + 1
    table.use(session)  # too late
    assert table.find(session.token) is None
    assert table.over(session) == "idle"
    assert table.actor(session.handle) == NOBODY


def test_a_session_ends_after_the_longest_time_however_much_it_is_used(
    table: LoginSessions, clock: Clock
) -> None:
    session = table.begin("ada", (), "")
    while clock.now <= 2 * 3600:
        assert table.find(session.token)
        clock.now += 600
        table.use(session)
    assert table.over(session) == "longest"


def test_a_rank_that_is_taken_away_ends_the_session_at_the_next_look(table: LoginSessions) -> None:
    session = table.begin("bob", ("raters",), "")
    assert table.actor(session.handle).rank is Rank.RATER
    table.path.write_text(SETTINGS.replace(', "group:raters"', ""))
    assert table.over(session) == "no-rank"
    table.path.write_text(SETTINGS + " ")
    assert table.find(session.token) is None  # and does not come back


def test_a_rank_that_changes_holds_at_the_next_action(table: LoginSessions) -> None:
    session = table.begin("ada", (), "10.1.2.3")
    table.path.write_text(SETTINGS.replace("rater =", "curator ="))
    actor = table.actor(session.handle)
    assert (actor.name, actor.rank, actor.address) == ("ada", Rank.CURATOR, "10.1.2.3")


def test_while_settings_cannot_be_read_nobody_is_in_and_nobody_is_signed_out(
    table: LoginSessions,
) -> None:
    session = table.begin("ada", (), "")
    table.path.write_text("[login")
    assert table.find(session.token) is None
    with pytest.raises(ServerError, match="cannot be read"):
        table.settings()
    table.path.write_text(SETTINGS)
    assert table.find(session.token) is not None
    table.path.unlink()
    assert table.over(session) == "settings"


def test_a_session_that_was_ended_is_ended_for_whoever_kept_its_cookie(
    table: LoginSessions,
) -> None:
    session, other = table.begin("ada", (), ""), table.begin("ada", (), "")
    table.end(session)
    assert table.find(session.token) is None
    assert table.over(session) == "signed-out"
    assert table.find(other.token) == other  # another browser of the same person
    assert table.find("") is None
    assert table.find(session.handle) is None  # what the server's parts speak of opens nothing


def test_ends_that_come_by_themselves_are_told_once_also_where_nobody_looks_again(
    table: LoginSessions, clock: Clock
) -> None:
    told: list[tuple[str, str, str]] = []
    table.note = lambda what, actor: told.append((what, actor.name, actor.address))
    idle = table.begin("ada", (), "10.1.2.3")
    bob = table.begin("bob", ("raters",), "")
    clock.now += 15 * 60 - 1
    table.use(bob)
    clock.now += 20
    assert table.find("somebody without a session") is None  # whoever asks
    assert table.over(idle) == "idle"
    table.path.write_text(SETTINGS.replace(', "group:raters"', ""))
    assert table.over(bob) == table.over(bob) == "no-rank"
    table.end(table.begin("ada", (), ""))  # noted by who ended it
    _all_told()
    assert sorted(told) == [
        ("signed out after a while without use", "ada", "10.1.2.3"),
        ("signed out, with no rank any more", "bob", ""),
    ]


def test_the_longest_time_is_told(table: LoginSessions, clock: Clock) -> None:
    told: list[str] = []
    table.note = lambda what, actor: told.append(what)
    session = table.begin("ada", (), "")
    for _ in range(13):
        clock.now += 600
        table.use(session)
    assert table.over(session) == "longest"
    _all_told()
    assert told == ["signed out after the longest time"]


def _all_told() -> None:
    """Wait for the threads that tell."""
    for each in threading.enumerate():
        if each.name.endswith("(<lambda>)"):
            each.join(10)
