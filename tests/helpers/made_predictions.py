"""Made-up held-out predictions, for tests and figures of the statistics."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from training.arms.study_arms import Arm
from training.held_out.predictions import Predictions, assemble, from_long

SCRATCH = Arm("scratch", "no pretraining", "scratch")
A = Arm("A", "tier A", "tiers", ("A",))
ALL = Arm("all", "all tiers (A + B)", "tiers", ("A", "B"))
CONTROL = Arm("control-A", "random, as many as A", "control", ("A", "B"), "A")


def made(
    predicted: NDArray[np.float64],
    ages: NDArray[np.float64] | list[float],
    *,
    arms: tuple[Arm, ...] | None = None,
    folds: int = 2,
    baseline: float = 50.0,
) -> Predictions:
    """Return predictions of one scan a person from an array (arms, seeds, people), years; NaN is left out."""
    predicted = np.asarray(predicted, dtype=float)
    arms = arms or (SCRATCH, A, ALL, CONTROL)[: len(predicted)]
    people = len(ages)
    scans = pd.DataFrame(
        {
            "scan_id": [f"t_sub-{i:03d}" for i in range(people)],
            "subject_id": [f"t:sub-{i:03d}" for i in range(people)],
            "fold": np.arange(people) % folds,
            "age_years": np.asarray(ages, dtype=float),
            "tier": ["AB"[i % 2] for i in range(people)],
            "distortion_score": np.linspace(0, 100, people),
            "site": [("North", "South", None)[i % 3] for i in range(people)],
            "sex": ["FM"[i % 2] for i in range(people)],
        }
    )
    arm, seed, person = np.nonzero(np.isfinite(predicted))
    table = pd.DataFrame(
        {
            "arm": [arms[i].name for i in arm],
            "seed": seed,
            "scan_id": scans["scan_id"].to_numpy()[person],
            "predicted_age_years": predicted[arm, seed, person],
            "baseline_age_years": baseline,
        }
    )
    return from_long(arms, tuple(range(predicted.shape[1])), scans, table)


def repeated(
    first: Predictions, predicted: NDArray[np.float64], folds: NDArray[np.int64]
) -> Predictions:
    """Return predictions of :func:`made` with a second partition, of other folds; its mean is 50."""
    mean = np.full((1, *predicted.shape[1:]), 50.0)
    further = [(np.concatenate([predicted, mean]), folds)]
    parts = first.arms, first.seeds, first.scans, first.by_scan
    return assemble(*parts, further, first.outcome)


def erring(base: Predictions, errors: NDArray[np.float64]) -> Predictions:
    """Return the same study of :func:`made` with other errors (arms, seeds, people), years, in no time."""
    predicted = np.concatenate([base.ages + errors, base.predicted_years[-1:]])
    return replace(base, by_scan=predicted, predicted_years=predicted)


#: So many studies are drawn at once.
_AT_ONCE = 500


def null_studies(
    count: int,
    *,
    arms: int,
    seeds: int,
    of_pair: float | tuple[float, float],
    of_others: float,
    people: int = 70,
    apart: float = 0.0,
) -> Iterator[Predictions]:
    """Yield studies whose arms are all worth the same, but for ``A``, which errs ``apart`` years more.

    The seeds' means spread by so many years (standard deviation): of the first two arms, ``scratch`` and
    ``A``, both alike or each by its own, and those of the others.
    """
    rng = np.random.default_rng([8, seeds, arms])
    others = [Arm(f"keep-{n}", "", "sweep", ("A",), keep_percent=n) for n in range(1, arms - 1)]
    ages = rng.uniform(20, 80, people)
    base = made(np.zeros((arms, seeds, people)), ages, arms=(SCRATCH, A, *others))
    pair = of_pair if isinstance(of_pair, tuple) else (of_pair, of_pair)
    spread = np.array([*pair, *[of_others] * (arms - 2)])[:, None, None]
    for start in range(0, count, _AT_ONCE):
        shape = (min(_AT_ONCE, count - start), arms, seeds, people)
        errors = 30 + rng.normal(0, 2, (*shape[:2], 1, people)) + rng.normal(0, 3, shape)
        errors += rng.normal(0, 1, (*shape[:3], 1)) * spread
        errors[:, 1] += apart
        yield from (erring(base, error) for error in errors)


def random(
    seed: int = 0, *, arms: int = 4, seeds: int = 3, people: int = 60, better: float = 1.0
) -> Predictions:
    """Return predictions whose second arm errs ``better`` times as much as the others."""
    rng = np.random.default_rng(seed)
    ages = rng.uniform(20, 80, people)
    person = rng.normal(0, 4, people)
    error = person + rng.normal(0, 3, (arms, seeds, people))
    error[1] *= better
    return made(ages + error, ages)
