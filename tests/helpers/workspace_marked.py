"""A workspace in which everything that a blinded rater must not learn carries a mark."""

import struct
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd

from curation.ratings import rating_log
from curation.ratings.rating_record import Rating
from curation.storage import files, tables
from curation.storage.workspace import Workspace
from tests.helpers import workspace_full

AGE_YEARS, SCORE = 47.321875, 37.417125
#: What must not be found in anything that the server sends while a session is blinded.
MARKS: tuple[bytes, ...] = (
    b"MARKSCAN",
    b"MARKPERSON",
    b"MARKPATH",
    b"MARKHEADER",
    b"MARKSITE",
    b"MARKSEX",
    b"MARKGROUP",
    b"MARKRATER",
    b"MARKCOMMENT",
    b"made-pool",
    b"made-target",
    b"Tier A",
    b"Tier B",
    b"Tier C",
    *(f"{value}"[:6].encode() for value in (AGE_YEARS, SCORE)),
    *(struct.pack("<d", value) for value in (AGE_YEARS, SCORE)),
    *(struct.pack("<f", value) for value in (AGE_YEARS, SCORE)),
)


def make(root: Path) -> Workspace:
    """Make it: 38 scans, all rated by somebody else."""
    workspace = workspace_full.make(root)
    scans = tables.read_scans(workspace)
    scans = scans[scans["status"] == "ok"].reset_index(drop=True)
    copies = [_marked(Path(path), root.parent, place) for place, path in enumerate(scans["path"])]
    named = scans.assign(
        scan_id=[f"MARKSCAN{place:03d}" for place in range(len(scans))],
        subject_id=[f"MARKPERSON{place:03d}" for place in range(len(scans))],
        participant_id=[f"MARKPERSON{place:03d}" for place in range(len(scans))],
        path=[str(path) for path in copies],
        sha256=[files.sha256_of(path) for path in copies],
        site="MARKSITE",
        sex="MARKSEX",
        group="MARKGROUP",
        age_years=AGE_YEARS,
    )
    renamed = dict(zip(scans["scan_id"], named["scan_id"], strict=True))
    hashes = dict(zip(named["scan_id"], named["sha256"], strict=True))
    tables.write_scans(workspace, named)
    for path in (workspace.metrics_dir / "part-made.parquet", workspace.scores_path):
        table = pd.read_parquet(path)
        ids = table["scan_id"].map(renamed)
        table = table.assign(scan_id=ids, sha256=ids.map(hashes))
        if "distortion_score" in table:
            table["distortion_score"] = np.where(np.arange(len(table)) % 3, SCORE, SCORE + 30)
        files.write_parquet(path, table)
    rating_log.add_ratings(
        workspace,
        [
            Rating(
                scan_id=scan_id,
                rater="MARKRATER",
                scale="three-level",
                value=float(value),
                comment="MARKCOMMENT",
            )
            for value, scan_id in zip(np.arange(len(named)) % 3 - 1, named["scan_id"], strict=True)
        ],
    )
    return workspace


def _marked(path: Path, folder: Path, place: int) -> Path:
    image = nib.load(path)
    image.header["descrip"] = b"MARKHEADER"
    image.header["intent_name"] = b"MARKHEADER"
    copy = folder / "MARKPATH" / f"MARKPERSON{place:03d}_T1w.nii.gz"
    copy.parent.mkdir(exist_ok=True)
    nib.save(image, copy)
    return copy
