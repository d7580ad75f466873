"""A scan in slices on the screen: a picture and a slider a plane, with the reason."""

import base64
import io
from collections.abc import Sequence

import streamlit as st
from PIL import Image

from pages.ui import text
from pages.ui.evidence import LAYERS
from pages.ui.prepared import Prepared
from pages.ui.slices import PLANES, Plane, Slices
from pages.ui.viewer import Overlay


def show(image: Prepared, view: str, overlays: Sequence[Overlay], reason: str, *, key: str) -> None:
    """Draw the planes of a view.

    Parameters
    ----------
    image : Prepared
        The scan.
    view : str
        One of :data:`pages.ui.viewer.VIEWS`; there is no 3D of slices, so that shows three planes.
    overlays : sequence of Overlay
        What is laid over it.
    reason : str
        Why it is drawn so.
    key : str
        Tells the sliders of two scans apart.
    """
    st.warning(text.escape(f"Drawn as slices: {reason}. Every voxel is shown; there is no 3D."))
    slices = Slices(image)
    planes = [PLANES[view]] if view in PLANES else list(PLANES.values())
    for column, plane in zip(st.columns(len(planes)), planes, strict=True):
        with column:
            _plane(slices, plane, overlays, f"{key}-{image.file.stem}-{plane.label}")


def _plane(slices: Slices, plane: Plane, overlays: Sequence[Overlay], key: str) -> None:
    count = slices.shape[plane.axis]
    picture = st.empty()
    position = st.slider(
        f"{plane.label} slice, {plane.along}", 1, count, value=(count + 1) // 2, key=key
    )
    coloured = [(overlay, LAYERS[overlay.key].colour) for overlay in overlays]
    picture.image(_within(slices.picture(plane, position - 1, coloured)))


def _within(picture: Image.Image) -> str:
    """Return a picture as an address that holds it: a file would be named by what is on it."""
    kept = io.BytesIO()
    picture.save(kept, "PNG")
    return f"data:image/png;base64,{base64.b64encode(kept.getvalue()).decode()}"
