"""The signals that interrupt a server: around a fork, and in the processes that it has forked (POSIX)."""

from __future__ import annotations

import signal
from types import FrameType
from typing import Final

__all__ = ["HeldInterrupts", "ignore_interrupts"]

#: Windows, where nothing forks, has no SIGHUP.
_INTERRUPTS: Final = tuple(signal.Signals[name] for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))


class HeldInterrupts:
    """Holds interrupts back from when it is made: Python loses one that comes in the midst of a fork.

    Those that came before are handled first, by whatever handler; if that raises, none are held.
    """

    def __init__(self) -> None:
        self._former = signal.pthread_sigmask(signal.SIG_BLOCK, ())
        try:
            signal.pthread_sigmask(signal.SIG_BLOCK, _INTERRUPTS)
        except BaseException:
            self.admit()
            raise

    def admit(self) -> None:
        """Take interrupts as before; those that came meanwhile are handled."""
        signal.pthread_sigmask(signal.SIG_SETMASK, self._former)


def ignore_interrupts() -> None:
    """In a forked process: leave SIGINT and SIGTERM to the server.

    A terminal tells the one to everybody, and systemd the other; whether sessions are drained or cut, the server says.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _ignore)


def _ignore(number: int, frame: FrameType | None) -> None:
    """In the place of SIG_IGN, which the programs that a hook runs would inherit."""
