"""Curves of a study: error and loss against epoch or step, smoothed as stated, mean and band."""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import stdtrit

from curation.storage.workspace import Workspace
from training.arms.study_arms import Arm
from training.judging.outcome import AGE, Outcome
from training.results.run_logs import RunLogs
from training.studies import planned_study, runs

KEYS = ["run_id", "arm", "seed", "fold"]
#: Up to so many seeds their own lines say more than a band.
FEW = 3
_SEED = "seed_"


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
        Cache of what was read before.

    Returns
    -------
    pandas.DataFrame
        ``run_id, arm, seed, fold, epoch`` (from 1), ``step``, ``age_mae_years`` and ``loss`` (of training;
        NaN where there is none); no rows where there is no data yet.
    """
    return of_runs(runs.runs_of(planned_study.load(workspace, study_id)), logs)[0]


def pretrain_curves(
    workspace: Workspace, study_id: str, logs: RunLogs | None = None
) -> pd.DataFrame:
    """Read the loss of the objective after each epoch of pretraining, as :func:`age_error_curves`.

    Returns
    -------
    pandas.DataFrame
        ``loss``: of a masked autoencoder the mean squared error of standardised intensities; ``fold`` is −1.
        ``held_out_loss``: the same on some people of the target; NaN where it was not measured.
    """
    return of_runs(runs.runs_of(planned_study.load(workspace, study_id)), logs)[1]


def of_runs(
    found: list[runs.Run], logs: RunLogs | None = None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the tables of :func:`age_error_curves` and :func:`pretrain_curves` for given runs."""
    logs = logs or RunLogs()
    error, loss = (
        logs.read([run for run in found if run.kind == kind])[[*KEYS, "epoch", "step", *values]]
        for kind, values in (
            ("finetune", ["age_mae_years", "loss"]),
            ("pretrain", ["loss", "held_out_loss"]),
        )
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


def age_error_band(
    curves: pd.DataFrame, arms: Sequence[Arm], *, along: str = "epoch", outcome: Outcome = AGE
) -> pd.DataFrame:
    """Average the age error over folds, then over seeds, with a 95 % band over seeds.

    Every drawing and every table of this curve is made from here.

    Parameters
    ----------
    curves : pandas.DataFrame
        From :func:`age_error_curves`, of all arms whose seeds are to be pooled.
    arms : sequence of Arm
        Those that were trained alike (:attr:`training.arms.study_arms.Arm.way`) share the variance of
        their seeds.
    along : {'epoch', 'step'}
        What it is drawn against.
    outcome : Outcome
        What is predicted: the band of an AUC ends at 1.

    Returns
    -------
    pandas.DataFrame
        ``arm``, the column ``along``, ``age_mae_years, low, high, seeds``, and with two or :data:`FEW`
        seeds the value of each, ``seed_0`` and so on. The band is mean ± t(0.975, df)·s/√n over the n seeds,
        each seed's value being the mean over its folds, and never below 0. s is pooled over the arms that
        were trained alike, and df is the number of their seeds less the number of arms. NaN where no arm has
        two seeds. Where folds are still running, an epoch is averaged over
        those seeds that have every fold seen so far of their arm, so that a curve does not jump.
    """
    band = _band(curves, "age_mae_years", along, {arm.name: arm.way for arm in arms})
    return band.assign(high=band["high"].clip(upper=1.0)) if outcome.two_valued else band


def loss_band(curves: pd.DataFrame, *, along: str = "epoch") -> pd.DataFrame:
    """Average the loss of pretraining or fine-tuning as :func:`age_error_band` does, each arm by itself.

    Losses of different arms of pretraining are of different scans, so nothing is pooled. The column is
    ``loss``; runs without a loss, such as ridge regression, are left out.
    """
    return _band(curves.dropna(subset=["loss"]), "loss", along, {})


def held_out_band(curves: pd.DataFrame, *, along: str = "epoch") -> pd.DataFrame:
    """Average the error on held-out people of :func:`pretrain_curves` as :func:`loss_band` does its loss."""
    held_out = curves.drop(columns="loss").rename(columns={"held_out_loss": "loss"})
    return loss_band(held_out, along=along)


def single_seeds(band: pd.DataFrame) -> list[str]:
    """Return the columns of a band that hold single seeds; none with one, or more than :data:`FEW`."""
    return [name for name in band.columns if name.startswith(_SEED)]


def course(curves: pd.DataFrame, outcome: Outcome = AGE) -> str:
    """Describe in words the last errors (or AUCs) of the arms, and whether they rose or fell.

    Parameters
    ----------
    curves : pandas.DataFrame
        From :func:`age_error_curves`. The last epoch is each run's own: folds of a tuned study have recipes
        of different lengths.
    outcome : Outcome
        What is predicted.
    """
    ends = _ends(curves)
    digits = outcome.coarse_digits
    low, high = (outcome.amount(ends["last"].agg(which), digits) for which in ("min", "max"))
    where = low if low == high else f"{low.split()[0]} to {high}"
    if outcome.two_valued:
        where = where.removesuffix(" AUC")
    measure = outcome.measure[:1].upper() + outcome.measure[1:]
    said = f"{measure} at the end of fine-tuning, mean over folds: {where}"
    ends = ends[ends["epochs"] > 1]
    if ends.empty:
        return said
    rose, count = int((ends["last"] > ends["first"]).sum()), len(ends)
    if rose in (0, count):
        every = "" if count == 1 else f" in all {count} arms"
        return f"{said}; it {'rose' if rose else 'fell'}{every}"
    return f"{said}; it rose in {rose} of {count} arms"


def lengths_said(curves: pd.DataFrame) -> str:
    """Say of how many epochs the runs of single arms are, where these differ; else empty."""
    lengths = curves.groupby(["arm", "run_id"])["epoch"].max().groupby("arm").agg(["min", "max"])
    unlike = lengths[lengths["min"] < lengths["max"]]
    if unlike.empty:
        return ""
    return (
        f"Runs of one arm last {unlike['min'].min():.0f} to {unlike['max'].max():.0f} epochs: its line goes "
        "as far as every fold does."
    )


def _ends(curves: pd.DataFrame) -> pd.DataFrame:
    """Return the ``first`` and ``last`` error of each arm, by each run's own epoch, and its ``epochs``."""
    by_run = curves.sort_values("epoch", kind="stable").groupby("run_id", sort=False)
    means = {
        name: _band(rows.assign(epoch=0), "age_mae_years", "epoch", {}).set_index("arm")
        for name, rows in (("first", by_run.head(1)), ("last", by_run.tail(1)))
    }
    ends = pd.DataFrame({name: band["age_mae_years"] for name, band in means.items()})
    return ends.assign(epochs=curves.groupby("arm")["epoch"].nunique())


def _band(
    curves: pd.DataFrame, value: str, along: str, ways: Mapping[str, Hashable]
) -> pd.DataFrame:
    columns = ["arm", along, value, "low", "high", "seeds"]
    curves = curves[np.isfinite(curves[along].to_numpy(dtype=float))] if len(curves) else curves
    if curves.empty:
        return pd.DataFrame({name: pd.Series(dtype="float64") for name in columns})
    per_seed = curves.groupby(["arm", along, "seed"], sort=False)[value].agg(["mean", "size"])
    per_seed = per_seed.reset_index()
    expected = curves.groupby("arm")["fold"].nunique()
    per_seed = per_seed[per_seed["size"] == per_seed["arm"].map(expected)]
    grouped = per_seed.groupby(["arm", along], sort=False)["mean"]
    table = grouped.agg(mean="mean", spread="std", seeds="size").reset_index()
    half = _half_width(table, along, ways)
    table["low"], table["high"] = np.maximum(table["mean"] - half, 0.0), table["mean"] + half
    table = table.rename(columns={"mean": value})[columns]
    if 1 < table["seeds"].max() <= FEW:
        single = per_seed.pivot(index=["arm", along], columns="seed", values="mean")
        table = table.join(single.add_prefix(_SEED), on=["arm", along])
    return table.sort_values(["arm", along], ignore_index=True)


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


def _half_width(
    table: pd.DataFrame, along: str, ways: Mapping[str, Hashable]
) -> NDArray[np.float64]:
    """Return t(0.975, df)·s/√n of each row, s² pooled over the seeds of arms that were trained alike."""
    freedom = table["seeds"] - 1
    squares = (table["spread"] ** 2 * freedom).fillna(0.0)
    keys = [table["arm"].map(lambda arm: ways.get(arm, arm)), table[along]]
    df = freedom.groupby(keys).transform("sum").to_numpy(dtype=float)
    total = squares.groupby(keys).transform("sum").to_numpy(dtype=float)
    variance = np.divide(total, df, out=np.full(len(df), np.nan), where=df > 0)
    return t_quantile(df + 1) * np.sqrt(variance / table["seeds"].to_numpy())


def t_quantile(n: NDArray[Any]) -> NDArray[np.float64]:
    """Return t(0.975) with ``n − 1`` degrees of freedom; NaN for ``n`` of 1.

    Examples
    --------
    >>> t_quantile(np.array([1, 2, 11])).round(3).tolist()
    [nan, 12.706, 2.228]
    """
    freedom = np.where(n > 1, n - 1.0, np.nan)
    return stdtrit(freedom, 0.975)
