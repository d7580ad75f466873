"""Preset: every setting of a training run, as frozen values, and changes of single fields.

A preset is chosen by name and may be changed field by field for one study; the study keeps the values
that it was planned with, so a later change of a preset changes no study.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Literal

from curation.errors import StudyError
from training.settings import backbones, objectives

MASKINGS = ("uniform", "brain")
PRECISIONS = ("auto", "float32", "bfloat16")
#: Ways to make features of a volume from those of its patches.
POOLINGS = ("mean", "places")
#: Where the head begins.
HEAD_STARTS = ("random", "ridge")
#: Input modalities; a PET is one that lies in the space of the person's T1w.
MODALITIES = (("T1w",), ("pet",), ("T1w", "pet"))
_SEQUENCES = ("shape", "modalities")
#: Fields that came later: a plan that has their defaults is written down, and named, as before.
_LATER = (
    *("objective", "contrast_weight", "temperature", "crop", "pooling", "head_start"),
    "backbone",
)
#: Least values of whole numbers, of which the others are 1 or more, and ranges of those that are none.
_LEAST = {"finetune_batch": 2, "shift_voxels": 0}
_ABOVE_ZERO = (
    "spacing_mm",
    "pretrain_lr",
    "finetune_lr",
    "probe_lr",
    "cnn_lr",
    "clip_norm",
    "layer_decay",
)
_NOT_NEGATIVE = ("weight_decay", "warp_mm", "locality")
_SHARES = ("dropout", "warmup")


@dataclass(frozen=True)
class Preset:
    """Settings of volume preparation, pretraining and fine-tuning.

    Parameters
    ----------
    name, label : str
        Key in :data:`training.settings.presets.PRESETS`, and its purpose.
    spacing_mm : float
        Voxel edge of the prepared volumes, mm.
    shape : tuple of int
        Voxels of the prepared volumes; each a multiple of ``patch``. The box is centred on the brain.
    patch : int
        Edge of a cubic patch, voxels.
    hidden, layers, heads, mlp : int
        Encoder: width (a multiple of 6 and of ``heads``), blocks, attention heads, width of the MLP.
    decoder_hidden, decoder_layers, decoder_heads, decoder_mlp : int
        Decoder, likewise. A U-Net takes of all these two: ``hidden`` channels in its deepest level, and
        ``decoder_hidden`` in its finest, in which its decoder ends.
    masking_ratio : float
        Share of patches removed, 0 to 1.
    masking : {'uniform', 'brain'}
        Sampling of removed patches: any, uniformly; or patches with brain only, with probabilities
        proportional to their share of brain. Then the ratio is of the patches with brain, and empty ones
        are left out of everything, of fine-tuning too.
    normalise_targets : bool
        Standardise each patch before it is compared (He et al. 2022).
    modalities : tuple of str
        Input modalities: ``T1w``, ``pet``, or both.
    paired : bool
        With two modalities: True shows both images of a person at once, as two channels; False alternates
        between them, with a modality embedding.
    pretrain_epochs, pretrain_steps : int
        Epochs and optimiser steps in each. Steps, not passes over the data: every arm gets the same
        number however many scans it holds.
    pretrain_batch : int
        Volumes a step.
    pretrain_lr : float
        Highest learning rate.
    finetune_epochs, finetune_batch : int
        Passes over the training folds, and volumes a step (2 or more: the head normalises over them).
    finetune_lr : float
        Highest learning rate, of the head; pretrained blocks below get less by ``layer_decay``.
    probe_lr, cnn_lr : float
        Highest learning rate of a linear probe's head, and of the plain 3D network.
    layer_decay : float
        Factor from each block to the one below it, 0 to 1.
    dropout : float
        Share of the head's inputs dropped while fine-tuning.
    weight_decay : float
        AdamW's, of matrices only.
    warmup : float
        Share of all steps over which the learning rate rises from 0; then it falls as a half cosine.
    clip_norm : float
        Largest norm of the gradient.
    shift_voxels : int
        Augmentation while training: shift along each axis, up to this many voxels.
    warp_mm : float
        Augmentation while pretraining: smooth deformation, standard deviation along each axis. Not while
        fine-tuning, where the sizes of things are what is learned.
    centred : bool
        Subtract the mean patch at its position in the pool from each patch, in every arm; otherwise what
        all people share drowns the positional embedding.
    locality : float
        Strength of the mimetic initialisation of attention (:mod:`training.models.attention_init`); 0: the
        usual one of MONAI.
    objective : {'mae', 'contrast', 'hybrid'}
        What is pretrained for, see :data:`training.settings.objectives.OBJECTIVES`.
    contrast_weight : float
        Of the contrast in ``hybrid``, the reconstruction counting 1; above 0.
    temperature : float
        Of the contrast, see :func:`training.models.contrast.nt_xent`.
    crop : float
        Share of each axis that a view of the contrast shows, 0.3 to 1.
    pooling : {'mean', 'places'}
        What the head reads: the mean over patches; or a few numbers of each patch, beside each other
        (:class:`training.models.age_model.EncoderAgeModel`).
    head_start : {'random', 'ridge'}
        Where the head begins: at random weights; or at ridge regression of the outcome on the features as
        they are before fine-tuning, in every arm. Of two values always at random weights.
    threads : int
        CPU threads of one run.
    devices : int
        GPUs of one pretraining, by distributed data parallel (DDP); fine-tunings take one each.
    precision : {'auto', 'float32', 'bfloat16'}
        Of products of matrices; weights are always float32. ``auto``: bfloat16 where it is quicker.
    compiled : bool
        Compile the network on a GPU: minutes at the start, quicker steps.
    backbone : {'vit', 'unet'}
        What network it is, see :data:`training.settings.backbones.BACKBONES`.

    Raises
    ------
    StudyError
        When the values do not fit each other.
    """

    name: str
    label: str
    spacing_mm: float
    shape: tuple[int, int, int]
    patch: int
    hidden: int
    layers: int
    heads: int
    mlp: int
    decoder_hidden: int
    decoder_layers: int
    decoder_heads: int
    decoder_mlp: int
    pretrain_epochs: int
    pretrain_steps: int
    pretrain_batch: int
    finetune_epochs: int
    finetune_batch: int
    pretrain_lr: float = 1e-3
    finetune_lr: float = 1e-3
    probe_lr: float = 1e-2
    cnn_lr: float = 1e-3
    layer_decay: float = 0.9
    masking_ratio: float = 0.75
    masking: Literal["uniform", "brain"] = "uniform"
    normalise_targets: bool = False
    modalities: tuple[str, ...] = ("T1w",)
    paired: bool = False
    dropout: float = 0.1
    weight_decay: float = 0.05
    warmup: float = 0.1
    clip_norm: float = 1.0
    shift_voxels: int = 1
    warp_mm: float = 0.0
    centred: bool = False
    locality: float = 0.0
    objective: str = "mae"
    contrast_weight: float = 0.1
    temperature: float = 0.2
    crop: float = 0.75
    pooling: Literal["mean", "places"] = "mean"
    head_start: Literal["random", "ridge"] = "random"
    threads: int = 1
    devices: int = 1
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    compiled: bool = False
    backbone: str = "vit"

    def __post_init__(self) -> None:
        self._check_sizes()
        if any(size % self.patch for size in self.shape):
            raise StudyError(
                f"Preset {self.name}: volumes of {_times(self.shape)} voxels cannot be cut into "
                f"patches of {self.patch}³; choose sizes that are multiples of {self.patch}."
            )
        self._check_backbone()
        if not 0 < self.masking_ratio < 1:
            raise StudyError(f"Preset {self.name}: masking_ratio must lie between 0 and 1.")
        self._check_choices()

    def _check_sizes(self) -> None:
        """Refuse numbers that are too small, and a shape that is not one of a volume."""
        if len(self.shape) != 3 or min(self.shape) < 1:
            raise StudyError(
                f"Preset {self.name}: shape is three sizes of 1 or more, not {list(self.shape)}."
            )
        for field in fields(self):
            least, value = _LEAST.get(field.name, 1), getattr(self, field.name)
            if field.type is int and value < least:
                raise StudyError(f"Preset {self.name}: {field.name} must be {least} or more.")
        for name in _ABOVE_ZERO:
            if not 0 < getattr(self, name) < math.inf:
                raise StudyError(f"Preset {self.name}: {name} must be above 0.")
        for name in _SHARES:
            if not 0 <= getattr(self, name) < 1:
                raise StudyError(f"Preset {self.name}: {name} must be 0 or more, and below 1.")
        for name in _NOT_NEGATIVE:
            if not 0 <= getattr(self, name) < math.inf:
                raise StudyError(f"Preset {self.name}: {name} must be 0 or more.")

    def _check_backbone(self) -> None:
        backbones.refuse_unusable(
            self.name,
            self.backbone,
            shape=self.shape,
            hidden=self.hidden,
            decoder_hidden=self.decoder_hidden,
        )
        if self.backbone != "vit":
            return
        for width, heads in ((self.hidden, self.heads), (self.decoder_hidden, self.decoder_heads)):
            if width % 6 or width % heads:
                raise StudyError(
                    f"Preset {self.name}: a width of {width} must be a multiple of 6 and of its "
                    f"{heads} attention heads."
                )

    def _check_choices(self) -> None:
        for field, allowed in (
            ("masking", MASKINGS),
            ("precision", PRECISIONS),
            ("pooling", POOLINGS),
            ("head_start", HEAD_STARTS),
        ):
            if getattr(self, field) not in allowed:
                raise StudyError(
                    f"Preset {self.name}: {field} is one of {', '.join(allowed)}, not "
                    f"{getattr(self, field)!r}."
                )
        if self.modalities not in MODALITIES:
            raise StudyError(
                f"Preset {self.name}: modalities are {' or '.join(map(' and '.join, MODALITIES))}, not "
                f"{' and '.join(self.modalities)}."
            )
        if self.paired and len(self.modalities) < 2:
            raise StudyError(f"Preset {self.name}: paired needs two modalities.")
        if len(self.modalities) > 1 and not self.paired and self.pretrain_batch % 2:
            raise StudyError(
                f"Preset {self.name}: half of every step is T1w and half PET, so a pretrain_batch of "
                f"{self.pretrain_batch} has to be even."
            )
        objectives.refuse_unusable(
            self.name,
            self.objective,
            batch=self.pretrain_batch,
            alternating=len(self.modalities) > 1 and not self.paired,
            temperature=self.temperature,
            weight=self.contrast_weight,
            crop=self.crop,
        )
        if self.pretrain_batch % self.devices:
            raise StudyError(
                f"Preset {self.name}: a pretrain_batch of {self.pretrain_batch} cannot be spread evenly "
                f"over {self.devices} devices."
            )

    @property
    def channels(self) -> int:
        """Images that the network is shown at once."""
        return len(self.modalities) if self.paired else 1

    @property
    def grid(self) -> tuple[int, int, int]:
        """Patches along each axis."""
        x, y, z = (size // self.patch for size in self.shape)
        return x, y, z

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON-ready values, without later fields that have their defaults."""
        usual = {field.name: field.default for field in fields(self) if field.name in _LATER}
        values = asdict(self) | {name: list(getattr(self, name)) for name in _SEQUENCES}
        return {name: value for name, value in values.items() if value != usual.get(name, ())}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Preset":
        """Build a preset from what :meth:`as_dict` gave."""
        return cls(**_with_tuples(values))

    def changed(self, overrides: Mapping[str, Any] | None) -> "Preset":
        """Return a copy with some fields changed.

        Raises
        ------
        StudyError
            When a field does not exist or its value does not fit.
        """
        overrides = dict(overrides or {})
        self.refuse_unknown(overrides)
        return replace(self, **_with_tuples(overrides))

    def with_backbone(self, name: str) -> dict[str, Any]:
        """Return the fields that change with another backbone, see :func:`.backbones.changes`."""
        return backbones.changes(name, hidden=self.hidden, batch=self.pretrain_batch)

    def refuse_unknown(self, names: Iterable[str]) -> None:
        """Refuse names of fields that a preset does not have, with those that it has.

        Raises
        ------
        StudyError
            When there is one.
        """
        known = {field.name for field in fields(self)} - {"name", "label"}
        if unknown := set(names) - known:
            raise StudyError(
                f"A preset has no field {', '.join(sorted(unknown))}; it has {', '.join(sorted(known))}."
            )


def _with_tuples(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return fields of a preset as read from JSON, which knows lists only, as they are kept."""
    return {name: tuple(value) if name in _SEQUENCES else value for name, value in values.items()}


def _times(sizes: tuple[int, ...]) -> str:
    return " × ".join(map(str, sizes))
