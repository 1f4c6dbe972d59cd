"""Hosts with one fault each, in what they make of the control connection and of time."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from ftpcore import Output, SendControl
from tests.adapters.small_asyncio_host import SmallAsyncioHost

__all__ = [
    "DropsOutputs",
    "EndIsLoss",
    "LatestReplyFirst",
    "LeavesTimerAlone",
    "LossUntold",
    "Milliseconds",
    "NoDeadlines",
    "OneDeadline",
    "ReadsOn",
    "TellsBeforeItSends",
    "TellsTooMuch",
    "UrgentElsewhere",
]


class LatestReplyFirst(SmallAsyncioHost):
    """Replies of one moment are sent in the wrong order."""

    def carry_out(self, output: Output) -> None:
        if isinstance(output, SendControl):
            self._replies[:0] = output.data
        else:
            super().carry_out(output)


class TellsTooMuch(SmallAsyncioHost):
    """control_sent counts a byte more than was sent."""

    def flush(self) -> bool:
        if self._replies:
            count = self.sock.send(self._replies)
            del self._replies[:count]
            self.session.control_sent(count + 1, now=self.now())
        return False


class TellsBeforeItSends(SmallAsyncioHost):
    """control_sent tells of replies in a buffer of the host, which the close drops."""

    def carry_out(self, output: Output) -> None:
        super().carry_out(output)
        if isinstance(output, SendControl):
            self.session.control_sent(len(output.data), now=self.now())

    def flush(self) -> bool:
        with suppress(BlockingIOError):
            del self._replies[: self.sock.send(self._replies) if self._replies else 0]
        return False


class ReadsOn(SmallAsyncioHost):
    """Commands are read although wants_data is False."""

    def watch(self) -> None:
        super().watch()
        self.loop.add_reader(self.sock, self.read)


class EndIsLoss(SmallAsyncioHost):
    """The end of what the client sends is taken for the loss of the connection."""

    def enter(self, function: Callable[[], None]) -> None:
        super().enter(function)
        if self.session.eof and not self.session.lost:
            super().enter(self.drop)


class UrgentElsewhere(SmallAsyncioHost):
    """Urgent bytes are left where no recv finds them."""

    def __init__(self, handler: Any, sock: socket.socket) -> None:
        super().__init__(handler, sock)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_OOBINLINE, 0)


class LossUntold(SmallAsyncioHost):
    """The session is not told that its control connection broke."""

    grace = 0.05

    def drop(self) -> None:
        self._replies.clear()
        self.close_control()


class DropsOutputs(SmallAsyncioHost):
    """Nothing is carried out any more once the control connection is closed."""

    grace = 0.05

    def pump(self) -> None:
        if self._open:
            super().pump()


class NoDeadlines(SmallAsyncioHost):
    """handle_deadline is never called."""

    def set_timer(self) -> None:
        pass


class OneDeadline(SmallAsyncioHost):
    """next_deadline is asked once, at the beginning."""

    asked = False

    def set_timer(self) -> None:
        if not self.asked:
            self.asked = True
            super().set_timer()


class LeavesTimerAlone(SmallAsyncioHost):
    """A timer that runs is not set anew for a deadline that comes before it."""

    def set_timer(self) -> None:
        if self._timer is None:
            super().set_timer()

    def close_control(self) -> None:
        super().close_control()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class Milliseconds(SmallAsyncioHost):
    """The time is told in milliseconds."""

    now = staticmethod(lambda: time.monotonic() * 1000.0)
