"""A workspace with scored scans and no images, for tests of what comes after scoring."""

import pandas as pd

from curation.scoring.distortion_score import SCORING_VERSION
from curation.storage import files, tables
from curation.storage.workspace import Workspace


def put_scans(workspace: Workspace, rows: list[dict]) -> None:
    """Write scans (and the scores of those that have one) from partial rows."""
    full = [_row(number, row) for number, row in enumerate(rows)]
    tables.write_scans(workspace, pd.DataFrame(full))
    scored = [row for row in full if row.get("distortion_score") is not None]
    table = pd.DataFrame(scored)[["scan_id", "sha256", "distortion_score"]]
    files.write_parquet(
        workspace.scores_path,
        table.assign(reference="builtin-3", scoring_version=SCORING_VERSION, unusual_anatomy=10.0),
    )


def _row(number: int, row: dict) -> dict:
    name = f"sub-{number:02d}"
    return {
        "scan_id": f"made_{name}_T1w",
        "subject_id": f"made:{name}",
        "participant_id": name,
        "modality": "T1w",
        "source": "made",
        "role": "pool",
        "path": f"/nowhere/{name}_T1w.nii.gz",
        "sha256": f"{number:064x}",
        "site": "North",
        "age_years": 30.0 + number,
        "simulated": False,
        "status": "ok",
    } | row


def put_metrics(workspace: Workspace, values: dict[str, list[float]]) -> None:
    """Write metrics of the scans that :func:`put_scans` wrote, one value a scan."""
    about = tables.read_scans(workspace)[["scan_id", "sha256"]]
    files.write_parquet(workspace.metrics_dir / "part-made.parquet", about.assign(**values))
