"""Data of Compare: one study, or the arms of several side by side, as tables that filters narrow."""

from collections.abc import Collection
from dataclasses import dataclass, replace

import pandas as pd
import streamlit as st

from curation.cohorts.matched_controls import MatchingCriteria
from curation.errors import DamagedError
from curation.storage.workspace import Workspace
from pages.ui.shell import cache
from training.arms.study_arms import Arm
from training.held_out import joined_studies, stored_predictions
from training.held_out.predictions import BASELINE, Predictions
from training.judging.outcome import Outcome
from training.report.source import count_of
from training.results import (
    comparisons,
    conclusions,
    dose_harm,
    error_curves,
    primary_comparison,
    study_sets,
)
from training.results.primary_comparison import Primary
from training.results.run_logs import RunLogs
from training.studies import arm_overlap, runs
from training.studies.arm_overlap import Overlap
from training.studies.planned_study import Study
from training.studies.runs import Run
from training.theme import Style, arm_styles

#: Lines of arms of further studies, in the order in which they are added.
_DASHES = ("dot", "longdash", "dashdot")


@dataclass(frozen=True)
class Comparison:
    """Results of the finished runs, with the studies and runs that they come from.

    Parameters
    ----------
    parts : dict of str to Study
        The studies, by what they are called.
    held_out : Predictions
        Of the finished fine-tunings.
    styles : dict of str to Style
        A style an arm.
    seeds, folds : list of int
        The seeds (places of them where there are several studies) and folds that are left.
    arms : tuple of Arm
        Those that are shown. All are computed, so that leaving some out changes no number of the others.
    left_out : str
        What a filter leaves, in words for what is downloaded; empty where nothing is left out.
    primary : Primary, optional
        The primary comparison of the first study, from all of it: no filter changes it.
    """

    parts: dict[str, Study]
    held_out: Predictions
    styles: dict[str, Style]
    seeds: list[int]
    folds: list[int]
    arms: tuple[Arm, ...]
    left_out: str = ""
    primary: Primary | None = None

    def only(
        self, arms: Collection[str], seeds: Collection[int], folds: Collection[int]
    ) -> "Comparison":
        """Return the filtered comparison; an empty filter leaves all. Arms without pretraining stay."""
        kept = tuple(a for a in self.arms if not arms or a.name in arms or a.is_scratch)
        names = [arm.name for arm in kept]
        left = replace(
            self,
            held_out=self.held_out.only(seeds=seeds or None, folds=folds or None),
            styles={name: style for name, style in self.styles.items() if name in names},
            seeds=[seed for seed in self.seeds if not seeds or seed in seeds],
            folds=[fold for fold in self.folds if not folds or fold in folds],
            arms=kept,
        )
        return replace(left, left_out=_left_out(self, left))

    @property
    def primary_pair(self) -> tuple[str, str] | None:
        """Names of the two arms of the primary comparison as they are called here; none without one."""
        if self.primary is None:
            return None
        study = next(iter(self.parts))
        arm, reference = (self._called(study, name) for name in self.primary.pair)
        return arm, reference

    @property
    def outcome(self) -> Outcome:
        """What is predicted."""
        return self.held_out.outcome

    @property
    def arms_with_predictions(self) -> list[str]:
        """Names of the arms that are shown and have any prediction, and of predicting the mean."""
        names = [*(arm.name for arm in self.arms), BASELINE]
        return [name for name in self.held_out.there if name in names]

    def left(self, table: pd.DataFrame) -> pd.DataFrame:
        """Return the rows of the arms that are shown, and of predicting the mean."""
        names = [*(arm.name for arm in self.arms), BASELINE]
        return table[table["arm"].isin(names)].reset_index(drop=True)

    def sizes(self) -> dict[str, int]:
        """Return how many scans each arm is pretrained on."""
        return {
            self._called(name, arm): count
            for name, one in self.parts.items()
            for arm, count in _sizes(one).items()
        }

    def effects(self) -> pd.DataFrame:
        """Return what the distortions of arms do to volumes and score, see ``effects_by_arm``."""
        parts = [
            found.assign(arm=[self._called(name, arm) for arm in found["arm"]])
            for name, study in self.parts.items()
            for found in [_effects(study, cache.stamp(study.distortion_effects_path))]
        ]
        return pd.concat(parts, ignore_index=True)

    def overlaps(self) -> dict[str, Overlap]:
        """Return the overlap of each control with the arm that it matches, by the control's name."""
        return {
            self._called(name, one.control): one
            for name, study in self.parts.items()
            for one in _overlaps(study)
        }

    def people_said(self) -> list[str]:
        """Say of each study which people it is of: how many, and of which sources."""
        several = len(self.parts) > 1
        return [f"{name}: " * several + _people(one) for name, one in self.parts.items()]

    @property
    def controls_match(self) -> str:
        """Traits in which controls match their arms: ``size, sites and ages``; empty without controls."""
        found = [matched for one in self.parts.values() if (matched := _matched(one))]
        return ", or ".join(dict.fromkeys(matched.words for matched in found))

    def curves(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Return the curves of age error and of the pretraining loss of the seeds and folds that are left.

        Columns as :mod:`training.results.error_curves` gives; :meth:`run` says what a ``run_id`` means.
        """
        if len(self.parts) == 1:
            (only,) = self.parts.values()
            error, loss = error_curves.of_runs(_runs(only), _logs())
        else:
            read = [_beside(name, one) for name, one in self.parts.items()]
            error, loss = (
                pd.concat(tables, ignore_index=True) for tables in zip(*read, strict=True)
            )
        return self._of_left_runs(error), self._of_left_runs(loss)

    def run(self, run_id: str) -> tuple[Study, str]:
        """Return the study and the id of a run of :meth:`curves`."""
        if len(self.parts) == 1:
            (only,) = self.parts.values()
            return only, run_id
        study_id, _, rest = run_id.partition("/")
        return next(one for one in self.parts.values() if one.id == study_id), rest

    def _called(self, study: str, arm: str) -> str:
        return f"{study} · {arm}" if len(self.parts) > 1 else arm

    def _of_left_runs(self, table: pd.DataFrame) -> pd.DataFrame:
        return table[table["seed"].isin(self.seeds) & table["fold"].isin([*self.folds, -1])]


def _left_out(everything: Comparison, left: Comparison) -> str:
    """Return the choice of a filter in words; empty where nothing is filtered out."""
    kept = (
        ("arms", [a.name for a in everything.arms], [a.name for a in left.arms]),
        ("seeds", everything.seeds, left.seeds),
        ("folds", [n + 1 for n in everything.folds], [n + 1 for n in left.folds]),
    )
    return "; ".join(
        f"{noun} {', '.join(map(str, after))} only"
        for noun, before, after in kept
        if len(after) < len(before)
    )


def read_comparison(workspace: Workspace, study: Study, others: list[Study]) -> Comparison:
    """Read a study, with the arms of other studies beside its own."""
    parts = dict(zip(distinct_names([study, *others]), [study, *others], strict=True))
    held_out = {name: held_out_of(workspace, one) for name, one in parts.items()}
    if others:
        joined = joined_studies.joined(held_out)
        styles = _styles(joined.arms, list(parts))
    else:
        (joined,) = held_out.values()
        styles = arm_styles(study.arms)
    folds = list(study.run_folds)
    primary = _primary(workspace, study, _finished(study))
    return Comparison(
        parts, joined, styles, list(joined.seeds), folds, joined.arms, primary=primary
    )


def distinct_names(studies: list[Study]) -> list[str]:
    """Return names that tell studies apart: their names, with ids where two are the same."""
    counts = pd.Series([one.name for one in studies]).value_counts()
    return [one.name if counts[one.name] == 1 else one.id for one in studies]


def held_out_of(workspace: Workspace, study: Study) -> Predictions:
    """Return a study's predictions, read anew when a run has finished."""
    return _held_out(workspace, study, _finished(study))


def learned(workspace: Workspace, study: Study) -> bool:
    """Tell whether an arm of a study is shown to predict better than its mean does, without a model."""
    return _learned(workspace, study, _finished(study))


def too_easy(workspace: Workspace, study: Study) -> bool:
    """Tell whether no arm of a study makes a mistake, see :func:`training.results.conclusions.too_easy`."""
    return study.outcome.two_valued and _too_easy(workspace, study, _finished(study))


def why_not(study: Study, other: Study) -> str:
    """Say why two studies cannot be compared, see :func:`training.results.study_sets.why_not`; cached."""
    try:
        return _why_not(study, other)
    except DamagedError as error:
        return str(error)


def _finished(study: Study) -> tuple[int, int]:
    """Return count and latest time of the finished runs of a study: it changes whenever one finishes."""
    times = [cache.stamp(run.result_path)[0] for run in _runs(study) if run.kind == "finetune"]
    return sum(map(bool, times)), max(times, default=0)


@st.cache_resource(max_entries=16, show_spinner=False, hash_funcs=cache.BY_FOLDER)
def _held_out(workspace: Workspace, study: Study, changed: tuple[int, int]) -> Predictions:
    return stored_predictions.read(workspace, study)


@st.cache_data(max_entries=1000, show_spinner=False, hash_funcs=cache.BY_FOLDER)
def _learned(workspace: Workspace, study: Study, changed: tuple[int, int]) -> bool:
    return bool(comparisons.learned(_held_out(workspace, study, changed)))


@st.cache_data(max_entries=1000, show_spinner=False, hash_funcs=cache.BY_FOLDER)
def _too_easy(workspace: Workspace, study: Study, changed: tuple[int, int]) -> bool:
    return conclusions.too_easy(_held_out(workspace, study, changed))


@st.cache_resource(max_entries=16, show_spinner=False, hash_funcs=cache.BY_FOLDER)
def _primary(workspace: Workspace, study: Study, changed: tuple[int, int]) -> Primary | None:
    return primary_comparison.of_study(_held_out(workspace, study, changed), study.analysis)


@st.cache_resource(show_spinner=False)
def _logs() -> RunLogs:
    return RunLogs()


@st.cache_resource(max_entries=64, show_spinner=False, hash_funcs=cache.BY_FOLDER)
def _runs(study: Study) -> list[Run]:
    return runs.runs_of(study)


@st.cache_data(max_entries=64, show_spinner=False, hash_funcs=cache.BY_FOLDER)
def _people(study: Study) -> str:
    scans = study.scans()
    told = []
    roles = {"pool": "pretrained on", "target": "judged on", "external": "judged besides on"}
    for role, what in roles.items():
        these = scans[scans["role"] == role]
        if these.empty:
            continue
        sources = these["source"].dropna().unique() if "source" in these else ()
        of_source = f" (source{'s' * (len(sources) > 1)} {', '.join(sorted(map(str, sources)))})"
        told.append(f"{what} {count_of(these)}" + of_source * bool(len(sources)))
    return f"This study: {', '.join(told)}; other scans of the workspace have no part in it."


@st.cache_data(max_entries=64, show_spinner=False, hash_funcs=cache.BY_FOLDER)
def _sizes(study: Study) -> dict[str, int]:
    return study_sets.sizes(study)


@st.cache_data(max_entries=64, show_spinner=False, hash_funcs=cache.BY_FOLDER)
def _effects(study: Study, changed: cache.Stamp) -> pd.DataFrame:
    return dose_harm.effects_by_arm(study)


@st.cache_data(max_entries=64, show_spinner=False, hash_funcs=cache.BY_FOLDER)
def _overlaps(study: Study) -> list[Overlap]:
    return arm_overlap.of_study(study)


@st.cache_data(max_entries=64, show_spinner=False, hash_funcs=cache.BY_FOLDER)
def _matched(study: Study) -> MatchingCriteria | None:
    return arm_overlap.controls_matched_on(study)


@st.cache_data(max_entries=1000, show_spinner=False, hash_funcs=cache.BY_FOLDER)
def _why_not(study: Study, other: Study) -> str:
    return study_sets.why_not(study, other)


def _beside(name: str, study: Study) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return a study's curves with the names that runs, arms and seeds have beside other studies."""
    places = {seed: place for place, seed in enumerate(study.seeds)}
    error, loss = (
        table.assign(
            run_id=f"{study.id}/" + table["run_id"],
            arm=f"{name} · " + table["arm"],
            seed=table["seed"].map(places),
        )
        for table in error_curves.of_runs(_runs(study), _logs())
    )
    return error, loss


def _styles(arms: tuple[Arm, ...], studies: list[str]) -> dict[str, Style]:
    styles = arm_styles(arms)
    for place, name in enumerate(studies[1:]):
        dash = _DASHES[place % len(_DASHES)]
        for arm in [arm for arm in styles if arm.startswith(f"{name} · ")]:
            styles[arm] = replace(styles[arm], dash=dash)
    return {name: replace(style, label=name) for name, style in styles.items()}
