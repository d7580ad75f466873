"""Files behind a cohort: what changed is named, what only looks changed is read and passes."""

import dataclasses
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from curation.cohorts import cohort_draft, cohort_integrity, frozen_cohort
from curation.scoring.distortion_score import SCORING_VERSION
from curation.sources import ingest
from curation.storage import files, tables
from curation.storage.workspace import Workspace
from curation.tiers.rule_checks import Gate
from curation.tiers.tier_rule import DEFAULT_RULE, TierRule
from tests.helpers.nifti_images import write_nifti
from tests.helpers.workspace_scored import put_scans


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number in range(4):
        write_nifti(tmp_path / "images" / f"sub-{number}_T1w.nii.gz", seed=number)
    return tmp_path / "images"


@pytest.fixture
def frozen(workspace: Workspace, folder: Path) -> frozen_cohort.Cohort:
    ingest.ingest(workspace, folder, name="set")
    scans = tables.read_scans(workspace)
    scores = scans[["scan_id", "sha256"]].assign(
        distortion_score=[5.0, 30.0, 60.0, 99.0],
        reference="builtin-3",
        scoring_version=SCORING_VERSION,
    )
    files.write_parquet(workspace.scores_path, scores)
    rule = TierRule(gates=(Gate("distortion_score", above=90.0),))
    return frozen_cohort.freeze(workspace, "spring", author="Ada", rule=rule)


def _reasons(workspace: Workspace, cohort: frozen_cohort.Cohort) -> dict[str, str]:
    found = cohort_integrity.changed_files(workspace, cohort)
    return dict(zip(found["scan_id"].str[4:9], found["reason"], strict=True))


def test_untouched_files_pass_without_being_read(workspace, frozen, monkeypatch) -> None:
    monkeypatch.setattr(files, "sha256_of", lambda path: pytest.fail(f"{path} was read"))
    assert _reasons(workspace, frozen) == {}


def test_what_changed_is_named_with_its_reason(workspace, frozen, folder: Path) -> None:
    first, second, third, held = sorted(folder.iterdir())
    os.utime(first, (1.0, 1.0))  # copied anew: another time, the same content
    second.write_bytes(second.read_bytes()[:-1] + b"!")
    third.unlink()
    held.unlink()  # unusable: nobody needs it
    assert _reasons(workspace, frozen) == {
        "sub-1": "its file has other content now",
        "sub-2": "its file is gone",
    }
    ingest.ingest(workspace, folder, name="set")
    assert _reasons(workspace, frozen)["sub-1"] == "it was listed again since, with other content"
    scans = tables.read_scans(workspace)
    tables.write_scans(workspace, scans[~scans["scan_id"].str.contains("sub-0")])
    assert _reasons(workspace, frozen)["sub-0"] == "it is no longer in the workspace"


def test_a_same_size_change_with_the_old_time_put_back_is_the_known_limit(
    workspace, frozen, folder: Path
) -> None:
    first = min(folder.iterdir())
    stat = first.stat()
    first.write_bytes(first.read_bytes()[:-1] + b"!")
    os.utime(first, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert _reasons(workspace, frozen) == {}


def test_scans_of_a_table_have_no_file_to_look_at(workspace: Workspace) -> None:
    put_scans(workspace, [{"distortion_score": 5.0, "status": "table", "path": None}])
    cohort = frozen_cohort.freeze(workspace, "tables", author="Ada")
    seen: list[tuple[int, int]] = []
    found = cohort_integrity.changed_files(workspace, cohort, lambda *done: seen.append(done))
    pd.testing.assert_index_equal(found.columns, pd.Index(["scan_id", "path", "reason"]))
    assert found.empty
    assert seen == [(1, 1)]


def _outdated(workspace: Workspace, cohort: frozen_cohort.Cohort) -> tuple[str, ...]:
    makers = cohort_integrity.makers(workspace)
    return cohort_integrity.outdated(cohort, cohort_integrity.made_with(makers, cohort.scans))


def test_a_cohort_is_outdated_by_the_references_of_its_own_scans_alone(
    workspace: Workspace,
) -> None:
    """Two sources in the pool, each scored by a reference of its own; a cohort of one of them."""
    rows = [{"distortion_score": float(5 + place), "source": "mine"} for place in range(4)]
    table = [{"distortion_score": float(40 + place), "source": "table"} for place in range(4)]
    put_scans(workspace, [*rows, *table])
    scores = tables.read_scores(workspace)
    theirs = tables.read_scans(workspace)["source"].eq("table").to_numpy()
    first = scores["reference"].to_numpy()
    both = scores.assign(reference=np.where(theirs, "experts-2", first))
    files.write_parquet(workspace.scores_path, both)
    draft = cohort_draft.draft_cohort(workspace, "pool", DEFAULT_RULE, sources=["mine"])
    own = frozen_cohort.freeze_draft(workspace, draft, name="own", author="Ada")
    whole = frozen_cohort.freeze(workspace, "whole", author="Ada")
    assert (own.reference, whole.reference) == ("builtin-3", "builtin-3, experts-2")
    control = dataclasses.replace(
        own, reference=whole.reference, drawn={"cohort": whole.id, "tiers": ["A"], "seed": 0}
    )
    for cohort in (own, whole, control):
        assert _outdated(workspace, cohort) == ()
    files.write_parquet(
        workspace.scores_path, both.assign(reference=np.where(theirs, "third-1", first))
    )
    assert _outdated(workspace, own) == _outdated(workspace, control) == ()
    assert _outdated(workspace, whole) == (
        "scored by builtin-3, experts-2, now by builtin-3, third-1",
    )


def test_a_cohort_is_outdated_once_its_scans_are_scored_otherwise(workspace: Workspace) -> None:
    put_scans(workspace, [{"distortion_score": 5.0}, {"distortion_score": 30.0}])

    def outdated(cohort: frozen_cohort.Cohort) -> tuple[str, ...]:
        return _outdated(workspace, cohort)

    scores = tables.read_scores(workspace)
    frozen = frozen_cohort.freeze(workspace, "spring", author="Ada")
    assert outdated(frozen) == ()
    version = SCORING_VERSION
    later = scores.assign(reference="second-1", scoring_version=version + 1)
    files.write_parquet(workspace.scores_path, later)
    assert outdated(frozen) == (
        "scored by builtin-3, now by second-1",
        f"scoring version {version}, now {version + 1}",
    )
    silent = dataclasses.replace(frozen, reference="", versions={})
    assert outdated(silent) == ()
