from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from curation.cohorts import frozen_cohort
from curation.storage import files
from tests.helpers import workspace_trainable
from tests.helpers.made_predictions import ALL, SCRATCH, A, made, random
from training.held_out import joined_studies, stored_predictions
from training.held_out.predictions import BASELINE, from_long
from training.studies import runs


def test_the_last_arm_predicts_the_mean_age_of_the_training_folds() -> None:
    held_out = made(np.full((2, 3, 4), 41.0), [40, 42, 44, 46], baseline=30.0)
    assert held_out.names == ("scratch", "A", BASELINE)
    assert (held_out.predicted_years[-1] == 30).all()
    assert held_out.errors_years[1].tolist() == [[1, 1, 3, 5]] * 3


def test_a_persons_scans_are_averaged() -> None:
    scans = pd.DataFrame(
        {
            "scan_id": ["a", "b", "c"],
            "subject_id": ["s:0", "s:0", "s:1"],
            "fold": [0, 0, 1],
            "age_years": [30.0, 30.0, 50.0],
        }
    )
    table = pd.DataFrame(
        {
            "arm": "A",
            "seed": 0,
            "scan_id": ["a", "b", "c"],
            "predicted_age_years": [20.0, 40.0, 50.0],
            "baseline_age_years": 40.0,
        }
    )
    held_out = from_long((A,), (0,), scans, table)
    assert held_out.people["scans"].tolist() == [2, 1]
    assert held_out.errors_years[0].tolist() == [[0, 0]]
    assert held_out.by_scan[0].tolist() == [[20, 40, 50]]


def test_a_person_with_a_missing_scan_is_missing() -> None:
    scans = pd.DataFrame(
        {"scan_id": ["a", "b"], "subject_id": ["s:0", "s:0"], "fold": 0, "age_years": 30.0}
    )
    table = pd.DataFrame(
        {
            "arm": ["A"],
            "seed": [0],
            "scan_id": ["a"],
            "predicted_age_years": [20.0],
            "baseline_age_years": [40.0],
        }
    )
    held_out = from_long((A,), (0,), scans, table)
    assert np.isnan(held_out.predicted_years[0]).all()
    assert held_out.there == ()


def test_the_baseline_is_of_the_arm_that_learned_from_most_people() -> None:
    scans = pd.DataFrame(
        {"scan_id": ["a"], "subject_id": ["s:0"], "fold": [0], "age_years": [30.0]}
    )
    table = pd.DataFrame(
        {
            "arm": ["A", "scratch"],
            "seed": 0,
            "scan_id": "a",
            "predicted_age_years": 20.0,
            "baseline_age_years": [44.0, 33.0],
            "trained_on": [50, 5],
        }
    )
    assert from_long((A, SCRATCH), (0,), scans, table).by_scan[-1, 0, 0] == 44


def test_no_prediction_at_all_is_an_empty_array_not_an_error() -> None:
    held_out = made(np.full((2, 2, 3), np.nan), [40, 41, 42])
    assert held_out.there == ()
    assert made(np.empty((2, 2, 0)), []).people.empty


def test_a_filter_leaves_what_it_says_and_always_the_baseline() -> None:
    held_out = random()
    kept = held_out.only(arms=["A"], seeds=[0, 2], folds=[1])
    assert kept.names == ("A", BASELINE)
    assert kept.seeds == (0, 2)
    assert set(kept.people["fold"]) == {1}
    assert np.array_equal(kept.predicted_years[0], held_out.predicted_years[1][[0, 2]][:, 1::2])
    assert held_out.only().names == held_out.names


def test_the_order_of_rows_does_not_matter() -> None:
    held_out = random(people=10)
    rng = np.random.default_rng(0)
    places = rng.permutation(10)
    table = pd.DataFrame(
        [
            {
                "arm": arm.name,
                "seed": s,
                "scan_id": held_out.scans["scan_id"][p],
                "predicted_age_years": held_out.by_scan[a, s, p],
                "baseline_age_years": 50.0,
            }
            for a, arm in enumerate(held_out.arms)
            for s in held_out.seeds
            for p in places
        ]
    )
    mixed = from_long(held_out.arms, held_out.seeds, held_out.scans.iloc[places], table)
    assert np.array_equal(mixed.predicted_years, held_out.predicted_years)


def test_arms_of_several_studies_stand_beside_each_other_under_their_studys_name() -> None:
    first, second = random(1, arms=2), random(2, arms=2, seeds=2)
    both = joined_studies.joined({"one": first, "two": second})
    assert both.names == ("one · scratch", "one · A", "two · scratch", "two · A", BASELINE)
    assert np.array_equal(both.predicted_years[1], first.predicted_years[1])
    assert np.array_equal(both.predicted_years[3, :2], second.predicted_years[1])
    assert np.isnan(both.predicted_years[3, 2]).all()


def test_predictions_are_read_from_the_runs_with_what_is_known_of_each_scan(workspace) -> None:
    study = workspace_trainable.plan(workspace_trainable.make(workspace))
    assert stored_predictions.read(workspace, study).there == ()
    target = study.scans().query("role == 'target'")
    for run in runs.runs_of(study):
        if run.kind == "finetune" and run.arm == "A":
            rows = target[target["fold"] == run.fold][["scan_id", "subject_id", "age_years"]]
            result = rows.assign(predicted_age_years=rows["age_years"] + 1).to_dict("records")
            files.write_json(run.result_path, {"baseline_age_years": 30.0, "predictions": result})
    held_out = stored_predictions.read(workspace, study)
    assert held_out.there == ("A", BASELINE)
    assert held_out.errors_years[1] == pytest.approx(1)
    assert set(held_out.scans["site"]) == {"North", "South"}
    assert held_out.scans["distortion_score"].notna().all()
    assert held_out.arm("A").tiers == ("A",) and held_out.arm(BASELINE) is None


def test_a_study_without_its_target_cohort_still_has_its_predictions(workspace) -> None:
    study = workspace_trainable.plan(workspace_trainable.make(workspace))
    for path in workspace.cohorts_dir.glob("target*"):
        path.unlink()
    assert stored_predictions.read(workspace, study).scans["sex"].isna().all()


@pytest.mark.parametrize(
    ("written", "sexes"),
    [
        (("f", "MALE"), {"F", "M"}),
        (("mujer", "hombre"), {"F", "M"}),
        (("mujer", "masculino"), {"mujer", "masculino"}),
        (("F", "divers"), {"F"}),
    ],
)
def test_the_sex_of_scans_is_read_from_all_codes_together(workspace, written, sexes) -> None:
    """In Spanish both a woman's word and a man's can begin with M."""
    study = workspace_trainable.plan(workspace_trainable.make(workspace))
    cohort = frozen_cohort.load(workspace, study.target_id)
    codes = [written[place % 2] for place in range(len(cohort.scans))]
    held = replace(cohort, scans=cohort.scans.assign(sex=codes))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(frozen_cohort, "load", lambda *_: held)
        found = stored_predictions.read(workspace, study).scans["sex"]
    assert set(found.dropna()) == sexes


def test_arms_keep_their_names_in_words() -> None:
    assert made(np.ones((1, 1, 2)), [1, 2], arms=(ALL,)).labels["all"] == "all tiers (A + B)"
