"""Notes on Tiers name scans outside the best tier, scans measured in part, and scans of unusual anatomy."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from curation.storage.workspace import Workspace
from curation.tiers import overrides
from curation.tiers.tier_rule import DEFAULT_RULE, TierRule
from pages.ui.scan_table import scan_arrays
from pages.ui.scan_table.scan_arrays import ScanTable, SortedScans
from pages.ui.shell import formatting
from pages.ui.tiers import scan_notes
from tests.helpers import workspace_scored

SCORES = [10.0, 12.0, 30.0, 90.0]
ENDS = [10.0, 55.0, 40.0, 100.0]


def sorted_by(
    tmp_path: Path, rule: TierRule = DEFAULT_RULE, **columns: list[float]
) -> tuple[ScanTable, SortedScans]:
    workspace = Workspace.create(tmp_path / "w")
    workspace_scored.put_scans(workspace, [{"distortion_score": score} for score in SCORES])
    table = pd.read_parquet(workspace.scores_path).assign(score_high=ENDS, **columns)
    table.to_parquet(workspace.scores_path)
    scans = scan_arrays.read_scan_table(workspace, "pool")
    return scans, scan_arrays.sort(scans, rule, overrides.in_force(workspace))


def test_scans_outside_the_best_tier_are_named_the_worst_first(tmp_path: Path) -> None:
    made = sorted_by(tmp_path)
    beyond = scan_notes.beyond_best(made[1])
    assert beyond.tolist() == [False, False, True, True]
    words = scan_notes.beyond_words(*made, beyond)
    assert words == (
        "Not in A, the worst first: made_sub-03_T1w (≥ 90.0, C), made_sub-02_T1w (≥ 30.0, B). "
        f"{formatting.AT_LEAST_HELP}"
    )
    by_noise = replace(made[1], rule=replace(DEFAULT_RULE, column="noise"))
    assert "≥" not in scan_notes.beyond_words(made[0], by_noise, beyond)


def test_of_a_scan_outside_the_best_tier_it_is_said_that_its_tier_is_by_hand(
    tmp_path: Path,
) -> None:
    scan_table, _ = sorted_by(tmp_path)
    overrides.override(scan_table.workspace, "made_sub-00_T1w", "Ada", "C", "metal artefact")
    decided = overrides.in_force(scan_table.workspace)
    made = scan_table, scan_arrays.sort(scan_table, DEFAULT_RULE, decided)
    words = scan_notes.beyond_words(*made, scan_notes.beyond_best(made[1]))
    assert "made_sub-03_T1w (≥ 90.0, C), made_sub-00_T1w (10.0, C, by hand)" in words


def test_of_many_only_the_worst_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scan_notes, "_NAMED", 1)
    made = sorted_by(tmp_path)
    words = scan_notes.beyond_words(*made, scan_notes.beyond_best(made[1]))
    assert "made_sub-03_T1w (≥ 90.0, C) and 1 more." in words and "sub-02" not in words


def test_a_scan_is_said_to_be_worse_perhaps_only_where_a_cutoff_lies_below_its_upper_end(
    tmp_path: Path,
) -> None:
    made = sorted_by(tmp_path)
    partly = scan_notes.may_be_worse(*made)
    assert partly.tolist() == [False, True, False, False]  # 30 to 40 is B either way
    assert scan_notes.partly_words(made[1], partly).startswith(
        "1 scan may belong in a worse tier (1 in A)"
    )


def test_what_has_its_tier_by_hand_is_not_said_to_be_worse_perhaps(tmp_path: Path) -> None:
    scans, made = sorted_by(tmp_path)
    by_hand = replace(made, decided=np.array([1]))
    assert not scan_notes.may_be_worse(scans, by_hand).any()


def test_where_the_upper_end_is_cut_nothing_is_worse_than_shown(tmp_path: Path) -> None:
    made = sorted_by(tmp_path, replace(DEFAULT_RULE, column="score_high"))
    assert not scan_notes.may_be_worse(*made).any()
    assert scan_notes.partly_words(made[1], scan_notes.may_be_worse(*made)) == ""


def test_scans_of_unusual_anatomy_are_counted_by_tier_and_said_to_count_for_no_score(
    tmp_path: Path,
) -> None:
    made = sorted_by(tmp_path, unusual_anatomy=[80.0, 20.0, 51.0, np.nan])
    words = scan_notes.anatomy_words(*made)
    assert words.startswith("2 scans with unusual anatomy (1 in A, 1 in B)")
    assert "counts for no score" in words


def test_nothing_is_said_of_anatomy_without_any_or_of_scores_of_before(tmp_path: Path) -> None:
    scans, made = sorted_by(tmp_path, unusual_anatomy=[10.0, 20.0, np.nan, 49.0])
    assert scan_notes.anatomy_words(scans, made) == ""
    before = replace(scans, scans=scans.scans.drop(columns="unusual_anatomy"))
    assert scan_notes.anatomy_words(before, made) == ""


def test_where_every_scan_may_be_worse_that_is_said(tmp_path: Path) -> None:
    rule = TierRule(names=("A", "B"), cutoffs=(95.0,))
    _, made = sorted_by(tmp_path, rule)
    assert scan_notes.partly_words(made, np.ones(4, dtype=bool)).startswith(
        "All 4 scans may belong"
    )
