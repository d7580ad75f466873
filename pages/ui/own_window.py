"""The window that a person sets on Review: level and width, in step with the image.

It is kept in shares of the tissue window, so that it fits the next scan too, whatever its units.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import streamlit as st

from pages.ui import fields, state
from pages.ui.prepared import Prepared
from pages.ui.windows import FIRST_WINDOW, WINDOWS

#: What it is called beside :data:`pages.ui.windows.WINDOWS`.
OWN, _UNIT = "Custom", "Tissue"
_DIGITS = 6


@dataclass(frozen=True)
class OwnWindow:
    """A window in shares of the tissue window: 0 is its black, 1 its white.

    Parameters
    ----------
    black, white : float
        Its ends.
    instead_of : str
        The window of :data:`pages.ui.windows.WINDOWS` that it was made from, and leads back to.
    """

    black: float
    white: float
    instead_of: str

    def of(self, tissue: Prepared) -> Prepared:
        """Return a scan, given in its tissue window, as this window shows it."""
        span = tissue.white - tissue.black
        black, white = (tissue.black + share * span for share in (self.black, self.white))
        return replace(tissue, window=OWN, black=black, white=white)


def options() -> list[str]:
    """Return the windows to choose from: the own one once there is one."""
    return [*WINDOWS, *([OWN] if state.get(state.OWN_WINDOW) else [])]


def seen(window: str, prepare: Callable[[str], Prepared]) -> Prepared:
    """Return a scan through one of :func:`options`; ``prepare`` returns it through a named window."""
    own: OwnWindow | None = state.get(state.OWN_WINDOW)
    return own.of(prepare(_UNIT)) if window == OWN and own else prepare(window)


def named(window: str) -> str:
    """Return the named window that a double click on the image leads back to from one of :func:`options`."""
    own: OwnWindow | None = state.get(state.OWN_WINDOW)
    return own.instead_of if window == OWN and own else window


def take(black: float, white: float, home: Prepared, tissue: Prepared) -> None:
    """Keep a window that was set, in the scan's own units; one that is no window is not taken.

    Parameters
    ----------
    black, white : float
        Its ends.
    home : Prepared
        The scan through the window that it takes the place of: those ends again lead back to it.
    tissue : Prepared
        The scan in its tissue window.
    """
    span = (tissue.white - tissue.black) or 1.0
    if not (math.isfinite(black) and math.isfinite(white) and white > black):
        return
    before = state.get(state.WINDOW)
    own: OwnWindow | None = state.get(state.OWN_WINDOW)
    instead_of = own.instead_of if before == OWN and own else before or FIRST_WINDOW
    shown = max(abs(span), abs(home.black), abs(home.white)) * 10.0 ** (1 - _DIGITS)
    if abs(black - home.black) <= shown and abs(white - home.white) <= shown:
        fields.put(state.WINDOW, instead_of)
        return
    low, high = ((end - tissue.black) / span for end in (black, white))
    state.put(state.OWN_WINDOW, OwnWindow(low, high, instead_of))
    fields.put(state.WINDOW, OWN)


def level_and_width(image: Prepared, taken: Callable[[float, float], None]) -> None:
    """Draw level and width of what is shown; ``taken`` is told black and white when one was changed."""
    width = image.white - image.black
    state.put(state.LEVEL, _rounded((image.black + image.white) / 2))
    state.put(state.WIDTH, _rounded(width))
    step = 10.0 ** math.floor(math.log10(width / 5)) if width > 0 else 1.0
    for label, key, least, meaning in (
        ("Level", state.LEVEL, None, "The grey in the middle between black and white"),
        ("Width", state.WIDTH, 0.0, "From black to white"),
    ):
        st.markdown(label, width="content")
        st.number_input(
            label,
            min_value=least,
            key=key,
            step=step,
            format=shown_as(width),
            width=150,
            label_visibility="collapsed",
            on_change=_typed,
            args=(taken,),
            help=f"{meaning}, in the units of the scan.",
        )


def shown_as(width: float) -> str:
    """Return the format of level and width: to about a hundredth of the width, which an eye can tell."""
    places = 2 - math.floor(math.log10(width)) if width > 0 else 2
    return f"%.{min(max(places, 0), _DIGITS)}f"


def _typed(taken: Callable[[float, float], None]) -> None:
    level, width = state.get(state.LEVEL), state.get(state.WIDTH)
    taken(level - width / 2, level + width / 2)


def _rounded(value: float) -> float:
    return float(f"{value:.{_DIGITS}g}")
