"""Scores are a pure, monotone function of metrics and a reference; a ruined dimension stays visible."""

import json
import math

import numpy as np
import pandas as pd
import pytest

from curation.metrics import METRICS
from curation.scores import POWER, SUBSCORES, Anchor, Reference, builtin, explain, score

#: One metric a family, good at 0 and bad at 1.
FIRST = {family: next(n for n, m in METRICS.items() if m.family == family) for family in SUBSCORES}
PLAIN = Reference("plain", "1", "for tests", {name: Anchor(0.0, 1.0) for name in FIRST.values()})


def row(**values: float) -> pd.DataFrame:
    """One scan whose metrics are 0 (good), but for those named by their family."""
    metrics = {FIRST[family]: values.get(family, 0.0) for family in SUBSCORES}
    return pd.DataFrame([{"scan_id": "s", "sha256": "x", **metrics}])


def test_badness_is_5_at_good_50_half_way_and_95_at_bad() -> None:
    for anchor in (Anchor(1.0, 3.0), Anchor(3.0, 1.0), Anchor(1.0, 9.0, "log")):
        middle = 3.0 if anchor.scale == "log" else 2.0
        values = anchor.badness(np.array([anchor.good, middle, anchor.bad]))
        assert values == pytest.approx([5.0, 50.0, 95.0])


def test_badness_never_leaves_0_to_100_and_keeps_nan() -> None:
    values = Anchor(1.0, 2.0).badness(np.array([-1e300, 1e300, np.nan]))
    assert values[0] == pytest.approx(0.0, abs=1e-6)
    assert values[1] == pytest.approx(100.0)
    assert math.isnan(values[2])


@pytest.mark.parametrize("family", SUBSCORES)
def test_more_of_any_one_badness_is_always_a_higher_score(family: str) -> None:
    scores = [
        score(row(**{family: v}), PLAIN)["distortion_score"][0] for v in np.linspace(0, 1.5, 31)
    ]
    assert np.all(np.diff(scores) > 0)


@pytest.mark.parametrize("family", SUBSCORES)
def test_one_ruined_dimension_is_not_averaged_away(family: str) -> None:
    ruined = score(row(**{family: 1.5}), PLAIN).iloc[0]
    assert ruined[family] > 99
    assert ruined["distortion_score"] > 65
    assert ruined[[f for f in SUBSCORES if f != family]].max() < 10


def test_a_clean_scan_scores_low_and_a_wreck_high() -> None:
    assert score(row(), PLAIN)["distortion_score"][0] < 10
    wreck = score(row(**dict.fromkeys(SUBSCORES, 1.0)), PLAIN)
    assert wreck["distortion_score"][0] == pytest.approx(95.0)


def test_what_cannot_be_measured_is_nan_and_condemns_nothing() -> None:
    partial = score(row(motion=math.nan, noise=math.nan), PLAIN).iloc[0]
    assert math.isnan(partial["motion"]) and math.isnan(partial["noise"])
    assert partial["families_measured"] == 5
    assert partial["distortion_score"] == pytest.approx(5.0)


def test_a_scan_without_any_metric_has_no_score() -> None:
    nothing = score(row(**dict.fromkeys(SUBSCORES, math.nan)), PLAIN).iloc[0]
    assert math.isnan(nothing["distortion_score"])
    assert nothing["families_measured"] == 0


def test_a_score_does_not_depend_on_the_other_scans() -> None:
    one, two = row(noise=0.4), row(blur=2.0)
    together = score(pd.concat([two, one], ignore_index=True), PLAIN)
    assert together.iloc[[1]].reset_index(drop=True).equals(score(one, PLAIN))


def test_the_explanation_names_the_culprit_and_its_shares_make_one() -> None:
    explained = explain(row(blur=1.2, noise=0.6).iloc[0], PLAIN)
    assert explained["family"][0] == "blur"
    assert explained["share_of_score"].sum() == pytest.approx(1.0)
    assert explained["share_of_score"].is_monotonic_decreasing


def test_shares_of_the_explanation_rebuild_the_score() -> None:
    frame = row(blur=0.9, noise=0.8, motion=math.nan)
    explained = explain(frame.iloc[0], PLAIN)
    scored = score(frame, PLAIN).iloc[0]
    powers = scored[list(SUBSCORES)].astype(float) ** POWER
    by_family = explained.groupby("family")["share_of_score"].sum()
    expected = (powers / powers.sum()).fillna(0)
    assert by_family.to_dict() == pytest.approx(expected.to_dict())


def test_an_unmeasured_metric_has_no_share() -> None:
    explained = explain(row(motion=math.nan).iloc[0], PLAIN).set_index("family")
    assert explained.loc["motion", "share_of_score"] == 0
    assert math.isnan(explained.loc["motion", "badness"])


# ---- the built-in reference ----------------------------------------------------------------------


def test_every_anchor_belongs_to_a_metric_points_its_way_and_names_its_source() -> None:
    for name, anchor in builtin().anchors.items():
        direction = METRICS[name].direction
        assert direction in {"higher is worse", "higher is better"}, name
        assert (anchor.bad > anchor.good) == (direction == "higher is worse"), name
        assert anchor.source, name
        assert anchor.scale in {"linear", "log"}


def test_every_family_has_an_anchor_that_holds_without_air() -> None:
    for family in SUBSCORES:
        names = [n for n in builtin().anchors if METRICS[n].family == family]
        assert any("air" not in METRICS[n].needs for n in names), family


def test_the_reference_says_what_it_is() -> None:
    reference = builtin()
    assert reference.id == "builtin-1"
    assert len(reference.description) > 100
    assert json.dumps(reference.description)
