"""What a loop offers, whatever drives it: descriptors to watch, calls at a later time, calls from other threads.

`IOLoop` is one, the loop that asyncio or trio drives is another.  Hosts, data sockets and servers are written to this.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from ftpcore_adapters._pollers import Pollable
from ftpcore_adapters._scheduler import RepeatedCall, ScheduledCall

__all__ = ["Loop"]


class Loop(Protocol):
    """A loop, which belongs to one thread; what is not said to be for any thread is for that one."""

    unwatched: int
    """Sockets that are open and not registered, so that limits can count them."""
    thread: int
    """`threading.get_ident()` of its thread."""

    @property
    def socket_map(self) -> Mapping[int, Pollable]:
        """The registered instances by descriptor."""
        ...

    @property
    def open_sockets(self) -> int:
        """Sockets that belong to this loop, registered or not."""
        ...

    def register(self, fd: int, instance: Pollable, events: int) -> None:
        """Watch a descriptor for READ, WRITE, both or (0) neither, and call `instance` about it."""
        ...

    def modify(self, fd: int, events: int) -> None:
        """Change the events that a registered descriptor is watched for."""
        ...

    def unregister(self, fd: int) -> None:
        """Stop watching a descriptor.  Idempotent; called before the descriptor is closed."""
        ...

    def call_later(
        self,
        seconds: float,
        target: Callable[..., object],
        *args: object,
        _errback: Callable[[], object] | None = None,
        **kwargs: Any,
    ) -> ScheduledCall:
        """Call `target` in so many seconds, once, in the thread of the loop; `_errback` if it raises."""
        ...

    def call_every(
        self,
        seconds: float,
        target: Callable[..., object],
        *args: object,
        _errback: Callable[[], object] | None = None,
        **kwargs: Any,
    ) -> RepeatedCall:
        """Call `target` every so many seconds, in the thread of the loop; `_errback` if it raises."""
        ...

    def call_soon_threadsafe(self, target: Callable[..., object], *args: object) -> None:
        """Call `target` in the thread of the loop, in its next turn; for any thread.

        Raises:
            RuntimeError: the loop has ended.
        """
        ...
