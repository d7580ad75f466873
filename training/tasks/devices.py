"""Compute devices of a run: CPU or leased GPUs, precision, determinism, and DDP over several."""

import contextlib
import ctypes
import logging
import math
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from functools import partial
from os import getuid
from pathlib import Path
from typing import Literal

import torch
from lightning_fabric import Fabric
from lightning_fabric.plugins.environments import LightningEnvironment
from torch.multiprocessing import ProcessRaisedException

from curation import logs
from curation.errors import BusyError, StudyError, TierscopeError
from curation.storage import files
from curation.wording import plural
from training.settings.preset import Preset
from training.tasks.stop_signal import Interruption, Stopped

_log = logging.getLogger(__name__)

#: On a CPU bfloat16 pays from this width on; below it, turning numbers takes longer than it saves.
BF16_WIDTH = 192
#: In bfloat16 on a CPU attention in one kernel pays from this many patches on: tables of all pairs get large.
FUSED_PATCHES = 1000
_POLL_S = 0.2
#: Parameters of glibc's ``mallopt``: parts of memory from this size on are the system's again once they are
#: freed, of smaller ones what is more than is kept.
_MMAP_THRESHOLD, _MAPPED_FROM_BYTES = -3, 2**25
_TRIM_THRESHOLD, _KEPT_BYTES = -1, 2**29
#: What a process leaves that ended its work early, since it was asked to stop.
_STOPPED = "stopped"


@contextlib.contextmanager
def device(preset: Preset, interruption: Interruption) -> Iterator[Fabric]:
    """Yield Fabric on a GPU of our own, or else on the CPU.

    Each GPU is lent to one process of this user at a time.
    """
    set_determinism(preset)
    if not torch.cuda.is_available():
        yield fabric_on("cpu", 1, preset)
        return
    with leased_gpus(1, interruption) as indices:
        yield fabric_on("cuda", indices, preset)


def launch_ddp(
    preset: Preset, interruption: Interruption, work: Callable[..., None], *given: object
) -> None:
    """Do a piece of work in as many processes as the preset has devices, each with a GPU where there are any.

    Parameters
    ----------
    preset : Preset
        Gives the number.
    interruption : Interruption
        Of this process, which waits; the others have their own.
    work : callable
        A function of a module, called as ``work(fabric, interruption, micro_batches, *given)`` in each
        process. ``micro_batches`` is into how many micro-batches a process splits its batches: 1, and twice
        as many after each time that memory ran out in one of them.

    Raises
    ------
    StudyError
        In the words of any error of ours that ``work`` raised.
    """
    set_determinism(preset)
    on_gpus = torch.cuda.is_available()
    gpus = leased_gpus(preset.devices, interruption) if on_gpus else nullcontext(preset.devices)
    stopped = False
    with gpus as indices:
        micro_batches = 1
        while True:
            fabric = fabric_on("cuda" if on_gpus else "cpu", indices, preset)
            with tempfile.TemporaryDirectory(prefix="tierscope-ddp-") as folder:
                failures = Path(folder)
                try:
                    fabric.launch(
                        partial(_ddp_process, preset, work, micro_batches, failures, given)
                    )
                    stopped = (failures / _STOPPED).exists()
                    break
                except ProcessRaisedException as error:
                    most = preset.pretrain_batch // preset.devices
                    micro_batches = _micro_batches_after(error, failures, micro_batches, most)
    if stopped:  # else a stop came too late for the work, which is done
        raise Stopped


def _ddp_process(
    preset: Preset,
    work: Callable[..., None],
    micro_batches: int,
    failures: Path,
    given: tuple[object, ...],
    fabric: Fabric,
) -> None:
    """Do the work of one process; write down an error, of which the parent gets a text alone otherwise."""
    logs.configure("INFO")
    set_determinism(preset)
    try:
        work(fabric, Interruption(), micro_batches, *given)
    except Stopped:
        (failures / _STOPPED).touch()
    except Exception as error:
        failure = {
            "class": type(error).__name__,
            "message": str(error),
            "ours": isinstance(error, TierscopeError),
            "out_of_memory": _memory_ran_out(error),
        }
        with contextlib.suppress(OSError):  # a full disk: the traceback has to do
            files.write_json(failures / f"{fabric.global_rank}.json", failure)
        raise


def _memory_ran_out(error: BaseException | None) -> bool:
    """Tell whether an error, or one that it came from, is that of a GPU without memory left."""
    while error is not None:
        if isinstance(error, torch.OutOfMemoryError):
            return True
        error = error.__cause__ or error.__context__
    return False


def _micro_batches_after(
    error: ProcessRaisedException, failures: Path, micro_batches: int, most: int
) -> int:
    """Return the number of micro-batches of the next try; raise where that is no remedy."""
    failed = [files.read_json(path) for path in sorted(failures.glob("*.json"))]
    if ours := [failure for failure in failed if failure["ours"]]:
        raise StudyError(ours[0]["message"]) from error
    if any(failure["out_of_memory"] for failure in failed) and micro_batches < most:
        _log.warning("memory ran out: batches in %d parts from now on", 2 * micro_batches)
        return 2 * micro_batches
    raise error


def fabric_on(kind: Literal["cpu", "cuda"], devices: int | list[int], preset: Preset) -> Fabric:
    """Return Fabric on some devices of this machine, whatever a cluster's variables say."""
    several = (devices if isinstance(devices, int) else len(devices)) > 1
    return Fabric(
        accelerator=kind,
        devices=devices,
        strategy="ddp_spawn" if several else "auto",
        precision=precision(preset, kind),
        plugins=LightningEnvironment(),
    )


def on_gpu(fabric: Fabric) -> bool:
    """Tell whether the work is done on another device than the CPU, which must not be waited for."""
    return fabric.device.type != "cpu"


def set_determinism(preset: Preset) -> None:
    """Set threads and determinism flags of the whole process: on a CPU the same sums every time."""
    torch.set_num_threads(preset.threads)
    if torch.cuda.is_available():
        torch.set_float32_matmul_precision("high")
    else:
        torch.use_deterministic_algorithms(True)
        # every number is written before it is read: filling memory before that takes half the time
        torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
        torch.set_flush_denormal(True)  # numbers next to nothing take the CPU ten times as long
        _keep_freed_memory()


def _keep_freed_memory() -> None:
    """Let this process use again what it freed: each page that the system hands out anew is a fault.

    A step frees what it computed, and glibc gives large parts of that back. No numbers depend on it.
    """
    if sys.platform == "linux" and (mallopt := getattr(ctypes.CDLL(None), "mallopt", None)):
        mallopt(_MMAP_THRESHOLD, _MAPPED_FROM_BYTES)
        mallopt(_TRIM_THRESHOLD, _KEPT_BYTES)


def precision(preset: Preset, kind: str) -> Literal["32-true", "bf16-mixed"]:
    """Return Fabric's name of the precision that a preset gets on a kind of device.

    Parameters
    ----------
    preset : Preset
        Asks for one, or leaves it open.
    kind : {'cpu', 'cuda'}
        ``cuda`` asks the GPU itself. A CPU has to have tiles (AMX) for bfloat16 to be quicker.
    """
    chosen = preset.precision
    if chosen == "auto":
        chosen = "bfloat16" if _bf16_pays(preset, kind) else "float32"
    return "bf16-mixed" if chosen == "bfloat16" else "32-true"


def _bf16_pays(preset: Preset, kind: str) -> bool:
    if kind == "cuda":
        return torch.cuda.is_bf16_supported()
    return preset.hidden >= BF16_WIDTH and bool(torch.cpu.get_capabilities().get("amx_bf16"))


def fuses_attention(fabric: Fabric, preset: Preset) -> bool:
    """Tell whether attention in one kernel is the quicker way: but for few patches in bfloat16 on a CPU."""
    exact = fabric.strategy.precision.precision == "32-true"
    many = math.prod(preset.grid) >= FUSED_PATCHES
    return on_gpu(fabric) or exact or many


@contextlib.contextmanager
def leased_gpus(count: int, interruption: Interruption) -> Iterator[list[int]]:
    """Hold some GPUs, waiting until that many are free at once; none is held while waiting.

    Raises
    ------
    StudyError
        When there are fewer here, so that waiting would have no end.
    """
    there = torch.cuda.device_count()
    if count > there:
        raise StudyError(
            f"The plan asks for {plural(count, 'GPU')} (devices), and here there "
            f"{'is' if there == 1 else 'are'} {there}. Launch it where there are as many, or over several "
            "machines (docs/cluster.md), or plan it with fewer devices."
        )
    folder = Path(tempfile.gettempdir())
    locks = [
        folder / f"tierscope-{getuid()}-gpu-{_gpu_id(index)}.lock"
        for index in range(torch.cuda.device_count())
    ]
    while True:
        with contextlib.ExitStack() as held:
            if len(taken := _take(locks, count, held)) == count:
                yield taken
                return
        interruption.check()
        time.sleep(_POLL_S)


def _gpu_id(index: int) -> str:
    """Return which GPU this is: its number is another one in each job of a cluster."""
    return str(torch.cuda.get_device_properties(index).uuid)


def _take(locks: list[Path], count: int, held: contextlib.ExitStack) -> list[int]:
    busy = BusyError("This GPU is taken.")
    taken: list[int] = []
    for index, path in enumerate(locks):
        if len(taken) < count:
            with contextlib.suppress(BusyError):
                held.enter_context(files.lock(path, busy))
                taken.append(index)
    return taken


def out_of_memory(error: BaseException) -> bool:
    """Tell whether an error means that memory ran out, on a GPU or on the CPU."""
    return isinstance(error, (torch.OutOfMemoryError, MemoryError)) or (
        "can't allocate memory" in str(error)
    )
