"""The account that a session under contract keeps of its effects: what was asked for, and how it was answered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Final

from ftpcore import (
    AcceptData,
    Address,
    Authenticate,
    Call,
    CloseFile,
    Effect,
    EffectCancelled,
    EnterDir,
    OpenFile,
    OpenListener,
    OpenUnique,
    Perform,
    ReadFile,
    ReceiveData,
    ReceiveFile,
    RemoveFile,
    ScanDir,
    SendData,
    SendFile,
    Stat,
    TruncateFile,
    WriteFile,
)
from ftpcore_contracts._server_ports import RecordingFile, RecordingKernelFile
from ftpcore_contracts._server_script import HOOK, Calls, Script

__all__ = ["EffectAccount"]

#: Bytes that one answer may tell of: progress is only seen between answers.
_MOST: Final = 1024 * 1024

#: Kinds of effects -> the port call that each comes to, once.
_PORT_CALLS: Final[dict[type[Effect[object]], str]] = {
    Authenticate: "authenticate",
    Call: HOOK,
    CloseFile: "close",
    EnterDir: "enter_dir",
    OpenFile: "open_file",
    OpenUnique: "open_unique",
    ReadFile: "read_at",
    RemoveFile: "remove_file",
    ScanDir: "scan_dir",
    Stat: "stat",
    TruncateFile: "truncate",
    WriteFile: "write_at",
}


class EffectAccount:
    """The effects of one session.

    Attributes:
        calls: The port calls that they come to.
    """

    def __init__(
        self, script: Script, complain: Callable[[str, object, object], None], hold: Callable[[str], None]
    ) -> None:
        self.calls = Calls(script, lambda kind: self._asked[kind], complain, hold)
        self._complain = complain
        self._under_way: dict[int, Perform] = {}
        self._answered: set[int] = set()
        self._given_up: set[int] = set()
        self._cancelled: set[int] = set()
        self._asked: Counter[str] = Counter()
        self._done: Counter[str] = Counter()

    def ask(self, perform: Perform) -> None:
        """The host takes an effect to carry it out."""
        self._under_way[perform.serial] = perform
        kind = _PORT_CALLS.get(type(perform.effect))
        if kind is not None:
            self._asked[kind] += 1

    def cancel(self, serial: int) -> None:
        self._cancelled.add(serial)

    def abandon(self) -> None:
        """From now on answers are ignored, and the host closes files by itself."""
        self.calls.abandoned = True
        self._given_up |= self._under_way.keys()
        self._under_way.clear()

    def succeed(self, serial: int, value: object) -> tuple[int, int]:
        """Look at an answer; return how many bytes were sent and received."""
        perform = self._take(serial, "succeed")
        if perform is None:
            return 0, 0
        self._check_done(perform.effect)
        return self._judge(perform.effect, value)

    def fail(self, serial: int, error: BaseException) -> None:
        """Look at a failure."""
        perform = self._take(serial, "fail")
        if perform is None:
            return
        effect = perform.effect
        self._check_done(effect)
        if isinstance(error, EffectCancelled) and serial not in self._cancelled:
            self._complain("EffectCancelled answers a Cancel", f"an answer to {_named(effect)}", "it was not cancelled")
        elif isinstance(effect, ReceiveFile) and (isinstance(error, ConnectionError) or not isinstance(error, OSError)):
            self._check_end(effect, effect.file, f"failed with {error!r}")

    def _take(self, serial: int, name: str) -> Perform | None:
        """Return the effect that is answered, which is under way no more."""
        perform = self._under_way.pop(serial, None)
        if perform is not None:
            self._answered.add(serial)
        elif serial in self._given_up:
            self._given_up.remove(serial)  # late, and ignored
        elif serial in self._answered:
            self._complain("each effect is answered once", f"one answer to effect {serial}", f"{name} for it again")
        else:
            under_way = ", ".join(str(serial) for serial in self._under_way) or "none"
            self._complain("only an effect under way is answered", f"one of: {under_way}", f"{name}({serial})")
        return perform

    def _judge(self, effect: Effect[object], value: object) -> tuple[int, int]:
        match effect:
            case OpenListener(port=port):
                right = isinstance(value, Address) and value.port > 0 and port in (0, value.port)
                self._expect(right, effect, f"the Address bound, with port {port or 'it has'}", value)
            case AcceptData():
                self._expect(isinstance(value, Address), effect, "the Address of the peer", value)
            case SendData(data):
                return self._count(effect, value, 1, len(data)), 0
            case SendFile(size=size):
                return self._count(effect, value, 0, size), 0
            case ReceiveData(size):
                right = isinstance(value, bytes) and len(value) <= min(size, _MOST)
                self._expect(right, effect, f"up to {size} bytes", value)
                return 0, len(value) if isinstance(value, bytes) else 0
            case ReceiveFile(file, offset, size):
                count = self._count(effect, value, 0, size)
                if isinstance(file, RecordingFile):
                    file.end = max(file.end, offset + count)
                self._check_end(effect, file, f"answered by {count}")
                return 0, count
            case ReadFile(file) if isinstance(file, RecordingFile):
                self._expect(value is file.returned, effect, "what the file returned", value)
            case _:
                pass
        return 0, 0

    def _check_done(self, effect: Effect[object]) -> None:
        kind = _PORT_CALLS.get(type(effect))
        if kind is not None:
            self._done[kind] += 1
            if self._done[kind] > self.calls.ended(kind):
                self._complain("a port effect is answered when it is done", f"{kind} returned or raised", "not yet")

    def _check_end(self, effect: ReceiveFile, file: object, came: str) -> None:
        if isinstance(file, RecordingKernelFile) and file.real_end() != file.end:
            self._complain(
                "what left the socket is in the file, and counted, when ReceiveFile is answered",
                f"a file of {file.end} bytes, after ReceiveFile at {effect.offset} was {came}",
                f"one of {file.real_end()} bytes",
            )

    def _count(self, effect: Effect[object], value: object, least: int, most: int) -> int:
        most = min(most, _MOST)
        right = isinstance(value, int) and least <= value <= most
        self._expect(right, effect, f"a count from {least} to {most}", value)
        return value if isinstance(value, int) else 0

    def _expect(self, right: bool, effect: Effect[object], expected: str, value: object) -> None:
        if not right:
            self._complain(f"the answer to {_named(effect)}", expected, f"{value!r:.100}")


def _named(effect: Effect[object]) -> str:
    return type(effect).__name__
