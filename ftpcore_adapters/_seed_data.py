"""Data connections as user code sees them: options, counts, and methods that are called when something happens.

An object of `dtp_handler` stands for a connection; the core and its host move the bytes, in the kernel where that can
be.  So a subclass may set options, look at the counts, close the connection, and override what is called; it never sees
the bytes.  Who wants to see them wraps the file that `abstracted_fs` opens, or sends what `push_dtp_data` takes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from socket import socket
from typing import TYPE_CHECKING, Any, Final

from ftpcore import DataConnectionLost, Direction, FtpError, ProtectionFailed, Transfer, TransferTimeout
from ftpcore_adapters._sockets import address_of
from ftpcore_adapters.ioloop import ScheduledCall, timer
from ftpcore_adapters.log import logger

if TYPE_CHECKING:
    from ftpcore_adapters.handlers import FTPHandler

__all__ = [
    "BUFFER_SIZE",
    "DTPHandler",
    "DTPStyle",
    "TLS_DTPHandler",
    "ThrottledDTPHandler",
    "dtp_style",
]

#: What the buffer sizes are by default: it stands for "whatever suits".
BUFFER_SIZE: Final = 65536

_BYTES: Final = (
    "wrap the file object that abstracted_fs.open() returns, to see the bytes of files, or call push_dtp_data() from "
    "the command, to send others"
)
_FLOW: Final = (
    "set read_limit and write_limit, to slow a transfer, or call del_channel() of the handler, to suspend the session"
)

#: What moves the bytes in other servers of this API, and is never called here -> what to do instead.
_NOT_HERE: Final = {
    **dict.fromkeys(("recv", "send", "push", "push_with_producer", "refill_buffer", "initiate_send"), _BYTES),
    **dict.fromkeys(("initiate_sendfile", "handle_read_event", "handle_write_event"), _BYTES),
    **dict.fromkeys(("handle_read", "handle_write", "readable", "writable"), _FLOW),
    **dict.fromkeys(("add_channel", "del_channel", "modify_ioloop_events"), _FLOW),
    "close_when_done": "a transfer ends by itself; call close() to cut it, or override close(), to be told of its end",
    "use_sendfile": "set use_sendfile of the handler",
    "enable_receiving": "override ftp_STOR, ftp_APPE and ftp_STOU of the handler, which begin uploads",
    "secure_connection": "override tls_engine() of the handler, which makes what encrypts a connection",
}


class DTPHandler:
    """A data connection: its options, what has moved, and what is called.

    Options may be set on a class, in `__init__` and on an object; they are read whenever they are used.  The methods
    `handle_close`, `handle_timeout` and `handle_error`, and `close` after them, are called once all is over but for the
    final reply, where hooks are: they may take their time.
    """

    timeout: float | None = 300
    """Seconds without a byte until the connection is given up; 0 or None: never."""
    ac_in_buffer_size: int = BUFFER_SIZE
    """Bytes of an upload that are moved at once.  65536, the default, stands for whatever suits the system."""
    ac_out_buffer_size: int = BUFFER_SIZE
    """As `ac_in_buffer_size`, of a download or listing."""
    read_limit: float = 0
    """Bytes per second that an upload may use; 0: no limit."""
    write_limit: float = 0
    """Bytes per second that a download or listing may use; 0: no limit."""
    auto_sized_buffers: bool = True
    """Move less at once where there is a limit, so that it holds in short times too."""
    accepting = False
    _scheduled: tuple[ScheduledCall, ...] = ()

    def __init__(self, sock: socket | None, cmd_channel: FTPHandler) -> None:
        """Stand for a connection that is up.

        Args:
            sock: Its socket, for a look: peer, options.  None if the connection is gone already.
            cmd_channel: The handler of its session.
        """
        self.socket = sock
        self.connected = sock is not None
        self.addr = _peer_of(sock)
        """The client's address and port; None if the connection is gone already."""
        self.cmd_channel = cmd_channel
        self.ioloop = cmd_channel.ioloop
        self._connected_at = timer()
        self._transfer: Transfer | None = None
        self._failure: Exception | None = None
        self._over = False
        self._closed = False

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        for name, instead in _NOT_HERE.items():
            if hasattr(cls, name):
                raise TypeError(
                    f"{cls.__name__}.{name} would never be called: a data channel does not move the bytes here; "
                    f"{instead}"
                )

    # -- what it does --------------------------------------------------------------------------------------------------

    @property
    def cmd(self) -> str | None:
        """The command that it serves: RETR, STOR, LIST ...; None: no command has come."""
        transfer = self._served()
        return None if transfer is None else transfer.verb

    @property
    def receive(self) -> bool:
        """Is it an upload that it serves?"""
        transfer = self._served()
        return transfer is not None and transfer.direction is Direction.RECEIVED

    @property
    def file_obj(self) -> Any:
        """What is sent or stored: an object with a `name`; None for listings."""
        transfer = self._served()
        return None if transfer is None else transfer.file

    @property
    def transfer_finished(self) -> bool:
        """Has all been moved?"""
        return self._over and self._transfer is not None and self._failure is None

    @property
    def tot_bytes_sent(self) -> int:
        return 0 if self.receive else self.get_transmitted_bytes()

    @property
    def tot_bytes_received(self) -> int:
        return self.get_transmitted_bytes() if self.receive else 0

    def get_transmitted_bytes(self) -> int:
        """Return how many bytes have gone over the connection, in either direction."""
        transfer = self._served()
        return 0 if transfer is None else transfer.size

    def get_elapsed_time(self) -> float:
        """Return the seconds since the connection was up."""
        return timer() - self._connected_at

    def transfer_in_progress(self) -> bool:
        """Tell whether anything has moved."""
        return self.get_transmitted_bytes() != 0

    def call_later(self, seconds: float, target: Callable[..., object], *args: object, **kwargs: Any) -> ScheduledCall:
        """As the loop's; cancelled when the connection is closed.

        Without `_errback`, what the target raises is logged, and `handle_error` called, which closes the connection.
        """
        kwargs.setdefault("_errback", self._call_failed)
        call = self.cmd_channel.call_later(seconds, target, *args, **kwargs)
        self._scheduled = (*(each for each in self._scheduled if not each.cancelled), call)
        if self._over:
            call.cancel()
        return call

    def log(self, msg: str, logfun: Callable[..., object] = logger.info) -> None:
        """Log a line of its session."""
        self.cmd_channel.log(msg, logfun=logfun)

    def log_exception(self, instance: object) -> None:
        """Log the exception that is being handled."""
        self.cmd_channel.log_exception(instance)

    # -- what is called ------------------------------------------------------------------------------------------------

    def handle_close(self) -> None:
        """The client has closed the connection: the end of an upload, the failure of a download."""
        self.close()

    def handle_timeout(self) -> None:
        """Nothing moved for `timeout` seconds: the transfer has failed."""
        self.close()

    def handle_error(self) -> None:
        """The transfer has failed by the exception that is being handled: that of a file, say."""
        self.close()

    def close(self) -> None:
        """Close the connection; a transfer that still goes on over it ends with 426.  Idempotent, for any thread.

        An override is called once at the end of every connection, whatever that was.
        """
        if self._closed:
            return
        self._closed = True
        if not self._over:
            self.cmd_channel.drop_data_channel(self)

    def __repr__(self) -> str:
        handler = self.cmd_channel
        return f"<{type(self).__name__} {self.cmd} of {handler.remote_ip}:{handler.remote_port}>"

    # -- for the handler -----------------------------------------------------------------------------------------------

    def ended(self, transfer: Transfer | None, failure: Exception | None, *, protected: bool = False) -> None:
        """The connection is closed; call what is to be called.  What that raises is logged."""
        self._transfer, self._failure, self._over, self.socket = transfer, failure, True, None
        self.connected = False
        for call in self._scheduled:
            call.cancel()
        if not self._closed:
            for name in self._calls(transfer, failure, protected):
                self._call(name, failure)
        if not self._closed:
            self._call("close", failure)
        self._closed = True  # although an override may have said nothing to its base

    def _calls(self, transfer: Transfer | None, failure: Exception | None, protected: bool) -> Iterator[str]:
        match failure:
            case None:
                if protected and transfer is not None:
                    yield "handle_ssl_shutdown"
                if transfer is not None and transfer.direction is Direction.RECEIVED:
                    yield "handle_close"
            case DataConnectionLost():
                yield "handle_close"
            case TransferTimeout():
                yield "handle_timeout"
            case ProtectionFailed():
                yield "handle_failed_ssl_handshake"
            case FtpError():
                pass  # ABOR, or the end of the session: that is no news of this connection
            case _:
                yield "handle_error"

    def _call(self, name: str, failure: Exception | None) -> None:
        method = getattr(self, name, None)
        if method is None:  # those of TLS
            return
        try:
            if failure is None:
                method()
                return
            try:
                raise failure
            except Exception:  # noqa: BLE001  so that sys.exc_info() tells of it
                method()
        except Exception:  # noqa: BLE001  the user's: the transfer ended as it did
            self.cmd_channel.log_exception(self)

    def _call_failed(self) -> None:
        self.log_exception(self)
        self.handle_error()

    def _served(self) -> Transfer | None:
        return self._transfer if self._over else self.cmd_channel.transfer_over(self)


class ThrottledDTPHandler(DTPHandler):
    """A data connection with limits; set `read_limit` and `write_limit`.

    Any `DTPHandler` keeps its limits; this one is here for its name.
    """


class TLS_DTPHandler(DTPHandler):
    """A data connection that may be encrypted; whether it is, is for PROT to say, whatever the class."""

    def handle_ssl_established(self) -> None:
        """The connection is encrypted from now on.  Called on the session's own thread: not to wait for anything."""

    def handle_failed_ssl_handshake(self) -> None:
        """It could not be encrypted: the client is told 522."""
        self.close()

    def handle_ssl_shutdown(self) -> None:
        """The encryption has ended in good order."""
        self.close()


@dataclass(frozen=True, slots=True)
class DTPStyle:
    """When objects of a class are to be made, and told of their end."""

    early: bool
    """As soon as a connection is up, for making them does something."""
    told: bool
    """In any case, for they do something when they are told."""


@cache
def dtp_style(kind: type[DTPHandler]) -> DTPStyle:
    """Return the style of a class: one that overrides nothing has an object only if somebody asks for it."""
    told = any(
        getattr(kind, name, None) not in (getattr(DTPHandler, name, None), getattr(TLS_DTPHandler, name))
        for name in _TOLD
    )
    return DTPStyle(early=kind.__init__ is not DTPHandler.__init__ or kind.__new__ is not object.__new__, told=told)


_TOLD: Final = (
    "close",
    "handle_close",
    "handle_error",
    "handle_timeout",
    "handle_ssl_established",
    "handle_failed_ssl_handshake",
    "handle_ssl_shutdown",
)


def _peer_of(sock: socket | None) -> tuple[str, int] | None:
    try:
        return None if sock is None else address_of(sock.getpeername())
    except OSError:  # it has gone meanwhile
        return None
