"""Connections in odd states, on each poller: a loop that has nothing to do makes no turns."""

from __future__ import annotations

import contextlib
import socket
import struct
import sys
from collections.abc import Callable
from typing import Any, Final

import pytest

from ftpcore_adapters import ioloop
from ftpcore_adapters.handlers import DTPHandler
from ftpcore_adapters.ioloop import IOLoop
from tests.adapters.conftest import Serve
from tests.adapters.serving import Client, Serving, wait_for

NAMES: Final = ("Epoll", "Poll", "Select") if sys.platform == "linux" else ("IOLoop",)

#: Polls in which the loop may find something, after the state was entered; one that spins finds something in each.
FEW: Final = 15

State = Callable[[Client, contextlib.ExitStack], None]


class Slow(DTPHandler):
    read_limit = write_limit = 1000.0


def reset(sock: socket.socket) -> None:
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def half_closed_while_nobody_connects(client: Client, stack: contextlib.ExitStack) -> None:
    client.send("PASV", "RETR large", "QUIT")
    client.sock.shutdown(socket.SHUT_WR)


def gone_while_nobody_connects(client: Client, stack: contextlib.ExitStack) -> None:
    client.send("PASV", "RETR large", "QUIT")
    client.close()


def reset_while_nobody_connects(client: Client, stack: contextlib.ExitStack) -> None:
    client.send("PASV", "RETR large")
    client.reset()


def control_reset_with_unread_commands_during_a_transfer(client: Client, stack: contextlib.ExitStack) -> None:
    stack.enter_context(client.data())
    client.send("RETR large", *["PWD"] * 10_000)
    client.reset()


def control_closed_with_unread_commands_during_a_transfer(client: Client, stack: contextlib.ExitStack) -> None:
    stack.enter_context(client.data())
    client.send("RETR large", *["PWD"] * 10_000)
    client.close()


def data_half_closed_during_a_download(client: Client, stack: contextlib.ExitStack) -> None:
    data = stack.enter_context(client.data())
    client.send("RETR large")
    data.shutdown(socket.SHUT_WR)


def data_sent_during_a_download(client: Client, stack: contextlib.ExitStack) -> None:
    data = stack.enter_context(client.data())
    client.send("RETR large")
    data.sendall(b"nobody wants this")


def data_reset_during_a_pause(client: Client, stack: contextlib.ExitStack) -> None:
    data = client.data()
    client.send("STOR new", "NOOP")
    assert client.codes(2) == [150, 200]  # it waits for data
    data.sendall(b"x")
    data.sendall(b"x" * 100_000)
    reset(data)


def data_ended_during_a_pause(client: Client, stack: contextlib.ExitStack) -> None:
    data = stack.enter_context(client.data())
    client.send("STOR new", "NOOP")
    assert client.codes(2) == [150, 200]  # it waits for data
    data.sendall(b"x")
    data.sendall(b"x" * 100_000)
    data.shutdown(socket.SHUT_WR)


def closed_during_a_penalty(client: Client, stack: contextlib.ExitStack) -> None:
    client.send("REIN", "USER ann", "PASS wrong", *["NOOP"] * 10_000)
    client.sock.shutdown(socket.SHUT_WR)


def reset_during_a_penalty(client: Client, stack: contextlib.ExitStack) -> None:
    client.send("REIN", "USER ann", "PASS wrong", *["NOOP"] * 10_000)
    client.reset()


def half_closed_with_unread_replies(client: Client, stack: contextlib.ExitStack) -> None:
    client.sock.settimeout(0.05)
    with contextlib.suppress(OSError):
        while True:
            client.send(*["HELP"] * 100)
    client.sock.shutdown(socket.SHUT_WR)


def urgent(client: Client, stack: contextlib.ExitStack) -> None:
    stack.enter_context(client.data())
    client.send("RETR large")
    client.sock.send(b"\xff", socket.MSG_OOB)


def polls_that_find_something(serving: Serving, polls: int = 40) -> int:
    """Make so many polls of a few milliseconds each; return how often they found a descriptor ready."""
    wait = serving.loop._wait
    found = 0

    def counted(timeout: float | None) -> list[tuple[int, int]]:
        nonlocal found
        ready = wait(timeout)
        found += bool(ready)
        return ready

    serving.loop._wait = counted
    try:
        for _ in range(polls):
            serving.server.serve_forever(timeout=0.002, blocking=False)
    finally:
        serving.loop._wait = wait
    return found


@pytest.mark.parametrize("options", [{}, {"dtp_handler": Slow}], ids=["", "throttled"])
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "state",
    [
        half_closed_while_nobody_connects,
        gone_while_nobody_connects,
        reset_while_nobody_connects,
        control_reset_with_unread_commands_during_a_transfer,
        control_closed_with_unread_commands_during_a_transfer,
        data_half_closed_during_a_download,
        data_sent_during_a_download,
        data_reset_during_a_pause,
        data_ended_during_a_pause,
        closed_during_a_penalty,
        reset_during_a_penalty,
        half_closed_with_unread_replies,
        urgent,
    ],
)
def test_no_state_of_a_connection_makes_the_loop_spin(
    serve: Serve, state: State, name: str, options: dict[str, Any]
) -> None:
    with open(serve.directory / "large", "wb") as file:
        file.truncate(64 * 1024 * 1024)
    loop: type[IOLoop] = getattr(ioloop, name)
    serving = serve(loop=loop.factory(), auth_failed_timeout=600, **options)
    client = serving.login()
    with contextlib.ExitStack() as stack:
        state(client, stack)
        serving.call(lambda: None)
        # From here on the test makes the turns, on the same loop, while the server's own thread waits for it.
        serving.call(lambda: polls_that_find_something(serving))  # what is under way comes to rest
        assert serving.call(lambda: polls_that_find_something(serving)) <= FEW
    serving.call(serving.session().close)
    wait_for(lambda: not serving.server.ip_map, "the end")
