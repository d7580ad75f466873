"""The demo: simulated people whose age shows, with every family of distortion, always labelled."""

import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from curation.errors import WorkspaceError
from curation.simulation import artefacts, demo_workspace, phantom_t1w
from curation.simulation.phantom_t1w import SCANNERS, Person
from curation.sources.ingest import ingest
from curation.storage import tables
from curation.storage.workspace import Workspace
from tests.helpers.nifti_images import make_bids

AGES = (25.0, 75.0)


def _csf_share(age_years: float, seed: int) -> float:
    """Share of the brain that is fluid, from the same person grown to an age."""
    rng = np.random.default_rng([seed, 1])
    tissue = phantom_t1w._tissues(Person("sub-x", age_years, "F", seed), rng)
    fluid = tissue["csf"].sum()
    return float(fluid / (fluid + tissue["grey"].sum() + tissue["white"].sum()))


def test_the_old_have_more_fluid_than_the_young() -> None:
    young, old = ([_csf_share(age, seed) for seed in range(3)] for age in AGES)
    assert min(old) > max(young)


def test_a_person_is_the_same_in_every_run_and_different_from_others() -> None:
    one, again, other = (
        phantom_t1w.scan(Person("sub-x", 40, "F", seed), SCANNERS["North"])[0] for seed in (1, 1, 2)
    )
    assert np.array_equal(one, again)
    assert not np.allclose(one, other, atol=5)


def test_sites_store_different_orientations_of_the_same_head() -> None:
    codes = {
        site: "".join(nib.aff2axcodes(phantom_t1w.scan(Person("s", 40, "F", 1), scanner)[1]))
        for site, scanner in SCANNERS.items()
    }
    assert codes == {"North": "RAS", "South": "LAS", "External": "RAS"}


def test_the_pool_has_every_artefact_two_sites_and_clean_scans() -> None:
    plans = demo_workspace.pool_plans()
    assert len(plans) == demo_workspace.POOL_SIZE
    assert {plan.artefact for plan in plans} == {*artefacts.ARTEFACTS, None}
    assert {plan.site for plan in plans} == {"North", "South"}
    assert (
        sum(plan.artefact is None for plan in plans)
        == demo_workspace.CLEAN_SHARE * demo_workspace.POOL_SIZE
    )


def test_the_target_is_clean_and_shares_nobody_with_the_pool() -> None:
    target = demo_workspace.target_plans()
    assert {plan.artefact for plan in target} == {None}
    pool = {(plan.person.participant_id, plan.person.seed) for plan in demo_workspace.pool_plans()}
    assert pool.isdisjoint((plan.person.participant_id, plan.person.seed) for plan in target)


@pytest.fixture(scope="module")
def small_demo(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(demo_workspace, "POOL_SIZE", 3)
        patch.setattr(demo_workspace, "TARGET_SIZE", 2)
        return demo_workspace.make_demo(tmp_path_factory.mktemp("demo") / "workspace", jobs=2)


def test_the_demo_is_ingested_and_marked_as_simulated(small_demo: Workspace) -> None:
    scans = tables.read_scans(small_demo)
    assert scans["simulated"].all()
    assert scans.groupby("role")["status"].value_counts().to_dict() == {
        ("pool", "ok"): 3,
        ("pool", "pet"): 3,
        ("pool", "missing"): 1,
        ("pool", "unreadable"): 1,
        ("target", "ok"): 2,
        ("target", "pet"): 2,
    }
    assert scans.loc[scans["status"] == "ok", "age_years"].notna().all()


def test_the_images_say_themselves_that_they_are_simulated(small_demo: Workspace) -> None:
    for kind in ("T1w", "pet"):
        path = next(small_demo.demo_images_dir.rglob(f"*_{kind}.nii.gz"))
        assert b"simulated" in nib.load(path).header["descrip"].tobytes()
    for description in small_demo.demo_images_dir.rglob("dataset_description.json"):
        assert "simulated" in json.loads(description.read_text())["Name"]


def test_every_t1w_has_a_pet_by_its_bids_name_that_says_what_was_traced(
    small_demo: Workspace,
) -> None:
    scans = tables.read_scans(small_demo).query("status in ['ok', 'pet']")
    assert (scans.groupby("subject_id")["modality"].agg(sorted).map(tuple) == ("T1w", "pet")).all()
    path = (
        small_demo.demo_images_dir
        / demo_workspace.POOL
        / "sub-001"
        / "pet"
        / "sub-001_trc-18FFDG_pet.json"
    )
    about = json.loads(path.read_text())
    assert (about["TracerName"], about["TracerRadionuclide"]) == ("FDG", "F18")
    assert about["Units"] == "Bq/mL" and "Simulated" in about["Description"]


def test_simulated_people_do_not_mix_with_real_ones(workspace: Workspace, tmp_path: Path) -> None:
    ingest(workspace, make_bids(tmp_path / "real", ["sub-01"]))
    with pytest.raises(WorkspaceError, match="real scans"):
        demo_workspace.make_demo(workspace.root)
