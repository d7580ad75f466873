"""Headline of a scan: its main trouble in one line, and how sure that is."""

import math

import pandas as pd
import pytest

from curation.metrics.registry import FAMILIES
from curation.scoring.score_reference import Anchor
from pages.ui.review import scan_judgement

ANCHORS = {"noise_wm": Anchor(0.05, 0.12), "cnr": Anchor(3.0, 1.0)}


def _parts(*rows: tuple[str, str, float, float]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["metric", "family", "value", "share_of_score"])


def _scores(**known: float) -> pd.Series:
    return pd.Series(dict.fromkeys(FAMILIES, 5.0) | known)


def test_the_worst_kind_its_metric_and_what_would_be_good_are_said() -> None:
    parts = _parts(("noise_wm", "noise", 0.2, 0.9), ("cnr", "contrast", 2.0, 0.1))
    said = scan_judgement.headline(_scores(noise=90.0, contrast=60.0), parts, ANCHORS)
    assert said.startswith("<b>Severe noise.</b> Grain in white matter: 0.2")
    assert "good is 0.05 or less" in said
    assert "Also loss of contrast." in said


def test_a_metric_that_falls_is_good_from_a_value_on() -> None:
    parts = _parts(("cnr", "contrast", 1.2, 1.0))
    said = scan_judgement.headline(_scores(contrast=55.0), parts, ANCHORS)
    assert "Clear loss of contrast" in said and "good is 3 or more" in said
    assert scan_judgement.good_and_bad(ANCHORS["cnr"]) == ("≥ 3", "≤ 1")
    assert scan_judgement.good_and_bad(None) == ("", "")


def test_nothing_stands_out_on_a_good_scan() -> None:
    said = scan_judgement.headline(_scores(), _parts(("noise_wm", "noise", 0.01, 1.0)), ANCHORS)
    assert said.startswith("<b>Nothing stands out.</b>")


def test_nothing_is_said_of_what_was_not_measured() -> None:
    scores = pd.Series(dict.fromkeys(FAMILIES, math.nan))
    assert scan_judgement.headline(scores, _parts(), {}) == "Nothing of this scan could be judged."


@pytest.mark.parametrize(("chance", "word"), [(95.0, "most likely"), (60.0, "probably")])
def test_what_people_would_say_is_said_as_that(chance: float, word: str) -> None:
    scores = {**_scores(contrast=90.0), "distortion_score": chance}
    said = scan_judgement.headline(
        pd.Series(scores), _parts(("cjv", "contrast", 0.9, 1.0)), ANCHORS
    )
    assert f"People would {word} exclude it." in said and "loss of contrast" in said


@pytest.mark.parametrize(
    ("value", "word"), [(1.0, "sure"), (0.86, "fairly sure"), (0.5, "unsure"), (math.nan, "")]
)
def test_certainty_has_a_word(value: float, word: str) -> None:
    assert scan_judgement.certainty(value) == word
