"""Ways of estimating how far training again moves a difference, side by side: false positives and power.

The mean squares of a study of 70 people have known distributions and are drawn directly, as of
:func:`tests.helpers.made_predictions.null_studies`. Run it by itself; ``docs/statistics.md`` shows what it
prints.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import chdtri, polygamma, stdtr

from training.results import crossed_effects, study_summary
from training.results.crossed_effects import ALPHA

PEOPLE, DRAWS = 70, 4000
_PERSON, _REST = 2.0, 3.0
#: Spread of seeds, years: of the two arms that are compared, and of the others.
SPREADS = (
    (0.2, 0.2, 0.2),
    (0.5, 0.5, 0.5),
    (1.5, 1.5, 1.5),
    (1.5, 1.5, 0.2),
    (0.2, 0.2, 1.5),
    (1.5, 0.2, 0.2),
)
_SHARES = (np.arange(12) + 0.5) / 12
#: What a draw of scans adds to the error of an arm, as variances (years²), beside trainings that spread by
#: half a year; and the studies that are drawn for each.
OF_DRAWS, MANY = (0.0, 0.1, 0.25, 0.5, 1.0, 1.5, 2.0, 4.0), 100_000
_TRAINING = 0.5
Array = NDArray[np.float64]


class Drawn(NamedTuple):
    """Mean squares of simulated studies, a value a study; of the other arms a column an arm.

    Parameters
    ----------
    mean : array
        The difference, years.
    first, second, both : array
        Of the seeds of each arm of the pair, and of their differences seed by seed.
    others : array
        Of the seeds of the other arms.
    person, rest : array
        Of people, and of the rest, of the difference.
    seeds : int
        How many.
    """

    mean: Array
    first: Array
    second: Array
    both: Array
    others: Array
    person: Array
    rest: Array
    seeds: int


def drawn(seeds: int, arms: int, spread: tuple[float, float, float], apart: float = 0.0) -> Drawn:
    """Draw studies in which the second arm of the pair errs ``apart`` years more."""
    rng = np.random.default_rng([seeds, arms])
    variance = PEOPLE * np.square(spread) + _REST**2
    means = rng.standard_normal((3, DRAWS, arms, seeds - 1))
    of_arm = np.sqrt([*variance[:2], *[variance[2]] * (arms - 2)])[:, None] * means[0]
    squares = np.square(of_arm).mean(axis=2)
    rest, person = 2 * _REST**2, 2 * _PERSON**2
    true = (spread[0] ** 2 + spread[1] ** 2) / seeds + person / PEOPLE + rest / (seeds * PEOPLE)
    return Drawn(
        apart + np.sqrt(true) * rng.standard_normal(DRAWS),
        squares[:, 0],
        squares[:, 1],
        np.square(of_arm[:, 0] - of_arm[:, 1]).mean(axis=1),
        squares[:, 2:],
        (rest + seeds * person) * rng.chisquare(PEOPLE - 1, DRAWS) / (PEOPLE - 1),
        rest * _chi(rng, (seeds - 1) * (PEOPLE - 1)),
        seeds,
    )


def _chi(rng: np.random.Generator, df: int) -> Array:
    return rng.chisquare(df, DRAWS) / df


def _tested(of: Drawn, of_seed: Array, df: Array | float) -> Array:
    se, found = crossed_effects.standard_error(
        of_seed,
        np.broadcast_to(df, of.mean.shape),
        of.person,
        of.rest,
        seeds=of.seeds,
        people=PEOPLE,
    )
    return 2 * stdtr(found, -np.abs(of.mean) / se)


def welch(of: Drawn) -> Array:
    """Of the pair alone, as Compare does."""
    nu = of.seeds - 1
    return _tested(of, *crossed_effects.welch(of.first, of.second, of_first=nu, of_second=nu))


def fewest(of: Drawn) -> Array:
    """Of the pair alone, with the degrees of freedom of one arm (Hsu 1938)."""
    return _tested(of, of.first + of.second, of.seeds - 1)


def paired(of: Drawn) -> Array:
    """Of the differences seed by seed (Scheffé 1943)."""
    return _tested(of, of.both, of.seeds - 1)


def pooled(of: Drawn) -> Array:
    """Of all arms together."""
    squares = np.column_stack([of.first, of.second, of.others])
    return _tested(of, 2 * squares.mean(axis=1), squares.shape[1] * (of.seeds - 1))


def pretested(of: Drawn) -> Array:
    """Of all arms where a test of homogeneity (largest share, 10 %) is not refuted, else of the pair."""
    squares = np.column_stack([of.first, of.second, of.others])
    rng, nu = np.random.default_rng(0), of.seeds - 1
    alike = rng.chisquare(nu, (20_000, squares.shape[1]))
    critical = np.quantile(alike.max(axis=1) / alike.sum(axis=1), 0.90)
    unlike = squares.max(axis=1) / squares.sum(axis=1) > critical
    return np.where(unlike, welch(of), pooled(of))


def moderated(of: Drawn) -> Array:
    """Of each arm, shrunk towards all by empirical Bayes (Smyth 2004)."""
    squares, nu = np.column_stack([of.first, of.second, of.others]), of.seeds - 1
    logs = np.log(squares) - polygamma(0, nu / 2) + np.log(nu / 2)
    excess = logs.var(axis=1, ddof=1) - polygamma(1, nu / 2)
    grid = np.geomspace(0.05, 1e4, 400)
    before = np.interp(-excess, -polygamma(1, grid / 2), grid, right=1e4)
    centre = np.exp(logs.mean(axis=1) + polygamma(0, before / 2) - np.log(before / 2))
    first, second = ((before * centre + nu * one) / (before + nu) for one in (of.first, of.second))
    total = first + second
    return _tested(of, total, total**2 / ((first**2 + second**2) / (before + nu)))


def fiducial(of: Drawn) -> Array:
    """Of the pair alone, each spread averaged over what it may be (Behrens 1929, Fisher 1935)."""
    nu = float(of.seeds - 1)
    between = np.maximum(of.person - of.rest, 0)
    scales = chdtri(nu, _SHARES) / nu
    p = np.zeros(DRAWS)
    for x in scales:
        for y in scales:
            variance = (of.first / x + of.second / y + between) / (of.seeds * PEOPLE)
            p += 2 * stdtr(PEOPLE - 1.0, -np.abs(of.mean) / np.sqrt(variance))
    return p / len(scales) ** 2


WAYS: tuple[Callable[[Drawn], Array], ...] = (
    welch,
    fewest,
    paired,
    fiducial,
    pooled,
    pretested,
    moderated,
)


def false_positives(seeds: int, arms: int) -> pd.DataFrame:
    """Return how often each way tells two arms of the same worth apart, %: a row a spread."""
    rows = {}
    for spread in SPREADS:
        made = drawn(seeds, arms, spread)
        told = {way.__name__: 100 * np.mean(way(made) <= ALPHA) for way in WAYS}
        rows[" ".join(map(str, spread))] = told
    return pd.DataFrame(rows).T


def power(seeds: int, arms: int = 4) -> pd.DataFrame:
    """Return how often each way finds four standard errors, where all spread alike, %: a row a spread."""
    rows = {}
    for spread in SPREADS[:3]:
        true = np.sqrt(
            2 * spread[0] ** 2 / seeds + 2 * _PERSON**2 / PEOPLE + 2 * _REST**2 / (seeds * PEOPLE)
        )
        made = drawn(seeds, arms, spread, 4 * true)
        rows[str(spread[0])] = {way.__name__: 100 * np.mean(way(made) <= ALPHA) for way in WAYS}
    return pd.DataFrame(rows).T


def own_control(seeds: int) -> pd.Series:
    """Return how often an arm and its own control of the same worth are told apart, %."""
    rows = {}
    for draw in OF_DRAWS:
        rng, nu = np.random.default_rng(seeds), seeds - 1
        variances = _TRAINING**2, _TRAINING**2 + draw
        squares = [(PEOPLE * one + _REST**2) * rng.chisquare(nu, MANY) / nu for one in variances]
        rest, person = 2 * _REST**2, 2 * _PERSON**2
        true = sum(variances) / seeds + draw + person / PEOPLE + rest / (seeds * PEOPLE)
        made = Drawn(
            np.sqrt(true) * rng.standard_normal(MANY),
            *squares,
            np.empty(0),
            np.empty(0),
            (rest + seeds * person) * rng.chisquare(PEOPLE - 1, MANY) / (PEOPLE - 1),
            rest * rng.chisquare(nu * (PEOPLE - 1), MANY) / (nu * (PEOPLE - 1)),
            seeds,
        )
        counted = study_summary.with_draw(*squares, df=nu, seeds=seeds)
        rows[draw] = 100 * float(np.mean(_tested(made, *counted) <= ALPHA))
    return pd.Series(rows)


if __name__ == "__main__":
    for seeds in (2, 3, 5):
        for arms in (4, 10):
            print(f"{seeds} seeds, {arms} arms, false positives, %")
            print(false_positives(seeds, arms).round(1).to_string(), flush=True)
        print(f"{seeds} seeds, 4 arms, power, %")
        print(power(seeds).round(1).to_string(), flush=True)
    controls = pd.DataFrame({f"{seeds} seeds": own_control(seeds) for seeds in (2, 3, 5, 8)})
    print(
        "an arm and its own control, by what a draw adds (years², trainings 0.25), false positives, %"
    )
    print(controls.round(1).to_string(), flush=True)
