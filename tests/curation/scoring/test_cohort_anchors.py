"""Anchors from the scans themselves: how far out of its site a scan lies, on the bad side."""

import numpy as np
import pandas as pd
import pytest

from curation.errors import TierscopeError
from curation.metrics import METRICS
from curation.scoring.cohort_anchors import from_cohort
from curation.scoring.distortion_score import score
from curation.scoring.score_reference import builtin

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
    assert set(reference.sites) == {"A", "*"}
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
