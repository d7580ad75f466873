"""Cohort: what it counts, what it refuses, what it starts."""

import sys
import time
from pathlib import Path

import pandas as pd
import pytest

from curation import background, tables
from curation.validity import FLAGS
from pages.ui import state, tasks
from pages.ui.frame import PAGES
from tests import made_workspace
from tests.pages.said import button, checked, field, words


def test_cohort_counts_and_gives_reasons(made, run) -> None:
    page = run("cohort", made[0])
    assert "<b>24</b>" in words(page) and "<b>14</b>" in words(page)
    assert "the file is cut off: &lt;b&gt;5&lt;/b&gt; of 10 voxels are there" in words(page)


def test_cohort_refuses_a_path_that_is_not_there(made, run) -> None:
    page = run("cohort", made[0])
    page.text_input[0].set_value("/not/there")
    checked(button(page, "Add the source").click().run())
    assert "There is nothing at" in page.error[0].value


def test_cohort_reads_a_source_in_the_background(workspace, tmp_path, run) -> None:
    made_workspace.write_nifti(tmp_path / "new" / "one_T1w.nii.gz")
    page = run("cohort", workspace)
    page.text_input[0].set_value(str(tmp_path / "new"))
    checked(button(page, "Add the source").click().run())
    deadline = time.monotonic() + 300
    while len(tables.read_scans(workspace)) < 1 and time.monotonic() < deadline:
        time.sleep(0.2)
    assert tables.read_scans(workspace)["status"].tolist() == ["ok"]


@pytest.fixture
def refused(workspace, tmp_path) -> Path:
    """A folder in which an earlier job found no scan."""
    folder = tmp_path / "empty"
    folder.mkdir()
    tasks.start(workspace, tasks.INGEST, "--role", "pool", str(folder))
    deadline = time.monotonic() + 300
    while tasks.running(workspace, tasks.INGEST) and time.monotonic() < deadline:
        time.sleep(0.1)
    return folder


def test_the_answer_of_a_job_stands_under_its_path_and_can_be_dismissed(
    workspace, refused, run
) -> None:
    page = run("cohort", workspace)
    assert f"**{refused}**" in words(page)
    assert "names no scan" in page.error[0].value
    checked(button(page, "Dismiss").click().run())
    assert not page.error and str(refused) not in words(page)


def test_the_answer_of_one_job_is_not_shown_for_another(
    workspace, refused, tmp_path, run, monkeypatch
) -> None:
    assert not run("cohort", workspace, **{state.SOURCE_KIND: "table"}).error
    page = run("cohort", workspace)
    page.text_input[0].set_value("/not/there")
    checked(button(page, "Add the source").click().run())
    assert [error.value.split(" at")[0] for error in page.error] == ["There is nothing"]
    checked(page.run())
    assert not page.error


def test_a_source_asked_for_while_another_is_read_is_told_to_wait(workspace, tmp_path, run) -> None:
    log = tasks.log_path(workspace, tasks.INGEST)
    program = [sys.executable, "-c", "import time; time.sleep(60)"]
    command = [*program, "--workspace", str(workspace.root), "/data/first"]
    going = background.start(command, log=log, state=log.with_suffix(".json"))
    page = run("cohort", workspace)
    page.text_input[0].set_value(str(tmp_path))
    checked(button(page, "Add the source").click().run())
    background.stop(going)
    assert "/data/first is being read just now" in words(page)
    assert tasks.arguments(workspace, tasks.INGEST) == ["/data/first"]


def test_flags_are_counted_and_open_their_scans_on_review(made, run) -> None:
    app = run("app", made[0])
    checked(app.switch_page(PAGES["cohort"].path).run())
    label = f"{FLAGS['no_air'].label} **{made_workspace.FLAGGED}**"
    checked(button(app, label).click().run())
    assert PAGES["review"].question in words(app)
    assert len(field(app, "selectbox", state.SCAN).options) == made_workspace.FLAGGED


def test_scans_without_image_are_counted_and_said_to_be_such(own, tmp_path, run) -> None:
    made_workspace.import_table(own, tmp_path / "tables", 7)
    said = words(run("cohort", own))
    assert "<b>31</b>" in said and "7 without image" in said
    assert "Without image" in said


def test_pets_are_counted_beside_the_scans_and_said_not_to_be_scored(own, run) -> None:
    scans = tables.read_scans(own)
    pets = scans[scans["status"] == "ok"].head(2).assign(status="pet", modality="pet")
    pets["scan_id"] += "-pet"
    tables.write_scans(own, pd.concat([scans, pets]))
    page = run("cohort", own)
    said = words(page)
    assert "<b>24</b>" in said and "and 2 PET" in said
    assert "A PET is not scored" in said and "-pet" not in said


def test_an_mriqc_table_is_imported_in_the_background(
    workspace, tmp_path, run, monkeypatch
) -> None:
    started = []
    monkeypatch.setattr(tasks, "start", lambda _, *command: started.append(command))
    page = run("cohort", workspace, **{state.SOURCE_KIND: "table"})
    checked(button(page, "Import the results").click().run())
    assert "There is nothing at" in page.error[0].value
    (tmp_path / "group_T1w.tsv").write_text("bids_name\n")
    page.text_input[0].set_value(str(tmp_path / "group_T1w.tsv"))
    checked(button(page, "Import the results").click().run())
    assert started == [
        (tasks.IMPORT, "--role", "pool", str(tmp_path / "group_T1w.tsv")),
    ]


def test_scoring_started_from_a_terminal_shows_as_running(made, run) -> None:
    with background.noted(made[0].tasks_dir / "assess.json"):
        page = run("cohort", made[0])
        assert "Running in the background: Scoring" in words(page)
        assert button(page, "Stop scoring")
    assert "Running in the background" not in words(run("cohort", made[0]))
