"""Faces on the screen: which scans may be looked at in 3D, and what is said of the face of one."""

import shlex

import pandas as pd
import streamlit as st

from curation.errors import DamagedError
from curation.faces.face_state import LIMIT, FaceState, state_of
from curation.storage.workspace import Workspace
from pages.ui.entrance import entrance
from pages.ui.shell import cache

#: What stands above what is said of a face, and first in it; and why there is no 3D.
_HEADS = {
    FaceState.SHOWN: "This image shows a face",
    FaceState.IN_PART: "The face was removed only in part",
    FaceState.UNCLEAR: "Whether this image shows a face cannot be told",
}
_FIRST = {
    FaceState.IN_PART: "Part of it is zero, and much of nose, cheeks, mouth or chin is left. ",
    FaceState.UNCLEAR: "Noise, ghosts or a folded head lie in the air, as bright as a face, so it is "
    "treated as one that shows one. ",
}
_WHY_OFF = {
    FaceState.SHOWN: "3D is off: this image shows a face.",
    FaceState.IN_PART: "3D is off: the face was removed only in part.",
    FaceState.UNCLEAR: "3D is off: whether this image shows a face cannot be told.",
    FaceState.UNKNOWN: "3D is off: whether this image shows a face is looked for when it is scored.",
}


def may_be_in_3d(workspace: Workspace, scan: pd.Series) -> bool:
    """Return whether a scan may be looked at in 3D.

    With a login, where its settings allow it. Without one, where the scan is known to show no face or is not
    of a person, or the workspace's settings allow it for all.
    """
    return any_may(workspace) or (
        entrance.settings() is None and _face_of(workspace, scan) is FaceState.NONE
    )


def any_may(workspace: Workspace) -> bool:
    """Return whether every scan may be looked at in 3D, whatever it shows."""
    settings = entrance.settings()
    return workspace.images().in_3d if settings is None else settings.in_3d


def why_not_in_3d(workspace: Workspace, scan: pd.Series) -> str:
    """Return why a scan is not shown in 3D; empty where it may be."""
    if may_be_in_3d(workspace, scan):
        return ""
    if entrance.settings() is not None:
        return "3D is off on this server: it would show faces."
    return _WHY_OFF[_face_of(workspace, scan)]


def say(workspace: Workspace, scan: pd.Series) -> None:
    """Draw what is known of the face of a scan, and what can be done; nothing where it shows none."""
    face = _face_of(workspace, scan)
    if face is FaceState.NONE:
        return
    if face is FaceState.UNKNOWN:
        st.caption(
            "Whether this image shows a face is not known, so it is not shown in 3D. It is looked for when "
            "the scan is scored, or by `python -m curation thumbnails`."
        )
        return
    with st.expander(_HEADS[face], icon=":material/face:"):
        st.markdown(
            _FIRST.get(face, "")
            + "Who knows the person may recognise them. Thumbnails, contact sheets and reports show the "
            "brain alone"
            + (", " if any_may(workspace) else ", 3D is off, ")
            + "and whoever looks at these slices sees it.\n\nTo hand the image on without it, write another "
            "file; this one stays as it is:"
        )
        st.code(f"python -m curation deface {shlex.quote(str(scan['scan_id']))}", language="sh")
        st.markdown(LIMIT)


def _face_of(workspace: Workspace, scan: pd.Series) -> FaceState:
    simulated = {source.name for source in workspace.sources() if source.simulated}
    if scan["source"] in simulated:
        return FaceState.NONE
    try:
        return state_of(cache.metrics_row(workspace, scan["scan_id"]))
    except DamagedError:  # the page tells it, see flags.flags_of_workspace
        return FaceState.UNKNOWN
