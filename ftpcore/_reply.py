"""Replies: a code and lines of text, and the bytes that they go over the wire as.  RFC 959 4.2, RFC 2640 3.1."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

from ftpcore._telnet import IAC

if TYPE_CHECKING:
    from ftpcore._effects import Effect

__all__ = ["Reply"]

#: What no line of a reply may hold.  The pair CR NUL is a CR in a pathname.
_FORBIDDEN: Final = re.compile(r"\r(?!\0)|(?<!\r)\0|\n")


@dataclass(frozen=True, slots=True)
class Reply:
    """What a server answers: a code, and one or more lines of text.  RFC 959 4.2.

    Any text will do: `encode` sees to it that no line can be forged.

    >>> Reply.of(200, "Command okay.").encode()
    b'200 Command okay.\\r\\n'
    >>> Reply.of(211, "Features:", "SIZE", "End.").encode()
    b'211-Features:\\r\\n SIZE\\r\\n211 End.\\r\\n'
    """

    code: int
    lines: tuple[str, ...]
    then: tuple[Effect[object], ...] = ()
    """Effects to be performed after the reply is queued, with the lane still busy."""

    def __post_init__(self) -> None:
        if not 100 <= self.code <= 599:
            raise ValueError(f"a reply code is 100 to 599, not {self.code}; the first digit tells how the command went")
        if not self.lines:
            raise ValueError(f"reply {self.code} has no line of text; give at least one, it may be empty")

    @classmethod
    def of(cls, code: int, *lines: str, then: tuple[Effect[object], ...] = ()) -> Self:
        """Return a reply of `lines`.  A line is not split where it holds a line feed.

        Raises:
            ValueError: There is no line, or the code is not in 100 to 599.
        """
        return cls(code, lines, then)

    @property
    def preliminary(self) -> bool:
        """Whether this is a mark (1yz): another reply to the same command follows."""
        return self.code < 200

    def encode(self, encoding: str = "utf-8", errors: str = "surrogateescape") -> bytes:
        """Return the reply as it goes over the wire.

        Lines between the first and the last are indented by one space, so that none can end the reply.  CR NUL, which
        stands for a CR in a pathname, is kept; any other CR, LF or NUL becomes a space.  A 0xFF is doubled, RFC 854.
        What `encoding`, a superset of ASCII, can't express becomes "?".
        """
        code = self.code
        # Every forbidden character is unprintable; hardly any text needs the second look.
        lines = [line if line.isprintable() else _FORBIDDEN.sub(" ", line) for line in self.lines]
        last = lines.pop()
        text = f"{code} {last}\r\n"
        if lines:
            opening = "\r\n ".join(lines)
            text = f"{code}-{opening}\r\n{text}"
        try:
            data = text.encode(encoding, errors)
        except UnicodeEncodeError:
            data = b"\r\n".join(_encode_by_parts(line, encoding, errors) for line in text.split("\r\n"))
        return data.replace(IAC, IAC + IAC)


def _encode_by_parts(text: str, encoding: str, errors: str) -> bytes:
    """Encode one line, replacing only what can't be expressed: the rest may be a pathname with surrogate escapes."""
    parts: list[bytes] = []
    while text:
        try:
            parts.append(text.encode(encoding, errors))
            break
        except UnicodeEncodeError as error:
            parts.append(text[: error.start].encode(encoding, errors))
            parts.append(b"?" * (error.end - error.start))
            text = text[error.end :]
    return b"".join(parts)
