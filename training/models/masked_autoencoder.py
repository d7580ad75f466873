"""The 3D masked autoencoder: MONAI's network, walked through without what its own forward does in vain.

He et al. 2022, "Masked autoencoders are scalable vision learners", doi:10.1109/CVPR52688.2022.01553.

MONAI's ``forward`` embeds all patches and then drops most, and predicts all and then compares some. Here
patches are gathered before they are embedded and predicted only where they were removed. The numbers are
the same, and so are the names of the weights.
"""

import warnings
from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from monai.networks.blocks.selfattention import SABlock
from monai.networks.blocks.transformerblock import TransformerBlock
from monai.networks.nets.masked_autoencoder_vit import MaskedAutoEncoderViT
from torch import Tensor, nn

from training.models.attention_init import mimetic_init
from training.models.masking import PatchMasks
from training.models.masking import sample_masks as draw_masks
from training.models.monai_weights import BESIDE
from training.models.patches import embed, mean_patches, moments, patchify, take
from training.studies.preset import Preset


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
        network = MaskedAutoEncoderViT(**arguments(preset))
    for block in network.modules():
        if isinstance(block, TransformerBlock):
            block.norm_cross_attn.requires_grad_(False)  # MONAI makes it and never uses it
    if preset.locality:
        mimetic_init(network, preset.locality, seed=seed)
    return network


def arguments(preset: Preset) -> dict[str, Any]:
    """Return what ``MaskedAutoEncoderViT`` is built with, as JSON can hold it."""
    return {
        "in_channels": preset.channels,
        "img_size": list(preset.shape),
        "patch_size": [preset.patch] * 3,
        "hidden_size": preset.hidden,
        "mlp_dim": preset.mlp,
        "num_layers": preset.layers,
        "num_heads": preset.heads,
        "masking_ratio": preset.masking_ratio,
        "decoder_hidden_size": preset.decoder_hidden,
        "decoder_mlp_dim": preset.decoder_mlp,
        "decoder_num_layers": preset.decoder_layers,
        "decoder_num_heads": preset.decoder_heads,
        "pos_embed_type": "sincos",
        "decoder_pos_embed_type": "sincos",
        "qkv_bias": True,
    }


def use_fused_attention(network: nn.Module, fused: bool) -> None:
    """Choose how attention is computed: in one kernel, or step by step. The weights do not change."""
    for block in network.modules():
        if isinstance(block, SABlock):
            block.use_flash_attention = fused


class ReconstructionLoss(nn.Module):
    """Masked autoencoder, what tells it the kind of image, and its loss in one module.

    The decoder predicts by how much a patch differs from what is :attr:`expected` at its place, [M, N, P]
    for each of the kinds: so training starts at the mean patch instead of spending itself on finding it.
    A centred preset shows the encoder differences too, from :attr:`usual`, [M, N, P].

    Parameters
    ----------
    network : MaskedAutoEncoderViT
        From :func:`build`.
    preset : Preset
        Gives patch, target, masks and modalities.
    weights : Tensor, [N]
        Of each patch in the loss, from :func:`patch_weights`.
    """

    weights: Tensor
    expected: Tensor
    usual: Tensor

    def __init__(self, network: MaskedAutoEncoderViT, preset: Preset, weights: Tensor) -> None:
        super().__init__()
        self.network, self.preset, self.patch = network, preset, preset.patch
        self.register_buffer("weights", weights, persistent=False)
        kinds = 1 if preset.paired else len(preset.modalities)
        widths = (preset.hidden, preset.decoder_hidden) if kinds > 1 else ()
        places, size = network.patch_embedding.n_patches, network.decoder_pred.out_features
        self.register_buffer("expected", torch.zeros(kinds, places, size))
        if preset.centred:
            self.register_buffer("usual", torch.zeros(kinds, places, size))
        self.kinds = nn.ModuleList([nn.Embedding(kinds, width) for width in widths])
        for weight in self.kinds.parameters():
            nn.init.normal_(weight, std=0.02)

    def forward(
        self, volumes: Tensor, masks: PatchMasks | None = None, kind: Tensor | None = None
    ) -> Tensor:
        """Return the weighted mean squared error over removed patches, a scalar.

        Parameters
        ----------
        volumes : Tensor, [B, C, X, Y, Z]
            Standardised intensities.
        masks : Masks, optional
            What is shown and asked for; drawn by torch's generator by default. Its weights sum to 1 over
            the whole batch of a step, so that losses of its parts add up to the batch's.
        kind : Tensor of int, [B], optional
            Which of the preset's modalities each volume is, where they are not paired; the first by default.
        """
        masks = masks or self._masks(volumes)
        _, error = self._errors(volumes, masks, kind)
        return (error * masks.weights).sum()

    def patch_errors(
        self, volumes: Tensor, masks: PatchMasks | None = None, kind: Tensor | None = None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return what is predicted, how far off each patch is, and which patches were removed.

        Parameters
        ----------
        volumes, masks, kind
            As in :meth:`forward`.

        Returns
        -------
        predicted : Tensor, [B, N, P]
            In the volumes' intensities, whatever the loss is computed on; 0 where nothing was removed.
        error : Tensor, [B, N]
            Mean squared error of each removed patch, on what the loss is computed on.
        removed : Tensor, [B, N]
            1 where a patch was removed.
        """
        masks = masks or self._masks(volumes)
        predicted, error = self._errors(volumes, masks, kind)
        if self.preset.normalise_targets:
            target = take(patchify(volumes.float(), self.patch), masks.removed)
            mean, spread = moments(target)
            predicted = predicted * spread + mean
        removed = torch.ones_like(error)
        return tuple(self._placed(one, masks.removed) for one in (predicted, error, removed))  # type: ignore[return-value]

    def weights_to_keep(self) -> dict[str, Tensor]:
        """Return the network's weights under MONAI's names, and what belongs to it beside them."""
        kinds = {f"kinds.{name}": value for name, value in self.kinds.state_dict().items()}
        means = {"expected": self.expected} | ({"usual": self.usual} if self.preset.centred else {})
        return self.network.state_dict() | kinds | means

    def load_kept(self, weights: dict[str, Tensor]) -> None:
        """Take what :meth:`weights_to_keep` gave."""
        extra = {name: value for name, value in weights.items() if name.startswith(BESIDE)}
        self.network.load_state_dict(
            {name: weights[name] for name in weights.keys() - extra.keys()}
        )
        self.load_state_dict(extra, strict=False)

    @torch.no_grad()
    def expect(self, volumes: Iterable[Tensor], kind: int = 0) -> None:
        """Measure what is expected of one kind: the mean patch at each place, and its mirror image.

        Parameters
        ----------
        volumes : iterable of Tensor, [B, C, X, Y, Z]
            Batches of one kind.
        """
        targets, shown = mean_patches(volumes, self.patch, self._target, lambda patches: patches)
        self.expected[kind] = targets
        if self.preset.centred:
            self.usual[kind] = shown

    def _target(self, patches: Tensor) -> Tensor:
        if not self.preset.normalise_targets:
            return patches
        mean, spread = moments(patches)
        return (patches - mean) / spread

    def predict(self, shown: Tensor, masks: PatchMasks, kind: Tensor | None = None) -> Tensor:
        """Return the removed patches [B, R, P] as seen from the shown ones [B, K, P]."""
        network, kept = self.network, masks.kept
        if self.preset.centred:
            shown = shown - self._at(self.usual, kept, kind)
        tokens = self._told(embed(network.patch_embedding, shown, kept), kind, 0)
        first = network.cls_token.expand(len(tokens), -1, -1)
        tokens = network.decoder_embed(network.blocks(torch.cat((first, tokens), dim=1)))
        # shown tokens, then empty ones: to attention the order is nothing, the positions tell the places
        places = torch.cat((kept, masks.removed), dim=1)
        empty = network.mask_tokens.to(tokens.dtype).expand(len(tokens), masks.removed.shape[1], -1)
        whole = torch.cat((tokens[:, 1:], empty), dim=1) + network.decoder_pos_embedding[0][places]
        whole = torch.cat((tokens[:, :1], self._told(whole, kind, 1)), dim=1)
        for block in list(network.decoder_blocks)[:-1]:
            whole = block(whole)
        asked = whole[:, 1 + kept.shape[1] :]
        differing = network.decoder_pred(network.decoder_blocks[-1](asked))
        return differing + self._at(self.expected, masks.removed, kind)

    def _errors(
        self, volumes: Tensor, masks: PatchMasks, kind: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        patches = patchify(volumes.float(), self.patch)
        predicted = self.predict(take(patches, masks.kept), masks, kind).float()
        target = self._target(take(patches, masks.removed))
        return predicted, (predicted - target).square().mean(dim=-1)

    def _at(self, means: Tensor, places: Tensor, kind: Tensor | None) -> Tensor:
        """Return mean patches [M, N, P] of some places [B, K], as [B, K, P]."""
        if kind is None or not self.kinds:
            return means[0][places]
        return means[kind.unsqueeze(1), places]

    def _told(self, tokens: Tensor, kind: Tensor | None, side: int) -> Tensor:
        """Add to each token what kind of image it is of, where there are several."""
        if not self.kinds:
            return tokens
        if kind is None:
            kind = torch.zeros(len(tokens), dtype=torch.long, device=tokens.device)
        return tokens + self.kinds[side](kind).unsqueeze(1)

    def _masks(self, volumes: Tensor) -> PatchMasks:
        rng = np.random.default_rng(int(torch.randint(2**62, ())))
        drawn = draw_masks(rng, len(volumes), self.weights.cpu(), self.preset)
        return PatchMasks(*(one.to(volumes.device) for one in drawn))

    def _placed(self, values: Tensor, places: Tensor) -> Tensor:
        """Put values of removed patches [B, R, …] where they belong among all, [B, N, …]."""
        whole = values.new_zeros((len(values), len(self.weights), *values.shape[2:]))
        index = places.view(*places.shape, *[1] * (values.ndim - 2)).expand_as(values)
        return whole.scatter(1, index, values)
