"""U-Net as the other backbone: a masked autoencoder with skip connections, and an age model of its encoder.

A small 3D convolutional network won the challenges of 2025 for models pretrained on brain MRI (Gordaliza et
al. 2026, arXiv:2601.13166). The network is MONAI's ``BasicUNet`` (Falk et al. 2019,
doi:10.1038/s41592-018-0261-2): five levels of two convolutions, halved by the maximum, with a decoder that
sees the encoder's features of each level. It learns by masked reconstruction as the transformer does (after
Munk et al. 2024, arXiv:2408.00640): removed patches are taken out of the volume, and predicted.

Differences: normalisation is over groups of channels, since over instances it would take out of the deepest
features the mean that the head reads; a removed patch is shown as the mean patch of its place in the pool
(in presets that are not centred, as 0), and the difference to that is predicted.
"""

import math
from typing import Any, ClassVar

import torch
from monai.networks.nets.basic_unet import BasicUNet, UpCat
from torch import Tensor, nn
from torch.nn import functional

from training.models.age_model import PooledAgeModel
from training.models.masked_autoencoder import ReconstructionLoss
from training.models.masking import PatchMasks
from training.models.patches import patchify, take, unpatchify
from training.settings.backbones import UNET_HALVINGS, unet_channels
from training.settings.preset import Preset

#: Groups of channels that are normalised together, at most.
_GROUPS = 8


def build(preset: Preset, *, seed: int) -> BasicUNet:
    """Build the network with the initial weights of a seed: the same for every arm.

    Parameters
    ----------
    preset : Preset
        Gives the channels.
    seed : int
        Of the weights.
    """
    torch.manual_seed(seed)
    return BasicUNet(**arguments(preset))


def arguments(preset: Preset) -> dict[str, Any]:
    """Return the arguments of ``BasicUNet``, as JSON can hold them."""
    finest, deepest = preset.decoder_hidden, preset.hidden
    groups = math.gcd(finest, deepest, _GROUPS)
    return {
        "spatial_dims": 3,
        "in_channels": preset.channels,
        "out_channels": preset.channels,
        "features": [*unet_channels(deepest, finest), finest],
        "norm": ["group", {"num_groups": groups, "affine": True}],
    }


def encoder_of(network: BasicUNet) -> list[nn.Module]:
    """Return the five levels of the encoder, from the finest on."""
    return [network.conv_0, network.down_1, network.down_2, network.down_3, network.down_4]


class UNetReconstruction(ReconstructionLoss):
    """U-Net and the loss of :class:`.ReconstructionLoss`: the same masks, targets and mean patches.

    Parameters
    ----------
    network : BasicUNet
        From :func:`build`.
    preset, weights
        As there.
    """

    ENCODER: ClassVar[tuple[str, ...]] = ("conv_0", "down_")

    def __init__(self, network: nn.Module, preset: Preset, weights: Tensor) -> None:
        super().__init__(network, preset, weights)
        self.kinds = nn.ModuleList()  # by turns, the images alone tell their modality

    def encode(self, shown: Tensor, kept: Tensor, modality: Tensor | None = None) -> list[Tensor]:
        """Return the features of the five levels, from the finest on, [B, H, X, Y, Z] each.

        Parameters
        ----------
        shown, kept, modality
            As there. What is not shown is 0, in a centred preset the mean.
        """
        whole = self._placed(self._centred(shown, kept, modality), kept)
        features = [unpatchify(whole, self.preset.grid, self.patch)]
        for level in encoder_of(self.network):
            features.append(level(features[-1]))
        return features[1:]

    def pooled(self, encoded: list[Tensor]) -> Tensor:
        """Return the mean of the deepest features, [B, H]."""
        return encoded[-1].mean(dim=(2, 3, 4))

    def predict(
        self, tokens: list[Tensor], masks: PatchMasks, modality: Tensor | None = None
    ) -> Tensor:
        """Predict the removed patches [B, R, P] from the encoder's features."""
        network, (*finer, whole) = self.network, tokens
        steps = (network.upcat_4, network.upcat_3, network.upcat_2, network.upcat_1)
        for step, beside in zip(steps, reversed(finer), strict=True):
            whole = _joined(step, whole, beside)
        differing = patchify(network.final_conv(whole), self.patch)
        return take(differing, masks.removed) + self._at(
            self.mean_patch_out, masks.removed, modality
        )


def _joined(step: UpCat, below: Tensor, beside: Tensor) -> Tensor:
    """Do what a step of the decoder does, in terms that torch compiles without a break."""
    risen = step.upsample(below)
    missing = [there - here for there, here in zip(beside.shape[2:], risen.shape[2:], strict=True)]
    if any(missing):  # halving leaves out the last plane of an odd number
        pads = [pad for size in reversed(missing) for pad in (0, size)]
        risen = functional.pad(risen, pads, "replicate")
    return step.convs(torch.cat((beside, risen), dim=1))


class UNetAgeModel(PooledAgeModel):
    """A U-Net's encoder, patches shown without gaps, and its deepest features pooled.

    Parameters
    ----------
    network : BasicUNet
        Its encoder is taken over (the very modules), its decoder left behind.
    preset, head_seed, positions, frozen, pretrained
        As of :class:`.EncoderAgeModel`.
    mean_patch_in : Tensor, [N, P], optional
        What is subtracted of each patch; 0 by default.
    """

    shown: Tensor
    usual: Tensor

    def __init__(
        self,
        network: BasicUNet,
        preset: Preset,
        *,
        head_seed: int,
        positions: Tensor | None = None,
        frozen: bool = False,
        pretrained: bool = False,
        mean_patch_in: Tensor | None = None,
    ) -> None:
        places = math.prod(size // 2**UNET_HALVINGS for size in preset.shape)
        super().__init__(places, preset, head_seed=head_seed, pretrained=pretrained)
        self.grid, count = preset.grid, math.prod(preset.grid)
        shown = torch.zeros(count, 1)
        shown[torch.arange(count) if positions is None else positions] = 1
        self.register_buffer("shown", shown, persistent=False)
        size = preset.channels * preset.patch**3
        # under the name that a pretraining stores it
        self.register_buffer(
            "usual", torch.zeros(count, size) if mean_patch_in is None else mean_patch_in.clone()
        )
        self.blocks = nn.ModuleList(encoder_of(network))
        if frozen:
            self.freeze()

    def places(self, volumes: Tensor) -> Tensor:
        """Return the deepest features of each place."""
        shown = (patchify(volumes, self.patch) - self.usual) * self.shown
        features = unpatchify(shown, self.grid, self.patch)
        for level in self.blocks:
            features = level(features)
        return features.flatten(2).transpose(1, 2)
