"""A tier by hand holds until the next decision, and each has its reason."""

import pandas as pd
import pytest

from curation import overrides, ratings
from curation.errors import RatingError
from curation.workspace import Workspace


def test_overrides_stand_until_the_next_and_need_a_reason(workspace: Workspace) -> None:
    ratings.override(workspace, "made_00001", "Ada", "C", "ringing")
    ratings.override(workspace, "made_00002", "Ada", "C", "ringing")
    ratings.override(workspace, "made_00001", "Bob", None, "seen again: fine")
    assert overrides.standing(workspace)["scan_id"].tolist() == ["made_00002"]
    assert len(overrides.list_overrides(workspace)) == 3
    ids = pd.Series(["made_00001", "made_00002", "made_00003"])
    assert overrides.applied(workspace, ids, pd.Series(["A", "A", "B"])).tolist() == ["A", "C", "B"]
    for author, tier, reason, words in (
        (" ", "A", "why", "who decides"),
        ("Ada", "A", " ", "needs a reason"),
        ("Ada", "", "why", "Name the tier"),
    ):
        with pytest.raises(RatingError, match=words):
            ratings.override(workspace, "made_00001", author, tier, reason)
