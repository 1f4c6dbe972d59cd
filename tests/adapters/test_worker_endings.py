"""Servers with workers come to an end: whoever asks for it, and whatever a worker is stuck in."""

from __future__ import annotations

import errno
import logging
import multiprocessing.util
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from itertools import count
from pathlib import Path

import pytest

from ftpcore_adapters import prefork
from ftpcore_adapters._lifeline import Lifeline
from ftpcore_adapters._spawning import SpawningServer, Worker
from ftpcore_adapters.servers import FTPServer, MultiprocessFTPServer, ThreadedFTPServer
from tests.adapters.resources import leftovers
from tests.adapters.serving import PATIENCE, Client, LogLines, make_handler, wait_for
from tests.adapters.worker_play import children, ended, forked, login, refuses, runs, serving, stuck

Serve = Callable[[FTPServer], None]
ServerProcess = AbstractContextManager[tuple[tuple[str, int], int]]

pytestmark = pytest.mark.filterwarnings("ignore:.*use of fork.*:DeprecationWarning")


@pytest.fixture(params=[ThreadedFTPServer, MultiprocessFTPServer], ids=lambda kind: kind.__name__)
def kind(request: pytest.FixtureRequest) -> Iterator[type[SpawningServer]]:
    with leftovers():
        yield request.param
    with pytest.raises(ChildProcessError):  # no zombie
        os.waitpid(-1, os.WNOHANG)


def test_workers_that_are_given_up_are_not_waited_for(kind: type[SpawningServer], tmp_path: Path) -> None:
    with stuck(tmp_path) as (handler, wait), LogLines() as log, serving(kind, handler, join_timeout=0.1) as running:
        login(running)
        wait()
        running.loop.call_soon_threadsafe(running.server.close_all)
        running.join()
        assert not running.server.ip_map
    assert [line for line in log.lines() if "1 worker(s)" in line]


def test_all_workers_have_one_deadline(
    kind: type[SpawningServer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each look at the clock finds that all patience has passed: nobody is waited for, however long he might take."""
    monkeypatch.setattr("ftpcore_adapters._spawning.timer", partial(next, count(0.0, PATIENCE)))
    with stuck(tmp_path) as (handler, wait), serving(kind, handler, join_timeout=PATIENCE) as running:
        for _ in range(3):
            login(running)
        for _ in range(3):
            wait()
        running.loop.call_soon_threadsafe(running.server.close_all)
        running.join()


def test_a_drain_gives_workers_up_in_the_end(
    kind: type[SpawningServer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ftpcore_adapters._spawning.LAST_WORDS", 0.1)
    with (
        LogLines() as log,
        stuck(tmp_path) as (handler, wait),
        serving(kind, handler, join_timeout=0.5) as running,
    ):
        for _ in range(4):
            login(running)
        for _ in range(4):
            wait()
        running.server.request_drain(0.1)
        running.join()
    assert [line for line in log.lines() if "given up" in line] == ["4 worker(s) did not end in time, and are given up"]


def test_a_loop_that_is_closed_ends_its_sessions(kind: type[SpawningServer], tmp_path: Path) -> None:
    with leftovers(), stuck(tmp_path) as (handler, wait), serving(kind, handler, join_timeout=0.1) as running:
        client = login(running)
        wait()
        running.loop.call_soon_threadsafe(running.loop.close)
        running.join()
        assert not running.server.ip_map
        client.close()


@pytest.fixture(
    params=[(FTPServer, 1), (FTPServer, 2), (ThreadedFTPServer, 1), (MultiprocessFTPServer, 1)],
    ids=["one loop", "forked", "threads", "processes"],
)
def serving_process(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[Serve], ServerProcess]:
    """Start a server in the main thread of a process of its own; there a function is called with it first."""
    kind, processes = request.param

    def start(prepare: Serve) -> ServerProcess:
        def serve(server: FTPServer) -> None:
            prepare(server)
            if processes == 1:
                server.serve_forever()
            else:
                server.serve_forever(worker_processes=processes)

        return forked(make_handler(tmp_path), serve, kind)

    return start


@pytest.mark.parametrize("order", ["close_all", "drain", "request_drain", "close"])
def test_another_thread_ends_the_server(serving_process: Callable[[Serve], ServerProcess], order: str) -> None:
    told, telling = os.pipe()

    def prepare(server: FTPServer) -> None:
        def end() -> None:
            os.read(told, 1)
            try:
                getattr(server, order)(*([PATIENCE] if "drain" in order else []))
            except BaseException:  # noqa: BLE001  any at all
                os._exit(9)

        threading.Thread(target=end, daemon=True).start()

    with serving_process(prepare) as (address, pid), Client(address) as idle:
        idle.login()
        os.write(telling, b"!")
        if order == "close":
            wait_for(lambda: refuses(address), "the listener's end")
            assert idle.command("QUIT") == 221
        elif order == "close_all":
            assert idle.ended()
        else:
            assert idle.code() == 421
        assert ended(pid) == 0
    for end in told, telling:
        os.close(end)


@pytest.mark.parametrize("kind", [FTPServer, ThreadedFTPServer, MultiprocessFTPServer])
def test_the_loop_is_closed_by_another_thread(kind: type[FTPServer], tmp_path: Path) -> None:
    with leftovers(), serving(kind, make_handler(tmp_path)) as running:
        client = running.login()
        running.loop.close()
        running.join()
        assert client.ended()


def test_processes_end_with_the_server(tmp_path: Path) -> None:
    """Killed, it can't tell them."""
    with forked(make_handler(tmp_path), FTPServer.serve_forever, MultiprocessFTPServer) as (address, pid):
        with Client(address) as first, Client(address) as second:
            first.login()
            second.login()
            workers = children(pid)
            assert len(workers) == 2
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            assert first.ended()
            assert second.ended()
        wait_for(lambda: not any(runs(worker) for worker in workers), "the workers' ends")


def test_a_program_that_does_not_close_its_server_ends(tmp_path: Path) -> None:
    """`multiprocessing` waits for its processes then, which SIGTERM does not end."""

    def serve(server: FTPServer) -> None:
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        with pytest.raises(KeyboardInterrupt):
            server.serve_forever(handle_exit=False)
        multiprocessing.util._exit_function()  # type: ignore[attr-defined]  # what `atexit` calls

    with forked(make_handler(tmp_path), serve, MultiprocessFTPServer) as (address, pid), Client(address) as client:
        client.login()
        os.kill(pid, signal.SIGTERM)
        assert client.ended()
        assert ended(pid) == 0


def test_a_drain_that_comes_just_before_a_worker_is_replaced_is_not_lost(tmp_path: Path) -> None:
    class Draining(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if "is replaced" in record.getMessage():
                os.kill(os.getpid(), signal.SIGTERM)

    def serve(server: FTPServer) -> None:
        signal.signal(signal.SIGTERM, lambda *_: server.request_drain(PATIENCE))
        logging.getLogger("ftpcore").addHandler(Draining())
        server.serve_forever(worker_processes=2)

    with forked(make_handler(tmp_path), serve) as (_, pid):
        wait_for(lambda: len(children(pid)) == 2, "the workers")
        os.kill(min(children(pid)), signal.SIGKILL)
        assert ended(pid) == 0


def test_a_drain_that_another_thread_asks_for_in_the_midst_of_a_fork_is_not_lost(tmp_path: Path) -> None:
    def serve(server: FTPServer) -> None:
        def drain() -> None:
            thread = threading.Thread(target=server.request_drain, args=[PATIENCE])
            thread.start()
            thread.join()

        os.register_at_fork(after_in_parent=drain)
        server.serve_forever(worker_processes=2)

    with forked(make_handler(tmp_path), serve) as (_, pid):
        assert ended(pid) == 0


def test_the_timeout_of_the_program_is_not_the_end_of_a_worker() -> None:
    """`recv` would raise after it, as if the server had ended."""
    former = socket.getdefaulttimeout()
    socket.setdefaulttimeout(PATIENCE)
    try:
        lifeline = Lifeline()
    finally:
        socket.setdefaulttimeout(former)
    assert lifeline.receive() == []
    assert not lifeline.silent
    end = lifeline.taken()
    assert end.sock.gettimeout() is None
    end.close()


def test_a_worker_that_can_not_begin_does_not_go_on_as_its_parent(tmp_path: Path) -> None:
    told = tmp_path / "told"

    def serve(server: FTPServer) -> None:
        def renew() -> None:
            raise OSError(errno.EMFILE, "no descriptors")

        server.ioloop.renew = renew  # type: ignore[method-assign]
        prefork.MAX_RESTARTS = 2  # type: ignore[misc]  # in this process only
        try:
            with pytest.raises(RuntimeError, match="status 1"):
                server.serve_forever(worker_processes=2)
        finally:
            with told.open("a") as lines:
                lines.write(f"{os.getpid()}\n")

    with forked(make_handler(tmp_path), serve) as (_, pid):
        assert ended(pid) == 0
    assert told.read_text().split() == [str(pid)]


@pytest.mark.parametrize("order", ["close_all", "drain", "request_drain"])
@pytest.mark.parametrize("kind", [ThreadedFTPServer, MultiprocessFTPServer])
@pytest.mark.parametrize("moment", ["before", "counted", "after"])
def test_a_signal_handler_ends_the_server_while_a_worker_is_started(
    tmp_path: Path, kind: type[SpawningServer], order: str, moment: str
) -> None:
    """`request_drain` is for them; but the others must not wait for what the handler has interrupted."""

    class Interrupted(kind):  # type: ignore[valid-type, misc]
        def start_worker(self, sock: socket.socket, ip: str) -> Worker:
            if moment == "before":
                os.kill(os.getpid(), signal.SIGTERM)
            worker: Worker = super().start_worker(sock, ip)
            if moment == "after":
                os.kill(os.getpid(), signal.SIGTERM)
            return worker

        def worker_begins(self, worker: Worker) -> None:
            super().worker_begins(worker)
            if moment == "counted":
                os.kill(os.getpid(), signal.SIGTERM)

    def serve(server: FTPServer) -> None:
        signal.signal(signal.SIGTERM, lambda *_: getattr(server, order)(*([PATIENCE] if "drain" in order else [])))
        server.join_timeout = None
        server.serve_forever()
        assert not server.ip_map

    with forked(make_handler(tmp_path), serve, Interrupted) as (address, pid), Client(address) as client:
        while not client.ended():
            pass  # a greeting and a farewell, or none
        assert ended(pid) == 0
