"""Effects on ports: `call` on synchronous and asynchronous ones, and `blocks`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from typing import Any, cast

import pytest

from ftpcore import (
    Account,
    Authenticate,
    Call,
    CheckPermission,
    CloseFile,
    CloseScan,
    EnterDir,
    FileInfo,
    FileKind,
    MakeDir,
    NextEntries,
    OpenFile,
    OpenMode,
    OpenUnique,
    Page,
    PortEffect,
    Ports,
    ReadFile,
    RemoveDir,
    RemoveFile,
    Rename,
    RightsOn,
    ScanDir,
    SetMode,
    SetModified,
    Stat,
    TruncateFile,
    VirtualPath,
    WallTime,
    WriteFile,
)
from ftpcore.ports import AnyFile, AnyFileSystem, AsyncAuthorizer, AsyncFileSystem
from ftpcore.testing import FixedClock, SingleUser
from ftpcore_adapters.memory import MemoryFileSystem

PATH = VirtualPath("/a")


class Asynchronous:
    """Makes coroutine methods of the methods of a port."""

    def __init__(self, port: object) -> None:
        self._port = port

    def __getattr__(self, name: str) -> Callable[..., Awaitable[object]]:
        method = getattr(self._port, name)

        async def call(*arguments: object, **options: object) -> object:
            answer = method(*arguments, **options)
            return Entries(answer) if isinstance(answer, Iterator) else answer

        return call


class Entries:
    """An asynchronous iterator that can be closed."""

    def __init__(self, entries: Iterator[FileInfo]) -> None:
        self._entries = entries
        self.closed = False

    def __aiter__(self) -> AsyncIterator[FileInfo]:
        return self

    async def __anext__(self) -> FileInfo:
        for entry in self._entries:
            return entry
        raise StopAsyncIteration

    async def aclose(self) -> None:
        self.closed = True


def ports_over(fs: MemoryFileSystem, asynchronous: bool) -> Ports:
    user = SingleUser(fs)
    if not asynchronous:
        return Ports(authorizer=user, clock=FixedClock(5.0), filesystem=fs)
    return Ports(
        authorizer=cast(AsyncAuthorizer, Asynchronous(user)),
        clock=FixedClock(5.0),
        filesystem=cast(AsyncFileSystem, Asynchronous(fs)),
    )


def answer(effect: PortEffect[Any], ports: Ports) -> Any:  # Any: whatever the effect is answered by
    result = effect.call(ports)
    if not isinstance(result, Coroutine):
        return result
    try:
        result.send(None)
    except StopIteration as stop:
        return stop.value
    raise AssertionError("it waits for something")


@pytest.fixture(params=[False, True], ids=["synchronous", "asynchronous"])
def ports(request: pytest.FixtureRequest, fs: MemoryFileSystem) -> Ports:
    return ports_over(fs, request.param)


def test_directories_and_names(ports: Ports, fs: MemoryFileSystem) -> None:
    answer(MakeDir(PATH), ports)
    answer(EnterDir(PATH), ports)
    answer(SetMode(PATH, 0o700), ports)
    answer(SetModified(PATH, 7.0), ports)
    answer(Rename(PATH, VirtualPath("/b")), ports)
    info = answer(Stat(VirtualPath("/b")), ports)
    assert (info.name, info.kind, info.modified, info.mode & 0o777) == ("b", FileKind.DIRECTORY, 7.0, 0o700)
    answer(RemoveDir(VirtualPath("/b")), ports)
    assert fs.tree() == {}


def test_files(fs: MemoryFileSystem) -> None:
    ports = ports_over(fs, asynchronous=False)
    file: AnyFile = answer(OpenFile(PATH, OpenMode.WRITE), ports)
    answer(WriteFile(file, 0, b"12345"), ports)
    answer(TruncateFile(file, 3), ports)
    answer(CloseFile(file, complete=True), ports)
    file = answer(OpenFile(PATH, OpenMode.READ), ports)
    assert answer(ReadFile(file, 1, 10), ports) == b"23"
    answer(CloseFile(file, complete=True), ports)
    name, file = answer(OpenUnique(VirtualPath("/"), "u."), ports)
    answer(CloseFile(file, complete=False), ports)
    answer(RemoveFile(PATH), ports)
    assert list(fs.tree()) == [f"/{name}"]


def test_a_directory_is_read_in_pages(ports: Ports, fs: MemoryFileSystem) -> None:
    for name in "abcde":
        fs.write_bytes(f"/{name}", b"")
    names = []
    page: Page[FileInfo] = answer(ScanDir(VirtualPath("/"), False, 2), ports)
    names.append([entry.name for entry in page.entries])
    while page.rest is not None:
        page = answer(NextEntries(page.rest, 2), ports)
        names.append([entry.name for entry in page.entries])
    assert names == [["a", "b"], ["c", "d"], ["e"]]


def test_the_rest_of_a_directory_is_given_up(fs: MemoryFileSystem) -> None:
    entries = Entries(iter([]))
    ports = ports_over(fs, asynchronous=True)
    answer(CloseScan(entries), ports)
    assert entries.closed
    answer(CloseScan(iter([])), ports)  # it has no close


def test_the_authorizer_is_asked(ports: Ports) -> None:
    account: Account = answer(Authenticate("ann", "pw", "127.0.0.1"), ports)
    assert answer(CheckPermission(account, "r", PATH), ports) is True
    assert answer(RightsOn(account, [PATH, PATH]), ports) == ["elradfmwMT"] * 2
    assert answer(RightsOn(account, []), ports) == []


def test_the_clock_is_read(ports: Ports) -> None:
    assert answer(WallTime(), ports) == 5.0


def test_user_code_is_called(ports: Ports) -> None:
    assert answer(Call(divmod, (7, 2)), ports) == (3, 1)


def test_an_effect_on_a_port_needs_its_call(ports: Ports) -> None:
    class Nothing(PortEffect[None]):
        pass

    with pytest.raises(TypeError, match="call"):
        Nothing().call(ports)


@pytest.mark.parametrize("blocking", [False, True])
def test_what_may_block_is_what_its_port_says(fs: MemoryFileSystem, blocking: bool) -> None:
    files, user = MemoryFileSystem(), SingleUser(fs)
    files.blocking = user.blocking = blocking
    ports = Ports(authorizer=user, clock=FixedClock(), filesystem=files)
    assert Stat(PATH).blocks(ports) is blocking
    assert Authenticate("ann", "pw", "127.0.0.1").blocks(ports) is blocking


def test_user_code_may_block_and_the_clock_does_not(ports: Ports) -> None:
    assert Call(divmod).blocks(ports)
    assert not WallTime().blocks(ports)


def test_before_a_login_there_is_no_filesystem(fs: MemoryFileSystem) -> None:
    nobody: AnyFileSystem | None = None
    ports = Ports(authorizer=SingleUser(fs), clock=FixedClock(), filesystem=nobody)
    assert not Stat(PATH).blocks(ports)
