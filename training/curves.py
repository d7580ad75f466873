"""Curves of a study, read from its runs' files: error and loss against epoch, mean and band."""

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from curation import files
from curation.workspace import Workspace
from training import runs, study


def age_error_curves(workspace: Workspace, study_id: str) -> pd.DataFrame:
    """Read the age error on held-out folds after each epoch of fine-tuning.

    Returns
    -------
    pandas.DataFrame
        ``arm, seed, fold, epoch`` (from 1) and ``age_mae_years``; no rows where there is no data yet.
    """
    return _read(workspace, study_id, "finetune", ["arm", "seed", "fold"], "age_mae_years")


def pretrain_curves(workspace: Workspace, study_id: str) -> pd.DataFrame:
    """Read the loss on removed patches after each epoch of pretraining.

    Returns
    -------
    pandas.DataFrame
        ``arm, seed, epoch`` (from 1) and ``loss`` (mean squared error of standardised intensities).
    """
    return _read(workspace, study_id, "pretrain", ["arm", "seed"], "loss")


def band(curves: pd.DataFrame, value: str) -> pd.DataFrame:
    """Average curves over folds, then over seeds, with a 95 % band over seeds.

    Parameters
    ----------
    curves : pandas.DataFrame
        From :func:`age_error_curves` or :func:`pretrain_curves`.
    value : str
        Column to average.

    Returns
    -------
    pandas.DataFrame
        ``arm, epoch, mean, low, high, n``. The band is mean ± t(0.975, n−1)·s/√n over the ``n`` seeds;
        NaN where there is only one. Where folds are still running, an epoch is averaged over those
        seeds that have every fold seen so far of their arm, so that a curve does not jump.
    """
    columns = ["arm", "epoch", "mean", "low", "high", "n"]
    if curves.empty:
        return pd.DataFrame({name: pd.Series(dtype="float64") for name in columns})
    per_seed = curves.groupby(["arm", "epoch", "seed"], sort=False)[value].agg(["mean", "size"])
    per_seed = per_seed.reset_index()
    if "fold" in curves:
        expected = curves.groupby("arm")["fold"].nunique()
        per_seed = per_seed[per_seed["size"] == per_seed["arm"].map(expected)]
    grouped = per_seed.groupby(["arm", "epoch"], sort=False)["mean"]
    table = grouped.agg(mean="mean", spread="std", n="size").reset_index()
    half = t_quantile(table["n"].to_numpy()) * table["spread"] / np.sqrt(table["n"])
    table = table.assign(low=table["mean"] - half, high=table["mean"] + half)
    return table.sort_values(["arm", "epoch"], ignore_index=True)[columns]


def t_quantile(n: np.ndarray) -> np.ndarray:
    """Return t(0.975) with ``n − 1`` degrees of freedom; NaN for ``n`` of 1."""
    freedom = np.where(n > 1, n - 1.0, np.nan)
    return stdtrit(freedom, 0.975)


def _read(
    workspace: Workspace, study_id: str, kind: str, keys: list[str], value: str
) -> pd.DataFrame:
    rows = [
        {**{key: getattr(run, key) for key in keys}, "epoch": line["epoch"], value: line[value]}
        for run in runs.runs_of(study.load(workspace, study_id))
        if run.kind == kind
        for line in files.read_json_lines(run.metrics_path)
    ]
    table = pd.DataFrame(rows, columns=[*keys, "epoch", value])
    # an epoch that was repeated after an interruption counts once
    return table.drop_duplicates([*keys, "epoch"], keep="last", ignore_index=True)
