"""What ``make bench-answer`` measures of the calibration, on one seed."""

from tests.benchmarks import calibration


def test_a_model_of_two_sources_is_calibrated_on_both() -> None:
    """And the measure tells where it is not: by the first 64 people alone it is years off."""
    gaps = calibration.measure(seeds=(0,))
    assert abs(gaps["calibration_gap_years"]) <= 0.3
    assert gaps["first_64_gap_years"] > 3
