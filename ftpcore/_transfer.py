"""Transfers: what moves over a data connection.  RFC 959 3.2 to 3.4.

A transfer is a context: its mark, its lane and its connection at the start, both ends closed at the end.
"""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from ftpcore import _effects as effects
from ftpcore._codecs import AsciiCodec
from ftpcore._delegate import does_nothing
from ftpcore._endpoint import FULL, accept, closed, opened
from ftpcore._errors import (
    Aborted,
    ControlConnectionLost,
    DataConnectionLost,
    DataConnectionRefused,
    FileShortened,
    FilesystemError,
    FtpError,
    ServerFull,
    ServerShutdown,
    TransferTimeout,
    UnsupportedOperation,
    transfer_error_reply,
)
from ftpcore._events import Direction, Outcome, TransferFinished, TransferStarted
from ftpcore._limits import TRANSFER_BLOCK
from ftpcore._paths import VirtualPath
from ftpcore._port_effects import Call, CloseFile, OpenFile, ReadFile, WriteFile
from ftpcore._ratelimit import RateLimiter, limit_of
from ftpcore._state import TRANSFER, Endpoint, EndpointStep, Protection, TransferPhase, TransferStep, TransferType
from ftpcore._tls import StreamTruncated
from ftpcore.commands.security import secure_data
from ftpcore.ports import AnyFile
from ftpcore.wire import Reply

if TYPE_CHECKING:
    from ftpcore._session import Session

__all__ = ["Transfer"]

_OUTCOMES: Final[dict[type[BaseException], Outcome]] = {
    Aborted: Outcome.ABORTED,
    TransferTimeout: Outcome.TIMED_OUT,
    DataConnectionLost: Outcome.CUT,
    DataConnectionRefused: Outcome.CUT,
    ControlConnectionLost: Outcome.CUT,
    ServerShutdown: Outcome.CUT,
}


class Transfer:
    """The context of one transfer, and the channel that its bytes go through.

    Entering sends the mark and brings the data connection up in the DATA lane; leaving closes the connection, then
    the file, and tells the hook.  `file` belongs to the transfer from its construction on: it is closed whatever
    happens, complete only if nothing was raised.  `late` opens it once the data connection is up.  `mark` is what the
    1yz says instead of the usual text; a transfer that has one may come before the PASV or PORT that serves it.
    """

    def __init__(
        self,
        session: Session,
        verb: str,
        path: VirtualPath,
        direction: Direction,
        file: AnyFile | None = None,
        *,
        late: OpenFile | None = None,
        mark: str | None = None,
    ) -> None:
        self._session = session
        self._username = session.username
        self.verb = verb
        self.path = path
        self.direction = direction
        self._mark = mark
        self.file = file
        self._late = late
        self.phase = TransferPhase.NEW
        self.size = 0
        """Bytes moved over the data connection."""
        self.started: float | None = None
        self.protection = session.protection
        self._certificate = session.certificate
        self._account = session.account
        self._limiter: RateLimiter | None = None
        ascii_wanted = session.transfer_type is TransferType.ASCII and session.delegate.ascii_conversion
        self._codec = AsciiCodec() if ascii_wanted else None

    async def __aenter__(self) -> Self:
        try:
            await self._connect()
        except BaseException as error:
            await self._end(error)
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._end(error)

    @property
    def elapsed(self) -> float:
        """Seconds since the data connection was up."""
        return 0.0 if self.started is None else self._session.now - self.started

    async def _connect(self) -> None:
        session = self._session
        early = session.endpoint is Endpoint.NONE
        if early and self._mark is None:
            raise DataConnectionRefused  # nobody came while the file was opened
        connected = session.endpoint is Endpoint.CONNECTED
        code, what = (125, "Data connection already open.") if connected else (150, "About to open data connection.")
        session.send(Reply.of(code, self._mark or f"File status okay. {what}"))
        self._move(TransferStep.MARK_EARLY if early else TransferStep.MARK)
        session.transfer_now = self
        await effects.MoveToData()
        if early:
            await effects.EndpointReady()
            self._move(TransferStep.PREPARED)
            if session.active_address is None:
                await accept(session)
        session.move_endpoint(EndpointStep.TAKE)
        if session.active_address is not None:
            address, session.active_address = session.active_address, None
            try:
                await effects.ConnectData(address, session.local.host)
            except ServerFull:
                raise DataConnectionRefused(FULL) from None
            except OSError as error:
                raise DataConnectionRefused(f"Can't connect to the given address: {error.strerror or error}.") from None
            await opened(session)
        await effects.Pause(0)  # ABOR counts, even if the connection came up at that moment
        if self.protection is Protection.PRIVATE:
            await secure_data(session, self._certificate)
        if self._late is not None:
            self.file = await self._late
        self.started = session.now
        self._move(TransferStep.CONNECTED)
        if self.file is not None and session.subscribed(TransferStarted):
            session.emit(
                TransferStarted(
                    username=self._username,
                    verb=self.verb,
                    path=self.path,
                    name=self.file.name,
                    direction=self.direction,
                )
            )

    async def _end(self, error: BaseException | None) -> None:
        """Close both ends; raise what makes the transfer a failure after all."""
        session = self._session
        failure: BaseException | None = error
        self._move(TransferStep.END if error is None else TransferStep.FAIL)
        if session.endpoint in (Endpoint.CONNECTED, Endpoint.IN_USE):
            session.move_endpoint(EndpointStep.DROP)
            try:
                await effects.CloseData(orderly=error is None)
            except ConnectionError:
                if self.direction is Direction.SENT:
                    failure = failure or DataConnectionLost()
        if self.file is not None:
            try:
                await CloseFile(self.file, complete=failure is None)
            except Exception as raised:  # noqa: BLE001  it becomes the reply
                failure = failure or raised
        session.transfer_now = None
        self._move(TransferStep.CLOSED)
        await closed(session, self, failure)
        if isinstance(failure, OSError | FilesystemError):
            failure = FtpError(transfer_error_reply(failure))
        if self.file is not None and self.started is not None:
            self._report(self.file.name, failure)
        if failure is not None and failure is not error:
            raise failure from error

    def _move(self, step: TransferStep) -> None:
        """Take a step of the table TRANSFER."""
        self.phase = TRANSFER[self.phase, step]

    # -- the channel ---------------------------------------------------------------------------------------------------

    async def send(self, data: bytes) -> None:
        """Send all of `data`; DataConnectionLost if the peer does not take it."""
        rest = memoryview(data)
        while rest:
            try:
                count = await effects.SendData(rest[: self._block()])
            except OSError:
                raise DataConnectionLost from None
            rest = rest[count:]
            await self._moved(count)

    async def send_file(self, offset: int) -> None:
        """Send the file from `offset` to the size it had when it was opened.

        A file that turns out shorter is an error; one that claims to be empty is read to its end, for there are devices
        and virtual files that don't know their size.
        """
        assert self.file is not None
        end = self.file.size
        in_kernel = self._in_kernel()
        while in_kernel and offset < end:
            try:
                count = await effects.SendFile(self.file, offset, min(self._block(), end - offset))
            except UnsupportedOperation:
                break
            except ConnectionError:
                raise DataConnectionLost from None
            if count == 0:
                raise FileShortened
            offset += count
            await self._moved(count)
        while offset < end or end == 0:
            size = min(TRANSFER_BLOCK, end - offset) if end else TRANSFER_BLOCK
            block = await ReadFile(self.file, offset, size)
            if not block:
                if offset < end:
                    raise FileShortened
                break
            offset += len(block)
            await self.send(block if self._codec is None else self._codec.encode(block))
            del block  # two at a time are so much that malloc gives memory back each time, and takes it again

    async def receive_file(self, offset: int, *, append: bool = False) -> None:
        """Store what the peer sends, to its orderly end, at `offset`; DataConnectionLost if it ends otherwise."""
        assert self.file is not None
        in_kernel = self._in_kernel() and not append
        while in_kernel:
            try:
                count = await effects.ReceiveFile(self.file, offset, self._block())
            except UnsupportedOperation:
                break
            except ConnectionError:
                raise DataConnectionLost from None
            if count == 0:
                return
            offset += count
            await self._moved(count)
        while True:
            try:
                block = await effects.ReceiveData(self._block())
            except StreamTruncated:
                if not self._session.delegate.tls_accept_truncated:
                    raise DataConnectionLost("The TLS stream ended without close_notify; transfer aborted.") from None
                block = b""
            except OSError:
                raise DataConnectionLost from None
            decoded = (
                block if self._codec is None else self._codec.decode(block) if block else self._codec.finish_decode()
            )
            if decoded:
                await WriteFile(self.file, offset, decoded)
                offset += len(decoded)
            if not block:
                return
            await self._moved(len(block))

    def _in_kernel(self) -> bool:
        if self.protection is Protection.PRIVATE:
            return False
        return self._codec is None and self._session.delegate.use_sendfile and hasattr(self.file, "fileno")

    def _block(self) -> int:
        """Return how many bytes to move next, as the options are by now."""
        options = self._session.delegate
        limit = limit_of(self.direction, self._account, options)
        if not limit:
            self._limiter = None
        elif self._limiter is None or self._limiter.limit != limit:
            self._limiter = RateLimiter(limit)
        block = options.send_block if self.direction is Direction.SENT else options.receive_block
        if block:
            return min(block, TRANSFER_BLOCK)
        return TRANSFER_BLOCK if self._limiter is None else self._limiter.block(TRANSFER_BLOCK)

    async def _moved(self, count: int) -> None:
        self.size += count
        if self._limiter is not None:
            await effects.Pause(self._limiter.delay(count, self._session.now))

    def _report(self, name: str, failure: BaseException | None) -> None:
        """Emit TransferFinished, and have the hook called after the final reply."""
        session, sent = self._session, self.direction is Direction.SENT
        if session.subscribed(TransferFinished):
            session.emit(
                TransferFinished(
                    username=self._username,
                    verb=self.verb,
                    path=self.path,
                    name=name,
                    direction=self.direction,
                    size=self.size,
                    elapsed=self.elapsed,
                    outcome=Outcome.COMPLETE if failure is None else _OUTCOMES.get(type(failure), Outcome.FAILED),
                )
            )
        delegate = session.delegate
        if failure is None:
            hook = delegate.on_file_sent if sent else delegate.on_file_received
        else:
            hook = delegate.on_incomplete_file_sent if sent else delegate.on_incomplete_file_received
        if session.current is not None and not does_nothing(hook):
            session.current.follow += (Call(hook, (name,)),)
