"""Logging as users of this API family know it: what is set up, what is left alone, and what a server writes."""

from __future__ import annotations

import io
import logging
import os
import re
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from ftpcore_adapters import log
from ftpcore_adapters.ioloop import IOLoop
from ftpcore_adapters.servers import FTPServer
from tests.adapters.serving import make_handler

TIME = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"


@pytest.fixture
def unconfigured(monkeypatch: pytest.MonkeyPatch) -> Iterator[logging.Logger]:
    """The logger of the package as in a program that has not set up logging."""
    level = log.logger.level
    monkeypatch.setattr(logging.root, "handlers", [])
    monkeypatch.setattr(log.logger, "handlers", [])
    yield log.logger
    log.logger.setLevel(level)


def run(program: str, **environment: str) -> str:
    """Run a program, and return what it wrote to standard error."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return done.stderr


def test_a_line_has_the_initial_of_its_level_and_the_time(
    unconfigured: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    log.config_logging()
    for level in ("debug", "info", "warning", "error"):
        getattr(unconfigured, level)("hello")
    lines = capsys.readouterr().err.splitlines()
    assert [re.sub(TIME, "TIME", line) for line in lines] == [f"[{letter} TIME] hello" for letter in "IWE"]


def test_the_prefix_of_processes_has_their_number(
    unconfigured: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    log.config_logging(level=logging.DEBUG, prefix=log.PREFIX_MPROC)
    unconfigured.debug("hello")
    assert re.fullmatch(rf"\[D {TIME} {os.getpid()}\] hello\n", capsys.readouterr().err)


def test_other_loggers_are_set_up_alike(unconfigured: logging.Logger, capsys: pytest.CaptureFixture[str]) -> None:
    other = logging.getLogger("ftpcore_test_other")
    log.config_logging(level=logging.WARNING, prefix="!", other_loggers=[other])
    try:
        other.info("too low")
        other.warning("hello")
    finally:
        other.handlers.clear()
        other.setLevel(logging.NOTSET)
    assert capsys.readouterr().err == "! hello\n"


def test_the_level_colours_the_prefix_of_a_terminal() -> None:
    formatter = log.LogFormatter()
    formatter.COLOURED = True
    starts = []
    for level in (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR):
        line = formatter.format(logging.LogRecord("x", level, "", 0, "hello", (), None))
        start, end = re.split(r"\[. ", line)[0], line.partition("\x1b[0m")[2]
        assert end == " hello"
        starts.append(start)
    assert all(start.startswith("\x1b[") for start in starts)
    assert len(set(starts)) == 4


@pytest.mark.parametrize(
    ("terminal", "environment", "coloured"),
    [
        pytest.param(True, {"TERM": "xterm-256color"}, True, id="terminal"),
        pytest.param(True, {"TERM": "dumb"}, False, id="dumb"),
        pytest.param(True, {"TERM": "xterm", "NO_COLOR": "1"}, False, id="NO_COLOR"),
        pytest.param(False, {"TERM": "xterm"}, False, id="pipe"),
    ],
)
@pytest.mark.skipif(os.name != "posix", reason="makes a terminal by pty")
def test_colours_are_for_terminals_that_show_them(
    terminal: bool, environment: dict[str, str], coloured: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    import pty

    monkeypatch.delenv("NO_COLOR", raising=False)
    reader, errors = pty.openpty() if terminal else os.pipe()
    try:
        subprocess.run(
            [
                sys.executable,
                "-c",
                "from ftpcore_adapters.log import config_logging, logger; config_logging(); logger.info('hello')",
            ],
            stderr=errors,
            env={**os.environ, **environment},
            timeout=60,
            check=True,
        )
        line = os.read(reader, 1000).decode()
    finally:
        os.close(reader)
        os.close(errors)
    assert "hello" in line
    assert ("\x1b[" in line) == coloured


def test_a_program_that_set_up_logging_keeps_what_it_has(unconfigured: logging.Logger, tmp_path: Path) -> None:
    """`logging.basicConfig` before `serve_forever`."""
    stream = io.StringIO()
    logging.basicConfig(stream=stream, level=logging.INFO, format="%(levelname)s:%(name)s:%(message)s", force=True)
    former = logging.root.level
    try:
        with FTPServer(("127.0.0.1", 0), make_handler(tmp_path), ioloop=IOLoop()) as server:
            server.ioloop.call_later(0, server.close_all)
            server.serve_forever()
    finally:
        logging.root.setLevel(former)
    assert not unconfigured.handlers
    assert "INFO:ftpcore:concurrency model: async\n" in stream.getvalue()


def test_a_program_that_did_not_gets_lines_on_standard_error() -> None:
    written = run(
        """
        from ftpcore_adapters.handlers import FTPHandler
        from ftpcore_adapters.servers import FTPServer

        with FTPServer(("127.0.0.1", 0), FTPHandler) as server:
            server.ioloop.call_later(0, server.close_all)
            server.serve_forever()
        """,
        PYTHONPATH=os.pathsep.join(sys.path),
    )
    assert re.match(rf"\[I {TIME}\] >>> starting FTP server on 127\.0\.0\.1:\d+, pid=\d+ <<<\n", written)


def test_is_logging_configured_looks_at_both_loggers(
    unconfigured: logging.Logger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.root, "handlers", [])  # pytest has added its own since the fixture ran
    assert not log.is_logging_configured()
    log.config_logging()
    assert log.is_logging_configured()
    unconfigured.handlers.clear()
    logging.root.addHandler(logging.NullHandler())
    assert log.is_logging_configured()


def test_debug_is_written_at_level_debug_only(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, log.logger.name):
        log.debug("detail", object())
    assert caplog.records == []
    with caplog.at_level(logging.DEBUG, log.logger.name):
        log.debug("detail", [1])
    [record] = caplog.records
    assert record.levelno == logging.DEBUG
    assert "detail" in record.message
    assert "[1]" in record.message


def test_no_client_forges_a_line(unconfigured: logging.Logger, capsys: pytest.CaptureFixture[str]) -> None:
    log.config_logging(level=logging.DEBUG)
    unconfigured.info("USER %s", "ann\r\n[I 2000-01-01 00:00:00] forged\x1b[2J")
    written = capsys.readouterr().err
    assert written.count("\n") == 1
    assert "\x1b" not in written


def test_an_error_is_written_with_its_traceback(
    unconfigured: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    log.config_logging()
    with IOLoop() as loop:
        loop.call_later(0, int, "x")
        loop.loop(timeout=0, blocking=False)
    written = capsys.readouterr().err
    assert re.match(rf"\[E {TIME}\] ", written)
    assert "Traceback (most recent call last):" in written
    assert "ValueError" in written


def test_what_a_server_writes_at_each_level(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The lines about the loop; what sessions write is told by the tests of the handler."""
    caplog.set_level(logging.DEBUG, log.logger.name)
    with FTPServer(("127.0.0.1", 0), make_handler(tmp_path), ioloop=IOLoop()) as server:
        server.ioloop.call_later(0, server.close_all)
        server.serve_forever()
    lines = {(record.levelname, record.getMessage().partition(":")[0]) for record in caplog.records}
    assert {("INFO", "concurrency model"), ("INFO", "passive ports"), ("DEBUG", "poller")} <= lines
