"""Figures of dose and size show every number with its interval, and the arms that it is of."""

import pandas as pd
import pytest

from pages.ui.compare import dose_charts


def _lost(**columns: object) -> pd.DataFrame:
    table = pd.DataFrame(
        {
            "arm": ["A", "A~motion-0.5", "A~motion-1"],
            "series": "head motion, of <A>",
            "label": ["noise", "blur", "head motion"],
            "severity": [0.0, 0.5, 1.0],
            "years_lost": [0.0, 0.4, -0.2],
            "ci_low": [0.0, -0.1, -0.9],
            "ci_high": [0.0, 0.9, 0.5],
        }
    )
    return table.assign(**columns)


def test_a_curve_runs_through_its_doses_with_their_intervals() -> None:
    (line,) = dose_charts.dose_curves(_lost()).data
    assert list(line.x) == [0.0, 0.5, 1.0] and list(line.y) == [0.0, 0.4, -0.2]
    assert list(line.error_y.array) == pytest.approx([0.0, 0.5, 0.7])
    assert list(line.error_y.arrayminus) == pytest.approx([0.0, 0.5, 0.7])
    assert line.name == "head motion, of &lt;A&gt;"


def test_the_most_harmful_is_on_top() -> None:
    (points,) = dose_charts.ranking(_lost()).data
    assert list(points.y) == ["head motion", "noise", "blur"]  # the last is drawn on top
    assert points.customdata[-1][0] == "A~motion-0.5"


def test_every_draw_is_a_point_beside_the_line_of_its_size() -> None:
    table = pd.DataFrame(
        {
            "of": "A",
            "equal": ["passes", "passes", "steps", "steps"],
            "n_scans": [10, 20, 10, 20],
            "age_mae_years": [6.0, 5.0, 5.5, 5.0],
            "ci_low": 4.0,
            "ci_high": 7.0,
            "n_draws": [2, 1, 2, 1],
            "n_subjects": 30,
        }
    )
    draws = pd.DataFrame(
        {
            "arm": ["A-share-50-draw-1", "A-share-50-draw-2", "A-share-50-draw-1-passes"],
            "of": "A",
            "equal": ["steps", "steps", "passes"],
            "n_scans": 10,
            "age_mae_years": [5.4, 5.6, 6.0],
        }
    )
    figure = dose_charts.scaling(table, draws)
    shown = {trace.name: list(trace.y) for trace in figure.data}
    assert shown["equal steps"] == [5.5, 5.0] and shown["equal passes"] == [6.0, 5.0]
    assert shown["equal steps, single draws"] == [5.4, 5.6]
