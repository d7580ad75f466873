"""Learned columns: a pretrained model's error on each scan, and where its encoder sees the scan."""

from collections.abc import Collection

import pandas as pd

from curation import errors
from curation.storage import files
from curation.storage.workspace_paths import WorkspacePaths

#: Where a scan lies by the encoder's features; models that were measured up to 0.9 have none.
ENCODER_AXES = ("encoder_1", "encoder_2")
_KEYS = ["scan_id", "sha256"]
_REMEDY = "Move it away: on the page Model the errors of a model can be offered again."


def read(paths: WorkspacePaths, columns: Collection[str]) -> pd.DataFrame:
    """Read columns of a model's numbers for each scan; no rows where no model offered any."""
    if not paths.learned_path.exists():
        return pd.DataFrame(columns=list(columns))
    with errors.readable(paths.learned_path, _REMEDY):
        return files.read_parquet(paths.learned_path, _REMEDY)[list(columns)]


def add_to(paths: WorkspacePaths, scans: pd.DataFrame) -> pd.DataFrame:
    """Return a table of scans with these columns beside it, where a model offered any."""
    if not paths.learned_path.exists():
        return scans
    learned = read(paths, [*_KEYS, "reconstruction_error", "pretrained_on"])
    table = scans.merge(learned, on=_KEYS, how="left")
    table = table.assign(pretrained_on=table["pretrained_on"].eq(True))
    axes = files.read_parquet(paths.learned_path, _REMEDY, {*_KEYS, *ENCODER_AXES})
    return table.merge(axes, on=_KEYS, how="left") if ENCODER_AXES[0] in axes else table
