"""What can be done with a study: launch, stop, resume, and single arms again."""

import streamlit as st

from curation.workspace import Workspace
from pages.ui import cached, frame, place_form, text
from training import launch, places
from training.standing import StudyStatus
from training.study import Study


def show(workspace: Workspace, study: Study, now: StudyStatus) -> None:
    """Draw the buttons that fit the state of a study."""
    with st.container(horizontal=True, vertical_alignment="center"):
        if now.going:
            _stop(workspace, study, now)
        if now.state == "planned":
            with st.popover("Launch …", icon=":material/play_arrow:", type="primary"):
                _start(workspace, study, "Launch this study")
        if now.state in ("stopped", "failed"):
            with st.popover("Resume …", icon=":material/play_arrow:", type="primary"):
                st.markdown(
                    f"{now.done} of {text.plural(now.total, 'run')} are finished and stay as they "
                    "are. The others go on from their last whole epoch."
                )
                _start(workspace, study, "Resume the study")
        if now.state in ("running", "stopped", "failed", "finished"):
            with st.popover("Do single arms again …", icon=":material/replay:"):
                _again(workspace, study, now)
        if now.done:
            frame.link("compare", "Compare the arms")


def _stop(workspace: Workspace, study: Study, now: StudyStatus) -> None:
    label = "Stop the study" if now.state == "running" else "Take it out of the queue"
    if st.button(label, icon=":material/stop:"):
        with frame.in_words(), st.spinner("Stopping: each run saves where it is …"):
            launch.stop(workspace, study.id)
            _changed()


def _start(workspace: Workspace, study: Study, label: str) -> None:
    place = place_form.choose(workspace, places.of(study), key=study.id)
    if st.button(label, type="primary", disabled=place is None, key=f"start-{study.id}") and place:
        with frame.in_words():
            launch.launch(workspace, study.id, place=place)
            places.remember(workspace, place)
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
    cached.forget_study_states()
    st.rerun()
