"""Worker threads on asyncio and trio: where nothing can be awaited, at the end of the loop, and without threads."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Awaitable, Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from queue import SimpleQueue
from typing import Any

import anyio
import pytest

from ftpcore_adapters._anyio_loop import AnyioLoop
from ftpcore_adapters._anyio_threads import Threads
from ftpcore_adapters._host import SessionOver
from ftpcore_adapters.authorizers import DummyAuthorizer
from ftpcore_adapters.handlers import FTPHandler
from ftpcore_adapters.memory import MemoryFileSystem
from tests.adapters.anyio_serving import BACKENDS, AnyioServe
from tests.adapters.asynchronous_ports import AsyncFiles
from tests.adapters.serving import PASSWORD, PATIENCE, USER, LogLines


class EndedLoop:
    """A loop as it is when its last task has ended: calls from threads are still made, tasks are refused."""

    def __init__(self) -> None:
        self.thread = threading.get_ident()
        self.calls: SimpleQueue[Callable[[], object]] = SimpleQueue()

    def start(self, function: Callable[..., Any], *arguments: Any) -> None:
        raise RuntimeError(f"no new tasks: {function}, {arguments}")

    def call_soon(self, function: Callable[..., object], *arguments: object) -> None:
        self.calls.put(partial(function, *arguments))


class Unclosable:
    """An awaitable that fails to close, the first time."""

    def __init__(self) -> None:
        self._tried = False

    def __await__(self) -> Generator[None, None, None]:
        yield

    def close(self) -> None:
        if not self._tried:
            self._tried = True
            raise OSError("not now")


async def nothing() -> None:
    pass


@pytest.fixture
def loop() -> EndedLoop:
    return EndedLoop()


@pytest.fixture
def threads(loop: EndedLoop) -> Threads:
    return Threads(loop)


@pytest.fixture
def wait_for(threads: Threads) -> Iterator[Callable[[Awaitable[object]], Future[object]]]:
    """Wait for an awaitable in a thread."""
    with ThreadPoolExecutor(2) as pool:
        yield lambda answer: pool.submit(threads.awaited, answer)
        for _ in range(3):  # else a failed test would not end
            with suppress(OSError):
                threads.end_awaiting()


def test_the_thread_of_the_loop_is_told_that_it_cannot_wait_for_itself(threads: Threads) -> None:
    answer = nothing()
    with pytest.raises(RuntimeError, match="impersonates_thread") as raised:
        threads.awaited(answer)
    assert not isinstance(raised.value, SessionOver)
    with pytest.raises(RuntimeError, match="cannot reuse"):
        answer.send(None)


def test_a_command_that_would_keep_the_loop_waiting_for_itself_fails(anyio_serve: AnyioServe) -> None:
    class Impersonating(DummyAuthorizer):
        def impersonate_user(self, username: str, password: str) -> None:
            """Become that user, as a process."""

    class Overriding(FTPHandler):
        @staticmethod
        def abstracted_fs(_home: str, _handler: FTPHandler) -> AsyncFiles:
            return AsyncFiles(MemoryFileSystem())

        def ftp_CWD(self, path: str) -> str | None:
            return super().ftp_CWD(path)

    authorizer = Impersonating()
    authorizer.add_user(USER, PASSWORD, anyio_serve.directory)
    anyio_serve.errors_expected = True
    serving = anyio_serve(Overriding, authorizer=authorizer)
    client = serving.login()
    assert client.command("CWD /") == 451
    assert serving.login().command("NOOP") == 200


def test_a_loop_that_takes_no_tasks_any_more_gives_up_what_a_thread_waits_for(
    loop: EndedLoop, wait_for: Callable[[Awaitable[object]], Future[object]]
) -> None:
    waiting = wait_for(nothing())
    loop.calls.get(timeout=PATIENCE)()
    with pytest.raises(SessionOver):
        waiting.result(PATIENCE)


def test_an_awaitable_that_fails_to_close_keeps_nobody_waiting(
    loop: EndedLoop, threads: Threads, wait_for: Callable[[Awaitable[object]], Future[object]]
) -> None:
    with LogLines() as log:
        waiting = [wait_for(Unclosable()), wait_for(Unclosable())]
        for _ in waiting:
            loop.calls.get(timeout=PATIENCE)
        threads.end_awaiting()
        for each in waiting:
            with pytest.raises(SessionOver):
                each.result(PATIENCE)
    assert any("Unclosable" in line for line in log.lines())


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_thread_that_does_not_start_is_not_kept(monkeypatch: pytest.MonkeyPatch, backend: str) -> None:
    refused: list[weakref.ref[threading.Thread]] = []

    def refuse(thread: threading.Thread) -> None:
        refused.append(weakref.ref(thread))
        raise RuntimeError("can't start new thread")

    async def main() -> None:
        loop = AnyioLoop(1)
        async with anyio.create_task_group() as tasks:
            await tasks.start(loop.run)
            try:
                with monkeypatch.context() as patch:
                    patch.setattr("ftpcore_adapters._anyio_threads._Worker.start", refuse)
                    try:
                        await loop.threads.run(threading.get_ident, loop.workers)
                    except RuntimeError as error:
                        assert str(error) == "can't start new thread"  # noqa: PT017  `raises` would keep the thread, too
                gc.collect()
                assert [thread() for thread in refused] == [None]
                assert await loop.threads.run(threading.get_ident, loop.workers) != threading.get_ident()
            finally:
                loop.stop()

    anyio.run(main, backend=backend)
