"""Studies of T1w, of PET and of both: the same people in the same order, resumable, comparable."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
import torch

from curation.imaging import prepared_volume, volumes
from curation.storage import files, json_lines, tables
from curation.storage.workspace import Workspace
from tests.helpers import pet_images, workspace_trainable
from tests.helpers.stops import StopAt
from training.reconstruction import reconstruct, reconstruction_files
from training.results import study_sets
from training.settings import input_images, volume_grid
from training.settings.input_images import IMAGES
from training.studies import prepare_volumes, runs
from training.studies.planned_study import Study
from training.studies.runs import Run
from training.tasks import checkpoints, finetune, pretrain
from training.tasks.batches import Volumes
from training.tasks.stop_signal import Stopped

ARMS = ["scratch", "A"]


@dataclass(frozen=True)
class _Process:
    """What a task needs to know of the process that it is in."""

    world_size: int = 1
    global_rank: int = 0
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))


@pytest.fixture(autouse=True)
def _torch_as_it_was():
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(False)
    torch.set_flush_denormal(False)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    root = tmp_path_factory.mktemp("pets") / "workspace"
    return pet_images.make(Workspace.create(root))


def _plan(workspace: Workspace, choice: str, **changes) -> Study:
    overrides = dict(IMAGES[choice].overrides) | changes.pop("overrides", {})
    return workspace_trainable.plan(workspace, overrides=overrides, **changes)


def _train(
    workspace: Workspace, study: Study, run_id: str, interruption: StopAt | None = None
) -> Run:
    runs.write_configs(study)
    run = runs.find(study, run_id)
    job = pretrain.pretrain if run.kind == "pretrain" else finetune.finetune
    job(workspace, study, run, interruption or StopAt())
    return run


def _task(
    workspace: Workspace, name: str, process: Any = _Process()
) -> pretrain.MaskedReconstruction:
    study = _plan(workspace, name, arms=["all"])
    ids = study.pretraining_scans("all", 0)
    paths = pretrain._paths(workspace, study, ids)
    shares = torch.ones(int(np.prod(study.preset.grid)))
    return pretrain.MaskedReconstruction(process, study.preset, 0, Volumes(paths), shares)


def test_every_choice_is_found_again_in_the_preset_that_it_makes() -> None:
    preset = workspace_trainable.TINY_PRESET
    for choice in IMAGES.values():
        assert input_images.images_of(preset.changed(choice.overrides)) is choice
    assert input_images.images_of(preset).name == "T1w"


def test_each_step_shows_the_same_people_whatever_is_looked_at(shared: Workspace) -> None:
    t1w, pet, turns, together = (_task(shared, name) for name in IMAGES)
    for step in range(7):
        of = {
            name: task.sample(step)
            for name, task in zip(IMAGES, (t1w, pet, turns, together), strict=True)
        }
        one, other = of["T1w"]["volumes"], of["pet"]["volumes"]
        assert one.shape[1] == other.shape[1] == of["by-turns"]["volumes"].shape[1] == 1
        assert torch.equal(of["together"]["volumes"], torch.cat((one, other), dim=1))
        modality = of["by-turns"]["modality"]
        assert modality.tolist() == [0, 1, 0, 1]  # half of every step
        where = modality.view(-1, 1, 1, 1, 1).bool()
        assert torch.equal(of["by-turns"]["volumes"], torch.where(where, other, one))
        assert all(torch.equal(of[name]["kept"], of["T1w"]["kept"]) for name in of)


class _Asked:
    """Notes which volumes are asked for."""

    def __init__(self, volumes: Volumes) -> None:
        self.volumes, self.seen = volumes, []

    def __len__(self) -> int:
        return len(self.volumes)

    def batch(self, chosen, *others) -> torch.Tensor:
        self.seen.append(chosen)
        return self.volumes.batch(chosen, *others)


def test_by_turns_every_person_is_shown_as_either_and_half_of_a_step_is_each(shared) -> None:
    task = _task(shared, "by-turns")
    task.volumes = asked = _Asked(task.volumes)  # type: ignore[assignment]
    for step in range(60):
        task.sample(step)
    assert set(np.concatenate(asked.seen).tolist()) == set(range(24))
    assert all((chosen >= 12).sum() == 2 for chosen in asked.seen)


def test_several_processes_share_a_step_out(shared: Workspace) -> None:
    whole, half = _task(shared, "by-turns"), _task(shared, "by-turns", _Process(2, 1))
    for name, value in whole.sample(3).items():
        assert torch.equal(half.sample(3)[name], value[2:]), name


@pytest.mark.parametrize("name", ["by-turns", "together", "pet"])
def test_a_resumed_pretraining_equals_the_uninterrupted_one(
    workspace: Workspace, name: str
) -> None:
    pet_images.make(workspace)
    whole = _train(workspace, _plan(workspace, name), "pretrain_A_seed0")
    study = _plan(workspace, name, name="again")
    with pytest.raises(Stopped):
        _train(workspace, study, "pretrain_A_seed0", StopAt(6))
    run = _train(workspace, study, "pretrain_A_seed0")
    one, two = (checkpoints.load(made.model_path) for made in (whole, run))
    assert one is not None and two is not None
    assert all(torch.equal(one[key], two[key]) for key in one)
    losses = [[line["loss"] for line in json_lines.read(r.metrics_path)] for r in (whole, run)]
    assert losses[0] == losses[1]


@pytest.mark.parametrize("name", ["by-turns", "together", "pet"])
def test_all_that_a_study_has_is_trained_and_judged_on_its_images(
    workspace: Workspace, name: str
) -> None:
    pet_images.make(workspace)
    arms = ["scratch", "A", "probe-A", "cnn", "ridge"]
    study = _plan(workspace, name, arms=arms)
    for run in runs.runs_of(study):
        if run.kind == "pretrain" or run.fold == 0:
            _train(workspace, study, run.id)
            assert np.isfinite(files.read_json(run.result_path).get("age_mae_years", 0))
    weights = checkpoints.load(runs.find(study, "finetune_A_seed0_fold0").model_path)
    assert weights is not None
    channels = weights["patch_embedding.patch_embeddings.weight"].shape[1]
    assert channels == len(input_images.shown(study.preset)) == (2 if name == "together" else 1)
    run = runs.find(study, "pretrain_A_seed0")
    made = reconstruct.maps(workspace, study, run, "pool_sub-00_T1w")
    assert (
        tuple(made.maps_of) == input_images.shown(study.preset) == tuple(made.facts["error_shares"])
    )
    inputs = [volumes.load(maps["input"]).data for maps in made.maps_of.values()]
    paths = prepare_volumes.sample_paths(workspace, study, ["pool_sub-00_T1w"])[0]
    shares = [
        np.load(path).astype(float) * prepared_volume.SCALE + prepared_volume.OFFSET
        for path in paths
    ]
    inside = volume_grid.brain_mask(workspace, study.preset)
    assert all(
        np.allclose(one[inside], share[inside], atol=1e-3)
        for one, share in zip(inputs, shares, strict=True)
    )
    looker = reconstruct.Reconstructor(workspace, study, run)
    scan = reconstruction_files.usable_scans(workspace, study, run).iloc[3]
    inside = looker.volume(scan)
    looker._own = looker._own.iloc[:0]
    assert torch.equal(looker.volume(scan), inside)
    table = reconstruct.errors(workspace, study, run)
    assert len(table) == 20 and table["reconstruction_error"].notna().all()


def test_the_arms_of_t1w_pet_and_both_can_be_compared_and_the_images_are_named(shared) -> None:
    t1w, pet, turns, together = (_plan(shared, name) for name in IMAGES)
    for other in (pet, turns, together):
        assert study_sets.why_not(t1w, other) == "" == study_sets.why_not(other, t1w)
        (differs,) = study_sets.what_else_differs(t1w, other)
        assert (
            differs == f"the images (T1w here, {input_images.images_of(other.preset).label} there)"
        )
    longer = _plan(shared, "pet", overrides={"finetune_epochs": 9})
    assert len(study_sets.what_else_differs(t1w, longer)) == 2
    assert (
        t1w.split("scratch", 0, 1)
        .train["scan_id"]
        .equals(pet.split("scratch", 0, 1).train["scan_id"])
    )


def test_through_a_model_of_pet_those_without_one_are_not_looked_at(workspace: Workspace) -> None:
    pet_images.make(workspace)
    study = _plan(workspace, "pet")
    runs.write_configs(study)
    run = runs.find(study, "pretrain_A_seed0")
    before = reconstruction_files.usable_scans(workspace, study, run)
    keys = reconstruction_files.keys_of(study, before)
    assert len(set(keys)) == 20
    scans = tables.read_scans(workspace)
    tables.write_scans(workspace, scans[scans["scan_id"] != "pool_sub-00_pet"])
    after = reconstruction_files.usable_scans(workspace, study, run)
    assert len(after) == 19 and "pool_sub-00_T1w" not in set(after["scan_id"])
