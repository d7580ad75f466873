"""What Train and Compare share: choosing a study, and its live state."""

import html

import streamlit as st

from curation.workspace import Workspace
from pages.ui import cached, charts, compared, frame, runs_panel, state, text
from pages.ui.progress import EVERY
from pages.ui.states import state_chip
from training import curves, images, places, statistics
from training import study as studies
from training.report.look import arm_styles
from training.standing import StudyStatus, status
from training.study import Study


def listed(workspace: Workspace) -> list[Study]:
    """Return the planned studies, newest first; those that cannot be read are told."""
    planned, troubles = studies.read_studies(workspace)
    frame.tell(*troubles)
    return planned


def choose(workspace: Workspace, planned: list[Study]) -> Study:
    """Let people choose one of the studies; at first the one that runs, or else the newest."""
    by_id = {study.id: study for study in planned}
    if pending := state.get(state.PENDING_STUDY):
        state.put(state.STUDY, pending)
        state.put(state.PENDING_STUDY, None)
    if state.get(state.STUDY) not in by_id:
        running = (id_ for id_ in by_id if cached.study_state(workspace, id_) == "running")
        state.put(state.STUDY, next(running, next(iter(by_id))))
    chosen = st.selectbox(
        "Study",
        list(by_id),
        key=state.STUDY,
        persist_state="session",
        format_func=lambda study_id: _study_words(by_id[study_id]),
    )
    _others(workspace, [study for study in planned if study.id != chosen])
    return by_id[chosen]


def _others(workspace: Workspace, planned: list[Study]) -> None:
    """Say which other studies run, and which wait for their turn, in its order."""
    found = {study.name: cached.study_state(workspace, study.id) for study in reversed(planned)}
    for state_, words in (("running", "Also running"), ("queued", "In the queue")):
        names = [name for name, of in found.items() if of == state_]
        if names:
            st.caption(text.escape(f"{words}: {', '.join(names)}"))


def _study_words(study: Study) -> str:
    looked_at = images.of(study.preset)
    kind = "" if looked_at.name == "T1w" else f" · {looked_at.label}"
    return f"{study.name}{kind} · {text.moment(study.created)} UTC · {study.id}"


def live(workspace: Workspace, study: Study) -> None:
    """Show a study's progress, its runs and its losses, live while it runs."""
    before = status(workspace, study.id)

    @st.fragment(run_every=EVERY if before.going else None)
    @frame.in_words()
    def shown() -> None:
        now = status(workspace, study.id)
        if now.state != before.state:
            st.rerun(scope="app")
        _progress(study, now)
        if now.state == "running":
            runs_panel.numbers(now)
            runs_panel.at_work(study, now)
        runs_panel.failures(study, now)
        _losses(workspace, study)
        runs_panel.everything(study, now)

    shown()


def _progress(study: Study, now: StudyStatus) -> None:
    words = f"{now.done} of {text.plural(now.total, 'run')} finished"
    if now.eta_s is not None:
        words += f" · about {text.duration(now.eta_s)} left"
    st.html(
        f'<p>{state_chip(now.state)} <span class="ts-muted">{len(study.arms)} arms × '
        f"{text.plural(len(study.seeds), 'seed')} × {study.folds} folds · preset "
        f"{study.preset.name} · pool {study.cohort_id} · target {study.target_id} · on "
        f"{html.escape(places.of(study).words)}</span></p>"
    )
    st.progress(min(now.fraction, 1.0), text=words)
    if now.message:
        trouble = any(run.state == "failed" for run in now.runs)
        show = st.error if now.state == "failed" else st.warning if trouble else st.info
        show(text.escape(now.message))


# ---- losses ----------------------------------------------------------------------------------------


def _losses(workspace: Workspace, study: Study) -> None:
    styles = arm_styles(study.arms)
    loss = curves.loss_band(curves.pretrain_curves(workspace, study.id))
    error = curves.age_error_band(curves.age_error_curves(workspace, study.id), study.arms)
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
                mean_age = statistics.mean_age_error(compared.held_out_of(workspace, study))
                figure = charts.age_error(error, styles, baseline_years=mean_age)
                figure.update_layout(height=320)
                frame.figure(
                    figure,
                    key="live-error",
                    alt="Age error in years against the epoch of fine-tuning",
                )
