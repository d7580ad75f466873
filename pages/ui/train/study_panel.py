"""Study panels of Train and Compare: the choice of a study, its live progress, and its actions."""

import html
import itertools
from collections.abc import Mapping

import streamlit as st

from curation.access.actions import Action
from curation.storage.workspace import Workspace
from curation.wording import plural
from pages.ui.compare import comparison_data
from pages.ui.shell import cache, charts, formatting, frame, person, state
from pages.ui.shell.html_marks import state_chip
from pages.ui.shell.progress import EVERY
from pages.ui.shell.state import Key
from pages.ui.train import backend_form, cost_panel, runs_panel, tuning_panel
from training.jobs import execution_backend, launch, mlflow_log
from training.jobs.study_status import StudyStatus, status
from training.results import error_curves, study_summary
from training.settings import input_images
from training.studies import planned_study
from training.studies.planned_study import Study
from training.theme import arm_styles

_ADDRESS = "study"

# ---- the choice ----------------------------------------------------------------------------------


def list_studies(workspace: Workspace) -> list[Study]:
    """Return the planned studies, newest first; report unreadable ones."""
    planned, troubles = planned_study.read_studies(workspace)
    frame.report(*troubles)
    return planned


def no_study(workspace: Workspace, what: str, next_step: str) -> None:
    """Draw that there is no study, with the next step; where there are some and none can be read, that."""
    _, troubles = planned_study.read_studies(workspace)
    if troubles:
        st.info("No study here can be opened. What is wrong, and what to do, stands above.")
    else:
        frame.nothing_yet(what, next_step, "train")


def choose_study(
    workspace: Workspace,
    planned: list[Study],
    *,
    elsewhere: Key[str] | None = None,
    unanswered: bool = False,
) -> Study:
    """Draw the choice of a study, which stands in the page's address.

    At first it is the one that the address names, else the running one, else the newest.

    Parameters
    ----------
    workspace : Workspace
        Where they are.
    planned : list of Study
        Those to choose from.
    elsewhere : Key, optional
        Holds the choice of a page on which the study that is open on the others cannot be chosen.
    unanswered : bool
        Whether the newest opens also where it has no answer yet and an older one has.
    """
    by_id = {study.id: study for study in planned}
    if pending := state.get(state.PENDING_STUDY):
        state.put(state.STUDY, pending)
        state.put(state.PENDING_STUDY, None)
    opened = state.get(state.STUDY)
    if opened is None and (named := st.query_params.get(_ADDRESS)):
        opened = _named(by_id, named)
    key = elsewhere if elsewhere and opened and opened not in by_id else state.STUDY
    if state.get(key) not in by_id:
        running = (id_ for id_ in by_id if cache.study_state(workspace, id_) == "running")
        answered = (id_ for id_ in by_id if unanswered or by_id[id_].result_path.exists())
        state.put(key, next(itertools.chain(running, answered, by_id)))
    chosen = st.selectbox(
        "Study",
        list(by_id),
        key=key,
        persist_state="session",
        format_func=lambda study_id: _study_words(by_id[study_id]),
    )
    if st.query_params.get(_ADDRESS) != chosen:
        st.query_params[_ADDRESS] = chosen
    _others(workspace, [study for study in planned if study.id != chosen])
    return by_id[chosen]


def _named(by_id: Mapping[str, Study], study_id: str) -> str | None:
    """Open the study that the address names; say where there is none."""
    if study_id not in by_id:
        frame.report(f"There is no study {study_id} to choose here; another one is shown.")
        return None
    state.put(state.STUDY, study_id)
    return study_id


def _others(workspace: Workspace, planned: list[Study]) -> None:
    """Draw the other running studies and the queue, in its order."""
    found = {study.name: cache.study_state(workspace, study.id) for study in reversed(planned)}
    for state_, words in (("running", "Also running"), ("queued", "In the queue")):
        names = [name for name, of in found.items() if of == state_]
        if names:
            st.caption(formatting.escape(f"{words}: {', '.join(names)}"))


def _study_words(study: Study) -> str:
    looked_at = input_images.images_of(study.preset)
    kind = "" if looked_at.name == "T1w" else f" · {looked_at.label}"
    return f"{study.name}{kind} · {formatting.moment(study.created)} UTC · {study.id}"


# ---- progress ------------------------------------------------------------------------------------


def show_progress(workspace: Workspace, study: Study) -> None:
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
        _losses(workspace, study, now)
        tuning_panel.show(study, now)
        runs_panel.everything(study, now)

    shown()


def _progress(study: Study, now: StudyStatus) -> None:
    outside = "".join(f" · external {one}" for one in study.judging.external)
    words = f"{now.done} of {plural(now.total, 'run')} finished"
    if now.eta_s is not None:
        words += f" · about {formatting.duration(now.eta_s)} left"
    st.html(
        f'<p>{state_chip(now.state)} <span class="ts-muted">{len(study.arms)} arms × '
        f"{plural(len(study.seeds), 'seed')} × {study.folds} folds {study.judging.folds_words} · "
        f"{html.escape(study.outcome.noun)} · preset "
        f"{study.preset.name} · pool {study.cohort_id} · target {study.target_id}{outside} · on "
        f"{html.escape(execution_backend.backend_of(study).words)}</span></p>"
    )
    st.progress(min(now.fraction, 1.0), text=words)
    if now.message:
        trouble = any(run.state == "failed" for run in now.runs)
        show = st.error if now.state == "failed" else st.warning if trouble else st.info
        show(formatting.escape(now.message))


def _losses(workspace: Workspace, study: Study, now: StudyStatus) -> None:
    styles = arm_styles(study.arms)
    loss = error_curves.loss_band(error_curves.pretrain_curves(workspace, study.id))
    error = error_curves.age_error_band(
        error_curves.age_error_curves(workspace, study.id), study.arms, outcome=study.outcome
    )
    with st.container(horizontal=True, key="split-losses"):
        with st.container(width="stretch"):
            st.markdown("**Pretraining**")
            if loss.empty:
                st.caption(_no_epoch(now, "the first epoch is still running or waiting"))
            else:
                figure = charts.training_loss(loss, styles)
                frame.figure(
                    figure,
                    key="live-loss",
                    alt="Loss against the epoch of pretraining",
                )
        with st.container(width="stretch"):
            st.markdown("**Fine-tuning**")
            if error.empty:
                st.caption(_no_epoch(now, "fine-tuning begins once an arm is pretrained"))
            else:
                mean_age = study_summary.mean_age_error(
                    comparison_data.held_out_of(workspace, study)
                )
                figure = charts.age_error(
                    error, styles, baseline_years=mean_age, outcome=study.outcome
                )
                figure.update_layout(height=320)
                frame.figure(
                    figure,
                    key="live-error",
                    alt=f"{study.outcome.measure_label} against the epoch of fine-tuning",
                )


def _no_epoch(now: StudyStatus, going: str) -> str:
    """Say why there is no curve: by what the study does, or what to do."""
    if now.state == "planned":
        return (
            "No data yet: the study is planned and not launched. The button Launch … under its name "
            "starts it."
        )
    if now.state in ("stopped", "failed"):
        was = "was stopped" if now.state == "stopped" else "failed"
        return f"No data: the study {was} before an epoch was finished. Resume it above."
    if now.state == "queued":
        return "No data yet: the study waits in the queue."
    if now.state == "finished":
        return "No data: no run of this study has such a curve."
    return f"No data yet: {going}."


# ---- actions -------------------------------------------------------------------------------------


def show_actions(workspace: Workspace, study: Study, now: StudyStatus) -> None:
    """Draw the buttons that fit the state of a study, and the way to its results."""
    with st.container(horizontal=True, vertical_alignment="center"):
        if person.may(Action.LAUNCH):
            _launching(workspace, study, now)
        if now.state == "planned":
            cost_panel.ask(workspace, study)
        if now.done:
            frame.link("compare", "Compare the arms")


def _launching(workspace: Workspace, study: Study, now: StudyStatus) -> None:
    if now.going:
        _stop(workspace, study, now)
    if now.state == "planned":
        with st.popover("Launch …", icon=":material/play_arrow:", type="primary"):
            _start(workspace, study, "Launch this study")
    if now.state in ("stopped", "failed"):
        with st.popover("Resume …", icon=":material/play_arrow:", type="primary"):
            st.markdown(
                f"{now.done} of {plural(now.total, 'run')} are finished and stay as they "
                "are. The others go on from their last whole epoch."
            )
            _start(workspace, study, "Resume the study")
    if now.state in ("running", "stopped", "failed", "finished"):
        with st.popover("Do single arms again …", icon=":material/replay:"):
            _again(workspace, study, now)


def _stop(workspace: Workspace, study: Study, now: StudyStatus) -> None:
    label = "Stop the study" if now.state == "running" else "Take it out of the queue"
    if st.button(label, icon=":material/stop:"):
        with frame.in_words(), st.spinner("Stopping: each run saves where it is …"):
            launch.stop(workspace, study.id)
            _changed()


def _start(workspace: Workspace, study: Study, label: str) -> None:
    before, tracked = execution_backend.backend_of(study), mlflow_log.is_tracked(study)
    backend, mlflow = backend_form.choose(workspace, before, tracked=tracked, key=study.id)
    start = st.button(label, type="primary", disabled=backend is None, key=f"start-{study.id}")
    if start and backend:
        with frame.in_words():
            launch.launch(workspace, study.id, backend=backend, mlflow=mlflow)
            execution_backend.remember_backend(workspace, backend)
            mlflow_log.remember(workspace, mlflow)
            _changed()


def _again(workspace: Workspace, study: Study, now: StudyStatus) -> None:
    """Offer arms, and single runs that failed, to be done once more."""
    failed = [run.run_id for run in now.runs if run.state == "failed"]
    arms = [arm.name for arm in study.arms]
    names = st.multiselect(
        "Arms, and runs that failed", [*arms, *failed], default=failed, key=f"again-{study.id}"
    )
    anew = st.checkbox(
        "From the beginning, also what is finished",
        key=f"anew-{study.id}",
        disabled=now.state == "running",
        help="Deletes the results of what is named, with all that was built on them. Otherwise each "
        "run goes on from where it was. Not while the study runs.",
    )
    if now.state == "running":
        st.caption("The study is running: these follow once the rest is through.")
    if st.button("Do them again", type="primary", disabled=not names, key=f"do-{study.id}"):
        with frame.in_words():
            launch.retry(workspace, study.id, names, anew=anew and now.state != "running")
            _changed()


def _changed() -> None:
    cache.forget_study_states()
    st.rerun()
