"""Transfers of files: RETR, STOR, STOU, APPE, with REST before them and ABOR against them.

RFC 959 4.1.3, RFC 1123 4.1.2.9 (STOU) and 4.1.3.4 (554), RFC 3659 5 (REST).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from ftpcore._effects import TransferEnd
from ftpcore._endpoint import drop_endpoint
from ftpcore._errors import Aborted, DataConnectionRefused, FilesystemError, FtpError, SyntaxRefused
from ftpcore._events import Direction
from ftpcore._paths import VirtualPath, base_name, join, parent, resolve, shown
from ftpcore._port_effects import Call, CloseFile, OpenFile, OpenUnique, RemoveFile, Stat, TruncateFile
from ftpcore._state import PENDING, Endpoint, PendingStep, TransferType
from ftpcore._transfer import Transfer
from ftpcore.ports import AnyFile, Capability, FileKind, OpenMode
from ftpcore.wire import Reply

if TYPE_CHECKING:
    from ftpcore._session import Session

__all__ = ["ftp_ABOR", "ftp_APPE", "ftp_REST", "ftp_RETR", "ftp_STOR", "ftp_STOU", "need_endpoint", "send_blocks"]

#: The largest file offset that POSIX has.  RFC 3659 5.3 sets no bound.
_OFFSET_LIMIT: Final = 2**63 - 1

_NO_MARKS: Final = "Resuming transfers is not allowed in ASCII mode."

_COMPLETE: Final = Reply.of(226, "Transfer complete.")


def need_endpoint(session: Session) -> None:
    """Refuse a data command that no PASV, EPSV, PORT or EPRT came before; there is no default data port."""
    if session.endpoint is Endpoint.NONE:
        raise DataConnectionRefused("Use PASV, EPSV, PORT or EPRT first.")


def ftp_REST(session: Session, argument: str) -> Reply:
    """Set the offset at which the next transfer starts.  RFC 3659 5.3."""
    if not (argument.isascii() and argument.isdigit()) or len(argument) > 30 or int(argument) > _OFFSET_LIMIT:
        raise SyntaxRefused("Invalid parameter: expected an offset in bytes.")
    if _converts(session):
        raise SyntaxRefused(_NO_MARKS)
    session.restart = int(argument)
    session.pending = PENDING[session.pending, PendingStep.REST]
    return Reply.of(350, f"Restarting at position {session.restart}.")


async def ftp_RETR(session: Session, path: VirtualPath) -> Reply:
    """Send a file, from the restart offset.  RFC 959 4.1.3."""
    offset = _restart_offset(session)
    need_endpoint(session)
    file = await OpenFile(path, OpenMode.READ)
    await _check_offset(file, path, offset)
    async with Transfer(session, "RETR", path, Direction.SENT, file) as channel:
        await channel.send_file(offset)
    return _COMPLETE


async def send_blocks(
    session: Session, verb: str, path: VirtualPath, next_block: Callable[[], bytes], file: AnyFile | None = None
) -> Reply:
    """Send what a command of one's own makes: what `next_block` returns, as it is, until that is b"".

    Args:
        verb: What events and hooks call it.
        path: What it is told to be about.
        next_block: User code, called as hooks are.
        file: Belongs to the transfer from now on; with it, the transfer is one of a file for events and hooks.
    """
    try:
        need_endpoint(session)
    except BaseException:
        if file is not None:
            await CloseFile(file, complete=False)
        raise
    async with Transfer(session, verb, path, Direction.SENT, file) as channel:
        while block := await Call(next_block):
            if not isinstance(block, bytes | bytearray | memoryview):
                raise TypeError(f"{next_block!r} returned {block!r}; expected bytes, b'' at the end")
            await channel.send(bytes(block))
    return _COMPLETE


async def ftp_STOR(session: Session, path: VirtualPath) -> Reply:
    """Store a file; after REST, into the one that is there, whose tail stays.  RFC 959 4.1.3, RFC 3659 5.3."""
    offset = _restart_offset(session)
    need_endpoint(session)
    if offset:
        file = await OpenFile(path, OpenMode.UPDATE)
        await _check_offset(file, path, offset)
        return await _store(session, "STOR", path, file, offset)
    if Capability.RESUME not in session.logged_in().filesystem.capabilities:
        return await _replace(session, path)
    return await _store(session, "STOR", path, await OpenFile(path, OpenMode.WRITE), truncate=True)


async def ftp_APPE(session: Session, path: VirtualPath) -> Reply:
    """Append to a file, which is made if missing.  RFC 959 4.1.3."""
    if session.taken_restart:
        raise FtpError(Reply.of(450, "Can't APPE while REST request is pending."))
    need_endpoint(session)
    return await _store(session, "APPE", path, await OpenFile(path, OpenMode.APPEND), append=True)


async def ftp_STOU(session: Session, hint: str) -> Reply:
    """Store a file under a name of our own; it may come before the PASV or PORT that serves it.  RFC 1123 4.1.2.9."""
    if session.taken_restart:
        raise FtpError(Reply.of(450, "Can't STOU while REST request is pending."))
    wanted = resolve(session.cwd, hint or "ftpd")
    directory = parent(wanted)
    await session.require("w", wanted)
    prefix = f"{base_name(wanted)}." if base_name(wanted) != "/" else "ftpd."
    try:
        name, file = await OpenUnique(directory, prefix)
    except FileExistsError:
        raise FtpError(Reply.of(450, "No usable unique file name found.")) from None
    path = join(directory, name)
    try:
        await session.require("w", path)
    except BaseException:
        await CloseFile(file, complete=False)
        await _remove(path)
        raise
    return await _store(session, "STOU", path, file, mark=f"FILE: {shown(name)}")


async def ftp_ABOR(session: Session) -> Reply:
    """End the running transfer, whose 426 goes out first, or give up the data connection.  RFC 959 4.1.3."""
    if session.transferring():
        session.data_lane.cancel(Aborted())
        await TransferEnd()
        if session.transfer_code == 426:
            return Reply.of(226, "ABOR command successful.")
        return Reply.of(225, "The transfer was over already.")
    await drop_endpoint(session)
    return Reply.of(225, "No transfer to abort.")


async def _store(
    session: Session,
    verb: str,
    path: VirtualPath,
    file: AnyFile,
    offset: int = 0,
    *,
    truncate: bool = False,
    append: bool = False,
    mark: str | None = None,
) -> Reply:
    transfer = Transfer(session, verb, path, Direction.RECEIVED, file, mark=mark)
    try:
        async with transfer as channel:
            if truncate and not file.created:
                await TruncateFile(file, 0)
            await channel.receive_file(offset, append=append)
    except BaseException:
        if file.created and transfer.started is None:
            await _remove(path)
        raise
    return _COMPLETE


async def _replace(session: Session, path: VirtualPath) -> Reply:
    """STOR on a filesystem that can't open a file and keep it: look first, open once the data connection is up."""
    try:
        info = await Stat(path)
    except FileNotFoundError:
        await Stat(parent(path))
    else:
        if info.kind is not FileKind.FILE:
            raise FtpError(Reply.of(550, f"{shown(path)}: Not a plain file."))
    late = OpenFile(path, OpenMode.REPLACE)
    async with Transfer(session, "STOR", path, Direction.RECEIVED, late=late) as channel:
        await channel.receive_file(0)
    return _COMPLETE


def _converts(session: Session) -> bool:
    return session.transfer_type is TransferType.ASCII and session.delegate.ascii_conversion


def _restart_offset(session: Session) -> int:
    """Return the offset that REST set; refuse it if a TYPE A came behind REST: it counts bytes of the file."""
    if session.taken_restart and _converts(session):
        raise FtpError(Reply.of(554, _NO_MARKS))
    return session.taken_restart


async def _check_offset(file: AnyFile, path: VirtualPath, offset: int) -> None:
    """Refuse an offset behind the end, before the 1yz.  RFC 1123 4.1.3.4.

    A file that claims to be empty may not know its size: the filesystem is asked then.
    """
    if offset <= file.size:
        return
    try:
        if file.size or offset > (await Stat(path)).size:
            raise FtpError(Reply.of(554, "Restart offset is beyond the end of the file."))
    except BaseException:
        await CloseFile(file, complete=False)
        raise


async def _remove(path: VirtualPath) -> None:
    """Remove a file that this command made; that it can't be is less than what the client is told already."""
    try:
        await RemoveFile(path)
    except (OSError, FilesystemError):
        pass
