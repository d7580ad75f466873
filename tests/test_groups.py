"""Scans are compared with those of their site that the same program measured."""

import pandas as pd

from curation.groups import groups_of, pooled, with_pools

METRICS = pd.DataFrame({"measured_by": ["tierscope", "mriqc 23.1.0", None], "cjv": [1.0, 2.0, 3.0]})
SITES = pd.Series(["North", "North", None])


def test_a_site_measured_by_two_programs_is_two_groups() -> None:
    assert groups_of(METRICS, SITES).tolist() == ["North", "North (MRIQC)", "*"]
    assert groups_of(METRICS).tolist() == ["*", "* (MRIQC)", "*"]


def test_each_group_knows_where_all_sites_are_together() -> None:
    assert [pooled(group) for group in ("North", "North (MRIQC)", "*")] == ["*", "* (MRIQC)", "*"]


def test_a_pool_holds_the_scans_of_all_its_sites() -> None:
    sizes = {group: len(rows) for group, rows in with_pools(METRICS, pd.Series(["A", "B", "*"]))}
    assert sizes == {"A": 1, "B": 1, "*": 3}
