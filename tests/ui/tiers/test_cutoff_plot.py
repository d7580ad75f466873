"""The plot that is cut: bins hold every scan once, and on the side that the rule puts it on."""

import json

import numpy as np
import pytest

from curation.tiers import tier_rule
from curation.tiers.rule_checks import UNSCORED
from curation.tiers.tier_rule import TierRule
from pages.ui.scan_table.cutoff_axis import Axis, Bins, Lines, binned, round_step
from pages.ui.shell import static_files
from pages.ui.tiers import cutoff_plot

RULE = TierRule()


def counted(values: list[float], axis: Axis | None = None, **more: object) -> Bins:
    array = np.array(values, dtype=float)
    site = np.arange(len(array)) % 2
    return binned(array, site, ("North", "South"), axis or Axis(), **more)  # type: ignore[arg-type]


def lines(rule: TierRule = RULE, **more: object) -> Lines:
    counts = dict.fromkeys(rule.labels, 1)
    return Lines(rule, counts, {}, **more)  # type: ignore[arg-type]


def test_every_value_is_in_one_bin_also_those_beyond_the_axis() -> None:
    bins = counted([-5, 0, 24.9, 25, 100, 180, np.nan])
    assert bins.counts.sum() == 6
    total = bins.counts.sum(axis=0)
    assert (total[0], total[49], total[50], total[-1]) == (2, 1, 1, 2)


@pytest.mark.parametrize("better_is_higher", [False, True])
def test_a_value_on_an_edge_lies_on_the_side_of_its_tier(better_is_higher: bool) -> None:
    """Against the rule itself, on steps that no binary number hits."""
    column = "cnr" if better_is_higher else "distortion_score"
    axis = Axis(column, 0.0, 20.0, 0.1, closed_right=better_is_higher)
    values = np.array([round(0.1 * k, 1) for k in range(1, 200)])
    cuts = (5.3, 12.7)
    rule = TierRule(("A", "B", "C"), cuts[::-1] if better_is_higher else cuts, column)
    left_to_right = (
        2 - tier_rule.cut(values, rule) if better_is_higher else tier_rule.cut(values, rule)
    )
    middles = axis.low + (axis.bin_of(values) + 0.5) * axis.step
    assert (np.searchsorted(cuts, middles) == left_to_right).all()


def test_scans_that_no_line_reaches_are_counted_apart() -> None:
    held = np.array([True, False, False, False])
    drawn = cutoff_plot.describe(counted([10, 20, 30, 90], held=held), lines())
    assert (sum(drawn["bins"]), sum(drawn["fixed"])) == (3, 1)


def test_lines_of_a_site_move_its_scans_only() -> None:
    rule = TierRule(by_site={"South": (10.0, 20.0)})
    bins = counted([5, 15, 25, 35, 45, 55])
    of_site = cutoff_plot.describe(bins, lines(rule, site="South"))
    assert of_site["cutoffs"] == [10.0, 20.0]
    assert (sum(of_site["bins"]), sum(of_site["fixed"])) == (3, 0)
    common = cutoff_plot.describe(bins, lines(rule))
    assert common["cutoffs"] == [25.0, 50.0]
    assert (sum(common["bins"]), sum(common["fixed"])) == (3, 3)
    rows = {row["name"]: row for row in common["rows"]}
    assert (rows["South"]["follows"], rows["South"]["cutoffs"]) == (False, [10.0, 20.0])


def test_where_higher_is_better_the_worst_tier_is_left() -> None:
    rule = TierRule(("good", "fair", "bad"), (3.0, 1.0), "cnr")
    drawn = cutoff_plot.describe(counted([1, 2], Axis("cnr", 0, 5, 0.1)), lines(rule))
    assert drawn["names"] == ["bad", "fair", "good"]
    assert drawn["cutoffs"] == [1.0, 3.0]
    assert [card["name"] for card in sorted(drawn["cards"], key=lambda c: c["place"])][:3] == [
        "good",
        "fair",
        "bad",
    ]
    assert lines(rule).turned([1.0, 3.0]) == (3.0, 1.0)


def test_what_is_drawn_does_not_grow_with_the_scans() -> None:
    few, many = (
        len(json.dumps(cutoff_plot.describe(counted([50.0] * n), lines()))) for n in (10, 100_000)
    )
    assert many < few + 100


def test_many_sites_are_left_without_a_row_and_that_is_known() -> None:
    names = tuple(f"S{number:03d}" for number in range(60))
    site = np.repeat(np.arange(60), 3)
    bins = binned(np.full(180, 10.0), site, names, Axis())
    drawn = cutoff_plot.describe(bins, lines())
    assert len(drawn["rows"]) == cutoff_plot.SITES_DRAWN
    assert cutoff_plot.sites_left_out(bins) == 60 - cutoff_plot.SITES_DRAWN
    assert sum(drawn["bins"]) == 180


def test_a_card_stands_for_those_without_a_tier_where_there_are_some() -> None:
    some = Lines(RULE, {"A": 1, "B": 0, "C": 0, UNSCORED: 4}, {})
    cards = cutoff_plot.describe(counted([1.0]), some)["cards"]
    assert [(card["title"], card["count"]) for card in cards][-1] == (UNSCORED, 4)


@pytest.mark.parametrize(
    ("low", "high", "step"), [(0, 100, 0.5), (0.31, 0.9, 0.005), (-3, 11, 0.1), (200, 9000, 50)]
)
def test_ticks_are_few_round_and_inside(low: float, high: float, step: float) -> None:
    axis = Axis("x", low, high, step)
    assert 4 <= len(axis.ticks) <= 12
    assert all(low <= tick <= high for tick in axis.ticks)
    assert round(step, axis.digits) == step


def test_steps_are_round_and_not_less_than_asked_for() -> None:
    assert [round_step(x) for x in (0.0301, 0.2, 1, 1.1, 4.9, 6)] == [
        0.05,
        0.2,
        1.0,
        2.0,
        5.0,
        10.0,
    ]


def test_plotly_comes_from_the_installed_package_and_is_not_sent_with_the_page() -> None:
    assert static_files.plotly_script().endswith("/plotly.min.js")
    assert static_files.plotly_script().startswith("/component/")
    assert len(static_files.drawing("cutoffs")) < 40_000
