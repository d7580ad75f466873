from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from tests.helpers.made_predictions import ALL, CONTROL, SCRATCH, A, erring, made, random
from training.held_out import joined_studies
from training.held_out.predictions import BASELINE, Predictions
from training.judging.outcome import AGE, Outcome
from training.results import conclusions, crossed_effects, design_power, study_summary
from training.results.comparisons import compare_all
from training.results.crossed_effects import Estimate, SeedSpread
from training.results.resampling import holm

AGES = np.linspace(20, 80, 31)
#: Two trainings that err alike on the whole, and on other people.
_ERRORS = np.random.default_rng(0).normal(0, 9, 31)
FAR = np.stack([_ERRORS, _ERRORS[::-1]])


def _row(table: pd.DataFrame, arm: str) -> pd.Series:
    return table.set_index("arm").loc[arm]


def _clear(seeds: int = 2) -> Predictions:
    """Two arms, of which the second errs half as much."""
    return made(np.stack([AGES + FAR, AGES + 0.5 * FAR])[:, :seeds], AGES)


def test_a_difference_is_paired_by_person() -> None:
    row = _row(compare_all(_clear(1), "scratch").reference, "A")
    paired = stats.ttest_rel(np.abs(0.5 * FAR[0]), np.abs(FAR[0]))
    assert row["difference_years"] == pytest.approx(-0.5 * np.abs(FAR[0]).mean())
    assert row["p"] == pytest.approx(paired.pvalue)
    bounds = paired.confidence_interval(0.95)
    assert (row["ci_low"], row["ci_high"]) == pytest.approx((bounds.low, bounds.high))


def test_turning_a_comparison_round_turns_its_sign() -> None:
    held_out = random()
    there = _row(compare_all(held_out, "scratch").reference, "A")
    back = _row(compare_all(held_out, "A").reference, "scratch")
    assert there["difference_years"] == pytest.approx(-back["difference_years"])
    assert (there["ci_low"], there["p"]) == pytest.approx((-back["ci_high"], back["p"]))


def test_every_arm_is_compared_with_the_mean_age_the_reference_and_its_control() -> None:
    found = compare_all(random(), "scratch")
    assert found.mean_age["arm"].tolist() == ["scratch", "A", "all", "control-A"]
    assert set(found.mean_age["reference"]) == {BASELINE}
    assert found.reference["arm"].tolist() == ["A", "all", "control-A"]
    assert found.controls[["arm", "reference"]].to_numpy().tolist() == [["A", "control-A"]]


def _trained_otherwise() -> Predictions:
    """A and its control, both as linear probes too, and the control on a quarter of the labels."""
    probes = [
        replace(arm, name=f"probe-{arm.name}", method="probe", base=arm.name)
        for arm in (A, CONTROL)
    ]
    fewer = replace(CONTROL, name="control-A-labels-25", label_percent=25, base="control-A")
    errors = np.random.default_rng(1).normal(0, 5, (5, 2, 31))
    return made(AGES + errors, AGES, arms=(A, CONTROL, *probes, fewer))


def test_an_arm_is_compared_with_the_control_that_is_trained_as_it_is() -> None:
    found = compare_all(_trained_otherwise(), None).controls
    pairs = [["A", "control-A"], ["probe-A", "probe-control-A"]]
    assert found[["arm", "reference"]].to_numpy().tolist() == pairs
    assert found["p_holm"].tolist() == pytest.approx(holm(found["p"]).tolist())


def _drawn(luck: np.ndarray, seeds: int = 5) -> Predictions:
    """A, and a control that errs by so many years more with each of its draws; the same people err."""
    rng = np.random.default_rng(4)
    errors = rng.normal(0, 3, (2, seeds, 31)) + 20
    errors[1] += luck[:, None]
    return made(AGES + errors, AGES, arms=(A, CONTROL))


def _as_given(held_out: Predictions, pair: tuple[str, str]) -> Estimate:
    return study_summary.compare(held_out, *pair).as_given


_LUCK = np.array([0.5, 4.0, 2.0, 7.0, 3.0])


@pytest.mark.parametrize("pair", [("A", "control-A"), ("control-A", "A")])
def test_an_arm_counts_as_one_draw_of_scans_against_its_own_control(pair: tuple[str, str]) -> None:
    held_out = _drawn(_LUCK)
    row = _row(compare_all(held_out, pair[1]).reference, pair[0])
    given = _as_given(held_out, pair)
    assert row["p"] == study_summary.compare(held_out, *pair).estimate.p
    assert given.p < 0.05 < row["p"] and row["verdict"] == "leaning"
    assert row["ci_low"] < given.low and row["ci_high"] > given.high
    told, _, _ = row["words"].partition(" Their seeds")
    better = "better" if pair[0] == "A" else "worse"
    size = f"{AGE.signed_amount(given.mean)}, {AGE.span(given.low, given.high)}"
    called = {"A": "tier A alone", "control-A": "as many scans at random as A holds"}
    one, other = (called[name] for name in pair)
    assert told == (
        f"With these very scans of tier A alone, {one} looks {better} than {other}: difference {size}; below "
        f"0 favours {one}. With other scans like these, as each draw of a control is another, the two are "
        f"not told apart: the interval is {AGE.span(row['ci_low'], row['ci_high'])} (p = {row['p']:.3f}), "
        "and that one is drawn in plots and stands in tables."
    )


def test_a_clear_difference_from_an_arms_own_control_says_that_its_draw_is_counted() -> None:
    row = compare_all(_drawn(np.full(5, 9.0)), None).controls.iloc[0]
    assert row["verdict"] == "better"
    assert row["words"].startswith("Tier A alone is better than as many scans at random as A holds")
    assert "Of tier A alone these scans count as one draw, as each draw of its" in row["words"]


def test_a_control_from_the_rest_of_the_pool_tells_nothing_of_a_draw() -> None:
    drawn = _drawn(_LUCK)
    rest = replace(CONTROL, name="not-A", apart=True)
    held_out = replace(drawn, arms=(A, rest))
    found = compare_all(held_out, None).controls.iloc[0]
    assert found["p"] == _as_given(drawn, ("A", "control-A")).p < 0.05
    assert (
        "The scans of tier A alone are taken as given: another split of the pool" in found["words"]
    )
    assert design_power.spread_of(held_out, ("A", "not-A"), "").draw is None


def test_the_draw_is_counted_of_an_arm_and_its_own_control_alone() -> None:
    row = _row(compare_all(random(), "scratch").reference, "A")
    assert row["p"] == _as_given(random(), ("A", "scratch")).p and "draw" not in row["words"]


def test_where_there_is_no_verdict_nothing_is_said_of_the_draw() -> None:
    row = _row(compare_all(_drawn(_LUCK).only(seeds=[0, 1, 2]), "control-A").reference, "A")
    assert row["verdict"] == "withheld" and "draw" not in row["words"]


def test_where_draws_are_all_that_differs_it_is_students_test_of_one_value_against_a_sample() -> (
    None
):
    """The t of a new observation: (x − mean) / (s √(1 + 1/S)), S − 1 degrees of freedom."""
    people, losses = 31, np.array([8.0, 9.5, 7.0, 9.0])
    total, df = study_summary.with_draw(0.0, people * losses.var(ddof=1), df=3, seeds=4)
    table = np.tile(6.0 - losses[:, None], (1, people))
    found = crossed_effects.estimate(table, SeedSpread(float(total), float(df)))
    t = (6.0 - losses.mean()) / (losses.std(ddof=1) * np.sqrt(1 + 1 / 4))
    assert found.p == pytest.approx(2 * stats.t.sf(abs(t), 3))


def test_where_draws_add_nothing_counting_them_changes_nothing() -> None:
    held_out = _drawn(np.zeros(5))
    spreads = study_summary.compare(held_out, "A", "control-A").spreads
    if spreads[0].mean_square < spreads[1].mean_square:
        held_out = replace(held_out, predicted_years=held_out.predicted_years[::-1].copy())
    row = compare_all(held_out, None).controls.iloc[0]
    assert row["p"] == pytest.approx(_as_given(held_out, ("A", "control-A")).p)


def test_an_arm_that_is_any_draw_is_called_different_as_seldom_as_it_says() -> None:
    """Arm and control worth the same; each draw of scans moves an error by 1 year, each training by 0.5."""
    rng, told = np.random.default_rng(6), []
    base = made(np.zeros((2, 5, 31)), AGES, arms=(A, CONTROL))
    for _ in range(400):
        people = rng.normal(0, 2, 31)
        errors = 20 + people + rng.normal(0, 1, (2, 5, 31)) + rng.normal(0, 0.5, (2, 5, 1))
        errors[0] += rng.normal(0, 1)
        errors[1] += rng.normal(0, 1, (5, 1))
        found = study_summary.compare(erring(base, errors), "A", "control-A")
        told.append((found.as_given.p <= 0.05, found.estimate.p <= 0.05))
    given, drawn = np.mean(told, axis=0)
    assert drawn <= 0.07 and given > 0.2


def test_controls_of_several_studies_are_of_the_arms_of_their_study() -> None:
    one = _trained_otherwise()
    found = compare_all(joined_studies.joined({"one": one, "two": one}), None).controls
    assert found[["arm", "reference"]].to_numpy().tolist() == [
        [f"{study} · {arm}", f"{study} · {control}"]
        for study in ("one", "two")
        for arm, control in (("A", "control-A"), ("probe-A", "probe-control-A"))
    ]


def test_no_pair_stands_twice() -> None:
    found = compare_all(random(), "control-A")
    assert "A" in set(found.reference["arm"])
    assert found.controls.empty


def test_holm_counts_every_comparison_of_arms_and_those_with_the_mean_by_themselves() -> None:
    found = compare_all(random(), "scratch")
    arms = pd.concat([found.reference, found.controls])
    assert arms["p_holm"].tolist() == pytest.approx(holm(arms["p"]).tolist())
    assert found.mean_age["p_holm"].tolist() == pytest.approx(holm(found.mean_age["p"]).tolist())


def test_an_arm_without_a_prediction_is_no_reference() -> None:
    assert compare_all(random(), "nobody").reference.empty
    assert compare_all(random(), None).reference.empty


def test_arms_that_say_the_same_do_not_differ() -> None:
    same = np.tile(AGES + np.random.default_rng(0).normal(0, 4, (2, 31)), (2, 1, 1))
    row = _row(compare_all(made(same, AGES), "scratch").reference, "A")
    assert (row["difference_years"], row["p"], row["verdict"]) == (0, 1, "open")


def _two_values(people: int = 6) -> Predictions:
    """An arm that tells two values apart in everybody, and one that does not."""
    truth = (np.arange(people) // 2) % 2.0
    guessed = np.random.default_rng(3).uniform(0, 1, (2, people))
    predicted = np.stack([np.stack([truth, truth]), guessed])
    outcome = Outcome("sex", "two-valued", "", "M", "F", 3)
    return replace(made(predicted, truth, arms=(A, CONTROL)), outcome=outcome)


def test_an_auc_of_one_has_no_p_no_interval_and_no_verdict_and_it_is_said_why() -> None:
    held_out = _two_values()
    row = _row(compare_all(held_out, None).mean_age, "A")
    assert row["difference_years"] == -0.5 and row["verdict"] == "withheld"
    assert np.isnan(row[list(NUMBERS)].astype(float)).all()
    assert "do not differ in it" in row["words"] and "nan" not in row["words"]
    final = study_summary.summarise(held_out).set_index("arm")
    assert final.loc["A", "age_mae_years"] == 1
    assert np.isnan(final.loc["A", list(BOUNDS)].astype(float)).all()
    assert study_summary.unbounded_said(final.reset_index()).startswith("No interval of A: ")
    assert "of tier A alone there is no test" in conclusions.nothing_learned(held_out)


NUMBERS = ("ci_low", "ci_high", "p", "p_holm", "boot_low", "boot_high", "detectable_years")
BOUNDS = ("ci_low", "ci_high", "boot_low", "boot_high")


def test_where_no_comparison_can_be_tested_the_conclusion_does_not_blame_the_seeds() -> None:
    held_out = made(np.stack([AGES + FAR, AGES + FAR]), AGES)
    apart = made(np.stack([AGES + 40 + 0 * FAR, AGES + 9 + 0 * FAR]), AGES)
    found = compare_all(apart, "scratch")
    assert found.reference["verdict"].tolist() == ["withheld"]
    assert study_summary.unbounded_said(study_summary.summarise(held_out)) == ""
    told = conclusions.conclude(apart, found, "scratch").headline
    assert told == (
        "No arm is called better or worse: people and seeds do not differ in what arms differ by"
    )


def test_arms_without_a_run_in_common_say_so() -> None:
    predicted = np.tile(AGES + 2, (2, 2, 1))
    predicted[0, 0] = predicted[1, 1] = np.nan
    row = _row(compare_all(made(predicted, AGES), "scratch").reference, "A")
    assert row["verdict"] == "unknown"
    assert np.isnan(row["difference_years"])


# ---- what there is no verdict for ------------------------------------------------------------------


def test_a_clear_difference_of_whole_runs_with_several_seeds_has_a_verdict() -> None:
    assert _row(compare_all(_clear(), "scratch").reference, "A")["verdict"] == "better"


def test_one_seed_makes_no_verdict_and_says_why() -> None:
    row = _row(compare_all(_clear(1), "scratch").reference, "A")
    assert row["verdict"] == "withheld"
    assert row["words"].endswith(
        "No verdict: one seed does not tell what training again would give."
    )


@pytest.mark.parametrize("left", [{"seeds": [0, 1]}, {"folds": [0]}, {"seeds": [1]}])
def test_a_filter_on_seeds_or_folds_makes_no_verdict(left) -> None:
    three = made(np.stack([AGES + FAR[[0, 1, 1]], AGES + 0.5 * FAR[[0, 1, 1]]]), AGES)
    row = _row(compare_all(three.only(**left), "scratch").reference, "A")
    assert row["verdict"] == "withheld"
    assert "seeds or folds are left out" in row["words"]


def test_a_filter_that_leaves_everything_leaves_the_verdict() -> None:
    held_out = _clear().only(arms=["A", "scratch"], seeds=[0, 1], folds=[0, 1])
    assert _row(compare_all(held_out, "scratch").reference, "A")["verdict"] == "better"


def test_there_is_a_verdict_once_all_runs_of_both_arms_are_finished() -> None:
    predicted = np.stack([AGES + FAR, AGES + 0.5 * FAR, AGES + FAR])
    predicted[2, 1, ::2] = np.nan  # one run of "all" is still under way
    found = compare_all(made(predicted, AGES, arms=(SCRATCH, A, ALL)), "scratch").reference
    assert _row(found, "A")["verdict"] == "better"
    unfinished = _row(found, "all")
    assert unfinished["verdict"] == "withheld"
    assert "not all runs of all are finished" in unfinished["words"]


def test_a_study_of_fewer_seeds_beside_another_is_whole() -> None:
    three = made(np.stack([AGES + FAR[[0, 1, 1]]]), AGES, arms=(SCRATCH,))
    two = made(np.stack([AGES + 0.5 * FAR]), AGES, arms=(A,))
    both = joined_studies.joined({"one": three, "two": two})
    assert both.finished("one · scratch") and both.finished("two · A")
    assert compare_all(both, "one · scratch").reference["verdict"].tolist() == ["better"]


def test_seeds_that_spread_unlike_are_told_beside_the_comparison() -> None:
    apart = np.array([[1.0], [9.0], [17.0]])
    near = np.array([[1.0], [1.01], [1.02]])
    held_out = made(np.stack([AGES + apart, AGES + near]), AGES)
    (words,) = compare_all(held_out, "scratch").reference["words"]
    assert (
        "Their seeds spread unlike each other (standard deviation, years: 0.01 for tier A alone and 8.00"
        in words
    )
    alike = made(np.stack([AGES + apart, AGES + apart[::-1]]), AGES)
    assert "spread unlike" not in compare_all(alike, "scratch").reference["words"].iloc[0]
