"""Theme of all charts, on the screen and in reports: colours, plotly's template, styles of arms."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import plotly.graph_objects as go

from curation.tiers.tier_rule import TIER_COLOURS

INK, MUTED, GRID = "#1F2933", "#52606D", "#E1E7EC"
FONT = '"Source Sans", "Source Sans Pro", sans-serif'

#: The one template of plotly's figures.
TEMPLATE = go.layout.Template(
    layout={
        "font": {"family": FONT, "size": 15, "color": INK},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "#FFFFFF",
        "margin": {"l": 64, "r": 16, "t": 28, "b": 56},
        "xaxis": {
            "gridcolor": GRID,
            "linecolor": MUTED,
            "ticks": "outside",
            "zeroline": False,
            "title": {"standoff": 10},
        },
        "yaxis": {
            "gridcolor": GRID,
            "linecolor": MUTED,
            "ticks": "outside",
            "zeroline": False,
            "title": {"standoff": 10},
        },
        "legend": {
            "orientation": "h",
            "yanchor": "bottom",
            "y": 1.02,
            "x": 0,
            "font": {"size": 14},
        },
        "hoverlabel": {"font": {"family": FONT, "size": 14}},
        "hovermode": "closest",
        "modebar": {"bgcolor": "rgba(0,0,0,0)", "color": "#9AA5B1", "activecolor": INK},
    }
)


class ArmLike(Protocol):
    """Attributes of an arm that charts use; :class:`training.arms.study_arms.Arm` is one."""

    @property
    def name(self) -> str: ...
    @property
    def label(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def tiers(self) -> tuple[str, ...]: ...
    @property
    def matches(self) -> str | None: ...


@dataclass(frozen=True)
class Style:
    """Style of an arm in every chart."""

    label: str
    colour: str
    dash: str = "solid"


def arm_styles(arms: Sequence[ArmLike]) -> dict[str, Style]:
    """Give each arm its style.

    An arm made of tiers takes the colour of the worst tier that it lets in, a control that of the arm
    it matches, dashed; without pretraining it is dark grey.
    """
    own = {arm.name: _arm_colour(arm) for arm in arms}
    return {
        arm.name: Style(
            f"{arm.name}: {arm.label}" if arm.name != arm.label else arm.label,
            own.get(arm.matches or "", own[arm.name]) if arm.kind == "control" else own[arm.name],
            "dash" if arm.kind == "control" else "solid",
        )
        for arm in arms
    }


def _arm_colour(arm: ArmLike) -> str:
    if arm.kind == "scratch" or not arm.tiers:
        return "#3E4C59"
    return TIER_COLOURS.get(arm.tiers[-1], "#7F7F7F")
