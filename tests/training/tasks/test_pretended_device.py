"""Training on a GPU that is only pretended: no step waits for it, and nothing is left on the CPU."""

import json
import subprocess
import sys
from typing import Any

import pytest

from tests.helpers import pretended_device
from tests.helpers.paths import ROOT
from training.settings.presets import PRESETS

SMALL = ("world",)
OTHERS = tuple(name for one in PRESETS for name in (one, f"{one}+unet") if name not in SMALL)
_MODULE = "tests.helpers.pretended_device"


def _tried(*presets: str) -> dict[str, Any]:
    """Try presets in a process of their own: a device that is registered stays."""
    command = [sys.executable, "-m", _MODULE, *presets]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize(
    "presets", [SMALL, pytest.param(OTHERS, marks=pytest.mark.soak)], ids=["small", "others"]
)
def test_on_a_gpu_no_step_looks_at_a_value_and_a_stopped_run_goes_on(
    presets: tuple[str, ...],
) -> None:
    """What mixes devices is refused by torch; a copy to the CPU is made for the disk alone."""
    found = _tried(*presets)
    control = found.pop("control")
    assert control == {"looks_in_steps": 1, "mixed": "FakeTensorDeviceMismatchError"}
    assert tuple(found) == presets
    for tasks in found.values():
        assert tuple(tasks) == pretended_device.TASKS
        for one in tasks.values():
            assert one["looks_in_steps"] == 0
            assert one["looks_between"] > 0  # losses and held-out errors are told
            assert one["resumed_at"] == pretended_device.STOPPED_AFTER
            assert one["steps"] == pretended_device.EPOCHS * pretended_device.STEPS
            assert one["weights_on"] == [f"{pretended_device.NAME}:0"]
            assert one["saved_from"]["cpu"] > 0
