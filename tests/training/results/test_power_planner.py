"""Power planner: what it promises is kept by simulated studies, and what cannot be is said."""

import numpy as np
import pytest

from curation.errors import StudyError
from curation.storage.workspace import Workspace
from tests.helpers.made_predictions import null_studies
from training.__main__ import main
from training.results import crossed_effects, power_planner, study_summary
from training.results.design_power import STATED, ErrorSpread
from training.results.power_planner import MOST_PEOPLE, Question, people_needed, table

#: Of :func:`tests.helpers.made_predictions.null_studies`: person 2, rest 3, seed 0.25 years in each arm.
MADE = ErrorSpread(8.0, 0.125, 18.0, "as made")


def test_with_as_many_people_as_it_says_four_of_five_simulated_studies_find_the_difference() -> (
    None
):
    people = people_needed(Question(MADE, 0.7), 1.5, 3)
    assert people is not None
    studies = null_studies(
        300, arms=3, seeds=3, of_pair=0.25, of_others=0.25, people=people, apart=1.5
    )
    seen = [study_summary.compare(one, "A", "scratch").estimate for one in studies]
    found = np.mean([one.low > 0 or one.high < 0 for one in seen])
    assert found == pytest.approx(0.8, abs=0.07)


def test_the_fewest_people_are_the_first_with_whom_the_difference_is_found() -> None:
    asked = Question(MADE, 0.7)
    people = people_needed(asked, 2.0, 5)
    assert people is not None
    assert asked.finds(people, 5) <= 2.0 < asked.finds(people - 2, 5)


def test_a_difference_below_what_trainings_differ_by_is_out_of_reach_and_said_to_be() -> None:
    asked = Question(ErrorSpread(4.0, 1.0, 9.0, "as made"), 0.7)
    assert people_needed(asked, 0.3, 2) is None
    words = power_planner.needed_words(asked, 0.3, [2, 3])
    assert f"with 2 and 3 seeds by no number of people up to {MOST_PEOPLE:,}" in words


#: Of which two seeds leave most to trainings once there are people enough.
RISING = ErrorSpread(4.5, 0.25, 18.0, "as made")


@pytest.mark.parametrize("people", [200, 3200])
def test_that_more_people_find_less_with_two_seeds_is_what_simulated_studies_do(people) -> None:
    promised = Question(RISING, 0.7).finds(people, 2)
    rng, found = np.random.default_rng(people), []
    for _ in range(600):
        errors = [
            rng.normal(0, np.sqrt(RISING.seed / 2), (2, 1))
            + rng.normal(0, np.sqrt(RISING.rest / 2), (2, people))
            for _ in range(2)
        ]
        own = [crossed_effects.spread_within(one[None]) for one in errors]
        person = rng.normal(0, np.sqrt(RISING.person), people)
        seen = crossed_effects.estimate(
            person + errors[0] - errors[1], crossed_effects.together(*own)
        )
        found.append(not seen.low + promised <= 0 <= seen.high + promised)
    assert np.mean(found) == pytest.approx(0.8, abs=0.05)


def test_where_more_people_find_less_it_is_said_and_the_fewest_people_are_still_found() -> None:
    asked = Question(RISING, 0.7)
    assert asked.finds(200, 2) < asked.finds(MOST_PEOPLE, 2)
    people = people_needed(asked, 3.4, 2)
    assert people is not None and 70 < people < 200
    said = power_planner.rising_words(table(asked))
    assert said.startswith("With 2 seeds the numbers rise again") and "more seeds" in said
    assert power_planner.rising_words(table(asked, seeds=[5, 10])) == ""


def test_the_table_falls_with_people_and_seeds_and_counts_who_is_learned_from() -> None:
    found = table(Question(MADE, 0.7, folds=5), people=[20, 72], seeds=[2, 5])
    wide = found.pivot(index="people", columns="seeds", values="detectable").to_numpy()
    assert (np.diff(wide, axis=0) < 0).all() and (np.diff(wide, axis=1) < 0).all()
    assert found.drop_duplicates("people")["learned_from"].tolist() == [16, 57]


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: Question(MADE, 0.0), "above 0"),
        (lambda: Question(MADE, 0.7, folds=1), "Two folds at least"),
        (lambda: table(Question(MADE, 0.7), [1], [2]), "2 or more"),
        (lambda: people_needed(Question(MADE, 0.7), 0.0, 2), "above 0"),
    ],
)
def test_what_cannot_be_planned_is_refused_in_words(make, told: str) -> None:
    with pytest.raises(StudyError, match=told):
        make()


def test_the_command_prints_the_table_and_what_it_rests_on(workspace: Workspace, capsys) -> None:
    where = ["--workspace", str(workspace.root)]
    assert main(["power", *where, "--people", "72", "--seeds", "3", "--difference", "3"]) == 0
    said = capsys.readouterr().out
    found = Question(STATED, 0.7).finds(72, 3)
    assert f"{found:.2f}" in said and "Assumed is" in said and "with 3 seeds by" in said
    assert main(["power", *where, "--outcome", "MMSE"]) == 2
    assert "No study that predicts 'MMSE' is finished" in capsys.readouterr().err
