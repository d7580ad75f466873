"""External test: models that were fine-tuned on the target, judged on cohorts that they learned nothing from.

Each fold's model predicts every external person. A person's loss is averaged over those models, as over
partitions of one cohort: it is the expected loss of one model that learned from all folds of the target but
one, not that of a committee.
"""

from collections.abc import Mapping
from typing import Any

import pandas as pd
from numpy.typing import NDArray

from curation.scoring.comparison_groups import sites_of
from curation.storage import files
from training.held_out import predictions, stored_predictions
from training.held_out.predictions import BASELINE, Predictions
from training.judging.outcome import Outcome
from training.results import comparisons, study_summary
from training.studies import runs
from training.studies.planned_study import Study


def external_result(
    cohort_id: str, scans: pd.DataFrame, predicted: NDArray, result: Mapping[str, Any]
) -> dict[str, Any]:
    """Return what is added to a fine-tuning's result: the predictions of an external cohort by its id.

    Parameters
    ----------
    cohort_id : str
        Of the external cohort.
    scans : pandas.DataFrame
        Its scans.
    predicted : array
        One a scan.
    result : mapping
        What is there already.
    """
    rows = scans[["scan_id"]].assign(predicted=predicted).to_dict("records")
    return {"external": result.get("external", {}) | {cohort_id: rows}}


def read(study: Study) -> dict[str, Predictions]:
    """Read the predictions of external cohorts by the models of finished runs.

    Parameters
    ----------
    study : Study
        With or without external cohorts.

    Returns
    -------
    dict of str to Predictions
        By the cohort's id: everything that is said of the target can be said of them, by the same functions.
        A partition is the model of one fold.
    """
    rows: dict[str, list[dict[str, Any]]] = {one: [] for one in study.judging.external}
    finished = runs.runs_of(study) if rows else []
    for run in finished:
        result = files.read_json(run.result_path, run.again) if run.kind == "finetune" else None
        result = result or {}
        for cohort_id, predicted in result.get("external", {}).items():
            key = {
                "arm": run.arm,
                "seed": run.seed,
                "partition": run.fold,
                "baseline_age_years": stored_predictions.baseline_of(result),
                "trained_on": result.get("training_subjects", 0),
            }
            rows[cohort_id] += [
                key | {"scan_id": one["scan_id"], "predicted_age_years": one["predicted"]}
                for one in predicted
            ]
    return {
        cohort_id: predictions.from_long(
            study.arms,
            study.seeds,
            _scans(study, scans),
            pd.DataFrame(rows[cohort_id]),
            study.outcome,
        )
        for cohort_id, scans in study.external().items()
    }


def _scans(study: Study, scans: pd.DataFrame) -> pd.DataFrame:
    """Return external scans with their true values; each fold's model judges all of them together."""
    places = {f"fold_{place}": 0 for place in study.run_folds if place}
    return scans.assign(
        fold=0, site=sites_of(scans), true_value=scans[study.outcome.column], **places
    )


#: What the numbers of an external test mean, in sentences.
WORDS = (
    "Models were fine-tuned on the target and learned nothing from these people. The model of each fold "
    "predicts everybody; a person's loss is averaged over these models. Intervals: 95 %, over people and "
    "seeds. Exploratory: no verdict rests on it."
)
SUMMARY_COLUMNS = (
    "cohort",
    "arm",
    "label",
    "age_mae_years",
    "ci_low",
    "ci_high",
    "reference",
    "difference_years",
    "difference_low",
    "difference_high",
    "n_subjects",
    "n_seeds",
    "n_runs",
    "ranks",
)


def summary(study: Study, reference: str | None = None) -> pd.DataFrame:
    """Summarise what arms come to on external cohorts.

    Parameters
    ----------
    study : Study
        With external cohorts.
    reference : str, optional
        The arm that others are compared with.

    Returns
    -------
    pandas.DataFrame
        A row a cohort and arm, the best of each cohort first, :data:`SUMMARY_COLUMNS`: as
        :func:`training.results.study_summary.summarise` and, against the reference,
        :class:`training.results.comparisons.Comparisons` have them, as they are shown. ``ranks``: whether an
        arm is shown to predict the cohort better than its mean is, without which arms cannot be ranked.
    """
    tables = [
        _of_cohort(cohort_id, held_out, reference, study.outcome)
        for cohort_id, held_out in read(study).items()
    ]
    found = [table for table in tables if len(table)]
    return (
        pd.concat(found, ignore_index=True)
        if found
        else pd.DataFrame(columns=list(SUMMARY_COLUMNS))
    )


def _of_cohort(
    cohort_id: str, held_out: Predictions, reference: str | None, outcome: Outcome
) -> pd.DataFrame:
    final = outcome.best_first(study_summary.summarise(held_out))
    differences = outcome.shown(
        comparisons.compare_all(held_out, reference).reference, "difference_years"
    )
    bounds = {"ci_low": "difference_low", "ci_high": "difference_high"}
    columns = ["arm", "reference", "difference_years", *bounds]
    table = final.merge(differences[columns].rename(columns=bounds), on="arm", how="left")
    ranks = bool(comparisons.learned(held_out))
    return table.assign(cohort=cohort_id, ranks=ranks)[list(SUMMARY_COLUMNS)]


def caution(table: pd.DataFrame, outcome: Outcome) -> str:
    """Return a warning that arms cannot be ranked on some cohorts; empty where they can on each.

    Parameters
    ----------
    table : pandas.DataFrame
        From :func:`summary`; its cohorts as they are to be called.
    outcome : Outcome
        What is predicted.
    """
    told, easy = [], []
    for cohort, rows in table[~table["ranks"].astype(bool)].groupby("cohort", sort=False):
        if too_easy(rows, outcome):
            easy.append(str(cohort))
            continue
        known = rows.loc[rows["arm"] == BASELINE, "age_mae_years"]
        told.append(f"{cohort} ({outcome.amount(float(known.iloc[0]))})" if len(known) else cohort)
    said = []
    if easy:
        said.append(
            f"All arms tell {outcome.positive} and {outcome.negative} apart without a mistake on "
            f"{' and '.join(easy)}: the task is too easy there to rank them."
        )
    if told:
        said.append(_unranked(told, outcome))
    return " ".join(said)


def too_easy(table: pd.DataFrame, outcome: Outcome) -> bool:
    """Tell whether every arm of a table separates two values perfectly."""
    trained = table.loc[table["arm"] != BASELINE, "age_mae_years"]
    return outcome.two_valued and len(trained) > 0 and bool((trained == 1).all())


def _unranked(told: list[str], outcome: Outcome) -> str:
    return (
        f"No arm is shown to predict {outcome.noun} better than {outcome.no_model_does} on "
        f"{' and '.join(told)}: arms cannot be ranked there, and a difference between two of them says "
        "nothing of what they are worth."
    )
