"""Scans of one head are found by their brains, told once, and stay told until somebody decides."""

from pathlib import Path

import numpy as np
import pytest

from curation.__main__ import main
from curation.decisions.person_decisions import PersonDecision, pair
from curation.errors import StudyError
from curation.imaging import brain_vector
from curation.sources import near_duplicates, scan_vectors, who_is_who
from curation.sources.scan_vectors import BRAIN
from curation.storage import tables
from curation.storage.workspace import Workspace
from tests.helpers import workspace_trainable
from training.studies import pool_target_separation


@pytest.fixture
def ready(workspace: Workspace) -> Workspace:
    """A workspace of 6 + 8 scans whose brains are unlike each other, by vectors that are made up."""
    made = workspace_trainable.make(workspace, pool=6, target=8)
    rng = np.random.default_rng(0)
    for sha256 in tables.read_scans(made)["sha256"]:
        vector = np.clip(rng.normal(0, 40, brain_vector.size()), -127, 127).astype(np.int8)
        scan_vectors.write(scan_vectors.path(made, BRAIN, sha256), BRAIN, vector)
    return made


def _path(workspace: Workspace, scan_id: str) -> Path:
    scans = tables.read_scans(workspace).set_index("scan_id")
    return scan_vectors.path(workspace, BRAIN, scans.at[scan_id, "sha256"])


def _copy_of(workspace: Workspace, scan_id: str, of: str, weight: float = 0.9) -> None:
    """Make one brain like another one: their cosine is about ``weight``."""
    own, other = (
        scan_vectors.read(_path(workspace, name), BRAIN).astype(float) for name in (scan_id, of)
    )
    mixed = weight * other + np.sqrt(1 - weight**2) * own
    changed = np.clip(mixed, -127, 127).astype(np.int8)
    scan_vectors.write(_path(workspace, scan_id), BRAIN, changed)


def test_two_scans_of_one_head_are_told_with_their_similarity(ready: Workspace) -> None:
    _copy_of(ready, "target_sub-08_T1w", "pool_sub-02_T1w")
    found = near_duplicates.search(ready)
    assert (found.compared, found.without, found.pairs) == (14, 0, 1)
    (one,) = near_duplicates.suspicions(ready)
    assert (one.first, one.second) == ("pool_sub-02_T1w", "target_sub-08_T1w")
    assert one.pair == pair("pool:sub-02", "target:sub-08") and one.roles == ("pool", "target")
    assert one.similarity == pytest.approx(0.9, abs=0.03)


def test_only_what_is_new_is_compared_again_and_the_result_is_the_same(
    ready: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(near_duplicates, "_BLOCK", 4)
    _copy_of(ready, "target_sub-08_T1w", "pool_sub-02_T1w")
    _copy_of(ready, "target_sub-12_T1w", "target_sub-09_T1w")
    scans = tables.read_scans(ready)
    tables.write_scans(ready, scans[scans["scan_id"] != "target_sub-08_T1w"])
    assert near_duplicates.search(ready).pairs == 1
    tables.write_scans(ready, scans)
    rows: list[int] = []
    read = near_duplicates._unit_rows
    monkeypatch.setattr(
        near_duplicates, "_unit_rows", lambda paths: (rows.append(len(paths)), read(paths))[1]
    )
    assert near_duplicates.search(ready).pairs == 2
    assert sum(rows) == 14  # the new one once, each other one once
    rows.clear()
    assert near_duplicates.search(ready).pairs == 2 and rows == []
    in_steps = near_duplicates.suspicions(ready)
    ready.near_duplicates_path.unlink()  # as if somebody had cleared away
    near_duplicates.search(ready)
    assert near_duplicates.suspicions(ready) == in_steps


def test_pairs_of_vectors_of_another_version_are_not_believed(
    ready: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    near_duplicates.search(ready)
    monkeypatch.setattr(brain_vector, "VERSION", 999)
    assert near_duplicates.compared(ready).empty
    assert "No scans were compared" in near_duplicates.standing(ready)


def test_a_pair_is_open_until_somebody_says_who_they_are(ready: Workspace, capsys) -> None:
    _copy_of(ready, "target_sub-08_T1w", "pool_sub-02_T1w")
    near_duplicates.search(ready)
    where = ["-w", str(ready.root), "--author", "Ada"]
    assert main(["people", *where]) == 0
    said = capsys.readouterr().out
    assert "pool_sub-02_T1w and target_sub-08_T1w seem to show the same head" in said
    assert (
        "14 of 14 scans were compared by their brains; 1 pair seems to show the same head." in said
    )
    assert main(["people", "--two-people", "pool:sub-02", "target:sub-08", *where]) == 0
    assert "no undecided pair seems to show the same head" in capsys.readouterr().out
    assert near_duplicates.suspicions(ready) == []


def test_a_scan_without_a_brain_and_a_damaged_vector_are_like_nothing(ready: Workspace) -> None:
    scan_vectors.write(_path(ready, "pool_sub-00_T1w"), BRAIN, None)
    broken = _path(ready, "pool_sub-01_T1w")
    broken.write_bytes(broken.read_bytes()[:4000])
    found = near_duplicates.search(ready)
    assert (found.compared, found.without, found.pairs) == (13, 1, 0)
    assert (
        found.words
        == "13 scans were compared; 1 could not be compared: 0 pairs show the same head."
    )


# ---- in studies --------------------------------------------------------------------------------------


def test_no_study_takes_a_head_that_is_in_pool_and_target_until_somebody_decided(
    ready: Workspace,
) -> None:
    _copy_of(ready, "target_sub-08_T1w", "pool_sub-02_T1w")
    near_duplicates.search(ready)
    with pytest.raises(
        StudyError, match=r"seem to show the same head .* learned from and the other judged"
    ):
        workspace_trainable.plan(ready)
    whose = pair("pool:sub-02", "target:sub-08")
    who_is_who.decide(ready, [PersonDecision(whose, False, "seen")], "Ada")
    study = workspace_trainable.plan(ready)
    assert (study.separation.by_brain, study.separation.denied) == (14, 1)
    words = pool_target_separation.words(study.separation)
    assert (
        "looked for among all scans" in words and "of 1 such pair somebody looked at both" in words
    )
    assert "not looked for" not in words
    who_is_who.decide(ready, [PersonDecision(whose, True, "seen again")], "Ada")
    with pytest.raises(StudyError, match="1 person is in the target cohort and also in the pre"):
        workspace_trainable.plan(ready)


def test_two_of_the_target_who_are_one_person_share_a_fold(ready: Workspace) -> None:
    _copy_of(ready, "target_sub-12_T1w", "target_sub-09_T1w")
    near_duplicates.search(ready)
    with pytest.raises(
        StudyError, match="target_sub-09_T1w and target_sub-12_T1w seem to show the same"
    ):
        workspace_trainable.plan(ready)
    whose = pair("target:sub-09", "target:sub-12")
    who_is_who.decide(ready, [PersonDecision(whose, True, "seen")], "Ada")
    target = workspace_trainable.plan(ready).scans().query("role == 'target'")
    assert target["subject_id"].nunique() == 7
    assert target.groupby("subject_id")["fold"].nunique().eq(1).all()


def test_one_head_within_the_pool_is_told_and_does_no_harm(ready: Workspace) -> None:
    _copy_of(ready, "pool_sub-03_T1w", "pool_sub-02_T1w")
    near_duplicates.search(ready)
    assert len(near_duplicates.suspicions(ready)) == 1
    assert workspace_trainable.plan(ready).separation.denied == 0


def test_a_study_says_of_how_many_scans_the_brains_were_compared(ready: Workspace) -> None:
    scan_vectors.write(_path(ready, "pool_sub-00_T1w"), BRAIN, None)
    near_duplicates.search(ready)
    words = pool_target_separation.words(workspace_trainable.plan(ready).separation)
    assert "looked for among 13 of the scans" in words
