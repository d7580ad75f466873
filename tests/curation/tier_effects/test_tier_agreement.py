"""Tiers are held against verdicts by the figures that scikit-learn gives for the same scans."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import cohen_kappa_score, roc_auc_score

from curation.ratings.scales import SCALES
from curation.tier_effects import tier_agreement
from pages.ui.tiers import balance_panel

NAMES = ("A", "B", "C")
RNG = np.random.default_rng(0)
SAID = RNG.choice([1.0, 0.0, -1.0], 200, p=[0.5, 0.3, 0.2])
CODES = np.clip(1 - SAID + RNG.integers(-1, 2, 200), 0, 2).astype(int)
IDS = pd.Index([f"s{i}" for i in range(200)])


def given(said: np.ndarray, ids: pd.Index, rater: str = "Ada") -> pd.DataFrame:
    return pd.DataFrame(
        {
            "id": np.arange(len(said)),
            "rater": rater,
            "scan_id": ids,
            "scale": "three-level",
            "level": said,
            "label": "",
            "role": "rater",
            "session_id": 1,
            "repeat": False,
            "withdrawn": None,
            "excluded": said == -1,
        }
    )


def found(
    codes=CODES, said=SAID, ids=IDS, names=NAMES, scan_ids=IDS
) -> tier_agreement.TierAgreement:
    return tier_agreement.compare(codes, names, scan_ids, given(said, ids), list(SCALES.values()))


def test_figures_are_those_of_scikit_learn() -> None:
    told, bad = found(), SAID == -1
    assert told.scans == 200 and told.scale == "three-level"
    assert told.auc.value == pytest.approx(roc_auc_score(bad, CODES))
    assert told.auc.low < told.auc.value < told.auc.high
    wanted = cohen_kappa_score(1 - SAID, CODES, weights="quadratic")
    assert told.weighted_kappa.value == pytest.approx(wanted)
    for place, one in enumerate(told.cutoffs, 1):
        above = place <= CODES
        assert one.kappa.value == pytest.approx(cohen_kappa_score(bad, above))
        assert one.found == pytest.approx(above[bad].mean())
        assert one.kept == pytest.approx((~above)[~bad].mean())
    assert [one.better for one in told.cutoffs] == ["A", "B"]


def test_tables_count_rated_scans_that_are_here_and_scored() -> None:
    codes = CODES.copy()
    codes[:50] = len(NAMES)
    elsewhere = IDS[:100].append(pd.Index(["gone"] * 100))
    told = found(codes, ids=elsewhere)
    assert told.scans == 50 and told.levels is not None
    assert told.counts.to_numpy().sum() == told.levels.to_numpy().sum() == 50
    assert told.levels.columns.tolist() == ["accept", "doubtful", "exclude"]
    assert told.levels.loc["A", "accept"] == ((codes == 0) & (SAID == 1))[:100].sum()


def test_scans_on_which_raters_stand_half_and_half_are_rated_but_not_decided() -> None:
    ids = pd.Index([f"s{i}" for i in range(7)])
    ada, bob = (
        given(np.array(said), ids[: len(said)], who)
        for who, said in (("Ada", [1.0, 1, 1, -1, -1, 0, 1]), ("Bob", [-1.0, 1, 1]))
    )
    codes, both = np.array([0, 0, 0, 2, 2, 1, 1]), pd.concat([ada, bob], ignore_index=True)
    told = tier_agreement.compare(codes, NAMES, ids, both, list(SCALES.values()))
    assert (told.scans, told.rated) == (6, 7)
    assert told.levels is not None and told.levels.to_numpy().sum() == 7
    said = balance_panel.agreement_text(told)
    assert "6 of 7 rated scans" in said and "verdict" not in said
    assert "7 rated scans" in balance_panel.confusion_caption(told)


def test_as_many_tiers_as_levels_are_needed_for_a_weighted_kappa() -> None:
    told = found(np.minimum(CODES, 1), names=("A", "B"))
    assert np.isnan(told.weighted_kappa.value) and told.auc.value > 0.5


def test_nobody_rated_and_all_of_one_opinion_are_gaps_not_errors() -> None:
    none = tier_agreement.compare(
        CODES, NAMES, IDS, given(SAID[:0], IDS[:0]), list(SCALES.values())
    )
    assert none.scans == 0 and none.levels is None and np.isnan(none.auc.value)
    assert [one.kappa.value for one in none.cutoffs] == [pytest.approx(np.nan, nan_ok=True)] * 2
    same = found(said=np.ones(200))
    assert np.isnan(same.auc.value) and np.isnan(same.cutoffs[0].found)


def test_of_two_opinions_the_worse_counts_as_the_level() -> None:
    two = pd.concat([given(np.ones(200), IDS), given(np.zeros(200), IDS, "Bob")])
    told = tier_agreement.compare(CODES, NAMES, IDS, two, list(SCALES.values()))
    assert told.levels is not None and told.levels.sum().tolist() == [0, 200, 0]
