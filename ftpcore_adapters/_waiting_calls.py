"""Calls into the thread of a session that other threads wait for: until they are made, or never can be."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

from ftpcore_adapters._host import SessionHost, SessionOver

__all__ = ["WaitingCalls"]

T = TypeVar("T")


class WaitingCalls:
    """The calls of one session."""

    __slots__ = ("_outcomes", "_over")

    def __init__(self) -> None:
        self._outcomes: list[Future[Any]] = []  # Any: each call has a result of its own
        self._over = False

    def make(self, host: SessionHost, function: Callable[[], T]) -> T:
        """Have `function` called in the thread of the session, and wait for what it returns; for other threads.

        Raises:
            SessionOver: The session has ended, or does so before it comes to that.
        """
        outcome: Future[T] = Future()

        def call() -> None:
            if outcome.done():
                return
            try:
                value = function()
            except BaseException as error:  # noqa: BLE001  it is raised where it was asked for
                if not outcome.done():
                    outcome.set_exception(error)
            else:
                if not outcome.done():
                    outcome.set_result(value)

        self._outcomes.append(outcome)
        try:
            if self._over:  # only now, for whoever sets it looks at the list afterwards
                raise SessionOver("the session has ended")
            host.run(call)
            return outcome.result()
        finally:
            self._outcomes.remove(outcome)

    def give_up(self) -> None:
        """The session has ended: nobody is to wait any more.  Called in its thread, idempotent."""
        self._over = True
        for outcome in self._outcomes[:]:
            if not outcome.done():
                outcome.set_exception(SessionOver("the session has ended"))
