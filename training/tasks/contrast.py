"""Contrast of two views as a pretraining task, alone or beside the reconstruction.

The first view is what a masked autoencoder is shown at the same step; the second has its own left or right,
shift, contrast and patches. Both are deformed alike: what differs between the views is what the encoder
learns to ignore, and the sizes of things are what age is read from. For the same reason no view is
enlarged, and contrast changes by some 5 % only.
"""

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from training.models import masking
from training.models.contrast import View, ViewContrast, nt_xent, twins_found
from training.models.masking import PatchMasks
from training.settings.objectives import OBJECTIVES
from training.settings.preset import Preset
from training.tasks.batches import (
    Augmentation,
    Batch,
    Volumes,
    change_contrast,
    mirrored_displacement,
    warp,
)
from training.tasks.masked_reconstruction import MaskedReconstruction
from training.tasks.schedule import step_seed


class Contrast(MaskedReconstruction):
    """Contrast of views: with the patches that are removed predicted as well where the objective says so.

    Scans are told from those of the whole step, also where several processes share it or the memory is too
    small for it: gradients are those of the whole batch then ("gradient caching", Gao et al. 2021,
    doi:10.18653/v1/2021.repl4nlp-1.31).

    Parameters
    ----------
    fabric, preset, seed, volumes, shares
        As for :class:`.MaskedReconstruction`.
    people : Tensor of int, [V]
        Whose scan each volume is.
    """

    sums: Tensor

    def __init__(
        self,
        fabric: Fabric,
        preset: Preset,
        seed: int,
        volumes: Volumes,
        shares: Tensor,
        people: Tensor,
    ) -> None:
        super().__init__(fabric, preset, seed, volumes, shares)
        self.people, self.objective = people, OBJECTIVES[preset.objective]
        self.weight = preset.contrast_weight if self.objective.reconstructs else 1.0
        self.sums = torch.zeros(3, dtype=torch.float64, device=fabric.device)

    def sample(self, step: int) -> Batch:
        """Sample both views of this process's share of the batch, and whose scans all of it are."""
        preset, count = self.preset, self.preset.pretrain_batch
        batch, first = self.view(step)
        # from a generator of its own: the first view stays what a masked autoencoder is shown
        rng = np.random.default_rng([step_seed(self.seed, step), 1])
        changes = Augmentation.sample(
            rng, count, channels=preset.channels, shift_voxels=preset.shift_voxels
        )
        crops = [masking.sample_crops(rng, count, self.shares, preset)[self.own] for _ in range(2)]
        second = changes.part(self.own)
        indices = self.indices(step)
        batch |= {
            "second": self.volumes.batch(indices[self.own], second, self.dtype),
            "second_gain": second.gain,
            "second_offset": second.offset,
            "second_kept": crops[0],
            "person": self.people[indices][self.own],
        }
        if not self.objective.reconstructs:
            batch["kept"] = crops[1]
        if "displacement" in batch:
            turned = torch.from_numpy(first.flip != second.flip)
            batch["second_displacement"] = mirrored_displacement(batch["displacement"], turned)
        return batch

    def backward(self, fabric: Fabric, model: nn.Module, micro_batches: list[Batch]) -> Tensor:
        """Add the gradient of a whole batch, or accumulate the same over its micro-batches."""
        people = self._everybody(torch.cat([batch["person"] for batch in micro_batches]))
        if len(micro_batches) == 1:
            error, embeddings = _forward(model, micro_batches[0])
            contrast, found = self._contrast(embeddings, people)
            fabric.backward((error + contrast) * fabric.world_size)  # processes are averaged
            return self._counted(error, contrast, found)
        with torch.no_grad(), fabric.autocast():
            parts = [_forward(_unwrapped(model), batch)[1] for batch in micro_batches]
        embeddings = torch.cat(parts, dim=1).float().requires_grad_()
        contrast, found = self._contrast(embeddings, people)
        (slopes,) = torch.autograd.grad(contrast, embeddings)
        total = torch.zeros((), dtype=torch.float64, device=fabric.device)
        sizes = [part.shape[1] for part in parts]
        for number, (batch, slope) in enumerate(
            zip(micro_batches, slopes.split(sizes, dim=1), strict=True), start=1
        ):
            more = fabric.world_size > 1 and number < len(micro_batches)
            with fabric.no_backward_sync(model, enabled=more):  # type: ignore[arg-type]
                error, again = _forward(model, batch)
                fabric.backward((error + (again.float() * slope).sum()) * fabric.world_size)
            total += error.detach()
        return self._counted(total, contrast, found)

    def evaluate(self) -> dict[str, float]:
        """Return the parts of the loss over the epoch, and how many views were nearest to their twin."""
        error, contrast, found = (self.sums / self.preset.pretrain_steps).tolist()
        self.sums.zero_()
        parts = {"contrast_loss": contrast, "twins_found": found}
        return {"reconstruction_loss": error, **parts} if self.objective.reconstructs else parts

    def _contrast(self, embeddings: Tensor, people: Tensor) -> tuple[Tensor, Tensor]:
        """Return the weighted contrast of the whole step, and the share of views that find their twin.

        Of the views of other processes it has no gradient: each process computes its own share of the
        gradient, and the shares of all add up to that of the step.
        """
        if self.fabric.world_size > 1:
            gathered = self.fabric.all_gather(embeddings.detach())
            parts = list(gathered.unbind(0))  # type: ignore[union-attr]
            parts[self.fabric.global_rank] = embeddings
            embeddings = torch.cat(parts, dim=1)
        contrast = self.weight * nt_xent(embeddings, people, self.preset.temperature)
        return contrast, twins_found(embeddings.detach(), people)

    def _everybody(self, people: Tensor) -> Tensor:
        if self.fabric.world_size == 1:
            return people
        return self.fabric.all_gather(people).flatten()  # type: ignore[union-attr]

    def _counted(self, error: Tensor, contrast: Tensor, found: Tensor) -> Tensor:
        """Add up what is told after the epoch; return this process's share of the loss."""
        share = contrast.detach() / self.fabric.world_size
        whole = error.detach().double()
        if self.fabric.world_size > 1:
            whole = self.fabric.all_reduce(whole.clone(), reduce_op="sum")  # type: ignore[assignment]
        self.sums += torch.stack([whole, contrast.detach().double() / self.weight, found])
        return error.detach() + share


def _forward(model: nn.Module, batch: Batch) -> tuple[Tensor, Tensor]:
    masks = PatchMasks(batch["kept"], batch["removed"], batch["weights"])
    first, second = (_seen(batch, name) for name in ("", "second_"))
    return model(View(first, batch["kept"]), View(second, batch["second_kept"]), masks)


def _seen(batch: Batch, prefix: str) -> Tensor:
    """Return the volumes of a view with contrast changed and, where it is, deformed."""
    volumes = batch[prefix.rstrip("_") or "volumes"]
    volumes = change_contrast(volumes, batch[f"{prefix}gain"], batch[f"{prefix}offset"])
    displacement = batch.get(f"{prefix}displacement")
    return volumes if displacement is None else warp(volumes, displacement)


def _unwrapped(model: nn.Module) -> nn.Module:
    """Return the model without what makes its gradients wait for those of other processes."""
    return next(part for part in model.modules() if isinstance(part, ViewContrast))
