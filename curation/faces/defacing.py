"""Images without the face: new files in the workspace, never the raw ones, for those who hand images on."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from curation import __version__
from curation.access.actions import Action
from curation.access.guard import guarded
from curation.decisions import actions
from curation.errors import SourceError, VolumeError
from curation.faces import face_region
from curation.faces.face_state import LIMIT, FaceState, state_of
from curation.imaging import volumes
from curation.imaging.nifti_header import write_floats
from curation.imaging.volumes import Volume
from curation.sources import scan_vectors
from curation.storage import files, tables
from curation.storage.workspace import Workspace

#: What the folder says of itself.
README = f"""Images without faces, made by Tierscope {__version__}.

In each, what lies in front of and below the brow, more than 6 mm from the brain, is 0; all other voxels are
as they were. {LIMIT}

Ears, the shape of the head, and whatever the brain itself tells are still there. Look at each image before
it is handed on. Other texts of the original header were left out.
"""


@dataclass(frozen=True)
class Defaced:
    """What was made.

    Parameters
    ----------
    folder : Path
        Where the images are.
    made : int
        How many.
    without : int
        Scans that show no face, and were left out.
    failed : dict of str to str
        By scan, why there is no image without a face.
    """

    folder: Path
    made: int
    without: int
    failed: dict[str, str]


@guarded(Action.DEFACE)
def deface(
    workspace: Workspace,
    scan_ids: Collection[str] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Defaced:
    """Write images without faces into ``exports/defaced``; the originals are only read.

    Parameters
    ----------
    workspace : Workspace
        Whose measured scans.
    scan_ids : collection of str, optional
        Only these; else all that show a face, or of which that is not known.
    progress : callable, optional
        Called with (scans done, scans in all).

    Raises
    ------
    SourceError
        When a scan that is named is not there, or not measured: its face is found by its brain.
    """
    scans = scan_vectors.aligned_scans(workspace)
    if scan_ids is not None and (lacking := sorted(set(scan_ids) - set(scans["scan_id"]))):
        raise SourceError(
            f"{', '.join(lacking[:5])} {'is' if len(lacking) == 1 else 'are'} not measured, or not there. A "
            "face is found by the brain above it: score the scans first (python -m curation assess)."
        )
    chosen = scans if scan_ids is None else scans[scans["scan_id"].isin(list(scan_ids))]
    metrics = tables.read_metrics(workspace, ("face_ml", "flags")).set_index("scan_id")
    folder, without = workspace.defaced_dir, 0
    todo: list[Any] = []
    failed: dict[str, str] = {}
    for row in chosen.itertuples():
        if scan_ids is None and state_of(metrics.loc[row.scan_id]) is FaceState.NONE:
            without += 1
        else:
            todo.append(row)
    for done, row in enumerate(todo, start=1):
        try:
            _write(row, *files_of(workspace, str(row.scan_id)))
        except (VolumeError, OSError) as error:
            failed[str(row.scan_id)] = str(error)
        if progress:
            progress(done, len(todo))
    made = len(todo) - len(failed)
    if made:
        files.write_text(folder / "README", README)
        actions.note(workspace, "faces taken out", f"{made} images", folder=folder.name)
    return Defaced(folder, made, without, failed)


def without_face(
    volume: Volume, template_affine: NDArray[np.float64]
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Return an image with 0 where a face may be, and which voxels these are.

    Parameters
    ----------
    volume : Volume
        In any orientation.
    template_affine : array of shape (4, 4)
        From the scan's world mm to the template's.
    """
    out = face_region.to_take_out(template_affine @ volume.affine, volume.data.shape)
    return np.where(out, np.float32(0), volume.data), out


def files_of(workspace: Workspace, scan_id: str) -> tuple[Path, Path]:
    """Return where a scan's image without a face is, or would be, and what is said of it."""
    stem = workspace.defaced_dir / f"{scan_id.removesuffix('_T1w')}_desc-defaced_T1w"
    return stem.with_name(f"{stem.name}.nii.gz"), stem.with_name(f"{stem.name}.json")


def _write(row: Any, path: Path, about: Path) -> None:
    volume = volumes.load(Path(row.path))
    data, out = without_face(volume, np.reshape(row.template_affine, (4, 4)))
    with files.replacing(path) as temporary:
        write_floats(temporary, data, volume.affine)
    files.write_json(
        about,
        {
            "Description": "T1w image in which the face is 0",
            "SkullStripped": False,
            "DefacedVoxels": int(np.count_nonzero(out)),
            "Limit": LIMIT,
            "GeneratedBy": [{"Name": "Tierscope", "Version": __version__}],
        },
    )
