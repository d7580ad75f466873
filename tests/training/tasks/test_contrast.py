"""Pretraining by contrast, alone and beside the reconstruction: batches, memory, processes, resuming."""

import numpy as np
import pytest
import torch

from curation.errors import StudyError
from curation.storage import files, json_lines
from curation.storage.workspace import Workspace
from tests.helpers import workspace_trainable
from tests.helpers.stops import StopAt
from tests.helpers.workspace_trainable import TINY_PRESET
from training.models.contrast import ViewContrast
from training.studies import prepare_volumes, runs
from training.studies.planned_study import Study
from training.studies.runs import Run
from training.tasks import checkpoints, devices, finetune, pretrain
from training.tasks.batches import Volumes, mirrored_displacement, sample_warp, warp
from training.tasks.contrast import Contrast
from training.tasks.masked_reconstruction import MaskedReconstruction
from training.tasks.stop_signal import Stopped

_TIMES = ("seconds", "time", "volumes_per_s", "data_wait_share")


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Tiny heads of whom some have the same age; every study of it has a name of its own."""
    root = tmp_path_factory.mktemp("contrast") / "workspace"
    return workspace_trainable.make(Workspace.create(root))


def _planned(workspace: Workspace, objective: str, name: str, **overrides) -> tuple[Study, Run]:
    study = workspace_trainable.plan(
        workspace,
        name=name,
        arms=["scratch", "all"],
        overrides={"objective": objective} | overrides,
    )
    runs.write_configs(study)
    return study, runs.find(study, "pretrain_all_seed0")


def _pretrained(workspace: Workspace, objective: str, name: str, **overrides) -> tuple[Study, Run]:
    study, run = _planned(workspace, objective, name, **overrides)
    pretrain.pretrain(workspace, study, run, StopAt())
    return study, run


def _lines(run: Run) -> list[dict]:
    lines = json_lines.read(run.metrics_path)
    return [{k: v for k, v in line.items() if k not in _TIMES} for line in lines]


def _losses(run: Run) -> dict[str, float]:
    """All parts of the loss after each epoch."""
    return {
        f"{name} {line['epoch']}": value
        for line in _lines(run)
        for name, value in line.items()
        if name.endswith("loss")
    }


def _tasks(
    workspace: Workspace, objective: str, **overrides
) -> tuple[Contrast, MaskedReconstruction]:
    study, run = _planned(workspace, objective, "batches", **overrides)
    ids = study.pretraining_scans("all", 0)
    volumes = Volumes(pretrain._paths(workspace, study, ids))
    fabric = devices.fabric_on("cpu", 1, study.preset)
    shares, people = torch.ones(int(np.prod(study.preset.grid))), torch.arange(len(ids))
    given = (fabric, study.preset, run.seed, volumes, shares)
    return Contrast(*given, people), MaskedReconstruction(*given)


# ---- what is shown -----------------------------------------------------------------------------------


def test_the_first_view_beside_a_reconstruction_is_what_a_masked_autoencoder_is_shown(
    shared: Workspace,
) -> None:
    both, alone = _tasks(shared, "hybrid", warp_mm=3.0)
    for step in (0, 5):
        batch, expected = both.sample(step), alone.sample(step)
        assert all(torch.equal(batch[name], expected[name]) for name in expected)
        assert not torch.equal(batch["second"], batch["volumes"])
        assert batch["second_kept"].shape == batch["kept"].shape


def test_each_step_shows_other_views_and_the_same_again_when_asked_again(shared: Workspace) -> None:
    task, _ = _tasks(shared, "contrast")
    first, again, other = task.sample(0), task.sample(0), task.sample(1)
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["second_kept"], other["second_kept"])
    assert not torch.equal(first["kept"], first["second_kept"])


def test_both_views_of_a_head_are_deformed_alike_so_that_sizes_stay_comparable() -> None:
    """A mirrored field does to a mirrored head what the field does to the head."""
    rng = np.random.default_rng(0)
    heads = torch.randn(2, 1, 20, 24, 20)
    field = sample_warp(rng, 2, voxels=1.5)
    turned = torch.tensor([True, False])
    other = mirrored_displacement(field, turned)
    expected = warp(heads, field)
    found = warp(torch.where(turned.view(2, 1, 1, 1, 1), heads.flip(2), heads), other)
    assert torch.allclose(found[0].flip(1), expected[0], atol=1e-3)
    assert torch.allclose(found[1], expected[1], atol=1e-6)


def test_views_are_mirrored_apart_and_their_fields_with_them(shared: Workspace) -> None:
    task, _ = _tasks(shared, "hybrid", warp_mm=3.0)
    apart = []
    for step in range(6):
        batch = task.sample(step)
        one, other = batch["displacement"], batch["second_displacement"]
        mirrored = mirrored_displacement(one, torch.ones(len(one), dtype=torch.bool))
        for row in range(len(one)):
            alike = torch.equal(other[row], one[row])
            assert alike or torch.equal(other[row], mirrored[row])
            apart.append(not alike)
    assert 0.2 < np.mean(apart) < 0.8


# ---- what is computed --------------------------------------------------------------------------------


@pytest.mark.parametrize("objective", ["contrast", "hybrid"])
def test_short_memory_changes_no_number(shared: Workspace, monkeypatch, objective: str) -> None:
    """The scans of a step are told from all others of it, also where it is worked through in parts."""
    _, expected = _pretrained(shared, objective, f"whole-{objective}")
    forward = ViewContrast.forward

    def with_little_memory(self, first, second, masks):
        if torch.is_grad_enabled() and len(first.volumes) > 1:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return forward(self, first, second, masks)

    monkeypatch.setattr(ViewContrast, "forward", with_little_memory)
    _, short = _pretrained(shared, objective, f"short-{objective}")
    assert "in 4 parts" in files.read_json(short.status_path)["message"]
    assert _losses(short) == pytest.approx(_losses(expected), rel=1e-3)


@pytest.mark.soak  # by reconstruction: test_several_devices.py; batches of pairs: above, in one process
@pytest.mark.parametrize("objective", ["hybrid", "contrast"])
def test_two_processes_come_to_what_one_comes_to(shared: Workspace, objective: str) -> None:
    """Each scan is told from those of the other process too."""
    _, alone = _pretrained(shared, objective, f"one-{objective}")
    _, spread = _pretrained(shared, objective, f"two-{objective}", devices=2)
    assert _losses(spread) == pytest.approx(_losses(alone), rel=1e-3)
    weights = [checkpoints.load(run.model_path) for run in (alone, spread)]
    assert all(torch.allclose(weights[0][n], weights[1][n], atol=2e-3) for n in weights[0])


@pytest.mark.parametrize("stops", [[1], [6, 3]])
def test_a_resumed_run_equals_the_uninterrupted_one_bit_for_bit(
    shared: Workspace, stops: list[int]
) -> None:
    _, whole = _pretrained(shared, "hybrid", "uninterrupted")
    study, run = _planned(shared, "hybrid", f"stopped-{len(stops)}")
    for steps in stops:
        with pytest.raises(Stopped):
            pretrain.pretrain(shared, study, run, StopAt(steps))
    pretrain.pretrain(shared, study, run, StopAt())
    assert _lines(run) == _lines(whole)
    weights = [checkpoints.load(one.model_path) for one in (whole, run)]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])


def test_people_are_told_apart_better_with_time_and_both_losses_are_told(shared: Workspace) -> None:
    _, run = _pretrained(shared, "hybrid", "learns", pretrain_epochs=8, pretrain_lr=3e-3)
    lines = _lines(run)
    assert {"loss", "reconstruction_loss", "contrast_loss", "twins_found"} <= set(lines[0])
    weight = TINY_PRESET.contrast_weight
    for line in lines:
        parts = line["reconstruction_loss"] + weight * line["contrast_loss"]
        assert line["loss"] == pytest.approx(parts, rel=1e-4)
    assert lines[-1]["reconstruction_loss"] < lines[0]["reconstruction_loss"]
    assert lines[-1]["contrast_loss"] < lines[0]["contrast_loss"]


def test_a_scan_and_its_distorted_copy_are_one_person(workspace: Workspace) -> None:
    workspace_trainable.make(workspace)
    arms = ["A", "A+A~blur-0.5"]
    study = workspace_trainable.plan(workspace, arms=arms, overrides={"objective": "contrast"})
    runs.write_configs(study)
    (run,) = [run for run in runs.named(study, arms[1:]) if run.kind == "pretrain"]
    _, _, paths, *_, people, _ = pretrain.given_to(workspace, study, run)
    ids = study.pretraining_scans(run.arm, 0)
    clean = prepare_volumes.sample_paths(workspace, study, ids)
    copies = prepare_volumes.sample_paths(workspace, study, ids, study.arm(run.arm).distortion)
    whose = {str(path): int(person) for (path,), person in zip(paths, people, strict=True)}
    assert len(whose) == 2 * len(ids) and len(set(whose.values())) == len(ids)
    assert all(whose[str(a)] == whose[str(b)] for (a,), (b,) in zip(clean, copies, strict=True))
    pretrain.pretrain(workspace, study, run, StopAt())
    assert files.read_json(run.result_path)["scans"] == 2 * len(ids)


# ---- what is kept ------------------------------------------------------------------------------------


def test_the_projection_head_is_left_behind_and_the_encoder_fine_tuned_like_any_other(
    shared: Workspace,
) -> None:
    study, run = _pretrained(shared, "contrast", "handed-on")
    _, usual = _pretrained(shared, "mae", "usual")
    kept, of_usual = (checkpoints.load(one.model_path) for one in (run, usual))
    assert {name: v.shape for name, v in kept.items()} == {n: v.shape for n, v in of_usual.items()}
    fine_tuning = runs.find(study, "finetune_all_seed0_fold0")
    finetune.finetune(shared, study, fine_tuning, StopAt())
    assert files.read_json(fine_tuning.result_path)["predictions"]


def test_a_pool_of_one_person_is_refused_when_planned(workspace: Workspace) -> None:
    workspace_trainable.make(workspace, pool=3, target=8)  # one scan a tier
    with pytest.raises(StudyError, match=r"arm A .*one person; it needs 2 people or more"):
        workspace_trainable.plan(workspace, overrides={"objective": "contrast"})
    assert not list(workspace.studies_dir.glob("*"))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"objective": "simclr"}, r"one of mae, contrast, hybrid, not 'simclr'"),
        ({"objective": "contrast", "pretrain_batch": 1}, r"pretrain_batch must be 2 or more"),
        ({"objective": "hybrid", "temperature": 0.0}, r"temperature must lie between 0.01 and 1"),
        ({"objective": "hybrid", "temperature": 1.5}, r"temperature must lie between 0.01 and 1"),
        ({"objective": "hybrid", "contrast_weight": 0.0}, r"contrast_weight must be above 0"),
        ({"objective": "contrast", "crop": 0.1}, r"crop must lie between 0.3 and 1"),
        (
            {"objective": "contrast", "modalities": ("T1w", "pet")},
            r"tell the kinds of image apart instead of people",
        ),
    ],
)
def test_what_a_contrast_cannot_be_made_of_is_refused_in_words(changes: dict, words: str) -> None:
    with pytest.raises(StudyError, match=words):
        TINY_PRESET.changed(changes)


def test_plans_of_before_keep_their_names() -> None:
    """What came later is written down only where it is not what was done before."""
    assert not {"objective", "contrast_weight", "temperature", "crop"} & set(TINY_PRESET.as_dict())
    changed = TINY_PRESET.changed({"objective": "hybrid"})
    assert changed.as_dict()["objective"] == "hybrid"
    assert type(changed).from_dict(changed.as_dict()) == changed
