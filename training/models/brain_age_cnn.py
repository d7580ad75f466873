"""Simple fully convolutional network (SFCN) for brain age: the baseline without pretraining.

After SFCN: Peng et al. 2021, "Accurate brain age prediction with lightweight deep neural networks",
doi:10.1016/j.media.2020.101871. Five blocks of convolution, normalisation, halving and ReLU, then a
convolution of single voxels and the mean over what is left. Differences: normalisation is over groups of
channels instead of the batch, since batches are small here, and the head predicts one number.
"""

import torch
from torch import Tensor, nn

from training.models.age_model import AgeModel
from training.settings.preset import Preset

#: Channels of the five blocks, and of the features.
CHANNELS = (32, 64, 128, 256, 256)
FEATURES = 64
_GROUPS = 8


class BrainAgeCnn(AgeModel):
    """Convolutions from scratch with the same head as the encoder's.

    Parameters
    ----------
    preset : Preset
        Gives the volumes' size.
    seed : int
        Of the initial weights of the convolutions.
    head_seed : int
        Of the head's.
    """

    def __init__(self, preset: Preset, *, seed: int, head_seed: int) -> None:
        super().__init__(FEATURES, preset, head_seed=head_seed)
        torch.manual_seed(seed)
        blocks: list[nn.Module] = []
        before, size = preset.channels, min(preset.shape)
        for channels in CHANNELS:
            halving = size > 1
            blocks.append(_block(before, channels, halving=halving))
            before, size = channels, size // 2 if halving else size
        self.blocks = nn.Sequential(*blocks, _point(before, FEATURES))

    def pooled(self, volumes: Tensor) -> Tensor:
        """Return features, averaged over the remaining positions, [B, 64]."""
        return self.blocks(volumes).mean(dim=(2, 3, 4))


def _block(before: int, after: int, *, halving: bool) -> nn.Sequential:
    layers: list[nn.Module] = [
        nn.Conv3d(before, after, kernel_size=3, padding=1),
        nn.GroupNorm(_GROUPS, after),
    ]
    if halving:
        layers.append(nn.MaxPool3d(2))
    return nn.Sequential(*layers, nn.ReLU())


def _point(before: int, after: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv3d(before, after, kernel_size=1), nn.GroupNorm(_GROUPS, after), nn.ReLU()
    )
