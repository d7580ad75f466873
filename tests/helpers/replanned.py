"""Studies as another version, or with other scans, would have planned them: with the id that they make."""

from pathlib import Path
from typing import Any

import pandas as pd

from curation.storage import files
from training.studies import plan_identity
from training.studies.planned_study import Study


def replanned(study: Study, scans: pd.DataFrame | None = None, **changed: Any) -> str:
    """Change fields of a study's file, or its scans, move it to where it then belongs, and return its id."""
    if scans is not None:
        files.write_parquet(study.scans_path, scans)
    content = files.read_json(study.header_path) | changed
    digest = plan_identity.hash_of(content, files.read_parquet(study.scans_path))
    content["id"] = f"{study.id.rpartition('-')[0]}-{digest}"
    files.write_json(study.header_path, content)
    folder: Path = study.folder.with_name(content["id"])
    study.folder.rename(folder)
    return content["id"]
