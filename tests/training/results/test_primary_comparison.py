from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from tests.helpers.made_predictions import ALL, SCRATCH, A, made
from training.arms import arm_scans, study_arms
from training.arms.study_arms import Arm
from training.held_out import joined_studies
from training.held_out.predictions import Predictions
from training.judging.outcome import Outcome
from training.report import content_primary
from training.results import comparisons, primary_comparison, study_summary, verdicts
from training.results.primary_comparison import Primary
from training.results.resampling import holm
from training.studies.analysis_plan import EXPLORATORY, AnalysisPlan

AGES = np.linspace(20, 80, 40)
PLAN = AnalysisPlan(("A", "all"))


def _held_out(better: float = 0.0, *, learned: bool = True, seeds: int = 3) -> Predictions:
    """Return three arms that err by 5 years or so; the second by so many years less."""
    rng = np.random.default_rng(4)
    errors = np.abs(rng.normal(0, 0.4, (3, seeds, 40)) + 5)
    errors[1] -= better
    about = AGES if learned else np.full(40, 50.0)
    return made(about + errors, AGES, baseline=50.0)


def _primary(held_out: Predictions, plan: AnalysisPlan = PLAN) -> Primary:
    found = primary_comparison.of_study(held_out, plan)
    assert found is not None
    return found


def test_a_study_that_declared_nothing_has_none() -> None:
    assert primary_comparison.of_study(_held_out(), EXPLORATORY) is None


def test_it_is_the_plain_difference_of_its_two_arms() -> None:
    held_out = _held_out(2.0)
    found = _primary(held_out)
    assert found.difference == study_summary.compare(held_out, "A", "all").estimate
    assert found.verdict.outcome == "better"
    assert found.conclusion.ranks
    assert found.conclusion.headline.startswith(
        "Pretrained on tier A alone, the model errs 2."
    ) and found.conclusion.headline.endswith(") than pretrained on all scans")
    assert " years less in age (" in found.conclusion.headline
    assert found.verdict.words.startswith("Tier A alone is better than all scans by 2.")


def test_no_other_comparison_corrects_it_and_it_corrects_no_other() -> None:
    held_out = _held_out(2.0)
    found = comparisons.compare_all(held_out, "all", ("A", "all")).reference.set_index("role")
    assert np.isnan(found.loc["primary", "p_holm"]) and found.loc["primary", "p"] < 1
    others = found.loc[["exploratory"]]
    assert others["p_holm"].tolist() == pytest.approx(holm(others["p"]).tolist())


def test_in_a_table_it_has_its_own_verdict_turned_round_where_the_pair_is() -> None:
    held_out = _held_out(2.0)
    primary = _primary(held_out)
    for reference, arm, verdict in (("all", "A", "better"), ("A", "all", "worse")):
        found = comparisons.compare_all(held_out, reference, PLAN.primary)
        told = primary_comparison.judged(found, primary).reference.set_index("arm").loc[arm]
        assert (told["role"], told["verdict"]) == ("primary", verdict)
        assert told["words"] == f"Primary comparison: {primary.verdict.words}"


def test_beside_another_study_it_keeps_its_verdict_under_the_names_that_arms_have_there() -> None:
    held_out = _held_out(2.0)
    both = joined_studies.joined({"one": held_out, "two": held_out})
    called = ("one · A", "one · all")
    found = comparisons.compare_all(both, "one · all", called)
    told = primary_comparison.judged(found, _primary(held_out), called).reference.set_index("arm")
    assert told.loc["one · A", ["role", "verdict"]].tolist() == ["primary", "better"]
    assert (told["role"] == "primary").sum() == 1


def test_a_difference_that_does_not_vary_has_no_verdict_and_the_report_says_why() -> None:
    errors = np.array([9.0, 3.0, 5.0])[:, None, None] + np.zeros((3, 2, 40))
    found = _primary(made(AGES + errors, AGES, baseline=50.0))
    assert found.verdict.outcome == "withheld" and np.isnan(found.difference.p)
    assert verdicts.NO_VARIANCE in found.verdict.words
    assert found.conclusion.headline == f"Primary comparison: {found.verdict.words.rstrip('.')}"
    study = SimpleNamespace(arms=(SCRATCH, A, ALL))
    source = SimpleNamespace(primary=found, conclusion=found.conclusion, study=study)
    message = content_primary.primary(source)
    assert message.plot is None and message.points == (found.verdict.words,)
    assert message.title.endswith("no verdict")


def test_where_neither_arm_learned_anything_equivalence_is_not_claimed() -> None:
    held_out = _held_out(learned=False)
    found = _primary(held_out)
    assert found.verdict.outcome == "withheld"
    assert "neither is shown to be better than predicting the mean age" in found.verdict.words
    assert "this study cannot rank tiers" in found.conclusion.headline


def test_equivalence_of_two_arms_that_learned_says_what_it_means() -> None:
    found = _primary(_held_out())
    assert found.verdict.outcome == "equivalent"
    assert found.conclusion.headline.startswith(
        "Leaving out tier B makes no difference that matters: pretrained on tier A alone or pretrained on "
        "all scans, the age error is the same within 0.7 years ("
    )


def test_leaving_out_the_worst_is_called_so_and_other_pairs_by_what_they_are() -> None:
    keep = Arm("keep-80", "the best 80 %", "sweep", ("A", "B"), keep_percent=80)
    held_out = made(_held_out().predicted_years[:3], AGES, arms=(SCRATCH, keep, ALL))
    said = _primary(held_out, AnalysisPlan(("keep-80", "all"))).verdict.words
    assert said.startswith("Leaving out the worst 20 % of the scans makes no difference")
    said = _primary(_held_out(), AnalysisPlan(("all", "scratch"))).verdict.words
    assert said.startswith("Taking all scans instead of no pretraining makes no difference")


def test_one_seed_and_unfinished_runs_have_no_verdict() -> None:
    assert _primary(_held_out(2.0, seeds=1)).verdict.outcome == "withheld"
    predicted = _held_out(2.0).predicted_years[:3].copy()
    predicted[1, 2, ::2] = np.nan
    found = _primary(made(predicted, AGES, arms=(SCRATCH, A, ALL)))
    assert "not all runs of A are finished" in found.verdict.words
    assert found.conclusion.headline.startswith("Primary comparison: Tier A alone and all scans")


def test_while_other_arms_run_the_verdict_is_one_so_far() -> None:
    predicted = _held_out(2.0).predicted_years[:3].copy()
    predicted[0, 2, ::2] = np.nan
    found = _primary(made(predicted, AGES, arms=(SCRATCH, A, ALL)))
    assert found.conclusion.headline.startswith(
        "Not the whole study yet: Pretrained on tier A alone, the model errs"
    )


def test_before_the_first_result_there_is_no_conclusion() -> None:
    nothing = made(np.full((3, 2, 40), np.nan), AGES)
    assert _primary(nothing).conclusion[:2] == ("", False)
    assert _primary(nothing).verdict.outcome == "unknown"


def test_what_is_exported_holds_every_number_of_the_verdict() -> None:
    (row,) = _primary(_held_out()).table().to_dict("records")
    assert row["verdict"] == "equivalent" and row["p_equivalent"] <= 0.05
    assert row["ci_low"] < row["ci90_low"] < row["difference_years"] < row["ci90_high"]
    assert row["detectable_years"] > 0


# ---- what has to be known with the headline --------------------------------------------------------


def _beside(better: float, control: float, scratch: float) -> tuple[str, ...]:
    """Return what stands beside the headline of an arm A that errs less than others by so many years."""
    rng = np.random.default_rng(5)
    errors = np.abs(rng.normal(0, 0.4, (4, 6, 40)) + 5)
    errors[[0, 2, 3]] += np.array([scratch, better, control])[:, None, None]
    return _primary(made(AGES + errors, AGES, baseline=50.0)).conclusion.beside


def test_beside_the_headline_stands_whether_the_arm_beats_chance_and_no_pretraining() -> None:
    at_random, nothing, how = _beside(2.0, 0.0, 2.0)
    assert at_random.startswith(
        "Is tier A alone better than as many scans at random? Not told apart: "
    )
    assert nothing.startswith("Is it better than no pretraining? Yes: −")
    assert how == (
        "Exploratory; differences of the age error, below 0 is better. A tier counts as better only where it "
        "beats as many scans at random."
    )
    at_random, nothing, how = _beside(2.0, 3.0, -2.0)
    assert "random? Yes: −" in at_random and "pretraining? No, worse: " in nothing
    assert "counts as better only" not in how


def test_what_the_headline_says_is_not_said_again_and_nothing_where_nothing_was_learned() -> None:
    held_out = _held_out(2.0)
    assert not _primary(held_out, AnalysisPlan(("A", "scratch"))).conclusion.beside
    assert not _primary(_held_out(2.0, learned=False)).conclusion.beside


def test_the_answer_beside_the_headline_is_that_of_the_table_below() -> None:
    rng = np.random.default_rng(6)
    errors = np.abs(rng.normal(0, 0.6, (4, 4, 40)) + np.array([5.2, 5, 6, 5.4])[:, None, None])
    held_out = made(AGES + errors, AGES, baseline=50.0)
    row = comparisons.compare_all(held_out, "all", ("A", "all")).controls.iloc[0]
    alone = comparisons.beside(held_out, ("A", "control-A"), ("A", "all"))
    assert alone["p_holm"] == pytest.approx(row["p_holm"])
    assert (alone["verdict"], alone["words"]) == (row["verdict"], row["words"])


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("scratch", "without pretraining"),
        ("A", "pretrained on tier A alone"),
        ("A+B", "pretrained on tiers A + B alone"),
        ("B", "pretrained on tier B alone"),
        ("all", "pretrained on all scans"),
        ("keep-80", "pretrained on the best 80 % of the scans by score"),
        ("worst-20", "pretrained on the worst 20 % of the scans by score"),
        ("control-A", "pretrained on as many scans at random as A holds"),
        ("not-A", "pretrained on as many of the other scans at random as A holds"),
        ("all-labels-25", "pretrained on all scans, 25 % of the labels"),
        ("probe-A", "pretrained on tier A alone, linear probe"),
        ("ridge", "with ridge regression on tissue volumes"),
        ("A~motion-0.5", "pretrained on tier A alone, distorted by simulation ("),
        ("A-share-25-draw-1", "pretrained on tier A, "),
    ],
)
def test_every_kind_of_arm_is_said_in_words(name: str, words: str) -> None:
    rule = SimpleNamespace(names=("A", "B", "C"))
    pool = SimpleNamespace(rule=rule, counts={"A": 5, "B": 5, "C": 5})
    arm = study_arms.find(pool, name)
    assert arm is not None and arm_scans.pretrained(arm).startswith(words)
    there = arm_scans.pretrained(replace(arm, name=f"one · {name}"))
    assert there.endswith(" (one)") or arm.kind in ("scratch", "subset")


def test_a_headline_of_two_values_names_the_auc_and_what_it_is_of() -> None:
    sex = Outcome("sex", "two-valued", "", "M", "F", 3)
    seen = _primary(_held_out(2.0)).difference
    said = verdicts.told_apart(sex, A, SCRATCH, seen._replace(mean=-0.08, low=-0.13, high=-0.03))
    assert said == (
        "Pretrained on tier A alone, the AUC for sex (M) is 0.080 higher (0.030 to 0.130) than without "
        "pretraining"
    )


def test_each_interval_of_the_primary_comparison_has_its_answer_in_words() -> None:
    assert content_primary.answers(_primary(_held_out(2.0))) == (
        "95 %: is there a difference? Yes, it leaves out 0.",
        "90 %: is it within the margin? No, all of it is beyond the margin of 0.7 years.",
    )
    alike = content_primary.answers(_primary(_held_out()))
    assert alike[1].endswith("Yes, all of it is within 0.7 years about 0.")
    wide = content_primary.answers(_primary(_held_out(0.7)))
    assert wide[1].endswith("Not shown: it reaches beyond the margin of 0.7 years.")
