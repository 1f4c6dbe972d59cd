"""The command line of the server, in a process of its own."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["Process", "process", "run"]

#: Seconds after which a process that should have ended, or begun, has failed.
PATIENCE = 30.0


@dataclass
class Process:
    """A server that runs."""

    process: subprocess.Popen[str]
    address: tuple[str, int]
    said: list[str]
    """What it has printed."""

    def end(self, number: int = signal.SIGINT) -> tuple[int, str]:
        """Send a signal; return the exit status and what was written to standard error."""
        self.process.send_signal(number)
        _, errors = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, errors


def _command(arguments: tuple[str, ...]) -> list[str]:
    return [sys.executable, "-W", "error", "-X", "dev", "-m", "ftpcore_adapters", *arguments]


def _with_interrupts() -> None:
    """Let the process see SIGINT even if the tests run in the background of a shell, which ignores it there."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@contextlib.contextmanager
def process(*arguments: str, directory: str | os.PathLike[str] | None = None) -> Iterator[Process]:
    """Run `python -m ftpcore_adapters` with these arguments while the context lasts."""
    server = subprocess.Popen(
        _command(arguments),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="surrogateescape",
        cwd=directory,
        env={**os.environ, "PYTHONPATH": os.getcwd()},
        preexec_fn=_with_interrupts if os.name == "posix" else None,  # noqa: PLW1509  these tests have no other threads
    )
    try:
        assert server.stdout is not None
        assert server.stderr is not None
        said: list[str] = []
        while not (said and "ftp://" in said[-1]):
            line = server.stdout.readline()
            assert line, server.stderr.read()
            said.append(line)
        match = re.search(r" on (\S+):(\d+),", said[0])
        assert match, said
        yield Process(server, (match[1], int(match[2])), said)
    finally:
        if server.poll() is None:
            server.kill()
        server.communicate()


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command line to its end."""
    return subprocess.run(
        _command(arguments), capture_output=True, text=True, errors="surrogateescape", timeout=PATIENCE, check=False
    )
