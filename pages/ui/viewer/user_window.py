"""Choice of the display window: named ones, and a custom one by level and width, in step with the image.

The choice goes along from scan to scan and from page to page, and stands in the address of the page. A custom
window is stored relative to the tissue window, so that it fits the next scan too, whatever its units.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import streamlit as st

from pages.ui.shell import controls, state
from pages.ui.shell.state import Key
from pages.ui.viewer.browser_image import PreparedImage
from pages.ui.viewer.display_window import AIR_WINDOW, FIRST_WINDOW, WINDOWS

#: What it is called beside :data:`pages.ui.viewer.display_window.WINDOWS`.
CUSTOM, _UNIT = "Custom", "Tissue"
_DIGITS = 6
#: The key that leads to the other window, on every page that shows a scan.
KEY = "K"
_ADDRESS = "window"


#: Fields of level and width: label, least value, meaning.
_FIELDS: dict[str, tuple[str, float | None, str]] = {
    state.LEVEL: ("Level", None, "The grey in the middle between black and white"),
    state.WIDTH: ("Width", 0.0, "From black to white"),
}


# ---- named and custom windows --------------------------------------------------------------------


@dataclass(frozen=True)
class CustomWindow:
    """A window in shares of the tissue window: 0 is its black, 1 its white.

    Parameters
    ----------
    black, white : float
        Its ends.
    instead_of : str
        The window of :data:`pages.ui.viewer.display_window.WINDOWS` that it was made from, and leads back to.
    """

    black: float
    white: float
    instead_of: str

    def applied_to(self, tissue: PreparedImage) -> PreparedImage:
        """Return a scan, given in its tissue window, as this window shows it."""
        span = tissue.white - tissue.black
        black, white = (tissue.black + share * span for share in (self.black, self.white))
        return replace(tissue, window=CUSTOM, black=black, white=white)


def window_options() -> list[str]:
    """Return the windows to choose from, with the custom one once it is set."""
    return [*WINDOWS, *([CUSTOM] if state.get(state.CUSTOM_WINDOW) else [])]


def current_window(key: Key[str] = state.WINDOW) -> str:
    """Return the chosen one of :func:`window_options`; the first where none of them is.

    Parameters
    ----------
    key : Key
        Of the choice, here and in what follows: the one for all scans, or another one's own.
    """
    chosen = state.get(key)
    return chosen if chosen in window_options() else FIRST_WINDOW


def other_window(window: str) -> str:
    """Return the window that :data:`KEY` switches to from a window."""
    return FIRST_WINDOW if window == AIR_WINDOW else AIR_WINDOW


def apply_window(window: str, prepare: Callable[[str], PreparedImage]) -> PreparedImage:
    """Return a scan through one of :func:`window_options`; ``prepare`` returns it through a named window."""
    own: CustomWindow | None = state.get(state.CUSTOM_WINDOW)
    return own.applied_to(prepare(_UNIT)) if window == CUSTOM and own else prepare(window)


def recorded(window: str) -> str:
    """Return how one of :func:`window_options` is stored: of a custom one, what it shows black and white."""
    own: CustomWindow | None = state.get(state.CUSTOM_WINDOW)
    if window != CUSTOM or own is None:
        return window
    return f"{CUSTOM}: {own.black:.3g} to {own.white:.3g} of {_UNIT}"


def home_window(window: str) -> str:
    """Return the named window to which a double click on the image resets one of :func:`window_options`."""
    own: CustomWindow | None = state.get(state.CUSTOM_WINDOW)
    return own.instead_of if window == CUSTOM and own else window


# ---- the custom window ---------------------------------------------------------------------------


def set_window(
    black: float,
    white: float,
    home: PreparedImage,
    tissue: PreparedImage,
    key: Key[str] = state.WINDOW,
) -> None:
    """Set the custom window, in the scan's own units; impossible ones are ignored.

    Parameters
    ----------
    black, white : float
        Its ends.
    home : PreparedImage
        The scan through the window that it takes the place of: those ends again lead back to it.
    tissue : PreparedImage
        The scan in its tissue window.
    key : Key
        Of the choice, see :func:`current_window`.
    """
    span = (tissue.white - tissue.black) or 1.0
    if not (math.isfinite(black) and math.isfinite(white) and white > black):
        return
    before = state.get(key)
    own: CustomWindow | None = state.get(state.CUSTOM_WINDOW)
    instead_of = own.instead_of if before == CUSTOM and own else before or FIRST_WINDOW
    shown = max(abs(span), abs(home.black), abs(home.white)) * 10.0 ** (1 - _DIGITS)
    if abs(black - home.black) <= shown and abs(white - home.white) <= shown:
        controls.move(key, instead_of)
        return
    low, high = ((end - tissue.black) / span for end in (black, white))
    state.put(state.CUSTOM_WINDOW, CustomWindow(low, high, instead_of))
    controls.move(key, CUSTOM)


def drawn(
    black: float,
    white: float,
    home: PreparedImage,
    tissue: PreparedImage,
    key: Key[str] = state.WINDOW,
) -> None:
    """Set the custom window as :func:`set_window` does, from the image instead of the fields."""
    state.put(state.WINDOWS_DRAWN, state.get(state.WINDOWS_DRAWN, 0) + 1)
    set_window(black, white, home, tissue, key)


def setters(
    home: PreparedImage, tissue: PreparedImage, key: Key[str] = state.WINDOW
) -> tuple[Callable[..., None], Callable[..., None]]:
    """Return what takes black and white from the fields, and from the image; see :func:`set_window`."""
    return tuple(partial(take, home=home, tissue=tissue, key=key) for take in (set_window, drawn))  # type: ignore[return-value]


def level_and_width(
    image: PreparedImage, of: str, on_change: Callable[[float, float], None]
) -> None:
    """Draw the fields of level and width.

    Parameters
    ----------
    image : PreparedImage
        The scan as it is shown.
    of : str
        Names the scan and the window that a custom one takes the place of. A field that is not on the screen
        keeps what it held when it was, and tells it with the next key press: so others have fields of their
        own, and so has each window that was drawn on the image.
    on_change : callable
        Gets black and white after a change.
    """
    middle, width = (image.black + image.white) / 2, image.white - image.black
    step = 10.0 ** math.floor(math.log10(width / 5)) if width > 0 else 1.0
    of = f"{of}-{state.get(state.WINDOWS_DRAWN, 0)}"
    values = (_rounded(middle), _rounded(width))
    shown = {f"{key}-{of}": value for key, value in zip(_FIELDS, values, strict=True)}
    for (label, least, meaning), (key, value) in zip(_FIELDS.values(), shown.items(), strict=True):
        state.put(key, value)
        st.markdown(label, width="content")
        st.number_input(
            label,
            min_value=least,
            key=key,
            step=step,
            format=shown_as(width),
            width=140,
            label_visibility="collapsed",
            on_change=_report_typed,
            args=(shown, on_change),
            help=f"{meaning}, in the units of the scan.",
        )


def shown_as(width: float) -> str:
    """Return the format of level and width: to about a hundredth of the width, which an eye can see."""
    places = 2 - math.floor(math.log10(width)) if width > 0 else 2
    return f"%.{min(max(places, 0), _DIGITS)}f"


def _report_typed(shown: dict[str, float], on_change: Callable[[float, float], None]) -> None:
    level, width = (state.get(key, value) for key, value in shown.items())
    on_change(level - width / 2, level + width / 2)


def _rounded(value: float) -> float:
    return float(f"{value:.{_DIGITS}g}")


# ---- the choice ----------------------------------------------------------------------------------


def choose_named(key: Key[str] = state.WINDOW, **more: Any) -> str:
    """Draw the choice of one of :func:`window_options` and return it; ``more`` is given on to streamlit."""
    return str(
        controls.choose_movable(
            st.segmented_control,
            "Window",
            window_options(),
            key=key,
            folded=True,
            required=True,
            label_visibility="collapsed",
            help=" · ".join(f"{w.label}: {w.meaning}" for w in WINDOWS.values()),
            **more,
        )
    )


def toggle_button(window: str, key: Key[str] = state.WINDOW, **more: Any) -> None:
    """Draw the button that leads from a window to the other one, with its key.

    Parameters
    ----------
    window : str
        What is shown at present.
    key : Key
        Of the choice, see :func:`current_window`.
    **more
        Given on to ``st.button``.
    """
    to = other_window(window)
    st.button(
        f"Show {to.lower()}",
        shortcut=KEY,
        key="other-window",
        on_click=choose_window,
        args=(to, key),
        help=WINDOWS[to].meaning,
        **more,
    )


def choose_window(window: str, key: Key[str] = state.WINDOW) -> None:
    """Choose a window for this scan and all that follow."""
    controls.move(key, window)


def take_from_address() -> None:
    """Take the window that the address names, where none is chosen: it outlives a reload so."""
    named = st.query_params.get(_ADDRESS)
    if state.get(state.WINDOW) is None and named in WINDOWS:
        controls.move(state.WINDOW, named)


def keep_in_address(window: str) -> None:
    """Let the address name one of :data:`WINDOWS`; the first one needs no word."""
    wanted = None if window == FIRST_WINDOW else window
    if wanted == st.query_params.get(_ADDRESS):
        return
    if wanted is None:
        st.query_params.pop(_ADDRESS, None)
    else:
        st.query_params[_ADDRESS] = wanted
