"""Listings of more than one directory: patterns, and `LIST -R`.  Both are bounded in what they look at."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from itertools import groupby
from typing import TYPE_CHECKING

from ftpcore._errors import FilesystemError, FtpError
from ftpcore._events import Direction
from ftpcore._limits import DEPTH_LIMIT, LISTING_PAGE, PATTERN_LIMIT, SORT_LIMIT, TREE_LIMIT
from ftpcore._listing import sendable
from ftpcore._listing_effects import CloseScan, NextEntries, Page, ScanDir
from ftpcore._paths import VirtualPath, join, resolve
from ftpcore._patterns import is_pattern, matcher
from ftpcore._port_effects import CheckPermission, Stat
from ftpcore._transfer import Transfer
from ftpcore.ports import Account, FileInfo, FileKind
from ftpcore.wire import Reply

if TYPE_CHECKING:
    from ftpcore._session import Session

__all__ = ["encoded", "expanded", "scan_directory", "send_tree"]


def encoded(session: Session, text: str) -> bytes:
    """Return text of a listing; what the encoding can't express becomes "?"."""
    encoding = session.delegate.encoding
    try:
        return text.encode(encoding, session.delegate.unicode_errors)
    except UnicodeEncodeError:
        return text.encode(encoding, "replace")


async def scan_directory(path: VirtualPath) -> Page[FileInfo]:
    """Return the first page of a directory, sorted if it is all."""
    page = await ScanDir(path, False, SORT_LIMIT + 1)
    if page.rest is None:
        page.entries.sort(key=lambda entry: entry.name)  # there may be two of a name, and kinds have no order
    return page


async def expanded(session: Session, pattern: str) -> list[FileInfo]:
    """Return what `pattern`, as it was typed, stands for, sorted; the names are paths as they would be typed.

    Raises FtpError 550 if more than PATTERN_LIMIT entries would have to be looked at.
    """
    search = _Search(session.logged_in())
    found = [("/" if pattern.startswith("/") else "", resolve(session.cwd, "/" if pattern.startswith("/") else "."))]
    *middle, last = [component for component in pattern.split("/") if component]
    for wild, group in groupby(middle, is_pattern):
        # What is no pattern is one step, however long: nothing is looked at, so nothing else would bound it.
        for component in group if wild else ["/".join(group)]:
            found = [step for prefix, path in found for step in await search.directories(prefix, path, component)]
    entries = [entry for prefix, path in found for entry in await search.entries(prefix, path, last)]
    return sorted(entries, key=lambda entry: entry.name)


class _Search:
    """One expansion: it counts what it looks at."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._left = PATTERN_LIMIT

    async def directories(self, prefix: str, path: VirtualPath, component: str) -> list[tuple[str, VirtualPath]]:
        """Return the directories below `path` that `component` stands for, each as it would be typed, and as it is."""
        if not is_pattern(component):
            return [(f"{prefix}{component}/", resolve(path, component))]
        return [
            (f"{entry.name}/", join(path, entry.name.rpartition("/")[2]))
            for entry in await self.entries(prefix, path, component)
            if entry.kind in (FileKind.DIRECTORY, FileKind.LINK)
        ]

    async def entries(self, prefix: str, path: VirtualPath, component: str) -> list[FileInfo]:
        """Return what `component` stands for in the directory `path`; nothing if that can't be listed."""
        letters = self._account.everywhere()
        if not (await CheckPermission(self._account, "l", path) if letters is None else "l" in letters):
            return []
        try:
            if not is_pattern(component):
                self._look_at(1)
                return [(await Stat(resolve(path, component), follow=False))._replace(name=prefix + component)]
            matches = matcher(component).fullmatch
            found: list[FileInfo] = []
            page = await ScanDir(path, False, LISTING_PAGE)
            while True:
                try:
                    self._look_at(len(page.entries))
                except FtpError:
                    if page.rest is not None:
                        await CloseScan(page.rest)
                    raise
                found += [entry._replace(name=prefix + entry.name) for entry in page.entries if matches(entry.name)]
                if page.rest is None:
                    return found
                page = await NextEntries(page.rest, LISTING_PAGE)
        except (OSError, FilesystemError):
            return []

    def _look_at(self, count: int) -> None:
        self._left -= count
        if self._left < 0:
            raise FtpError(Reply.of(550, "Too many entries to look at for this pattern."))


async def send_tree(
    session: Session, top: VirtualPath, page: Page[FileInfo], lines: Callable[[list[FileInfo]], Awaitable[bytes]]
) -> Reply:
    """Send the listings of a directory, whose first page is given, and of all below it, links not followed.

    Each directory but the first is headed by an empty line and its path below `top`, as `ls -R` does.
    """
    account, left = session.logged_in(), TREE_LIMIT
    ahead: list[tuple[str, VirtualPath, str]] = []  # with the name apart: joined, many long paths would fill memory
    here, path = "", top
    try:
        async with Transfer(session, "LIST", top, Direction.SENT) as channel:
            while True:
                below = []
                while True:
                    left -= len(page.entries)
                    await channel.send(await lines(page.entries))
                    below += [entry.name for entry in page.entries if _is_walked(entry)]
                    if page.rest is None:
                        break
                    page = await NextEntries(page.rest, LISTING_PAGE)
                if here.count("/") < DEPTH_LIMIT:
                    ahead += [(here, path, name) for name in reversed(below)]
                if left < 0 and ahead:
                    raise FtpError(Reply.of(451, f"More than {TREE_LIMIT} entries; listing aborted."))
                found = await _next_directory(account, ahead)
                if found is None:
                    return Reply.of(226, "Transfer complete.")
                here, path, page = found
                await channel.send(encoded(session, f"\r\n{here[:-1]}:\r\n"))
    finally:
        if page.rest is not None:
            await CloseScan(page.rest)


def _is_walked(entry: FileInfo) -> bool:
    return entry.kind is FileKind.DIRECTORY and sendable(entry.name)


async def _next_directory(
    account: Account, ahead: list[tuple[str, VirtualPath, str]]
) -> tuple[str, VirtualPath, Page[FileInfo]] | None:
    """Take the next directory that can be listed from `ahead`."""
    while ahead:
        above, directory, name = ahead.pop()
        here, path = f"{above}{name}/", join(directory, name)
        letters = account.everywhere()
        if not (await CheckPermission(account, "l", path) if letters is None else "l" in letters):
            continue
        try:
            return here, path, await scan_directory(path)
        except (OSError, FilesystemError):
            continue  # it went away, or may not be read
    return None
