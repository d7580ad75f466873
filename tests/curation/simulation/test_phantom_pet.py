"""Simulated PET: the uptake that its notes promise, in the space of the person's T1w."""

import hashlib

import numpy as np
import pytest
from scipy import ndimage

from curation.simulation import phantom_pet, phantom_t1w
from curation.simulation.phantom_t1w import SCANNERS, Person


def _person(age_years: float = 50.0, seed: int = 7) -> Person:
    return Person("sub-x", age_years, "F", seed)


def test_grey_takes_up_four_times_as_much_as_white_and_fluid_and_air_next_to_nothing() -> None:
    person = _person()
    activity = phantom_pet.uptake(person)
    tissue = {n: phantom_pet._coarse(v) for n, v in phantom_t1w.anatomy(person)[0].items()}
    brain = tissue["distance"] == 0
    shares = np.stack([tissue[name][brain] for name in ("grey", "white", "csf")], axis=1)
    grey, white, csf = np.linalg.lstsq(shares, activity[brain], rcond=None)[0]
    assert grey / white == pytest.approx(4, rel=0.15)
    assert csf < 0.1 * grey
    assert not activity[tissue["distance"] > 20].any()


def test_uptake_falls_with_age_and_most_in_front() -> None:
    def frontal_and_occipital(age_years: float) -> tuple[float, float]:
        totals = []
        for seed in range(3):
            person = _person(age_years, seed)
            grey = phantom_pet._coarse(phantom_t1w.anatomy(person)[0]["grey"]) > 0.6
            activity = np.where(grey, phantom_pet.uptake(person), np.nan)
            totals.append([np.nanmean(activity[:, part]) for part in (slice(38, None), slice(18))])
        front, back = np.mean(totals, axis=0)
        return front, back

    young, old = frontal_and_occipital(25), frontal_and_occipital(75)
    assert old[0] / young[0] < old[1] / young[1] < 1
    assert old[0] / young[0] == pytest.approx(0.75, abs=0.08)


def test_the_point_spread_is_that_of_a_clinical_scanner() -> None:
    point = np.zeros((31, 31, 31), dtype=np.float32)
    point[15, 15, 15] = 1
    spread = phantom_pet._blurred(
        phantom_pet._blurred(point, phantom_pet.SCANNER_MM), phantom_pet.FILTER_MM
    )
    edge_mm = phantom_t1w.SPACING_MM * phantom_pet.COARSER
    away_mm = (np.arange(31) - 15) * edge_mm
    sd_mm = np.sqrt((spread.sum((1, 2)) * away_mm**2).sum() / spread.sum())
    assert 6 <= 2.3548 * sd_mm <= 8


def test_a_pet_is_the_same_again_noisy_and_another_for_another_person() -> None:
    one, again, other = (phantom_pet.scan(_person(seed=seed))[0] for seed in (1, 1, 2))
    assert np.array_equal(one, again)
    assert not np.allclose(one, other, atol=500)
    blurred = phantom_pet._blurred(phantom_pet.uptake(_person(seed=1)), 7.07)
    brain = blurred > 8000
    assert 0.01 < np.std(one[brain] / blurred[brain]) < 0.15


def test_it_lies_where_the_t1w_of_the_person_has_its_brain() -> None:
    person = _person()
    pet, affine = phantom_pet.scan(person)
    t1w, t1w_affine = phantom_t1w.scan(person, SCANNERS["South"])
    to_pet = np.linalg.inv(affine) @ t1w_affine
    there = ndimage.affine_transform(pet, to_pet[:3, :3], to_pet[:3, 3], t1w.shape, order=1)
    white = phantom_t1w.anatomy(person)[0]["white"][::-1]
    grey = phantom_t1w.anatomy(person)[0]["grey"][::-1]
    assert there[grey > 0.8].mean() > 1.7 * there[white > 0.8].mean() > 1000


def test_a_t1w_is_the_same_whether_or_not_its_pet_was_made_first() -> None:
    alone = phantom_t1w.scan(_person(), SCANNERS["North"])[0].tobytes()
    phantom_t1w._grown.cache_clear()
    phantom_pet.scan(_person())
    after = phantom_t1w.scan(_person(), SCANNERS["North"])[0].tobytes()
    assert hashlib.sha256(alone).digest() == hashlib.sha256(after).digest()
