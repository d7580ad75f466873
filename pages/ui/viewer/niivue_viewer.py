"""NiiVue viewer of one scan: prepared for the browser, with its display convention in words.

The browser fetches the image that :mod:`pages.ui.viewer.browser_image` writes as a file.
"""

import mimetypes
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamlit as st
import streamlit.components.v1 as components

from curation.errors import VolumeError
from curation.imaging import volumes
from curation.imaging.nifti_header import write_mask
from curation.imaging.volumes import Volume
from pages.ui.shell import cache, controls, scratch, state
from pages.ui.viewer import niivue_build
from pages.ui.viewer.browser_image import ImageFacts, PreparedImage, write
from pages.ui.viewer.display_window import AIR_WINDOW, FIRST_WINDOW
from pages.ui.viewer.image_cache import ImageCache
from pages.ui.viewer.laid_over import ImageOverlay, Overlay
from pages.ui.viewer.place_marks import Aim

#: Width that the panel has on a desk and on a tablet, about; heights follow from it.
PANEL_PX, MAX_HEIGHT_PX = 730, 560
#: The line below the image that says where the cross hair is, as in :file:`niivue_page.html`.
_READOUT_PX = 26

#: label -> NiiVue's name.
VIEWS: dict[str, str] = {
    "Three planes": "multiplanar",
    "Axial": "axial",
    "Coronal": "coronal",
    "Sagittal": "sagittal",
    "Lightbox": "multiplanar",
    "3D": "3d",
}
#: Many slices of one plane at once, arranged by :file:`niivue_layout.js`.
LIGHTBOX = "Lightbox"
#: The view that has a window of its own: see :attr:`pages.ui.viewer.browser_image.PreparedImage.solid`.
SOLID = "3D"


def choose_view(*, solid: bool, why_not: str = "") -> str:
    """Draw the choice of one of :data:`VIEWS`, the same on every page, and return it.

    Beside it stands 3D, to be read only, with the reason where it is off (``why_not``).
    """
    view = controls.choose_segment("View", offered_views(solid=solid), key=state.VIEW)
    if why_not and not solid:
        st.button(f"{SOLID}: off", key="no-solid", disabled=True, help=why_not)
    return view


def offered_views(*, solid: bool) -> list[str]:
    """Return the views that are offered: 3D, which shows a face, only where it may be (``solid``)."""
    return [view for view in VIEWS if view != SOLID or solid]


def current_view(*, solid: bool) -> str:
    """Return the chosen one of :data:`VIEWS`."""
    offered = offered_views(solid=solid)
    chosen = state.get(state.VIEW, offered[0])
    return chosen if chosen in offered else offered[0]


def prepare_scan(path: Path, window: str, showing: Hashable = None) -> PreparedImage:
    """Read a scan and prepare it; the last ones are cached.

    Parameters
    ----------
    path : Path
        The scan.
    window : str
        Key in :data:`pages.ui.viewer.display_window.WINDOWS`.
    showing : hashable
        On which occasion it is shown: every occasion has a file and an address of its own, so that the
        browser cannot tell that a scan comes again.

    Raises
    ------
    VolumeError
        When the file cannot be read as an image, with the reason.
    """
    key = _key(path, showing)
    return prepare_image(key, lambda: volumes.load(path), window, "Reading the scan …")


def prefetch(path: Path, showing: Hashable = None, *, at_once: bool = False) -> None:
    """Prepare a scan in the background of the server: it is likely to be looked at next, or now."""
    _niivue().images.prepare(
        _key(path, showing), lambda file: write(file, volumes.load(path)), at_once=at_once
    )


def address_of(path: Path, showing: Hashable = None) -> str:
    """Return the address of a scan, prepared or not; it says nothing of the scan."""
    return f"{_IMAGES_FOLDER}/{_niivue().images.path_of(_key(path, showing)).name}"


def prepare_image(
    key: Hashable, load: Callable[[], Volume], window: str, saying: str
) -> PreparedImage:
    """Prepare the image that ``load`` returns, unless one of that key is cached.

    Parameters
    ----------
    key : hashable
        Says what the image is: the same key is the same image.
    load : callable
        Returns it.
    window : str
        Key in :data:`pages.ui.viewer.display_window.WINDOWS`.
    saying : str
        Stands on the screen meanwhile.
    """
    store = _niivue().images
    if store.has(key):
        item = store.get(key, lambda file: write(file, load()))
    else:
        with st.spinner(saying):
            item = store.get(key, lambda file: write(file, load()))
    facts: ImageFacts = item.facts
    warnings = facts.warnings
    if facts.without_air and window == AIR_WINDOW:
        window = FIRST_WINDOW
        warnings += (
            "There is no air to look at (the background is exactly 0: stripped or masked), so the tissue "
            "window is shown.",
        )
    black, white = facts.limits[window]
    return PreparedImage(
        item.path,
        facts.shape,
        facts.affine,
        window,
        black,
        white,
        facts.solid,
        facts.edges_mm,
        facts.oriented,
        warnings,
        facts.head,
    )


def _key(path: Path, showing: Hashable) -> Hashable:
    return ("scan", str(path), cache.stamp(path), showing)


# ---- the component ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Niivue:
    component: Callable[..., Any]
    changed: frozenset[str]
    images: ImageCache


@st.cache_resource(show_spinner=False)
def _niivue() -> _Niivue:
    build = niivue_build.derive(niivue_build.shipped_folder(), scratch.make() / "build")
    if build.missing:
        raise VolumeError(
            f"The installed niivue-streamlit is none that Tierscope knows ({', '.join(build.missing)}). "
            "Install the version that requirements.txt names."
        )
    # Streamlit gzips whatever is no film, picture or archive by its type: for a whole head a second or two.
    mimetypes.add_type("video/x-nifti", ".nii")
    component = components.declare_component("tierscope_niivue", path=build.folder)
    return _Niivue(component, build.changed, ImageCache(build.folder / _IMAGES_FOLDER))


_IMAGES_FOLDER = "scans"
_SETTINGS = {"crosshair": True, "radiological": True, "colorbar": False, "interpolation": False}


#: What keys, mouse and fingers do on the image; its own page listens for them.
HANDLING = {
    "Slices": "wheel, ↑ and ↓; by 10 mm Page Up and Page Down; of the plane under the mouse or the large one",
    "Planes": "← and → make another one large; F shows one on the whole screen, F or Esc ends it",
    "Zoom": "+ and −, Ctrl with the wheel, or two fingers; * shows all again; drag with Shift to pan",
    "Cross hair": "click or tap moves it; X hides and shows it",
    "Fingers": "one moves the cross hair, two enlarge and move the image; − and + below it go slice by slice",
    "Window": "draw a box over tissue with the right button: its greys fill the window; double click resets "
    "it; level and width, also by finger, under the button Window",
    "Mark": "Q, or the button below the image, rings the place of the cross hair, where an artefact is; "
    "there again takes it away",
}


def convention(oriented: bool = True) -> str:
    """Return the display convention in words, as it is really drawn.

    Parameters
    ----------
    oriented : bool
        Whether the scan's header says how it lies; without, nobody can tell the sides.
    """
    if not oriented:
        return (
            "No orientation in the header: left and right cannot be told, the letters are a guess."
        )
    nose = "left" if "nose left" in _niivue().changed else "right"
    return f"Radiological: patient's right is on the left. Sagittal: the nose points {nose}."


def height_px(image: PreparedImage, view: str, width_px: int = PANEL_PX) -> int:
    """Return the height at which a view fills the width of its panel, within reason."""
    x, y, z = image.edges_mm
    wide_to_high = {
        "multiplanar": (x + y) / (y + z),
        "axial": x / y,
        "coronal": x / z,
        "sagittal": y / z,
    }.get(VIEWS[view], 1.0)
    return int(min(width_px / wide_to_high, MAX_HEIGHT_PX)) + 10 + _READOUT_PX


def warm() -> None:
    """Let the browser read NiiVue and make its shaders, out of sight, on a page that leads to a scan."""
    _niivue().component(
        image=None,
        filename="nothing.nii",
        height=1,
        view_mode=VIEWS["Three planes"],
        styled=False,
        settings=_SETTINGS,
        update_interval_ms=None,
        default=None,
        key="niivue-warm",
    )


def show(
    image: PreparedImage,
    *,
    scan_id: str,
    view: str,
    overlays: Sequence[Overlay | ImageOverlay] = (),
    key: str = "niivue",
    width_px: int = PANEL_PX,
    following: str | None = None,
    home: tuple[float, float] | None = None,
    on_window: Callable[[float, float], None] | None = None,
    on_mark: Callable[[list[float]], None] | None = None,
    aim: Aim | None = None,
) -> str | None:
    """Draw a prepared scan.

    Parameters
    ----------
    image : PreparedImage
        The scan.
    scan_id : str
        Stands on the image.
    view : str
        One of :data:`VIEWS`.
    overlays : sequence of Overlay or ImageOverlay
        What is laid over it.
    key : str
        Of this viewer: it stays the same from scan to scan, and with it the browser's canvas.
    width_px : int
        How wide the panel is, about.
    following : str, optional
        Address of what is likely to be looked at next, see :func:`address_of`: the browser fetches it while
        this one is looked at.
    home : tuple of float, optional
        Black and white that a double click leads back to; those of ``image`` by default.
    on_window : callable, optional
        Is told black and white when a window was drawn on the image, or taken back.
    on_mark : callable, optional
        Is told the place of the cross hair, in mm, when it is to be marked.
    aim : Aim, optional
        Where the cross hair goes; it stays there, or where it is moved then, until another one comes.

    Returns
    -------
    str or None
        Why the browser cannot draw it.
    """
    if view == SOLID:
        image, home, on_window, on_mark = image.in_3d(), None, None, None
    address = f"{_IMAGES_FOLDER}/{image.file.name}"
    report = _niivue().component(
        image=address,
        overlay_files=[_laid(image, overlay) for overlay in overlays],
        following=following,
        black=image.black,
        white=image.white,
        home=home or (image.black, image.white),
        tells_window=on_window is not None,
        tells_mark=on_mark is not None,
        aim=None if aim is None else vars(aim),
        head=vars(image.head),
        filename=f"{scan_id}.nii",
        height=height_px(image, view, width_px),
        view_mode=VIEWS[view],
        lightbox=view == LIGHTBOX,
        styled=False,
        settings=_SETTINGS,
        update_interval_ms=None,
        default=None,
        key=key,
        on_change=lambda: _heard(key, address, on_window, on_mark),
    )
    return str(report["failed"]) if _is_of(report, address, "failed") else None


def _heard(
    key: str,
    address: str,
    on_window: Callable[[float, float], None] | None,
    on_mark: Callable[[list[float]], None] | None,
) -> None:
    report = state.get(key)
    if on_window is not None and _is_of(report, address, "white"):
        on_window(float(report["black"]), float(report["white"]))
    if on_mark is not None and _is_of(report, address, "mark"):
        on_mark(report["mark"])


def _is_of(report: Any, address: str, what: str) -> bool:
    return isinstance(report, dict) and report.get("image") == address and what in report


def _laid(image: PreparedImage, overlay: Overlay | ImageOverlay) -> dict[str, Any]:
    """Return the overlay as the page takes it, after writing its file into the cache."""
    if isinstance(overlay, ImageOverlay):
        file, ends = overlay.image.file, {"black": overlay.black, "white": overlay.white}
        return _named(file, overlay) | ends
    item = _niivue().images.get(
        ("overlay", image.file.name, overlay.key),
        lambda file: write_mask(file, overlay.mask, overlay.affine),
    )
    return _named(item.path, overlay)


def _named(file: Path, overlay: Overlay | ImageOverlay) -> dict[str, Any]:
    return {
        "file": f"{_IMAGES_FOLDER}/{file.name}",
        "name": f"{file.stem}.nii",
        "colormap": overlay.colour,
        "opacity": overlay.opacity,
    }
