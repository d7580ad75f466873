"""What is doubtful about a rule on some scans is said; a rule that fits them is met with silence."""

import numpy as np
import pandas as pd

from curation.tiers import assignment, rule_warnings
from curation.tiers.rule_checks import Gate
from curation.tiers.tier_rule import TierRule


def _scans(size: int = 40) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "scan_id": [f"scan-{number}" for number in range(size)],
            "site": ["NYU"] * (size - 2) + ["UM"] * 2,
            "distortion_score": np.linspace(0, 100, size),
            "snr_total": np.linspace(20, 5, size),
            "cjv": np.nan,
        }
    )


def _said(rule: TierRule, scans: pd.DataFrame | None = None) -> dict[str, list[str]]:
    arrays = assignment.prepare(_scans() if scans is None else scans, rule.columns)
    found: dict[str, list[str]] = {}
    for doubt in rule_warnings.problems(rule, arrays):
        found.setdefault(doubt.kind, []).append(doubt.message)
    return found


def test_a_rule_that_fits_is_met_with_silence() -> None:
    assert _said(TierRule(gates=(Gate("snr_total", below=6.0),))) == {}
    assert _said(TierRule(), _scans().iloc[:0]) == {}


def test_a_column_without_values_is_named_with_what_follows() -> None:
    of_cjv = _said(TierRule(column="cjv", cutoffs=(0.3, 0.5)))
    assert of_cjv["not measured"] == [
        "Coefficient of joint variation: not measured on any of the 40 scans: no scan gets a tier by it."
    ]
    gate = _said(TierRule(gates=(Gate("cjv", above=1.0),)))
    assert gate == {
        "not measured": [
            "Coefficient of joint variation: not measured on any of the 40 scans: its gate holds no scan."
        ]
    }
    scans = _scans()
    scans.loc[:2, "snr_total"] = np.nan
    part = _said(TierRule(gates=(Gate("snr_total", below=6.0),)), scans)
    assert part["not measured"] == [
        "Signal to noise, mean of the tissues: not measured on 3 scans: they pass its gate."
    ]


def test_a_tier_with_nobody_is_named() -> None:
    said = _said(TierRule(("A", "B", "C"), (50.0, 50.1)))
    assert said["empty tier"] == ["No scan is in tier B: no model can be pretrained on it."]


def test_of_a_target_an_empty_tier_is_said_to_hold_no_errors() -> None:
    rule = TierRule(("A", "B", "C"), (50.0, 50.1))
    arrays = assignment.prepare(_scans(), rule.columns)
    (said,) = (one.message for one in rule_warnings.problems(rule, arrays, trained=False))
    assert said == (
        "No scan is in tier B: errors of this tier cannot be told. What models are pretrained on is not "
        "touched by it."
    )


def test_a_site_of_two_scans_and_one_that_is_not_there_are_named() -> None:
    rule = TierRule(by_site={"UM": (20.0, 40.0), "NYC": (1.0, 2.0), "Leuven": (3.0, 4.0)})
    assert _said(rule)["site"] == [
        "No scan here is of site 'Leuven': its cut-offs apply to no scan.",
        "No scan here is of site 'NYC'; did you mean NYU?",
        "Site UM has 2 scans: cut-offs of its own rest on chance.",
    ]


def test_a_gate_that_holds_nobody_everybody_or_the_better_side_is_named() -> None:
    assert _said(TierRule(gates=(Gate("snr_total", below=5.0),)))["gate"] == [
        "The gate 'snr_total under 5 → unusable' holds no scan: the values here lie between 5 and 20."
    ]
    both = _said(TierRule(gates=(Gate("snr_total", above=1.0),)))["gate"]
    assert both == [
        "The gate 'snr_total over 1 → unusable' holds every scan that has a value.",
        "The gate 'snr_total over 1 → unusable' holds the better side: of snr_total, higher is better.",
    ]
