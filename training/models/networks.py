"""The networks of the backbones: each built, pretrained, fine-tuned and exported by what its preset names."""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from torch import Tensor, nn

from training.models import masked_autoencoder, unet
from training.models.age_model import EncoderAgeModel, PooledAgeModel
from training.models.masked_autoencoder import ReconstructionLoss
from training.models.patches import unpatchify
from training.models.unet import UNetAgeModel, UNetReconstruction
from training.settings.preset import Preset


class _Network(NamedTuple):
    """What a backbone is made of.

    Parameters
    ----------
    monai : str
        Name of its class in MONAI.
    build, arguments : callable
        Make the network, and the arguments of its class.
    reconstruction, age_model : type
        What is pretrained and fine-tuned.
    mark : str
        Part of a name that none but its weights have.
    """

    monai: str
    build: Callable[..., nn.Module]
    arguments: Callable[[Preset], dict[str, Any]]
    reconstruction: type[ReconstructionLoss]
    age_model: Callable[..., PooledAgeModel]
    mark: str


_NETWORKS = {
    "vit": _Network(
        "MaskedAutoEncoderViT",
        masked_autoencoder.build,
        masked_autoencoder.arguments,
        ReconstructionLoss,
        EncoderAgeModel,
        "patch_embedding.",
    ),
    "unet": _Network(
        "BasicUNet",
        unet.build,
        unet.arguments,
        UNetReconstruction,
        UNetAgeModel,
        "conv_0.conv.",
    ),
}


def build(preset: Preset, *, seed: int) -> nn.Module:
    """Build the network of a preset's backbone with the initial weights of a seed."""
    return _NETWORKS[preset.backbone].build(preset, seed=seed)


def described(preset: Preset) -> dict[str, Any]:
    """Return class in MONAI and arguments of a preset's network, as JSON can hold them."""
    one = _NETWORKS[preset.backbone]
    return {"backbone": preset.backbone, "class": one.monai, "network": one.arguments(preset)}


def reconstruction(preset: Preset, shares: Tensor, *, seed: int) -> ReconstructionLoss:
    """Return what is pretrained.

    Parameters
    ----------
    preset : Preset
        Gives backbone and sizes.
    shares : Tensor, [N]
        Share of brain in each patch.
    seed : int
        Of the weights.
    """
    return _NETWORKS[preset.backbone].reconstruction(build(preset, seed=seed), preset, shares)


def age_model(
    network: nn.Module, preset: Preset, *, mean_patch_in: Tensor | None = None, **options: Any
) -> PooledAgeModel:
    """Return what is fine-tuned.

    Parameters
    ----------
    network : nn.Module
        From :func:`build`.
    preset : Preset
        The same.
    mean_patch_in : Tensor, [N, P], optional
        Mean patch at each place, which is subtracted of what is shown.
    **options
        As of :class:`.EncoderAgeModel`.
    """
    if preset.backbone == "vit":
        if mean_patch_in is not None:
            weights = masked_autoencoder.centred(network.state_dict(), mean_patch_in)
            network.load_state_dict(weights)
    else:
        options["mean_patch_in"] = mean_patch_in
    return _NETWORKS[preset.backbone].age_model(network, preset, **options)


def kept(
    weights: dict[str, Tensor], preset: Preset, modality: int
) -> tuple[dict[str, Tensor], Tensor | None]:
    """Return the weights of the plain network for one modality, and a mean patch that is not in them.

    Parameters
    ----------
    weights : dict of str to Tensor
        That a pretraining kept.
    preset : Preset
        Of that pretraining.
    modality : int
        Index among the preset's modalities.
    """
    if preset.backbone == "vit":
        return masked_autoencoder.weights_for(weights, modality), None
    means = weights.get("usual")
    return masked_autoencoder.plain(weights), None if means is None else means[modality]


def exported(weights: dict[str, Tensor], preset: Preset, modality: int) -> dict[str, Tensor]:
    """Return the weights of the plain network and, where it needs one, ``mean_volume`` [C, X, Y, Z]."""
    plain, mean = kept(weights, preset, modality)
    if mean is None:
        return plain
    return plain | {"mean_volume": unpatchify(mean[None], preset.grid, preset.patch)[0]}


def told_by(names: Iterable[str]) -> str | None:
    """Return the backbone that names of weights are of; none where they do not tell.

    Examples
    --------
    >>> told_by(["network.conv_0.conv_0.conv.weight"]), told_by(["head.weight"])
    ('unet', None)
    """
    told = list(names)
    found = (key for key, one in _NETWORKS.items() if any(one.mark in name for name in told))
    return next(found, None)
