"""A host of one's own, on blocking sockets, with a thread for each session.

It is about as small as a host can be that keeps the whole contract.  The one place where it waits is `wait`.
"""

from __future__ import annotations

import errno
import logging
import random
import socket
import time
from contextlib import suppress
from datetime import UTC, tzinfo
from select import select
from typing import Any, Final

import ftpcore as core
from ftpcore import DataPart
from ftpcore_contracts import ContractHandler

__all__ = ["BlockingHost"]

now: Final = time.monotonic

#: Effects for which a data socket must be ready first, and what of it.
READS: Final = (core.AcceptData, core.ReceiveData)
WRITES: Final = (core.SendData,)


class Clock:
    zone: tzinfo = UTC
    now = staticmethod(time.time)


class BlockingHost:
    """Runs one session, in the thread that calls `run`."""

    def __init__(self, handler_class: type[ContractHandler], control: socket.socket) -> None:
        control.setsockopt(socket.SOL_SOCKET, socket.SO_OOBINLINE, 1)
        control.setblocking(False)
        self.control = control
        self.replies = bytearray()
        self.sockets: dict[DataPart, socket.socket] = {}
        self.waiting: core.Perform | None = None
        self.session = handler_class.session_class(
            local=core.Address(*control.getsockname()[:2]),
            peer=core.Address(*control.getpeername()[:2]),
            ports=core.Ports(authorizer=handler_class.authorizer, clock=Clock()),
            random=random.SystemRandom(),
            now=now(),
            delegate=handler_class(),
        )

    def run(self) -> None:
        """Serve until the session is over."""
        try:
            while (output := self.session.next_output()) is not None or not self.session.ended:
                if output is not None:
                    self.carry_out(output)
                elif not self.replies or not self.flush():
                    self.wait()
        except Exception:
            logging.getLogger("ftpcore").exception("a session failed")
            for file in self.session.abandon():
                with suppress(OSError):  # it is incomplete anyway
                    file.close(complete=False)
        self.control.close()
        for sock in self.sockets.values():
            sock.close()

    def stop(self) -> None:
        """Have `run` end soon; for any thread."""
        with suppress(OSError):  # closed already
            self.control.shutdown(socket.SHUT_RDWR)

    def carry_out(self, output: core.Output) -> None:
        match output:
            case core.SendControl(data):
                self.replies += data
            case core.Perform(effect=core.PortEffect() as effect, ports=ports):
                self.answer(output, lambda: effect.call(ports))
            case core.Perform(effect=effect) if isinstance(effect, WRITES):
                self.waiting = output
            case core.Perform(effect=effect):
                self.answer(output, lambda: self.attempt(effect))
            case core.Cancel(serial) if self.waiting is not None and self.waiting.serial == serial:
                self.waiting = None
                self.session.fail(serial, core.EffectCancelled(), now=now())
            case core.CloseControl():
                self.control.close()
            case _:
                pass  # a Cancel that comes late, or an event, to which nobody has subscribed

    def answer(self, perform: core.Perform, call: Any) -> None:
        try:
            value = call()
        except BlockingIOError:
            self.waiting = perform
        except Exception as error:  # noqa: BLE001  the answer to the effect
            self.session.fail(perform.serial, error, now=now())
        else:
            self.session.succeed(perform.serial, value, now=now())

    def attempt(self, effect: core.Effect[object]) -> object:
        match effect:
            case core.OpenListener(host, port):
                sock = self.sockets[DataPart.LISTENER] = socket.create_server((host, port))
                sock.setblocking(False)
                return core.Address(*sock.getsockname()[:2])
            case core.AcceptData():
                sock, name = self.sockets[DataPart.LISTENER].accept()
                sock.setblocking(False)
                self.sockets[DataPart.CONNECTION] = sock
                return core.Address(*name[:2])
            case core.ConnectData(address, source):
                self.connect(address, source)
                return None
            case core.SendData(data):
                return self.sockets[DataPart.CONNECTION].send(data)
            case core.ReceiveData(size):
                return self.sockets[DataPart.CONNECTION].recv(size)
            case core.CloseData(part):
                for each in set(part) & self.sockets.keys():
                    self.sockets.pop(each).close()
                return None
            case _:
                raise core.UnsupportedOperation(repr(effect))

    def connect(self, address: core.Address, source: str) -> None:
        """Begin to connect, or tell how that ended."""
        sock = self.sockets.get(DataPart.CONNECTION)
        if sock is None:
            sock = self.sockets[DataPart.CONNECTION] = socket.socket()
            sock.setblocking(False)
            sock.bind((source, 0))
            code = sock.connect_ex(tuple(address))
        else:
            code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code == errno.EINPROGRESS:
            raise BlockingIOError
        if code:
            raise ConnectionRefusedError(code, errno.errorcode[code])

    def flush(self) -> bool:
        """Send replies; tell whether any byte left, or the connection is gone."""
        try:
            count = self.control.send(self.replies)
        except BlockingIOError:
            return False
        except OSError:
            self.lose()
            return True
        del self.replies[:count]
        self.session.control_sent(count, now=now())
        return True

    def wait(self) -> None:
        """Wait for whatever comes next, and tell the session."""
        control = [self.control] if self.control.fileno() >= 0 else []
        reading = control if self.session.wants_data else []
        writing = control if self.replies else []
        data: list[socket.socket] = []
        if self.waiting is not None:
            listens = isinstance(self.waiting.effect, core.AcceptData)
            data = [self.sockets[DataPart.LISTENER if listens else DataPart.CONNECTION]]
        reads = self.waiting is not None and isinstance(self.waiting.effect, READS)
        due = self.session.next_deadline()
        timeout = None if due is None else max(0.0, due - now())
        readable, writable, _ = select(reading + data * reads, writing + data * (not reads), [], timeout)
        if due is not None and now() >= due:
            self.session.handle_deadline(now=now())
        elif self.control in readable:
            self.receive()
        elif self.waiting is not None and data[0] in readable + writable:
            perform, self.waiting = self.waiting, None
            self.answer(perform, lambda: self.attempt(perform.effect))

    def receive(self) -> None:
        try:
            data = self.control.recv(16 * 1024)
        except OSError:
            self.lose()
            return
        if data:
            self.session.receive_data(data, now=now())
        else:
            self.session.receive_eof(now=now())

    def lose(self) -> None:
        self.control.close()
        self.replies.clear()
        self.session.connection_lost(now=now())
