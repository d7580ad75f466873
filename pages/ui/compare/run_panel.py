"""Panel of one run, opened from its curve: facts, status, files."""

import html

import streamlit as st

from curation.storage import files
from pages.ui.shell import formatting, frame
from pages.ui.shell.html_marks import state_chip
from training.studies import runs
from training.studies.planned_study import Study
from training.studies.run_status import RunState, state_of
from training.studies.runs import Run

_LINES = 12
_READ_BYTES = 20_000


def show(study: Study, run_id: str) -> None:
    """Show a run of a study."""
    with st.container(border=True), frame.in_words():
        run = runs.find(study, run_id)
        now = state_of(study, run)
        what = "Pretraining" if run.kind == "pretrain" else "Fine-tuning"
        fold = "" if run.fold is None else f", fold {run.fold + 1}"
        st.html(
            f"<p>{state_chip(now.state)} <b>{what} of {html.escape(run.arm)}, seed {run.seed}"
            f"{fold}</b> <span class='ts-muted'>{html.escape(run.id)}</span></p>"
        )
        st.markdown(formatting.escape(_facts(run, now)))
        if now.message:
            st.info(formatting.escape(now.message))
        lines = _last_lines(run)
        if lines:
            with st.expander("The end of its log"):
                st.code(lines, language=None)
        st.caption(formatting.escape(f"Everything it wrote lies in {run.folder}"))


def _facts(run: Run, now: RunState) -> str:
    facts = [
        f"{now.epoch} of {now.epochs} epochs",
        f"{formatting.duration(now.seconds)} of training",
    ]
    if now.age_mae_years is not None:
        facts.append(f"age error {now.age_mae_years:.2f} years after the last epoch")
    if now.loss is not None:
        facts.append(f"training loss {now.loss:.4g}")
    result = files.read_json(run.result_path) or {}
    if "training_subjects" in result:
        facts.append(
            f"learned from {formatting.plural(result['training_subjects'], 'person', 'people')}"
        )
    if "device" in result:
        facts.append(f"on {result['device']}")
    return " · ".join(facts)


def _last_lines(run: Run) -> str:
    try:
        with run.log_path.open("rb") as file:
            file.seek(0, 2)
            file.seek(max(file.tell() - _READ_BYTES, 0))
            lines = file.read().decode("utf-8", "replace").splitlines()
    except FileNotFoundError:
        return ""
    return "\n".join(lines[-_LINES:])
