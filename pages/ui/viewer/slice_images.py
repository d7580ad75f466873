"""Plain pictures of a scan, slice by slice, for images that NiiVue cannot draw; in the same convention.

Only the slices that are looked at are read, from the file that was prepared for the browser.
"""

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass

import nibabel as nib
import numpy as np
import streamlit as st
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from curation.imaging.nifti_header import read_image
from pages.ui.shell import formatting
from pages.ui.viewer import place_marks
from pages.ui.viewer.browser_image import PreparedImage
from pages.ui.viewer.image_overlays import LAYERS
from pages.ui.viewer.laid_over import Overlay
from pages.ui.viewer.place_marks import Aim

#: Shortest edge of a picture, in pixels.
_EDGE_PX = 420
#: NiiVue's names of colours -> the colours.
_COLOURS = {layer.colour_map: layer.colour for layer in LAYERS.values()} | {
    place_marks.COLOUR_MAP: place_marks.COLOUR
}
_LETTERS_PX, _HALO_PX = 18, 2
_LETTER_COLOUR, _HALO_COLOUR = (255, 255, 255), (0, 0, 0)


# ---- the pictures --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Plane:
    """One of the three planes.

    Parameters
    ----------
    label : str
        For the screen.
    axis : int
        Of a scan in RAS order; the slices are counted along it.
    letters : tuple of str
        At the left, right, top and bottom of the picture.
    along : str
        Where the count of slices begins and ends.
    """

    label: str
    axis: int
    letters: tuple[str, str, str, str]
    along: str


#: Radiological: the patient's right on the left; the nose points left.
PLANES: dict[str, Plane] = {
    plane.label: plane
    for plane in (
        Plane("Axial", 2, ("R", "L", "A", "P"), "from below to above"),
        Plane("Coronal", 1, ("R", "L", "S", "I"), "from the back to the front"),
        Plane("Sagittal", 0, ("A", "P", "S", "I"), "from the patient's left to the right"),
    )
}


class Slices:
    """The slices of a prepared scan.

    Parameters
    ----------
    image : PreparedImage
        As :func:`pages.ui.viewer.niivue_viewer.prepare_scan` returns.
    """

    def __init__(self, image: PreparedImage) -> None:
        voxels, self._slope, self._low = read_image(image.file)
        axes = nib.io_orientation(image.affine)
        self._voxels = nib.apply_orientation(voxels, axes)  # a view: nothing is read
        self._affine = image.affine @ nib.orientations.inv_ornt_aff(axes, voxels.shape)
        self._edges = np.linalg.norm(self._affine[:3, :3], axis=0)
        self._window = (image.black, image.white)
        self.shape = self._voxels.shape

    def picture(
        self, plane: Plane, position: int, overlays: Sequence[tuple[Overlay, str]] = ()
    ) -> Image.Image:
        """Draw one slice in true proportions, with letters.

        Parameters
        ----------
        plane : Plane
            One of :data:`PLANES`.
        position : int
            From 0 along the plane's axis.
        overlays : sequence of (Overlay, str)
            What is laid over it, with its colour as ``#RRGGBB``.
        """
        raw = np.take(self._voxels, position, axis=plane.axis).astype(np.float32)
        black, white = self._window
        grey = np.clip((raw * self._slope + self._low - black) / max(white - black, 1e-30), 0, 1)
        colour = np.repeat(255 * grey[..., None], 3, axis=2)
        for overlay, name in overlays:
            inside = self._cut(overlay, plane.axis, position)
            tint = np.array([int(name[i : i + 2], 16) for i in (1, 3, 5)])
            colour[inside] += overlay.opacity * (tint - colour[inside])
        flipped = colour[::-1, ::-1].transpose(1, 0, 2).astype(np.uint8)
        return _lettered(self._proportioned(flipped, plane), plane)

    def through(self, place: Sequence[float]) -> list[int]:
        """Return the position along each axis of the slices through a place in mm."""
        at = np.linalg.inv(self._affine)[:3] @ [*place, 1.0]
        return [int(each) for each in np.clip(np.rint(at), 0, np.array(self.shape) - 1)]

    def _cut(self, overlay: Overlay, axis: int, position: int) -> NDArray[np.bool_]:
        """Return the mask at the voxels of one slice; both lie in RAS order."""
        to_mask = np.linalg.inv(overlay.affine) @ self._affine
        index = [
            np.clip(np.rint(to_mask[k, k] * np.arange(n) + to_mask[k, 3]).astype(int), 0, size - 1)
            for k, (n, size) in enumerate(zip(self.shape, overlay.mask.shape, strict=True))
        ]
        index[axis] = index[axis][[position]]
        return np.take(overlay.mask[np.ix_(*index)], 0, axis=axis)

    def _proportioned(self, pixels: NDArray[np.uint8], plane: Plane) -> Image.Image:
        across, down = (edge for k, edge in enumerate(self._edges) if k != plane.axis)
        wide, high = pixels.shape[1] * across, pixels.shape[0] * down
        scale = _EDGE_PX / min(wide, high)
        size = (max(1, round(wide * scale)), max(1, round(high * scale)))
        return Image.fromarray(pixels).resize(size, Image.Resampling.NEAREST)


def _lettered(picture: Image.Image, plane: Plane) -> Image.Image:
    draw, font = ImageDraw.Draw(picture), ImageFont.load_default(_LETTERS_PX)
    wide, high = picture.size
    left, right, top, bottom = plane.letters
    for letter, place, anchor in (
        (left, (4, high // 2), "lm"),
        (right, (wide - 4, high // 2), "rm"),
        (top, (wide // 2, 2), "mt"),
        (bottom, (wide // 2, high - 2), "mb"),
    ):
        draw.text(
            place,
            letter,
            fill=_LETTER_COLOUR,
            font=font,
            anchor=anchor,
            stroke_width=_HALO_PX,
            stroke_fill=_HALO_COLOUR,
        )
    return picture


# ---- on the screen -------------------------------------------------------------------------------


def show(
    image: PreparedImage,
    view: str,
    overlays: Sequence[Overlay],
    reason: str,
    *,
    key: str,
    aim: Aim | None = None,
) -> None:
    """Draw the planes of a view.

    Parameters
    ----------
    image : PreparedImage
        The scan.
    view : str
        One of :data:`pages.ui.viewer.niivue_viewer.VIEWS`; there is no 3D of slices, so that shows three
        planes.
    overlays : sequence of Overlay
        What is laid over it.
    reason : str
        Why it is drawn so.
    key : str
        Tells the sliders of two scans apart.
    aim : Aim, optional
        The place through which the slices are drawn, until others are chosen.
    """
    st.warning(
        formatting.escape(f"Drawn as slices: {reason}. Every voxel is shown; there is no 3D.")
    )
    slices = Slices(image)
    planes = [PLANES[view]] if view in PLANES else list(PLANES.values())
    middle = [int(at * (n - 1)) for at, n in zip(image.head.middle, slices.shape, strict=True)]
    first = slices.through(aim.place) if aim else middle
    of = f"{key}-{image.file.stem}" + (f"-{aim.asked_ms}" if aim else "")
    for column, plane in zip(st.columns(len(planes)), planes, strict=True):
        with column:
            _plane(slices, plane, overlays, first[plane.axis], f"{of}-{plane.label}")


def _plane(slices: Slices, plane: Plane, overlays: Sequence[Overlay], first: int, key: str) -> None:
    count = slices.shape[plane.axis]
    picture = st.empty()
    position = st.slider(f"{plane.label} slice, {plane.along}", 1, count, value=first + 1, key=key)
    coloured = [(overlay, _COLOURS[overlay.colour]) for overlay in overlays]
    picture.image(_within(slices.picture(plane, position - 1, coloured)))


def _within(picture: Image.Image) -> str:
    """Return a picture as a data address: the name of a file would depend on the content."""
    kept = io.BytesIO()
    picture.save(kept, "PNG")
    return f"data:image/png;base64,{base64.b64encode(kept.getvalue()).decode()}"
