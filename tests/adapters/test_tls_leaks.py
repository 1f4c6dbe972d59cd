"""Sessions under TLS cut anywhere, within handshakes and records too: afterwards all is as it was before."""

from __future__ import annotations

import contextlib
import os
import random
import socket
import ssl
import struct
from typing import Final

import pytest

from ftpcore_adapters.handlers import TLS_FTPHandler
from tests.adapters.conftest import TLSServe
from tests.adapters.resources import counts
from tests.adapters.serving import PASSWORD, USER, Recorder, wait_for
from tests.adapters.tls_clients import SecureClient, Truncated
from tests.conftest import scaled

pytestmark = pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="descriptors are counted in /proc")

#: More than the kernel holds for a connection.
LARGE: Final = 12 * 1024 * 1024


class Burnt(Exception):
    """The client is cut off here."""


class Fuse:
    """What is left of a client's life, in calls on its sockets."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.rest = chance.randrange(1, 60)
        self.sockets: list[socket.socket] = []

    def burn(self) -> bool:
        self.rest -= 1
        return self.rest <= 0

    def end(self) -> None:
        """Go, in one of the ways that there are."""
        for sock in self.chance.sample(self.sockets, len(self.sockets)):
            way = self.chance.randrange(3)
            with contextlib.suppress(OSError):  # the server was first
                if way == 0:
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                elif way == 1:
                    sock.shutdown(socket.SHUT_WR)
            sock.close()


class FusedSocket(socket.socket):
    """A socket that breaks when the fuse is burnt, in the middle of what it sends."""

    fuse: Fuse

    @classmethod
    def of(cls, sock: socket.socket, fuse: Fuse) -> FusedSocket:
        timeout = sock.gettimeout()
        fused = cls(fileno=sock.detach())
        fused.settimeout(timeout)
        fused.fuse = fuse
        fuse.sockets.append(fused)
        return fused

    def sendall(self, data: bytes, flags: int = 0, /) -> None:  # type: ignore[override]  # bytes only
        if self.fuse.burn():
            self.send(data[: self.fuse.chance.randrange(len(data) + 1)])
            raise Burnt
        super().sendall(data, flags)

    def recv(self, size: int, flags: int = 0, /) -> bytes:
        if self.fuse.burn():
            raise Burnt
        return super().recv(size, flags)


class FusedClient(SecureClient):
    """A client that lives as long as its fuse."""

    def __init__(self, fuse: Fuse, address: tuple[str, int], context: ssl.SSLContext) -> None:
        super().__init__(address, context)
        self.fuse = fuse
        self.sock = FusedSocket.of(self.sock, fuse)

    def data(self) -> socket.socket:
        return FusedSocket.of(super().data(), self.fuse)

    def live(self) -> None:
        """Do one thing after the other."""
        chance = self.fuse.chance
        assert self.code() == 220
        self.start_tls()
        self.protect()
        self.send(f"USER {USER}", f"PASS {PASSWORD}", "TYPE I")
        self.codes(3)
        while True:
            what = chance.randrange(6)
            if what == 0:
                self.retrieve("RETR large")
            elif what == 1:
                self.store("STOR new", b"x" * 300_000, waits=chance.random() < 0.5)
            elif what == 2:
                self.retrieve("MLSD")
            elif what == 3:
                assert self.command("CCC") == 200
                self.clear()
                self.start_tls()
                return
            elif what == 4:
                _, wire = self.begin("RETR large")
                assert wire is not None
                wire.receive(10)
                self.command("ABOR")
                self.code()
            else:
                assert self.command("REIN") == 220
                self.clear()
                return


@pytest.mark.parametrize("engine", ["openssl", "stdlib"])
def test_sessions_cut_anywhere_leave_nothing(tls_serve: TLSServe, calls: list[str], engine: str) -> None:
    class Handler(Recorder, TLS_FTPHandler):
        pass

    with open(tls_serve.serve.directory / "large", "wb") as file:
        file.truncate(LARGE)
    options: dict[str, object] = {"tls_ccc": True, "tls_engine_name": engine, "server": {"max_cons": 0}}
    serving = tls_serve(Handler, calls=calls, **options)
    serving.call(lambda: None)  # the loop makes its means of waking on first use
    before = counts(serving)
    chance = random.Random(40)
    rounds = scaled(2000)
    needed = {"incomplete sent large", "incomplete received new", "received new"}
    for done in range(20 * rounds):
        if done >= rounds and needed <= set(calls):
            break
        fuse = Fuse(chance)
        client = FusedClient(fuse, serving.address, tls_serve.context)
        with contextlib.suppress(Burnt, Truncated, OSError, AssertionError):  # its own end, or what that leads to
            client.live()
        fuse.end()
    assert needed <= set(calls)
    wait_for(lambda: not serving.server.ip_map, "the ends of the sessions")
    wait_for(lambda: counts(serving) == before, f"the counts {before}")
    assert calls.count("connect") == calls.count("disconnect")
    tls_serve.login(serving)
