"""Cohort: data are added first of all, and a DICOM folder is looked through before anything is made."""

import time

import pytest

from curation.dicom import last_look
from curation.sources import allowed_roots
from curation.storage import tables
from pages.ui.shell import background_tasks, state
from tests.helpers import dicom_files
from tests.helpers.page_words import button, checked, words

DICOM = {state.SOURCE_KIND: "dicom"}


def _path(page):
    return next(one for one in page.text_input if one.label == "Path on this machine")


def words_in(part) -> str:
    """Return all texts of one part of a page."""
    inner = getattr(part, "children", {}).values()
    return " ".join([str(getattr(part, "value", "")), *map(words_in, inner)])


def _wait(workspace, task: str) -> None:
    deadline = time.monotonic() + 300
    while background_tasks.running(workspace, task) and time.monotonic() < deadline:
        time.sleep(0.1)


def test_adding_data_is_the_first_thing_on_an_empty_cohort(workspace, run) -> None:
    page = run("cohort", workspace)
    assert page.expander[0].label == "Add data" and page.expander[0].proto.expanded
    said = [words_in(part) for part in page.main.children.values()]
    form, empty = (
        next(place for place, text in enumerate(said) if wanted in text)
        for wanted in ("A BIDS data set", "There are no scans yet")
    )
    assert form < empty
    assert "DICOM folder" in str(page.get("button_group")[0].proto)


def test_a_dicom_folder_is_looked_through_chosen_from_and_taken_in(
    workspace, tmp_path, run
) -> None:
    dicom_files.write_series(tmp_path / "in", 1, description="scout", data=dicom_files.voxels(3))
    dicom_files.write_series(tmp_path / "in", 2)
    dicom_files.write_series(tmp_path / "in", 3, BurnedInAnnotation="YES")
    page = run("cohort", workspace, **DICOM)
    _path(page).set_value(str(tmp_path / "in"))
    checked(button(page, "Look through it").click().run())
    _wait(workspace, background_tasks.DICOM_LOOK)
    page = run("cohort", workspace, **DICOM)
    assert "3 series of 1 person" in words(page)
    assert "Series 3" in words(page) and "text is burnt into the image" in words(page)
    (table,) = page.dataframe
    assert table.value["Take"].tolist() == [False, True]
    assert "Ticking it does no harm" in words(page) and "A derived one" not in words(page)
    assert table.value["Matrix"].tolist() == ["20 × 24 × 3", "20 × 24 × 16"]
    assert not tables.read_scans(workspace).shape[0]
    checked(button(page, "Take in the chosen series").click().run())
    _wait(workspace, background_tasks.DICOM)
    scans = tables.read_scans(workspace)
    assert scans["status"].tolist() == ["ok"] and "run-002_T1w" in scans["scan_id"][0]
    assert last_look.read(workspace) is None
    page = run("cohort", workspace, **DICOM)
    assert "images made: 1" in page.code[0].value and page.expander[0].proto.expanded


def test_what_was_found_is_kept_until_it_is_dismissed(workspace, tmp_path, run) -> None:
    dicom_files.write_series(tmp_path / "in")
    last_look.look(workspace, tmp_path / "in")
    page = run("cohort", workspace, **DICOM)
    assert "1 series of 1 person" in words(page)
    page = checked(button(page, "Dismiss").click().run())
    assert last_look.read(workspace) is None and "1 series of 1 person" not in words(page)


def test_dicom_given_as_images_is_said_at_once_and_nothing_starts(workspace, tmp_path, run) -> None:
    dicom_files.write_series(tmp_path / "in")
    page = run("cohort", workspace)
    _path(page).set_value(str(tmp_path / "in"))
    checked(button(page, "Add the source").click().run())
    assert "These are DICOM files" in page.error[0].value
    assert not background_tasks.all_running(workspace)


def test_the_folder_picker_stays_within_what_may_be_read(
    workspace, tmp_path, run, monkeypatch
) -> None:
    (tmp_path / "data" / "study" / "anat").mkdir(parents=True)
    (tmp_path / "secret").mkdir()
    (tmp_path / "data" / "way-out").symlink_to(tmp_path / "secret")
    monkeypatch.setenv(allowed_roots.ENVIRONMENT_VARIABLE, str(tmp_path / "data"))
    page = run("cohort", workspace)
    assert next(one for one in page.button if one.label == "Up").disabled
    (folders,) = (one for one in page.selectbox if one.label == "Open folder")
    checked(folders.select("study").run())
    checked(button(page, "Take this folder").click().run())
    assert _path(page).value == str(tmp_path / "data" / "study")
    checked(button(page, "Up").click().run())
    (folders,) = (one for one in page.selectbox if one.label == "Open folder")
    checked(folders.select("way-out").run())
    assert "secret" not in words(page)
    assert str(tmp_path / "data").rsplit("/", 1)[-1] in words(page)


def test_the_folder_picker_says_what_was_taken_and_what_a_folder_is(
    workspace, tmp_path, run, monkeypatch
) -> None:
    for name in ("sub-01", "sub-02", "derivatives"):
        (tmp_path / "study" / name).mkdir(parents=True)
    (tmp_path / "study" / "one.nii.gz").touch()
    monkeypatch.setenv(allowed_roots.ENVIRONMENT_VARIABLE, str(tmp_path / "study"))
    page = run("cohort", workspace, **{"picker-open": True})
    assert "A BIDS data set of 2 subjects." in words(page)
    checked(button(page, "Take this folder").click().run())
    assert page.session_state["picker-open"] is False
    (said,) = page.toast
    assert said.value.replace("\\", "") == f"Taken: {tmp_path / 'study'}"


@pytest.mark.parametrize("path", ["/not/there", "relative", ""])
def test_a_path_without_a_folder_is_refused_before_anything_starts(workspace, run, path) -> None:
    page = run("cohort", workspace, **DICOM)
    _path(page).set_value(path)
    checked(button(page, "Look through it").click().run())
    assert "There is nothing at" in page.error[0].value
    assert not background_tasks.all_running(workspace)
