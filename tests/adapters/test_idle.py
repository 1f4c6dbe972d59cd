"""Sessions with nothing to do: the loop sleeps, whatever state they are in."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from collections.abc import Callable

import pytest

from tests.adapters.conftest import Serve
from tests.adapters.serving import PATIENCE, Client, Serving, wait_for

#: Of both ends of each of them, a process may have twice as many descriptors open as this is.
SESSIONS = 200

#: Turns that nobody notices; a loop that spins makes tens of thousands in a second.
FEW = 20


def turns(serving: Serving, seconds: float = 0.3) -> tuple[int, float]:
    """Return how often the loop asked the kernel in about so many seconds, and the CPU time of the process."""
    count = 0
    wait = serving.loop._wait

    def counted(timeout: float | None) -> object:
        nonlocal count
        count += 1
        return wait(timeout)

    over = threading.Event()

    def begin() -> None:
        serving.loop._wait = counted  # type: ignore[assignment]  # passed on

    serving.call(begin)
    # What was under way ends; the turns are counted from here on.
    serving.call(lambda: None)
    before, cpu = count, time.process_time()
    serving.loop.call_soon_threadsafe(serving.loop.call_later, seconds, over.set)
    assert over.wait(PATIENCE)
    result = count - before, time.process_time() - cpu
    serving.loop._wait = wait
    return result


def test_idle_sessions_use_no_cpu(serve: Serve, record_property: Callable[[str, object], None]) -> None:
    resource = pytest.importorskip("resource", reason="limits of a process are of POSIX")
    if resource.getrlimit(resource.RLIMIT_NOFILE)[0] < 2 * SESSIONS + 100:
        pytest.skip("this process may not open so many descriptors")
    serving = serve(server={"max_cons": 0})
    clients = [serving.login() for _ in range(SESSIONS)]
    count, cpu = turns(serving, seconds=1.0)
    record_property("turns", count)
    record_property("CPU seconds", cpu)
    assert count <= FEW
    assert all(client.command("NOOP") == 200 for client in clients)
    assert len(serving.server.ip_map) == SESSIONS


def idle_data_connection(client: Client, stack: contextlib.ExitStack) -> None:
    stack.enter_context(client.data())


def closed_data_connection(client: Client, stack: contextlib.ExitStack) -> None:
    client.data().close()


def reset_data_connection(client: Client, stack: contextlib.ExitStack) -> None:
    data = client.data()
    data.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    data.close()


def data_that_nobody_asked_for(client: Client, stack: contextlib.ExitStack) -> None:
    stack.enter_context(client.data()).sendall(b"early")


def listener(client: Client, stack: contextlib.ExitStack) -> None:
    client.passive()


def upload_that_stalls(client: Client, stack: contextlib.ExitStack) -> None:
    data = stack.enter_context(client.data())
    assert client.command("STOR f") == 150
    data.sendall(b"beginning")


def download_that_stalls(client: Client, stack: contextlib.ExitStack) -> None:
    stack.enter_context(client.data())
    assert client.command("RETR large") == 150


def replies_that_nobody_reads(client: Client, stack: contextlib.ExitStack) -> None:
    client.sock.settimeout(0.05)
    with contextlib.suppress(TimeoutError):
        while True:
            client.send(*["HELP"] * 100)


def half_closed_transfer(client: Client, stack: contextlib.ExitStack) -> None:
    stack.enter_context(client.data())
    client.send("STOR f")
    client.sock.shutdown(socket.SHUT_WR)


@pytest.mark.parametrize(
    "state",
    [
        idle_data_connection,
        closed_data_connection,
        reset_data_connection,
        data_that_nobody_asked_for,
        listener,
        upload_that_stalls,
        download_that_stalls,
        replies_that_nobody_reads,
        half_closed_transfer,
    ],
)
def test_a_session_that_waits_does_not_spin(
    serve: Serve, state: Callable[[Client, contextlib.ExitStack], None]
) -> None:
    with open(serve.directory / "large", "wb") as file:
        file.truncate(64 * 1024 * 1024)
    serving = serve()
    with contextlib.ExitStack() as stack:
        state(serving.login(), stack)
        assert turns(serving)[0] <= FEW


def test_a_suspended_session_does_not_spin(serve: Serve) -> None:
    serving = serve()
    client = serving.login()
    handler = serving.session()
    serving.call(handler.del_channel)
    client.send("NOOP")
    client.sock.shutdown(socket.SHUT_WR)
    assert turns(serving)[0] <= FEW
    serving.call(handler.add_channel)
    assert client.code() == 200
    wait_for(client.ended, "the end")
