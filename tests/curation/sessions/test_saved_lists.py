"""Lists of scans are appended with author and time, and a rating session can be about one."""

import pytest

from curation.errors import RatingError
from curation.sessions import sampling, saved_lists, session_log
from curation.sessions.session_plan import SessionPlan
from curation.storage.workspace import Workspace
from tests.helpers.workspace_scored import put_scans


def test_a_list_comes_back_as_it_was_picked_each_scan_once(workspace: Workspace) -> None:
    assert saved_lists.list_lists(workspace) == [] and saved_lists.newest(workspace) == 0
    number = saved_lists.save(workspace, " odd ones ", "Ada", ["b", "a", "b"], "cjv over 1")
    saved_lists.save(workspace, "more", "Bob", ["c"])
    assert saved_lists.scans_of(workspace, number) == ["b", "a"]
    newest, first = saved_lists.list_lists(workspace)
    assert (newest.name, newest.scans) == ("more", 1) and saved_lists.newest(workspace) == newest.id
    assert (first.name, first.author, first.note, first.scans) == (
        "odd ones",
        "Ada",
        "cjv over 1",
        2,
    )
    assert first.at.tzinfo is not None


def test_many_scans_are_stored_whole(workspace: Workspace) -> None:
    ids = [f"scan-{i}" for i in range(12_001)]
    assert saved_lists.scans_of(workspace, saved_lists.save(workspace, "all", "Ada", ids)) == ids


@pytest.mark.parametrize(
    ("name", "author", "scans", "why"),
    [
        (" ", "Ada", ["a"], "needs a name"),
        ("x" * 101, "Ada", ["a"], "at most 100"),
        ("x", "", ["a"], "who picked"),
        ("x", "Ada", [], "No scan is selected"),
        ("taken", "Ada", ["a"], "choose another name"),
    ],
)
def test_what_makes_no_list_is_said_and_nothing_is_stored(
    workspace, name, author, scans, why
) -> None:
    saved_lists.save(workspace, "taken", "Eve", ["z"])
    with pytest.raises(RatingError, match=why):
        saved_lists.save(workspace, name, author, scans)
    assert [(one.name, one.scans) for one in saved_lists.list_lists(workspace)] == [("taken", 1)]
    assert saved_lists.scans_of(workspace, 99) == []


def test_a_session_is_about_the_scans_of_a_list_that_have_an_image(workspace: Workspace) -> None:
    put_scans(
        workspace,
        [{"distortion_score": 10.0 * i} for i in range(6)]
        + [{"status": "table", "distortion_score": 5.0}],
    )
    ids = [f"made_sub-{i:02d}_T1w" for i in (1, 4, 6, 77)]
    number = saved_lists.save(workspace, "odd", "Ada", ids)
    plan = SessionPlan(
        "s", "Ada", "three-level", choice=f"list:{number}", size=50, repeats_share=0.0
    )
    assert {item.scan_id for item in session_log.start(workspace, plan).items} == set(ids[:2])
    with pytest.raises(RatingError, match="needs the list's number"):
        sampling.find_choice("list")
    with pytest.raises(RatingError, match="empty"):
        sampling.sample_scans(workspace, "list:99", 5, 0, (25.0,))
