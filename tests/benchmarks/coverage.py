"""How often the intervals of the comparison hold, over simulated studies; one part of :mod:`.compare`.

A study has five arms, two to five seeds, 60 to 80 people in five folds. The error of a prediction is
Gaussian, of which a person's share is common to all arms, another to all seeds of an arm, and the rest is
of the run; each seed, and each run, has a scale of its own (log-normal, mean 1), so that some trainings are
better than others. In half of the studies all arms are worth the same. The true mean absolute errors are
known in closed form.
"""

from collections import defaultdict
from collections.abc import Iterator

import numpy as np
import pandas as pd

from tests.helpers.made_predictions import made
from training.arms.study_arms import Arm
from training.held_out.predictions import BASELINE, Predictions
from training.results import comparisons, study_summary

STUDIES = 1000
FOLDS = 5
#: Spread of seeds and of runs: standard deviation of the logarithm of their scale.
SPREADS = {"none": (0.0, 0.0), "small": (0.04, 0.06), "large": (0.12, 0.12)}
WORTH = (1.0, 0.9, 0.95, 1.0, 0.85)
ARMS = (
    Arm("scratch", "no pretraining", "scratch"),
    Arm("A", "tier A", "tiers", ("A",)),
    Arm("A+B", "tiers A + B", "tiers", ("A", "B")),
    Arm("control-A", "random", "control", ("A", "B", "C"), "A"),
    Arm("all", "all tiers", "tiers", ("A", "B", "C")),
)
_PERSON, _ARM, _RUN = 4.0, 2.4, 3.2  # years


def studies(count: int) -> Iterator[tuple[Predictions, np.ndarray, int, str]]:
    """Simulate studies.

    Yields
    ------
    held_out : Predictions
        Of all arms.
    true : array of shape (arms,)
        The mean absolute error of each arm, over all people and all trainings, years.
    seeds, spread : int, str
        How many seeds, and a key of :data:`SPREADS`.
    """
    for number in range(count):
        rng = np.random.default_rng([2026, number])
        seeds, people = 2 + number % 4, int(rng.integers(60, 81))
        spread = list(SPREADS)[number // 4 % 3]
        worth = np.array(WORTH) if number // 12 % 2 else np.ones(len(ARMS))
        yield *_study(rng, seeds, people, SPREADS[spread], worth), seeds, spread


def _study(
    rng: np.random.Generator,
    seeds: int,
    people: int,
    spread: tuple[float, float],
    worth: np.ndarray,
    uneven: float = 1.0,
) -> tuple[Predictions, np.ndarray]:
    shape = (len(ARMS), seeds, people)
    error = (
        rng.normal(0, _PERSON, people)
        + rng.normal(0, _ARM, (len(ARMS), 1, people))
        + rng.normal(0, _RUN, shape)
    )
    fold = np.arange(people) % FOLDS
    of_seed = _scale(rng, spread[0], (len(ARMS), seeds, 1))
    if uneven != 1:
        of_seed[0] = _scale(rng, uneven * spread[0], (seeds, 1))
    of_run = _scale(rng, spread[1], (len(ARMS), seeds, FOLDS))[:, :, fold]
    error *= of_seed * of_run * worth[:, None, None]
    ages = rng.uniform(20, 80, people)
    sd = np.sqrt(_PERSON**2 + _ARM**2 + _RUN**2)
    true = worth * sd * np.sqrt(2 / np.pi)
    return made(ages + error, ages, arms=ARMS, folds=FOLDS), true


def _scale(rng: np.random.Generator, sd: float, shape: tuple[int, ...]) -> np.ndarray:
    return np.exp(rng.normal(0, sd, shape) - sd**2 / 2)


def measured(count: int = STUDIES) -> pd.DataFrame:
    """Analyse simulated studies as the page does; a row a number that can be right or wrong.

    Returns
    -------
    pandas.DataFrame
        ``what`` (``arm``, ``difference``, ``bootstrap arm``, ``bootstrap difference``: whether the interval
        holds the true value; ``p``, ``sign flip``: whether a difference that is none has a p-value of at
        most 0.05; ``verdict``: whether any arm of a study without differences is called better or worse),
        ``right`` or the rate's 0/1, ``seeds, spread``.
    """
    rows: dict[str, list] = defaultdict(list)

    def note(what: str, values: pd.Series | np.ndarray, seeds: int, spread: str) -> None:
        values = np.atleast_1d(np.asarray(values, dtype=float))
        for name, column in (
            ("what", what),
            ("value", values),
            ("seeds", seeds),
            ("spread", spread),
        ):
            rows[name] += list(column) if name == "value" else [column] * len(values)

    for held_out, true, seeds, spread in studies(count):
        final = study_summary.summarise(held_out)
        final = final[final["arm"] != BASELINE]
        table = comparisons.compare_all(held_out, "scratch").reference
        apart = true[1:] - true[0]
        none = np.abs(apart) < 1e-12
        for prefix, low, high in (
            ("", "ci_low", "ci_high"),
            ("bootstrap ", "boot_low", "boot_high"),
        ):
            note(f"{prefix}arm", _holds(final, low, high, true), seeds, spread)
            note(f"{prefix}difference", _holds(table, low, high, apart), seeds, spread)
        note("p", (table["p"] <= 0.05)[none], seeds, spread)
        note("sign flip", (table["p_flip"] <= 0.05)[none], seeds, spread)
        if none.all():
            called = table["verdict"].isin(["better", "worse"]).any()
            note("verdict", np.array([called]), seeds, spread)
    return pd.DataFrame(rows)


def _holds(table: pd.DataFrame, low: str, high: str, true: np.ndarray) -> np.ndarray:
    return ((table[low] <= true) & (true <= table[high])).to_numpy()


def hard_cases(count: int = STUDIES) -> pd.DataFrame:
    """Measure where the assumptions are strained: always two seeds, whose spread is large.

    Returns
    -------
    pandas.DataFrame
        A row a case: how often the intervals of an arm (``arm``) and of its difference to another
        (``difference``) hold, and the false-positive rate, in percent. With ``uneven``, the arm's seeds
        spread twice as far as those of the others that they are pooled with.
    """
    rows = []
    for case, arms, uneven in (("five arms", 5, 1.0), ("two arms", 2, 1.0), ("uneven", 5, 2.0)):
        held = []
        for number in range(count):
            rng = np.random.default_rng([7, number])
            held_out, true = _study(rng, 2, 70, SPREADS["large"], np.ones(len(ARMS)), uneven)
            held_out = held_out.only(arms=[arm.name for arm in ARMS[:arms]])
            arm, _, _ = study_summary.estimate(held_out, "scratch")
            apart = study_summary.compare(held_out, "scratch", "A").estimate
            held.append((arm.low <= true[0] <= arm.high, apart.low <= 0 <= apart.high))
        of_arm, of_difference = 100 * np.mean(held, axis=0)
        rows.append(
            {"case": case, "arm": of_arm, "difference": of_difference, "false": 100 - of_difference}
        )
    return pd.DataFrame(rows)


def figures(count: int = STUDIES) -> dict[str, float]:
    """Print the rates by spread and number of seeds; return those of all studies together."""
    table = measured(count)
    rates = table.pivot_table("value", ["spread", "seeds"], "what").mul(100).round(1)
    print(rates.to_string())
    overall = table.groupby("what")["value"].mean()
    print((100 * overall).round(1).to_string())
    covered = table[table["what"].isin(["arm", "difference"])]["value"].mean()
    return {
        "coverage": round(float(covered), 4),
        "coverage_of_differences": round(float(overall["difference"]), 4),
        "false_positive_rate": round(float(overall["p"]), 4),
        "false_verdicts_a_study": round(float(overall["verdict"]), 4),
        "studies": count,
    }


if __name__ == "__main__":
    print(hard_cases().round(1).to_string(index=False))
