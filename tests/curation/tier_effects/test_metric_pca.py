"""The picture of all metrics is that of scikit-learn's principal components, and bears gaps."""

import numpy as np
import pytest
from sklearn.decomposition import PCA

from curation.scoring.exclusion_model import NORMAL_IQR
from curation.tier_effects import metric_pca
from curation.tier_effects.metric_pca import CLIP, Embedding

RNG = np.random.default_rng(0)


def embed(columns: dict[str, np.ndarray]) -> Embedding | None:
    table = np.stack(list(columns.values()), axis=1) if columns else np.empty((0, 0))
    return metric_pca.embed(list(columns), table)


def columns(n: int = 300) -> dict[str, np.ndarray]:
    hidden = RNG.normal(size=(2, n))
    return {
        f"m{i}": 10**i * (weight @ hidden + 0.2 * RNG.normal(size=n))
        for i, weight in enumerate(RNG.normal(size=(5, 2)))
    }


def test_points_are_those_of_scikit_learn_up_to_a_sign() -> None:
    made = columns()
    found = embed(made)
    assert found is not None and found.imputed == 0 and found.left_out == ()
    table = np.stack(list(made.values()), axis=1)
    low, middle, high = np.quantile(table, [0.25, 0.5, 0.75], axis=0)
    pca = PCA(2).fit(np.clip((table - middle) / ((high - low) / NORMAL_IQR), -CLIP, CLIP))
    wanted = pca.transform(np.clip((table - middle) / ((high - low) / NORMAL_IQR), -CLIP, CLIP))
    assert found.explained == pytest.approx(pca.explained_variance_ratio_, rel=1e-4)
    for axis in (0, 1):
        sign = np.sign(pca.components_[axis][np.abs(pca.components_[axis]).argmax()])
        assert found.points[:, axis] == pytest.approx(sign * wanted[:, axis], abs=1e-3)
        assert found.loadings[axis][np.abs(found.loadings[axis]).argmax()] > 0


def test_the_same_metrics_give_the_same_picture_whatever_their_unit() -> None:
    made = columns()
    one, other = embed(made), embed({name: 7 * values - 3 for name, values in made.items()})
    assert one is not None and other is not None
    assert np.abs(one.points - other.points).max() < 1e-3


def test_gaps_lie_in_the_middle_and_are_counted_and_unmeasured_scans_lie_nowhere() -> None:
    made = columns(100)
    for values in made.values():
        values[0] = np.nan
    made["m1"][:20] = np.nan
    made["seldom"] = np.where(np.arange(100) < 60, np.nan, 1.0 * np.arange(100))
    made["never"], made["same"] = np.full(100, np.nan), np.ones(100)
    found = embed(made)
    assert found is not None and found.left_out == ("seldom", "never", "same")
    assert np.isnan(found.points[0]).all() and np.isfinite(found.points[1:]).all()
    assert found.imputed == pytest.approx((4 + 20) / 500)


def test_an_axis_says_which_metrics_it_is_mostly_about() -> None:
    hidden = RNG.normal(size=500)
    found = embed(
        {"a": hidden, "b": RNG.normal(size=500), "c": hidden + 0.1 * RNG.normal(size=500)}
    )
    assert found is not None and set(found.mostly(0)) == {"a", "c"} and found.mostly(1, 1) == ("b",)


def test_a_metric_that_is_nearly_always_the_same_is_scaled_by_its_ordinary_spread() -> None:
    rare = np.where(np.arange(100) < 10, 5.0, 0.0)
    found = embed({"rare": rare, "other": RNG.normal(size=100)})
    assert found is not None and found.used == ("rare", "other") and np.isfinite(found.points).all()


@pytest.mark.parametrize("scans", [0, 1])
def test_too_few_scans_or_metrics_make_no_picture(scans: int) -> None:
    assert embed({"a": np.arange(scans, dtype=float), "b": np.arange(scans, dtype=float)}) is None
    assert embed({"a": RNG.normal(size=50)}) is None and embed({}) is None


def test_the_nearest_scans_are_those_of_a_distance_that_is_reckoned_by_hand() -> None:
    table = np.stack(list(columns(40).values()), axis=1)
    low, middle, high = np.quantile(table, [0.25, 0.5, 0.75], axis=0)
    scaled = np.clip((table - middle) / ((high - low) / NORMAL_IQR), -CLIP, CLIP)
    distance = ((scaled - scaled[7]) ** 2).mean(axis=1)
    wanted = [int(one) for one in np.argsort(distance, kind="stable") if one != 7]
    assert metric_pca.nearest(table, 7, 5) == wanted[:5]
    assert metric_pca.nearest(table, 7, 99) == wanted


def test_a_copy_is_nearest_and_what_shares_few_metrics_is_not_among_them() -> None:
    table = np.stack(list(columns(30).values()), axis=1)
    table[3] = table[7]
    table[5, :3], table[5, 3:] = np.nan, table[7, 3:]  # two of five metrics: alike by chance
    table[9, 0] = np.nan
    found = metric_pca.nearest(table, 7, 28)
    assert found[0] == 3 and 5 not in found and 9 in found and 7 not in found
    assert metric_pca.nearest(np.full((4, 2), np.nan), 0, 3) == []
