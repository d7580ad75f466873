import numpy as np

from tests.helpers import workspace_trainable
from tests.helpers.made_predictions import SCRATCH, made
from training.arms.study_arms import Arm
from training.results import study_sets

TIERS = ("A", "B", "C")
ALL = Arm("all", "all", "tiers", TIERS)
A = Arm("A", "tier A", "tiers", ("A",))
KEEP = Arm("keep-50", "the best 50 %", "sweep", TIERS, keep_percent=50)
CONTROL = Arm("control-keep-50", "random", "control", TIERS, "keep-50")
FEW = Arm("all-labels-25", "all, 25 %", "tiers", TIERS, label_percent=25, base="all")
FEW_SCRATCH = Arm("scratch-labels-25", "scratch, 25 %", "scratch", label_percent=25)
RIDGE = Arm("ridge", "ridge regression", "scratch", method="ridge")
SIZES = {"scratch": 0, "all": 90, "A": 30, "keep-50": 45, "control-keep-50": 45}


def _made(*arms: Arm):  # type: ignore[no-untyped-def]
    ages = np.linspace(20, 80, 20)
    error = np.random.default_rng(0).normal(0, 4, (len(arms), 2, 20))
    return made(ages + error, ages, arms=arms)


def test_arms_stand_at_their_size_with_their_controls_and_all_is_both() -> None:
    held_out = _made(SCRATCH, ALL, KEEP, CONTROL, A, FEW, RIDGE)
    table = study_sets.by_size(held_out, SIZES | {"all-labels-25": 90, "ridge": 0})
    kept, control = (table[table["role"] == role] for role in ("kept", "control"))
    assert kept["arm"].tolist() == ["A", "keep-50", "all"]
    assert kept["n_scans"].tolist() == [30, 45, 90]
    assert control["arm"].tolist() == ["control-keep-50", "all"]


def test_shares_of_labels_are_grouped_by_the_pretraining_they_share() -> None:
    table = study_sets.by_labels(_made(SCRATCH, ALL, FEW, FEW_SCRATCH, A, RIDGE))
    assert table["arm"].tolist() == ["all-labels-25", "all", "scratch-labels-25", "scratch"]
    assert table["label_percent"].tolist() == [25, 100, 25, 100]
    assert set(table["base"]) == {"all", "scratch"}


def test_a_study_without_sweeps_has_empty_tables() -> None:
    held_out = _made(SCRATCH)
    assert study_sets.by_size(held_out, SIZES).empty
    assert study_sets.by_labels(held_out).empty


def test_sizes_are_counted_from_the_study(workspace) -> None:
    study = workspace_trainable.plan(
        workspace_trainable.make(workspace), arms=["scratch", "A", "all", "control-A"]
    )
    assert study_sets.sizes(study) == {"scratch": 0, "A": 4, "all": 12, "control-A": 4}
