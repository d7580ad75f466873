"""How often intervals of an AUC hold, and what repeated cross-validation gains, over simulated studies.

``python -m tests.benchmarks.judging`` prints the two tables of ``docs/statistics.md``; its last line is JSON.
"""

import json
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from training.judging.measures import auc_losses
from training.results import crossed_effects

STUDIES = 400
SEEDS = (2, 3, 5)
#: People, folds, share of 1.
SIZES = ((60, 5, 0.5), (100, 5, 0.3), (200, 5, 0.5), (40, 2, 0.5))
#: Separation of the two kinds of people, and its standard deviation from seed to seed.
SEPARATIONS = ((0.0, 0.0), (1.5, 0.0), (1.5, 0.5))
REPEATS = (1, 3, 10)


def auc_row(
    seeds: int, people: int, folds: int, share: float, rng: np.random.Generator
) -> Iterator[tuple[float, float]]:
    """Yield, for each of :data:`SEPARATIONS`, how often intervals of an AUC and of a difference hold."""
    for separation, spread in SEPARATIONS:
        away = separation + spread * rng.normal(size=200_000)
        true = float(
            norm.cdf(away / 2).mean()
        )  # a person's own part and the rest have variance 1 each
        held = np.zeros(2)
        for _ in range(STUDIES):
            truth = rng.permutation((np.arange(people) < round(share * people)).astype(float))
            fold = _folds(truth, folds, rng)
            own = rng.normal(size=people) + rng.normal(size=(2, seeds, people))
            scale = rng.normal(0, 3, (2, seeds, folds))[:, :, fold]
            apart = separation + spread * rng.normal(size=(2, seeds, 1))
            losses = auc_losses(apart * truth + own + scale, truth, fold)
            spreads = [crossed_effects.spread_within(arm[None]) for arm in losses]
            area = crossed_effects.estimate(losses[0], spreads[0])
            both = crossed_effects.together(*spreads)
            gap = crossed_effects.estimate(losses[0] - losses[1], both)
            held += [area.low <= 1 - true <= area.high, gap.low <= 0 <= gap.high]
        yield held[0] / STUDIES, held[1] / STUDIES


def _folds(truth: NDArray, folds: int, rng: np.random.Generator) -> NDArray:
    order = np.lexsort((rng.random(len(truth)), truth))
    fold = np.empty(len(truth), int)
    dealt = [rng.permutation(folds) for _ in range(-(-len(truth) // folds))]
    fold[order] = np.concatenate(dealt)[: len(truth)]
    return fold


class Ridge:
    """Ridge regression of 20 numbers on people drawn anew."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng, self.slopes = rng, rng.normal(size=20) / np.sqrt(20)

    def people(self, count: int) -> tuple[NDArray, NDArray]:
        """Draw people: numbers, and ages that follow them but for 8 years."""
        numbers = self.rng.normal(size=(count, 20))
        return numbers, 50 + 15 * (numbers @ self.slopes) + self.rng.normal(0, 8, count)

    def errors(self, known: tuple[NDArray, NDArray], unknown: tuple[NDArray, NDArray]) -> NDArray:
        """Return absolute errors of a model of some people on others."""
        middle, mean = known[0].mean(axis=0), known[1].mean()
        centred = known[0] - middle
        slopes = np.linalg.solve(
            centred.T @ centred + 5 * np.eye(20), centred.T @ (known[1] - mean)
        )
        return np.abs(mean + (unknown[0] - middle) @ slopes - unknown[1])


def repeats(people: int = 60, folds: int = 5, studies: int = 1000) -> dict[int, dict[str, float]]:
    """Return, by the number of partitions, scatter of the error, standard error and coverage."""
    world = Ridge(np.random.default_rng(0))
    others = world.people(4000)
    learned = people * (folds - 1) // folds
    true = np.mean([world.errors(world.people(learned), others).mean() for _ in range(400)])
    rows: dict[int, list[tuple[float, float, bool]]] = {count: [] for count in REPEATS}
    for _ in range(studies):
        numbers, ages = world.people(people)
        errors = np.empty((max(REPEATS), people))
        for one in errors:
            fold = world.rng.permutation(np.arange(people) % folds)
            for held in range(folds):
                out = fold == held
                one[out] = world.errors(
                    (numbers[~out], ages[~out]),
                    (numbers[out], ages[out]),
                )
        for count, found in rows.items():
            estimate = crossed_effects.estimate(errors[:count].mean(axis=0)[None])
            held_true = estimate.low <= true <= estimate.high
            found.append((estimate.mean, estimate.se, held_true))
    return {
        count: {
            "scatter": float(np.std([one[0] for one in found])),
            "standard_error": float(np.mean([one[1] for one in found])),
            "coverage": float(np.mean([one[2] for one in found])),
        }
        for count, found in rows.items()
    }


def main() -> None:
    """Print both tables, and all of it as JSON."""
    rng = np.random.default_rng(1)
    held: dict[str, list[tuple[float, float]]] = {}
    for seeds in SEEDS:
        for people, folds, share in SIZES:
            row = list(auc_row(seeds, people, folds, share, rng))
            held[f"{seeds} {people} {folds} {share}"] = row
            areas = " | ".join(f"{100 * area:.1f}" for area, _ in row)
            gaps = " · ".join(f"{100 * gap:.1f}" for _, gap in row)
            print(f"| {seeds} | {people}, {folds}, {share} | {areas} | {gaps} |")
    gained = repeats()
    for count, row in gained.items():
        said = f"{row['scatter']:.2f} | {row['standard_error']:.2f} | {100 * row['coverage']:.1f}"
        print(f"| {count} | {said} |")
    print(json.dumps({"auc": held, "repeats": gained}))


if __name__ == "__main__":
    main()
