"""Record a live session: every input and output, as JSON lines, with passwords masked at the source.

    class Handler(FTPHandler):
        session_class = recording(open_journal)

A journal holds what the client sent, what ports and network answered, and what the session made of it.  `replay` runs
it again.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final, Protocol

from ftpcore._delegate import Delegate, does_nothing
from ftpcore._session import Output, Session
from ftpcore._telnet import Telnet
from ftpcore.ports import AnyFile, RandomSource
from ftpcore.testing._journal import FORMAT, Files, Value, encode, encode_error, told_output
from ftpcore.wire import LINE_LIMIT

__all__ = ["HOOKS", "OPTIONS", "JournalSink", "PasswordMask", "recording"]

HOOKS: Final = tuple(name for name in vars(Delegate) if name.startswith("on_"))

#: Options that a journal tells, and a replay sets.
OPTIONS: Final = tuple(
    name
    for name, value in vars(Delegate).items()
    if not name.startswith(("_", "on_"))
    and name not in ("commands", "command_overrides", "unreported")
    and (value is None or isinstance(value, bool | int | float | str | tuple | dict))
)

_PASS: Final = re.compile(rb"PASS[^A-Z]", re.IGNORECASE)


_LINES: Final = re.compile(rb"[^\n]*\n|[^\n]+")


class JournalSink(Protocol):
    """Where a journal goes: a text file, say."""

    def write(self, text: str, /) -> object: ...
    def close(self) -> object: ...


def recording(
    open_journal: Callable[[], JournalSink], *, base: type[Session] = Session, contents: bool = False
) -> type[Session]:
    """Return a class of sessions that write journals.

    Args:
        open_journal: Called for each session; its journal is closed when the session is over.
        base: The class of sessions that are recorded.
        contents: Keep the bytes of files and listings; without it, their sizes, digests and line ends.  File names and
            replies are kept in either case.
    """

    class Recorded(_Recording, base):  # type: ignore[misc, valid-type]  # a base that is given
        _open_journal = staticmethod(open_journal)
        _contents = contents

    return Recorded


class PasswordMask:
    """Masks what follows PASS in the bytes of a control connection, however they are cut; line ends and NULs stay."""

    def __init__(self) -> None:
        self._head = b""
        self._secret: bool | None = None

    def apply(self, data: bytes) -> bytes:
        return b"".join([self._line(piece) for piece in _LINES.findall(data)])

    def _line(self, piece: bytes) -> bytes:
        before, shown = len(self._head), 0
        if self._secret is None:
            self._head += piece
            self._secret = _is_secret(self._head)
            if self._secret:
                shown = next(end for end in range(len(self._head) + 1) if _is_secret(self._head[:end])) - before
        masked = piece[:shown] + _stars(piece[shown:]) if self._secret else piece
        if piece.endswith(b"\n"):
            self._head, self._secret = b"", None
        return masked


def _is_secret(line: bytes) -> bool | None:
    """Tell whether a password is in the line, from here on; None: that is not seen yet.

    As in events, whatever stands in front of PASS in its word.
    """
    text = Telnet().strip(line).lstrip(b" ")
    word, blank, _ = text.partition(b" ")
    if _PASS.search(word + blank):
        return True
    return False if blank or len(text) > LINE_LIMIT else None


def _stars(data: bytes) -> bytes:
    return bytes([byte if byte in b"\r\n\0" else ord("*") for byte in data])


class _Draws:
    """A source of random numbers whose draws are recorded."""

    def __init__(self, source: RandomSource, note: Callable[[Value], None]) -> None:
        self._source = source
        self._note = note

    def randrange(self, stop: int, /) -> int:
        drawn = self._source.randrange(stop)
        self._note({"in": "draw", "value": drawn})
        return drawn


class _Recording(Session):
    """A session that writes down its inputs and outputs."""

    _open_journal: Callable[[], JournalSink]
    _contents = False

    def __init__(self, *, random: RandomSource, now: float, **arguments: Any) -> None:  # Any: those of the base
        self._sink: JournalSink | None = self._open_journal()
        self._files = Files()
        self._mask = PasswordMask()
        self._inside = 1
        delegate: Delegate = arguments.get("delegate") or self
        zone = arguments["ports"].clock.zone.utcoffset(datetime.fromtimestamp(arguments["ports"].clock.now(), UTC))
        refusal = arguments.get("refusal")
        self._options = {name: getattr(delegate, name) for name in OPTIONS}
        self._note(
            {
                "journal": FORMAT,
                "contents": self._contents,
                "local": list(arguments["local"]),
                "peer": list(arguments["peer"]),
                "now": now,
                "zone": 0 if zone is None else zone.total_seconds(),
                "refusal": None if refusal is None else [refusal.code, *refusal.lines],
                "commands": sorted(delegate.commands),
                "options": _told(self._options),
                "opaque": sorted(name for name, value in self._options.items() if not _tellable(value)),
                "certificates": hasattr(arguments["ports"].authorizer, "authenticate_certificate"),
                "features": list(delegate.extra_features),
                "hooks": [name for name in HOOKS if not does_nothing(getattr(delegate, name))],
                "overrides": sorted(delegate.command_overrides),
                "class": self.__class__.__mro__[2].__qualname__,
            }
        )
        super().__init__(random=_Draws(random, self._note), now=now, **arguments)
        self._inside = 0

    # -- inputs --------------------------------------------------------------------------------------------------------

    def receive_data(self, data: bytes, *, now: float) -> None:
        self._take("receive_data", now, data=self._mask.apply(bytes(data)).decode("latin-1"))
        self._run(super().receive_data, data, now=now)

    def receive_eof(self, *, now: float) -> None:
        self._take("receive_eof", now)
        self._run(super().receive_eof, now=now)

    def control_sent(self, count: int, *, now: float) -> None:
        self._take("control_sent", now, count=count)
        self._run(super().control_sent, count, now=now)

    def succeed(self, serial: int, value: object, *, now: float) -> None:
        self._take("succeed", now, serial=serial, value=encode(value, self._files, contents=self._contents))
        self._run(super().succeed, serial, value, now=now)

    def fail(self, serial: int, error: BaseException, *, now: float) -> None:
        self._take("fail", now, serial=serial, error=encode_error(error))
        self._run(super().fail, serial, error, now=now)

    def handle_deadline(self, *, now: float) -> None:
        self._take("handle_deadline", now)
        self._run(super().handle_deadline, now=now)

    def connection_lost(self, *, now: float) -> None:
        self._take("connection_lost", now)
        self._run(super().connection_lost, now=now)

    def drop_data(self, *, now: float) -> None:
        self._take("drop_data", now)
        self._run(super().drop_data, now=now)

    def close_when_done(self, *, now: float) -> None:
        self._take("close_when_done", now)
        self._run(super().close_when_done, now=now)

    def suspend(self) -> None:
        self._take("suspend", self.now)
        super().suspend()

    def resume(self, *, now: float) -> None:
        self._take("resume", now)
        self._run(super().resume, now=now)

    def shut_down(self, *, grace: float, now: float) -> None:
        self._take("shut_down", now, grace=grace)
        self._run(super().shut_down, grace=grace, now=now)

    def abandon(self) -> tuple[AnyFile, ...]:
        self._take("abandon", self.now)
        files = super().abandon()
        self._close_journal()
        return files

    def push(self, data: bytes) -> None:
        if not self._inside:  # by user code, not by a command
            self._take("push", self.now, data=data.decode("latin-1"))
        super().push(data)

    # -- outputs -------------------------------------------------------------------------------------------------------

    def next_output(self) -> Output | None:
        output = super().next_output()
        if output is None:
            if self.ended:
                self._close_journal()
        elif (line := told_output(output, self._files, contents=self._contents)) is not None:
            self._note(line)
        return output

    # -- private -------------------------------------------------------------------------------------------------------

    def _run(self, step: Callable[..., None], *values: object, **named: object) -> None:
        self._inside += 1
        try:
            step(*values, **named)
        finally:
            self._inside -= 1

    def _take(self, name: str, now: float, **told: Value) -> None:
        values = {name: getattr(self.delegate, name) for name in OPTIONS}
        if values != self._options:
            changed = {name: value for name, value in values.items() if value != self._options[name]}
            self._options = values
            self._note({"in": "options", "now": now, "values": _told(changed)})
        self._note({"in": name, "now": now, **told})

    def _note(self, line: Value) -> None:
        if self._sink is not None:
            self._sink.write(json.dumps(line, separators=(",", ":")) + "\n")

    def _close_journal(self) -> None:
        sink, self._sink = self._sink, None
        if sink is not None:
            sink.close()


def _tellable(value: object) -> bool:
    """Tell whether JSON can hold an option; where it can't, a replay needs the code of the delegate."""
    return value is None or isinstance(value, bool | int | float | str | dict | tuple | range | list | set | frozenset)


def _told(options: Mapping[str, object]) -> Value:
    """Return options as JSON can hold them, without those that it can't."""
    return {name: _plain(value) for name, value in options.items() if _tellable(value)}


def _plain(value: object) -> Value:
    if isinstance(value, set | frozenset):
        return sorted(value, key=str)
    return list(value) if isinstance(value, tuple | range) else value
