"""On asyncio and trio a server ends in good time, whatever its sessions are stuck in, and however it is told to."""

from __future__ import annotations

import asyncio
import gc
import socket
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import anyio
import pytest

from ftpcore_adapters._host import SessionOver
from ftpcore_adapters.anyio import Server, serve
from ftpcore_adapters.handlers import FTPHandler
from ftpcore_adapters.memory import MemoryFileSystem
from tests.adapters.anyio_serving import BACKENDS, AnyioServe, AnyioServing
from tests.adapters.asynchronous_ports import AsyncFiles, AsyncUser
from tests.adapters.resources import leftovers
from tests.adapters.serving import PATIENCE, make_handler

#: Of the server, for tests in which it is used up.
GRACE: Final = {"grace": 0.05}


class Stuck:
    """Hooks that wait until the test is over."""

    def __init__(self) -> None:
        self.came = threading.Event()
        self.over = threading.Event()

    def handler(self, how: str) -> type[FTPHandler]:
        """Return a class whose `on_connect` waits for good: in a task that can be cancelled, or in a thread."""
        stuck = self

        class Awaiting(FTPHandler):
            async def on_connect(self) -> None:
                stuck.came.set()
                await anyio.sleep_forever()

        class Blocking(FTPHandler):
            def on_connect(self) -> None:
                stuck.came.set()
                stuck.over.wait()

        return {"a task": Awaiting, "a thread": Blocking}[how]


@pytest.fixture
def stuck() -> Iterator[Stuck]:
    stuck = Stuck()
    yield stuck
    stuck.over.set()


# -- a session that is stuck -------------------------------------------------------------------------------------------


def close_all(serving: AnyioServing) -> None:
    serving.server.close_all()


def close_all_in_the_loop(serving: AnyioServing) -> None:
    serving.call(serving.server.close_all)


def drain(serving: AnyioServing) -> None:
    serving.portal.call(serving.server.drain, 0.0)


def request_drain(serving: AnyioServing) -> None:
    serving.server.request_drain(0.0)


@pytest.mark.parametrize("end", [close_all, close_all_in_the_loop, drain, request_drain], ids=lambda end: end.__name__)
@pytest.mark.parametrize("where", ["a task", "a thread"])
def test_a_stuck_session_does_not_keep_a_server_that_was_told_to_end(
    anyio_serve: AnyioServe,
    stuck: Stuck,
    monkeypatch: pytest.MonkeyPatch,
    where: str,
    end: Callable[[AnyioServing], None],
) -> None:
    monkeypatch.setattr("ftpcore_adapters._accepting.LAST_WORDS", 0.05)
    monkeypatch.setattr("ftpcore_adapters.anyio.LAST_WORDS", 0.05)
    with anyio_serve.context(stuck.handler(where), server=GRACE) as serving:
        waiting = serving.portal.start_task_soon(serving.server.serve_forever)
        client = serving.client()
        assert stuck.came.wait(PATIENCE)
        end(serving)
        waiting.result(PATIENCE)
        assert client.ended()
        assert not serving.server.ioloop.hosts
        stuck.over.set()
    assert any("given up" in line for line in anyio_serve.log.lines())


def test_a_server_that_was_closed_waits_for_its_sessions_as_long_as_they_last(
    anyio_serve: AnyioServe, stuck: Stuck
) -> None:
    with anyio_serve.context(stuck.handler("a thread"), server=GRACE) as serving:
        waiting = serving.portal.start_task_soon(serving.server.serve_forever)
        client = serving.client()
        assert stuck.came.wait(PATIENCE)
        serving.server.close()
        with pytest.raises(TimeoutError):
            waiting.result(GRACE["grace"] * 4)
        stuck.over.set()
        assert client.code() == 220
        assert client.command("QUIT") == 221
        waiting.result(PATIENCE)


def test_a_server_that_has_ended_can_be_closed_once_more_but_not_drained(anyio_serve: AnyioServe) -> None:
    def ask(server: Server) -> None:
        server.close()
        server.close_all()
        with pytest.raises(RuntimeError):
            server.request_drain(0.0)

    with anyio_serve.context() as serving:
        server: Any = serving.server
        serving.portal.call(server.aclose)
        ask(server)
        serving.call(lambda: ask(server))
    ask(server)


def test_a_worker_that_waits_for_an_asynchronous_port_is_told_that_the_server_has_ended(
    anyio_serve: AnyioServe, stuck: Stuck
) -> None:
    told: list[BaseException] = []
    over = threading.Event()

    class Overriding(FTPHandler):
        def ftp_MDTM(self, path: str) -> str | None:
            try:
                return super().ftp_MDTM(path)
            except BaseException as error:
                told.append(error)
                raise
            finally:
                over.set()

    async def turn() -> None:
        if inside:
            stuck.came.set()
            await anyio.sleep_forever()

    inside: list[bool] = []
    files = AsyncFiles(MemoryFileSystem(), turn)
    with anyio_serve.context(Overriding, authorizer=AsyncUser(lambda: files), server=GRACE) as serving:
        client = serving.login()
        inside.append(True)
        client.send("MDTM f")
        assert stuck.came.wait(PATIENCE)
    assert over.wait(PATIENCE)
    assert [type(error) for error in told] == [SessionOver]


# -- a program with a thread that is stuck -----------------------------------------------------------------------------

#: A program whose server is left while the hook of its one client is stuck.
PROGRAM: Final = """
import socket, sys, threading
import anyio
from ftpcore_adapters.anyio import serve
from ftpcore_adapters.handlers import FTPHandler

async def main():
    stuck = anyio.Event()

    class Handler(FTPHandler):
        def on_connect(self):
            self.ioloop.call_soon_threadsafe(stuck.set)
            threading.Event().wait()

    async with serve(Handler, ("127.0.0.1", 0), grace=0.05) as server:
        with socket.create_connection(server.address):
            await stuck.wait()
    print("left")

anyio.run(main, backend=sys.argv[1])
"""


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_program_ends_although_a_worker_thread_is_stuck(backend: str) -> None:
    command = [sys.executable, "-c", PROGRAM, backend]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert (done.returncode, done.stdout) == (0, "left\n"), done.stderr
    assert "Traceback" not in done.stderr


# -- a server that is cancelled before it listens ----------------------------------------------------------------------


@pytest.fixture
def slow_names(stuck: Stuck, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[warnings.WarningMessage]]:
    """Have names looked up until the test is over; return the warnings that come of it, all when it is."""
    found = socket.getaddrinfo("127.0.0.1", 0, type=socket.SOCK_STREAM)

    def look_up(*arguments: object, **options: object) -> object:
        stuck.came.set()
        stuck.over.wait()
        return found

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    with leftovers(), warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        yield told
        stuck.over.set()
    gc.collect()
    assert [str(warning.message) for warning in told] == []


@pytest.mark.usefixtures("slow_names")
@pytest.mark.parametrize("backend", BACKENDS)
def test_a_server_that_looks_up_its_name_can_be_cancelled(directory: Path, stuck: Stuck, backend: str) -> None:
    async def begin() -> None:
        async with serve(make_handler(directory), ("127.0.0.1", 0)):
            pytest.fail("nobody knows the address")

    async def main() -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(begin)
            await anyio.to_thread.run_sync(stuck.came.wait)
            tasks.cancel_scope.cancel()
        assert not stuck.over.is_set()

    anyio.run(main, backend=backend)


@pytest.mark.usefixtures("slow_names")
def test_a_server_that_looks_up_its_name_can_be_cancelled_as_a_task_of_asyncio(directory: Path, stuck: Stuck) -> None:
    async def begin() -> None:
        async with serve(make_handler(directory), ("127.0.0.1", 0)):
            pytest.fail("nobody knows the address")

    async def main() -> None:
        task = asyncio.create_task(begin())
        await asyncio.to_thread(stuck.came.wait)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not stuck.over.is_set()

    asyncio.run(main())
