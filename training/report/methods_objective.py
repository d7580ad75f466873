"""Pretraining objective of a study in the words of its Methods section."""

from training.settings.objectives import OBJECTIVES
from training.settings.preset import Preset


def trained(preset: Preset) -> str:
    """Return what was trained, as far as the words "for … epochs"."""
    objective = OBJECTIVES[preset.objective]
    network = (
        f"3D masked autoencoder (patches of {preset.patch}³ voxels, encoder of {preset.layers} blocks of "
        f"width {preset.hidden}, {100 * preset.masking_ratio:.0f} % of the patches removed)"
    )
    if not objective.contrasts:
        return f"A {network} was trained"
    contrast = "to tell two views of a scan from the views of other people's scans in the same step"
    if not objective.reconstructs:
        return f"The encoder of a {network} was trained without its decoder, {contrast},"
    return f"A {network} was trained to predict the removed patches and {contrast},"


def loss(preset: Preset) -> str:
    """Return the loss of pretraining."""
    objective = OBJECTIVES[preset.objective]
    each = ", each standardised" * preset.normalise_targets
    parts = [f"mean squared error of removed patches{each}"] * objective.reconstructs
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
