"""The handler of a session: options, hooks, commands and log lines, as one class that every server takes.

`FTPHandler` *has* a `Session` and is its delegate.  Subclass it and set class attributes before serving; an attribute
set on an instance, in `on_login` say, holds for that session alone.
"""

from __future__ import annotations

import random
import time
from collections.abc import Awaitable, Callable, Container, Mapping
from socket import socket
from typing import TYPE_CHECKING, Any, ClassVar, Final, TypeVar

from ftpcore import (
    Address,
    CommandSpec,
    Connection,
    Delegate,
    Ports,
    Reply,
    Session,
    UnsupportedOperation,
    VirtualPath,
)
from ftpcore_adapters import __ver__
from ftpcore_adapters._clock import SystemClock
from ftpcore_adapters._demands import either
from ftpcore_adapters._host import SessionHost
from ftpcore_adapters._loop import Loop
from ftpcore_adapters._loop_host import LoopHost
from ftpcore_adapters._seed_commands import Overrides, SeedCommands
from ftpcore_adapters._seed_data_channel import SeedDataChannel
from ftpcore_adapters._seed_ending import SeedEnding
from ftpcore_adapters._seed_login import SeedLogin
from ftpcore_adapters._seed_overrides import overridden
from ftpcore_adapters._seed_processing import SeedProcessing
from ftpcore_adapters._seed_replies import SeedReplies, spoken
from ftpcore_adapters._seed_state import SeedState
from ftpcore_adapters._seed_table import proto_cmds, table_of
from ftpcore_adapters._session_log import SessionLog
from ftpcore_adapters._sockets import CAN_SENDFILE, address_of, read_urgent_inline, set_no_delay
from ftpcore_adapters._waiting_calls import WaitingCalls
from ftpcore_adapters.authorizers import DummyAuthorizer
from ftpcore_adapters.filesystems import AbstractedFS
from ftpcore_adapters.ioloop import IOLoop, ScheduledCall
from ftpcore_adapters.log import logger

if TYPE_CHECKING:
    from ftpcore_adapters._accepting import Acceptor
    from ftpcore_adapters._tls_engine import TLSEngine

__all__ = ["FTPHandler", "proto_cmds"]

T = TypeVar("T")

_CLOCK: Final = SystemClock()
_RANDOM: Final = random.SystemRandom()
_TOO_MANY: Final = Reply.of(421, "Too many connections. Service temporarily unavailable.")
_TOO_MANY_PER_IP: Final = Reply.of(421, "Too many connections from the same IP address.")


class FTPHandler(
    SeedDataChannel, SeedState, SeedReplies, SeedProcessing, SeedLogin, SeedCommands, SeedEnding, SessionLog, Delegate
):
    """One control connection, as users of this API configure and extend it.

    `ftp_XXX` methods of a subclass take over a command: they get the real path (or the argument as it was typed),
    answer by `respond`, and may call `super().ftp_XXX(...)`.  Exceptions in hooks end the session, never the server.
    """

    authorizer: Any = DummyAuthorizer()
    """An object with the methods of `DummyAuthorizer`, or an `ftpcore.ports.Authorizer`."""
    abstracted_fs: ClassVar[Callable[..., Any]] = AbstractedFS
    """Called with the home directory and the handler at login."""
    session_class: type[Session] = Session
    """A subclass of `Session`, for commands in the native dialect."""
    proto_cmds: dict[str, dict[str, object]] = proto_cmds
    timeout: float | None = 300
    auth_failed_timeout: float | None = 3
    banner = f"ftpcore {__ver__} ready."
    use_sendfile = CAN_SENDFILE
    tcp_no_delay = True
    encoding = "utf8"
    protocol_name: ClassVar[str] = "FTP"
    """What a server logs that it serves."""

    def __init__(self, conn: socket, server: Acceptor | None, ioloop: Loop | None = None) -> None:
        self.socket: socket | None = conn
        self.server = server
        self.ioloop: Loop = ioloop or IOLoop.instance()
        self.started = time.time()
        self.password = ""
        self._logged_in: tuple[str, str] | None = None
        """Name and password of the latest login that came off."""
        self.fs: Any = None
        self.remote_ip: str = ""
        self.remote_port: int | str = ""
        self.peer = Address("", 0)
        """What the session takes for the client's address."""
        self._refusal: Reply | None = None
        self._host: SessionHost | None = None
        self._session: Session | None = None
        self._calls: list[ScheduledCall] = []
        self._waiting_calls = WaitingCalls()
        conn.setblocking(False)
        try:
            peer = conn.getpeername()
        except OSError:  # the peer is gone already
            conn.close()
            self.socket = None
            return
        self.peer = address_of(peer)
        if isinstance(peer, tuple):
            self.remote_ip, self.remote_port = peer[0].removeprefix("::ffff:"), peer[1]

    # -- state ---------------------------------------------------------------------------------------------------------

    @property
    def session(self) -> Session:
        """The state machine; RuntimeError before `handle`."""
        if self._session is None:
            raise RuntimeError("the handler has no session before handle() was called")
        return self._session

    @property
    def connected(self) -> bool:
        return self.socket is not None

    @classmethod
    def check_options(cls) -> None:
        """Raise OSError, TypeError or ValueError for options that no session could be served with; servers call it."""
        cls.check_dtp_handler()
        cls.keep_passive_ports()

    # -- for hosts -----------------------------------------------------------------------------------------------------

    def open_session(self, *, local: Address, peer: Address, now: float) -> Session:
        """Make the session, and set its socket up; the host that asks for it runs it."""
        if self.socket is not None:
            read_urgent_inline(self.socket)
            if self.tcp_no_delay:
                set_no_delay(self.socket)
        self.commands = self._commands()
        methods = overridden(type(self))
        session_class = self.session_class
        if methods:
            self.command_overrides = Overrides(self, methods)
            if self.intercepts_commands():
                self.command_interceptor = self.intercept_command
            if "handle_timeout" in methods:
                self.timeout_interceptor = self.handle_timeout
            if methods & {"respond", "push"}:
                session_class = spoken(session_class)  # type: ignore[arg-type]  # mypy takes no class for hashable
        tls_users: Container[str] | None = getattr(self.authorizer, "tls_users", None)
        if tls_users is not None:
            self.tls_control_required = either(self.tls_control_required, tls_users)
            self.tls_data_required = either(self.tls_data_required, tls_users)
        self.unreported = self.unlogged()
        self._name_who_leaves()
        self._session = session = session_class(
            local=local,
            peer=peer,
            ports=Ports(authorizer=self._authorizer_port(), clock=_CLOCK),
            random=_RANDOM,
            now=now,
            delegate=self,
            subscribe=self.wanted_events(),
            refusal=self._refusal,
        )
        return session

    def tls_engine(self, connection: Connection) -> TLSEngine:
        """Return what encrypts a connection of this session.

        Raises:
            UnsupportedOperation: There is no TLS here.
        """
        raise UnsupportedOperation(f"{type(self).__name__} has no TLS; use TLS_FTPHandler")

    def _commands(self) -> Mapping[str, CommandSpec]:
        return table_of(self.proto_cmds)

    def log_failure(self, where: str, error: BaseException) -> None:
        if not overridden(type(self)) & {"handle_error", "log_exception"}:
            super().log_failure(where, error)
            return
        try:
            raise error
        except BaseException:  # noqa: BLE001  for the class to see which is being handled
            self.session_failed(self)

    def server_is_full(self) -> bool:
        return self.server is not None and self.server.is_full()

    def data_backlog(self) -> int:
        own = self.passive_dtp.backlog
        if own is None:
            return 100 if self.server is None else self.server.backlog
        return int(own)

    def on_session(self, function: Callable[[], T]) -> T:
        """Run `function` on the session's thread, and wait for what it returns.

        Raises:
            SessionOver: The session has ended, or does so before it comes to that.
        """
        host = self._running_host()
        if host.on_session_thread():
            return function()
        return self._waiting_calls.make(host, function)

    def awaited(self, answer: Awaitable[object]) -> object:
        """Return what the answer of an asynchronous port comes to, from the worker thread that asked the port."""
        return self._running_host().awaited(answer)

    def real_path(self, path: VirtualPath) -> str:
        """Return where the user's filesystem keeps `path`."""
        ftp2fs: Callable[[str], str] | None = getattr(self.fs, "ftp2fs", None)  # a port of the core has none
        return path if ftp2fs is None else ftp2fs(path)

    def virtual_path(self, real_path: str) -> VirtualPath:
        fs2ftp: Callable[[str], str] | None = getattr(self.fs, "fs2ftp", None)
        return VirtualPath(real_path if fs2ftp is None else fs2ftp(real_path))

    # -- the life of a session -----------------------------------------------------------------------------------------

    def handle(self) -> None:
        """Begin the session: `on_connect`, then 220.  It begins once, whoever calls this."""
        if self._host is not None:
            return
        assert self.socket is not None
        if self.server is not None:
            host = self.server.make_host(self, self.socket)
        else:
            host = LoopHost(self, self.socket, self.ioloop)
        self.attach(host)
        host.start()

    def begin(self) -> None:
        """Have `handle` begin the session, or begin it as `handle` prepared it; servers call it."""
        self.handle()
        if self._host is None and self.implicit_tls and self.socket is not None:
            FTPHandler.handle(self)  # an override that called `secure_connection` alone

    def attach(self, host: SessionHost) -> None:
        """`host` runs the session that it opened."""
        self._host = host
        self.log("FTP session opened (connect)")
        if self._refusal is not None:
            self.log(self._refusal.lines[0], logfun=logger.warning)

    def handle_max_cons(self) -> None:
        """The server is full: 421, and close."""
        self._refuse(_TOO_MANY)

    def handle_max_cons_per_ip(self) -> None:
        """The client's address has too many connections: 421, and close."""
        self._refuse(_TOO_MANY_PER_IP)

    def del_channel(self) -> None:
        """Read and begin nothing until `add_channel`."""
        self._run(self.session.suspend)

    def add_channel(self) -> None:
        self._run(self._running_host().resume)

    def call_later(self, seconds: float, target: Callable[..., object], *args: object, **kwargs: Any) -> ScheduledCall:
        """As the loop's; cancelled when the session closes."""
        for call in self._calls[:]:
            if call.cancelled:
                self._calls.remove(call)
        call = self.ioloop.call_later(seconds, target, *args, **kwargs)
        self._calls.append(call)
        if self._closed:
            call.cancel()
        return call

    # -- private -------------------------------------------------------------------------------------------------------

    def _running_host(self) -> SessionHost:
        if self._host is None:
            raise RuntimeError("the handler has no session before handle() was called")
        return self._host

    def _run(self, function: Callable[[], None]) -> None:
        """Run `function` on the session's thread, without waiting for it; nothing happens if the session is over."""
        host = self._running_host()
        try:
            if self.speaking_reply and host.on_session_thread():  # the session is at work on a reply
                self.ioloop.call_soon_threadsafe(host.run, function)
            else:
                host.run(function)
        except RuntimeError:
            if not self._closed:
                raise  # else the loop of that thread has ended, and the session with it

    def _refuse(self, reply: Reply) -> None:
        self._refusal = reply
        self.refused = True
        self.begin()
