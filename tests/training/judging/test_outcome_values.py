import numpy as np
import pytest

from curation.errors import StudyError
from curation.storage import tables
from curation.storage.workspace import Workspace
from tests.helpers import workspace_judged
from training.judging import outcome_values


@pytest.fixture
def judged(workspace: Workspace) -> Workspace:
    return workspace_judged.make(workspace)


def test_what_can_be_predicted_is_offered_and_nothing_else(judged: Workspace) -> None:
    offered = outcome_values.offered(judged, workspace_judged.target(judged))
    assert offered == ("age", "sex", "group", "MMSE", "gap", "old", "left")


def test_sexes_come_from_the_frozen_list_and_are_two_values(judged: Workspace) -> None:
    target = workspace_judged.target(judged)
    found = outcome_values.read(judged, target, "gender")
    assert (found.outcome.name, found.outcome.kind) == ("sex", "two-valued")
    assert (found.outcome.positive, found.outcome.negative) == ("M", "F")
    assert found.values.tolist() == (target.scans["sex"] == "M").astype(float).tolist()


def test_a_score_comes_from_the_sources_table_with_its_decimal_comma(judged: Workspace) -> None:
    found = outcome_values.read(judged, workspace_judged.target(judged), "mmse")
    assert (found.outcome.name, found.outcome.kind, found.outcome.unit) == ("MMSE", "numeric", "")
    assert sorted(set(found.values)) == [number + 0.5 for number in range(19, 31)]


def test_the_healthy_are_the_zeros_of_a_diagnosis(judged: Workspace) -> None:
    found = outcome_values.read(judged, workspace_judged.target(judged), "diagnosis")
    assert (found.outcome.positive, found.outcome.negative) == ("AD", "control")
    assert found.values.mean() == 0.5


def test_a_few_missing_values_are_not_known(judged: Workspace) -> None:
    found = outcome_values.read(judged, workspace_judged.target(judged), "gap")
    assert np.isnan(found.values).sum() == 1


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("weight", "has no column 'weight'. What it has: age, sex, "),
        (
            "drinks",
            r"drinks has 3 values in the target, of which some are no numbers \('no', 'someti",
        ),
        ("batch", r"batch has one value \(one\) in the target: nothing can be predicted"),
        ("rare", "rare is not known of 18 of 24 scans of the target, more than 20%"),
    ],
)
def test_what_cannot_be_predicted_is_refused_with_what_to_do(
    judged: Workspace, name: str, words: str
) -> None:
    with pytest.raises(StudyError, match=words):
        outcome_values.read(judged, workspace_judged.target(judged), name)


def test_one_person_with_both_values_is_refused(judged: Workspace) -> None:
    scans = tables.read_scans(judged)
    of_target = scans["role"] == "target"
    first = scans.loc[of_target, "subject_id"].iloc[0]
    both = scans["subject_id"].where(scans.index != scans.index[of_target][1], first)
    tables.write_scans(judged, scans.assign(subject_id=both))
    with pytest.raises(StudyError, match="1 person of the target have both values of sex"):
        outcome_values.read(judged, workspace_judged.target(judged), "sex")


def test_a_table_that_is_gone_leaves_what_was_frozen(judged: Workspace) -> None:
    target = workspace_judged.target(judged)
    (judged.root / "target-source" / "participants.tsv").unlink()
    assert outcome_values.offered(judged, target) == ("age", "sex")
