"""Prepared images of the viewer: the same position in space, nearly the same intensities, honest words."""

import hashlib
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from curation.imaging import volumes
from curation.imaging.volumes import Volume
from pages.ui.viewer import browser_image, image_cache, niivue_build, niivue_viewer
from pages.ui.viewer.browser_image import PreparedImage
from pages.ui.viewer.display_window import WINDOWS
from tests.helpers.nifti_images import write_nifti

TISSUE, BACKGROUND = "Tissue", "Background"


@pytest.fixture(autouse=True)
def own_images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> image_cache.ImageCache:
    """A viewer with an image cache of its own and no browser."""
    own = image_cache.ImageCache(tmp_path / "images")
    fake = niivue_viewer._Niivue(lambda **_: None, frozenset(), own)
    monkeypatch.setattr(niivue_viewer, "_niivue", lambda: fake)
    return own


def prepare(volume: Volume, window: str) -> PreparedImage:
    content = hashlib.sha256(volume.data.tobytes() + volume.affine.tobytes()).hexdigest()
    return niivue_viewer.prepare_image(content, lambda: volume, window, "")


def volume(data: np.ndarray, affine: np.ndarray | None = None, orientation: str | None = "RAS"):
    affine = np.diag([2.0, 1.5, 3.0, 1.0]) if affine is None else affine
    edges = tuple(float(e) for e in np.linalg.norm(affine[:3, :3], axis=0))
    return Volume(data.astype(np.float32), affine, edges, orientation, "float32")


def noise(shape: tuple[int, int, int] = (10, 12, 14)) -> np.ndarray:
    return np.random.default_rng(0).normal(500, 100, shape)


def decoded(image: PreparedImage) -> nib.Nifti1Image:
    return nib.Nifti1Image.from_bytes(image.file.read_bytes())


def test_affine_is_kept_to_the_bit() -> None:
    affine = np.array([[0.0, 0, -1.25, 80], [0.9, 0.1, 0, -70], [0, 1.0, 0.2, -60], [0, 0, 0, 1]])
    image = decoded(prepare(volume(noise(), affine), TISSUE))
    assert np.allclose(image.affine, affine, atol=1e-6)


def test_intensities_are_kept_to_one_step_of_16_bits() -> None:
    data = noise()
    image = decoded(prepare(volume(data), TISSUE))
    step = (data.max() - data.min()) / 32_000
    assert np.abs(image.get_fdata() - data).max() <= step
    assert image.get_data_dtype() == np.int16


def test_one_blazing_voxel_leaves_the_brain_its_grey_steps() -> None:
    data = noise()
    data[0, 0, 0] = 1e9
    image = decoded(prepare(volume(data), TISSUE)).get_fdata()
    rest = np.ones(data.shape, bool)
    rest[0, 0, 0] = False
    assert np.abs(image - data)[rest].max() < 1.0


def test_whole_numbers_travel_exactly_in_the_smallest_type() -> None:
    rng = np.random.default_rng(3)
    for top, kind, dtype in ((200, np.uint8, "uint8"), (4000, np.int16, "uint16")):
        data = rng.integers(7, top, (10, 12, 14)).astype(np.float32)
        data[0, 0, 0], data[0, 0, 1] = 7, top - 1
        whole = Volume(data, np.eye(4), (1.0, 1.0, 1.0), "RAS", dtype)
        image = decoded(prepare(whole, TISSUE))
        assert image.get_data_dtype() == kind
        assert np.array_equal(image.get_fdata(), data)


def test_window_travels_in_the_header() -> None:
    image = prepare(volume(noise()), TISSUE)
    header = decoded(image).header
    assert float(header["cal_min"]) == pytest.approx(image.black)
    assert float(header["cal_max"]) == pytest.approx(image.white)
    assert image.black < 500 < image.white


@pytest.mark.parametrize("window", [TISSUE, BACKGROUND])
def test_3d_has_a_window_of_its_own_whatever_the_planes_show(
    window: str, own_images: image_cache.ImageCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: dict = {}
    fake = niivue_viewer._Niivue(lambda **told: drawn.update(told), frozenset(), own_images)  # type: ignore[arg-type]
    monkeypatch.setattr(niivue_viewer, "_niivue", lambda: fake)
    data = np.abs(np.random.default_rng(2).normal(0, 5, (20, 20, 20)))
    data[6:14, 6:14, 6:14] = noise((8, 8, 8))
    image = prepare(volume(data), window)
    niivue_viewer.show(image, scan_id="one", view=niivue_viewer.SOLID, on_window=print)
    assert (drawn["black"], drawn["white"]) == image.solid == drawn["home"]
    assert not drawn["tells_window"]
    assert data[0].max() < drawn["black"] < data[6:14, 6:14, 6:14].min()
    niivue_viewer.show(image, scan_id="one", view="Axial", on_window=print)
    assert (drawn["black"], drawn["white"], drawn["tells_window"]) == (
        image.black,
        image.white,
        True,
    )


def test_background_view_stretches_the_lowest_tenth() -> None:
    tissue, background = (prepare(volume(noise()), w) for w in (TISSUE, BACKGROUND))
    assert background.black == tissue.black
    assert background.white - background.black == pytest.approx(
        (tissue.white - tissue.black) / 10, rel=1e-6
    )


def test_without_air_the_tissue_is_shown_and_said() -> None:
    data = np.zeros((20, 20, 20))
    data[8:12, 8:12, 8:12] = noise((4, 4, 4))
    stripped = volume(data)
    shown, tissue = (prepare(stripped, window) for window in (BACKGROUND, TISSUE))
    assert any("no air" in warning for warning in shown.warnings)
    assert (shown.window, shown.white) == (TISSUE, tissue.white)
    assert not tissue.warnings


def test_missing_orientation_is_said() -> None:
    said = prepare(volume(noise(), orientation=None), TISSUE).warnings
    assert any("left and right cannot be told" in warning for warning in said)


def test_a_scan_that_no_texture_holds_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    image = prepare(volume(noise()), TISSUE)
    assert image.too_large is None
    monkeypatch.setattr(browser_image, "MAX_VOXELS", 300)
    assert "million voxels" in (image.too_large or "")
    monkeypatch.setattr(browser_image, "MAX_VOXELS", 10**9)
    monkeypatch.setattr(browser_image, "MAX_EDGE", 13)
    assert "an edge of 14 voxels" in (image.too_large or "")


def test_one_file_serves_both_windows() -> None:
    scan = volume(noise())
    assert prepare(scan, TISSUE).file == prepare(scan, BACKGROUND).file


def test_a_scan_prepared_ahead_is_not_read_again(
    tmp_path: Path, own_images: image_cache.ImageCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_nifti(tmp_path / "scan.nii.gz")
    niivue_viewer.prefetch(path)
    own_images._ahead.shutdown(wait=True)
    monkeypatch.setattr(volumes, "load", None)
    assert niivue_viewer.prepare_scan(path, TISSUE).file.is_file()


def test_every_showing_of_a_scan_has_an_address_of_its_own(
    tmp_path: Path, own_images: image_cache.ImageCache
) -> None:
    path = write_nifti(tmp_path / "scan.nii.gz")
    first, again = (
        niivue_viewer.prepare_scan(path, TISSUE, showing) for showing in ((7, 0), (7, 3))
    )
    assert first.file != again.file
    assert first.file.read_bytes() == again.file.read_bytes()
    assert niivue_viewer.prepare_scan(path, BACKGROUND, (7, 3)).file == again.file
    niivue_viewer.prefetch(path, (7, 5))
    own_images._ahead.shutdown(wait=True)
    assert niivue_viewer.prepare_scan(path, TISSUE, (7, 5)).file.name in niivue_viewer.address_of(
        path, (7, 5)
    )
    assert len(list(own_images.folder.iterdir())) == 3


def test_the_name_of_the_file_says_nothing_of_the_scan(tmp_path: Path) -> None:
    path = write_nifti(tmp_path / "sub-secret_T1w.nii.gz")
    image = niivue_viewer.prepare_scan(path, TISSUE)
    assert "secret" not in image.file.name
    assert b"secret" not in image.file.read_bytes()


def test_the_file_on_disk_is_only_read(tmp_path: Path) -> None:
    path = write_nifti(tmp_path / "scan.nii.gz")
    before = path.read_bytes()
    niivue_viewer.prepare_scan(path, BACKGROUND)
    assert path.read_bytes() == before


def test_real_scans_of_every_kind_can_be_prepared(shared_data: Path) -> None:
    for name in (
        "ds000011/sub-01/anat/sub-01_T1w.nii.gz",
        "thick_slice_ms/patient12_study1_T1W.nii.gz",
        "stripped_fullres/ds002748_sub-48_T1w.nii.gz",
    ):
        read = volumes.load(shared_data / name)
        for window in WINDOWS:
            image = prepare(read, window)
            assert image.black < image.white
            assert decoded(image).shape == read.data.shape


@pytest.mark.parametrize("view", list(niivue_viewer.VIEWS))
def test_a_view_is_never_taller_than_the_screen(view: str) -> None:
    image = prepare(volume(noise((10, 10, 80))), TISSUE)
    assert 0 < niivue_viewer.height_px(image, view) <= niivue_viewer.MAX_HEIGHT_PX + 36


def test_a_head_is_as_high_however_its_voxels_are_stored() -> None:
    data = noise((20, 30, 40))
    stored = nib.Nifti1Image(data, np.diag([1.0, 1.5, 2.0, 1.0]))
    for codes in ("LAS", "PSR", "IRP"):
        turn = nib.orientations.ornt_transform(
            nib.orientations.io_orientation(stored.affine), nib.orientations.axcodes2ornt(codes)
        )
        turned = stored.as_reoriented(turn)
        image = prepare(volume(turned.get_fdata(), turned.affine), TISSUE)
        assert image.edges_mm == pytest.approx((20, 45, 80))


def test_without_orientation_no_side_is_claimed(tmp_path: Path) -> None:
    image = prepare(volume(noise(), orientation=None), TISSUE)
    assert not image.oriented
    assert "right is on the left" not in niivue_viewer.convention(image.oriented)


# ---- NiiVue's defaults -----------------------------------------------------------------------------


def test_the_installed_niivue_takes_every_change(tmp_path: Path) -> None:
    build = niivue_build.derive(niivue_build.shipped_folder(), tmp_path / "build")
    assert build.changed == set(niivue_build.CHANGES)
    code = (build.folder / "assets" / "index.js").read_text(encoding="utf-8")
    assert "sagittalNoseLeft:!0" in code
    assert "sagittalNoseLeft:!1" not in code


def test_a_default_spelled_otherwise_is_left_alone_and_not_claimed(tmp_path: Path) -> None:
    shipped = tmp_path / "shipped"
    (shipped / "assets").mkdir(parents=True)
    (shipped / "index.html").write_text("<html><head></head></html>")
    (shipped / "assets" / "index.js").write_text("a={multiplanarShowRender:2,noseLeft:false}")
    build = niivue_build.derive(shipped, tmp_path / "build")
    assert build.changed == {"3D only when asked for"}
    assert (shipped / "assets" / "index.js").read_text().endswith("noseLeft:false}")


def test_a_change_of_several_texts_is_made_whole_or_not(tmp_path: Path) -> None:
    shipped = tmp_path / "shipped"
    (shipped / "assets").mkdir(parents=True)
    (shipped / "index.html").write_text("<html><head></head></html>")
    some = niivue_build.CHANGES["grey planes without a shader"][0][0]
    (shipped / "assets" / "index.js").write_text(some)
    build = niivue_build.derive(shipped, tmp_path / "build")
    assert not build.changed
    assert (build.folder / "assets" / "index.js").read_text() == some


def test_the_screen_says_what_is_really_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    for changed, nose in ((frozenset({"nose left"}), "left"), (frozenset(), "right")):
        fake = niivue_viewer._Niivue(lambda **_: None, changed, None)  # type: ignore[arg-type]
        monkeypatch.setattr(niivue_viewer, "_niivue", lambda fake=fake: fake)
        assert f"the nose points {nose}" in niivue_viewer.convention()
        assert "patient's right is on the left" in niivue_viewer.convention()
