"""Runs of a study: those at work with their numbers, the failed ones, and all."""

import html
from collections.abc import Sequence

import streamlit as st

from curation.wording import number
from pages.ui.shell import formatting, html_marks
from pages.ui.shell.html_marks import STATES
from training.jobs import execution_backend
from training.jobs.study_status import StudyStatus
from training.judging.outcome import Outcome
from training.studies.planned_study import Study
from training.studies.run_status import RunState
from training.studies.runs import find

#: So many lines of a failed run's log are shown.
_LOG_LINES = 15
_KIND = {"pretrain": "Pretraining", "tune": "Tuning on", "finetune": "Fine-tuning"}


def numbers(now: StudyStatus) -> None:
    """Draw the present throughput and use of resources of a study."""
    going = [run for run in now.runs if run.state == "running"]
    speed = [run.volumes_per_s for run in going if run.volumes_per_s is not None]
    taken = [run.usage for run in going if run.usage]
    gpus = {gpu["uuid"]: gpu for usage in taken for gpu in usage["gpus"]}.values()
    memory = sum(usage["memory_mb"] for usage in taken) / 1024
    st.html(
        html_marks.cards(
            [
                html_marks.Card(
                    "Runs at work", str(len(going)), f"{now.done} of {now.total} finished"
                ),
                html_marks.Card(
                    "Throughput",
                    formatting.significant(sum(speed) or None, digits=3),
                    "volumes a second",
                ),
                html_marks.Card("Memory", number(memory or None, 1, "GB"), "of all runs at work"),
                html_marks.Card("GPU", *_gpu_words(list(gpus))),
                html_marks.Card(
                    "Time left", formatting.duration(now.eta_s), "estimated from epochs so far"
                ),
            ]
        )
    )


def _gpu_words(gpus: Sequence[dict]) -> tuple[str, str]:
    if not gpus:
        return formatting.DASH, "no run computes on a GPU"
    use = [gpu["use_percent"] for gpu in gpus if gpu["use_percent"] is not None]
    mean = sum(use) / len(use) if use else None
    used = [_gigabytes(gpu) for gpu in gpus]
    return number(mean, 0, "%"), ", ".join(used)


def _gigabytes(gpu: dict) -> str:
    used, total = (
        number(value / 1024 if value is not None else None, 0)
        for value in (gpu["memory_used_mb"], gpu["memory_total_mb"])
    )
    return f"{gpu['name']}: {used} of {total} GB"


def at_work(study: Study, now: StudyStatus) -> None:
    """List the runs that are at work with their live numbers; on a cluster with their machines."""
    going = [run for run in now.runs if run.state == "running"]
    if not going:
        return
    head = [
        "At work now",
        "Epoch",
        "Loss",
        study.outcome.measure[:1].upper() + study.outcome.measure[1:],
        "Volumes/s",
        "Memory",
        "GPU use",
        "Time left",
    ]
    rows = [_work_row(run, study.outcome) for run in going]
    if execution_backend.backend_of(study).kind != "here":
        head.append("Machine")
        rows = [[*row, run.host or formatting.DASH] for row, run in zip(rows, going, strict=True)]
    st.html(html_marks.table(head, rows, numeric=range(2, 8), whole=[0, 1]))


def _work_row(run: RunState, outcome: Outcome) -> list[object]:
    usage = run.usage or {"memory_mb": None, "gpus": []}
    memory = usage["memory_mb"]
    use = [gpu["use_percent"] for gpu in usage["gpus"]]
    left = run.seconds / run.epoch * (run.epochs - run.epoch) if run.epoch else None
    share = 100 * run.epoch / run.epochs
    bar = f"{run.epoch} of {run.epochs}{html_marks.track(share)}"
    return [
        name_of(run),
        html_marks.Cell(bar),
        number(run.loss, 3),
        _judged(run, outcome) or formatting.DASH,
        formatting.significant(run.volumes_per_s, digits=3),
        number(memory / 1024 if memory else None, 1, "GB"),
        number(use[0] if use else None, 0, "%"),
        formatting.duration(left),
    ]


def name_of(run: RunState) -> str:
    """Return the name of a run on the screen."""
    fold = "" if run.fold is None else f", fold {run.fold + 1}"
    return f"{_KIND[run.kind]} {run.arm}, seed {run.seed}{fold}"


def failures(study: Study, now: StudyStatus) -> None:
    """Say of each failed run why, with the end of its log."""
    for run in [run for run in now.runs if run.state == "failed"]:
        with st.expander(f"{formatting.escape(name_of(run))} failed", icon=":material/error:"):
            st.markdown(formatting.escape(run.message))
            log = find(study, run.run_id).log_path
            if log.exists():
                lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
                st.code("\n".join(lines[-_LOG_LINES:]), language=None)
            st.caption(f"All of it: {formatting.escape(str(log))}")


def everything(study: Study, now: StudyStatus) -> None:
    """Show every run as one cell, a row an arm and seed."""
    st.markdown("**All runs**")
    found = {(run.kind, run.arm, run.seed, run.fold): run for run in now.runs}
    rows: list[tuple[object, ...]] = []
    for arm in study.arms:
        rows.append((f"{arm.name}: {arm.label}",))
        for seed in study.seeds:
            pretraining = found.get(("pretrain", arm.encoder or "", seed, None))
            folds = [found.get(("finetune", arm.name, seed, fold)) for fold in study.run_folds]
            shared = arm.base if pretraining else None
            first = f"as {shared}" if shared else _run_cell(pretraining, study.outcome)
            cells = [_run_cell(run, study.outcome) for run in folds]
            rows.append((f"seed {seed}", first, *cells))
    head = ("Arm and seed", "Pretraining", *(f"Fold {fold + 1}" for fold in study.run_folds))
    st.html(html_marks.table(head, rows, even=True))


def _judged(run: RunState, outcome: Outcome) -> str:
    """Return what a run comes to so far; empty where it says nothing yet."""
    value = run.age_mae_years
    if value is None:
        return ""
    return (
        outcome.measured(value)
        if outcome.two_valued
        else outcome.amount(value, outcome.coarse_digits)
    )


def _run_cell(run: RunState | None, outcome: Outcome) -> object:
    if run is None:
        return formatting.DASH
    word, colour = STATES[run.state]
    epochs = "" if run.state in ("waiting", "finished") else f" · epoch {run.epoch} of {run.epochs}"
    judged = _judged(run, outcome)
    error = f" · {html.escape(judged)}" if judged else ""
    weight = 650 if run.state in ("running", "failed") else 400
    style, title = f"color:{colour};font-weight:{weight}", html.escape(run.message, quote=True)
    return html_marks.Cell(
        f'<span style="{style}" title="{title}">{word}</span>'
        f'<span class="ts-muted">{epochs}{error}</span>'
    )
