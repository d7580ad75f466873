"""Contrast of two views of a scan with those of other people, on the encoder of the masked autoencoder.

Chen et al. 2020, "A simple framework for contrastive learning of visual representations" (SimCLR),
arXiv:2002.05709. What is contrasted are the mean tokens that fine-tuning reads age from, through a
projection head that is trained along and left behind.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from training.models.masked_autoencoder import ReconstructionLoss
from training.models.masking import PatchMasks
from training.models.patches import cut_out, patchify, voxels_of_patches
from training.settings.objectives import OBJECTIVES
from training.settings.preset import Preset

#: Width of the embeddings that are compared.
EMBEDDING = 128


class View(NamedTuple):
    """A view of some volumes: intensities [B, C, X, Y, Z], and the indices of the patches shown [B, K]."""

    volumes: Tensor
    kept: Tensor


def nt_xent(embeddings: Tensor, people: Tensor, temperature: float) -> Tensor:
    """Return the normalised, temperature-scaled cross entropy of two views, a scalar of 0 or more.

    Parameters
    ----------
    embeddings : Tensor, [2, B, D]
        Of the first and of the second view of each scan; only their direction counts.
    people : Tensor of int, [B]
        Whose scans they are. Scans of one person are never told apart.
    temperature : float
        What cosine similarities are divided by, above 0.

    Notes
    -----
    With unit vectors ``z`` of the 2 B views and ``i'`` the other view of the scan of ``i``, it is the mean
    over views of ``−log(exp(z_i·z_i'/t) / Σ_k exp(z_i·z_k/t))``; ``k`` goes over ``i'`` and the views of
    other people. Where there are no other people it is 0.

    Examples
    --------
    >>> alike = torch.eye(2).expand(2, 2, 2)  # both views of a scan the same, two scans at right angles
    >>> round(float(nt_xent(alike, torch.arange(2), 1.0)), 4)  # log(1 + 2 / e)
    0.5514
    """
    with torch.autocast(embeddings.device.type, enabled=False):
        views = functional.normalize(embeddings.float().flatten(0, 1), dim=1)
        similarity = views @ views.T / temperature
        twin = torch.arange(len(views), device=views.device).roll(len(people))
        person = people.repeat(2)
        left_out = person.unsqueeze(0) == person.unsqueeze(1)
        left_out[torch.arange(len(views), device=views.device), twin] = False
        return functional.cross_entropy(similarity.masked_fill(left_out, -torch.inf), twin)


@torch.no_grad()
def twins_found(embeddings: Tensor, people: Tensor) -> Tensor:
    """Return the share of views, 0 to 1, whose nearest view of another person is farther than their twin."""
    views = functional.normalize(embeddings.float().flatten(0, 1), dim=1)
    similarity, person = views @ views.T, people.repeat(2)
    same = person.unsqueeze(0) == person.unsqueeze(1)
    others = similarity.masked_fill(same, -torch.inf).amax(dim=1)
    twins = (views * views.roll(len(people), dims=0)).sum(dim=1)
    return (twins > others).double().mean()


class ViewContrast(nn.Module):
    """Autoencoder with a projection head: the error of removed patches, and embeddings of two views.

    Parameters
    ----------
    reconstruction : ReconstructionLoss
        The autoencoder; its decoder stays as it is where the objective has no reconstruction.
    preset : Preset
        Gives objective and width.
    seed : int
        Of the projection head.
    """

    voxels: Tensor

    def __init__(self, reconstruction: ReconstructionLoss, preset: Preset, *, seed: int) -> None:
        super().__init__()
        self.reconstruction = reconstruction
        self.reconstructs = OBJECTIVES[preset.objective].reconstructs
        self.register_buffer("voxels", voxels_of_patches(preset), persistent=False)
        torch.manual_seed(seed)
        self.head = nn.Sequential(
            nn.Linear(preset.hidden, preset.hidden),
            nn.ReLU(),
            nn.Linear(preset.hidden, EMBEDDING),
        )
        if not self.reconstructs:
            for name, parameter in reconstruction.network.named_parameters():
                if not name.startswith(reconstruction.ENCODER):
                    parameter.requires_grad_(False)

    def forward(self, first: View, second: View, masks: PatchMasks) -> tuple[Tensor, Tensor]:
        """Return the error of the first view's removed patches, and the embeddings of both views.

        Parameters
        ----------
        first, second : View
            Of the same scans.
        masks : PatchMasks
            What of the first is shown and asked for; asked for only where the objective reconstructs.

        Returns
        -------
        error : Tensor
            As :meth:`.ReconstructionLoss.forward`, a scalar; 0 where nothing is reconstructed.
        embeddings : Tensor, [2, B, D]
        """
        loss = self.reconstruction
        views = [(view.volumes.float(), view.kept) for view in (first, second)]
        tokens = [loss.encode(cut_out(volumes, kept, self.voxels), kept) for volumes, kept in views]
        pooled = torch.stack([loss.pooled(each) for each in tokens])
        error = pooled.new_zeros(())
        if self.reconstructs:
            error = loss.error(tokens[0], patchify(views[0][0], loss.patch), masks)
        return error, self.head(pooled)
