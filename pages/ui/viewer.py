"""One scan in NiiVue: prepared for the browser, with its display convention in words.

The file on disk is only read. What the browser gets is a fresh NIfTI image with the same affine, 16-bit
intensities and the chosen window in ``cal_min`` and ``cal_max``.
"""

import base64
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import streamlit as st
import streamlit.components.v1 as components
from numpy.typing import NDArray

from curation import volumes
from curation.volumes import Volume
from pages.ui import cached, niivue_build

#: Above this many voxels every second (third, ...) one is sent: a browser draws no more, or slowly.
MAX_VOXELS = 40_000_000
#: Width that the panel has on a desk and on a tablet, about; heights follow from it.
PANEL_PX, MAX_HEIGHT_PX = 730, 620

#: label -> NiiVue's name.
VIEWS: dict[str, str] = {
    "Three planes": "multiplanar",
    "Axial": "axial",
    "Coronal": "coronal",
    "Sagittal": "sagittal",
    "3D": "3d",
}

_STEPS = 32_000  # of 16 bits; the ends stay free
_SAMPLE = 500_000


@dataclass(frozen=True)
class Window:
    """A way to choose which intensities are black and white.

    Parameters
    ----------
    label, meaning : str
        For the screen.
    limits : callable
        From a sample of intensities to (black, white).
    """

    label: str
    meaning: str
    limits: Callable[[NDArray[np.float32]], tuple[float, float]]


def _tissue(sample: NDArray[np.float32]) -> tuple[float, float]:
    """1st percentile of the image to the 99th of what is brighter than its mean."""
    low, top = np.percentile(sample, (1, 99.8))
    clipped = np.minimum(sample, top)  # a few blazing voxels must not pass for the brighter part
    high = np.percentile(clipped[clipped >= clipped.mean()], 99)
    return float(low), float(high if high > low else sample.max())


def _air(sample: NDArray[np.float32]) -> tuple[float, float]:
    """The lowest tenth of the tissue window."""
    low, high = _tissue(sample)
    return low, low + (high - low) / 10


WINDOWS: dict[str, Window] = {
    window.label: window
    for window in (
        Window(
            "Tissue", "black at the 1st percentile, white at the 99th of the brighter part", _tissue
        ),
        Window(
            "Background",
            "air stretched: white is a tenth of the tissue window, so ghosts and noise show",
            _air,
        ),
    )
}


@dataclass(frozen=True)
class Prepared:
    """What goes to the browser.

    Parameters
    ----------
    nifti_base64 : str
        The image.
    black, white : float
        The window in the file's own units.
    edges_mm : tuple of float
        Lengths of the image along its three axes.
    warnings : tuple of str
        What a reader of the image must know.
    """

    nifti_base64: str
    black: float
    white: float
    edges_mm: tuple[float, float, float]
    warnings: tuple[str, ...]


def prepare(volume: Volume, window: Window) -> Prepared:
    """Make the image that the browser draws.

    Parameters
    ----------
    volume : Volume
        As :func:`curation.volumes.load` returns.
    window : Window
        One of :data:`WINDOWS`.
    """
    step = int(np.ceil((volume.data.size / MAX_VOXELS) ** (1 / 3)))
    data = volume.data[::step, ::step, ::step]
    affine = volume.affine @ np.diag([step, step, step, 1.0])
    sample = data.ravel(order="K")[:: max(1, data.size // _SAMPLE)]
    black, white = window.limits(sample)
    warnings = _warnings(volume, step, sample, window)
    x, y, z = (n * edge for n, edge in zip(volume.data.shape, volume.spacing_mm, strict=True))
    return Prepared(_encode(data, affine, black, white), black, white, (x, y, z), warnings)


def _encode(
    data: NDArray[np.float32], affine: NDArray[np.float64], black: float, white: float
) -> str:
    """Return a NIfTI image of 16-bit steps between the least and the greatest intensity, base64."""
    low, high = float(data.min()), float(data.max())
    # One blazing voxel must not leave the brain a handful of grey steps.
    high = min(high, low + 20 * max(white - low, 1e-30))
    slope = (high - low) / _STEPS or 1.0
    stored = np.clip((data - low) / slope, 0, _STEPS).round().astype(np.int16)
    image = nib.Nifti1Image(stored, affine)
    image.header.set_xyzt_units("mm")
    image.header["cal_min"], image.header["cal_max"] = black, white
    image.header.set_slope_inter(slope, low)
    return base64.b64encode(_bytes_of(image, stored)).decode("ascii")


def _bytes_of(image: nib.Nifti1Image, stored: NDArray[np.int16]) -> bytes:
    """Put header and voxels together; nibabel's own writer would scale once more."""
    header = image.header.copy()
    header["vox_offset"], header["magic"] = 352, b"n+1"
    return header.binaryblock + b"\0\0\0\0" + stored.tobytes(order="F")


def _warnings(
    volume: Volume, step: int, sample: NDArray[np.float32], window: Window
) -> tuple[str, ...]:
    found = []
    if volume.orientation is None:
        found.append(
            "The header gives no orientation: left and right cannot be told, and the letters on the "
            "image are a guess."
        )
    if step > 1:
        found.append(f"Drawn coarser than it is: every {step}th voxel along each axis.")
    if volume.note:
        found.append(f"Read with a note: {volume.note}.")
    if window.label == "Background" and np.median(sample) == 0 == np.percentile(sample, 10):
        found.append(
            "The background is exactly 0 (stripped or masked): there is no air to look at."
        )
    return tuple(found)


def prepared(path: Path, window: str) -> Prepared:
    """Read a scan and prepare it, kept for the last few scans.

    Raises
    ------
    VolumeError
        When the file cannot be read as an image, with the reason.
    """
    return _prepared(str(path), cached.stamp(path), window)


@st.cache_data(max_entries=6, show_spinner="Reading the scan …")
def _prepared(path: str, changed: cached.Stamp, window: str) -> Prepared:
    return prepare(volumes.load(Path(path)), WINDOWS[window])


# ---- the component ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Niivue:
    component: Callable[..., Any]
    changed: frozenset[str]
    holder: tempfile.TemporaryDirectory[str]


@st.cache_resource(show_spinner=False)
def _niivue() -> _Niivue:
    holder = tempfile.TemporaryDirectory(prefix="tierscope-niivue-")
    build = niivue_build.derive(niivue_build.shipped_folder(), Path(holder.name) / "build")
    component = components.declare_component("tierscope_niivue", path=build.folder)
    return _Niivue(component, build.changed, holder)


def convention() -> str:
    """Say which side is which, as it is really drawn."""
    nose = "left" if "nose left" in _niivue().changed else "right"
    return (
        "Radiological: the patient's right is on the left of the image. "
        f"Sagittal: the nose points {nose}."
    )


def height_px(image: Prepared, view: str) -> int:
    """Return the height at which a view fills the width of its panel, within reason."""
    x, y, z = image.edges_mm
    wide_to_high = {
        "multiplanar": (x + y) / (y + z), "axial": x / y, "coronal": x / z, "sagittal": y / z,
    }.get(VIEWS[view], 1.0)  # fmt: skip
    return int(min(PANEL_PX / wide_to_high, MAX_HEIGHT_PX)) + 10


def show(image: Prepared, *, scan_id: str, view: str) -> None:
    """Draw a prepared scan; ``view`` is one of :data:`VIEWS`."""
    _niivue().component(
        nifti_data=image.nifti_base64,
        filename=f"{scan_id}.nii",
        paired_data=None,
        overlays=None,
        meshes=None,
        height=height_px(image, view),
        view_mode=VIEWS[view],
        styled=False,
        settings={
            "crosshair": True, "radiological": True, "colorbar": False, "interpolation": False,
        },
        update_interval_ms=None,
        default=None,
        key=f"viewer-{scan_id}-{image.black:g}-{image.white:g}",
    )  # fmt: skip
