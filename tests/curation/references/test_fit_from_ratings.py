"""What is learned from: labels of people."""

from pathlib import Path

import pytest

from curation.ratings import rating_log
from curation.ratings.rating_record import Rating
from curation.ratings.scales import Scale, add_scale
from curation.references import fit_from_ratings
from curation.references.fit_from_ratings import labels_of
from curation.storage import tables
from curation.storage.workspace import Workspace
from tests.helpers import workspace_full


@pytest.fixture
def scored(tmp_path: Path) -> Workspace:
    return workspace_full.make(tmp_path / "made")


def test_a_rater_who_changed_their_mind_counts_by_the_last_word(scored: Workspace) -> None:
    ids = tables.read_scores(scored)["scan_id"].reset_index(drop=True)
    for value in (1.0, -1.0):
        rating_log.add_rating(
            scored, Rating(scan_id=ids[0], rater="A", scale="three-level", value=value)
        )
    rating_log.add_rating(scored, Rating(scan_id=ids[0], rater="B", scale="mriqc-4", value=2.0))
    rating_log.add_rating(scored, Rating(scan_id="not here", rater="B", scale="mriqc-4", value=1.0))
    labels = labels_of(rating_log.list_ratings(scored), ids)
    assert labels["excluded"].tolist() == [1, 0]
    assert labels["weight"].tolist() == [0.5, 0.5]


def test_a_slider_near_its_end_and_the_worst_of_an_own_scale_exclude(scored: Workspace) -> None:
    ids = tables.read_scores(scored)["scan_id"].reset_index(drop=True)
    own = Scale("own", "Own", {1.0: "fine", 5.0: "bad"}, "higher is worse", "here")
    add_scale(scored, own)
    for scale, value in (("mriqc-4", 1.2), ("mriqc-4", 1.6), ("own", 5.0)):
        rating_log.add_rating(
            scored, Rating(scan_id=ids[0], rater=f"{value}", scale=scale, value=value)
        )
    labels = labels_of(rating_log.list_ratings(scored), ids)
    assert labels["excluded"].tolist() == [1, 0, 1]
    assert fit_from_ratings._worst_words(labels).endswith("the worst level of own")
