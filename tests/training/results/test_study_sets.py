from dataclasses import replace

import pytest

from curation.storage import files
from tests.helpers import workspace_trainable
from training.results import study_sets
from training.studies.planned_study import Study


@pytest.fixture
def study(workspace) -> Study:
    return workspace_trainable.plan(workspace_trainable.make(workspace))


def _changed(study: Study, tmp_path, **columns) -> Study:  # type: ignore[no-untyped-def]
    other = replace(study, name="other", folder=tmp_path / "other")
    scans = study.scans()
    target = scans["role"] == "target"
    for name, change in columns.items():
        scans.loc[target, name] = change(scans.loc[target, name])
    files.write_parquet(other.scans_path, scans)
    return other


def test_the_same_people_in_the_same_folds_can_be_compared(study, tmp_path) -> None:
    assert study_sets.why_not(study, _changed(study, tmp_path)) == ""


@pytest.mark.parametrize(
    ("columns", "why"),
    [
        ({"fold": lambda fold: 1 - fold}, "into other folds (8 of 8 scans"),
        ({"sha256": lambda sha: sha.str[::-1]}, "8 of the 8 test scans had other content"),
        ({"age_years": lambda age: age + 1}, "had another age"),
        ({"scan_id": lambda scan: "x" + scan}, "was judged on other people"),
        (
            {"scan_id": lambda scan: scan.where(scan != scan.iloc[0], "new")},
            "1 of these 8 are missing there, and 1 are there that are not here",
        ),
    ],
)
def test_why_studies_cannot_be_compared_is_said(study, tmp_path, columns, why) -> None:
    assert why in study_sets.why_not(study, _changed(study, tmp_path, **columns))


def test_another_preset_or_pool_is_named(study) -> None:
    assert study_sets.what_else_differs(study, study) == []
    other = replace(study, cohort_id="pool-2", preset=study.preset.changed({"finetune_epochs": 9}))
    contrast = replace(study, preset=study.preset.changed({"objective": "contrast"}))
    assert study_sets.what_else_differs(study, contrast) == [
        "the objective (mae here, contrast there)"
    ]
    unet = replace(study, preset=study.preset.changed({"backbone": "unet"}))
    assert study_sets.what_else_differs(study, unet) == ["the backbone (vit here, unet there)"]
    preset, pool = study_sets.what_else_differs(study, other)
    assert "preset" in preset and "pool-2 there" in pool
