"""Present: one message a screen, forward and back, the files made in the background and handed over."""

import pytest

from curation.storage import files, processes
from pages.ui.present import present_screen
from pages.ui.shell import state
from tests.helpers.page_words import button, checked, words
from tests.helpers.workspace_full import FullWorkspace
from training.report import content
from training.report.plots import Report
from training.report.source import ALL, Options


@pytest.fixture(scope="module")
def report(full: FullWorkspace) -> Report:
    """What the finished study has to say."""
    return content.build(full.workspace, full.finished.id)


def test_the_first_screen_asks_the_question(full, report, run) -> None:
    workspace, finished, _ = full
    page = run("present", workspace, **{state.STUDY: finished.id})
    assert "What is each quality tier worth for pretraining?" in words(page)
    count = len(report.messages)
    assert f"1 of {count}" in words(page)
    assert button(page, "Back").disabled and button(page, "First").disabled


def test_every_message_has_a_screen_and_the_last_one_an_end(full, report, run) -> None:
    workspace, finished, _ = full
    page = run("present", workspace, **{state.STUDY: finished.id})
    for message in report.messages:
        assert message.title in words(page).replace("&#x27;", "'")
        assert len(page.get("plotly_chart")) == (message.plot is not None)
        if not button(page, "Next").disabled:
            checked(button(page, "Next").click().run())
    assert button(page, "Next").disabled and button(page, "Last").disabled
    checked(button(page, "First").click().run())
    assert "1 of" in words(page)


def test_the_answer_is_the_verdict_in_words(full, report, run) -> None:
    workspace, finished, _ = full
    place = [message.name for message in report.messages].index("answer")
    page = run("present", workspace, **{state.STUDY: finished.id, state.SLIDE: place})
    assert report.messages[place].title in words(page)


def test_a_place_beyond_the_last_message_is_the_last(full, report, run) -> None:
    workspace, finished, _ = full
    page = run("present", workspace, **{state.STUDY: finished.id, state.SLIDE: 99})
    count = len(report.messages)
    assert f"{count} of {count}" in words(page)


def test_a_study_that_is_not_finished_says_so_on_every_screen(full, run) -> None:
    workspace, _, half = full
    page = run("present", workspace, **{state.STUDY: half.id})
    assert "Not finished" in words(page)
    checked(button(page, "Next").click().run())
    assert "Not finished" in words(page)


def test_the_files_are_made_in_the_background_as_chosen(full, run, monkeypatch) -> None:
    workspace, finished, _ = full
    started: list[list[str]] = []
    monkeypatch.setattr(processes, "start", lambda command, **_: started.append(list(command)))
    page = run("present", workspace, **{state.STUDY: finished.id, state.REPORT_SITES: True})
    checked(button(page, "Make the files").click().run())
    (command,) = started
    assert command[1:4] == ["-m", "training", "report"]
    assert command[command.index("--study") + 1] == finished.id
    assert "--sites" in command and "--no-pictures" not in command


def test_files_that_are_made_are_handed_over(ours, run) -> None:
    own, finished, _ = ours
    folder = present_screen.report_folder(own, finished, Options())
    files.write_text(folder / ALL, "zip")
    page = run("present", own, **{state.STUDY: finished.id})
    labels = [each.proto.label for each in page.get("download_button")]
    assert labels == [
        "Everything (zip)",
        "Report (HTML, opens without a network)",
        "Slides (PowerPoint)",
        "Methods (text)",
    ]


def test_files_of_an_earlier_state_are_not_handed_over(ours, run) -> None:
    own, finished, half = ours
    before = present_screen.report_folder(own, finished, Options())
    assert before != present_screen.report_folder(own, finished, Options(sites=True))
    assert before != present_screen.report_folder(own, half, Options())
    files.write_json(finished.result_path, {"made": "again"})
    assert before != present_screen.report_folder(own, finished, Options())


def test_what_failed_is_said(ours, run) -> None:
    own, finished, _ = ours
    folder = present_screen.report_folder(own, finished, Options())
    files.write_json(
        own.tasks_dir / "report.json", {"command": ["--out", str(folder)], "pid": 1, "started": 0.0}
    )
    files.write_text(own.tasks_dir / "report.log", "error: The disk is <i>full</i>\n")
    page = run("present", own, **{state.STUDY: finished.id})
    assert r"\<i\>full" in page.error[0].value
    assert button(page, "Make the files")


@pytest.mark.parametrize("kept", [True, False])
def test_what_is_removed_is_said_before_it_leaves(full, run, kept: bool) -> None:
    workspace, finished, _ = full
    page = run("present", workspace, **{state.STUDY: finished.id, state.REPORT_SITES: kept})
    assert ("kept, as was asked for" in words(page)) == kept


def test_another_study_begins_with_its_first_message(full, run) -> None:
    workspace, finished, half = full
    page = run("present", workspace, **{state.STUDY: finished.id, state.SLIDE: 3})
    assert page.session_state[state.SLIDE] == 3
    box = next(one for one in page.selectbox if one.label == "Study")
    checked(box.select(next(one for one in box.options if half.id in one)).run())
    assert page.session_state[state.SLIDE] == 0
