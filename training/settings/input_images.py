"""Input images of a study's networks: T1w, PET, alternating, or both as channels."""

from dataclasses import dataclass
from typing import Any

from training.settings.preset import Preset


@dataclass(frozen=True)
class Images:
    """Input images by choice.

    Parameters
    ----------
    name, label : str
        Key in :data:`IMAGES`, and its name in words.
    meaning : str
        Use in training and testing, in words.
    modalities : tuple of str
        See :class:`training.settings.preset.Preset`.
    paired : bool
        Both at once, as two channels.
    """

    name: str
    label: str
    meaning: str
    modalities: tuple[str, ...]
    paired: bool = False

    @property
    def overrides(self) -> dict[str, Any]:
        """Return the fields of a preset that make a study look at these."""
        return {"modalities": self.modalities, "paired": self.paired}


#: All choices by name.
IMAGES: dict[str, Images] = {
    images.name: images
    for images in (
        Images("T1w", "T1w", "pretrained on, fine-tuned on and judged by the T1w", ("T1w",)),
        Images("pet", "PET", "pretrained on, fine-tuned on and judged by the PET", ("pet",)),
        Images(
            "by-turns",
            "T1w and PET by turns",
            "one network pretrained on either, half of every step each; fine-tuned on and judged by the T1w",
            ("T1w", "pet"),
        ),
        Images(
            "together",
            "T1w and PET together",
            "both images of a person at once, as two channels, in pretraining and fine-tuning",
            ("T1w", "pet"),
            paired=True,
        ),
    )
}


def images_of(preset: Preset) -> Images:
    """Return the input images of a preset."""
    wanted = (preset.modalities, preset.paired)
    return next(i for i in IMAGES.values() if (i.modalities, i.paired) == wanted)


def shown(preset: Preset) -> tuple[str, ...]:
    """Return the modalities of a person that are the channels in fine-tuning, testing and reconstruction.

    Of alternating modalities it is the first, the T1w, so that the target cohort needs no PET.
    """
    return preset.modalities if preset.paired else preset.modalities[:1]


def alternating_modalities(preset: Preset) -> int:
    """Return how many modalities alternate in pretraining; 1 where each step shows the same."""
    return 1 if preset.paired else len(preset.modalities)


def other_than_t1w(preset: Preset) -> str:
    """Return what is looked at, in words; empty where it is the T1w alone."""
    return "" if preset.modalities == ("T1w",) else images_of(preset).label
