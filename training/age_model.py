"""Brain age from a masked autoencoder's encoder: all patches in, pooled, one number out."""

import torch
from monai.networks.nets.masked_autoencoder_vit import MaskedAutoEncoderViT
from torch import Tensor, nn

from training.config import Preset


class AgeModel(nn.Module):
    """Encoder, mean over patches, batch normalisation without weights, linear head.

    The normalisation (as before the linear probe of He et al. 2022, appendix A) takes out what all brains
    share, which is most of a pooled feature; without it, fine-tuning on few people stalls at their mean age.

    Parameters
    ----------
    autoencoder : MaskedAutoEncoderViT
        Its encoder is taken over (the very modules), its decoder left behind.
    preset : Preset
        Gives the head's dropout.
    head_seed : int
        Of the head's initial weights.
    """

    def __init__(
        self, autoencoder: MaskedAutoEncoderViT, preset: Preset, *, head_seed: int
    ) -> None:
        super().__init__()
        self.patch_embedding = autoencoder.patch_embedding
        self.cls_token = autoencoder.cls_token
        self.blocks = autoencoder.blocks
        torch.manual_seed(head_seed)
        self.norm = nn.BatchNorm1d(preset.hidden, affine=False)
        self.dropout = nn.Dropout(preset.dropout)
        self.head = nn.Linear(preset.hidden, 1)
        nn.init.zeros_(self.head.bias)

    def forward(self, volumes: Tensor) -> Tensor:
        """Return standardised ages [B] from volumes [B, 1, X, Y, Z]."""
        return self.head(self.dropout(self.norm(self.pooled(volumes)))).squeeze(1)

    def pooled(self, volumes: Tensor) -> Tensor:
        """Return the encoder's features, averaged over patches, [B, H]."""
        patches = self.patch_embedding(volumes)  # [B, N, H]
        first = self.cls_token.expand(len(patches), -1, -1)
        tokens = self.blocks(torch.cat((first, patches), dim=1))
        return tokens[:, 1:].mean(dim=1)

    @torch.no_grad()
    def calibrate(self, volumes: Tensor) -> None:
        """Set what the normalisation uses outside of training from the encoder as it is now.

        Running averages lag behind an encoder that learns fast on few people, by years of error.

        Parameters
        ----------
        volumes : Tensor, [B, 1, X, Y, Z]
            People trained on, never held-out ones; 2 or more.
        """
        variance, mean = torch.var_mean(self.pooled(volumes), dim=0)
        self.norm.running_mean.copy_(mean)  # type: ignore[union-attr]
        self.norm.running_var.copy_(variance)  # type: ignore[union-attr]

    def parameter_groups(self, preset: Preset) -> list[dict]:
        """Return parameters by depth for AdamW: ``lr_scale`` falls by ``layer_decay`` a block."""
        layers = len(self.blocks)
        depths: dict[int, list[nn.Parameter]] = {}
        for name, parameter in self.named_parameters():
            if parameter.requires_grad:
                depths.setdefault(_depth(name, layers), []).append(parameter)
        return [
            group
            for depth, parameters in sorted(depths.items())
            for group in split_decay(
                parameters, preset.weight_decay, preset.layer_decay ** (layers - depth)
            )
        ]


def split_decay(
    parameters: list[nn.Parameter], weight_decay: float, lr_scale: float = 1.0
) -> list[dict]:
    """Split parameters into matrices, which decay, and vectors, which do not."""
    matrices = [parameter for parameter in parameters if parameter.squeeze().ndim > 1]
    vectors = [parameter for parameter in parameters if parameter.squeeze().ndim <= 1]
    groups = [
        {"params": matrices, "weight_decay": weight_decay, "lr_scale": lr_scale},
        {"params": vectors, "weight_decay": 0.0, "lr_scale": lr_scale},
    ]
    return [group for group in groups if group["params"]]


def _depth(name: str, layers: int) -> int:
    """Return 0 for the patch embedding, block + 1 for a block, ``layers`` for norm and head."""
    part, _, rest = name.partition(".")
    if part == "blocks":
        return min(int(rest.partition(".")[0]) + 1, layers)
    return 0 if part in {"patch_embedding", "cls_token"} else layers
