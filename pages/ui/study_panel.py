"""What Train and Compare share: choosing a study, and its live state."""

import html

import streamlit as st

from curation.workspace import Workspace
from pages.ui import cached, charts, frame, marks, state, text
from pages.ui.progress import EVERY
from training import curves, launch
from training.launch import StudyStatus
from training.runs import RunState
from training.study import Study

#: State of a study or run -> the word on the screen and its colour.
STATES: dict[str, tuple[str, str]] = {
    "planned": ("planned", "#616E7C"),
    "waiting": ("waiting", "#616E7C"),
    "queued": ("in the queue", "#616E7C"),
    "running": ("running", "#1A5A8A"),
    "stopped": ("stopped", "#8D5B00"),
    "failed": ("failed", "#A61B1B"),
    "finished": ("finished", "#1F6F43"),
}


def choose(workspace: Workspace, studies: list[Study]) -> Study:
    """Let people choose one of the studies; the newest at first."""
    by_id = {study.id: study for study in studies}
    if pending := state.get(state.PENDING_STUDY):
        state.put(state.STUDY, pending)
        state.put(state.PENDING_STUDY, None)
    state.keep_one_of(state.STUDY, list(by_id))
    chosen = st.selectbox(
        "Study", list(by_id), key=state.STUDY, persist_state="session",
        format_func=lambda study_id: _study_words(by_id[study_id]),
    )  # fmt: skip
    others = [
        study.name
        for study in studies
        if study.id != chosen and cached.study_state(workspace, study.id) == "running"
    ]
    if others:
        st.caption(text.escape(f"Also running: {', '.join(others)}"))
    return by_id[chosen]


def _study_words(study: Study) -> str:
    return f"{study.name} · {text.moment(study.created)} UTC · {study.id}"


def live(workspace: Workspace, study: Study) -> None:
    """Show a study's progress, its runs and its losses, live while it runs."""
    running = launch.status(workspace, study.id).going

    @st.fragment(run_every=EVERY if running else None)
    def shown() -> None:
        now = launch.status(workspace, study.id)
        if running and not now.going:
            st.rerun(scope="app")
        _progress(study, now)
        _losses(workspace, study)
        _runs(study, now)

    shown()


def state_chip(name: str) -> str:
    """Return the chip of a state."""
    word, colour = STATES[name]
    return f'<span class="ts-chip" style="background:{colour};color:#fff">{word}</span>'


def _progress(study: Study, now: StudyStatus) -> None:
    words = f"{now.done} of {text.plural(now.total, 'run')} finished"
    if now.eta_s is not None:
        words += f" · about {text.duration(now.eta_s)} left"
    st.html(
        f'<p>{state_chip(now.state)} <span class="ts-muted">{len(study.arms)} arms × '
        f"{text.plural(len(study.seeds), 'seed')} × {study.folds} folds · preset "
        f"{study.preset.name} · pool {study.cohort_id} · target {study.target_id}</span></p>"
    )
    st.progress(min(now.fraction, 1.0), text=words)
    if now.message:
        (st.error if now.state == "failed" else st.info)(text.escape(now.message))


# ---- losses ----------------------------------------------------------------------------------------


def _losses(workspace: Workspace, study: Study) -> None:
    styles = charts.arm_styles(study.arms)
    loss = curves.band(curves.pretrain_curves(workspace, study.id), "loss")
    error = curves.band(curves.age_error_curves(workspace, study.id), "age_mae_years")
    with st.container(horizontal=True, key="split-losses"):
        with st.container(width="stretch"):
            st.markdown("**Pretraining**")
            if loss.empty:
                st.caption("No data yet: the first epoch is still running or waiting.")
            else:
                figure = charts.pretraining_loss(loss, styles)
                frame.figure(
                    figure,
                    key="live-loss",
                    alt="Reconstruction loss against the epoch of pretraining",
                )
        with st.container(width="stretch"):
            st.markdown("**Fine-tuning**")
            if error.empty:
                st.caption("No data yet: fine-tuning begins once an arm is pretrained.")
            else:
                figure = charts.age_error(error, styles).update_layout(height=320)
                frame.figure(
                    figure,
                    key="live-error",
                    alt="Age error in years against the epoch of fine-tuning",
                )


# ---- runs ------------------------------------------------------------------------------------------


def _runs(study: Study, now: StudyStatus) -> None:
    st.markdown("**Runs**")
    found = {(run.arm, run.seed, run.fold): run for run in now.runs}
    rows: list[tuple[object, ...]] = []
    for arm in study.arms:
        rows.append((f"{arm.name}: {arm.label}",))
        for seed in study.seeds:
            runs = [found.get((arm.name, seed, fold)) for fold in (None, *range(study.folds))]
            rows.append((f"seed {seed}", *map(_run_cell, runs)))
    head = ("Arm and seed", "Pretraining", *(f"Fold {fold + 1}" for fold in range(study.folds)))
    st.html(marks.table(head, rows, even=True))


def _run_cell(run: RunState | None) -> object:
    if run is None:
        return text.DASH
    word, colour = STATES[run.state]
    epochs = "" if run.state in ("waiting", "finished") else f" · epoch {run.epoch} of {run.epochs}"
    error = f" · {run.age_mae_years:.1f} years" if run.age_mae_years is not None else ""
    weight = 650 if run.state in ("running", "failed") else 400
    style, title = f"color:{colour};font-weight:{weight}", html.escape(run.message, quote=True)
    return marks.Cell(
        f'<span style="{style}" title="{title}">{word}</span>'
        f'<span class="ts-muted">{epochs}{error}</span>'
    )
