"""A pipe from a server to a process that it forked: orders go along it, and its end says that the server is gone."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from contextlib import suppress

from ftpcore_adapters.log import logger

__all__ = ["Lifeline", "hold"]


class Lifeline:
    """The server's end.  Made before the fork; the process calls `hold` with `other_end`."""

    def __init__(self) -> None:
        self.other_end, self._end = os.pipe()

    def forked(self) -> None:
        """In the server, after the fork: the other end is the process's."""
        os.close(self.other_end)
        self.other_end = -1

    def drain(self, seconds: float) -> None:
        """Have the process end in good order within so many seconds."""
        with suppress(OSError):  # it has ended
            os.write(self._end, f"{seconds}\n".encode())

    def close(self) -> None:
        """Have the process end now.  Idempotent; also what happens when the server dies."""
        end, self._end = self._end, -1
        if end >= 0:
            os.close(end)
        if self.other_end >= 0:
            os.close(self.other_end)
            self.other_end = -1


def hold(end: int, *, drain: Callable[[float], None], close: Callable[[], None]) -> None:
    """In the process: have a thread take orders from `end`, and call `close` when there will be none."""
    threading.Thread(target=_take, args=(end, drain, close), name="lifeline", daemon=True).start()


def _take(end: int, drain: Callable[[float], None], close: Callable[[], None]) -> None:
    with open(end, "rb", buffering=0) as orders:
        while order := orders.readline():
            _ask(drain, float(order))
    _ask(close)


def _ask(action: Callable[..., None], *arguments: float) -> None:
    try:
        action(*arguments)
    except RuntimeError:
        logger.debug("the loop has ended already")
