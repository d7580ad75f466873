"""CSV downloads of Compare: the numbers of the report; a part of a study is marked as one."""

import io

import pandas as pd
import pytest

from pages.ui.shell import controls, state
from training.report import content


@pytest.fixture
def taken(monkeypatch) -> dict[str, str]:
    """What the page offers for download: file name -> text."""
    offered: dict[str, str] = {}

    def button(label, data, file_name, *_, **__) -> None:  # type: ignore[no-untyped-def]
        offered[file_name] = data()

    monkeypatch.setattr(controls.st, "download_button", button)
    return offered


def test_curves_taken_from_the_page_are_those_of_the_report(full, run, taken) -> None:
    workspace, finished, _ = full
    run("compare", workspace, **{state.STUDY: finished.id, state.COMPARE_PART: "curves"})
    report = content.build(workspace, finished.id)
    (plot,) = [plot for plot in report.plots if plot.name == "age-error-curves"]
    assert taken[f"{finished.id}-age-error-curves.csv"] == plot.csv()
    low = plot.table["low"].to_numpy()
    assert (low >= 0).all()


def test_a_download_of_a_part_says_which_part_it_is(full, run, taken) -> None:
    workspace, finished, _ = full
    session = {state.STUDY: finished.id, state.COMPARE_SEEDS: [1], state.COMPARE_FOLDS: [0]}
    run("compare", workspace, **session)
    table = pd.read_csv(io.StringIO(taken[f"{finished.id}-part-differences.csv"]))
    assert set(table["filter"]) == {"seeds 1 only; folds 1 only"}
    assert set(table["verdict"]) == {"withheld"}


def test_leaving_out_arms_changes_no_number_of_the_others(full, run, taken) -> None:
    workspace, finished, _ = full
    for part, kind in (("answer", "differences"), ("curves", "age-error-curves")):
        session = {state.STUDY: finished.id, state.COMPARE_PART: part}
        run("compare", workspace, **session)
        run("compare", workspace, **session, **{state.COMPARE_ARMS: ["A"]})
        whole, few = (
            pd.read_csv(io.StringIO(taken[f"{finished.id}{which}-{kind}.csv"])).query("arm == 'A'")
            for which in ("", "-part")
        )
        assert set(few.pop("filter")) == {"arms scratch, A only"}
        pd.testing.assert_frame_equal(few.reset_index(drop=True), whole.reset_index(drop=True))
