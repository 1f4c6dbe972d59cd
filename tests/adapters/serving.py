"""A server in a thread of its own, and clients that speak raw lines to it."""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import struct
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Final, Self, TypeVar

from ftpcore_adapters._accepting import Acceptor
from ftpcore_adapters.authorizers import DummyAuthorizer
from ftpcore_adapters.handlers import FTPHandler
from ftpcore_adapters.ioloop import IOLoop
from ftpcore_adapters.servers import FTPServer

__all__ = [
    "PASSWORD",
    "PATIENCE",
    "USER",
    "Client",
    "LogLines",
    "Recorder",
    "Serving",
    "Watched",
    "make_handler",
    "received",
    "wait_for",
]

USER: Final = "ann"
PASSWORD: Final = "correct-horse"

#: Seconds after which a test gives up on something that takes milliseconds.
PATIENCE: Final = 20.0

T = TypeVar("T")


def wait_for(condition: Callable[[], object], what: str = "the condition") -> None:
    """Return once `condition` holds; AssertionError if it never does."""
    deadline = time.monotonic() + PATIENCE
    pause = threading.Event()
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        pause.wait(0.002)


def make_handler(directory: Path, base: type[FTPHandler] = FTPHandler, **options: object) -> type[FTPHandler]:
    """Return a subclass of `base` with one user, who may do everything in `directory`."""
    authorizer = DummyAuthorizer()
    authorizer.add_user(USER, PASSWORD, directory, perm="elradfmwMT")
    return type("Handler", (base,), {"authorizer": authorizer, "auth_failed_timeout": 0.01, **options})


class Client:
    """A control connection; every wait on it is bounded.

    Attributes:
        replies: The codes of all replies so far.
    """

    def __init__(self, address: tuple[str, int]) -> None:
        self.sock = socket.create_connection(address, PATIENCE)
        self.replies: list[int] = []
        self._lines = self.sock.makefile("rb")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._lines.close()
        self.sock.close()

    def reset(self) -> None:
        """Close by a reset, as a crashed client does."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def send(self, *lines: str) -> None:
        """Send lines, all in one segment."""
        self.sock.sendall("".join(f"{line}\r\n" for line in lines).encode("utf-8", "surrogateescape"))

    def line(self) -> str:
        """Return the next line without its end; "" when the server has closed.

        It closes by a reset if something that this client sent was not read.
        """
        try:
            return self._lines.readline().decode("utf-8", "surrogateescape").rstrip("\r\n")
        except ConnectionResetError:
            return ""

    def reply(self) -> str:
        """Return the last line of the next reply."""
        first = line = self.line()
        while line and not (line[:3] == first[:3] and line[3:4] == " "):
            line = self.line()
        if line:
            self.replies.append(150 if line[:3] == "125" else int(line[:3]))
        return line

    def code(self) -> int:
        """Return the code of the next reply; 0 when the server has closed.

        125 is told as 150: whether the data connection was accepted yet is a race.
        """
        return self.replies[-1] if self.reply() else 0

    def codes(self, count: int) -> list[int]:
        return [self.code() for _ in range(count)]

    def command(self, line: str) -> int:
        """Send a line, and return the code of the reply."""
        self.send(line)
        return self.code()

    def login(self) -> Self:
        """Greet, and log in for binary transfers."""
        assert self.code() == 220
        self.send(f"USER {USER}", f"PASS {PASSWORD}", "TYPE I")
        assert self.codes(3) == [331, 230, 200]
        return self

    def passive(self) -> tuple[str, int]:
        """Return the address of a new passive port."""
        self.send("EPSV")
        reply = self.reply()
        assert reply.startswith("229"), reply
        return str(self.sock.getpeername()[0]), int(reply.split("|")[3])

    def data(self) -> socket.socket:
        """Return a new passive data connection."""
        return socket.create_connection(self.passive(), PATIENCE)

    def retrieve(self, command: str) -> bytes:
        """Download over a passive connection; AssertionError unless it ends by 226."""
        with self.data() as data:
            assert self.command(command) == 150
            content = received(data)
        assert self.code() == 226
        return content

    def store(self, command: str, content: bytes) -> int:
        """Upload over a passive connection, and return the code of the final reply."""
        with self.data() as data:
            assert self.command(command) == 150
            data.sendall(content)
        return self.code()

    def ended(self) -> bool:
        """Has the server closed the connection, after what was read so far?"""
        try:
            return not self._lines.read(1)
        except ConnectionError:
            return True


class Recorder(FTPHandler):
    """Notes the calls of its hooks."""

    calls: ClassVar[list[str]]

    def on_connect(self) -> None:
        self.calls.append("connect")

    def on_disconnect(self) -> None:
        self.calls.append("disconnect")

    def on_login(self, username: str) -> None:
        self.calls.append(f"login {username} {self.authenticated} {self.fs is not None}")

    def on_login_failed(self, username: str, password: str) -> None:
        self.calls.append(f"login failed {username} {password}")

    def on_logout(self, username: str) -> None:
        self.calls.append(f"logout {username}")

    def on_file_sent(self, file: str) -> None:
        self.calls.append(f"sent {os.path.basename(file)}")

    def on_file_received(self, file: str) -> None:
        self.calls.append(f"received {os.path.basename(file)}")

    def on_incomplete_file_sent(self, file: str) -> None:
        self.calls.append(f"incomplete sent {os.path.basename(file)}")

    def on_incomplete_file_received(self, file: str) -> None:
        self.calls.append(f"incomplete received {os.path.basename(file)}")


def received(data: socket.socket) -> bytes:
    """Return all that comes over a data connection, and close it."""
    blocks = []
    with data:
        data.settimeout(PATIENCE)
        while block := data.recv(65536):
            blocks.append(block)
    return b"".join(blocks)


class LogLines(logging.Handler):
    """The records that the package wrote while this was entered."""

    def __init__(self, level: int = logging.INFO) -> None:
        super().__init__(logging.NOTSET)
        self.records: list[logging.LogRecord] = []
        self._logger = logging.getLogger("ftpcore")
        self._wanted = level

    def __enter__(self) -> Self:
        self._former = self._logger.level
        self._logger.setLevel(self._wanted)
        self._logger.addHandler(self)
        return self

    def __exit__(self, *_exc_info: object) -> None:
        self._logger.removeHandler(self)
        self._logger.setLevel(self._former)

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)

    def lines(self, level: int = logging.NOTSET) -> list[str]:
        """Return the messages of exactly this level, or of all."""
        return [record.getMessage() for record in self.records[:] if level in (logging.NOTSET, record.levelno)]

    @property
    def errors(self) -> list[str]:
        return [record.getMessage() for record in self.records[:] if record.levelno >= logging.ERROR]


class Watched:
    """A server as tests see it, whatever runs it.

    Attributes:
        sessions: The handlers made so far; the latest is the last.
        clients: Those that were made here.
    """

    def __init__(self, server: Acceptor) -> None:
        self.address = server.address
        self.sessions: list[FTPHandler] = []
        self.clients: list[Client] = []
        self._accept = server.handle_accepted
        server.handle_accepted = self._noted  # type: ignore[method-assign]  # the fixture looks on

    def _noted(self, sock: socket.socket, addr: object) -> FTPHandler | None:
        handler = self._accept(sock, addr)
        if handler is not None:
            self.sessions.append(handler)
        return handler

    def client(self) -> Client:
        client = Client((self.address[0] if self.address[0] != "::" else "::1", self.address[1]))
        self.clients.append(client)
        return client

    def login(self) -> Client:
        """Return a client that is logged in; its handler is `session()`."""
        return self.client().login()

    def session(self) -> FTPHandler:
        """Return the latest handler."""
        wait_for(lambda: self.sessions, "a session")
        return self.sessions[-1]

    def close_clients(self) -> None:
        for client in self.clients:
            client.close()


class Serving(Watched):
    """A server that runs in a thread, on a loop of its own."""

    def __init__(
        self,
        handler: type[FTPHandler],
        address: tuple[str | None, int] | socket.socket = ("127.0.0.1", 0),
        server_class: type[FTPServer] = FTPServer,
        loop: IOLoop | None = None,
        **options: object,
    ) -> None:
        self.handler = handler
        self.loop = loop or IOLoop.factory()
        self.server = server_class(address, handler, ioloop=self.loop)
        super().__init__(self.server)
        for name, value in options.items():
            setattr(self.server, name, value)
        self._thread = threading.Thread(target=self._run, name="server", daemon=True)

    def _run(self) -> None:
        self.server.serve_forever(handle_exit=False)

    def start(self) -> Self:
        self._thread.start()
        return self

    def join(self) -> None:
        """Wait until the loop has ended."""
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive(), "the loop of the server goes on"

    def call(self, function: Callable[[], T]) -> T:
        """Call `function` in the thread of the server, and return what it returns."""
        results: list[T] = []
        done = threading.Event()

        def call() -> None:
            results.append(function())
            done.set()

        self.loop.call_soon_threadsafe(call)
        assert done.wait(PATIENCE), "the server does not answer"
        return results[0]

    def settle(self) -> None:
        """Wait until all sessions are over, and check that none has left anything on the loop."""
        self.close_clients()
        wait_for(lambda: not self.server.ip_map, "the sessions' ends")
        wait_for(lambda: self.loop.unwatched == 0, "the data sockets' ends")
        listeners = 0 if self.server.socket is None else 1
        wait_for(lambda: len(self.loop.socket_map) <= listeners, f"the end of {self.loop.socket_map}")
        wait_for(lambda: not self.timers(), f"the end of {self.timers()}")

    def timers(self) -> list[object]:
        """Return the calls that are still scheduled."""
        return [call for call in self.loop.sched._tasks[:] if not call.cancelled]

    def stop(self) -> None:
        if self._thread.is_alive():
            with contextlib.suppress(RuntimeError):  # it ends at this very moment
                self.loop.call_soon_threadsafe(self.server.close_all)
            self.join()
        self.server.close_all()
