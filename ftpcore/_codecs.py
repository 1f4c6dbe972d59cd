"""What TYPE A does to the bytes of a file.  RFC 959 3.1.1.1.

For systems whose lines end in LF.  Where they end in CR LF, nothing is to be done.
"""

from __future__ import annotations

__all__ = ["AsciiCodec"]


class AsciiCodec:
    """LF to CR LF and back, for one transfer in one direction.  Where the blocks were cut does not matter.

    Every other byte, a lone CR too, goes through as it is.
    """

    __slots__ = ("_after_cr",)

    def __init__(self) -> None:
        self._after_cr = False

    def encode(self, block: bytes) -> bytes:
        """Return `block` as it is sent: each LF that has no CR before it gets one."""
        if not block:
            return block
        # The LF of a CR that went out with the previous block has had its CR.
        start = 1 if self._after_cr and block[0] == 0x0A else 0
        self._after_cr = block[-1] == 0x0D
        text = block[start:].replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        return b"\n" + text if start else text

    def decode(self, block: bytes) -> bytes:
        """Return `block` as it is stored: each CR LF becomes LF.  A CR at its end waits for what follows."""
        if not block:
            return block
        if self._after_cr:
            block = b"\r" + block
        self._after_cr = block[-1] == 0x0D
        return (block[:-1] if self._after_cr else block).replace(b"\r\n", b"\n")

    def finish_decode(self) -> bytes:
        """Return the CR that still waits, if the data ended with one; else b""."""
        held, self._after_cr = self._after_cr, False
        return b"\r" if held else b""
