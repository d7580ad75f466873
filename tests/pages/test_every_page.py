"""Every page alone and through ``app.py``: its question, its speed, its empty state."""

import ast
import time

import pytest

from curation.storage.workspace import Workspace
from pages.ui.shell import door, state
from pages.ui.shell.frame import PAGES, ROOT
from tests.helpers import workspace_full
from tests.helpers.page_words import button, checked, words

#: What each page of an empty workspace says to do next.
NEXT_STEP = {
    "cohort": "Name above where yours are.",
    **dict.fromkeys(
        ("sheet", "review", "rate", "explore"), "Add a source of scans on the page Cohort."
    ),
    "tiers": "The page Cohort starts the scoring.",
    "train": "add them on Cohort first.",
    "model": "Launch a study on the page Train",
    **dict.fromkeys(("compare", "present"), "then launch a study on the page Train."),
}


@pytest.mark.parametrize("name", list(PAGES))
def test_page_stands_alone_states_its_question_and_says_that_the_data_are_simulated(
    name, full, run
) -> None:
    page = run(name, full.workspace)
    said = words(page)
    assert PAGES[name].question in said and "Simulated data." in said
    assert not page.error


@pytest.mark.parametrize("name", list(PAGES))
def test_page_of_an_empty_workspace_offers_the_next_step(name, workspace, run) -> None:
    page = run(name, workspace)
    assert not page.error
    assert NEXT_STEP[name] in words(page)
    assert "Simulated" not in words(page)


@pytest.mark.parametrize("name", list(PAGES))
def test_page_without_a_workspace_says_how_to_make_one(name, tmp_path, run) -> None:
    page = run(name, tmp_path / "nowhere")
    assert "There is no workspace yet" in words(page) and str(tmp_path / "nowhere") in words(page)
    assert not page.error and "Traceback" not in words(page)


def test_a_workspace_is_made_where_the_setting_points_by_a_button(tmp_path, run) -> None:
    page = run("review", tmp_path / "new" / "one")
    checked(button(page, "Make the workspace").click().run())
    assert Workspace.open(tmp_path / "new" / "one").sources() == []
    assert "There is no workspace" not in words(page)


def test_no_workspace_is_offered_where_one_is_damaged(workspace, run) -> None:
    workspace.settings_path.write_text("schema = ")
    page = run("review", workspace)
    (error,) = page.error
    assert "not valid TOML" in error.value and not page.button


@pytest.mark.parametrize("name", list(PAGES))
def test_page_that_is_not_served_through_the_door_shows_nothing(
    name, full, run, monkeypatch
) -> None:
    monkeypatch.setattr(door, "_built", False)
    page = run(name, full.workspace)
    (error,) = page.error
    assert "make run" in error.value
    assert words(page) == error.value


def test_app_serves_every_page(full, run) -> None:
    app = run("app", full.workspace)
    assert PAGES["cohort"].question in words(app)
    for info in list(PAGES.values())[1:]:
        assert info.question in words(checked(app.switch_page(info.path).run()))


def test_a_page_asked_for_first_is_shown_inside_the_app(full, run) -> None:
    app = run("app", full.workspace, **{state.WANTED_PAGE: "tiers"})
    assert PAGES["tiers"].question in words(app)


def test_no_table_says_none_where_nothing_is_known() -> None:
    tables = [
        (path.name, {one.arg for one in call.keywords})
        for path in (ROOT / "pages").rglob("*.py")
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and call.func.attr in ("dataframe", "data_editor")
    ]
    assert tables and [name for name, given in tables if "placeholder" not in given] == []


@pytest.mark.parametrize("name", list(PAGES))
def test_page_costs_less_than_a_second(name, full, run) -> None:
    page = run(name, full.workspace)
    started = time.process_time()  # of the processor: others may be busy beside it
    page.run()
    assert time.process_time() - started < 1.0


@pytest.mark.parametrize("name", ["cohort", "review", "tiers"])
def test_page_costs_less_than_a_second_with_1500_scans(name, many, run) -> None:
    page = run(name, many)
    started = time.process_time()
    checked(page.run())
    assert time.process_time() - started < 1.0


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    folder = tmp_path_factory.mktemp("many")
    workspace = Workspace.create(folder / "workspace")
    workspace_full.import_table(workspace, folder / "tables", 1500)
    return workspace
