"""Page Compare (what is each tier worth?): the answer in words, curves, subgroup errors, many studies."""

from collections.abc import Callable
from functools import partial

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from curation.storage.workspace import Workspace
from pages.ui.compare import (
    alignment_panel,
    answer_headline,
    compare_answer,
    compare_curves,
    compare_dose,
    compare_studies,
    compare_where,
    comparison_data,
)
from pages.ui.compare.comparison_data import Comparison
from pages.ui.shell import controls, formatting, frame, plots_ahead, progress, state
from pages.ui.shell.html_marks import state_chip
from pages.ui.shell.progress import EVERY
from pages.ui.train import study_panel
from training.jobs.study_status import status
from training.results import conclusions, design_power, study_sets
from training.studies import annotations
from training.studies.planned_study import Study

_PARTS = {
    "answer": "The answer",
    "curves": "Curves",
    "where": "Where it matters",
    "dose": "Dose and size",
    "studies": "All studies",
}


def body(workspace: Workspace) -> None:
    """Draw the page."""
    progress.background_note(workspace, workspace.studies_dir)
    planned = study_panel.list_studies(workspace)
    if not planned:
        study_panel.no_study(
            workspace,
            "There is no study to compare yet.",
            "Freeze a pretraining pool and a target cohort on the page Tiers, then launch a study on "
            "the page Train. Its curves grow here while it runs.",
        )
        return
    with plots_ahead.read_meanwhile():
        _chosen_study(workspace, planned)


def _chosen_study(workspace: Workspace, planned: list[Study]) -> None:
    """Draw the study that is chosen, with those beside it."""
    chosen = study_panel.choose_study(workspace, _listed(workspace, planned))
    others = _others(chosen, planned)
    running = _runs(workspace, chosen)

    @st.fragment(run_every=EVERY if running else None)
    def live() -> None:
        if running and not _runs(workspace, chosen):
            st.rerun(scope="app")
        with frame.in_words():
            headline = st.container()  # of what the filters leave, and before all else
            _state(workspace, chosen, planned)
            if outdated := conclusions.outdated([chosen, *others]):
                st.warning(formatting.escape(outdated))
            _parts(workspace, chosen, others, planned, headline)

    live()


def _runs(workspace: Workspace, chosen: Study) -> bool:
    """Return whether a study runs; of a finished one nothing else is read."""
    if chosen.result_path.exists():
        return False
    return status(workspace, chosen.id).going


def _listed(workspace: Workspace, planned: list[Study]) -> list[Study]:
    """Leave out archived studies, unless they are open or all are archived."""
    marks = annotations.marks(workspace)
    archived = {study_id for study_id, held in marks.items() if held.archived}
    open_ = {state.get(state.STUDY), state.get(state.PENDING_STUDY)}
    return [one for one in planned if one.id not in archived or one.id in open_] or planned


def _others(chosen: Study, planned: list[Study]) -> list[Study]:
    """Let people set other studies beside this one, where they were judged on the same people and folds."""
    rest = [one for one in planned if one.id != chosen.id]
    able = [one for one in rest if not comparison_data.why_not(chosen, one)]
    state.keep_among(state.COMPARE_ALSO, [one.id for one in able])
    if not rest:
        return []
    by_id = dict(zip([one.id for one in rest], comparison_data.distinct_names(rest), strict=True))
    with st.popover("Set other studies beside it", icon=":material/compare_arrows:"):
        ids = st.multiselect(
            "Studies on the same people in the same folds",
            [one.id for one in able],
            key=state.COMPARE_ALSO,
            persist_state="session",
            format_func=lambda i: by_id[i],
            placeholder="none" if able else "there is none",
            disabled=not able,
        )
        for one in rest:
            if one not in able:
                st.caption(
                    f"Not {formatting.escape(by_id[one.id])}: "
                    f"{formatting.escape(comparison_data.why_not(chosen, one))}"
                )
    others = [one for one in able if one.id in ids]
    for one in others:
        differs = study_sets.what_else_differs(chosen, one)
        if differs:
            st.warning(
                formatting.escape(
                    f"Between this study and {by_id[one.id]}, more than the arms differs: "
                    f"{'; '.join(differs)}."
                )
            )
    return others


def _state(workspace: Workspace, chosen: Study, planned: list[Study]) -> None:
    """Say where an unfinished study stands, what its design can find, and what of it is outdated."""
    compare_studies.say_made_otherwise(workspace, chosen)
    compare_studies.say_images(workspace, chosen)
    if chosen.result_path.exists():
        return
    now = status(workspace, chosen.id)
    left = f" · about {formatting.duration(now.eta_s)} left" if now.eta_s is not None else ""
    st.html(
        f"<p>{state_chip(now.state)} {now.done} of {now.total} runs finished{left}. "
        "What follows is of the runs so far: until all are finished, arms may stand on different folds.</p>"
    )
    if now.state == "failed" and now.message:
        st.error(formatting.escape(now.message))
    read = partial(comparison_data.held_out_of, workspace)
    st.caption(formatting.escape(design_power.of_study(chosen, planned, read)))


def _parts(
    workspace: Workspace,
    chosen: Study,
    others: list[Study],
    planned: list[Study],
    headline: DeltaGenerator,
) -> None:
    """Draw the part that is chosen, and the headline of all of them."""
    everything = comparison_data.read_comparison(workspace, chosen, others)
    offered = [key for key in _PARTS if key != "dose" or compare_dose.applies(everything)]
    part = controls.choose_segment(
        "Part",
        offered,
        key=state.COMPARE_PART,
        first="answer" if everything.held_out.there else "curves",
        format_func=lambda key: _PARTS[key],
    )
    if part == "studies":
        with headline:
            answer_headline.show(workspace, everything, arms=False)
        compare_studies.show(workspace, planned, chosen)
        return
    answer = st.container()  # stands before the filters
    shown = compare_studies.choose_filters(everything)
    found = answer_headline.compared(shown) if part == "answer" else None
    with headline:  # the legend of curves tells of the arms
        answer_headline.show(workspace, shown, arms=part != "curves", found=found)
    if found:
        compare_answer.show(workspace, shown, chosen.id, found=found, before=answer)
        return
    draw: dict[str, Callable[[Workspace, Comparison, str], None]] = {
        "curves": compare_curves.show,
        "where": compare_where.show,
        "dose": compare_dose.show,
    }
    draw[part](workspace, shown, chosen.id)
    if part == "where" and not others:
        alignment_panel.show(workspace, chosen, everything.held_out)


frame.show("compare", body)
