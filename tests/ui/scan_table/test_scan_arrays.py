"""Scans prepared once: sorted as everywhere, and counted anew when a file changes."""

import numpy as np
import pandas as pd
import pytest

from curation.storage import files, tables
from curation.storage.workspace import Workspace
from curation.tiers import overrides
from curation.tiers.rule_checks import Gate
from curation.tiers.tier_rule import TierRule
from pages.ui.scan_table import scan_arrays
from tests.helpers import workspace_full

RULE = TierRule(gates=(Gate("noise", above=5.0, tier="C"),), by_site={"North": (10.0, 60.0)})


@pytest.fixture
def own(tmp_path) -> Workspace:
    return workspace_full.make(tmp_path / "own")


def test_the_open_scan_is_told_only_where_it_has_a_value(own: Workspace) -> None:
    scans = scan_arrays.read_scan_table(own, "pool")
    name, value, high = scan_arrays.open_scan(scans, "made-pool_sub-03_T1w", "distortion_score")
    assert (name, value) == ("made-pool_sub-03_T1w", scans.values("distortion_score")[3])
    assert high == pytest.approx(scans.upper_ends("distortion_score")[3], nan_ok=True)
    assert np.isnan(scan_arrays.open_scan(scans, "made-pool_sub-03_T1w", "noise")[2])
    unmeasured = next(iter(workspace_full.METRICS))
    assert scan_arrays.open_scan(scans, "made-pool_sub-03_T1w", unmeasured) is None
    assert scan_arrays.open_scan(scans, "elsewhere", "noise") is None
    assert scan_arrays.open_scan(scans, None, "noise") is None


def sorted_by(
    workspace: Workspace, rule: TierRule
) -> tuple[scan_arrays.ScanTable, scan_arrays.SortedScans]:
    scans = scan_arrays.read_scan_table(workspace, "pool")
    return scans, scan_arrays.sort(scans, rule, overrides.in_force(workspace))


def test_tiers_are_those_of_the_one_assignment(own: Workspace) -> None:
    overrides.override(own, "made-pool_sub-03_T1w", "Ada", "A", "the score is wrong")
    scans, found = sorted_by(own, RULE)
    expected = overrides.tiers_with_overrides(own, scans.scans, RULE)
    assert [RULE.labels[code] for code in found.codes] == expected.tolist()
    assert sum(found.counts.values()) == workspace_full.POOL


def test_counts_of_lines_and_of_what_no_line_reaches_make_all(own: Workspace) -> None:
    overrides.override(own, "made-pool_sub-03_T1w", "Ada", "A", "the score is wrong")
    scans, found = sorted_by(own, RULE)
    bins, held = scan_arrays.bins(scans, found)
    for site in (None, "North", "South"):
        lines = scan_arrays.lines(scans, found, held, site)
        free = bins.free[[lines.follows(name) for name in scans.sites]].sum()
        assert free + sum(lines.fixed.values()) == workspace_full.POOL


def test_a_changed_table_is_read_anew(own: Workspace) -> None:
    before = scan_arrays.read_scan_table(own, "pool")
    assert scan_arrays.read_scan_table(own, "pool") is before
    scans = tables.read_scans(own)
    tables.write_scans(own, scans.assign(site="East"))
    assert scan_arrays.read_scan_table(own, "pool").sites == ("East",)


def test_a_site_that_is_not_known_is_a_site_of_its_own(own: Workspace) -> None:
    scans = tables.read_scans(own)
    tables.write_scans(own, scans.assign(site=scans["site"].where(scans["site"] == "North")))
    assert scan_arrays.read_scan_table(own, "pool").sites == ("North", scan_arrays.UNKNOWN)


def test_metrics_are_read_when_asked_for_and_have_an_axis(own: Workspace) -> None:
    scans = scan_arrays.read_scan_table(own, "pool")
    table = tables.with_metrics(own, scans.scans, ["cnr"])
    assert np.array_equal(scans.values("cnr"), table["cnr"].to_numpy())
    axis = scans.axis("cnr")
    assert axis.low <= np.nanmin(table["cnr"]) and axis.high >= np.nanmax(table["cnr"])
    assert 100 <= axis.bins <= 400


def test_a_metric_that_was_never_measured_has_an_axis_and_cutoffs(own: Workspace) -> None:
    unmeasured = next(iter(workspace_full.METRICS))
    scans = scan_arrays.read_scan_table(own, "pool")
    assert np.isnan(scans.values(unmeasured)).all()
    assert scans.axis(unmeasured).bins > 10
    cuts = scan_arrays.spread(scans, unmeasured, 3)
    assert len(set(cuts)) == 2


@pytest.mark.parametrize("count", [2, 3, 4, 5, 6])
@pytest.mark.parametrize("column", ["noise", "cnr", "certainty"])
def test_cutoffs_to_start_with_make_a_rule(own: Workspace, column: str, count: int) -> None:
    names = tuple("ABCDEF"[:count])
    rule = TierRule(
        names,
        tuple(scan_arrays.spread(scan_arrays.read_scan_table(own, "pool"), column, count)),
        column,
    )
    assert len(rule.cutoffs) == count - 1


def test_the_same_shares_are_the_same_shares(own: Workspace) -> None:
    scans, found = sorted_by(own, TierRule())
    by_site = scan_arrays.same_shares(scans, found.rule)
    _, again = sorted_by(own, TierRule(by_site=by_site))
    share = pd.crosstab(scans.site_codes, again.codes, normalize="index").to_numpy()
    assert np.abs(share - np.bincount(found.codes) / len(found.codes)).max() < 0.15


def test_lean_rows_are_those_of_the_whole_tables(own: Workspace) -> None:
    whole = tables.read_scored_scans(own)
    whole = whole[whole["status"].isin(tables.SCORABLE) & (whole["role"] == "pool")]
    lean = tables.read_usable(own, "pool")
    for name in lean:
        assert lean[name].astype(object).tolist() == whole[name].astype(object).tolist(), name


def test_scores_of_another_content_or_order_do_not_reach_a_scan(own: Workspace) -> None:
    scores = tables.read_scores(own).sample(frac=1, random_state=0).iloc[3:]
    scores.loc[scores.index[:2], "sha256"] = "another"
    files.write_parquet(own.scores_path, scores)
    whole = tables.read_scored_scans(own).set_index("scan_id")["distortion_score"]
    lean = tables.read_usable(own, "pool")
    expected = whole.reindex(lean["scan_id"]).to_numpy()
    assert np.array_equal(lean["distortion_score"].to_numpy(), expected, equal_nan=True)
    assert np.isnan(expected).any()


def test_a_workspace_without_tables_has_no_rows(tmp_path) -> None:
    assert tables.read_usable(Workspace.create(tmp_path / "new"), "pool").empty
