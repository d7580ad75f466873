"""Volumes a second of pretraining against MONAI's stock recipe: ``make bench-training``.

Both train the same network with the same batch on the same prepared volumes, by turns in one process. The
stock recipe is what MONAI's documentation puts together: ``CacheDataset``, ``DataLoader``, the network's own
``forward``, float32, AdamW. On a GPU ``gpu-base`` is timed, on a CPU ``laptop``.

On a CPU time is the process's own (``time.process_time``), so that other programs do not count.
"""

import argparse
import json
import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import monai
import numpy as np
import torch
from lightning_fabric import Fabric
from monai.data import CacheDataset, DataLoader
from monai.networks.nets import MaskedAutoEncoderViT
from monai.transforms import (
    Compose,
    EnsureChannelFirstd,
    LoadImaged,
    RandFlipd,
    RandScaleIntensityd,
    RandShiftIntensityd,
)
from torch import nn

from curation.imaging import prepared_volume
from training.models import masked_autoencoder
from training.models.masked_autoencoder import ReconstructionLoss
from training.models.patches import patch_weights, patchify
from training.settings.preset import Preset
from training.settings.presets import PRESETS
from training.studies.runs import Run
from training.tasks import devices, pretrain, training_loop
from training.tasks.batches import Volumes, batches
from training.tasks.schedule import Schedule, split_decay
from training.tasks.stop_signal import Interruption

_MATRIX = 8192


def main() -> None:
    """Print what is measured, and the figures as JSON in the last line."""
    chosen = _parser().parse_args()
    print(
        f"torch {torch.__version__}, monai {monai.__version__}, {platform.processor() or platform.machine()}"
    )
    figures: dict[str, float | str | None] = dict.fromkeys(
        ("cpu_ratio", "gpu_ratio", "gpu_name", "data_wait_share", "peak_share")
    )
    with tempfile.TemporaryDirectory() as folder:
        preset = PRESETS[chosen.preset].changed({"threads": chosen.threads})
        figures["cpu_ratio"], _ = _compare("cpu", preset, Path(folder), chosen)
        if torch.cuda.is_available():
            figures |= _on_gpu(Path(folder), chosen)
    print(json.dumps(figures))


def _on_gpu(folder: Path, chosen: argparse.Namespace) -> dict[str, float | str | None]:
    preset = PRESETS["gpu-base"]
    ratio, ours = _compare("cuda", preset, folder, chosen)
    volumes_per_s = ours.meter.numbers()["volumes_per_s"]
    peak = _matrix_peak()
    share = volumes_per_s * flops(preset) / peak
    print(
        f"gpu-base: {volumes_per_s:.0f} volumes/s, matrix products reach {peak / 1e12:.0f} TFLOP/s"
    )
    return {
        "gpu_ratio": ratio,
        "gpu_name": torch.cuda.get_device_name(),
        "data_wait_share": ours.meter.numbers()["data_wait_share"],
        "peak_share": round(share, 3),
    }


def _compare(
    kind: str, preset: Preset, folder: Path, chosen: argparse.Namespace
) -> tuple[float, "_Ours"]:
    """Time both by turns and return how many times the stock recipe's volumes a second ours makes."""
    paths = _volumes(folder / kind, preset, chosen.volumes)
    with devices.device(preset, Interruption()) if kind == "cuda" else _cpu(preset) as fabric:
        ours = _Ours(fabric, preset, paths, folder / kind)
        stock = _Stock(fabric.device, preset, paths)
        seconds: dict[str, list[float]] = {"ours": [], "stock": []}
        for turn in range(chosen.turns + 1):
            for name, one in (("ours", ours), ("stock", stock)):
                spent = _timed(one.steps, chosen.steps, kind)
                if turn:  # the first warms up
                    seconds[name].append(spent)
        speed = {
            name: chosen.steps * preset.pretrain_batch / statistics.median(spent)
            for name, spent in seconds.items()
        }
        precision = fabric.strategy.precision.precision
    print(
        f"{kind}, {preset.name}, batch {preset.pretrain_batch}, {preset.threads} thread(s): ours "
        f"{speed['ours']:.2f} volumes/s in {precision}, stock {speed['stock']:.2f} in float32"
    )
    return round(speed["ours"] / speed["stock"], 2), ours


class _Ours:
    """Pretraining as :mod:`training.tasks.pretrain` does it."""

    def __init__(self, fabric: Fabric, preset: Preset, paths: list[Path], folder: Path) -> None:
        network = masked_autoencoder.build(preset, seed=0)
        masked_autoencoder.use_fused_attention(network, devices.fuses_attention(fabric, preset))
        shares = patch_weights(prepared_volume.template_brain(preset), preset.patch)
        loss = ReconstructionLoss(network, preset, shares)
        schedule = Schedule(seed=0, epochs=1000, steps=1000, lr=1e-4, warmup=0.1, clip_norm=1.0)
        groups = split_decay([p for p in loss.parameters() if p.requires_grad], preset.weight_decay)
        run = Run("bench", "pretrain", "all", 0, None, folder / "run")
        self.trainer = training_loop.Trainer(
            fabric, run, schedule, loss, groups, Interruption(), compiled=preset.compiled
        )
        self.meter = self.trainer.meter
        self.task = pretrain.MaskedReconstruction(fabric, preset, 0, Volumes(paths), shares)
        prefetch = fabric.device.type == "cuda"
        self._prefetched = self.meter.waiting_for(
            batches(self.task.sample, 0, 10**6, prefetch=prefetch)
        )

    def steps(self, count: int) -> None:
        """Train some steps."""
        for _ in range(count):
            self.trainer._step(self.task, next(self._prefetched))
            self.trainer.progress.step += 1
            self.meter.count(self.task.size)


class _Stock:
    """MONAI's parts, put together as its documentation does."""

    def __init__(self, device: torch.device, preset: Preset, paths: list[Path]) -> None:
        self.device = device
        keys = ["image"]
        transforms = Compose(
            [
                LoadImaged(keys, reader="NumpyReader"),
                EnsureChannelFirstd(keys, channel_dim="no_channel"),
                RandFlipd(keys, prob=0.5, spatial_axis=0),
                RandScaleIntensityd(keys, factors=0.05, prob=1.0),
                RandShiftIntensityd(keys, offsets=0.05, prob=1.0),
            ]
        )
        data = CacheDataset([{"image": path} for path in paths], transforms, progress=False)
        self.loader = DataLoader(data, batch_size=preset.pretrain_batch, shuffle=True)
        self.network = MaskedAutoEncoderViT(**masked_autoencoder.arguments(preset)).to(device)
        self.optimizer = torch.optim.AdamW(self.network.parameters(), lr=1e-4)
        self.patch, self.dtype = preset.patch, torch.float32
        self._prefetched = self._endless()

    def _endless(self) -> Iterator[torch.Tensor]:
        while True:
            for batch in self.loader:
                yield batch["image"]

    def steps(self, count: int) -> None:
        """Train some steps."""
        for _ in range(count):
            images = next(self._prefetched).to(self.device, self.dtype).as_tensor()
            predicted, mask = self.network(images)
            target = patchify(images, self.patch)
            error = nn.functional.mse_loss(predicted, target, reduction="none").mean(-1)
            loss = (error * mask).sum() / mask.sum()
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            loss.item()


def flops(preset: Preset) -> float:
    """Return floating-point operations of the matrix products for one volume, forward and backward."""
    places = int(np.prod(preset.grid))
    shown = max(1, int((1 - preset.masking_ratio) * places)) + 1
    values = preset.channels * preset.patch**3

    def blocks(tokens: int, width: int, mlp: int, count: int) -> float:
        products = 4 * width**2 + 2 * width * mlp
        return count * (2 * tokens * products + 4 * tokens**2 * width)

    forward = (
        2 * shown * values * preset.hidden
        + blocks(shown, preset.hidden, preset.mlp, preset.layers)
        + 2 * shown * preset.hidden * preset.decoder_hidden
        + blocks(places + 1, preset.decoder_hidden, preset.decoder_mlp, preset.decoder_layers)
        + 2 * (places - shown + 1) * preset.decoder_hidden * values
    )
    return 3 * forward


def _matrix_peak() -> float:
    """Return the operations a second that a large product of bfloat16 matrices reaches on this GPU."""
    a, b = (torch.randn(_MATRIX, _MATRIX, device="cuda", dtype=torch.bfloat16) for _ in "ab")

    def multiply(times: int) -> None:
        for _ in range(times):
            torch.mm(a, b)

    multiply(10)
    return max(2 * _MATRIX**3 * 50 / _timed(multiply, 50, "cuda") for _ in range(5))


def _timed(work: Callable[[int], None], count: int, kind: str) -> float:
    clock = time.perf_counter if kind == "cuda" else time.process_time
    if kind == "cuda":
        torch.cuda.synchronize()
    before = clock()
    work(count)
    if kind == "cuda":
        torch.cuda.synchronize()
    return clock() - before


class _cpu:
    """The CPU, also where there is a GPU."""

    def __init__(self, preset: Preset) -> None:
        self.preset = preset

    def __enter__(self) -> Fabric:
        torch.set_num_threads(self.preset.threads)
        torch.set_flush_denormal(True)
        return devices.fabric_on("cpu", 1, self.preset)

    def __exit__(self, *_: object) -> None:
        return None


def _volumes(folder: Path, preset: Preset, count: int) -> list[Path]:
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    paths = [folder / f"{number}.npy" for number in range(count)]
    for path in paths:
        np.save(path, rng.normal(0, 1, preset.shape).astype(np.float16))
    return paths


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--preset", choices=list(PRESETS), default="laptop", help="for the CPU")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--volumes", type=int, default=64)
    parser.add_argument("--turns", type=int, default=5, help="of each, after one to warm up")
    parser.add_argument("--steps", type=int, default=4, help="in a turn")
    return parser


if __name__ == "__main__":
    main()
