"""The rate limit of a transfer: how long to pause after each block so that the average stays at the limit."""

from __future__ import annotations

from ftpcore._delegate import Delegate
from ftpcore._events import Direction
from ftpcore.ports import Account

__all__ = ["RateLimiter", "limit_of"]


def limit_of(direction: Direction, account: Account | None, options: Delegate) -> float:
    """Return what a transfer of `account` may use at present; its own limit goes before the option.  0: no limit."""
    name = "write_limit" if direction is Direction.SENT else "read_limit"
    limit: float | None = getattr(account, name, None)  # a command for strangers has no account
    return (getattr(options, name) if limit is None else limit) or 0


class RateLimiter:
    """Counts bytes against `limit` bytes per second.

    Time that was spent below the limit is not saved up: a stalled peer gets no burst afterwards.
    """

    __slots__ = ("_due", "limit")

    def __init__(self, limit: float) -> None:
        self.limit = limit
        self._due = 0.0

    def delay(self, count: int, now: float) -> float:
        """Account for `count` bytes moved at `now`; return the seconds to wait before the next block."""
        self._due = max(self._due, now) + count / self.limit
        return self._due - now

    def block(self, largest: int) -> int:
        """Return how many bytes to move at once: a quarter of a second's worth, `largest` at most."""
        return max(1, min(largest, int(self.limit / 4)))
