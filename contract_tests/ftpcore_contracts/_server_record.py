"""What sessions under contract did, told to the test by facts: from any thread, and from processes that were forked.

A fact names its session by the port that the client has on it.
"""

from __future__ import annotations

import multiprocessing
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from typing import NamedTuple, TypeAlias

from ftpcore_contracts._rules import broken

__all__ = [
    "Answered",
    "Began",
    "Broke",
    "Called",
    "Closed",
    "Fact",
    "FileRecord",
    "Held",
    "Opened",
    "Over",
    "Performed",
    "Record",
    "Reporter",
    "Said",
    "SessionRecord",
    "Stopped",
]


class Began(NamedTuple):
    """A session was made."""

    peer: int


class Said(NamedTuple):
    """The host took a SendControl."""

    peer: int
    data: bytes


class Performed(NamedTuple):
    """The host took a Perform."""

    peer: int
    lane: str
    serial: int
    effect: str


class Answered(NamedTuple):
    """The host answered an effect; `moved` counts bytes of the data connection: sent, received."""

    peer: int
    serial: int
    moved: tuple[int, int]


class Stopped(NamedTuple):
    """The host found that `wants_data` is False."""

    peer: int


class Called(NamedTuple):
    """A hook was called."""

    peer: int
    hook: str
    arguments: tuple[str, ...]


class Held(NamedTuple):
    """A method or hook waits at its gate."""

    peer: int
    name: str


class Opened(NamedTuple):
    """A file was opened; `number` is its own."""

    peer: int
    number: int
    path: str


class Closed(NamedTuple):
    """A file was closed; one that was open to be written holds `content` now."""

    peer: int
    number: int
    complete: bool
    content: bytes


class Broke(NamedTuple):
    """The host broke a rule."""

    peer: int
    what: str
    expected: str
    came: str


class Over(NamedTuple):
    """The session has ended and its last output was taken, or the host abandoned it."""

    peer: int
    abandoned: bool
    acknowledged: int
    """Bytes that `control_sent` told of."""


Fact: TypeAlias = Began | Said | Performed | Answered | Stopped | Called | Held | Opened | Closed | Broke | Over


@dataclass
class FileRecord:
    """One opening of a file."""

    path: str
    closings: list[bool] = field(default_factory=list)
    """`complete` of each close; there must be one."""
    content: bytes = b""


@dataclass
class SessionRecord:
    """What is known of one session."""

    peer: int
    replies: bytearray = field(default_factory=bytearray)
    waiting: dict[int, str] = field(default_factory=dict)
    """Effects under way: "OpenFile in CONTROL", by serial."""
    sent: int = 0
    """Bytes that left over data connections, as the host counted them."""
    received: int = 0
    stopped: bool = False
    """`wants_data` was False once."""
    hooks: list[tuple[str, ...]] = field(default_factory=list)
    held: list[str] = field(default_factory=list)
    """Methods and hooks that came to their gates."""
    files: dict[int, FileRecord] = field(default_factory=dict)
    over: Over | None = None

    @property
    def latest(self) -> FileRecord:
        """The file that was opened last."""
        return list(self.files.values())[-1]

    @property
    def all_closed(self) -> bool:
        return all(file.closings for file in self.files.values())

    def in_call(self, effect: str) -> bool:
        """Is an effect of this class under way, or a hook of this name?"""
        return any(effect == name.partition(" ")[0] for name in self.waiting.values())

    def __str__(self) -> str:
        if self.over is not None:
            open_files = [file.path for file in self.files.values() if not file.closings]
            state = "abandoned" if self.over.abandoned else "ended"
            return f"the session of port {self.peer} {state}" + (f", with open files: {open_files}" * bool(open_files))
        waiting = ", ".join(self.waiting.values()) or "nothing"
        return f"the session of port {self.peer} goes on; asked for and not answered: {waiting}"


class Reporter:
    """The end of a record that servers hold: it takes facts."""

    def __init__(self) -> None:
        methods = multiprocessing.get_all_start_methods()
        # The semaphores of other contexts are looked after by a process that they start.
        self._queue = multiprocessing.get_context("fork" if "fork" in methods else None).SimpleQueue()
        self._numbers = count(1)

    def tell(self, fact: Fact | None) -> None:
        with suppress(OSError):  # the test is over: a server that goes on all the same was found out by then
            self._queue.put(fact)

    def broke(self, peer: int, what: str, *, expected: object, came: object) -> None:
        """Tell of a rule that was broken."""
        self.tell(Broke(peer, what, str(expected), str(came)))

    def number(self) -> int:
        """Return a number that no other file of the same session has."""
        return next(self._numbers)

    def take(self) -> Fact | None:
        """Return the next fact, when there is one; None: there will be no more."""
        fact: Fact | None = self._queue.get()
        return fact

    def close(self) -> None:
        self._queue.close()


class Record:
    """The end that the test holds: it reads facts as they come, and waits for them.

    Attributes:
        sessions: All sessions, in the order of their beginnings.
        violations: The rules that were broken.
    """

    def __init__(self, patience: float) -> None:
        self.reporter = Reporter()
        self.patience = patience
        self.sessions: list[SessionRecord] = []
        self.violations: list[Broke] = []
        self.closers: list[Callable[[], None]] = []
        """What closes clients and gates in the end, whatever became of the test."""
        self._checks: list[Callable[[], None]] = []
        self._by_peer: dict[int, SessionRecord] = {}
        self._changed = threading.Condition()
        self._reader = threading.Thread(target=self._read, name="record", daemon=True)
        self._reader.start()

    def close(self) -> None:
        """Take no more facts."""
        for close in self.closers:
            close()
        self.reporter.tell(None)
        self._reader.join()
        self.reporter.close()

    def afterwards(self, check: Callable[[], None]) -> None:
        """Have `check` called when the server has stopped."""
        self._checks.append(check)

    def check_afterwards(self) -> None:
        """The server has stopped: look whether all is over."""
        __tracebackhide__ = True
        for check in self._checks:
            check()
        self.check_over()
        self.check()

    def session(self, peer: int) -> SessionRecord:
        """Return the latest session with the client's port `peer`, once it began."""
        self.wait(lambda: peer in self._by_peer, f"a session for the client at port {peer}")
        return self._by_peer[peer]

    def wait(self, condition: Callable[[], object], what: str) -> None:
        """Return once `condition` holds; broken after the patience."""
        __tracebackhide__ = True
        with self._changed:
            if self._changed.wait_for(condition, self.patience):
                return
        broken(f"waited for {what}", expected=f"within {self.patience:g} s", came=self.summary())

    def settle(self, seconds: float = 0.05) -> None:
        """Return when nothing was told for `seconds`: the server has nothing to do, or waits."""
        until = time.monotonic() + self.patience
        with self._changed:
            while self._changed.wait(seconds) and time.monotonic() < until:
                pass

    def summary(self) -> str:
        """Return what is known, for a message: rules that were broken, sessions that go on."""
        lines = [f"{broke.what}: expected {broke.expected}; came {broke.came}" for broke in self.violations[:3]]
        lines += [str(session) for session in self.sessions if session.over is None or not session.all_closed][:3]
        return "; ".join(lines) or "all sessions ended"

    def check(self) -> None:
        """Fail if a rule was broken."""
        __tracebackhide__ = True
        if self.violations:
            first = self.violations[0]
            more = f" (and {len(self.violations) - 1} more)" if len(self.violations) > 1 else ""
            broken(first.what, expected=first.expected, came=first.came + more)

    def check_over(self) -> None:
        """Fail unless every session ends, and each of its files is closed, once."""
        __tracebackhide__ = True
        self.wait(
            lambda: all(session.over is not None and session.all_closed for session in self.sessions),
            "the end of all sessions: after connection_lost a host goes on until `idle`, or calls `abandon` and "
            "closes the files that it returns",
        )
        for session in self.sessions:
            for file in session.files.values():
                if len(file.closings) != 1:
                    broken(f"each file is closed once: {file.path}", expected=1, came=f"complete={file.closings}")

    def _read(self) -> None:
        while (fact := self.reporter.take()) is not None:
            with self._changed:
                self._note(fact)
                self._changed.notify_all()

    def _note(self, fact: Fact) -> None:
        if isinstance(fact, Began):
            session = self._by_peer[fact.peer] = SessionRecord(fact.peer)
            self.sessions.append(session)
            return
        session = self._by_peer[fact.peer]
        match fact:
            case Said(data=data):
                session.replies += data
            case Performed(lane=lane, serial=serial, effect=effect):
                session.waiting[serial] = f"{effect} in {lane}"
            case Answered(serial=serial, moved=(sent, received)):
                session.waiting.pop(serial, None)
                session.sent += sent
                session.received += received
            case Stopped():
                session.stopped = True
            case Called(hook=hook, arguments=arguments):
                session.hooks.append((hook, *arguments))
            case Held(name=name):
                session.held.append(name)
            case Opened(number=number, path=path):
                session.files[number] = FileRecord(path)
            case Closed(number=number, complete=complete, content=content):
                session.files[number].closings.append(complete)
                session.files[number].content = content
            case Broke():
                self.violations.append(fact)
            case Over():
                session.over = fact
