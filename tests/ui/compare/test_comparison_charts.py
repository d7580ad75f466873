"""Figures of the comparison: what is drawn equals the tables, and every point knows what it stands for."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest

from pages.ui.compare import compare_curves, comparison_charts, strata_charts
from tests.helpers.made_predictions import ALL, CONTROL, SCRATCH, A, random
from training.arms.study_arms import Arm
from training.held_out.predictions import BASELINE
from training.report import content_results
from training.results import comparisons, error_strata, study_sets, study_summary
from training.theme import MUTED, TEMPLATE, Style, arm_styles

ARMS = [SCRATCH, A, ALL, CONTROL]
STYLES = arm_styles(ARMS)
HELD_OUT = random(people=40)
FINAL = study_summary.summarise(HELD_OUT)
DIFFERENCES = comparisons.compare_all(HELD_OUT, "scratch").reference
SCANS = error_strata.errors_by_scan(HELD_OUT, "A")
SIZED = study_sets.by_size(HELD_OUT, {"scratch": 0, "A": 20, "all": 60, "control-A": 20})


def _custom(trace: go.Scatter) -> list:  # type: ignore[type-arg]
    return [row[0] for row in trace.customdata]


def test_final_errors_carry_their_intervals_best_on_top() -> None:
    (points,) = comparison_charts.final_errors(FINAL, STYLES).data
    rows = FINAL.sort_values("age_mae_years", ascending=False)
    assert _custom(points) == rows["arm"].tolist()
    assert list(points.x) == rows["age_mae_years"].tolist()
    assert np.allclose(points.x + points.error_x.array, rows["ci_high"])
    assert np.allclose(points.x - points.error_x.arrayminus, rows["ci_low"])
    assert "predict the mean age" in points.y


def test_errors_that_are_known_of_a_world_are_lines_with_their_names() -> None:
    figure = comparison_charts.final_errors(FINAL, STYLES, known={"best <possible>": 1.5})
    (line,) = figure.layout.shapes
    assert (line.x0, line.x1) == (1.5, 1.5)
    assert "best &lt;possible&gt;" in [one.text for one in figure.layout.annotations]
    assert not comparison_charts.final_errors(FINAL, STYLES).layout.shapes


def test_controls_are_hollow_and_arms_have_their_colour() -> None:
    (points,) = comparison_charts.final_errors(FINAL, STYLES).data
    symbols = dict(zip(_custom(points), points.marker.symbol, strict=True))
    colours = dict(zip(_custom(points), points.marker.color, strict=True))
    assert symbols["control-A"] == symbols[BASELINE] == "circle-open"
    assert symbols["A"] == "circle"
    assert colours["A"] == STYLES["A"].colour


def test_differences_stand_about_zero_with_a_word_each() -> None:
    figure = comparison_charts.differences(DIFFERENCES, STYLES)
    assert list(figure.data[0].x) == sorted(DIFFERENCES["difference_years"], reverse=True)
    assert figure.layout.shapes[0].x0 == 0
    words = {note.text for note in figure.layout.annotations}
    assert words and words <= {word for _, word in comparison_charts.VERDICTS.values()}
    assert "scratch" in figure.layout.xaxis.title.text


def test_where_arms_cannot_be_ranked_no_verdict_has_a_colour() -> None:
    table = DIFFERENCES.assign(verdict="better")
    judged, grey = (
        {
            note.font.color
            for note in comparison_charts.differences(table, STYLES, ranked=j).layout.annotations
        }
        for j in (True, False)
    )
    assert judged == {comparison_charts.VERDICTS["better"][0]}
    assert grey == {MUTED}


def test_a_difference_that_is_not_known_is_drawn_as_a_row_without_a_point() -> None:
    table = DIFFERENCES.assign(
        difference_years=[np.nan, 1, 2], verdict=["unknown", "open", "withheld"]
    )
    figure = comparison_charts.differences(table, STYLES)
    assert len(figure.data[0].y) == 3
    assert np.isnan(figure.data[0].x[0])
    assert len(comparison_charts.differences(table.iloc[:0], STYLES).data[0].x) == 0


def test_a_column_alone_is_a_column_and_no_wall_of_colour() -> None:
    table = error_strata.tier_by_tier(HELD_OUT)
    alone = comparison_charts.tier_by_tier(table, ["A"], ["A"]).layout.xaxis.range
    assert alone == (-0.5, 2.5)
    assert comparison_charts.tier_by_tier(table, ["A"], ["A", "B"]).layout.xaxis.range == alone


def test_the_heat_map_says_and_hands_on_every_cell() -> None:
    table = error_strata.tier_by_tier(HELD_OUT)
    figure = comparison_charts.tier_by_tier(table, ["A", "all", BASELINE], ["A", "B"])
    heat, marks = figure.data
    assert np.shape(heat.z) == (3, 2) and len(marks.x) == 6
    assert list(heat.y) == ["A", "all", "predict the mean age"] and list(heat.x) == [
        "Tier A",
        "Tier B",
    ]
    assert set(marks.y) == set(heat.y) and set(marks.x) == set(heat.x)
    cells = table.set_index(["arm", "tier"])
    said = [cell for line in heat.text for cell in line]
    for (arm, tier, *_), text in zip(marks.customdata, said, strict=True):
        cell = cells.loc[(arm, tier)]
        assert f">{cell['age_mae_years']:.1f}<" in text and f">{cell['n_subjects']} people<" in text
        assert f">{cell['ci_low']:.1f} to {cell['ci_high']:.1f}<" in text


def test_an_interval_that_a_table_cannot_tell_is_not_drawn_and_that_is_said() -> None:
    of_a = FINAL["arm"] == "A"
    table = FINAL.assign(
        ci_low=FINAL["ci_low"].mask(of_a, 0.0), ci_high=FINAL["ci_high"].mask(of_a, 32)
    )
    (points,) = comparison_charts.final_errors(table, STYLES).data
    drawn = dict(zip(_custom(points), points.error_x.array, strict=True))
    assert np.isnan(drawn.pop("A")) and np.isfinite(list(drawn.values())).all()
    assert "Of A no interval is drawn" in content_results.untold_said(table)
    assert not content_results.untold_said(FINAL)


def test_arms_of_a_study_with_markup_in_its_name_are_drawn_as_text() -> None:
    table = FINAL.assign(arm=["<b>x</b> · A", *FINAL["arm"][1:]])
    (points,) = comparison_charts.final_errors(table, {}).data
    assert "&lt;b&gt;x&lt;/b&gt; · A" in points.y


@pytest.mark.parametrize("column", list(error_strata.NUMBERS))
def test_error_against_a_number_shows_every_scan_and_the_mean(column) -> None:
    figure = strata_charts.error_along(
        SCANS, error_strata.along(HELD_OUT, "A", column), column, STYLES["A"]
    )
    points, mean = figure.data
    assert _custom(points) == SCANS["scan_id"].tolist()
    assert np.allclose(points.y, SCANS["error_years"])
    assert len(mean.x) == 5
    assert figure.layout.xaxis.title.text.startswith(error_strata.NUMBERS[column])


def test_groups_say_how_many_people_they_hold() -> None:
    table = error_strata.by_group(HELD_OUT, "A", "site")
    (points,) = strata_charts.error_by_group(table, "site", STYLES["A"]).data
    assert points.y[0] == "North (14)"
    assert _custom(points) == ["North", "South", "not known"]


def test_predicted_against_true_has_the_line_of_no_error() -> None:
    points, line = strata_charts.predicted_against_true(SCANS, STYLES["A"]).data
    assert np.allclose(points.y - points.x, SCANS["age_gap_years"])
    assert list(line.x) == list(line.y)
    empty = strata_charts.predicted_against_true(SCANS.iloc[:0], STYLES["A"])
    assert list(empty.data[1].x) == []


def test_the_age_gap_says_whether_it_is_corrected() -> None:
    raw = strata_charts.age_gap(SCANS, STYLES["A"], corrected=False)
    corrected = strata_charts.age_gap(SCANS, STYLES["A"], corrected=True)
    assert "raw" in raw.layout.yaxis.title.text
    assert "bias-corrected" in corrected.layout.yaxis.title.text
    assert np.allclose(corrected.data[0].y, SCANS["corrected_gap_years"])


def test_controls_are_the_band_behind_the_arms_that_keep_better_scans() -> None:
    band, control, kept = comparison_charts.by_size(SIZED).data
    assert list(kept.x) == [20, 60]
    assert list(control.x) == [20, 60]
    rows = SIZED[SIZED["role"] == "control"]
    assert list(band.y) == [*rows["ci_high"], *rows["ci_low"][::-1]]
    assert band.fill == "toself" and control.line.dash == "dash"


def test_shares_of_labels_are_a_line_a_pretraining() -> None:
    few = Arm("all-labels-25", "few", "tiers", ("A", "B"), label_percent=25, base="all")
    held_out = random(arms=3)
    held_out = type(held_out)(**{**vars(held_out), "arms": (SCRATCH, ALL, few)})
    figure = comparison_charts.by_labels(study_sets.by_labels(held_out), STYLES)
    (line,) = figure.data
    assert (line.name, list(line.x)) == ("all", [25, 100])
    assert line.line.color == STYLES["all"].colour


def test_single_runs_are_lines_with_gaps_between_them_that_know_their_run() -> None:
    curves = pd.DataFrame(
        {
            "run_id": ["r1", "r1", "r0", "r0"],
            "arm": "A",
            "seed": [0, 0, 1, 1],
            "fold": [2, 2, 0, 0],
            "epoch": [1, 2, 1, 2],
            "age_mae_years": [5.0, 4.0, 7.0, 6.0],
        }
    )
    figure = go.Figure()
    compare_curves.add_single_runs(figure, curves, "age_mae_years", STYLES, runs=["r0", "r1"])
    (trace,) = figure.data
    assert np.array_equal(trace.y, [7, 6, np.nan, 5, 4], equal_nan=True)
    assert trace.customdata[0].tolist() == [0, 1, 1]
    assert trace.customdata[4].tolist() == [1, 0, 3]


FIGURES = [
    comparison_charts.final_errors(FINAL, STYLES),
    comparison_charts.differences(DIFFERENCES, STYLES),
    comparison_charts.tier_by_tier(error_strata.tier_by_tier(HELD_OUT), ["A"], ["A", "B"]),
    comparison_charts.by_size(SIZED),
    strata_charts.predicted_against_true(SCANS, STYLES["A"]),
    strata_charts.age_gap(SCANS, Style("", "#000000"), corrected=True),
    strata_charts.error_by_group(error_strata.by_group(HELD_OUT, "A", "sex"), "sex", STYLES["A"]),
]


@pytest.mark.parametrize("seeds", [1, 3])
def test_every_figure_with_intervals_says_what_they_are_over(seeds) -> None:
    held_out = HELD_OUT.only(seeds=range(seeds))
    final = study_summary.summarise(held_out)
    along = error_strata.along(held_out, "A", "age_years")
    for figure in (
        comparison_charts.final_errors(final, STYLES),
        comparison_charts.differences(comparisons.compare_all(held_out, "all").reference, STYLES),
        comparison_charts.tier_by_tier(error_strata.tier_by_tier(held_out), ["A"], ["A", "B"]),
        comparison_charts.by_size(study_sets.by_size(held_out, {"A": 20, "all": 60})),
        strata_charts.error_along(SCANS, along, "age_years", STYLES["A"]),
        strata_charts.error_by_group(
            error_strata.by_group(held_out, "A", "sex"), "sex", STYLES["A"]
        ),
    ):
        over = "95 %, over people alone: one seed" if seeds == 1 else "95 %, over people and seeds"
        assert over in figure.layout.xaxis.title.text


@pytest.mark.parametrize("figure", FIGURES)
def test_every_figure_names_its_axis_and_unit(figure: go.Figure) -> None:
    titles = f"{figure.layout.xaxis.title.text} {figure.layout.yaxis.title.text}"
    assert "years" in titles or "Quality of the test scan" in titles
    assert figure.layout.template == TEMPLATE
