import pytest

from curation.errors import RuleError
from curation.metrics import METRICS
from curation.metrics.registry import FAMILIES
from curation.tiers import rule_columns
from curation.tiers.rule_columns import LEARNED, PREPARED_DISTANCE, RULE_COLUMNS


def test_the_score_its_parts_and_every_metric_can_be_looked_at_once() -> None:
    assert set(RULE_COLUMNS) == {
        *("distortion_score", "score_high", "certainty", "unusual_anatomy"),
        *(PREPARED_DISTANCE, LEARNED),
        *FAMILIES,
        *METRICS,
    }
    assert len(RULE_COLUMNS) == 6 + len(FAMILIES) + len(METRICS)
    assert all(name == measure.name and measure.label for name, measure in RULE_COLUMNS.items())


def test_an_unknown_name_is_answered_with_those_nearby() -> None:
    with pytest.raises(RuleError, match="did you mean incompleteness"):
        rule_columns.find("incompletness")
    with pytest.raises(RuleError, match=r"no score or metric 'shoe size'\.$"):
        rule_columns.find("shoe size")


@pytest.mark.parametrize(
    ("value", "text"), [(25.0, "25"), (0.1, "0.1"), (12.3456789, "12.3456789"), (1e-9, "1e-09")]
)
def test_a_number_is_written_as_people_do_and_loses_no_digit(value: float, text: str) -> None:
    assert rule_columns.plain(value) == text
    assert float(rule_columns.plain(value)) == value
