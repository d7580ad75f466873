import numpy as np
import pytest

from tests.benchmarks import truth_studies, truth_verdicts
from training.arms import study_arms
from training.world import people, truth
from training.world.anatomy import SHAPE, Anatomy


def test_the_dose_from_which_pretraining_is_worth_nothing_is_read_between_doses() -> None:
    assert truth_studies.crossing({0.0: 6.0, 0.5: 7.0, 1.0: 9.0}, 8.0) == 0.75
    assert truth_studies.crossing({0.0: 6.0, 1.0: 7.0}, 8.0) == float("inf")
    assert truth_studies.crossing({0.0: 9.0, 1.0: 7.0}, 8.0) == 0.0


@pytest.mark.parametrize("name", truth_studies.SCENARIOS)
def test_each_scenario_is_of_a_world_in_which_its_arms_are_there(name: str) -> None:
    dials, arms, _ = truth_studies.SCENARIOS[name]
    pool = people.pool(dials)
    assert 32 < (~pool.bad).sum() < dials.pool
    for arm in arms:
        assert (
            study_arms.scan_set(arm.split("~")[0].removeprefix("control-"), ("A", "C"))
            or arm == "scratch"
        )


def test_components_of_inner_products_are_those_of_the_scans() -> None:
    rng = np.random.default_rng(3)
    shared = rng.normal(size=(80, 5)) * (50, 40, 30, 20, 10)
    every = shared @ rng.normal(size=(5, 300)) + rng.normal(size=(80, 300))
    pool, seen, part = every[:60], every[60:], rng.choice(60, 45, replace=False)
    found = truth_verdicts.components(every @ pool[part].T, part, len(seen))
    told = truth.components_of(pool[part])(seen)
    assert np.abs(found[:, :5]) == pytest.approx(np.abs(told[:, :5]), rel=1e-6, abs=1e-3)


def test_studies_of_closed_forms_find_a_planted_difference_and_none_where_there_is_none() -> None:
    brain = np.zeros(SHAPE, dtype=bool)
    brain[4:-4, 5:-5, 4:-4] = True
    found = truth_verdicts.measure(Anatomy(brain), 6, workers=1)
    assert found["false_verdicts"] <= 2 / 6
    assert found["power"] >= 2 / 6
