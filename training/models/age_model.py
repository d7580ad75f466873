"""Brain age from images: an encoder's features, pooled, and a head that makes one number of them."""

from collections.abc import Callable, Iterable

import torch
from monai.networks.nets.masked_autoencoder_vit import MaskedAutoEncoderViT
from torch import Tensor, nn

from training.models.patches import embed, patchify
from training.studies.preset import Preset


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
        return self.judge(self.pooled(volumes))

    def pooled(self, volumes: Tensor) -> Tensor:
        """Return features of volumes, [B, H]; each volume's depend on nothing but itself."""
        raise NotImplementedError

    def judge(self, features: Tensor) -> Tensor:
        """Return standardised ages [B] from pooled features; in training they depend on the batch."""
        return self.head(self.dropout(self.norm(features.float()))).squeeze(1)

    @torch.no_grad()
    def calibrate(self, features: Tensor) -> None:
        """Set what the normalisation uses outside of training from the encoder as it is now.

        Running averages lag behind an encoder that learns fast on few people, by years of error.

        Parameters
        ----------
        features : Tensor, [B, H]
            Of people trained on, never held-out ones; 2 or more.
        """
        variance, mean = torch.var_mean(features.float(), dim=0)
        self.norm.running_mean.copy_(mean)  # type: ignore[union-attr]
        self.norm.running_var.copy_(variance)  # type: ignore[union-attr]

    def parameter_groups(self, preset: Preset) -> list[dict]:
        """Return the parameters for AdamW, with ``lr_scale`` a group."""
        return split_decay(_trained(self.parameters()), preset.weight_decay)


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
    places : Tensor of int, [K], optional
        The patches that are shown; all by default. Where masks were drawn among patches with brain, those
        are what the encoder knows.
    frozen : bool
        True for a linear probe: the encoder stays as it is, and only the head is trained.
    pretrained : bool
        True where lower blocks are to learn slower than upper ones, as pretrained ones should. An
        untrained network has nothing to keep: all of it learns at one rate.
    """

    places: Tensor

    def __init__(
        self,
        autoencoder: MaskedAutoEncoderViT,
        preset: Preset,
        *,
        head_seed: int,
        places: Tensor | None = None,
        frozen: bool = False,
        pretrained: bool = False,
    ) -> None:
        super().__init__(preset.hidden, preset, head_seed=head_seed)
        self.patch, self.pretrained = preset.patch, pretrained
        every = torch.arange(autoencoder.patch_embedding.n_patches)
        self.register_buffer("places", every if places is None else places, persistent=False)
        self.patch_embedding = autoencoder.patch_embedding
        self.cls_token = autoencoder.cls_token
        self.blocks = autoencoder.blocks
        if frozen:
            self.requires_grad_(False)
            self.head.requires_grad_(True)

    def pooled(self, volumes: Tensor) -> Tensor:
        """Return the encoder's features, averaged over patches, [B, H]."""
        shown = patchify(volumes, self.patch)[:, self.places]  # [B, K, P]
        patches = embed(self.patch_embedding, shown, self.places.expand(len(shown), -1))
        first = self.cls_token.expand(len(patches), -1, -1)
        tokens = self.blocks(torch.cat((first, patches), dim=1))
        return tokens[:, 1:].mean(dim=1)

    def parameter_groups(self, preset: Preset) -> list[dict]:
        """Return parameters by depth for AdamW: of pretrained ones ``lr_scale`` falls by ``layer_decay``."""
        layers, decay = len(self.blocks), preset.layer_decay if self.pretrained else 1.0
        depths: dict[int, list[nn.Parameter]] = {}
        for name, parameter in self.named_parameters():
            if parameter.requires_grad:
                depths.setdefault(_depth(name, layers), []).append(parameter)
        return [
            group
            for depth, parameters in sorted(depths.items())
            for group in split_decay(parameters, preset.weight_decay, decay ** (layers - depth))
        ]


def accumulate(model: AgeModel, parts: list[Tensor], loss_of: Callable[[Tensor], Tensor]) -> Tensor:
    """Add the gradient of a batch that is too large for the memory, and return its loss.

    The head sees the features of the whole batch at once, so that its normalisation and its dropout are
    what they are without parts; then the encoder goes over each part again for the gradient (as "gradient
    caching", Gao et al. 2021, doi:10.18653/v1/2021.repl4nlp-1.31).

    Parameters
    ----------
    model : AgeModel
        In training.
    parts : list of Tensor, [b, C, X, Y, Z]
        The batch.
    loss_of : callable
        The loss from the standardised ages of all parts together, a scalar.
    """
    with torch.no_grad():
        features = torch.cat([model.pooled(part) for part in parts])
    features = features.float().requires_grad_()
    loss = loss_of(model.judge(features))
    loss.backward()
    if features.grad is not None and any(p.requires_grad for p in _but_head(model)):
        slopes = features.grad.split([len(part) for part in parts])
        for part, slope in zip(parts, slopes, strict=True):
            (model.pooled(part).float() * slope).sum().backward()
    return loss.detach()


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


def _trained(parameters: Iterable[nn.Parameter]) -> list[nn.Parameter]:
    return [parameter for parameter in parameters if parameter.requires_grad]


def _but_head(model: AgeModel) -> Iterable[nn.Parameter]:
    return (p for name, p in model.named_parameters() if not name.startswith("head."))


def _depth(name: str, layers: int) -> int:
    """Return 0 for the patch embedding, block + 1 for a block, ``layers`` for norm and head."""
    part, _, rest = name.partition(".")
    if part == "blocks":
        return min(int(rest.partition(".")[0]) + 1, layers)
    return 0 if part in {"patch_embedding", "cls_token"} else layers
