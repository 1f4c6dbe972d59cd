"""Clients that transfer a file and cause trouble at a chosen moment, played turn by turn beside the server's loop.

Server and clients share a thread: a turn of the loop, a step of each client, and so on.  A run is as good as
repeatable, and "two turns after the 100,000th byte" means something.
"""

from __future__ import annotations

import os
import socket
import struct
import time
from array import array
from collections.abc import Generator, Iterable
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from pathlib import Path
from typing import ClassVar, Final

from ftpcore import Event, Outcome, TransferFinished
from ftpcore_adapters.handlers import FTPHandler
from ftpcore_adapters.ioloop import IOLoop
from ftpcore_adapters.servers import FTPServer
from tests.adapters.serving import PASSWORD, USER, make_handler

__all__ = ["SIZE", "Act", "Play", "Trouble", "Watching", "perform", "play_all"]

#: More than the kernel buffers of a connection (4 MiB on the server's side), so that trouble finds something to cut.
SIZE: Final = 6 * 1024 * 1024

#: Seconds after which a play that stands still has failed.
PATIENCE: Final = 20.0

_BUFFER: Final = 64 * 1024
_LARGE_BUFFER: Final = 4 * 1024 * 1024

_Script = Generator[None, None, None]


class Trouble(Enum):
    NONE = "none"
    ABOR = "ABOR"
    RESET = "data connection reset"
    LEAVE = "control connection closed"
    CRASH = "both connections reset"
    QUIT = "QUIT"


@dataclass(frozen=True, kw_only=True)
class Act:
    """What one client does.

    Attributes:
        moment: Bytes that the client has moved when it causes trouble.
        delay: Turns of the loop from then on.
        goes_on: The client moves data meanwhile, and after ABOR and QUIT; else it stands still until it is answered.
        step: Bytes that it moves in one turn.
        large: Its buffers are large, so that the server finds a whole block at once and makes use of a pipe.
    """

    upload: bool
    trouble: Trouble
    moment: int = 0
    delay: int = 0
    goes_on: bool = False
    step: int = 64 * 1024
    passive: bool = True
    large: bool = False


class Watching(FTPHandler):
    """Keeps what the log was told of transfers, by the name of the file."""

    finished: ClassVar[dict[str, list[TransferFinished]]]

    def handle_event(self, event: Event) -> None:
        super().handle_event(event)
        if isinstance(event, TransferFinished):
            self.finished.setdefault(os.path.basename(event.name), []).append(event)


@lru_cache(maxsize=6)
def pattern(number: int) -> bytes:
    """Return `SIZE` bytes that tell of each block of eight whose it is, and where in the file."""
    first = number << 40
    return array("Q", range(first, first + SIZE // 8)).tobytes()


class Play:
    """One client in the course of an act."""

    def __init__(self, address: tuple[str, int], number: int, act: Act) -> None:
        self.name = f"{'up' if act.upload else 'down'} {number}"
        self.act = act
        self.pattern = pattern(number)
        self.moved = 0
        self.received = bytearray()
        self.at_end = False
        """The peer has closed the data connection in good order."""
        self.codes: list[int] = []
        self._pending = b""
        self._left = False
        self._troubled = False
        self._control = socket.create_connection(address)
        self._control.setblocking(False)
        self._data: socket.socket | None = None

    def script(self) -> _Script:
        try:
            yield from self._play()
        finally:
            self._control.close()
            if self._data is not None:
                self._data.close()

    def _play(self) -> _Script:
        self._send(f"USER {USER}", f"PASS {PASSWORD}", "TYPE I")
        yield from self._replies(4)
        listener = None
        if self.act.passive:
            self._send("EPSV")
            reply = yield from self._reply()
            self._data = _socket(self.act)
            self._data.connect(("127.0.0.1", int(reply.split("|")[3])))
        else:
            listener = _socket(self.act)
            listener.bind(("127.0.0.1", 0))
            listener.listen()
            self._send(f"EPRT |1|127.0.0.1|{listener.getsockname()[1]}|")
            yield from self._replies(5)
        self.codes.clear()
        self._send(f"{'STOR' if self.act.upload else 'RETR'} {self.name}")
        if listener is not None:
            yield from self._replies(1)
            while self._data is None:
                yield
                self._data = _accepted(listener)
            listener.close()
        assert self._data is not None
        self._data.setblocking(False)
        while self._move():
            if self.act.trouble is not Trouble.NONE and self.moved >= self.act.moment:
                break
            yield
        for _ in range(self.act.delay):
            if self.act.goes_on:
                self._move()
            yield
        self._cause_trouble()
        yield from self._to_the_end()

    def _cause_trouble(self) -> None:
        self._troubled = True
        assert self._data is not None
        match self.act.trouble:
            case Trouble.NONE:
                pass
            case Trouble.ABOR | Trouble.QUIT:
                self._send(self.act.trouble.value)
            case Trouble.RESET:
                _reset(self._data)
            case Trouble.LEAVE:
                self._control.close()
                self._left = True
            case Trouble.CRASH:
                _reset(self._data)
                _reset(self._control)
                self._left = True

    def _to_the_end(self) -> _Script:
        """Take what comes, and see whether the session is as good as before."""
        assert self._data is not None
        standing_still = self.act.trouble is Trouble.ABOR and not self.act.goes_on
        if self.act.trouble in (Trouble.RESET, Trouble.CRASH):
            pass
        elif standing_still:
            yield from self._replies(3)
            if self.act.upload:
                self._data.close()
        if self._data.fileno() >= 0:
            while self._move():
                yield
        if self._left:
            return
        if self.act.trouble is Trouble.QUIT:
            yield from self._replies(3)
            while (yield from self._reply()):
                pass
            return
        if not standing_still:
            yield from self._replies(3 if self.act.trouble is Trouble.ABOR else 2)
        codes = self.codes[:]
        self._send("PWD")
        yield from self._replies(len(codes) + 1)
        assert self.codes == [*codes, 257]
        self.codes = codes

    def _move(self) -> bool:
        """Move some data; tell whether there is more to do."""
        data = self._data
        if data is None or data.fileno() < 0:
            return False
        try:
            if self.act.upload:
                return self._upload(data)
            block = data.recv(self.act.step)
        except BlockingIOError:
            return True
        except ConnectionError:
            data.close()
            return False
        self.received += block
        self.moved += len(block)
        if not block:
            self.at_end = True
            data.close()
        return bool(block)

    def _upload(self, data: socket.socket) -> bool:
        if self.moved < SIZE:
            self.moved += data.send(self.pattern[self.moved : self.moved + self.act.step])
        if self.moved == SIZE and self.act.trouble not in (Trouble.RESET, Trouble.CRASH):
            data.close()
        return self.moved < SIZE

    def _send(self, *lines: str) -> None:
        self._control.sendall("".join(f"{line}\r\n" for line in lines).encode())

    def _replies(self, count: int) -> _Script:
        """Wait until there are so many replies in `codes`; all are of one line."""
        while len(self.codes) < count:
            reply = yield from self._reply()
            assert reply, f"the server closed, after {self.codes}"

    def _reply(self) -> Generator[None, None, str]:
        while b"\r\n" not in self._pending:
            try:
                block = self._control.recv(4096)
            except BlockingIOError:
                if self._data is not None and self._troubled and self.act.goes_on:
                    self._move()
                yield
            except ConnectionResetError:
                return ""
            else:
                if not block:
                    return ""
                self._pending += block
        line, _, self._pending = self._pending.partition(b"\r\n")
        self.codes.append(150 if line[:3] == b"125" else int(line[:3]))
        return line.decode()


def play_all(server: FTPServer, plays: Iterable[Play]) -> None:
    """Run the plays to their ends, then the server until nothing is left to do."""
    scripts: list[_Script] = [play.script() for play in plays]
    deadline = time.monotonic() + PATIENCE
    try:
        while scripts:
            server.serve_forever(timeout=0.001, blocking=False)
            scripts = [script for script in scripts if next(script, StopIteration) is not StopIteration]
            assert time.monotonic() < deadline, "a play stands still"
        while server.ip_map or server.ioloop.open_sockets > 1 or server.ioloop.sched.delay() is not None:
            server.serve_forever(timeout=0.001, blocking=False)
            assert time.monotonic() < deadline, f"left: {server.ip_map}, {server.ioloop.socket_map}"
    finally:
        for script in scripts:
            script.close()


def perform(directory: Path, acts: list[Act], **options: object) -> None:
    """Play the acts at the same time against one server, and check all that must hold behind them."""
    descriptors = len(os.listdir("/proc/self/fd"))
    finished: dict[str, list[TransferFinished]] = {}
    handler = make_handler(directory, Watching, finished=finished, **options)
    with FTPServer(("127.0.0.1", 0), handler, ioloop=IOLoop.factory()) as server:
        plays = [Play(server.address, number, act) for number, act in enumerate(acts)]
        for play in plays:
            if not play.act.upload:
                (directory / play.name).write_bytes(play.pattern)
        play_all(server, plays)
    for play in plays:
        _check(play, finished.get(play.name, []), directory / play.name)
    assert len(os.listdir("/proc/self/fd")) == descriptors


def _check(play: Play, finished: list[TransferFinished], path: Path) -> None:
    codes, act = play.codes, play.act
    if not finished:
        # The trouble came before the transfer began: the data connection was refused, or nobody was left to serve.
        assert act.trouble is not Trouble.NONE
        assert codes in ([], [150], [150, 425, 225], [150, 426, 226], [150, 426], [150, 425], [425, 225], [425])
        if act.upload:
            assert not path.exists() or not path.stat().st_size
        return
    [event] = finished
    assert event.size <= SIZE
    if act.upload:
        content = path.read_bytes()
        assert len(content) == event.size <= play.moved
        assert play.pattern.startswith(content)
    else:
        assert path.read_bytes() == play.pattern
        assert play.pattern.startswith(play.received)
        assert len(play.received) <= event.size
        if play.at_end:
            assert len(play.received) == event.size
    complete = event.outcome is Outcome.COMPLETE
    if complete:
        assert event.size == SIZE
    final = 226 if complete else 426
    match act.trouble:
        case Trouble.NONE:
            assert (codes, complete) == ([150, 226], True)
        case Trouble.ABOR:
            assert codes == ([150, 226, 225] if complete else [150, 426, 226])
        case Trouble.RESET:
            assert codes == [150, final]
            assert not (act.upload and complete), "a reset is no end of file"
        case Trouble.QUIT:
            assert sorted(codes) == sorted([150, 221, final])
            assert codes[0] == 150
        case Trouble.LEAVE | Trouble.CRASH:
            assert codes in ([], [150], [150, final])


def _reset(sock: socket.socket) -> None:
    if sock.fileno() < 0:
        return  # it came to its end before
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def _socket(act: Act) -> socket.socket:
    sock = socket.socket()
    for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
        sock.setsockopt(socket.SOL_SOCKET, option, _LARGE_BUFFER if act.large else _BUFFER)
    return sock


def _accepted(listener: socket.socket) -> socket.socket | None:
    listener.setblocking(False)
    try:
        return listener.accept()[0]
    except BlockingIOError:
        return None
