"""What a handler asks of the host that runs its session, whatever the runtime."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from socket import socket
from typing import Protocol

__all__ = ["SessionHost", "SessionOver"]


class SessionOver(RuntimeError):
    """The session has ended: its thread will not do what it is asked to."""


class SessionHost(Protocol):
    """The host of one session."""

    @property
    def data_socket(self) -> socket | None:
        """The socket of the data connection, if one is up; for a look at it."""
        ...

    def on_session_thread(self) -> bool:
        """Is this the thread that may touch the session?"""
        ...

    def run(self, function: Callable[[], None]) -> None:
        """Run `function`, which touches the session, on the session's thread, and carry out what follows.

        Callable from any thread; returns at once if it is not the session's.
        """
        ...

    def resume(self) -> None:
        """Resume the session."""
        ...

    def finish(self) -> None:
        """Close the control connection when all is answered and sent."""
        ...

    def drop(self) -> None:
        """Close the control connection at once."""
        ...

    def pump(self) -> None:
        """Carry out the outputs of the session, on its thread."""
        ...

    def awaited(self, answer: Awaitable[object]) -> object:
        """Return what the answer of an asynchronous port comes to; called in the worker thread that asked for it.

        Raises:
            TypeError: There is no event loop here.
        """
        ...
