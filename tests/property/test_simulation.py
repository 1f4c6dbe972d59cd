"""Simulated sessions: what must hold holds for every seed, and a fault is found, shrunk and kept."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from ftpcore import (
    CCC_COMMANDS,
    Delegate,
    Disconnected,
    OpenFile,
    Output,
    Reply,
    SendControl,
    Session,
    StartTLS,
    TLSFailed,
    VirtualPath,
)
from ftpcore.ports import OpenMode
from ftpcore.testing import ScriptedHost, SimulationFailed, SingleUser, Step, random_steps, run_steps, shrunk, simulate
from tests.conftest import scaled
from tests.property.plays import filesystem

#: Runs that failed once.
CORPUS: Final = Path(__file__).parent / "corpus.jsonl"


class Explicit(Delegate):
    commands = CCC_COMMANDS


class Implicit(Explicit):
    implicit_tls = True


def host(
    session_class: type[Session] = Session, *, kernel: bool = False, delegate: type[Delegate] = Explicit
) -> ScriptedHost:
    return ScriptedHost(SingleUser(filesystem(kernel=kernel)), session_class=session_class, delegate=delegate())


def keep(line: str) -> None:
    with CORPUS.open("a", encoding="ascii") as file:
        file.write(f"{line}\n")


@pytest.mark.parametrize("kernel", [False, True], ids=["in memory", "in the kernel"])
@pytest.mark.parametrize("delegate", [Delegate, Explicit, Implicit], ids=["in clear", "with TLS", "with implicit TLS"])
def test_every_seed_holds(kernel: bool, delegate: type[Delegate]) -> None:
    corpus = CORPUS.read_text(encoding="ascii").splitlines() if CORPUS.exists() else []
    count = scaled(1000)
    assert (
        simulate(lambda: host(kernel=kernel, delegate=delegate), seeds=range(count), corpus=corpus, save=keep) >= count
    )


def test_a_seed_is_one_run() -> None:
    for seed in range(20):
        runs = [run_steps(host, random_steps(seed)).host for _ in range(2)]
        outputs = [[output.data for output in run.outputs if isinstance(output, SendControl)] for run in runs]
        assert outputs[0] == outputs[1]
        assert runs[0].now == runs[1].now


def test_seeds_differ() -> None:
    assert len({json.dumps(random_steps(seed)) for seed in range(50)}) == 50


class AnswersTwice(Session):
    async def ftp_DELE(self, path: VirtualPath) -> Reply:
        self.send(Reply.of(250, "Soon."))
        return Reply.of(250, "Done.")


class LeavesOpen(Session):
    async def ftp_SIZE(self, path: VirtualPath) -> Reply:
        file = await OpenFile(path, OpenMode.READ)
        return Reply.of(213, str(file.size))


class Raises(Session):
    def receive_eof(self, *, now: float) -> None:
        raise ZeroDivisionError("a fault")


class MarksTwice(Session):
    async def ftp_MLST(self, path: VirtualPath) -> Reply:
        self.send(Reply.of(150, "One."))
        self.send(Reply.of(150, "Two."))
        return Reply.of(250, "Done.")


class NeverEnds(Session):
    def next_deadline(self) -> float | None:
        return 1e9 if self.lost else super().next_deadline()


class WaitsForNothing(Session):
    def next_deadline(self) -> float | None:
        return None


class TalksTooMuch(Session):
    def ftp_NOOP(self) -> Reply:
        return Reply.of(200, "x" * 2_000_000)


class EndsTwice(Session):
    def emit(self, output: Output) -> None:
        super().emit(output)
        if isinstance(output, Disconnected):
            super().emit(output)


class ListensInClear(Session):
    def receive_data(self, data: bytes, *, now: float) -> None:
        if not isinstance(self.control_lane.effect, StartTLS):
            super().receive_data(data, now=now)


class Quiet(Explicit):
    unreported = ("NOOP",)


@pytest.mark.parametrize(
    ("steps", "make_host", "told"),
    [
        pytest.param([("feed", "NOOP\r\n")], lambda: host(delegate=Quiet), "were answered", id="no final reply"),
        pytest.param([], lambda: host(EndsTwice), "not told once", id="two ends"),
        pytest.param(
            [("tls", "stalled"), ("feed", "AUTH TLS\r\n"), ("feed", "PWD\r\n")],
            lambda: host(ListensInClear),
            "came in clear",
            id="bytes in clear",
        ),
        pytest.param(
            [("read_replies", False), ("feed", "NOOP\r\n")],
            lambda: host(TalksTooMuch),
            "bytes of replies",
            id="too many replies",
        ),
        pytest.param(
            [("feed", "USER ann\r\nPASS wrong\r\n")],
            lambda: host(WaitsForNothing),
            "waits for nothing",
            id="nothing to wait for",
        ),
    ],
)
def test_each_check_finds_its_fault(steps: list[Step], make_host: Callable[[], ScriptedHost], told: str) -> None:
    with pytest.raises(SimulationFailed, match=told):
        run_steps(make_host, steps)


def test_a_handshake_that_was_held_is_given_up() -> None:
    steps: list[Step] = [("hold", "handshakes"), ("feed", "AUTH TLS\r\n"), ("advance", 31), ("give_up", "CONTROL")]
    events = run_steps(host, steps).host.events
    assert [event.reason for event in events if isinstance(event, TLSFailed)] == [
        "TLS handshake failed: it took too long"
    ]


def test_a_run_that_failed_need_not_be_saved() -> None:
    with pytest.raises(SimulationFailed, match="ZeroDivisionError"):
        simulate(lambda: host(Raises), seeds=range(100))


@pytest.mark.parametrize(
    ("session_class", "told"),
    [
        (WaitsForNothing, "waits for nothing"),
        (TalksTooMuch, "bytes of replies"),
        (AnswersTwice, "belongs to no command"),
        (LeavesOpen, "are open"),
        (Raises, "ZeroDivisionError"),
        (MarksTwice, "second preliminary"),
        (NeverEnds, "goes on"),
    ],
)
def test_a_fault_is_found_and_made_short(session_class: type[Session], told: str) -> None:
    saved: list[str] = []
    with pytest.raises(SimulationFailed, match=told) as caught:
        simulate(lambda: host(session_class), seeds=range(300), save=saved.append)
    assert len(caught.value.steps) <= 4
    assert f"seed {caught.value.seed}" in str(caught.value)
    with pytest.raises(SimulationFailed, match=told):
        simulate(lambda: host(session_class), seeds=(), corpus=["", *saved])
    assert simulate(host, seeds=(), corpus=saved) == 1


def test_without_any_of_its_steps_a_shrunk_run_passes() -> None:
    steps = shrunk(lambda: host(LeavesOpen), [*random_steps(1), ("feed", "SIZE f\r\n"), *random_steps(2)])
    for number in range(len(steps)):
        run_steps(lambda: host(LeavesOpen), steps[:number] + steps[number + 1 :])


def test_what_fails_without_any_step_is_shrunk_to_nothing() -> None:
    assert shrunk(lambda: host(NeverEnds), random_steps(1, 10)) == []


def test_what_is_no_step_is_refused() -> None:
    with pytest.raises(SimulationFailed, match="dream"):
        run_steps(host, [("dream", None)])


def test_a_host_that_remembers_runs_is_told() -> None:
    made = 0

    def sometimes() -> ScriptedHost:
        nonlocal made
        made += 1
        return host(Raises if made == 1 else Session)

    seed = next(seed for seed in range(1000) if random_steps(seed)[-1] == ("end", "eof"))
    with pytest.raises(SimulationFailed, match="now and then"):
        simulate(sometimes, seeds=[seed])
