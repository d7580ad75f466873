"""What is taken along of a study: made in the background, then handed over one by one or all together."""

from pathlib import Path

import streamlit as st

from curation.workspace import Workspace
from pages.ui import presented, state, tasks, text
from training.report import anonymous
from training.report.names import ALL, DECK, METHODS, REPORT
from training.report.source import Options
from training.study import Study

_PRESENTATION = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
#: What can be taken: label, file, type.
_FILES = (
    ("Everything (zip)", ALL, "application/zip"),
    ("Report (HTML, opens without a network)", REPORT, "text/html"),
    ("Slides (PowerPoint)", DECK, _PRESENTATION),
    ("Methods (text)", METHODS, "text/plain"),
)


def show_exports(workspace: Workspace, study: Study, options: Options) -> None:
    """Draw what can be chosen, and the files once they are made."""
    st.markdown(
        "One HTML file with interactive plots, slides with native charts and tables, figures (PNG, "
        "SVG), "
        "every plotted number (CSV), and the methods. **No names, ids or paths of people leave "
        "with them.**"
    )
    st.toggle("Keep the names of sites", key=state.REPORT_SITES, persist_state="session")
    st.toggle(
        "Show an example scan of each tier (one axial slice)",
        value=True,
        key=state.REPORT_PICTURES,
        persist_state="session",
    )
    st.toggle(
        "Show bias-corrected errors",
        key=state.REPORT_CORRECTED,
        persist_state="session",
        help="The age bias taken out, where predictions follow age: for those who ask for it.",
    )
    folder = presented.report_folder(workspace, study, options)
    if (folder / ALL).exists():
        _downloads(study, folder)
    elif tasks.running(workspace, tasks.REPORT):
        _wait(workspace, folder)
    else:
        _offer(workspace, study, options, folder)
    with st.expander("What is removed"):
        for line in anonymous.removed(sites_kept=options.sites, pictures=options.pictures):
            st.markdown(f"- {text.escape(line)}")


def _offer(workspace: Workspace, study: Study, options: Options, folder: Path) -> None:
    problem = tasks.failure(workspace, tasks.REPORT)
    if problem and str(folder) in tasks.asked(workspace, tasks.REPORT):
        st.error(f"The files could not be made: {text.escape(problem)}")
    if st.button("Make the files", type="primary", icon=":material/inventory_2:"):
        chosen = ["--sites"] * options.sites + ["--no-pictures"] * (not options.pictures)
        chosen += ["--corrected"] * options.corrected
        tasks.start(
            workspace,
            tasks.REPORT,
            "--study",
            study.id,
            "--out",
            str(folder),
            *chosen,
            room="training",
        )
        st.rerun()


def _wait(workspace: Workspace, folder: Path) -> None:
    @st.fragment(run_every=1.0)
    def waiting() -> None:
        if (folder / ALL).exists() or not tasks.running(workspace, tasks.REPORT):
            st.rerun(scope="app")
        st.markdown(":material/hourglass_top: The files are being made, some seconds …")

    waiting()


def _downloads(study: Study, folder: Path) -> None:
    for label, name, kind in _FILES:
        st.download_button(
            label,
            (folder / name).read_bytes,
            f"tierscope-{study.id.rsplit('-', 1)[-1]}-{name}",
            kind,
            icon=":material/download:",
            on_click="ignore",
            width="stretch",
            key=f"take-{name}",
        )
