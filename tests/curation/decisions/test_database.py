"""Decisions are appended, never changed; none is lost, none is doubled, whoever writes and whoever dies."""

import signal
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa

from curation.decisions import audit_trail, database
from curation.decisions.database_identity import URL_VARIABLE
from curation.errors import WorkspaceError
from curation.interchange import rating_export, rating_import
from curation.ratings import rating_log
from curation.ratings.rating_record import Opinion, Rating
from curation.ratings.scales import Scale, add_scale
from curation.sessions import passed_on_cutoff, session_log, suggested_cutoff
from curation.sessions.session_plan import SessionPlan
from curation.storage import files
from curation.storage.workspace import Workspace
from curation.tiers import rule_versions
from curation.tiers.overrides import override
from tests.helpers import postgres, rating_writer

PLAN = SessionPlan("first", "Ada", "mriqc-4", size=30, repeats_share=0.1)


@pytest.fixture
def listed(tmp_path: Path, url: str | None) -> Workspace:
    return rating_writer.workspace_of(tmp_path / "workspace", 60)


def _do_everything(workspace: Workspace) -> None:
    """Call everything that writes to the database."""
    session = session_log.start(workspace, PLAN)
    for position in range(25):
        session_log.save(
            workspace, session.id, position, Opinion(float(1 + position % 4), seconds=1)
        )
        session_log.save(
            workspace, session.id, position, Opinion(float(1 + position % 4), seconds=1)
        )
    session_log.undo(workspace, session.id)
    add_scale(workspace, Scale("own", "Own", {1.0: "good", 2.0: "bad"}, "higher is worse", "here"))
    rating_log.add_rating(workspace, Rating(scan_id="a", rater="Bob", scale="own", value=2.0))
    verdict = {"scan_id": "a", "author": "Eve", "scale": "own", "value": 1.0, "reason": "fine"}
    rating_log.adjudicate(workspace, **verdict)
    override(workspace, "a", "Eve", "C", "cut off at the neck")
    scores = [float(value) for value in range(30)]
    found = suggested_cutoff.suggest(scores, [value > 15 for value in scores])
    passed_on_cutoff.save_suggestion(workspace, found, "Eve")


def test_every_statement_reads_or_appends(listed: Workspace) -> None:
    seen: list[str] = []
    engine = database.engine(listed)
    sa.event.listen(engine, "before_cursor_execute", lambda _c, _d, text, *_: seen.append(text))
    _do_everything(listed)
    audit_trail.history(listed)
    looks = "PRAGMA main.table_"  # at which tables there are
    verbs = {text.split()[0].upper() for text in seen if not text.startswith(looks)}
    assert verbs <= {"SELECT", "INSERT", "BEGIN"}
    # nor the clauses that change rows on the way
    assert not [
        text for text in seen if "DO UPDATE" in text.upper() or "OR REPLACE" in text.upper()
    ]
    assert sum(text.startswith("INSERT INTO ratings") for text in seen) == 27


def test_history_tells_everything_newest_first(listed: Workspace) -> None:
    _do_everything(listed)
    told = audit_trail.history(listed)
    assert told["at"].is_monotonic_decreasing and str(told["at"].dt.tz) == "UTC"
    assert told["what"].value_counts().to_dict() == {
        "rating": 26,
        "verdict": 1,
        "rating taken back": 1,
        "session for this rater": 1,
        "scale added": 1,
        "tier C by hand": 1,
        "cut-off suggested": 1,
    }
    assert audit_trail.history(listed, limit=3).equals(told.head(3))


def test_raters_who_write_at_once_lose_nothing_and_double_nothing(listed, url) -> None:
    confirmed = rating_writer.rate_together(listed, raters=20, number=14, url=url)
    kept = rating_log.list_ratings(listed)
    assert {number for _, _, number, _ in confirmed} == set(kept["id"])
    assert len(kept) == 20 * 14 == kept.groupby(["session_id", "position"]).ngroups
    assert session_log.list_sessions(listed)["finished"].all()


def test_a_writer_who_holds_on_is_waited_for_and_then_named(workspace, monkeypatch) -> None:
    rating_log.newest(workspace)  # the tables are there
    monkeypatch.setattr(database, "_PATIENCE_MS", 200)
    held = database._lock_path(workspace)
    with files.lock(held), pytest.raises(WorkspaceError, match="another program has been writing"):
        rating_log.add_rating(
            workspace, Rating(scan_id="a", rater="Ada", scale="pass-fail", value=1.0)
        )
    rating_log.add_rating(workspace, Rating(scan_id="a", rater="Ada", scale="pass-fail", value=1.0))
    assert len(rating_log.list_ratings(workspace)) == 1


def test_many_windows_of_one_session_make_one_rating_of_each_scan(listed, url) -> None:
    session = session_log.start(listed, PLAN)
    writers = [rating_writer.start(listed, session.id, url) for _ in range(4)]
    said = [line for writer in writers for line in writer.rest().splitlines()]
    kept = rating_log.list_ratings(listed)
    assert sorted(kept["position"]) == list(range(session.total))
    confirmed = {tuple(map(int, line.split())) for line in said}
    assert confirmed == set(zip(kept["position"], kept["id"], strict=True))


def test_a_writer_killed_in_the_middle_loses_nothing_that_was_confirmed(tmp_path, url) -> None:
    workspace = rating_writer.workspace_of(tmp_path / "many", 3000)
    plan = SessionPlan("long", "Ada", "mriqc-4", size=2000, repeats_share=0.0)
    session = session_log.start(workspace, plan)
    confirmed: dict[int, int] = {}
    for upto in (20, 45, 70):
        writer = rating_writer.start(workspace, session.id, url)
        while len(confirmed) < upto:
            place, number = map(int, writer.said.readline().split())
            assert place not in confirmed  # resumed behind what is stored, never before
            confirmed[place] = number
        writer.process.kill()
        rest = writer.rest()
        assert writer.process.exitcode == -signal.SIGKILL
        whole = rest[: rest.rfind("\n") + 1].splitlines()  # the last line may be cut off
        confirmed |= {int(place): int(number) for place, number in map(str.split, whole)}
        kept = rating_log.list_ratings(workspace)
        stored = dict(zip(kept["position"], kept["id"], strict=True))
        assert len(kept) == len(stored) == session_log.load(workspace, session.id).position
        assert confirmed.items() <= stored.items()
        # at most the one that was stored when the plug was pulled, but not yet said to be
        assert len(stored) - len(confirmed) <= 1
        confirmed = stored


@pytest.mark.usefixtures("postgres_url")
def test_a_database_server_killed_in_the_middle_loses_nothing_either(
    tmp_path: Path, postgres_server: postgres.Server
) -> None:
    workspace = rating_writer.workspace_of(tmp_path / "workspace", 60)
    session = session_log.start(workspace, PLAN)
    confirmed = [
        session_log.save(workspace, session.id, place, Opinion(2.0)) for place in range(10)
    ]
    postgres_server.stop(signal.SIGKILL)
    with pytest.raises(WorkspaceError, match="was not stored"):
        session_log.save(workspace, session.id, 10, Opinion(2.0))
    postgres_server.start()
    assert session_log.load(workspace, session.id).position == 10
    confirmed.append(session_log.save(workspace, session.id, 10, Opinion(2.0)))
    assert rating_log.list_ratings(workspace)["id"].tolist() == confirmed


#: The database as Tierscope 0.1.0 made it.
OLD = """
CREATE TABLE ratings (id INTEGER NOT NULL PRIMARY KEY, at DATETIME NOT NULL,
 scan_id VARCHAR(200) NOT NULL, rater VARCHAR(100) NOT NULL, scale VARCHAR(50) NOT NULL,
 direction VARCHAR(20) NOT NULL, value FLOAT NOT NULL, label VARCHAR(50) NOT NULL, comment TEXT NOT NULL,
 version VARCHAR(20) NOT NULL);
CREATE INDEX ix_ratings_scan_id ON ratings (scan_id);
CREATE TABLE audit (id INTEGER NOT NULL PRIMARY KEY, at DATETIME NOT NULL, author VARCHAR(100) NOT NULL,
 action VARCHAR(50) NOT NULL, subject VARCHAR(200) NOT NULL, detail JSON NOT NULL);
INSERT INTO ratings VALUES (1, '2026-01-02 03:04:05.000000', 's1', 'Ada', 'three-level',
 'higher is better', -1.0, 'exclude', 'old', '0.1.0');
INSERT INTO audit VALUES (1, '2026-01-02 03:04:06.000000', 'Ada', 'freeze cohort', 'pool', '{"rule": "A"}');
"""


def test_a_workspace_of_the_first_version_opens_and_goes_on(tmp_path: Path) -> None:
    workspace = rating_writer.workspace_of(tmp_path / "workspace", 60)
    with sqlite3.connect(workspace.database_path) as old:
        old.executescript(OLD)
    old.close()
    (row,) = rating_log.list_ratings(workspace).to_dict("records")
    assert (row["label"], row["role"], row["excluded"], row["artefacts"]) == (
        "exclude",
        "rater",
        True,
        (),
    )
    assert rating_log.newest(workspace) == 1
    session = session_log.start(workspace, PLAN)
    assert session_log.save(workspace, session.id, 0, Opinion(4.0)) == 2
    assert audit_trail.history(workspace)["what"].tolist() == [
        "rating",
        "session for this rater",
        "freeze cohort",
        "rating",
    ]


def test_what_one_database_exports_the_other_takes_in(listed, tmp_path, url, monkeypatch) -> None:
    _do_everything(listed)
    folder = rating_export.export_ratings(listed)
    theirs = rating_log.list_ratings(listed, withdrawn=True)
    assert rating_import.import_ratings(listed, folder).added == 0
    if url:
        monkeypatch.delenv(URL_VARIABLE)
    other = rating_writer.workspace_of(tmp_path / "other", 60)
    found = rating_import.import_ratings(other, folder)
    assert (found.added, found.unknown) == (25, ("a",))  # of scan "a" nobody knows here
    ours = rating_log.list_ratings(other, withdrawn=True)
    assert (set(ours["origin"]), set(theirs["origin"])) == ({"ratings.tsv"}, {""})
    drop = ["id", "key", "session_id", "origin"]
    known = theirs[theirs["scan_id"] != "a"].reset_index(drop=True)
    assert ours.drop(columns=drop).astype(object).equals(known.drop(columns=drop).astype(object))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("nonsense", "expected"),
        ("oracle+nothing://a/b", "expected"),
        ("postgresql+psycopg://a@/b?host=/nowhere", "cannot be opened"),
    ],
)
def test_a_database_that_cannot_be_used_is_said_in_words(workspace, monkeypatch, given, words):
    if given.startswith("postgresql") and postgres.missing():
        pytest.skip("psycopg is not installed")
    monkeypatch.setenv(URL_VARIABLE, given)
    with pytest.raises(WorkspaceError, match=f"(?i){words}"):
        rating_log.list_ratings(workspace)


@pytest.mark.usefixtures("url")
def test_rules_saved_at_once_are_numbered_one_after_the_other(workspace: Workspace) -> None:
    texts = [f"tiers: [A, B]\ncutoffs: [{10 + number}]\n" for number in range(12)]
    assert rule_versions.list_rules(workspace) == []
    with ThreadPoolExecutor(6) as pool:
        saved = list(pool.map(lambda t: rule_versions.save(workspace, "strict", t, "Ada"), texts))
    assert sorted(rule.number for rule in saved) == list(range(1, 13))
    kept = {rule.number: rule.text for rule in rule_versions.list_rules(workspace, "strict")}
    assert kept == {rule.number: rule.text for rule in saved}
