"""The models of `--concurrency`, as processes: they serve, drain at SIGTERM, and end."""

from __future__ import annotations

import ftplib
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from ftpcore_adapters._concurrency import MODELS
from tests.adapters.command_line import Process, process, run
from tests.adapters.serving import PATIENCE, received

DATA = bytes(8_000_000)


@pytest.fixture(params=MODELS)
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Process]:
    (tmp_path / "f").write_bytes(DATA)
    options = ("-i", "127.0.0.1", "-p", "0", "--concurrency", request.param, "-d", str(tmp_path))
    with process(*options, strict=False) as server:
        yield server


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


def test_an_unknown_model_is_a_usage_error() -> None:
    done = run("--concurrency", "magic")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
