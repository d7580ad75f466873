"""From metrics to seven sub-scores and one distortion score: a pure function of a named reference.

Each metric becomes a badness from 0 to 100 on a soft step: 5 at the reference's ``good`` value, 95 at its
``bad`` value, never flat, so that worse is always a little more. A sub-score is the power mean of its
metrics' badness, the distortion score the power mean of the sub-scores that could be measured. The power is
high: one ruined dimension stays visible however fine the others are.
"""

import json
import math
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from curation.metrics import METRICS

SUBSCORES = (
    "noise", "motion", "blur", "contrast", "inhomogeneity", "incompleteness", "geometry",
)  # fmt: skip

#: Power of the mean over the metrics of one family, and over the families.
POWER = 10.0
#: Badness is a logistic step: this steep, it is 5 at ``good`` and 95 at ``bad``.
_STEEPNESS = 2 * math.log(19.0)
_REFERENCES = Path(__file__).parents[1] / "assets" / "references"


@dataclass(frozen=True)
class Anchor:
    """Where one metric is good and where it is bad.

    Parameters
    ----------
    good, bad : float
        Values of badness 5 and 95. ``bad`` may lie below ``good``.
    scale : {'linear', 'log'}
        Whether equal differences or equal ratios count the same.
    source : str
        Where the two values come from.
    """

    good: float
    bad: float
    scale: str = "linear"
    source: str = ""

    def badness(self, values: np.ndarray) -> np.ndarray:
        """Return the badness, 0 to 100; NaN stays NaN."""
        good, bad = self._scaled(np.array([self.good, self.bad]))
        position = (self._scaled(values) - good) / (bad - good)
        return 100.0 / (1.0 + np.exp(-_STEEPNESS * (np.clip(position, -20, 20) - 0.5)))

    def _scaled(self, values: np.ndarray) -> np.ndarray:
        if self.scale == "linear":
            return np.asarray(values, dtype=np.float64)
        return np.log(np.maximum(np.asarray(values, dtype=np.float64), 1e-9))


@dataclass(frozen=True)
class Reference:
    """What metrics are judged by.

    Parameters
    ----------
    name, version : str
        Together the ``id`` that stands beside every score.
    description : str
        How it was made.
    anchors : dict of str to Anchor
        The metrics that count. Others are shown, not scored.
    """

    name: str
    version: str
    description: str
    anchors: dict[str, Anchor]

    @property
    def id(self) -> str:
        return f"{self.name}-{self.version}"


@lru_cache(maxsize=1)
def builtin() -> Reference:
    """Return the built-in reference, ``assets/references/builtin-1.json``."""
    return read_reference(_REFERENCES / "builtin-1.json")


def read_reference(path: Path) -> Reference:
    """Read a reference from its JSON file."""
    raw: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    anchors = {name: Anchor(**values) for name, values in raw["anchors"].items()}
    return Reference(raw["name"], raw["version"], raw["description"], anchors)


def score(metrics: pd.DataFrame, reference: Reference | None = None) -> pd.DataFrame:
    """Score a table of metrics.

    Parameters
    ----------
    metrics : pandas.DataFrame
        One row a scan: ``scan_id``, ``sha256`` and a column a metric; NaN is "not measurable".
    reference : Reference, optional
        The built-in one by default.

    Returns
    -------
    pandas.DataFrame
        ``scan_id``, ``sha256``, ``reference``, the seven sub-scores and ``distortion_score`` (0 pristine to
        100 unusable, NaN where nothing of it could be measured) and ``families_measured`` (0 to 7).
    """
    reference = reference or builtin()
    badness = _badness(metrics, reference)
    table = pd.DataFrame(
        {
            "scan_id": metrics["scan_id"].astype("str"),
            "sha256": metrics["sha256"].astype("str"),
            "reference": reference.id,
        }
    )
    for family in SUBSCORES:
        names = [name for name in badness.columns if METRICS[name].family == family]
        table[family] = _power_mean(badness[names].to_numpy())
    families = table[list(SUBSCORES)].to_numpy(dtype=np.float64)
    table["distortion_score"] = _power_mean(families)
    table["families_measured"] = np.isfinite(families).sum(axis=1)
    return table


def explain(metrics_row: pd.Series, reference: Reference | None = None) -> pd.DataFrame:
    """Say which metrics made the score of one scan.

    Parameters
    ----------
    metrics_row : pandas.Series
        One row of the metrics table.
    reference : Reference, optional
        The built-in one by default.

    Returns
    -------
    pandas.DataFrame
        ``metric``, ``family``, ``value``, ``badness`` (0 to 100) and ``share_of_score`` (0 to 1, together
        1), largest share first. Metrics that could not be measured have NaN and share 0.
    """
    reference = reference or builtin()
    badness = _badness(metrics_row.to_frame().T, reference).iloc[0]
    families = pd.Series({name: METRICS[name].family for name in badness.index}, dtype="str")
    # In a power mean each part counts by its power; within a family the family's share is split again.
    powered = badness.astype("float64").fillna(0.0) ** POWER
    count = badness.notna().groupby(families).transform("sum").clip(lower=1)
    share = powered / count
    total = float(share.sum())
    table = pd.DataFrame(
        {
            "metric": badness.index,
            "family": families.to_numpy(),
            "value": pd.to_numeric(metrics_row.reindex(badness.index)).to_numpy(),
            "badness": badness.to_numpy(dtype=np.float64),
            "share_of_score": (share / total if total > 0 else share).to_numpy(),
        }
    )
    return table.sort_values("share_of_score", ascending=False, ignore_index=True, kind="stable")


def _badness(metrics: pd.DataFrame, reference: Reference) -> pd.DataFrame:
    columns = {
        name: anchor.badness(
            pd.to_numeric(metrics[name]).to_numpy(dtype=np.float64)
            if name in metrics
            else np.full(len(metrics), np.nan)
        )
        for name, anchor in reference.anchors.items()
        if name in METRICS
    }
    return pd.DataFrame(columns, index=metrics.index)


def _power_mean(values: np.ndarray) -> np.ndarray:
    """Return the power mean of each row over what is not NaN; NaN where nothing is left."""
    present = np.isfinite(values)
    count = present.sum(axis=1)
    total = np.where(present, values / 100, 0.0) ** POWER
    with np.errstate(invalid="ignore", divide="ignore"):
        means = 100 * (total.sum(axis=1) / count) ** (1 / POWER)
    return np.where(count > 0, means, np.nan)
