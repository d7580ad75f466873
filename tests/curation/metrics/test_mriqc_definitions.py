"""MRIQC's definitions: equal to MRIQC's own functions on the same arrays, and to closed forms."""

import importlib.util
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from scipy import ndimage, stats

from curation.errors import NotMeasurable
from curation.metrics import mriqc_definitions

SHAPE = (40, 44, 42)


def _load(name: str) -> ModuleType:
    """Load one module of an installed MRIQC without the pipeline that it stands in."""
    package = importlib.util.find_spec("mriqc")
    if package is None or not package.submodule_search_locations:
        pytest.skip("MRIQC is not installed; 'make test' installs it")
    path = Path(package.submodule_search_locations[0]) / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"mriqc_{path.stem}", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def mriqc() -> Iterator[Any]:
    """MRIQC's own ``qc/anatomical.py``; its logging and its plots are left out."""
    with pytest.MonkeyPatch.context() as patch:
        config = types.ModuleType("mriqc")
        config.config = types.SimpleNamespace(loggers=None)  # type: ignore[attr-defined]
        location = importlib.util.find_spec("mriqc")
        plots = types.ModuleType("nireports.reportlets.nuisance")
        plots.plot_qi2 = lambda *_: ""  # type: ignore[attr-defined]
        if location is not None:
            config.__path__ = location.submodule_search_locations  # type: ignore[attr-defined]
            config.__spec__ = location
        patch.setitem(sys.modules, "mriqc", config)
        for name in ("nireports", "nireports.reportlets"):
            patch.setitem(sys.modules, name, types.ModuleType(name))
        patch.setitem(sys.modules, "nireports.reportlets.nuisance", plots)
        yield _load("qc/anatomical")


@pytest.fixture(scope="module")
def head() -> dict[str, np.ndarray]:
    """A made head: brightness, shares of three tissues that overlap, and air with noise."""
    rng = np.random.default_rng(3)
    raw = rng.uniform(0, 1, (*SHAPE, 3)) ** 3
    raw[:, 30:] = 0
    shares = raw / np.maximum(raw.sum(axis=-1, keepdims=True), 1e-9)
    image = shares @ np.array([250.0, 700.0, 1000.0]) + rng.normal(0, 30, SHAPE)
    air = np.zeros(SHAPE, dtype=bool)
    air[:, 30:] = True
    noise = rng.chisquare(8, SHAPE) * 4
    image = np.where(air, noise, np.maximum(image, 0))
    return {"image": image, "shares": shares, "air": air}


def summaries(head: dict[str, np.ndarray]) -> dict[str, mriqc_definitions.IntensitySummary]:
    found = {
        name: mriqc_definitions.summarise(head["image"].ravel(), head["shares"][..., k].ravel())
        for k, name in enumerate(("csf", "gm", "wm"))
    }
    found["bg"] = mriqc_definitions.summarise(
        head["image"].ravel(), head["air"].ravel().astype(float)
    )
    return found


# ---- against MRIQC -------------------------------------------------------------------------------


def test_summaries_are_mriqcs(mriqc: Any, head: dict[str, np.ndarray]) -> None:
    maps = {name: head["shares"][..., k] for k, name in enumerate(("csf", "gm", "wm"))}
    theirs = mriqc.summary_stats(head["image"], maps | {"bg": head["air"].astype(float)})
    for name, ours in summaries(head).items():
        for key, expected in theirs[name].items():
            assert getattr(ours, key) == pytest.approx(expected, abs=6e-5), (name, key)


def test_ratios_of_tissues_are_mriqcs(mriqc: Any, head: dict[str, np.ndarray]) -> None:
    s = summaries(head)
    wm, gm, air = s["wm"], s["gm"], s["bg"]
    for one in (wm, gm, s["csf"]):
        assert mriqc_definitions.snr(one.median, one.stdv, one.n) == pytest.approx(
            mriqc.snr(one.median, one.stdv, one.n), rel=1e-12
        )
        assert mriqc_definitions.snr_dietrich(one.median, air.mad) == pytest.approx(
            mriqc.snr_dietrich(one.median, air.mad, air.stdv), rel=1e-12
        )
    assert mriqc_definitions.cnr(wm, gm, air.stdv) == pytest.approx(
        mriqc.cnr(wm.median, gm.median, air.stdv, wm.stdv, gm.stdv), rel=1e-12
    )
    assert mriqc_definitions.cjv(wm, gm) == pytest.approx(
        mriqc.cjv(wm.median, gm.median, wm.mad, gm.mad), rel=1e-12
    )


def test_measures_of_the_whole_image_are_mriqcs(mriqc: Any, head: dict[str, np.ndarray]) -> None:
    image, air = head["image"], head["air"]
    theirs = mriqc.fber(image, (~air).astype(np.uint8))
    assert mriqc_definitions.fber(image, ~air, air) == pytest.approx(theirs, abs=6e-5)
    frame = np.zeros(SHAPE, dtype=bool)
    frame[:6] = True
    assert mriqc_definitions.efc(image) == pytest.approx(mriqc.efc(image), abs=6e-5)
    assert mriqc_definitions.efc(image, frame) == pytest.approx(
        mriqc.efc(image, frame.astype(np.uint8)), abs=6e-5
    )
    assert mriqc_definitions.wm2max(image, 1000.0) == pytest.approx(
        mriqc.wm2max(image, 1000.0), rel=1e-9
    )


def test_tissue_maps_are_mriqcs(mriqc: Any, head: dict[str, np.ndarray]) -> None:
    maps = [head["shares"][..., k].copy() for k in range(3)]
    volumes = mriqc.volume_fraction(maps)
    np.testing.assert_allclose(
        mriqc_definitions.volume_fractions(head["shares"]),
        [volumes[k] for k in ("csf", "gm", "wm")],
        rtol=1e-9,
    )
    theirs = mriqc.rpve(maps, None)
    for k, name in enumerate(("csf", "gm", "wm")):
        assert mriqc_definitions.rpve(head["shares"][..., k]) == pytest.approx(
            theirs[name], rel=1e-9
        )


def test_qi_1_is_mriqcs(mriqc: Any, head: dict[str, np.ndarray]) -> None:
    art = np.zeros(SHAPE, dtype=bool)
    art[:4, 30:] = True
    air = head["air"] & ~art
    assert mriqc_definitions.qi_1(air, art) == pytest.approx(mriqc.art_qi1(air, art), rel=1e-12)


def test_qi_2_is_mriqcs(
    mriqc: Any, head: dict[str, np.ndarray], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # MRIQC writes a figure into the current folder
    air = head["air"] & (np.arange(SHAPE[2]) % 3 == 0)
    theirs, _ = mriqc.art_qi2(head["image"], air, save_plot=False)
    assert mriqc_definitions.qi_2(head["image"][air]) == pytest.approx(theirs, rel=1e-6)


# ---- closed forms --------------------------------------------------------------------------------


@pytest.mark.parametrize("sigma", [0.8, 1.2, 2.0])
def test_fwhm_is_that_of_smoothed_noise(sigma: float) -> None:
    noise = np.random.default_rng(1).standard_normal((90, 90, 90))
    smooth = ndimage.gaussian_filter(noise, sigma, mode="wrap", truncate=6)
    inside = np.ones(smooth.shape, dtype=bool)
    # The lag-1 correlation of white noise under the sampled kernel, exactly.
    reach = np.arange(-20, 21)
    kernel = stats.norm.pdf(reach, scale=sigma)
    lag = float((kernel[1:] * kernel[:-1]).sum() / (kernel**2).sum())
    expected = np.sqrt(-2 * np.log(2) / np.log(lag))
    np.testing.assert_allclose(mriqc_definitions.fwhm(smooth, inside), expected, rtol=0.04)
    assert expected == pytest.approx(np.sqrt(8 * np.log(2)) * sigma, rel=0.02)


def test_efc_is_one_where_all_voxels_are_equal_and_zero_where_one_holds_all() -> None:
    assert mriqc_definitions.efc(np.full((8, 8, 8), 3.0)) == pytest.approx(1.0, rel=1e-6)
    single = np.zeros((8, 8, 8))
    single[4, 4, 4] = 9.0
    assert mriqc_definitions.efc(single) == 0.0


def test_overlap_of_a_map_with_itself_is_one_and_with_its_half_a_half() -> None:
    share = np.random.default_rng(0).uniform(0, 1, SHAPE)
    assert mriqc_definitions.fuzzy_jaccard(share, share) == 1.0
    assert mriqc_definitions.fuzzy_jaccard(share, share / 2) == pytest.approx(0.5)


def test_inu_of_a_ramp_is_nine_tenths_of_it() -> None:
    spread, middle = mriqc_definitions.inu(np.linspace(0.5, 1.5, 100_001))
    assert spread == pytest.approx(0.9)
    assert middle == pytest.approx(1.0)


def test_artefacts_in_the_air_are_found_where_they_were_put() -> None:
    rng = np.random.default_rng(2)
    image = np.hypot(*rng.normal(0, 5, (2, *SHAPE)))
    hat = np.zeros(SHAPE, dtype=bool)
    hat[:, :, 20:] = True
    put = np.zeros(SHAPE, dtype=bool)
    put[10:20, 10:20, 30:36] = True
    image[put] = 300
    found = mriqc_definitions.artefact_mask(image, hat, np.ones(SHAPE))
    # An opening with a cross rounds the corners off and adds nothing.
    assert not (found & ~put).any()
    assert found.sum() > 0.85 * put.sum()
    assert not mriqc_definitions.artefact_mask(image, hat, np.zeros(SHAPE)).any()


@pytest.mark.parametrize(
    "measure",
    [
        lambda: mriqc_definitions.summarise(np.ones(9), np.zeros(9)),
        lambda: mriqc_definitions.snr(5.0, 0.0, 100),
        lambda: mriqc_definitions.snr_dietrich(5.0, 0.0),
        lambda: mriqc_definitions.fber(
            np.zeros((4, 4)), np.ones((4, 4), bool), np.ones((4, 4), bool)
        ),
        lambda: mriqc_definitions.efc(np.zeros((4, 4))),
        lambda: mriqc_definitions.qi_1(np.zeros(4, bool), np.ones(4, bool)),
        lambda: mriqc_definitions.qi_2(np.zeros(5000)),
        lambda: mriqc_definitions.qi_2(np.ones(50)),
        lambda: mriqc_definitions.fwhm(np.ones((9, 9, 9)), np.ones((9, 9, 9), bool)),
        lambda: mriqc_definitions.volume_fractions(np.zeros((5, 3))),
        lambda: mriqc_definitions.rpve(np.zeros(5)),
        lambda: mriqc_definitions.fuzzy_jaccard(np.zeros(5), np.zeros(5)),
        lambda: mriqc_definitions.inu(np.ones(3)),
    ],
)
def test_what_cannot_be_measured_is_said_and_never_minus_one(measure: Any) -> None:
    with pytest.raises(NotMeasurable):
        measure()


def test_efc_bears_values_that_vanish_beside_the_largest() -> None:
    image = np.full((8, 8, 8), 1000.0, dtype=np.float32)
    image[0] = 1e-42
    with np.errstate(divide="raise", invalid="raise"):
        assert 0.9 < mriqc_definitions.efc(image) < 1
