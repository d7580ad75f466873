"""Matrix of all metrics of many scans, and its first two principal components.

The matrix is read column by column, without a table of everything in between. The metrics are scaled
robustly; the components are deterministic, and their axes are described by their heaviest metrics.
"""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from curation.scoring.exclusion_model import NORMAL_IQR
from curation.storage import tables
from curation.storage.workspace import Workspace

#: Columns that are read at a time.
_AT_ONCE = 8
_TRIES = 5


def read_matrix(
    workspace: Workspace, scans: pd.DataFrame, names: Sequence[str]
) -> NDArray[np.float32]:
    """Read metrics of some scans.

    Parameters
    ----------
    workspace : Workspace
        Whose metrics.
    scans : pandas.DataFrame, N rows
        With ``scan_id`` and ``sha256``.
    names : sequence of str, M entries
        Metrics; one that was never measured is NaN throughout.

    Returns
    -------
    numpy.ndarray of float32, shape (N, M)
        Column after column in memory; NaN where a metric could not be measured, or was measured on another
        file than the present one.
    """
    for _ in range(_TRIES):
        with contextlib.suppress(FileNotFoundError):  # gathered into one file while we read
            return _read(workspace, scans, names)
    return _read(workspace, scans, names)


def _read(workspace: Workspace, scans: pd.DataFrame, names: Sequence[str]) -> NDArray[np.float32]:
    matrix = np.full((len(scans), len(names)), np.nan, dtype=np.float32, order="F")
    keys = tables.read_shard_columns(workspace, ["scan_id", "sha256"])
    if keys is None or not len(scans):
        return matrix
    here, rows = _places(keys, scans)
    for start in range(0, len(names), _AT_ONCE):
        some = names[start : start + _AT_ONCE]
        table = tables.read_shard_columns(workspace, some)
        for place, name in enumerate(some, start):
            if table is not None and name in table.column_names:
                column = table[name].to_numpy().astype(np.float32)
                matrix[here, place] = column[rows]
    return matrix


def _places(keys: pa.Table, scans: pd.DataFrame) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return which scans are measured, and in which row: the newest of each, of the present file."""
    ids = pd.Index(keys["scan_id"].to_numpy())
    newest = np.flatnonzero(~ids.duplicated(keep="last"))
    found = ids[newest].get_indexer(scans["scan_id"].to_numpy(dtype=object))
    here = np.flatnonzero(found >= 0)
    rows = newest[found[here]]
    same = keys["sha256"].to_numpy()[rows] == scans["sha256"].to_numpy(dtype=object)[here]
    return here[same], rows[same]


Floats = NDArray[np.float64]

#: Beyond this many robust standard deviations a metric moves a scan no farther.
CLIP = 5.0
#: A metric that fewer of the scans have is left out.
KNOWN_SHARE = 0.5


@dataclass(frozen=True)
class Embedding:
    """Where each scan lies.

    Parameters
    ----------
    points : numpy.ndarray of float32, shape (N, 2)
        NaN for scans of which no metric is known.
    explained : tuple of float
        Share of the metrics' variance along each of the two, 0 to 1.
    used, left_out : tuple of str
        Metrics that count, and those that do not: too seldom known, or the same on all scans.
    imputed : float
        Share of the values that were not known and are taken as the median.
    loadings : numpy.ndarray, shape (2, M)
        Weight of each metric used, in standard deviations.
    """

    points: NDArray[np.float32]
    explained: tuple[float, float]
    used: tuple[str, ...]
    left_out: tuple[str, ...]
    imputed: float
    loadings: Floats

    def mostly(self, axis: int, count: int = 2) -> tuple[str, ...]:
        """Return the metrics that weigh most on an axis, 0 or 1."""
        order = np.argsort(-np.abs(self.loadings[axis]), kind="stable")[:count]
        return tuple(self.used[place] for place in order)


def embed(names: Sequence[str], values: NDArray[np.floating[Any]]) -> Embedding | None:
    """Lay out scans by all their metrics.

    Each metric is centred on its median and divided by its robust standard deviation (interquartile range
    over 1.349; the ordinary one where that is 0), clipped at 5, and 0, the median, where it is not known.

    Parameters
    ----------
    names : sequence of str, M entries
        The metrics.
    values : numpy.ndarray, shape (N, M)
        Their values; NaN where not known.

    Returns
    -------
    Embedding or None
        ``None`` with fewer than two scans or two metrics that can be used.
    """
    there = np.isfinite(values)
    used = [place for place in range(len(names)) if _usable(there[:, place])]
    matrix = np.empty((len(values), len(used)), dtype=np.float32, order="F")
    kept = 0
    for place in list(used):
        scaled = _scaled(values[:, place], there[:, place])
        if scaled is None:
            used.remove(place)
            continue
        matrix[:, kept] = scaled
        kept += 1
    known = there[:, used].any(axis=1)
    if kept < 2 or known.sum() < 2:
        return None
    matrix = matrix[:, :kept] if known.all() else matrix[known, :kept]
    matrix -= matrix.mean(axis=0, dtype=np.float64).astype(np.float32)
    covariance = (matrix.T @ matrix).astype(np.float64) / (len(matrix) - 1)
    variances, axes = np.linalg.eigh(covariance)
    first = axes[:, [-1, -2]].T  # [2, M]
    # a direction has no sign of its own: its largest weight is positive
    first *= np.sign(first[[0, 1], np.abs(first).argmax(axis=1)])[:, None]
    points = np.full((len(known), 2), np.nan, dtype=np.float32)
    points[known] = matrix @ first.T.astype(np.float32)
    shares = np.clip(variances[[-1, -2]], 0, None) / max(float(variances.sum()), 1e-12)
    return Embedding(
        points,
        (float(shares[0]), float(shares[1])),
        tuple(names[place] for place in used),
        tuple(name for place, name in enumerate(names) if place not in used),
        float(1 - there[:, used].mean()),
        first,
    )


def _usable(there: NDArray[np.bool_]) -> bool:
    return bool(there.sum() >= 2 and there.mean() >= KNOWN_SHARE)


def _scaled(
    values: NDArray[np.floating[Any]], there: NDArray[np.bool_]
) -> NDArray[np.float32] | None:
    """Return robust z-scores, 0 where not known; ``None`` for a metric that is the same on all scans."""
    low, middle, high = np.quantile(values[there], [0.25, 0.5, 0.75])
    spread = (high - low) / NORMAL_IQR or float(values[there].std())
    if not spread > 0:
        return None
    scaled = np.where(there, np.clip((values - middle) / spread, -CLIP, CLIP), 0.0)
    return scaled.astype(np.float32)


def nearest(values: NDArray[np.floating[Any]], place: int, count: int) -> list[int]:
    """Return the scans that are most like one, by all their metrics.

    Parameters
    ----------
    values : numpy.ndarray, shape (N, M)
        Metrics; NaN where not known.
    place : int
        Which scan.
    count : int
        How many are wanted.

    Returns
    -------
    list of int
        At most ``count`` positions, the nearest first, without the scan itself. The distance is the root mean
        square of the differences in robust standard deviations, scaled as in :func:`embed`, over the metrics
        that both have; a scan that shares fewer than half of this scan's metrics is not among them.

    Examples
    --------
    >>> nearest(np.array([[0.0, 0.0], [9.0, 9.0], [1.0, 1.0], [4.0, 3.0]]), 0, 2)
    [2, 3]
    """
    there = np.isfinite(values)
    total, shared = np.zeros(len(values)), np.zeros(len(values), int)
    wanted = int(there[place].sum())
    for column in np.flatnonzero(there[place]):
        known = there[:, column]
        scaled = _scaled(values[:, column], known) if known.sum() > 1 else None
        if scaled is None:
            wanted -= 1
            continue
        total += np.where(known, (scaled - scaled[place]) ** 2, 0.0)
        shared += known
    near = np.where((2 * shared >= wanted) & (shared > 0), total / np.maximum(shared, 1), np.inf)
    near[place] = np.inf
    order = np.argsort(near, kind="stable")[:count]
    return [int(one) for one in order if np.isfinite(near[one])]
