"""The 3D masked autoencoder: MONAI's network, and the loss on the patches that were removed.

He et al. 2022, "Masked autoencoders are scalable vision learners", doi:10.1109/CVPR52688.2022.01553.
"""

import warnings

import numpy as np
import torch
from monai.networks.nets.masked_autoencoder_vit import MaskedAutoEncoderViT
from numpy.typing import NDArray
from torch import Tensor, nn

from training.config import Preset


def build(preset: Preset, *, seed: int) -> MaskedAutoEncoderViT:
    """Build the network with the initial weights of a seed: the same for every arm.

    Parameters
    ----------
    preset : Preset
        Gives the sizes.
    seed : int
        Of the weights.
    """
    torch.manual_seed(seed)
    with warnings.catch_warnings():  # MONAI calls torch.meshgrid the old way
        warnings.filterwarnings("ignore", message="torch.meshgrid")
        return _network(preset)


def _network(preset: Preset) -> MaskedAutoEncoderViT:
    return MaskedAutoEncoderViT(
        in_channels=1,
        img_size=preset.shape,
        patch_size=(preset.patch,) * 3,
        hidden_size=preset.hidden,
        mlp_dim=preset.mlp,
        num_layers=preset.layers,
        num_heads=preset.heads,
        masking_ratio=preset.masking_ratio,
        decoder_hidden_size=preset.decoder_hidden,
        decoder_mlp_dim=preset.decoder_mlp,
        decoder_num_layers=preset.decoder_layers,
        decoder_num_heads=preset.decoder_heads,
        pos_embed_type="sincos",
        decoder_pos_embed_type="sincos",
        qkv_bias=True,
    )


def patchify(volumes: Tensor, patch: int) -> Tensor:
    """Cut volumes into cubic patches, in the order of MONAI's patch embedding.

    Parameters
    ----------
    volumes : Tensor, [B, 1, X, Y, Z]
        Each size a multiple of ``patch``.
    patch : int
        Edge of a patch, voxels.

    Returns
    -------
    Tensor, [B, N, patch³]
    """
    b, _, x, y, z = volumes.shape
    cut = volumes.reshape(b, x // patch, patch, y // patch, patch, z // patch, patch)
    return cut.permute(0, 1, 3, 5, 2, 4, 6).reshape(b, -1, patch**3)


def unpatchify(patches: Tensor, grid: tuple[int, int, int], patch: int) -> Tensor:
    """Put patches back into volumes: the inverse of :func:`patchify`.

    Parameters
    ----------
    patches : Tensor, [B, N, patch³]
        In the order of :func:`patchify`.
    grid : tuple of int
        Patches along each axis; their product is N.
    patch : int
        Edge of a patch, voxels.

    Returns
    -------
    Tensor, [B, 1, X, Y, Z]
    """
    gx, gy, gz = grid
    cut = patches.reshape(-1, 1, gx, gy, gz, patch, patch, patch)
    return cut.permute(0, 1, 2, 5, 3, 6, 4, 7).reshape(-1, 1, gx * patch, gy * patch, gz * patch)


def patch_weights(mask: NDArray[np.bool_], patch: int) -> Tensor:
    """Return the share of brain in each patch, 0 to 1, [N]: empty patches teach nothing."""
    volume = torch.from_numpy(np.array(mask, dtype=np.float32))[None, None]
    return patchify(volume, patch).mean(dim=2)[0]


class ReconstructionLoss(nn.Module):
    """Masked autoencoder and its loss in one module.

    Parameters
    ----------
    network : MaskedAutoEncoderViT
        From :func:`build`.
    preset : Preset
        Gives patch and target.
    weights : Tensor, [N]
        Of each patch in the loss, from :func:`patch_weights`.
    """

    weights: Tensor

    def __init__(self, network: MaskedAutoEncoderViT, preset: Preset, weights: Tensor) -> None:
        super().__init__()
        self.network = network
        self.patch = preset.patch
        self.normalise_targets = preset.normalise_targets
        self.register_buffer("weights", weights, persistent=False)

    def forward(self, volumes: Tensor) -> Tensor:
        """Return the weighted mean squared error over removed patches, a scalar.

        Parameters
        ----------
        volumes : Tensor, [B, 1, X, Y, Z]
            Standardised intensities.
        """
        _, error, removed = self.patch_errors(volumes)
        weight = removed * self.weights
        return (error * weight).sum() / weight.sum().clamp_min(1e-6)

    def patch_errors(self, volumes: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return what is predicted, how far off each patch is, and which patches were removed.

        Parameters
        ----------
        volumes : Tensor, [B, 1, X, Y, Z]
            Standardised intensities.

        Returns
        -------
        predicted : Tensor, [B, N, P]
            In the volumes' intensities, whatever the loss is computed on.
        error : Tensor, [B, N]
            Mean squared error of each patch, on what the loss is computed on.
        removed : Tensor, [B, N]
            1 where a patch was removed.
        """
        predicted, removed = self.network(volumes)
        target = patchify(volumes, self.patch)
        if not self.normalise_targets:
            return predicted, (predicted - target).square().mean(dim=-1), removed
        mean, variance = target.mean(-1, keepdim=True), target.var(-1, keepdim=True)
        spread = (variance + 1e-6).sqrt()
        error = (predicted - (target - mean) / spread).square().mean(dim=-1)
        return predicted * spread + mean, error, removed
