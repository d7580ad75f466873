"""What is left of a distortion in the prepared volume: planted on the template and found again."""

import numpy as np
import pytest
from scipy import ndimage

from curation.errors import NotMeasurable
from curation.imaging.nifti_header import edges_mm
from curation.imaging.registered_grid import GridVolume
from curation.imaging.template import template
from curation.imaging.volumes import Volume
from curation.metrics import METRICS, prepared
from curation.metrics.registry import PREPARED
from curation.metrics.scan_context import Scan
from curation.scoring.score_reference import builtin


class _OnTemplate:
    """The masks' part that the prepared volume rests on: the scan lies on the template."""

    template_affine = np.eye(4)

    def on_grid(self, volume: Volume) -> GridVolume:
        every = np.ones(volume.data.shape, bool)
        return GridVolume(volume.data, np.ones(3), every, volume.affine)


def _scan(data: np.ndarray) -> Scan:
    affine = template(2).affine
    volume = Volume(data.astype(np.float32), affine, edges_mm(affine), "RAS", "float32")
    return Scan(volume, _OnTemplate())  # type: ignore[arg-type]


def _head() -> np.ndarray:
    """Return white matter of 100, grey of 70, fluid of 30, by the template's tissues."""
    maps = template(2)
    return 100 * maps.wm + 70 * maps.gm + 30 * maps.csf


def test_noise_that_averaging_leaves_is_what_is_measured() -> None:
    noise = np.random.default_rng(0).normal(0, 1, _head().shape)
    left = ndimage.gaussian_filter(noise, 0.7)
    planted = [0.0, 5.0, 10.0, 20.0]
    found = [
        prepared.prepared_unevenness(_scan(_head() + sd * left / left.std())) for sd in planted
    ]
    assert found[0] < 0.02 and np.all(np.diff(found) > 0.01)
    fine = [prepared.prepared_unevenness(_scan(_head() + sd * noise)) for sd in planted]
    assert fine[3] < found[3], "finer noise is averaged away"


def test_shading_is_the_range_of_white_matter() -> None:
    heights = np.linspace(-1, 1, _head().shape[2])
    found = [prepared.prepared_shading(_scan(_head() * (1 + k * heights))) for k in (0.0, 0.2, 0.4)]
    assert found[0] < 0.05
    assert found[2] - found[1] == pytest.approx(found[1] - found[0], rel=0.35)
    assert 0.05 < found[1] < 0.4


def test_contrast_is_that_of_the_tissues_and_goes_with_blur() -> None:
    sharp = prepared.prepared_contrast(_scan(_head()))
    assert sharp == pytest.approx(0.3, abs=0.08)
    blurred = ndimage.gaussian_filter(_head(), 3)
    assert prepared.prepared_contrast(_scan(blurred)) < sharp - 0.05
    inverted = 170 * template(2).brain - _head()
    assert prepared.prepared_contrast(_scan(inverted)) < 0


def test_agreement_is_one_with_the_template_and_falls_where_another_brain_lies() -> None:
    same = prepared.prepared_agreement(_scan(template(2).t1))
    away = prepared.prepared_agreement(_scan(np.roll(template(2).t1, 6, axis=0)))
    assert same == pytest.approx(1, abs=0.01) and away < 0.8


def test_a_missing_slab_is_the_share_of_the_brain_that_it_takes() -> None:
    assert prepared.prepared_missing(_scan(_head())) < 0.01
    data = _head()
    middle = data.shape[2] // 2
    data[:, :, middle - 6 : middle + 6] = 0
    lost = template(2).brain[:, :, middle - 6 : middle + 6].sum() / template(2).brain.sum()
    assert prepared.prepared_missing(_scan(data)) == pytest.approx(lost, abs=0.03)


def test_an_empty_scan_is_not_measurable() -> None:
    for name, entry in METRICS.items():
        if entry.family == PREPARED:
            with pytest.raises(NotMeasurable):
                METRICS[name].function(_scan(np.zeros_like(_head())))


def test_none_of_it_counts_for_a_score() -> None:
    own = {name for name, entry in METRICS.items() if entry.family == PREPARED}
    assert len(own) == 5 and not own & {*builtin().anchors, *builtin().anatomy}
    assert not any(METRICS[name].can_be_scored for name in own)
