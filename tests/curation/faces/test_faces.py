"""Faces: recognised on heads, left out of pictures, taken out of copies and never of the raw image."""

import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from curation.__main__ import main
from curation.assessment import assess_workspace, faces_and_pictures, metric_shards
from curation.decisions import audit_trail
from curation.errors import SourceError, WorkspaceError
from curation.faces import defacing, face_region, face_state
from curation.faces.face_region import FaceSeen
from curation.faces.face_state import LIMIT, FaceState, state_of
from curation.imaging import masks as masks_
from curation.imaging.registered_grid import volume_on_grid
from curation.imaging.thumbnails import TILE, preview
from curation.imaging.volumes import Volume, conform, load
from curation.storage import files, tables
from curation.storage.workspace import ImageSettings, Workspace
from curation.upkeep import forgetting
from tests.helpers import phantom_heads


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A workspace of two scored heads, ``face`` and ``none``; tests only read it."""
    root = tmp_path_factory.mktemp("faces")
    workspace = Workspace.create(root / "workspace")
    rows = []
    for name, data in (
        ("face", phantom_heads.head_with_face(1)),
        ("none", phantom_heads.head(2)),
    ):
        image = nib.Nifti1Image(data, phantom_heads.affine())
        image.header["descrip"] = b"Doe, Jane"
        path = root / f"{name}.nii.gz"
        nib.save(image, path)
        row = {"scan_id": name, "subject_id": f"t:{name}", "path": str(path), "modality": "T1w"}
        rows.append(row | {"sha256": files.sha256_of(path), "status": "ok", "source": "t"})
    tables.write_scans(workspace, pd.DataFrame(rows))
    assess_workspace.assess(workspace)
    return workspace


@pytest.fixture
def own(measured: Workspace, tmp_path: Path) -> Workspace:
    return phantom_heads.copy(measured, tmp_path / "own")


def _row(workspace: Workspace, scan_id: str) -> pd.Series:
    return tables.read_metrics(workspace).set_index("scan_id").loc[scan_id]


def _ml(path: Path) -> float:
    volume = conform(load(path))
    found = masks_.find_masks(volume)
    return face_region.look(found.on_grid(volume), found.template_affine).ml


def test_a_face_is_told_from_a_head_without_one(measured: Workspace) -> None:
    seen, none = _row(measured, "face"), _row(measured, "none")
    assert seen["face_ml"] > 2 * face_region.SHOWN_ML > 4 * none["face_ml"]
    assert (state_of(seen), state_of(none)) == (FaceState.SHOWN, FaceState.NONE)
    assert "nose, cheeks" in json.loads(seen["flags"])["face"]
    assert "face" not in json.loads(none["flags"])


def _seen(data: np.ndarray) -> FaceSeen:
    volume = _volume(data.astype(np.float32))
    found = masks_.find_masks(volume)
    return face_region.look(found.on_grid(volume), found.template_affine)


def test_noise_and_waves_in_the_place_of_a_face_are_not_said_to_be_one() -> None:
    head = phantom_heads.head(2).astype(np.float32)
    grain = np.random.default_rng(0).normal(0, 0.25 * head.max(), head.shape)
    across = np.add.outer(
        np.add.outer(*(np.arange(n) for n in head.shape[:2])), np.arange(head.shape[2])
    )
    for spoilt in (np.abs(head + grain), np.abs(head + 0.3 * head.max() * np.sin(0.9 * across))):
        seen = _seen(spoilt)
        assert seen.shown and seen.unclear
        assert list(face_state.flag_of(seen)) == ["face_unclear"]


def test_a_face_on_clear_air_is_told_and_one_on_noise_is_still_treated_as_shown() -> None:
    face = phantom_heads.head_with_face(1).astype(np.float32)
    assert not _seen(face).unclear
    grain = np.random.default_rng(0).normal(0, 0.25 * face.max(), face.shape)
    seen = _seen(np.abs(face + grain))
    row = pd.Series({"face_ml": seen.ml, "flags": json.dumps(face_state.flag_of(seen))})
    assert seen.shown and state_of(row) is FaceState.UNCLEAR


def test_a_face_that_was_removed_in_part_is_one_in_part() -> None:
    flags = {"defaced": "zero"} | face_state.flag_of(FaceSeen(79.0))
    assert state_of(pd.Series({"face_ml": 79.0, "flags": json.dumps(flags)})) is FaceState.IN_PART
    assert state_of(pd.Series({"face_ml": 7.0, "flags": json.dumps(flags)})) is FaceState.NONE


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("ixi_2mm/IXI012-HH-1211-T1_ds.nii.gz", True),
        ("ixi_2mm/IXI051-HH-1328-T1_ds.nii.gz", True),
        ("ds000011/sub-01/anat/sub-01_T1w.nii.gz", False),
        ("stripped_fullres/ds002748_sub-01_T1w.nii.gz", False),
    ],
)
def test_faces_of_people_are_recognised_and_removed_ones_are_not(
    shared_data: Path, name: str, *, shown: bool
) -> None:
    assert FaceSeen(_ml(shared_data / name)).shown is shown


@pytest.mark.soak
def test_all_faces_of_people_that_there_are_are_told_apart(shared_data: Path) -> None:
    faces = sorted(shared_data.glob("ixi_2mm/*.nii.gz"))
    others = [
        *sorted(shared_data.glob("ds000011/*/anat/*.nii.gz")),
        *sorted(shared_data.glob("stripped_fullres/*.nii.gz")),
        *sorted(shared_data.glob("thick_slice_ms/*.nii.gz")),
        *sorted(shared_data.glob("t1w_2mm/*ds002748*.nii.gz"))[:10],
    ]
    assert [path.name for path in faces if not FaceSeen(_ml(path)).shown] == []
    assert [path.name for path in others if FaceSeen(_ml(path)).shown] == []


def test_nothing_is_known_of_what_was_not_looked_at() -> None:
    assert state_of(None) is FaceState.UNKNOWN
    assert state_of(pd.Series({"face_ml": np.nan, "flags": "{}"})) is FaceState.UNKNOWN
    assert state_of(pd.Series({"flags": '{"skull_stripped": "it is"}'})) is FaceState.NONE


# ---- pictures ----------------------------------------------------------------------------------------


def test_thumbnails_show_the_brain_alone_unless_whole_heads_are_asked_for(own: Workspace) -> None:
    alone = own.preview_path("face").read_bytes()
    assert main(["thumbnails", "--whole-heads", "--jobs", "1", "--workspace", str(own.root)]) == 0
    volume = conform(load(Path(tables.read_scans(own).set_index("scan_id").loc["face", "path"])))
    with Image.open(own.preview_path("face")) as image:
        whole = np.asarray(image)
    assert whole.mean() > 0.9 * preview(volume).mean()  # the whole image is in it
    assert own.images() == ImageSettings(whole_heads=True)
    assert "thumbnails show" in set(audit_trail.history(own)["what"])
    assert main(["thumbnails", "--brain-only", "--jobs", "1", "--workspace", str(own.root)]) == 0
    assert own.preview_path("face").read_bytes() == alone


def test_what_a_thumbnail_shows_lies_in_the_brain() -> None:
    distance = phantom_heads.distance_mm()
    glaring = _volume(np.where(distance < -8, 400, 100).astype(np.float32))
    assert preview(glaring).max() == 255
    alone = preview(glaring, brain_at=np.eye(4))
    dark = _volume(np.where(distance < -8, 0, 100).astype(np.float32))
    # nothing of what glares around the brain is drawn, nor tells in its brightness
    assert np.array_equal(alone, preview(dark, brain_at=np.eye(4)))
    lit = alone.reshape(TILE, 3, TILE) > 0
    assert lit.any(axis=(0, 2)).all()
    # as large as it can be
    assert lit.any(axis=(0, 1)).mean() > 0.7


def test_what_an_earlier_version_left_is_looked_at_and_its_pictures_of_heads_go(
    own: Workspace,
) -> None:
    metrics = tables.read_metrics(own).drop(columns="face_ml")
    metrics["flags"] = "{}"
    metric_shards.write(own.gathered_path, metrics)
    for shard in own.metrics_shards():
        if shard != own.gathered_path:
            shard.unlink()
    own.head_previews_dir.mkdir()
    (own.head_previews_dir / "face.png").write_bytes(b"a whole head")
    own.preview_path("face").unlink()
    assert state_of(_row(own, "face")) is FaceState.UNKNOWN
    assert faces_and_pictures.make_missing(own) == 2
    assert state_of(_row(own, "face")) is FaceState.SHOWN
    assert "face" in json.loads(_row(own, "face")["flags"])
    assert own.preview_path("face").exists() and not own.head_previews_dir.exists()
    assert faces_and_pictures.make_missing(own) == 0


def test_settings_of_pictures_that_make_no_sense_are_named(own: Workspace) -> None:
    with own.settings_path.open("a") as file:
        file.write('\n[images]\nin_3d = "yes"\n')
    with pytest.raises(WorkspaceError, match="true or false"):
        own.images()


# ---- without the face --------------------------------------------------------------------------------


def test_a_face_is_taken_out_of_a_copy_and_the_original_stays(own: Workspace, capsys) -> None:
    scans = tables.read_scans(own).set_index("scan_id")
    raw = Path(scans.loc["face", "path"])
    before = raw.read_bytes()
    assert main(["deface", "--workspace", str(own.root)]) == 0
    said = capsys.readouterr().out
    assert "28 to 38 %" in said and "1 scan show" in said.replace("shows", "show")
    (image,) = own.defaced_dir.glob("*.nii.gz")
    assert raw.read_bytes() == before
    assert _ml(image) < face_region.SHOWN_ML / 5
    made, original = load(image), load(raw)
    affine = np.reshape(_row(own, "face")["template_affine"], (4, 4))
    distance = face_region.brain_distance(affine @ original.affine, original.data.shape)
    near = distance > -face_region.KEPT_AROUND_BRAIN_MM
    assert np.array_equal(made.data[near], original.data[near])
    assert np.allclose(made.affine, original.affine, atol=1e-4)
    changed = made.data != original.data
    assert changed.any() and not made.data[changed].any()
    assert b"Doe" not in bytes(nib.load(image).header.binaryblock)
    told = files.read_json(image.with_name(image.name.replace(".nii.gz", ".json")))
    assert "28 to 38 %" in told["Limit"]
    assert "28 to 38 %" in (own.defaced_dir / "README").read_text()


def test_the_limit_stands_in_the_help_as_it_is_said(capsys) -> None:
    with pytest.raises(SystemExit):
        main(["deface", "--help"])
    assert LIMIT in " ".join(capsys.readouterr().out.split())


def test_scores_hardly_change_without_the_face(own: Workspace, tmp_path: Path) -> None:
    defacing.deface(own, ["face"])
    (image,) = own.defaced_dir.glob("*.nii.gz")
    found = masks_.find_masks(conform(load(image)))
    original = conform(load(Path(tables.read_scans(own).set_index("scan_id").loc["face", "path"])))
    before = masks_.find_masks(original)
    overlap = 2 * np.sum(found.brain & before.brain) / (found.brain.sum() + before.brain.sum())
    assert overlap > 0.98


def test_what_was_not_measured_cannot_be_defaced(own: Workspace) -> None:
    with pytest.raises(SourceError, match="score the scans first"):
        defacing.deface(own, ["nobody"])


def test_a_stretched_or_mirrored_grid_loses_the_same_face() -> None:
    data = phantom_heads.head_with_face(3).astype(np.float32)
    affine = phantom_heads.affine()
    straight = face_region.to_take_out(affine, data.shape)
    mirror = np.diag([-1.0, 1, 1, 1])
    mirror[0, 3] = data.shape[0] - 1
    mirrored = face_region.to_take_out(affine @ mirror, data.shape)
    assert np.array_equal(mirrored[::-1], straight) and straight.any()
    assert not straight[phantom_heads.distance_mm() > -2].any()


def test_an_image_without_a_brain_has_no_verdict() -> None:
    volume = phantom_heads.head(1)
    grid = volume_on_grid(_volume(np.zeros_like(volume, np.float32)))
    assert np.isnan(face_region.look(grid, np.eye(4)).ml)
    assert not FaceSeen(float("nan")).shown


def _volume(data: np.ndarray) -> Volume:
    return Volume(data, phantom_heads.affine(), (4.0, 4.0, 4.0), "RAS", "float32")


def test_who_is_forgotten_has_no_image_without_a_face_either(own: Workspace) -> None:
    defacing.deface(own, ["face", "none"])
    forgetting.forget(own, "t:face", "asked for it")
    assert not any(path.exists() for path in defacing.files_of(own, "face"))
    assert all(path.exists() for path in defacing.files_of(own, "none"))
    assert not own.preview_path("face").exists()
