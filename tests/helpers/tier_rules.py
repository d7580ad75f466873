"""Random valid rules and tables of scans for them, seeded."""

import numpy as np
import pandas as pd

from curation.tiers.rule_checks import UNUSABLE, Gate
from curation.tiers.rule_columns import RULE_COLUMNS
from curation.tiers.tier_rule import TIER_NAMES, TierRule

COLUMNS = ("distortion_score", "incompleteness", "snr_total", "cjv", "certainty", "wm2max")
SITES = ("NYU", "NO", "001", "Zürich: Süd", "a, b", "# five", 'O\'Hara "x"', "null")
NAMES = ("gut", "on", "1", "A/B", "it's", "x: y", "[z]")


def random_rule(rng: np.random.Generator) -> TierRule:
    """Return any valid rule."""
    count = int(rng.integers(2, 7))
    names = tuple(rng.permutation(NAMES)[:count]) if rng.random() < 0.3 else TIER_NAMES[:count]
    column = str(rng.choice([name for name in COLUMNS if RULE_COLUMNS[name].can_be_cut]))
    sites = rng.permutation(SITES)[: rng.integers(0, 4)] if rng.random() < 0.5 else []
    return TierRule(
        tuple(map(str, names)),
        _cutoffs(rng, column, count - 1),
        column,
        tuple(_gates(rng, names)),
        {str(site): _cutoffs(rng, column, count - 1) for site in sites},
    )


def random_scans(rng: np.random.Generator, size: int) -> pd.DataFrame:
    """Return scans with the columns of :data:`COLUMNS`; some on round numbers, some not measured."""
    table = pd.DataFrame(
        {
            "scan_id": [f"scan-{number:05d}" for number in range(size)],
            "site": rng.choice([*SITES, None], size=size),
        }
    )
    for name in COLUMNS:
        values = rng.uniform(0, _top(name), size)
        values = np.where(rng.random(size) < 0.3, np.round(values), values)
        table[name] = np.where(rng.random(size) < 0.1, np.nan, values)
    return table


def _top(name: str) -> float:
    return float(min(RULE_COLUMNS[name].high, 100.0))


def _cutoffs(rng: np.random.Generator, column: str, count: int) -> tuple[float, ...]:
    drawn = np.sort(rng.choice(np.arange(1, 100), size=count, replace=False) / 100) * _top(column)
    drawn = drawn + (rng.random() < 0.5) * rng.uniform(0, 0.001)
    return tuple(map(float, drawn[::-1] if RULE_COLUMNS[column].better_is_higher else drawn))


def _gates(rng: np.random.Generator, names: tuple[str, ...]) -> list[Gate]:
    chosen = rng.permutation(COLUMNS)[: rng.integers(0, 4)]
    return [
        Gate(
            str(column),
            **{str(rng.choice(["above", "below"])): float(rng.uniform(0, _top(column)))},
            tier=str(rng.choice([*names[1:], UNUSABLE])),
        )
        for column in chosen
    ]
