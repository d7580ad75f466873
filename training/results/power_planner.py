"""Power planner: what designs of several sizes would find, and how many people a difference needs."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from curation.errors import StudyError
from training.judging.outcome import AGE, Outcome
from training.results import design_power
from training.results.design_power import ErrorSpread

#: People of the target cohort and seeds of each arm that are tried.
PEOPLE = (20, 40, 70, 100, 200, 400, 800)
SEEDS = (2, 3, 5, 10)
#: More people than this are not looked for.
MOST_PEOPLE = 20_000
#: So many sizes are tried up to there, and what draws move a difference by, as a share.
_TRIED, _NOISE = 40, 0.001


@dataclass(frozen=True)
class Question:
    """What is asked of a design that is not planned yet.

    Parameters
    ----------
    spread : ErrorSpread
        Assumed of the errors' differences.
    margin_years : float
        Difference that would matter, above 0, in the unit of the outcome; NaN where none is stated.
    folds : int
        Of the target cohort, 2 or more: its people are all judged, each by a model that learned from the
        other folds.
    one_sided : bool
        Whether *better* and *not worse* alone are asked.
    outcome : Outcome
        What is predicted.

    Raises
    ------
    StudyError
        For a margin of 0 or less, or one fold.
    """

    spread: ErrorSpread
    margin_years: float
    folds: int = 5
    one_sided: bool = False
    outcome: Outcome = AGE

    def __post_init__(self) -> None:
        if self.margin_years <= 0:
            raise StudyError(
                f"The margin is a difference that would matter, above 0, not {self.margin_years:g}."
            )
        if self.folds < 2:
            raise StudyError("Two folds at least: people are judged by models that never saw them.")

    def finds(self, people: int, seeds: int) -> float:
        """Return the difference that four of five studies of a size find, in the unit of the outcome."""
        sides = 1 if self.one_sided else 2
        return design_power.of_design(
            people, seeds, self.spread, margin_years=self.margin_years, sides=sides
        ).detectable_years


def table(
    asked: Question, people: Sequence[int] = PEOPLE, seeds: Sequence[int] = SEEDS
) -> pd.DataFrame:
    """Return what designs of several sizes find.

    Parameters
    ----------
    asked : Question
        What is asked.
    people, seeds : sequence of int
        Sizes that are tried, 2 or more each.

    Returns
    -------
    pandas.DataFrame
        One row a size: ``people``, ``seeds``, ``learned_from`` (people whose outcome each model learns
        from), ``detectable`` (difference that 80 % of studies find) and, where there is no difference,
        ``shows_equivalence`` and ``shows_not_worse``, probabilities.

    Raises
    ------
    StudyError
        For a size below 2: it has no verdict.
    """
    if min(*people, *seeds) < 2:
        raise StudyError("People and seeds are 2 or more each: with one there is no verdict.")
    sides = 1 if asked.one_sided else 2
    rows = []
    for size in people:
        for count in seeds:
            found = design_power.of_design(
                size, count, asked.spread, margin_years=asked.margin_years, sides=sides
            )
            learned_from = size - -(-size // asked.folds)
            rows.append((size, count, learned_from, *found))
    names = (
        "people",
        "seeds",
        "learned_from",
        "detectable",
        "shows_equivalence",
        "shows_not_worse",
    )
    return pd.DataFrame(rows, columns=list(names))


def people_needed(asked: Question, difference: float, seeds: int) -> int | None:
    """Return the fewest people with whom a difference is found by four of five studies.

    Parameters
    ----------
    asked : Question
        What is asked.
    difference : float
        Above 0, in the unit of the outcome.
    seeds : int
        Of each arm, 2 or more.

    Returns
    -------
    int or None
        ``None`` where no number up to :data:`MOST_PEOPLE` is enough: what trainings differ by among
        themselves does not shrink with people, only with seeds.

    Raises
    ------
    StudyError
        For a difference of 0 or less.
    """
    if not difference > 0:
        raise StudyError(f"A difference to be found is above 0, not {difference:g}.")
    # with few seeds more people can find less, see rising_words: the first size that finds it is looked for
    sizes = np.unique(np.geomspace(2, MOST_PEOPLE, _TRIED).round().astype(int)).tolist()
    first = next(
        (n for n, size in enumerate(sizes) if asked.finds(size, seeds) <= difference), None
    )
    if first is None:
        return None
    low, high = sizes[max(first - 1, 0)], sizes[first]
    while low < high:
        middle = (low + high) // 2
        low, high = (
            (low, middle) if asked.finds(middle, seeds) <= difference else (middle + 1, high)
        )
    return low


def needed_words(asked: Question, difference: float, seeds: Sequence[int] = SEEDS) -> str:
    """Say in a sentence how many people each number of seeds needs for a difference."""
    size = asked.outcome.amount(difference, asked.outcome.coarse_digits)
    needed = {count: people_needed(asked, difference, count) for count in seeds}
    never = [str(count) for count, people in needed.items() if not people]
    told = [
        f"with {count} seeds by {people:,} people" for count, people in needed.items() if people
    ]
    if never:
        listed = " and ".join(filter(None, (", ".join(never[:-1]), never[-1])))
        told.append(
            f"with {listed} seeds by no number of people up to {MOST_PEOPLE:,}, since trainings differ as "
            "well"
        )
    return f"A true difference of {size} is found in four of five studies {'; '.join(told)}."


def rising_words(found: pd.DataFrame) -> str:
    """Say why more people find less where they do, as with few seeds they can; else nothing.

    Parameters
    ----------
    found : pandas.DataFrame
        From :func:`table`.
    """
    rows = found.sort_values("people").groupby("seeds")["detectable"]
    rising = [str(seeds) for seeds, own in rows if own.iloc[-1] > (1 + _NOISE) * own.min()]
    if not rising:
        return ""
    return (
        f"With {' and '.join(rising)} seeds the numbers rise again with more people, and this is no mistake: "
        "the more people, the more of what is uncertain is how trainings differ, of which so few seeds tell "
        "little, so that the test asks for a larger difference (fewer degrees of freedom). Beyond that, take "
        "more seeds, not more people."
    )


def assumed_words(asked: Question) -> str:
    """Say what the numbers rest on."""
    return (
        f"{design_power.spread_words(asked.spread, asked.outcome)}, whatever the number of people that "
        "models learn from: with far fewer or more than there, errors themselves are larger or smaller. Much "
        "of what a third seed gains over two is that the spread of trainings is known less badly (degrees "
        "of freedom), not that there is less of it."
    )
