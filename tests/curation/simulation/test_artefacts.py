"""Artefacts are pure, seeded, the identity at severity 0, and grow with severity."""

import numpy as np
import pytest

from curation.metrics.registry import FAMILIES
from curation.simulation.artefacts import ARTEFACTS, apply


@pytest.fixture(scope="module")
def head() -> np.ndarray:
    """A bright ball with a brighter core and some grain, in a box with air."""
    grid = np.stack(np.meshgrid(*(np.linspace(-1, 1, n) for n in (36, 40, 38)), indexing="ij"))
    radius = np.sqrt((grid**2).sum(axis=0))
    ball = 100.0 * (radius < 0.7) + 60.0 * (radius < 0.4) + 2.0 * np.sin(9 * grid[0] + 5 * grid[2])
    grain = np.random.default_rng(0).normal(0, 3, ball.shape)
    return np.abs(ball + grain).astype(np.float32)


def test_every_family_has_an_artefact() -> None:
    assert {artifact.family for artifact in ARTEFACTS.values()} == set(FAMILIES)


@pytest.mark.parametrize("name", ARTEFACTS)
def test_severity_zero_is_the_identity_bit_for_bit(name: str, head: np.ndarray) -> None:
    assert apply(name, head, 0.0, seed=3).tobytes() == head.tobytes()


@pytest.mark.parametrize("name", ARTEFACTS)
def test_same_seed_gives_the_same_bytes_and_leaves_the_input_alone(
    name: str, head: np.ndarray
) -> None:
    before = head.tobytes()
    first, second = (apply(name, head, 0.6, seed=5) for _ in range(2))
    assert first.tobytes() == second.tobytes()
    assert head.tobytes() == before


@pytest.mark.parametrize("name", ARTEFACTS)
def test_output_is_float32_of_the_same_shape_finite_and_not_negative(
    name: str, head: np.ndarray
) -> None:
    for severity in (0.05, 1.0):
        result = apply(name, head, severity, seed=1)
        assert result.dtype == np.float32
        assert result.shape == head.shape
        assert np.all(np.isfinite(result))
        assert result.min() >= 0


@pytest.mark.parametrize("name", ARTEFACTS)
def test_more_severity_changes_more(name: str, head: np.ndarray) -> None:
    changes = [float(np.abs(apply(name, head, s, seed=2) - head).mean()) for s in (0.2, 0.5, 0.9)]
    assert 0 < changes[0] < changes[1] < changes[2]


@pytest.mark.parametrize("name", ARTEFACTS)
def test_an_empty_image_stays_empty(name: str) -> None:
    assert not apply(name, np.zeros((9, 10, 11)), 1.0).any()


@pytest.mark.parametrize("severity", [-0.1, 1.1, float("nan")])
def test_a_severity_beyond_0_to_1_is_refused(severity: float, head: np.ndarray) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        apply("noise", head, severity)


def test_noise_is_rician_with_the_promised_deviation() -> None:
    flat = np.full((40, 40, 40), 100.0, dtype=np.float32)
    flat[:20] = 0.0
    noisy = apply("noise", flat, 0.5, seed=4)
    sigma = 0.2 * 0.5 * 100.0
    assert np.std(noisy[20:]) == pytest.approx(sigma, rel=0.03)
    assert np.mean(noisy[:20]) == pytest.approx(sigma * np.sqrt(np.pi / 2), rel=0.03)


def test_ghosts_take_from_the_head_what_they_show_beside_it(head: np.ndarray) -> None:
    ghosted = apply("ghosting", head, 1.0, seed=1)
    air = head < 20
    assert ghosted[air].mean() > 2 * head[air].mean()
    assert ghosted[~air].mean() < head[~air].mean()


def test_blur_of_a_point_has_the_promised_width() -> None:
    point = np.zeros((31, 31, 31), dtype=np.float32)
    point[15, 15, 15] = 1000.0
    blurred = apply("blur", point, 0.5)
    where = np.arange(31) - 15
    variance = (blurred.sum(axis=(1, 2)) * where**2).sum() / blurred.sum()
    assert np.sqrt(variance) == pytest.approx(1.0, rel=0.05)


def test_cropping_empties_the_top_and_nothing_else(head: np.ndarray) -> None:
    cropped = apply("cropped_fov", head, 0.5)
    gone = np.flatnonzero(~cropped.any(axis=(0, 1)))
    assert gone[-1] == head.shape[2] - 1
    assert np.array_equal(cropped[..., : gone[0]], head[..., : gone[0]])
