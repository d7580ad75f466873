"""Site probe: how well an arm's features tell where a scan was made, before anything is fine-tuned.

Features of the people of the target, pooled as the head gets them, are classified by ridge regression in
cross-validation. What tells sites apart can stand for what differs between them, such as age: this is a look
at the features, not a fault of an arm.
"""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedKFold

from curation.scoring.comparison_groups import sites_of

#: Sites of fewer people are left out.
FEWEST = 5
FOLDS = 5
#: Permutations of the sites that tell what chance gives.
PERMUTATIONS = 199


def probe(features: NDArray[np.float64], scans: pd.DataFrame) -> dict[str, Any]:
    """Measure how well features tell the site.

    Parameters
    ----------
    features : array of shape (M, H)
        Of scans; NaN where not measurable. A person's scans are averaged.
    scans : pandas.DataFrame, M rows
        ``subject_id, site`` and, where it stands in for an unknown site, ``source``.

    Returns
    -------
    dict
        ``balanced_accuracy``: mean over sites of the share of people who are put right · ``chance,
        chance_high``: mean and 95 % quantile of the same with sites permuted · ``p``: share of permutations,
        and of what was found, that do as well · ``sites``, ``people``. Empty where fewer than two sites have
        :data:`FEWEST` people.

    Notes
    -----
    Ridge regression of the sites' indicators, each site weighing alike, on features that the training folds
    standardise, the penalty being their mean square. Sites are permuted within folds, which stay as they are
    (Phipson & Smyth 2010). A binomial interval would not do: where features tell nothing, it left out what
    chance gives in 18 % instead of 5 %, since folds share their people.
    """
    places, where = _of_people(features, scans)
    counts = pd.Series(where).value_counts()
    kept = np.isin(where, counts.index[counts >= FEWEST])
    places, (names, site) = places[kept], np.unique(where[kept], return_inverse=True)
    if len(names) < 2:
        return {}
    splits = list(StratifiedKFold(FOLDS, shuffle=True, random_state=0).split(places, site))
    maps = [_map(places[train], places[test]) for train, test in splits]
    rng = np.random.default_rng(0)
    found = _accuracy(maps, splits, site)
    by_chance = []
    for _ in range(PERMUTATIONS):
        permuted = site.copy()
        for _, test in splits:
            permuted[test] = rng.permutation(site[test])
        by_chance.append(_accuracy(maps, splits, permuted))
    return {
        "balanced_accuracy": found,
        "chance": float(np.mean(by_chance)),
        "chance_high": float(np.quantile(by_chance, 0.95)),
        "p": (1 + sum(one >= found for one in by_chance)) / (1 + PERMUTATIONS),
        "sites": len(names),
        "people": len(site),
    }


def _of_people(
    features: NDArray[np.float64], scans: pd.DataFrame
) -> tuple[NDArray[np.float64], NDArray]:
    table = pd.DataFrame(features).assign(
        subject_id=scans["subject_id"].to_numpy(), site=sites_of(scans).to_numpy()
    )
    people = table.dropna(subset=["site"]).groupby(["subject_id", "site"]).mean()
    people = people.fillna(people.mean()).fillna(0.0)
    return people.to_numpy(dtype=float), people.index.get_level_values("site").to_numpy()


def _map(train: NDArray[np.float64], test: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the map from values of the training people to ridge regression's of the others."""
    mean, spread = train.mean(axis=0), train.std(axis=0)
    known, unknown = ((one - mean) / np.where(spread > 0, spread, 1.0) for one in (train, test))
    width = train.shape[1]
    alike = known @ known.T / width + np.eye(len(known))
    return np.linalg.solve(alike, known @ unknown.T / width).T


def _accuracy(
    maps: list[NDArray[np.float64]], splits: list[tuple[NDArray, NDArray]], site: NDArray
) -> float:
    right = np.zeros(len(site), bool)
    for one, (train, test) in zip(maps, splits, strict=True):
        indicator = np.eye(site.max() + 1)[site[train]]
        weighed = indicator / indicator.sum(axis=0)
        right[test] = (one @ (weighed - weighed.mean(axis=0))).argmax(axis=1) == site[test]
    return float(np.mean([right[site == number].mean() for number in range(site.max() + 1)]))
