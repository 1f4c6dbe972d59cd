"""What a session needs from outside: filesystems, authorizers and a wall clock, as ports.

A port is an object with these methods; it derives from nothing.  It is synchronous (`FileSystem`, `Authorizer`) or
asynchronous (`AsyncFileSystem`, `AsyncAuthorizer`) for its whole life.  `blocking` says whether its calls may wait
for a disk, a network or a lock: hosts that must not wait run such calls in a worker thread.

Paths are `VirtualPath`: absolute, "/"-separated, without "." and "..", made by the core.  Names that are not UTF-8
carry surrogate escapes (PEP 383).  Errors are the `OSError` family, `UnsupportedOperation` and `FilesystemError`; the
table in `ftpcore._errors` says which reply each becomes.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import tzinfo
from typing import Protocol, TypeAlias

from ftpcore._filesystem import (
    AnyFile,
    AnyFileSystem,
    AsyncBinaryFile,
    AsyncFileSystem,
    BinaryFile,
    Capability,
    FileInfo,
    FileKind,
    FileSystem,
    ListingFormatter,
    OpenMode,
)
from ftpcore._paths import VirtualPath
from ftpcore._tls import PeerCertificate

__all__ = [
    "Account",
    "AnyAuthorizer",
    "AnyFile",
    "AnyFileSystem",
    "AsyncAuthorizer",
    "AsyncBinaryFile",
    "AsyncFileSystem",
    "Authorizer",
    "BinaryFile",
    "Capability",
    "CertificateAuthorizer",
    "FileInfo",
    "FileKind",
    "FileSystem",
    "ListingFormatter",
    "OpenMode",
    "Ports",
    "RandomSource",
    "WallClock",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Who logged in, and what they may do and see: the answer to USER and PASS."""

    name: str
    filesystem: AnyFileSystem
    start: str = "/"
    """Virtual path of the first current directory."""
    login_message: str = "Login successful."
    quit_message: str = "Goodbye."
    rights: str = "elr"
    """Permission letters: e l r a d f m w M T."""
    rights_vary: bool = False
    """Ask `check_permission` for each path instead of looking at `rights`."""
    read_limit: float | None = None
    """Bytes per second that an upload may use; 0: no limit; None: what the option of this name says."""
    write_limit: float | None = None
    """Bytes per second that a download may use; 0: no limit; None: what the option of this name says."""

    def everywhere(self) -> str | None:
        """Return the letters that hold on all paths now; None: they have to be asked for, path by path."""
        return None if self.rights_vary else self.rights


class Authorizer(Protocol):
    """Decides who logs in and what they may do."""

    blocking: bool

    def authenticate(self, username: str, password: str, peer: str, /) -> Account:
        """Return the account, or raise `AuthenticationFailed`, whose text the client is told.

        `peer` is the address of the client.  An unknown user and a wrong password take the same time.
        """
        ...

    def check_permission(self, account: Account, letter: str, path: VirtualPath, /) -> bool:
        """Tell whether `account` holds the right `letter` on `path`; called if its rights vary."""
        ...

    def rights_on(self, account: Account, path: VirtualPath, /) -> str:
        """Return the letters that hold on `path`, for the MLSx fact `perm`; called if the rights vary."""
        ...


class AsyncAuthorizer(Protocol):
    """`Authorizer` with coroutine methods, for hosts with an event loop."""

    async def authenticate(self, username: str, password: str, peer: str, /) -> Account: ...
    async def check_permission(self, account: Account, letter: str, path: VirtualPath, /) -> bool: ...
    async def rights_on(self, account: Account, path: VirtualPath, /) -> str: ...


class CertificateAuthorizer(Authorizer, Protocol):
    """An authorizer that may let users in by the certificate of their TLS connection."""

    def authenticate_certificate(self, username: str, certificate: PeerCertificate, peer: str, /) -> Account | None:
        """Return the account if the certificate, which the host has verified, is enough; None: ask for a password.

        Asynchronous in an authorizer that is so.  RFC 4217 12.2.
        """
        ...


AnyAuthorizer: TypeAlias = Authorizer | AsyncAuthorizer


class WallClock(Protocol):
    """The time of day, for listings.  Reading it never blocks."""

    zone: tzinfo
    """The local time zone, shown where the option `use_gmt_times` is off."""

    def now(self) -> float:
        """Return seconds since 1970-01-01 00:00 UTC."""
        ...


class RandomSource(Protocol):
    """Where random numbers come from; `random.SystemRandom()` is one."""

    def randrange(self, stop: int, /) -> int: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """What the effects of one session are carried out on."""

    authorizer: AnyAuthorizer
    clock: WallClock
    filesystem: AnyFileSystem | None = None
    """Set by the session at login, from the account."""
