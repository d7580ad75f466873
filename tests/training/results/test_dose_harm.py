"""Years lost to distortions and errors of subsets, from planted truths."""

import numpy as np
import pandas as pd
import pytest

from tests.helpers.made_predictions import made
from training.arms.distortion import parse
from training.arms.random_subset import Subset
from training.arms.study_arms import Arm, scan_set
from training.held_out.joined_studies import joined
from training.held_out.predictions import Predictions
from training.results import crossed_effects, dose_harm, scaling

TIERS = ("A", "B")
AGES = np.linspace(20, 80, 40)
NO_EFFECTS = pd.DataFrame(columns=["arm", *dose_harm.EFFECT_COLUMNS])


def arm(name: str) -> Arm:
    done, subset = parse(name), None
    if done is None:
        found = scan_set(name, TIERS)
        assert found is not None
        return found
    clean = arm(done.of)
    return Arm(name, name, clean.kind, clean.tiers, subset=subset, distortion=done)


def planted(errors: dict[str, float], seeds: int = 3, noise: float = 0.3) -> Predictions:
    """Predictions that miss by a given number of years, some more, some less."""
    rng = np.random.default_rng(1)
    shape = (len(errors), seeds, len(AGES))
    person = rng.normal(0, 1, len(AGES))
    size = np.array(list(errors.values()))[:, None, None]
    missed = np.abs(size + person + noise * rng.normal(size=shape))
    return made(AGES + missed, AGES, arms=tuple(arm(name) for name in errors))


def test_years_lost_are_what_was_planted_against_the_same_scans() -> None:
    truth = {"all": 5.0, "A": 4.0, "A~motion-0.3": 4.5, "A~motion-0.9": 6.5, "all~blur-1": 5.0}
    table = dose_harm.dose_harm(planted(truth), NO_EFFECTS).set_index("arm")
    for name, row in table.iterrows():
        expected = truth[str(name)] - truth[row["clean"]]
        assert row["ci_low"] < expected < row["ci_high"]
        assert row["years_lost"] == pytest.approx(expected, abs=0.15)
    assert table.loc["A~motion-0.9", "p_holm"] < 0.001
    assert table.loc["A~motion-0.9", "words"].startswith("head motion, severity 0.9: cost 2.")
    assert "not distinguishable from none" in table.loc["all~blur-1", "words"]
    assert set(table["withheld"]) == {""}


def test_a_gain_is_said_as_a_gain_and_augmentation_is_marked() -> None:
    table = dose_harm.dose_harm(planted({"A": 5.0, "A+A~noise-0.5": 3.0}), NO_EFFECTS)
    (row,) = table.itertuples()
    assert row.clean_too and row.clean == "A"
    assert "beside the scans as they are: gained 2.0" in row.words


def test_one_seed_or_an_unfinished_arm_lets_nothing_be_concluded() -> None:
    one = dose_harm.dose_harm(planted({"A": 5.0, "A~noise-0.5": 9.0}, seeds=1), NO_EFFECTS)
    assert "one seed" in one.loc[0, "withheld"]


def test_harm_without_variance_has_no_interval_and_it_is_said_why() -> None:
    missed = np.array([2.0, 5.0])[:, None, None] + np.zeros((2, 2, len(AGES)))
    both = made(AGES + missed, AGES, arms=(arm("A"), arm("A~noise-0.5")))
    found = dose_harm.dose_harm(both, NO_EFFECTS)
    assert found.loc[0, ["ci_low", "ci_high", "p", "p_holm"]].isna().all()
    assert found.loc[0, "words"].endswith(
        "cost 3.00 years. No interval: people and seeds do not differ in it, so that nothing tells how far "
        "chance moves it; judge on more people."
    )


def test_a_curve_begins_at_no_distortion_and_no_loss() -> None:
    held_out = planted({"A": 4.0, "A~motion-0.3": 4.5, "A~motion-0.9": 6.0, "A~blur-1": 5.0})
    lines = dose_harm.doses(dose_harm.dose_harm(held_out, NO_EFFECTS))
    assert lines["series"].unique().tolist() == ["head motion, of A"]
    assert lines["severity"].tolist() == [0.0, 0.3, 0.9]
    assert lines.loc[0, ["years_lost", "ci_low", "ci_high"]].tolist() == [0, 0, 0]
    assert lines["years_lost"].is_monotonic_increasing


def test_distortions_of_one_severity_are_ranked_the_worst_first() -> None:
    truth = {"A": 4.0, "A~noise-0.5": 4.2, "A~motion-0.5": 7.0, "A~blur-0.5": 5.5}
    held_out = planted(truth | {"A~bias-1": 9.0, "A+A~gibbs-0.5": 9.0})
    ranked = dose_harm.ranking(dose_harm.dose_harm(held_out, NO_EFFECTS))
    assert ranked["artefact"].tolist() == ["motion", "blur", "noise"]


def test_harm_is_set_against_change_and_score_where_enough_are_known() -> None:
    names = [f"A~{a}-0.5" for a in ("noise", "motion", "blur", "bias", "shear")]
    held_out = planted({"A": 4.0} | {name: 4.5 + i for i, name in enumerate(names)})
    effects = pd.DataFrame(
        {"arm": names, "volume_change": range(5), "n_changed": 9, "n_scored": 2}
    ).assign(
        distance_clean=1.0,
        distance_distorted=[1, 2, 4, 3, 5],
        score_clean=10.0,
        score_distorted=[90, 70, 50, 30, 20],
    )
    ranked = dose_harm.ranking(dose_harm.dose_harm(held_out, effects))
    told = dose_harm.agreement(ranked)
    assert "how much the volume changed 1.00" in told and "distorted scans −1.00" in told
    assert "lies from the pool's 0.90" in told
    assert dose_harm.agreement(ranked.head(3)) == ""


def test_beside_another_study_an_arm_is_compared_with_its_own_clean_one() -> None:
    first, second = planted({"A": 4.0, "A~blur-1": 6.0}), planted({"A": 9.0, "A~blur-1": 9.5})
    table = dose_harm.dose_harm(joined({"one": first, "two": second}), NO_EFFECTS)
    assert table["clean"].tolist() == ["one · A", "two · A"]
    assert table["years_lost"].tolist() == pytest.approx([2.0, 0.5], abs=0.15)


# ---- random subsets --------------------------------------------------------------------------------


def subsets(percent: int, draws: int, *, equal_passes: bool = False) -> list[str]:
    return [Subset("A", percent, draw, equal_passes).name for draw in range(1, draws + 1)]


def test_the_interval_of_a_size_is_that_of_its_draws_taken_as_repetitions() -> None:
    names = subsets(25, 3)
    held_out = planted({"A": 3.0} | {name: 5.0 + i for i, name in enumerate(names)})
    sizes = {"A": 40} | dict.fromkeys(names, 10)
    table = scaling.by_size(held_out, sizes).set_index("percent")
    errors = held_out.errors_years[[held_out.at(name) for name in names]]
    expected = crossed_effects.estimate(errors.mean(axis=1))
    row = table.loc[25]
    assert row["age_mae_years"] == pytest.approx(expected.mean)
    assert row["ci_high"] == pytest.approx(expected.high)
    assert (row["n_draws"], row["n_scans"], row["n_seeds"]) == (3, 10, 3)
    assert table.loc[100, "n_scans"] == 40
    # draws that lie a year apart make it wider than the seeds of one of them do
    assert row["ci_high"] - row["ci_low"] > 2 * (
        table.loc[100, "ci_high"] - table.loc[100, "ci_low"]
    )


def test_steps_and_passes_stand_apart_and_every_draw_is_shown() -> None:
    names = subsets(50, 2) + subsets(50, 2, equal_passes=True)
    held_out = planted({"A": 3.0} | dict.fromkeys(names, 4.0))
    sizes = {"A": 40} | dict.fromkeys(names, 20)
    table = scaling.by_size(held_out, sizes)
    assert table[["equal", "percent"]].to_numpy().tolist() == [
        ["passes", 50],
        ["passes", 100],
        ["steps", 50],
        ["steps", 100],
    ]
    draws = scaling.single_draws(held_out, sizes)
    assert draws["arm"].tolist() == names and set(draws["draw"]) == {1, 2}


def test_a_study_without_subsets_or_distortions_has_empty_tables() -> None:
    held_out = planted({"A": 3.0, "all": 3.0})
    assert scaling.by_size(held_out, {}).empty and scaling.single_draws(held_out, {}).empty
    table = dose_harm.dose_harm(held_out, NO_EFFECTS)
    assert table.empty and dose_harm.doses(table).empty and dose_harm.ranking(table).empty
