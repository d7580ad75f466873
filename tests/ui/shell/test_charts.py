"""Figures: what is drawn equals what the tables say, and every axis says what it is."""

import math

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest

from curation.tiers.tier_rule import TIER_COLOURS
from pages.ui.shell import charts
from training.arms.study_arms import Arm
from training.theme import TEMPLATE, arm_styles

ARMS = [
    Arm("scratch", "no pretraining", "scratch"),
    Arm("A", "tier A", "tiers", ("A",)),
    Arm("A+B", "tiers A + B", "tiers", ("A", "B")),
    Arm("all", "all tiers", "tiers", ("A", "B", "C")),
    Arm("control-A", "random, as many as A", "control", ("A", "B", "C"), "A"),
]
STYLES = arm_styles(ARMS)


def band(arm: str, epochs: int = 3, n: int = 4) -> pd.DataFrame:
    mean = np.linspace(9, 7, epochs)
    half = 1.0 if n > 1 else math.nan
    return pd.DataFrame(
        {
            "arm": arm,
            "epoch": range(1, epochs + 1),
            "age_mae_years": mean,
            "loss": mean / 10,
            "low": mean - half,
            "high": mean + half,
            "seeds": n,
        }
    )


def test_site_shares_add_up_to_100_percent() -> None:
    counts = pd.DataFrame(
        {"A": [3, 0], "B": [1, 5], "not scored": [0, 5], "scans": [4, 10]}, index=["North", "South"]
    )
    figure = charts.tier_shares(counts)
    assert np.allclose(np.sum([bar.x for bar in figure.data], axis=0), 100)


# ---- arms ------------------------------------------------------------------------------------------


def test_arms_made_of_tiers_take_the_colour_of_their_worst_tier() -> None:
    assert STYLES["A"].colour == TIER_COLOURS["A"]
    assert STYLES["A+B"].colour == TIER_COLOURS["B"]
    assert STYLES["all"].colour == TIER_COLOURS["C"]


def test_controls_are_dashed_in_the_colour_of_what_they_match() -> None:
    assert (STYLES["control-A"].colour, STYLES["control-A"].dash) == (TIER_COLOURS["A"], "dash")
    assert {STYLES[name].dash for name in ("scratch", "A", "A+B", "all")} == {"solid"}


def test_a_control_whose_match_is_not_in_the_study_still_gets_a_colour() -> None:
    assert arm_styles(ARMS[4:])["control-A"].colour.startswith("#")


# ---- curves ----------------------------------------------------------------------------------------


def test_error_curves_draw_one_line_and_one_band_an_arm() -> None:
    table = pd.concat([band("A"), band("control-A")])
    figure = charts.age_error(table, STYLES, baseline_years=8.25)
    lines = [trace for trace in figure.data if trace.fill is None]
    areas = [trace for trace in figure.data if trace.fill == "toself"]
    assert [line.legendgroup for line in lines] == ["A", "control-A"]
    assert np.allclose(lines[0].y, band("A")["age_mae_years"])
    assert lines[1].line.dash == "dash"
    assert len(areas) == 2 and max(areas[0].y) == 10 and min(areas[0].y) == 6


def test_baseline_is_a_dotted_line_that_says_its_value() -> None:
    figure = charts.age_error(band("A"), STYLES, baseline_years=8.254)
    (line,) = figure.layout.shapes
    assert (line.y0, line.line.dash) == (8.254, "dot")
    assert "8.25 years" in line.name


def test_what_the_baseline_says_stands_in_the_legend_where_no_curve_runs_over_it() -> None:
    figure = charts.age_error(band("A"), STYLES, baseline_years=8.0)
    assert figure.layout.shapes[0].showlegend and not figure.layout.annotations


def test_a_single_seed_has_a_line_and_no_invented_band() -> None:
    figure = charts.age_error(band("A", n=1), STYLES)
    (area,) = [trace for trace in figure.data if trace.fill == "toself"]
    assert len(area.x) == 0


def test_a_wide_band_of_few_seeds_does_not_flatten_the_lines() -> None:
    table = band("A").assign(low=-90.0, high=110.0)
    low, high = charts.age_error(table, STYLES, baseline_years=8.0).layout.yaxis.range
    assert 0 <= low < 7 and 9 < high < 12


def test_few_seeds_are_lines_of_their_own_instead_of_a_band() -> None:
    table = band("A", n=2).assign(seed_0=[9.0, 8.0, 6.0], seed_1=[9.0, 8.0, 8.0])
    figure = charts.age_error(table, STYLES)
    assert not [trace for trace in figure.data if trace.fill]
    assert [list(trace.y) for trace in figure.data] == [[9, 8, 6], [9, 8, 8], [9, 8, 7]]
    assert [trace.line.width for trace in figure.data] == [1, 1, 3]
    assert figure.layout.yaxis.range[0] < 6


def test_an_arm_without_data_is_not_drawn() -> None:
    figure = charts.training_loss(band("A"), STYLES)
    assert {trace.legendgroup for trace in figure.data} == {"A"}


# ---- all figures -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("figure", "x_says", "y_says"),
    [
        (charts.age_error(band("A"), STYLES), "Epoch", "years; lower is better"),
        (charts.training_loss(band("A"), STYLES), "Epoch", "lower is better"),
    ],
)
def test_every_axis_has_a_name_and_a_direction(figure: go.Figure, x_says: str, y_says: str) -> None:
    assert x_says in figure.layout.xaxis.title.text
    assert y_says in figure.layout.yaxis.title.text
    assert figure.layout.template == TEMPLATE
