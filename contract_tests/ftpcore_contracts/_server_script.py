"""What the ports and hooks of sessions under contract are told to do, and the account that is kept of their calls."""

from __future__ import annotations

import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, NamedTuple

__all__ = ["HOOK", "PASSWORD", "USER", "Calls", "Fault", "Gate", "Script", "pattern"]

USER: Final = "ann"
PASSWORD: Final = "correct-horse"

#: The kind of port call that all hooks are.
HOOK: Final = "a hook"


@lru_cache(maxsize=16)
def pattern(size: int) -> bytes:
    """Return `size` bytes of which each block of eight tells where it is."""
    return b"".join(place.to_bytes(8, "big") for place in range(-(-size // 8)))[:size]


class Gate:
    """What a port waits at until the test opens it; it works across processes that were forked."""

    def __init__(self, patience: float) -> None:
        self._inside, self._outside = socket.socketpair()
        self._inside.settimeout(patience)

    def wait(self) -> None:
        """Return once the gate is open; TimeoutError after the patience."""
        if self._inside.fileno() >= 0:
            self._inside.recv(1, socket.MSG_PEEK)

    def open(self) -> None:
        """Idempotent."""
        with suppress(OSError):  # closed, hence open
            self._outside.send(b"!")

    def close(self) -> None:
        self.open()
        self._outside.close()
        self._inside.close()


class Fault(NamedTuple):
    """An error that a call raises instead of doing its work."""

    error: Exception
    after: int = 0
    """Calls, of each session, that succeed first."""


@dataclass(frozen=True)
class Script:
    """What the ports and hooks of all sessions hold, and do."""

    stock: Mapping[str, bytes] = field(default_factory=dict)
    """Contents by path; all files are in the root."""
    kernel: bool = False
    """Open files have a descriptor."""
    blocking: bool = False
    """The filesystem and the authorizer say that they may wait."""
    faults: Mapping[str, Fault] = field(default_factory=dict)
    """By the name of a method or hook."""
    gates: Mapping[str, Gate] = field(default_factory=dict)
    """What a method or hook waits at, by its name."""
    broken_inputs: frozenset[str] = frozenset()
    """Inputs of the session that raise, as a core with a fault would."""


class Calls:
    """The port calls of one session.

    Args:
        asked: Returns how many effects of a kind the host was asked for.
        complain: Told what is wrong, what was expected, and what came.
        hold: Told the name of what comes to its gate.
    """

    def __init__(
        self,
        script: Script,
        asked: Callable[[str], int],
        complain: Callable[[str, object, object], None],
        hold: Callable[[str], None],
    ) -> None:
        self.abandoned = False
        """From now on the host closes files by itself."""
        self._script = script
        self._asked = asked
        self._complain = complain
        self._hold = hold
        self._begun: Counter[str] = Counter()
        self._ended: Counter[str] = Counter()
        self._threads: Counter[int] = Counter()
        self._lock = threading.Lock()

    def ended(self, kind: str) -> int:
        """Return how many calls of this kind have returned, or raised."""
        return self._ended[kind]

    def within(self) -> bool:
        """Is this thread in the middle of a call?"""
        return self._threads[threading.get_ident()] > 0

    @contextmanager
    def call(self, name: str, kind: str = "") -> Iterator[None]:
        """Be a call of the method `name`: wait and fail as the script says."""
        kind, thread = kind or name, threading.get_ident()
        with self._lock:
            before = self._begun[kind]
            self._begun[kind] += 1
            self._threads[thread] += 1
        asked = self._asked(kind)
        if before >= asked and not self.abandoned:
            self._complain(f"a port is called once for each effect: {kind}", f"{asked} calls", f"{before + 1} calls")
        fault = self._script.faults.get(name)
        try:
            if name in self._script.gates:
                self._hold(name)
                self._script.gates[name].wait()
            if fault is not None and before >= fault.after:
                raise fault.error
            yield
        finally:
            with self._lock:
                self._threads[thread] -= 1
                self._ended[kind] += 1
