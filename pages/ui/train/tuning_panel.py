"""What the tuning of a study tried and chose, a row a kind of arm, a column a fold."""

import streamlit as st

from pages.ui.shell import formatting, html_marks
from training.jobs.study_status import StudyStatus
from training.judging.outcome import Outcome
from training.results import tuning_choices
from training.settings import tuning
from training.studies import runs
from training.studies.planned_study import Study


def show(study: Study, now: StudyStatus) -> None:
    """Draw the table; nothing for a study that is not tuned."""
    if study.tuning is None:
        return
    done = {run.run_id for run in now.runs if run.state == "finished"}
    rows = [
        (tuning.KINDS[kind], *(_cell(study, kind, fold, done) for fold in study.run_folds))
        for kind in tuning.kinds_of(study.arms)
    ]
    st.markdown("**Tuning of the fine-tuning**")
    head = ("Kind of arm", *(f"Fold {fold + 1}" for fold in study.run_folds))
    st.html(html_marks.table(head, rows, even=True))
    best, one = ("largest AUC", "AUC") if study.outcome.two_valued else ("smallest error", "error")
    by_site = study.judging.folds_by == "site"
    whom = "whole sites of" if by_site else "a third of"
    st.caption(
        f"Highest learning rate × epochs with the {best} on {whom} the "
        f"fold's training people, and that {one}; all arms of the kind take them, with all seeds. With few "
        "people the choice is one among nearly equal ones."
    )


def _cell(study: Study, kind: str, fold: int, done: set[str]) -> str:
    trials = runs.trials_of(study, kind, fold)
    finished = sum(run.id in done for run in trials)
    if finished < len(trials):
        return f"{finished} of {len(trials)} trials"
    found = tuning_choices.choice(study, kind, fold)
    if found is None:
        return formatting.DASH
    error = _figure(study.outcome, found.figure)
    return f"{found.recipe.lr:.2g} × {found.recipe.epochs} ({error})"


def _figure(outcome: Outcome, value: float) -> str:
    if outcome.two_valued:
        return outcome.measured(value)
    return outcome.amount(value, outcome.coarse_digits)
