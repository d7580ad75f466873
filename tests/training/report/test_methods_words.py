"""Methods, option by option: each sentence follows what the study was planned with."""

from typing import Any

import pytest

from curation.storage import files
from curation.storage.workspace import Workspace
from tests.helpers import workspace_judged, workspace_trainable
from training.report import content
from training.studies import arm_overlap
from training.studies.planned_study import Study


def told(workspace: Workspace, study: Study) -> str:
    return " ".join(content.build(workspace, study.id).methods)


def planned(workspace: Workspace, **changes: Any) -> Study:
    return workspace_trainable.plan(workspace_trainable.make(workspace), **changes)


@pytest.mark.parametrize("masking", ["uniform", "brain"])
def test_which_patches_were_removed_is_told_by_the_kind_of_masking(
    workspace: Workspace, masking: str
) -> None:
    said = told(workspace, planned(workspace, overrides={"masking": masking}))
    assert ("% of the patches removed)" in said) == (masking == "uniform")
    assert (
        "% of the patches with brain removed, drawn by their share of brain; patches without brain left out"
        in said
    ) == (masking == "brain")
    assert "mean squared error of removed patches, weighted by their share of brain" in said


@pytest.mark.parametrize("backbone", ["vit", "unet"])
@pytest.mark.parametrize(("centred", "locality"), [(True, 0.0), (False, 10.0)])
def test_mean_patches_and_the_start_of_attention_are_told_where_they_are(
    workspace: Workspace, backbone: str, centred: bool, locality: float
) -> None:
    overrides = workspace_trainable.UNET if backbone == "unet" else {}
    overrides = overrides | {"centred": centred, "locality": locality}
    said = told(workspace, planned(workspace, overrides=overrides))
    of_vit = backbone == "vit"
    assert ("mean patch of its place was subtracted" in said) == centred
    assert ("Attention began" in said) == (locality > 0 and of_vit)


def test_a_control_is_of_thirds_of_age_and_leaves_as_much_choice_as_it_does(
    workspace: Workspace,
) -> None:
    study = planned(workspace, arms=["scratch", "A", "all", "control-A"], seeds=[0, 1])
    scans = study.scans()
    first = scans["scan_id"] == scans.loc[scans["tier"] == "A", "scan_id"].iloc[0]
    files.write_parquet(study.scans_path, scans.assign(site=scans["site"].mask(first, "West")))
    workspace_judged.plant(study)
    report = content.build(workspace, study.id)
    (message,) = [one for one in report.messages if one.name == "controls"]
    assert "of the same size, sites and thirds of age as its arm" in message.lead
    (overlap,) = arm_overlap.of_study(study)
    drawn = (set(study.pretraining_scans("control-A", seed)) for seed in (0, 1))
    assert 0 < overlap.fixed <= len(set.intersection(*drawn))
    choice = f"For {overlap.fixed} of the 4 of control-A there is no choice"
    assert choice in message.points[-1] and choice in report.methods[2]
