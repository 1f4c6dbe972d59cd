"""Effects on ports: what commands ask of the filesystem, the authorizer, the wall clock and user code."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, ClassVar, Generic, NamedTuple, TypeVar, cast

from ftpcore._effects import PortEffect
from ftpcore._paths import VirtualPath
from ftpcore._tls import PeerCertificate
from ftpcore.ports import Account, AnyFile, AnyFileSystem, FileInfo, ListingFormatter, OpenMode, Ports

__all__ = [
    "Authenticate",
    "AuthenticateCertificate",
    "Call",
    "CheckPermission",
    "CloseFile",
    "CloseScan",
    "EnterDir",
    "FactLine",
    "FactLines",
    "ListLines",
    "MakeDir",
    "NextEntries",
    "OpenFile",
    "OpenUnique",
    "Page",
    "ReadFile",
    "RemoveDir",
    "RemoveFile",
    "Rename",
    "RightsOn",
    "ScanDir",
    "SetMode",
    "SetModified",
    "Stat",
    "TruncateFile",
    "WallTime",
    "WriteFile",
]

T = TypeVar("T")

T_co = TypeVar("T_co", covariant=True)


def _files(ports: Ports) -> AnyFileSystem:
    assert ports.filesystem is not None, "a filesystem effect needs a login"
    return ports.filesystem


@dataclass(frozen=True, slots=True)
class Stat(PortEffect[FileInfo]):
    path: VirtualPath
    follow: bool = True

    def call(self, ports: Ports) -> object:
        return _files(ports).stat(self.path, follow=self.follow)


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
        scan = _files(ports).scan_dir(self.path, follow=self.follow)
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


@dataclass(frozen=True, slots=True)
class EnterDir(PortEffect[None]):
    path: VirtualPath

    def call(self, ports: Ports) -> object:
        return _files(ports).enter_dir(self.path)


@dataclass(frozen=True, slots=True)
class OpenFile(PortEffect[AnyFile]):
    path: VirtualPath
    mode: OpenMode

    keeps_account: ClassVar[bool] = True

    def call(self, ports: Ports) -> object:
        return _files(ports).open_file(self.path, self.mode)


@dataclass(frozen=True, slots=True)
class OpenUnique(PortEffect[tuple[str, AnyFile]]):
    directory: VirtualPath
    prefix: str

    keeps_account: ClassVar[bool] = True

    def call(self, ports: Ports) -> object:
        return _files(ports).open_unique(self.directory, self.prefix)


@dataclass(frozen=True, slots=True)
class ReadFile(PortEffect[bytes]):
    file: AnyFile
    offset: int
    size: int

    def call(self, ports: Ports) -> object:
        return self.file.read_at(self.offset, self.size)


@dataclass(frozen=True, slots=True)
class WriteFile(PortEffect[None]):
    file: AnyFile
    offset: int
    data: bytes

    def call(self, ports: Ports) -> object:
        return self.file.write_at(self.offset, self.data)


@dataclass(frozen=True, slots=True)
class TruncateFile(PortEffect[None]):
    file: AnyFile
    size: int

    def call(self, ports: Ports) -> object:
        return self.file.truncate(self.size)


@dataclass(frozen=True, slots=True)
class CloseFile(PortEffect[None]):
    file: AnyFile
    complete: bool

    keeps_account: ClassVar[bool] = True

    def call(self, ports: Ports) -> object:
        return self.file.close(complete=self.complete)


@dataclass(frozen=True, slots=True)
class MakeDir(PortEffect[None]):
    path: VirtualPath

    def call(self, ports: Ports) -> object:
        return _files(ports).make_dir(self.path)


@dataclass(frozen=True, slots=True)
class RemoveDir(PortEffect[None]):
    path: VirtualPath

    def call(self, ports: Ports) -> object:
        return _files(ports).remove_dir(self.path)


@dataclass(frozen=True, slots=True)
class RemoveFile(PortEffect[None]):
    path: VirtualPath

    def call(self, ports: Ports) -> object:
        return _files(ports).remove_file(self.path)


@dataclass(frozen=True, slots=True)
class Rename(PortEffect[None]):
    source: VirtualPath
    target: VirtualPath

    def call(self, ports: Ports) -> object:
        return _files(ports).rename(self.source, self.target)


@dataclass(frozen=True, slots=True)
class SetMode(PortEffect[None]):
    path: VirtualPath
    mode: int

    def call(self, ports: Ports) -> object:
        return _files(ports).set_mode(self.path, self.mode)


@dataclass(frozen=True, slots=True)
class SetModified(PortEffect[None]):
    path: VirtualPath
    seconds: float

    def call(self, ports: Ports) -> object:
        return _files(ports).set_modified(self.path, self.seconds)


class _AuthorizerEffect(PortEffect[T_co]):
    __slots__ = ()

    def blocks(self, ports: Ports) -> bool:
        return getattr(ports.authorizer, "blocking", False)


@dataclass(frozen=True, slots=True, repr=False)
class Authenticate(_AuthorizerEffect[Account]):
    """Check a password.  It has no repr of its own: the password must not reach a log."""

    username: str
    password: str
    peer: str

    def call(self, ports: Ports) -> object:
        return ports.authorizer.authenticate(self.username, self.password, self.peer)


@dataclass(frozen=True, slots=True)
class AuthenticateCertificate(_AuthorizerEffect[Account | None]):
    """Ask a `CertificateAuthorizer` whether the certificate is enough for this user; None: it is not."""

    username: str
    certificate: PeerCertificate
    peer: str

    def call(self, ports: Ports) -> object:
        authorizer: Any = ports.authorizer  # that it has the method was looked at before
        return authorizer.authenticate_certificate(self.username, self.certificate, self.peer)


@dataclass(frozen=True, slots=True)
class CheckPermission(_AuthorizerEffect[bool]):
    account: Account
    letter: str
    path: VirtualPath

    def call(self, ports: Ports) -> object:
        return ports.authorizer.check_permission(self.account, self.letter, self.path)


@dataclass(frozen=True, slots=True)
class RightsOn(_AuthorizerEffect[list[str]]):
    """Ask for the rights on each of `paths`."""

    account: Account
    paths: list[VirtualPath]

    def call(self, ports: Ports) -> object:
        answers = [ports.authorizer.rights_on(self.account, path) for path in self.paths]
        if answers and isinstance(answers[0], Awaitable):
            return _gathered(cast("list[Awaitable[str]]", answers))  # a port is asynchronous for all of them
        return answers


async def _gathered(answers: list[Awaitable[str]]) -> list[str]:
    return [await answer for answer in answers]


@dataclass(frozen=True, slots=True)
class WallTime(PortEffect[float]):
    """Ask for the time of day, in seconds since 1970-01-01 UTC."""

    def call(self, ports: Ports) -> object:
        return ports.clock.now()

    def blocks(self, ports: Ports) -> bool:
        return False


@dataclass(frozen=True, slots=True, repr=False)
class Call(PortEffect[object]):
    """Run user code: a hook, or a command that a delegate took over.  Arguments may be passwords: no repr."""

    function: Callable[..., object]
    arguments: tuple[object, ...] = ()

    def call(self, ports: Ports) -> object:
        return self.function(*self.arguments)

    def blocks(self, ports: Ports) -> bool:
        return True
