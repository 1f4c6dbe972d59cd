"""What each option of the command line becomes, and which values are refused."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from ftpcore_adapters import __main__ as command_line
from ftpcore_adapters import servers
from ftpcore_adapters.handlers import FTPHandler
from ftpcore_adapters.ioloop import IOLoop
from ftpcore_adapters.servers import FTPServer
from tests.adapters.resources import leftovers


class Idle(FTPServer):
    """A server that ends as soon as it should serve."""

    def __init__(self, address: tuple[str | None, int], handler: type[FTPHandler]) -> None:
        super().__init__(address, handler, IOLoop.factory())

    def serve_forever(
        self,
        timeout: float | None = None,
        blocking: bool = True,
        handle_exit: bool = True,
        worker_processes: int | None = 1,
    ) -> float | None:
        self.close_all()
        return None


@pytest.fixture
def levels(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Replace the server and the logging, as an embedding program may; the levels that logging was set up for."""
    levels: list[int] = []
    monkeypatch.setattr(servers, "FTPServer", Idle)
    monkeypatch.setattr(command_line, "config_logging", lambda *, level: levels.append(level))
    with leftovers():
        yield levels


def served(tmp_path: Path, *arguments: str) -> FTPServer:
    server = command_line.main([*arguments, "-i", "127.0.0.1", "-p", "0", "-d", str(tmp_path)])
    assert isinstance(server, FTPServer)
    return server


@pytest.mark.parametrize(
    ("arguments", "option", "value"),
    [
        ("", "timeout", 300),
        ("--timeout 2.5", "timeout", 2.5),
        ("", "data_timeout", 300),
        ("--timeout 2.5", "data_timeout", 2.5),
        ("--timeout 0", "data_timeout", 0),
        ("", "accept_timeout", 30),
        ("--timeout 2.5", "accept_timeout", 30),
        ("", "banner", FTPHandler.banner),
        ("--banner Hello", "banner", "Hello"),
        ("", "masquerade_address", None),
        ("-n 192.0.2.1", "masquerade_address", "192.0.2.1"),
        ("--nat-address 192.0.2.1", "masquerade_address", "192.0.2.1"),
        ("", "passive_ports", None),
        ("-r 60000-60002", "passive_ports", range(60000, 60003)),
        ("--range 1-65535", "passive_ports", range(1, 65536)),
        ("", "permit_foreign_addresses", False),
        ("--permit-foreign-addresses", "permit_foreign_addresses", True),
        ("", "permit_privileged_ports", False),
        ("--permit-privileged-ports", "permit_privileged_ports", True),
        ("", "encoding", "utf-8"),
        ("--encoding UTF8", "encoding", "utf-8"),
        ("--encoding latin-1", "encoding", "iso8859-1"),
        ("--encoding shift_jis", "encoding", "shift_jis"),
        ("", "use_gmt_times", True),
        ("--use-localtime", "use_gmt_times", False),
        ("", "use_sendfile", FTPHandler.use_sendfile),
        ("--disable-sendfile", "use_sendfile", False),
        ("", "max_login_attempts", 3),
        ("--max-login-attempts 7", "max_login_attempts", 7),
        ("--concurrency async", "banner", FTPHandler.banner),
    ],
)
def test_options_of_the_handler(levels: list[int], tmp_path: Path, arguments: str, option: str, value: object) -> None:
    server = served(tmp_path, *arguments.split())
    handler = server.handler.__new__(server.handler)  # options are read through the instance; some are properties
    assert getattr(handler, option) == value


@pytest.mark.parametrize(
    ("arguments", "option", "value"),
    [
        ("", "max_cons", 512),
        ("--max-cons 7", "max_cons", 7),
        ("--max-cons 0", "max_cons", 0),
        ("", "max_cons_per_ip", 0),
        ("--max-cons-per-ip 2", "max_cons_per_ip", 2),
    ],
)
def test_options_of_the_server(levels: list[int], tmp_path: Path, arguments: str, option: str, value: object) -> None:
    assert getattr(served(tmp_path, *arguments.split()), option) == value


def test_options_are_those_of_one_server(levels: list[int], tmp_path: Path) -> None:
    assert served(tmp_path, "--timeout", "5").handler is not served(tmp_path).handler
    assert FTPHandler.timeout == 300


@pytest.mark.parametrize(("arguments", "level"), [((), 20), (("-D",), 10), (("--debug",), 10)])
def test_the_level_of_the_log(levels: list[int], tmp_path: Path, arguments: tuple[str, ...], level: int) -> None:
    served(tmp_path, *arguments)
    assert levels == [level]


def test_anonymous_who_may_write_is_worth_a_warning(levels: list[int], tmp_path: Path) -> None:
    with pytest.warns(RuntimeWarning, match="anonymous"):
        server = served(tmp_path, "--write")
    assert server.handler.authorizer.get_perms("anonymous") == "elradfmwMT"


@pytest.mark.parametrize(
    "arguments",
    ["", "-p 2100", "-w -D", "--range 60000-60001 --timeout 3", "-u ann -P secret"],
)
def test_the_word_serve_may_be_left_out(arguments: str) -> None:
    assert command_line.parse_args(["serve", *arguments.split()]) == command_line.parse_args(arguments.split())


@pytest.mark.parametrize(
    "arguments",
    [
        "serve serve",
        "-p 2121 serve",
        "/srv/ftp",
        "--nonsense",
        "serve --nonsense",
        "--dir .",
        "--concurrency",
        "--concurrency nonsense",
        "--encoding nonsense",
        "--encoding utf-16",
        "--encoding hex",
        "--encoding utf-7",
        "--encoding cp037",
        "--max-cons -1",
        "--max-cons x",
        "--max-cons ²",
        "--max-cons-per-ip -1",
        "--max-login-attempts 0",
        "--nat-address localhost",
        "--nat-address ::1",
        "--nat-address 192.0.2",
        "--range 60000",
        "--range 60000-",
        "--range x-y",
        "--range 0-10",
        "--range 60001-60000",
        "--range 60000-60000",
        "--range 60000-65536",
        "--timeout -1",
        "--timeout nan",
        "--timeout inf",
        "--drain soon",
        "--timeout soon",
    ],
)
def test_a_usage_error_is_one_line_that_names_what_is_wrong(arguments: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as raised:
        command_line.parse_args(arguments.split())
    assert raised.value.code == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert len(said.err.splitlines()) == 1, said.err
    assert any(word in said.err for word in arguments.split())


def test_a_model_that_is_not_offered_is_answered_by_those_that_are(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        command_line.parse_args(["--concurrency", "magic"])
    assert "async" in capsys.readouterr().err


def test_control_characters_of_a_wrong_word_are_escaped(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        command_line.parse_args(["--\x1b[2J\n\udcff"])
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "\x1b" not in said


def test_anonymous_can_not_have_a_password() -> None:
    """It would be taken for one, but any other would do as well."""
    with pytest.raises(argparse.ArgumentTypeError):
        command_line.parse_args(["-u", "anonymous", "-P", "secret"])


def test_help_names_every_option_of_the_specification(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        command_line.parse_args(["--help"])
    told = capsys.readouterr().out
    for option in (
        "-i", "--interface", "-p", "--port", "-w", "--write", "-d", "--directory", "-n", "--nat-address", "-r",
        "--range", "-D", "--debug", "-u", "--username", "-P", "--password", "--concurrency", "--timeout", "--banner",
        "--permit-foreign-addresses", "--permit-privileged-ports", "--encoding", "--use-localtime",
        "--disable-sendfile", "--max-cons", "--max-cons-per-ip", "--max-login-attempts", "--version",
    ):  # fmt: skip
        assert re.search(rf"\s{option}[\s,]", told), option
