"""Effects: what a command asks of the world, and the outputs by which a session hands them to its host.

A command awaits an effect and gets what the host answered, or the error it failed with.  Port effects run through
`effect.call(ports)` in any host: inline, in a worker thread when `effect.blocks(ports)`, or awaited when the port is
asynchronous.  Network effects are a closed union that hosts match one by one.  A third kind never leaves the session.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator
from dataclasses import dataclass
from enum import Enum, Flag, auto
from itertools import islice
from typing import TYPE_CHECKING, ClassVar, Generic, NamedTuple, TypeAlias, TypeVar, cast

from ftpcore._addresses import Address
from ftpcore._paths import VirtualPath
from ftpcore.ports import Account, AnyFile, AnyFileSystem, FileInfo, OpenMode, Ports

__all__ = [
    "AcceptData",
    "Authenticate",
    "Call",
    "Cancel",
    "CheckPermission",
    "CloseControl",
    "CloseData",
    "CloseFile",
    "CloseScan",
    "ConnectData",
    "DataPart",
    "Effect",
    "EndpointReady",
    "EnterDir",
    "LaneName",
    "MakeDir",
    "MoveToData",
    "NetworkEffect",
    "NextEntries",
    "OpenFile",
    "OpenListener",
    "OpenUnique",
    "Page",
    "Pause",
    "Perform",
    "PortEffect",
    "ReadFile",
    "ReceiveData",
    "ReceiveFile",
    "RemoveDir",
    "RemoveFile",
    "Rename",
    "RightsOn",
    "ScanDir",
    "SendControl",
    "SendData",
    "SendFile",
    "SessionEffect",
    "SetMode",
    "SetModified",
    "Stat",
    "TransferEnd",
    "TruncateFile",
    "WallTime",
    "WriteFile",
]

T = TypeVar("T")


class Effect(Generic[T]):
    """A request that a command awaits.  `await Effect(...)` gives a `T`, or raises what the host failed it with."""

    __slots__ = ()
    cancellable: ClassVar[bool] = True
    """A task that is to end has it refused, and `Cancel` may name it."""
    timeout: ClassVar[str | None] = None
    """The option that limits how long it may take."""

    def __await__(self) -> Generator[Effect[T], T, T]:
        return (yield self)

    if not TYPE_CHECKING:  # mypy's truthy-bool is off for a class whose __bool__ it can see

        def __bool__(self) -> bool:
            raise TypeError(f"{self!r} was not awaited; write: await {type(self).__name__}(...)")


# -- port effects ------------------------------------------------------------------------------------------------------


class PortEffect(Effect[T]):
    """An effect that every host carries out by `call`."""

    __slots__ = ()
    cancellable: ClassVar[bool] = False

    def call(self, ports: Ports) -> object:
        """Ask the port.  Returns the answer, or an awaitable of it if the port is asynchronous."""
        raise TypeError(f"{type(self).__name__} must define call()")

    def blocks(self, ports: Ports) -> bool:
        """Tell whether `call` may wait for a disk, a network or a lock."""
        return getattr(ports.filesystem, "blocking", False)


def _files(ports: Ports) -> AnyFileSystem:
    assert ports.filesystem is not None, "a filesystem effect needs a login"
    return ports.filesystem


@dataclass(frozen=True, slots=True)
class Stat(PortEffect[FileInfo]):
    path: VirtualPath
    follow: bool = True

    def call(self, ports: Ports) -> object:
        return _files(ports).stat(self.path, follow=self.follow)


class Page(NamedTuple):
    """Entries of a directory and what is left of it: None at the end, else something for NextEntries or CloseScan."""

    entries: list[FileInfo]
    rest: Iterator[FileInfo] | AsyncIterator[FileInfo] | None


@dataclass(frozen=True, slots=True)
class ScanDir(PortEffect[Page]):
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
class NextEntries(PortEffect[Page]):
    rest: Iterator[FileInfo] | AsyncIterator[FileInfo]
    limit: int

    def call(self, ports: Ports) -> object:
        return (
            _async_page(self.rest, self.limit) if isinstance(self.rest, AsyncIterator) else _page(self.rest, self.limit)
        )


@dataclass(frozen=True, slots=True)
class CloseScan(PortEffect[None]):
    """Give up the rest of a directory."""

    rest: Iterator[FileInfo] | AsyncIterator[FileInfo]

    def call(self, ports: Ports) -> object:
        close = getattr(self.rest, "aclose" if isinstance(self.rest, AsyncIterator) else "close", None)
        return close() if close is not None else None


def _page(scan: Iterator[FileInfo], limit: int) -> Page:
    entries = list(islice(scan, limit))
    return Page(entries, scan if len(entries) == limit else None)


async def _async_page(scan: AsyncIterator[FileInfo], limit: int) -> Page:
    entries: list[FileInfo] = []
    async for entry in scan:
        entries.append(entry)
        if len(entries) == limit:
            return Page(entries, scan)
    return Page(entries, None)


async def _first_page(scan: Awaitable[AsyncIterator[FileInfo]], limit: int) -> Page:
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

    def call(self, ports: Ports) -> object:
        return _files(ports).open_file(self.path, self.mode)


@dataclass(frozen=True, slots=True)
class OpenUnique(PortEffect[tuple[str, AnyFile]]):
    directory: VirtualPath
    prefix: str

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


class _AuthorizerEffect(PortEffect[T]):
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


# -- network effects ---------------------------------------------------------------------------------------------------


class DataPart(Flag):
    """What CloseData closes."""

    LISTENER = auto()
    CONNECTION = auto()
    BOTH = LISTENER | CONNECTION


class _NetworkEffect(Effect[T]):
    """One of the union `NetworkEffect`.

    A failed connection is a ConnectionError; any other OSError of SendFile and ReceiveFile is the file's.
    """

    __slots__ = ()
    timeout: ClassVar[str | None] = "data_timeout"


@dataclass(frozen=True, slots=True)
class OpenListener(_NetworkEffect[Address]):
    """Listen on `host`, port `port` (0: any); answered by the address bound.  OSError: that port can't be had."""

    host: str
    port: int
    timeout: ClassVar[str | None] = None


@dataclass(frozen=True, slots=True)
class AcceptData(_NetworkEffect[Address]):
    """Accept one connection, answered by its peer; the listener stays open until CloseData."""

    until: float | None = None
    """When the session gives it up, by a Cancel."""
    timeout: ClassVar[str | None] = None


@dataclass(frozen=True, slots=True)
class ConnectData(_NetworkEffect[None]):
    """Connect to `address` from `source`, any port."""

    address: Address
    source: str
    timeout: ClassVar[str | None] = "connect_timeout"


@dataclass(frozen=True, slots=True)
class SendData(_NetworkEffect[int]):
    """Send some of `data`; answered by how many bytes left, at least one."""

    data: bytes | memoryview


@dataclass(frozen=True, slots=True)
class ReceiveData(_NetworkEffect[bytes]):
    """Receive up to `size` bytes; b"" is the peer's orderly end."""

    size: int


@dataclass(frozen=True, slots=True)
class SendFile(_NetworkEffect[int]):
    """Send up to `size` bytes of the file from `offset` within the kernel; answered by how many left, 0 at its end."""

    file: AnyFile
    offset: int
    size: int


@dataclass(frozen=True, slots=True)
class ReceiveFile(_NetworkEffect[int]):
    """Receive up to `size` bytes into the file at `offset`; answered by how many are in the file, 0 at the peer's end."""

    file: AnyFile
    offset: int
    size: int


@dataclass(frozen=True, slots=True)
class CloseData(_NetworkEffect[None]):
    """Close the listener, the data connection or both, if they are there.

    `orderly` closes a connection so that the peer knows that nothing is missing; what was sent still arrives.
    """

    part: DataPart = DataPart.BOTH
    orderly: bool = False
    cancellable: ClassVar[bool] = False


NetworkEffect: TypeAlias = (
    OpenListener | AcceptData | ConnectData | SendData | ReceiveData | SendFile | ReceiveFile | CloseData
)


# -- effects that the session answers itself ---------------------------------------------------------------------------


class SessionEffect(Effect[T]):
    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Pause(SessionEffect[None]):
    """Wait `seconds`."""

    seconds: float


@dataclass(frozen=True, slots=True)
class MoveToData(SessionEffect[None]):
    """Go on in the DATA lane, once a pending passive connection is up; frees the CONTROL lane."""


@dataclass(frozen=True, slots=True)
class EndpointReady(SessionEffect[None]):
    """Wait, in the DATA lane, for the PASV, EPSV, PORT or EPRT that a STOU is served by."""


@dataclass(frozen=True, slots=True)
class TransferEnd(SessionEffect[None]):
    """Wait, in the CONTROL lane, until the DATA lane is empty."""


# -- outputs -----------------------------------------------------------------------------------------------------------


class LaneName(Enum):
    """The two sequences of work in a session: the server-PI's and the server-DTP's.  RFC 959 2.2."""

    CONTROL = "control"
    DATA = "data"


class SendControl(NamedTuple):
    """Queue bytes on the control connection; report what left by `control_sent`."""

    data: bytes


class Perform(NamedTuple):
    """Carry out `effect` on `ports`, and answer once by `succeed(serial, value)` or `fail(serial, error)`."""

    lane: LaneName
    serial: int
    effect: Effect[object]
    ports: Ports


class Cancel(NamedTuple):
    """Make haste with the network effect `serial`; it is still answered once."""

    serial: int


class CloseControl(NamedTuple):
    """Close the control connection; everything sent has left, or was given up."""
