"""Part of the form for a new study: images, objective, backbone, tuning and changes of the preset."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import streamlit as st

from curation.cohorts.frozen_cohort import CohortHeader
from curation.errors import StudyError
from curation.storage.workspace import Workspace
from pages.ui.shell import cache, formatting, state
from pages.ui.train import recipe_form, tuning_form
from training.settings import objectives
from training.settings.input_images import IMAGES, Images
from training.settings.preset import Preset
from training.settings.preset_changes import parse_changes
from training.settings.tuning import Tuning


@dataclass(frozen=True)
class TrainingChoices:
    """How the models of a new study are trained.

    Attributes
    ----------
    images : Images
        What they look at.
    objective : mapping of str to object
        Fields of the preset that another pretraining objective than its own changes.
    backbone : str
        In :data:`training.settings.backbones.BACKBONES`.
    tuning : Tuning or None
        Trials that choose rate and length of fine-tuning.
    changes : str
        Fields of the preset as somebody typed them, ``NAME=VALUE`` with spaces between.
    """

    images: Images
    objective: Mapping[str, Any]
    backbone: str
    tuning: Tuning | None
    changes: str

    @property
    def named(self) -> list[str]:
        """Names of what is not as usual, for the name of the study."""
        seen = [] if self.images is IMAGES["T1w"] else [self.images.name]
        network = [] if self.backbone == recipe_form.USUAL_BACKBONE else [self.backbone]
        return [*seen, *self.objective.values(), *network]

    def overrides(self, preset: Preset) -> dict[str, Any]:
        """Return the fields to change.

        Parameters
        ----------
        preset : Preset
            The one that is changed.

        Raises
        ------
        StudyError
            When what was typed is no change of it.
        """
        # none for T1w, so that changes typed by hand hold
        images = {} if self.images is IMAGES["T1w"] else self.images.overrides
        network = preset.with_backbone(self.backbone)
        typed = parse_changes(preset.changed(network), self.changes.split())
        return network | typed | images | dict(self.objective)


def choose(workspace: Workspace, pool: CohortHeader, preset: Preset) -> TrainingChoices:
    """Draw the choices, closed at first, and return them."""
    with st.expander(
        "How models are trained: objective, backbone, tuning, changes of the preset",
        icon=":material/tune:",
    ):
        images = _images(workspace, pool)
        objective = recipe_form.choose_objective(preset)
        backbone = recipe_form.choose_backbone()
        tuning = tuning_form.choose(preset)
        changes = st.text_input(
            "Changes of the preset, if any",
            placeholder="pretrain_epochs=100 pretrain_lr=1e-4",
            help="Fields of the preset as NAME=VALUE, with a space between them.",
        )
    return TrainingChoices(images, objective, backbone, tuning, changes)


def usable(preset: Preset, chosen: TrainingChoices) -> Preset | None:
    """Return the changed preset, with a doubt about it drawn; none, with the reason, where it cannot be."""
    try:
        changed = preset.changed(chosen.overrides(preset))
    except StudyError as error:
        st.warning(formatting.escape(str(error)), icon=":material/warning:")
        return None
    if words := objectives.doubt(changed.objective, changed.pretrain_batch):
        st.warning(formatting.escape(words), icon=":material/warning:")
    return changed


def _images(workspace: Workspace, pool: CohortHeader) -> Images:
    """Draw the choice of the input images, where a source of pools has PET; else it is T1w."""
    scans = cache.scans(workspace)
    if not ((scans["status"] == "pet") & (scans["role"] == pool.role)).any():
        return IMAGES["T1w"]
    images = IMAGES[
        st.segmented_control(
            "Images",
            list(IMAGES),
            default="T1w",
            key=state.IMAGES,
            required=True,
            format_func=lambda name: IMAGES[name].label,
        )
    ]
    st.caption(
        f"{images.meaning[0].upper()}{images.meaning[1:]}. To compare T1w, PET and both, plan a study of "
        "each with the same cohorts, seeds and folds: Compare sets their arms side by side."
    )
    return images
