"""The host that binds a session to an IOLoop: sockets are waited for by the loop, port calls run inline.

It carries out outputs and reports what became of them; what to do about it is the session's business.
"""

from __future__ import annotations

import errno
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, assert_never

from ftpcore import (
    AcceptData,
    Address,
    Cancel,
    CloseControl,
    CloseData,
    ConnectData,
    DataPart,
    EffectCancelled,
    Event,
    NetworkEffect,
    OpenListener,
    Perform,
    PortEffect,
    ReceiveData,
    ReceiveFile,
    SendControl,
    SendData,
    SendFile,
    ServerFull,
    UnsupportedOperation,
)
from ftpcore_adapters import _sockets
from ftpcore_adapters.ioloop import IOLoop, ScheduledCall, timer

if TYPE_CHECKING:
    from ftpcore_adapters.handlers import FTPHandler

__all__ = ["IOLoopHost"]

#: Bytes read from a control connection at once: a pipelining client's whole script, usually.
CONTROL_READ: Final = 16 * 1024

#: Blocks that one session may move before the others have their turn.
BLOCKS_PER_TURN: Final = 8


class _Watched:
    """A data socket as the loop sees it: an event has the host try its network effect again."""

    def __init__(self, host: IOLoopHost, sock: socket.socket) -> None:
        self.sock = sock
        self._host = host
        self._events = 0
        self.registered = False
        host.ioloop.unwatched += 1

    def wait(self, events: int) -> None:
        """Watch for `events`: READ, WRITE or 0."""
        loop = self._host.ioloop
        if self._events == events:
            return
        if not self.registered:
            loop.register(self.sock.fileno(), self, events)
            loop.unwatched -= 1
            self.registered = True
        else:
            loop.modify(self.sock.fileno(), events)
        self._events = events

    def handle_read(self) -> None:
        self._host.retry(self)

    handle_write = handle_close = handle_read

    def handle_error(self) -> None:
        self._host.handle_error()

    def close(self) -> None:
        if self.registered:
            self._host.ioloop.unregister(self.sock.fileno())
        else:
            self._host.ioloop.unwatched -= 1
        self.sock.close()


class IOLoopHost:
    """Runs the session of one handler on an IOLoop, and is what the loop calls for its control connection."""

    def __init__(self, handler: FTPHandler, sock: socket.socket, ioloop: IOLoop) -> None:
        self.handler = handler
        self.ioloop = ioloop
        self.sock = sock
        self._replies: list[bytes] = []
        self._events = 0
        self._timer: ScheduledCall | None = None
        self._listener: _Watched | None = None
        self._data: _Watched | None = None
        self._pipe: _sockets.Pipe | None = None
        self._waiting: Perform | None = None
        self._blocks = BLOCKS_PER_TURN
        self._open = True
        self.session = handler.open_session(
            local=_sockets.address_of(sock.getsockname()), peer=handler.peer, now=timer()
        )

    # -- for the handler -----------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Carry out the session's first outputs, and go on with the loop."""
        self.ioloop.register(self.sock.fileno(), self, IOLoop.READ)
        self._events = IOLoop.READ
        self.pump()

    def on_session_thread(self) -> bool:
        return threading.get_ident() == self.ioloop.thread

    def run(self, function: Callable[[], None]) -> None:
        """Run `function`, which touches the session, on the session's thread, and carry out what follows."""
        if self.on_session_thread():
            self._run(function)
        else:
            self.ioloop.call_soon_threadsafe(self._run, function)

    def resume(self) -> None:
        self.session.resume(now=timer())

    def finish(self) -> None:
        self.session.close_when_done(now=timer())

    def drop(self) -> None:
        """Close the control connection at once."""
        self._close_control()
        self.session.connection_lost(now=timer())
        self.pump()

    # -- what the loop calls -------------------------------------------------------------------------------------------

    def handle_read(self) -> None:
        try:
            data = _sockets.receive(self.sock, CONTROL_READ)
        except BlockingIOError:
            return
        except ConnectionError:
            self.drop()
            return
        now = timer()
        if data:
            self.session.receive_data(data, now=now)
        else:
            self.session.receive_eof(now=now)
        self._blocks = BLOCKS_PER_TURN
        self.pump()

    def handle_write(self) -> None:
        self.pump()

    def handle_close(self) -> None:
        """The connection hung up while nothing was read from it."""
        self.drop()

    def handle_error(self) -> None:
        """The session, or this host, raised: log it, and give the session up."""
        self.handler.log_exception(self)
        self._abandon()

    def close(self) -> None:
        """The loop is closed: end everything now."""
        if self._open:
            self.drop()
        if not self.session.idle:
            self._abandon()
        self._close_data(DataPart.BOTH)

    def retry(self, watched: _Watched) -> None:
        """A data socket is ready."""
        perform = self._waiting
        self._blocks = BLOCKS_PER_TURN
        if perform is None:
            watched.wait(0)
            return
        self._waiting = None
        self._network(perform)
        self.pump()

    def _run(self, function: Callable[[], None]) -> None:
        function()
        self.pump()

    # -- carrying out --------------------------------------------------------------------------------------------------

    def pump(self) -> None:
        """Carry out outputs until there are none, then wait for what is needed next."""
        session = self.session
        while True:
            while (output := session.next_output()) is not None:
                # isinstance, for match costs a microsecond more for each output.
                if isinstance(output, SendControl):
                    self._replies.append(output.data)
                elif isinstance(output, Perform):
                    if isinstance(output.effect, PortEffect):
                        self._port_call(output, output.effect)
                    else:
                        self._network(output)
                elif isinstance(output, Event):
                    self._tell(output)
                elif isinstance(output, Cancel):
                    self._cancel(output.serial)
                elif isinstance(output, CloseControl):
                    self._close_control()
                else:
                    assert_never(output)
            if not self._replies or not self._flush():
                break
        self._update()

    def _port_call(self, perform: Perform, effect: PortEffect[object]) -> None:
        try:
            value = effect.call(perform.ports)
        except Exception as error:  # noqa: BLE001  the answer to the effect
            self.session.fail(perform.serial, error, now=timer())
        else:
            self.session.succeed(perform.serial, value, now=timer())

    def _tell(self, event: Event) -> None:
        try:
            self.handler.handle_event(event)
        except Exception:  # noqa: BLE001  a log method of the user: logged, and the session ends
            self.handle_error()

    def _network(self, perform: Perform) -> None:
        try:
            value = self._attempt(perform.effect)  # type: ignore[arg-type]  # what is no port call is of the union
        except BlockingIOError:
            self._waiting = perform
        except Exception as error:  # noqa: BLE001  the answer to the effect
            self.session.fail(perform.serial, error, now=timer())
        else:
            self.session.succeed(perform.serial, value, now=timer())

    def _attempt(self, effect: NetworkEffect) -> object:
        """Carry out a network effect; BlockingIOError if the loop watches for when to try again."""
        match effect:
            case SendFile(file, offset, size):
                return self._send_file(file, offset, size)
            case SendData(data):
                return self._send(data)
            case ReceiveFile(file, offset, size):
                return self._receive_file(file, offset, size)
            case ReceiveData(size):
                return self._receive(size)
            case OpenListener(host, port):
                return self._listen(host, port)
            case AcceptData():
                return self._accept()
            case ConnectData(address, source):
                self._connect(address, source)
            case CloseData(part):
                self._close_data(part)
            case _:
                raise UnsupportedOperation(f"unknown effect {effect!r}")
        return None

    def _send_file(self, file: Any, offset: int, size: int) -> int:
        data = self._turn(IOLoop.WRITE)
        try:
            return _sockets.send_file(data.sock, file.fileno(), offset, size)
        except BlockingIOError:
            data.wait(IOLoop.WRITE)
            raise

    def _send(self, block: bytes | memoryview) -> int:
        data = self._turn(IOLoop.WRITE)
        try:
            return _sockets.send(data.sock, block)
        except BlockingIOError:
            data.wait(IOLoop.WRITE)
            raise

    def _receive_file(self, file: Any, offset: int, size: int) -> int:
        data = self._turn(IOLoop.READ)
        if not _sockets.CAN_SPLICE:
            raise UnsupportedOperation("splice")
        try:
            if self._pipe is None:
                count = _sockets.receive_into_file(data.sock, file.fileno(), offset, size)
                if count == size:  # there is more than a pipe costs
                    with suppress(OSError):  # no descriptor is left for it: memory does, these bytes are stored
                        self._pipe = _sockets.Pipe()
                return count
            return self._pipe.receive_file(data.sock, file.fileno(), offset, size)
        except BlockingIOError:
            data.wait(IOLoop.READ)
            raise

    def _receive(self, size: int) -> bytes:
        data = self._turn(IOLoop.READ)
        try:
            return _sockets.receive(data.sock, size)
        except BlockingIOError:
            data.wait(IOLoop.READ)
            raise

    def _turn(self, events: int) -> _Watched:
        """Return the data connection; BlockingIOError if the other sessions have their turn first."""
        if self._data is None:
            raise ConnectionAbortedError("there is no data connection")
        if self._blocks <= 0:
            self._data.wait(events)
            raise BlockingIOError
        self._blocks -= 1
        return self._data

    def _listen(self, host: str, port: int) -> Address:
        if self.handler.server_is_full():
            raise ServerFull
        self._close_data(DataPart.LISTENER)
        sock = _sockets.listening_socket(host, port, self.handler.data_backlog())
        self._listener = _Watched(self, sock)
        return _sockets.address_of(sock.getsockname())

    def _accept(self) -> Address:
        if self._listener is None:
            raise ConnectionAbortedError("nobody listens")
        if not self._listener.registered:  # nobody can have connected yet: he does not know the port
            self._listener.wait(IOLoop.READ)
            raise BlockingIOError
        try:
            sock, name = self._listener.sock.accept()
        except BlockingIOError:
            self._listener.wait(IOLoop.READ)
            raise
        except ConnectionError:  # the peer was gone before it was accepted
            self._listener.wait(IOLoop.READ)
            raise BlockingIOError from None
        sock.setblocking(False)
        self._data = _Watched(self, sock)
        return _sockets.address_of(name)

    def _connect(self, address: Address, source: str) -> None:
        if self._data is None:
            if self.handler.server_is_full():
                raise ServerFull
            self._data = _Watched(self, _sockets.connecting_socket(address, source))
            self._data.wait(IOLoop.WRITE)
            raise BlockingIOError
        code = self._data.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            raise ConnectionRefusedError(code, errno.errorcode.get(code, "connection failed"))

    def _close_data(self, part: DataPart) -> None:
        if DataPart.LISTENER in part and self._listener is not None:
            self._listener.close()
            self._listener = None
        if DataPart.CONNECTION in part:
            if self._data is not None:
                self._data.close()
                self._data = None
            if self._pipe is not None:
                self._pipe.close()
                self._pipe = None

    def _cancel(self, serial: int) -> None:
        if self._waiting is not None and self._waiting.serial == serial:
            self._waiting = None
            self.session.fail(serial, EffectCancelled(), now=timer())

    # -- the control connection ----------------------------------------------------------------------------------------

    def _flush(self) -> bool:
        """Send replies; tell whether any byte left."""
        replies = self._replies
        data = replies[0] if len(replies) == 1 else b"".join(replies)
        try:
            count = _sockets.send(self.sock, data) if self._open else 0
        except BlockingIOError:
            count = 0
        except ConnectionError:
            self._replies.clear()
            self._close_control()
            self.session.connection_lost(now=timer())
            return True
        self._replies = [data[count:]] if count < len(data) else []
        if count:
            self.session.control_sent(count, now=timer())
        return count > 0

    def _update(self) -> None:
        """Watch the control connection for what is wanted, and set the timer."""
        if self._open:
            events = IOLoop.READ if self.session.wants_data else 0
            if self._replies:
                events |= IOLoop.WRITE
            if events != self._events:
                self.ioloop.modify(self.sock.fileno(), events)
                self._events = events
        deadline = self.session.next_deadline()
        if deadline is None:
            return
        if self._timer is not None:
            if self._timer.due <= deadline:
                return
            self._timer.cancel()
        self._timer = self.ioloop.call_later(max(0.0, deadline - timer()), self._deadline)

    def _deadline(self) -> None:
        self._timer = None
        self.session.handle_deadline(now=timer())
        self.pump()

    def _close_control(self) -> None:
        if not self._open:
            return
        self._open = False
        self._replies.clear()
        self.ioloop.unregister(self.sock.fileno())
        self.sock.close()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self.handler.connection_closed()

    def _abandon(self) -> None:
        for file in self.session.abandon():
            file.close(complete=False)
        self._close_data(DataPart.BOTH)
        self._close_control()
