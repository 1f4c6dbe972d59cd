"""Threads, processes and forked workers: sessions, accounting, limits, draining, and that nothing is left."""

from __future__ import annotations

import ftplib
import io
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ftpcore_adapters._spawning import SpawningServer
from ftpcore_adapters.handlers import FTPHandler
from ftpcore_adapters.ioloop import IOLoop
from ftpcore_adapters.servers import FTPServer, MultiprocessFTPServer, ThreadedFTPServer
from tests.adapters.resources import leftovers
from tests.adapters.serving import PASSWORD, PATIENCE, USER, LogLines, Serving, make_handler, received, wait_for
from tests.adapters.worker_play import Pids, children, ended, forked, leave, runs, serving, worker_of

SPAWNING = [ThreadedFTPServer, MultiprocessFTPServer]

pytestmark = pytest.mark.filterwarnings("ignore:.*use of fork.*:DeprecationWarning")


@pytest.fixture(params=SPAWNING, ids=lambda kind: kind.__name__)
def kind(request: pytest.FixtureRequest) -> Iterator[type[SpawningServer]]:
    with leftovers():
        yield request.param
    with pytest.raises(ChildProcessError):  # no zombie
        os.waitpid(-1, os.WNOHANG)


def workers(running: Serving) -> int:
    assert isinstance(running.server, SpawningServer)
    return len(running.server.workers)


def test_files_go_both_ways(kind: type[SpawningServer], tmp_path: Path) -> None:
    data = os.urandom(300_000)
    with serving(kind, make_handler(tmp_path)) as running, ftplib.FTP(timeout=PATIENCE) as client:
        client.connect(*running.address)
        client.login(USER, PASSWORD)
        client.storbinary("STOR f", io.BytesIO(data))
        blocks: list[bytes] = []
        client.retrbinary("RETR f", blocks.append)
        assert b"".join(blocks) == data
        assert client.nlst() == ["f"]
    assert (tmp_path / "f").read_bytes() == data


def test_a_blocking_call_delays_its_own_session_only(kind: type[SpawningServer], tmp_path: Path) -> None:
    reading, writing = os.pipe()

    class Blocking(FTPHandler):
        def on_login(self, username: str) -> None:
            os.read(reading, 1)

    with serving(kind, make_handler(tmp_path, Blocking)) as running:
        held, other = running.client(), running.client()
        assert held.code() == 220
        held.send(f"USER {USER}", f"PASS {PASSWORD}", "NOOP")
        assert held.codes(2) == [331, 230]
        assert other.code() == 220
        assert other.command("NOOP") == 200  # while the hook of the other waits
        os.write(writing, b"x")
        assert held.code() == 200
    os.close(reading)
    os.close(writing)


def test_workers_are_counted_exactly(kind: type[SpawningServer], tmp_path: Path) -> None:
    with serving(kind, make_handler(tmp_path), max_cons=2) as running:
        first, second = running.login(), running.login()
        assert workers(running) == 2
        assert running.server.ip_map == ["127.0.0.1"] * 2
        refused = running.client()
        assert refused.code() == 421
        assert refused.ended()
        wait_for(lambda: len(running.server.ip_map) == 2, "the refused one's end")
        first.send("QUIT")
        assert first.code() == 221
        wait_for(lambda: workers(running) == 1, "the worker's end")
        assert running.server.ip_map == ["127.0.0.1"]
        third = running.login()
        assert third.command("NOOP") == 200
        leave(second)
        wait_for(lambda: workers(running) == 1, "the end of a client that left")


def test_connections_of_one_address_are_limited(kind: type[SpawningServer], tmp_path: Path) -> None:
    with serving(kind, make_handler(tmp_path), max_cons_per_ip=1) as running:
        first = running.login()
        refused = running.client()
        assert refused.code() == 421
        assert refused.ended()
        leave(first)
        wait_for(lambda: not running.server.ip_map, "the end of the first")
        assert running.login().command("NOOP") == 200


def test_hooks_run_once_each_in_the_worker(kind: type[SpawningServer], tmp_path: Path) -> None:
    reading, writing = os.pipe()
    own = f"{os.getpid()} {threading.get_ident()}"

    class Telling(FTPHandler):
        def on_connect(self) -> None:
            os.write(writing, f"connect {os.getpid()} {threading.get_ident()}\n".encode())

        def on_disconnect(self) -> None:
            os.write(writing, f"disconnect {os.getpid()} {threading.get_ident()}\n".encode())

    with serving(kind, make_handler(tmp_path, Telling)) as running:
        assert running.login().command("QUIT") == 221
        wait_for(lambda: workers(running) == 0, "the worker's end")
    os.close(writing)
    with open(reading) as told:
        lines = told.read().splitlines()
    assert [line.split()[0] for line in lines] == ["connect", "disconnect"]
    assert lines[0].split(" ", 1)[1] == lines[1].split(" ", 1)[1] != own


def test_idle_sessions_are_drained_at_once_and_a_transfer_goes_on(kind: type[SpawningServer], tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(bytes(8_000_000))
    with serving(kind, make_handler(tmp_path)) as running:
        idle, busy = running.login(), running.login()
        data = busy.data()
        busy.send("RETR f")
        assert busy.code() == 150
        running.loop.call_soon_threadsafe(running.server.drain, PATIENCE)
        assert idle.code() == 421
        assert idle.ended()
        assert len(received(data)) == 8_000_000
        assert busy.codes(2) == [226, 421]
        assert busy.ended()
        running.join()


def test_a_drain_has_an_end(kind: type[SpawningServer], tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(bytes(50_000_000))
    with serving(kind, make_handler(tmp_path)) as running:
        busy = running.login()
        with busy.data():
            busy.send("RETR f")
            assert busy.code() == 150
            running.loop.call_soon_threadsafe(running.server.drain, 0.1)
            assert busy.codes(2) == [426, 421]
            running.join()


def test_a_stop_ends_sessions_and_closes_files_as_incomplete(kind: type[SpawningServer], tmp_path: Path) -> None:
    told = tmp_path / "told"

    class Telling(FTPHandler):
        def on_incomplete_file_received(self, file: str) -> None:
            told.write_text(os.path.basename(file))

    with serving(kind, make_handler(tmp_path, Telling)) as running:
        client = running.login()
        with client.data() as data:
            client.send("STOR up")
            assert client.code() == 150
            data.sendall(b"half")
            wait_for(lambda: (tmp_path / "up").exists() and (tmp_path / "up").read_bytes() == b"half")
            running.stop()
    assert told.read_text() == "up"


def test_a_session_is_suspended_from_another_thread(tmp_path: Path) -> None:
    class Noted(FTPHandler):
        handlers: list[FTPHandler] = []

        def on_login(self, username: str) -> None:
            self.handlers.append(self)

    with leftovers(), serving(ThreadedFTPServer, make_handler(tmp_path, Noted)) as running:
        client = running.login()
        client.command("NOOP")
        (handler,) = Noted.handlers
        handler.del_channel()
        handler.on_session(lambda: None)
        client.send("NOOP")
        client.sock.settimeout(0.05)
        with pytest.raises(TimeoutError):
            client.sock.recv(1)
        client.sock.settimeout(PATIENCE)
        handler.add_channel()
        assert client.code() == 200


def test_a_worker_that_can_not_be_started_is_a_refusal(tmp_path: Path) -> None:
    class Unlucky(ThreadedFTPServer):
        def start_worker(self, *arguments: object) -> object:  # type: ignore[override]  # it raises
            raise RuntimeError("can't start new thread")

    with leftovers(), LogLines() as log, serving(Unlucky, make_handler(tmp_path)) as running:
        client = running.client()
        assert client.code() == 421
        assert client.ended()
        wait_for(lambda: not running.server.ip_map, "the end of the refusal")
    assert any("can't start" in line for line in log.lines())


def test_a_worker_that_may_not_be_started_is_not_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a process that `multiprocessing` has made a daemon: those may have no children."""
    monkeypatch.setitem(multiprocessing.current_process()._config, "daemon", True)  # type: ignore[attr-defined]
    with leftovers(), LogLines() as log, serving(MultiprocessFTPServer, make_handler(tmp_path)) as running:
        assert running.client().ended()
        wait_for(lambda: not running.server.ip_map, "the accounting")
    assert any("can't begin a session" in line for line in log.lines())


def test_a_process_that_crashes_is_told_and_forgotten(tmp_path: Path) -> None:
    class Crashing(FTPHandler):
        def on_login(self, username: str) -> None:
            os._exit(3)

    with leftovers(), LogLines() as log, serving(MultiprocessFTPServer, make_handler(tmp_path, Crashing)) as running:
        client = running.client()
        assert client.code() == 220
        client.send(f"USER {USER}", f"PASS {PASSWORD}")
        wait_for(lambda: any("status 3" in line for line in log.lines()), "the line of the log")
        wait_for(lambda: workers(running) == 0, "the accounting")
        assert running.client().code() == 220


@pytest.mark.parametrize("kind", SPAWNING, ids=lambda kind: kind.__name__)
def test_workers_of_workers_are_refused(kind: type[SpawningServer], tmp_path: Path) -> None:
    server = kind(("127.0.0.1", 0), make_handler(tmp_path), ioloop=IOLoop.factory())
    with server, pytest.raises(ValueError, match="worker_processes=2"):
        server.serve_forever(worker_processes=2)


# -- forked workers ----------------------------------------------------------------------------------------------------


def serve_two(server: FTPServer) -> None:
    signal.signal(signal.SIGTERM, lambda *_: server.request_drain(5))
    server.serve_forever(worker_processes=2)


def test_forked_workers_share_the_listener_and_are_replaced(tmp_path: Path) -> None:
    with forked(make_handler(tmp_path, Pids), serve_two) as (address, pid):
        wait_for(lambda: len(children(pid)) == 2, "the workers")
        first = children(pid)
        assert worker_of(address) in first
        os.kill(min(first), signal.SIGKILL)
        wait_for(lambda: len(children(pid)) == 2 and children(pid) != first, "the new worker")
        assert worker_of(address) in children(pid)
        os.kill(pid, signal.SIGTERM)
        assert ended(pid) == 0


def test_forked_workers_drain(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(bytes(8_000_000))
    with forked(make_handler(tmp_path), serve_two) as (address, pid):
        with ftplib.FTP(timeout=PATIENCE) as busy, ftplib.FTP(timeout=PATIENCE) as idle:
            for client in (busy, idle):
                client.connect(*address)
                client.login(USER, PASSWORD)
            with busy.transfercmd("RETR f") as data:
                os.kill(pid, signal.SIGTERM)
                with pytest.raises(ftplib.error_temp, match="421"):
                    idle.voidresp()
                assert len(received(data)) == 8_000_000
            assert busy.voidresp().startswith("226")
            idle.close()
            busy.close()
        assert ended(pid) == 0


def test_an_interrupt_in_the_midst_of_a_fork_is_not_lost(tmp_path: Path) -> None:
    def serve(server: FTPServer) -> None:
        os.register_at_fork(after_in_parent=lambda: os.kill(os.getpid(), signal.SIGINT))
        server.serve_forever(worker_processes=2)

    with forked(make_handler(tmp_path), serve) as (_, pid):
        assert ended(pid) == 0


def test_a_drain_that_is_asked_for_in_the_midst_of_a_fork_is_not_lost(tmp_path: Path) -> None:
    def serve(server: FTPServer) -> None:
        signal.signal(signal.SIGTERM, lambda *_: server.request_drain(5))
        os.register_at_fork(after_in_parent=lambda: os.kill(os.getpid(), signal.SIGTERM))
        server.serve_forever(worker_processes=2)

    with forked(make_handler(tmp_path), serve) as (_, pid):
        assert ended(pid) == 0


def test_an_interrupt_ends_all(tmp_path: Path) -> None:
    with forked(make_handler(tmp_path, Pids), lambda server: server.serve_forever(worker_processes=2)) as (
        address,
        pid,
    ):
        wait_for(lambda: len(children(pid)) == 2, "the workers")
        workers = children(pid)
        with ftplib.FTP(timeout=PATIENCE) as client:
            client.connect(*address)
            os.kill(pid, signal.SIGINT)
            assert ended(pid) == 0
            with pytest.raises((EOFError, ConnectionError)):
                client.voidcmd("NOOP")
            client.close()
        wait_for(lambda: not any(Path(f"/proc/{worker}").exists() for worker in workers), "the workers' ends")


def test_workers_end_with_the_server(tmp_path: Path) -> None:
    """Killed, it can't tell them: no orphan goes on listening."""
    with forked(make_handler(tmp_path, Pids), serve_two) as (address, pid):
        wait_for(lambda: len(children(pid)) == 2, "the workers")
        workers = children(pid)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        wait_for(lambda: not any(runs(worker) for worker in workers), "the workers' ends")
        with pytest.raises(ConnectionRefusedError):
            worker_of(address)


def test_too_many_crashes_end_the_server(tmp_path: Path) -> None:
    class Crashing(FTPHandler):
        def on_connect(self) -> None:
            os._exit(3)

    def serve(server: FTPServer) -> None:
        from ftpcore_adapters import prefork

        prefork.MAX_RESTARTS = 2  # type: ignore[misc]  # in this process only
        with pytest.raises(RuntimeError, match="status 3"):
            server.serve_forever(worker_processes=1 + 1)

    with forked(make_handler(tmp_path, Crashing), serve) as (address, pid):
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            try:
                worker_of(address)
            except EOFError:
                continue
            except OSError:
                break
        assert ended(pid) == 0


def test_workers_make_no_single_turn(tmp_path: Path) -> None:
    server = FTPServer(("127.0.0.1", 0), make_handler(tmp_path), ioloop=IOLoop.factory())
    with server, pytest.raises(ValueError, match="blocking=True"):
        server.serve_forever(blocking=False, worker_processes=2)
