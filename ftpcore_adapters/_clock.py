"""The time of day and the zone of this machine, as sessions ask for them."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta, tzinfo

__all__ = ["SystemClock"]


class SystemClock:
    """`ftpcore.ports.WallClock` on the system's clock."""

    def __init__(self) -> None:
        self.zone: tzinfo = LocalZone()

    def now(self) -> float:
        return time.time()


class LocalZone(tzinfo):
    """The zone of this machine, with the offset that holds at each point in time."""

    def utcoffset(self, when: datetime | None) -> timedelta:
        seconds = time.time() if when is None else when.replace(tzinfo=None).timestamp()
        return timedelta(seconds=time.localtime(seconds).tm_gmtoff)

    def dst(self, when: datetime | None) -> timedelta:
        return timedelta(0)

    def tzname(self, when: datetime | None) -> str:
        return time.tzname[0]

    def fromutc(self, when: datetime) -> datetime:
        seconds = when.replace(tzinfo=UTC).timestamp()
        return when + timedelta(seconds=time.localtime(seconds).tm_gmtoff)
