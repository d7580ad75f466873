"""Reconstruction of one scan by a pretrained model: four maps in NiiVue, computed on request."""

import html
import time
from dataclasses import replace
from pathlib import Path

import pandas as pd
import streamlit as st

from curation.access.actions import Action
from curation.errors import VolumeError
from curation.imaging import volumes
from curation.storage.workspace import Workspace
from pages.ui.review import image_panel
from pages.ui.shell import background_tasks, cache, controls, formatting, frame, person, state
from pages.ui.viewer import niivue_viewer
from pages.ui.viewer.browser_image import HeadPlace, PreparedImage
from training.reconstruction import reconstruction_files
from training.reconstruction.reconstruction_files import MAPS, ReconstructionRecord
from training.studies.planned_study import Study
from training.studies.runs import Run

#: Name of a map, and its window: shares of white matter's brightness that are black and white.
_SHOWN: dict[str, tuple[str, float, float]] = {
    "input": ("Input", 0.0, 1.2),
    "masked": ("Masked input", 0.0, 1.2),
    "reconstruction": ("Reconstruction", 0.0, 1.2),
    "error": ("Error", 0.0, 0.4),
}
#: How often a page looks whether the maps are there, seconds.
EVERY_S = 0.7


def show(workspace: Workspace, study: Study, run: Run, scan: pd.Series) -> None:
    """Draw the four maps of a scan, or start their making and wait for it."""
    busy = (
        background_tasks.running(workspace, background_tasks.LOOK) is not None
    )  # asked first: it may end meanwhile
    made = reconstruction_files.read(study, run, scan)
    if made is None:
        _make(workspace, study, run, scan, busy=busy)
        return
    niivue_viewer.choose_view(solid=True)  # maps are of brains alone
    image = _image(made)
    with st.container(key="viewer"):
        st.html(_caption(scan, made, image))
        for row in (("input", "masked"), ("reconstruction", "error")):
            for column, name in zip(st.columns(2, gap="small"), row, strict=True):
                with column:
                    _map(made.maps_of[image], name, scan["scan_id"])
        st.html(
            f'<div class="ts-caption"><span>{html.escape(niivue_viewer.convention())}</span></div>'
        )
    st.caption(_reading(made, image))


def _image(made: ReconstructionRecord) -> str:
    """Draw the choice of the input image to show maps of, where the model has several."""
    names = list(made.maps_of)
    if len(names) == 1:
        return names[0]
    return controls.choose_segment(
        "Image",
        names,
        key=state.MAPS_OF,
        format_func=lambda name: "PET" if name == "pet" else name,
    )


def _map(maps: dict[str, Path], name: str, scan_id: str) -> None:
    label, black, white = _SHOWN[name]
    st.html(
        f'<div class="ts-caption ts-two"><span><b>{label}</b><br>{html.escape(MAPS[name])}</span></div>'
    )
    try:
        image = _prepared(maps[name], black, white)
    except VolumeError as error:
        st.error(f"This map cannot be shown: {formatting.escape(str(error))}")
        return
    image_panel.draw_image(
        image,
        f"{scan_id}-{name}",
        (),
        key=f"niivue-{name}",
        width_px=niivue_viewer.PANEL_PX // 2,
        solid=True,
    )


def _prepared(path: Path, black: float, white: float) -> PreparedImage:
    key = ("map", str(path), cache.stamp(path))
    image = niivue_viewer.prepare_image(
        key, lambda: volumes.load(path), "Tissue", "Reading the map …"
    )
    # each map would have a head of its own, and they are looked at side by side
    return replace(image, black=black, white=white, warnings=(), head=HeadPlace())


def _caption(scan: pd.Series, made: ReconstructionRecord, image: str) -> str:
    facts = made.facts
    headline = f"{scan['scan_id']} · reconstruction error {facts['reconstruction_error']:.3f}"
    off = f"removed blocks are off by {100 * made.error_share(image):.1f} % of {_measure(image)}"
    headline, off = html.escape(headline), html.escape(off)
    inner = f'<b title="{headline}">{headline}</b><span title="{off}">{off}</span>'
    return f'<div class="ts-caption">{inner}</div>'


def _reading(made: ReconstructionRecord, image: str) -> str:
    facts = made.facts
    seen = (
        "**The model was pretrained on this person**, so its error is lower than it would be for somebody "
        "new."
        if facts["pretrained_on"]
        else "The model has not seen this person."
    )
    return (
        f"{seen} {100 * facts['masking_ratio']:.0f} % of the blocks are removed at a time. Input and "
        f"reconstruction: black is no signal, white 1.2 times {_measure(image)}. Error: white is 40 % of it, "
        "or more. What the model cannot foretell need not be a fault of the scan: fine detail and rare "
        f"anatomy are as hard for it as noise.{_of_both(made)}"
    )


def _measure(image: str) -> str:
    return "twice the brain's mean uptake" if image == "pet" else "white matter's brightness"


def _of_both(made: ReconstructionRecord) -> str:
    both = len(made.maps_of) > 1
    return " The model is shown T1w and PET at once; the reconstruction error is of both." * both


# ---- making ----------------------------------------------------------------------------------------


def _make(workspace: Workspace, study: Study, run: Run, scan: pd.Series, *, busy: bool) -> None:
    """Start the computation where none runs; show the error where it failed for this scan."""
    wanted = [study.id, "--run", run.id, "--scan", scan["scan_id"]]
    if not busy and not person.may(Action.LOOK_THROUGH_MODEL):
        return
    if not busy:
        tried = background_tasks.asked(workspace, background_tasks.LOOK)[-len(wanted) :] == wanted
        if tried:
            problem = (
                background_tasks.failure(workspace, background_tasks.LOOK)
                or "it was ended before it was done"
            )
            st.error(f"This scan could not be looked at: {formatting.escape(problem)}")
            if not st.button("Try again", icon=":material/refresh:"):
                return
        background_tasks.start(workspace, background_tasks.LOOK, *wanted, room="training")
    _wait(workspace, study, run, scan)


def _wait(workspace: Workspace, study: Study, run: Run, scan: pd.Series) -> None:
    @st.fragment(run_every=EVERY_S)
    @frame.in_words()
    def waiting() -> None:
        is_made = reconstruction_files.read(study, run, scan) is not None
        if is_made or not background_tasks.running(workspace, background_tasks.LOOK):
            st.rerun(scope="app")
        began = background_tasks.started(workspace, background_tasks.LOOK)
        seconds = f" {formatting.duration(time.time() - began)}" if began else ""
        with st.container(border=True):
            st.markdown(f":material/hourglass_top: The model looks at the scan …{seconds}")

    waiting()
