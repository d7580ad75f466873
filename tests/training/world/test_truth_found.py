"""The long version of ``make bench-truth``: ten seeds, and the bounds that its figures have to keep."""

import json
import subprocess
import sys

import pytest

from tests.benchmarks.truth_studies import DOSES
from tests.helpers.paths import ROOT


@pytest.mark.soak
def test_a_study_finds_what_was_planted_and_nothing_else(tmp_path) -> None:
    command = [sys.executable, "-m", "tests.benchmarks.truth", "--folder", str(tmp_path / "truth")]
    done = subprocess.run(
        [*command, "--seeds", "10"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    found = json.loads(done.stdout.splitlines()[-1])
    for gain in ("gain", "gain_all"):
        assert found[f"{gain}_years"] >= 1
        assert found[f"{gain}_p"] < 0.01
    assert found["no_harm_verdict"] in ("worse", "equivalent", "not worse")
    assert found["control_p"] > 0.05
    assert max(found[name] for name in ("harm_p", "control_harm_p", "worst_p")) < 0.05
    assert found["harm_years"] > 0
    assert found["naive_p"] < 0.05 < found["matched_p"]
    assert found["warned"]
    assert found["false_verdicts"] <= 0.06
    assert found["power"] >= 0.75
    step = max(after - before for before, after in zip((0.0, *DOSES), DOSES, strict=False))
    assert abs(found["crossing_dose"] - found["built_dose"]) <= step
