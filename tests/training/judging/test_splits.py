import numpy as np
import pandas as pd
import pytest

from training.judging.splits import fold_of_subject, labelled


def _target(people: int, scans_each: int = 1) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    names = [f"s:{number:03d}" for number in range(people)]
    frame = pd.DataFrame({"subject_id": names, "age_years": rng.uniform(20, 80, people)})
    return frame.loc[frame.index.repeat(scans_each)]


@pytest.mark.parametrize(("people", "folds"), [(4, 2), (36, 3), (72, 5), (73, 5)])
def test_every_subject_is_in_one_fold_and_folds_are_of_equal_size(people: int, folds: int) -> None:
    fold = fold_of_subject(_target(people, scans_each=2), folds=folds)
    assert fold.index.is_unique
    assert len(fold) == people
    sizes = fold.value_counts()
    assert set(sizes.index) == set(range(folds))
    assert sizes.max() - sizes.min() <= 1


def test_the_folds_are_alike_in_age() -> None:
    target = _target(72)
    fold = fold_of_subject(target, folds=4)
    means = target.groupby(target["subject_id"].map(fold))["age_years"].mean()
    assert means.max() - means.min() < 3


def test_the_same_seed_deals_the_same_whatever_the_order_of_the_rows() -> None:
    target = _target(30)
    shuffled = target.sample(frac=1, random_state=1)
    assert fold_of_subject(target, folds=3).equals(fold_of_subject(shuffled, folds=3))
    assert not fold_of_subject(target, folds=3).equals(fold_of_subject(target, folds=3, seed=1))


def test_a_share_of_the_labels_is_of_people_and_lies_within_the_larger_share() -> None:
    target = _target(40, scans_each=2)
    shares = {p: labelled(target, percent=p, seed=(0, 1, 2)) for p in (10, 25, 50, 100)}
    people = {percent: set(share["subject_id"]) for percent, share in shares.items()}
    assert [len(people[percent]) for percent in people] == [4, 10, 20, 40]
    assert people[10] < people[25] < people[50] < people[100]
    assert (shares[25].groupby("subject_id").size() == 2).all()
    pd.testing.assert_frame_equal(shares[100], target)


def test_the_draw_of_labels_follows_its_seed_and_not_the_order_of_the_rows() -> None:
    target = _target(40)
    people = [
        set(labelled(frame, percent=25, seed=seed)["subject_id"])
        for frame, seed in (
            (target, (0, 1)),
            (target.sample(frac=1, random_state=4), (0, 1)),
            (target, (0, 2)),
        )
    ]
    assert people[0] == people[1] != people[2]


def test_two_people_are_the_least_that_can_be_learned_from() -> None:
    assert len(labelled(_target(10), percent=1, seed=(0,))) == 2
