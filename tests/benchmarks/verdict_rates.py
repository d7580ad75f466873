"""How often verdicts are wrong, and differences found, over simulated studies; one part of :mod:`.answer`.

Studies of 70 people, as :func:`tests.helpers.made_predictions.null_studies` makes them: the error of a
prediction has a part of the person and arm (standard deviation 2 years), one of the training as a whole (the
*spread of seeds*, which is varied), and a rest (3 years). They are analysed as Compare does.
"""

from collections.abc import Iterator
from itertools import product

import numpy as np
import pandas as pd

from tests.helpers.made_predictions import null_studies
from training.results import design_power, study_summary, verdicts
from training.results.crossed_effects import ALPHA, POWER, Estimate
from training.results.design_power import ErrorSpread
from training.studies.analysis_plan import AnalysisPlan

STUDIES = 1500
#: Simulated studies a cell of false positives, a standard error of 0.3 points: of 1,500 it would be 0.6, and
#: the worst of the cells would lie 1.5 points off by chance alone.
NULL_STUDIES = 4500
SEEDS, ARMS = (2, 3, 5), (4, 10)
#: Spread of seeds of the two arms that are compared, and of the others, years.
EQUAL = ((0.2, 0.2), (0.5, 0.5), (1.5, 1.5))
UNEQUAL = ((1.5, 0.2), (0.2, 1.5))
UNLIKE_PAIR = (((1.5, 0.2), 0.2),)
MARGINS = (0.7, 1.5, 3.0)
_PERSON, _REST = 2.0, 3.0


def _seen(count: int, seeds: int, arms: int = 4, **made: object) -> Iterator[Estimate]:
    for held_out in null_studies(count, arms=arms, seeds=seeds, **made):  # type: ignore[arg-type]
        yield study_summary.compare(held_out, "A", "scratch").estimate


def false_positives(count: int = NULL_STUDIES) -> pd.DataFrame:
    """Measure how often two arms that are worth the same differ at 5 %, %.

    Returns
    -------
    pandas.DataFrame
        A row a spread of seeds (of the pair, of the others), a column a number of arms and of seeds. The
        95 % interval holds the true difference, 0, in all other studies.
    """
    rows = {}
    for of_pair, of_others in (*EQUAL, *UNEQUAL, *UNLIKE_PAIR):
        made = {"of_pair": of_pair, "of_others": of_others}
        rows[f"{_words(of_pair)}; {of_others}"] = {
            f"{arms} arms, {seeds} seeds": 100
            * np.mean([one.p <= ALPHA for one in _seen(count, seeds, arms, **made)])
            for arms, seeds in product(ARMS, SEEDS)
        }
    return pd.DataFrame(rows).T


def _words(of_pair: float | tuple[float, float]) -> str:
    return " and ".join(map(str, of_pair)) if isinstance(of_pair, tuple) else str(of_pair)


def false_equivalence(count: int = STUDIES) -> pd.DataFrame:
    """Measure how often arms that differ by just the margin are said to be within it, %.

    Returns
    -------
    pandas.DataFrame
        A row a margin and a side: where the arm is worse by the margin, *equivalent*, *not worse* and
        *better* are wrong; where it is better by the margin, *equivalent* and *worse* are. A column a number
        of seeds and their spread.
    """
    rows = {}
    for margin, side in product(MARGINS, (1, -1)):
        wrong = ("equivalent", "not worse", "better") if side > 0 else ("equivalent", "worse")
        plan = AnalysisPlan(("A", "scratch"), margin)
        rows[f"margin {margin}, arm {'worse' if side > 0 else 'better'}"] = {
            f"{seeds} seeds, {spread}": 100
            * np.mean(
                [
                    verdicts.confirmatory(plan, one).outcome in wrong
                    for one in _seen(
                        count, seeds, of_pair=spread, of_others=spread, apart=side * margin
                    )
                ]
            )
            for seeds, spread in product(SEEDS, (0.2, 0.5))
        }
    return pd.DataFrame(rows).T


def power(count: int = STUDIES) -> pd.DataFrame:
    """Measure how often the difference that a design promises to find in 80 % is found.

    Returns
    -------
    pandas.DataFrame
        A row a number of seeds and their spread: ``promised_years`` (the true difference), ``found`` (%), and
        ``told_years``, what a study of it says on average that it would have found.
    """
    rows = {}
    for seeds, spread in product(SEEDS, (0.2, 0.5, 1.5)):
        assumed = ErrorSpread(2 * _PERSON**2, 2 * spread**2, 2 * _REST**2, "as made")
        promised = design_power.of_design(70, seeds, assumed, margin_years=0.7).detectable_years
        seen = list(_seen(count, seeds, of_pair=spread, of_others=spread, apart=promised))
        rows[f"{seeds} seeds, {spread}"] = {
            "promised_years": promised,
            "found": 100 * np.mean([one.p <= ALPHA and one.mean > 0 for one in seen]),
            "told_years": np.mean([verdicts.detectable_years(one) for one in seen]),
        }
    return pd.DataFrame(rows).T


def measure() -> dict[str, float]:
    """Print the tables; return of each kind the worst number."""
    rates, within, kept = false_positives(), false_equivalence(), power()
    for title, table in (
        ("Told apart at 5 %, of arms worth the same, %", rates),
        ("Said to be within the margin, of arms apart by it, %", within),
        ("Difference found that 80 % should find, %", kept),
    ):
        print(f"{title}\n{table.round(2).to_string()}\n")
    equal, unequal = rates.iloc[: len(EQUAL)], rates.iloc[len(EQUAL) : len(EQUAL) + len(UNEQUAL)]
    unlike = rates.iloc[len(EQUAL) + len(UNEQUAL) :]
    return {
        "false_positive_equal": _worst(equal, 5) / 100,
        "false_positive_unequal": _worst(unequal, 5) / 100,
        "false_positive_unlike_pair": _worst(unlike, 5) / 100,
        "coverage_equal": 1 - _worst(equal, 5) / 100,
        "coverage_unequal": 1 - _worst(unequal, 5) / 100,
        "coverage_unlike_pair": 1 - _worst(unlike, 5) / 100,
        "false_equivalence": float(within.to_numpy().max()) / 100,
        "power_promised": POWER,
        "power_kept": _worst(kept[["found"]], 100 * POWER) / 100,
    }


def _worst(table: pd.DataFrame, should: float) -> float:
    """Return the value of a table that lies farthest from what it should be."""
    values = table.to_numpy(dtype=float).ravel()
    return float(values[np.argmax(np.abs(values - should))])
