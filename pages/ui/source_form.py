"""Adding scans on Cohort: a source of images, or MRIQC's results without images."""

from pathlib import Path

import streamlit as st

from curation import modalities
from curation.workspace import ROLES, Workspace
from pages.ui import example_form, source_jobs, state, tasks, text

_IMAGES, _TABLE, _EXAMPLE = "images", "table", "example"
_KINDS = {
    _IMAGES: "Images",
    _TABLE: "MRIQC's results, without images",
    _EXAMPLE: "A real example",
}
_TAKEN = {
    _IMAGES: "A BIDS data set, a folder of NIfTI files (.nii, .nii.gz), or a CSV or TSV table with a column "
    "of paths. DICOM files have to be converted first, for example with dcm2niix.",
    _TABLE: "group_T1w.tsv, a CSV with MRIQC's columns, a JSON file of MRIQC, or a folder of them.",
}
_EXAMPLES = {_IMAGES: "/data/my-study", _TABLE: "/data/my-study/derivatives/mriqc/group_T1w.tsv"}


def show(workspace: Workspace, *, opened: bool) -> None:
    """Draw the form that adds a source; Tierscope only reads what it names."""
    with st.expander("Add a source", expanded=opened, icon=":material/add:"):
        kind = state.keep_one_of(state.SOURCE_KIND, list(_KINDS))
        st.segmented_control(
            "What there is",
            list(_KINDS),
            key=state.SOURCE_KIND,
            required=True,
            format_func=lambda kind: _KINDS[kind],
            persist_state="session",
        )
        if kind == _EXAMPLE:
            example_form.show_examples(workspace)
            return
        if kind == _TABLE:
            st.caption(
                "Such scans are scored, sorted into tiers, rated and plotted like others; they "
                "cannot be looked at or trained on. Ratings in the table are taken in too."
            )
        task = tasks.INGEST if kind == _IMAGES else tasks.IMPORT
        _form(workspace, kind, task)
        source_jobs.show_answers(workspace, task)


def offer_again(workspace: Workspace) -> None:
    """Offer to list all sources of images again: new and changed files are read, others are not."""
    if all(source.kind == "mriqc" for source in workspace.sources()):
        return
    busy = tasks.running(workspace, tasks.INGEST) is not None
    if st.button("List the sources again", icon=":material/refresh:", disabled=busy):
        tasks.start(workspace, tasks.INGEST, "--again")
        st.rerun()


def _form(workspace: Workspace, kind: str, task: str) -> None:
    with st.form(f"add-{kind}", border=False):
        path = st.text_input("Path on this machine", placeholder=_EXAMPLES[kind])
        st.caption(_TAKEN[kind])
        role = st.radio("Role", list(ROLES), format_func=lambda r: f"{r}: {ROLES[r]}")
        name = st.text_input("Short name (optional)", placeholder="taken from the path")
        modality = st.selectbox(
            "What is scored",
            list(modalities.KINDS),
            format_func=_kind_words,
            help="Other images are listed and not scored. The scores are made for plain T1w.",
        )
        arguments = ["--role", role, "--modality", modality]
        if kind == _IMAGES and st.checkbox("These scans are simulated"):
            arguments.append("--simulated")
        label = "Add the source" if kind == _IMAGES else "Import the results"
        sent = st.form_submit_button(label, type="primary")
    if sent:
        arguments += [f"--name={name.strip()}"] if name.strip() else []
        _start(workspace, task, path, arguments)


def _kind_words(kind: str) -> str:
    return f"{kind}: {modalities.KINDS[kind]}"


def _start(workspace: Workspace, task: str, path: str, arguments: list[str]) -> None:
    if busy := source_jobs.busy_with(workspace, task):
        st.error(f"{text.escape(busy)} is being read just now\\. Add this one when that is done\\.")
        return
    source_jobs.forget(workspace)
    given = Path(path.strip()).expanduser()
    if not path.strip() or not given.is_absolute() or not given.exists():
        st.error(
            f"There is nothing at {text.escape(path.strip() or 'an empty path')}\\. Give the full path "
            "of a folder or table on the machine that Tierscope runs on\\."
        )
        return
    tasks.start(workspace, task, *arguments, str(given.resolve()))
    st.rerun()
