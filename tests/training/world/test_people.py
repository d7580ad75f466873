import numpy as np
import pytest
from scipy import stats

from training.world import anatomy, people, truth
from training.world.anatomy import SHAPE, Anatomy
from training.world.dials import Dials
from training.world.people import SITES
from training.world.planted import Truth

BRAIN = np.zeros(SHAPE, dtype=bool)
BRAIN[2:-2, 3:-3, 2:-2] = True


@pytest.fixture(scope="module")
def body() -> Anatomy:
    return Anatomy(BRAIN)


def _scans(dials: Dials, body: Anatomy, **changes: float) -> np.ndarray:
    return np.stack(list(people.scans(people.pool(dials), dials, body, **changes)))


def test_what_a_person_is_mirrors_where_only_what_is_alike_on_both_sides_moves(body) -> None:
    latents = np.zeros(anatomy.LATENTS, dtype=np.float32)
    latents[list(anatomy.AGEING)] = 1.5
    volume = body.volume(body.tissue(latents))
    assert np.allclose(volume, volume[::-1], atol=1e-4)
    latents[anatomy.WARPS] = 1.5  # a deformation that is not
    volume = body.volume(body.tissue(latents))
    assert np.abs(volume - volume[::-1]).max() > 0.05


def test_age_is_what_two_latents_tell_and_two_years_that_no_image_tells() -> None:
    pool = people.pool(Dials(pool=4000))
    told = anatomy.ages(pool.latents, np.zeros(4000))
    assert np.array_equal(told, pool.known_years)
    assert np.std(pool.age_years - told) == pytest.approx(anatomy.UNTOLD_YEARS, rel=0.05)
    assert np.std(told) == pytest.approx(anatomy.SPREAD_YEARS, rel=0.05)


def test_at_dose_0_bad_scans_are_as_all_others_and_at_dose_1_only_they_are_distorted(body) -> None:
    dials = Dials(pool=24, share=0.25, artefacts=("blur", "bias"))
    clean, distorted = _scans(dials, body), _scans(dials, body, dose=1.0)
    bad = people.pool(dials).bad
    assert bad.sum() == 6
    changed = np.abs(distorted - clean).max(axis=(1, 2, 3)) > 0.01
    assert np.array_equal(changed, bad)
    half = _scans(dials, body, dose=0.5)[bad]
    nearer = [
        np.abs(h - c).mean() < np.abs(d - c).mean()
        for h, c, d in zip(half, clean[bad], distorted[bad], strict=True)
    ]
    assert all(nearer)


def test_quality_tells_bad_scans_and_goes_with_nothing_age_or_site_as_planted() -> None:
    plain = people.pool(Dials(pool=600, share=0.5))
    assert plain.quality[plain.bad].min() > 50 > 25 > plain.quality[~plain.bad].max()
    by_age = people.pool(Dials(pool=600, share=0.5, confounded="age", confounding=0.8))
    by_site = people.pool(Dials(pool=600, share=0.5, confounded="site", confounding=0.9))
    assert abs(stats.pearsonr(plain.bad, plain.age_years)[0]) < 0.12
    assert stats.pearsonr(by_age.bad, by_age.age_years)[0] > 0.5
    assert stats.pearsonr(by_site.bad, by_site.site)[0] < -0.5
    assert by_age.bad.sum() == by_site.bad.sum() == plain.bad.sum() == 300


def test_a_batch_effect_shows_the_same_people_of_one_site_otherwise(body) -> None:
    dials = Dials(pool=12)
    same, other = _scans(dials, body), _scans(dials.changed({"batch_effect": 1.0}), body)
    north = people.pool(dials).site == SITES.index("North")
    assert np.array_equal(np.abs(same - other).max(axis=(1, 2, 3)) > 0.01, north)


def test_a_seed_gives_the_same_world_and_another_other_people(body) -> None:
    assert np.array_equal(_scans(Dials(pool=4), body), _scans(Dials(pool=4), body))
    assert not np.array_equal(_scans(Dials(pool=4), body), _scans(Dials(pool=4, seed=1), body))


def test_what_is_true_stands_in_its_order_and_without_strength_no_image_tells_age(body) -> None:
    found = truth.find(Dials(pool=80, labels=60), body)
    assert found.best < found.latents < found.voxels < found.mean
    assert found.components < found.mean
    # the error of the mean of a normal spread, and of what no image tells: sqrt(2 / pi) of it
    assert found.best == pytest.approx(anatomy.UNTOLD_YEARS * np.sqrt(2 / np.pi), rel=0.25)
    spread = np.hypot(anatomy.SPREAD_YEARS, anatomy.UNTOLD_YEARS)
    assert found.mean == pytest.approx(spread * np.sqrt(2 / np.pi), rel=0.15)
    blank = truth.find(Dials(pool=80, labels=60, strength=0.0), body)
    assert blank.voxels > 0.95 * blank.mean
    assert Truth.from_dict(found.as_dict()).as_dict() == found.as_dict()
