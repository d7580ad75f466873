"""Training on a GPU that is only pretended.

``python -m tests.helpers.pretended_device [PRESET[+BACKBONE] …]``

Tensors are torch's fake ones: they have sizes, types and a device, and no values. The device is torch's
backend for others, registered here under a name of its own, which lasts as long as the process. What mixes
devices is an error, as on a GPU. A look at a value, for which a GPU is waited for, is answered with 1 and
counted.

The last line is JSON: of each preset and task, looks within steps and between them, what was saved from
where, how many steps were made, and where the weights lay at the end.
"""

import json
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from lightning_fabric import Fabric
from lightning_fabric.accelerators import CPUAccelerator
from lightning_fabric.plugins.environments import LightningEnvironment
from lightning_fabric.strategies import SingleDeviceStrategy
from torch import Tensor, nn
from torch._subclasses.fake_tensor import (
    FakeTensor,
    FakeTensorDeviceMismatchError,
    FakeTensorMode,
)
from torch.utils import backend_registration
from torch.utils._python_dispatch import TorchDispatchMode, _disable_current_modes
from torch.utils._pytree import tree_map_only

from curation.imaging import prepared_volume
from training.held_out.age_metrics import scale_of
from training.judging.outcome import AGE
from training.models import masking, networks
from training.models.age_model import AgeModel
from training.models.brain_age_cnn import BrainAgeCnn
from training.models.patches import patch_weights
from training.settings.preset import Preset
from training.settings.presets import PRESETS
from training.studies.runs import Run
from training.tasks import checkpoints, pretrain, training_loop
from training.tasks.batches import Batch, Volumes
from training.tasks.finetune import AgeRegression, People
from training.tasks.schedule import Schedule, parameter_groups
from training.tasks.stop_signal import Interruption, Stopped

NAME = "pretended"
PEOPLE = 12
#: As few as shows everything: two epochs of two steps, of four volumes, deformed, stopped amid the second.
EPOCHS, STEPS, STOPPED_AFTER = 2, 2, 3
_SHORT = {
    "pretrain_epochs": EPOCHS,
    "pretrain_steps": STEPS,
    "pretrain_batch": 4,
    "finetune_batch": 4,
    "warp_mm": 3.0,
    "precision": "float32",
    "compiled": False,
}
#: Networks that are fine-tuned; the plain one does not depend on the preset but for its size.
TASKS = ("pretrain", "pretrain in parts", "finetune", "finetune in parts", "cnn")


class Looks(TorchDispatchMode):
    """Answers looks at values with 1, and counts them by where they were made."""

    def __init__(self, mode: FakeTensorMode) -> None:
        super().__init__()
        self.mode, self.counts, self.where = mode, Counter[str](), "between"

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is torch.ops.aten._local_scalar_dense.default:
            self.counts[self.where] += 1
            return 1.0 if args[0].dtype.is_floating_point else 1
        args, kwargs = tree_map_only(Tensor, self._without_value, (args, kwargs or {}))
        return func(*args, **kwargs)

    def _without_value(self, tensor: Tensor) -> Tensor:
        """Forget the value of a single number, which torch would compute with on the device itself."""
        fake = tensor if isinstance(tensor, FakeTensor) else self.mode.from_tensor(tensor)
        fake.constant = None
        return fake

    def array(self, tensor: Tensor) -> np.ndarray:
        """Stand in for ``Tensor.numpy`` of a tensor without values."""
        self.counts[self.where] += 1
        return np.ones(tuple(tensor.shape), str(tensor.dtype).removeprefix("torch."))


class _Backend(backend_registration._DummyBackendModule):
    def get_amp_supported_dtype(self) -> list[torch.dtype]:
        return [torch.bfloat16]


class _Accelerator(CPUAccelerator):
    def setup_device(self, device: torch.device) -> None:
        pass


class _Strategy(SingleDeviceStrategy):
    """Moves a module as ``Module.to`` does; of fake parameters new ones have to be made."""

    def __init__(self) -> None:
        super().__init__(torch.device(NAME, 0), _Accelerator())
        self.moved: dict[Tensor, Tensor] = {}

    def module_to_device(self, module: nn.Module) -> None:
        for part in module.modules():
            for tensors in (part._parameters, part._buffers):
                for name, tensor in tensors.items():
                    if tensor is not None and tensor.device != self.root_device:
                        tensors[name] = self._there(tensor)  # type: ignore[index, assignment]

    def _there(self, tensor: Tensor) -> Tensor:
        if tensor not in self.moved:
            value = tensor.detach().to(self.root_device)
            if isinstance(tensor, nn.Parameter):
                value = nn.Parameter(value, tensor.requires_grad)
            self.moved[tensor] = value
        return self.moved[tensor]


class PretendedFabric(Fabric):
    """Fabric on the pretended device."""

    def __init__(self) -> None:
        super().__init__(devices=1, strategy=_Strategy(), plugins=LightningEnvironment())

    def setup(self, module: nn.Module, *optimizers: Any, **options: Any) -> Any:
        self.to_device(module)
        moved = self._strategy.moved  # type: ignore[attr-defined]
        for group in (group for optimizer in optimizers for group in optimizer.param_groups):
            group["params"] = [moved.get(one, one) for one in group["params"]]
        return super().setup(module, *optimizers, **options)


class _StopAfter(Interruption):
    def __init__(self, steps: int | None) -> None:
        self.left = steps

    @property
    def requested(self) -> bool:  # type: ignore[override]
        self.left = None if self.left is None else self.left - 1
        return self.left == 0


def tried(preset: Preset, task: str, folder: Path) -> dict[str, Any]:
    """Train, stop, resume and finish a task of a preset on the pretended device.

    Returns
    -------
    dict
        ``looks_in_steps`` · ``looks_between`` · ``saved_from`` (where checkpoints and weights lay when they
        were given to the disk) · ``steps`` · ``resumed_at`` · ``weights_on`` (devices).
    """
    shares = patch_weights(prepared_volume.template_brain(preset), preset.patch)
    volumes = Volumes(_files(folder, preset))
    run = Run("run", "pretrain", "A", 0, None, folder / "run")
    found: dict[str, Any] = {}
    saved: Counter[str] = Counter()

    def save(path: Path, state: dict[str, Any]) -> None:
        with _disable_current_modes():
            save_as_usual(path, _materialised(state, saved))

    save_as_usual, checkpoints.save = checkpoints.save, save  # type: ignore[assignment]
    try:
        with FakeTensorMode(allow_non_fake_inputs=True) as mode, Looks(mode) as looks:
            _answering(looks)
            make = _pretraining if task.startswith("pretrain") else _finetuning
            with_parts = 2 if task.endswith("in parts") else 1
            for stop in (_StopAfter(STOPPED_AFTER), _StopAfter(None)):
                trainer, work, weights = make(preset, run, volumes, shares, stop, task, with_parts)
                found["resumed_at"] = trainer.progress.step
                _noting_steps(trainer, looks)
                try:
                    trainer.fit(work)
                    trainer.finish(weights(), {})
                except Stopped:
                    continue
        found["weights_on"] = sorted({str(one.device) for one in trainer.raw.parameters()})
    finally:
        checkpoints.save = save_as_usual
    looked = {"looks_in_steps": looks.counts["step"], "looks_between": looks.counts["between"]}
    return looked | found | {"saved_from": dict(saved), "steps": trainer.progress.step}


def control() -> dict[str, Any]:
    """Do what must not be done: look at a value within a step, and leave a tensor on the CPU."""
    with FakeTensorMode(allow_non_fake_inputs=True) as mode, Looks(mode) as looks:
        there = torch.ones(4, device=torch.device(NAME, 0))
        looks.where = "step"
        assert float(there.sum()) == 1.0
        try:
            mixed = str((there + torch.ones(4)).device)
        except FakeTensorDeviceMismatchError as error:
            mixed = type(error).__name__
    return {"looks_in_steps": looks.counts["step"], "mixed": mixed}


def _answering(looks: Looks) -> None:
    FakeTensor.numpy = lambda self: looks.array(self)  # type: ignore[method-assign, assignment]
    FakeTensor.tolist = lambda self: looks.array(self).tolist()  # type: ignore[method-assign]


def _noting_steps(trainer: training_loop.Trainer, looks: Looks) -> None:
    step = trainer._step

    def noted(task: training_loop.Task, batch: Batch) -> Tensor:
        looks.where = "step"
        try:
            return step(task, batch)
        finally:
            looks.where = "between"

    trainer._step = noted  # type: ignore[method-assign]


def _materialised(value: Any, seen: Counter[str]) -> Any:
    """Return a state with zeros for tensors without values, noting where these lay."""
    if isinstance(value, Tensor):
        seen[str(value.device)] += 1
        return torch.zeros(tuple(value.shape), dtype=value.dtype)
    if isinstance(value, dict):
        return {name: _materialised(one, seen) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_materialised(one, seen) for one in value)
    return value


def _pretraining(
    preset: Preset,
    run: Run,
    volumes: Volumes,
    shares: Tensor,
    stop: Interruption,
    task: str,
    parts: int,
) -> Any:
    with _disable_current_modes():  # batches are sampled in threads, of values
        people = torch.arange(PEOPLE)
    trainer, work, loss = pretrain.begin(
        PretendedFabric(), stop, parts, preset, run, volumes, volumes, shares, people
    )
    return trainer, work, loss.weights_to_keep


def _finetuning(
    preset: Preset,
    run: Run,
    volumes: Volumes,
    shares: Tensor,
    stop: Interruption,
    task: str,
    parts: int,
) -> Any:
    fabric = PretendedFabric()
    model = _age_model(preset, shares, plain=task == "cnn")
    scans = pd.DataFrame(
        {
            "scan_id": np.char.mod("scan-%d", np.arange(PEOPLE)),
            "subject_id": np.char.mod("person-%d", np.arange(PEOPLE)),
            "site": "here",
            "source": "here",
            "age_years": np.linspace(20, 80, PEOPLE),
        }
    )
    with _disable_current_modes():  # batches are sampled in threads, of values
        people = People(volumes, scans, AGE, scale_of(AGE, scans))
    work = AgeRegression(fabric, preset, 0, model, people, people)
    if preset.head_start == "ridge":
        work.start_head()
    schedule = Schedule(seed=0, epochs=EPOCHS, steps=STEPS, lr=1e-3, warmup=0.1, clip_norm=1.0)
    groups = parameter_groups(model, preset)
    trainer = training_loop.Trainer(fabric, run, schedule, model, groups, stop, micro_batches=parts)
    return trainer, work, model.state_dict


def _age_model(preset: Preset, shares: Tensor, *, plain: bool) -> AgeModel:
    if plain:
        return BrainAgeCnn(preset, seed=0, head_seed=0)
    network = networks.build(preset, seed=0)
    with _disable_current_modes():  # how many they are depends on values
        positions = masking.usable(shares, preset)
    return networks.age_model(network, preset, head_seed=0, positions=positions, pretrained=True)


def _files(folder: Path, preset: Preset) -> list[Path]:
    paths = [folder / f"{number}.npy" for number in range(PEOPLE)]
    for path in paths:
        np.save(path, np.zeros(preset.shape, np.float16))
    return paths


def of_backbone(name: str) -> Preset:
    """Return a preset by its name, of another backbone where that follows after a plus."""
    known, _, backbone = name.partition("+")
    preset = PRESETS[known]
    return preset.changed(preset.with_backbone(backbone or "vit"))


def main(names: list[str]) -> None:
    """Try every task of some presets, or of all; print what was found."""
    backend_registration._setup_privateuseone_for_python_backend(NAME, backend_module=_Backend())
    found: dict[str, dict[str, Any]] = {}
    for name in names or PRESETS:
        preset = of_backbone(name)
        for task in TASKS:
            with tempfile.TemporaryDirectory() as folder:
                one = tried(preset.changed(_SHORT), task, Path(folder))
            found.setdefault(name, {})[task] = one
            print(name, task, one, flush=True)
    print(json.dumps(found | {"control": control()}))


if __name__ == "__main__":
    main(sys.argv[1:])
