"""`python -m ftpcore_adapters`: options, errors, and how it ends."""

from __future__ import annotations

import argparse
import ftplib
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ftpcore_adapters import __main__ as command_line
from ftpcore_adapters import servers
from ftpcore_adapters.handlers import FTPHandler
from ftpcore_adapters.ioloop import IOLoop
from ftpcore_adapters.servers import FTPServer
from tests.adapters.command_line import Process, process, run
from tests.adapters.resources import leftovers
from tests.adapters.serving import LogLines

# -- options -----------------------------------------------------------------------------------------------------------


def test_defaults() -> None:
    options = command_line.parse_args([])
    assert (options.interface, options.port, options.directory, options.write) == ("", 2121, ".", False)
    assert (options.username, options.password, options.debug) == (None, None, False)


@pytest.mark.parametrize(
    "arguments",
    [
        ["-u", "ann"],
        ["-P", "secret"],
    ],
    ids=" ".join,
)
def test_options_that_make_no_sense(arguments: list[str]) -> None:
    with pytest.raises(argparse.ArgumentTypeError):
        command_line.parse_args(arguments)


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (["--nonsense"], 2),
        (["-p", "65536"], 2),
        (["-p", "-1"], 2),
        (["-p"], 2),
        (["extra"], 2),
        (["--help"], 0),
        (["--version"], 0),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else str(value),
)
def test_words_that_end_the_program(arguments: list[str], status: int, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as raised:
        command_line.parse_args(arguments)
    assert raised.value.code == status
    said = capsys.readouterr()
    assert bool(said.out) == (status == 0)
    assert bool(said.err) == (status == 2)


# -- main --------------------------------------------------------------------------------------------------------------


class Brief(FTPServer):
    """A server that is interrupted as soon as it serves."""

    made: list[Brief] = []

    def __init__(
        self, address: tuple[str | None, int], handler: type[FTPHandler], ioloop: IOLoop | None = None
    ) -> None:
        super().__init__(address, handler, IOLoop.factory())
        self.made.append(self)
        self.ioloop.call_later(0, self.interrupt)

    def interrupt(self) -> None:
        raise KeyboardInterrupt


@pytest.fixture
def brief(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Brief]]:
    """Embedding programs replace the server class and the logging set-up; so do these tests."""
    monkeypatch.setattr(servers, "FTPServer", Brief)
    monkeypatch.setattr(command_line, "config_logging", lambda level: None)
    with leftovers(), LogLines():
        yield Brief
        Brief.made.clear()


def test_main_returns_the_server_closed(brief: type[Brief], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    server = command_line.main(["-i", "127.0.0.1", "-p", "0", "-d", str(tmp_path)])
    assert isinstance(server, brief)
    assert server.socket is None
    assert f"Serving {tmp_path} on 127.0.0.1:{server.address[1]}, read-only, to anonymous." in capsys.readouterr().out
    assert server.handler.authorizer.get_perms("anonymous") == "elr"
    assert server.handler.authorizer.get_home_dir("anonymous") == str(tmp_path)


def test_main_with_a_user_who_may_write(brief: type[Brief], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    server = command_line.main(
        ["-i", "127.0.0.1", "-p", "0", "-d", str(tmp_path), "-w", "-u", "ann", "-P", "top-secret"]
    )
    authorizer = server.handler.authorizer
    assert authorizer.get_perms("ann") == "elradfmwMT"
    assert not authorizer.has_user("anonymous")
    said = capsys.readouterr()
    assert "read and write, to ann." in said.out
    assert "top-secret" not in said.out + said.err


@pytest.mark.filterwarnings("ignore:write permissions assigned to anonymous:RuntimeWarning")
def test_main_lets_anonymous_write_if_told_so(brief: type[Brief], tmp_path: Path) -> None:
    server = command_line.main(["-i", "127.0.0.1", "-p", "0", "-d", str(tmp_path), "-w"])
    assert "w" in server.handler.authorizer.get_perms("anonymous")


def test_main_refuses_a_directory_that_is_none(brief: type[Brief], tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in tmp_path / "missing", tmp_path / "file":
        with pytest.raises(ValueError):
            command_line.main(["-i", "127.0.0.1", "-p", "0", "-d", str(path)])
    assert not brief.made


# -- the console -------------------------------------------------------------------------------------------------------


def assert_one_line(ended: subprocess.CompletedProcess[str], *words: str) -> None:
    assert ended.returncode == 2, ended
    assert ended.stdout == ""
    assert len(ended.stderr.splitlines()) == 1, ended.stderr
    assert ended.stderr.startswith("ftpcore: ")
    for word in words:
        assert word in ended.stderr


def test_a_bad_directory_is_one_line(tmp_path: Path) -> None:
    assert_one_line(run("-i", "127.0.0.1", "-p", "0", "-d", str(tmp_path / "missing")), "missing")


def test_a_port_in_use_is_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert_one_line(run("-i", "127.0.0.1", "-p", port, "-d", str(tmp_path)), "127.0.0.1", port)


def test_an_address_that_is_not_ours_is_one_line(tmp_path: Path) -> None:
    assert_one_line(run("-i", "192.0.2.1", "-p", "0", "-d", str(tmp_path)), "192.0.2.1")


def test_an_interface_that_is_none_is_one_line(tmp_path: Path) -> None:
    assert_one_line(run("-i", "not an address", "-p", "0", "-d", str(tmp_path)), "not an address")


def test_a_port_out_of_range_is_one_line() -> None:
    assert_one_line(run("-p", "70000"), "70000")


def test_a_user_without_a_password_is_one_line() -> None:
    assert_one_line(run("-u", "ann"), "--password")


def test_an_unknown_option_shows_the_usage() -> None:
    ended = run("--nonsense")
    assert ended.returncode == 2
    assert "--nonsense" in ended.stderr
    assert "Traceback" not in ended.stderr


needs_signals = pytest.mark.skipif(sys.platform == "win32", reason="no SIGINT can be sent to a process here")


@needs_signals
def test_an_interrupt_ends_cleanly(tmp_path: Path) -> None:
    with process("-i", "127.0.0.1", "-p", "0", "-d", str(tmp_path)) as server, ftplib.FTP() as client:
        client.connect(*server.address)
        client.login()
        status, errors = server.end()
    assert status == 0, errors
    assert "Traceback" not in errors
    assert "Warning" not in errors
    assert "received interrupt signal" in errors


@needs_signals
def test_interrupts_at_the_very_beginning_end_cleanly(tmp_path: Path) -> None:
    """The address is printed before the loop begins.  An interrupt within `socketpair`, say, may leave a warning."""
    for _ in range(5):
        with process("-i", "127.0.0.1", "-p", "0", "-d", str(tmp_path), strict=False) as server:
            status, errors = server.end(signal.SIGINT)
        assert status == 0, errors
        assert "Traceback" not in errors


def test_the_real_port_is_printed(tmp_path: Path) -> None:
    with process("-i", "127.0.0.1", "-p", "0", "-d", str(tmp_path)) as server:
        check(server, "ftp://127.0.0.1:")


def test_all_interfaces_are_served_by_default(tmp_path: Path) -> None:
    with process("-p", "0", "-d", str(tmp_path)) as server:
        check(server, "ftp://127.0.0.1:")


def test_the_working_directory_is_served_by_default(tmp_path: Path) -> None:
    (tmp_path / "here").touch()
    with process("-i", "127.0.0.1", "-p", "0", directory=tmp_path) as server, ftplib.FTP() as client:
        client.connect(*server.address)
        client.login()
        assert client.nlst() == ["here"]
        with pytest.raises(ftplib.error_perm):
            client.mkd("d")


def check(server: Process, url: str) -> None:
    assert server.address[1] > 0
    assert f"{url}{server.address[1]}/" in server.said[-1]
    with ftplib.FTP() as client:
        client.connect("127.0.0.1", server.address[1])
        client.login()


def test_debug_tells_commands_but_no_password(tmp_path: Path) -> None:
    arguments = ("-i", "127.0.0.1", "-p", "0", "-d", str(tmp_path), "-D", "-u", "ann", "-P", "top-secret")
    with process(*arguments) as server:
        with ftplib.FTP() as client:
            client.connect(*server.address)
            client.login("ann", "top-secret")
            client.quit()
        status, errors = server.end()
    assert status == 0
    assert "<- USER ann" in errors
    assert "<- PASS ******" in errors
    assert "top-secret" not in errors
