"""Scans are compared with those of their site that the same program measured."""

import pandas as pd

from curation.scoring.comparison_groups import (
    groups_of,
    pooled,
    site_summary,
    sites_of,
    with_pools,
)

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


def test_where_a_site_is_not_known_the_source_is_one_and_it_is_said() -> None:
    scans = pd.DataFrame({"site": ["North", None, None], "source": ["one", "one", "two"]})
    assert sites_of(scans).tolist() == ["North", "source one", "source two"]
    assert sites_of(scans.drop(columns="source")).tolist() == ["North", None, None]
    assert sites_of(scans.astype("category")).tolist() == ["North", "source one", "source two"]
    said = [site_summary(scans.iloc[rows]) for rows in ([0], [0, 1, 2], [1, 2], [1])]
    assert [one.words for one in said] == ["sites", "sites and sources", "sources", ""]
    assert said[0].note == ""
    assert said[1].note == (
        "Site is known of 1 of 3 scans: the source of the others stands in for the site."
    )
    assert said[2].note == "No site is known: the source stands in for the site."
    assert said[3].note == "No site is known, and all scans are of one source."
    old = site_summary(scans.iloc[1:].drop(columns="source"))
    assert (old.words, old.note) == ("", "No site is known.")
