"""``make gpu-check`` where there is no GPU, and all of it on the CPU with small networks."""

import json
import sys
from pathlib import Path

import pytest
import torch

from tests.benchmarks import gpu_check


def test_without_a_gpu_it_says_so_and_ends_well(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(sys, "argv", ["gpu_check"])
    assert gpu_check.main() == 0
    words, last = capsys.readouterr().out.splitlines()
    assert words == "No GPU can be reached: nothing was checked."
    assert json.loads(last) == dict.fromkeys(gpu_check.KEYS)


@pytest.mark.soak
def test_every_check_can_be_gone_through_on_the_cpu(tmp_path: Path) -> None:
    figures, failed = gpu_check.checked(gpu_check.bench_on("cpu", tmp_path))
    assert not failed
    assert set(figures) == set(gpu_check.KEYS) - {"gpu_name"}
    assert figures["step_difference"] == figures["resume_difference"] == 0
    assert figures["memory_recovers"]
