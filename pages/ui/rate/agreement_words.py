"""Coefficients of agreement in the words of a clinician."""

import math

from pages.ui.shell import formatting

#: Fewer scans in common than this give no interval.
ENOUGH_FOR_INTERVAL = 10

#: Landis and Koch 1977, doi:10.2307/2529310: up to this value -> the word for it.
_WORDS: tuple[tuple[float, str], ...] = (
    (0.0, "no better than chance"),
    (0.2, "slight"),
    (0.4, "fair"),
    (0.6, "moderate"),
    (0.8, "substantial"),
    (1.0, "almost perfect"),
)

WHAT_EXPERTS_REACH = (
    "For comparison: the experts who rated ABIDE reached a κ of 0.17 to 0.39 on three levels, and 0.44 to "
    "0.53 on exclude against the rest (Esteban et al. 2017)."
)


def strength(value: float) -> str:
    """Return the word for a kappa or an alpha."""
    if not math.isfinite(value):
        return "cannot be told: everybody gave one and the same rating"
    return next((word for limit, word in _WORDS if value <= limit + 1e-12), _WORDS[-1][1])


def figure(value: float, low: float, high: float) -> str:
    """Return a coefficient with its 95 % interval."""
    shown = formatting.number(value, 2)
    if math.isfinite(low) and math.isfinite(high):
        return f"{shown} ({formatting.number(low, 2)} to {formatting.number(high, 2)})"
    return shown


def meaning(value: float, n: int) -> str:
    """Return the meaning of a coefficient from ``n`` scans, or how many more are needed for one."""
    if n < ENOUGH_FOR_INTERVAL:
        return f"not enough yet: {ENOUGH_FOR_INTERVAL - n} more"
    return strength(value)
