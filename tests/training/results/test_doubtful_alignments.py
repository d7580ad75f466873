"""Figures with and without doubtful alignments are of the same models, on all people and on fewer."""

import numpy as np
import pytest

from curation.storage import files, tables
from curation.storage.workspace import Workspace
from tests.helpers import made_predictions, workspace_trainable
from training.held_out.predictions import BASELINE, Predictions
from training.results import doubtful_alignments, study_summary
from training.results.doubtful_alignments import DOUBTFUL_NATS


@pytest.fixture(scope="module")
def held_out() -> Predictions:
    ages = np.linspace(20, 75, 12)
    errors = np.random.default_rng(0).normal(0, 5, (3, 2, 12))
    return made_predictions.made(ages + errors, ages)


def test_leaving_nobody_out_changes_nothing(held_out: Predictions) -> None:
    table = doubtful_alignments.compare(held_out, [], "scratch")
    for name in ("people", "age_mae_years", "difference_years", "ci_low", "ci_high"):
        np.testing.assert_array_equal(table[name], table[f"{name}_without"])


def test_the_figures_without_are_those_of_the_people_who_are_left(held_out: Predictions) -> None:
    gone = held_out.scans["scan_id"].iloc[[0, 3]]
    table = doubtful_alignments.compare(held_out, gone, "scratch").set_index("arm")
    left = ~held_out.people["subject_id"].isin(
        held_out.scans.loc[held_out.scans["scan_id"].isin(gone), "subject_id"]
    )
    for arm in held_out.there:
        errors = held_out.errors_years[held_out.at(arm)][:, left.to_numpy()]
        assert table.at[arm, "age_mae_years_without"] == pytest.approx(errors.mean())
    assert (table["people_without"] == left.sum()).all()
    assert np.isnan(table.at["scratch", "difference_years"])
    assert np.isnan(table.at[BASELINE, "difference_years_without"])
    whole = study_summary.compare(held_out, held_out.there[1], "scratch").estimate
    assert table.at[held_out.there[1], "difference_years"] == pytest.approx(whole.mean)


def test_where_hardly_anybody_is_left_there_is_no_figure(held_out: Predictions) -> None:
    table = doubtful_alignments.compare(held_out, held_out.scans["scan_id"].iloc[1:], "scratch")
    assert table["age_mae_years_without"].isna().all() and (table["people_without"] == 1).all()


def test_who_is_in_doubt_is_found_by_the_column_and_unknown_is_said(workspace: Workspace) -> None:
    made = workspace_trainable.make(workspace, pool=6, target=8)
    study = workspace_trainable.plan(made)
    assert doubtful_alignments.find(made, study).words.startswith(
        "How well scans are aligned was not"
    )
    metrics = tables.read_metrics(made)
    values = np.full(len(metrics), 0.5)
    values[[0, 1, 6]] = DOUBTFUL_NATS - 0.01
    values[7] = np.nan
    files.write_parquet(
        made.metrics_dir / "part-made.parquet", metrics.assign(template_similarity=values)
    )
    found = doubtful_alignments.find(made, study)
    assert found.target == {"target_sub-06_T1w"} and (found.pool, found.unknown) == (2, 1)
    assert found.words == (
        "In doubt: 1 scan of the target and 2 of the pool, of 13. Of 1 scan it is not known."
    )
