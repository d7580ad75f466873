"""Sound content of everything that is read, from which hostile content is made."""

import atexit
import gzip
import io
import json
import shutil
import tempfile
from functools import cache
from pathlib import Path

import numpy as np
import torch

from curation.__main__ import main as curation
from curation.decisions import database
from curation.ratings.rating_record import Opinion
from curation.sessions import session_log
from curation.sessions.session_plan import SessionPlan
from curation.storage import files, tables
from curation.storage.workspace import Workspace
from tests.fuzz import images
from tests.helpers import workspace_full

_PLAN = {
    "name": "n",
    "rater": "r",
    "scale": "mriqc-4",
    "choice": "all",
    "size": 3,
    "repeats_share": 0.1,
    "blinded": True,
    "seed": 1,
}
_SCALE = {
    "name": "own",
    "label": "o",
    "values": [[1, "a"], [2, "b"]],
    "direction": "higher is worse",
    "citation": "c",
}
_SCANS = [f"made-pool_sub-{number:02d}_T1w" for number in range(4)]
_SESSION = {
    "name": "x",
    "rater": "y",
    "at": "2020-01-01T00:00:00",
    "version": "1",
    "items": [[_SCANS[0], None], [_SCANS[1], 0]],
    "plan": _PLAN,
}
_MRIQC = {
    "cjv": 0.4,
    "snr_total": 9.5,
    "qi_1": 0.0,
    "size_x": 3,
    "spacing_x": 1.0,
    "bids_meta": {"subject_id": "1", "session_id": "2", "modality": "T1w"},
    "provenance": {"version": "22.0"},
}
_SIDECAR = {
    "EchoTime": 0.003,
    "RepetitionTime": 2.3,
    "FlipAngle": 9,
    "SeriesDescription": "T1 mprage",
    "ProtocolName": "t1",
    "Manufacturer": "Siemens",
    "ManufacturersModelName": "Skyra",
    "MagneticFieldStrength": 3,
    "WindowCenter": 400,
    "WindowWidth": 900,
    "ContrastBolusAgent": "none",
}
_ENCODER = {
    "volumes": {
        "modalities": ["T1w"],
        "shape": [32, 40, 32],
        "spacing_mm": 5.0,
        "affine": np.eye(4).tolist(),
    },
    "version": "0.8.0",
}
_ROWS = "".join(
    f"{scan}\t{rater}\tmriqc-4\t{value}\t2026-01-01T10:00:0{value}\t2\tinu\tfalse\t{{}}\tgood\n"
    for scan in _SCANS
    for rater, value in (("Ada", 1), ("Bo", 3))
)

#: Sound texts by the name of their file.
TEXTS: dict[str, str] = {
    "people.tsv": "participant_id\tage\tsex\tsite\tgroup\tperson\nsub-01\t34\tM\tA\tHC\tp1\n"
    "sub-02\t89+\tF\tB\tAD\tp2\nsub-03\t34,5\tn/a\t\t\t\n",
    "participants.tsv": "participant_id\tage\tsex\tdiagnosis\nsub-01\t34\tM\tHC\nsub-02\t35\tF\tAD\n",
    "list.csv": "path,age,sex,participant_id,site,session\na_T1w.nii,34,M,x,A,1\n~b.nii,89+,F,y,B,2\n"
    "/nowhere/c.nii.gz,,,z,,\n",
    "group.tsv": "bids_name\tcjv\tsnr_total\tsize_x\tsize_y\tsize_z\tspacing_x\trater_1\tsite\tage\n"
    "sub-01_T1w\t0.4\t9.5\t3\t3\t3\t1\t1\tA\t30\nsub-02_T1w\tnan\t8\t\t\t\t\t-1\tB\t\n"
    "sub-03_ses-1_T1w\t0.7\t-1\t3\t3\t3\t1\t0\tA\t61\n",
    "mriqc.json": json.dumps(_MRIQC),
    "ratings.tsv": "scan_id\trater\tscale\tvalue\tat\tconfidence\tartefacts\trepeat\tshown\tcomment\n"
    + _ROWS,
    "overrides.tsv": "scan_id\tauthor\tat\ttier\treason\n"
    f"{_SCANS[0]}\tAda\t2026-01-01T10:00:00\tC\tcut off\n",
    "sessions.json": json.dumps({"scales": [_SCALE], "sessions": [_SESSION]}),
    "widget.json": json.dumps(
        {
            "dataset": "made-pool",
            "subject": _SCANS[0],
            "rating": 3.2,
            "artifacts": ["head-motion"],
            "time_sec": 4.5,
            "confidence": 2,
            "comments": "c",
        }
    ),
    "joined.csv": "scan_id,session_id,path,motion,other\n"
    f"{_SCANS[0]},,,0.4,x\n{_SCANS[1]},,,1.5,y\nunknown,,,2,\n",
    "labels.csv": "patient_id,participant_id\nMRN7781204,p1\nother,p2\n",
    "rule.yaml": "column: distortion_score\ntiers: [A, B]\ncutoffs: [20]\nby_site: {North: [10]}\n"
    "gates:\n- {column: cjv, above: 30, tier: unusable}\n",
    "encoder.json": json.dumps(_ENCODER),
    "access.toml": '[login]\nby = "oidc"\nidle_minutes = 15\nlongest_hours = 12.5\nidentity = "email"\n'
    '[people]\nviewer = ["group:radiology"]\nrater = ["*", "ada@x.example"]\n[audit]\nviews = true\n'
    "[images]\nin_3d = false\n",
    "pseudonym.key": "k" * 43 + "\n",
    "sidecar.json": json.dumps(_SIDECAR),
    "T1w.json": json.dumps({"Manufacturer": "GE", "MagneticFieldStrength": 1.5}),
    "dataset_description.json": json.dumps({"Name": "x", "BIDSVersion": "1.9.0"}),
}


@cache
def _folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="sound-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


@cache
def packed_image() -> bytes:
    """Return a sound image as it usually comes."""
    return gzip.compress(images.sound_image(), 1)


@cache
def full() -> Path:
    """Return the folder of a workspace with everything in it: ratings, cohorts, studies, references."""
    workspace = workspace_full.make(_folder() / "full" / "workspace")
    workspace_full.add_studies(workspace)
    session = session_log.start(workspace, SessionPlan("s", "Ada", "mriqc-4", size=4, seed=1))
    for item in session.items[:2]:
        session_log.save(
            workspace, session.id, item.position, Opinion(2.0, comment="c", seconds=1.0)
        )
    table = _folder() / "joined.csv"
    table.write_text(TEXTS["joined.csv"])
    assert curation(["join", str(table), "-w", str(workspace.root)]) == 0
    rule = ["rules", "r", "--save", str(rule_file()), "-w", str(workspace.root)]
    assert curation(rule) == 0
    assert curation(["ingest", "--again", "-w", str(workspace.root)]) == 0
    files.write_json(workspace.active_reference_path, {"active": "built-in-3"})
    files.write_json(workspace.place_path, {"kind": "here", "cores": 1})
    files.write_json(workspace.tasks_dir / "assess.json", {"pid": 1, "started": "x"})
    database.close()
    return workspace.root


@cache
def light() -> Path:
    """Return the folder of a small workspace: some scans with scores, nothing else."""
    workspace = workspace_full.make(_folder() / "light" / "workspace")
    scans = tables.read_scans(workspace)
    tables.write_scans(workspace, scans.groupby("role").head(4))
    return workspace.root


@cache
def backup() -> Path:
    """Return a backup of the small workspace."""
    into = _folder() / "backups"
    assert curation(["backup", str(into), "-w", str(light())]) == 0
    database.close()
    return next(into.iterdir())


def rule_file() -> Path:
    """Return the file of a sound rule."""
    path = _folder() / "rule.yaml"
    path.write_text(TEXTS["rule.yaml"])
    return path


def names_in(root: Path) -> dict[str, str]:
    """Return ids of a cohort of each role and of a study of a workspace."""
    cohorts = {
        path.stem.partition("-")[0]: path.stem
        for path in Workspace(root).cohorts_dir.glob("*.json")
    }
    study = next(path.name for path in sorted(Workspace(root).studies_dir.iterdir()))
    return {"pool": cohorts["pool"], "target": cohorts["target"], "study": study}


@cache
def checkpoint() -> bytes:
    """Return a checkpoint as a run writes it."""
    written = io.BytesIO()
    torch.save(
        {"model": {"a.weight": torch.zeros(3, 3)}, "epoch": 2, "progress": {"step": 4}}, written
    )
    return written.getvalue()


@cache
def vector() -> bytes:
    """Return a vector of a brain as it is kept."""
    written = io.BytesIO()
    np.save(written, np.zeros(1000, np.float32))
    return written.getvalue()


def make_all() -> None:
    """Make everything once, before processes that need it are forked."""
    for one in (full, light, backup, packed_image, checkpoint, vector, rule_file):
        one()
