"""The programs that the interoperability tests drive, and a site for them: a server, a home, files on both sides."""

from __future__ import annotations

import hashlib
import os
import random
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import pytest

from tests.adapters.serving import PASSWORD, USER, LogLines, Serving

__all__ = [
    "GIB",
    "NOT_UTF8",
    "ODD_NAMES",
    "TIMEOUT",
    "TREE",
    "Site",
    "codes",
    "content",
    "digest",
    "digests",
    "fill",
    "needs",
    "sparse",
]

#: Seconds after which a client that hangs is killed; most take a tenth of one.
TIMEOUT: Final = 60.0

GIB: Final = 1 << 30

#: Names that clients and servers take for something else.  None of them starts with "-": that is an option to clients.
ODD_NAMES: Final = (
    "two words",
    " leading blank",
    "trailing blank ",
    "größe ☃ 日本.txt",
    "hash#tag",
    "100%",
    "%41",
    "it's",
    'a "quoted" name',
    "back\\slash",
    "semi;colon&and",
    "[brackets]",
    "star*",
    "what?",
    ".hidden",
)

#: "café" in Latin-1, as Python keeps it.
NOT_UTF8: Final = os.fsdecode(b"caf\xe9")

#: Contents of a small tree, by path.
TREE: Final = {
    "top.txt": b"top\n",
    "empty": b"",
    "sub/one.bin": bytes(range(256)) * 40,
    "sub/two words.txt": b"a\r\nb\n",
    "sub/deeper/ünïcode": b"deep",
}


def needs(*programs: str) -> pytest.MarkDecorator:
    """Skip tests where one of `programs` is missing."""
    missing = [program for program in programs if shutil.which(program) is None]
    return pytest.mark.skipif(bool(missing), reason=f"not installed: {', '.join(missing)}")


def content(size: int, seed: int = 0) -> bytes:
    """Return bytes that no other seed gives, with line ends and zero bytes among them."""
    return random.Random(seed).randbytes(size)


def digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digests(directory: Path) -> dict[str, str]:
    """Return what is below `directory`: digests of files, "" for directories."""
    return {str(path.relative_to(directory)): "" if path.is_dir() else digest(path) for path in directory.rglob("*")}


def fill(directory: Path, files: dict[str, bytes] | Iterable[str]) -> None:
    """Make files below `directory`; those that are only named hold their names."""
    if not isinstance(files, dict):
        files = {name: os.fsencode(name) for name in files}
    for name, data in files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def sparse(path: Path, size: int, tail: bytes) -> Path:
    """Make a file of `size` bytes that ends in `tail` and takes hardly any room on the disk."""
    with path.open("wb") as file:
        file.truncate(size)
        file.seek(size - len(tail))
        file.write(tail)
    return path


def codes(log: bytes) -> list[int]:
    """Return the codes of replies in the verbose output of a client, which may mark the lines by "<" or "<---".

    >>> codes(b"---> PWD\\n<--- 257 x\\n< 226 done\\n220-hello\\n220 ready\\n")
    [257, 226, 220]
    """
    return [int(code) for code in re.findall(rb"^(?:<-* )?([1-5][0-5][0-9]) ", log, re.MULTILINE)]


@dataclass(frozen=True, kw_only=True, slots=True)
class Site:
    """A running server, and a client's machine."""

    serving: Serving
    remote: Path
    """What the server shows as "/"."""
    local: Path
    """The working directory of clients."""
    home: Path

    @classmethod
    @contextmanager
    def running(cls, serving: Serving, *, remote: Path, local: Path, home: Path) -> Iterator[Self]:
        """Run the server; at the end nothing of its sessions may be left, and no error may have been logged."""
        with LogLines() as log:
            try:
                serving.start()
                yield cls(serving=serving, remote=remote, local=local, home=home)
                serving.settle()
            finally:
                serving.stop()
            assert not log.errors, log.errors

    @property
    def port(self) -> int:
        return self.serving.address[1]

    @property
    def host(self) -> str:
        """The server's address as URLs have it: IPv6 in brackets."""
        address = self.serving.address[0]
        return f"[{address}]" if ":" in address else address

    @property
    def url(self) -> str:
        """The root, with neither user nor a slash at the end."""
        return f"ftp://{self.host}:{self.port}"

    @property
    def full_url(self) -> str:
        return f"ftp://{USER}:{PASSWORD}@{self.host}:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        """What clients see of the environment: PATH, and what is the same everywhere."""
        return {"PATH": os.environ["PATH"], "HOME": str(self.home), "LC_ALL": "C.UTF-8", "TZ": "UTC"}

    def run(
        self, *command: str | Path, script: str | None = None, status: int | None = 0, timeout: float = TIMEOUT
    ) -> subprocess.CompletedProcess[bytes]:
        """Run a client to its end; AssertionError if its exit status is not `status` (None: any).

        It reads `script`.
        """
        done = subprocess.run(
            [os.fsencode(word) for word in command],
            cwd=self.local,
            env=self.environment,
            input=b"" if script is None else os.fsencode(script),
            capture_output=True,
            timeout=timeout,
            check=False,
        )
        if status is not None:
            assert done.returncode == status, (done.args, done.returncode, done.stdout[-3000:], done.stderr[-3000:])
        return done
