"""The image on Review: how it is drawn, the scan or what an artefact would make of it."""

import html
from pathlib import Path

import pandas as pd
import streamlit as st

from curation.errors import VolumeError
from pages.ui import scan_panel, state, text, trial_panel, trials, viewer
from pages.ui.trials import Trial


def show(scan: pd.Series, trial: Trial | None) -> None:
    """Draw the image of a scan, or the artefact that is tried on it, with its convention in words."""
    window = _tools(scan, trial)
    if trial:
        trial_panel.controls()
    tried = trial if trial and trial.alters else None
    try:
        # before anything of it is drawn, so that the frame changes together with the image
        image = _prepared(scan, window, tried)
    except VolumeError as error:
        st.error(f"This scan cannot be shown: {text.escape(str(error))}")
        return
    with st.container(key="viewer-altered" if tried else "viewer"):
        if tried:
            st.html(_banner(tried))
        st.html(scan_panel.caption(scan))
        shown = f"{scan['scan_id']}-simulated-artefact" if tried else scan["scan_id"]
        viewer.show(image, scan_id=shown, view=state.get(state.VIEW))
        st.html(scan_panel.foot(image, window))
    for warning in image.warnings:
        st.warning(text.escape(warning))


def _prepared(scan: pd.Series, window: str, tried: Trial | None) -> viewer.Prepared:
    path = Path(scan["path"])
    return trials.image(path, window, tried) if tried else viewer.prepared(path, window)


def _tools(scan: pd.Series, trial: Trial | None) -> str:
    """Draw the choice of view and window and the way into a trial; return the window."""
    with st.container(horizontal=True, vertical_alignment="center"):
        state.keep_one_of(state.VIEW, list(viewer.VIEWS))
        st.segmented_control(
            "View", list(viewer.VIEWS), key=state.VIEW, required=True,
            label_visibility="collapsed", persist_state="session",
        )  # fmt: skip
        window = state.keep_one_of(state.WINDOW, list(viewer.WINDOWS))
        st.segmented_control(
            "Window", list(viewer.WINDOWS), key=state.WINDOW, required=True,
            label_visibility="collapsed", persist_state="session",
            help=" · ".join(f"{w.label}: {w.meaning}" for w in viewer.WINDOWS.values()),
        )  # fmt: skip
        trial_panel.toggle(scan, trial)
    return window


def _banner(trial: Trial) -> str:
    return (
        '<div class="ts-altered" role="alert"><b>Simulated artefact: '
        f"{html.escape(trial.words)}</b> – not the scan</div>"
    )


def none() -> None:
    """Say why there is nothing to look at."""
    with st.container(border=True):
        st.markdown("**No image: imported from an MRIQC table.**")
        st.markdown(
            "Its metrics, its score and its ratings are here. To look at scans, add their images as a "
            "source on the page Cohort."
        )
