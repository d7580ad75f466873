"""Slices drawn by us lie as NiiVue's do, whatever the order of the file."""

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from PIL import Image

from curation.imaging.volumes import Volume
from pages.ui.viewer.browser_image import PreparedImage, write
from pages.ui.viewer.laid_over import Overlay
from pages.ui.viewer.slice_images import PLANES, Slices

HIGH = slice(26, 36)


def drawn(tmp_path: Path, code: str, spacing: tuple[float, float, float] = (2.0, 2.0, 2.0)):
    """A block whose bright bars lie to the right, in front and above, stored in one orientation."""
    data = np.full((40, 40, 40), 10.0, np.float32)
    data[HIGH, HIGH, :] = data[HIGH, :, HIGH] = data[:, HIGH, HIGH] = 100.0
    ras = nib.Nifti1Image(data, np.diag([*spacing, 1.0]))
    turn = nib.orientations.ornt_transform(
        nib.io_orientation(ras.affine), nib.orientations.axcodes2ornt(code)
    )
    turned = ras.as_reoriented(turn)
    edges = tuple(float(e) for e in np.linalg.norm(turned.affine[:3, :3], axis=0))
    volume = Volume(np.asarray(turned.dataobj), turned.affine, edges, code, "float32")
    path = tmp_path / "a.nii"
    facts = write(path, volume)
    return PreparedImage(
        path, facts.shape, facts.affine, "Tissue", 0, 100, (0, 100), facts.edges_mm, True, ()
    )


def bright(picture: Image.Image) -> tuple[float, float]:
    """Return the middle of what is white, across and down, 0 to 1."""
    grey = np.asarray(picture.convert("RGB")).min(axis=2)
    down, across = np.nonzero(grey > 200)
    return float(across.mean()) / grey.shape[1], float(down.mean()) / grey.shape[0]


@pytest.mark.parametrize("code", ["RAS", "LAS", "PSR", "LPS", "AIL"])
@pytest.mark.parametrize("plane", list(PLANES))
def test_right_front_and_above_are_left_left_and_up(tmp_path: Path, plane: str, code: str) -> None:
    found = Slices(drawn(tmp_path, code))
    across, down = bright(found.picture(PLANES[plane], 5))
    assert across < 0.45
    assert down < 0.45


def test_thick_slices_keep_their_proportions(tmp_path: Path) -> None:
    found = Slices(drawn(tmp_path, "RAS", (1.0, 1.0, 4.0)))
    wide, high = found.picture(PLANES["Coronal"], 3).size
    assert high == pytest.approx(4 * wide, abs=2)


@pytest.mark.parametrize("code", ["RAS", "PSR"])
def test_an_overlay_colours_what_it_covers_and_nothing_else(tmp_path: Path, code: str) -> None:
    image = drawn(tmp_path, code)
    found = Slices(image)
    mask = np.zeros((20, 20, 20), bool)
    mask[13:18] = True  # to the right, on a grid of twice the step
    red = Overlay("x", "red", mask, np.diag([4.0, 4.0, 4.0, 1.0]), 1.0)
    plain, laid = (
        np.asarray(found.picture(PLANES["Axial"], 5, over)).astype(int)
        for over in ([], [(red, "#FF0000")])
    )
    changed = np.abs(laid - plain).sum(axis=2) > 0
    middle = changed.shape[1] / 2
    assert 0.1 < changed.mean() < 0.4
    assert np.nonzero(changed)[1].max() < middle


def test_only_what_is_looked_at_is_read(tmp_path: Path) -> None:
    found = Slices(drawn(tmp_path, "LAS"))
    base = found._voxels
    while base.base is not None and not isinstance(base, np.memmap):
        base = base.base
    assert isinstance(base, np.memmap)


@pytest.mark.parametrize("code", ["RAS", "LAS", "PSR", "AIL"])
def test_the_slices_through_a_place_show_it_however_the_file_is_stored(
    tmp_path: Path, code: str
) -> None:
    found = Slices(drawn(tmp_path, code))
    assert found.through((60.0, 40.0, 22.0)) == [30, 20, 11]
    assert found.through((-50.0, 40.0, 500.0)) == [0, 20, 39]
