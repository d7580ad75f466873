"""Static plots of studies of many arms: what is drawn keeps its room, whatever the names."""

import io

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from training.report.plots import Plot, Series
from training.report_files import pictures

ARMS = [f"A~motion-0.{number}" for number in range(1, 17)]
#: A colour that nothing else of a plot has.
COLOUR = "#00AA55"
SERIES = tuple(
    Series(name, f"{name}: tier A, distorted by simulation (head motion, severity 0.5)", COLOUR)
    for name in ARMS
)


def _plot(kind: str, **more: object) -> Plot:
    epochs = [1.0, 2.0] if kind == "lines" else [1.0]
    rows = [(name, x, 5.0 + x, 5.5, 6.5) for name in ARMS for x in epochs]
    table = pd.DataFrame(rows, columns=["arm", "x", "y", "low", "high"])
    return Plot(
        "p", kind, table, x="x", y="y", by="arm", x_label="Epoch", y_label="Age error (MAE, years)",
        alt="", series=SERIES, **more,
    )  # type: ignore[arg-type]  # fmt: skip


def test_of_many_series_no_bands_lie_over_each_other() -> None:
    few = Plot(**(vars(_plot("lines", low="low", high="high")) | {"series": SERIES[:4]}))
    assert few.bands
    assert not _plot("lines", low="low", high="high").bands


@pytest.mark.parametrize(
    "plot",
    [
        _plot("lines"),
        Plot(
            "p",
            "intervals",
            pd.DataFrame({"arm": ARMS, "x": 6.5, "low": 4.0, "high": 9.0}),
            x="x",
            y="arm",
            by="arm",
            low="low",
            high="high",
            x_label="Age error (MAE, years; lower is better)",
            y_label="",
            alt="",
            series=SERIES,
        ),
    ],
    ids=["lines", "intervals"],
)
def test_sixteen_long_names_leave_half_of_the_width_to_what_is_drawn(plot: Plot) -> None:
    picture = np.array(Image.open(io.BytesIO(pictures.png(plot, "try-out"))).convert("RGB"))
    ink = (picture == (0x00, 0xAA, 0x55)).all(axis=2)
    lower = ink[picture.shape[0] // 3 :]  # below the legend
    across = np.flatnonzero(lower.any(axis=0))
    assert np.ptp(across) > 0.5 * picture.shape[1]
    edge = picture[:, [0, -1]].reshape(-1, 3)
    assert (edge == 255).all()  # nothing is cut off at the sides
