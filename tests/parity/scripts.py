"""What a script of a session is, and the files that it finds."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.parity.players import Player

__all__ = ["BIG", "SCRIPTS", "SHORT", "Script", "script", "stock"]

#: More than one block.
BIG: Final = hashlib.shake_256(b"parity").digest(600_000)

#: More bytes than the kernel buffers between a server and a client that does not read.
HUGE_SIZE: Final = 32_000_000

#: Seconds of a time limit that a script waits for.
SHORT: Final = 0.3


@dataclass(frozen=True, slots=True)
class Script:
    """One session."""

    play: Callable[[Player], None]
    options: Mapping[str, object] = field(default_factory=dict)
    """Of the handler."""
    rights: str = "elradfmwMT"
    huge: bool = False
    """There is a file `huge` besides."""


#: By what each is about.
SCRIPTS: Final[dict[str, Script]] = {}


def script(
    rights: str = "elradfmwMT", huge: bool = False, **options: object
) -> Callable[[Callable[[Player], None]], Callable[[Player], None]]:
    """Put a function into `SCRIPTS`."""

    def register(play: Callable[[Player], None]) -> Callable[[Player], None]:
        SCRIPTS[play.__name__] = Script(play, options, rights, huge)
        return play

    return register


def stock(root: Path, *, huge: bool) -> None:
    """Make the files that a script finds."""
    for directory in ("dir/sub", "empty"):
        (root / directory).mkdir(parents=True)
    for name, content in {
        "a.txt": b"first\nsecond\n",
        "dir/b.bin": bytes(range(256)),
        "dir/sub/c": b"deep",
        "zero": b"",
        "big": BIG,
        'quo"ted name': b"q",
        "\u00e4\u65e5": b"utf-8",
        "lat\udce9": b"latin-1",
        "crlf": b"one\r\ntwo\nthree\rfour",
    }.items():
        (root / name).write_bytes(content)
        (root / name).chmod(0o644)
    if huge:
        (root / "huge").touch()
        os.truncate(root / "huge", HUGE_SIZE)
    (root / "link").symlink_to("dir")
    (root / "loop").symlink_to("loop")
    (root / "out").symlink_to("/etc")
    for path in sorted(root.rglob("*"), reverse=True):
        os.utime(path, (1_000_000_000, 1_000_000_000), follow_symlinks=False)
    os.utime(root, (1_000_000_000, 1_000_000_000))
