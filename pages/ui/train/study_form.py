"""Form for a new study: question, arms, seeds, folds and preset, with costs, notes and where it runs."""

from collections.abc import Sequence

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from curation.access.actions import Action
from curation.cohorts import cohort_draft
from curation.cohorts.frozen_cohort import CohortHeader, newest_pool
from curation.storage.workspace import Workspace
from curation.tiers.rule_versions import same_rule
from curation.wording import plural
from pages.ui.shell import cache, formatting, frame, person, state
from pages.ui.train import (
    analysis_form,
    backend_form,
    design_form,
    judging_form,
    training_form,
    tuning_form,
)
from training.arms.study_arms import Arm, find
from training.jobs import cost_estimate, execution_backend, launch, mlflow_log, probed_cost
from training.jobs.execution_backend import Backend
from training.report import content_limits
from training.settings.input_images import images_of
from training.settings.preset import Preset
from training.settings.presets import PRESETS, default_preset
from training.settings.tuning import Tuning
from training.studies import arm_overlap, planned_study, study_checks
from training.studies.planned_study import Study
from training.world import planted


def show(workspace: Workspace, *, first: bool) -> None:
    """Draw the form, open if there is no study yet; without cohorts, the next step."""
    headers, troubles = cache.cohort_headers(workspace)
    frame.report(*troubles)
    pools = [header for header in headers if header.role == "pool"]
    targets = [header for header in headers if header.role == "target"]
    if not pools or not targets:
        frozen = {"pool": pools, "target": targets}
        there = set(cache.scans(workspace)["role"])
        missing = [role for role, found in frozen.items() if not found]
        absent = [role for role in missing if role not in there]
        frame.nothing_yet(
            "A study needs two frozen cohorts: a pretraining pool and a target cohort with ages.",
            f"Not frozen yet: {' and '.join(missing)}. "
            + (
                f"No scans are in this workspace as {' or '.join(absent)}: add them on Cohort first."
                if absent
                else "Freeze them on the page Tiers."
            ),
            "cohort" if absent else "tiers",
        )
        return
    with st.expander("Plan a new study", expanded=first, icon=":material/add:"):
        if not person.may(Action.PLAN_STUDY):
            return
        _form(workspace, pools, targets)


def _form(workspace: Workspace, pools: list[CohortHeader], targets: list[CohortHeader]) -> None:
    left, right = st.columns(2)
    usual = pools.index(newest_pool(pools) or pools[0])
    pool = left.selectbox("Pretraining pool", pools, index=usual, format_func=_cohort_words)
    alike = _of_same_world(workspace, pool, targets) or targets
    first, why = usual_target(pool, alike, planned_study.list_studies(workspace))
    target = right.selectbox(
        "Target cohort",
        targets,
        index=targets.index(first),
        format_func=_cohort_words,
        help=f"Chosen at first: {why}.",
    )
    design, names = design_form.choose(pool)
    arms = [arm for name in names if (arm := find(pool, name))]
    columns = st.columns([1, 1, 2, 2])
    seeds = columns[0].number_input("Seeds", 1, 20, value=2, help="each arm is trained once a seed")
    folds = columns[1].number_input(
        "Folds", 2, 10, value=3, help="of the target cohort, by person or by site"
    )
    preset = _preset(columns[2])
    declared = st.container()  # what is declared, above the choices that few people touch
    trained = training_form.choose(workspace, pool, preset)
    asked = judging_form.choose(workspace, target, targets)
    title = columns[3].text_input(
        "Name of the study", value="-".join([design.name, *trained.named]), max_chars=60
    )
    with declared:
        judged = judging_form.judged_on(workspace, target, asked)
        analysis = analysis_form.choose(arms, judged.outcome)
    backend, mlflow = backend_form.choose(workspace, Backend(), tracked=False, key="new")
    chosen = training_form.usable(preset, trained)
    if arms and chosen:
        sizes, all_folds = (pool.size - pool.unusable, judged.scans), folds * asked.repeats
        tuned = trained.tuning
        st.markdown(_cost_words(workspace, arms, seeds, all_folds, chosen, sizes, backend, tuned))
    refused = study_checks.too_few(judged.people, folds)
    if refused:
        st.warning(refused)
    elif arms:
        size = judged.people, preset.name, seeds, folds
        own_control = analysis.counts_draw(arms)
        analysis_form.show_power(workspace, target.id, *size, analysis, own_control=own_control)
    show_plan_notes(workspace, pool, target, names, seeds)
    ready = bool(names) and backend is not None and chosen is not None and not refused
    with st.container(horizontal=True):
        launched = st.button("Launch the study", type="primary", disabled=not ready)
        only = st.button(
            "Plan it, and ask what it costs",
            disabled=not ready,
            help="Nothing is started but a few steps, by which its time, memory and disk are foretold.",
        )
    if (launched or only) and backend:
        with frame.in_words():
            planned = planned_study.plan(
                workspace,
                name=title,
                cohort_id=pool.id,
                target_id=target.id,
                arms=names,
                seeds=list(range(seeds)),
                folds=folds,
                preset=preset.name,
                overrides=trained.overrides(preset),
                analysis=analysis,
                tuning=trained.tuning,
                asked=asked,
            )
            state.put(state.PENDING_STUDY, planned.id)
            if launched:
                _launch(workspace, planned.id, backend, mlflow)
            else:
                probed_cost.start(workspace, planned)
            st.rerun()


def _launch(workspace: Workspace, study_id: str, backend: Backend, mlflow: bool) -> None:
    """Start a planned study, and remember where it runs."""
    launch.launch(workspace, study_id, backend=backend, mlflow=mlflow)
    execution_backend.remember_backend(workspace, backend)
    mlflow_log.remember(workspace, mlflow)
    cache.forget_study_states()


def _preset(column: DeltaGenerator) -> Preset:
    offered = list(PRESETS.values())
    return column.selectbox(
        "Preset",
        offered,
        index=offered.index(default_preset()),
        format_func=lambda preset: preset.name,
    )


def _of_same_world(
    workspace: Workspace, pool: CohortHeader, targets: Sequence[CohortHeader]
) -> list[CohortHeader]:
    """Return the targets of people as the pool's: of a simulated world, or of none."""
    of_world = planted.has(workspace, pool.id)
    return [one for one in targets if planted.has(workspace, one.id) == of_world]


def usual_target(
    pool: CohortHeader, targets: Sequence[CohortHeader], studies: Sequence[Study]
) -> tuple[CohortHeader, str]:
    """Return the target that is chosen at first, and why: the newest study's, else the largest.

    Parameters
    ----------
    pool : CohortHeader
        What is pretrained on. Targets that were cut by its rule come first: in others the same letter is not
        the same quality.
    targets : sequence of CohortHeader
        One or more, the newest first.
    studies : sequence of Study
        The newest first. What one of them is judged on besides, as on an external cohort, is no target of
        it.
    """
    alike = [one for one in targets if same_rule(pool.rule, one.rule)]
    among = "" if len(alike) in (0, len(targets)) else ", among those cut by the pool's rule"
    by_id = {target.id: target for target in alike or targets}
    if used := next((study.target_id for study in studies if study.target_id in by_id), None):
        return by_id[used], f"the target of the newest study{among}"
    largest = max(by_id.values(), key=lambda one: one.size - one.unusable)
    if len(by_id) == 1 and among:
        return largest, "the only target that was cut by the pool's rule"
    return largest, f"the largest target{among}"


# ---- words --------------------------------------------------------------------------------------


def _cohort_words(header: CohortHeader) -> str:
    per_tier = ", ".join(f"{count} {tier}" for tier, count in header.counts.items())
    drawn = f", drawn at random from {header.drawn['cohort']}" if header.drawn else ""
    return f"{header.id} ({plural(header.size, 'scan')}: {per_tier}{drawn})"


# ---- costs and notes -----------------------------------------------------------------------------


def _cost_words(
    workspace: Workspace,
    arms: list[Arm],
    seeds: int,
    folds: int,
    preset: Preset,
    sizes: tuple[int, int],
    backend: Backend | None,
    tuned: Tuning | None,
) -> str:
    seconds = cache.seconds_a_run(workspace, preset)
    cost = cost_estimate.estimate(
        arms,
        seeds=seeds,
        folds=folds,
        preset=preset,
        scans=sum(sizes),
        pool=sizes[0],
        seconds=seconds,
        tuning=tuned,
    )
    where = backend.words if backend and backend.kind != "here" else backend_form.machine()
    slots = execution_backend.slots(backend or Backend(), preset)
    if cost.work_s is None:
        looked_at = images_of(preset).label
        time = f"This workspace has not run {preset.name} on {looked_at} yet: its time is not known"
    else:
        span = f"some {formatting.duration(cost.span_s(slots))} with up to {slots} at once, " * (
            slots > 1
        )
        time = f"About {formatting.duration(cost.work_s)} of work, {span}as earlier studies took"
    words = (
        f"{plural(cost.runs, 'run')}: {cost.pretrainings} pretrainings{tuning_form.cost_words(cost)} and "
        f"{cost.finetunings} fine-tunings, on {where}. {time}. Prepared volumes: up to "
        f"{formatting.significant(cost.disk_bytes / 1e6, 'MB', digits=2)}. {preset.name}: {preset.label}."
    )
    return formatting.escape(words)


def show_plan_notes(
    workspace: Workspace, pool: CohortHeader, target: CohortHeader, names: Sequence[str], seeds: int
) -> None:
    """Draw the notes of a plan, if any.

    Parameters
    ----------
    workspace : Workspace
        Where the cohorts are.
    pool, target : CohortHeader
        What is pretrained and judged on.
    names : sequence of str
        Of the arms.
    seeds : int
        How many.
    """
    with frame.in_words():
        said, doubts = _notes(workspace, pool.id, target.id, tuple(names), seeds)
        images = cache.images(workspace, pool.id)
        said, doubts = " ".join(filter(None, (images.ranges_said, said))), images.doubts + doubts
        if said:
            st.caption(formatting.escape(said))
        if doubts:
            st.warning("\n\n".join(map(formatting.escape, doubts)), icon=":material/warning:")


@st.cache_data(max_entries=32, show_spinner=False, hash_funcs=cache.BY_FOLDER)
def _notes(
    workspace: Workspace, pool_id: str, target_id: str, names: tuple[str, ...], seeds: int
) -> tuple[str, list[str]]:
    pool, target = (cache.cohort(workspace, one) for one in (pool_id, target_id))
    arms = [arm for name in names if (arm := find(pool, name))]
    apart = study_checks.half_a_world(workspace, (pool, target))
    age, doubtful = content_limits.ages_apart(cohort_draft.included(pool.scans))
    doubts = [*[apart] * bool(apart), *[age] * doubtful]
    return (
        arm_overlap.controls_said(pool, arms, range(seeds)),
        doubts + arm_overlap.doubts(pool, target, arms, range(seeds)),
    )
