import numpy as np
import pandas as pd
import pytest

from training.tasks import site_probe
from training.tasks.site_probe import probe


def _people(counts: dict[str, int]) -> pd.DataFrame:
    sites = [site for site, count in counts.items() for _ in range(count)]
    return pd.DataFrame({"subject_id": [f"s:{i}" for i in range(len(sites))], "site": sites})


def test_a_planted_site_is_told_and_noise_is_chance() -> None:
    scans = _people({"North": 30, "South": 15})
    noise = np.random.default_rng(0).normal(size=(45, 8))
    planted = noise + 3.0 * (scans[["site"]] == "North").to_numpy() * (np.arange(8) == 2)
    told, untold = probe(planted, scans), probe(noise, scans)
    assert told["balanced_accuracy"] > 0.8 and told["p"] == 1 / 200
    assert told["chance"] == pytest.approx(0.5, abs=0.05)
    assert untold["balanced_accuracy"] < untold["chance_high"] and untold["p"] > 0.05
    assert (told["sites"], told["people"]) == (2, 45)


def test_persons_count_once_and_small_sites_not_at_all() -> None:
    scans = _people({"North": 8, "South": 8, "East": 3})
    twice = pd.concat([scans, scans], ignore_index=True)
    features = np.random.default_rng(1).normal(size=(38, 4))
    assert (probe(features, twice)["sites"], probe(features, twice)["people"]) == (2, 16)


def test_one_site_alone_is_not_probed() -> None:
    scans = _people({"North": 9, "East": 3})
    assert probe(np.ones((12, 2)), scans) == {}


def test_features_that_do_not_differ_or_are_not_known_tell_nothing() -> None:
    scans = _people({"North": 6, "South": 6})
    features = np.ones((12, 3))
    features[:, 2] = np.nan
    found = probe(features, scans)
    assert found["p"] > 0.05 and found["balanced_accuracy"] <= found["chance_high"]


def test_where_features_tell_nothing_it_says_so_in_nineteen_of_twenty(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With 39 permutations a p of 0.05 is as rare as with 199, in a fifth of the time."""
    monkeypatch.setattr(site_probe, "PERMUTATIONS", 39)
    scans, rng = _people({"North": 20, "South": 20, "East": 20}), np.random.default_rng(2)
    found = [probe(rng.normal(size=(60, 6)), scans)["p"] for _ in range(200)]
    assert 0.01 <= np.mean(np.array(found) <= 0.05) <= 0.1
