"""Flow diagram: every scan flows once, from its tier by one rule to its tier by the other."""

import pandas as pd

from pages.ui.tiers import flow_plot

COLOURS = {"A": "#0072B2", "B": "#E69F00", "C": "#D55E00"}
TABLE = pd.DataFrame([[5, 2, 0], [0, 3, 1]], index=["A", "B"], columns=["A", "B", "C"])


def test_links_hold_every_scan_once() -> None:
    drawn = flow_plot.describe(TABLE, COLOURS, COLOURS)
    assert sum(link["scans"] for link in drawn["links"]) == TABLE.to_numpy().sum()
    assert {(link["from"], link["to"]) for link in drawn["links"]} == {
        (0, 2),
        (0, 3),
        (1, 3),
        (1, 4),
    }


def test_it_says_how_many_move() -> None:
    assert "3 scans move" in flow_plot.describe(TABLE, COLOURS, COLOURS)["alt"]


def test_tiers_are_named_and_counted_on_both_sides() -> None:
    labels = [node["label"] for node in flow_plot.describe(TABLE, COLOURS, COLOURS)["nodes"]]
    assert labels == ["Tier A · 7", "Tier B · 4", "Tier A · 5", "Tier B · 5", "Tier C · 1"]
