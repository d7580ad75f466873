"""Throughput of a run: volumes a second, share of time waiting for data, and GPU memory."""

import time
from collections.abc import Iterator

import torch
from lightning_fabric import Fabric

from training.tasks.batches import Batch


class Meter:
    """Counts since the process started; the first step, in which things are warmed up, is left out.

    Parameters
    ----------
    fabric : Fabric
        Gives the device.
    """

    def __init__(self, fabric: Fabric) -> None:
        self._cuda = fabric.device.type == "cuda"
        self._torch_device = fabric.device
        self._started: float | None = None
        self._volumes = 0
        self._waited_s = 0.0
        self.device = torch.cuda.get_device_name(fabric.device) if self._cuda else "cpu"

    def waiting_for(self, batches: Iterator[Batch]) -> Iterator[Batch]:
        """Yield the batches, noting how long each was waited for."""
        while True:
            before = time.perf_counter()
            batch = next(batches, None)
            if batch is None:
                return
            if self._started is not None:
                self._waited_s += time.perf_counter() - before
            yield batch

    def count(self, volumes: int) -> None:
        """Note a finished step."""
        if self._started is None:
            self._started = time.perf_counter()
        else:
            self._volumes += volumes

    def numbers(self) -> dict[str, float]:
        """Return the measurements so far.

        Returns
        -------
        dict
            ``volumes_per_s`` · ``data_wait_share`` (of the time, 0 to 1) · on a GPU ``gpu_memory_gib``, the
            most that was taken so far.
        """
        elapsed = 0.0 if self._started is None else time.perf_counter() - self._started
        numbers = {}
        if self._volumes:
            numbers["volumes_per_s"] = round(self._volumes / elapsed, 3)
            numbers["data_wait_share"] = round(self._waited_s / elapsed, 4)
        if self._cuda:
            peak = torch.cuda.max_memory_allocated(self._torch_device)
            numbers["gpu_memory_gib"] = round(peak / 2**30, 2)
        return numbers
