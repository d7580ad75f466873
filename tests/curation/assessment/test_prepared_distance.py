"""Distance of prepared volumes: a column of the scored scans, made of the pool, remade when it is gone."""

import shutil

import numpy as np
import pytest

from curation.assessment import prepared_distance
from curation.imaging import prepared_template
from curation.sources import scan_vectors
from curation.sources.scan_vectors import PREPARED
from curation.storage import tables
from curation.storage.workspace import Workspace
from tests.helpers import workspace_trainable


@pytest.fixture
def ready(workspace: Workspace) -> Workspace:
    """A workspace of 12 + 4 scans with vectors that are made up: one of the pool is far from all others."""
    made = workspace_trainable.make(workspace, pool=12, target=4)
    rng = np.random.default_rng(0)
    size = int(prepared_template.layers().every_other.sum())
    for number, sha256 in enumerate(tables.read_scans(made)["sha256"]):
        vector = rng.normal(120, 40 if number == 3 else 10, size).clip(0, 255).astype(np.uint8)
        scan_vectors.write(scan_vectors.path(made, PREPARED, sha256), PREPARED, vector)
    return made


def test_the_distance_is_a_column_of_the_scored_scans_and_the_odd_one_is_far(
    ready: Workspace,
) -> None:
    assert prepared_distance.update(ready) == 16
    scans = tables.read_scored_scans(ready)
    far = scans["prepared_distance"].to_numpy()
    assert np.argmax(far) == 3 and far[3] > 2.5
    assert np.delete(far, 3) == pytest.approx(1, abs=0.3)
    usable = tables.read_usable(ready, "target")
    assert usable["prepared_distance"].notna().all()


def test_of_a_changed_file_the_distance_is_forgotten(ready: Workspace) -> None:
    prepared_distance.update(ready)
    scans = tables.read_scans(ready)
    scans.loc[0, "sha256"] = "0" * 64
    tables.write_scans(ready, scans)
    assert tables.read_scored_scans(ready)["prepared_distance"].isna().sum() == 1


def test_vectors_that_were_deleted_are_made_again_from_the_images(ready: Workspace) -> None:
    shutil.rmtree(ready.vectors_dir("prepared"))
    assert prepared_distance.update(ready) == 16


def test_vectors_are_read_again_only_where_scans_people_or_roles_are_others(
    ready: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepared_distance.update(ready)
    first = tables.read_scored_scans(ready)["prepared_distance"]
    read, seen = scan_vectors.read, []
    monkeypatch.setattr(scan_vectors, "read", lambda *which: seen.append(which) or read(*which))
    assert prepared_distance.update(ready) == 16
    assert not seen
    scans = tables.read_scans(ready)
    tables.write_scans(ready, scans.assign(role=["target", *scans["role"][1:]]))
    assert prepared_distance.update(ready) == 16
    assert len(seen) == 11 + 16
    assert not tables.read_scored_scans(ready)["prepared_distance"].equals(first)


def test_a_pool_of_nine_people_has_no_middle(workspace: Workspace) -> None:
    made = workspace_trainable.make(workspace, pool=9, target=4)
    assert prepared_distance.update(made) == 0
    assert tables.read_scored_scans(made)["prepared_distance"].isna().all()
