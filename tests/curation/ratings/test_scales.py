"""A study's own scale is added once, stays as it is, and is as good as the field's."""

from dataclasses import replace

import pytest

from curation.errors import RatingError
from curation.ratings import rating_log
from curation.ratings.rating_record import Rating
from curation.ratings.scales import Scale, add_scale, all_scales
from curation.storage.workspace import Workspace

OWN = Scale("cat12", "Grades", {1.0: "A", 2.0: "B", 6.0: "F"}, "higher is worse", "CAT12")


def test_an_own_scale_is_rated_on_and_its_worst_level_excludes(workspace: Workspace) -> None:
    add_scale(workspace, OWN, "Ada")
    assert all_scales(workspace)["cat12"] == OWN
    for value in (1.0, 6.0):
        rating_log.add_rating(
            workspace, Rating(scan_id="s", rater="Ada", scale="cat12", value=value)
        )
    table = rating_log.list_ratings(workspace)
    assert table["label"].tolist() == ["A", "F"] and table["excluded"].tolist() == [False, True]
    assert table["direction"].unique().tolist() == ["higher is worse"]
    with pytest.raises(RatingError, match="not on the scale"):
        rating_log.add_rating(workspace, Rating(scan_id="s", rater="Ada", scale="cat12", value=3.0))


def test_the_same_scale_again_changes_nothing_and_another_of_its_name_is_refused(workspace) -> None:
    add_scale(workspace, OWN)
    add_scale(workspace, OWN)
    with pytest.raises(RatingError, match="another scale named"):
        add_scale(workspace, replace(OWN, values={1.0: "good", 2.0: "bad"}))
    assert all_scales(workspace)["cat12"] == OWN


def test_what_a_level_means_is_kept_and_makes_no_other_scale(workspace: Workspace) -> None:
    told = replace(OWN, meanings={1.0: " no artefact ", 6.0: "no tissue can be told"})
    add_scale(workspace, told)
    add_scale(workspace, OWN)  # as an export of before has it
    found = all_scales(workspace)["cat12"]
    assert found.meanings == {1.0: "no artefact", 6.0: "no tissue can be told"}
    with pytest.raises(RatingError, match="at most 200 letters"):
        add_scale(workspace, replace(OWN, name="long", meanings={1.0: "x" * 201}))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"name": "a b"}, "cannot name a scale"),
        ({"name": "mriqc-4"}, "cannot name a scale"),
        ({"name": ""}, "cannot name a scale"),
        ({"values": {1.0: "only"}}, "2 to 10 levels"),
        ({"values": {1.0: "a", float("nan"): "b"}}, "2 to 10 levels"),
        ({"values": {1.0: "same", 2.0: "same"}}, "word of its own"),
        ({"values": {1.0: "a", 2.0: " "}}, "word of its own"),
        ({"values": {2.0: "a", 1.0: "b"}}, "best first"),
        ({"direction": "higher is better"}, "best first"),
    ],
)
def test_a_scale_that_makes_no_sense_is_refused(workspace: Workspace, change, words) -> None:
    with pytest.raises(RatingError, match=words):
        add_scale(workspace, replace(OWN, **change))
    assert "cat12" not in all_scales(workspace)
