"""The examples do what they say, as they stand: each is run as a program, and a client speaks to it."""

from __future__ import annotations

import queue
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from ftplib import FTP, error_perm
from io import BytesIO
from pathlib import Path
from typing import Final

import pytest

EXAMPLES: Final = Path(__file__).resolve().parent.parent / "examples"

#: Nothing here takes so many seconds: what does hangs.
PATIENCE: Final = 30.0


class Program:
    """An example that runs, in a directory of its own."""

    def __init__(self, process: subprocess.Popen[str], log: Path) -> None:
        self._log = log
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._output = process.stdout
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    @property
    def log(self) -> str:
        """What it said on standard error."""
        return self._log.read_text()

    def line(self) -> str:
        """Return the next line of its output."""
        try:
            return self._lines.get(timeout=PATIENCE)
        except queue.Empty:
            pytest.fail(f"the program said nothing for {PATIENCE:g} seconds; its log:\n{self.log}")

    def address(self) -> tuple[str, int]:
        """Return where it serves, which its first line tells."""
        line = self.line()
        found = re.search(r"(127\.0\.0\.1):(\d+)", line)
        assert found is not None, f"no address in {line!r}; its log:\n{self.log}"
        return found[1], int(found[2])

    def join(self) -> None:
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive(), "the program has ended, but somebody still holds its output"

    def _read(self) -> None:
        assert self._output is not None
        for line in self._output:
            self._lines.put(line.rstrip("\n"))
        self._lines.put("")


@contextmanager
def running(name: str, directory: Path) -> Iterator[Program]:
    """Run an example on a free port; ^C ends it, and it ends well."""
    log = directory.with_name(f"{directory.name}.log")
    words = (sys.executable, EXAMPLES / f"{name}.py", "0")
    with (
        log.open("w") as errors,
        subprocess.Popen(words, cwd=directory, stdout=subprocess.PIPE, stderr=errors, text=True) as process,
    ):
        program = Program(process, log)
        try:
            yield program
            process.send_signal(signal.SIGINT)
            assert process.wait(PATIENCE) == 0, program.log
            program.join()
        finally:
            process.kill()


@contextmanager
def connected(address: tuple[str, int]) -> Iterator[FTP]:
    with FTP(timeout=PATIENCE) as client:
        client.connect(*address)
        yield client


def downloaded(client: FTP, name: str) -> bytes:
    got: list[bytes] = []
    client.retrbinary(f"RETR {name}", got.append)
    return b"".join(got)


@pytest.mark.parametrize("name", ["on_ioloop", "in_threads", "in_processes", "preforked", "on_asyncio", "on_trio"])
def test_one_handler_is_the_same_on_each_runtime(name: str, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    with running(name, home) as program, connected(program.address()) as client:
        assert client.login("ann", "secret").startswith("230")
        client.storbinary("STOR notes.txt", BytesIO(b"kept"))
        with pytest.raises(error_perm, match=r"^553 No programs here\.$"):
            client.storbinary("STOR Virus.EXE", BytesIO(b"not kept"))
        assert client.sendcmd("SITE REFUSED") == "200 .exe .dll"
        assert client.nlst() == ["notes.txt"]
        assert downloaded(client, "notes.txt") == b"kept"
        with pytest.raises(error_perm, match=r"^550"):
            client.delete("notes.txt")
        client.quit()
    assert f"ann stored {home / 'notes.txt'}" in program.log
    assert [(path.name, path.read_bytes()) for path in home.iterdir()] == [("notes.txt", b"kept")]
