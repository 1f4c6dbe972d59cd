"""What is measured: a table, and a function for each row that does the work and tells what it cost."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple, Self

from benchmarks.client import Client
from benchmarks.process import ServerProcess, Stopwatch
from benchmarks.secure_client import SecureClient

__all__ = ["MEASURES", "Measure", "Sample", "Sizes", "Unit"]

SMALL_FILE: Final = 4096
_BLOCK: Final = 1 << 20
#: Sessions that are opened before memory is counted: what the first ones import and cache is not theirs alone.
_FIRST_SESSIONS: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """How much work a round is."""

    commands: int = 5000
    batch: int = 100
    file_size: int = 256 << 20
    files: int = 1000
    entries: int = 10_000
    logins: int = 300
    sessions: int = 500
    idle_sessions: int = 200
    idle_seconds: float = 5.0

    def scaled(self, factor: float) -> Self:
        """Return sizes of so much more or less work; batches stay as long as they are."""

        def scaled(count: int) -> int:
            return max(1, round(count * factor))

        return replace(
            self,
            commands=scaled(self.commands),
            file_size=scaled(self.file_size),
            files=scaled(self.files),
            entries=scaled(self.entries),
            logins=scaled(self.logins),
            sessions=scaled(self.sessions),
            idle_sessions=scaled(self.idle_sessions),
            idle_seconds=self.idle_seconds * factor,
        )


class Unit(NamedTuple):
    """How figures of a measure are shown."""

    cost: str
    """Of CPU time or memory; less is better."""
    cost_factor: float
    rate: str = ""
    """By the clock; more is better.  Empty if there is none."""
    rate_factor: float = 1.0


class Sample(NamedTuple):
    """What one round did and what it cost."""

    amount: float
    """Commands, bytes, files ..."""
    spent: float
    """Seconds of CPU time of the server; bytes of memory."""
    wall: float
    """Seconds by the clock."""
    profile: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """A row of the table."""

    name: str
    title: str
    unit: Unit
    run: Callable[[ServerProcess, Path, Sizes], Sample]
    """Does one round: given the server, the directory that it serves, and how much to do."""
    parallel: bool = False
    """May client and server run on two CPUs, as they should where one moves bytes while the other does, too?"""
    secure: bool = False
    """Is it about servers that have a certificate?"""
    fresh: bool = False
    """Does each round need a server that has done nothing yet?"""
    most_rounds: int | None = None


# -- rounds ------------------------------------------------------------------------------------------------------------


def _commands(server: ServerProcess, directory: Path, sizes: Sizes, *, command: tuple[bytes, bytes]) -> Sample:
    _small_files(directory, 1)
    with _logged_in(server) as client:
        client.repeat(*command, sizes.batch)
        with Stopwatch(server) as watch:
            client.repeat(*command, sizes.commands)
    return _sample(sizes.commands, watch)


def _pipelined(server: ServerProcess, directory: Path, sizes: Sizes, *, command: tuple[bytes, bytes]) -> Sample:
    _small_files(directory, 1)
    batches = max(1, sizes.commands // sizes.batch)
    with _logged_in(server) as client:
        client.pipeline(*command, 1, sizes.batch)
        with Stopwatch(server) as watch:
            client.pipeline(*command, batches, sizes.batch)
    return _sample(batches * sizes.batch, watch)


def _retrieve(
    server: ServerProcess, directory: Path, sizes: Sizes, *, kind: Callable[[int], Client] = Client
) -> Sample:
    _big_file(directory, sizes.file_size)
    with _logged_in(server, kind) as client:
        with Stopwatch(server) as watch:
            size = client.download(b"RETR big\r\n")
        _check(size, sizes.file_size)
    return _sample(size, watch)


def _store(server: ServerProcess, directory: Path, sizes: Sizes, *, kind: Callable[[int], Client] = Client) -> Sample:
    source = _big_file(directory, sizes.file_size)
    target = directory / "stored"
    with _logged_in(server, kind) as client, source.open("rb") as file:
        with Stopwatch(server) as watch:
            client.upload_file(b"STOR stored\r\n", file.fileno(), sizes.file_size)
        _check(target.stat().st_size, sizes.file_size)
    target.unlink()
    return _sample(sizes.file_size, watch)


def _retrieve_small(server: ServerProcess, directory: Path, sizes: Sizes) -> Sample:
    _small_files(directory, sizes.files)
    with _logged_in(server) as client:
        client.download(b"RETR small/0\r\n")
        with Stopwatch(server) as watch:
            for number in range(sizes.files):
                _check(client.download(b"RETR small/%d\r\n" % number, extended=number % 2 == 0), SMALL_FILE)
    return _sample(sizes.files, watch)


def _store_small(server: ServerProcess, directory: Path, sizes: Sizes) -> Sample:
    target = directory / "small_stored"
    target.mkdir()
    content = bytes(SMALL_FILE)
    with _logged_in(server) as client, Stopwatch(server) as watch:
        for number in range(sizes.files):
            client.upload(b"STOR small_stored/%d\r\n" % number, content, extended=number % 2 == 0)
    for number in range(sizes.files):
        stored = target / str(number)
        _check(stored.stat().st_size, SMALL_FILE)
        stored.unlink()
    target.rmdir()
    return _sample(sizes.files, watch)


def _list(server: ServerProcess, directory: Path, sizes: Sizes, *, line: bytes) -> Sample:
    _many_entries(directory, sizes.entries)
    with _logged_in(server) as client:
        client.command(b"CWD many\r\n", b"250")
        with Stopwatch(server) as watch:
            entries = client.listing(line)
        _check(entries, sizes.entries)
    return _sample(entries, watch)


def _log_in(server: ServerProcess, directory: Path, sizes: Sizes) -> Sample:
    with Stopwatch(server) as watch:
        for _ in range(sizes.logins):
            with _logged_in(server) as client:
                client.quit()
    return _sample(sizes.logins, watch)


def _memory(server: ServerProcess, directory: Path, sizes: Sizes) -> Sample:
    with contextlib.ExitStack() as stack:
        for _ in range(_FIRST_SESSIONS):
            stack.enter_context(_logged_in(server))
        before = server.memory
        with Stopwatch(server) as watch:
            for _ in range(sizes.sessions):
                stack.enter_context(_logged_in(server))
        grown = server.memory - before
    return Sample(sizes.sessions, grown, watch.wall, watch.profile)


def _idle(server: ServerProcess, directory: Path, sizes: Sizes) -> Sample:
    with contextlib.ExitStack() as stack:
        for _ in range(sizes.idle_sessions):
            stack.enter_context(_logged_in(server))
        with Stopwatch(server) as watch:
            time.sleep(sizes.idle_seconds)
    return _sample(sizes.idle_seconds, watch)


@contextlib.contextmanager
def _logged_in(server: ServerProcess, kind: Callable[[int], Client] = Client) -> Iterator[Client]:
    with kind(server.port) as client:
        client.log_in()
        yield client


def _sample(count: float, watch: Stopwatch) -> Sample:
    return Sample(count, watch.cpu, watch.wall, watch.profile)


def _check(found: int, expected: int) -> None:
    if found != expected:
        raise RuntimeError(f"{found} came, {expected} were expected")


# -- files -------------------------------------------------------------------------------------------------------------


def _big_file(directory: Path, size: int) -> Path:
    path = directory / "big"
    if not path.exists():
        block = os.urandom(_BLOCK)
        with path.open("wb") as file:
            for offset in range(0, size, _BLOCK):
                file.write(block[: size - offset])
    return path


def _small_files(directory: Path, count: int) -> None:
    folder = directory / "small"
    folder.mkdir(exist_ok=True)
    for number in range(count):
        path = folder / str(number)
        if not path.exists():
            path.write_bytes(bytes(SMALL_FILE))


def _many_entries(directory: Path, count: int) -> None:
    folder = directory / "many"
    if not folder.exists():
        folder.mkdir()
        for number in range(count):
            (folder / f"measurement {number:06}.dat").touch()


# -- the table ---------------------------------------------------------------------------------------------------------

_COMMAND: Final = Unit("us/command", 1e6, "commands/s")
_BYTE: Final = Unit("s/GB", 1e9, "MB/s", 1e-6)
_FILE: Final = Unit("us/file", 1e6, "files/s")
_ENTRY: Final = Unit("us/entry", 1e6, "entries/s")
_LOGIN: Final = Unit("us/session", 1e6, "sessions/s")
_MEMORY: Final = Unit("KiB/session", 1 / 1024)
_IDLE: Final = Unit("ms/s", 1e3)

_NOOP: Final = (b"NOOP\r\n", b"200")
_CWD: Final = (b"CWD /small\r\n", b"250")
_MLST: Final = (b"MLST small/0\r\n", b"250")

MEASURES: Final = {
    measure.name: measure
    for measure in (
        Measure(name="noop", title="NOOP", unit=_COMMAND, run=partial(_commands, command=_NOOP)),
        Measure(name="cwd", title="CWD", unit=_COMMAND, run=partial(_commands, command=_CWD)),
        Measure(name="mlst", title="MLST", unit=_COMMAND, run=partial(_commands, command=_MLST)),
        Measure(name="noops", title="NOOP, pipelined", unit=_COMMAND, run=partial(_pipelined, command=_NOOP)),
        Measure(name="cwds", title="CWD, pipelined", unit=_COMMAND, run=partial(_pipelined, command=_CWD)),
        Measure(name="mlsts", title="MLST, pipelined", unit=_COMMAND, run=partial(_pipelined, command=_MLST)),
        Measure(name="retr", title="RETR, a big file", unit=_BYTE, run=_retrieve, parallel=True),
        Measure(name="stor", title="STOR, a big file", unit=_BYTE, run=_store, parallel=True),
        Measure(
            name="tls_retr",
            title="RETR, a big file, TLS",
            unit=_BYTE,
            run=partial(_retrieve, kind=SecureClient),
            parallel=True,
            secure=True,
        ),
        Measure(
            name="tls_stor",
            title="STOR, a big file, TLS",
            unit=_BYTE,
            run=partial(_store, kind=SecureClient),
            parallel=True,
            secure=True,
        ),
        Measure(name="small_retr", title="RETR, 4 KiB files", unit=_FILE, run=_retrieve_small),
        Measure(name="small_stor", title="STOR, 4 KiB files", unit=_FILE, run=_store_small),
        Measure(name="list", title="LIST, big directory", unit=_ENTRY, run=partial(_list, line=b"LIST\r\n")),
        Measure(name="mlsd", title="MLSD, big directory", unit=_ENTRY, run=partial(_list, line=b"MLSD\r\n")),
        Measure(name="login", title="connect, log in, quit", unit=_LOGIN, run=_log_in),
        Measure(name="memory", title="memory, idle", unit=_MEMORY, run=_memory, fresh=True),
        Measure(name="idle", title="idle sessions, all", unit=_IDLE, run=_idle, most_rounds=1),
    )
}
