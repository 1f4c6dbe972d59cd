"""Listings: LIST, NLST, MLSD over the data connection; MLST, and `STAT path`, over the control connection.

RFC 959 4.1.3, RFC 1123 4.1.2.7, RFC 3659 7.  All of them are sent as they are, whatever the TYPE.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import tzinfo
from typing import TYPE_CHECKING, TypeVar

from ftpcore._errors import SyntaxRefused
from ftpcore._events import Direction
from ftpcore._limits import LISTING_PAGE, STATUS_LIMIT
from ftpcore._listing import facts_line, list_line, possible, sendable
from ftpcore._listing_effects import CloseScan, FactLine, FactLines, ListLines, NextEntries, Page, ScanDir
from ftpcore._paths import VirtualPath, join, quoted, shown
from ftpcore._patterns import is_pattern
from ftpcore._port_effects import RightsOn, Stat, WallTime
from ftpcore._transfer import Transfer
from ftpcore.commands._trees import encoded, expanded, scan_directory, send_tree
from ftpcore.commands.transfer import need_endpoint
from ftpcore.ports import FileInfo
from ftpcore.wire import Reply

if TYPE_CHECKING:
    from ftpcore._session import Session

__all__ = ["ftp_LIST", "ftp_MLSD", "ftp_MLST", "ftp_NLST", "list_status"]

T = TypeVar("T")


async def ftp_LIST(session: Session, path: VirtualPath) -> Reply:
    """List a directory, one file, or what a pattern stands for, as `ls -l` does; `-R`: the tree.  RFC 959 4.1.3."""
    need_endpoint(session)
    if getattr(session.logged_in().filesystem, "formats_list", False):
        return await _send(session, "LIST", path, await ListLines(path, LISTING_PAGE), _joined)
    zone = _zone(session)
    now = await WallTime()

    async def lines(entries: list[FileInfo]) -> bytes:
        return encoded(
            session, "".join([list_line(entry, now, zone) for entry in entries if _sendable_path(entry.name)])
        )

    try:
        page, is_directory = await _scan(path)
    except FileNotFoundError:
        page, is_directory = await _matching(session), False
    if is_directory and "R" in session.switches:
        return await send_tree(session, path, page, lines)
    return await _send(session, "LIST", path, page, lines)


async def ftp_NLST(session: Session, path: VirtualPath) -> Reply:
    """List names that RETR takes as they stand: the path is kept as it was typed.  RFC 1123 4.1.2.7."""
    need_endpoint(session)
    typed = session.typed
    prefix = typed if typed in ("", "/") else f"{typed.rstrip('/')}/"
    try:
        page, is_directory = await _scan(path)
        if not is_directory:
            prefix, page = "", Page([page.entries[0]._replace(name=typed)], None)
    except FileNotFoundError:
        prefix, page = "", await _matching(session)

    async def lines(entries: list[FileInfo]) -> bytes:
        names = [prefix + entry.name for entry in entries]
        return encoded(session, "".join([f"{name}\r\n" for name in names if _sendable_path(name)]))

    return await _send(session, "NLST", path, page, lines)


async def ftp_MLSD(session: Session, path: VirtualPath) -> Reply:
    """List a directory for machines, in its own order.  RFC 3659 7."""
    need_endpoint(session)
    account, facts, zone = session.logged_in(), session.facts, _zone(session)
    capabilities = account.filesystem.capabilities
    try:
        if getattr(account.filesystem, "formats_facts", False):
            made = await FactLines(path, facts, account.rights, LISTING_PAGE)
            return await _send(session, "MLSD", path, made, _joined)
        page = await ScanDir(path, True, LISTING_PAGE)
    except NotADirectoryError:
        raise SyntaxRefused(f"{shown(path)} is not a directory.") from None

    async def lines(entries: list[FileInfo]) -> bytes:
        entries = [entry for entry in entries if sendable(entry.name)]
        letters = account.everywhere() if "perm" in facts else ""
        if letters is not None:
            letters = possible(letters, capabilities)
            return encoded(session, "".join([facts_line(entry, facts, letters, zone) for entry in entries]))
        rights = await RightsOn(account, [join(path, entry.name) for entry in entries])
        pairs = zip(entries, [possible(own, capabilities) for own in rights], strict=True)
        return encoded(session, "".join([facts_line(entry, facts, own, zone) for entry, own in pairs]))

    return await _send(session, "MLSD", path, page, lines)


async def ftp_MLST(session: Session, path: VirtualPath) -> Reply:
    """Tell of one path for machines, over the control connection.  RFC 3659 7."""
    account, facts = session.logged_in(), session.facts
    if getattr(account.filesystem, "formats_facts", False):
        made, _, _ = _text(session, await FactLine(path, facts, account.rights)).partition(" ")
        return Reply.of(250, f"Listing {quoted(path)}:", f"{made} {shown(path)}", "End MLST.")
    info = await Stat(path)
    letters = account.everywhere() if "perm" in facts else ""
    if letters is None:
        letters = (await RightsOn(account, [path]))[0]
    letters = possible(letters, account.filesystem.capabilities)
    line = facts_line(info._replace(name=shown(path)), facts, letters, _zone(session))
    return Reply.of(250, f"Listing {quoted(path)}:", line.removesuffix("\r\n"), "End MLST.")


async def list_status(session: Session, path: VirtualPath) -> Reply:
    """List over the control connection, up to STATUS_LIMIT entries (`STAT path`).  RFC 959 4.1.3."""
    rest: Iterator[object] | AsyncIterator[object] | None
    if getattr(session.logged_in().filesystem, "formats_list", False):
        made, rest = await ListLines(path, STATUS_LIMIT + 1)
        lines = [_text(session, line) for line in made[:STATUS_LIMIT]]
    else:
        now, zone = await WallTime(), _zone(session)
        (entries, rest), _ = await _scan(path)
        named = [entry._replace(name=shown(entry.name)) for entry in entries[:STATUS_LIMIT]]
        lines = [list_line(entry, now, zone).removesuffix("\r\n") for entry in named]
    if rest is not None:
        await CloseScan(rest)
        lines.append(f"... and more than {STATUS_LIMIT} entries; use LIST.")
    return Reply.of(213, f"Status of {quoted(path)}:", *lines, "End of status.")


async def _scan(path: VirtualPath) -> tuple[Page[FileInfo], bool]:
    """Return the first page for LIST and NLST, and whether `path` is a directory."""
    try:
        return await scan_directory(path), True
    except (NotADirectoryError, FileNotFoundError):
        return Page([await Stat(path, follow=False)], None), False  # a file, or a link that leads nowhere


async def _matching(session: Session) -> Page[FileInfo]:
    """Return what the typed path stands for, if it is a pattern; FileNotFoundError if it stands for nothing."""
    entries = await expanded(session, session.typed) if is_pattern(session.typed) else []
    if not entries:
        raise FileNotFoundError
    rest = iter(entries[LISTING_PAGE:]) if len(entries) > LISTING_PAGE else None
    return Page(entries[:LISTING_PAGE], rest)


def _sendable_path(path: str) -> bool:
    return sendable(path.replace("/", ""))


async def _send(
    session: Session, verb: str, path: VirtualPath, page: Page[T], lines: Callable[[list[T]], Awaitable[bytes]]
) -> Reply:
    try:
        async with Transfer(session, verb, path, Direction.SENT) as channel:
            while True:
                await channel.send(await lines(page.entries))
                if page.rest is None:
                    break
                page = await NextEntries(page.rest, LISTING_PAGE)
    finally:
        if page.rest is not None:
            await CloseScan(page.rest)
    return Reply.of(226, "Transfer complete.")


async def _joined(lines: list[bytes]) -> bytes:
    return b"".join(lines)


def _text(session: Session, line: bytes) -> str:
    """Return a line that a filesystem made, for a reply."""
    return line.decode(session.delegate.encoding, session.delegate.unicode_errors).removesuffix("\r\n")


def _zone(session: Session) -> tzinfo | None:
    return None if session.delegate.use_gmt_times else session.ports.clock.zone
