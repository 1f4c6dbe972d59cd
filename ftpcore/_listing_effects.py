"""Effects that read directories, a page at a time: their entries, or lines that the filesystem makes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Generic, NamedTuple, TypeVar, cast

from ftpcore._effects import PortEffect
from ftpcore._paths import VirtualPath
from ftpcore._port_effects import filesystem_of
from ftpcore.ports import FileInfo, ListingFormatter, Ports

__all__ = ["CloseScan", "FactLine", "FactLines", "ListLines", "NextEntries", "Page", "ScanDir"]

T = TypeVar("T")


class Page(NamedTuple, Generic[T]):
    """Entries of a directory, or lines about them, and what is left: for NextEntries or CloseScan; None at the end."""

    entries: list[T]
    rest: Iterator[T] | AsyncIterator[T] | None


@dataclass(frozen=True, slots=True)
class ScanDir(PortEffect[Page[FileInfo]]):
    """Open a directory and read its first `limit` entries."""

    path: VirtualPath
    follow: bool
    limit: int

    def call(self, ports: Ports) -> object:
        scan = filesystem_of(ports).scan_dir(self.path, follow=self.follow)
        if isinstance(scan, Awaitable):
            return _first_page(scan, self.limit)
        return _page(scan, self.limit)


@dataclass(frozen=True, slots=True)
class ListLines(PortEffect[Page[bytes]]):
    """Have a `ListingFormatter` make the first `limit` lines of LIST."""

    path: VirtualPath
    limit: int

    def call(self, ports: Ports) -> object:
        return _page(_formatter(ports).list_lines(self.path), self.limit)


@dataclass(frozen=True, slots=True)
class FactLines(PortEffect[Page[bytes]]):
    """Have a `ListingFormatter` make the first `limit` lines of MLSD."""

    path: VirtualPath
    facts: tuple[str, ...]
    rights: str
    limit: int

    def call(self, ports: Ports) -> object:
        return _page(_formatter(ports).fact_lines(self.path, facts=self.facts, rights=self.rights), self.limit)


@dataclass(frozen=True, slots=True)
class FactLine(PortEffect[bytes]):
    """Have a `ListingFormatter` make the line of MLST."""

    path: VirtualPath
    facts: tuple[str, ...]
    rights: str

    def call(self, ports: Ports) -> object:
        return _formatter(ports).fact_line(self.path, facts=self.facts, rights=self.rights)


@dataclass(frozen=True, slots=True)
class NextEntries(PortEffect[Page[T]]):
    rest: Iterator[T] | AsyncIterator[T]
    limit: int

    def call(self, ports: Ports) -> object:
        if isinstance(self.rest, AsyncIterator):
            return _async_page(self.rest, self.limit)
        return _page(self.rest, self.limit)


@dataclass(frozen=True, slots=True)
class CloseScan(PortEffect[None]):
    """Give up the rest of a directory."""

    rest: Iterator[object] | AsyncIterator[object]

    def call(self, ports: Ports) -> object:
        close = getattr(self.rest, "aclose" if isinstance(self.rest, AsyncIterator) else "close", None)
        return close() if close is not None else None


def _formatter(ports: Ports) -> ListingFormatter:
    return cast("ListingFormatter", ports.filesystem)  # it said that it formats


def _page(scan: Iterator[T], limit: int) -> Page[T]:
    entries = list(islice(scan, limit))
    return Page(entries, scan if len(entries) == limit else None)


async def _async_page(scan: AsyncIterator[T], limit: int) -> Page[T]:
    entries: list[T] = []
    async for entry in scan:
        entries.append(entry)
        if len(entries) == limit:
            return Page(entries, scan)
    return Page(entries, None)


async def _first_page(scan: Awaitable[AsyncIterator[T]], limit: int) -> Page[T]:
    return await _async_page(await scan, limit)
