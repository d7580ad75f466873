"""An unknown site is its source: every result is as if each source were named as a site."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from curation.cohorts import matched_controls
from curation.metrics import METRICS, METRICS_VERSION
from curation.references import reference_library
from curation.scoring.comparison_groups import SOURCE
from curation.storage import files, tables
from curation.storage.workspace import Workspace
from curation.tier_effects import selection_bias, tier_balance
from tests.helpers import made_predictions, workspace_trainable
from training.held_out import stored_predictions
from training.results import error_strata

PER_SOURCE = 40


def _scans() -> pd.DataFrame:
    """Return scans of two sources, no site known."""
    rng = np.random.default_rng(0)
    source = np.repeat(["one", "two"], PER_SOURCE)
    ids = [f"{name}_{number:03d}" for number, name in enumerate(source)]
    return pd.DataFrame(
        {
            "scan_id": ids,
            "subject_id": ids,
            "participant_id": ids,
            "source": source,
            "role": "pool",
            "site": None,
            "age_years": rng.uniform(20, 80, len(ids)),
            "sex": rng.choice(["F", "M"], len(ids)),
            "group": None,
            "modality": "T1w",
            "sha256": [f"{number:064d}" for number in range(len(ids))],
            "status": "ok",
            "simulated": True,
        }
    )


def _named(scans: pd.DataFrame) -> pd.DataFrame:
    """Return the same scans with a site each, called as the source that stands in for it."""
    return scans.assign(site=SOURCE + scans["source"])


@pytest.fixture
def both() -> tuple[pd.DataFrame, pd.DataFrame]:
    return _scans(), _named(_scans())


def test_controls_are_drawn_alike(both: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    members = np.arange(2 * PER_SOURCE) % 5 < 2
    drawn = [matched_controls.sample_control(scans, members, 3) for scans in both]
    assert drawn[0] == drawn[1]
    assert sum(name.startswith("one") for name in drawn[0]) == members[:PER_SOURCE].sum()


def test_balance_and_selection_are_alike(both: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    scores = np.random.default_rng(1).uniform(0, 100, 2 * PER_SOURCE)
    found = [tier_balance.prepare(scans).categories["site"] for scans in both]
    assert found[0].names == found[1].names == (f"{SOURCE}one", f"{SOURCE}two")
    np.testing.assert_array_equal(found[0].codes, found[1].codes)
    ranks = [selection_bias.ranks_within_site(scores, codes).codes for codes in found]
    np.testing.assert_array_equal(*ranks)
    assert len(np.unique(ranks[0][:PER_SOURCE])) == len(np.unique(ranks[0]))


def _scored(folder: Path, scans: pd.DataFrame) -> pd.Series:
    """Return the scores by a reference made from the cohort, within each site."""
    workspace = Workspace.create(folder)
    tables.write_scans(workspace, scans)
    rng = np.random.default_rng(2)
    shift = np.where(scans["source"] == "one", 1.0, 5.0)[:, None]
    values = np.exp(rng.normal(shift, 0.3, (len(scans), len(METRICS))))
    metrics = pd.DataFrame(values, columns=list(METRICS)).assign(
        scan_id=scans["scan_id"],
        sha256=scans["sha256"],
        metrics_version=METRICS_VERSION,
        measured_by="tierscope",
        failure=None,
    )
    files.write_parquet(workspace.metrics_shard_path("all"), metrics)
    reference_library.choose(workspace, reference_library.fit_cohort(workspace).id)
    return tables.read_scores(workspace).set_index("scan_id")["distortion_score"]


def test_scaling_within_a_site_is_alike(
    tmp_path: Path, both: tuple[pd.DataFrame, pd.DataFrame]
) -> None:
    unknown, named = (_scored(tmp_path / str(at), scans) for at, scans in enumerate(both))
    pd.testing.assert_series_equal(unknown, named)
    means = unknown.groupby(unknown.index.str[:3]).mean()
    assert (
        abs(means["one"] - means["two"]) < 10
    )  # a source is not worse for what all its scans share


def test_errors_are_grouped_alike(workspace: Workspace) -> None:
    made = workspace_trainable.make(workspace, pool=6, target=8)
    scans = tables.read_scans(made)
    tables.write_scans(made, scans.assign(site=None))
    study = workspace_trainable.plan(made)
    read = stored_predictions.read(made, study).scans
    assert set(read["site"]) == {f"{SOURCE}target"}
    ages = read["age_years"].to_numpy()
    held_out = made_predictions.made(np.stack([[ages + 3, ages - 2]]), ages)
    sites = held_out.scans.assign(site=read["site"].to_numpy())
    (row,) = error_strata.by_group(replace(held_out, scans=sites), "scratch", "site").itertuples()
    assert row.site == f"{SOURCE}target" and row.n_subjects == 8
