import numpy as np
import pandas as pd
import pytest

from training.arms.study_arms import Arm
from training.held_out.predictions import BASELINE, Predictions, from_long
from training.judging.judging import Judging
from training.judging.outcome import AGE, Outcome
from training.results import comparisons, conclusions, study_summary

SEX = Outcome("sex", "two-valued", "", "M", "F", 3)
SCORE = Outcome("MMSE", "numeric", "", digits=1)
ARMS = (Arm("scratch", "no pretraining", "scratch"), Arm("A", "tier A", "tiers", ("A",)))


def _two_valued(separation: tuple[float, float], *, people: int = 80) -> Predictions:
    """Predictions of two arms whose two kinds of people lie so far apart, 3 seeds."""
    rng = np.random.default_rng(0)
    truth = (np.arange(people) % 2).astype(float)
    scans = pd.DataFrame(
        {
            "scan_id": [f"t_{i}" for i in range(people)],
            "subject_id": [f"t:{i:03d}" for i in range(people)],
            "fold": np.arange(people) // 2 % 4,
            "age_years": 50.0,
            "true_value": truth,
        }
    )
    rows = [
        scans[["scan_id"]].assign(
            arm=arm.name,
            seed=seed,
            predicted_age_years=distance * truth + rng.normal(0, 1, people),
            baseline_age_years=0.5,
        )
        for arm, distance in zip(ARMS, separation, strict=True)
        for seed in range(3)
    ]
    return from_long(ARMS, (0, 1, 2), scans, pd.concat(rows), SEX)


def test_an_outcome_is_written_down_and_read_back_and_age_is_not_written() -> None:
    judged = Judging(SEX, "site", 1, ("other-1",))
    assert Judging.from_dict(judged.as_dict()) == judged
    assert Judging().as_dict() == {} and Judging.from_dict(None).outcome is AGE


def test_a_larger_auc_is_better_and_said_so() -> None:
    held_out = _two_valued((0.3, 3.0))
    final = study_summary.summarise(held_out).set_index("arm")
    assert final.loc["A", "age_mae_years"] > 0.95 > final.loc["scratch", "age_mae_years"]
    assert (final.loc[["scratch", "A"], "ci_high"] <= 1).all()
    assert np.isnan(final.loc[BASELINE, "ci_high"])  # nothing of chance varies
    found = comparisons.compare_all(held_out, "scratch")
    row = found.reference.iloc[0]
    assert row["verdict"] == "better" and row["difference_years"] < 0
    assert row["words"].startswith("Tier A alone is better than no pretraining by 0.")
    assert " AUC (" in row["words"] and "years" not in row["words"]
    shown = SEX.shown(found.reference, "difference_years").iloc[0]
    assert shown["ci_low"] < shown["difference_years"] == -row["difference_years"]
    said = conclusions.conclude(held_out, found, "scratch")
    assert said.ranks and said.headline.startswith(
        "Exploratory: pretrained on tier A alone, the AUC for sex (M) is 0."
    )
    assert " higher (" in said.headline and said.headline.endswith(") than without pretraining")


def test_models_that_tell_nothing_rank_nothing() -> None:
    held_out = _two_valued((0.0, 0.0))
    said = conclusions.conclude(held_out, comparisons.compare_all(held_out, "scratch"), "scratch")
    assert not said.ranks
    assert said.headline == (
        "No arm is shown to predict sex (M) better than chance (AUC 0.5): this study cannot rank tiers"
    )


def test_what_is_handed_on_is_named_for_its_outcome() -> None:
    table = study_summary.summarise(_two_valued((1.0, 1.0)))
    assert AGE.named(table) is table
    assert "auc" in SEX.named(table) and not [name for name in SEX.named(table) if "years" in name]
    assert "mae" in SCORE.named(table) and "corrected_mae" in SCORE.named(table)


@pytest.mark.parametrize(
    ("outcome", "amount", "label"),
    [
        (AGE, "−0.50 years", "Age error (MAE, years; lower is better)"),
        (SCORE, "−0.5 MMSE", "MMSE error (MAE; lower is better)"),
        (SEX, "−0.500 AUC", "AUC for sex (M) (0.5 is chance; higher is better)"),
    ],
)
def test_each_outcome_has_its_words_and_units(outcome: Outcome, amount: str, label: str) -> None:
    assert (outcome.amount(-0.5), outcome.measure_label) == (amount, label)


def test_text_from_a_table_is_escaped_in_plots() -> None:
    odd = Outcome("<b>50 %</b>", "numeric", "")
    assert "<b>" not in odd.hover("x") and "% " not in odd.hover("x").replace("%{x", "")
