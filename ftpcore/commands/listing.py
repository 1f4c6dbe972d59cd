"""Listings: LIST, NLST, MLSD over the data connection; MLST, and `STAT path`, over the control connection.

RFC 959 4.1.3, RFC 1123 4.1.2.7, RFC 3659 7.  All of them are sent as they are, whatever the TYPE.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import tzinfo
from typing import TYPE_CHECKING

from ftpcore._errors import SyntaxRefused
from ftpcore._events import Direction
from ftpcore._limits import LISTING_PAGE, SORT_LIMIT, STATUS_LIMIT
from ftpcore._listing import facts_line, list_line, sendable
from ftpcore._paths import VirtualPath, join, quoted, shown
from ftpcore._port_effects import CloseScan, NextEntries, Page, RightsOn, ScanDir, Stat, WallTime
from ftpcore._transfer import Transfer
from ftpcore.commands.transfer import need_endpoint
from ftpcore.ports import FileInfo
from ftpcore.wire import Reply

if TYPE_CHECKING:
    from ftpcore._session import Session

__all__ = ["ftp_LIST", "ftp_MLSD", "ftp_MLST", "ftp_NLST", "list_status"]

_Format = Callable[[list[FileInfo]], Awaitable[str]]


async def ftp_LIST(session: Session, path: VirtualPath) -> Reply:
    """List a directory, or one file, as `ls -l` does.  RFC 959 4.1.3."""
    need_endpoint(session)
    zone = _zone(session)
    now = await WallTime()
    page, _ = await _scan(path)

    async def lines(entries: list[FileInfo]) -> str:
        return "".join([list_line(entry, now, zone) for entry in entries if sendable(entry.name)])

    return await _send(session, "LIST", path, page, lines)


async def ftp_NLST(session: Session, path: VirtualPath) -> Reply:
    """List names that RETR takes as they stand: the path is kept as it was typed.  RFC 1123 4.1.2.7."""
    need_endpoint(session)
    typed = session.typed
    page, is_directory = await _scan(path)
    prefix = typed if typed in ("", "/") else f"{typed.rstrip('/')}/"

    async def lines(entries: list[FileInfo]) -> str:
        if not is_directory:
            return f"{typed}\r\n"
        return "".join([f"{prefix}{entry.name}\r\n" for entry in entries if sendable(entry.name)])

    return await _send(session, "NLST", path, page, lines)


async def ftp_MLSD(session: Session, path: VirtualPath) -> Reply:
    """List a directory for machines, in its own order.  RFC 3659 7."""
    need_endpoint(session)
    account, facts, zone = session.logged_in(), session.facts, _zone(session)
    try:
        page = await ScanDir(path, True, LISTING_PAGE)
    except NotADirectoryError:
        raise SyntaxRefused(f"{shown(path)} is not a directory.") from None

    async def lines(entries: list[FileInfo]) -> str:
        entries = [entry for entry in entries if sendable(entry.name)]
        if not account.rights_vary or "perm" not in facts:
            return "".join([facts_line(entry, facts, account.rights, zone) for entry in entries])
        rights = await RightsOn(account, [join(path, entry.name) for entry in entries])
        return "".join(
            [facts_line(entry, facts, letters, zone) for entry, letters in zip(entries, rights, strict=True)]
        )

    return await _send(session, "MLSD", path, page, lines)


async def ftp_MLST(session: Session, path: VirtualPath) -> Reply:
    """Tell of one path for machines, over the control connection.  RFC 3659 7."""
    account, facts = session.logged_in(), session.facts
    info = await Stat(path)
    letters = account.rights
    if account.rights_vary and "perm" in facts:
        letters = (await RightsOn(account, [path]))[0]
    line = facts_line(info._replace(name=shown(path)), facts, letters, _zone(session))
    return Reply.of(250, f"Listing {quoted(path)}:", line.removesuffix("\r\n"), "End MLST.")


async def list_status(session: Session, path: VirtualPath) -> Reply:
    """List over the control connection, up to STATUS_LIMIT entries (`STAT path`).  RFC 959 4.1.3."""
    zone = _zone(session)
    now = await WallTime()
    page, _ = await _scan(path)
    lines = [
        list_line(entry._replace(name=shown(entry.name)), now, zone).removesuffix("\r\n")
        for entry in page.entries[:STATUS_LIMIT]
    ]
    if page.rest is not None:
        await CloseScan(page.rest)
        lines.append(f"... and more than {STATUS_LIMIT} entries; use LIST.")
    return Reply.of(213, f"Status of {quoted(path)}:", *lines, "End of status.")


async def _scan(path: VirtualPath) -> tuple[Page, bool]:
    """Return the first page for LIST and NLST, sorted if it is all, and whether `path` is a directory."""
    try:
        page = await ScanDir(path, False, SORT_LIMIT + 1)
    except (NotADirectoryError, FileNotFoundError):
        return Page([await Stat(path, follow=False)], None), False  # a file, or a link that leads nowhere
    if page.rest is None:
        page.entries.sort()
    return page, True


async def _send(session: Session, verb: str, path: VirtualPath, page: Page, lines: _Format) -> Reply:
    try:
        async with Transfer(session, verb, path, Direction.SENT) as channel:
            while True:
                await channel.send(_encoded(session, await lines(page.entries)))
                if page.rest is None:
                    break
                page = await NextEntries(page.rest, LISTING_PAGE)
    finally:
        if page.rest is not None:
            await CloseScan(page.rest)
    return Reply.of(226, "Transfer complete.")


def _encoded(session: Session, text: str) -> bytes:
    """What the encoding can't express becomes "?"."""
    encoding, errors = session.delegate.encoding, session.delegate.unicode_errors
    try:
        return text.encode(encoding, errors)
    except UnicodeEncodeError:
        return text.encode(encoding, "replace")


def _zone(session: Session) -> tzinfo | None:
    return None if session.delegate.use_gmt_times else session.ports.clock.zone
