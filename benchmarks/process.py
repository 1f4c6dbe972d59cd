"""A server in a process of its own, and what it uses.  Linux only."""

from __future__ import annotations

import contextlib
import os
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Self

from benchmarks.serving import MARK

__all__ = ["ServerProcess", "Stopwatch", "one_cpu"]

#: Seconds that a server may take to start, or to print its profile.
_PATIENCE: Final = 30.0
_ROOT: Final = Path(__file__).resolve().parent.parent
_RSS: Final = re.compile(r"^Rss:\s+(\d+) kB", re.MULTILINE)


@contextlib.contextmanager
def one_cpu() -> Iterator[None]:
    """Run this process, and the servers that it starts, on one CPU in `with`.

    To wake somebody on another CPU takes longer than a NOOP, it is charged to the server that sends, and whether it
    happens is the whim of the kernel's scheduler.
    """
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(allowed)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)


class ServerProcess:
    """Starts a server on a port of 127.0.0.1 in `with`, and ends it there."""

    def __init__(self, name: str, directory: Path, *, profiled: bool = False, secure: bool = False) -> None:
        self.name = name
        self.profiled = profiled
        command = [sys.executable, "-m", "benchmarks.serving", name, str(directory)]
        self._process = subprocess.Popen(
            command + ["--profile"] * profiled + ["--tls"] * secure,
            cwd=_ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
        )
        # Of clock_getcpuclockid(3), which Python does not offer: nanoseconds, where /proc/PID/stat counts 10 ms ticks.
        self._cpu_clock = (~self._process.pid << 3) | 2
        self._printed = b""
        try:
            self.port = int(self._line())
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc_info: object) -> None:
        self.close()

    def close(self) -> None:
        """End the process.  Idempotent."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    @property
    def cpu(self) -> float:
        """Seconds of user and system time that all threads of the process have used."""
        return time.clock_gettime(self._cpu_clock)

    @property
    def memory(self) -> int:
        """Bytes of the process that are in memory."""
        match = _RSS.search(Path(f"/proc/{self._process.pid}/smaps_rollup").read_text(encoding="ascii"))
        if match is None:
            raise RuntimeError("smaps_rollup does not say Rss")
        return int(match[1]) * 1024

    def settle(self) -> None:
        """Wait until the server waits.

        A client has its reply before the server has tidied up, and the kernel brings the CPU clock of another process
        up to date when that sleeps, or every few milliseconds.
        """
        status = Path(f"/proc/{self._process.pid}/stat")
        until = time.monotonic() + _PATIENCE
        while status.read_bytes().rpartition(b") ")[2][:1] != b"S":
            if time.monotonic() > until:
                raise TimeoutError(f"the server process of {self.name} does not come to rest")
            time.sleep(0.0005)

    def start_profile(self) -> None:
        """Profile from now on."""
        self._process.send_signal(signal.SIGUSR1)
        while self._line() != MARK:
            pass

    def stop_profile(self) -> str:
        """Stop profiling, and return the functions that took the most time so far."""
        self._process.send_signal(signal.SIGUSR2)
        lines: list[str] = []
        while (line := self._line()) != MARK:
            lines.append(line)
        return "\n".join(lines)

    def _line(self) -> str:
        stdout = self._process.stdout
        assert stdout is not None
        poller = select.poll()
        poller.register(stdout, select.POLLIN)
        until = time.monotonic() + _PATIENCE
        while b"\n" not in self._printed:
            if not poller.poll(1000 * max(0.0, until - time.monotonic())):
                raise TimeoutError(f"the server process of {self.name} prints nothing")
            block = os.read(stdout.fileno(), 65536)
            if not block:
                raise RuntimeError(f"the server process of {self.name} ended; see above why")
            self._printed += block
        line, _, self._printed = self._printed.partition(b"\n")
        return line.decode()


class Stopwatch:
    """Measures CPU time of a server, and time, in `with`; profiles the server if it was started for that."""

    def __init__(self, server: ServerProcess) -> None:
        self._server = server
        self.cpu = 0.0
        self.wall = 0.0
        self.profile = ""

    def __enter__(self) -> Self:
        if self._server.profiled:
            self._server.start_profile()
        self._server.settle()
        self.cpu -= self._server.cpu
        self.wall -= time.perf_counter()
        return self

    def __exit__(self, *_exc_info: object) -> None:
        self.wall += time.perf_counter()
        self._server.settle()
        self.cpu += self._server.cpu
        if self._server.profiled:
            self.profile = self._server.stop_profile()
