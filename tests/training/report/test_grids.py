"""Cells of tier × tier: number, interval and people in each; colour by difference, faded where few."""

import html
from dataclasses import replace

import pandas as pd
import pytest

from tests.helpers import report_reader
from training.held_out.predictions import BASELINE
from training.report import grids
from training.report.plots import Message, Plot, Report, Series
from training.report_files import deck, interactive, pictures

TABLE = pd.DataFrame(
    {
        "arm": ["scratch", "scratch", "A", "A"],
        "tier": ["A", "B"] * 2,
        "age_mae_years": [7.0, 8.0, 5.0, 14.0],
        "ci_low": [6.1, 1.2, 4.2, 0.4],
        "ci_high": [7.9, 14.8, 5.8, 27.6],
        "difference_years": [0.0, 0.0, -2.0, 6.0],
        "n_subjects": [67, 5, 67, 5],
    }
)
PLOT = Plot(
    "tier-by-tier",
    "grid",
    TABLE,
    x="tier",
    y="arm",
    by="arm",
    value="age_mae_years",
    low="ci_low",
    high="ci_high",
    shade="difference_years",
    people="n_subjects",
    x_label="Tier",
    y_label="Arm",
    alt="a",
    series=(Series("scratch", "scratch", "#3E4C59"), Series("A", "A", "#0072B2")),
    digits=1,
)


def test_every_cell_has_its_interval_and_people_and_few_people_are_faded() -> None:
    rows, columns, held = grids.cells(PLOT)
    assert (rows, columns) == (["scratch", "A"], ["A", "B"])
    (_, _), (better, few) = held
    assert better is not None and few is not None
    assert (better.value, better.beneath) == ("5.0", ("4.2 to 5.8", "67 people"))
    assert (few.value, few.beneath) == ("14.0", ("0.4 to 27.6", "5 people"))
    assert few.faded and not better.faded


def test_colours_are_of_the_difference_and_few_people_do_not_stretch_them() -> None:
    _, _, held = grids.cells(PLOT)
    assert held[0][0].colour == grids.COLOUR_SCALE[1][1]  # the same as what it is set against
    assert (
        held[1][0].colour == grids.COLOUR_SCALE[0][1]
    )  # 2 years better is the end of the scale, not a third of it
    red, green, blue = (int(held[1][1].colour[i : i + 2], 16) for i in (1, 3, 5))
    assert red > blue and min(red, green, blue) > 200  # worse, and pale
    mean = TABLE.iloc[:2].assign(arm=BASELINE, difference_years=40.0)
    with_mean = replace(PLOT, table=pd.concat([TABLE, mean], ignore_index=True))
    assert grids.cells(with_mean)[2][1][0].colour == held[1][0].colour
    assert grids.span(TABLE.assign(difference_years=0.01), "difference_years", "n_subjects") == 1.0


@pytest.mark.parametrize("share", [-1.0, -0.4, 0.0, 0.7, 1.0])
@pytest.mark.parametrize("faded", [True, False])
def test_dark_letters_can_be_read_on_every_colour(share: float, faded: bool) -> None:
    code = grids.colour(share, faded=faded)
    assert min(int(code[i : i + 2], 16) for i in (1, 3, 5)) >= 0x5A
    assert grids.colour(3.0) == grids.colour(1.0) and grids.colour(float("nan")) == grids.PLAIN


def test_page_picture_and_slide_say_the_same_of_each_cell() -> None:
    (heat,) = interactive.figure(PLOT).data
    drawn = pictures.svg(PLOT).decode()
    message = Message("tier-by-tier", "t", plot=PLOT)
    slide = report_reader.deck_texts(
        deck.deck(Report("1234abcd", "2026-11-25", False, True, (message,), (), ()))
    )
    for words in ("14.0", "0.4 to 27.6", "5 people", "67 people"):
        assert words in " ".join(cell for line in heat.text for cell in line)
        assert words in html.unescape(drawn) and words in slide
