"""Many clients at once, in a process of its own: each sends random commands, and moves data, until the time is over.

python -m tests.adapters.soaking HOST PORT CLIENTS SECONDS

Clients connect first; once all are logged in, "ready" is printed, and a line of standard input begins the play.  The
outcome is printed as a line of JSON: see `Outcome`.
"""

from __future__ import annotations

import json
import random
import resource
import selectors
import socket
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from typing import Final

from ftpcore.wire import ReplyReader

__all__ = ["Outcome", "raise_descriptor_limit"]

#: What a client sends, at random, and the codes that are right.
COMMANDS: Final[tuple[tuple[str, frozenset[int]], ...]] = tuple(
    (line, frozenset(codes))
    for line, codes in {
        "NOOP": (200,),
        "PWD": (257,),
        "CWD /dir": (250,),
        "CWD /nowhere": (550,),
        "CDUP": (250,),
        "SIZE /a": (213,),
        "MDTM /a": (213,),
        "MLST /a": (250,),
        "STAT /dir": (213,),
        "STAT": (211,),
        "FEAT": (211,),
        "RNFR /a": (350,),
        "RNTO": (501,),
        "XYZZY": (500,),
        "PASS again": (503,),
        "EPSV": (229,),
        "ABOR": (225,),
        "TYPE I": (200,),
        "REST 0": (350,),
        "SITE HELP": (214,),
        "OPTS UTF8 ON": (200,),
    }.items()
)

#: What is moved over a data connection of its own, with what then comes; None: nothing, for this is sent.
TRANSFERS: Final[tuple[tuple[str, bytes | None], ...]] = (
    ("RETR /a", b"content"),
    ("NLST /dir", b"/dir/b\r\n"),
    ("STOR /stored", None),
)
STORED: Final = b"stored"

#: One command in so many is a transfer.
TRANSFER_EVERY: Final = 5

#: Seconds that a client waits between an answer and its next command, at most: as people and programs do.
PAUSE: Final = 0.5


@dataclass
class Outcome:
    """What became of the clients."""

    clients: int
    commands: int = 0
    """Answered, and rightly."""
    transfers: int = 0
    """Whose data came, and was right."""
    lost: int = 0
    """Connections that the server ended, or never began."""
    wrong: list[str] = field(default_factory=list)
    """Answers that were not right; the first ones."""
    slowest: float = 0.0
    """Seconds that an answer took, at most."""


class _Download:
    """A data connection that something comes over."""

    def __init__(self, sock: socket.socket, expected: bytes) -> None:
        self.sock = sock
        self.expected = expected
        self.received = b""


class _Client:
    """One connection."""

    def __init__(self, address: tuple[str, int]) -> None:
        self.host = address[0]
        self.transfer: tuple[str, bytes | None] | None = None
        """What the next 229 is for."""
        self.sock = socket.create_connection(address, 60)
        self.sock.setblocking(False)
        self.reader = ReplyReader()
        self.expected: list[frozenset[int]] = [frozenset({code}) for code in (220, 331, 230, 200)]
        self.sent_at = 0.0
        self.due = 0.0
        self.leaves = False

    def send(self, line: str, codes: frozenset[int]) -> None:
        self.expected.append(codes)
        self.sent_at = time.monotonic()
        with suppress(OSError):  # that it is lost is seen when it is read
            self.sock.sendall(line.encode() + b"\r\n")

    def begin(self, line: str, content: bytes | None) -> None:
        """Ask for a port; the transfer follows."""
        self.transfer = line, content
        self.send("EPSV", frozenset({229}))

    def connect(self, port: int) -> _Download | None:
        """Begin the transfer; return what is to be read."""
        assert self.transfer is not None
        (line, content), self.transfer = self.transfer, None
        sock = socket.create_connection((self.host, port), 60)
        self.send(line, frozenset({125, 150}))
        self.expected.append(frozenset({226}))
        if content is not None:
            sock.setblocking(False)
            return _Download(sock, content)
        with sock:
            sock.sendall(STORED)
        return None


def raise_descriptor_limit(needed: int) -> bool:
    """Raise the limit of this process as far as it may be; tell whether so many descriptors can be had."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard == resource.RLIM_INFINITY or hard >= needed


def _play(address: tuple[str, int], count: int, seconds: float) -> Outcome:
    outcome = Outcome(count)
    dice = random.Random(count)
    clients: set[_Client] = set()
    with selectors.DefaultSelector() as selector:
        for _ in range(count):
            client = _Client(address)
            client.sock.sendall(b"USER ann\r\nPASS pw\r\nTYPE I\r\n")
            clients.add(client)
            selector.register(client.sock, selectors.EVENT_READ, client)
        _until(selector, clients, outcome, lambda: not any(client.expected for client in clients))
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        sys.stdin.readline()
        outcome.commands, outcome.slowest = 0, 0.0
        end = time.monotonic() + seconds
        for client in clients:
            client.due = time.monotonic() + dice.random() * PAUSE
        while (now := time.monotonic()) < end and clients:
            for client in [client for client in clients if not client.expected and client.due <= now]:
                if dice.randrange(TRANSFER_EVERY):
                    client.send(*dice.choice(COMMANDS))
                else:
                    client.begin(*dice.choice(TRANSFERS))
                client.due = now + dice.random() * PAUSE
            _take(selector, clients, outcome, 0.01)
        _until(selector, clients, outcome, lambda: not any(client.expected for client in clients))
        _until(selector, clients, outcome, lambda: len(selector.get_map()) <= len(clients))
        for client in clients:
            client.leaves = True
            client.send("QUIT", frozenset({221}))
        _until(selector, clients, outcome, lambda: not any(client.expected for client in clients))
        for client in clients:
            client.sock.close()
    return outcome


def _until(selector: selectors.BaseSelector, clients: set[_Client], outcome: Outcome, done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not done():
        if time.monotonic() > deadline:
            outcome.wrong.append(f"{sum(bool(client.expected) for client in clients)} clients were never answered")
            return
        _take(selector, clients, outcome, 0.2)


def _take(selector: selectors.BaseSelector, clients: set[_Client], outcome: Outcome, timeout: float) -> None:
    """Read what has come."""
    for key, _ in selector.select(timeout):
        if isinstance(key.data, _Download):
            _take_data(selector, key.data, outcome)
            continue
        client: _Client = key.data
        try:
            data = client.sock.recv(65536)
        except OSError:
            data = b""
        if data:
            client.reader.feed(data)
            while (reply := client.reader.next_reply()) is not None:
                codes = client.expected.pop(0) if client.expected else frozenset()
                if reply.code in codes:
                    outcome.commands += 1
                    if reply.code == 229 and client.transfer is not None:
                        download = client.connect(int(reply.lines[0].split("|")[3]))
                        if download is not None:
                            selector.register(download.sock, selectors.EVENT_READ, download)
                        else:
                            outcome.transfers += 1
                elif len(outcome.wrong) < 10:
                    outcome.wrong.append(f"{reply.code} {reply.lines[0]}, where {sorted(codes)} was right")
                if client.sent_at:
                    outcome.slowest = max(outcome.slowest, time.monotonic() - client.sent_at)
        else:
            selector.unregister(client.sock)
            client.sock.close()
            clients.discard(client)
            outcome.lost += bool(client.expected) or not client.leaves


def _take_data(selector: selectors.BaseSelector, download: _Download, outcome: Outcome) -> None:
    try:
        data = download.sock.recv(65536)
    except OSError:
        data = b""
    download.received += data
    if data:
        return
    selector.unregister(download.sock)
    download.sock.close()
    if download.received == download.expected:
        outcome.transfers += 1
    elif len(outcome.wrong) < 10:
        outcome.wrong.append(f"{download.received!r} came, where {download.expected!r} was right")


if __name__ == "__main__":
    host, port, number, duration = sys.argv[1:]
    raise_descriptor_limit(0)
    played = asdict(_play((host, int(port)), int(number), float(duration)))
    sys.stdout.write(json.dumps(played) + "\n")
