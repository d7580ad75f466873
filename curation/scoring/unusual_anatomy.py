"""Unusual anatomy: how far a brain is from those of healthy adults. It counts for no score.

A stroke, a tumour, a resection, atrophy, a child's head or a very long one make the halves of a brain unlike,
move it away from the template or change its size, and so does a warped image or a wrong voxel size. Which
of the two it is, none of these numbers can tell. So they say "look", and take nothing off a scan.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from curation.metrics import METRICS
from curation.scoring.combination import combine
from curation.scoring.score_reference import Anchor

#: From here on a brain is called unusual: half way between the two anchors of any one metric.
UNUSUAL = 50.0
#: Letters of a unit that is worth telling.
_SHORT = 4


@dataclass(frozen=True)
class Anatomy:
    """How usual some brains are.

    Parameters
    ----------
    score : array of shape (N,)
        0 usual to 100; NaN where nothing of it could be measured.
    words : list of str or None
        Of those that are unusual, in what.
    """

    score: NDArray[np.float64]
    words: list[str | None]


def judge(metrics: pd.DataFrame, anchors: Mapping[str, Anchor]) -> Anatomy:
    """Judge how usual brains are.

    Parameters
    ----------
    metrics : pandas.DataFrame, N rows
        With the metrics that are judged; columns may be missing.
    anchors : mapping of str to Anchor
        Of the reference, its ``anatomy``.

    Returns
    -------
    Anatomy
    """
    values = {
        name: pd.to_numeric(metrics[name]).to_numpy(dtype=np.float64)
        for name in anchors
        if name in metrics
    }
    if not values:
        return Anatomy(np.full(len(metrics), np.nan), [None] * len(metrics))
    table = np.stack([anchors[name].penalty(held) for name, held in values.items()], axis=1)
    score = combine(table, "any")
    words: list[str | None] = [None] * len(metrics)
    for row in np.flatnonzero(score >= UNUSUAL):
        order = np.argsort(-np.nan_to_num(table[row]), kind="stable")
        told = [list(values)[place] for place in order if table[row, place] >= UNUSUAL]
        told = told or [list(values)[order[0]]]
        words[row] = "; ".join(
            _fact(name, float(values[name][row]), anchors[name]) for name in told
        )
    return Anatomy(score, words)


def _fact(name: str, value: float, anchor: Anchor) -> str:
    bound = "or less" if anchor.bad > anchor.good else "or more"
    unit = METRICS[name].unit
    unit = f" {unit}" if len(unit) <= _SHORT else ""
    return f"{METRICS[name].label} {value:.3g}{unit} (usual: {anchor.good:.2g} {bound})"
