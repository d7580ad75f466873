"""The next useful study, as this one came out."""

from dataclasses import replace

import numpy as np
import pytest

from tests.helpers import made_predictions
from tests.helpers.made_predictions import ALL, CONTROL, SCRATCH, A
from training.arms.distortion import Distortion
from training.held_out.predictions import Predictions
from training.report import content_next
from training.results import design_power, primary_comparison
from training.results.design_power import ErrorSpread
from training.studies.analysis_plan import AnalysisPlan

ARMS = (SCRATCH, A, ALL, CONTROL)


def study(apart: float, *, seeds: int = 3, error: float = 3.0, spread: float = 6.0) -> Predictions:
    """Return a study of 40 people in which all errs ``apart`` years more than A."""
    rng = np.random.default_rng(3)
    ages = rng.uniform(20, 80, 40)
    errors = error + np.abs(rng.normal(0, spread, (4, seeds, 40)))
    errors[2] += apart
    return made_predictions.made(ages + errors, ages)


def told(held_out: Predictions, margin: float = 1.0, arms=ARMS) -> str:
    plan = AnalysisPlan(("A", "all"), margin)
    return content_next.advice(held_out, primary_comparison.of_study(held_out, plan), arms)


def test_an_open_question_is_told_with_the_seeds_or_people_that_would_find_the_margin() -> None:
    said = told(study(0.0))
    assert said.startswith("To find a difference of 1 year in four of five studies, it would take ")
    seen = primary_comparison.of_study(study(0.0), AnalysisPlan(("A", "all"), 1.0)).difference
    spread = ErrorSpread(seen.person, seen.seed, seen.rest, "this study")
    seeds, people = content_next.enough(spread, 40, 3, 1.0)

    def finds(people: int, seeds: int) -> float:
        return design_power.of_design(people, seeds, spread, margin_years=1.0).detectable_years

    assert people is not None and f"{people} people with 3 seeds" in said
    assert finds(people, 3) <= 1 < finds(round(people / 1.2), 3)
    if seeds is not None:
        assert f"{seeds} seeds with these 40 people" in said
        assert finds(40, seeds) <= 1 < finds(40, seeds - 1)


def test_a_one_sided_plan_is_advised_by_its_own_test() -> None:
    plan = AnalysisPlan(("A", "all"), 0.7, one_sided=True)
    primary = primary_comparison.of_study(study(-0.5), plan)
    said = content_next.advice(study(-0.5), primary, ARMS)
    seen = primary.difference
    spread = ErrorSpread(seen.person, seen.seed, seen.rest, "this study")
    _, one = content_next.enough(spread, 40, 3, 0.7, 1)
    _, two = content_next.enough(spread, 40, 3, 0.7)
    assert one < two and f"{one} people with 3 seeds" in said
    found = design_power.of_design(one, 3, spread, margin_years=0.7, sides=1)
    assert found.detectable_years <= 0.7


def test_what_would_have_been_found_is_not_asked_for_again() -> None:
    """A difference short of being told from 0, in a study that finds the margin: both at once."""
    for apart in np.arange(-3.0, 3.0, 0.05):
        held_out = study(apart, seeds=12)
        seen = primary_comparison.of_study(held_out, AnalysisPlan(("A", "all"), 1.0)).difference
        spread = ErrorSpread(seen.person, seen.seed, seen.rest, "this study")
        design = design_power.of_design(40, 12, spread, margin_years=1.0)
        margin = round(1.02 * design.detectable_years, 3)
        found = primary_comparison.of_study(held_out, AnalysisPlan(("A", "all"), margin))
        if found.verdict.outcome == "open":
            assert "would have been found in four of five such studies" in told(held_out, margin)
            return
    raise AssertionError("no study of these is open")


def test_an_answer_leads_to_the_dose_and_a_dose_to_another_cohort() -> None:
    assert "design 'dose' tells" in told(study(9.0))
    distorted = replace(A, name="A~motion-0.5", distortion=Distortion("motion", 0.5, "A"))
    assert "another target cohort" in told(study(9.0), arms=(*ARMS, distorted))


def test_one_seed_no_plan_nothing_learned_and_an_unfinished_study_have_their_own_words() -> None:
    assert "three seeds or more" in told(study(9.0, seeds=1))
    assert "with a primary comparison" in content_next.advice(study(9.0), None, ARMS)
    assert "First a model has to learn age" in told(study(0.0, error=60.0))
    part = study(9.0).only(seeds=[0, 1])
    assert told(part) == ""


def test_a_spread_that_no_design_overcomes_has_no_number() -> None:
    assert content_next.enough(ErrorSpread(9e4, 9e4, 9e4, ""), 40, 3, 1.0) == (None, None)


@pytest.mark.parametrize("margin", [1.0, 3.0])
def test_more_of_either_never_finds_less(margin: float) -> None:
    small = content_next.enough(ErrorSpread(4.0, 0.2, 16.0, ""), 40, 3, margin)
    large = content_next.enough(ErrorSpread(8.0, 0.4, 32.0, ""), 40, 3, margin)
    for fewer, more in zip(small, large, strict=True):
        assert more is None or (fewer is not None and fewer <= more)
