"""A session that checks its host: every input and output of the interface between the two, as they come."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Final

from ftpcore import (
    Address,
    Cancel,
    Delegate,
    Event,
    Output,
    Perform,
    Ports,
    RandomSource,
    ReceiveData,
    ReceiveFile,
    Reply,
    SendControl,
    Session,
)
from ftpcore.ports import AnyFile
from ftpcore_contracts._server_effects import EffectAccount
from ftpcore_contracts._server_handler import ContractHandler
from ftpcore_contracts._server_ports import ContractAuthorizer
from ftpcore_contracts._server_record import Answered, Began, Held, Over, Performed, Said, Stopped

__all__ = ["CheckedSession"]

#: Seconds by which the host's time and ours may differ in the course of a session: enough for a busy machine, and for
#: a loop that takes the time once a turn; too little for another unit, or a clock that somebody sets.
_DRIFT: Final = 5.0


class CheckedSession(Session):
    """A `Session` that tells its record of what the host does, and of each rule that it breaks."""

    def __init__(
        self,
        *,
        local: Address,
        peer: Address,
        ports: Ports,
        random: RandomSource,
        now: float,
        delegate: Delegate | None = None,
        subscribe: Iterable[type[Event]] = (),
        refusal: Reply | None = None,
    ) -> None:
        if not isinstance(ports.authorizer, ContractAuthorizer):
            raise TypeError(f"expected Ports(authorizer=handler_class.authorizer, ...), not {ports.authorizer!r}")
        if not isinstance(delegate, ContractHandler):
            raise TypeError(f"expected Session(..., delegate=an instance of handler_class), not {delegate!r}")
        self._script = ports.authorizer.script
        self._reporter = ports.authorizer.reporter
        self._port = peer.port
        self._effects = EffectAccount(self._script, self._complain, self._hold)
        self._said = 0
        self._acknowledged = 0
        self._unwanted = 0
        self._thread: threading.Thread | None = None
        self._input = ""
        self._receiving = False
        self._told_stop = self._told_over = False
        self._began = (now, time.monotonic())
        self._latest = now
        delegate.watch(peer.port, self._effects.calls, self._reporter)
        self._reporter.tell(Began(peer.port))
        super().__init__(
            local=local,
            peer=peer,
            ports=Ports(authorizer=ports.authorizer.view(peer.port, self._effects.calls), clock=ports.clock),
            random=random,
            now=now,
            delegate=delegate,
            subscribe=subscribe,
            refusal=refusal,
        )

    # -- inputs --------------------------------------------------------------------------------------------------------

    def receive_data(self, data: bytes, *, now: float) -> None:
        with self._checked("receive_data", now):
            if not data:
                self._complain("the end of the control connection is receive_eof", "receive_data(b'...')", "no bytes")
            # One read may have been under way when reading was no longer wanted.
            self._unwanted = 0 if self.wants_data else self._unwanted + 1
            if self._unwanted > 1:
                self._complain(
                    "while wants_data is False the control connection is not read", "no data", f"{data[:20]!r}..."
                )
            super().receive_data(data, now=now)

    def receive_eof(self, *, now: float) -> None:
        with self._checked("receive_eof", now):
            super().receive_eof(now=now)

    def control_sent(self, count: int, *, now: float) -> None:
        with self._checked("control_sent", now):
            most = self._said - self._acknowledged
            if not 0 < count <= most:
                self._complain(
                    "control_sent tells of bytes that reached the kernel, each once",
                    f"a count from 1 to {most}, for {self._said} bytes were to be sent and the others told of",
                    f"control_sent({count})",
                )
            self._acknowledged += count
            super().control_sent(count, now=now)

    def succeed(self, serial: int, value: object, *, now: float) -> None:
        with self._checked("succeed", now):
            moved = self._effects.succeed(serial, value)
            self._reporter.tell(Answered(self._port, serial, moved))
            super().succeed(serial, value, now=now)

    def fail(self, serial: int, error: BaseException, *, now: float) -> None:
        with self._checked("fail", now):
            self._effects.fail(serial, error)
            self._reporter.tell(Answered(self._port, serial, (0, 0)))
            super().fail(serial, error, now=now)

    def handle_deadline(self, *, now: float) -> None:
        with self._checked("handle_deadline", now):
            super().handle_deadline(now=now)

    def connection_lost(self, *, now: float) -> None:
        with self._checked("connection_lost", now):
            super().connection_lost(now=now)

    def close_when_done(self, *, now: float) -> None:
        with self._checked("close_when_done", now):
            super().close_when_done(now=now)

    def suspend(self) -> None:
        self._check_thread("suspend")  # a flag, which may be raised in the midst of an input
        super().suspend()

    def resume(self, *, now: float) -> None:
        with self._checked("resume", now):
            self._told_stop = False
            super().resume(now=now)

    def shut_down(self, *, grace: float, now: float) -> None:
        with self._checked("shut_down", now):
            super().shut_down(grace=grace, now=now)

    def abandon(self) -> tuple[AnyFile, ...]:
        self._check_thread("abandon")
        self._effects.abandon()
        files = super().abandon()
        self._tell_over(abandoned=True)
        return files

    # -- outputs -------------------------------------------------------------------------------------------------------

    def next_output(self) -> Output | None:
        self._check_thread("next_output")
        output = super().next_output()
        match output:
            case SendControl(data):
                self._said += len(data)
                self._reporter.tell(Said(self._port, data))
            case Perform(lane, serial, effect):
                self._effects.ask(output)
                self._receiving |= isinstance(effect, ReceiveData | ReceiveFile)
                self._reporter.tell(Performed(self._port, lane.name, serial, type(effect).__name__))
            case Cancel(serial):
                self._effects.cancel(serial)
            case None if self.ended:
                self._tell_over(abandoned=False)
            case None if not (self.wants_data or self.lost or self.eof or self._told_stop):
                self._told_stop = True
                self._reporter.tell(Stopped(self._port))
            case _:
                pass
        return output

    def next_deadline(self) -> float | None:
        self._check_thread("next_deadline")
        return super().next_deadline()

    # -- the rules -----------------------------------------------------------------------------------------------------

    @contextmanager
    def _checked(self, name: str, now: float) -> Iterator[None]:
        """Be an input: look at when and where it comes."""
        self._check_thread(name)
        if self._input:
            self._complain("no input comes within another", f"{self._input} alone", f"{name} within {self._input}")
        elif self._effects.calls.within():
            self._complain("no input comes from within an output", "no input while a port is called", name)
        self._check_time(name, now)
        outer, self._input = self._input, name
        try:
            if self._receiving and name in self._script.broken_inputs:
                raise RuntimeError(f"{name} raises, as the test wants it")
            yield
        finally:
            self._input = outer

    def _check_thread(self, name: str) -> None:
        thread = threading.current_thread()
        if self._thread is not thread:
            if self._thread is not None and self._thread.is_alive():
                self._complain(
                    "only the session's own thread touches it",
                    f"{name} in the thread of the calls before, {self._thread.name}",
                    f"{name} in {thread.name}",
                )
            self._thread = thread

    def _check_time(self, name: str, now: float) -> None:
        elapsed, real = now - self._began[0], time.monotonic() - self._began[1]
        if not math.isfinite(now) or abs(elapsed - real) > _DRIFT:
            self._complain("`now` counts seconds", f"{real:.3f} s since the beginning", f"{name}: {elapsed:.3f} s")
        elif now < self._latest:
            self._complain("`now` never goes back", f"{self._latest} or later", f"{name}(now={now})")
        else:
            self._latest = now

    def _complain(self, what: str, expected: object, came: object) -> None:
        self._reporter.broke(self._port, what, expected=expected, came=came)

    def _hold(self, name: str) -> None:
        self._reporter.tell(Held(self._port, name))

    def _tell_over(self, *, abandoned: bool) -> None:
        if not self._told_over:
            self._told_over = True
            self._reporter.tell(Over(self._port, abandoned, self._acknowledged))
