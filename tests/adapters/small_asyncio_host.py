"""A small host on asyncio with port calls in a worker thread: the proof that a handler does not notice its runtime."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Awaitable, Callable
from typing import Any, Self

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
    OpenListener,
    Perform,
    PortEffect,
    ReceiveData,
    SendControl,
    SendData,
    Session,
    UnsupportedOperation,
)
from ftpcore_adapters._sockets import address_of, connecting_socket, listening_socket
from ftpcore_adapters.handlers import FTPHandler


class SmallAsyncioHost:
    """Runs one session.  Port calls, user code among them, run in a worker thread."""

    def __init__(self, handler: FTPHandler, sock: socket.socket) -> None:
        self.loop = asyncio.get_running_loop()
        self.handler = handler
        self.sock = sock
        self.ended = asyncio.Event()
        self.threads: set[int] = set()
        """Threads that user code ran in."""
        self._thread = threading.get_ident()
        self._listener: socket.socket | None = None
        self._data: socket.socket | None = None
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._open = True
        self.session: Session = handler.open_session(
            local=address_of(sock.getsockname()), peer=address_of(sock.getpeername()), now=time.monotonic()
        )
        handler.attach(self)

    async def serve(self) -> None:
        """Serve until the session is over."""
        self.loop.add_reader(self.sock, self._read)
        self.pump()
        await self.ended.wait()

    def on_session_thread(self) -> bool:
        return threading.get_ident() == self._thread

    def run(self, function: Callable[[], None]) -> None:
        if self.on_session_thread():
            function()
            self.pump()
        else:
            self.loop.call_soon_threadsafe(self.run, function)

    def resume(self) -> None:
        self.session.resume(now=time.monotonic())

    def finish(self) -> None:
        self.session.close_when_done(now=time.monotonic())

    def awaited(self, answer: Awaitable[object]) -> object:
        return asyncio.run_coroutine_threadsafe(_awaited(answer), self.loop).result()

    def drop(self) -> None:
        self._close_control()
        self.session.connection_lost(now=time.monotonic())

    def pump(self) -> None:
        while (output := self.session.next_output()) is not None:
            match output:
                case SendControl(data):
                    if self._open:
                        self.sock.setblocking(True)
                        self.sock.sendall(data)  # replies of a test always fit
                        self.sock.setblocking(False)
                        self.session.control_sent(len(data), now=time.monotonic())
                case Perform():
                    self._tasks[output.serial] = self.loop.create_task(self._perform(output))
                case Cancel(serial):
                    self._tasks[serial].cancel()
                case CloseControl():
                    self._close_control()
                case Event():
                    self.handler.handle_event(output)
        self._set_timer()
        if self.session.lost and self.session.idle:
            self.ended.set()

    async def _perform(self, perform: Perform) -> None:
        value: object = None
        error: BaseException | None = None
        try:
            if isinstance(perform.effect, PortEffect):
                value = await asyncio.to_thread(self._call, perform)
            else:
                value = await self._network(perform.effect)
        except asyncio.CancelledError:
            error = EffectCancelled()
        except Exception as raised:  # noqa: BLE001  the answer to the effect
            error = raised
        del self._tasks[perform.serial]
        if error is None:
            self.session.succeed(perform.serial, value, now=time.monotonic())
        else:
            self.session.fail(perform.serial, error, now=time.monotonic())
        self.pump()

    def _call(self, perform: Perform) -> object:
        assert isinstance(perform.effect, PortEffect)
        if isinstance(perform.effect, Call):
            self.threads.add(threading.get_ident())
        return perform.effect.call(perform.ports)

    async def _network(self, effect: Any) -> object:
        match effect:
            case OpenListener(host, port):
                self._listener = listening_socket(host, port, 5)
                return address_of(self._listener.getsockname())
            case AcceptData():
                assert self._listener is not None
                self._data, name = await self.loop.sock_accept(self._listener)
                return address_of(name)
            case ConnectData(address, source):
                self._data = connecting_socket(address, source)
                await self.loop.sock_connect(self._data, tuple(address))
                return None
            case SendData(data):
                assert self._data is not None
                await self.loop.sock_sendall(self._data, data)
                return len(data)
            case ReceiveData(size):
                assert self._data is not None
                return await self.loop.sock_recv(self._data, size)
            case CloseData(part):
                self._close_data(part)
                return None
            case _:
                raise UnsupportedOperation(repr(effect))

    def _close_data(self, part: DataPart) -> None:
        if DataPart.LISTENER in part and self._listener is not None:
            self._listener.close()
            self._listener = None
        if DataPart.CONNECTION in part and self._data is not None:
            self._data.close()
            self._data = None

    def _read(self) -> None:
        try:
            data = self.sock.recv(65536)
        except BlockingIOError:
            return
        except ConnectionError:
            self.drop()
        else:
            if data:
                self.session.receive_data(data, now=time.monotonic())
            else:
                self.loop.remove_reader(self.sock)
                self.session.receive_eof(now=time.monotonic())
        self.pump()

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        deadline = self.session.next_deadline()
        if deadline is not None:
            self._timer = self.loop.call_later(deadline - time.monotonic(), self._expire)

    def _expire(self) -> None:
        self.session.handle_deadline(now=time.monotonic())
        self.pump()

    def _close_control(self) -> None:
        if self._open:
            self._open = False
            self.loop.remove_reader(self.sock)
            self.sock.close()
            self.handler.connection_closed()


async def _awaited(answer: Awaitable[object]) -> object:
    return await answer


class SmallAsyncioServer:
    """Serves a handler class on an asyncio loop in a thread of its own."""

    def __init__(self, handler: type[FTPHandler]) -> None:
        self._handler = handler
        self._listener = listening_socket("127.0.0.1", 0, 5)
        self.address: Address = address_of(self._listener.getsockname())
        self.hosts: list[SmallAsyncioHost] = []
        self._stop: Callable[[], object] = lambda: None
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._main()))

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *_exc_info: object) -> None:
        self._stop()
        self._thread.join(10)
        assert not self._thread.is_alive()

    async def _main(self) -> None:
        loop, stop = asyncio.get_running_loop(), asyncio.Event()
        self._stop = lambda: loop.call_soon_threadsafe(stop.set)
        self._ready.set()
        accepting = loop.create_task(self._accept())
        await stop.wait()
        accepting.cancel()
        for host in self.hosts:
            if not host.ended.is_set():
                host.run(host.drop)
            await asyncio.wait_for(host.ended.wait(), 10)
        self._listener.close()

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        tasks = set()
        while True:
            sock, _ = await loop.sock_accept(self._listener)
            host = SmallAsyncioHost(self._handler(sock, None), sock)
            self.hosts.append(host)
            task = loop.create_task(host.serve())
            tasks.add(task)
            task.add_done_callback(tasks.discard)
