"""Train: what is running? Studies with their live progress, and planning a new one."""

import os

import streamlit as st

from curation.cohorts import CohortHeader
from curation.workspace import Workspace
from pages.ui import cached, frame, progress, state, study_panel, text
from training import launch, study
from training.arms import Arm, available_arms
from training.config import PRESETS, Preset, default_preset, gpu_count
from training.study import Study


def body(workspace: Workspace) -> None:
    """Draw the page."""
    progress.background_note(workspace, workspace.studies_dir)
    planned = study.list_studies(workspace)
    if planned:
        chosen = study_panel.choose(workspace, planned)
        _controls(workspace, chosen)
        study_panel.live(workspace, chosen)
    _new_study(workspace, first=not planned)


# ---- start, stop, resume ---------------------------------------------------------------------------


def _controls(workspace: Workspace, chosen: Study) -> None:
    now = launch.status(workspace, chosen.id)
    with st.container(horizontal=True, vertical_alignment="center"):
        if now.state == "running" and st.button("Stop the study", icon=":material/stop:"):
            with frame.in_words(), st.spinner("Stopping: each run saves where it is …"):
                launch.stop(workspace, chosen.id)
                cached.forget_study_states()
                st.rerun()
        if now.state == "planned" and st.button("Launch", type="primary"):
            _start(workspace, chosen.id)
        if now.state in ("stopped", "failed"):
            _offer_resume(workspace, chosen, now)
        if now.done:
            frame.link("compare", "Compare the arms")


def _offer_resume(workspace: Workspace, chosen: Study, now: launch.StudyStatus) -> None:
    with st.popover("Resume …", icon=":material/play_arrow:"):
        st.markdown(
            f"{now.done} of {text.plural(now.total, 'run')} are finished and stay as they are. The "
            f"others go on from their last whole epoch, on {_machine()}."
        )
        if st.button("Resume the study", type="primary"):
            _start(workspace, chosen.id)


def _start(workspace: Workspace, study_id: str) -> None:
    with frame.in_words():
        launch.launch(workspace, study_id)
        cached.forget_study_states()
        st.rerun()


def _machine() -> str:
    gpus = gpu_count()
    return text.plural(gpus, "GPU") if gpus else text.plural(os.cpu_count() or 1, "processor core")


# ---- a new study -----------------------------------------------------------------------------------


def _new_study(workspace: Workspace, *, first: bool) -> None:
    headers = cached.cohort_headers(workspace)
    pools = [header for header in headers if header.role == "pool"]
    targets = [header for header in headers if header.role == "target"]
    if not pools or not targets:
        missing = [name for name, found in (("pool", pools), ("target", targets)) if not found]
        frame.nothing_yet(
            "A study needs two frozen cohorts: a pretraining pool and a target cohort with ages.",
            f"Not frozen yet: {' and '.join(missing)}. Freeze them on the page Tiers.",
            "tiers",
        )
        return
    with st.expander("Plan a new study", expanded=first, icon=":material/add:"):
        _plan_form(workspace, pools, targets)


def _plan_form(
    workspace: Workspace, pools: list[CohortHeader], targets: list[CohortHeader]
) -> None:
    left, right = st.columns(2)
    pool = left.selectbox("Pretraining pool", pools, format_func=_cohort_words)
    target = right.selectbox("Target cohort", targets, format_func=_cohort_words)
    arms = available_arms(pool)
    names = st.multiselect(
        "Arms: what the encoder is pretrained on",
        [arm.name for arm in arms],
        default=_usual(arms),
        format_func=lambda name: f"{name}: {next(a.label for a in arms if a.name == name)}",
        key=f"arms-{pool.id}",
        help="Every arm is fine-tuned and judged on the same folds of the target cohort. A control "
        "holds as many scans as the arm it matches, drawn at random: without it, better may only be "
        "more, fewer or younger.",
    )
    columns = st.columns([1, 1, 2, 2])
    seeds = columns[0].number_input("Seeds", 1, 20, value=2, help="each arm is trained once a seed")
    folds = columns[1].number_input("Folds", 2, 10, value=3, help="of the target cohort, by person")
    preset = columns[2].selectbox(
        "Preset", list(PRESETS.values()), index=list(PRESETS.values()).index(default_preset()),
        format_func=lambda preset: preset.name,
    )  # fmt: skip
    name = columns[3].text_input("Name of the study", value="tiers", max_chars=60)
    st.caption(_cost(arms, names, seeds, folds, preset))
    if st.button("Launch the study", type="primary", disabled=not names):
        with frame.in_words():
            planned = study.plan(
                workspace, name=name, cohort_id=pool.id, target_id=target.id, arms=names,
                seeds=list(range(seeds)), folds=folds, preset=preset.name,
            )  # fmt: skip
            state.put(state.PENDING_STUDY, planned.id)
            _start(workspace, planned.id)


def _cohort_words(header: CohortHeader) -> str:
    per_tier = ", ".join(f"{count} {tier}" for tier, count in header.counts.items())
    return f"{header.id} ({text.plural(header.size, 'scan')}: {per_tier})"


def _usual(arms: list[Arm]) -> list[str]:
    """Return scratch, the best tier, all tiers and the best tier's control, as far as there are."""
    best = next((arm.name for arm in arms if arm.kind == "tiers"), None)
    wanted = ["scratch", best, "all", f"control-{best}"]
    return [arm.name for arm in arms if arm.name in wanted]


def _cost(arms: list[Arm], names: list[str], seeds: int, folds: int, preset: Preset) -> str:
    pretrained = sum(arm.kind != "scratch" for arm in arms if arm.name in names)
    pretrainings, finetunings = pretrained * seeds, len(names) * seeds * folds
    return text.escape(
        f"{text.plural(pretrainings + finetunings, 'run')}: {pretrainings} pretrainings and "
        f"{finetunings} fine-tunings, on {_machine()}. {preset.name}: {preset.label}."
    )


frame.show("train", body)
