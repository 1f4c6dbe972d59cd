"""What a loop calls for a channel in the style of asyncore.

Such a channel is told of an event by `handle_read_event` or `handle_write_event`, which decide what it means: a
connection that came up, one to accept, or data.  `handle_read` and `handle_write`, which users override, hear of data
only.
"""

from __future__ import annotations

from typing import Protocol, cast

from ftpcore_adapters._pollers import Pollable

__all__ = ["receiver"]


class _Channel(Pollable, Protocol):
    """A channel in the style of asyncore; `handle_expt_event` may be missing."""

    def handle_read_event(self) -> object: ...

    def handle_write_event(self) -> object: ...


class _EventMethods:
    """A channel as the loop sees it."""

    __slots__ = ("_channel",)

    def __init__(self, channel: _Channel) -> None:
        self._channel = channel

    def __repr__(self) -> str:
        return repr(self._channel)

    def handle_read(self) -> object:
        return self._channel.handle_read_event()

    def handle_write(self) -> object:
        return self._channel.handle_write_event()

    def handle_close(self) -> object:
        handle = getattr(self._channel, "handle_expt_event", None) or self._channel.handle_close
        return handle()

    def handle_error(self) -> object:
        return self._channel.handle_error()

    def close(self) -> object:
        return self._channel.close()


def receiver(instance: Pollable) -> Pollable:
    """Return what a loop is to call when something happens to `instance`: itself, unless it has methods for events."""
    return _EventMethods(cast(_Channel, instance)) if hasattr(instance, "handle_read_event") else instance
