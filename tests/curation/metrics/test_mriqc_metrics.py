"""MRIQC's names on made scans: the closed form of MRIQC's definition in the masks that are given."""

import numpy as np
import pytest

from curation.metrics import Scan
from tests.helpers import scan_of_arrays
from tests.helpers.scan_of_arrays import make, value


@pytest.fixture(scope="module")
def tissues() -> Scan:
    return scan_of_arrays.thirds()


def test_snr_family_is_its_closed_form(tissues: Scan) -> None:
    whole = np.round(tissues.harmonised.astype(float))
    air = tissues.harmonised[tissues.masks.air]
    deviation = 1.4826 * np.median(np.abs(air - np.median(np.round(air))))
    ratios, dietrich = [], []
    for name in ("csf", "gm", "wm"):
        values = whole[getattr(tissues.masks, name)]
        n = len(values)
        ratios.append(np.median(values) / (values.std() * np.sqrt(n / (n - 1))))
        dietrich.append(0.6551 * np.median(values) / deviation)
        assert value(f"snr_{name}", tissues) == pytest.approx(ratios[-1], rel=1e-5)
        assert value(f"snrd_{name}", tissues) == pytest.approx(dietrich[-1], rel=1e-4)
    assert value("snr_total", tissues) == pytest.approx(np.mean(ratios), rel=1e-5)
    assert value("snrd_total", tissues) == pytest.approx(np.mean(dietrich), rel=1e-4)


def test_fber_is_its_closed_form(tissues: Scan) -> None:
    data, masks = tissues.volume.data.astype(float), tissues.masks
    expected = np.median(data[masks.head] ** 2) / np.median(data[masks.air] ** 2)
    assert value("fber", tissues) == pytest.approx(expected, rel=1e-5)


def test_cjv_and_cnr_are_their_closed_forms(tissues: Scan) -> None:
    data, masks = tissues.harmonised.astype(float), tissues.masks
    wm, gm, air = (np.round(data[part]) for part in (masks.wm, masks.gm, masks.air))
    gap = abs(np.median(wm) - np.median(gm))
    mads = [
        1.4826 * np.median(np.abs(data[part] - np.median(np.round(data[part]))))
        for part in (masks.wm, masks.gm)
    ]
    assert value("cjv", tissues) == pytest.approx(sum(mads) / gap, rel=1e-4)
    spread = np.sqrt(air.var() + wm.var() + gm.var())
    assert value("cnr", tissues) == pytest.approx(gap / spread, rel=0.01)


def test_efc_of_an_even_image_is_its_largest_and_of_one_voxel_its_least() -> None:
    even = make(np.full((16, 16, 16), 9.0))
    n = 16**3
    assert value("efc", even) == pytest.approx(1.0, rel=1e-4)
    point = np.zeros((16, 16, 16))
    point[3, 4, 5] = 7.0
    assert value("efc", make(point)) == pytest.approx(0.0, abs=1e-6)
    two = point.copy()
    two[9, 9, 9] = 7.0
    share = 1 / np.sqrt(2)
    expected = -2 * share * np.log(share) / (np.sqrt(n) * np.log(np.sqrt(n)))
    assert value("efc", make(two)) == pytest.approx(expected, rel=1e-4)
