"""One scan in NiiVue: prepared for the browser, with its display convention in words.

The file on disk is only read. What the browser gets is a fresh NIfTI image with the same affine, whole
numbers of 8 or 16 bits and the chosen window in ``cal_min`` and ``cal_max``; it fetches it as a file.
"""

import mimetypes
import tempfile
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st
import streamlit.components.v1 as components
from numpy.typing import NDArray

from curation import volumes
from curation.errors import VolumeError
from curation.volumes import Volume
from pages.ui import cached, niivue_build, shelf
from pages.ui.shelf import Shelf
from pages.ui.windows import FIRST_WINDOW, WINDOWS

#: What browsers draw in three dimensions; a larger image is drawn in slices, see :mod:`pages.ui.slices`.
MAX_VOXELS, MAX_EDGE = 64_000_000, 2048
#: Width that the panel has on a desk and on a tablet, about; heights follow from it.
PANEL_PX, MAX_HEIGHT_PX = 730, 560

#: label -> NiiVue's name.
VIEWS: dict[str, str] = {
    "Three planes": "multiplanar",
    "Axial": "axial",
    "Coronal": "coronal",
    "Sagittal": "sagittal",
    "3D": "3d",
}

_SAMPLE = 500_000


@dataclass(frozen=True)
class Prepared:
    """A scan as the browser gets it, seen through one window.

    Parameters
    ----------
    file : Path
        A NIfTI image on the shelf.
    shape : tuple of int
        Voxels along its three axes.
    affine : array of shape (4, 4)
        Voxel index to world mm.
    window : str
        The window that is shown.
    black, white : float
        Its ends in the scan's own units.
    edges_mm : tuple of float
        Lengths of the image along its three axes.
    warnings : tuple of str
        What a reader of the image must know.
    """

    file: Path
    shape: tuple[int, int, int]
    affine: NDArray[np.float64]
    window: str
    black: float
    white: float
    edges_mm: tuple[float, float, float]
    warnings: tuple[str, ...]

    @property
    def too_large(self) -> str | None:
        """Why NiiVue cannot draw it; ``None`` where it can."""
        voxels, edge = int(np.prod(self.shape)), max(self.shape)
        if voxels > MAX_VOXELS:
            return (
                f"{voxels / 1e6:.0f} million voxels are more than a browser draws reliably in three "
                f"dimensions ({MAX_VOXELS // 1_000_000} million)"
            )
        if edge > MAX_EDGE:
            return f"an edge of {edge} voxels is more than a browser's graphics take ({MAX_EDGE})"
        return None


@dataclass(frozen=True)
class Overlay:
    """A mask laid over a scan.

    Parameters
    ----------
    key : str
        Tells it from others.
    colour : str
        Name of one of NiiVue's colour maps.
    mask : array of bool, shape (X, Y, Z)
        On a grid of its own.
    affine : array of shape (4, 4)
        From that grid's index to world mm.
    opacity : float
        0 to 1.
    """

    key: str
    colour: str
    mask: NDArray[np.bool_]
    affine: NDArray[np.float64]
    opacity: float = 0.45


@dataclass(frozen=True)
class _Facts:
    """What is remembered of a prepared file, whatever the window."""

    shape: tuple[int, int, int]
    affine: NDArray[np.float64]
    limits: Mapping[str, tuple[float, float]]
    edges_mm: tuple[float, float, float]
    warnings: tuple[str, ...]
    without_air: bool


def write(path: Path, volume: Volume) -> _Facts:
    """Write the image that the browser draws.

    Parameters
    ----------
    path : Path
        Is replaced.
    volume : Volume
        As :func:`curation.volumes.load` returns.
    """
    data = volume.data
    sample = data.ravel(order="K")[:: max(1, data.size // _SAMPLE)]
    limits = {label: window.limits(sample) for label, window in WINDOWS.items()}
    whole = "int" in volume.dtype and bool(np.all(sample == np.rint(sample)))
    # One blazing voxel must not leave the brain a handful of grey steps.
    low, brightest = float(data.min()), max(white for _, white in limits.values())
    top = min(float(data.max()), low + 20 * max(brightest - low, 1e-30))
    shelf.write_image(
        path, data, volume.affine, window=limits[FIRST_WINDOW], span=(low, top), whole=whole
    )
    x, y, z = (n * edge for n, edge in zip(data.shape, volume.spacing_mm, strict=True))
    without_air = bool(np.median(sample) == 0 == np.percentile(sample, 10))
    shape = (data.shape[0], data.shape[1], data.shape[2])
    return _Facts(shape, volume.affine, limits, (x, y, z), _warnings(volume), without_air)


def _warnings(volume: Volume) -> tuple[str, ...]:
    found = []
    if volume.orientation is None:
        found.append(
            "The header gives no orientation: left and right cannot be told, and the letters on the "
            "image are a guess."
        )
    if volume.note:
        found.append(f"Read with a note: {volume.note}.")
    return tuple(found)


def prepared(path: Path, window: str) -> Prepared:
    """Read a scan and prepare it; kept for the last scans.

    Raises
    ------
    VolumeError
        When the file cannot be read as an image, with the reason.
    """
    key = _key(path)
    return made(key, lambda: volumes.load(path), window, "Reading the scan …")


def prefetch(path: Path) -> None:
    """Prepare a scan in the background of the server: it is likely to be looked at next."""
    _niivue().shelf.prepare(_key(path), lambda file: write(file, volumes.load(path)))


def made(key: Hashable, load: Callable[[], Volume], window: str, saying: str) -> Prepared:
    """Prepare the image that ``load`` returns, if there is none of that key yet.

    Parameters
    ----------
    key : hashable
        Says what the image is: the same key is the same image.
    load : callable
        Returns it.
    window : str
        Key in :data:`WINDOWS`.
    saying : str
        Stands on the screen meanwhile.
    """
    store = _niivue().shelf
    if store.has(key):
        item = store.get(key, lambda file: write(file, load()))
    else:
        with st.spinner(saying):
            item = store.get(key, lambda file: write(file, load()))
    facts: _Facts = item.facts
    warnings = facts.warnings
    if facts.without_air and window == "Background":
        window = "Tissue"
        warnings += (
            "There is no air to look at (the background is exactly 0: stripped or masked), so the tissue "
            "window is shown.",
        )
    black, white = facts.limits[window]
    return Prepared(
        item.path, facts.shape, facts.affine, window, black, white, facts.edges_mm, warnings
    )


def _key(path: Path) -> Hashable:
    return ("scan", str(path), cached.stamp(path))


# ---- the component ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Niivue:
    component: Callable[..., Any]
    changed: frozenset[str]
    shelf: Shelf
    holder: tempfile.TemporaryDirectory[str]


@st.cache_resource(show_spinner=False)
def _niivue() -> _Niivue:
    holder = tempfile.TemporaryDirectory(prefix="tierscope-niivue-")
    build = niivue_build.derive(niivue_build.shipped_folder(), Path(holder.name) / "build")
    if build.missing:
        raise VolumeError(
            f"The installed niivue-streamlit is none that Tierscope knows ({', '.join(build.missing)}). "
            "Install the version that requirements.txt names."
        )
    # Streamlit gzips whatever is no film, picture or archive by its type: for a whole head a second or two.
    mimetypes.add_type("video/x-nifti", ".nii")
    component = components.declare_component("tierscope_niivue", path=build.folder)
    return _Niivue(component, build.changed, Shelf(build.folder / _SHELF), holder)


_SHELF = "scans"


def convention() -> str:
    """Say which side is which, as it is really drawn."""
    nose = "left" if "nose left" in _niivue().changed else "right"
    return (
        "Radiological: the patient's right is on the left of the image. "
        f"Sagittal: the nose points {nose}."
    )


def height_px(image: Prepared, view: str, width_px: int = PANEL_PX) -> int:
    """Return the height at which a view fills the width of its panel, within reason."""
    x, y, z = image.edges_mm
    wide_to_high = {
        "multiplanar": (x + y) / (y + z), "axial": x / y, "coronal": x / z, "sagittal": y / z,
    }.get(VIEWS[view], 1.0)  # fmt: skip
    return int(min(width_px / wide_to_high, MAX_HEIGHT_PX)) + 10


def show(
    image: Prepared, *, scan_id: str, view: str, overlays: Sequence[Overlay] = (),
    key: str = "niivue", width_px: int = PANEL_PX,
) -> str | None:  # fmt: skip
    """Draw a prepared scan.

    Parameters
    ----------
    image : Prepared
        The scan.
    scan_id : str
        Stands on the image.
    view : str
        One of :data:`VIEWS`.
    overlays : sequence of Overlay
        What is laid over it.
    key : str
        Of this viewer: it stays the same from scan to scan, and with it the browser's canvas.
    width_px : int
        How wide the panel is, about.

    Returns
    -------
    str or None
        Why the browser cannot draw it.
    """
    said = _niivue().component(
        image=f"{_SHELF}/{image.file.name}",
        overlay_files=[_laid(image, overlay) for overlay in overlays],
        black=image.black,
        white=image.white,
        filename=f"{scan_id}.nii",
        height=height_px(image, view, width_px),
        view_mode=VIEWS[view],
        styled=False,
        settings={
            "crosshair": True, "radiological": True, "colorbar": False, "interpolation": False,
        },
        update_interval_ms=None,
        default=None,
        key=key,
    )  # fmt: skip
    here = isinstance(said, dict) and said.get("image") == f"{_SHELF}/{image.file.name}"
    return str(said["failed"]) if here else None


def _laid(image: Prepared, overlay: Overlay) -> dict[str, Any]:
    """Return what the page is told of an overlay; its file is on the shelf by then."""
    item = _niivue().shelf.get(
        ("overlay", image.file.name, overlay.key),
        lambda file: shelf.write_mask(file, overlay.mask, overlay.affine),
    )
    return {
        "file": f"{_SHELF}/{item.path.name}", "name": f"{item.path.stem}.nii",
        "colormap": overlay.colour, "opacity": overlay.opacity,
    }  # fmt: skip
