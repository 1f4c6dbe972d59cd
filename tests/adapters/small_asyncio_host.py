"""A small host on asyncio with port calls in a worker thread: the proof that a handler does not notice its runtime.

It can neither sendfile nor splice.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Final

from ftpcore import (
    AcceptData,
    Address,
    Call,
    Cancel,
    CloseControl,
    CloseData,
    ConnectData,
    DataPart,
    EffectCancelled,
    Event,
    OpenFile,
    OpenListener,
    OpenUnique,
    Output,
    Perform,
    PortEffect,
    ReceiveData,
    SendControl,
    SendData,
    Session,
    UnsupportedOperation,
)
from ftpcore_adapters._sockets import address_of, connecting_socket, listening_socket, receive, send
from ftpcore_adapters.handlers import FTPHandler

__all__ = ["SmallAsyncioHost"]

#: Effects that one session may have carried out before others have their turn.
TURN: Final = 16

logger: Final = logging.getLogger("ftpcore")


class SmallAsyncioHost:
    """Runs one session.  Port calls, user code among them, run in a worker thread."""

    grace = 5.0
    """Seconds that a session gets to end when the server stops."""
    now = staticmethod(time.monotonic)

    def __init__(self, handler: FTPHandler, sock: socket.socket) -> None:
        self.loop = asyncio.get_running_loop()
        self.handler = handler
        self.sock = sock
        self.ended = asyncio.Event()
        self.threads: set[int] = set()
        """Threads that user code ran in."""
        self._thread = threading.get_ident()
        self._replies = bytearray()
        self._listener: socket.socket | None = None
        self._data: socket.socket | None = None
        self._waiting: Perform | None = None
        self._calls: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._open = True
        self._abandoned = False
        self.session: Session = handler.open_session(
            local=address_of(sock.getsockname()), peer=address_of(sock.getpeername()), now=self.now()
        )
        handler.attach(self)

    # -- for the handler -----------------------------------------------------------------------------------------------

    @property
    def data_socket(self) -> socket.socket | None:
        return self._data

    def on_session_thread(self) -> bool:
        return threading.get_ident() == self._thread

    def run(self, function: Callable[[], None]) -> None:
        if self.on_session_thread():
            self.enter(function)
        else:
            self.loop.call_soon_threadsafe(self.enter, function)

    def resume(self) -> None:
        self.session.resume(now=self.now())

    def finish(self) -> None:
        self.session.close_when_done(now=self.now())

    def drop(self) -> None:
        self.close_control()
        self.session.connection_lost(now=self.now())

    def awaited(self, answer: Awaitable[object]) -> object:
        raise TypeError(f"{answer!r} can't be awaited here")

    # -- what comes in -------------------------------------------------------------------------------------------------

    def enter(self, function: Callable[[], None]) -> None:
        """Give the session an input, and carry out what follows; a session that raises is given up."""
        try:
            function()
            self.pump()
        except Exception:
            logger.exception("a session failed")
            self.abandon()

    def read(self) -> None:
        try:
            data = receive(self.sock, 65536)
        except BlockingIOError:
            return
        except ConnectionError:
            self.enter(self.drop)
            return
        if data:
            self.enter(lambda: self.session.receive_data(data, now=self.now()))
        else:
            self.enter(lambda: self.session.receive_eof(now=self.now()))

    def expire(self) -> None:
        self._timer = None
        self.enter(lambda: self.session.handle_deadline(now=self.now()))

    def retry(self, sock: socket.socket) -> None:
        """A data socket is ready for what waits for it."""
        self.unwatch(sock)
        perform, self._waiting = self._waiting, None
        if perform is not None:
            self.enter(lambda: self.network(perform))

    # -- what goes out -------------------------------------------------------------------------------------------------

    def pump(self) -> None:
        left = TURN
        while left:
            output = self.session.next_output()
            if output is None:
                if not self.flush():
                    break
            else:
                self.carry_out(output)
                left -= isinstance(output, Perform)
        else:
            self.loop.call_soon(self.enter, lambda: None)
        self.update()

    def carry_out(self, output: Output) -> None:
        match output:
            case SendControl(data):
                self._replies += data
            case Perform(effect=PortEffect()):
                task = self.loop.create_task(self.port_call(output))
                self._calls.add(task)
                task.add_done_callback(self._calls.discard)
            case Perform():
                self.network(output)
            case Cancel(serial):
                self.cancel(serial)
            case CloseControl():
                self.close_control()
            case Event():
                self.handler.handle_event(output)

    async def port_call(self, perform: Perform) -> None:
        value, error = await asyncio.to_thread(self.call, perform)
        if self._abandoned:
            self.close_late(perform, value)
        elif error is None:
            self.enter(lambda: self.session.succeed(perform.serial, value, now=self.now()))
        else:
            self.enter(lambda: self.session.fail(perform.serial, error, now=self.now()))

    def call(self, perform: Perform) -> tuple[Any, Exception | None]:
        assert isinstance(perform.effect, PortEffect)
        if isinstance(perform.effect, Call):
            self.threads.add(threading.get_ident())
        try:
            return perform.effect.call(perform.ports), None
        except Exception as error:  # noqa: BLE001  the answer to the effect
            return None, error

    def close_late(self, perform: Perform, value: Any) -> None:
        """Close a file that was opened for a session that has been abandoned meanwhile."""
        if value is not None and isinstance(perform.effect, OpenFile | OpenUnique):
            file = value[1] if isinstance(perform.effect, OpenUnique) else value
            self.give_up(file)

    def give_up(self, file: Any) -> None:
        with suppress(OSError):
            file.close(complete=False)

    def network(self, perform: Perform) -> None:
        try:
            value = self.attempt(perform.effect)
        except BlockingIOError:
            self._waiting = perform
        except Exception as error:  # noqa: BLE001  the answer to the effect
            self.session.fail(perform.serial, error, now=self.now())
        else:
            self.session.succeed(perform.serial, value, now=self.now())

    def cancel(self, serial: int) -> None:
        if self._waiting is not None and self._waiting.serial == serial:
            self._waiting = None
            for sock in (self._listener, self._data):
                if sock is not None:
                    self.unwatch(sock)
            self.session.fail(serial, EffectCancelled(), now=self.now())

    def attempt(self, effect: Any) -> object:
        """Carry out a network effect; BlockingIOError when it will be tried again."""
        match effect:
            case OpenListener(host, port):
                self._listener = listening_socket(host, port, 5)
                return address_of(self._listener.getsockname())
            case AcceptData():
                assert self._listener is not None
                self._data, name = self.waiting_for(self._listener, self._listener.accept)
                self._data.setblocking(False)
                return address_of(name)
            case ConnectData(address, source):
                self.connect(address, source)
                return None
            case SendData(data):
                assert self._data is not None
                sock = self._data
                return self.waiting_for(sock, lambda: send(sock, data), write=True)
            case ReceiveData(size):
                assert self._data is not None
                sock = self._data
                return self.waiting_for(sock, lambda: receive(sock, size))
            case CloseData(part):
                self.close_data(part)
                return None
            case _:
                raise UnsupportedOperation(repr(effect))

    def connect(self, address: Address, source: str) -> None:
        if self._data is None:
            self._data = connecting_socket(address, source)
            self.loop.add_writer(self._data, self.retry, self._data)
            raise BlockingIOError
        code = self._data.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            raise ConnectionRefusedError(code, "connection failed")

    def waiting_for(self, sock: socket.socket, call: Callable[[], Any], *, write: bool = False) -> Any:
        try:
            return call()
        except BlockingIOError:
            watch = self.loop.add_writer if write else self.loop.add_reader
            watch(sock, self.retry, sock)
            raise

    def unwatch(self, sock: socket.socket) -> None:
        self.loop.remove_reader(sock)
        self.loop.remove_writer(sock)

    def close_data(self, part: DataPart) -> None:
        if DataPart.LISTENER in part and self._listener is not None:
            self.unwatch(self._listener)
            self._listener.close()
            self._listener = None
        if DataPart.CONNECTION in part and self._data is not None:
            self.unwatch(self._data)
            self._data.close()
            self._data = None

    # -- the control connection ----------------------------------------------------------------------------------------

    def flush(self) -> bool:
        """Send replies; tell whether the session may have more outputs for it."""
        if not self._replies:
            return False
        try:
            count = send(self.sock, self._replies)
        except BlockingIOError:
            return False
        except ConnectionError:
            self.drop()
            return True
        del self._replies[:count]
        self.session.control_sent(count, now=self.now())
        return True

    def update(self) -> None:
        """Wait for what the session wants next."""
        if self._open:
            self.watch()
        self.set_timer()
        if self.session.ended:
            self.handler.session_over()
            self.ended.set()

    def watch(self) -> None:
        if self.session.wants_data:
            self.loop.add_reader(self.sock, self.read)
        else:
            self.loop.remove_reader(self.sock)
        if self._replies:
            self.loop.add_writer(self.sock, self.enter, lambda: None)
        else:
            self.loop.remove_writer(self.sock)

    def set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        deadline = self.session.next_deadline()
        if deadline is not None and not self.session.ended:
            self._timer = self.loop.call_later(max(0.0, deadline - self.now()), self.expire)

    def close_control(self) -> None:
        if self._open:
            self._open = False
            self._replies.clear()
            self.unwatch(self.sock)
            self.sock.close()
            self.handler.connection_closed()

    def abandon(self) -> None:
        self._abandoned = True
        for file in self.session.abandon():
            self.give_up(file)
        self.close_data(DataPart.BOTH)
        self.close_control()
        self.update()

    async def stop(self) -> None:
        """End the session: in good order, if that does not take too long."""
        self.enter(self.drop)
        with suppress(TimeoutError):
            await asyncio.wait_for(self.ended.wait(), self.grace)
        if not self.ended.is_set():
            self.abandon()
        await asyncio.gather(*self._calls)
