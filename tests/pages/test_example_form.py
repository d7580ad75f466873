"""Real examples on the page: one click, with what they are and their licence."""

import importlib.util
from pathlib import Path

from curation.interchange import example_datasets
from curation.storage.workspace import Source
from pages.ui.shell import background_tasks, state
from tests.helpers.page_words import button, checked, words


def test_one_click_takes_an_example_in(workspace, run, monkeypatch) -> None:
    started: list[tuple] = []
    monkeypatch.setattr(background_tasks, "start", lambda _, *command: started.append(command))
    page = run("cohort", workspace, **{state.SOURCE_KIND: "example"})
    assert "non-commercial research" in words(page)
    checked(button(page, "Real example: ABIDE").click().run())
    assert started == [("example", "abide")]


def test_ages_are_joined_from_a_table_that_is_there(workspace, run, monkeypatch, tmp_path) -> None:
    started: list[tuple] = []
    monkeypatch.setattr(background_tasks, "start", lambda _, *command: started.append(command))
    page = run("cohort", workspace, **{state.SOURCE_KIND: "example"})
    page.text_input[0].set_value("/not/there.tsv")
    checked(button(page, "Real example: DS030").click().run())
    assert "There is no table of people" in page.error[0].value
    assert started == []
    people = tmp_path / "people.tsv"
    people.write_text("participant_id\tage\n")
    page.text_input[0].set_value(str(people))
    checked(button(page, "Real example: DS030").click().run())
    assert started == [("example", "ds030", "--participants", str(people))]


def test_tiers_offers_an_example_where_there_is_nothing_to_cut(workspace, run) -> None:
    page = run("tiers", workspace)
    assert button(page, "Real example: ABIDE")


def test_an_example_says_what_it_is_where_sources_are_listed(own, run) -> None:
    found = importlib.util.find_spec(example_datasets.PACKAGE)
    assert found is not None
    table = Path(found.origin or "").parent / "datasets" / "abide.tsv"
    own.put_source(Source("abide", str(table), "mriqc"))
    assert "ABIDE is a real example" in words(run("cohort", own))


def test_without_the_package_the_command_stands_there(workspace, run, monkeypatch) -> None:
    monkeypatch.setattr(example_datasets, "is_installed", lambda: False)
    page = run("cohort", workspace, **{state.SOURCE_KIND: "example"})
    assert example_datasets.INSTALL in [code.value for code in page.code]
    assert not [b for b in page.button if b.label.startswith("Real example")]
