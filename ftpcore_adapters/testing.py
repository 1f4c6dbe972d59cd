"""A server in a thread, for tests of FTP clients: up in milliseconds, with a record of what came, and faults to order.

    with serve_in_thread(Handler) as (host, port):
        ...

    with FTPTestServer() as server:
        server.files.write_bytes("/pub/a", b"data")
        server.fail_next("RETR", after=2, how="reset")

The pytest plugin `ftpcore_adapters.pytest_plugin` has the latter as the fixture `ftp_server`.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import ClassVar, Final, NamedTuple, Self

from ftpcore import Account, Address, CommandReceived, Connected, Event, Outcome, ReplySent, Session, TransferFinished
from ftpcore.testing import SingleUser
from ftpcore_adapters._faults import Answer, Delay, FaultQueue, FaultyCommands, FaultyHost, How, Refusal, TransferFault
from ftpcore_adapters._host import SessionHost
from ftpcore_adapters._loop_host import LoopHost
from ftpcore_adapters.handlers import FTPHandler
from ftpcore_adapters.ioloop import IOLoop
from ftpcore_adapters.memory import MemoryFileSystem
from ftpcore_adapters.servers import FTPServer

__all__ = ["FTPTestServer", "Transfer", "serve_in_thread"]

#: Seconds that the thread may take to end.  It does so at once unless user code holds it.
STOP_TIMEOUT: Final = 5.0

#: Seconds that `wait_for` waits: for what takes milliseconds.
PATIENCE: Final = 5.0


@contextmanager
def serve_in_thread(
    handler: type[FTPHandler],
    address: tuple[str | None, int] = ("127.0.0.1", 0),
    *,
    server_class: type[FTPServer] = FTPServer,
) -> Iterator[Address]:
    """Serve `handler` in a thread; the value is the address, with the real port.

    Raises:
        OSError: The address can't be had.
        RuntimeError: At the end: a hook or a filesystem holds the thread for longer than `STOP_TIMEOUT`.
    """
    loop = IOLoop.factory()
    server = server_class(address, handler, ioloop=loop)
    thread = threading.Thread(
        target=server.serve_forever, kwargs={"handle_exit": False}, name="ftp server", daemon=True
    )
    thread.start()
    try:
        yield Address(*server.address)
    finally:
        with suppress(RuntimeError):  # it has ended by itself
            loop.call_soon_threadsafe(server.close_all)
        thread.join(STOP_TIMEOUT)
        if thread.is_alive():
            raise RuntimeError(
                f"the server's thread did not end within {STOP_TIMEOUT:g} seconds: a hook or a filesystem of "
                f"{handler.__name__} holds it; let it return when the test is over"
            )
        server.close_all()


class Transfer(NamedTuple):
    """A transfer that ended, well or badly."""

    verb: str
    path: str
    size: int
    """Bytes that were moved, as the server tells: of one that lies, what it claims."""
    outcome: Outcome


class FTPTestServer:
    """A server with one user and files in memory, and what a client did to it.

    Args:
        username: The one who may log in.
        password: His password.
        anonymous: Anybody may log in besides, with the same rights.
        options: Attributes of the handler: `timeout`, `passive_ports`, `banner` ...

    Attributes:
        files: What is served; read and write it at any time.
    """

    def __init__(
        self, *, username: str = "user", password: str = "12345", anonymous: bool = False, **options: object
    ) -> None:
        self.username = username
        self.password = password
        self.files = MemoryFileSystem()
        self._faults = FaultQueue()
        self._changed = threading.Condition()
        self._commands: list[str] = []
        self._replies: list[str] = []
        self._transfers: list[Transfer] = []
        self._connections = 0
        names = {
            "authorizer": _Users(self.files, username, password, anonymous),
            "record": self,
            "faults": self._faults,
        }
        self._handler = type("Handler", (_Handler,), {"auth_failed_timeout": 0.01, **options, **names})
        self._running = serve_in_thread(self._handler, server_class=_Server)
        self._address: Address | None = None

    def __enter__(self) -> Self:
        self._address = self._running.__enter__()
        return self

    def __exit__(self, *_exc_info: object) -> None:
        self._running.__exit__(None, None, None)

    # -- where it is ---------------------------------------------------------------------------------------------------

    @property
    def address(self) -> Address:
        """Host and port; RuntimeError before the server was entered."""
        if self._address is None:
            raise RuntimeError("the server does not run yet; write: with FTPTestServer() as server")
        return self._address

    @property
    def host(self) -> str:
        return self.address.host

    @property
    def port(self) -> int:
        return self.address.port

    @property
    def url(self) -> str:
        """As ftp://user:12345@127.0.0.1:50000."""
        return f"ftp://{self.username}:{self.password}@{self.host}:{self.port}"

    # -- what the client did -------------------------------------------------------------------------------------------

    @property
    def commands(self) -> list[str]:
        """The lines that came, of all sessions; the argument of PASS is "******"."""
        with self._changed:
            return self._commands[:]

    @property
    def replies(self) -> list[str]:
        """The first lines of the replies, of all sessions; what `answer_next` sent is not among them."""
        with self._changed:
            return self._replies[:]

    @property
    def transfers(self) -> list[Transfer]:
        """The transfers of files that have ended; listings are none."""
        with self._changed:
            return self._transfers[:]

    @property
    def connections(self) -> int:
        """How many sessions there were."""
        with self._changed:
            return self._connections

    def wait_for(self, condition: Callable[[Self], object], timeout: float = PATIENCE) -> None:
        """Return once `condition(server)` holds, which is asked whenever something happens; TimeoutError if not."""
        with self._changed:
            if not self._changed.wait_for(lambda: condition(self), timeout):
                raise TimeoutError(f"waited {timeout:g} seconds in vain; the client sent {self._commands}")

    # -- what goes wrong -----------------------------------------------------------------------------------------------

    def fail_next(self, verb: str, *, after: int = 0, how: How = "reset", times: int = 1) -> None:
        """Have the next command `verb` fail.

        Args:
            verb: Of a transfer (RETR, STOR, LIST ...), or any verb if `how` is "drop".
            after: Bytes over the data connection until then.
            how: "reset": the data connection is reset; the reply is 426.  "cut": it is closed in good order, too early;
                426.  "lie": as "cut", but the reply is 226.  "stall": nothing moves any more.  "never": the data
                connection does not come up.  "drop": the control connection is lost, and the data connection with it.
            times: How many of these commands fail.

        Raises:
            ValueError: No such verb, or `how`, or the verb has no data connection.
        """
        self._faults.add(verb, TransferFault.checked(verb, after, how), times)

    def refuse_next(self, verb: str, code: int = 550, text: str = "Refused by the test.", *, times: int = 1) -> None:
        """Have the next command `verb` do nothing, and get this reply."""
        self._faults.add(verb, Refusal(code, text), times)

    def answer_next(self, verb: str, *lines: str, times: int = 1) -> None:
        """Have the next command `verb` do nothing, and get these lines, whatever they are; no line: no answer."""
        self._faults.add(verb, Answer(lines), times)

    def delay_next(self, verb: str, seconds: float, *, times: int = 1) -> None:
        """Have the next command `verb` begin so much later."""
        self._faults.add(verb, Delay(seconds), times)

    # -- for the handler -----------------------------------------------------------------------------------------------

    def note(self, event: Event) -> None:
        with self._changed:
            match event:
                case CommandReceived(verb=verb, argument=argument):
                    self._commands.append(verb if argument is None else f"{verb} {argument}")
                case ReplySent(reply=reply):
                    self._replies.append(f"{reply.code} {reply.lines[0]}")
                case TransferFinished():
                    self._transfers.append(Transfer(event.verb, event.path, event.size, event.outcome))
                case Connected():
                    self._connections += 1
                case _:
                    return
            self._changed.notify_all()


class _Users(SingleUser):
    """One user, and whoever else there may be."""

    def __init__(self, files: MemoryFileSystem, username: str, password: str, anonymous: bool) -> None:
        super().__init__(files, name=username, password=password)
        self._anonymous = anonymous

    def authenticate(self, username: str, password: str, peer: str, /) -> Account:
        if self._anonymous and username == "anonymous":
            return replace(self.account, name=username)
        return super().authenticate(username, password, peer)


class _Handler(FTPHandler):
    record: ClassVar[FTPTestServer]
    faults: ClassVar[FaultQueue]

    def open_session(self, *, local: Address, peer: Address, now: float) -> Session:
        session = super().open_session(local=local, peer=peer, now=now)
        self.command_overrides = FaultyCommands(self.faults, self.command_overrides, arm=self._arm, drop=self.close)
        return session

    def _arm(self, fault: TransferFault | None) -> None:
        self._faulty.arm(fault)

    def attach(self, host: SessionHost) -> None:
        assert isinstance(host, FaultyHost)
        self._faulty = host
        super().attach(host)

    def wanted_events(self) -> Iterable[type[Event]]:
        return {*super().wanted_events(), Connected, CommandReceived, ReplySent}

    def handle_event(self, event: Event) -> None:
        self.record.note(event)
        super().handle_event(event)


class _Server(FTPServer):
    """Runs sessions on hosts that fail as ordered."""

    def make_host(self, handler: FTPHandler, sock: socket.socket) -> LoopHost:
        return FaultyHost(handler, sock, self.ioloop)
