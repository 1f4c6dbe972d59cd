"""Errors of fsspec and of the libraries below it, as the family that ports raise."""

from __future__ import annotations

import errno
import io
import os
from collections.abc import Mapping
from typing import Final

from ftpcore import FilesystemError, UnsupportedOperation

__all__ = ["os_error", "port_error"]

#: What backends raise without an errno.  The first that fits counts.
_CLASSES: Final[tuple[tuple[type[Exception], int], ...]] = (
    (FileNotFoundError, errno.ENOENT),
    (FileExistsError, errno.EEXIST),
    (NotADirectoryError, errno.ENOTDIR),
    (IsADirectoryError, errno.EISDIR),
    (PermissionError, errno.EACCES),
    (BlockingIOError, errno.EAGAIN),
    (UnicodeError, errno.EILSEQ),
    (MemoryError, errno.ENOMEM),
    (io.UnsupportedOperation, errno.ENOTSUP),
    (NotImplementedError, errno.ENOTSUP),
)

#: s3fs tells of an object that is too large by the number for messages.
_NUMBERS: Final[Mapping[int, int]] = {errno.EMSGSIZE: errno.EFBIG}

#: Windows lacks some of them.
# fmt: off
_NAMES: Final = (
    "EACCES", "EAGAIN", "EBADF", "EBUSY", "EDQUOT", "EEXIST", "EFBIG", "EILSEQ", "EINVAL", "EISDIR", "ELOOP", "EMFILE",
    "EMLINK", "ENAMETOOLONG", "ENFILE", "ENOENT", "ENOMEM", "ENOSPC", "ENOTDIR", "ENOTEMPTY", "EPERM", "EROFS",
    "ESTALE", "ETXTBSY", "EXDEV",
)
# fmt: on

_UNSUPPORTED: Final = frozenset({errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP})

#: What means something to a client.  Connections and look-ups of names are not among them: they are the backend's, and
#: to the core a ConnectionError would be that of the data connection.
_TOLD: Final = _UNSUPPORTED | {getattr(errno, name) for name in _NAMES if hasattr(errno, name)}


def os_error(number: int, path: str) -> OSError:
    return OSError(number, os.strerror(number), path)


def port_error(error: Exception, path: str) -> Exception:
    """Return what a port raises for `error`, which came of a call about `path`; it may be `error` itself.

    Texts of backends are left out: they name hosts, buckets and real paths, and would reach the client.
    """
    if isinstance(error, (UnsupportedOperation, FilesystemError)):
        return error
    number = error.errno if isinstance(error, OSError) else None
    if number is None:
        number = next((number for kind, number in _CLASSES if isinstance(error, kind)), errno.EIO)
    number = _NUMBERS.get(number, number)
    if number in _UNSUPPORTED:
        return UnsupportedOperation("this backend of fsspec can't do that")
    if number not in _TOLD:
        number = errno.EIO
    if isinstance(error, OSError) and (error.errno, error.filename) == (number, path):
        return error
    return os_error(number, path)
