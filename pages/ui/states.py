"""How the state of a study or of a run is called and coloured on every page."""

#: State -> the word on the screen and its colour.
STATES: dict[str, tuple[str, str]] = {
    "planned": ("planned", "#616E7C"),
    "waiting": ("waiting", "#616E7C"),
    "queued": ("in the queue", "#616E7C"),
    "running": ("running", "#1A5A8A"),
    "stopped": ("stopped", "#8D5B00"),
    "failed": ("failed", "#A61B1B"),
    "finished": ("finished", "#1F6F43"),
}


def state_chip(name: str) -> str:
    """Return the chip of a state."""
    word, colour = STATES[name]
    return f'<span class="ts-chip" style="background:{colour};color:#fff">{word}</span>'
