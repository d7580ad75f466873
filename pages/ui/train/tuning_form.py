"""Choice of the tuning in the form for a new study, and what it adds to the costs."""

import streamlit as st

from curation.wording import plural
from training.jobs.cost_estimate import Cost
from training.settings.preset import Preset
from training.settings.tuning import TUNED_PRESETS, Tuning


def choose(preset: Preset) -> Tuning | None:
    """Draw the choice, on at first where fine-tuning is a small part of a study's time."""
    tuned = st.toggle(
        "Tune the fine-tuning of each kind of arm",
        value=preset.name in TUNED_PRESETS,
        key=f"tuning-{preset.name}",
        help="Each fold tries learning rates and lengths on its own training people: a third of them is "
        "predicted by what the others taught, so whoever is held out chooses nothing. Scratch, pretrained "
        "encoders, probes and the plain network get as many trials each. Without it, all take the rates "
        "and length of the preset.",
    )
    return Tuning() if tuned else None


def cost_words(cost: Cost) -> str:
    """Return the trials in words, as one more of a study's kinds of runs; nothing where there are none."""
    return f", {plural(cost.trials, 'trial')} of the tuning" if cost.trials else ""
