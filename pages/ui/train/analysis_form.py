"""Choice of a study's primary comparison, margin and sides, with what the design can show."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import streamlit as st

from curation.storage.workspace import Workspace
from pages.ui.compare import comparison_data
from pages.ui.shell import formatting, frame
from pages.ui.train import power_panel
from training.arms.study_arms import Arm
from training.judging.outcome import AGE, Outcome
from training.results import design_power
from training.results.power_planner import Question
from training.studies import analysis_plan, planned_study
from training.studies.analysis_plan import EXPLORATORY, MARGIN_YEARS, AnalysisPlan

_OF_AGE = " At first what preprocessing alone moves the error of brain age by (Dular et al. 2023)."
_NONE = "none: all exploratory"
_SIDES = {"Two-sided": False, "One-sided": True}


def choose(arms: Sequence[Arm], outcome: Outcome = AGE) -> AnalysisPlan:
    """Draw the choice of what is declared before anything is seen; at first what suits the arms.

    Parameters
    ----------
    arms : sequence of Arm
        Of the study that is planned; with fewer than two there is nothing to declare.
    outcome : Outcome
        What is predicted. Of another than age no primary comparison is proposed, since what difference would
        matter is for people to say.
    """
    names = [arm.name for arm in arms]
    if len(names) < 2:
        return replace(EXPLORATORY, outcome=outcome)
    first = analysis_plan.proposed(arms)
    key = "-".join([*names, outcome.name])
    left, right, margin, sides = st.columns([5, 5, 4, 6])
    arm = left.selectbox(
        "Primary comparison",
        [_NONE, *names],
        index=names.index(first[0]) + 1 if first and outcome.is_age else 0,
        key=f"primary-{key}",
        help="The one comparison that the study is to decide. Declared before it runs, it is tested without "
        "regard to others; all others are exploratory, and corrected for their number.",
    )
    if arm == _NONE:
        return replace(EXPLORATORY, outcome=outcome)
    others = [name for name in names if name != arm]
    reference = right.selectbox(
        "against",
        others,
        index=others.index(first[1]) if first and first[1] in others else 0,
        key=f"primary-against-{key}-{arm}",
    )
    least = 10.0**-outcome.digits
    stated = margin.number_input(
        f"Margin ({outcome.unit_words})",
        value=MARGIN_YEARS if outcome.is_age else None,
        min_value=least,
        step=0.1 if outcome.is_age else least,
        format=f"%.{outcome.digits}f",
        key=f"margin-{outcome.name}",
        help="A difference that would matter. What is shown to lie within it is called equivalent."
        + _OF_AGE * outcome.is_age,
    )
    side = sides.segmented_control(
        "Sides",
        list(_SIDES),
        default="Two-sided",
        key="primary-sides",
        required=True,
        help="One-sided asks only whether the arm is better, or not worse by the margin.",
    )
    return AnalysisPlan((arm, reference), stated, _SIDES[side], outcome)


def show_power(
    workspace: Workspace,
    target_id: str,
    people: int,
    preset: str,
    seeds: int,
    folds: int,
    plan: AnalysisPlan,
    *,
    own_control: bool,
) -> None:
    """Draw what the design can show, before it is launched, with what is assumed, and what others would.

    Parameters
    ----------
    workspace : Workspace
        Whose finished studies tell how far errors spread.
    target_id : str
        Of the cohort on which every arm is judged.
    people : int
        That are judged on.
    preset : str
        Name of the preset.
    seeds, folds : int
        How many.
    plan : AnalysisPlan
        What is declared.
    own_control : bool
        Whether that is a comparison of an arm with its own control.
    """
    with frame.in_words():
        spread = design_power.assumed(
            planned_study.list_studies(workspace),
            partial(comparison_data.held_out_of, workspace),
            target_id=target_id,
            preset=preset,
            outcome=plan.outcome,
            own_control=own_control,
        )
        words = design_power.words(
            people,
            seeds,
            spread,
            margin_years=plan.margin_years,
            one_sided=plan.one_sided,
            outcome=plan.outcome,
        )
        st.markdown(formatting.escape(words))
        if spread:
            asked = Question(spread, plan.margin_years, folds, plan.one_sided, plan.outcome)
            power_panel.show(asked, people, seeds)
