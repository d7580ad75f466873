"""Curves of a study: error and loss against epoch or step, smoothed as stated, mean and band."""

from collections.abc import Hashable, Mapping
from typing import Any

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
    return of_runs(runs.runs_of(study.load(workspace, study_id)), logs)[0]


def pretrain_curves(
    workspace: Workspace, study_id: str, logs: RunLogs | None = None
) -> pd.DataFrame:
    """Read the loss on removed patches after each epoch of pretraining, as :func:`age_error_curves`.

    Returns
    -------
    pandas.DataFrame
        ``loss``: mean squared error of standardised intensities; ``fold`` is −1.
    """
    return of_runs(runs.runs_of(study.load(workspace, study_id)), logs)[1]


def of_runs(
    found: list[runs.Run], logs: RunLogs | None = None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return what :func:`age_error_curves` and :func:`pretrain_curves` do, of runs that are at hand."""
    logs = logs or RunLogs()
    error, loss = (
        logs.read([run for run in found if run.kind == kind])[[*KEYS, "epoch", "step", value]]
        for kind, value in (("finetune", "age_mae_years"), ("pretrain", "loss"))
    )
    return error, loss


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


def band(
    curves: pd.DataFrame, value: str, *, along: str = "epoch",
    alike: Mapping[str, Hashable] | None = None,
) -> pd.DataFrame:  # fmt: skip
    """Average curves over folds, then over seeds, with a 95 % band over seeds.

    Parameters
    ----------
    curves : pandas.DataFrame
        From :func:`age_error_curves` or :func:`pretrain_curves`.
    value : str
        Column to average.
    along : {'epoch', 'step'}
        What it is drawn against.
    alike : mapping of str to hashable, optional
        Arms of the same value were trained alike, and the variance of their seeds is pooled: two seeds
        say next to nothing of their own spread. Without it each arm stands alone.

    Returns
    -------
    pandas.DataFrame
        ``arm``, the column ``along``, ``mean, low, high, n``. The band is mean ± t(0.975, df)·s/√n over the
        ``n`` seeds, each seed's value being the mean over its folds; s is that of the seeds, pooled over the
        arms that were trained alike, and df the number of seeds less the number of arms pooled. NaN where
        no arm has two seeds. Where folds are still running, an epoch is averaged over those seeds that have
        every fold seen so far of their arm, so that a curve does not jump.
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
    half = _pooled(table, along, alike) / np.sqrt(table["n"])
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


def _pooled(
    table: pd.DataFrame, along: str, alike: Mapping[str, Hashable] | None
) -> NDArray[np.float64]:
    """Return t(0.975, df)·s of each row, s² pooled over the seeds of arms that were trained alike."""
    way = table["arm"].map(lambda arm: alike.get(arm, arm)) if alike else table["arm"]
    freedom = table["n"] - 1
    squares = (table["spread"] ** 2 * freedom).fillna(0.0)
    keys = [way, table[along]]
    df = freedom.groupby(keys).transform("sum").to_numpy(dtype=float)
    total = squares.groupby(keys).transform("sum").to_numpy(dtype=float)
    variance = np.divide(total, df, out=np.full(len(df), np.nan), where=df > 0)
    return t_quantile(df + 1) * np.sqrt(variance)


def t_quantile(n: NDArray[Any]) -> NDArray[np.float64]:
    """Return t(0.975) with ``n − 1`` degrees of freedom; NaN for ``n`` of 1."""
    freedom = np.where(n > 1, n - 1.0, np.nan)
    return stdtrit(freedom, 0.975)
