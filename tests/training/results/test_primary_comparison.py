from types import SimpleNamespace

import numpy as np
import pytest

from tests.helpers.made_predictions import ALL, SCRATCH, A, made
from training.arms.study_arms import Arm
from training.held_out import joined_studies
from training.held_out.predictions import Predictions
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
    assert found.conclusion.headline.startswith("A is better than all by 2.")
    assert found.verdict.words.startswith("A is better than all by 2.")


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
    source = SimpleNamespace(primary=found, conclusion=found.conclusion)
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
        "Leaving out tier B makes no difference that matters: A and all are equivalent within 0.7 years ("
    )


def test_leaving_out_the_worst_is_called_so_and_other_pairs_by_their_names() -> None:
    keep = Arm("keep-80", "the best 80 %", "sweep", ("A", "B"), keep_percent=80)
    held_out = made(_held_out().predicted_years[:3], AGES, arms=(SCRATCH, keep, ALL))
    said = _primary(held_out, AnalysisPlan(("keep-80", "all"))).verdict.words
    assert said.startswith("Leaving out the worst 20 % of the scans makes no difference")
    said = _primary(_held_out(), AnalysisPlan(("all", "scratch"))).verdict.words
    assert said.startswith("Taking all instead of scratch makes no difference")


def test_one_seed_and_unfinished_runs_have_no_verdict() -> None:
    assert _primary(_held_out(2.0, seeds=1)).verdict.outcome == "withheld"
    predicted = _held_out(2.0).predicted_years[:3].copy()
    predicted[1, 2, ::2] = np.nan
    found = _primary(made(predicted, AGES, arms=(SCRATCH, A, ALL)))
    assert "not all runs of A are finished" in found.verdict.words
    assert found.conclusion.headline.startswith("Primary comparison: A and all")


def test_while_other_arms_run_the_verdict_is_one_so_far() -> None:
    predicted = _held_out(2.0).predicted_years[:3].copy()
    predicted[0, 2, ::2] = np.nan
    found = _primary(made(predicted, AGES, arms=(SCRATCH, A, ALL)))
    assert found.conclusion.headline.startswith("Not the whole study yet: A is better than all by")


def test_before_the_first_result_there_is_no_conclusion() -> None:
    nothing = made(np.full((3, 2, 40), np.nan), AGES)
    assert _primary(nothing).conclusion[:2] == ("", False)
    assert _primary(nothing).verdict.outcome == "unknown"


def test_what_is_exported_holds_every_number_of_the_verdict() -> None:
    (row,) = _primary(_held_out()).table().to_dict("records")
    assert row["verdict"] == "equivalent" and row["p_equivalent"] <= 0.05
    assert row["ci_low"] < row["ci90_low"] < row["difference_years"] < row["ci90_high"]
    assert row["detectable_years"] > 0
