"""Transfers on asyncio and trio, and what is left of them: in the kernel, slow, cut, many, and cancelled anywhere."""

from __future__ import annotations

import contextlib
import os
import random
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import anyio
import pytest

from ftpcore import EVERY_EVENT, Event
from ftpcore_adapters.anyio import Server, serve
from ftpcore_adapters.handlers import DTPHandler, FTPHandler
from ftpcore_adapters.memory import MemoryFileSystem
from tests.adapters.anyio_serving import BACKENDS, AnyioServe
from tests.adapters.asynchronous_ports import AsyncFiles
from tests.adapters.resources import leftovers
from tests.adapters.serving import PATIENCE, Client, LogLines, make_handler, received, wait_for
from tests.conftest import scaled
from tests.watched import WatchedFileSystem

#: More than the kernel buffers of a connection.
LARGE: Final = 12 * 1024 * 1024


def reset(sock: socket.socket) -> None:
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


@pytest.mark.skipif(not hasattr(os, "splice"), reason="this system has no splice")
def test_files_are_moved_within_the_kernel(anyio_serve: AnyioServe, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = {"splice": 0, "sendfile": 0}

    def count(name: str) -> None:
        call = getattr(os, name)

        def counted(*arguments: object, **options: object) -> int:
            calls[name] += 1
            return int(call(*arguments, **options))

        monkeypatch.setattr(os, name, counted)

    count("splice")
    count("sendfile")
    content = os.urandom(LARGE)
    client = anyio_serve().login()
    assert client.store("STOR f", content) == 226
    assert client.retrieve("RETR f") == content
    assert calls["splice"] > 1
    assert calls["sendfile"] > 1


@pytest.mark.parametrize("kernel", [True, False], ids=["in the kernel", "in memory"])
def test_active_connections_serve_as_well(anyio_serve: AnyioServe, kernel: bool) -> None:
    content = os.urandom(LARGE)
    client = anyio_serve(use_sendfile=kernel).login()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        client.send(f"EPRT |1|127.0.0.1|{port}|", "STOR f")
        assert client.codes(2) == [200, 150]
        with listener.accept()[0] as data:
            data.sendall(content)
        assert client.code() == 226
        client.send(f"EPRT |1|127.0.0.1|{port}|", "RETR f")
        assert client.codes(2) == [200, 150]
        assert received(listener.accept()[0]) == content
        assert client.code() == 226
    assert client.command(f"EPRT |1|127.0.0.1|{port}|") == 200
    client.send("RETR f")
    assert client.codes(2) == [150, 425]


def test_a_client_that_reads_slowly_keeps_nobody_waiting(anyio_serve: AnyioServe) -> None:
    (anyio_serve.directory / "f").write_bytes(bytes(LARGE))
    serving = anyio_serve()
    slow, fast = serving.login(), serving.login()
    with slow.data() as data:
        data.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        assert slow.command("RETR f") == 150
        for _ in range(3):
            assert len(data.recv(100)) > 0
            with fast.data() as other:
                assert fast.command("RETR f") == 150
                assert len(received(other)) == LARGE
            assert fast.code() == 226
            assert slow.command("NOOP") == 200
        slow.send("ABOR")
        assert slow.codes(2) == [426, 226]


def test_a_throttled_transfer_takes_its_time_and_nobody_elses(anyio_serve: AnyioServe) -> None:
    (anyio_serve.directory / "f").write_bytes(bytes(40_000))
    serving = anyio_serve(dtp_handler=type("DTP", (DTPHandler,), {"timeout": 300, "write_limit": 100_000}))
    client, other = serving.login(), serving.client()
    assert other.code() == 220
    with client.data() as data:
        assert client.command("RETR f") == 150
        assert other.command("NOOP") == 200
        assert len(received(data)) == 40_000
    assert client.code() == 226


@pytest.mark.parametrize("upload", [True, False], ids=["STOR", "RETR"])
@pytest.mark.parametrize("kernel", [True, False], ids=["in the kernel", "in memory"])
def test_a_transfer_that_is_cut_leaves_a_session_as_good_as_before(
    anyio_serve: AnyioServe, upload: bool, kernel: bool
) -> None:
    (anyio_serve.directory / "f").write_bytes(bytes(LARGE))
    client = anyio_serve(use_sendfile=kernel).login()
    for end in (reset, lambda _: client.send("ABOR")):
        data = client.data()
        assert client.command("STOR g" if upload else "RETR f") == 150
        if upload:
            data.sendall(bytes(100_000))
        else:
            assert data.recv(100)
        end(data)
        assert client.code() == 426
        if end is not reset:
            assert client.code() == 226
            data.close()
    assert len(client.retrieve("RETR f")) == LARGE


def test_a_loop_without_readers_does_as_well(directory: Path) -> None:
    words = [sys.executable, "-m", "tests.adapters.poor_loop", str(directory)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "served\n", "")


def test_200_sessions_at_once(anyio_serve: AnyioServe) -> None:
    content = os.urandom(100_000)
    (anyio_serve.directory / "f").write_bytes(content)
    serving = anyio_serve(server={"max_cons": 0})
    clients = [serving.login() for _ in range(200)]

    def act(number: int) -> None:
        client = clients[number]
        assert client.store(f"STOR {number}", content) == 226
        assert client.retrieve("RETR f") == content
        assert client.command(f"DELE {number}") == 250

    with ThreadPoolExecutor(20) as threads:
        for future in [threads.submit(act, number) for number in range(200)]:
            future.result(PATIENCE)
    assert [client.command("NOOP") for client in clients] == [200] * 200
    serving.settle()
    assert os.listdir(anyio_serve.directory) == ["f"]


# -- cancelled anywhere ------------------------------------------------------------------------------------------------


class Steps:
    """Counts what happens in a server, and calls `end` when the chosen step is reached."""

    def __init__(self, last: int | None) -> None:
        self.count = 0
        self.end: Callable[[], object] = lambda: None
        self._last = last
        self._lock = threading.Lock()

    def __call__(self) -> None:
        with self._lock:
            self.count += 1
            reached = self.count == self._last
        if reached:
            self.end()


class Stepped(WatchedFileSystem):
    """Files whose calls are steps, and take place in worker threads."""

    blocking = True

    def __init__(self, steps: Steps) -> None:
        super().__init__(MemoryFileSystem())
        self._steps = steps

    def check(self, method: str) -> None:
        self._steps()


class EveryEvent(FTPHandler):
    """Events and hooks are steps."""

    steps: Steps

    def wanted_events(self) -> Iterable[type[Event]]:
        return EVERY_EVENT

    def handle_event(self, event: Event) -> None:
        super().handle_event(event)
        self.steps()

    def on_connect(self) -> None:
        self.steps()

    def on_login(self, username: str) -> None:
        self.steps()

    def on_file_received(self, file: str) -> None:
        self.steps()

    def on_disconnect(self) -> None:
        self.steps()


def play(address: tuple[str, int]) -> None:
    """Do a bit of everything, as long as the server lets one."""
    with contextlib.suppress(OSError, AssertionError), Client(address) as client:
        client.login()
        assert client.store("STOR f", bytes(300_000)) == 226
        client.retrieve("RETR f")
        client.retrieve("MLSD")
        with client.data():
            client.send("STOR g")
            assert client.code() == 150
            client.send("ABOR")
            assert client.codes(2) == [426, 226]
        client.send("SIZE f", "MKD d", "CWD d", "EPSV", "QUIT")
        client.codes(5)


def cancelled_at(backend: str, directory: Path, last: int | None, *, asynchronous: bool, grace: float) -> int:
    """Serve a client, cancel the server at a step or at the end, check what is left, and return the number of steps."""
    steps = Steps(last)
    files = Stepped(steps)
    port = AsyncFiles(files) if asynchronous else files
    options = {"steps": steps, "use_sendfile": False, "abstracted_fs": staticmethod(lambda home, handler: port)}
    handler = make_handler(directory, EveryEvent, **options)

    async def main() -> Server:
        scope = anyio.CancelScope()

        def end() -> None:
            if threading.get_ident() == server.ioloop.thread:
                scope.cancel()
            else:
                with contextlib.suppress(RuntimeError):  # it has ended
                    server.ioloop.call_soon_threadsafe(scope.cancel)

        async def client() -> None:
            await anyio.to_thread.run_sync(play, server.address)
            scope.cancel()

        async with anyio.create_task_group() as tasks:
            with scope:
                async with serve(handler, ("127.0.0.1", 0), grace=grace) as server:
                    steps.end = end
                    tasks.start_soon(client)
                    await server.serve_forever()
        assert scope.cancelled_caught
        return server

    with leftovers():
        server = anyio.run(main, backend=backend)
        wait_for(lambda: all(files.closings), "the ends of the files")
    assert all(len(closings) == 1 for closings in files.closings)
    assert server.ip_map == []
    assert not server.ioloop.hosts
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(server.address, PATIENCE)
    return steps.count


@pytest.mark.parametrize("grace", [5.0, 0.0], ids=["with grace", "without grace"])
@pytest.mark.parametrize("asynchronous", [False, True], ids=["in threads", "awaited"])
@pytest.mark.parametrize("backend", BACKENDS)
def test_a_server_may_be_cancelled_at_any_step(tmp_path: Path, backend: str, asynchronous: bool, grace: float) -> None:
    with LogLines() as log:
        steps = cancelled_at(backend, tmp_path, None, asynchronous=asynchronous, grace=grace)
        assert steps > 50
        for last in random.Random(steps).sample(range(1, steps + 1), min(steps, scaled(120))):
            try:
                cancelled_at(backend, tmp_path, last, asynchronous=asynchronous, grace=grace)
            except BaseException as error:
                error.add_note(f"cancelled at step {last} of {steps}")
                raise
    assert log.errors == []
