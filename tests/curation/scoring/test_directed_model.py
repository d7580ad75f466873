"""The experts' model can count a metric one way only, and hides neither a bad site nor a missing metric."""

import json
from dataclasses import asdict, replace

import numpy as np
import pandas as pd
import pytest

from curation.interchange import mriqc_tables
from curation.metrics import METRICS
from curation.references import reference_library
from curation.references.fit_by_order import QUANTITIES
from curation.scoring.comparison_groups import MRIQC_POOL, POOLED
from curation.scoring.directed_model import DirectedModel
from curation.scoring.distortion_score import explain, score
from curation.scoring.score_reference import Reference

#: From nothing to infinity, with what no metric should be.
VALUES = np.array([-np.inf, -1.0, 0.0, 1e-9, 0.2, 0.7, 1.0, 3.0, 20.0, 1e9, np.inf])


@pytest.fixture
def reference() -> Reference:
    return reference_library.experts()


@pytest.fixture
def model(reference: Reference) -> DirectedModel:
    assert isinstance(reference.model, DirectedModel)
    return reference.model


def _rows(count: int, measured_by: str = "mriqc", **columns: object) -> pd.DataFrame:
    """Usual scans of MRIQC's tables, with some columns changed."""
    usual = {
        "cjv": 0.35,
        "snr_wm": 18.5,
        "summary_wm_p95": 1083.0,
        "summary_wm_median": 1000.0,
    }
    about = {"scan_id": "s", "sha256": "s", "measured_by": measured_by}
    return pd.DataFrame({**about, **usual, **columns}, index=range(count))


def _scores(rows: pd.DataFrame, reference: Reference, site: str | None = None) -> np.ndarray:
    sites = None if site is None else pd.Series(site, rows.index)
    return score(rows, reference, sites)["distortion_score"].to_numpy()


@pytest.mark.parametrize("measured_by", ["mriqc", "tierscope"])
@pytest.mark.parametrize("quantity", [quantity for quantity, _ in QUANTITIES])
def test_no_metric_improves_the_score_by_getting_worse_whatever_the_others_are(
    quantity, measured_by: str, reference: Reference
) -> None:
    rng, draws = np.random.default_rng(0), 500
    worse = VALUES if quantity.direction == "higher is worse" else VALUES[::-1]
    others = rng.choice([*VALUES, np.nan], (3, draws)).repeat(len(worse), axis=1)
    names = ["cjv", "snr_wm", "summary_wm_p95"]
    columns = dict(zip(names, others, strict=True)) | {quantity.metric: np.tile(worse, draws)}
    columns["summary_wm_p95"] = 1000 * (1 + columns["summary_wm_p95"])
    found = _scores(_rows(draws * len(worse), measured_by, **columns), reference)
    assert np.isfinite(found).all()
    assert (np.diff(found.reshape(draws, len(worse)), axis=1) >= 0).all()


def test_within_what_scans_have_worse_is_always_a_little_more(reference: Reference) -> None:
    for name, values in {
        "cjv": np.linspace(0.25, 3.0, 50),
        "snr_wm": np.linspace(30.0, 0.5, 50),
        "summary_wm_p95": np.linspace(1045.0, 2000.0, 50),
    }.items():
        assert (np.diff(_scores(_rows(50, **{name: values}), reference)) > 0).all(), name


def test_no_other_metric_of_mriqc_changes_the_score_of_its_rows(
    reference: Reference, model: DirectedModel
) -> None:
    rows = _rows(1)
    used = {*model.metrics, *(each.relative_to for each in model.quantities)}
    others = sorted(METRICS.keys() - used)
    odd = pd.DataFrame(dict.fromkeys(others, 1e6), index=rows.index)
    extreme = pd.concat([rows.drop(columns=others, errors="ignore"), odd], axis=1)
    assert _scores(extreme, reference) == pytest.approx(_scores(rows, reference), abs=0)


def test_directions_are_those_that_the_metrics_document(model: DirectedModel) -> None:
    for each in model.quantities:
        documented = METRICS[each.metric].direction
        assert documented == each.direction or each.relative_to
        assert each.spread > 0 and set(each.centres) == {POOLED, MRIQC_POOL}
    assert model.slope > 0


def test_the_scale_of_brightness_and_the_size_of_the_brain_do_not_count(
    reference: Reference, model: DirectedModel
) -> None:
    assert not any(name.endswith("_n") or name.startswith("icvs_") for name in model.metrics)
    rows = _rows(1)
    louder = rows.assign(summary_wm_p95=7 * 1083.0, summary_wm_median=7000.0)
    assert _scores(louder, reference) == pytest.approx(_scores(rows, reference), abs=1e-9)


def test_a_site_that_is_bad_as_a_whole_is_told_as_bad_among_its_own_and_among_others(
    reference: Reference,
) -> None:
    rng = np.random.default_rng(0)
    good = _rows(60, cjv=0.35 * rng.lognormal(0, 0.1, 60))
    bad = _rows(60, cjv=0.55 * rng.lognormal(0, 0.1, 60), snr_wm=14.5, summary_wm_p95=1130.0)
    for rows in (bad, pd.concat([good, bad], ignore_index=True)):
        sites = pd.Series("North (MRIQC)", rows.index)
        frozen = replace(reference, model=reference.model.frozen_to(rows, sites))
        assert np.median(_scores(rows, frozen, "North")[-60:]) > 50
    assert np.median(_scores(good, reference, "North")) < 12


def test_only_what_lies_beyond_every_rated_site_is_taken_for_another_programs_scale(
    model: DirectedModel,
) -> None:
    rng, pool = np.random.default_rng(0), pd.Series([MRIQC_POOL] * 40)
    near = _rows(40, cjv=0.4 * rng.lognormal(0, 0.1, 40))
    assert model.frozen_to(near, pool) == model
    for factor in (3, 1000):
        far = near.assign(cjv=factor * near["cjv"])
        moved = model.frozen_to(far, pool).quantities[0]
        badness = moved.badness(far, MRIQC_POOL)
        assert np.median(badness) == pytest.approx(model.quantities[0].levels[1], abs=1e-3)
        before = model.quantities[0].badness(near, MRIQC_POOL)
        assert np.diff(badness) == pytest.approx(np.diff(before))
    few = model.frozen_to(far.head(14), pool.head(14))
    own = model.frozen_to(far, pd.Series([POOLED] * 40))
    assert few == own == model


def test_what_is_missing_adds_nothing_to_a_bad_scan_and_little_to_any(
    reference: Reference, shared_data
) -> None:
    bad = _rows(1, cjv=0.8, snr_wm=10.0)
    for name in ("cjv", "snr_wm", "summary_wm_p95"):
        assert _scores(bad.drop(columns=name), reference) <= _scores(bad, reference)
    path = shared_data / "iqm" / "ds030_iqm_rating_age.csv"
    if not path.exists():
        pytest.skip(f"no rated table at {path}")
    rows = mriqc_tables.read(path).rows.assign(scan_id="s", sha256="s")
    stated = reference.evidence["missing_rise"]["1"]
    for name in ("cjv", "snr_wm", "summary_wm_p95"):
        rise = _scores(rows.assign(**{name: np.nan}), reference) - _scores(rows, reference)
        assert np.quantile(rise, 0.95) <= stated


def test_a_scan_without_any_of_its_metrics_is_left_to_the_built_in_anchors(
    reference: Reference,
) -> None:
    rows = _rows(1, cjv=np.nan, snr_wm=np.nan, summary_wm_median=0.0, efc=0.5)
    assert score(rows, reference)["reference"].tolist() == ["builtin-3"]
    one = score(rows.assign(cjv=0.4), reference)
    assert one["reference"].tolist() == ["experts-2"] and one["distortion_score"].notna().all()


def test_an_explanation_names_the_worst_and_says_what_is_usual(
    reference: Reference, model: DirectedModel
) -> None:
    row = _rows(1, cjv=0.6).iloc[0]
    told = explain(row, reference)
    assert told["metric"].iloc[0] == "cjv" and told["points"].iloc[0] > 10
    assert model.usual("cjv", "North (MRIQC)") == pytest.approx(0.32, abs=0.03)
    assert model.usual("cjv", POOLED) == pytest.approx(0.628, abs=0.001)
    assert np.isnan(model.usual("summary_wm_p95", POOLED)) and np.isnan(model.usual("efc", POOLED))


def test_it_is_written_down_and_read_back(model: DirectedModel) -> None:
    assert DirectedModel.from_dict(json.loads(json.dumps(asdict(model)))) == model
