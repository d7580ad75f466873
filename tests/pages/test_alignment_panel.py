"""Compare shows a study without doubtful alignments where it has any, and nothing of it where it has none."""

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from curation.storage import files, tables
from pages.ui.shell import state
from tests.helpers.page_words import words
from tests.helpers.workspace_full import FullWorkspace

TITLE = "Without doubtful alignments"


@pytest.mark.parametrize(
    ("role", "said"),
    [
        ("target", "In doubt: 2 scans of the target and 0 of the pool"),
        ("pool", "None of the people judged on is among them"),
        (None, ""),
    ],
)
def test_figures_without_doubtful_alignments_are_exploratory(
    ours: FullWorkspace, run: Callable[..., AppTest], role: str | None, said: str
) -> None:
    own, finished, _ = ours
    scans = finished.scans()
    doubtful = scans.loc[scans["role"] == role, "scan_id"].head(2)
    (part,) = own.metrics_dir.glob("part-made.parquet")
    metrics = tables.read_metrics(own)
    similarity = metrics["scan_id"].isin(doubtful).map({True: 0.2, False: 0.6})
    files.write_parquet(part, metrics.assign(template_similarity=similarity))
    page = run("compare", own, **{state.STUDY: finished.id, state.COMPARE_PART: "where"})
    titles = [title.value for title in page.subheader]
    assert (TITLE in titles) == bool(role)
    assert said in words(page)
    assert ("Exploratory: a sensitivity analysis" in words(page)) == bool(role)
    assert ("Age error (MAE, years) without" in words(page)) == (role == "target")
