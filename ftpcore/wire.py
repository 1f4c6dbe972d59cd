"""The control connection's grammar: commands and replies.

RFC 959 4.2 and 5.3, RFC 1123 4.1.2.10 to 4.1.2.12, RFC 854, RFC 2640 3.1.

Two readers turn bytes, cut anywhere, into values: `CommandReader` is the server's, `ReplyReader` the client's.  Each
has two layers: first Telnet sequences are taken out of the raw stream, wherever they stand, and every option is
refused; then lines are cut.  A line ends at CR LF, and at a bare LF unless told otherwise; a lone CR never ends one.

What comes out depends on the bytes alone, never on how they came.  Nothing here knows a verb, a code or a session.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import Final, NamedTuple

from ftpcore._reply import Reply
from ftpcore._telnet import IAC, Telnet

__all__ = [
    "ENDLESS_LIMIT",
    "LINE_LIMIT",
    "REPLY_LIMIT",
    "Command",
    "CommandReader",
    "Fault",
    "ProtocolViolation",
    "Reply",
    "ReplyReader",
]

#: Bytes of a command line, its end excluded: room for any path that people use, and small enough to hold for every
#: connection.
LINE_LIMIT: Final = 2048

#: Bytes after which a line is no accident any more.  They are counted, not kept.
ENDLESS_LIMIT: Final = 64 * 1024

#: Bytes of one reply, all its lines: room for STAT of a directory of some 10,000 entries.
REPLY_LIMIT: Final = 1024 * 1024

#: What is left in front of a verb if a byte of IAC IP IAC DM went as urgent data and the host does not read it in-line.
_STRAY: Final = b"\xf2\xf4\xff"

_FIRST_LINE: Final = re.compile(rb"([1-5][0-9][0-9])(?:([ -])(.*))?", re.DOTALL)


class ProtocolViolation(Exception):
    """The peer broke the grammar beyond recovery; the connection closes."""


class Fault(Enum):
    """Why a line is not a command that could be carried out."""

    LINE_TOO_LONG = "line too long"
    NUL_BYTE = "NUL byte"
    UNDECODABLE = "not decodable"


class Command(NamedTuple):
    """One line from a client, taken apart.

    >>> reader = CommandReader()
    >>> reader.feed(b"retr  a file\\r\\n")
    >>> reader.next_command()
    Command(verb='RETR', argument=' a file', fault=None)
    """

    verb: str
    """In capitals; "" for an empty line, one that starts with a blank, and one whose verb can't be told."""
    argument: str | None
    """Everything behind the first space, as typed; None if there is no space, and whenever there is a fault."""
    fault: Fault | None = None


class CommandReader:
    """Bytes of a control connection in, commands out.  RFC 959 5.3.

    >>> reader = CommandReader()
    >>> reader.feed(b"USER ann\\r\\nPA")
    >>> reader.next_command()
    Command(verb='USER', argument='ann', fault=None)
    >>> reader.next_command()
    >>> reader.feed(b"SV\\r\\n")
    >>> reader.next_command()
    Command(verb='PASV', argument=None, fault=None)

    A line over `line_limit` bytes is one command with `Fault.LINE_TOO_LONG`, given out at its end, not kept meanwhile.
    What is held is at most such a line and what was fed since `next_command` last returned None.  In an argument CR NUL
    means CR; a NUL anywhere else is a fault.

    Args:
        line_limit: Bytes of a line, its end excluded; 1 to `ENDLESS_LIMIT`.
        bare_lf: Whether an LF without a CR ends a line.  If not, it is data like any other.
    """

    __slots__ = ("_broken", "_buffer", "_dropped", "_line_end", "_line_limit", "_position", "_searched", "_telnet")

    def __init__(self, *, line_limit: int = LINE_LIMIT, bare_lf: bool = True) -> None:
        if not 1 <= line_limit <= ENDLESS_LIMIT:
            raise ValueError(f"line_limit must be 1 to {ENDLESS_LIMIT} bytes, not {line_limit}")
        self._line_limit = line_limit
        self._line_end = b"\n" if bare_lf else b"\r\n"
        self._telnet: Telnet | None = None  # made for the first IAC: few connections ever see one
        self._broken = False
        self._buffer: bytes | bytearray = b""
        self._position = 0  # where the next line starts in the buffer
        self._searched = 0  # no line ends before this
        self._dropped = 0  # bytes of that line, over-long, which are no longer in the buffer

    @property
    def buffered(self) -> int:
        """Bytes held: lines not yet asked for, the beginning of a line, an unfinished Telnet sequence, its answers."""
        held = len(self._buffer) - self._position
        return held if self._telnet is None else held + len(self._telnet.held) + len(self._telnet.answers)

    def feed(self, data: bytes) -> None:
        """Take what was received.  After a `ProtocolViolation` it is ignored."""
        if self._telnet is not None or IAC in data:
            if self._telnet is None:
                self._telnet = Telnet()
            data = self._telnet.strip(data)
        if self._buffer:
            self._append(data)
        elif not self._broken:
            self._buffer = bytes(data)  # no copy, unless the caller means to use his buffer again

    def _append(self, data: bytes) -> None:
        # A bytearray drops its front and grows at its end without moving the rest.
        buffer = self._buffer if isinstance(self._buffer, bytearray) else bytearray(self._buffer)
        if self._position:
            del buffer[: self._position]
            self._searched -= self._position
            self._position = 0
        buffer += data
        self._buffer = buffer

    def next_command(self, encoding: str = "utf-8", errors: str = "surrogateescape") -> Command | None:
        """Return the next command; None if no line is complete.

        `encoding` must be a superset of ASCII.  It is an argument because OPTS UTF8 may change it between two commands.

        Raises:
            ProtocolViolation: A line is longer than `ENDLESS_LIMIT`, or a Telnet subnegotiation does not end.  From
                then on every call raises it.
        """
        buffer = self._buffer
        found = buffer.find(self._line_end, self._searched)
        if found < 0:
            self._wait()
            return None
        end = found + len(self._line_end)
        line = buffer[self._position : end - 1].removesuffix(b"\r")
        if end == len(buffer):
            self._buffer = b""
            end = 0
        self._position = self._searched = end
        if self._dropped or len(line) > self._line_limit:
            return self._over_long(len(line))
        if not line.isascii() or b"\0" in line:
            return _odd_command(bytes(line), encoding, errors)
        verb, blank, argument = line.decode(encoding, errors).partition(" ")
        return Command(verb.upper(), argument if blank else None)

    def _wait(self) -> None:
        """Keep as little as can be of a line that has not ended."""
        buffer = self._buffer
        held = len(buffer) - self._position
        if self._dropped + held - buffer.endswith(b"\r") > ENDLESS_LIMIT:
            self._break()
        if self._broken or (self._telnet is not None and self._telnet.broken):
            raise ProtocolViolation("the line, or a Telnet subnegotiation in it, does not end")
        if held > self._line_limit + 1:  # more than a line and its CR
            self._dropped += held - 1
            self._buffer = bytes(buffer[-1:])  # perhaps that CR
        elif self._position:
            self._buffer = buffer[self._position :]
        self._position = 0
        self._searched = max(len(self._buffer) - len(self._line_end) + 1, 0)

    def _over_long(self, length: int) -> Command:
        length += self._dropped
        self._dropped = 0
        if length > ENDLESS_LIMIT:
            self._break()
            raise ProtocolViolation(f"a line of {length} bytes")
        return Command("", None, Fault.LINE_TOO_LONG)

    def _break(self) -> None:
        self.clear()
        self._broken = True

    def take_answers(self) -> bytes:
        """Return the refusals of Telnet options that are to be sent, never more than was fed; nearly always b""."""
        return b"" if self._telnet is None else self._telnet.take_answers()

    def clear(self) -> None:
        """Forget what was fed and not given out: what came in clear must not be taken for what comes inside TLS."""
        self._buffer = b""
        self._position = self._searched = self._dropped = 0
        if self._telnet is not None and not self._telnet.broken:
            self._telnet = None


def _odd_command(line: bytes, encoding: str, errors: str) -> Command:
    """Parse a line that holds other than ASCII, or a NUL."""
    name, blank, rest = line.lstrip(_STRAY).partition(b" ")
    if b"\0" in name:
        return Command("", None, Fault.NUL_BYTE)
    try:
        verb = name.decode(encoding, errors)
    except UnicodeError:
        return Command("", None, Fault.UNDECODABLE)
    if verb.isascii():  # others could turn into a known verb: the capital of U+017F is S
        verb = verb.upper()
    rest = rest.replace(b"\r\0", b"\r")
    if b"\0" in rest:
        return Command(verb, None, Fault.NUL_BYTE)
    try:
        return Command(verb, rest.decode(encoding, errors) if blank else None)
    except UnicodeError:
        return Command(verb, None, Fault.UNDECODABLE)


class ReplyReader:
    """Bytes from a server in, replies out: for clients in tests, and for proxies.  RFC 959 4.2.

    >>> reader = ReplyReader()
    >>> reader.feed(b"211-Features:\\r\\n SIZE\\r\\n211 End.\\r\\n")
    >>> reader.next_reply()
    Reply(code=211, lines=('Features:', 'SIZE', 'End.'), then=())

    It is the inverse of `Reply.encode`: one leading space of an inner line is taken off, if it has any, and CR NUL is
    kept.  A bare LF ends a line, and a one-line reply may be a code alone, for there are servers that send such.
    """

    __slots__ = ("_broken", "_buffer", "_lines", "_searched", "_size", "_telnet")

    def __init__(self) -> None:
        self._telnet = Telnet()
        self._broken = False
        self._buffer = bytearray()
        self._searched = 0
        self._lines: list[bytes] = []  # of a multi-line reply; the first with its code
        self._size = 0  # bytes of those lines

    def feed(self, data: bytes) -> None:
        """Take what was received.  After a `ProtocolViolation` it is ignored."""
        if not self._broken:
            self._buffer += self._telnet.strip(data)

    def next_reply(self, encoding: str = "utf-8", errors: str = "surrogateescape") -> Reply | None:
        """Return the next reply; None if none is complete.

        Raises:
            ProtocolViolation: A reply does not begin with a code, or is over `REPLY_LIMIT`, or a Telnet subnegotiation
                does not end.  From then on every call raises it.
            UnicodeDecodeError: `errors` is "strict", and the text is not in `encoding`.
        """
        while (line := self._next_line()) is not None:
            if not self._lines and not _FIRST_LINE.fullmatch(line):
                raise self._violation(f"a reply begins with a code, not with {line[:20]!r}")
            self._lines.append(line)
            if self._is_last(line):
                code, texts = int(self._lines[0][:3]), [line[4:]]
                if len(self._lines) > 1:
                    texts = [self._lines[0][4:], *(inner.removeprefix(b" ") for inner in self._lines[1:-1]), *texts]
                self._lines = []
                self._size = 0
                return Reply(code, tuple(text.decode(encoding, errors) for text in texts))
        return None

    def _is_last(self, line: bytes) -> bool:
        if len(self._lines) == 1:
            return line[3:4] != b"-"
        return line[:4] == self._lines[0][:3] + b" "

    def _next_line(self) -> bytes | None:
        end = self._buffer.find(b"\n", self._searched) + 1
        if self._broken or self._size + (end or len(self._buffer)) > REPLY_LIMIT:
            raise self._violation(f"a reply of more than {REPLY_LIMIT} bytes")
        if not end:
            if self._telnet.broken:
                raise self._violation("a Telnet subnegotiation does not end")
            self._searched = len(self._buffer)
            return None
        line = bytes(self._buffer[: end - 1]).removesuffix(b"\r")
        del self._buffer[:end]
        self._searched = 0
        self._size += end
        return line

    def take_answers(self) -> bytes:
        """Return the refusals of Telnet options that are to be sent; nearly always b""."""
        return self._telnet.take_answers()

    def _violation(self, text: str) -> ProtocolViolation:
        self._broken = True
        self._buffer.clear()
        self._lines.clear()
        return ProtocolViolation(text)
