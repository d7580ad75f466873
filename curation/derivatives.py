"""The folder of BIDS derivatives that ratings and cohorts are written into."""

from pathlib import Path

import pandas as pd

from curation import __version__, files
from curation.workspace import Workspace

DESCRIPTION = "dataset_description.json"


def folder(workspace: Workspace) -> Path:
    """Return the folder, with the description that makes it a BIDS data set; it can be copied as it is."""
    path = workspace.derivatives_dir
    files.write_json(
        path / DESCRIPTION,
        {
            "Name": "Quality of scans by Tierscope",
            "BIDSVersion": "1.10.0",
            "DatasetType": "derivative",
            "GeneratedBy": [
                {
                    "Name": "Tierscope",
                    "Version": __version__,
                    "Description": "Ratings of image quality by people, appended and never changed; "
                    "cohorts frozen with their rule.",
                }
            ],
        },
    )
    return path


def names_of(scans: pd.DataFrame) -> pd.DataFrame:
    """Return ``source``, ``participant_id`` and ``bids_name`` (file name without ending) by ``scan_id``."""
    stems = [
        str(scan_id).removeprefix(f"{source}_")
        if pd.isna(path)
        else Path(path).name.removesuffix(".gz").removesuffix(".nii")
        for scan_id, source, path in zip(
            scans["scan_id"], scans["source"], scans["path"], strict=True
        )
    ]
    table = scans[["scan_id", "source", "participant_id"]].assign(bids_name=stems)
    return table.set_index("scan_id")
