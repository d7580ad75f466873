"""How well the experts' score agrees with experts: ``python -m tests.benchmarks.experts``.

ABIDE: fitted to all sites but one, judged on that one, for each site in turn; and fitted to DS030 alone.
DS030: fitted to ABIDE, judged once. AUC is over pairs of scans of the same site, "exclude" against the rest,
with bootstrap 95 % intervals over people; order is told besides: rank correlation with the grades, and pairs
of scans that were not excluded. Nothing is scaled within sites. The last line is one JSON object.
"""

import itertools
import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats
from sklearn.metrics import balanced_accuracy_score, cohen_kappa_score

from curation.interchange import mriqc_tables
from curation.interchange.mriqc_tables import MriqcTable
from curation.interchange.rated_tables import graded_scans_of
from curation.metrics import METRICS
from curation.references import cross_validation, fit_by_order
from curation.references.fit_by_order import EXCLUDE, GradedScans
from tests.helpers.paths import ROOT

IQM = ROOT.parent / "shared" / "data" / "iqm"
ABIDE, DS030 = IQM / "abide_iqm_rating_age.csv", IQM / "ds030_iqm_rating_age.csv"
TARGETS = {"abide_rater3_within": 0.86, "abide_raters12_within": 0.77, "ds030": 0.78}
STATEMENT = (
    "Label of an AUC: 'exclude' against the rest, 'doubtful' counts as not excluded. Scores are on one scale "
    "for all sites; no scan of a judged site helps to judge it."
)


def figures(abide_path: Path, ds030_path: Path) -> dict[str, Any]:
    """Measure the agreement with experts on two rated tables.

    Returns
    -------
    dict
        ``abide_rater3_within``, ``abide_raters12_within`` and ``ds030`` (AUC), each also with ``_low`` and
        ``_high``; ``abide_rank``, ``ds030_rank``: rank correlation of the score with the mean grade, of all
        sites together, ``..._kept``: pairs of not excluded scans in the right order; ``from_ds030_...``: of
        the model fitted to DS030 alone, on ABIDE; ``from_rater_3``, ``from_raters_12``: AUC for the other
        raters of ABIDE; ``balanced_accuracy`` and ``kappa`` against rater_3, each at the threshold that makes
        it best on the training sites; ``best_metric`` and its AUC; ``raters_kappa``, ``raters_auc`` by pair.
    """
    abide, ds030 = mriqc_tables.read(abide_path), mriqc_tables.read(ds030_path)
    given, other = graded_scans_of({"abide": abide}), graded_scans_of({"ds030": ds030})
    log_odds, accurate, agreeing = _leave_one_site_out(given)
    third, others = _of_raters(given, "rater_3"), _of_raters(given, "rater_1", "rater_2")
    on_other = fit_by_order.log_odds_of(fit_by_order.fit(given), other.metrics)
    back = fit_by_order.log_odds_of(fit_by_order.fit(other), given.metrics)
    said, rows = third["excluded"].to_numpy(), third["row"].to_numpy()
    return (
        _named("abide_rater3_within", _figures(log_odds, third, given))
        | _named("abide_raters12_within", _figures(log_odds, others, given))
        | _named("ds030", _figures(on_other, other.grades, other))
        | _order("abide", log_odds, given)
        | _order("ds030", on_other, other)
        | {"from_ds030_rater3": round(_figures(back, third, given)["auc"], 3)}
        | {"from_ds030_raters12": round(_figures(back, others, given)["auc"], 3)}
        | _order("from_ds030", back, given)
        | _between_fits(given, third, others)
        | {
            "balanced_accuracy": round(float(balanced_accuracy_score(said, accurate[rows])), 3),
            "kappa": round(float(cohen_kappa_score(said, agreeing[rows])), 3),
        }
        | _best_metric(given, third)
        | _between_raters(abide, given.groups)
    )


def main() -> int:
    """Measure and print; 1 where the tables are absent."""
    if not (ABIDE.exists() and DS030.exists()):
        print(f"no rated tables at {IQM}: nothing measured")
        return 1
    found = figures(ABIDE, DS030)
    print(STATEMENT)
    for name, target in TARGETS.items():
        print(
            f"{name:24s} {found[name]:.3f} ({found[name + '_low']:.3f} to {found[name + '_high']:.3f}), "
            f"target {target:.2f}: {'met' if found[name] >= target else 'missed'}"
        )
    for name, value in found.items():
        if name not in TARGETS and not name.endswith(("_low", "_high")):
            print(f"{name:24s} {value}")
    print(json.dumps(found))
    return 0


def _named(name: str, measured: Mapping[str, float]) -> dict[str, float]:
    rename = {"auc": name, "low": f"{name}_low", "high": f"{name}_high"}
    return {new: round(measured[old], 3) for old, new in rename.items()}


def _of_raters(given: GradedScans, *raters: str) -> pd.DataFrame:
    """Return the grades of some raters of ABIDE."""
    return given.grades[given.grades["rater"].isin([f"{rater} of abide" for rater in raters])]


def _figures(log_odds: np.ndarray, grades: pd.DataFrame, given: GradedScans) -> dict[str, Any]:
    return cross_validation.figures(log_odds, grades, given.groups, given.subjects)


def _order(name: str, log_odds: np.ndarray, given: GradedScans) -> dict[str, float]:
    """Return the rank correlation with the mean grade, and the order of scans that were not excluded."""
    grades = given.grades
    mean = grades.groupby("row")["value"].mean()
    kept = fit_by_order.order(log_odds, grades[grades["value"] > EXCLUDE], given.groups)
    rank = stats.spearmanr(log_odds[mean.index], mean, nan_policy="omit").statistic
    return {f"{name}_rank": round(float(rank), 3), f"{name}_kept": round(kept, 3)}


def _between_fits(
    given: GradedScans, third: pd.DataFrame, others: pd.DataFrame
) -> dict[str, float]:
    """Return the AUC for one rater of a model fitted to the grades of the others, on the same scans."""
    found = {}
    for name, learned, judged in (
        ("from_rater_3", third, others),
        ("from_raters_12", others, third),
    ):
        model = fit_by_order.fit(
            GradedScans(given.metrics, given.groups, given.subjects, learned.reset_index(drop=True))
        )
        log_odds = fit_by_order.log_odds_of(model, given.metrics)
        found[name] = round(_figures(log_odds, judged, given)["auc"], 3)
    return found


def _leave_one_site_out(given: GradedScans) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return each scan's log-odds by the other sites' model, and whether that model excludes it.

    Thresholds (of the best balanced accuracy, and of the best κ, with rater_3) are chosen on the training
    sites.
    """
    log_odds = np.full(len(given.metrics), np.nan)
    decided = np.zeros((2, len(given.metrics)), bool)
    third = _of_raters(given, "rater_3")
    for site in given.groups.unique():
        here = (given.groups == site).to_numpy()
        everyone = fit_by_order.log_odds_of(fit_by_order.fit(given.of(~here)), given.metrics)
        seen = third[~here[third["row"]]]
        log_odds[here] = everyone[here]
        for row, measure in enumerate((balanced_accuracy_score, cohen_kappa_score)):
            limit = _threshold(measure, everyone[seen["row"]], seen["excluded"].to_numpy())
            decided[row, here] = everyone[here] > limit
    return log_odds, decided[0], decided[1]


def _threshold(
    measure: Callable[[np.ndarray, np.ndarray], float], values: np.ndarray, excluded: np.ndarray
) -> float:
    candidates = np.quantile(values, np.linspace(0.02, 0.98, 97))
    reached = [measure(excluded, values > limit) for limit in candidates]
    return float(candidates[int(np.argmax(reached))])


def _best_metric(given: GradedScans, rated: pd.DataFrame) -> dict[str, Any]:
    """Return the metric that alone tells rater_3's exclusions best, on these very scans."""
    rows, said = rated["row"].to_numpy(), rated["excluded"].to_numpy()
    table, groups = given.metrics.iloc[rows], given.groups.to_numpy()[rows]
    aucs = {
        name: cross_validation.within_group_auc(table[name].to_numpy(), said, groups)
        for name in METRICS
        if name in table
    }
    best = max(aucs, key=lambda name: abs(aucs[name] - 0.5))
    return {"best_metric": best, "best_metric_auc": round(max(aucs[best], 1 - aucs[best]), 3)}


def _between_raters(table: MriqcTable, groups: pd.Series) -> dict[str, Any]:
    """Return κ of their exclusions, and the AUC of one's three levels for the other's exclusions."""
    values = table.ratings.pivot(index="row", columns="rater", values="value")
    kappa, auc = {}, {}
    for one, other in itertools.combinations(values.columns, 2):
        shared = values[[one, other]].dropna()
        first, second = -shared[one].to_numpy(), -shared[other].to_numpy()
        pair = f"{one} {other} ({len(shared)} scans)"
        kappa[pair] = round(float(cohen_kappa_score(first == 1, second == 1)), 3)
        auc[pair] = [
            round(
                cross_validation.within_group_auc(told, said == 1, groups.to_numpy()[shared.index]),
                3,
            )
            for told, said in ((first, second), (second, first))
        ]
    return {"raters_kappa": kappa, "raters_auc": auc}


if __name__ == "__main__":
    sys.exit(main())
