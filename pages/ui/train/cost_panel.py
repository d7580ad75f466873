"""What a planned study will cost: measured by a few steps when asked, and held against what it took."""

import streamlit as st

from curation.access.actions import Action
from curation.storage.workspace import Workspace
from pages.ui.shell import formatting, frame, person
from pages.ui.shell.progress import EVERY
from training.jobs import probed_cost
from training.jobs.study_status import StudyState
from training.studies import cost_probe
from training.studies.planned_study import Study

_HELP = (
    f"Prepares a few of its scans and runs {cost_probe.STEPS} steps of each kind of its runs on this "
    "machine: a minute or so, longer for large volumes. Nothing of the study is started."
)


def show(workspace: Workspace, study: Study, state: StudyState) -> None:
    """Draw the cost of a study that has not begun, or what it was foretold, of one that is finished."""
    if state == "planned":
        _before(workspace, study)
    elif state == "finished" and (cost := probed_cost.of_study(workspace, study)):
        took = probed_cost.took_s(study)
        foretold = formatting.duration(cost.work_without_lead.processor)
        words = f"Foretold for its runs: {foretold} of processor time. They took {formatting.duration(took)}."
        st.caption(formatting.escape(words))


def _before(workspace: Workspace, study: Study) -> None:
    stands = probed_cost.state(study)[0]

    @st.fragment(run_every=EVERY if stands == "running" else None)
    @frame.in_words()
    def shown() -> None:
        now, said = probed_cost.state(study)
        if now != stands:
            st.rerun(scope="app")
        if now == "running":
            st.info("Measuring what it will cost …", icon=":material/timer:")
        elif now == "failed":
            st.error(formatting.escape(said))
        elif cost := probed_cost.of_study(workspace, study):
            st.markdown(f"**What it will cost.** {formatting.escape(cost.words)}")

    shown()


def ask(workspace: Workspace, study: Study) -> None:
    """Offer to measure what a planned study will cost."""
    stands = probed_cost.state(study)[0]
    label = "Measure again" if stands == "finished" else "What will it cost?"
    if stands == "running" or not person.may(Action.PLAN_STUDY):
        return
    if st.button(label, icon=":material/timer:", help=_HELP, key=f"cost-{study.id}"):
        with frame.in_words():
            probed_cost.start(workspace, study)
            st.rerun()
