"""Real examples: published tables with experts' ratings, taken in with one click."""

from pathlib import Path

import streamlit as st

from curation import examples
from curation.examples import EXAMPLES, Example
from curation.workspace import Workspace
from pages.ui import source_jobs, tasks, text


def show_examples(workspace: Workspace) -> None:
    """Draw what examples there are, each with its licence and its button."""
    if not _installed():
        return
    people = st.text_input(
        "Table of people with ages (optional)",
        placeholder="/data/abide/participants.tsv",
        help="CSV or TSV with the examples' subject ids and, where known, age, sex and group",
    )
    for column, example in zip(st.columns(len(EXAMPLES)), EXAMPLES.values(), strict=True):
        with column, st.container(border=True, height="stretch"):
            st.markdown(f"**{text.escape(example.label)}**")
            st.caption(text.escape(example.meaning))
            st.caption(text.escape(f"{example.licence} {example.citation}"))
            _button(workspace, example, people.strip())
    source_jobs.show_answers(workspace, tasks.EXAMPLE)


def offer(workspace: Workspace, name: str = "abide") -> None:
    """Draw one button, for pages that have nothing to show yet."""
    if _installed():
        _button(workspace, EXAMPLES[name], "")
        st.caption(text.escape(f"{EXAMPLES[name].meaning} {EXAMPLES[name].licence}"))
        if problem := tasks.failure(workspace, tasks.EXAMPLE):
            st.error(text.escape(problem))


def say(workspace: Workspace) -> None:
    """Say of the examples in a workspace what they are and how they may be used."""
    found = (examples.of_source(source) for source in workspace.sources())
    for example in filter(None, found):
        said = f"{example.label} is a real example. {example.meaning} {example.licence} {example.citation}"
        st.caption(text.escape(said))


def _installed() -> bool:
    if not examples.is_installed():
        st.caption(
            "Real examples (ABIDE, DS030) come with the package mriqc\\-learn, which is not installed\\. "
            "Install it, then open this page again:"
        )
        st.code(examples.INSTALL, language="sh")
        return False
    return True


def _button(workspace: Workspace, example: Example, people: str) -> None:
    here = any(examples.of_source(source) == example for source in workspace.sources())
    busy = tasks.running(workspace, tasks.EXAMPLE) is not None
    clicked = st.button(
        f"Real example: {example.label}",
        key=f"example-{example.name}",
        icon=":material/dataset:",
        disabled=busy or (here and not people),
        help="It is in this workspace already." if here else None,
    )
    if not clicked:
        return
    source_jobs.forget(workspace)
    if people and not Path(people).expanduser().is_file():
        st.error(f"There is no table of people at {text.escape(people)}\\.")
        return
    table = ["--participants", str(Path(people).expanduser().resolve())] if people else []
    tasks.start(workspace, tasks.EXAMPLE, example.name, *table)
    st.rerun(scope="app")
