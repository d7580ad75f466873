"""The audit chain: what is changed, removed or added by another way than Tierscope shows."""

import contextlib
import json
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa

from curation.__main__ import main
from curation.access import acting
from curation.decisions import (
    audit_chain,
    audit_trail,
    database,
    erasure,
    person_decisions,
    scan_tags,
    schema,
)
from curation.decisions.person_decisions import PersonDecision
from curation.ratings import rating_log
from curation.ratings.rating_record import Opinion, Rating
from curation.ratings.scales import Scale, add_scale
from curation.sessions import saved_lists, session_log
from curation.sessions.session_plan import SessionPlan
from curation.storage.workspace import Workspace
from curation.tiers import overrides, rule_versions
from tests.helpers import rating_writer


@pytest.fixture
def listed(tmp_path: Path, url: str | None) -> Workspace:
    return rating_writer.workspace_of(tmp_path / "workspace", 30)


def decide(workspace: Workspace) -> None:
    """Make a decision of every kind."""
    session = session_log.start(
        workspace, SessionPlan("first", "Ada", "mriqc-4", size=10, repeats_share=0.0)
    )
    for position in range(3):
        session_log.save(workspace, session.id, position, Opinion(4.0, artefacts=("inu",)))
    session_log.undo(workspace, session.id)
    add_scale(workspace, Scale("own", "Own", {1.0: "good", 2.0: "bad"}, "higher is worse", "here"))
    rating_log.add_rating(
        workspace, Rating(scan_id="made_00001", rater="Bö", scale="own", value=2.0)
    )
    overrides.override(workspace, "made_00001", "Eve", "C", "cut off")
    rule_versions.save(
        workspace, "mine", "column: distortion_score\ntiers: [A, B]\ncutoffs: [20]", "Eve"
    )
    saved_lists.save(workspace, "odd", "Eve", ["made_00001", "made_00002"])
    scan_tags.put_on(workspace, "odd", ["made_00001", "made_00002"], "Eve")
    person_decisions.store(
        workspace, [PersonDecision(person_decisions.pair("a:1", "b:1"), True, "said")], "Eve"
    )
    study_mark(workspace)
    database.note(workspace, author="Eve", action="did", subject="it", detail={"how": [1, 2.5]})
    with database.writing(workspace) as connection:
        erasure.erase(connection, [session.items[-1].scan_id], [], "asked for")


def study_mark(workspace: Workspace) -> None:
    row = {"at": database.now(), "study_id": "s", "author": "Eve", "tags": ["x"], "version": "1"}
    with database.writing(workspace) as connection:
        connection.execute(schema.study_marks.insert().values(row))


def wrong(workspace: Workspace, expected: tuple[int, str] | None = None) -> list[str]:
    with database.engine(workspace).connect() as connection:
        return audit_trail.verify(connection, expected)


def head(workspace: Workspace) -> tuple[int, str]:
    with database.engine(workspace).connect() as connection:
        return audit_chain.head(connection)


def behind(workspace: Workspace, *statements: str) -> None:
    """Change the database by another way."""
    database.close()
    with contextlib.closing(sqlite3.connect(workspace.database_path)) as raw, raw:
        for statement in statements:
            raw.execute(statement)


def test_every_decision_of_every_kind_has_its_link(listed: Workspace) -> None:
    decide(listed)
    assert wrong(listed) == []
    with database.engine(listed).connect() as connection:
        found = list(audit_trail.links(connection))
        counts = {
            name: connection.execute(sa.select(sa.func.count()).select_from(kind.table)).scalar()
            for name, kind in audit_chain.KINDS.items()
        }
    assert all(counts.values())
    assert len(found) == sum(counts.values()) == head(listed)[0]
    assert [link.number for link in found] == list(range(1, len(found) + 1))
    of_session = next(link.record for link in found if link.kind == "sessions")
    assert of_session and len(of_session["parts"]) == 10


def test_no_table_of_decisions_is_left_out() -> None:
    known = {kind.table for kind in audit_chain.KINDS.values()}
    known |= {kind.parts for kind in audit_chain.KINDS.values() if kind.parts is not None}
    apart = {"identity", "audit_chain"}
    assert {table.name for table in database.metadata.sorted_tables} - apart == {
        table.name for table in known
    }


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("UPDATE ratings SET value = 1.0 WHERE id = 2", "ratings 2 was changed"),
        ("UPDATE rating_details SET seconds = 1 WHERE rating_id = 1", "ratings 1 was changed"),
        ("UPDATE audit SET author = 'Bob'", "audit 1 was changed"),
        ("UPDATE audit SET detail = '{', at = 'noon'", "audit 1 was changed"),
        ("UPDATE rating_details SET repeat = 'x' WHERE rating_id = 1", "ratings 1 was changed"),
        ("UPDATE ratings SET comment = x'00ff' WHERE id = 1", "ratings 1 was changed"),
        ("DELETE FROM ratings WHERE id = 2", "ratings 2 was removed"),
        ("DELETE FROM withdrawals", "withdrawals 1 was removed"),
        ("DELETE FROM session_items WHERE position = 3", "sessions 1 was changed"),
        (
            "INSERT INTO overrides VALUES (9, '2026-01-01', 'made_1', 'Bob', 'A', 'fine', '1')",
            "overrides 9 was put in by another way",
        ),
        ("DELETE FROM audit_chain WHERE number = 3", "link 3 of the chain is gone"),
        ("UPDATE audit_chain SET content = 'x' WHERE number = 3", "link 3 of the chain"),
    ],
)
def test_a_change_by_another_way_is_found_and_said(tmp_path, statement, words, capsys) -> None:
    workspace = rating_writer.workspace_of(tmp_path / "w", 30)
    decide(workspace)
    behind(workspace, statement)
    assert main(["audit", "--verify", "--workspace", str(workspace.root)]) == 1
    assert words in capsys.readouterr().out
    assert main(["audit", "--lines", "--workspace", str(workspace.root)]) == 0  # tells it as it is
    assert main(["audit", "--workspace", str(workspace.root)]) in (0, 2)  # in words, or why not
    assert "Traceback" not in capsys.readouterr().err


def expect(workspace: Workspace, link: tuple[int, str]) -> int:
    line = ["audit", "--workspace", str(workspace.root), "--expect", "{}:{}".format(*link)]
    return main(line)


def test_a_chain_made_anew_or_cut_off_is_told_by_the_link_that_was_noted(tmp_path, capsys) -> None:
    workspace = rating_writer.workspace_of(tmp_path / "w", 30)
    decide(workspace)
    first = head(workspace)
    assert expect(workspace, first) == 0
    overrides.override(workspace, "made_00002", "Eve", "C", "later")
    last = head(workspace)
    assert expect(workspace, first) == 0  # it grew, and still holds that link
    behind(
        workspace,
        "DELETE FROM overrides WHERE reason = 'later'",
        "DELETE FROM audit_chain WHERE number = (SELECT max(number) FROM audit_chain)",
    )
    assert wrong(workspace) == []  # nothing but the noted link tells it
    assert expect(workspace, last) == 1
    behind(workspace, "UPDATE ratings SET comment = 'x' WHERE id = 1", "DELETE FROM audit_chain")
    capsys.readouterr()
    assert expect(workspace, first) == 1
    assert "made anew or cut off" in capsys.readouterr().out


def test_writers_at_once_make_one_chain(listed: Workspace, url: str | None) -> None:
    rating_writer.rate_together(listed, raters=6, number=5, url=url)
    assert wrong(listed) == []
    assert head(listed)[0] >= 30


def test_threads_of_one_server_make_one_chain(listed: Workspace) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(
            pool.map(
                lambda n: overrides.override(listed, f"made_{n:05d}", "Eve", "C", "thread"),
                range(12),
            )
        )
    assert wrong(listed) == [] and head(listed)[0] == 12


def test_what_an_earlier_version_stored_is_taken_into_the_chain_once(tmp_path) -> None:
    workspace = rating_writer.workspace_of(tmp_path / "w", 30)
    decide(workspace)
    behind(workspace, "DROP TABLE audit_chain")
    assert wrong(workspace) == []
    noted = head(workspace)
    database.close()
    assert head(workspace) == noted
    behind(workspace, "UPDATE ratings SET value = 1.0 WHERE id = 2")
    assert wrong(workspace) == ["ratings 2 was changed after it was stored"]


PUT_IN = "INSERT INTO overrides VALUES (9, '2026-01-01', 'made_1', 'Bob', 'A', 'fine', '1')"


def test_what_was_put_in_by_another_way_is_told_for_ever(tmp_path, capsys) -> None:
    workspace = rating_writer.workspace_of(tmp_path / "w", 30)
    decide(workspace)
    behind(workspace, PUT_IN)
    overrides.override(workspace, "made_00002", "Eve", "C", "later")
    told = audit_trail.history(workspace).query("what == 'found decisions put in by another way'")
    assert told["who"].tolist() == [acting.account()]
    assert "named: overrides 9" in told["detail"].item()
    overrides.override(workspace, "made_00003", "Eve", "C", "later")
    (complaint,) = wrong(workspace)  # of what was put in alone, and once
    assert complaint.startswith("overrides 9 was put in by another way, found on 20")
    assert audit_trail.put_in_by_another_way(workspace) == 1
    assert main(["audit", "--verify", "--workspace", str(workspace.root)]) == 1
    assert complaint in capsys.readouterr().out
    behind(workspace, "DELETE FROM audit WHERE action = 'found_put_in'")
    assert any("was removed" in one for one in wrong(workspace))


def test_no_number_hides_what_was_put_in(tmp_path) -> None:
    workspace = rating_writer.workspace_of(tmp_path / "w", 30)
    overrides.override(workspace, "made_00002", "Eve", "C", "said")
    for number in (-7, 0, 10**12, 5):
        behind(workspace, PUT_IN.replace("9", str(number), 1))
        overrides.override(workspace, "made_00002", "Eve", "C", "said")
    study_mark(workspace)
    told = [f"overrides {number} was put in" for number in (-7, 0, 10**12, 5)]
    assert [one.partition(" by")[0] for one in wrong(workspace)] == told
    behind(workspace, "DELETE FROM overrides WHERE id = -7")  # it was there, and that stays
    overrides.override(workspace, "made_00002", "Eve", "C", "said")
    said = wrong(workspace)
    assert "overrides -7 was removed" in said
    assert [one.partition(" by")[0] for one in said if " put in " in one] == told


def test_it_is_told_even_where_the_next_decision_is_not_stored(tmp_path) -> None:
    workspace = rating_writer.workspace_of(tmp_path / "w", 30)
    assert wrong(workspace) == []
    behind(workspace, PUT_IN)
    with pytest.raises(RuntimeError), database.writing(workspace):
        raise RuntimeError
    assert len(wrong(workspace)) == 1 and audit_trail.put_in_by_another_way(workspace) == 1


def test_what_was_put_in_is_told_on_every_database_and_not_named_without_end(
    listed: Workspace,
) -> None:
    overrides.override(listed, "made_00001", "Eve", "C", "said")
    row = {"at": database.now(), "scan_id": "x", "author": "Bob", "reason": "", "version": "1"}
    rows = [row | {"tier": "A"} for _ in range(25)]
    with database.engine(listed).begin() as connection:
        connection.execute(schema.overrides.insert(), rows)
        database.note_within(connection, author="Bob", action="did", subject="x", detail={})
    overrides.override(listed, "made_00001", "Eve", "B", "said")
    assert len(wrong(listed)) == 26
    with database.engine(listed).connect() as connection:
        lines = connection.execute(sa.select(schema.audit.c.action, schema.audit.c.detail)).all()
    (detail,) = (line.detail for line in lines if line.action == "found_put_in")
    assert detail["decisions"] == 26 and len(detail["named"]) == 20


def test_what_is_put_in_while_somebody_decides_is_told_too(
    listed: Workspace, url: str | None
) -> None:
    if url is None:
        pytest.skip("on SQLite one writes at a time")
    row = {"at": database.now(), "scan_id": "x", "author": "Bob", "reason": "", "version": "1"}
    with database.writing(listed) as own:
        own.execute(schema.overrides.insert().values(row | {"tier": "A"}))
        with database.engine(listed).begin() as other:
            other.execute(schema.overrides.insert().values(row | {"tier": "B"}))
    assert wrong(listed) == ["overrides 2 was put in by another way"]
    overrides.override(listed, "made_00001", "Eve", "B", "said")
    assert [one[:38] for one in wrong(listed)] == ["overrides 2 was put in by another way,"]


def test_many_who_find_the_same_tell_it_once(listed: Workspace, url: str | None) -> None:
    with database.engine(listed).begin() as connection:
        database.note_within(connection, author="Bob", action="did", subject="x", detail={})
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: study_mark(listed), range(8)))
    assert len(wrong(listed)) == 1 and audit_trail.put_in_by_another_way(listed) == 1


def test_a_decision_asks_the_database_little(listed: Workspace) -> None:
    decide(listed)
    asked: list[str] = []
    made = database.engine(listed)
    sa.event.listen(
        made, "before_cursor_execute", lambda *given: asked.append(given[2]), named=False
    )
    study_mark(listed)
    assert len(asked) <= 8, asked


def _forge(workspace: Workspace, *before: str) -> None:
    """Change an old rating, and say that this was for forgetting somebody."""
    with database.engine(workspace).connect() as connection:
        was = audit_chain.contents(connection, "ratings", [1])["1"]
    behind(workspace, "UPDATE ratings SET value = 1.0 WHERE id = 1", *before)
    with database.engine(workspace).connect() as connection:
        now = audit_chain.contents(connection, "ratings", [1])["1"]
    values = f"(99, '2026-01-01', 'Bob', 'ratings', '1', '{was}', '{now}', '1')"
    behind(workspace, f"INSERT INTO erasures VALUES {values}")  # noqa: S608


_FORGOTTEN = (
    "INSERT INTO audit VALUES (98, '2026-01-01', 'Bob', 'person forgotten', '1 scans', "
    "'{\"decisions\": 1}')"
)


@pytest.mark.parametrize("before", [[], [_FORGOTTEN]])
def test_a_change_that_somebody_calls_forgetting_is_found(tmp_path, before: list[str]) -> None:
    workspace = rating_writer.workspace_of(tmp_path / "w", 30)
    decide(workspace)
    noted = head(workspace)
    _forge(workspace, *before)
    for _ in range(2):
        told = wrong(workspace, noted)
        assert "ratings 1 was changed after it was stored" in told
        assert any(one.startswith("erasures 99 was put in by another way") for one in told)
        overrides.override(workspace, "made_00002", "Eve", "C", "later")


def test_a_change_called_forgetting_that_was_linked_without_its_line_is_found(
    tmp_path, monkeypatch
) -> None:
    workspace = rating_writer.workspace_of(tmp_path / "w", 30)
    decide(workspace)
    _forge(workspace)
    monkeypatch.setattr(audit_chain, "take_in", lambda connection: [])  # as versions to 0.14 did
    overrides.override(workspace, "made_00002", "Eve", "C", "later")
    assert wrong(workspace) == [
        "erasures 99 is of nobody who was forgotten",
        "ratings 1 was changed after it was stored",
    ]


def test_an_emptied_chain_is_not_taken_for_one_of_before(tmp_path) -> None:
    workspace = rating_writer.workspace_of(tmp_path / "w", 30)
    overrides.override(workspace, "made_00002", "Eve", "C", "first")
    behind(workspace, "DELETE FROM audit_chain")
    assert wrong(workspace) == ["overrides 1 was put in by another way"]


def test_nothing_is_linked_that_was_not_stored(tmp_path) -> None:
    workspace = rating_writer.workspace_of(tmp_path / "w", 30)
    before = head(workspace)
    with pytest.raises(RuntimeError), database.writing(workspace) as connection:
        database.note_within(connection, author="Eve", action="x", subject="y", detail={})
        raise RuntimeError
    assert head(workspace) == before and wrong(workspace) == []


def test_the_command_prints_words_lines_and_what_is_no_link(tmp_path, capsys) -> None:
    workspace = rating_writer.workspace_of(tmp_path / "w", 30)
    decide(workspace)
    words: Callable[..., list[str]] = lambda *more: [  # noqa: E731
        "audit",
        "--workspace",
        str(workspace.root),
        *more,
    ]
    assert main(words("--verify")) == 0
    assert "changed on 20" in capsys.readouterr().out  # by forgetting somebody, see decide
    assert main(words("--last", "4")) == 0
    assert "Eve: did, it" in capsys.readouterr().out
    assert main(words("--lines")) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["number"] for line in lines] == list(range(1, len(lines) + 1))
    assert {line["who"] for line in lines} >= {"Ada", "Bö", "Eve"}
    assert main(words("--expect", "last")) == 2
    assert "no link of the chain" in capsys.readouterr().err
