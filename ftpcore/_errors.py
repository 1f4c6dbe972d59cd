"""Errors: those that carry a reply, those that ports raise, and the one table that makes replies of the latter.

The table follows RFC 959 4.2 and RFC 1123 4.1.2.11: what may pass later is 4yz, what lasts is 5yz.
"""

from __future__ import annotations

import errno
from collections.abc import Mapping
from typing import Final

from ftpcore._paths import shown
from ftpcore.wire import Reply

__all__ = [
    "Aborted",
    "AuthenticationFailed",
    "BadSequence",
    "CommandUnsupported",
    "ControlConnectionLost",
    "DataConnectionLost",
    "DataConnectionRefused",
    "EffectCancelled",
    "FileShortened",
    "FilesystemError",
    "FtpError",
    "HostError",
    "NotLoggedIn",
    "ParameterUnsupported",
    "PermissionRefused",
    "ProtectionFailed",
    "ServerFull",
    "ServerShutdown",
    "SyntaxRefused",
    "TransferTimeout",
    "UnsupportedOperation",
    "error_reply",
    "transfer_error_reply",
]


class FtpError(Exception):
    """A command ends with this reply."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(*reply.lines)
        self.reply = reply


class _CodedError(FtpError):
    code = 500
    text = "Error."

    def __init__(self, text: str | None = None) -> None:
        super().__init__(Reply.of(self.code, text or self.text))


class SyntaxRefused(_CodedError):
    code, text = 501, "Syntax error in parameters or arguments."


class CommandUnsupported(_CodedError):
    code, text = 502, "Command not implemented."


class BadSequence(_CodedError):
    code, text = 503, "Bad sequence of commands."


class ParameterUnsupported(_CodedError):
    code, text = 504, "Command not implemented for that parameter."


class NotLoggedIn(_CodedError):
    code, text = 530, "Log in with USER and PASS first."


class PermissionRefused(_CodedError):
    code, text = 550, "Not enough privileges."


class DataConnectionRefused(_CodedError):
    """No data connection: none was asked for, nobody came, or the peer refused it."""

    code, text = 425, "Can't open data connection."


class DataConnectionLost(_CodedError):
    code, text = 426, "Data connection lost; transfer aborted."


class FileShortened(_CodedError):
    """A file lost bytes that were promised to the peer."""

    code, text = 426, "File became shorter while it was sent; transfer aborted."


class ProtectionFailed(_CodedError):
    """The data connection could not be protected as was agreed.  RFC 4217 10.2."""

    code, text = 522, "TLS negotiation failed."


class Aborted(_CodedError):
    """ABOR ended the command."""

    # Deviation: this API family says "aborted via ABOR".  lftp takes a 426 that names ABOR for the reply to ABOR, loses
    # count of the replies, and drops the connection 15 seconds later.
    code, text = 426, "Transfer aborted."


class TransferTimeout(_CodedError):
    code, text = 426, "Data connection timed out; transfer aborted."


class ServerShutdown(_CodedError):
    code, text = 426, "Server is shutting down; transfer aborted."


class ControlConnectionLost(_CodedError):
    """The control connection went away; nobody reads the reply."""

    code, text = 426, "Control connection lost; transfer aborted."


class HostError(Exception):
    """The host broke its contract: a bug of the host, never shown to the client."""


class EffectCancelled(Exception):
    """How a host fails a network effect that it gave up on `Cancel`; nothing was moved."""


class ServerFull(Exception):
    """How a host fails OpenListener or ConnectData when it has no room for a data connection."""


class AuthenticationFailed(Exception):
    """Raised by `authenticate`; its text is for the client, an empty one stands for the default."""


class FilesystemError(Exception):
    """Raised by any method of a filesystem; its text becomes that of the 550 reply."""


class UnsupportedOperation(OSError):
    """What a port or a host can't do; nothing was done.  One with an errno, as EROFS, gets its reply."""


#: Errors by class, for those raised without an errno.  The first that fits counts.
_KINDS: Final[tuple[tuple[type[BaseException], int, str], ...]] = (
    (FileNotFoundError, 550, "No such file or directory"),
    (FileExistsError, 550, "File exists"),
    (PermissionError, 550, "Permission denied"),
    (NotADirectoryError, 550, "Not a directory"),
    (IsADirectoryError, 550, "Is a directory"),
    (BlockingIOError, 450, "File is busy"),
)

#: errno -> code, for those that have no class of their own.
_ERRNOS: Final[Mapping[int, int]] = {
    errno.EBUSY: 450,
    errno.ETXTBSY: 450,
    errno.ENOSPC: 452,
    getattr(errno, "EDQUOT", -1): 552,
    errno.EFBIG: 552,
    errno.ENOTEMPTY: 550,
    errno.ENOTDIR: 550,
    errno.EROFS: 550,
    errno.EXDEV: 550,
    errno.ELOOP: 550,
    errno.EMLINK: 550,
    errno.EINVAL: 553,
    errno.ENAMETOOLONG: 553,
    errno.EILSEQ: 553,
}

#: Commands for which "that name is taken" is about the target.  RFC 959 5.4.
_NAMING: Final = frozenset({"RNTO", "STOR", "APPE", "STOU"})


def error_reply(error: Exception, verb: str, path: str | None = None) -> Reply | None:
    """Return the reply that ends `verb` when a port raised `error`; None for one that no port may raise."""
    prefix = f"{shown(path)}: " if path else ""
    if isinstance(error, UnsupportedOperation) and error.errno is None:
        return Reply.of(504 if verb.startswith("SITE ") else 502, "Not supported by this filesystem.")
    if isinstance(error, OSError):
        code, text = _coded(error)
        if verb in _NAMING and isinstance(error, FileExistsError):
            code = 553
        return Reply.of(code, f"{prefix}{text}.")
    if isinstance(error, FilesystemError):
        return Reply.of(550, f"{str(error).removesuffix('.') or 'Refused by the filesystem'}.")
    if isinstance(error, UnicodeError):
        return Reply.of(501, "This name can't be represented here.")
    return None


def transfer_error_reply(error: Exception) -> Reply:
    """Return the reply that ends a transfer in which reading or writing the file raised `error`.  RFC 959 5.4."""
    code, text = _coded(error) if isinstance(error, OSError) else (451, str(error) or "Local error")
    return Reply.of(code if code in (452, 552) else 451, f"{text}; transfer aborted.")


def _coded(error: OSError) -> tuple[int, str]:
    if error.errno is not None:
        text = error.strerror or "Local error"
        if error.errno in _ERRNOS:
            return _ERRNOS[error.errno], text
    else:
        text = ""
    for kind, code, standard in _KINDS:
        if isinstance(error, kind):
            return code, text or standard
    return 451, text or "Local error"
