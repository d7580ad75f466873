"""Form that takes in a DICOM folder: looked through first, then its series are chosen."""

from pathlib import Path

import pandas as pd
import streamlit as st

from curation.dicom import last_look
from curation.dicom.conversion import USUAL_NAME
from curation.dicom.last_look import LastLook
from curation.dicom.series import Series
from curation.storage.workspace import ROLES, Workspace
from curation.wording import plural
from pages.ui.shell import background_tasks, formatting

_PRIVATE = (
    "Names, ids, dates and texts of the scanner are not kept: people get labels of this workspace. Of each "
    "series the image is kept, with how it was acquired. Images of heads show faces."
)


def choose_series(workspace: Workspace) -> None:
    """Draw the series of the folder that was looked at last, and what takes them in."""
    busy = [
        background_tasks.running(workspace, task) is not None
        for task in (background_tasks.DICOM_LOOK, background_tasks.DICOM)
    ]
    found = None if any(busy) else last_look.read(workspace)
    if found is None:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(
            f"**{_counted(found)}** in {formatting.escape(str(found.folder))}", width="stretch"
        )
        st.button(
            "Dismiss",
            icon=":material/close:",
            key="dismiss-series",
            on_click=_dismiss,
            args=(workspace,),
            help="What was found is not kept then. The folder stays as it is.",
        )
    for note in found.notes:
        st.caption(formatting.escape(note))
    with st.form("series", border=False):
        ids = _table(found.series)
        _say_what_a_tick_does(found.series)
        _refused(found.series)
        role = st.radio("Role", list(ROLES), format_func=formatting.role)
        name = st.text_input("Short name (optional)", placeholder=USUAL_NAME)
        ages = st.checkbox("Take age and sex from the files")
        st.caption(_PRIVATE)
        sent = st.form_submit_button("Take in the chosen series", type="primary")
    if sent:
        _start(workspace, found.folder, ids, role, name.strip(), ages=ages)


def _dismiss(workspace: Workspace) -> None:
    background_tasks.forget(workspace, background_tasks.DICOM_LOOK)
    last_look.forget(workspace)


def _counted(found: LastLook) -> str:
    people = len({one.person for one in found.series})
    return (
        f"{plural(len(found.series), 'series', 'series')} of {plural(people, 'person', 'people')}"
    )


def _table(series: tuple[Series, ...]) -> list[str]:
    """Draw the series that can be taken in and return the ids of the chosen ones."""
    offered = [one for one in series if not one.refused]
    if not offered:
        st.warning("No series of this folder can be taken in; below it says why\\.")
        return []
    rows = pd.DataFrame([_row(one) for one in offered])
    edited = st.data_editor(
        rows,
        hide_index=True,
        placeholder=formatting.DASH,
        width="stretch",
        disabled=[name for name in rows if name != "Take"],
        key=f"series-{offered[0].id}-{len(offered)}",
        column_config={
            "Take": st.column_config.CheckboxColumn(width="small"),
            "Series": st.column_config.NumberColumn(width="small"),
            "Note": st.column_config.TextColumn(width="large"),
            "Images": st.column_config.NumberColumn(width="small"),
        },
    )
    return [one.id for one, take in zip(offered, edited["Take"], strict=True) if take]


def _say_what_a_tick_does(series: tuple[Series, ...]) -> None:
    """Say what it means to tick a series of which the note tells something."""
    offered = [one for one in series if not one.refused and one.marks]
    if not offered:
        return
    words = (
        "A series with a note is not ticked beforehand. Ticking it does no harm to the others: its image is "
        "taken in as a scan beside them."
    )
    if any("derived" in one.marks for one in offered):
        words += (
            " A derived one may be smoothed, resliced or corrected by the scanner: its score then says less "
            "of how the scan was taken. Tick it where the original is not there."
        )
    st.caption(words)


def _row(one: Series) -> dict[str, object]:
    return {
        "Take": one.chosen,
        "Series": one.number,
        "Description": one.description or formatting.DASH,
        "Note": one.why_not(),
        "Kind": one.kind or one.modality,
        "Matrix": " × ".join(map(str, one.matrix)),
        "Spacing (mm)": " × ".join(
            f"{edge:.2f}" if edge == edge else "?" for edge in one.spacing_mm
        ),
        "Images": one.images,
        "Person": one.person.removeprefix("sub-"),
    }


def _refused(series: tuple[Series, ...]) -> None:
    """Say which series cannot be taken in, and why."""
    refused = [one for one in series if one.refused]
    if not refused:
        return
    lines = [
        f"- Series {one.number}, {formatting.escape(one.description or 'without description')}: "
        f"{formatting.escape(one.why_not())}"
        for one in refused[:20]
    ]
    more = [f"- and {len(refused) - 20} more"] if len(refused) > 20 else []
    st.markdown("\n".join(["Cannot be taken in:", "", *lines, *more]))


def _start(
    workspace: Workspace, folder: Path, ids: list[str], role: str, name: str, *, ages: bool
) -> None:
    if not ids:
        st.error("No series is chosen\\. Tick one at least in the column *Take*\\.")
        return
    given = ["--series", ",".join(ids), "--role", role]
    given += [f"--name={name}"] if name else []
    given += ["--ages"] if ages else []
    background_tasks.forget(workspace, background_tasks.DICOM_LOOK)
    background_tasks.start(workspace, background_tasks.DICOM, *given, str(folder))
    st.rerun()
