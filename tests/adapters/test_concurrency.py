"""The models of `--concurrency`, as processes: they serve, drain at SIGTERM, and end."""

from __future__ import annotations

import ftplib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ftpcore_adapters._concurrency import MODELS
from ftpcore_adapters.prefork import cpu_count
from tests.adapters.command_line import Process, process, run
from tests.adapters.serving import PATIENCE, Client, received, wait_for
from tests.adapters.worker_play import children, refuses

DATA = bytes(8_000_000)


@pytest.fixture(params=MODELS)
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Process]:
    (tmp_path / "f").write_bytes(DATA)
    options = ("-i", "127.0.0.1", "-p", "0", "--concurrency", request.param, "-d", str(tmp_path))
    with process(*options, strict=False) as server:
        yield server


@contextmanager
def program(source: str, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Run a program that tells its port first; it is killed in the end."""
    command = [sys.executable, "-c", source, *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        try:
            assert server.stdout is not None
            yield server, int(server.stdout.readline())
        finally:
            server.kill()


def connected(server: Process) -> ftplib.FTP:
    client = ftplib.FTP(timeout=PATIENCE)
    client.connect(*server.address)
    client.login()
    return client


def test_it_serves_until_it_is_interrupted(server: Process) -> None:
    with connected(server) as first, connected(server) as second:
        blocks: list[bytes] = []
        second.retrbinary("RETR f", blocks.append)
        assert b"".join(blocks) == DATA
        assert first.nlst() == ["f"]
    status, log = server.end(signal.SIGINT)
    assert status == 0, log
    assert "Traceback" not in log


def test_sigterm_lets_transfers_end(server: Process) -> None:
    busy, idle = connected(server), connected(server)
    with busy.transfercmd("RETR f") as data:
        os.kill(server.process.pid, signal.SIGTERM)
        with pytest.raises(ftplib.error_temp, match="421"):
            idle.voidresp()
        assert received(data) == DATA
    assert busy.voidresp().startswith("226")
    server.process.communicate(timeout=PATIENCE)
    assert server.process.returncode == 0
    for client in (busy, idle):
        client.close()


def test_a_sigterm_that_all_processes_get_lets_transfers_end(server: Process) -> None:
    """As systemd sends it, and a shell that ends a job."""
    busy = connected(server)
    with busy.transfercmd("RETR f") as data:
        block = data.recv(1)
        for pid in [*children(server.process.pid), server.process.pid]:
            os.kill(pid, signal.SIGTERM)
        wait_for(lambda: refuses(server.address), "the drain")
        assert block + received(data) == DATA
    assert busy.voidresp().startswith("226")
    busy.close()
    server.process.communicate(timeout=PATIENCE)
    assert server.process.returncode == 0


@pytest.mark.parametrize("server", ["multi-proc", "pre-fork"], indirect=True)
def test_a_sigterm_that_only_workers_get_changes_nothing(server: Process) -> None:
    with connected(server) as client:
        before = children(server.process.pid)
        assert before
        for pid in before:
            os.kill(pid, signal.SIGTERM)
        assert client.nlst() == ["f"]
        with connected(server) as other:
            assert other.nlst() == ["f"]
        assert before <= children(server.process.pid)
    assert server.end(signal.SIGTERM)[0] == 0


def test_a_second_sigterm_ends_all(server: Process) -> None:
    busy, idle = connected(server), connected(server)
    with busy.transfercmd("RETR f"):
        os.kill(server.process.pid, signal.SIGTERM)
        with pytest.raises(ftplib.error_temp, match="421"):
            idle.voidresp()
        status, log = server.end(signal.SIGTERM)
    assert status == 0, log
    assert "Traceback" not in log
    for client in (busy, idle):
        client.close()


#: A server whose sessions are stuck in a hook, and which says so; 30 seconds to drain.  What servers grant by
#: themselves to what is stuck is longer than anybody waits here.
STUCK = """
import inspect, sys, threading
from ftpcore_adapters import anyio
from ftpcore_adapters._concurrency import Limits, make_serving
from ftpcore_adapters.authorizers import DummyAuthorizer
from ftpcore_adapters.handlers import FTPHandler
from ftpcore_adapters.servers import FTPServer

FTPServer.join_timeout = inspect.unwrap(anyio.serve).__kwdefaults__["grace"] = 1000.0

class Stuck(FTPHandler):
    authorizer = DummyAuthorizer()
    authorizer.add_anonymous(".")

    def on_login(self, username):
        print("stuck", flush=True)
        threading.Event().wait()

serving = make_serving(sys.argv[1], ("127.0.0.1", 0), Stuck, Limits(512, 0, 30.0))
serving.run(lambda: print(serving.address[1], flush=True))
"""


@pytest.mark.parametrize("signals", [[signal.SIGTERM, signal.SIGTERM], [signal.SIGINT]], ids=["SIGTERMs", "SIGINT"])
@pytest.mark.parametrize("model", ["multi-thread", "multi-proc", "pre-fork", "asyncio", "trio"])
def test_what_is_stuck_does_not_delay_the_end(model: str, signals: list[signal.Signals]) -> None:
    if model == "pre-fork" and cpu_count() == 1:
        pytest.skip("the only worker is stuck")
    with program(STUCK, model) as (server, port):
        assert server.stdout is not None
        with Client(("127.0.0.1", port)) as client, ftplib.FTP(timeout=PATIENCE) as other:
            client.send("USER anonymous", "PASS x")
            assert server.stdout.readline() == "stuck\n"
            other.connect("127.0.0.1", port)
            for number in signals[:-1]:
                server.send_signal(number)
                with pytest.raises(ftplib.error_temp, match="421"):
                    other.voidresp()
            server.send_signal(signals[-1])
            assert server.wait(PATIENCE) == 0
            other.close()


#: The command line, with a standard output that sends SIGTERM to the program when the address was printed.
EARLY = """
import io, os, signal, sys
from ftpcore_adapters.__main__ import main

class Output(io.StringIO):
    def flush(self):
        sys.stdout = sys.__stdout__
        os.kill(os.getpid(), signal.SIGTERM)

sys.stdout = Output()
main(["-i", "127.0.0.1", "-p", "0", "--concurrency", sys.argv[1]])
"""


@pytest.mark.parametrize("model", MODELS)
def test_signals_are_heeded_before_the_address_is_told(model: str) -> None:
    command = [sys.executable, "-c", EARLY, model]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 0, done.stderr


def test_an_unknown_model_is_a_usage_error() -> None:
    done = run("--concurrency", "magic")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
