"""What a handler has to do with data connections: their object, their options, and sending over one by hand."""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import partial
from typing import TYPE_CHECKING, Any, Final, cast

from ftpcore import Delegate, Endpoint, Protection, Session, Transfer
from ftpcore_adapters._seed_data import BUFFER_SIZE, DTPHandler, DTPStyle, dtp_style
from ftpcore_adapters._seed_data_options import ActiveDTP, PassiveDTP
from ftpcore_adapters._seed_data_producers import Producer
from ftpcore_adapters._seed_file import seed_file
from ftpcore_adapters.ioloop import timer

if TYPE_CHECKING:
    from ftpcore_adapters._host import SessionHost
    from ftpcore_adapters._running import Running
    from ftpcore_adapters.handlers import FTPHandler

__all__ = ["SeedDataChannel"]


#: A hook that the core knows to do nothing.
_NOTHING: Final[Callable[..., object]] = Delegate.on_data_closed


class SeedDataChannel(Delegate):
    """The data channel of a handler, and the options of the core that it has under other names."""

    dtp_handler: Any = DTPHandler
    """The class of `data_channel`, an object for each data connection."""
    active_dtp: Any = ActiveDTP
    passive_dtp: Any = PassiveDTP
    running_command: Running | None
    _session: Session | None
    _channel: DTPHandler | None = None
    _channel_begun = False
    """It was made for the connection that is up, or is being made, or could not be: it is not made again."""

    if TYPE_CHECKING:  # these are of the handler

        def _running_host(self) -> SessionHost: ...
        def _run(self, function: Callable[[], None]) -> None: ...

    @classmethod
    def check_dtp_handler(cls) -> None:
        """Raise TypeError if `dtp_handler` can't be used."""
        kind: object = cls.dtp_handler
        if not (isinstance(kind, type) and issubclass(kind, DTPHandler)):
            raise TypeError(f"{cls.__name__}.dtp_handler is {kind!r}; expected a subclass of DTPHandler")

    @classmethod
    def keep_passive_ports(cls) -> None:
        """Make `passive_ports` a tuple, in the class that says them, if they can be read only once."""
        if not isinstance(cls.passive_ports, Collection | None):
            owner: Any = next(each for each in cls.__mro__ if "passive_ports" in vars(each))
            owner.passive_ports = tuple(cls.passive_ports)

    # -- options of the core -------------------------------------------------------------------------------------------

    @property
    def accept_timeout(self) -> float | None:  # type: ignore[override]  # the old name of the option is elsewhere
        return cast("float | None", self.passive_dtp.timeout)

    @property
    def connect_timeout(self) -> float | None:  # type: ignore[override]  # as above
        return cast("float | None", self.active_dtp.timeout)

    @property
    def data_timeout(self) -> float | None:  # type: ignore[override]  # as above
        return self._dtp_options().timeout

    @property
    def read_limit(self) -> float:  # type: ignore[override]  # as above
        return self._dtp_options().read_limit

    @property
    def write_limit(self) -> float:  # type: ignore[override]  # as above
        return self._dtp_options().write_limit

    @property
    def receive_block(self) -> int | None:  # type: ignore[override]  # as above
        options = self._dtp_options()
        return _block(options, options.ac_in_buffer_size, options.read_limit)

    @property
    def send_block(self) -> int | None:  # type: ignore[override]  # as above
        options = self._dtp_options()
        return _block(options, options.ac_out_buffer_size, options.write_limit)

    def _dtp_options(self) -> DTPHandler | type[DTPHandler]:
        kind: type[DTPHandler] = self.dtp_handler
        return kind if self._channel is None else self._channel

    # -- the object ----------------------------------------------------------------------------------------------------

    @property
    def data_channel(self) -> DTPHandler | None:
        """The object of the data connection that is up; None: none is."""
        session = self._session
        if session is None or not session.data_up:
            return None
        self._open_channel()
        return self._channel

    @property
    def on_data_connected(self) -> Callable[[], object]:  # type: ignore[override]  # a hook if it has something to do
        """Make the object, if making it does something."""
        return self._open_channel if self._dtp_style().early else _NOTHING

    @property
    def on_data_closed(  # type: ignore[override]  # as above
        self,
    ) -> Callable[[Transfer | None, Exception | None], object]:
        """Tell the object of its end, if there is one, or one that wants to know."""
        if self._channel_begun or self._dtp_style().told:
            return self._close_channel
        return _NOTHING

    def transfer_over(self, channel: DTPHandler) -> Transfer | None:
        """Return the transfer that goes over a connection, if it has begun."""
        session = self._session
        if session is None or channel is not self._channel or session.endpoint is not Endpoint.IN_USE:
            return None
        return session.transfer_now

    def drop_data_channel(self, channel: DTPHandler) -> None:
        """Close a connection, unless it is closed."""
        if channel is self._channel:
            self._run(partial(self._drop, channel))

    def _drop(self, channel: DTPHandler) -> None:
        if channel is self._channel and self._session is not None:  # else it has ended meanwhile
            self._session.drop_data(now=timer())

    def _dtp_style(self) -> DTPStyle:
        return dtp_style(self.dtp_handler)

    def _open_channel(self) -> None:
        if not self._channel_begun:
            self._channel_begun = True
            self._channel = self.dtp_handler(self._running_host().data_socket, cast("FTPHandler", self))

    def _close_channel(self, transfer: Transfer | None, failure: Exception | None) -> None:
        self._open_channel()
        assert self._session is not None, "there is one as long as there are hooks"
        channel = self._forget_channel()
        if channel is not None:  # else it could not be made
            channel.ended(transfer, failure, protected=self._session.protection is Protection.PRIVATE)

    def abandon_channel(self) -> None:
        """The session is over, and has told nothing of its data connection."""
        channel = self._forget_channel()
        if channel is not None:
            channel.ended(None, None)

    def _forget_channel(self) -> DTPHandler | None:
        channel, self._channel, self._channel_begun = self._channel, None, False
        return channel

    # -- sending by hand -----------------------------------------------------------------------------------------------

    def push_dtp_data(
        self, data: bytes | Producer, isproducer: bool = False, file: Any = None, cmd: str | None = None
    ) -> None:
        """Send `data` over the data connection that the client asked for: 150 or 125, then the final reply.

        For overridden commands: it returns when all is set up, and the transfer goes on when the command has returned.
        Without PASV, EPSV, PORT or EPRT before it the client is told 425, and nothing is sent.

        Args:
            data: The bytes, or, with `isproducer`, an object whose `more()` returns them, b"" at the end.
            file: What they come from: an object with `close()` and `name`, closed at the end.  With it, the transfer is
                one of a file for hooks and the log.
            cmd: What hooks and the log call the command; None: what the client called it.

        Raises:
            TypeError: `data` is neither bytes nor a producer.
            RuntimeError: It is not called from within a command.
        """
        if isproducer:
            more = getattr(data, "more", None)
            if not callable(more):
                raise TypeError(f"push_dtp_data expected a producer, an object with more(); got {data!r}")
        elif isinstance(data, bytes | bytearray | memoryview):
            more = iter((data, b"")).__next__ if data else bytes
        else:
            raise TypeError(f"push_dtp_data expected bytes, or a producer and isproducer=True; got {data!r}")
        if self.running_command is None:
            raise RuntimeError("push_dtp_data can be called from within a command only: override ftp_LIST, say")
        opened = None if file is None else seed_file(file, cmd or "", "rb", created=False)
        self.running_command.send(more, opened, cmd)


def _block(options: DTPHandler | type[DTPHandler], size: int, limit: float) -> int | None:
    """Return how much is moved at once; None: as the core thinks fit."""
    if size == BUFFER_SIZE and options.auto_sized_buffers:
        return None
    if not options.auto_sized_buffers:
        return size
    while limit and size > max(limit, 1):
        size //= 2
    return size
