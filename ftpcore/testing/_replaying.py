"""Replay a journal: the same inputs into a new session must give the same outputs."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta, timezone
from types import MappingProxyType
from typing import Any, Final

from ftpcore._addresses import Address
from ftpcore._command import CCC_COMMANDS, COMMANDS, CommandSpec
from ftpcore._delegate import Delegate
from ftpcore._effects import SendControl
from ftpcore._errors import HostError
from ftpcore._session import Session
from ftpcore.ports import Ports
from ftpcore.testing._journal import FORMAT, Files, Value, decode, decode_error, told_output
from ftpcore.testing._recording import HOOKS, OPTIONS
from ftpcore.wire import Reply

__all__ = ["JournalError", "Replayed", "read_journal", "replay", "told"]

#: Inputs that are nothing but themselves.
_INPUTS: Final = frozenset(
    {"receive_eof", "handle_deadline", "connection_lost", "close_when_done", "drop_data", "resume"}
)

#: Characters of a line that `told` shows.
_WIDTH: Final = 200


class JournalError(ValueError):
    """A text that is no journal, or one that this version can't read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """What came of a replay."""

    lines: int
    """Lines of the journal that were replayed; all of them, if nothing differed."""
    difference: str | None
    """The first output that differed, as "line N: expected ..., came ..."; None: there is none."""
    replies: bytes
    """What the session sent on the control connection."""


def read_journal(text: Iterable[str]) -> list[Value]:
    """Return the lines of a journal; JournalError tells the line that is none.

    A last line that was cut off, because its writer was killed, is left out.
    """
    lines: list[Value] = []
    pending: str | None = None
    for number, line in enumerate(text, 1):
        if pending is not None:
            raise JournalError(f"line {number - 1} of the journal is not JSON: {pending[:60]!r}")
        try:
            lines.append(json.loads(line))
        except ValueError:
            pending = line
    head = lines[0] if lines else None
    if not isinstance(head, dict) or head.get("journal") != FORMAT:
        raise JournalError(f'expected a journal, whose first line holds "journal": {FORMAT}, and not {head!r:.80}')
    return lines


def replay(lines: list[Value], *, session_class: type[Session] = Session, delegate: Delegate | None = None) -> Replayed:
    """Run a journal again, and compare what the session makes of it.

    Args:
        lines: From `read_journal`.
        session_class: The class of the session that was recorded, if it has commands of its own.
        delegate: Its delegate, if that took over commands; None: one with the options and hooks that were recorded.

    Raises:
        JournalError: Commands were taken over by a delegate, or options can't be told, and none is given; or commands
            were offered that nothing given has.
    """
    head = lines[0]
    for what, names in (("took over", head["overrides"]), ("had values that can't be told in", head.get("opaque"))):
        if names and delegate is None:
            raise JournalError(
                f"the session's delegate {what} {', '.join(names)}: replay needs its code, as delegate=..."
            )
    draws = deque(line["value"] for line in lines if line.get("in") == "draw")
    run = _Run(head, session_class, delegate or _delegate(head, session_class), draws)
    try:
        return _replayed(lines, run)
    finally:
        run.close()


def _replayed(lines: list[Value], run: _Run) -> Replayed:
    for number, line in enumerate(lines[1:], 2):
        difference = run.step(line)
        if difference is not None:
            return Replayed(lines=number - 1, difference=f"line {number}: {difference}", replies=bytes(run.replies))
    left = run.next_output()
    return Replayed(
        lines=len(lines),
        difference=None if left is None else f"behind the last line: expected nothing, came {left}",
        replies=bytes(run.replies),
    )


class _Draws:
    """The random numbers of a journal."""

    def __init__(self, draws: deque[int]) -> None:
        self._draws = draws

    def randrange(self, stop: int, /) -> int:
        return self._draws.popleft() if self._draws else 0


class _Unasked:
    """Stands for the authorizer and the clock, whose answers are all in the journal, but for the zone of the latter."""

    blocking = False

    def __init__(self, offset: float, *, certificates: bool) -> None:
        self.zone = timezone(timedelta(seconds=offset))
        if certificates:
            self.authenticate_certificate: object = None  # by which a CertificateAuthorizer is known


class _Run:
    """One replay."""

    def __init__(self, head: Value, session_class: type[Session], delegate: Delegate, draws: deque[int]) -> None:
        self.replies = bytearray()
        self._files = Files()
        self._contents = bool(head["contents"])
        self._delegate = delegate
        refusal = head["refusal"]
        unasked: Any = _Unasked(head["zone"], certificates=head.get("certificates", False))
        self._session = session_class(
            local=Address(*head["local"]),
            peer=Address(*head["peer"]),
            ports=Ports(authorizer=unasked, clock=unasked),
            random=_Draws(draws),
            now=head["now"],
            delegate=delegate,
            refusal=None if refusal is None else Reply.of(*refusal),
        )

    def step(self, line: Value) -> str | None:
        """Take one line; return how the session differs from it."""
        if "out" in line:
            came = self.next_output()
            return None if _nameless(came) == _nameless(line) else f"expected {line}, came {came or 'nothing'}"
        try:
            self._take(line)
        except HostError as error:
            return f"expected the session to take {line}, came {error}"
        return None

    def next_output(self) -> Value:
        """Return the next output as a journal tells it; None: there is none."""
        output = self._session.next_output()
        if isinstance(output, SendControl):
            self.replies += output.data
        return None if output is None else told_output(output, self._files, contents=self._contents)

    def close(self) -> None:
        """End the session, wherever the journal left it."""
        self._session.abandon()

    def _take(self, line: Value) -> None:
        session, now = self._session, line.get("now", 0.0)
        match line:
            case {"in": "receive_data" | "push" as name, "data": text}:
                data = text.encode("latin-1")
                session.receive_data(data, now=now) if name == "receive_data" else session.push(data)
            case {"in": "control_sent", "count": count}:
                session.control_sent(count, now=now)
            case {"in": "succeed", "serial": serial, "value": value}:
                session.succeed(serial, decode(value, self._files), now=now)
            case {"in": "fail", "serial": serial, "error": error}:
                session.fail(serial, decode_error(error), now=now)
            case {"in": "shut_down", "grace": grace}:
                session.shut_down(grace=grace, now=now)
            case {"in": "options", "values": values}:
                for name, value in values.items():
                    setattr(self._delegate, name, value)
            case {"in": "suspend" | "abandon" as name}:
                getattr(session, name)()
            case {"in": str(name)} if name in _INPUTS:
                getattr(session, name)(now=now)
            case {"in": "draw"}:
                pass  # taken when it was drawn
            case _:
                raise JournalError(f"unknown line {line!r:.80}")


def _nameless(output: Value) -> Value:
    """Leave out how user code is named: in a replay something else stands for it."""
    match output:
        case {"effect": {"Call": _}}:
            return {**output, "effect": "Call"}
        case _:
            return output


def _delegate(head: Value, session_class: type[Session]) -> Delegate:
    """Return a delegate with the options of a journal, whose hooks do nothing, but are asked for as they were."""
    options = {name: value for name, value in head["options"].items() if name in OPTIONS}
    hooks = {name: _called for name in head["hooks"] if name in HOOKS}
    own = {"extra_features": tuple(head["features"]), "commands": _commands(head, session_class)}
    kind = type("ReplayedDelegate", (Delegate,), {**options, **hooks, **own})
    delegate = kind()
    assert isinstance(delegate, Delegate)
    return delegate


def _commands(head: Value, session_class: type[Session]) -> Mapping[str, CommandSpec]:
    """Return the table of commands of a journal, rows of the class of the session before those of the library."""
    rows = {**CCC_COMMANDS, **session_class.commands}
    names = head.get("commands", COMMANDS)
    unknown = ", ".join(sorted(set(names) - set(rows)))
    if unknown:
        raise JournalError(
            f"the session offered {unknown}: replay needs its code, as session_class=... or delegate=..."
        )
    return MappingProxyType({name: rows[name] for name in names})


def _called(self: object, *values: object) -> None:
    """Stand for a hook."""


def told(lines: list[Value]) -> Iterator[str]:
    """Yield a journal as a person reads it: time, direction and what was said or done."""
    start = lines[0]["now"]
    yield f"session of {lines[0]['peer'][0]} with {lines[0]['local'][0]}:{lines[0]['local'][1]}"
    now = start
    for line in lines[1:]:
        now = line.get("now", now)
        text = _told(line)
        if text is not None:
            for part in text.splitlines() or [""]:
                yield f"{now - start:10.3f}  {part}"[:_WIDTH]


def _told(line: Value) -> str | None:
    match line:
        case {"in": "receive_data", "data": data}:
            return "\n".join(f"C: {_printable(part)}" for part in data.splitlines())
        case {"out": "control", "data": data}:
            return "\n".join(f"S: {_printable(part)}" for part in data.splitlines())
        case {"in": "push", "data": data}:
            return "\n".join(f"   pushed by user code: {_printable(part)}" for part in data.splitlines())
        case {"out": "perform", "lane": lane, "serial": serial, "effect": effect}:
            ((name, values),) = effect.items()
            return f"   {lane.lower()} #{serial} {name}({', '.join(f'{key}={value}' for key, value in values.items())})"
        case {"in": "succeed", "serial": serial, "value": {"tls": details, "certificate": certificate}}:
            return f"   #{serial} -> {_printable(', '.join(_tls(details, certificate)))}"
        case {"in": "succeed", "serial": serial, "value": value}:
            return f"   #{serial} -> {_printable(json.dumps(value))}"
        case {"in": "fail", "serial": serial, "error": error}:
            return f"   #{serial} failed: {error['error']} {_printable(error['text'])}"
        case {"out": "cancel", "serial": serial}:
            return f"   cancel #{serial}"
        case {"out": "close"}:
            return "   control connection closed"
        case {"in": "control_sent" | "draw"}:
            return None
        case {"in": name}:
            return f"   {name.replace('_', ' ')}"
        case _:
            return None


def _tls(details: Value, certificate: Value) -> Iterator[str]:
    """Yield what a handshake came to."""
    version, cipher, reused, server_name, protocol = details
    yield from (version, cipher)
    if reused:
        yield "resumed"
    if server_name is not None:
        yield f"for {server_name}"
    if protocol is not None:
        yield f"ALPN {protocol}"
    if certificate is not None:
        _, common_name, *subject = certificate
        yield f"certificate of {common_name} ({', '.join(f'{name}={value}' for name, value in subject)})"


def _printable(text: Any) -> str:  # Any: what JSON holds
    return "".join(letter if letter.isprintable() else f"\\x{ord(letter):02x}" for letter in str(text))
