import pandas as pd
import pytest

from curation.cohorts import frozen_cohort
from curation.cohorts.frozen_cohort import Cohort
from curation.errors import StudyError
from curation.storage.workspace import Workspace
from curation.tiers.tier_rule import TierRule
from tests.helpers.workspace_scored import put_scans
from training.arms.study_arms import Arm, available_arms, choose, find, matched_arm, scans_of


def _cohort(workspace: Workspace, scores: list[float], rule: TierRule | None = None) -> Cohort:
    put_scans(workspace, [{"distortion_score": score} for score in scores])
    return frozen_cohort.freeze(workspace, "pool", author="Ada", rule=rule or TierRule())


def _pool(count: int = 120) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "scan_id": [f"scan-{number:03d}" for number in range(count)],
            "tier": [["A", "B", "C"][number % 3] for number in range(count)],
            "site": [["North", "South"][number % 2] for number in range(count)],
            "age_years": [20.0 + number % 60 for number in range(count)],
            "distortion_score": [float(37 * number % count) for number in range(count)],
        }
    )


A = Arm("A", "tier A", "tiers", ("A",))
CONTROL = Arm("control-A", "random, as many as A", "control", ("A", "B", "C"), "A")


def test_the_arms_grow_from_the_best_tier_to_all_with_a_control_for_each_part(workspace) -> None:
    arms = available_arms(_cohort(workspace, [5, 30, 80]))
    assert [arm.name for arm in arms] == ["scratch", "A", "A+B", "all", "control-A", "control-A+B"]
    assert [arm.matches for arm in arms] == [None, None, None, None, "A", "A+B"]


def test_an_empty_tier_makes_no_arm(workspace: Workspace) -> None:
    arms = available_arms(_cohort(workspace, [30, 80]))
    assert [arm.name for arm in arms] == ["scratch", "B", "all", "control-B"]


def test_one_tier_is_all_there_is(workspace: Workspace) -> None:
    assert [arm.name for arm in available_arms(_cohort(workspace, [1, 2]))] == ["scratch", "all"]


def test_an_arm_that_a_cohort_cannot_carry_is_refused_with_the_counts(workspace) -> None:
    cohort = _cohort(workspace, [30, 80])
    with pytest.raises(StudyError, match="0 scans in A"):
        choose(cohort, ["scratch", "A"])
    with pytest.raises(StudyError, match="at least one arm"):
        choose(cohort, [])
    with pytest.raises(StudyError, match="named once"):
        choose(cohort, ["all", "all"])


def test_an_arm_survives_being_written_down() -> None:
    assert Arm.from_dict(CONTROL.as_dict()) == CONTROL


def test_a_tier_arm_is_all_the_scans_of_its_tiers() -> None:
    pool = _pool()
    assert set(scans_of(A, pool)) == set(pool.loc[pool["tier"] == "A", "scan_id"])


@pytest.mark.parametrize("seed", range(5))
def test_a_control_has_the_size_sites_and_ages_of_its_arm(seed: int) -> None:
    pool = _pool()
    drawn, matched = scans_of(CONTROL, pool, matched=A, seed=seed), scans_of(A, pool)
    pool = pool.set_index("scan_id")
    assert len(drawn) == len(set(drawn)) == len(matched)
    sites = [pool.loc[ids, "site"].value_counts().to_dict() for ids in (drawn, matched)]
    assert sites[0] == sites[1]
    means = [pool.loc[ids, "age_years"].mean() for ids in (drawn, matched)]
    assert abs(means[0] - means[1]) < 5


def test_a_control_draws_from_every_tier_alike() -> None:
    pool = _pool()
    drawn = [scan for seed in range(50) for scan in scans_of(CONTROL, pool, matched=A, seed=seed)]
    shares = pool.set_index("scan_id")["tier"].loc[drawn].value_counts(normalize=True)
    assert shares.between(0.28, 0.39).all()


def test_a_control_is_the_same_for_a_seed_and_another_for_another() -> None:
    pool = _pool()
    draw = scans_of(CONTROL, pool, matched=A, seed=1)
    assert draw == scans_of(CONTROL, pool.sample(frac=1, random_state=3), matched=A, seed=1)
    assert draw != scans_of(CONTROL, pool, matched=A, seed=2)


def test_unknown_sites_and_ages_are_strata_of_their_own() -> None:
    pool = _pool(30)
    pool.loc[::4, "age_years"] = float("nan")
    pool.loc[::5, "site"] = None
    assert len(scans_of(CONTROL, pool, matched=A)) == 10
    pool[["age_years", "site"]] = float("nan")
    assert len(scans_of(CONTROL, pool, matched=A)) == 10


def test_a_sweep_keeps_the_best_by_score_each_share_within_the_larger(workspace) -> None:
    pool, cohort = _pool(), _cohort(workspace, [5, 30, 80])
    kept = {p: set(scans_of(choose(cohort, [f"keep-{p}"])[0], pool)) for p in (20, 40, 60, 80)}
    assert [len(kept[percent]) for percent in kept] == [24, 48, 72, 96]
    assert kept[20] < kept[40] < kept[60] < kept[80]
    score = pool.set_index("scan_id")["distortion_score"]
    assert score[list(kept[40])].max() < score.drop(list(kept[40])).min()


def test_scans_of_equal_score_are_kept_by_their_ids(workspace: Workspace) -> None:
    pool = _pool(10).assign(distortion_score=1.0)
    arm = choose(_cohort(workspace, [5, 30, 80]), ["keep-30"])[0]
    mixed = pool.sample(frac=1, random_state=1)
    assert scans_of(arm, mixed) == ["scan-000", "scan-001", "scan-002"]


def test_the_control_of_a_sweep_has_its_size_sites_and_other_scans(workspace: Workspace) -> None:
    pool = _pool()
    control = choose(_cohort(workspace, [5, 30, 80]), ["control-keep-40"])[0]
    kept = matched_arm(control)
    drawn, best = scans_of(control, pool, matched=kept, seed=3), scans_of(kept, pool)
    site = pool.set_index("scan_id")["site"]
    assert site[drawn].value_counts().to_dict() == site[best].value_counts().to_dict()
    assert set(drawn) != set(best)


def test_an_arm_with_fewer_labels_shares_the_pretraining_of_its_base(workspace: Workspace) -> None:
    cohort = _cohort(workspace, [5, 30, 80])
    all_, few, scratch = choose(cohort, ["all", "all-labels-25", "scratch"])
    assert (few.encoder, few.label_percent, few.tiers) == ("all", 25, all_.tiers)
    assert few.label.endswith("25 % of the labels")
    assert Arm.from_dict(few.as_dict()) == few
    assert find(cohort, "scratch-labels-10").encoder is scratch.encoder is None
    with pytest.raises(StudyError, match="take all into the study too"):
        choose(cohort, ["scratch", "all-labels-25"])


@pytest.mark.parametrize(
    "name",
    [
        "keep-0",
        "keep-100",
        "keep-5x",
        "all-labels-0",
        "all-labels-100",
        "all-labels-25-labels-5",
        "control-all",
        "nothing-labels-25",
        "",
    ],
)
def test_a_name_that_means_no_arm_is_refused(workspace: Workspace, name: str) -> None:
    with pytest.raises(StudyError, match="cannot carry the arm"):
        choose(_cohort(workspace, [5, 30, 80]), [name])


def test_a_probe_shares_the_encoder_of_its_arm(workspace: Workspace) -> None:
    cohort = _cohort(workspace, [5, 30, 80])
    probe = find(cohort, "probe-A+B")
    assert probe is not None
    assert (probe.method, probe.encoder, probe.label) == (
        "probe",
        "A+B",
        "tiers A + B, linear probe",
    )
    assert find(cohort, "probe-scratch") is None  # nothing was pretrained
    assert find(cohort, "probe-probe-A") is None
    fewer = find(cohort, "probe-A-labels-25")
    assert fewer is not None
    assert (fewer.method, fewer.encoder, fewer.label_percent) == ("probe", "A", 25)


@pytest.mark.parametrize("name", ["cnn", "ridge"])
def test_baselines_need_no_encoder(workspace: Workspace, name: str) -> None:
    arm = find(_cohort(workspace, [5, 30, 80]), name)
    assert arm is not None
    assert (arm.method, arm.encoder) == (name, None)
    assert Arm.from_dict(arm.as_dict()) == arm
