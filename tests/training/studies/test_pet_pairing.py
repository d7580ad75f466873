"""A T1w's PET is the one of the same person and session, in its space; whatever else is refused in words."""

from pathlib import Path

import pandas as pd
import pytest

from curation.errors import StudyError
from curation.storage import files, tables
from curation.storage.workspace import Workspace
from tests.helpers import pet_images, workspace_trainable
from training.settings.input_images import IMAGES
from training.studies import pet_pairing
from training.studies.planned_study import Study


@pytest.fixture
def ready(workspace: Workspace) -> Workspace:
    return pet_images.make(workspace)


def _plan(workspace: Workspace, images: str = "together", **changes) -> Study:
    return workspace_trainable.plan(workspace, overrides=dict(IMAGES[images].overrides), **changes)


def _change(workspace: Workspace, scan_id: str, **values) -> None:
    scans = tables.read_scans(workspace)
    for name, value in values.items():
        scans.loc[scans["scan_id"] == scan_id, name] = value
    tables.write_scans(workspace, scans)


def _drop(workspace: Workspace, *scan_ids: str) -> None:
    scans = tables.read_scans(workspace)
    tables.write_scans(workspace, scans[~scans["scan_id"].isin(scan_ids)])


def test_each_scan_of_a_study_has_the_pet_of_its_person(ready: Workspace) -> None:
    scans = _plan(ready).scans()
    assert len(scans) == 20
    assert (scans["pet_scan_id"] == scans["scan_id"].str.replace("T1w", "pet")).all()
    known = tables.read_scans(ready).set_index("scan_id")["sha256"]
    assert (scans["pet_sha256"] == scans["pet_scan_id"].map(known)).all()


def test_a_study_on_t1w_is_planned_as_if_there_were_no_pet(ready: Workspace) -> None:
    with_pets = _plan(ready, "T1w")
    _drop(ready, *tables.read_scans(ready).query("status == 'pet'")["scan_id"])
    assert workspace_trainable.plan(ready).id == with_pets.id
    assert not set(pet_pairing.PAIR_COLUMNS) & set(with_pets.scans())


def test_another_pet_is_another_study(ready: Workspace) -> None:
    before = _plan(ready)
    path = Path(tables.read_scans(ready).set_index("scan_id").loc["pool_sub-00_pet", "path"])
    pet_images.write(path, 99.0)
    _change(ready, "pool_sub-00_pet", sha256=files.sha256_of(path))
    assert _plan(ready).id != before.id


def test_by_turns_the_target_needs_no_pet(ready: Workspace) -> None:
    targets = tables.read_scans(ready).query("role == 'target' and status == 'pet'")["scan_id"]
    _drop(ready, *targets)
    scans = _plan(ready, "by-turns").scans()
    assert scans.groupby("role")["pet_sha256"].count().to_dict() == {"pool": 12, "target": 0}
    for images in ("pet", "together"):
        with pytest.raises(StudyError, match="8 of 20 scans have no PET"):
            _plan(ready, images)


def test_who_has_no_pet_is_counted_and_named_and_a_broken_one_with_its_reason(ready) -> None:
    _drop(ready, *(f"pool_sub-0{number}_pet" for number in range(3)))
    _change(ready, "pool_sub-03_pet", status="unreadable", reason="it is cut off")
    with pytest.raises(StudyError) as caught:
        _plan(ready)
    said = str(caught.value)
    assert "4 of 20 scans have no PET of the same person and session: pool_sub-00_T1w," in said
    assert "pool_sub-02_T1w and 1 more" in said
    assert "cannot be used: pool_sub-03_pet (it is cut off)" in said


def test_of_two_pets_none_is_guessed(ready: Workspace) -> None:
    scan = tables.read_scans(ready).set_index("scan_id", drop=False).loc["pool_sub-01_T1w"]
    pet_images.add(ready, [pet_images.row(ready, scan.to_dict(), "trc-AV45_pet")])
    with pytest.raises(StudyError, match=r"1 of 20 scans have several PETs .*pool_sub-01_T1w"):
        _plan(ready)


def test_a_pet_of_another_session_is_not_taken(ready: Workspace) -> None:
    _change(ready, "pool_sub-01_pet", session_id="2")
    with pytest.raises(StudyError, match=r"1 of 20 scans have no PET .*pool_sub-01_T1w"):
        _plan(ready)
    _change(ready, "pool_sub-01_T1w", session_id="2")
    assert _plan(ready).scans()["pet_scan_id"].notna().all()


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ({"middle_mm": (0.0, -17.0, 155.0)}, "of the brain lies within the PET"),
        ({"shape": (34, 40, 12)}, "of the brain lies within the PET"),
    ],
)
def test_a_pet_of_a_field_of_view_elsewhere_is_refused(ready: Workspace, written, why) -> None:
    scan = tables.read_scans(ready).set_index("scan_id", drop=False).loc["pool_sub-01_T1w"]
    pet_images.add(ready, [pet_images.row(ready, scan.to_dict(), **written)])
    with pytest.raises(StudyError, match="co-register a copy of it first") as caught:
        _plan(ready)
    assert "1 of 20 PETs do not lie where the brain of their T1w is: pool_sub-01_T1w" in str(
        caught.value
    )
    assert why in str(caught.value)


def test_a_pet_that_changed_since_it_was_ingested_is_named(ready: Workspace) -> None:
    path = tables.read_scans(ready).set_index("scan_id").loc["pool_sub-01_pet", "path"]
    pet_images.write(Path(path), 50.0, seed=99)
    with pytest.raises(StudyError, match=r"1 PETs have changed .*pool_sub-01_pet"):
        _plan(ready)


def test_a_pet_that_went_is_named(ready: Workspace) -> None:
    Path(tables.read_scans(ready).set_index("scan_id").loc["pool_sub-01_pet", "path"]).unlink()
    with pytest.raises(StudyError, match=r"pool_sub-01_T1w \(the file cannot be opened"):
        _plan(ready)


def test_a_pet_in_both_cohorts_is_refused(ready: Workspace) -> None:
    known = tables.read_scans(ready).set_index("scan_id")
    twin = known.loc["pool_sub-01_pet"]
    _change(ready, "target_sub-13_pet", sha256=twin["sha256"], path=twin["path"])
    with pytest.raises(StudyError, match="1 PET of the target cohort also in the pretraining pool"):
        _plan(ready)


@pytest.mark.parametrize(
    ("roles", "said"),
    [
        (("pool", "target"), "of the target cohort also in the pretraining pool"),
        (("pool", "external"), "of the external cohorts also in the pretraining pool"),
        (("target", "external"), "of the external cohorts also in the target cohort"),
        (("target", "target"), "of several people of the target cohort"),
        (("pool", "pool"), None),
        (("external", "external"), None),
    ],
)
def test_one_pet_is_never_learned_from_and_judged_on(roles, said) -> None:
    chosen = pd.DataFrame({"role": roles, "subject_id": ["a", "b"], "pet_scan_id": ["p", "q"]})
    found = pd.DataFrame({"pet_image_hash": ["same", "same"], "pet_sha256": ["1", "2"]})
    if said is None:
        pet_pairing._refuse_in_both(chosen, found)
        return
    with pytest.raises(StudyError, match=said):
        pet_pairing._refuse_in_both(chosen, found)


def test_two_visits_of_one_person_may_share_a_pet() -> None:
    chosen = pd.DataFrame({"role": "target", "subject_id": ["a", "a"], "pet_scan_id": ["p", "q"]})
    found = pd.DataFrame({"pet_image_hash": ["same", "same"], "pet_sha256": ["1", "1"]})
    pet_pairing._refuse_in_both(chosen, found)
