"""Calls from several threads at once, as sessions on worker threads make them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Final, TypeVar

__all__ = ["at_once"]

T = TypeVar("T")

#: Seconds that a thread of Python runs before another gets its turn: so short that what is not one step is cut apart.
_TURN: Final = 1e-5

#: Seconds in which all threads must have begun.
_START: Final = 30


def at_once(calls: Sequence[Callable[[], T]]) -> list[T]:
    """Make all calls at the same time, each in a thread of its own; return what they return, or raise what one raised.

    All of them have ended by then.
    """
    start = Barrier(len(calls))

    def run(call: Callable[[], T]) -> T:
        start.wait(_START)
        return call()

    usual = sys.getswitchinterval()
    sys.setswitchinterval(_TURN)
    try:
        with ThreadPoolExecutor(len(calls)) as threads:
            running = [threads.submit(run, call) for call in calls]
        return [future.result() for future in running]
    finally:
        sys.setswitchinterval(usual)
