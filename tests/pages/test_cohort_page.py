"""Cohort: what it counts, what it refuses, what it starts."""

import sys
import time
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from curation.imaging.image_flags import FLAGS
from curation.sources import allowed_roots, duplicates
from curation.sources.ingest import ingest
from curation.storage import files, processes, tables
from curation.storage.workspace import Source
from pages.ui.shell import background_tasks, state, summaries
from pages.ui.shell.frame import PAGES
from tests.helpers import workspace_full
from tests.helpers.page_words import button, checked, field, words


def test_cohort_counts_and_gives_reasons(full, run) -> None:
    page = run("cohort", full.workspace)
    assert "<b>24</b>" in words(page) and "<b>14</b>" in words(page)
    assert "the file is cut off: &lt;b&gt;5&lt;/b&gt; of 10 voxels are there" in words(page)


def test_what_cannot_be_used_is_counted_by_kind_and_told_before_the_form_that_adds(
    own, run
) -> None:
    scans = tables.read_scans(own)
    assert "unreadable: see below" in words(run("cohort", own))
    good = scans.index[scans["status"] == "ok"][:2]
    tables.write_scans(
        own, scans.assign(status=scans["status"].where(~scans.index.isin(good), "duplicate"))
    )
    page = run("cohort", own)
    assert "1 unreadable, 2 listed twice: see below" in words(page)
    titles = [one.label for one in page.expander]
    assert titles.index("Cannot be used, and why: 3 scans") < titles.index("Add data")


def test_people_without_an_image_are_not_called_scans(own, run) -> None:
    scans = tables.read_scans(own)
    bad = scans["status"] == "unreadable"
    tables.write_scans(
        own, scans.assign(status=scans["status"].mask(bad, "missing"), path=scans["path"].mask(bad))
    )
    page = run("cohort", own)
    assert "Cannot be used, and why: 1 person without an image" in [
        one.label for one in page.expander
    ]
    said = words(page)
    assert "person without an image: see below" in said and "No image" in said
    assert "Missing" not in said


def test_cohort_refuses_a_path_that_is_not_there(full, run) -> None:
    page = run("cohort", full.workspace)
    page.text_input[0].set_value("/not/there")
    checked(button(page, "Add the source").click().run())
    assert "There is nothing at" in page.error[0].value


def test_a_path_outside_of_the_servers_folders_tells_nothing_of_itself(
    full, tmp_path, run, monkeypatch
) -> None:
    monkeypatch.setenv(allowed_roots.ENVIRONMENT_VARIABLE, str(tmp_path / "data"))
    (tmp_path / "there").mkdir()
    page, said = run("cohort", full.workspace), []
    for name in ("there", "gone"):
        (path,) = (one for one in page.text_input if one.label == "Path on this machine")
        path.set_value(str(tmp_path / name))
        checked(button(page, "Add the source").click().run())
        said.append(page.error[0].value.replace(f"/{name} ", "/X "))
    assert "lies outside" in said[0] and said[0] == said[1]


def test_cohort_reads_a_source_in_the_background(workspace, tmp_path, run) -> None:
    workspace_full.write_nifti(tmp_path / "new" / "one_T1w.nii.gz")
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
    background_tasks.start(workspace, background_tasks.INGEST, "--role", "pool", str(folder))
    deadline = time.monotonic() + 300
    while (
        background_tasks.running(workspace, background_tasks.INGEST) and time.monotonic() < deadline
    ):
        time.sleep(0.1)
    return folder


def test_the_answer_of_a_job_stands_under_its_path_and_can_be_dismissed(
    workspace, refused, run
) -> None:
    page = run("cohort", workspace)
    assert f"**{refused}**" in words(page)
    assert "No scan was found" in page.error[0].value and "is empty" in page.error[0].value
    checked(button(page, "Dismiss").click().run())
    assert not page.error and str(refused) not in words(page)


def test_a_table_of_scans_given_as_one_of_people_is_told_beside_the_button_to_be_the_path(
    workspace, tmp_path, run
) -> None:
    workspace_full.write_nifti(tmp_path / "new" / "one_T1w.nii.gz")
    table = tmp_path / "new" / "manifest.csv"
    table.write_text("file,age\none_T1w.nii.gz,30\n")
    given = ("--participants", str(table), str(tmp_path / "new"))
    background_tasks.start(workspace, background_tasks.INGEST, "--role", "pool", *given)
    _wait_for_ingest(workspace)
    page = run("cohort", workspace)
    (said,) = page.error
    assert "give this table itself as the path" in said.value.replace("\\", "")
    assert "holds paths" in said.value and "'file'" in said.value
    drawn = _in_order(page)
    assert drawn.index(said.value) - drawn.index("Add the source") == 1
    assert "beside the button" in words(page)


def test_a_name_that_is_taken_is_refused_in_the_words_of_the_page(workspace, tmp_path, run) -> None:
    for folder in ("here", "there"):
        workspace_full.write_nifti(tmp_path / folder / "mine" / "one_T1w.nii.gz")
    ingest(workspace, tmp_path / "here" / "mine")
    background_tasks.start(workspace, background_tasks.INGEST, str(tmp_path / "there" / "mine"))
    _wait_for_ingest(workspace)
    log = background_tasks.last_lines(workspace, background_tasks.INGEST)
    assert log.endswith("On the command line: --name")
    (said,) = run("cohort", workspace).error
    assert said.value.endswith("Give this one another short name\\.") and "--" not in said.value


def _wait_for_ingest(workspace) -> None:
    deadline = time.monotonic() + 300
    while background_tasks.running(workspace, background_tasks.INGEST):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def _in_order(page) -> list[str]:
    """Return the buttons and errors of a page in the order in which they are drawn."""
    return [
        one.label if one.type == "button" else one.value
        for one in page.main
        if one.type in ("button", "error")
    ]


def test_a_source_that_was_added_is_said_above_what_comes_next(own, run) -> None:
    log = background_tasks.log_path(own, background_tasks.INGEST)
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text("reading: 1 of 1 scans\n")
    page = run("cohort", own)
    assert not page.success and "Done. What it found:" in words(page)  # all is scored
    for part in own.metrics_dir.glob("part-*.parquet"):
        files.write_parquet(part, pd.read_parquet(part).iloc[1:])
    page = run("cohort", own)
    (done,) = page.success
    assert done.value.startswith("Added\\: ")
    labels = [one.label for one in page.button]
    assert labels.index("Score 1 scan") < labels.index("Dismiss")


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
    log = background_tasks.log_path(workspace, background_tasks.INGEST)
    program = [sys.executable, "-c", "import time; time.sleep(60)"]
    command = [*program, "--workspace", str(workspace.root), "/data/first"]
    going = processes.start(command, log=log, state=log.with_suffix(".json"))
    page = run("cohort", workspace)
    page.text_input[0].set_value(str(tmp_path))
    checked(button(page, "Add the source").click().run())
    processes.stop(going)
    assert "/data/first is being read just now" in words(page)
    assert background_tasks.arguments(workspace, background_tasks.INGEST) == ["/data/first"]


def test_flags_are_counted_and_open_their_scans_on_review(full, run) -> None:
    app = run("app", full.workspace)
    checked(app.switch_page(PAGES["cohort"].path).run())
    label = f"{FLAGS['no_air'].label} **{workspace_full.FLAGGED}**"
    checked(button(app, label).click().run())
    assert PAGES["review"].question in words(app)
    assert len(field(app, "selectbox", state.SCAN).options) == workspace_full.FLAGGED


def test_what_could_not_be_measured_can_be_tried_again(own, run, monkeypatch) -> None:
    part = own.metrics_dir / "part-made.parquet"
    failures = {0: "the file cannot be read: Input/output error", 1: "the file is cut off"}
    table = pd.read_parquet(part)
    files.write_parquet(part, table.assign(failure=table.index.map(failures).astype("str")))
    started = []
    monkeypatch.setattr(background_tasks, "start", lambda _, *command: started.append(command))
    page = run("cohort", own)
    assert "2 could not be measured (1 may be by now)" in page.get("progress")[0].proto.text
    checked(button(page, "Try 2 scans again").click().run())
    assert started == [(background_tasks.SCORING, "--retry")]


def test_scans_without_image_are_counted_and_said_to_be_such(own, tmp_path, run) -> None:
    workspace_full.import_table(own, tmp_path / "tables", 7)
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
    assert "<b>24</b>" in said and "and 2 PET, not scored" in said
    assert "A PET is not scored" in said and "-pet" not in said


def test_an_mriqc_table_is_imported_in_the_background(
    workspace, tmp_path, run, monkeypatch
) -> None:
    started = []
    monkeypatch.setattr(background_tasks, "start", lambda _, *command: started.append(command))
    page = run("cohort", workspace, **{state.SOURCE_KIND: "table"})
    checked(button(page, "Import the results").click().run())
    assert "There is nothing at" in page.error[0].value
    (tmp_path / "group_T1w.tsv").write_text("bids_name\n")
    page.text_input[0].set_value(str(tmp_path / "group_T1w.tsv"))
    checked(button(page, "Import the results").click().run())
    assert started == [
        (
            background_tasks.IMPORT,
            "--role",
            "pool",
            "--modality",
            "T1w",
            str(tmp_path / "group_T1w.tsv"),
        ),
    ]


def test_scoring_started_from_a_terminal_shows_as_running(full, run) -> None:
    with processes.noted(full.workspace.tasks_dir / "assess.json"):
        page = run("cohort", full.workspace)
        assert "Running in the background: Scoring" in words(page)
        assert button(page, "Stop scoring")
    assert "Running in the background" not in words(run("cohort", full.workspace))


def test_other_kinds_are_counted_beside_the_scans_and_said_not_to_be_scored(own, run) -> None:
    scans = tables.read_scans(own)
    others = scans[scans["status"] == "ok"].head(3).assign(status="other", modality="FLAIR")
    others["scan_id"] += "-flair"
    tables.write_scans(own, pd.concat([scans, others]))
    said = words(run("cohort", own))
    assert "<b>24</b>" in said and "3 FLAIR, not scored" in said
    assert "Other kinds" in said and "plain T1w unless another was asked for" in said


def test_what_was_scored_as_a_t1w_before_is_named_with_what_to_do(own, run, monkeypatch) -> None:
    scans = tables.read_scans(own)
    scans.loc[:1, "modality"] = "T2w"
    tables.write_scans(own, scans)
    page = run("cohort", own)
    assert "2 T2w of made-pool were scored as T1w" in words(page).replace("\\", "")
    started = []
    monkeypatch.setattr(background_tasks, "start", lambda _, *command: started.append(command))
    checked(button(page, "List the sources again").click().run())
    assert started == [(background_tasks.INGEST, "--again")]


def test_a_source_is_taken_out_on_the_page(own, run) -> None:
    page = run("cohort", own)
    (field,) = [one for one in page.selectbox if one.label == "Source"]
    assert field.value is None and button(page, "Take it out").disabled
    checked(field.set_value("made-target").run())
    checked(button(page, "Take it out").click().run())
    assert [source.name for source in own.sources()] == ["made-pool"]
    assert set(tables.read_scans(own)["source"]) == {"made-pool"}
    assert "made-target" not in words(page)


def test_shared_ids_are_told_until_somebody_says_whose_they_are(own, run) -> None:
    both = frozenset(("made-pool", "made-target"))
    duplicates.say_different(own, [both], "Ada", different=False)
    page = run("cohort", own)
    assert "share 14 participant ids" in words(page)
    author = next(field for field in page.text_input if field.label == "Who says so")
    author.set_value("Grace")
    checked(button(page, "Yes, different people").click().run())
    assert own.different_people() == {both}
    assert "participant ids (" not in words(page)
    said = words(page).replace("\\", "")
    assert "Noted: made-pool and made-target hold different people" in said
    assert "Take it back" in [one.label for one in page.expander]
    checked(button(page, "Take that back").click().run())
    assert own.different_people() == set()
    assert "share 14 participant ids" in words(page)


def test_of_several_pairs_of_sources_those_are_noted_that_are_chosen(own, run, monkeypatch) -> None:
    pairs = [frozenset(pair) for pair in (("made-pool", "made-target"), ("made-pool", "third"))]
    listed = [
        duplicates.SharedIds(("made-pool", other), ("1",), (), ())
        for other in ("made-target", "third")
    ]
    duplicates.say_different(own, pairs[:1], "Ada", different=False)
    own.put_source(Source("third", "/nowhere/third", "folder"))
    monkeypatch.setattr(duplicates, "alike", lambda *_: listed)
    page = run("cohort", own)
    next(field for field in page.text_input if field.label == "Who says so").set_value("Grace")
    checked(button(page, "Note it").click().run())
    assert "Nothing to note" in page.error[0].value
    pills = next(one for one in page.button_group if one.label.startswith("Choose the sources"))
    pills.set_value(["made-pool and third"])
    checked(button(page, "Note it").click().run())
    assert own.different_people() == {pairs[1]}


def test_the_page_says_how_a_listed_source_gets_sites_and_ages(own, run) -> None:
    said = words(run("cohort", own))
    assert "To give a source sites, ages or another table of people afterwards" in said


def test_the_picker_begins_where_the_last_source_lies(workspace, tmp_path, run) -> None:
    workspace_full.write_nifti(tmp_path / "data" / "mine" / "one_T1w.nii.gz")
    ingest(workspace, tmp_path / "data" / "mine")
    page = run("cohort", workspace)
    assert f"**{tmp_path / 'data'}**" in words(page)


def test_a_target_without_ages_is_told_in_amber_with_the_table_that_lies_there(
    own, tmp_path, run
) -> None:
    folder = tmp_path / "ageless"
    workspace_full.write_nifti(folder / "IXI012_T1w.nii.gz")
    (folder / "people.csv").write_text("IXI_ID,AGE\nIXI012,38\n")
    ingest(own, folder, role="target")
    background_tasks.start(own, background_tasks.INGEST, "--role", "target", str(folder))
    deadline = time.monotonic() + 300
    while background_tasks.running(own, background_tasks.INGEST) and time.monotonic() < deadline:
        time.sleep(0.1)
    page = run("cohort", own)
    (said,) = (one.value for one in page.warning if "have no age" in one.value)
    assert "Table of people" in said and "people.csv" in said.replace("\\", "")
    assert not page.success or "Added" not in page.success[0].value
    ingest(own, folder, participants=folder / "people.csv")
    assert not [one for one in run("cohort", own).warning if "have no age" in one.value]


def test_an_image_in_both_roles_is_told(own, run) -> None:
    scans = tables.read_scans(own)
    ids = ["made-pool_sub-01_T1w", "made-target_sub-03_T1w"]
    scans.loc[scans["scan_id"].isin(ids), "image_hash"] = "0123456789abcdef"
    tables.write_scans(own, scans)
    assert (
        "1 image is in the pool and in the target: made-pool_sub-01_T1w = made-target_sub-03_T1w"
        in words(run("cohort", own))
    )


def test_a_source_that_is_gone_is_named_with_its_place_and_what_to_do(own, run) -> None:
    assert "not there" not in words(run("cohort", own))
    own.put_source(replace(own.sources()[0], path="/nowhere/at/all"))
    page = run("cohort", own)
    assert "/nowhere/at/all – not there" in words(page)
    (said,) = (one.value.replace("\\", "") for one in page.warning if "nowhere" in one.value)
    assert "made-pool: there is nothing at /nowhere/at/all" in said and "bring it back" in said


def test_a_table_of_people_is_named_where_a_source_is_added(
    workspace, tmp_path, run, monkeypatch
) -> None:
    workspace_full.write_nifti(tmp_path / "new" / "one_T1w.nii.gz")
    started: list[tuple[str, ...]] = []
    monkeypatch.setattr(background_tasks, "start", lambda _, *command: started.append(command))
    page = run("cohort", workspace)
    path, people = page.text_input[0], _labelled(page, "Table of people (optional)")
    path.set_value(str(tmp_path / "new"))
    people.set_value(str(tmp_path / "gone.csv"))
    checked(button(page, "Add the source").click().run())
    assert "There is no table of people at" in page.error[0].value and not started
    (tmp_path / "people.csv").write_text("participant_id,age\none,30\n")
    _labelled(page, "Table of people (optional)").set_value(str(tmp_path / "people.csv"))
    checked(button(page, "Add the source").click().run())
    (command,) = started
    assert command[-3:-1] == ("--participants", str(tmp_path / "people.csv"))


def _labelled(page, label: str):  # type: ignore[no-untyped-def]
    return next(one for one in page.text_input if one.label == label)


def test_only_ids_that_fit_are_said_to_be_confirmed_below(own, run) -> None:
    both = frozenset(("made-pool", "made-target"))
    duplicates.say_different(own, [both], "Ada", different=False)
    scans = tables.read_scans(own)
    assert "can be confirmed below" in words(run("cohort", own))
    scans["age_years"] = scans["age_years"].where(scans["source"] != "made-target")
    tables.write_scans(own, scans)
    said = words(run("cohort", own))
    assert "age and sex agree for none of them" in said and "confirmed below" not in said
    assert "note it below" in said


def test_a_source_that_is_added_again_is_not_moved_to_another_role_unasked(full, run) -> None:
    (target,) = (one for one in full.workspace.sources() if one.role == "target")
    page = run("cohort", full.workspace)
    page.text_input[0].set_value(target.path)
    checked(button(page, "Add the source").click().run())
    assert "already, in the role target" in page.error[0].value
    assert background_tasks.running(full.workspace, background_tasks.INGEST) is None


def test_a_name_that_a_source_of_another_role_has_is_asked_about(full, run, tmp_path) -> None:
    page = run("cohort", full.workspace)
    page.text_input[0].set_value(str(tmp_path))
    next(one for one in page.text_input if one.label.startswith("Short name")).set_value(
        "made-target"
    )
    checked(button(page, "Add the source").click().run())
    assert "a source made\\-target already, in the role target" in page.error[0].value
    assert background_tasks.running(full.workspace, background_tasks.INGEST) is None


def test_the_way_to_the_scans_opens_the_worst_whatever_was_open_and_filtered(full, run) -> None:
    before = {state.SCAN: "made-pool_sub-01_T1w", state.SORT: "by name", state.TIERS: ["A"]}
    page = run("cohort", full.workspace, **before)
    checked(button(page, "Look at the scans, worst first").click().run())
    worst = tables.read_scored_scans(full.workspace).set_index("scan_id")["distortion_score"]
    assert page.session_state[state.PENDING_SCAN] == worst.idxmax()
    assert page.session_state[state.SORT] == summaries.WORST_FIRST
    assert page.session_state[state.TIERS] == []
