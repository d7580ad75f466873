"""The deck in LibreOffice: it opens, every slide is there, and its charts hold the numbers of the CSV."""

import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pptx import Presentation

from tests.helpers import workspace_finished
from training.report_files import bundle

pytestmark = pytest.mark.soak


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of a finished study's report."""
    if not shutil.which("soffice"):
        pytest.skip("no LibreOffice on this machine (Debian: apt-get install libreoffice-impress)")
    folder = tmp_path_factory.mktemp("office")
    workspace, study = workspace_finished.make(folder / "workspace")
    bundle.write(workspace, study.id, folder / "out")
    return folder / "out"


def _converted(deck: Path, kind: str, folder: Path) -> Path:
    profile = f"-env:UserInstallation=file://{folder}/profile"
    command = [
        "soffice",
        profile,
        "--headless",
        "--convert-to",
        kind,
        "--outdir",
        str(folder),
        str(deck),
    ]
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    return folder / f"{deck.stem}.{kind}"


def test_it_becomes_a_pdf_with_a_page_a_slide(written: Path, tmp_path: Path) -> None:
    pdf = _converted(written / "deck.pptx", "pdf", tmp_path).read_bytes()
    slides = len(Presentation(str(written / "deck.pptx")).slides)
    assert len(re.findall(rb"/Type\s*/Page[^s]", pdf)) == slides


def test_the_charts_that_libreoffice_read_hold_the_numbers_of_the_csv(
    written: Path, tmp_path: Path
) -> None:
    """Written out again by LibreOffice: what it understood of each chart, not what we wrote."""
    again = Presentation(str(_converted(written / "deck.pptx", "pptx", tmp_path)))
    charts = [shape.chart for slide in again.slides for shape in slide.shapes if shape.has_chart]
    ours = Presentation(str(written / "deck.pptx"))
    names = [shape.name for slide in ours.slides for shape in slide.shapes if shape.has_chart]
    assert len(charts) == len(names) > 4
    values = {"final-errors": "age_mae_years", "differences": "difference_years"}
    for name, chart in zip(names, charts, strict=True):
        held = [v for plot in chart.plots for s in plot.series for v in s.values if v is not None]
        csv = pd.read_csv(written / "numbers" / f"{name}.csv")
        columns = {
            "tiers": ["scans"],
            "age-error-curves": ["age_mae_years", "seed_0", "seed_1"],
            "predicted-age": ["predicted_age_years"],
        }.get(name)
        columns = columns or ([values[name], "ci_low", "ci_high"] if name in values else [])
        for value in csv[columns].to_numpy(dtype=float).ravel():
            assert np.isnan(value) or np.isclose(held, value, rtol=1e-6).any(), (name, value)
