"""GPUs by a stand-in for the driver's program: it answers as nvidia-smi does."""

from pathlib import Path

import pytest

from training.settings import hardware
from training.settings.hardware import Gpu

ONE = "GPU-1, NVIDIA H100, 1024, 81559, 87"
TWO = "GPU-2, Tesla T4, [N/A], 15360, [N/A]"


@pytest.fixture
def driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")

    def say(gpu_lines: list[str], app_lines: list[str] = [], code: int = 0) -> None:  # noqa: B006
        program = tmp_path / "nvidia-smi"
        program.write_text(
            "#!/bin/sh\ncase $1 in\n"
            f"--query-gpu*) printf '%s\\n' {' '.join(map(repr, gpu_lines))};;\n"
            f"--query-compute*) printf '%s\\n' {' '.join(map(repr, app_lines))};;\n"
            f"esac\nexit {code}\n"
        )
        program.chmod(0o755)

    return say


def test_memory_and_use_of_every_gpu_and_none_where_the_driver_does_not_say(driver) -> None:
    driver([ONE, TWO])
    assert hardware.now() == [
        Gpu("GPU-1", "NVIDIA H100", 1024, 81559, 87),
        Gpu("GPU-2", "Tesla T4", None, 15360, None),
    ]


def test_a_process_is_told_its_own_gpu(driver) -> None:
    driver([ONE, TWO], ["GPU-2, 4711", "GPU-1, 12"])
    assert [gpu.uuid for gpu in hardware.used_by({4711})] == ["GPU-2"]
    assert hardware.used_by({1}) == []
    driver([ONE], ["GPU-1, 12"])  # in a container ids differ
    assert [gpu.uuid for gpu in hardware.used_by({4711})] == ["GPU-1"]


def test_without_a_driver_or_with_a_broken_one_there_are_none(driver, monkeypatch) -> None:
    driver(["NVIDIA-SMI has failed because it could not communicate with the driver"], code=9)
    assert hardware.now() == []
    driver(["what is this"])
    assert hardware.now() == []
    monkeypatch.setenv("PATH", "/nowhere")
    assert hardware.now() == hardware.used_by({1}) == []
