"""Every action of the registry, taken by everybody: who may, may; who may not, changes nothing."""

import ast
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from curation.access import acting
from curation.access.acting import Actor
from curation.access.actions import MEANING, Action, Rank
from curation.decisions import actions, audit_trail
from curation.errors import AccessError, TierscopeError
from curation.ratings import rating_log
from curation.ratings.rating_record import Opinion, Rating
from curation.sessions import session_log
from curation.sessions.session_plan import SessionPlan
from curation.storage.workspace import Workspace
from curation.tiers import overrides
from tests.helpers import guard_table, workspace_scored
from tests.helpers.logins import signed_in
from tests.helpers.paths import ROOT

#: Downloads are made by pages alone, and are guarded there (``pages/ui/shell/downloads.py``).
OF_PAGES = {Action.DOWNLOAD}


@pytest.fixture(scope="module")
def guarded() -> dict[Action, list[Callable[..., Any]]]:
    return guard_table.guarded()


def test_each_action_is_guarded_where_it_happens(
    guarded: dict[Action, list[Callable[..., Any]]],
) -> None:
    assert set(Action) - set(guarded) == OF_PAGES


def test_every_action_and_every_rank_is_as_expected(
    guarded: dict[Action, list[Callable[..., Any]]],
) -> None:
    assert guard_table.wrong_cells(guarded) == []


#: Calls that write a decision or an action.
WRITES = {"database.writing", "database.note", "actions.note"}
#: Functions that write without a guard of their own, and why they may.
UNGUARDED = {
    "curation.decisions.actions.note": "notes what a guarded one did",
    "curation.decisions.actions.note_of": "notes who came and went",
    "curation.decisions.database.note": "notes what a guarded one did",
    "curation.sources.ingest.note_listed": "notes what a guarded one did",
    "curation.cohorts.frozen_cohort.note_if_missing": "adds the line that a killed one did not reach",
    "curation.cli.workspaces.run_database": "calls a guarded one",
}


def test_whatever_writes_decisions_is_guarded(
    guarded: dict[Action, list[Callable[..., Any]]],
) -> None:
    known = {f"{one.__module__}.{one.__name__}" for ones in guarded.values() for one in ones}
    found = set()
    for path in sorted([*ROOT.glob("curation/**/*.py"), *ROOT.glob("training/**/*.py")]):
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        tree = ast.parse(path.read_text())
        functions = {one.name: one for one in tree.body if isinstance(one, ast.FunctionDef)}
        found |= {
            f"{module}.{name}"
            for name in functions
            if not name.startswith("_") and _writes(name, functions, known, module)
        }
    assert found - known - set(UNGUARDED) == set()


def _writes(name: str, functions: dict, known: set[str], module: str) -> bool:
    """Return whether a function writes by itself or by another one of its module that has no guard."""
    calls = {
        ast.unparse(node.func) for node in ast.walk(functions[name]) if isinstance(node, ast.Call)
    }
    others = {call for call in calls & set(functions) - {name} if f"{module}.{call}" not in known}
    return bool(calls & WRITES) or any(
        _writes(other, {k: v for k, v in functions.items() if k != name}, known, module)
        for other in others
    )


def test_each_rank_has_a_meaning_and_adds_something() -> None:
    assert set(MEANING) == set(Rank)
    assert {action.rank for action in Action} == set(Rank) - {Rank.VIEWER}


def test_who_may_not_changes_nothing_and_is_told_why(workspace: Workspace) -> None:
    with (
        signed_in("eve@lab.example", Rank.RATER),
        pytest.raises(AccessError, match=r"has to be a curator; eve@lab\.example is a rater here"),
    ):
        overrides.override(workspace, "s", "eve@lab.example", "A", "because")
    assert overrides.list_overrides(workspace).empty


def test_nobody_decides_in_anothers_name(workspace: Workspace) -> None:
    given = Rating(scan_id="s", rater="ada@lab.example", scale="three-level", value=1.0)
    with signed_in("ada@lab.example", Rank.RATER):
        number = rating_log.add_rating(workspace, given)
    with signed_in("eve@lab.example", Rank.ADMINISTRATOR):
        for forbidden in (
            lambda: rating_log.add_rating(workspace, given),
            lambda: rating_log.withdraw(workspace, number, "ada@lab.example"),
            lambda: overrides.override(workspace, "s", "ada@lab.example", "A", "because"),
        ):
            with pytest.raises(AccessError, match=r"belongs to ada@lab\.example"):
                forbidden()
        rating_log.add_rating(workspace, replace(given, rater="eve@lab.example"))
    assert list(rating_log.list_ratings(workspace)["rater"]) == [
        "ada@lab.example",
        "eve@lab.example",
    ]


def test_a_session_belongs_to_its_author(workspace: Workspace) -> None:
    workspace_scored.put_scans(workspace, [{"distortion_score": 10.0}] * 3)
    plan = SessionPlan(
        name="morning",
        rater="ada@lab.example",
        scale="mriqc-4",
        choice="all",
        size=2,
        repeats_share=0.0,
        blinded=True,
        seed=1,
    )
    with signed_in("eve@lab.example", Rank.RATER), pytest.raises(AccessError):
        session_log.start(workspace, plan)
    with signed_in(plan.rater, Rank.RATER):
        session = session_log.start(workspace, plan)
        session_log.save(workspace, session.id, 0, Opinion(value=1.0))
    with signed_in("eve@lab.example", Rank.ADMINISTRATOR):
        for forbidden in (
            lambda: session_log.save(workspace, session.id, 1, Opinion(value=1.0)),
            lambda: session_log.undo(workspace, session.id),
        ):
            with pytest.raises(AccessError, match=f"belongs to {plan.rater}"):
                forbidden()
    assert session_log.load(workspace, session.id).done == 1


def test_who_is_signed_in_stands_in_the_audit_with_account_and_place(workspace: Workspace) -> None:
    with signed_in("ada@lab.example", Rank.CURATOR):
        actions.note(workspace, "cohort exported", "c")
    line = audit_trail.history(workspace).iloc[0]
    assert line["who"] == "ada@lab.example"
    assert f"account: {acting.account()}" in line["detail"]
    assert "address: 127.0.0.1" in line["detail"]


def test_a_program_acts_for_whoever_had_it_started(monkeypatch: pytest.MonkeyPatch) -> None:
    with signed_in("ada@lab.example", Rank.CURATOR):
        told = acting.environment()
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    assert acting.of_process() == Actor("ada@lab.example", Rank.CURATOR, address="127.0.0.1")
    monkeypatch.setenv(acting.ENVIRONMENT_VARIABLE, json.dumps({"name": "eve"}))
    with pytest.raises(AccessError, match="unset it"):
        acting.of_process()


def test_nothing_is_started_for_nobody() -> None:
    with signed_in("nobody", None), pytest.raises(AccessError, match="Sign in again"):
        acting.environment()


def test_without_a_login_all_is_as_it_was(workspace: Workspace) -> None:
    assert acting.who().rank is Rank.ADMINISTRATOR
    assert acting.environment() == {}
    overrides.override(workspace, "s", "whoever", "A", "because")
    with pytest.raises(TierscopeError):
        overrides.override(workspace, "s", "", "A", "because")
