"""The study on real people: nobody is in both cohorts, damage is seeded, the page says what was measured."""

import json
import re
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from curation.cohorts import frozen_cohort
from curation.simulation.artefacts import ARTEFACTS
from curation.tiers.tier_rule import DEFAULT_RULE
from tests.helpers import made_predictions, workspace_trainable
from tests.helpers.paths import ROOT
from tests.real_study import page, people
from tests.real_study.page import Result
from tests.real_study.people import Person
from tests.real_study.run import Finished, Settings
from training.results import study_summary

EVERYBODY = [
    Person(f"p{number}", ROOT / "p.nii.gz", 30.0, "F", "somewhere") for number in range(20)
]


def test_nobody_is_in_both_cohorts_and_the_second_split_turns_the_halves_round(shared_data) -> None:
    first, second = (people.split(shared_data, name) for name in people.SPLITS)
    for one in (first, second):
        pool, target = ({who.participant_id for who in group} for group in one)
        assert not pool & target
        assert (len(pool), len(target)) == (60, 36)
        assert all(who.path.exists() for group in one for who in group)
    assert set(first.target) < set(second.pool)
    assert set(second.target) < set(first.pool)
    ages = [np.mean([who.age_years for who in one.target]) for one in (first, second)]
    assert abs(ages[0] - ages[1]) < 1


def test_every_scan_is_distorted_twice_and_every_claimed_artefact_comes_up() -> None:
    planned = people.copies(EVERYBODY)
    assert planned == people.copies(reversed(EVERYBODY))
    assert {one.artefact for one in planned} == {n for n, a in ARTEFACTS.items() if a.claimed}
    severities = pd.DataFrame(planned).groupby("person")["severity"].agg(tuple)
    assert set(severities) == {people.SEVERITIES}
    assert len({one.name for one in planned}) == len(planned)


def test_a_scan_and_its_copies_are_of_one_person_in_any_source(tmp_path) -> None:
    planned = people.copies(EVERYBODY)
    people.write_manifest(tmp_path / "a.csv", EVERYBODY, [one.path for one in EVERYBODY])
    people.write_manifest(
        tmp_path / "b.csv", [one.person for one in planned], [one.name for one in planned]
    )
    scans, copies = (pd.read_csv(tmp_path / name) for name in ("a.csv", "b.csv"))
    assert set(scans["person"]) == set(copies["person"])
    assert (copies["person"].value_counts() == len(people.SEVERITIES)).all()


def test_a_study_that_came_out_otherwise_is_not_reproduced() -> None:
    before = {"first scores": {"0": 10.0}, "first errors": {"A": 8.0, "all": 9.0}}
    assert page.differences(before, before)["reproduced"]
    for kind, key, limit in (
        ("scores", "0", page.SCORE_TOLERANCE),
        ("errors", "A", page.ERROR_TOLERANCE_YEARS),
    ):
        name = f"first {kind}"
        for moved, same in ((0.9 * limit, True), (-1.1 * limit, False)):
            found = before | {name: before[name] | {key: before[name][key] + moved}}
            assert page.differences(found, before)["reproduced"] is same
    assert not page.differences(before | {"first errors": {"A": 8.0}}, before)["reproduced"]
    assert not page.differences({}, before)["reproduced"]


def test_the_page_says_what_was_measured(workspace) -> None:
    arms = ["scratch", "A", "all", "control-A"]
    study = workspace_trainable.plan(
        workspace_trainable.make(workspace, pool=24, target=20), arms=arms, seeds=[0, 1]
    )
    pool, target = (
        frozen_cohort.load(workspace, one) for one in (study.cohort_id, study.target_id)
    )
    scans = pool.scans.reset_index(drop=True)
    damage = scans[["scan_id", "tier"]].assign(
        severity=[0.0, 0.4, 0.8] * 8, artefact="noise", distortion_score=[1.0, 1.0, 9.0] * 8
    )
    held_out = made_predictions.random(people=20, arms=4, seeds=2)
    split = Finished("first", workspace, study, pool, target, damage)
    told = page.page(
        [Result(split, held_out, study_summary.summarise(held_out))], Settings(), 12.3, 2.0
    )
    assert "$" not in told
    assert "in 12 minutes at a load of 2" in told
    assert f"cut at {DEFAULT_RULE.cutoffs[0]:g} and {DEFAULT_RULE.cutoffs[1]:g} from" in told
    found = {
        row[0]: row[1:] for row in re.findall(r"^\| first \| (.*?) \|.*\| (.*?) \|$", told, re.M)
    }
    assert found["0.4"] == ("0.500",)  # scores as if nothing had been done
    assert found["0.8"] == ("1.000",)
    for row in study_summary.summarise(held_out).itertuples():
        assert f"| {row.age_mae_years:.2f} | {row.ci_low:.2f} to {row.ci_high:.2f} |" in told
    compared = study_summary.compare(held_out, "A", "control-A").estimate
    assert f"{compared.mean:.2f}".replace("-", "−") in told.split("`A` against `control-A`")[1]


@pytest.mark.soak
def test_the_study_on_real_people_comes_out_as_its_page_says(shared_data, tmp_path) -> None:
    """Scores 396 scans and trains two studies: an hour."""
    command = [sys.executable, "-m", "tests.real_study", "--folder", str(tmp_path / "study")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout.splitlines()[-1])["reproduced"], done.stdout
