import platform
import resource
import types
from pathlib import Path

import pytest
import torch

from curation.errors import StudyError
from curation.storage import files
from training.settings.presets import PRESETS
from training.tasks import devices
from training.tasks.stop_signal import Interruption, Stopped


class _Never(Interruption):
    def __init__(self) -> None:
        self.requested = False


class _AtOnce(_Never):
    def check(self) -> None:
        raise Stopped


@pytest.fixture(autouse=True)
def _torch_as_it_was(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(False)
    torch.set_flush_denormal(False)


def test_on_a_cpu_the_cpu_is_used_with_the_presets_threads() -> None:
    with devices.device(PRESETS["laptop"], _Never()) as fabric:
        assert fabric.device.type == "cpu"
        assert torch.get_num_threads() == PRESETS["laptop"].threads


@pytest.mark.parametrize(
    ("preset", "tiles", "expected"),
    [
        ("laptop", True, "bf16-mixed"),
        ("laptop", False, "32-true"),
        ("smoke", True, "32-true"),  # too narrow to be worth it
    ],
)
def test_bfloat16_is_taken_where_it_is_quicker(monkeypatch, preset, tiles, expected) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"amx_bf16": tiles})
    assert devices.precision(PRESETS[preset], "cpu") == expected


@pytest.mark.parametrize(
    ("changes", "fused"),
    [
        ({"precision": "float32", "patch": 8}, True),
        ({"precision": "bfloat16", "patch": 8}, False),  # 392 patches: their table is small
        ({"precision": "bfloat16", "patch": 4}, True),
    ],
)
def test_attention_is_fused_where_it_is_quicker(changes: dict, fused: bool) -> None:
    preset = PRESETS["laptop"].changed(changes)
    fabric = devices.fabric_on("cpu", 1, preset)
    assert devices.fuses_attention(fabric, preset) is fused


def test_a_preset_may_ask_for_a_precision(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"amx_bf16": True})
    exact = PRESETS["laptop"].changed({"precision": "float32"})
    assert devices.precision(exact, "cpu") == "32-true"
    coarse = PRESETS["smoke"].changed({"precision": "bfloat16"})
    assert devices.precision(coarse, "cpu") == "bf16-mixed"


def _pretend_gpus(monkeypatch: pytest.MonkeyPatch, folder: Path, ids: list[str]) -> None:
    found = [types.SimpleNamespace(uuid=uuid) for uuid in ids]
    monkeypatch.setattr(torch.cuda, "device_count", lambda: len(found))
    monkeypatch.setattr(torch.cuda, "get_device_properties", found.__getitem__)
    monkeypatch.setattr(devices.tempfile, "gettempdir", lambda: str(folder))


def test_a_gpu_is_known_by_what_it_is_not_by_its_number_in_a_job(tmp_path, monkeypatch) -> None:
    _pretend_gpus(monkeypatch, tmp_path, ["a"])  # as one job of a cluster sees its only GPU
    with devices.leased_gpus(1, _Never()) as first:
        assert first == [0]
        with pytest.raises(Stopped), devices.leased_gpus(1, _AtOnce()):
            pass
        _pretend_gpus(monkeypatch, tmp_path, ["b"])  # as another job sees its own
        with devices.leased_gpus(1, _AtOnce()) as second:
            assert second == [0]


def test_more_gpus_than_there_are_are_refused_and_not_waited_for(tmp_path, monkeypatch) -> None:
    _pretend_gpus(monkeypatch, tmp_path, ["0", "1"])
    with (
        pytest.raises(StudyError, match=r"asks for 4 GPUs \(devices\), and here there are 2"),
        devices.leased_gpus(4, _Never()),
    ):
        pass


def test_gpus_are_lent_to_one_at_a_time_and_all_or_none(tmp_path, monkeypatch) -> None:
    _pretend_gpus(monkeypatch, tmp_path, ["0", "1", "2"])
    with devices.leased_gpus(2, _Never()) as first, devices.leased_gpus(1, _Never()) as second:
        assert (first, second) == ([0, 1], [2])
        with pytest.raises(Stopped), devices.leased_gpus(1, _AtOnce()):
            pass
    with devices.leased_gpus(1, _Never()):
        with pytest.raises(Stopped), devices.leased_gpus(3, _AtOnce()):
            pass
        free = sorted(tmp_path.glob("*-gpu-[12].lock"))
        for path in free:  # what could not be had whole is not held
            with files.lock(path, AssertionError("still held")):
                pass


_LARGE_PAGES = Path("/sys/kernel/mm/transparent_hugepage/enabled")


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="of glibc")
@pytest.mark.skipif(
    _LARGE_PAGES.exists() and "[always]" in _LARGE_PAGES.read_text(),
    reason="large pages everywhere: there are few faults anyway",
)
def test_memory_that_was_freed_is_used_again_and_not_asked_of_the_system_anew() -> None:
    devices._keep_freed_memory()
    faults = []
    for _ in range(30):
        before = resource.getrusage(resource.RUSAGE_THREAD).ru_minflt
        parts = [torch.ones(2**20) for _ in range(4)]
        faults.append(resource.getrusage(resource.RUSAGE_THREAD).ru_minflt - before)
        del parts
    pages = 4 * 4 * 2**20 // resource.getpagesize()
    assert min(faults) < pages / 10
