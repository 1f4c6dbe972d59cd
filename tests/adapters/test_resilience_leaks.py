"""Sessions cut anywhere, and data ports that nobody connects to: afterwards all is as it was before."""

from __future__ import annotations

import contextlib
import os
import random
import select
import socket
import struct
from collections.abc import Callable
from typing import Final

import pytest

from ftpcore_adapters.handlers import PassiveDTP
from tests.adapters.conftest import Serve
from tests.adapters.resources import counts
from tests.adapters.serving import PASSWORD, USER, Recorder, Serving, wait_for
from tests.conftest import scaled

pytestmark = pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="descriptors are counted in /proc")

#: More than the kernel holds for a connection: a transfer of it is still under way when its session is cut.
LARGE: Final = 12 * 1024 * 1024

#: What a session may be doing; {port} is one that is listened on, {closed} one that is not.
OPENINGS: Final = ("PASV", "EPSV", "EPSV", "EPRT |1|127.0.0.1|{port}|", "EPRT |1|127.0.0.1|{closed}|")
TRANSFERS: Final = (
    "RETR large",
    "RETR large",
    "RETR small",
    "STOR new",
    "STOR new",
    "APPE new",
    "STOU",
    "LIST",
    "MLSD",
)
LINES: Final = (
    *OPENINGS,
    *TRANSFERS,
    "NOOP",
    "REST 5",
    "ABOR",
    "STAT",
    "TYPE A",
    "TYPE I",
    "REIN",
    "PASS wrong",
    f"USER {USER}",
    f"PASS {PASSWORD}",
    "QUIT",
)


class Passive(PassiveDTP):
    timeout = 0.05


class Cut:
    """One client that does whatever comes to its mind and is cut off; it never waits for anything."""

    def __init__(self, chance: random.Random, address: tuple[str, int], listener: socket.socket) -> None:
        self._chance = chance
        self._listener = listener
        self._control = socket.create_connection(address)
        self._control.setblocking(False)
        self._data: list[socket.socket] = []
        self._read = b""

    def live(self, closed_port: int) -> None:
        chance = self._chance
        lines = [f"USER {USER}", f"PASS {PASSWORD}"] if chance.random() < 0.9 else []
        lines += chance.choices(LINES, k=chance.randrange(4))
        if chance.random() < 0.8:
            lines += [chance.choice(OPENINGS), chance.choice(TRANSFERS)]
        lines += chance.choices(LINES, k=chance.randrange(4))
        script = "".join(f"{line}\r\n" for line in lines)
        script = script.format(port=self._listener.getsockname()[1], closed=closed_port)
        cut = chance.randrange(len(script) + 1) if chance.random() < 0.5 else len(script)
        rest = script[:cut].encode()
        while rest:
            count = chance.choice([len(rest), 1 + chance.randrange(len(rest)), rest.find(b"\n") + 1 or len(rest)])
            with contextlib.suppress(OSError):
                self._control.send(rest[:count])
            rest = rest[count:]
            for _ in range(chance.randrange(8)):
                self._follow()

    def _follow(self) -> None:
        """Connect to what the replies offer, take what connects, and move some data."""
        if self._chance.random() < 0.7:  # others leave the server no time to answer
            select.select([self._control, *self._data], (), (), 0.005)
        with contextlib.suppress(OSError):
            self._read += self._control.recv(4096)
        for line in self._read.split(b"\r\n"):
            if line.startswith(b"229") and line.endswith(b"|)") and self._chance.random() < 0.7:
                sock = socket.socket()
                sock.setblocking(False)
                sock.connect_ex(("127.0.0.1", int(line.split(b"|")[3])))
                self._data.append(sock)
        self._read = self._read.rpartition(b"\r\n")[2]
        with contextlib.suppress(BlockingIOError):
            self._data.append(self._listener.accept()[0])
            self._data[-1].setblocking(False)
        for sock in self._data:
            with contextlib.suppress(OSError):
                sock.send(b"x" * 10_000) if self._chance.random() < 0.5 else sock.recv(10_000)

    def end(self) -> None:
        """Go, in one of the ways that there are."""
        for sock in self._chance.sample([self._control, *self._data], len(self._data) + 1):
            way = self._chance.randrange(3)
            if way == 0:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            elif way == 1:
                with contextlib.suppress(OSError):
                    sock.shutdown(socket.SHUT_WR)
            sock.close()


def open_files() -> int:
    """Return how many descriptors of this process are files in the server's directory."""
    count = 0
    for fd in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):
            count += "/home/" in os.readlink(f"/proc/self/fd/{fd}")
    return count


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port: int = sock.getsockname()[1]
        return port


@pytest.mark.parametrize("kernel", [True, False], ids=["in the kernel", "in memory"])
def test_sessions_cut_anywhere_leave_nothing(serve: Serve, calls: list[str], kernel: bool) -> None:
    with open(serve.directory / "large", "wb") as file:
        file.truncate(LARGE)
    (serve.directory / "small").write_bytes(b"small")
    # QUIT behind a RETR that nobody connects for ends with the wait for him.
    serving = serve(Recorder, calls=calls, use_sendfile=kernel, passive_dtp=Passive, server={"max_cons": 0})
    serving.call(lambda: None)  # the loop makes its means of waking on first use
    before = counts(serving)
    chance = random.Random(20)
    together = 10
    dead_port = closed_port()
    rounds = scaled(1000) // together + 1
    # Else the test proves nothing.
    needed = {f"login {USER} True True", "incomplete sent large", "incomplete received new"}
    for done in range(20 * rounds):
        if done >= rounds and needed <= set(calls):
            break
        with socket.create_server(("127.0.0.1", 0)) as listener:
            listener.setblocking(False)
            clients = [Cut(chance, serving.address, listener) for _ in range(together)]
            for client in clients:
                client.live(dead_port)
            for client in clients:
                client.end()
    wait_for(lambda: not serving.server.ip_map, "the ends of the sessions")
    wait_for(lambda: counts(serving) == before, f"the counts {before}")
    assert open_files() == 0
    assert calls.count("connect") == calls.count("disconnect")
    assert needed <= set(calls)
    serving.login()


def test_data_ports_that_nobody_connects_to_leave_nothing(serve: Serve) -> None:
    """A listener each, and all of them close: by the next one, by its time, or with the session."""
    serving = serve(server={"max_cons": 0})
    first = serving.login()
    serving.call(lambda: None)
    before = counts(serving)
    for _ in range(scaled(1000)):
        first.passive()
    assert counts(serving)[0] <= before[0] + 1
    clients = [serving.login() for _ in range(10)]
    for client in clients:
        client.send("PASV", "EPSV", "PASV")
        assert client.codes(3) == [227, 229, 227]
    assert counts(serving)[1] == before[1] + 1 + 2 * len(clients)
    for client in clients[:5]:
        client.close()
    for client in clients[5:]:
        client.reset()
    wait_for(lambda: len(serving.server.ip_map) == 1, "the ends of the sessions")
    assert first.command("ABOR") == 225
    wait_for(lambda: counts(serving) == before, f"the counts {before}")


def test_data_ports_time_out_and_the_sessions_stay(serve: Serve) -> None:
    serving = serve(passive_dtp=Passive)
    client = serving.login()
    serving.call(lambda: None)
    before = counts(serving)
    for _ in range(3):
        assert client.command("PASV") == 227
        assert client.code() == 421
        assert client.command("NOOP") == 200
    wait_for(lambda: counts(serving) == before, f"the counts {before}")


def reset_behind(serving: Serving) -> None:
    """Connect, and be gone before the server looks."""
    sock = socket.create_connection(serving.address)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def half_closed(serving: Serving) -> None:
    with socket.create_connection(serving.address) as sock:
        sock.shutdown(socket.SHUT_WR)


@pytest.mark.parametrize("act", [reset_behind, half_closed])
def test_clients_that_go_before_they_are_greeted_leave_nothing(serve: Serve, act: Callable[[Serving], None]) -> None:
    serving = serve(server={"max_cons": 0})
    serving.call(lambda: None)
    before = counts(serving)
    for _ in range(scaled(1000)):
        act(serving)
    serving.login().close()
    wait_for(lambda: counts(serving) == before, f"the counts {before}")
