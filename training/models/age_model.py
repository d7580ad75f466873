"""Networks for brain age: an encoder, its features pooled, and a linear head."""

import torch
from monai.networks.nets.masked_autoencoder_vit import MaskedAutoEncoderViT
from torch import Tensor, nn

from training.models.patches import embed, patchify
from training.settings.preset import Preset


class AgeModel(nn.Module):
    """Pooled features, batch normalisation without weights, linear head.

    The normalisation (as before the linear probe of He et al. 2022, appendix A) takes out what all brains
    share, which is most of a pooled feature; without it, fine-tuning on few people stalls at their mean age.

    Parameters
    ----------
    width : int
        Of the pooled features.
    preset : Preset
        Gives the head's dropout.
    head_seed : int
        Of the head's initial weights.
    """

    def __init__(self, width: int, preset: Preset, *, head_seed: int) -> None:
        super().__init__()
        torch.manual_seed(head_seed)
        self.norm = nn.BatchNorm1d(width, affine=False)
        self.dropout = nn.Dropout(preset.dropout)
        self.head = nn.Linear(width, 1)
        nn.init.zeros_(self.head.bias)

    def forward(self, volumes: Tensor) -> Tensor:
        """Return standardised ages [B] from volumes [B, C, X, Y, Z]."""
        return self.predict(self.pooled(volumes))

    def pooled(self, volumes: Tensor) -> Tensor:
        """Return features of volumes, [B, H]; each volume's depend on nothing but itself."""
        raise NotImplementedError

    def predict(self, features: Tensor) -> Tensor:
        """Return standardised ages [B] from pooled features; in training they depend on the batch."""
        return self.head(self.dropout(self.norm(features.float()))).squeeze(1)

    @torch.no_grad()
    def calibrate(self, features: Tensor) -> None:
        """Set the running statistics of the normalisation from the features of the present encoder.

        Running averages lag behind an encoder that learns fast on few people, by years of error.

        Parameters
        ----------
        features : Tensor, [B, H]
            Of people trained on, never held-out ones; 2 or more.
        """
        variance, mean = torch.var_mean(features.float(), dim=0)
        self.norm.running_mean.copy_(mean)  # type: ignore[union-attr]
        self.norm.running_var.copy_(variance)  # type: ignore[union-attr]


class EncoderAgeModel(AgeModel):
    """A masked autoencoder's encoder, patches shown without gaps, pooled by their mean.

    Parameters
    ----------
    autoencoder : MaskedAutoEncoderViT
        Its encoder is taken over (the very modules), its decoder left behind.
    preset : Preset
        Gives the sizes.
    head_seed : int
        Of the head's initial weights.
    positions : Tensor of int, [K], optional
        Indices of the patches that are shown; all by default. Where masks were sampled among patches with
        brain, those are what the encoder was pretrained on.
    frozen : bool
        True for a linear probe: the encoder stays as it is, and only the head is trained.
    pretrained : bool
        Whether the encoder was pretrained: see :func:`training.tasks.schedule.parameter_groups`.
    """

    positions: Tensor

    def __init__(
        self,
        autoencoder: MaskedAutoEncoderViT,
        preset: Preset,
        *,
        head_seed: int,
        positions: Tensor | None = None,
        frozen: bool = False,
        pretrained: bool = False,
    ) -> None:
        super().__init__(preset.hidden, preset, head_seed=head_seed)
        self.patch, self.pretrained = preset.patch, pretrained
        every = torch.arange(autoencoder.patch_embedding.n_patches)
        self.register_buffer(
            "positions", every if positions is None else positions, persistent=False
        )
        self.patch_embedding = autoencoder.patch_embedding
        self.cls_token = autoencoder.cls_token
        self.blocks = autoencoder.blocks
        if frozen:
            self.requires_grad_(False)
            self.head.requires_grad_(True)

    def pooled(self, volumes: Tensor) -> Tensor:
        """Return the encoder's features, averaged over patches, [B, H]."""
        shown = patchify(volumes, self.patch)[:, self.positions]  # [B, K, P]
        patches = embed(self.patch_embedding, shown, self.positions.expand(len(shown), -1))
        first = self.cls_token.expand(len(patches), -1, -1)
        tokens = self.blocks(torch.cat((first, patches), dim=1))
        return tokens[:, 1:].mean(dim=1)
