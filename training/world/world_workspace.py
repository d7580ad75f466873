"""The workspace of a world: its scans as files on the template's grid, with alignment and planted quality.

From here on everything is as with scans of people: cohorts are frozen, studies planned, volumes prepared.
"""

import gzip
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd

from curation.cohorts import frozen_cohort
from curation.cohorts.frozen_cohort import Cohort
from curation.errors import WorkspaceError
from curation.imaging import prepared_volume, volumes
from curation.scoring.distortion_score import SCORING_VERSION
from curation.scoring.score_reference import Reference
from curation.storage import files, tables
from curation.storage.workspace import Role, Source, Workspace
from training.settings import volume_grid
from training.settings.preset import Preset
from training.settings.presets import PRESETS
from training.world import anatomy, people, planted, truth
from training.world.anatomy import Anatomy, Floats
from training.world.dials import Dials
from training.world.people import SITES, People
from training.world.planted import POOL, TARGET, Planted

#: Preset that pretraining learns with in a world, on the grid of its volumes.
PRESET = "world"
#: What stands for a reference: it counts no metric, since the quality was planted, not measured.
PLANTED = Reference(
    name="planted",
    version="1",
    description="The quality of each scan as it was planted when the world was made; nothing is measured.",
    anchors={},
    label="Planted quality (simulated)",
)
AUTHOR = "Tierscope world"
_WHITE = 1000


def preset() -> Preset:
    """Return the preset of a world."""
    return PRESETS[PRESET]


def make(root: str | Path, dials: Dials, *, batch: int | None = None) -> Workspace:
    """Make the workspace of a world; one of the same dials is opened as it is.

    Parameters
    ----------
    root : path
        Folder of the workspace; new or empty.
    dials : Dials
        What it is built with.
    batch : int, optional
        Scans of a step of the pretraining that is meant; the preset's by default.

    Raises
    ------
    StudyError
        When the pool does not fill a batch.
    WorkspaceError
        When the folder holds another world, or anything else.
    """
    dials.refuse_small_pool(batch or preset().pretrain_batch)
    workspace = Workspace.create(root)
    if there := planted.read(workspace):
        if there.dials != dials:
            raise WorkspaceError(
                f"{workspace.root} holds a world with other dials. Make this one in another folder."
            )
        return workspace
    if workspace.sources() or len(tables.read_scans(workspace)):
        raise WorkspaceError(
            f"{workspace.root} holds scans already. Make the world in a folder of its own."
        )
    body = Anatomy(volume_grid.brain_mask(workspace, preset()))
    scans = pd.concat(
        [
            _written(workspace, people.pool(dials), dials, body),
            _written(workspace, people.target(dials), dials, body),
        ],
        ignore_index=True,
    )
    tables.write_scans(workspace, scans)
    _write_tables(workspace, scans)
    roles: dict[str, Role] = {POOL: "pool", TARGET: "target"}
    for name, role in roles.items():
        folder = str(workspace.demo_images_dir / name)
        workspace.put_source(Source(name, folder, "folder", role, simulated=True))
    # last: a folder without it is no finished world
    planted.write(workspace, Planted(dials, truth.find(dials, body)))
    return workspace


def cohorts(workspace: Workspace) -> tuple[Cohort, Cohort]:
    """Freeze the pool and the target of a world."""
    return (
        frozen_cohort.freeze(workspace, POOL, author=AUTHOR),
        frozen_cohort.freeze(workspace, TARGET, author=AUTHOR, role="target"),
    )


def lend(world: Workspace, to: Workspace) -> tuple[Cohort, Cohort]:
    """Let studies of another workspace take the cohorts of a world; return these.

    Its scans stay where they are, have the status ``world`` in the other, and are on no list there: what they
    look like tells nothing of how people's scans are to be judged.
    """
    pool, target = cohorts(world)
    scans = tables.read_scans(to)
    lent = tables.read_scans(world).assign(status="world")
    others = scans[scans["status"] != "world"]
    tables.write_scans(to, pd.concat([others, lent], ignore_index=True))
    _write_alignment(to, lent)
    for cohort in (pool, target):
        for path in sorted(world.cohorts_dir.glob(f"{cohort.id}.*")):
            with files.replacing(to.cohorts_dir / path.name) as temporary:
                temporary.write_bytes(path.read_bytes())
    if found := planted.read(world):
        planted.write(to, found, lent=True)
    return pool, target


def _written(workspace: Workspace, drawn: People, dials: Dials, body: Anatomy) -> pd.DataFrame:
    """Write the scans of some people and return their rows."""
    source = POOL if drawn.role == "pool" else TARGET
    rows = []
    for number, scan in enumerate(people.scans(drawn, dials, body)):
        name = f"sub-{drawn.role[0]}{number + 1:04d}"  # nobody of one is taken for one of the other
        path = workspace.demo_images_dir / source / f"{name}_T1w.nii.gz"
        _write_scan(path, scan)
        verified = volumes.verify(path)
        rows.append(
            {
                "scan_id": f"{source}_{name}_T1w",
                "subject_id": f"{source}:{name}",
                "participant_id": name,
                "modality": "T1w",
                "source": source,
                "role": drawn.role,
                "path": str(path),
                "sha256": files.sha256_of(path),
                "image_hash": verified.image_hash,
                "bytes": float(path.stat().st_size),
                "modified": path.stat().st_mtime,
                "shape": list(anatomy.SHAPE),
                "spacing_mm": [anatomy.SPACING_MM] * 3,
                "orientation": "RAS",
                "site": SITES[drawn.site[number]],
                "age_years": float(drawn.age_years[number]),
                "simulated": True,
                "status": "ok",
                "distortion_score": float(drawn.quality[number]),
            }
        )
    return pd.DataFrame(rows)


def _write_scan(path: Path, scan: Floats) -> None:
    """Write a scan on the template's grid: its alignment to the template is the identity."""
    data = np.clip(scan * _WHITE, 0, 32767).round().astype(np.int16)
    image = nib.Nifti1Image(data, prepared_volume.grid_affine(preset()))
    image.header.set_xyzt_units("mm")
    image.header["descrip"] = b"simulated by Tierscope, not a person"
    path.parent.mkdir(parents=True, exist_ok=True)
    with files.replacing(path) as temporary:
        temporary.write_bytes(gzip.compress(image.to_bytes(), compresslevel=1, mtime=0))


def _write_tables(workspace: Workspace, scans: pd.DataFrame) -> None:
    """Write alignment, which is known, and the planted quality in place of a measured score."""
    _write_alignment(workspace, scans)
    scores = scans[["scan_id", "sha256", "distortion_score"]].assign(
        reference=PLANTED.id, scoring_version=SCORING_VERSION
    )
    files.write_parquet(workspace.scores_path, scores)
    files.write_json(workspace.reference_path(PLANTED.id), PLANTED.as_dict())
    files.write_json(workspace.active_reference_path, {"active": PLANTED.id})


def _write_alignment(workspace: Workspace, scans: pd.DataFrame) -> None:
    affine = np.eye(4).ravel().tolist()
    metrics = scans[["scan_id", "sha256"]].assign(template_affine=[affine] * len(scans))
    files.write_parquet(workspace.metrics_shard_path("world"), metrics)
