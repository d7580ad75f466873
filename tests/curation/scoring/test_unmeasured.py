"""The upper end of a score covers what could not be measured, also of damage that it was not made from."""

import numpy as np
import pandas as pd
import pytest

from curation.scoring import unmeasured
from curation.scoring.combination import by_family
from curation.scoring.score_reference import builtin

#: The same damage, by two programs.
ALIKE = {"torchio-ghosting": "ghosting", "torchio-motion": "motion"}


@pytest.fixture(scope="module")
def penalties() -> pd.DataFrame:
    """The penalties of the cases, a row each, by the kind of damage."""
    cases, anchors = unmeasured.cases(), builtin().anchors
    table = {name: anchor.penalty(cases[name].to_numpy()) for name, anchor in anchors.items()}
    return pd.DataFrame(table).set_index(cases["damage"].replace(ALIKE).rename("kind"))


def upper_ends(judged: pd.DataFrame, cases: pd.DataFrame, gone: list[str]) -> np.ndarray:
    some = judged.assign(**dict.fromkeys(gone, np.nan))
    scores = np.nan_to_num(by_family(some, "any")[1])
    of_cases = {name: cases[name].to_numpy() for name in cases}
    return unmeasured.upper_end(some, scores, of_cases, "any")


def test_damage_of_a_kind_that_no_case_has_lies_within_in_95_percent(
    penalties: pd.DataFrame,
) -> None:
    rng, covered = np.random.default_rng(0), []
    for share in np.linspace(0.1, 0.8, 10):
        gone = [name for name in penalties if rng.random() < share]
        for kind in penalties.index.unique():
            judged = penalties.loc[[kind]].reset_index(drop=True)
            others = penalties.drop(index=kind)
            whole = by_family(judged, "any")[1]
            covered += list(whole <= upper_ends(judged, others, gone) + 0.5)
    assert np.mean(covered) >= 0.94  # of some 770, with an error of 0.01


def test_all_cases_are_damaged_so_that_clean_ones_draw_no_upper_end_down() -> None:
    assert (unmeasured.cases()["severity"] > 0).all()
    assert len(unmeasured.cases()) > 3 * unmeasured.NEIGHBOURS


def test_the_upper_end_rises_by_the_worst_of_the_cases_that_look_alike(
    penalties: pd.DataFrame,
) -> None:
    """Of cases in which one metric says nothing of another, that one may have any of its values."""
    names = list(penalties)[:2]
    other = np.linspace(0, 90, 40)
    cases = pd.DataFrame({names[0]: np.full(40, 10.0), names[1]: other})
    judged = pd.DataFrame({names[0]: [10.0], names[1]: [50.0]})
    assert upper_ends(judged, cases.iloc[:19], [names[1]])[0] == pytest.approx(other[18], abs=0.1)
