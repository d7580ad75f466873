"""Anchors from the scans themselves: how far out of its site a scan lies, on the bad side."""

import math

import numpy as np
import pandas as pd
import pytest

from curation.errors import TierscopeError
from curation.metrics import METRICS
from curation.scoring.cohort_anchors import DEFECTS, from_cohort
from curation.scoring.distortion_score import score
from curation.scoring.score_reference import ASSETS, Anchor, builtin
from curation.scoring.unmeasured import CASES_PATH

WORSE, BETTER = (
    next(
        n for n, a in builtin().anchors.items() if a.scale == "linear" and METRICS[n].direction == d
    )
    for d in ("higher is worse", "higher is better")
)
LOG = next(name for name, anchor in builtin().anchors.items() if anchor.scale == "log")


def _metrics(scans: int, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    columns = {name: rng.uniform(4, 6, scans) for name in (WORSE, BETTER, LOG)}
    names = [str(number) for number in range(scans)]
    return pd.DataFrame({"scan_id": names, "sha256": "x", "measured_by": "tierscope", **columns})


def test_anchors_lie_3_and_7_robust_deviations_out_on_the_bad_side() -> None:
    metrics = _metrics(500)
    reference = from_cohort(metrics, pd.Series(["A"] * 500))
    low, middle, high = np.quantile(metrics[WORSE], [0.25, 0.5, 0.75])
    sd = (high - low) / 1.349
    anchor = reference.sites["A"][WORSE]
    assert (anchor.good, anchor.bad) == pytest.approx((middle + 3 * sd, middle + 7 * sd))
    assert reference.sites["A"][BETTER].bad < reference.sites["A"][BETTER].good


def test_a_metric_judged_by_ratios_gets_its_anchors_by_ratios() -> None:
    metrics = _metrics(500)
    anchor = from_cohort(metrics, pd.Series(["A"] * 500)).sites["A"][LOG]
    middle = np.median(metrics[LOG])
    assert anchor.scale == "log"
    assert anchor.bad / middle == pytest.approx((anchor.good / middle) ** (7 / 3))


def test_a_site_of_20_stands_alone_and_a_smaller_one_with_all() -> None:
    metrics, sites = _metrics(59), pd.Series(["A"] * 40 + ["B"] * 19)
    reference = from_cohort(metrics, sites)
    assert {site for site, anchors in reference.sites.items() if anchors} == {"A", "*"}
    moved = metrics.copy()
    moved.loc[:39, WORSE] += 1000  # the level of a site does not matter to its own scores
    again = from_cohort(moved, sites)
    for name in (METRICS[WORSE].family, "distortion_score"):
        assert score(moved, again, sites)[name][:40].to_numpy() == pytest.approx(
            score(metrics, reference, sites)[name][:40].to_numpy()
        )


def test_a_metric_that_does_not_vary_keeps_its_built_in_anchor() -> None:
    metrics = _metrics(30).assign(**{WORSE: 0.0})
    reference = from_cohort(metrics, pd.Series(["A"] * 30))
    assert reference.sites["A"][WORSE] == builtin().anchors[WORSE]


def test_too_few_scans_are_refused_in_words() -> None:
    with pytest.raises(TierscopeError, match="needs 20 scored scans; there are 19"):
        from_cohort(_metrics(19), pd.Series(["A"] * 19))


def test_fewer_than_20_of_each_program_are_too_few() -> None:
    metrics = _metrics(30).assign(measured_by=["tierscope"] * 18 + ["MRIQC 23"] * 12)
    groups = pd.Series(["*"] * 18 + ["* (MRIQC)"] * 12)
    with pytest.raises(TierscopeError, match="needs 20 scored scans; there are 18"):
        from_cohort(metrics, groups)


# ---- what a sound scan has none of -------------------------------------------------------------------

REPEATED = ASSETS / "repeated-cases.csv"


def _of_all(metrics: pd.DataFrame) -> dict[str, Anchor]:
    return from_cohort(metrics, pd.Series(["*"] * len(metrics))).sites["*"]


def _badness(anchor: Anchor, value: float) -> float:
    return float(anchor.penalty(np.array([value]))[0])


def test_what_one_in_twenty_stored_cases_has_nothing_of_counts_as_a_defect() -> None:
    cases = pd.concat([pd.read_csv(path) for path in (REPEATED, CASES_PATH)])
    without = {name for name in builtin().anchors if cases[name].eq(0).mean() > 0.05}
    assert without <= DEFECTS <= builtin().anchors.keys()


def test_by_the_repeated_cases_a_ruined_scan_stays_ruined() -> None:
    anchors, held = _of_all(pd.read_csv(REPEATED)), builtin().anchors
    for name, value in (("brain_missing", 0.4), ("broken_lines", 0.6)):
        assert (anchors[name].good, anchors[name].bad) == (held[name].good, held[name].bad)
        assert _badness(anchors[name], value) > 90
    assert all(_badness(anchors[name], held[name].bad) > 66 for name in DEFECTS)


@pytest.mark.parametrize("zeros", [0.0, 0.1, 0.24, 0.3, 0.6, 0.9, 1.0])
@pytest.mark.parametrize("name", ["brain_missing", "broken_lines", "ghost_x", "uneven_lines"])
def test_scans_without_any_of_a_defect_do_not_make_it_good(name: str, zeros: float) -> None:
    rng, held = np.random.default_rng(3), builtin().anchors[name]
    values = held.good * rng.uniform(0.02, 0.5, 100)
    values[: round(100 * zeros)] = 0.0
    anchor = _of_all(pd.DataFrame({name: rng.permutation(values)}))[name]
    assert _badness(anchor, 3 * held.bad) > 80
    assert _badness(anchor, held.good / 10) < 20
    if zeros >= 0.25:
        assert (anchor.good, anchor.bad) == (held.good, held.bad)


@pytest.mark.parametrize("name", sorted(DEFECTS))
def test_a_site_of_which_every_scan_has_a_defect_is_no_standard_of_it(name: str) -> None:
    held = builtin().anchors[name]
    spread = np.linspace(0.9, 1.1, 40)
    anchor = _of_all(pd.DataFrame({name: held.bad * spread}))[name]
    assert _badness(anchor, held.bad) > 66


def test_where_all_have_a_little_of_a_defect_the_odd_one_out_is_found() -> None:
    values = 0.004 * np.exp(np.random.default_rng(1).normal(0, 0.1, 100))
    anchor = _of_all(pd.DataFrame({"ghost_x": values}))["ghost_x"]
    assert anchor.bad < builtin().anchors["ghost_x"].good
    assert anchor.bad / 0.004 == pytest.approx(math.exp(0.7), rel=0.2)


# ---- rows of another program -----------------------------------------------------------------------


def _mriqc(rows: int, **columns: float) -> pd.DataFrame:
    rng = np.random.default_rng(5)
    made = {"cjv": rng.uniform(0.4, 0.5, rows), "snr_wm": rng.uniform(12, 14, rows)}
    table = pd.DataFrame(made | {"inu_range": rng.uniform(0.2, 0.3, rows)}).assign(**columns)
    names = [f"m{number}" for number in range(rows)]
    return table.assign(scan_id=names, sha256="x", measured_by="MRIQC 23.1")


def test_few_rows_of_mriqc_are_not_judged_by_anchors_of_our_own_metrics() -> None:
    metrics = pd.concat([_metrics(30), _mriqc(12)], ignore_index=True)
    groups = pd.Series(["*"] * 30 + ["* (MRIQC)"] * 12)
    reference = from_cohort(metrics, groups)
    assert reference.anchors_of("* (MRIQC)") == reference.anchors_of("North (MRIQC)") == {}
    scores = score(metrics, reference)["distortion_score"]
    assert scores[:30].notna().all() and scores[30:].isna().all()


def test_a_column_of_mriqc_without_spread_or_with_few_values_is_not_judged() -> None:
    table = _mriqc(30, inu_range=0.2)
    table.loc[10:, "cjv"] = np.nan
    anchors = from_cohort(table, pd.Series(["* (MRIQC)"] * 30)).anchors_of("* (MRIQC)")
    assert anchors.keys() == {"snr_wm"}
