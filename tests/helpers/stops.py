"""Stops of a run without a signal: after so many steps, or never."""

from training.tasks.stop_signal import Interruption, Stopped


class StopAt(Interruption):
    """Asks for a stop after so many steps, or never, and leaves the process's signals alone."""

    def __init__(self, steps: int | None = None) -> None:
        self.left = steps

    @property
    def requested(self) -> bool:  # type: ignore[override]
        if self.left is None:
            return False
        self.left -= 1
        return self.left <= 0

    def check(self) -> None:
        """Stop where a number was given."""
        if self.left is not None:
            raise Stopped
