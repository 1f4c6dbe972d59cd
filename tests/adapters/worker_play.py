"""Servers with workers, in threads and processes: how tests start them, look at them, and wait for their ends."""

from __future__ import annotations

import ftplib
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ftpcore_adapters.handlers import FTPHandler
from ftpcore_adapters.ioloop import IOLoop
from ftpcore_adapters.servers import FTPServer
from tests.adapters.serving import PASSWORD, PATIENCE, USER, Client, Serving, make_handler, wait_for

__all__ = ["Pids", "children", "ended", "forked", "leave", "login", "refuses", "runs", "serving", "stuck", "worker_of"]


@contextmanager
def serving(kind: type[FTPServer], handler: type[FTPHandler], **options: float) -> Iterator[Serving]:
    running = Serving(handler, server_class=kind)
    for name, value in options.items():
        setattr(running.server, name, value)
    running.start()
    try:
        yield running
    finally:
        for client in running.clients:
            client.close()
        running.stop()


def leave(client: Client) -> None:
    """Close a connection of which forked workers have a copy: they were forked from the client's process."""
    client.sock.shutdown(socket.SHUT_RDWR)
    client.close()


@contextmanager
def forked(
    handler: type[FTPHandler], serve: Callable[[FTPServer], object], kind: type[FTPServer] = FTPServer
) -> Iterator[tuple[tuple[str, int], int]]:
    """Run `serve(server)` in a process of its own; the value is the address and that process."""
    server = kind(("127.0.0.1", 0), handler, ioloop=IOLoop.factory())
    pid = os.fork()
    if not pid:
        status = 1
        try:
            signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell has jobs in the background ignore it
            serve(server)
            status = 0
        finally:
            os._exit(status)
    address = server.address
    server.leave_to_child()
    try:
        yield address, pid
    finally:
        try:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        except (ProcessLookupError, ChildProcessError):
            pass


def ended(pid: int) -> int:
    """Return how a process ended, which it does now."""
    status: list[int] = []

    def look() -> bool:
        done, code = os.waitpid(pid, os.WNOHANG)
        if done:
            status.append(os.waitstatus_to_exitcode(code))
        return bool(done)

    wait_for(look, "the end of the process")
    return status[0]


@contextmanager
def stuck(directory: Path) -> Iterator[tuple[type[FTPHandler], Callable[[], object]]]:
    """Give a handler whose sessions are stuck in a hook while the context lasts, and what waits for one to be so."""
    (told, telling), (held, holding) = os.pipe(), os.pipe()

    class Stuck(FTPHandler):
        def on_login(self, username: str) -> None:
            os.write(telling, b"!")
            os.read(held, 1)

    try:
        yield make_handler(directory, Stuck), lambda: os.read(told, 1)
    finally:
        os.write(holding, b"!" * 100)
        wait_for(lambda: not any(thread.name.startswith("ftp session") for thread in threading.enumerate()))
        for end in told, telling, held, holding:
            os.close(end)


def login(running: Serving) -> Client:
    """Return a client that has asked for a login, which need not be answered."""
    client = running.client()
    client.send(f"USER {USER}", f"PASS {PASSWORD}")
    return client


class Pids(FTPHandler):
    """Tells which process serves."""

    def on_connect(self) -> None:
        self.banner = f"pid {os.getpid()}"


def worker_of(address: tuple[str, int]) -> int:
    with ftplib.FTP(timeout=PATIENCE) as client:
        return int(client.connect(*address).split()[-1])


def refuses(address: tuple[str, int]) -> bool:
    """Does nobody listen there any more?"""
    try:
        socket.create_connection(address, PATIENCE).close()
    except ConnectionError:
        return True
    return False


def children(pid: int) -> set[int]:
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return {int(child) for child in found}


def runs(pid: int) -> bool:
    """Is this a process that has not ended?"""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
