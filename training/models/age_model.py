"""Networks for brain age: an encoder, its features pooled, and a linear head."""

import numpy as np
import torch
from monai.networks.nets.masked_autoencoder_vit import MaskedAutoEncoderViT
from torch import Tensor, nn

from training.models.patches import embed, patchify
from training.settings.preset import Preset

#: Numbers that pooling by places keeps of each patch.
PLACE_NUMBERS = 4
#: Penalties of ridge regression that a head may begin at, as shares of the features' mean square.
_PENALTIES = tuple(10.0**power for power in np.arange(-4, 3.1, 0.5))


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

    @torch.no_grad()
    def start_head(self, features: Tensor, goal: Tensor) -> None:
        """Let the head begin at ridge regression on the features as they are, and set its normalisation.

        Kumar et al. 2022, "Fine-tuning can distort pretrained features and underperform out-of-distribution",
        arXiv:2202.10054: a head that is right from the start spares the encoder the search for one.

        Parameters
        ----------
        features : Tensor, [B, H]
            Of people trained on; 2 or more.
        goal : Tensor, [B]
            Their standardised values of the outcome, whose mean is 0.

        Notes
        -----
        The penalty is the one of the largest restricted likelihood (Wood 2011, J. R. Stat. Soc. B 73: 3-36).
        The error of people who are left out one at a time has a second minimum by chance where features are
        almost as many as people, at a penalty so small that the head predicts worse than the mean.
        """
        self.calibrate(features)
        shown = self.norm.eval()(features.float()).double()
        values, vectors = torch.linalg.eigh(shown @ shown.T / shown.shape[1])
        values, goal = values.clamp(min=0), goal.to(vectors)
        along = vectors.T @ (goal - goal.mean())
        penalty = max(_PENALTIES, key=lambda one: _restricted_likelihood(values, along, one))
        weights = vectors @ (along / (values + penalty))
        best = shown.T @ weights / shown.shape[1]
        self.head.weight.copy_(best.to(self.head.weight).unsqueeze(0))


def _restricted_likelihood(values: Tensor, along: Tensor, penalty: float) -> float:
    """Return the restricted log-likelihood of ridge regression but for a constant, its noise profiled out.

    Parameters
    ----------
    values : Tensor, [B]
        Eigenvalues of the people's features' products, 0 for what all people share.
    along : Tensor, [B]
        The outcome, of mean 0, along the eigenvectors.
    penalty : float
        Of ridge regression: the noise's variance as a multiple of the features'.
    """
    spread = 1 + values / penalty
    noise = (along.square() / spread).sum()
    return -float((len(along) - 1) * noise.log() + spread.log().sum()) / 2


class PooledAgeModel(AgeModel):
    """A pretrained or untrained encoder and its features pooled.

    Pooled by ``places``, the features of each place become :data:`PLACE_NUMBERS` numbers by one map for all
    places, and those of all places stand beside each other: displacements at different places, which cancel
    in a mean, do not cancel there.

    Parameters
    ----------
    places : int
        Places that have features.
    preset : Preset
        Gives width and pooling.
    head_seed : int
        Of the head's initial weights.
    pretrained : bool
        Whether the encoder was pretrained: see :func:`training.tasks.schedule.parameter_groups`.
    """

    #: What of the encoder learns at a rate of its own, from the input on.
    blocks: nn.Sequential | nn.ModuleList

    def __init__(self, places: int, preset: Preset, *, head_seed: int, pretrained: bool) -> None:
        by_place = preset.pooling == "places"
        width = places * PLACE_NUMBERS if by_place else preset.hidden
        super().__init__(width, preset, head_seed=head_seed)
        self.patch, self.pretrained = preset.patch, pretrained
        self.place_map = nn.Linear(preset.hidden, PLACE_NUMBERS, bias=False) if by_place else None
        if self.place_map is not None:
            nn.init.orthogonal_(self.place_map.weight)

    def freeze(self) -> None:
        """Leave the encoder as it is, for a linear probe: only the head is trained."""
        self.requires_grad_(False)
        self.head.requires_grad_(True)

    def places(self, volumes: Tensor) -> Tensor:
        """Return the features of each place of volumes [B, C, X, Y, Z], as [B, K, H]."""
        raise NotImplementedError

    def pooled(self, volumes: Tensor) -> Tensor:
        """Return the encoder's features: averaged over places [B, H], or by places [B, K · 4]."""
        features = self.places(volumes)
        if self.place_map is not None:
            return self.place_map(features).flatten(1)
        return features.mean(dim=1)


class EncoderAgeModel(PooledAgeModel):
    """A masked autoencoder's encoder, patches shown without gaps, and its features pooled.

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
        True for a linear probe.
    pretrained : bool
        As of :class:`PooledAgeModel`.
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
        every = torch.arange(autoencoder.patch_embedding.n_patches)
        positions = every if positions is None else positions
        super().__init__(len(positions), preset, head_seed=head_seed, pretrained=pretrained)
        self.register_buffer("positions", positions, persistent=False)
        self.patch_embedding = autoencoder.patch_embedding
        self.cls_token = autoencoder.cls_token
        self.blocks = autoencoder.blocks
        if frozen:
            self.freeze()

    def places(self, volumes: Tensor) -> Tensor:
        """Return the tokens of the patches that are shown."""
        shown = patchify(volumes, self.patch)[:, self.positions]  # [B, K, P]
        patches = embed(self.patch_embedding, shown, self.positions.expand(len(shown), -1))
        first = self.cls_token.expand(len(patches), -1, -1)
        return self.blocks(torch.cat((first, patches), dim=1))[:, 1:]
