"""Keyboard shortcuts of a rating session."""

from curation.ratings.rating_record import ARTEFACTS
from curation.ratings.scales import Scale
from pages.ui.review import level_buttons, rating_panel
from pages.ui.viewer import user_window

#: Save, undo and comment are the keys of a rating on Review.
NEXT, UNDO, COMMENT = rating_panel.NEXT, rating_panel.UNDO, rating_panel.COMMENT
WINDOW = user_window.KEY
#: What saved before Review and this page had one key; it works on, and is not shown.
EARLIER_NEXT = "N"
#: What the image's own page listens for: the cross hair, one plane on the whole screen, a mark of a place.
CROSS, WHOLE, MARK = "X", "F", "Q"

#: What the numbers of confidence mean, 0 to 4 as in MRIQC's widget.
SURE: dict[int, str] = {0: "guess", 1: "unsure", 2: "fairly", 3: "sure", 4: "certain"}

#: Keys that streamlit keeps for itself.
RESERVED = frozenset("CR")

_WANTED: dict[str, str] = {
    "head-motion": "H",
    "eye-spillover": "E",
    "noneye-spillover": "Y",
    "coil-failure": "J",
    "noise-global": "O",
    "noise-local": "P",
    "em-perturbation": "M",
    "wrap-around": "W",
    "ghost-aliasing": "A",
    "ghost-other": "G",
    "inu": "B",
    "field-variation": "V",
    "signal-dropout": "D",
    "incomplete-coverage": "I",
    "processing": "Z",
    "uncategorized": "L",
}

#: Artefact -> letter; one that has none of its own has no key.
ARTEFACT_KEYS: dict[str, str | None] = {key: _WANTED.get(key) for key in ARTEFACTS}


def confidence_keys(scale: Scale) -> dict[int, str | None]:
    """Return the digit of each step of confidence, from 5 up; none where a level has it."""
    taken = set(level_buttons.level_keys(scale).values())
    return {step: None if str(step + 5) in taken else str(step + 5) for step in SURE}


def in_words(scale: Scale) -> str:
    """Return the keys in one line of words."""
    digits = sorted(level_buttons.level_keys(scale).values())
    sure = [key for key in confidence_keys(scale).values() if key]
    how = f"{sure[0]} to {sure[-1]} how sure · " if sure else ""
    return (
        f"{digits[0]} to {digits[-1]} rate · {how}letters what is wrong · {COMMENT} comment · "
        f"{NEXT} save and next · {UNDO} undo · {WINDOW} background or tissue · {CROSS} cross hair · "
        f"{WHOLE} whole screen · {MARK} mark a place"
    )
