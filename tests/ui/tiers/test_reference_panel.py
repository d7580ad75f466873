"""Descriptions of references on the screen."""

import pandas as pd

from curation.references.reference_library import ReferenceHeader
from pages.ui.tiers import reference_panel


def _header(kind, **evidence: object) -> ReferenceHeader:  # type: ignore[no-untyped-def]
    return ReferenceHeader("x-1", kind, "X", "About x.", evidence)


def test_every_kind_says_what_a_scan_is_compared_with() -> None:
    for kind, words in reference_panel.REFERENCE_KINDS.items():
        assert reference_panel.evidence(_header(kind)) == f"{words}."


def test_kinds_say_what_else_makes_their_score() -> None:
    assert "fewer than 20 with those of all sites" in reference_panel.REFERENCE_KINDS["cohort"]
    assert reference_panel.REFERENCE_KINDS["learned"].endswith("other damage, whichever is more")


def test_a_learned_reference_shows_its_auc_its_interval_and_from_what() -> None:
    said = reference_panel.evidence(
        _header(
            "learned",
            auc=0.787,
            low=0.75,
            high=0.817,
            held_out="site",
            ratings=2301,
            excluded=522,
            scans=1101,
        )
    )
    assert "AUC 0.79 (95 % interval 0.75–0.82) on held-out sites" in said
    assert "2,301 ratings of 1,101 scans, 522 exclusions" in said


def test_where_tables_are_judged_otherwise_than_images_both_references_are_named() -> None:
    scans = pd.DataFrame(
        {
            "status": ["ok", "table", "table"],
            "reference": ["builtin-1", "experts-2", "experts-2"],
            "distortion_score": [1.0, 2.0, 3.0],
        }
    )
    said = reference_panel.who_judges(scans, "Built-in", "builtin-1", {"experts-2": "Experts"})
    assert said == (
        "Two references are in use. 1 scan with an image: Built-in (builtin-1), which is chosen below. "
        "2 scans of tables, which it cannot judge: Experts (experts-2)."
    )
    assert reference_panel.who_judges(scans[:1], "Built-in", "builtin-1", {}) is None
