"""Scheduled calls: order, turns, cancellation, errors.  The clock is turned by hand."""

import contextlib
import gc
import logging
import random
import sys
import threading
import weakref
from collections.abc import Callable, Iterator
from typing import TypeVar

import pytest

from ftpcore_adapters.ioloop import IOLoop, RepeatedCall, ScheduledCall, Scheduler
from tests.adapters.serving import LogLines, wait_for
from tests.conftest import scaled

_Call = TypeVar("_Call", bound=ScheduledCall)


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Agenda:
    """A scheduler with a clock, and a list that its calls write to."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.scheduler = Scheduler(self.clock)
        self.made: list[str] = []

    def later(self, seconds: float, target: Callable[[], object] | str) -> ScheduledCall:
        return self._add(ScheduledCall(self.scheduler, seconds, *self._target(target)))

    def every(self, seconds: float, target: Callable[[], object] | str) -> RepeatedCall:
        return self._add(RepeatedCall(self.scheduler, seconds, *self._target(target)))

    def turn(self, seconds: float = 0.0) -> list[str]:
        """Let time pass, run what is due, and return what was called."""
        self.clock.now += seconds
        self.scheduler.poll()
        made = self.made[:]
        self.made.clear()
        return made

    def _target(self, target: Callable[[], object] | str) -> tuple[Callable[..., object], tuple[object, ...]]:
        return (self.made.append, (target,)) if isinstance(target, str) else (target, ())

    def _add(self, call: _Call) -> _Call:
        self.scheduler.register(call)
        return call


@pytest.fixture
def agenda() -> Agenda:
    return Agenda()


def fail() -> None:
    raise ZeroDivisionError("on purpose")


def test_calls_due_in_one_turn_run_in_due_order(agenda: Agenda) -> None:
    for seconds in (3, 1, 4, 2, 5):
        agenda.later(seconds, str(seconds))
    assert agenda.turn(4) == ["1", "2", "3", "4"]
    assert agenda.turn(1) == ["5"]


def test_calls_due_at_the_same_time_run_in_order_of_registration(agenda: Agenda) -> None:
    for name in "abcdefgh":
        agenda.later(1, name)
    assert agenda.turn(1) == list("abcdefgh")


def test_nothing_runs_early(agenda: Agenda) -> None:
    agenda.later(1, "a")
    assert agenda.turn(0.999) == []
    assert agenda.turn(0.002) == ["a"]
    assert agenda.turn(100) == []


def test_a_call_added_in_a_turn_waits_for_the_next(agenda: Agenda) -> None:
    agenda.later(0, lambda: agenda.later(0, "second"))
    assert agenda.turn() == []
    assert agenda.turn() == ["second"]


def test_a_repeated_call_runs_once_per_turn(agenda: Agenda) -> None:
    agenda.every(0, "tick")
    agenda.every(1, "tock")
    assert agenda.turn() == ["tick"]
    assert agenda.turn(10) == ["tick", "tock"]


def test_a_repeated_call_starts_after_one_period(agenda: Agenda) -> None:
    agenda.every(2, "tick")
    assert [agenda.turn(), agenda.turn(1), agenda.turn(1), agenda.turn(1), agenda.turn(1)] == [
        [],
        [],
        ["tick"],
        [],
        ["tick"],
    ]


def test_a_repeated_call_stops_when_cancelled_by_its_target(agenda: Agenda) -> None:
    def tick() -> None:
        agenda.made.append("tick")
        call.cancel()

    call = agenda.every(1, tick)
    assert agenda.turn(1) == ["tick"]
    assert agenda.turn(1) == []


def test_a_repeated_call_stops_when_its_target_raises(agenda: Agenda, caplog: pytest.LogCaptureFixture) -> None:
    call = agenda.every(1, fail)
    agenda.turn(1)
    agenda.turn(1)
    assert call.cancelled
    assert [record.levelno for record in caplog.records] == [logging.ERROR]


def test_a_failure_is_logged_and_the_other_calls_run(agenda: Agenda, caplog: pytest.LogCaptureFixture) -> None:
    agenda.later(1, fail)
    agenda.later(2, "after")
    assert agenda.turn(2) == ["after"]
    assert "ZeroDivisionError" in caplog.text


@pytest.mark.parametrize("kind", [ScheduledCall, RepeatedCall])
def test_an_errback_takes_the_place_of_the_log(
    kind: type[ScheduledCall], agenda: Agenda, caplog: pytest.LogCaptureFixture
) -> None:
    call = kind(agenda.scheduler, 0, fail, errback=lambda: agenda.made.append("errback"))
    agenda.scheduler.register(call)
    assert agenda.turn() == ["errback"]
    assert call.cancelled
    assert not caplog.records


def test_a_failing_errback_is_logged(agenda: Agenda, caplog: pytest.LogCaptureFixture) -> None:
    agenda.scheduler.register(ScheduledCall(agenda.scheduler, 0, fail, errback=fail))
    agenda.later(0, "after")
    assert agenda.turn() == ["after"]
    assert len(caplog.records) == 1


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_an_interrupt_passes_and_loses_no_other_call(error: type[BaseException], agenda: Agenda) -> None:
    def interrupt() -> None:
        raise error

    agenda.later(0, interrupt)
    agenda.later(0, "after")
    with pytest.raises(error):
        agenda.turn()
    assert agenda.turn() == ["after"]


def test_cancelled_calls_do_not_run(agenda: Agenda) -> None:
    first = agenda.later(1, "first")
    agenda.later(2, "second")
    third = agenda.later(3, "third")
    agenda.later(2.5, third.cancel)
    first.cancel()
    first.cancel()
    assert first.cancelled
    assert agenda.turn(10) == ["second"]
    assert third.cancelled


def test_a_call_is_over_after_it_ran(agenda: Agenda) -> None:
    call = agenda.later(0, "a")
    agenda.turn()
    assert call.cancelled


@pytest.mark.parametrize("method", ["call", "reset"])
def test_a_cancelled_call_can_not_be_called_or_reset(method: str, agenda: Agenda) -> None:
    call = agenda.later(1, "a")
    call.cancel()
    with pytest.raises(AssertionError):
        getattr(call, method)()


@pytest.mark.parametrize("seconds", [-1, -0.001, float("nan")])
def test_a_delay_is_not_negative(seconds: float) -> None:
    with IOLoop() as loop:
        for schedule in (loop.call_later, loop.call_every):
            with pytest.raises(AssertionError):
                schedule(seconds, print)
        assert loop.sched.delay() is None


def test_a_target_is_callable(agenda: Agenda) -> None:
    with pytest.raises(AssertionError):
        ScheduledCall(agenda.scheduler, 0, None)  # type: ignore[arg-type]  # what is tested


def test_reset_starts_the_countdown_anew(agenda: Agenda) -> None:
    first = agenda.later(2, "first")
    agenda.later(3, "second")
    agenda.clock.now += 1.5
    first.reset()
    assert agenda.turn(1.5) == ["second"]
    assert agenda.turn(0.4) == []
    assert agenda.turn(0.2) == ["first"]


def test_reset_moves_a_call_in_the_order(agenda: Agenda) -> None:
    calls = {name: agenda.later(1, name) for name in "abcdef"}
    agenda.clock.now += 0.5
    for name in "da":
        calls[name].reset()
        agenda.clock.now += 0.1
    assert calls["b"] < calls["d"] < calls["a"]
    assert agenda.turn(10) == ["b", "c", "e", "f", "d", "a"]


def test_a_call_made_by_hand_does_not_come_again(agenda: Agenda) -> None:
    call = agenda.later(1, "a")
    call.call()
    assert agenda.turn(2) == ["a"]


def test_a_repeated_call_made_by_hand_starts_its_period_anew(agenda: Agenda) -> None:
    call = agenda.every(2, "tick")
    agenda.clock.now += 1
    call.call()
    assert agenda.turn(1.5) == ["tick"]  # the one by hand
    assert agenda.turn(0.5) == ["tick"]


def test_a_call_made_by_hand_raises(agenda: Agenda) -> None:
    with pytest.raises(ZeroDivisionError):
        agenda.later(1, fail).call()


def test_arguments_are_passed_on() -> None:
    seen: list[object] = []
    with IOLoop() as loop:
        loop.call_later(0, lambda *args, **kwargs: seen.append((args, kwargs)), 1, "b", key=None)
        loop.sched.poll()
    assert seen == [((1, "b"), {"key": None})]


def test_poll_returns_the_delay_to_the_next_call(agenda: Agenda) -> None:
    assert agenda.scheduler.poll() is None
    agenda.later(1, "a")
    agenda.later(3, "b").cancel()
    agenda.later(5, "c")
    assert agenda.scheduler.delay() == agenda.scheduler.poll() == 1
    agenda.clock.now += 2
    assert agenda.scheduler.delay() == 0
    assert agenda.scheduler.poll() == 3
    agenda.clock.now += 3
    assert agenda.scheduler.poll() is None


def test_poll_counts_the_time_that_the_calls_took(agenda: Agenda) -> None:
    def work() -> None:
        agenda.clock.now += 4

    agenda.later(0, work)
    agenda.later(5, "a")
    agenda.later(0, work)
    assert agenda.scheduler.poll() == 0


def test_calls_compare_by_due_time(agenda: Agenda) -> None:
    early, late = agenda.later(1, "early"), agenda.later(2, "late")
    assert early < late
    assert early <= late
    assert early <= early
    assert not late < early
    assert sorted([late, early]) == [early, late]


def test_cancelled_calls_do_not_pile_up(agenda: Agenda) -> None:
    keep = [agenda.later(1000 + number, str(number)) for number in range(10)]
    for _ in range(10_000):
        agenda.later(300, "never").cancel()
        assert len(agenda.scheduler._tasks) <= 2 * len(keep) + 1
    assert agenda.turn(2000) == [str(number) for number in range(10)]


def test_a_cancelled_call_lets_go_of_its_target(agenda: Agenda) -> None:
    class Connection:
        def time_out(self) -> None: ...

    agenda.later(1, "keeps the heap alive")
    agenda.later(1, "keeps the heap alive")
    connection = Connection()
    gone = weakref.ref(connection)
    call = agenda.later(2, connection.time_out)
    call.cancel()
    del connection
    gc.collect()
    assert gone() is None
    assert "cancelled" in repr(call)


def test_reheapify_follows_changed_times(agenda: Agenda) -> None:
    calls = [agenda.later(seconds, str(seconds)) for seconds in (1, 2, 3)]
    calls[0].due += 5
    agenda.scheduler.reheapify()
    assert agenda.turn(3) == ["2", "3"]


def test_close_cancels_all_calls_and_those_to_come(agenda: Agenda) -> None:
    before = agenda.later(1, "before")
    agenda.scheduler.close()
    after = agenda.later(1, "after")
    assert before.cancelled
    assert after.cancelled
    assert agenda.scheduler._tasks == []
    assert agenda.turn(2) == []


def test_close_within_a_repeated_call_ends_it(agenda: Agenda) -> None:
    call = agenda.every(1, agenda.scheduler.close)
    agenda.turn(1)
    assert call.cancelled
    assert agenda.scheduler._tasks == []


def test_close_logs_a_call_that_fails_to_cancel(agenda: Agenda, caplog: pytest.LogCaptureFixture) -> None:
    class Stubborn(ScheduledCall):
        def cancel(self) -> None:
            fail()

    other = agenda.later(2, "other")
    agenda.scheduler.register(Stubborn(agenda.scheduler, 1, print))
    agenda.scheduler.close()
    assert "ZeroDivisionError" in caplog.text
    assert other.cancelled


def test_repr_names_the_target_and_the_time(agenda: Agenda) -> None:
    call = agenda.every(2, fail)
    assert "fail" in repr(call)
    assert "2.000 s" in repr(call)


@pytest.fixture
def restless_threads() -> Iterator[None]:
    """Threads are switched as often as can be."""
    former = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(former)


@pytest.mark.usefixtures("restless_threads")
def test_calls_are_added_cancelled_and_reset_in_any_thread() -> None:
    scheduler = Scheduler()
    made: list[int] = []
    stop = threading.Event()

    def disturb(number: int) -> None:
        chance = random.Random(number)
        calls: list[ScheduledCall] = []
        for _ in range(scaled(20_000)):
            call = ScheduledCall(scheduler, chance.random() / 1000, made.append, (number,))
            scheduler.register(call)
            calls.append(call)
            victim = chance.choice(calls)
            if chance.random() < 0.5:
                victim.cancel()
            else:
                with contextlib.suppress(AssertionError):  # it is over
                    victim.reset()
        kept.append(sum(1 for call in calls if not call.cancelled))

    def work() -> None:
        while not stop.is_set():
            scheduler.poll()

    kept: list[int] = []
    worker = threading.Thread(target=work)
    others = [threading.Thread(target=disturb, args=(number,)) for number in range(4)]
    with LogLines() as log:
        for thread in (worker, *others):
            thread.start()
        for thread in others:
            thread.join()
        try:
            wait_for(lambda: scheduler.delay() is None, "the last call")
        finally:
            stop.set()
            worker.join()
    assert log.errors == []
    assert len(kept) == 4
    assert len(made) >= sum(kept)
