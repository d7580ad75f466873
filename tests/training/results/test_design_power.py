"""Power of a design: promised before, kept by the test that the results get."""

from collections.abc import Iterator

import numpy as np
import pytest

from tests.helpers.made_predictions import CONTROL, A, erring, made, null_studies, random
from training.held_out.predictions import Predictions
from training.results import design_power, study_summary
from training.results.design_power import STATED, ErrorSpread

#: Of :func:`tests.helpers.made_predictions.null_studies`: person 2, rest 3 years in each arm.
MADE = ErrorSpread(8.0, 0.5, 18.0, "as made")


@pytest.mark.parametrize("seeds", [2, 3, 5])
def test_four_of_five_studies_find_what_the_design_promises(seeds) -> None:
    promised = design_power.of_design(70, seeds, MADE, margin_years=0.7).detectable_years
    found = []
    for held_out in null_studies(300, arms=4, seeds=seeds, of_pair=0.5, of_others=0.5):
        seen = study_summary.compare(held_out, "A", "scratch").estimate
        found.append(not seen.low + promised <= 0 <= seen.high + promised)
    assert np.mean(found) == pytest.approx(0.8, abs=0.07)


def _with_draws(count: int, seeds: int, draw: float) -> Iterator[Predictions]:
    """Studies of A and its control, worth the same; what a draw of scans adds has this variance, years²."""
    rng = np.random.default_rng(5)
    base = made(np.zeros((2, seeds, 70)), np.linspace(20, 80, 70), arms=(A, CONTROL))
    for _ in range(count):
        errors = 30 + rng.normal(0, 2, (2, 1, 70)) + rng.normal(0, 3, (2, seeds, 70))
        errors += rng.normal(0, 0.5, (2, seeds, 1))
        errors[0] += rng.normal(0, draw**0.5)
        errors[1] += rng.normal(0, draw**0.5, (seeds, 1))
        yield erring(base, errors)


@pytest.mark.parametrize("seeds", [3, 5])
@pytest.mark.parametrize("draw", [0.0, 0.5])
def test_four_of_five_find_what_is_promised_of_an_arm_and_its_own_control(seeds, draw) -> None:
    studies = list(_with_draws(400, seeds, draw))
    told = [design_power.spread_of(one, ("A", "control-A"), "") for one in studies]
    assert np.mean([one.draw for one in told]) == pytest.approx(draw, abs=0.12)
    spread = ErrorSpread(8.0, 0.5 + draw, 18.0, "as made", draw)
    promised = design_power.of_design(70, seeds, spread, margin_years=0.7).detectable_years
    found = []
    for held_out in studies:
        seen = study_summary.compare(held_out, "A", "control-A").estimate
        found.append(not seen.low + promised <= 0 <= seen.high + promised)
    # both directions of a lucky draw count, hence the larger tolerance
    assert np.mean(found) == pytest.approx(0.8, abs=0.08)


def test_what_a_draw_adds_is_asked_only_of_an_arm_and_its_own_control() -> None:
    study = next(_with_draws(1, 5, 0.5))
    turned = design_power.spread_of(study, ("control-A", "A"), "")
    assert turned.draw == design_power.spread_of(study, ("A", "control-A"), "").draw
    assert design_power.spread_of(random(), ("A", "scratch"), "").draw is None
    assert design_power.spread_in([("one", study)]).draw is None
    assert design_power.spread_in([("one", study)], own_control=True).draw == max(0, turned.draw)
    said = design_power.words(70, 3, STATED._replace(draw=0.25), margin_years=0.7)
    assert "an arm with its own control finds" in said
    assert "and errors by 0.5 from one draw of scans to another (standard deviations;" in said


def test_what_a_draw_adds_is_said_to_be_assumed_where_no_study_tells_it() -> None:
    for told in ([], [("other", random(arms=2))]):
        spread = design_power.spread_in(told, own_control=True)
        assert spread.draw == spread.seed / 2 and not spread.draw_known
        said = design_power.spread_words(spread)
        assert "to another, which no study here tells: as much as by training again (st" in said


def test_pairs_of_an_arm_and_its_control_tell_their_own_spread() -> None:
    study = next(_with_draws(1, 5, 2.0))
    own = design_power.spread_of(study, ("A", "control-A"), "one")
    spread = design_power.spread_in([("one", study), ("other", random(arms=2))], own_control=True)
    assert spread[:3] == pytest.approx(own[:3]) and spread.source == "as in one"


def test_more_people_more_seeds_and_one_side_find_less() -> None:
    def found(people: int, seeds: int, sides: int = 2) -> float:
        return design_power.of_design(
            people, seeds, MADE, margin_years=0.7, sides=sides
        ).detectable_years

    assert found(30, 3) > found(70, 3) > found(300, 3)
    assert found(70, 2) > found(70, 3) > found(70, 6)
    assert found(70, 3, sides=1) < found(70, 3)


def test_with_many_seeds_and_people_it_is_the_normal_formula() -> None:
    """δ = (z.975 + z.80) · sd, the textbook's."""
    spread = ErrorSpread(4.0, 0.2, 9.0, "")
    sd = np.sqrt(0.2 / 60 + 4 / 2000 + 9 / 120_000)
    found = design_power.of_design(2000, 60, spread, margin_years=0.7)
    assert found.detectable_years == pytest.approx((1.959964 + 0.841621) * sd, rel=0.02)


def test_equivalence_is_shown_where_there_is_room_and_not_where_there_is_none() -> None:
    wide = design_power.of_design(2000, 20, ErrorSpread(1, 0.01, 4, ""), margin_years=0.7)
    assert wide.shows_equivalence > 0.99 and wide.shows_not_worse >= wide.shows_equivalence
    narrow = design_power.of_design(20, 2, MADE, margin_years=0.1)
    assert narrow.shows_equivalence < 0.01


def test_the_spread_is_read_from_finished_studies() -> None:
    spread = design_power.spread_in([("first", random(arms=4, seeds=5, people=400))])
    # errors of arms share their person: between arms only the rest of 3 years differs
    assert spread.person == pytest.approx(0, abs=0.4)
    assert spread.seed == pytest.approx(0, abs=0.05)
    assert spread.rest > 5
    assert spread.source == "as in first"


@pytest.mark.parametrize(
    "studies",
    [
        [],
        [("one seed", random(seeds=1))],
        [("few", random(people=8))],
        [("alone", random().only(arms=["A"]))],
    ],
)
def test_studies_that_say_nothing_leave_the_stated_values(studies) -> None:
    assert design_power.spread_in(studies) == STATED


def test_a_study_without_results_says_nothing() -> None:
    nothing = made(np.full((2, 2, 20), np.nan), np.linspace(20, 80, 20))
    assert design_power.spread_in([("running", nothing)]) == STATED


def test_the_words_say_what_is_found_what_is_assumed_and_from_where() -> None:
    said = design_power.words(70, 3, MADE, margin_years=0.7)
    years = design_power.of_design(70, 3, MADE, margin_years=0.7).detectable_years
    found = f"difference of {years:.1f} years or more in four of five studies (two-sided, 5 %)"
    assert found in said
    assert "equivalent within the margin of 0.7 years" in said
    assert "2.8 years between people" in said and "as made" in said
    one = design_power.words(70, 3, MADE, margin_years=0.7, one_sided=True)
    assert "not worse by the margin of 0.7 years" in one
    assert "no verdict" in design_power.words(70, 1, MADE, margin_years=0.7)
