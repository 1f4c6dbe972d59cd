"""The I/O loop on all pollers of the platform, with socket pairs and threads."""

import contextlib
import errno
import io
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator

import pytest

from ftpcore_adapters import ioloop
from ftpcore_adapters._pollers import SelectPoller
from ftpcore_adapters.ioloop import IOLoop, Pollable

READ, WRITE = IOLoop.READ, IOLoop.WRITE

LOOPS: dict[str, type[IOLoop]] = {
    name: getattr(ioloop, name) for name in ("IOLoop", "Epoll", "Kqueue", "Poll", "Select") if hasattr(ioloop, name)
}
#: They tell a hang-up of a descriptor that is registered without events, and one that came with data.
TELLS_HANGUP = [name for name in LOOPS if name in ("Epoll", "Poll")]


@pytest.fixture(params=list(LOOPS))
def loop(request: pytest.FixtureRequest) -> Iterator[IOLoop]:
    with LOOPS[request.param]() as loop:
        yield loop


@pytest.fixture
def sockets() -> Iterator[contextlib.ExitStack]:
    with contextlib.ExitStack() as stack:
        yield stack


class Channel:
    """A non-blocking socket on a loop that notes what it is told; its peer is the test's end."""

    def __init__(self, loop: IOLoop, sockets: contextlib.ExitStack, events: int = READ, chunk: int = 100) -> None:
        self.socket, self.peer = map(sockets.enter_context, socket.socketpair())
        self.socket.setblocking(False)
        self.fd = self.socket.fileno()
        self.loop = loop
        self.chunk = chunk
        self.seen: list[object] = []
        loop.register(self.fd, self, events)

    def handle_read(self) -> None:
        data = self.socket.recv(self.chunk)
        self.seen.append(data)
        if not data:
            self.close()

    def handle_write(self) -> None:
        self.seen.append("write")
        self.socket.send(b"x")

    def handle_close(self) -> None:
        self.seen.append("close")

    def handle_error(self) -> None:
        self.seen.append(sys.exc_info()[0])
        self.close()

    def close(self) -> None:
        self.loop.unregister(self.fd)
        self.socket.close()


class Waits:
    """Counts how often a loop asks the kernel, and may do something just before it does."""

    def __init__(self, loop: IOLoop, before: Callable[[], object] = lambda: None) -> None:
        self.count = 0
        self._before = before
        self._wait = loop._wait
        loop._wait = self

    def __call__(self, timeout: float | None) -> list[tuple[int, int]]:
        self.count += 1
        self._before()
        return self._wait(timeout)


def test_a_readable_instance_reads(loop: IOLoop, sockets: contextlib.ExitStack) -> None:
    channel = Channel(loop, sockets)
    loop.poll(0)
    assert channel.seen == []
    channel.peer.send(b"hello")
    loop.poll(None)
    assert channel.seen == [b"hello"]


def test_a_writable_instance_writes(loop: IOLoop, sockets: contextlib.ExitStack) -> None:
    channel = Channel(loop, sockets, WRITE)
    loop.poll(None)
    assert channel.seen == ["write"]
    assert channel.peer.recv(10) == b"x"


def test_an_instance_that_is_both_reads_first(loop: IOLoop, sockets: contextlib.ExitStack) -> None:
    channel = Channel(loop, sockets, READ | WRITE)
    channel.peer.send(b"hello")
    loop.poll(None)
    assert channel.seen == [b"hello", "write"]


def test_an_instance_registered_for_reading_does_not_write(loop: IOLoop, sockets: contextlib.ExitStack) -> None:
    channel = Channel(loop, sockets, READ)
    loop.poll(0)
    loop.modify(channel.fd, WRITE)
    channel.peer.send(b"hello")
    loop.poll(None)
    loop.modify(channel.fd, 0)
    loop.poll(0)
    assert channel.seen == ["write"]


def test_reading_may_withdraw_the_wish_to_write(loop: IOLoop, sockets: contextlib.ExitStack) -> None:
    class Reader(Channel):
        def handle_read(self) -> None:
            super().handle_read()
            self.loop.modify(self.fd, READ)

    channel = Reader(loop, sockets, READ | WRITE)
    channel.peer.send(b"hello")
    loop.poll(None)
    assert channel.seen == [b"hello"]


def test_an_instance_that_closed_itself_reading_does_not_write(loop: IOLoop, sockets: contextlib.ExitStack) -> None:
    channel = Channel(loop, sockets, READ | WRITE)
    channel.peer.close()
    loop.poll(None)
    assert channel.seen == [b""]


def test_a_reader_gets_all_data_and_the_end_from_a_peer_that_is_gone(
    loop: IOLoop, sockets: contextlib.ExitStack
) -> None:
    channel = Channel(loop, sockets, READ, chunk=2)
    channel.peer.send(b"hello")
    channel.peer.close()
    loop.loop()
    assert channel.seen == [b"he", b"ll", b"o", b""]


@pytest.mark.parametrize("name", TELLS_HANGUP)
def test_data_of_a_peer_that_is_gone_come_before_writing_fails(name: str, sockets: contextlib.ExitStack) -> None:
    with LOOPS[name]() as loop:
        channel = Channel(loop, sockets, READ | WRITE, chunk=2)
        channel.peer.send(b"hello")
        channel.peer.close()
        loop.loop()
        assert channel.seen == [b"he", b"ll", b"o", b""]


def test_a_writer_learns_by_writing_that_its_peer_is_gone(loop: IOLoop, sockets: contextlib.ExitStack) -> None:
    channel = Channel(loop, sockets, WRITE)
    channel.peer.close()
    loop.loop()
    assert channel.seen == ["write", BrokenPipeError]


def test_a_refused_connection_is_told_by_handle_write(loop: IOLoop, sockets: contextlib.ExitStack) -> None:
    class Caller(Channel):
        def handle_write(self) -> None:
            self.seen.append(self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))
            self.close()

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        address = listener.getsockname()
    channel = Caller(loop, sockets, 0)
    loop.unregister(channel.fd)
    channel.socket.close()
    channel.socket = sockets.enter_context(socket.socket())
    channel.socket.setblocking(False)
    channel.socket.connect_ex(address)
    channel.fd = channel.socket.fileno()
    loop.register(channel.fd, channel, WRITE)
    loop.loop()
    assert channel.seen == [errno.ECONNREFUSED]


@pytest.mark.parametrize("name", TELLS_HANGUP)
def test_a_hangup_without_events_is_told_once_and_keeps_nobody_busy(name: str, sockets: contextlib.ExitStack) -> None:
    with LOOPS[name]() as loop:
        channel = Channel(loop, sockets, 0)
        channel.peer.send(b"bye")
        channel.peer.close()
        waits = Waits(loop)
        loop.call_later(0.05, loop.close)
        loop.loop()
        assert channel.seen == ["close"]
        assert waits.count < 5


def test_data_of_a_peer_that_is_gone_wait_for_a_reader(loop: IOLoop, sockets: contextlib.ExitStack) -> None:
    channel = Channel(loop, sockets, READ)
    loop.modify(channel.fd, 0)
    channel.peer.send(b"bye")
    channel.peer.close()
    loop.poll(0)
    loop.poll(0)
    loop.modify(channel.fd, 0)
    loop.modify(channel.fd, READ)
    loop.loop()
    assert [entry for entry in channel.seen if entry != "close"] == [b"bye", b""]


def test_a_hung_up_instance_can_be_unregistered_and_registered(loop: IOLoop, sockets: contextlib.ExitStack) -> None:
    channel = Channel(loop, sockets, 0)
    channel.peer.close()
    loop.poll(0)
    loop.unregister(channel.fd)
    loop.register(channel.fd, channel, READ)
    loop.loop()
    assert channel.seen[-1] == b""


def test_an_idle_loop_sleeps_until_the_next_call(loop: IOLoop, sockets: contextlib.ExitStack) -> None:
    Channel(loop, sockets)
    waits = Waits(loop)
    loop.call_later(0.02, print, end="")
    loop.call_later(0.0203, print, end="")
    loop.call_later(0.05, loop.close)
    loop.loop()
    # One for each call; a kernel may wake one of them a little early.
    assert 2 <= waits.count <= 6


def test_calls_scheduled_before_the_loop_starts_are_not_forgotten(loop: IOLoop, sockets: contextlib.ExitStack) -> None:
    Channel(loop, sockets)
    loop.call_later(0.001, loop.close)
    loop.loop()
    assert loop.socket_map == {}


def test_the_loop_ends_when_nothing_is_registered_whatever_is_scheduled(
    loop: IOLoop, sockets: contextlib.ExitStack
) -> None:
    channel = Channel(loop, sockets)
    loop.call_later(0, channel.close)
    never = loop.call_later(1000, print)
    loop.loop()
    assert not never.cancelled


@pytest.mark.parametrize("timeout", [None, 0.001], ids=["no timeout", "timeout"])
def test_close_ends_the_loop(timeout: float | None, loop: IOLoop, sockets: contextlib.ExitStack) -> None:
    Channel(loop, sockets)
    loop.call_later(0, loop.close)
    loop.loop(timeout)
    assert loop.socket_map == {}


def test_a_timeout_bounds_each_wait(loop: IOLoop, sockets: contextlib.ExitStack) -> None:
    channel = Channel(loop, sockets)
    turns: list[None] = []

    def turn() -> None:
        turns.append(None)
        if len(turns) == 3:
            channel.close()

    Waits(loop, turn)
    loop.loop(timeout=0.001)
    assert len(turns) == 3


def test_a_scheduled_call_comes_before_the_timeout(loop: IOLoop, sockets: contextlib.ExitStack) -> None:
    Channel(loop, sockets)
    loop.call_later(0.001, loop.close)
    loop.loop(timeout=1000)
    assert loop.socket_map == {}


def test_a_delay_beyond_what_the_kernel_takes_is_no_error(loop: IOLoop, sockets: contextlib.ExitStack) -> None:
    channel = Channel(loop, sockets)
    channel.peer.close()
    loop.call_later(1e12, print)
    loop.loop()
    assert channel.seen == [b""]


def test_one_turn_polls_runs_due_calls_and_returns_the_delay(loop: IOLoop, sockets: contextlib.ExitStack) -> None:
    channel = Channel(loop, sockets)
    assert loop.loop(timeout=0, blocking=False) is None
    loop.call_later(0, channel.seen.append, "call")
    loop.call_later(1000, print)
    channel.peer.send(b"hello")
    delay = loop.loop(blocking=False)
    assert channel.seen == [b"hello", "call"]
    assert delay is not None
    assert 990 < delay <= 1000


def test_one_turn_without_a_timeout_waits_for_the_next_call(loop: IOLoop, sockets: contextlib.ExitStack) -> None:
    Channel(loop, sockets)
    made: list[int] = []
    loop.call_later(0.01, made.append, 1)
    assert loop.loop(blocking=False) is None
    assert made == [1]


def test_one_turn_of_an_empty_loop_does_not_wait(loop: IOLoop) -> None:
    assert loop.loop(blocking=False) is None
    loop.call_later(1000, print)
    delay = loop.loop(blocking=False)
    assert delay is not None
    assert delay > 990


def test_turns_may_be_made_from_different_threads(loop: IOLoop, sockets: contextlib.ExitStack) -> None:
    channel = Channel(loop, sockets)
    for data in (b"1", b"2", b"3"):
        channel.peer.send(data)
        in_thread(lambda: loop.loop(blocking=False))
    assert channel.seen == [b"1", b"2", b"3"]


def test_an_exception_goes_to_handle_error_and_the_others_go_on(loop: IOLoop, sockets: contextlib.ExitStack) -> None:
    class Failing(Channel):
        def handle_read(self) -> None:
            raise ZeroDivisionError

    failing, fine = Failing(loop, sockets), Channel(loop, sockets)
    failing.peer.send(b"x")
    fine.peer.send(b"hello")
    fine.peer.close()
    loop.loop()
    assert failing.seen == [ZeroDivisionError]
    assert fine.seen == [b"hello", b""]


def test_an_instance_whose_handle_error_fails_is_closed(
    loop: IOLoop, sockets: contextlib.ExitStack, caplog: pytest.LogCaptureFixture
) -> None:
    class Hopeless(Channel):
        def handle_read(self) -> None:
            raise ZeroDivisionError

        handle_error = handle_read

        def close(self) -> None:
            self.socket.close()
            raise ZeroDivisionError

    hopeless = Hopeless(loop, sockets)
    hopeless.peer.send(b"x")
    loop.loop()
    assert hopeless.socket.fileno() == -1
    assert caplog.text.count("Traceback") >= 2


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_an_interrupt_ends_the_loop_and_the_loop_can_go_on(
    error: type[BaseException], loop: IOLoop, sockets: contextlib.ExitStack
) -> None:
    class Interrupted(Channel):
        def handle_read(self) -> None:
            super().handle_read()
            self.close()
            raise error

    interrupted = Interrupted(loop, sockets)
    other = Channel(loop, sockets)
    interrupted.peer.send(b"stop")
    other.peer.send(b"hello")
    other.peer.close()
    with pytest.raises(error):
        loop.loop()
    loop.loop()
    assert interrupted.seen == [b"stop"]
    assert other.seen == [b"hello", b""]


@pytest.mark.parametrize("act", ["unregister", "close", "pause", "replace"])
def test_no_event_is_told_that_another_instance_made_stale(
    act: str, loop: IOLoop, sockets: contextlib.ExitStack
) -> None:
    """Two are readable in one turn; whoever comes first makes the event of the other stale."""

    class Rival(Channel):
        other: "Rival"

        def handle_read(self) -> None:
            super().handle_read()
            if act == "unregister":
                loop.unregister(self.other.fd)
            elif act == "close":
                self.other.close()
            elif act == "pause":
                loop.modify(self.other.fd, 0)
            else:
                replacements.append(replace(self.other))

    def replace(rival: Rival) -> Channel:
        replacement = Channel(loop, sockets, 0)
        loop.unregister(replacement.fd)
        rival.close()
        os.dup2(replacement.fd, rival.fd)
        replacement.socket.close()
        replacement.socket = sockets.enter_context(socket.socket(fileno=rival.fd))
        replacement.fd = rival.fd
        loop.register(replacement.fd, replacement, READ | WRITE)
        return replacement

    replacements: list[Channel] = []
    first, second = Rival(loop, sockets), Rival(loop, sockets)
    first.other, second.other = second, first
    first.peer.send(b"x")
    second.peer.send(b"x")
    loop.poll(None)
    assert sorted([first.seen, second.seen]) == [[], [b"x"]]
    assert [replacement.seen for replacement in replacements] == ([[]] if act == "replace" else [])
    if replacements:
        loop.poll(None)
        assert replacements[0].seen == ["write"]


def test_register_takes_the_place_of_a_former_instance(loop: IOLoop, sockets: contextlib.ExitStack) -> None:
    channel = Channel(loop, sockets, WRITE)
    heir = Channel(loop, sockets, 0)
    loop.unregister(heir.fd)
    heir.socket = channel.socket
    loop.register(channel.fd, heir, READ)
    channel.peer.send(b"hello")
    loop.poll(None)
    assert loop.socket_map == {channel.fd: heir}
    assert (channel.seen, heir.seen) == ([], [b"hello"])


def test_register_of_a_closed_descriptor_changes_nothing(loop: IOLoop, sockets: contextlib.ExitStack) -> None:
    channel = Channel(loop, sockets)
    channel.close()
    if isinstance(loop, ioloop.Poll):
        pytest.skip("poll finds out when it waits")
    with pytest.raises(OSError, match="Bad file descriptor"):
        loop.register(channel.fd, channel, READ)
    assert loop.socket_map == {}


def test_unregister_is_idempotent(loop: IOLoop, sockets: contextlib.ExitStack) -> None:
    channel = Channel(loop, sockets)
    loop.unregister(channel.fd)
    loop.unregister(channel.fd)
    assert loop.socket_map == {}


def test_unregister_may_come_after_the_descriptor_was_closed(loop: IOLoop, sockets: contextlib.ExitStack) -> None:
    channel = Channel(loop, sockets)
    channel.socket.close()
    loop.unregister(channel.fd)
    assert loop.socket_map == {}


def test_modify_takes_registered_descriptors_only(loop: IOLoop, sockets: contextlib.ExitStack) -> None:
    channel = Channel(loop, sockets)
    loop.unregister(channel.fd)
    with pytest.raises(KeyError):
        loop.modify(channel.fd, READ)


@pytest.mark.parametrize("name", [name for name in LOOPS if name in ("Poll", "Select")])
def test_a_descriptor_closed_while_registered_is_dropped(
    name: str, sockets: contextlib.ExitStack, caplog: pytest.LogCaptureFixture
) -> None:
    with LOOPS[name]() as loop:
        closed, fine = Channel(loop, sockets), Channel(loop, sockets)
        closed.socket.close()
        fine.peer.send(b"hello")
        fine.peer.close()
        loop.loop()
        assert closed.seen == ["close"]
        assert fine.seen == [b"hello", b""]
        assert [record.levelno for record in caplog.records] == [logging.ERROR]


def test_close_closes_all_instances_and_calls(sockets: contextlib.ExitStack) -> None:
    for name, loop_class in LOOPS.items():
        loop = loop_class()
        channels = [Channel(loop, sockets), Channel(loop, sockets, 0)]
        call = loop.call_later(1000, print)
        loop.close()
        loop.close()
        assert [channel.socket.fileno() for channel in channels] == [-1, -1], name
        assert call.cancelled
        assert loop.socket_map == {}
        with pytest.raises(ValueError, match="closed"):
            loop.register(channels[0].peer.fileno(), channels[0], READ)


@pytest.mark.parametrize(
    ("error", "logged"),
    [(OSError(errno.EBADF, "gone"), 0), (OSError(errno.EIO, "broken"), 1), (ZeroDivisionError(), 1)],
    ids=["EBADF", "EIO", "other"],
)
def test_close_goes_on_when_an_instance_fails(
    error: Exception, logged: int, sockets: contextlib.ExitStack, caplog: pytest.LogCaptureFixture
) -> None:
    class Failing(Channel):
        def close(self) -> None:
            raise error

    with IOLoop() as loop:
        Failing(loop, sockets)
        fine = Channel(loop, sockets)
    assert fine.socket.fileno() == -1
    assert len(caplog.records) == logged


def test_the_poller_has_a_descriptor_or_says_so(loop: IOLoop, sockets: contextlib.ExitStack) -> None:
    Channel(loop, sockets)
    if loop._poller.live:
        assert loop.fileno() > 2
    else:
        with pytest.raises(io.UnsupportedOperation):
            loop.fileno()


def test_instance_is_shared_until_closed() -> None:
    for loop_class in LOOPS.values():
        shared = loop_class.instance()
        assert type(shared) is loop_class
        assert loop_class.instance() is shared
        shared.close()
        successor = loop_class.instance()
        assert successor is not shared
        with loop_class.factory() as other:
            assert type(other) is loop_class
            assert other is not successor
        assert loop_class.instance() is successor
        successor.close()


def test_instances_of_different_classes_are_different() -> None:
    with IOLoop.instance() as best, ioloop.Select.instance() as other:
        assert best is not other


def test_a_subclass_of_the_best_loop_works(sockets: contextlib.ExitStack) -> None:
    class Mine(IOLoop):
        pass

    with Mine() as loop:
        channel = Channel(loop, sockets)
        channel.peer.close()
        loop.loop()
        assert channel.seen == [b""]


def test_the_loop_configures_logging_where_nobody_did(monkeypatch: pytest.MonkeyPatch) -> None:
    configured: list[bool] = []
    monkeypatch.setattr(ioloop, "is_logging_configured", lambda: bool(configured))
    monkeypatch.setattr(ioloop, "config_logging", lambda: configured.append(True))
    with IOLoop() as loop:
        loop.loop()
        loop.loop()
    assert configured == [True]


def test_a_call_from_another_thread_wakes_a_sleeping_loop(loop: IOLoop, sockets: contextlib.ExitStack) -> None:
    channel = Channel(loop, sockets)
    asleep = threading.Event()
    Waits(loop, asleep.set)
    made_in: list[int] = []

    def call() -> None:
        made_in.append(threading.get_ident())
        channel.close()

    def caller() -> None:
        asleep.wait()
        loop.call_soon_threadsafe(call)

    thread = threading.Thread(target=caller)
    thread.start()
    loop.loop()
    thread.join()
    assert made_in == [threading.get_ident()]


def test_calls_of_many_threads_are_all_made_in_the_order_of_each(loop: IOLoop, sockets: contextlib.ExitStack) -> None:
    channel = Channel(loop, sockets)
    made: list[tuple[int, int]] = []

    def make(caller: int, number: int) -> None:
        made.append((caller, number))
        if len(made) == 8 * 500:
            channel.close()

    def caller(name: int) -> None:
        for number in range(500):
            loop.call_soon_threadsafe(make, name, number)

    threads = [threading.Thread(target=caller, args=(name,)) for name in range(8)]
    for thread in threads:
        thread.start()
    loop.loop()
    for thread in threads:
        thread.join()
    for name in range(8):
        assert [number for caller_name, number in made if caller_name == name] == list(range(500))


def test_the_waker_is_not_registered_and_keeps_no_loop_from_ending(loop: IOLoop, sockets: contextlib.ExitStack) -> None:
    made: list[int] = []
    loop.call_soon_threadsafe(made.append, 1)
    assert loop.socket_map == {}
    loop.loop()
    assert made == [1]
    channel = Channel(loop, sockets)
    loop.call_soon_threadsafe(channel.close)
    loop.loop()
    assert loop.socket_map == {}


def test_a_call_that_comes_while_the_loop_closes_is_refused() -> None:
    """As when it is closed: by then there may be no poller that could be woken."""
    refused: list[type[Exception]] = []

    class LatePoller(SelectPoller):
        def close(self) -> None:
            super().close()
            try:
                late.call_soon_threadsafe(refused.clear)
            except Exception as error:  # noqa: BLE001  which it is, is the question
                refused.append(type(error))

    class LateLoop(ioloop.Select):
        _poller_class = LatePoller

    late = LateLoop()
    late.close()
    assert refused == [RuntimeError]


def test_one_turn_makes_the_calls_of_other_threads(loop: IOLoop) -> None:
    made: list[int] = []
    loop.call_soon_threadsafe(made.append, 1)
    loop.call_soon_threadsafe(made.append, 2)
    loop.loop(blocking=False)
    assert made == [1, 2]


def test_a_call_added_by_such_a_call_waits_for_the_next_turn(loop: IOLoop) -> None:
    made: list[int] = []
    loop.call_soon_threadsafe(loop.call_soon_threadsafe, made.append, 1)
    loop.poll(0)
    assert made == []
    loop.poll(0)
    assert made == [1]


def test_a_failing_call_of_another_thread_is_logged(loop: IOLoop, caplog: pytest.LogCaptureFixture) -> None:
    def fail() -> None:
        raise ZeroDivisionError

    made: list[int] = []
    loop.call_soon_threadsafe(fail)
    loop.call_soon_threadsafe(made.append, 1)
    loop.loop()
    assert made == [1]
    assert "ZeroDivisionError" in caplog.text


def test_an_interrupted_call_of_another_thread_leaves_the_others_waiting(loop: IOLoop) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    made: list[int] = []
    loop.call_soon_threadsafe(interrupt)
    loop.call_soon_threadsafe(made.append, 1)
    with pytest.raises(KeyboardInterrupt):
        loop.loop()
    loop.loop()
    assert made == [1]


def test_close_drops_calls_of_other_threads_and_refuses_more(loop: IOLoop) -> None:
    made: list[int] = []
    loop.call_soon_threadsafe(loop.close)
    loop.call_soon_threadsafe(made.append, 1)
    loop.loop()
    assert made == []
    with pytest.raises(RuntimeError):
        loop.call_soon_threadsafe(made.append, 2)


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs POSIX signals")
def test_a_signal_handler_may_wake_the_loop(loop: IOLoop, sockets: contextlib.ExitStack) -> None:
    channel = Channel(loop, sockets)
    former = signal.signal(signal.SIGUSR1, lambda *_: loop.call_soon_threadsafe(channel.close))
    try:
        Waits(loop, lambda: signal.raise_signal(signal.SIGUSR1))
        loop.loop()
    finally:
        signal.signal(signal.SIGUSR1, former)
    assert loop.socket_map == {}


def test_each_thread_may_have_its_own_loop() -> None:
    def serve() -> None:
        with IOLoop() as loop, contextlib.ExitStack() as own:
            channel = Channel(loop, own)
            channel.peer.send(b"hello")
            channel.peer.close()
            loop.loop()
            seen.append(channel.seen)

    seen: list[object] = []
    threads = [threading.Thread(target=serve) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [[b"hello", b""]] * 4


def test_a_channel_is_pollable() -> None:
    channel: type[Pollable] = Channel
    assert channel


def in_thread(target: Callable[[], object]) -> None:
    thread = threading.Thread(target=target)
    thread.start()
    thread.join()


def test_a_loop_may_begin_while_another_thread_makes_the_first_call(
    sockets: contextlib.ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They make one socket to wake it, not two."""
    make_pair = socket.socketpair
    threads: list[threading.Thread] = []
    with IOLoop() as loop:
        channel = Channel(loop, sockets)

        def interrupted() -> tuple[socket.socket, socket.socket]:
            monkeypatch.undo()
            thread = threading.Thread(target=loop.call_soon_threadsafe, args=(loop.unregister, channel.fd))
            threads.append(thread)
            thread.start()
            thread.join(0.1)  # it goes on, or waits for this one
            return make_pair()

        monkeypatch.setattr(socket, "socketpair", interrupted)
        late = loop.call_later(5, loop.unregister, channel.fd)
        loop.loop()
        threads[0].join()
        assert late.due > loop.sched.clock()


def test_a_signal_handler_may_make_the_first_call_amid_the_first_call(monkeypatch: pytest.MonkeyPatch) -> None:
    make_pair = socket.socketpair
    made: list[int] = []
    with IOLoop() as loop:

        def interrupted() -> tuple[socket.socket, socket.socket]:
            monkeypatch.undo()
            loop.call_soon_threadsafe(made.append, 1)
            return make_pair()

        monkeypatch.setattr(socket, "socketpair", interrupted)
        loop.call_soon_threadsafe(made.append, 2)
        loop.poll(5)
        assert made == [1, 2]
