"""The 3D masked autoencoder: MONAI's network with a forward pass over only the patches that it needs.

He et al. 2022, "Masked autoencoders are scalable vision learners", doi:10.1109/CVPR52688.2022.01553.

MONAI's ``forward`` embeds all patches and then drops most, and predicts all and then compares some. Here
patches are gathered before they are embedded and predicted only where they were removed. The numbers are
the same, and so are the names of the weights. :func:`weights_for` turns stored weights into those of MONAI's
plain network: modality embedding and mean patch in are folded into the positional embeddings.
"""

import warnings
from collections.abc import Iterable
from typing import Any, ClassVar

import numpy as np
import torch
from monai.networks.blocks.selfattention import SABlock
from monai.networks.blocks.transformerblock import TransformerBlock
from monai.networks.nets.masked_autoencoder_vit import MaskedAutoEncoderViT
from torch import Tensor, nn
from torch.nn import functional

from training.models.attention_init import Heads, mimetic_init
from training.models.masking import PatchMasks, sample_masks
from training.models.patches import embed, mean_patches, moments, patchify, take
from training.settings.preset import Preset

#: Stored names of the modality embedding, the mean patch out and the mean patch in.
STORED_BESIDE = ("kinds.", "expected", "usual")
#: Names of the positional embeddings of encoder and decoder.
_POSITIONAL = ("patch_embedding.position_embeddings", "decoder_pos_embedding")


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
            block.attn.input_rearrange = Heads(block.attn.num_heads)
    if preset.locality:
        mimetic_init(network, preset.locality, seed=seed)
    return network


def arguments(preset: Preset) -> dict[str, Any]:
    """Return the arguments of ``MaskedAutoEncoderViT``, as JSON can hold them."""
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
    """Masked autoencoder, its modality embedding and its loss in one module.

    The decoder predicts the difference to the mean target patch at each position of each modality,
    :attr:`mean_patch_out` [M, N, P]: so training starts at the mean patch instead of spending itself on
    finding it. A centred preset shows the encoder differences too, to :attr:`mean_patch_in` [M, N, P].

    Parameters
    ----------
    network : MaskedAutoEncoderViT
        From :func:`build`; a subclass takes another.
    preset : Preset
        Gives patch, target, masks and modalities.
    weights : Tensor, [N]
        Of each patch in the loss, from :func:`training.models.patches.patch_weights`.
    """

    #: First parts of the names of the encoder's weights.
    ENCODER: ClassVar[tuple[str, ...]] = ("patch_embedding", "cls_token", "blocks")

    weights: Tensor
    # these and ``kinds`` carry the names that weights are stored under
    expected: Tensor
    usual: Tensor

    def __init__(self, network: nn.Module, preset: Preset, weights: Tensor) -> None:
        super().__init__()
        self.network: Any = network
        self.preset, self.patch = preset, preset.patch
        self.register_buffer("weights", weights, persistent=False)
        modalities = 1 if preset.paired else len(preset.modalities)
        widths = (preset.hidden, preset.decoder_hidden) if modalities > 1 else ()
        positions, size = len(weights), preset.channels * preset.patch**3
        self.register_buffer("expected", torch.zeros(modalities, positions, size))
        if preset.centred:
            self.register_buffer("usual", torch.zeros(modalities, positions, size))
        self.kinds = nn.ModuleList([nn.Embedding(modalities, width) for width in widths])
        for weight in self.modality_embedding.parameters():
            nn.init.normal_(weight, std=0.02)

    @property
    def mean_patch_out(self) -> Tensor:
        """Mean target patch at each position of each modality, [M, N, P]."""
        return self.expected

    @property
    def mean_patch_in(self) -> Tensor:
        """Mean patch of the volumes at each position of each modality, [M, N, P]; of centred presets."""
        return self.usual

    @property
    def modality_embedding(self) -> nn.ModuleList:
        """Embedding of the modality for encoder and decoder; empty for a single one."""
        return self.kinds

    def forward(
        self, volumes: Tensor, masks: PatchMasks | None = None, modality: Tensor | None = None
    ) -> Tensor:
        """Return the weighted mean squared error over removed patches, a scalar.

        Parameters
        ----------
        volumes : Tensor, [B, C, X, Y, Z]
            Standardised intensities.
        masks : PatchMasks, optional
            Patches kept and removed; sampled by torch's generator by default. Their weights sum to 1 over
            the whole batch of a step, so that losses of its micro-batches add up to the batch's.
        modality : Tensor of int, [B], optional
            Index of each volume's modality among the preset's, where they are not paired; the first by
            default.
        """
        masks = masks or self._masks(volumes)
        patches = patchify(volumes.float(), self.patch)
        tokens = self.encode(take(patches, masks.kept), masks.kept, modality)
        return self.error(tokens, patches, masks, modality)

    def encode(self, shown: Tensor, kept: Tensor, modality: Tensor | None = None) -> Any:
        """Return the encoder's tokens of the patches that are shown, the first of the whole, [B, 1 + K, H].

        Parameters
        ----------
        shown : Tensor, [B, K, P]
            The patches that are shown, standardised intensities.
        kept : Tensor of int, [B, K]
            Their indices among all.
        modality : Tensor of int, [B], optional
            As in :meth:`forward`.
        """
        network, shown = self.network, self._centred(shown, kept, modality)
        tokens = self._with_modality(embed(network.patch_embedding, shown, kept), modality, 0)
        first = network.cls_token.expand(len(tokens), -1, -1)
        return network.blocks(torch.cat((first, tokens), dim=1))

    def pooled(self, encoded: Any) -> Tensor:
        """Return the mean features [B, H] of what :meth:`encode` returned, which fine-tuning reads."""
        return encoded[:, 1:].mean(dim=1)

    def error(
        self, tokens: Any, patches: Tensor, masks: PatchMasks, modality: Tensor | None = None
    ) -> Tensor:
        """Return the weighted mean squared error over removed patches from encoded tokens, a scalar."""
        _, error = self._errors(tokens, patches, masks, modality)
        return (error * masks.weights).sum()

    def patch_errors(
        self, volumes: Tensor, masks: PatchMasks | None = None, modality: Tensor | None = None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return prediction and error of each patch, and the mask of removed patches.

        Parameters
        ----------
        volumes, masks, modality
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
        patches = patchify(volumes.float(), self.patch)
        tokens = self.encode(take(patches, masks.kept), masks.kept, modality)
        predicted, error = self._errors(tokens, patches, masks, modality)
        if self.preset.normalise_targets:
            mean, spread = moments(take(patches, masks.removed))
            predicted = predicted * spread + mean
        removed = torch.ones_like(error)
        return tuple(self._placed(one, masks.removed) for one in (predicted, error, removed))  # type: ignore[return-value]

    def weights_to_keep(self) -> dict[str, Tensor]:
        """Return the network's weights under MONAI's names, with modality embedding and mean patches."""
        embedding = {
            f"kinds.{name}": value for name, value in self.modality_embedding.state_dict().items()
        }
        means = {"expected": self.mean_patch_out}
        if self.preset.centred:
            means["usual"] = self.mean_patch_in
        return self.network.state_dict() | embedding | means

    def load_kept(self, weights: dict[str, Tensor]) -> None:
        """Load what :meth:`weights_to_keep` returned."""
        self.network.load_state_dict(plain(weights))
        self.load_state_dict(weights, strict=False)

    @torch.no_grad()
    def set_mean_patches(self, volumes: Iterable[Tensor], modality: int = 0) -> None:
        """Measure the mean patches of one modality, over volumes and their mirror images.

        Parameters
        ----------
        volumes : iterable of Tensor, [B, C, X, Y, Z]
            Batches of one modality.
        modality : int
            Its index among the preset's.
        """
        targets, shown = mean_patches(volumes, self.patch, self._target, lambda patches: patches)
        self.mean_patch_out[modality] = targets
        if self.preset.centred:
            self.mean_patch_in[modality] = shown

    def _target(self, patches: Tensor) -> Tensor:
        if not self.preset.normalise_targets:
            return patches
        mean, spread = moments(patches)
        return (patches - mean) / spread

    def predict(self, tokens: Any, masks: PatchMasks, modality: Tensor | None = None) -> Tensor:
        """Predict the removed patches [B, R, P] from the encoder's tokens [B, 1 + K, H]."""
        network, kept = self.network, masks.kept
        tokens = network.decoder_embed(tokens)
        # kept tokens, then empty ones: attention has no order, the positional embedding tells positions
        positions = torch.cat((kept, masks.removed), dim=1)
        empty = network.mask_tokens.to(tokens.dtype).expand(len(tokens), masks.removed.shape[1], -1)
        whole = (
            torch.cat((tokens[:, 1:], empty), dim=1) + network.decoder_pos_embedding[0][positions]
        )
        whole = torch.cat((tokens[:, :1], self._with_modality(whole, modality, 1)), dim=1)
        for block in list(network.decoder_blocks)[:-1]:
            whole = block(whole)
        asked = whole[:, 1 + kept.shape[1] :]
        differing = network.decoder_pred(network.decoder_blocks[-1](asked))
        return differing + self._at(self.mean_patch_out, masks.removed, modality)

    def _errors(
        self, tokens: Any, patches: Tensor, masks: PatchMasks, modality: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        predicted = self.predict(tokens, masks, modality).float()
        target = self._target(take(patches, masks.removed))
        return predicted, (predicted - target).square().mean(dim=-1)

    def _centred(self, shown: Tensor, kept: Tensor, modality: Tensor | None) -> Tensor:
        """Return the patches that are shown [B, K, P], of a centred preset less their mean."""
        if not self.preset.centred:
            return shown
        return shown - self._at(self.mean_patch_in, kept, modality)

    def _at(self, means: Tensor, positions: Tensor, modality: Tensor | None) -> Tensor:
        """Return mean patches [M, N, P] at some positions [B, K], as [B, K, P]."""
        if modality is None or not self.modality_embedding:
            return means[0][positions]
        return means[modality.unsqueeze(1), positions]

    def _with_modality(self, tokens: Tensor, modality: Tensor | None, side: int) -> Tensor:
        """Add the modality embedding of encoder (side 0) or decoder (1) to tokens, where there is one."""
        if not self.modality_embedding:
            return tokens
        if modality is None:
            modality = torch.zeros(len(tokens), dtype=torch.long, device=tokens.device)
        return tokens + self.modality_embedding[side](modality).unsqueeze(1)

    def _masks(self, volumes: Tensor) -> PatchMasks:
        rng = np.random.default_rng(int(torch.randint(2**62, ())))
        masks = sample_masks(rng, len(volumes), self.weights.cpu(), self.preset)
        return PatchMasks(*(one.to(volumes.device) for one in masks))

    def _placed(self, values: Tensor, positions: Tensor) -> Tensor:
        """Scatter values of removed patches [B, R, …] to their positions among all, [B, N, …]."""
        whole = values.new_zeros((len(values), len(self.weights), *values.shape[2:]))
        index = positions.view(*positions.shape, *[1] * (values.ndim - 2)).expand_as(values)
        return whole.scatter(1, index, values)


def plain(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the network's own of the weights that a pretraining kept."""
    return {name: value for name, value in weights.items() if not name.startswith(STORED_BESIDE)}


def weights_for(weights: dict[str, Tensor], modality: int) -> dict[str, Tensor]:
    """Return the weights of a plain ``MaskedAutoEncoderViT`` for one modality.

    The modality embedding is added to every token, so it is folded into the positional embedding, which is
    added there too. The patch embedding of the mean patch in is subtracted from it: as the embedding is
    linear, that equals embedding each patch less the mean patch.

    Parameters
    ----------
    weights : dict of str to Tensor
        From ``model.pt`` of a pretraining; of one modality, not centred, they are returned as they are.
    modality : int
        Index among the preset's modalities.
    """
    folded = plain(weights)
    for side, name in enumerate(_POSITIONAL):
        if (table := weights.get(f"kinds.{side}.weight")) is not None:
            folded[name] = folded[name] + table[modality]
    if (mean_patch_in := weights.get("usual")) is not None:
        folded = centred(folded, mean_patch_in[modality])
    return folded


def centred(weights: dict[str, Tensor], mean_patch_in: Tensor) -> dict[str, Tensor]:
    """Fold the subtraction of the mean patch into the positional embedding of a plain network.

    Parameters
    ----------
    weights : dict of str to Tensor
        Of a ``MaskedAutoEncoderViT``.
    mean_patch_in : Tensor, [N, P]
        Mean patch at each position, which is subtracted from every patch there.
    """
    name, embedding = _POSITIONAL[0], weights["patch_embedding.patch_embeddings.weight"]
    return weights | {name: weights[name] - functional.linear(mean_patch_in, embedding.flatten(1))}
