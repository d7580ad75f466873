"""The folder of BIDS derivatives that ratings and cohorts are written into."""

from pathlib import Path

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
