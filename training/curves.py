"""Curves of a study: error and loss against epoch or step, smoothed as stated, mean and band."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import stdtrit

from curation.workspace import Workspace
from training import runs, study
from training.run_logs import RunLogs

KEYS = ["run_id", "arm", "seed", "fold"]


def age_error_curves(
    workspace: Workspace, study_id: str, logs: RunLogs | None = None
) -> pd.DataFrame:
    """Read the age error on held-out folds after each epoch of fine-tuning.

    Parameters
    ----------
    workspace : Workspace
        Where the study is.
    study_id : str
        Its id.
    logs : RunLogs, optional
        Keeps in mind what was read before.

    Returns
    -------
    pandas.DataFrame
        ``run_id, arm, seed, fold, epoch`` (from 1), ``step`` and ``age_mae_years``; no rows where there is no
        data yet.
    """
    return _read(workspace, study_id, "finetune", "age_mae_years", logs)


def pretrain_curves(
    workspace: Workspace, study_id: str, logs: RunLogs | None = None
) -> pd.DataFrame:
    """Read the loss on removed patches after each epoch of pretraining, as :func:`age_error_curves`.

    Returns
    -------
    pandas.DataFrame
        ``loss``: mean squared error of standardised intensities; ``fold`` is −1.
    """
    return _read(workspace, study_id, "pretrain", "loss", logs)


def smoothed(curves: pd.DataFrame, value: str, window: int) -> pd.DataFrame:
    """Replace each value by the mean of its run over a window of epochs around it.

    Parameters
    ----------
    curves : pandas.DataFrame
        From :func:`age_error_curves` or :func:`pretrain_curves`.
    value : str
        Column to smooth.
    window : int
        Number of epochs, odd; 1 leaves all as it is. At a curve's ends, and where the curve is still
        growing, the window is cut off on both sides alike, so that no value is moved in time: the last
        epoch is what it is.
    """
    if window <= 1 or curves.empty:
        return curves
    ordered = curves.sort_values(["run_id", "epoch"], kind="stable", ignore_index=True)
    run = ordered["run_id"].to_numpy()
    begins = np.flatnonzero(np.r_[True, run[1:] != run[:-1]])
    lengths = np.diff(np.r_[begins, len(run)])
    place = np.arange(len(run)) - np.repeat(begins, lengths)
    reach = np.minimum(np.minimum(place, np.repeat(lengths, lengths) - 1 - place), window // 2)
    sums = np.r_[0.0, np.cumsum(ordered[value].to_numpy())]
    here = np.arange(len(run))
    means = (sums[here + reach + 1] - sums[here - reach]) / (2 * reach + 1)
    return ordered.assign(**{value: means})


def band(curves: pd.DataFrame, value: str, *, along: str = "epoch") -> pd.DataFrame:
    """Average curves over folds, then over seeds, with a 95 % band over seeds.

    Parameters
    ----------
    curves : pandas.DataFrame
        From :func:`age_error_curves` or :func:`pretrain_curves`.
    value : str
        Column to average.
    along : {'epoch', 'step'}
        What it is drawn against.

    Returns
    -------
    pandas.DataFrame
        ``arm``, the column ``along``, ``mean, low, high, n``. The band is mean ± t(0.975, n−1)·s/√n over
        the ``n`` seeds, each seed's value being the mean over its folds; NaN where there is only one. Where
        folds are still running, an epoch is averaged over those seeds that have every fold seen so far of
        their arm, so that a curve does not jump.
    """
    columns = ["arm", along, "mean", "low", "high", "n"]
    curves = curves[np.isfinite(curves[along].to_numpy(dtype=float))] if len(curves) else curves
    if curves.empty:
        return pd.DataFrame({name: pd.Series(dtype="float64") for name in columns})
    per_seed = curves.groupby(["arm", along, "seed"], sort=False)[value].agg(["mean", "size"])
    per_seed = per_seed.reset_index()
    expected = curves.groupby("arm")["fold"].nunique()
    per_seed = per_seed[per_seed["size"] == per_seed["arm"].map(expected)]
    grouped = per_seed.groupby(["arm", along], sort=False)["mean"]
    table = grouped.agg(mean="mean", spread="std", n="size").reset_index()
    half = t_quantile(table["n"].to_numpy()) * table["spread"] / np.sqrt(table["n"])
    table = table.assign(low=table["mean"] - half, high=table["mean"] + half)
    return table.sort_values(["arm", along], ignore_index=True)[columns]


def thinned(curves: pd.DataFrame, points: int) -> pd.DataFrame:
    """Leave of each run about so many epochs, evenly spaced, its first and last always.

    Single runs are drawn behind the mean; more points than the screen has make it slow, not finer.
    """
    most = int(curves["epoch"].max()) if len(curves) else 0
    every = -(-most // max(points, 1))
    if every <= 1:
        return curves
    last = curves.groupby("run_id")["epoch"].transform("max")
    kept = (curves["epoch"] % every == 0) | (curves["epoch"] == 1) | (curves["epoch"] == last)
    return curves[kept]


def t_quantile(n: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return t(0.975) with ``n − 1`` degrees of freedom; NaN for ``n`` of 1."""
    freedom = np.where(n > 1, n - 1.0, np.nan)
    return stdtrit(freedom, 0.975)


def _read(
    workspace: Workspace, study_id: str, kind: str, value: str, logs: RunLogs | None
) -> pd.DataFrame:
    wanted = [run for run in runs.runs_of(study.load(workspace, study_id)) if run.kind == kind]
    table = (logs or RunLogs()).read(wanted)
    return table[[*KEYS, "epoch", "step", value]]
