"""A brain's vector is that of one head, whatever was done to the image, and not another's."""

from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from curation.imaging import brain_vector
from curation.imaging.brain_vector import SAME_HEAD, similarity
from curation.imaging.registered_grid import register_volume, volume_on_grid
from curation.imaging.template import template
from curation.imaging.volumes import Volume, conform, edges_mm, load
from tests.helpers import changed_copies

#: A template that is moved by a rigid motion, so that the alignment counts.
MOVED = np.array([[0.98, -0.2, 0, 7], [0.2, 0.98, 0, -4], [0, 0, 1, 9], [0, 0, 0, 1.0]])


def _volume(data: np.ndarray, affine: np.ndarray) -> Volume:
    return Volume(data.astype(np.float32), affine, edges_mm(affine), "RAS", "float32")


def _head(person: int) -> np.ndarray:
    """Return the template's image with folds of a person's own: a simulated brain."""
    maps = template(2)
    own = ndimage.gaussian_filter(np.random.default_rng(person).normal(0, 1, maps.t1.shape), 2.0)
    return np.where(maps.brain, 500 * maps.t1 * (1 + 0.25 * own / own.std()), 0).clip(0)


def _vector(data: np.ndarray, affine: np.ndarray | None = None) -> np.ndarray:
    placed = MOVED @ (template(2).affine if affine is None else affine)
    vector = brain_vector.brain_vector(
        volume_on_grid(conform(_volume(data, placed))), np.linalg.inv(MOVED)
    )
    assert vector is not None
    return vector


@pytest.fixture(scope="module")
def vector() -> np.ndarray:
    return _vector(_head(1))


def test_other_people_are_unlike_however_much_all_brains_are_alike(vector: np.ndarray) -> None:
    others = [similarity(vector, _vector(_head(person))) for person in (2, 3, 4)]
    assert max(others) < 0.3
    template_alone = brain_vector.brain_vector(
        volume_on_grid(_volume(500 * template(2).t1, template(2).affine)), np.eye(4)
    )
    assert template_alone is None or similarity(vector, template_alone) < 0.3


def test_the_same_head_is_alike_under_shading_contrast_noise_and_brightness(
    vector: np.ndarray,
) -> None:
    head, rng = _head(1), np.random.default_rng(9)
    shade = np.exp(0.4 * np.linspace(-1, 1, head.shape[0]))[:, None, None]
    for changed in (
        7 * head + 20,
        head * shade,
        head**0.7,
        np.abs(head + rng.normal(0, 40, head.shape)),
    ):
        assert similarity(vector, _vector(changed)) > 0.8


def test_the_order_of_axes_and_the_size_of_voxels_do_not_count(vector: np.ndarray) -> None:
    head, affine = _head(1), template(2).affine
    turned = np.moveaxis(head, 0, 2)[::-1]
    axes = np.array([[0, 0, 1, 0], [-1, 0, 0, head.shape[1] - 1], [0, 1, 0, 0], [0, 0, 0, 1.0]])
    assert similarity(vector, _vector(turned, affine @ axes)) > 0.999
    coarse = ndimage.zoom(head, 2 / 3, order=1)
    edges = (np.array(head.shape) - 1) / (np.array(coarse.shape) - 1)
    assert similarity(vector, _vector(coarse, affine @ np.diag([*edges, 1]))) > 0.8


def test_what_lies_around_the_brain_does_not_count(vector: np.ndarray) -> None:
    head, brain = _head(1), template(2).brain
    far = ~ndimage.binary_dilation(brain, iterations=8)
    around = np.where(far, 900 * np.random.default_rng(3).random(head.shape), head)
    assert similarity(vector, _vector(around)) > 0.99


def test_two_heads_that_are_cut_alike_are_unlike_and_a_cut_copy_is_found(
    vector: np.ndarray,
) -> None:
    keep = 55
    pull = template(2).affine @ np.array(
        [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, keep], [0, 0, 0, 1.0]]
    )
    one, other = (_vector(_head(person)[:, :, keep:], pull) for person in (1, 2))
    assert similarity(one, other) < 0.3
    assert similarity(one, vector) > 0.8


def test_an_image_without_a_brain_in_view_has_no_vector() -> None:
    affine = np.diag([4.0, 4.0, 4.0, 1.0])
    few = _volume(np.random.default_rng(0).random((20, 20, 20)), affine)
    assert brain_vector.brain_vector(volume_on_grid(few), np.eye(4)) is None
    affine[:3, 3] = -120
    flat = _volume(np.full((70, 70, 70), 3.0), affine)
    assert brain_vector.brain_vector(volume_on_grid(flat), np.eye(4)) is None


@pytest.mark.soak
def test_copies_of_a_real_head_are_found_and_two_real_heads_are_unlike(
    shared_data: Path, tmp_path: Path
) -> None:
    first, second = sorted((shared_data / "ds000011").glob("sub-*/anat/*_T1w.nii.gz"))[:2]
    copies = [changed_copies.write(first, kind, tmp_path) for kind in changed_copies.COPIES]
    whole, other, *others = (_real(path) for path in (first, second, *copies))
    assert min(similarity(whole, copy) for copy in others) >= SAME_HEAD + 0.2
    assert similarity(whole, other) <= SAME_HEAD - 0.1


def _real(path: Path) -> np.ndarray:
    volume = conform(load(path))
    vector = brain_vector.brain_vector(
        volume_on_grid(volume), register_volume(volume).template_affine
    )
    assert vector is not None
    return vector
