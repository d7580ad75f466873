"""The scan to rate next: score and ratings at odds first, then the nearest to the cut-off."""

from pathlib import Path

import pytest

from curation.ratings import rating_log
from curation.ratings.rating_record import Rating
from curation.sessions import passed_on_cutoff, suggested_cutoff
from curation.sessions.active_learning import next_to_rate
from curation.storage import tables
from curation.storage.workspace import Workspace
from tests.helpers import workspace_full


@pytest.fixture
def scored(tmp_path: Path) -> Workspace:
    return workspace_full.make(tmp_path / "workspace")


def _rate(scored: Workspace, scan_id: str, rater: str, value: float) -> None:
    rating_log.add_rating(
        scored, Rating(scan_id=scan_id, rater=rater, scale="pass-fail", value=value)
    )


def test_without_ratings_the_nearest_to_the_cutoff_comes_first(scored: Workspace) -> None:
    scores = tables.read_scores(scored).set_index("scan_id")["distortion_score"]
    listed = next_to_rate(scored, cutoff=42.0)
    assert listed["scan_id"].tolist()[0] == (scores - 42.0).abs().idxmin()
    assert listed["gap"].is_monotonic_increasing and len(listed) == len(scores)
    assert "points from the cut-off of 42.0" in listed["reason"][0]
    # without a suggestion, the default rule's last cut-off
    assert (
        next_to_rate(scored)["scan_id"].tolist()
        == next_to_rate(scored, cutoff=50.0)["scan_id"].tolist()
    )


def test_score_and_ratings_at_odds_come_before_all_the_widest_gap_first(scored: Workspace) -> None:
    order = tables.read_scores(scored).sort_values("distortion_score")["scan_id"].tolist()
    best, good, bad, worst = order[0], order[5], order[-5], order[-1]
    _rate(scored, good, "Ada", 0.0)
    _rate(scored, worst, "Ada", 1.0)
    _rate(scored, best, "Ada", 1.0)  # as the score says: nothing to learn
    _rate(scored, bad, "Ada", 0.0)
    listed = next_to_rate(scored, cutoff=50.0)
    assert listed["kind"].tolist()[:2] == ["at odds"] * 2
    assert set(listed["scan_id"][:2]) == {good, worst}
    assert listed["gap"][0] >= listed["gap"][1]
    assert not {best, bad} & set(listed["scan_id"])
    assert "most of its ratings" in listed["reason"][0]


def test_nobody_is_asked_twice_and_three_opinions_are_enough(scored: Workspace) -> None:
    worst = tables.read_scores(scored).sort_values("distortion_score")["scan_id"].iloc[-1]
    _rate(scored, worst, "Ada", 1.0)
    assert worst not in set(next_to_rate(scored, rater="Ada")["scan_id"])
    assert next_to_rate(scored, rater="Bob")["scan_id"][0] == worst
    assert worst not in set(next_to_rate(scored, rater="Bob", leave_out=[worst])["scan_id"])
    _rate(scored, worst, "Bob", 1.0)
    assert next_to_rate(scored, rater="Eve")["scan_id"][0] == worst
    _rate(scored, worst, "Eve", 1.0)
    assert worst not in set(next_to_rate(scored)["scan_id"])


def test_the_suggested_cutoff_is_the_one_that_counts(scored: Workspace) -> None:
    scores = [float(value) for value in range(0, 60, 2)]
    found = suggested_cutoff.suggest(scores, [value > 20 for value in scores])
    passed_on_cutoff.save_suggestion(scored, found, "Ada")
    listed = next_to_rate(scored)
    assert listed["gap"][0] == pytest.approx(
        abs(listed["distortion_score"][0] - found.cutoff), abs=1e-6
    )
    assert next_to_rate(scored).equals(listed)


def test_where_nothing_is_scored_there_is_nothing_to_teach(workspace: Workspace) -> None:
    assert next_to_rate(workspace).empty
