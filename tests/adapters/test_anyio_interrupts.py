"""^C on asyncio and trio: it reaches the program's main task, whatever a session was about to do when it came."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest

from ftpcore import FileInfo, VirtualPath
from ftpcore_adapters.anyio import serve
from ftpcore_adapters.handlers import FTPHandler
from ftpcore_adapters.memory import MemoryFileSystem
from tests.adapters.anyio_serving import BACKENDS
from tests.adapters.resources import leftovers
from tests.adapters.serving import PASSWORD, PATIENCE, USER, Client, LogLines, Recorder, make_handler


def interrupt() -> None:
    signal.raise_signal(signal.SIGINT)


class InALogMethod(Recorder):
    def log_cmd(self, cmd: str, arg: str | None, respcode: int, respstr: str) -> None:
        if cmd == "NOOP":
            interrupt()


class InAHook(Recorder):
    async def on_login(self, username: str) -> None:  # type: ignore[override]  # the recorder's is plain
        interrupt()
        await anyio.lowlevel.checkpoint()
        self.calls.append("login")


class InATimer(Recorder):
    def on_login(self, username: str) -> None:
        self.call_later(0, interrupt)


class InACallFromAThread(Recorder):
    def on_login(self, username: str) -> None:
        self.ioloop.call_soon_threadsafe(interrupt)


class InAPort(Recorder):
    """The files are in memory, so that calls on them run where the session does."""

    def on_login(self, username: str) -> None:
        self.calls.append("login")


class Interrupting(MemoryFileSystem):
    def stat(self, path: VirtualPath, /, *, follow: bool) -> FileInfo:
        interrupt()
        return super().stat(path, follow=follow)


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Let SIGINT be seen even if the tests run in the background of a shell, which ignores it there."""
    former = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, former)


@pytest.mark.usefixtures("interruptible")
@pytest.mark.parametrize("where", [InALogMethod, InAHook, InATimer, InACallFromAThread, InAPort])
@pytest.mark.parametrize("backend", BACKENDS)
def test_an_interrupt_in_the_midst_of_a_session_ends_the_program_in_good_order(
    directory: Path, calls: list[str], backend: str, where: type[Recorder]
) -> None:
    options: dict[str, Any] = {"calls": calls}
    if where is InAPort:
        options["abstracted_fs"] = staticmethod(lambda home, handler: Interrupting())
    interrupted(make_handler(directory, where, **options), backend)
    assert calls[-1] == "disconnect"
    assert calls.count("disconnect") == 1


@pytest.mark.usefixtures("interruptible")
@pytest.mark.parametrize("backend", BACKENDS)
def test_a_hook_that_raises_keyboard_interrupt_ends_the_program_by_it(directory: Path, backend: str) -> None:
    class Raising(FTPHandler):
        async def on_login(self, username: str) -> None:
            raise KeyboardInterrupt

    interrupted(make_handler(directory, Raising), backend)


def interrupted(handler: type[FTPHandler], backend: str) -> None:
    """Serve, as a program whose main task this is, one client that has the server interrupted."""

    def client(address: tuple[str, int]) -> None:
        with Client(address) as client:
            client.send(f"USER {USER}", f"PASS {PASSWORD}", "NOOP", "MDTM f")
            while client.code():
                pass

    async def main() -> None:
        async with serve(handler, ("127.0.0.1", 0)) as server:
            thread = threading.Thread(target=client, args=(server.address,))
            threads.append(thread)
            thread.start()
            await server.serve_forever()

    threads: list[threading.Thread] = []
    with leftovers(), LogLines() as log:
        with pytest.raises(KeyboardInterrupt):
            anyio.run(main, backend=backend)
        for thread in threads:
            thread.join(PATIENCE)
    assert log.errors == []
