import json

import pandas as pd
import pytest

from curation.cohorts import frozen_cohort
from curation.cohorts.frozen_cohort import Cohort
from curation.errors import CohortError, StudyError
from curation.storage.workspace import Workspace
from curation.tiers.tier_rule import TierRule
from tests.helpers.workspace_scored import put_scans
from training.arms.arm_scans import matched_arm, scans_of, shortage
from training.arms.study_arms import BASELINES, Arm, available_arms, choose, find, scan_set


def _cohort(workspace: Workspace, scores: list[float], rule: TierRule | None = None) -> Cohort:
    put_scans(workspace, [{"distortion_score": score} for score in scores])
    return frozen_cohort.freeze(workspace, "pool", author="Ada", rule=rule or TierRule())


def _pool(count: int = 120) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "scan_id": [f"scan-{number:03d}" for number in range(count)],
            "subject_id": [f"person-{number // 2:03d}" for number in range(count)],
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


@pytest.mark.parametrize(
    ("name", "method"), [("random", "probe"), ("cnn", "cnn"), ("ridge", "ridge")]
)
def test_baselines_need_no_pretraining(workspace: Workspace, name: str, method: str) -> None:
    arm = find(_cohort(workspace, [5, 30, 80]), name)
    assert arm is not None and name in BASELINES
    assert (arm.method, arm.encoder, arm.is_scratch) == (method, None, False)
    assert Arm.from_dict(arm.as_dict()) == arm


@pytest.mark.parametrize("name", ["B", "C", "B+C", "A+C"])
def test_any_tiers_make_an_arm_with_a_control(workspace: Workspace, name: str) -> None:
    pool, cohort = _pool(), _cohort(workspace, [5, 30, 80])
    arm, control = choose(cohort, [name, f"control-{name}"])
    assert set(pool.set_index("scan_id").loc[scans_of(arm, pool), "tier"]) == set(name.split("+"))
    assert matched_arm(control) == arm and arm.kind == "part"
    assert find(cohort, "C+B") is None and find(cohort, "B+B") is None


def test_the_worst_by_score_are_those_that_the_best_leave(workspace: Workspace) -> None:
    pool, cohort = _pool(), _cohort(workspace, [5, 30, 80])
    worst, best = (scans_of(find(cohort, name), pool) for name in ("worst-20", "keep-80"))
    assert not set(worst) & set(best) and len(worst) + len(best) == len(pool)
    score = pool.set_index("scan_id")["distortion_score"]
    assert score[worst].min() > score[best].max()


@pytest.mark.parametrize("name", ["A", "keep-40", "worst-20", "B+C"])
def test_a_control_apart_has_size_sites_and_ages_and_no_scan_of_its_arm(workspace, name) -> None:
    pool, cohort = _pool(), _cohort(workspace, [5, 30, 80])
    control = find(cohort, f"not-{name}")
    if name == "B+C":  # two thirds of the pool: the others are too few
        assert "cannot be drawn" in shortage(control, pool)
        return
    matched = matched_arm(control)
    assert shortage(control, pool) == "" and control.apart
    own = scans_of(matched, pool)
    draws = [scans_of(control, pool, matched=matched, seed=seed) for seed in (1, 2)]
    assert draws[0] != draws[1]
    site = pool.set_index("scan_id")["site"]
    for drawn in draws:
        assert len(set(drawn)) == len(own) and not set(drawn) & set(own)
        assert site[drawn].value_counts().to_dict() == site[own].value_counts().to_dict()


def test_what_a_control_apart_lacks_is_named(workspace: Workspace) -> None:
    pool = _pool(30).assign(site=["North" if n % 3 == 0 else "South" for n in range(30)])
    why = shortage(find(_cohort(workspace, [5, 30, 80]), "not-A"), pool)
    assert "North, ages" in why and "0 there" in why and "control-A" in why
    with pytest.raises(CohortError, match="too few"):
        scans_of(find(frozen(workspace), "not-A"), pool, matched=A)


def frozen(workspace: Workspace) -> Cohort:
    """The pool that this workspace has frozen."""
    return frozen_cohort.load(workspace, frozen_cohort.list_cohorts(workspace)[0].id)


def test_a_draw_takes_people_whole_and_grows_within_itself() -> None:
    pool, tiers = _pool().assign(tier="A"), ("A", "B")
    sets = {
        (percent, draw): set(scans_of(scan_set(f"A-share-{percent}-draw-{draw}", tiers), pool))
        for percent in (25, 50, 75)
        for draw in (1, 2)
    }
    assert sets[25, 1] < sets[50, 1] < sets[75, 1] and sets[50, 1] != sets[50, 2]
    assert [len(sets[percent, 1]) for percent in (25, 50, 75)] == [30, 60, 90]
    person = pool.set_index("scan_id")["subject_id"]
    for chosen in sets.values():
        assert not set(person[list(chosen)]) & set(person.drop(list(chosen)))
    passes = scan_set("A-share-25-draw-1-passes", tiers)
    assert set(scans_of(passes, pool)) == sets[25, 1] and passes.subset.equal_passes


@pytest.mark.parametrize(
    "name", ["not-all", "B+A", "A+A", "worst-0", "keep-20-share-25-draw-1", "A-share-0-draw-1"]
)
def test_other_names_mean_no_arm(workspace: Workspace, name: str) -> None:
    assert find(_cohort(workspace, [5, 30, 80]), name) is None


def test_every_kind_of_arm_is_written_down_and_read_back_and_old_ones_as_before(workspace) -> None:
    cohort = _cohort(workspace, [5, 30, 80])
    names = ["A", "B", "worst-20", "not-A", "A-share-25-draw-1-passes", "A+A~motion-0.5", "probe-A"]
    new = {"apart", "subset", "distortion"}
    written = {arm.name: arm.as_dict() for arm in choose(cohort, names)}
    for name, values in written.items():
        assert Arm.from_dict(json.loads(json.dumps(values))) == find(cohort, name)
    assert {name for name, values in written.items() if new & set(values)} == {
        "not-A",
        "A-share-25-draw-1-passes",
        "A+A~motion-0.5",
    }
