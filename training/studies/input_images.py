"""What a study's networks look at: T1w, PET, or both. Without torch."""

from dataclasses import dataclass
from typing import Any

from training.studies.preset import Preset


@dataclass(frozen=True)
class Images:
    """A choice of images.

    Parameters
    ----------
    name, label : str
        Key in :data:`IMAGES`, and its name in words.
    meaning : str
        How it is trained on and judged.
    modalities : tuple of str
        See :class:`training.studies.preset.Preset`.
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


def of(preset: Preset) -> Images:
    """Return what a preset looks at."""
    wanted = (preset.modalities, preset.paired)
    return next(i for i in IMAGES.values() if (i.modalities, i.paired) == wanted)


def shown(preset: Preset) -> tuple[str, ...]:
    """Return the images of a person that a network is shown when it is fine-tuned, judged and looked through.

    They are its channels. By turns it is the first, the T1w, so that the target cohort needs no PET.
    """
    return preset.modalities if preset.paired else preset.modalities[:1]


def alternating(preset: Preset) -> int:
    """Return how many kinds of image take turns in pretraining; 1 where each step shows the same."""
    return 1 if preset.paired else len(preset.modalities)
