"""What a pretrained model makes of scans: maps of one, one error a scan, and what is held out."""

import json

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
import torch

from curation.errors import StudyError
from curation.imaging import prepared_volume
from curation.storage import files, json_lines, learned_columns, tables
from curation.storage.workspace import Workspace
from curation.tiers import overrides
from curation.tiers.tier_rule import TierRule
from tests.helpers import workspace_trainable
from training.models import masked_autoencoder
from training.reconstruction import reconstruct, reconstruction_files
from training.settings import volume_grid
from training.studies import runs
from training.studies.planned_study import Study
from training.studies.runs import Run
from training.tasks import checkpoints


def finish(study: Study, run: Run) -> None:
    """Give a pretraining weights and a result, as if it were finished."""
    network = masked_autoencoder.build(study.preset, seed=run.seed)
    checkpoints.save(run.model_path, network.state_dict())
    files.write_json(run.result_path, {"loss": 1.0, "seed": run.seed})


@pytest.fixture(scope="module")
def looked(tmp_path_factory: pytest.TempPathFactory) -> tuple[Workspace, Study, Run]:
    """A study of nine pool scans with one finished pretraining on tier A; three scans are not part of it."""
    workspace = Workspace.create(tmp_path_factory.mktemp("looked") / "workspace")
    workspace_trainable.make(workspace)
    study = workspace_trainable.plan(workspace)
    runs.write_configs(study)
    run = runs.find(study, "pretrain_A_seed0")
    finish(study, run)
    return workspace, study, run


def test_a_model_without_a_decoder_is_refused_in_words(workspace: Workspace) -> None:
    workspace_trainable.make(workspace)
    study = workspace_trainable.plan(workspace, overrides={"objective": "contrast"})
    run = runs.find(study, "pretrain_A_seed0")
    finish(study, run)
    with pytest.raises(StudyError, match="by contrast alone, without a decoder"):
        reconstruct.maps(workspace, study, run, "pool_sub-00_T1w")


def _maps(made: reconstruction_files.ReconstructionRecord) -> dict[str, np.ndarray]:
    return {name: np.asarray(nib.load(path).dataobj) for name, path in made.maps.items()}


def test_the_four_maps_say_what_was_removed_and_how_far_off_it_is(looked) -> None:
    workspace, study, run = looked
    made = reconstruct.maps(workspace, study, run, "pool_sub-00_T1w")
    maps = _maps(made)
    assert {data.shape for data in maps.values()} == {study.preset.shape}
    inside = volume_grid.brain_mask(workspace, study.preset)
    removed = maps["masked"] == np.float32(reconstruct.REMOVED)
    assert removed.mean() == pytest.approx(study.preset.masking_ratio, abs=0.02)
    kept = inside & ~removed
    # what was not removed is the scan itself, and what was filled in differs from it by the model alone
    assert np.allclose(maps["reconstruction"][kept], maps["input"][kept])
    assert np.allclose(maps["masked"][kept], maps["input"][kept])
    assert not np.allclose(maps["reconstruction"][inside], maps["input"][inside])
    assert (maps["error"][~inside] == 0).all()
    assert made.facts["error_share"] == pytest.approx(maps["error"][inside].mean(), rel=1e-5)


def test_a_map_lies_where_the_template_is(looked) -> None:
    workspace, study, run = looked
    made = reconstruct.maps(workspace, study, run, "pool_sub-00_T1w")
    assert np.allclose(
        nib.load(made.maps["error"]).affine, prepared_volume.grid_affine(study.preset)
    )


def test_the_error_of_a_scan_is_the_pretraining_loss_on_its_removed_patches(looked) -> None:
    workspace, study, run = looked
    scan = _scan(looked, "pool_sub-01_T1w")
    reconstructor = reconstruct.Reconstructor(workspace, study, run)
    volume = reconstructor.volume(scan)
    predicted, error, removed = reconstructor.reconstruct(volume)
    torch.manual_seed(0)
    with torch.inference_mode():
        loss = reconstructor.loss(volume.expand(reconstruction_files.MASK_SAMPLES, -1, -1, -1, -1))
    assert reconstructor.error_of(error, removed) == pytest.approx(float(loss), rel=1e-5)
    assert (removed.sum(0) > 0).all()  # no patch was spared in every draw
    assert predicted.shape[0] == reconstruction_files.MASK_SAMPLES


def test_looking_twice_gives_the_same_number(looked) -> None:
    workspace, study, run = looked
    scan = _scan(looked, "target_sub-12_T1w")
    reconstructor = reconstruct.Reconstructor(workspace, study, run)
    first, again = (
        reconstructor.error_of(*reconstructor.reconstruct(reconstructor.volume(scan))[1:])
        for _ in range(2)
    )
    assert first == again


def test_people_that_the_model_was_trained_on_are_marked(looked) -> None:
    workspace, study, run = looked
    scans = reconstruction_files.usable_scans(workspace, study, run)
    trained = set(files.read_json(run.config_path)["scans"])
    assert set(scans.loc[scans["pretrained_on"], "scan_id"]) == trained
    assert not scans.loc[scans["role"] == "target", "pretrained_on"].any()


def test_errors_of_all_scans_become_a_column_of_the_scored_scans(looked) -> None:
    workspace, study, run = looked
    seen: list[tuple[int, int]] = []
    table = reconstruct.errors(workspace, study, run, progress=lambda *at: seen.append(at))
    assert seen[-1] == (20, 20)
    assert table["reconstruction_error"].notna().all()
    scored = tables.read_scored_scans(workspace)
    assert np.allclose(scored["reconstruction_error"], table["reconstruction_error"])
    usable = tables.read_usable(workspace, "pool")  # what Tiers and Explore read
    assert usable["reconstruction_error"].notna().all()
    assert scored["pretrained_on"].sum() == table["pretrained_on"].sum() == 4
    _encoder_is_seen(workspace, study, run, usable)
    assert reconstruction_files.progress_of(
        workspace, study, run
    ) == reconstruction_files.ReconstructionProgress(20, 20, 0)


def _encoder_is_seen(workspace: Workspace, study: Study, run: Run, usable: pd.DataFrame) -> None:
    """Each scan has the encoder's features; the axes are theirs, and what lacks them is measured again."""
    read = reconstruction_files.read_errors(study, run)
    features = np.array(read["features"].tolist())
    assert features.shape == (20, study.preset.hidden) and np.isfinite(features).all()
    axes = list(learned_columns.ENCODER_AXES)
    assert usable[axes].notna().all(axis=None) and usable[axes[0]].std() > usable[axes[1]].std() > 0
    path = reconstruction_files.errors_path(study, run)
    rows, written = json_lines.read(path), path.read_text()
    before = [{name: row[name] for name in row if name != "features"} for row in rows]
    files.write_text(path, "".join(f"{json.dumps(row)}\n" for row in before))
    assert not set(axes) & set(reconstruction_files.offer(workspace, study, run).columns)
    assert set(axes) <= set(reconstruct.errors(workspace, study, run).columns)
    assert (
        reconstruction_files.read_errors(study, run)["features"].tolist()
        == read["features"].tolist()
    )
    files.write_text(path, written)  # as the tests below expect it


def test_tiers_can_be_cut_on_the_learned_error(looked) -> None:
    workspace, study, run = looked
    table = reconstruct.errors(workspace, study, run)
    middle = round(float(table["reconstruction_error"].median()), 3)
    rule = TierRule(("A", "B"), (middle,), "reconstruction_error")
    scored = tables.read_scored_scans(workspace)
    tier = overrides.tiers_with_overrides(workspace, scored, rule)
    assert (tier == "A").tolist() == (scored["reconstruction_error"] < middle).tolist()
    assert 0 < (tier == "A").sum() < len(tier)


def test_an_interrupted_pass_goes_on_where_it_was(looked, monkeypatch) -> None:
    workspace, study, run = looked
    reconstruct.errors(workspace, study, run)
    path = reconstruction_files.errors_path(study, run)
    lines = path.read_text().splitlines(keepends=True)
    path.write_text(
        "".join(lines[:15]) + lines[15][:20]
    )  # the sixteenth was cut off in the writing
    looked_at: list[str] = []
    look = reconstruct.Reconstructor.volume
    monkeypatch.setattr(
        reconstruct.Reconstructor,
        "volume",
        lambda self, scan: looked_at.append(scan["scan_id"]) or look(self, scan),
    )
    reconstruct.errors(workspace, study, run)
    assert len(looked_at) == 5


def test_a_scan_that_is_gone_is_a_row_with_its_reason(looked, tmp_path) -> None:
    workspace, study, run = looked
    reconstructor = reconstruct.Reconstructor(workspace, study, run)
    scan = _scan(looked, "pool_sub-00_T1w").copy()
    scan["scan_id"], scan["path"], scan["key"] = "new", str(tmp_path / "gone.nii.gz"), "k"
    row = reconstruct._error_row(reconstructor, scan)
    assert row["reconstruction_error"] is None
    assert "gone.nii.gz" in row["reason"]


def test_a_scan_outside_the_study_is_looked_at_as_those_in_it(looked) -> None:
    workspace, study, run = looked
    scan = _scan(looked, "pool_sub-02_T1w")
    reconstructor = reconstruct.Reconstructor(workspace, study, run)
    inside = reconstructor.volume(scan)
    reconstructor._own = reconstructor._own.iloc[:0]
    assert torch.equal(reconstructor.volume(scan), inside)


def test_without_a_finished_model_it_says_so(looked) -> None:
    workspace, study, _ = looked
    with pytest.raises(StudyError, match="no finished model"):
        reconstruct.maps(workspace, study, runs.find(study, "finetune_A_seed0_fold0"), "x")


def test_an_unknown_scan_is_refused_in_words(looked) -> None:
    workspace, study, run = looked
    with pytest.raises(StudyError, match="no image that is aligned"):
        reconstruct.maps(workspace, study, run, "nobody")


def test_another_model_makes_maps_of_its_own(looked) -> None:
    _, study, run = looked
    before = reconstruction_files.folder_of(study, run)
    made = files.read_json(run.result_path)
    files.write_json(run.result_path, made | {"loss": 0.5})
    assert reconstruction_files.folder_of(study, run) != before
    files.write_json(run.result_path, made)


# ---- correlation -----------------------------------------------------------------------------------


def test_correlation_of_people_has_bonett_and_wright_s_interval() -> None:
    """Closed form: ρ = 0.5 at n = 20 gives tanh(0.5493 ± 1.96·√(1.125/17)) = 0.0451 to 0.7832."""
    order = np.arange(20.0)
    table = pd.DataFrame({"subject_id": order.astype(str), "x": order, "y": order})
    found = reconstruction_files.correlation(table, "x", "y")
    assert found.rho == pytest.approx(1.0) and found.people == 20
    half = 1.959964 * np.sqrt(1.125 / 17)
    low, high = reconstruction_files.interval(0.5, 20)
    assert (low, high) == pytest.approx(
        (np.tanh(np.arctanh(0.5) - half), np.tanh(np.arctanh(0.5) + half))
    )
    assert (low, high) == pytest.approx((0.0451, 0.7832), abs=1e-4)


def test_scans_of_one_person_count_once() -> None:
    table = pd.DataFrame(
        {"subject_id": list("aabbccddee"), "x": np.arange(10.0), "y": -np.arange(10.0)}
    )
    found = reconstruction_files.correlation(table, "x", "y")
    assert (found.people, found.rho) == (5, pytest.approx(-1))


@pytest.mark.parametrize("y", [[1.0] * 6, [1.0, 2.0, np.nan, np.nan, np.nan, np.nan]])
def test_what_cannot_go_together_has_no_correlation(y: list[float]) -> None:
    table = pd.DataFrame({"subject_id": list("abcdef"), "x": np.arange(6.0), "y": y})
    assert np.isnan(reconstruction_files.correlation(table, "x", "y").rho)


def _scan(looked: tuple[Workspace, Study, Run], scan_id: str) -> pd.Series:
    scans = reconstruction_files.usable_scans(*looked)
    return scans[scans["scan_id"] == scan_id].iloc[0]
