"""A process that exchanges directory entries in a loop, for tests of races: `python swapping.py a b c d`.

It exchanges a with b and c with d, over and over, until its standard input is closed or it is killed.
"""

from __future__ import annotations

import ctypes
import os
import select
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

__all__ = ["swapping"]

_AT_FDCWD: Final = -100
_RENAME_EXCHANGE: Final = 2
#: Rounds between two looks at the standard input.
_ROUNDS: Final = 1000


@contextmanager
def swapping(*paths: Path) -> Iterator[None]:
    """Have the paths, two by two, exchanged by another process as fast as it can."""
    command = [sys.executable, __file__, *map(str, paths)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == b"swapping\n"
            yield
            assert process.poll() is None
        finally:
            process.kill()


def _exchange() -> Callable[[bytes, bytes], None]:
    """Return what exchanges two entries: at once where the C library can, else with moments when one is missing."""
    renameat2 = getattr(ctypes.CDLL(None), "renameat2", None)
    if renameat2 is not None:
        return lambda a, b: renameat2(_AT_FDCWD, a, _AT_FDCWD, b, _RENAME_EXCHANGE)

    def by_renaming(a: bytes, b: bytes) -> None:
        os.rename(a, a + b".moving")
        os.rename(b, a)
        os.rename(a + b".moving", b)

    return by_renaming


def _main(paths: list[bytes]) -> None:
    exchange = _exchange()
    pairs = list(zip(paths[::2], paths[1::2], strict=True))
    os.write(1, b"swapping\n")
    while not select.select([0], [], [], 0)[0]:
        for _ in range(_ROUNDS):
            for a, b in pairs:
                exchange(a, b)


if __name__ == "__main__":
    _main([os.fsencode(path) for path in sys.argv[1:]])
