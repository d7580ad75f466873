"""Two groups on the same bins: shares add up, what is missing counts, the difference is the known one."""

import numpy as np
import pytest

from curation.tier_effects.group_distributions import compare


def test_shares_and_what_is_missing_add_up_to_the_whole_group() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(size=1000)
    values[::10] = np.nan
    first = np.arange(1000) < 400
    found = compare(values, first, ~first)
    for group, scans in ((found.first, 400), (found.second, 600)):
        assert (group.scans, group.missing) == (scans, scans // 10)
        assert group.shares.sum() + group.missing_share == pytest.approx(1)
        assert len(group.shares) == len(found.edges) - 1 == 20  # 2 · 900^(1/3) = 19.3
    assert found.in_both == 0


def test_the_difference_of_means_a_standard_deviation_apart_is_one() -> None:
    first = np.repeat([True, False], 5)
    values = np.array([1.0, 2, 3, 4, 5] * 2)
    values[5:] -= np.std([1, 2, 3, 4, 5], ddof=1)
    assert compare(values, first, ~first).smd == pytest.approx(1)
    assert compare(values, first, first).in_both == 5


def test_groups_without_a_value_have_no_bins_and_no_quartiles() -> None:
    found = compare(np.full(3, np.nan), np.array([True, False, False]), np.ones(3, bool))
    assert len(found.edges) == 0 and np.isnan(found.smd) and np.isnan(found.first.quartiles).all()
    same = compare(np.full(4, 7.0), np.array([True, True, False, False]), np.ones(4, bool))
    assert same.first.shares.sum() == 1 and same.first.quartiles == (7, 7, 7)
