"""When a loop comes back to the host of a session, although no socket of it is ready: at a deadline, or in a turn soon.

One timer does for a session, for it asks for its first deadline only.
"""

from __future__ import annotations

from typing import Protocol

from ftpcore_adapters._loop import Loop
from ftpcore_adapters._scheduler import ScheduledCall
from ftpcore_adapters.ioloop import timer

__all__ = ["Sleeper", "WakeUps"]


class Sleeper(Protocol):
    """Whose wake-ups they are."""

    def handle_deadline(self) -> None:
        """A deadline that was asked for has come."""
        ...

    def handle_turn(self) -> None:
        """The turn that was asked for has come."""
        ...

    def handle_error(self) -> None:
        """One of them raised what `sys.exc_info()` tells."""
        ...


class WakeUps:
    """Those of one session."""

    __slots__ = ("_call", "_loop", "_sleeper", "_turn_comes")

    def __init__(self, sleeper: Sleeper, loop: Loop) -> None:
        self._sleeper = sleeper
        self._loop = loop
        self._call: ScheduledCall | None = None
        self._turn_comes = False

    def at(self, deadline: float | None) -> None:
        """Call `handle_deadline` at `deadline`, or before; None: whenever it was asked for last."""
        if deadline is None:
            return
        if self._call is not None:
            if self._call.due <= deadline:
                return  # it asks again then: cheaper than a timer that is moved with each command
            self._call.cancel()
        delay = max(0.0, deadline - timer())
        self._call = self._loop.call_later(delay, self._ring, _errback=self._sleeper.handle_error)

    def next_turn(self) -> bool:
        """Call `handle_turn` when others were served; False: that can't be arranged."""
        if not self._turn_comes:
            try:
                self._loop.call_soon_threadsafe(self._turn)
            except (OSError, RuntimeError):
                return False  # no descriptor is left to wake the loop by, or it is closed
            self._turn_comes = True
        return True

    def cancel(self) -> None:
        """No deadline is waited for any more."""
        if self._call is not None:
            self._call.cancel()
            self._call = None

    def _ring(self) -> None:
        self._call = None
        self._sleeper.handle_deadline()

    def _turn(self) -> None:
        self._turn_comes = False
        try:
            self._sleeper.handle_turn()
        except Exception:  # noqa: BLE001  as when the loop calls
            self._sleeper.handle_error()
