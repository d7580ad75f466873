"""Backbones: what network is pretrained and fine-tuned, and how a preset's sizes become those of each."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from curation.errors import StudyError
from training.settings.preset_scaling import pretrain_lr

#: Times that a U-Net halves its volumes.
UNET_HALVINGS = 4
#: Width of a vision transformer to the channels of the finest level of a U-Net that takes its place.
_FINEST = 24
#: Channels of the deepest level to those of the finest.
_DEEPEST = 13.5


@dataclass(frozen=True)
class Backbone:
    """A backbone.

    Parameters
    ----------
    name, label : str
        Key in :data:`BACKBONES`, and its name in words.
    meaning : str
        What it is, in words.
    """

    name: str
    label: str
    meaning: str


#: All backbones by name; presets are written for the first.
BACKBONES: dict[str, Backbone] = {
    backbone.name: backbone
    for backbone in (
        Backbone(
            "vit",
            "Vision transformer",
            "an encoder of attention between patches, which is shown only those that are not removed",
        ),
        Backbone(
            "unet",
            "U-Net",
            "a small 3D convolutional network with skip connections, 19 million weights where the "
            "transformer has 100; removed patches are shown as the mean",
        ),
    )
}


def changes(name: str, *, hidden: int, batch: int) -> dict[str, Any]:
    """Return the fields that make another backbone of a preset that is written for a vision transformer.

    Parameters
    ----------
    name : str
        In :data:`BACKBONES`.
    hidden, batch : int
        Width of the preset's transformer, and volumes of a step of its pretraining.

    Returns
    -------
    dict
        None for the transformer itself. A U-Net has ``hidden / 24`` channels in its finest level, twice as
        many in each deeper one, and 13.5 times as many in the deepest: 32, 64, 128, 256 and 432 where the
        transformer is ViT-B. Its learning rate follows from :func:`.pretrain_lr`.

    Examples
    --------
    >>> changes("unet", hidden=768, batch=32)["hidden"]
    432
    >>> changes("vit", hidden=768, batch=32)
    {}
    """
    if name == "vit":
        return {}
    finest = hidden // _FINEST
    deepest = round(_DEEPEST * finest)
    return {
        "backbone": name,
        "hidden": deepest,
        "decoder_hidden": finest,
        "locality": 0.0,  # there is no attention
        "pretrain_lr": pretrain_lr(batch, deepest, name),
    }


def unet_channels(hidden: int, decoder_hidden: int) -> list[int]:
    """Return the channels of the levels of a U-Net's encoder, from the finest on.

    Examples
    --------
    >>> unet_channels(432, 32)
    [32, 64, 128, 256, 432]
    """
    return [*(decoder_hidden * 2**level for level in range(UNET_HALVINGS)), hidden]


def refuse_unusable(
    preset: str, backbone: str, *, shape: Sequence[int], hidden: int, decoder_hidden: int
) -> None:
    """Refuse a backbone that the other settings of a preset cannot carry.

    Raises
    ------
    StudyError
        When a value cannot be used, with what can.
    """
    if backbone not in BACKBONES:
        raise StudyError(
            f"Preset {preset}: backbone is one of {', '.join(BACKBONES)}, not {backbone!r}."
        )
    if backbone != "unet":
        return
    least = 2**UNET_HALVINGS
    if min(shape) < least:
        raise StudyError(
            f"Preset {preset}: a U-Net halves its volumes {UNET_HALVINGS} times, so each size must be "
            f"{least} voxels or more, not {list(shape)}. Take the backbone vit, or smaller voxels."
        )
    if hidden % 2 or hidden < decoder_hidden:
        raise StudyError(
            f"Preset {preset}: the deepest level of a U-Net (hidden) has an even number of channels, as many "
            f"as the finest (decoder_hidden, {decoder_hidden}) at least; not {hidden}."
        )
