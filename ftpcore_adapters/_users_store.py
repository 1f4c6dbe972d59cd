"""A file of users on the disk: read, and changed by one writer after the other.

A change is written to a new file, which takes the place of the old one when it is complete and on the disk: readers
need no lock, and see the one or the other.
"""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Final, TypeAlias

from ftpcore_adapters._passwords import Cost
from ftpcore_adapters._users_file import RIGHTS, UserEntry, UsersText
from ftpcore_adapters.exceptions import AuthorizerError

with suppress(ImportError):  # Windows
    import fcntl

__all__ = ["Signature", "StoredUsers", "change_users", "read_users", "signature_of"]

#: What differs when a file was changed or replaced.
Signature: TypeAlias = tuple[int, int, int, int, int]

#: Seconds until a later change of a file is sure to show in its times: some filesystems count in steps of two.
_SETTLED: Final = 2.5

_POSIX: Final = os.name == "posix"

#: O_NONBLOCK: a FIFO in place of the file must not stop us.
_PLAIN: Final = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredUsers:
    """What was in the file when it was read."""

    users: dict[str, UserEntry]
    costs: frozenset[Cost]
    """The kinds of hashes in it."""
    signature: Signature
    settled: bool
    """As long as the signature is the same, so is the file."""
    exposed: bool
    """Others may read it."""


def read_users(path: str, *, letters: str = RIGHTS, now: float = 0.0) -> StoredUsers:
    """Read the file, whose times are seen at the time of day `now`.

    Raises:
        AuthorizerError: There is a mistake in it, or it can't be trusted.
        OSError: It can't be read.
    """
    text, status = _read(path, letters)
    return StoredUsers(
        users=text.users,
        costs=frozenset(user.password.cost for user in text.users.values()),
        signature=signature_of(status),
        settled=now - max(status.st_mtime, status.st_ctime) > _SETTLED,
        exposed=_POSIX and bool(status.st_mode & stat.S_IROTH),
    )


def signature_of(status: os.stat_result) -> Signature:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def change_users(path: str, change: Callable[[UsersText], str], *, create: bool = False) -> None:
    """Replace the file by what `change` makes of it, while no other call, in any process, does so.

    Owner and mode stay as they were; with `create`, a missing file is made with mode 0600.  After an error nothing has
    changed.

    Raises:
        AuthorizerError: There is a mistake in the file, or it can't be trusted, or `change` raised it.
        OSError: It can't be read or replaced.
    """
    path = os.path.realpath(path)  # a link stays one
    with _locked(path, create):
        text, status = _read(path, RIGHTS)
        changed = change(text)
        UsersText(changed, path)  # what is written can be read
        _replace(path, changed.encode("utf-8", "surrogateescape"), status)


def _read(path: str, letters: str) -> tuple[UsersText, os.stat_result]:
    descriptor = os.open(path, os.O_RDONLY | _PLAIN)
    try:
        status = os.fstat(descriptor)  # before it is read: a later change shows in a later one
        if not stat.S_ISREG(status.st_mode):
            raise AuthorizerError(f"{path} is no regular file")
        if _POSIX and status.st_mode & stat.S_IWOTH:
            raise AuthorizerError(f"others may write {path}, and so log in as anybody; chmod o-w mends it")
        with open(descriptor, "rb", closefd=False) as file:
            text = file.read().decode("utf-8", "surrogateescape")
    finally:
        os.close(descriptor)
    return UsersText(text, path, letters), status


@contextmanager
def _locked(path: str, create: bool) -> Iterator[None]:
    """Keep other writers away; on Windows, where a file that is open can't be replaced, nothing does."""
    while True:
        descriptor = os.open(path, os.O_RDWR | _PLAIN | (os.O_CREAT if create else 0), 0o600)
        try:
            if _POSIX:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                if not _is_at(descriptor, path):
                    continue  # who had the lock has replaced the file
                yield
                return
        finally:
            os.close(descriptor)
        yield
        return


def _is_at(descriptor: int, path: str) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path))
    except FileNotFoundError:
        return False


def _replace(path: str, data: bytes, like: os.stat_result) -> None:
    directory, name = os.path.split(path)
    new = os.path.join(directory, f".{name}.{secrets.token_hex(8)}")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _PLAIN, 0o600)
    try:
        with open(descriptor, "wb") as file:
            if _POSIX:
                made = os.fstat(descriptor)
                if (made.st_uid, made.st_gid) != (like.st_uid, like.st_gid):
                    os.fchown(descriptor, like.st_uid, like.st_gid)
                os.fchmod(descriptor, stat.S_IMODE(like.st_mode))
            file.write(data)
            file.flush()
            os.fsync(descriptor)
        os.replace(new, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(new)
        raise
    if _POSIX:
        _sync(directory)


def _sync(directory: str) -> None:
    """Have the new name on the disk."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
