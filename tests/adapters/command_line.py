"""The command line of the server, in a process of its own."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

__all__ = ["Process", "process", "run"]

#: Seconds after which a process that should have ended, or begun, has failed.
PATIENCE = 30.0


@dataclass
class Process:
    """A server that runs."""

    process: subprocess.Popen[str]
    log: IO[str]
    """Its standard error: a file, for a pipe that nobody reads would stop it."""
    address: tuple[str, int]
    said: list[str]
    """What it has printed."""

    def end(self, number: int = signal.SIGINT) -> tuple[int, str]:
        """Send a signal; return the exit status and what was written to standard error."""
        self.process.send_signal(number)
        self.process.communicate(timeout=PATIENCE)
        self.log.seek(0)
        return self.process.returncode, self.log.read()


def _command(arguments: tuple[str, ...], strict: bool = True, flags: tuple[str, ...] = ()) -> list[str]:
    all_flags = (*flags, "-W", "error", "-X", "dev") if strict else flags
    return [sys.executable, *all_flags, "-m", "ftpcore_adapters", *arguments]


def _with_interrupts() -> None:
    """Let the process see SIGINT even if the tests run in the background of a shell, which ignores it there."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@contextlib.contextmanager
def process(
    *arguments: str,
    directory: str | os.PathLike[str] | None = None,
    strict: bool = True,
    flags: tuple[str, ...] = (),
) -> Iterator[Process]:
    """Run `python -m ftpcore_adapters` with these arguments while the context lasts.

    Args:
        arguments: Of the command.
        directory: In which it runs.
        strict: Warnings are errors.
        flags: Of the interpreter.
    """
    log = tempfile.TemporaryFile("w+", errors="surrogateescape")  # noqa: SIM115  closed below
    server = subprocess.Popen(
        _command(arguments, strict, flags),
        stdout=subprocess.PIPE,
        stderr=log,
        text=True,
        errors="surrogateescape",
        cwd=directory,
        env={**os.environ, "PYTHONPATH": os.getcwd()},
        preexec_fn=_with_interrupts if os.name == "posix" else None,  # noqa: PLW1509  these tests have no other threads
    )
    try:
        assert server.stdout is not None
        said: list[str] = []
        while not (said and re.search(r"\bftps?://", said[-1])):
            line = server.stdout.readline()
            if not line:
                log.seek(0)
                raise AssertionError(log.read())
            said.append(line)
        match = re.search(r" on (\S+):(\d+),", said[0])
        assert match, said
        yield Process(server, log, (match[1], int(match[2])), said)
    finally:
        if server.poll() is None:
            server.kill()
        server.communicate()
        log.close()


def run(*arguments: str, typed: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run the command line to its end; with `typed`, that is its standard input."""
    return subprocess.run(
        _command(arguments),
        input=typed,
        capture_output=True,
        text=True,
        errors="surrogateescape",
        timeout=PATIENCE,
        check=False,
    )
