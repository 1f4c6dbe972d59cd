"""How the session of a handler ends: by the client, by user code, by a failure; and who is told of it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from socket import socket
from typing import TYPE_CHECKING, Any, cast

from ftpcore import Reply, Session
from ftpcore_adapters._seed_overrides import by_default, overridden
from ftpcore_adapters.filesystems import AbstractedFS

if TYPE_CHECKING:
    from ftpcore_adapters._accepting import Acceptor
    from ftpcore_adapters._host import SessionHost
    from ftpcore_adapters._waiting_calls import WaitingCalls
    from ftpcore_adapters.handlers import FTPHandler
    from ftpcore_adapters.ioloop import ScheduledCall

__all__ = ["SeedEnding"]


class SeedEnding:
    """The end of a handler's session: hosts call the first methods, user code calls and overrides the others."""

    socket: socket | None
    server: Acceptor | None
    _session: Session | None
    _host: SessionHost | None
    _fs: Any
    _calls: list[ScheduledCall]
    _waiting_calls: WaitingCalls
    _closed = False
    _failing = False

    if TYPE_CHECKING:  # these are of the handler

        @property
        def session(self) -> Session: ...
        def log_exception(self, instance: object) -> None: ...
        def abandon_channel(self) -> None: ...
        def _running_host(self) -> SessionHost: ...
        def _run(self, function: Callable[[], None]) -> None: ...

    def connection_closed(self) -> None:
        """The control connection is closed: give its place to others, and tell a class that wants to know."""
        methods = overridden(type(self))
        if "handle_close" in methods and self._client_has_left():
            self._tell(self.handle_close)
        self._closed = True
        self.socket = None
        for call in self._calls:
            call.cancel()
        self._calls.clear()
        if self.server is not None:
            self.server.forget(cast("FTPHandler", self))
        if "close" in methods:
            self._tell(self.close)

    def session_over(self) -> None:
        """The host runs the session no longer: nobody waits for it any more.  Idempotent."""
        self._waiting_calls.give_up()
        self.abandon_channel()
        if isinstance(self._fs, AbstractedFS):
            self._fs.cmd_channel = None

    def session_failed(self, instance: object) -> None:
        """The exception that is being handled ended the session, a hook or a command: log it."""
        if "handle_error" in overridden(type(self)):
            self._failing = True
            try:
                self.handle_error()
            finally:
                self._failing = False
        else:
            self.log_exception(instance)

    @by_default
    def handle_timeout(self) -> None:
        """The client was idle for `timeout` seconds: 421, and close.  A class that overrides this may keep it."""
        self._run(partial(self.session.close, Reply.of(421, "Control connection timed out.")))

    @by_default
    def handle_error(self) -> None:
        """Log the exception that is being handled, and close the session, unless what failed ends it, or need not."""
        self.log_exception(self)
        if not self._failing:
            self.close()

    @by_default
    def handle_close(self) -> None:
        """The client has closed the connection."""
        self.close()

    @by_default
    def close(self) -> None:
        """Close the session now; idempotent, callable from any thread.

        A class that overrides this has it called whatever closed the session.
        """
        if self._closed:
            return
        if self._host is not None:
            self._closed = True
            self._run(self._host.pump)  # what was answered leaves, if the socket takes it
            self._run(self._host.drop)
        elif self.socket is not None:
            self.socket.close()
            self.connection_closed()

    def close_when_done(self) -> None:
        """Close when all that was answered is sent."""
        self._run(self._running_host().finish)

    def _tell(self, method: Callable[[], object]) -> None:
        try:
            method()
        except Exception:  # noqa: BLE001  logged; the session ends anyway
            self.log_exception(self)

    def _client_has_left(self) -> bool:
        """Was it the client, or the network, that ended the connection which is being closed?"""
        session = self._session
        return not self._closed and session is not None and (not session.lost or session.reason == "client left")
