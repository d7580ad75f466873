"""The reference scan: same site and modality, the lowest score, never the scan itself."""

import pandas as pd

from pages.ui.review import image_panel


def scans() -> pd.DataFrame:
    rows = [
        ("a", "North", "T1w", 50.0, "ok"),
        ("b", "North", "T1w", 9.0, "ok"),
        ("c", "South", "T1w", 1.0, "ok"),
        ("d", "North", "T2w", 2.0, "ok"),
        ("e", "North", "T1w", 3.0, "table"),
        ("f", "North", "T1w", float("nan"), "ok"),
        ("g", None, "T1w", 30.0, "ok"),
        ("h", None, "T1w", 20.0, "ok"),
    ]
    names = ["scan_id", "site", "modality", "distortion_score", "status"]
    return pd.DataFrame(rows, columns=names).assign(source="study")


def reference_of(scan_id: str) -> str | None:
    table = scans()
    found = image_panel.reference_scan(table.set_index("scan_id", drop=False).loc[scan_id], table)
    return None if found is None else found["scan_id"]


def test_it_is_the_least_distorted_with_an_image_of_the_same_site_and_modality() -> None:
    assert reference_of("a") == "b"
    assert reference_of("b") == "a"
    assert reference_of("c") is None
    assert reference_of("d") is None


def test_where_no_site_is_known_the_source_is_one() -> None:
    assert reference_of("g") == "h"


def test_it_is_named_as_such() -> None:
    first, second = image_panel.reference_caption(scans().iloc[1])
    assert first == "Best-scoring scan of North: 9.0"
    assert second == "b"
    assert "source study" in image_panel.reference_caption(scans().iloc[7])[0]
