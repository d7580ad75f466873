"""Form of a design: the question, what it can be told, and the arms that answer it."""

import streamlit as st

from curation.cohorts.frozen_cohort import CohortHeader
from curation.errors import StudyError
from curation.simulation.artefacts import ARTEFACTS
from pages.ui.shell import formatting, state
from training.arms import distortion
from training.arms.designs import DESIGNS, MOST_DRAWS, Choices, Design
from training.arms.study_arms import Arm, available_arms, filled_tiers, find
from training.arms.study_arms import choose as choose_arms

_SEVERITIES = tuple(round(0.05 * step, 2) for step in range(1, 21))


def choose(pool: CohortHeader) -> tuple[Design, list[str]]:
    """Draw the choice of a question and of the arms that answer it."""
    design = DESIGNS[
        st.segmented_control(
            "Question",
            list(DESIGNS),
            default=next(iter(DESIGNS)),
            key=state.DESIGN,
            required=True,
            format_func=lambda name: DESIGNS[name].label,
        )
    ]
    st.caption(design.question)
    choices = _choices(design, pool)
    if why := design.why_not(pool, choices):
        st.warning(formatting.escape(why), icon=":material/warning:")
        return design, []
    return design, _arms(design, pool, choices)


def _choices(design: Design, pool: CohortHeader) -> Choices:
    """Draw what a design can be told, each beside the other."""
    usual, key = design.usual, design.name
    with st.container(horizontal=True, vertical_alignment="bottom"):
        return Choices(
            percents=_percents(usual.percents, key),
            artefact=_artefact(usual.artefact, key),
            severities=_severities(usual.severities, key),
            of=None if usual.of is None else _of(pool, key),
            draws=_draws(usual.draws, key),
        )


def _percents(usual: tuple[int, ...] | None, key: str) -> tuple[int, ...] | None:
    if usual is None:
        return None
    chosen = st.multiselect(
        "Shares, %",
        range(1, 100),
        default=usual,
        key=f"shares-{key}",
        help="Of the scans that are kept or drawn, or of the people whose ages are learned from.",
    )
    return tuple(chosen)


def _artefact(usual: str | None, key: str) -> str | None:
    if usual is None:
        return None
    return st.selectbox(
        "Artefact",
        list(ARTEFACTS),
        index=list(ARTEFACTS).index(usual),
        format_func=distortion.label_of,
        key=f"artefact-{key}",
        help="Simulated on each scan with a seed of its own, which is kept with the study.",
    )


def _severities(usual: tuple[float, ...] | None, key: str) -> tuple[float, ...] | None:
    if usual is None:
        return None
    chosen = st.multiselect(
        "Severities",
        _SEVERITIES,
        default=usual,
        format_func=lambda severity: f"{severity:g}",
        key=f"severities-{key}",
        help="Above 0 (the scan as it is), at most 1 (the strongest that is made).",
    )
    return tuple(chosen)


def _of(pool: CohortHeader, key: str) -> str:
    return st.selectbox(
        "Scans of",
        _sets(pool),
        key=f"of-{pool.id}-{key}",
        format_func=lambda name: arm_words(find(pool, name), name),
        help="The arm whose scans are distorted or drawn from, and that is compared with.",
    )


def _draws(usual: int | None, key: str) -> int | None:
    if usual is None:
        return None
    most = min(10, MOST_DRAWS)
    return int(st.number_input("Draws", 1, most, value=usual, key=f"draws-{key}"))


def _sets(pool: CohortHeader) -> list[str]:
    """Return the arms that scans can be taken of: from the best tier on, then each tier by itself."""
    offered = [arm.name for arm in available_arms(pool) if arm.kind == "tiers"]
    return list(dict.fromkeys([*offered, *_single(pool)]))


def _single(pool: CohortHeader) -> list[str]:
    return [name for name in filled_tiers(pool) if find(pool, name)]


def _arms(design: Design, pool: CohortHeader, choices: Choices) -> list[str]:
    proposed = design.arms(pool, choices)
    others = [*(arm.name for arm in available_arms(pool)), *_single(pool)]
    offered = list(dict.fromkeys([*others, *proposed]))
    names = st.multiselect(
        "Arms: what the encoder is pretrained on and how it is fine-tuned",
        offered,
        default=proposed,
        format_func=lambda name: arm_words(find(pool, name), name),
        key=f"arms-{pool.id}-{design.name}-{choices}",
        accept_new_options=True,
        help="Every arm is fine-tuned and judged on the same folds of the target cohort. All get as many "
        "optimiser steps, but for arms named -passes (fewer), and where fine-tuning is tuned: there all of a "
        "kind and fold do. A control holds as many scans as the arm it matches, drawn at random: "
        "without it, better may only be more, fewer or younger. Against it an arm counts as one draw of "
        "scans, which takes five seeds or more to tell. Others can be typed: worst-20, not-A, B+C, "
        "A~motion-0.5.",
    )
    if names:
        try:
            choose_arms(pool, names)
        except StudyError as error:
            st.warning(formatting.escape(str(error)), icon=":material/warning:")
    return names


def arm_words(arm: Arm | None, name: str) -> str:
    """Return an arm's name with what it means."""
    return f"{name}: {arm.label}" if arm and arm.label != name else name
