"""Arms that distort their scans: their names, what they are compared with, and their seeds."""

import re
from itertools import product

import pytest

from curation.cohorts import frozen_cohort
from curation.cohorts.frozen_cohort import Cohort
from curation.errors import StudyError
from curation.simulation.artefacts import ARTEFACTS
from curation.storage.files import slug
from curation.storage.workspace import Workspace
from tests.helpers.workspace_scored import put_scans
from training.arms import distortion
from training.arms.arm_scans import scans_of
from training.arms.study_arms import choose, find


@pytest.fixture
def cohort(workspace: Workspace) -> Cohort:
    put_scans(workspace, [{"distortion_score": score} for score in (5, 30, 80)])
    return frozen_cohort.freeze(workspace, "pool", author="Ada")


def test_every_artefact_can_be_applied_to_every_set_of_scans(cohort: Cohort) -> None:
    for clean, artefact in product(("A", "A+B", "B", "all", "keep-80", "worst-20"), ARTEFACTS):
        name = f"{clean}~{artefact}-0.5"
        own, arm, both = (find(cohort, one) for one in (clean, name, f"{clean}+{name}"))
        assert arm and own and both
        assert (arm.name, arm.clean, both.clean) == (name, clean, clean)
        assert arm.distortion == distortion.Distortion(artefact, 0.5, clean)
        assert both.distortion == distortion.Distortion(artefact, 0.5, clean, clean_too=True)
        same = (arm.kind, arm.tiers, arm.keep_percent) == (own.kind, own.tiers, own.keep_percent)
        assert same and ARTEFACTS[artefact].label in arm.label
        assert "distorted by simulation" in arm.label


def test_the_very_same_scans_are_distorted(cohort: Cohort) -> None:
    pool = cohort.scans
    for name in ("A", "all", "keep-50"):
        assert scans_of(find(cohort, f"{name}~blur-1"), pool) == scans_of(find(cohort, name), pool)


@pytest.mark.parametrize(
    ("spelled", "name"),
    [
        ("A~cropped-fov-0.5", "A~cropped_fov-0.5"),
        ("A~motion-0.50", "A~motion-0.5"),
        ("A+B+A+B~thick-slices-1.0", "A+B+A+B~thick_slices-1"),
    ],
)
def test_spellings_of_the_same_are_one_arm(cohort: Cohort, spelled: str, name: str) -> None:
    assert find(cohort, spelled).name == name
    with pytest.raises(StudyError, match="named once"):
        choose(cohort, ["A", "A+B", spelled, name])


def test_labels_and_probes_of_a_distorted_arm_are_compared_with_those_of_the_clean(cohort) -> None:
    fewer, probe = (find(cohort, n) for n in ("A~motion-0.5-labels-25", "probe-A~motion-0.5"))
    assert (fewer.clean, fewer.encoder) == ("A-labels-25", "A~motion-0.5")
    assert (probe.clean, probe.encoder) == ("probe-A", "A~motion-0.5")


def test_an_arm_needs_its_clean_one_beside_it(cohort: Cohort) -> None:
    with pytest.raises(StudyError, match="compared with A, the same scans as they are; take A"):
        choose(cohort, ["scratch", "A~motion-0.5"])


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("A~motion-0", "A severity lies above 0"),
        ("A~motion-1.2", "at most 1 (0.5); 1.2 came"),
        ("A~smudge-0.5", "There is no artefact 'smudge'"),
        ("A~motion", "written ARM~ARTEFACT-SEVERITY"),
        ("A~motion-0.5~blur-0.5", "written ARM~ARTEFACT-SEVERITY"),
        ("D~motion-0.5", "cannot carry the arm 'D~motion-0.5'"),
        ("control-A~motion-0.5", "cannot carry the arm"),
        ("scratch~motion-0.5", "cannot carry the arm"),
    ],
)
def test_what_is_no_distortion_is_refused_in_words(cohort: Cohort, name: str, told: str) -> None:
    with pytest.raises(StudyError, match=re.escape(told)):
        choose(cohort, ["A", name])


def test_folders_of_distorted_arms_differ(cohort: Cohort) -> None:
    names = [
        f"{before}~{artefact}-{severity:g}"
        for before in ("A", "A+A", "A+B", "all", "all+all", "worst-20")
        for artefact in ARTEFACTS
        for severity in (0.005, 0.05, 0.5, 0.55, 1)
    ]
    assert all(find(cohort, name) for name in names)
    assert len({slug(name) for name in names}) == len(names)


def test_a_seed_is_of_the_file_alone_and_differs_between_files() -> None:
    found = distortion.seeds(["a", "b", "c"])
    assert found == distortion.seeds(["a", "b", "c"]) and len(set(found)) == 3
    assert distortion.seeds(["c"]) == found[2:]
    assert all(0 <= seed < 2**32 for seed in found)
