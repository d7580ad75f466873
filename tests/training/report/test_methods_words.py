"""Methods, option by option: each sentence follows what the study was planned with."""

from typing import Any

import pytest

from curation.storage.workspace import Workspace
from tests.helpers import workspace_trainable
from training.report import content
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
