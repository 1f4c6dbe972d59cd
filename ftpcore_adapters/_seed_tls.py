"""What user code overrides and calls of TLS on a handler: `secure_connection`, and the methods told of its ends."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from ftpcore import Connection, Disconnected, Event, TLSEstablished, TLSFailed
from ftpcore_adapters._handler import FTPHandler
from ftpcore_adapters._seed_data import TLS_DTPHandler

__all__ = ["SeedTLS"]


class SeedTLS(FTPHandler):
    """The override points of a control connection that may be encrypted."""

    ssl_context: Any = None

    def secure_connection(self, ssl_context: Any = None) -> None:
        """Have this session begin with TLS, before its greeting: implicit TLS.

        To be called in `__init__`, or in `handle` before that of the base; it is enough that `handle` calls this alone.

        Args:
            ssl_context: A context for this session alone; None: that of the class.

        Raises:
            RuntimeError: The session has begun: then it is for AUTH to begin TLS.
        """
        if self._session is not None:
            raise RuntimeError(
                "secure_connection comes too late: the session has begun; call it in handle() before that of the base, "
                "or have the client send AUTH, which super().ftp_AUTH(line) answers"
            )
        self.implicit_tls = True
        if ssl_context is not None:
            self.ssl_context = ssl_context

    def handle_ssl_established(self) -> None:
        """The control connection is encrypted from now on.

        This and the other two are called on the session's own thread: not to wait for anything.
        """

    def handle_failed_ssl_handshake(self) -> None:
        """It could not be encrypted: the session ends without a word."""

    def handle_ssl_shutdown(self) -> None:
        """A session that was encrypted is over."""

    def wanted_events(self) -> Iterable[type[Event]]:
        return {*super().wanted_events(), TLSEstablished, TLSFailed}

    def handle_event(self, event: Event) -> None:
        super().handle_event(event)
        match event:
            case TLSEstablished(connection=Connection.CONTROL):
                self._tell(self.handle_ssl_established)
            case TLSEstablished():
                channel = self.data_channel if self._dtp_style().told else self._channel
                if isinstance(channel, TLS_DTPHandler):
                    self._tell(channel.handle_ssl_established)
            case TLSFailed(connection=Connection.CONTROL, ending=False):
                self._tell(self.handle_failed_ssl_handshake)
            case Disconnected() if self._session is not None and self._session.control_tls is not None:
                self._tell(self.handle_ssl_shutdown)
            case _:
                pass

    if TYPE_CHECKING:

        def _tell(self, method: Callable[[], object]) -> None: ...
