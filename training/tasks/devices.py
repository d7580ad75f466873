"""Which device a run computes on, in which precision, and GPUs of its own."""

import contextlib
import logging
import math
import re
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
from curation.errors import BusyError, StudyError
from curation.storage import files
from training.studies.preset import Preset
from training.tasks.stop_signal import Interruption, Stopped

_log = logging.getLogger(__name__)

#: On a CPU bfloat16 pays from this width on; below it, turning numbers takes longer than it saves.
BF16_WIDTH = 192
#: In bfloat16 on a CPU attention in one kernel pays from this many patches on: tables of all pairs get large.
FUSED_PATCHES = 1000
_POLL_S = 0.2


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
        A function of a module, called as ``work(fabric, interruption, parts, *given)`` in each process.
        ``parts`` is in how many parts a process takes its batches: 1, and twice as many after each time
        that memory ran out in one of them.

    Raises
    ------
    StudyError
        What ``work`` raised of our own errors.
    """
    set_determinism(preset)
    on_gpus = torch.cuda.is_available()
    gpus = leased_gpus(preset.devices, interruption) if on_gpus else nullcontext(preset.devices)
    with gpus as places:
        parts = 1
        while True:
            fabric = fabric_on("cuda" if on_gpus else "cpu", places, preset)
            try:
                fabric.launch(partial(_one_of_several, preset, work, parts, given))
                break
            except ProcessRaisedException as error:
                parts = _after(error, parts, preset.pretrain_batch // preset.devices)
    interruption.check()


def _one_of_several(
    preset: Preset, work: Callable[..., None], parts: int, given: tuple[object, ...], fabric: Fabric
) -> None:
    logs.configure("INFO")
    set_determinism(preset)
    with contextlib.suppress(Stopped):  # the process that waits was asked as well
        work(fabric, Interruption(), parts, *given)


def _after(error: ProcessRaisedException, parts: int, most: int) -> int:
    """Return in how many parts to try again; raise what cannot be helped."""
    said = str(error)
    ours = re.findall(r"^curation\.errors\.\w+: (.+)$", said, re.MULTILINE)
    if ours:
        raise StudyError(ours[-1]) from error
    if "OutOfMemoryError" in said and parts < most:
        _log.warning("memory ran out: batches in %d parts from now on", 2 * parts)
        return 2 * parts
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


def set_determinism(preset: Preset) -> None:
    """Set what holds for the whole process: threads, and on a CPU the same sums every time."""
    torch.set_num_threads(preset.threads)
    if torch.cuda.is_available():
        torch.set_float32_matmul_precision("high")
    else:
        torch.use_deterministic_algorithms(True)
        # every number is written before it is read: filling memory before that takes half the time
        torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
        torch.set_flush_denormal(True)  # numbers next to nothing take the CPU ten times as long


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
    return fabric.device.type == "cuda" or exact or many


@contextlib.contextmanager
def leased_gpus(count: int, interruption: Interruption) -> Iterator[list[int]]:
    """Hold some GPUs, waiting until that many are free at once; none is held while waiting."""
    folder = Path(tempfile.gettempdir())
    places = [
        folder / f"tierscope-{getuid()}-gpu-{_gpu_id(index)}.lock"
        for index in range(torch.cuda.device_count())
    ]
    while True:
        with contextlib.ExitStack() as held:
            if len(taken := _take(places, count, held)) == count:
                yield taken
                return
        interruption.check()
        time.sleep(_POLL_S)


def _gpu_id(index: int) -> str:
    """Return which GPU this is: its number is another one in each job of a cluster."""
    return str(torch.cuda.get_device_properties(index).uuid)


def _take(places: list[Path], count: int, held: contextlib.ExitStack) -> list[int]:
    busy = BusyError("This GPU is taken.")
    taken: list[int] = []
    for index, path in enumerate(places):
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
