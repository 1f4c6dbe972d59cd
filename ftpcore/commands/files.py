"""Files and directories: CWD to SITE CHMOD.  RFC 959 4.1.1 and 4.1.3, RFC 3659 3 and 4, draft-somers-ftp-mfxx."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ftpcore._errors import BadSequence, FtpError, ParameterUnsupported, SyntaxRefused
from ftpcore._listing import parse_timestamp, timestamp
from ftpcore._paths import ROOT, VirtualPath, parent, quoted, shown
from ftpcore._port_effects import EnterDir, MakeDir, RemoveDir, RemoveFile, Rename, SetMode, SetModified, Stat
from ftpcore._state import PENDING, PendingStep, TransferType
from ftpcore.ports import FileInfo, FileKind
from ftpcore.wire import Reply

if TYPE_CHECKING:
    from ftpcore._session import Session

__all__ = [
    "ftp_CDUP",
    "ftp_CWD",
    "ftp_DELE",
    "ftp_MDTM",
    "ftp_MFMT",
    "ftp_MKD",
    "ftp_PWD",
    "ftp_RMD",
    "ftp_RNFR",
    "ftp_RNTO",
    "ftp_SITE_CHMOD",
    "ftp_SIZE",
]

#: Set-user-ID and set-group-ID: on a server that runs as root, a file that was uploaded would run as root.
_SETS_ID: Final = 0o6000

_OCTAL: Final = frozenset("01234567")


def ftp_PWD(session: Session) -> Reply:
    """Name the working directory; quotes are doubled.  RFC 959 appendix II."""
    return Reply.of(257, f"{quoted(session.cwd)} is the current directory.")


async def ftp_CWD(session: Session, path: VirtualPath) -> Reply:
    """Change the working directory.  RFC 959 4.1.1."""
    await EnterDir(path)
    session.cwd = path
    return Reply.of(250, f"{quoted(path)} is the current directory.")


async def ftp_CDUP(session: Session) -> Reply:
    """Change to the parent directory; the root is its own.  RFC 959 4.1.1."""
    return await ftp_CWD(session, parent(session.cwd))


async def ftp_MKD(session: Session, path: VirtualPath) -> Reply:
    """Make a directory.  RFC 959 4.1.3, appendix II."""
    await MakeDir(path)
    return Reply.of(257, f"{quoted(path)} directory created.")


async def ftp_RMD(session: Session, path: VirtualPath) -> Reply:
    """Remove an empty directory.  RFC 959 4.1.3."""
    if path == ROOT:
        raise FtpError(Reply.of(550, "Can't remove root directory."))
    await RemoveDir(path)
    return Reply.of(250, "Directory removed.")


async def ftp_DELE(session: Session, path: VirtualPath) -> Reply:
    """Delete a file.  RFC 959 4.1.3."""
    await RemoveFile(path)
    return Reply.of(250, "File removed.")


async def ftp_RNFR(session: Session, path: VirtualPath) -> Reply:
    """Say what is renamed; a link is renamed itself.  RFC 959 4.1.3."""
    if path == ROOT:
        raise FtpError(Reply.of(550, "Can't rename home directory."))
    await Stat(path, follow=False)
    session.rename_from = path
    session.pending = PENDING[session.pending, PendingStep.RNFR]
    return Reply.of(350, "Ready for destination name.")


async def ftp_RNTO(session: Session, path: VirtualPath) -> Reply:
    """Rename what the RNFR just before named.  RFC 959 4.1.3."""
    source = session.taken_rename
    if source is None:
        raise BadSequence("Bad sequence of commands: use RNFR first.")
    await Rename(source, path)
    return Reply.of(250, "Renaming ok.")


async def ftp_SIZE(session: Session, path: VirtualPath) -> Reply:
    """Tell how many bytes RETR would send.  RFC 3659 4."""
    # Deviation: RFC 3659 4 wants the converted size in TYPE A; counting it reads the whole file (a cheap way to keep a
    # server busy), so TYPE A is refused with 550, which clients take as "size unknown".
    if session.transfer_type is TransferType.ASCII and session.delegate.ascii_conversion:
        raise FtpError(Reply.of(550, "SIZE not allowed in ASCII mode."))
    return Reply.of(213, str((await _plain_file(path)).size))


async def ftp_MDTM(session: Session, path: VirtualPath) -> Reply:
    """Tell when a file was modified, in UTC; the whole argument is its name.  RFC 3659 3."""
    text = timestamp((await _plain_file(path)).modified, None)
    if text is None:
        raise FtpError(Reply.of(550, "The modification time can't be represented."))
    return Reply.of(213, text)


async def ftp_MFMT(session: Session, time: str, path: VirtualPath) -> Reply:
    """Set the modification time of a file, in UTC.  draft-somers-ftp-mfxx 3."""
    try:
        seconds = parse_timestamp(time)
    except ValueError:
        raise SyntaxRefused("Invalid time: expected YYYYMMDDHHMMSS.") from None
    await _plain_file(path)
    await SetModified(path, seconds)
    modified = timestamp((await Stat(path)).modified, None)
    return Reply.of(213, f"Modify={modified}; {shown(path)}")


async def ftp_SITE_CHMOD(session: Session, mode: str, path: VirtualPath) -> Reply:
    """Set the permission bits, three or four octal digits."""
    if len(mode) not in (3, 4) or not _OCTAL.issuperset(mode):
        raise SyntaxRefused("Invalid SITE CHMOD format: expected three or four octal digits.")
    if int(mode, 8) & _SETS_ID:
        raise ParameterUnsupported("Bits that make a program run as its owner can't be set from here.")
    await SetMode(path, int(mode, 8))
    return Reply.of(200, "SITE CHMOD successful.")


async def _plain_file(path: VirtualPath) -> FileInfo:
    info = await Stat(path)
    if info.kind is not FileKind.FILE:
        raise FtpError(Reply.of(550, f"{shown(path)} is not retrievable."))
    return info
