"""Objective of pretraining and tuning of fine-tuning in the words of a study's Methods section."""

from collections import Counter

from curation.wording import plural
from training.results import tuning_choices
from training.settings import backbones, tuning
from training.settings.objectives import OBJECTIVES
from training.settings.preset import Preset
from training.studies.planned_study import Study

_WHOLE = "fine-tuned whole"
#: What has a learning rate of its own, by the kind of arm.
_RATED = {
    "scratch": _WHOLE,
    "pretrained": _WHOLE,
    "probe": "linear probes",
    "random": "frozen random features",
    "cnn": "the plain network",
}
_NORMALISED = (
    " Before it judged, after each epoch, the head's normalisation was set anew from the people that were "
    "learned from."
)


def pretrained(study: Study) -> str:
    """Return what was pretrained, and for how long, in a sentence."""
    preset = study.preset
    if not any(arm.encoder for arm in study.arms):
        began = (
            f": the encoder of a 3D masked autoencoder ({_built(preset)}) began at random weights"
        )
        return f"No arm was pretrained{began * _encodes(study)}."
    fewer = any(arm.share_of_steps < 1 for arm in study.arms)
    return (
        f"{_trained(preset)} for {preset.pretrain_epochs} epochs of {preset.pretrain_steps} steps of "
        f"{preset.pretrain_batch} scans, the same number of steps for every arm"
        f"{' but subsets at equal passes' * fewer}."
    )


def _encodes(study: Study) -> bool:
    return any(arm.method in ("full", "probe") for arm in study.arms)


def _built(preset: Preset) -> str:
    return f"patches of {preset.patch}³ voxels, {_network(preset)}"


def _trained(preset: Preset) -> str:
    """Return what was trained, as far as the words "for … epochs"."""
    objective = OBJECTIVES[preset.objective]
    network = f"3D masked autoencoder ({_built(preset)}, {_masked(preset)})"
    if not objective.contrasts:
        return f"A {network} was trained"
    contrast = "to tell two views of a scan from the views of other people's scans in the same step"
    if not objective.reconstructs:
        return f"The encoder of a {network} was trained without its decoder, {contrast},"
    return f"A {network} was trained to predict the removed patches and {contrast},"


def _masked(preset: Preset) -> str:
    share = f"{100 * preset.masking_ratio:.0f} % of the patches"
    if preset.masking != "brain":
        return f"{share} removed"
    return (
        f"{share} with brain removed, drawn by their share of brain; patches without brain left out, in "
        "fine-tuning too"
    )


def shown(study: Study) -> str:
    """Return how patches were shown and attention began, in sentences with a space before; or nothing."""
    preset = study.preset
    if not _encodes(study):
        return ""
    centred = (
        " From each patch the pool's mean patch of its place was subtracted, in arms without pretraining "
        "too."
    )
    local = (
        " Attention began such that tokens attend to nearby ones, in every arm (mimetic initialisation, "
        "Trockman & Kolter 2023)."
    )
    begun = preset.backbone == "vit" and preset.locality > 0
    return centred * preset.centred + local * begun


def _network(preset: Preset) -> str:
    if preset.backbone == "vit":
        return f"encoder of {preset.layers} blocks of width {preset.hidden}"
    channels = ", ".join(map(str, backbones.unet_channels(preset.hidden, preset.decoder_hidden)))
    return (
        f"U-Net of two convolutions a level with {channels} channels, group normalisation and skip "
        "connections, removed patches shown as "
        + ("the mean patch of their place" if preset.centred else "0")
    )


def _decay(preset: Preset) -> str:
    """Return how the learning rate of a pretrained encoder falls towards the input."""
    step = "block" if preset.backbone == "vit" else "level"
    return f"times {preset.layer_decay:g} a {step} towards the input"


def loss(preset: Preset) -> str:
    """Return the loss of pretraining."""
    objective = OBJECTIVES[preset.objective]
    each = ", each standardised" * preset.normalise_targets
    error = f"mean squared error of removed patches{each}, weighted by their share of brain"
    parts = [error] * objective.reconstructs
    if objective.contrasts:
        weight = f"{preset.contrast_weight:g} times the " * objective.reconstructs
        parts.append(
            f"{weight}NT-Xent loss of SimCLR (temperature {preset.temperature:g}, mean tokens through a "
            "projection head that was discarded, scans of the same person left out)"
        )
    return " plus ".join(parts)


def views(preset: Preset) -> str:
    """Return how the two views of a contrast were made, as a sentence with a space before; else nothing."""
    objective = OBJECTIVES[preset.objective]
    if not objective.contrasts:
        return ""
    whose = "the second view" if objective.reconstructs else "each view"
    deformed = " Both views were deformed alike." * bool(preset.warp_mm)
    return (
        " The two views of a scan were flipped, shifted, changed in contrast and masked apart; "
        f"{whose} showed patches of a box of {100 * preset.crop:.0f} % of each axis at a random place, never "
        f"enlarged.{deformed}"
    )


def _head(study: Study) -> str:
    """Return what the head read and where it began, where that is not the usual, as sentences; else nothing.

    The usual: the mean over patches, and random weights.
    """
    places = " The head read a few numbers of each patch instead of their mean."
    ridge = (
        " The head began at ridge regression on the features before fine-tuning, its penalty chosen "
        "among the people of the training folds."
    )
    begins = study.preset.head_start == "ridge" and not study.outcome.two_valued
    return places * (study.preset.pooling == "places" and _encodes(study)) + ridge * begins


def finetuned(study: Study) -> str:
    """Return what was fine-tuned, for how long, and what its head read; of ridge regression alone nothing."""
    ways = {arm.method for arm in study.arms} - {"ridge"}
    if not ways:
        return ""
    what = (
        "Encoder and head were fine-tuned" if "full" in ways else "What is named below was trained"
    )
    return f" {what} for {study.outcome.noun} {length(study)}{_head(study)}{_NORMALISED}"


def length(study: Study) -> str:
    """Return over how many epochs encoder and head were fine-tuned, and who chose them."""
    if study.tuning is None:
        epochs = plural(study.preset.finetune_epochs, "epoch")
        return f"over {epochs}, fixed beforehand; the last weights were used."
    chosen = tuning_choices.choices(study)
    kinds = dict.fromkeys(one.kind for one in chosen)
    told = [
        f"{tuning.KINDS[kind]}: {_listed([one for one in chosen if one.kind == kind], len(study.run_folds))}"
        for kind in kinds
    ]
    trials = len(study.tuning.rates) * len(study.tuning.lengths)
    found = f" Chosen were, for {'; '.join(told)}." if told else ""
    return (
        "with a learning rate and a number of epochs chosen for each kind of arm in each fold by an inner "
        f"validation on {_held_out(study)}, among {trials} trials for every kind, on one of its "
        f"arms by turns; the last weights were used.{found}"
    )


def _held_out(study: Study) -> str:
    """Return whom trials were judged on."""
    if study.judging.folds_by == "site":
        return "whole sites among those of its training people"
    return "a third of its training people"


def rate(study: Study) -> str:
    """Return the learning rates of fine-tuning, one for each way that an arm is trained."""
    kinds = tuning.kinds_of(study.arms)
    falling = f", in a pretrained encoder {_decay(study.preset)}" * ("pretrained" in kinds)
    if study.tuning is not None:
        return f"as tuned{falling}"
    rates = {_RATED[kind]: tuning.usual_recipe(study.preset, kind).lr for kind in kinds}
    if set(rates) == {_WHOLE}:
        return f"{rates[_WHOLE]:g}{falling}"
    return ", ".join(f"{lr:g} {whose}{falling * (whose == _WHOLE)}" for whose, lr in rates.items())


def _listed(chosen: list[tuning_choices.Choice], folds: int) -> str:
    """Return the recipes and in how many folds each was chosen."""
    counts = Counter(one.recipe for one in chosen)
    return ", ".join(
        f"rate {recipe.lr:.2g} over {plural(recipe.epochs, 'epoch')} in {count} of {folds} folds"
        for recipe, count in counts.most_common()
    )
