"""Telnet under the control connection, no more of it than FTP needs.  RFC 854, RFC 1123 4.1.2.12, RFC 959 5.3.

Every option is refused, so there is no state but a sequence that has not ended yet.  Only the commands of RFC 854, 240
to 254, count: clients that know nothing of Telnet send the 0xFF of a name undoubled (it is a letter in windows-1251 and
latin-1), so a 0xFF in front of any other byte is data.
"""

from __future__ import annotations

import re
from typing import Final

__all__ = ["IAC", "SUBNEGOTIATION_LIMIT", "Telnet"]

IAC: Final = b"\xff"

#: Bytes of a subnegotiation.  None is due, for no option is ever agreed to; those of real clients are shorter.
SUBNEGOTIATION_LIMIT: Final = 512

#: A request for an option, and the refusal: DO is answered by WONT, WILL by DONT.  WONT and DONT are not answered.
_REFUSALS: Final = {0xFD: b"\xff\xfc", 0xFB: b"\xff\xfe"}

#: One sequence, or a run of like ones.  A 0xFF that none of the alternatives takes is data.
_SEQUENCE: Final = re.compile(
    rb"(?P<data>(?:\xff\xff)+)"
    rb"|(?:\xff[\xf0-\xf9])+"
    rb"|\xff[\xfb-\xfe](?P<option>.)"
    rb"|(?P<block>\xff\xfa(?:[^\xff]+|\xff[^\xf0])*+\xff\xf0)"
    rb"|(?P<rest>\xff(?:[\xfb-\xfe]|\xfa(?:[^\xff]+|\xff[^\xf0])*+\xff?)?)\Z",
    re.DOTALL,
)


class Telnet:
    """Takes Telnet sequences out of a stream.  RFC 854, RFC 1123 4.1.2.12."""

    __slots__ = ("answers", "broken", "held")

    def __init__(self) -> None:
        self.held = b""
        """The beginning of a sequence, at most `SUBNEGOTIATION_LIMIT` bytes."""
        self.answers = b""
        self.broken = False
        """A subnegotiation was too long; nothing behind it was let through."""

    def strip(self, data: bytes) -> bytes:
        if self.broken:
            return b""
        data = self.held + data
        self.held = b""
        parts: list[bytes] = []
        answers = [self.answers]
        start = 0
        # One step per sequence, and per run of those that clients repeat; never one per byte.
        for found in _SEQUENCE.finditer(data):
            parts.append(data[start : found.start()])
            start = found.end()
            kind, size = found.lastgroup, start - found.start()
            if kind == "data":
                parts.append(IAC * (size // 2))
            elif kind == "option":
                if refusal := _REFUSALS.get(data[start - 2]):
                    answers.append(refusal + found["option"])
            elif kind is not None and size > SUBNEGOTIATION_LIMIT:
                self.broken = True
                start = len(data)
                break
            elif kind == "rest":
                self.held = found["rest"]
        parts.append(data[start:])
        self.answers = b"".join(answers)
        return b"".join(parts)

    def take_answers(self) -> bytes:
        answers, self.answers = self.answers, b""
        return answers
