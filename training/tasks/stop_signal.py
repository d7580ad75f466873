"""Graceful stop: SIGTERM is noted, and the work ends itself at the next safe point."""

import signal
from types import FrameType


class Stopped(Exception):
    """The process was asked to stop and has saved its state."""


class Interruption:
    """Notes SIGTERM and SIGINT from the moment it is made.

    Call :meth:`check` where the work can end without loss.
    """

    def __init__(self) -> None:
        self.requested = False
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._note)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.requested = True

    def check(self) -> None:
        """Raise :class:`Stopped` when a stop was asked for."""
        if self.requested:
            raise Stopped
