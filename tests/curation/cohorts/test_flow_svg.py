"""The flow chart is whole SVG: every number of the flow is in it, and nothing written becomes markup."""

import xml.etree.ElementTree as ET

import pytest

from curation.cohorts import flow_svg
from curation.cohorts.flow_chart import Exclusion, Flow, Stage, TierCount

NASTY = "a <b onload=\"x\"> & 'tier'"
FLOW = Flow(
    (
        Stage(
            "Scans found", 1234, 1000, (Exclusion("file is missing", 30), Exclusion(NASTY * 5, 4))
        ),
        Stage("Readable", 1200, 990, (Exclusion("not scored", 7),)),
        Stage("In tiers", 1193, 985),
    ),
    (TierCount("A", 800, 700, 0, 2), TierCount(NASTY, 393, 1, 31)),
)


def _texts(svg: str) -> list[str]:
    root = ET.fromstring(svg)  # noqa: S314 - our own
    return [
        "".join(node.itertext()).replace("\xa0", " ")
        for node in root.iter()
        if node.tag.endswith("}text")
    ]


def test_every_number_stands_in_it() -> None:
    texts = _texts(flow_svg.svg(FLOW, {"A": "#0072B2"}))
    for text in (
        "Scans found",
        "n = 1,234 (1,000 people)",
        "Left out (n = 34)",
        "– file is missing (n = 30)",
        "n = 1,200 (990 people)",
        "Left out (n = 7)",
        "n = 1,193 (985 people)",
        "Tier A",
        "n = 800",
        "700 people",
        "2 by hand",
        "n = 393",
        "1 person",
        "31 by a gate",
    ):
        assert text in texts
    assert NASTY in " ".join(text.strip() for text in texts)


@pytest.mark.parametrize("tiers", range(2, 7))
def test_nothing_lies_outside_or_on_something_else(tiers: int) -> None:
    flow = Flow(FLOW.stages, tuple(TierCount(name, 10, 9, 3, 1) for name in "ABCDEF"[:tiers]))
    root = ET.fromstring(flow_svg.svg(flow, {}))  # noqa: S314 - our own
    width, height = float(root.get("width", 0)), float(root.get("height", 0))
    boxes = [
        tuple(float(node.get(side, 0)) for side in ("x", "y", "width", "height"))
        for node in root.iter()
        if node.tag.endswith("}rect") and node.get("stroke")
    ]
    assert len(boxes) == 3 + 2 + tiers
    for number, (x, y, w, h) in enumerate(boxes):
        assert x >= 0
        assert y >= 0
        assert x + w <= width
        assert y + h <= height
        for ox, oy, ow, oh in boxes[:number]:
            assert x >= ox + ow or ox >= x + w or y >= oy + oh or oy >= y + h


def test_people_who_cannot_see_it_get_it_in_words() -> None:
    svg = flow_svg.svg(FLOW, {}, "Cohort <x>")
    assert "<title>Cohort &lt;x&gt;</title>" in svg
    assert "left out: 30 file is missing" in svg
    assert 'onload="' not in svg
