"""One list of jobs on Train: reading, DICOM, scoring, looks through models, reports and studies."""

import datetime
from typing import NamedTuple

import streamlit as st

from curation.assessment import pending
from curation.storage.workspace import Workspace
from curation.wording import plural
from pages.ui.shell import background_tasks, cache, formatting, frame, html_marks
from pages.ui.shell.html_marks import Cell, state_chip
from pages.ui.shell.progress import EVERY
from training.jobs.study_status import status
from training.studies.planned_study import Study

#: Studies that are listed besides those that run: so many, the newest.
_STUDIES = 5


class Job(NamedTuple):
    """One job: what it is, its state as runs have it, how far it is or why it failed, and its start (UTC)."""

    what: str
    state: str
    told: str
    started: datetime.datetime | None


def show(workspace: Workspace, studies: list[Study]) -> None:
    """Draw the list; it follows by itself while anything runs. Nothing is drawn where nothing ever ran."""
    found = jobs(workspace, studies)
    if not found:
        return
    going = sum(one.state in ("running", "queued") for one in found)
    failed = sum(one.state == "failed" for one in found)
    counts = [f"{going} running or waiting"] * bool(going) + [f"{failed} failed"] * bool(failed)
    label = f"Jobs: {', '.join(counts) or 'nothing runs'}"

    @st.fragment(run_every=EVERY if going else None)
    @frame.in_words()
    def live() -> None:
        now = jobs(workspace, studies)
        if going and not any(one.state in ("running", "queued") for one in now):
            st.rerun(scope="app")
        rows = [
            (one.what, Cell(state_chip(one.state)), one.told, _moment(one.started)) for one in now
        ]
        st.html(html_marks.table(("Job", "State", "How far, or why not", "Started (UTC)"), rows))

    with st.expander(label, expanded=bool(going or failed), icon=":material/checklist:"):
        live()


def _moment(when: datetime.datetime | None) -> str:
    return formatting.moment(when) if when else formatting.DASH


def jobs(workspace: Workspace, studies: list[Study]) -> list[Job]:
    """Return all jobs that are known, what runs first, then the newest."""
    names = sorted(path.stem for path in workspace.tasks_dir.glob("*.json"))
    tasks = [_task(workspace, name) for name in names if name in background_tasks.LABELS]
    found = tasks + [
        _study(workspace, study)
        for place, study in enumerate(studies)
        if place < _STUDIES or cache.study_state(workspace, study.id) in ("running", "queued")
    ]
    order = {"running": 0, "queued": 1}
    return sorted(
        found,
        key=lambda job: (order.get(job.state, 2), -job.started.timestamp() if job.started else 0.0),
    )


def _task(workspace: Workspace, name: str) -> Job:
    began = background_tasks.started(workspace, name)
    started = datetime.datetime.fromtimestamp(began, datetime.UTC) if began else None
    what = background_tasks.LABELS[name]
    if background_tasks.running(workspace, name):
        what = background_tasks.label(workspace, name)
        return Job(what, "running", _progress(workspace, name), started)
    if problem := background_tasks.failure(workspace, name):
        return Job(what, "failed", problem, started)
    return Job(what, "finished", background_tasks.last_lines(workspace, name, 1), started)


def _progress(workspace: Workspace, name: str) -> str:
    if name == background_tasks.SCORING:
        done = pending.progress_of(workspace)
        return f"{done.done:,} of {plural(done.total, 'scan')} scored"
    return background_tasks.last_lines(workspace, name, 1) or "it has just begun"


def _study(workspace: Workspace, study: Study) -> Job:
    now = status(workspace, study.id)
    left = f", about {formatting.duration(now.eta_s)} left" if now.going and now.eta_s else ""
    told = now.message if now.state == "failed" and now.message else ""
    words = told or f"{now.done} of {plural(now.total, 'run')} finished{left}"
    started = datetime.datetime.fromisoformat(study.created)
    return Job(f"Study {study.name}", now.state, words, started.astimezone(datetime.UTC))
