"""The loop as users of this API family know it: shared or new, turns, scheduled calls, and what close does."""

from __future__ import annotations

import errno
import io
import logging
import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from ftpcore_adapters import ioloop
from ftpcore_adapters.ioloop import AsyncChat, IOLoop, RepeatedCall, ScheduledCall
from ftpcore_adapters.servers import FTPServer
from tests.adapters.serving import Client, make_handler

LOOPS: dict[str, type[IOLoop]] = {
    name: getattr(ioloop, name) for name in ("Epoll", "Kqueue", "Poll", "Select") if hasattr(ioloop, name)
}


@pytest.fixture(params=list(LOOPS))
def loop(request: pytest.FixtureRequest) -> Iterator[IOLoop]:
    with LOOPS[request.param]() as loop:
        yield loop


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def plain() -> Iterator[IOLoop]:
    """A loop, where the poller makes no difference."""
    with IOLoop() as loop:
        yield loop


class Idle(AsyncChat):
    """Registered, and hears nothing."""

    def __init__(self, loop: IOLoop, stack: ExitStack) -> None:
        ours, self.peer = socket.socketpair()
        stack.enter_context(self.peer)
        super().__init__(ours, loop)
        stack.callback(self.close)


def turns(loop: IOLoop, condition: Callable[[], object]) -> None:
    """Make turns until the condition holds."""
    end = ioloop.timer() + 20
    while not condition():
        assert ioloop.timer() < end, "waited in vain"
        loop.loop(timeout=0.01, blocking=False)


# -- loops -------------------------------------------------------------------------------------------------------------


def test_the_platform_has_its_pollers_by_name_and_the_best_of_them_by_default(stack: ExitStack) -> None:
    assert "Select" in LOOPS
    assert ("Epoll" in LOOPS) == (sys.platform == "linux")
    for kind in LOOPS.values():
        assert issubclass(kind, IOLoop)
    best = "Epoll" if sys.platform == "linux" else "Select" if sys.platform == "win32" else "Kqueue"
    with IOLoop() as loop, LOOPS[best]() as named:
        Idle(loop, stack)
        assert type(loop._poller) is type(named._poller)


def test_instance_is_shared_factory_is_new_and_close_forgets() -> None:
    first = IOLoop.instance()
    with IOLoop.factory() as other:
        assert other is not first
        assert IOLoop.instance() is first
    assert IOLoop.instance() is first
    first.close()
    second = IOLoop.instance()
    assert second is not first
    second.close()


def test_servers_and_channels_are_on_the_shared_loop_by_default(tmp_path: Path) -> None:
    with IOLoop.instance() as shared, FTPServer(("127.0.0.1", 0), make_handler(tmp_path)) as server:
        assert server.ioloop is shared
        assert AsyncChat().ioloop is shared


def test_epoll_and_kqueue_have_a_descriptor(loop: IOLoop) -> None:
    if type(loop).__name__ in ("Epoll", "Kqueue"):
        assert os.fstat(loop.fileno())
    else:
        with pytest.raises(io.UnsupportedOperation):
            loop.fileno()


def test_there_is_no_call_at() -> None:
    assert not hasattr(IOLoop, "call_at")


def test_unregister_is_idempotent_and_modify_is_not(loop: IOLoop, stack: ExitStack) -> None:
    channel = Idle(loop, stack)
    assert channel.socket is not None
    number = channel.socket.fileno()
    loop.unregister(number)
    loop.unregister(number)
    assert loop.socket_map == {}
    with pytest.raises(KeyError):
        loop.modify(number, loop.READ)


def test_the_context_manager_closes(stack: ExitStack) -> None:
    with IOLoop() as loop:
        channel = Idle(loop, stack)
        call = loop.call_later(1000, print)
    assert call.cancelled
    assert channel.socket is not None
    assert channel.socket.fileno() == -1
    assert loop.socket_map == {}


@pytest.mark.parametrize("code", [errno.EBADF, errno.EIO])
def test_close_logs_what_fails_to_close_but_for_ebadf(
    code: int, loop: IOLoop, stack: ExitStack, caplog: pytest.LogCaptureFixture
) -> None:
    class Failing(Idle):
        def close(self) -> None:
            if self.connected:
                super().close()
                raise OSError(code, "no")

    channels = [Idle(loop, stack), Failing(loop, stack), Idle(loop, stack)]
    loop.close()
    assert [channel.socket is not None and channel.socket.fileno() for channel in channels] == [-1] * 3
    assert bool(caplog.records) == (code != errno.EBADF)


def test_a_single_turn_returns_the_delay_to_the_next_call(loop: IOLoop, stack: ExitStack) -> None:
    Idle(loop, stack)
    assert loop.loop(timeout=0, blocking=False) is None
    loop.call_later(100, print)
    loop.call_later(0, print, end="")
    delay = loop.loop(timeout=0, blocking=False)
    assert delay is not None
    assert 99 < delay <= 100


def test_the_blocking_loop_ends_with_the_last_descriptor(loop: IOLoop, stack: ExitStack) -> None:
    channel = Idle(loop, stack)
    loop.call_later(0.01, channel.close)
    never = loop.call_later(1000, print)
    assert loop.loop() is None
    assert not never.cancelled


def test_an_idle_loop_takes_no_cpu(loop: IOLoop, tmp_path: Path) -> None:
    """A server with a session that does nothing, for a fifth of a second."""
    server = FTPServer(("127.0.0.1", 0), make_handler(tmp_path), ioloop=loop)
    used: list[float] = []
    quiet = threading.Event()

    def serve() -> None:
        turns(loop, lambda: len(loop.socket_map) == 2)
        quiet.wait(10)
        before = time.thread_time()
        loop.call_later(0.2, server.close_all)
        server.serve_forever(handle_exit=False)
        used.append(time.thread_time() - before)

    thread = threading.Thread(target=serve)
    thread.start()
    with Client(server.address) as client:
        assert client.code() == 220
        quiet.set()
        thread.join(20)
    assert used[0] < 0.03


# -- scheduled calls ---------------------------------------------------------------------------------------------------


def test_calls_are_made_in_due_order_with_their_arguments(plain: IOLoop) -> None:
    made: list[object] = []

    def note(*args: object, **kwargs: object) -> None:
        made.append((args, kwargs))

    plain.call_later(0.02, note, "late")
    plain.call_later(0.01, note, "soon", key="word")
    plain.call_later(0, note)
    plain.call_later(0, note, "same time")
    turns(plain, lambda: len(made) == 4)
    assert made == [((), {}), (("same time",), {}), (("soon",), {"key": "word"}), (("late",), {})]


def test_calls_due_in_one_turn_are_made_once_each_and_new_ones_wait(plain: IOLoop) -> None:
    made: list[str] = []

    def again() -> None:
        made.append("again")
        plain.call_later(0, again)

    plain.call_later(0, again)
    plain.call_every(0, made.append, "every")
    plain.loop(timeout=0, blocking=False)
    assert made == ["again", "every"]
    plain.loop(timeout=0, blocking=False)
    assert sorted(made[2:]) == ["again", "every"]


def test_calls_compare_by_due_time(plain: IOLoop) -> None:
    late, soon = plain.call_later(2, print), plain.call_later(1, print)
    assert soon < late
    assert soon <= late
    assert sorted([late, soon]) == [soon, late]


def test_reset_starts_the_countdown_again(plain: IOLoop) -> None:
    made: list[str] = []
    call = plain.call_later(0.04, made.append, "reset")
    turns(plain, lambda: call.due - ioloop.timer() < 0.02)
    call.reset()
    plain.call_later(0.02, made.append, "overtakes")
    turns(plain, lambda: len(made) == 2)
    assert made == ["overtakes", "reset"]


def test_cancel_is_idempotent(plain: IOLoop) -> None:
    made: list[int] = []
    call = plain.call_later(0, made.append, 1)
    assert not call.cancelled
    call.cancel()
    call.cancel()
    assert call.cancelled
    plain.loop(timeout=0, blocking=False)
    assert made == []


@pytest.mark.parametrize("kind", ["call_later", "call_every"])
@pytest.mark.parametrize("method", ["call", "reset"])
def test_what_is_cancelled_can_be_neither_called_nor_reset(kind: str, method: str, plain: IOLoop) -> None:
    call = getattr(plain, kind)(1, print)
    call.cancel()
    with pytest.raises(AssertionError):
        getattr(call, method)()


@pytest.mark.parametrize("kind", ["call_later", "call_every"])
def test_a_delay_can_not_be_negative(kind: str, plain: IOLoop) -> None:
    with pytest.raises(AssertionError):
        getattr(plain, kind)(-1, print)


def test_call_makes_the_call_at_once_and_once(plain: IOLoop) -> None:
    made: list[int] = []
    call = plain.call_later(0, made.append, 1)
    call.call()
    assert made == [1]
    plain.loop(timeout=0, blocking=False)
    assert made == [1]


def test_a_failure_is_logged_and_the_loop_goes_on(plain: IOLoop, caplog: pytest.LogCaptureFixture) -> None:
    made: list[int] = []
    plain.call_later(0, int, "x")
    plain.call_later(0, made.append, 1)
    plain.loop(timeout=0, blocking=False)
    assert made == [1]
    [record] = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert record.exc_info


@pytest.mark.parametrize("kind", ["call_later", "call_every"])
def test_the_errback_is_called_without_arguments_instead_of_the_log(
    kind: str, plain: IOLoop, caplog: pytest.LogCaptureFixture
) -> None:
    told: list[object] = []

    def errback(*args: object, **kwargs: object) -> None:
        told.append((args, kwargs, sys.exc_info()[0]))

    getattr(plain, kind)(0, int, "x", _errback=errback)
    plain.loop(timeout=0, blocking=False)
    plain.loop(timeout=0, blocking=False)
    assert told == [((), {}, ValueError)]
    assert not caplog.records


def test_a_call_that_repeats_begins_after_one_period_and_goes_on(plain: IOLoop) -> None:
    made: list[float] = []
    begun = ioloop.timer()
    call = plain.call_every(0.01, lambda: made.append(ioloop.timer()))
    assert isinstance(call, RepeatedCall)
    turns(plain, lambda: len(made) == 3)
    assert [later - earlier >= 0.01 for earlier, later in zip([begun, *made], made, strict=False)] == [True] * 3
    call.cancel()
    assert plain.loop(timeout=0, blocking=False) is None


def test_a_call_that_repeats_stops_when_it_raises(plain: IOLoop, caplog: pytest.LogCaptureFixture) -> None:
    made: list[int] = []

    def fail() -> None:
        made.append(1)
        raise ZeroDivisionError

    call = plain.call_every(0, fail)
    for _ in range(3):
        plain.loop(timeout=0, blocking=False)
    assert made == [1]
    assert call.cancelled
    assert "ZeroDivisionError" in caplog.text


def test_a_call_that_repeats_is_reset_and_cancelled_from_within(plain: IOLoop) -> None:
    made: list[int] = []

    def target() -> None:
        made.append(1)
        call.reset()
        if len(made) == 2:
            call.cancel()

    call = plain.call_every(0, target)
    for _ in range(4):
        plain.loop(timeout=0, blocking=False)
    assert made == [1, 1]


def test_calls_are_made_with_no_descriptor_registered(plain: IOLoop) -> None:
    made: list[int] = []
    plain.call_later(0.01, made.append, 1)
    turns(plain, lambda: made)
    assert made == [1]


def test_close_cancels_calls_and_those_that_come(plain: IOLoop) -> None:
    call = plain.call_later(1, print)
    plain.close()
    assert call.cancelled
    assert plain.call_later(1, print).cancelled


def test_sched_runs_due_calls_and_tells_the_delay(plain: IOLoop) -> None:
    made: list[int] = []
    assert plain.sched.poll() is None
    late = plain.call_later(1000, made.append, 2)
    plain.call_later(0, made.append, 1)
    delay = plain.sched.poll()
    assert made == [1]
    assert delay is not None
    assert 990 < delay <= 1000
    assert plain.sched._tasks == [late]
    late.due = ioloop.timer()
    plain.sched.reheapify()
    assert plain.sched.poll() is None
    assert made == [1, 2]
    plain.sched.register(ScheduledCall(plain.sched, 0, made.append, (3,)))
    plain.sched.poll()
    assert made == [1, 2, 3]
    last = plain.call_later(0, made.append, 4)
    plain.sched.close()
    assert last.cancelled


def test_the_clock_is_monotonic() -> None:
    assert ioloop.timer is time.monotonic


# -- several servers ---------------------------------------------------------------------------------------------------


def test_close_all_of_one_server_closes_the_whole_loop(loop: IOLoop, tmp_path: Path, stack: ExitStack) -> None:
    servers = [FTPServer(("127.0.0.1", 0), make_handler(tmp_path), ioloop=loop) for _ in range(2)]
    channel = Idle(loop, stack)
    servers[0].close_all()
    assert channel.socket is not None
    assert channel.socket.fileno() == -1
    assert servers[1].socket is None
    with pytest.raises(OSError):
        socket.create_connection(servers[1].address, 1)


def test_close_of_one_server_leaves_the_others(loop: IOLoop, tmp_path: Path) -> None:
    servers = [FTPServer(("127.0.0.1", 0), make_handler(tmp_path), ioloop=loop) for _ in range(2)]
    servers[0].close()
    instances: list[Any] = list(loop.socket_map.values())
    assert instances == [servers[1]]
    servers[1].close_all()
