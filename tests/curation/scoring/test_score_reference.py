"""Anchors are a soft step between good and bad; a reference is its file."""

import hashlib
import json
import math
from pathlib import Path

import numpy as np
import pytest

from curation.errors import TierscopeError
from curation.scoring.exclusion_model import ExclusionModel
from curation.scoring.reference_population import Population
from curation.scoring.score_reference import (
    ASSETS,
    Anchor,
    Reference,
    builtin,
    earlier_builtin,
    read_reference,
)


def test_penalty_is_20_at_good_50_half_way_and_80_at_bad() -> None:
    for anchor in (Anchor(1.0, 3.0), Anchor(3.0, 1.0), Anchor(1.0, 9.0, "log")):
        middle = 3.0 if anchor.scale == "log" else 2.0
        values = anchor.penalty(np.array([anchor.good, middle, anchor.bad]))
        assert values == pytest.approx([20.0, 50.0, 80.0])


def test_penalty_never_leaves_0_to_100_and_keeps_nan() -> None:
    values = Anchor(1.0, 2.0).penalty(np.array([-1e300, 1e300, np.nan]))
    assert values[0] == pytest.approx(0.0, abs=1e-6)
    assert values[1] == pytest.approx(100.0)
    assert math.isnan(values[2])


def test_a_reference_is_the_same_after_writing_and_reading(tmp_path: Path) -> None:
    quantiles = ((None,) * 41, tuple(range(41)))
    model = ExclusionModel(
        ("cjv", "cnr"), (0.1, 0.2), (0.3, 0.4), -1.0, quantiles, {"North": quantiles}
    )
    sites = {"North": {"cjv": Anchor(0.0, 1.0)}}
    whole = Reference(
        "a",
        "1",
        "b",
        {"cjv": Anchor(1, 2)},
        "learned",
        "c",
        {"auc": 0.8},
        sites,
        model,
        combination="any",
        anatomy={"stretch": Anchor(1, 2)},
        population=Population(
            ("T1w",), ages_years=(8.0, 12.0), field_strengths_t=(1.5, 3.0), words="w"
        ),
    )
    path = tmp_path / "a-1.json"
    path.write_text(json.dumps(whole.as_dict(), allow_nan=False))
    assert read_reference(path) == whole


def test_a_reference_of_before_is_combined_as_then_and_says_nothing_of_whom_it_holds_for() -> None:
    old = Reference.from_dict({"name": "a", "version": "1", "description": "", "anchors": {}})
    assert old.combination == "mean"
    assert old.population == Population()
    assert [each.id for each in earlier_builtin()] == ["builtin-2", "builtin-1"]
    assert [each.combination for each in earlier_builtin()] == ["any", "mean"]


def test_a_released_built_in_reference_is_never_changed_but_followed_by_the_next_version() -> None:
    released = {1: "74a027b2d2b2dc04", 2: "eb957f7c1bf42088", 3: "047ef1495c2fbe8b"}
    for number, digest in released.items():
        held = (ASSETS / f"builtin-{number}.json").read_bytes()
        assert hashlib.sha256(held).hexdigest().startswith(digest), number
    assert builtin().id == f"builtin-{max(released)}"


def test_an_absent_reference_is_named(tmp_path: Path) -> None:
    with pytest.raises(TierscopeError, match="no reference 'gone-1'"):
        read_reference(tmp_path / "gone-1.json")


@pytest.mark.parametrize(
    "text", ["{ cut off", "[]", '{"name": "a"}', '{"anchors": {"cjv": {"x": 1}}}']
)
def test_a_damaged_reference_is_refused_in_words(tmp_path: Path, text: str) -> None:
    (tmp_path / "mine-1.json").write_text(text)
    with pytest.raises(TierscopeError, match="reference 'mine-1': put back a copy"):
        read_reference(tmp_path / "mine-1.json")
