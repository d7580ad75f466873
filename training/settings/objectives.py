"""Pretraining objectives: what an encoder learns before ages are known, and what each needs of a preset."""

import math
from dataclasses import dataclass

from curation.errors import StudyError

#: Lowest and highest temperature of the contrast: below, one negative counts alone; above, all count alike.
TEMPERATURES = (0.01, 1.0)
#: Smallest and largest share of each axis that a cropped view shows.
CROPS = (0.3, 1.0)
#: Scans a step below which a contrast has few others to tell each scan from.
FEW_IN_A_STEP = 16


@dataclass(frozen=True)
class Objective:
    """A pretraining objective.

    Parameters
    ----------
    name, label : str
        Key in :data:`OBJECTIVES`, and its name in words.
    meaning : str
        What is learned, in words.
    reconstructs : bool
        Whether a decoder is trained to predict removed patches.
    contrasts : bool
        Whether two views of a scan are told from those of other people.
    """

    name: str
    label: str
    meaning: str
    reconstructs: bool
    contrasts: bool


#: All objectives by name.
OBJECTIVES: dict[str, Objective] = {
    objective.name: objective
    for objective in (
        Objective(
            "mae", "Masked autoencoder", "predicts removed patches from the others", True, False
        ),
        Objective(
            "contrast",
            "Contrast",
            "tells two views of a scan from those of other people (SimCLR)",
            False,
            True,
        ),
        Objective(
            "hybrid",
            "Both",
            "predicts removed patches and tells two views from those of other people",
            True,
            True,
        ),
    )
}


def refuse_unusable(
    preset: str,
    objective: str,
    *,
    batch: int,
    alternating: bool,
    temperature: float,
    weight: float,
    crop: float,
) -> None:
    """Refuse an objective that the other settings of a preset cannot carry.

    Parameters
    ----------
    preset, objective : str
        Names of both.
    batch : int
        Volumes of a step of pretraining.
    alternating : bool
        Whether T1w and PET are shown by turns.
    temperature : float
        Of the contrast.
    weight : float
        Of the contrast beside the reconstruction.
    crop : float
        Share of each axis that a cropped view shows.

    Raises
    ------
    StudyError
        When a value cannot be used, with what can.
    """
    if objective not in OBJECTIVES:
        raise StudyError(
            f"Preset {preset}: objective is one of {', '.join(OBJECTIVES)}, not {objective!r}."
        )
    for name, value, (low, high) in (
        ("temperature", temperature, TEMPERATURES),
        ("crop", crop, CROPS),
    ):
        if not low <= value <= high:
            raise StudyError(
                f"Preset {preset}: {name} must lie between {low:g} and {high:g}; not {value:g}."
            )
    if not 0 < weight < math.inf:
        raise StudyError(
            f"Preset {preset}: contrast_weight must be above 0, not {weight:g}. For a reconstruction alone "
            "take the objective mae."
        )
    if not OBJECTIVES[objective].contrasts:
        return
    if batch < 2:
        raise StudyError(
            f"Preset {preset}: the objective {objective} tells a scan from the others of its step, so "
            f"pretrain_batch must be 2 or more, not {batch}."
        )
    if alternating:
        raise StudyError(
            f"Preset {preset}: with T1w and PET by turns the objective {objective} would tell the kinds of "
            "image apart instead of people. Take T1w, pet or both together, or the objective mae."
        )


def doubt(objective: str, batch: int) -> str:
    """Return the doubt about a contrast within small steps; empty where there is none.

    Examples
    --------
    >>> doubt("mae", 2)
    ''
    >>> doubt("contrast", 8)
    'With 8 scans a step, contrast tells each from 7 others: a larger pretrain_batch teaches it more.'
    """
    if not OBJECTIVES[objective].contrasts or batch >= FEW_IN_A_STEP:
        return ""
    others = "one other" if batch == 2 else f"{batch - 1} others"
    return (
        f"With {batch} scans a step, {objective} tells each from {others}: a larger pretrain_batch teaches "
        "it more."
    )
