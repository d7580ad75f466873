"""Words and figures of the panels on ratings."""

import math
from types import SimpleNamespace

import numpy as np
import pytest

from curation.ratings.scales import scale_of_lines
from curation.sessions import suggested_cutoff
from pages.ui.rate import agreement_panel, cutoff_panel
from training.theme import TEMPLATE


@pytest.mark.parametrize(
    ("value", "word"),
    [
        (-0.2, "no better than chance"),
        (0.0, "no better than chance"),
        (0.2, "slight"),
        (0.21, "fair"),
        (0.6, "moderate"),
        (0.61, "substantial"),
        (1.0, "almost perfect"),
    ],
)
def test_a_coefficient_has_the_word_of_landis_and_koch(value: float, word: str) -> None:
    assert agreement_panel.strength(value) == word


def test_what_cannot_be_told_is_said() -> None:
    assert "cannot be told" in agreement_panel.strength(math.nan)
    assert agreement_panel.figure(math.nan, math.nan, math.nan) == "–"
    assert agreement_panel.meaning(4, 0.9) == "not enough yet: 6 more"
    assert agreement_panel.meaning(10, 0.9) == "almost perfect"


def test_a_word_for_a_coefficient_stands_with_those_of_its_interval() -> None:
    assert agreement_panel.meaning(12, 0.7, 0.1, 0.95) == "substantial (slight to almost perfect)"
    assert agreement_panel.meaning(400, 0.7, 0.65, 0.75) == "substantial"


def test_a_coefficient_stands_with_its_interval() -> None:
    assert agreement_panel.figure(0.5, -0.125, 0.75) == "0.50 (−0.12 to 0.75)"
    assert agreement_panel.figure(0.5, math.nan, math.nan) == "0.50 (no interval)"


def test_the_curve_goes_from_nothing_found_to_all_and_holds_the_cut_off() -> None:
    rng = np.random.default_rng(0)
    excluded = np.arange(60) % 3 == 0
    scores = np.clip(40 + 25 * excluded + rng.normal(0, 12, 60), 0, 100)
    suggestion = suggested_cutoff.suggest(scores, excluded)
    figure = cutoff_panel.roc_figure(suggested_cutoff.roc(scores, excluded), suggestion)
    chance, curve, point = figure.data
    assert (curve.x[0], curve.y[0], curve.x[-1], curve.y[-1]) == (0, 0, 100, 100)
    assert np.all(np.diff(curve.x) >= 0) and np.all(np.diff(curve.y) >= 0)
    assert any(
        np.allclose(one, (point.x[0], point.y[0])) for one in zip(curve.x, curve.y, strict=True)
    )
    assert list(chance.x) == list(chance.y)
    assert figure.layout.template.layout.font.size == TEMPLATE.layout.font.size
    assert figure.layout.xaxis.title.text and figure.layout.yaxis.title.text


def test_a_scale_is_numbered_so_that_the_best_stands_first() -> None:
    assert scale_of_lines("House", "good\n\n bad ", "", higher=True).values == {
        2.0: "good",
        1.0: "bad",
    }
    told = scale_of_lines("House", "good: sharp: all of it\nbad:", "", higher=True)
    assert told.values == {2.0: "good", 1.0: "bad"} and told.meanings == {2.0: "sharp: all of it"}
    lower = scale_of_lines("House", "good\nbad", "", higher=False)
    assert (lower.values, lower.direction) == ({1.0: "good", 2.0: "bad"}, "higher is worse")


def test_one_scan_alone_has_no_kappa_whatever_the_formula_gives() -> None:
    row = SimpleNamespace(
        n=1, same=0.0, weighted_kappa=0.0, low=math.nan, high=math.nan, fail_kappa=0.0
    )
    row.fail_low = row.fail_high = math.nan
    cells = agreement_panel.figures(row)
    assert (cells[2], cells[4]) == ("–", "–") and cells[3] == "not enough yet: 9 more"
    row.n = 2
    assert agreement_panel.figures(row)[2] == "0.00 (no interval)"
