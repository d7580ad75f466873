"""What Compare shows: one study, or the arms of several beside each other, as tables that filters narrow."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd
import streamlit as st

from curation.workspace import Workspace
from pages.ui import cached, charts
from pages.ui.charts import Style
from training import comparable, curves, predictions, runs, sweeps
from training.arms import Arm
from training.predictions import Predictions
from training.run_logs import RunLogs
from training.study import Study

#: Lines of arms of further studies, in the order in which they are added.
_DASHES = ("dot", "longdash", "dashdot")


@dataclass(frozen=True)
class Compared:
    """Everything that is known of the runs so far.

    Parameters
    ----------
    held_out : Predictions
        Of the finished fine-tunings.
    error, loss : pandas.DataFrame
        Curves as :mod:`training.curves` gives; ``run_id`` begins with the study's id.
    styles : dict of str to Style
        A style an arm.
    sizes : dict of str to int
        Scans that each arm is pretrained on.
    """

    held_out: Predictions
    error: pd.DataFrame
    loss: pd.DataFrame
    styles: dict[str, Style]
    sizes: dict[str, int]

    @property
    def arms(self) -> tuple[Arm, ...]:
        return self.held_out.arms

    @property
    def folds(self) -> list[int]:
        """The folds of the target cohort."""
        return sorted(self.held_out.people["fold"].unique().tolist())

    @property
    def epochs(self) -> int:
        """The last epoch that any run has reached; 0 before the first."""
        ends = [int(t["epoch"].max()) for t in (self.error, self.loss) if len(t)]
        return max(ends, default=0)

    def only(
        self, arms: Collection[str], seeds: Collection[int], folds: Collection[int],
        epochs: tuple[int, int],
    ) -> "Compared":  # fmt: skip
        """Return what filters leave; an empty one leaves all. Arms without pretraining always stay."""
        kept = [a.name for a in self.arms if not arms or a.name in arms or is_scratch(a)]
        held_out = self.held_out.only(arms=kept, seeds=seeds or None, folds=folds or None)

        def narrowed(table: pd.DataFrame) -> pd.DataFrame:
            keep = table["arm"].isin(kept) & table["epoch"].between(*epochs)
            if seeds:
                keep &= table["seed"].isin(seeds)
            if folds:
                keep &= table["fold"].isin([*folds, -1])
            return table[keep]

        return replace(
            self, held_out=held_out, error=narrowed(self.error), loss=narrowed(self.loss),
            styles={name: style for name, style in self.styles.items() if name in kept},
        )  # fmt: skip


def is_scratch(arm: Arm) -> bool:
    """Tell whether an arm is the plain one without pretraining."""
    return arm.kind == "scratch" and arm.label_percent == 100 and arm.method == "full"


def of(workspace: Workspace, study: Study, others: list[Study]) -> Compared:
    """Read a study, with the arms of others beside its own where there are some."""
    parts = dict(zip(names([study, *others]), [study, *others], strict=True))
    held_out = {name: held_out_of(workspace, one) for name, one in parts.items()}
    tables = {name: curves_of(workspace, one) for name, one in parts.items()}
    if not others:
        (name,) = parts
        error, loss = tables[name]
        styles = charts.arm_styles(study.arms)
        return Compared(held_out[name], error, loss, styles, _sizes(study))
    joined = predictions.joined(held_out)
    error, loss = (
        pd.concat([_named(table[kind], name, parts[name]) for name, table in tables.items()])
        for kind in (0, 1)
    )
    sizes = {
        f"{name} · {arm}": count
        for name, one in parts.items()
        for arm, count in _sizes(one).items()
    }
    return Compared(joined, error, loss, _styles(joined.arms, list(parts)), sizes)


def names(studies: list[Study]) -> list[str]:
    """Return what studies are called beside each other: their names, with ids where two are the same."""
    counts = pd.Series([one.name for one in studies]).value_counts()
    return [one.name if counts[one.name] == 1 else one.id for one in studies]


def held_out_of(workspace: Workspace, study: Study) -> Predictions:
    """Return a study's predictions, read anew when a run has finished."""
    return _held_out(workspace, study, _finished(study))


def curves_of(workspace: Workspace, study: Study) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the curves of age error and of the pretraining loss."""
    logs = _logs()
    tables = (
        curves.age_error_curves(workspace, study.id, logs),
        curves.pretrain_curves(workspace, study.id, logs),
    )
    error, loss = (table.assign(run_id=f"{study.id}/" + table["run_id"]) for table in tables)
    return error, loss


def why_not(study: Study, other: Study) -> str:
    """Say why two studies cannot be compared, see :func:`training.comparable.why_not`; kept in mind."""
    return _why_not(study, other)


def _finished(study: Study) -> tuple[int, int]:
    """Return what changes when a run of a study finishes: how many have, and when the last one did."""
    times = [
        cached.stamp(run.result_path)[0] for run in runs.runs_of(study) if run.kind == "finetune"
    ]
    return sum(map(bool, times)), max(times, default=0)


_HASH: dict[Any, Any] = {
    Workspace: lambda workspace: str(workspace.root),
    Study: lambda study: str(study.folder),
}


@st.cache_resource(max_entries=16, show_spinner=False, hash_funcs=_HASH)
def _held_out(workspace: Workspace, study: Study, changed: tuple[int, int]) -> Predictions:
    return predictions.read(workspace, study)


@st.cache_resource(show_spinner=False)
def _logs() -> RunLogs:
    return RunLogs()


@st.cache_data(max_entries=64, show_spinner=False, hash_funcs=_HASH)
def _sizes(study: Study) -> dict[str, int]:
    return sweeps.sizes(study)


@st.cache_data(max_entries=1000, show_spinner=False, hash_funcs=_HASH)
def _why_not(study: Study, other: Study) -> str:
    return comparable.why_not(study, other)


def _named(table: pd.DataFrame, name: str, study: Study) -> pd.DataFrame:
    """Give a study's curves the names of its arms beside others, and numbers to its seeds."""
    places = {seed: place for place, seed in enumerate(study.seeds)}
    return table.assign(arm=name + " · " + table["arm"], seed=table["seed"].map(places))


def _styles(arms: tuple[Arm, ...], studies: list[str]) -> dict[str, Style]:
    styles = charts.arm_styles(arms)
    for place, name in enumerate(studies[1:]):
        dash = _DASHES[place % len(_DASHES)]
        for arm in [arm for arm in styles if arm.startswith(f"{name} · ")]:
            styles[arm] = replace(styles[arm], dash=dash)
    return {name: replace(style, label=name) for name, style in styles.items()}
