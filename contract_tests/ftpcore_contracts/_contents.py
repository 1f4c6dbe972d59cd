"""What the tests of open files write and read: modes, what each needs, contents, and how two of them are compared."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Final, TypeAlias

import pytest

from ftpcore import VirtualPath
from ftpcore.ports import BinaryFile, Capability, FileSystem, OpenMode
from ftpcore_contracts._rules import broken, needs

__all__ = [
    "ANY_BYTES",
    "CONTENT",
    "LARGE",
    "LARGE_FILE",
    "LAST_OFFSET",
    "MAKING",
    "WRITING",
    "Holding",
    "held",
    "mode_name",
    "needs_mode",
    "needs_no_commit",
    "numbered",
    "offers",
    "same_content",
    "write_blocks",
]

#: What the fixture `holding` returns: called with contents as in `STOCK`, it returns the filesystem with them.
Holding: TypeAlias = Callable[[Mapping[str, bytes]], FileSystem]

#: What `FILE` holds.
CONTENT: Final = b"0123456789"

#: The largest offset that REST can name on systems that count in 64 bits.
LAST_OFFSET: Final = 2**63 - 1

#: Every byte, and what text modes and old systems take for a sign: line ends, ^Z, NUL.
ANY_BYTES: Final = bytes(range(256)) + b"\r\n\n\r\r\n\x1a\0\0\xff\xff\xfe"

WRITING: Final = tuple(mode for mode in OpenMode if mode is not OpenMode.READ)
MAKING: Final = (OpenMode.WRITE, OpenMode.REPLACE, OpenMode.APPEND)

_NEEDS: Final[Mapping[OpenMode, Capability]] = {
    OpenMode.READ: Capability.NONE,
    OpenMode.WRITE: Capability.WRITE | Capability.RESUME,
    OpenMode.UPDATE: Capability.WRITE | Capability.RESUME,
    OpenMode.REPLACE: Capability.WRITE,
    OpenMode.APPEND: Capability.WRITE | Capability.APPEND,
}


def needs_mode(files: FileSystem, mode: OpenMode) -> None:
    """Skip the test unless files can be opened in `mode`."""
    needs(files, _NEEDS[mode])


def needs_no_commit(files: FileSystem) -> None:
    """Skip the test unless what is written is seen before the file is closed."""
    if Capability.ATOMIC in files.capabilities:
        pytest.skip("not offered: files that are seen while they are written (ATOMIC is declared)")


def offers(files: FileSystem, mode: OpenMode) -> bool:
    """Tell whether files can be opened in `mode`."""
    return _NEEDS[mode] in files.capabilities


def mode_name(mode: OpenMode) -> str:
    """Return what pytest calls a parameter."""
    return mode.name


def numbered(size: int) -> bytes:
    """Return `size` bytes that tell where they belong: every four are their number."""
    words = (number.to_bytes(4, "big") for number in range(-(-size // 4)))
    return b"".join(words)[:size]


#: Larger than what any buffer on the way holds, and than the first part of an upload in parts; no round number.
LARGE: Final = numbered(6_500_003)
LARGE_FILE: Final = VirtualPath("/large")


def same_content(came: bytes, expected: bytes, what: str) -> None:
    """Fail unless both are equal, and show where they begin to differ."""
    __tracebackhide__ = True
    if came == expected:
        return
    at = next((at for at, (one, two) in enumerate(zip(came, expected, strict=False)) if one != two), None)
    if at is None:
        at = min(len(came), len(expected))
    start = max(0, at - 8)

    def shown(data: bytes) -> str:
        return f"{len(data)} bytes, from byte {start}: {data[start : start + 40]!r}"

    broken(what, expected=shown(expected), came=shown(came))


def write_blocks(file: BinaryFile, data: bytes, size: int, *, offset: int = 0) -> None:
    """Write `data` from `offset` in blocks of `size` bytes."""
    for start in range(0, len(data), size):
        file.write_at(offset + start, data[start : start + size])


@contextmanager
def held(file: BinaryFile) -> Iterator[BinaryFile]:
    """Give up `file` if the block raises; else the block has closed it."""
    try:
        yield file
    except BaseException:
        with suppress(OSError):  # what the block raised is what counts, and it may have closed the file
            file.close(complete=False)
        raise
