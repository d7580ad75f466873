"""The note on Tiers counts the scans with unusual anatomy by tier, and is silent without any."""

from types import SimpleNamespace

import numpy as np
import pandas as pd

from curation.tiers.tier_rule import DEFAULT_RULE
from pages.ui.tiers import anatomy_note


def said(unusual: list[float] | None, codes: list[int]) -> str:
    scans = pd.DataFrame({"scan_id": list("abcd")})
    if unusual is not None:
        scans["unusual_anatomy"] = unusual
    return anatomy_note.words(
        SimpleNamespace(scans=scans),  # type: ignore[arg-type]
        SimpleNamespace(rule=DEFAULT_RULE, codes=np.array(codes)),  # type: ignore[arg-type]
    )


def test_scans_are_counted_by_tier_and_said_to_count_for_no_score() -> None:
    words = said([80.0, 51.0, 20.0, np.nan], [0, 1, 1, 0])
    assert words.startswith("2 scans with unusual anatomy (1 in A, 1 in B)")
    assert "counts for no score" in words
    assert "(1 in A, 1 not scored)" in said([80.0, 51.0, 20.0, np.nan], [0, 3, 1, 0])


def test_nothing_is_said_without_any_or_of_scores_of_before() -> None:
    assert said([10.0, 20.0, np.nan, 49.0], [0, 0, 1, 1]) == ""
    assert said(None, [0, 0, 1, 1]) == ""
