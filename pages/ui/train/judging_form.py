"""Part of the form for a new study: what arms are judged on."""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import streamlit as st

from curation.cohorts import cohort_draft
from curation.cohorts.frozen_cohort import Cohort, CohortHeader
from curation.storage.workspace import Workspace
from pages.ui.shell import cache, frame
from training.judging import judged_scans, outcome_values
from training.judging.judging import BY_AGE, FOLDS_BY, MOST_REPEATS, Asked
from training.judging.outcome import Outcome


class JudgedOn(NamedTuple):
    """What arms would be judged on.

    Parameters
    ----------
    outcome : Outcome
        What is predicted, with its unit.
    people : int
        Of the target: those with a usable scan of whom the outcome is known.
    scans : int
        Of these people, and of those of external cohorts.
    """

    outcome: Outcome
    people: int
    scans: int


def choose(workspace: Workspace, target: CohortHeader, targets: list[CohortHeader]) -> Asked:
    """Draw the choices and return what is asked for.

    Parameters
    ----------
    workspace : Workspace
        Where the cohorts are.
    target : CohortHeader
        The target that is chosen.
    targets : list of CohortHeader
        All frozen target cohorts: the others may be external ones.
    """
    with st.expander(
        "What arms are judged on: outcome, folds, external cohorts", icon=":material/balance:"
    ):
        left, middle, right = st.columns([2, 2, 1])
        outcome = left.selectbox(
            "Outcome",
            _offered(workspace, target),
            key=f"outcome-{target.id}",
            help="Age, or another column of the target's table of people that is a number or has two values. "
            "Two values are judged by the AUC.",
        )
        folds_by = middle.segmented_control(
            "Folds by",
            list(FOLDS_BY),
            default=BY_AGE.folds_by,
            key="folds-by",
            required=True,
            help="; ".join(f"{name}: {meaning}" for name, meaning in FOLDS_BY.items()),
        )
        repeats = right.number_input(
            "Repeats",
            1,
            MOST_REPEATS,
            value=BY_AGE.repeats,
            key="repeats",
            help="Cut the same people into folds so often. It takes out the luck of the cut, not that of the "
            "people.",
        )
        external = st.multiselect(
            "External cohorts",
            [one.id for one in targets if one.id != target.id],
            key=f"external-{target.id}",
            placeholder="none",
            help="The fine-tuned models are judged on them besides; nothing is learned from them.",
        )
    return Asked(outcome or BY_AGE.outcome, folds_by, int(repeats), tuple(external))


def judged_on(workspace: Workspace, target: CohortHeader, asked: Asked) -> JudgedOn:
    """Return what arms would be judged on, as it is asked for; by age where that cannot be read."""
    with frame.in_words():
        return _judged_on(workspace, (target.id, *asked.external), asked.outcome)
    return _judged_on(workspace, (target.id,), BY_AGE.outcome)


@st.cache_data(max_entries=16, ttl=60, show_spinner=False, hash_funcs=cache.BY_FOLDER)
def _judged_on(workspace: Workspace, cohorts: Sequence[str], name: str) -> JudgedOn:
    target, *outside = (_usable(workspace, one) for one in cohorts)
    asked = BY_AGE._replace(outcome=name)
    judged, target, outside = judged_scans.with_values(workspace, asked, target, outside)
    scans = sum(len(one.scans) for one in (target, *outside))
    return JudgedOn(judged.outcome, target.scans["subject_id"].nunique(), scans)


def _offered(workspace: Workspace, target: CohortHeader) -> tuple[str, ...]:
    with frame.in_words():
        return _cached(workspace, target.id)
    return (BY_AGE.outcome,)


@st.cache_data(max_entries=16, ttl=60, show_spinner=False, hash_funcs=cache.BY_FOLDER)
def _cached(workspace: Workspace, target_id: str) -> tuple[str, ...]:
    return outcome_values.offered(workspace, _usable(workspace, target_id))


def _usable(workspace: Workspace, cohort_id: str) -> Cohort:
    cohort = cache.cohort(workspace, cohort_id)
    return replace(cohort, scans=cohort_draft.included(cohort.scans))
