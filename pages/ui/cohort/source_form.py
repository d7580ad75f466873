"""Forms that add scans on Cohort: a source of images, MRIQC results, or a real example."""

from collections.abc import Callable
from pathlib import Path

import streamlit as st

from curation.access import guard
from curation.access.actions import Action
from curation.dicom import last_look
from curation.errors import SourceError
from curation.interchange import example_datasets
from curation.interchange.example_datasets import EXAMPLES, Example
from curation.sources import allowed_roots, discovery, image_modality
from curation.storage import typed_paths
from curation.storage.workspace import ROLES, Workspace
from pages.ui.cohort import dicom_form, folder_picker, joined_form, source_outcome
from pages.ui.shell import background_tasks, controls, formatting, state

_IMAGES, _DICOM, _TABLE, _OTHER, _EXAMPLE = "images", "dicom", "table", "other", "example"
_KINDS = {
    _IMAGES: "BIDS, NIfTI folder or table of paths",
    _DICOM: "DICOM folder",
    _TABLE: "MRIQC's results",
    _OTHER: "Another tool's table",
    _EXAMPLE: "A real example",
}
_TAKEN = {
    _IMAGES: "A BIDS data set, a folder of NIfTI files (.nii, .nii.gz), or a CSV or TSV table with a column "
    "of paths. It is only read.",
    _DICOM: "A folder with DICOM files, of one person or many, at any depth. It is only read: images are "
    "made of the series that you choose, and kept in the workspace.",
    _TABLE: "group_T1w.tsv, a CSV with MRIQC's columns, a JSON file of MRIQC, or a folder of them.",
}
_EXAMPLES = {
    _IMAGES: "/data/my-study",
    _DICOM: "/data/dicom/examination-1",
    _TABLE: "/data/my-study/derivatives/mriqc/group_T1w.tsv",
}


# ---- a source of one's own -----------------------------------------------------------------------


def show(workspace: Workspace, *, opened: bool) -> None:
    """Draw the form that adds a source, open while it has something to tell; nothing to who may not add one.

    Sources are only read.
    """
    if not guard.may(Action.INGEST):
        return
    opened = opened or any(
        background_tasks.log_path(workspace, task).exists() for task in source_outcome.TASKS
    )
    with st.expander("Add data", expanded=opened, icon=":material/add:"):
        kind = controls.choose_segment(
            "What there is",
            list(_KINDS),
            key=state.SOURCE_KIND,
            format_func=lambda kind: _KINDS[kind],
            show_label=True,
        )
        if kind == _EXAMPLE:
            show_examples(workspace)
            return
        if kind == _TABLE:
            st.caption(
                "Such scans are scored, sorted into tiers, rated and plotted like others; they "
                "cannot be looked at or trained on. Ratings in the table are taken in too."
            )
        field = f"add-path-{kind}"
        folder_picker.show(workspace, field)
        if kind in _OF_THEIR_OWN:
            _OF_THEIR_OWN[kind](workspace, field)
            return
        task = background_tasks.INGEST if kind == _IMAGES else background_tasks.IMPORT
        _form(workspace, kind, task, field)
        source_outcome.show(workspace, task)


def _show_dicom(workspace: Workspace, field: str) -> None:
    with st.form("add-dicom", border=False):
        path = st.text_input("Path on this machine", placeholder=_EXAMPLES[_DICOM], key=field)
        st.caption(_TAKEN[_DICOM])
        sent = st.form_submit_button("Look through it", type="primary")
    if sent:
        last_look.forget(workspace)
        _start(workspace, background_tasks.DICOM_LOOK, path, ["--list"], background_tasks.DICOM)
    source_outcome.show(workspace, background_tasks.DICOM_LOOK, answer=False)
    dicom_form.choose_series(workspace)
    source_outcome.show(workspace, background_tasks.DICOM)


#: Kinds whose form is of another shape, with what draws it.
_OF_THEIR_OWN: dict[str, Callable[[Workspace, str], None]] = {
    _DICOM: _show_dicom,
    _OTHER: joined_form.show,
}


def _form(workspace: Workspace, kind: str, task: str, field: str) -> None:
    with st.form(f"add-{kind}", border=False):
        path = st.text_input("Path on this machine", placeholder=_EXAMPLES[kind], key=field)
        st.caption(_TAKEN[kind])
        role = st.radio("Role", list(ROLES), format_func=formatting.role)
        left, right = st.columns(2, vertical_alignment="bottom")
        name = left.text_input("Short name (optional)", placeholder="taken from the path").strip()
        modality = right.selectbox(
            "What is scored",
            list(image_modality.KINDS),
            format_func=_kind_words,
            help="Other images are listed and not scored. The scores are made for plain T1w.",
        )
        people, arguments = _people_fields() if kind == _IMAGES else ("", [])
        arguments += ["--role", role, "--modality", modality]
        arguments += _marks_of_images() if kind == _IMAGES else []
        arguments += [f"--name={name}"] if name else []
        label = "Add the source" if kind == _IMAGES else "Import the results"
        with st.container(horizontal=True):
            sent = st.form_submit_button(label, type="primary")
            beside = st.container()
    with beside:
        if not sent:
            source_outcome.say_failure(workspace, task)
            return
        if _is_of_another_role(workspace, name, path.strip(), role):
            return
        if (table := _people_options(workspace, people)) is not None:
            _start(workspace, task, path, [*arguments, *table])


def _marks_of_images() -> list[str]:
    """Draw what else is said of images; return the options."""
    with st.container(horizontal=True, gap="large"):
        marks = {
            "--simulated": st.checkbox("These scans are simulated"),
            "--pseudonyms": st.checkbox(
                "Hide names: scans and people get pseudonyms",
                help="Made with a key that lies outside of the workspace. No name of a file or person stands "
                "in ids, addresses, lists or logs then. It cannot be changed later.",
            ),
        }
    return [option for option, is_set in marks.items() if is_set]


def _people_fields() -> tuple[str, list[str]]:
    """Draw the fields on people; return the path of their table and options on what is in it."""
    first, *columns = st.columns((2, 1, 1), vertical_alignment="bottom")
    people = first.text_input(
        "Table of people (optional)",
        placeholder="/data/my-study/participants.tsv",
        help="CSV or TSV with the ids of people and, where known, their age, sex, group and site. It "
        "takes the place of the source's own participants.tsv.",
    ).strip()
    fields = {"F": "Code of women", "M": "Code of men"}
    codes = [
        f"{sex}={code.strip()}"
        for column, (sex, label) in zip(columns, fields.items(), strict=True)
        for code in column.text_input(f"{label} (optional)", help=_CODES, key=f"add-{sex}").split(
            ","
        )
        if code.strip()
    ]
    return people, [f"--sex={','.join(codes)}"] * bool(codes)


_CODES = (
    "As the column of sex in the table has it, such as 2; several with commas between them. Needed where it "
    "has no F and M or words. A JSON file of the table's name beside it, with Levels as in BIDS, says it too."
)


def _is_of_another_role(workspace: Workspace, name: str, path: str, role: str) -> bool:
    """Say that a source of a name, else of a path, has another role: added again it keeps its own."""
    known = next(
        (one for one in workspace.sources() if (one.name == name if name else one.path == path)),
        None,
    )
    if known is None or known.role == role:
        return False
    st.error(
        formatting.escape(
            f"There is a source {known.name} already, in the role {known.role}. Choose that role if it is "
            "the same one again or from a new place, or give this one another short name."
        )
    )
    return True


def _kind_words(kind: str) -> str:
    return f"{kind}: {image_modality.KINDS[kind]}"


def _start(
    workspace: Workspace, task: str, path: str, arguments: list[str], command: str | None = None
) -> None:
    if busy := source_outcome.running_subject(workspace, task):
        st.error(
            f"{formatting.escape(busy)} is being read just now\\. Add this one when that is done\\."
        )
        return
    source_outcome.forget_finished(workspace)
    given = typed_paths.expanded(path.strip())
    if given.is_absolute() and _refused(workspace, given):
        return
    if not path.strip() or not given.is_absolute() or not given.exists():
        st.error(
            f"There is nothing at {formatting.escape(path.strip() or 'an empty path')}\\. Give the full path "
            "of a folder or table on the machine that Tierscope runs on\\."
        )
        return
    if task == background_tasks.INGEST and (found := discovery.dicom_instead(given)):
        st.error(formatting.escape(found))
        return
    folder_picker.begin_beside(given)
    of = {"command": command} if command else {}
    background_tasks.start(workspace, task, *arguments, str(given.resolve()), **of)
    st.rerun()


def _people_options(workspace: Workspace, people: str) -> list[str] | None:
    """Return the options that join a table of people; ``None`` where it is refused, which is said."""
    if not people:
        return []
    given = typed_paths.expanded(people)
    if _refused(workspace, given):
        return None
    if not given.is_absolute() or not given.is_file():
        st.error(
            f"There is no table of people at {formatting.escape(people)}\\. Give the full path of a CSV or "
            "TSV\\."
        )
        return None
    return ["--participants", str(typed_paths.resolved(given))]


def _refused(workspace: Workspace, path: Path) -> bool:
    """Say that a path may not be read, before anything tells whether it is there."""
    try:
        allowed_roots.of(workspace).refuse_others(path)
    except SourceError as error:
        st.error(formatting.escape(str(error)))
        return True
    return False


# ---- real examples -------------------------------------------------------------------------------


def show_examples(workspace: Workspace) -> None:
    """Draw the examples, each with its licence and its button."""
    if not _installed():
        return
    people = st.text_input(
        "Table of people with ages (optional)",
        placeholder="/data/abide/participants.tsv",
        help="CSV or TSV with the examples' subject ids and, where known, age, sex and group",
    )
    for column, example in zip(st.columns(len(EXAMPLES)), EXAMPLES.values(), strict=True):
        with column, st.container(border=True, height="stretch"):
            st.markdown(f"**{formatting.escape(example.label)}**")
            st.caption(formatting.escape(example.meaning))
            st.caption(formatting.escape(f"{example.licence} {example.citation}"))
            _button(workspace, example, people.strip())
    source_outcome.show(workspace, background_tasks.EXAMPLE)


def offer_example(workspace: Workspace, name: str = "abide") -> None:
    """Draw one button, for pages that have nothing to show yet."""
    if _installed():
        _button(workspace, EXAMPLES[name], "")
        st.caption(formatting.escape(f"{EXAMPLES[name].meaning} {EXAMPLES[name].licence}"))
        if problem := background_tasks.failure(workspace, background_tasks.EXAMPLE):
            st.error(formatting.escape(problem))


def describe_examples(workspace: Workspace) -> None:
    """Draw meaning, licence and citation of the examples in a workspace."""
    found = (example_datasets.of_source(source) for source in workspace.sources())
    for example in filter(None, found):
        text = f"{example.label} is a real example. {example.meaning} {example.licence} {example.citation}"
        st.caption(formatting.escape(text))


def _installed() -> bool:
    if not example_datasets.is_installed():
        st.caption(
            "Real examples (ABIDE, DS030) come with the package mriqc\\-learn, which is not installed\\. "
            "Install it, then open this page again:"
        )
        st.code(example_datasets.INSTALL, language="sh")
        return False
    return True


def _button(workspace: Workspace, example: Example, people: str) -> None:
    here = any(example_datasets.of_source(source) == example for source in workspace.sources())
    busy = background_tasks.running(workspace, background_tasks.EXAMPLE) is not None
    clicked = st.button(
        f"Real example: {example.label}",
        key=f"example-{example.name}",
        icon=":material/dataset:",
        disabled=busy or (here and not people),
        help="It is in this workspace already." if here else None,
    )
    if not clicked:
        return
    source_outcome.forget_finished(workspace)
    if (table := _people_options(workspace, people)) is None:
        return
    background_tasks.start(workspace, background_tasks.EXAMPLE, example.name, *table)
    st.rerun(scope="app")
