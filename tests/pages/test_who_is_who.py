"""On Cohort somebody says who is one person: of equal ids that fit, and of scans of one head."""

from collections.abc import Callable

import pandas as pd
from streamlit.testing.v1 import AppTest

from curation.decisions import person_decisions
from curation.decisions.person_decisions import pair
from curation.imaging import brain_vector
from curation.sources import duplicates
from curation.storage import files, tables
from curation.storage.workspace import Workspace
from tests.helpers.page_words import button, checked, words

Run = Callable[..., AppTest]
POOL, TARGET = "made-pool_sub-01_T1w", "made-target_sub-03_T1w"
WHO = pair("made-pool:sub-01", "made-target:sub-03")


def _suspected(workspace: Workspace, *others: tuple[str, str, float]) -> None:
    """Store that two scans, or several pairs of them, seem to show the same head."""
    found = [(POOL, TARGET, 0.87), *others]
    rows = pd.DataFrame(found, columns=["first", "second", "similarity"])
    files.write_parquet(workspace.near_duplicates_path, rows)
    scans = tables.read_scans(workspace)
    compared = scans[["scan_id", "sha256"]].assign(version=brain_vector.VERSION)
    files.write_parquet(workspace.compared_scans_path, compared)


def _name(page: AppTest, label: str, name: str) -> None:
    next(one for one in page.text_input if one.label == label).set_value(name)


def test_scans_of_one_head_stand_side_by_side_until_somebody_decides(
    own: Workspace, run: Run
) -> None:
    assert "one head" not in words(run("cohort", own))
    _suspected(own)
    page = run("cohort", own)
    said = words(page)
    assert (
        "38 of 38 scans were compared by their brains; 1 pair seems to show the same head." in said
    )
    assert f"**{POOL}** (pool)" in said and f"**{TARGET}** (target)" in said
    assert "Similarity 0.87" in said and "with a scan of the target: 1" in said
    checked(button(page, "Different people").click().run())
    assert "Say who decides" in page.error[0].value and not person_decisions.in_force(own)
    _name(page, "Who decides", "Grace")
    checked(button(page, "Different people").click().run())
    assert person_decisions.in_force(own) == {WHO: False}
    assert "no undecided pair seems to show the same head" in words(page)


def test_a_pair_that_is_one_person_is_one_person_from_then_on(own: Workspace, run: Run) -> None:
    _suspected(own)
    scans = tables.read_scans(own)
    two = scans["scan_id"].isin([POOL, TARGET])
    tables.write_scans(own, scans.assign(sex=scans["sex"].where(~two, "F"), age_years=30.0))
    page = run("cohort", own)
    _name(page, "Who decides", "Grace")
    checked(button(page, "One person").click().run())
    assert tables.read_scans(own).loc[two, "subject_id"].nunique() == 1


def test_all_pairs_of_two_sources_are_answered_at_once_and_taken_back(
    own: Workspace, run: Run
) -> None:
    other = "made-pool_sub-02_T1w", "made-target_sub-04_T1w"
    within = "made-pool_sub-05_T1w", "made-pool_sub-06_T1w"
    _suspected(own, (*other, 0.71), (*within, 0.66))
    page = run("cohort", own)
    said = words(page).replace("\\", "")
    assert (
        "Between made-pool and made-target: 2 undecided pairs, of similarity 0.71 to 0.87" in said
    )
    assert "Within made-pool" not in said  # one pair is answered by itself
    _name(page, "Who decides", "Grace")
    checked(button(page, "All 2: different people").click().run())
    decided = {WHO: False, pair("made-pool:sub-02", "made-target:sub-04"): False}
    assert person_decisions.in_force(own) == decided
    assert "2 pairs noted as different people" in words(page)
    checked(button(page, "Undo").click().run())
    assert person_decisions.in_force(own) == {}
    assert "noted as" not in words(page) and button(page, "All 2: different people")


def test_answers_that_contradict_a_table_are_refused_all_together(own: Workspace, run: Run) -> None:
    scans = tables.read_scans(own)
    first = scans["scan_id"].eq(POOL)
    tables.write_scans(own, scans.assign(sex=scans["sex"].mask(first, "M").where(first, "F")))
    _suspected(own, ("made-pool_sub-02_T1w", "made-target_sub-04_T1w", 0.71))
    page = run("cohort", own)
    _name(page, "Who decides", "Grace")
    checked(button(page, "All 2: one person each").click().run())
    assert "They cannot be one person" in page.error[0].value
    assert person_decisions.in_force(own) == {}
    assert button(page, "All 2: different people")


def test_equal_ids_that_fit_are_confirmed_together(own: Workspace, run: Run) -> None:
    scans = tables.read_scans(own)
    tables.write_scans(own, scans.assign(age_years=30.0, sex="F"))
    duplicates.say_different(own, [frozenset(("made-pool", "made-target"))], "Ada", different=False)
    page = run("cohort", own)
    assert len(page.multiselect[0].value) == 14
    page.multiselect[0].set_value(page.multiselect[0].value[:13])
    _name(page, "Who decides", "Grace")
    checked(button(page, "One person each").click().run())
    assert list(person_decisions.in_force(own).values()) == [True] * 13
    (left,) = duplicates.undecided(own)
    assert len(left.fits) == 1


def test_a_damaged_table_of_pairs_is_named_and_takes_nothing_else_with_it(
    own: Workspace, run: Run
) -> None:
    _suspected(own)
    own.near_duplicates_path.write_bytes(b"no table")
    page = run("cohort", own)
    assert "people --search" in words(page) and "pairs.parquet" in words(page)
    assert "made-target" in words(page) and button(page, "Add the source")
