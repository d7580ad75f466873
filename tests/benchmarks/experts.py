"""How well the learned score agrees with experts: ``python -m tests.benchmarks.experts``.

ABIDE: fitted to all sites but one, judged on that one, for each site in turn. DS030: fitted to ABIDE,
judged once. AUC is over pairs of scans of the same site, with bootstrap 95 % intervals over people. Only
"exclude" counts as excluded, "doubtful" does not. A site's scans scale its metrics, without their
ratings. The last line is one JSON object.
"""

import itertools
import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import balanced_accuracy_score, cohen_kappa_score

from curation.interchange import mriqc_tables
from curation.interchange.mriqc_tables import MriqcTable
from curation.interchange.rated_tables import experts_reference, training_set_of
from curation.references import cross_validation
from curation.references.fit_from_ratings import TrainingSet
from curation.scoring import distortion_score, exclusion_model
from curation.scoring.comparison_groups import groups_of
from tests.helpers.paths import ROOT

IQM = ROOT.parent / "shared" / "data" / "iqm"
ABIDE, DS030 = IQM / "abide_iqm_rating_age.csv", IQM / "ds030_iqm_rating_age.csv"
TARGETS = {"abide_rater3_within": 0.87, "abide_raters12_within": 0.75, "ds030": 0.80}
STATEMENT = (
    "Label: 'exclude' against the rest, 'doubtful' counts as not excluded. The unlabelled scans of a site "
    "scale its metrics, also of the site that is judged; their ratings are not used."
)


def figures(abide_path: Path, ds030_path: Path) -> dict[str, Any]:
    """Measure the agreement with experts on two rated tables.

    Returns
    -------
    dict
        ``abide_rater3_within``, ``abide_raters12_within`` and ``ds030`` (AUC), each also with ``_low`` and
        ``_high``; ``balanced_accuracy`` and ``kappa`` against rater_3 each at the threshold that makes it
        best on the training sites; ``best_metric`` and its AUC; ``raters_kappa`` and ``raters_auc`` by pair.
    """
    abide, ds030 = mriqc_tables.read(abide_path), mriqc_tables.read(ds030_path)
    given = training_set_of({"abide": abide})
    log_odds, accurate, agreeing = _leave_one_site_out(given)
    found: dict[str, Any] = {}
    for name, raters in (
        ("abide_rater3_within", ["rater_3"]),
        ("abide_raters12_within", ["rater_1", "rater_2"]),
    ):
        rated = given.labels[given.labels["rater"].isin(raters)]
        found |= _named(
            name, cross_validation.figures(log_odds, rated, given.groups, given.subjects)
        )
    found |= _named("ds030", _on_another(abide, ds030))
    third = given.labels[given.labels["rater"] == "rater_3"]
    said, rows = third["excluded"].to_numpy(), third["row"].to_numpy()
    return (
        found
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
        if not name.startswith(tuple(TARGETS)):
            print(f"{name:24s} {value}")
    print(json.dumps(found))
    return 0


def _named(name: str, measured: Mapping[str, float]) -> dict[str, float]:
    rename = {"auc": name, "low": f"{name}_low", "high": f"{name}_high"}
    return {new: round(measured[old], 3) for old, new in rename.items()}


def _leave_one_site_out(given: TrainingSet) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return each scan's log-odds by the other sites' model, and whether that model excludes it.

    Penalty and thresholds (of the best balanced accuracy, and of the best κ, with rater_3) are chosen on
    the training sites.
    """
    log_odds = np.full(len(given.metrics), np.nan)
    decided = np.zeros((2, len(given.metrics)), bool)
    for site in given.groups.unique():
        here = (given.groups == site).to_numpy()
        others = given.labels[~here[given.labels["row"]]]
        regularisation = cross_validation.choose_regularisation(given.inputs, others, given.folds)
        coefficients, intercept = exclusion_model.regression(given.inputs, others, regularisation)
        everyone = given.inputs @ coefficients + intercept
        third = others[others["rater"] == "rater_3"]
        log_odds[here] = everyone[here]
        for row, measure in enumerate((balanced_accuracy_score, cohen_kappa_score)):
            limit = _threshold(measure, everyone[third["row"]], third["excluded"].to_numpy())
            decided[row, here] = everyone[here] > limit
    return log_odds, decided[0], decided[1]


def _threshold(
    measure: Callable[[np.ndarray, np.ndarray], float], values: np.ndarray, excluded: np.ndarray
) -> float:
    candidates = np.quantile(values, np.linspace(0.02, 0.98, 97))
    reached = [measure(excluded, values > limit) for limit in candidates]
    return float(candidates[int(np.argmax(reached))])


def _on_another(table: MriqcTable, other: MriqcTable) -> dict[str, Any]:
    """Fit to one table and judge the distortion scores of the other as the product would make them."""
    reference = experts_reference({"abide": table})
    groups, rows = groups_of(other.rows, other.rows["site"]), other.rows.assign(sha256="")
    rows = rows.assign(scan_id=rows["participant_id"])
    frozen = replace(reference, model=reference.model and reference.model.frozen_to(rows, groups))
    scored = distortion_score.score(rows, frozen, rows["site"])["distortion_score"].to_numpy()
    excluded = other.ratings.assign(excluded=(other.ratings["value"] == -1).astype(int))
    return cross_validation.figures(scored, excluded, groups, rows["participant_id"])


def _best_metric(given: TrainingSet, rated: pd.DataFrame) -> dict[str, Any]:
    """Return the metric that alone tells rater_3's exclusions best, on these very scans."""
    rows, said = rated["row"].to_numpy(), rated["excluded"].to_numpy()
    values, groups = given.metrics.to_numpy()[rows], given.groups.to_numpy()[rows]
    aucs = {
        name: cross_validation.within_group_auc(column, said, groups)
        for name, column in zip(given.metrics, values.T, strict=True)
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
