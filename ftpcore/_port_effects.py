"""Effects on ports: what commands ask of the filesystem, the authorizer, the wall clock and user code."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar, cast

from ftpcore._effects import PortEffect
from ftpcore._paths import VirtualPath
from ftpcore._tls import PeerCertificate
from ftpcore.ports import Account, AnyFile, AnyFileSystem, FileInfo, OpenMode, Ports

__all__ = [
    "Authenticate",
    "AuthenticateCertificate",
    "Call",
    "CheckPermission",
    "CloseFile",
    "EnterDir",
    "MakeDir",
    "OpenFile",
    "OpenUnique",
    "ReadFile",
    "RemoveDir",
    "RemoveFile",
    "Rename",
    "RightsOn",
    "SetMode",
    "SetModified",
    "Stat",
    "TruncateFile",
    "WallTime",
    "WriteFile",
    "filesystem_of",
]

T_co = TypeVar("T_co", covariant=True)


def filesystem_of(ports: Ports) -> AnyFileSystem:
    """Return the filesystem of whoever is logged in."""
    assert ports.filesystem is not None, "a filesystem effect needs a login"
    return ports.filesystem


@dataclass(frozen=True, slots=True)
class Stat(PortEffect[FileInfo]):
    path: VirtualPath
    follow: bool = True

    def call(self, ports: Ports) -> object:
        return filesystem_of(ports).stat(self.path, follow=self.follow)


@dataclass(frozen=True, slots=True)
class EnterDir(PortEffect[None]):
    path: VirtualPath

    def call(self, ports: Ports) -> object:
        return filesystem_of(ports).enter_dir(self.path)


@dataclass(frozen=True, slots=True)
class OpenFile(PortEffect[AnyFile]):
    path: VirtualPath
    mode: OpenMode

    keeps_account: ClassVar[bool] = True

    def call(self, ports: Ports) -> object:
        return filesystem_of(ports).open_file(self.path, self.mode)


@dataclass(frozen=True, slots=True)
class OpenUnique(PortEffect[tuple[str, AnyFile]]):
    directory: VirtualPath
    prefix: str

    keeps_account: ClassVar[bool] = True

    def call(self, ports: Ports) -> object:
        return filesystem_of(ports).open_unique(self.directory, self.prefix)


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
        return filesystem_of(ports).make_dir(self.path)


@dataclass(frozen=True, slots=True)
class RemoveDir(PortEffect[None]):
    path: VirtualPath

    def call(self, ports: Ports) -> object:
        return filesystem_of(ports).remove_dir(self.path)


@dataclass(frozen=True, slots=True)
class RemoveFile(PortEffect[None]):
    path: VirtualPath

    def call(self, ports: Ports) -> object:
        return filesystem_of(ports).remove_file(self.path)


@dataclass(frozen=True, slots=True)
class Rename(PortEffect[None]):
    source: VirtualPath
    target: VirtualPath

    def call(self, ports: Ports) -> object:
        return filesystem_of(ports).rename(self.source, self.target)


@dataclass(frozen=True, slots=True)
class SetMode(PortEffect[None]):
    path: VirtualPath
    mode: int

    def call(self, ports: Ports) -> object:
        return filesystem_of(ports).set_mode(self.path, self.mode)


@dataclass(frozen=True, slots=True)
class SetModified(PortEffect[None]):
    path: VirtualPath
    seconds: float

    def call(self, ports: Ports) -> object:
        return filesystem_of(ports).set_modified(self.path, self.seconds)


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
