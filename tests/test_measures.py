import pytest

from curation import measures
from curation.errors import RuleError
from curation.measures import LEARNED, MEASURES
from curation.metrics import METRICS
from curation.metrics.registry import FAMILIES


def test_the_score_its_parts_and_every_metric_can_be_looked_at_once() -> None:
    assert set(MEASURES) == {"distortion_score", "certainty", LEARNED, *FAMILIES, *METRICS}
    assert len(MEASURES) == 3 + len(FAMILIES) + len(METRICS)
    assert all(name == measure.name and measure.label for name, measure in MEASURES.items())


def test_an_unknown_name_is_answered_with_those_nearby() -> None:
    with pytest.raises(RuleError, match="did you mean incompleteness"):
        measures.find("incompletness")
    with pytest.raises(RuleError, match=r"no score or metric 'shoe size'\.$"):
        measures.find("shoe size")


@pytest.mark.parametrize(
    ("value", "text"), [(25.0, "25"), (0.1, "0.1"), (12.3456789, "12.3456789"), (1e-9, "1e-09")]
)
def test_a_number_is_written_as_people_do_and_loses_no_digit(value: float, text: str) -> None:
    assert measures.plain(value) == text
    assert float(measures.plain(value)) == value
