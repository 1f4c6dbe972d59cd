"""What a server writes when it begins and ends, and how the lines of its processes are told apart."""

from __future__ import annotations

import logging
import os
import re
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from ftpcore_adapters.handlers import FTPHandler, TLS_FTPHandler
from ftpcore_adapters.ioloop import IOLoop
from ftpcore_adapters.servers import FTPServer, MultiprocessFTPServer, ThreadedFTPServer
from tests.adapters.certificates import Certificates
from tests.adapters.resources import leftovers
from tests.adapters.serving import Client, LogLines, make_handler, wait_for

pytestmark = pytest.mark.filterwarnings("ignore:.*use of fork.*:DeprecationWarning")


def interrupt() -> None:
    raise KeyboardInterrupt


def lines_of(server: FTPServer, level: int = logging.INFO) -> list[str]:
    """Serve for a moment, and return what was logged."""
    server.ioloop.call_later(0, interrupt)
    with LogLines(level) as log:
        server.serve_forever()
    return log.lines()


@pytest.mark.parametrize(
    ("ports", "shown"),
    [
        pytest.param([60009, 60001, 60005], "60009->60005", id="first and last as they are given"),
        pytest.param(range(60003, 60000, -1), "60003->60001", id="a range that goes down"),
        pytest.param([60000], "60000->60000", id="one"),
        pytest.param([], "None", id="none"),
        pytest.param(None, "None", id="any"),
    ],
)
def test_the_passive_ports_are_shown_as_they_are_given(ports: object, shown: str, tmp_path: Path) -> None:
    server = FTPServer(("127.0.0.1", 0), make_handler(tmp_path, passive_ports=ports), ioloop=IOLoop.factory())
    assert f"passive ports: {shown}" in lines_of(server)


@pytest.mark.parametrize("late", [False, True], ids=["before the server", "behind the server"])
@pytest.mark.parametrize("once", [iter, lambda ports: (port for port in ports)], ids=["an iterator", "a generator"])
def test_ports_that_can_be_read_only_once_are_kept(
    once: Callable[[Iterable[int]], Iterable[int]], late: bool, tmp_path: Path
) -> None:
    base = make_handler(tmp_path)
    handler: Any = type("Own", (base,), {})
    if not late:
        base.passive_ports = once([60009, 60001])  # type: ignore[assignment]  # an iterable is allowed here
    server = FTPServer(("127.0.0.1", 0), handler, ioloop=IOLoop.factory())
    if late:
        base.passive_ports = once([60009, 60001])  # type: ignore[assignment]  # as above
    assert "passive ports: 60009->60001" in lines_of(server)
    assert handler.passive_ports == base.passive_ports == (60009, 60001)
    assert FTPHandler.passive_ports is None


def test_certificates_are_told_at_debug(tmp_path: Path) -> None:
    files = Certificates(tmp_path).server
    handler = make_handler(tmp_path, TLS_FTPHandler, certfile=str(files.certfile), keyfile=str(files.keyfile))
    lines = lines_of(FTPServer(("127.0.0.1", 0), handler, ioloop=IOLoop.factory()), logging.DEBUG)
    assert f"SSL certfile: {str(files.certfile)!r}" in lines
    assert f"SSL keyfile: {str(files.keyfile)!r}" in lines
    plain = lines_of(FTPServer(("127.0.0.1", 0), make_handler(tmp_path), ioloop=IOLoop.factory()), logging.DEBUG)
    assert not [line for line in plain if line.startswith("SSL")]


@pytest.mark.parametrize("kind", [ThreadedFTPServer, MultiprocessFTPServer])
def test_a_server_with_workers_counts_them_when_it_ends(kind: type[FTPServer], tmp_path: Path) -> None:
    with leftovers():
        server = kind(("127.0.0.1", 0), make_handler(tmp_path), ioloop=IOLoop.factory())
        clients: list[Client] = []

        def come() -> None:
            clients.extend(Client(server.address) for _ in range(2))
            server.ioloop.call_later(0, leave_off)

        def leave_off() -> None:
            if len(server.ip_map) == 2:
                interrupt()
            server.ioloop.call_later(0.001, leave_off)

        server.ioloop.call_later(0, come)
        with LogLines() as log:
            server.serve_forever()
        for client in clients:
            client.close()
    assert f">>> shutting down FTP server, pid={os.getpid()} (2 active workers) <<<" in log.lines()


# -- forked workers ----------------------------------------------------------------------------------------------------

forking = pytest.mark.skipif(not hasattr(os, "fork"), reason="processes can't be forked here")

_LINE = re.compile(r"\[[A-Z] [-0-9]+ [:0-9]+ (\d+)\] (.*)")

_SERVE = """
    from ftpcore_adapters.authorizers import DummyAuthorizer
    from ftpcore_adapters.handlers import FTPHandler
    from ftpcore_adapters.servers import FTPServer

    FTPHandler.authorizer = DummyAuthorizer()
    server = FTPServer(("127.0.0.1", 0), FTPHandler)
    print(server.address[1], flush=True)
    server.serve_forever(worker_processes=2, handle_exit={handle_exit})
"""

_COMMAND = """
    from ftpcore_adapters.__main__ import main
    main(["-i", "127.0.0.1", "-p", "0", "--concurrency", "pre-fork"])
"""


def written(program: str, tmp_path: Path, address_of: Callable[[str], int]) -> list[str]:
    """Run a program that serves, let somebody come, interrupt it; return what it has written to standard error."""
    errors = tmp_path / "errors"
    with (
        errors.open("wb") as file,
        subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(program)],
            stdout=subprocess.PIPE,
            stderr=file,
            cwd=tmp_path,
            text=True,
        ) as process,
    ):
        assert process.stdout is not None
        port = address_of(process.stdout.readline())
        with Client(("127.0.0.1", port)) as client:
            assert client.code() == 220
            wait_for(lambda: "session opened" in errors.read_text(), "the line of a worker")
        process.send_signal(2)
        process.wait(20)
    return errors.read_text().splitlines()


@forking
@pytest.mark.parametrize("handle_exit", [True, False])
def test_each_line_of_forked_workers_names_its_process(handle_exit: bool, tmp_path: Path) -> None:
    lines = written(_SERVE.format(handle_exit=handle_exit), tmp_path, int)
    (opened,) = [line for line in lines if "session opened" in line]
    match = _LINE.fullmatch(opened)
    assert match, opened
    if handle_exit:
        begun = [found for line in lines if (found := _LINE.fullmatch(line)) and "starting FTP server" in line]
        assert begun
        assert begun[0][1] != match[1]
        (ended,) = [line for line in lines if "shutting down" in line]
        assert ended.endswith(f"pid={begun[0][1]} (2 active workers) <<<")


@forking
def test_the_command_line_names_the_process_for_forked_workers(tmp_path: Path) -> None:
    lines = written(_COMMAND, tmp_path, lambda line: int(re.findall(r":(\d+)", line)[-1]))
    (opened,) = [line for line in lines if "session opened" in line]
    assert _LINE.fullmatch(opened), opened
