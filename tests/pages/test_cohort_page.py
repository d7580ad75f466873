"""Cohort: what it counts, what it refuses, what it starts."""

import time

from curation import tables
from tests import made_workspace
from tests.pages.said import button, checked, words


def test_cohort_counts_and_gives_reasons(made, run) -> None:
    page = run("cohort", made[0])
    assert "<b>24</b>" in words(page) and "<b>14</b>" in words(page)
    assert "the file is cut off: &lt;b&gt;5&lt;/b&gt; of 10 voxels are there" in words(page)


def test_cohort_refuses_a_path_that_is_not_there(made, run) -> None:
    page = run("cohort", made[0])
    page.text_input[0].set_value("/not/there")
    checked(button(page, "Add the source").click().run())
    assert "There is nothing at" in page.error[0].value


def test_cohort_reads_a_source_in_the_background(workspace, tmp_path, run) -> None:
    made_workspace.write_nifti(tmp_path / "new" / "one_T1w.nii.gz")
    page = run("cohort", workspace)
    page.text_input[0].set_value(str(tmp_path / "new"))
    checked(button(page, "Add the source").click().run())
    deadline = time.monotonic() + 60
    while len(tables.read_scans(workspace)) < 1 and time.monotonic() < deadline:
        time.sleep(0.2)
    assert tables.read_scans(workspace)["status"].tolist() == ["ok"]
