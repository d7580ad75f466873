"""Metrics as one array are those of the tables: the newest of each scan, of the present file."""

import numpy as np
import pandas as pd

from curation.metrics import METRICS
from curation.storage import files, tables
from curation.storage.workspace import Workspace
from curation.tier_effects.metric_pca import read_matrix
from tests.helpers import workspace_full


def test_the_matrix_holds_what_the_table_holds(tmp_path) -> None:
    made = workspace_full.make(tmp_path / "made")
    scans, names = tables.read_scans(made), list(METRICS)
    wanted = tables.with_metrics(made, scans, names)[names].to_numpy(np.float32)
    assert np.array_equal(read_matrix(made, scans, names), wanted, equal_nan=True)
    some = scans.iloc[[5, 2]]
    found = read_matrix(made, some, ["snr_total", "no such metric"])
    assert found[:, 0].tolist() == wanted[[5, 2], names.index("snr_total")].tolist()
    assert np.isnan(found[:, 1]).all()


def test_the_newest_part_counts_and_other_files_do_not(workspace: Workspace) -> None:
    for number, (ids, shas, values) in enumerate([("ab", "xy", (1, 2)), ("bc", "yz", (3, 4))]):
        part = pd.DataFrame(
            {"scan_id": list(ids), "sha256": list(shas), "cjv": np.array(values, float)}
        )
        files.write_parquet(workspace.metrics_dir / f"part-{number}.parquet", part)
    scans = pd.DataFrame({"scan_id": list("abcd"), "sha256": list("xyQd")})
    found = read_matrix(workspace, scans, ["cjv"])[:, 0]
    assert found[:2].tolist() == [1, 3] and np.isnan(found[2:]).all()


def test_nothing_measured_and_no_scans_are_empty_not_errors(workspace: Workspace) -> None:
    scans = pd.DataFrame({"scan_id": ["a"], "sha256": ["x"]})
    assert np.isnan(read_matrix(workspace, scans, ["cjv", "efc"])).all()
    assert read_matrix(workspace, scans.head(0), ["cjv"]).shape == (0, 1)
