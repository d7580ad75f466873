"""What adding sources came to: the answer of each job stands under the path that the job was about."""

import datetime
import itertools

import streamlit as st

from curation.examples import EXAMPLES
from curation.workspace import Workspace
from pages.ui import frame, progress, tasks, text

#: The tasks that add sources.
TASKS = (tasks.INGEST, tasks.IMPORT, tasks.EXAMPLE)
_LINES = 12


def forget(workspace: Workspace) -> None:
    """Forget what has ended: something else is asked for, and an old answer must not pass for its own."""
    for task in TASKS:
        tasks.forget(workspace, task)


def busy_with(workspace: Workspace, task: str) -> str | None:
    """Return what a task is about while it runs, in words."""
    return _subject(workspace, task) if tasks.running(workspace, task) else None


def show_answers(workspace: Workspace, task: str) -> None:
    """Draw the last job of a task: what it was about, since when, and what it says."""
    if not tasks.log_path(workspace, task).exists():
        return
    busy = tasks.running(workspace, task) is not None

    @st.fragment(run_every=progress.EVERY if busy else None)
    @frame.in_words()
    def live() -> None:
        if busy and not tasks.running(workspace, task):
            st.rerun(scope="app")
        with st.container(border=True):
            _head(workspace, task, busy=busy)
            _answer(workspace, task, busy=busy)

    live()


def _head(workspace: Workspace, task: str, *, busy: bool) -> None:
    began = tasks.started(workspace, task)
    since = f" · {text.moment(datetime.datetime.fromtimestamp(began))}" if began else ""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{text.escape(_subject(workspace, task))}**{since}", width="stretch")
        if not busy:
            st.button(
                "Dismiss",
                icon=":material/close:",
                key=f"dismiss-{task}",
                on_click=tasks.forget,
                args=(workspace, task),
            )


def _answer(workspace: Workspace, task: str, *, busy: bool) -> None:
    if problem := tasks.failure(workspace, task):
        st.error(text.escape(problem))
        return
    st.caption("Under way …" if busy else "It ended with:")
    if said := tasks.last_lines(workspace, task, 1 if busy else _LINES):
        st.code(said, language=None, wrap_lines=True)


def _subject(workspace: Workspace, task: str) -> str:
    given = tasks.arguments(workspace, task)
    if task == tasks.EXAMPLE:
        known = [EXAMPLES[name].label for name in given[:1] if name in EXAMPLES]
        return known[0] if known else tasks.LABELS[task]
    paths = itertools.dropwhile(lambda word: not word.startswith("/"), reversed(given))
    return next(paths, tasks.LABELS[task])
