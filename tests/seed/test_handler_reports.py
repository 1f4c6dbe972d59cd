"""What a handler reports, and to whom: the methods of the log that old code overrides or extends, and their lines."""

from __future__ import annotations

import logging
import re
import sys
from pathlib import Path

import anyio.lowlevel
import pytest

from ftpcore_adapters.handlers import FTPHandler, PassiveDTP
from tests.adapters.conftest import Serve
from tests.adapters.serving import PASSWORD, USER, Client, make_handler, wait_for
from tests.parity.hosts import HOSTS


def told(serve: Serve, level: int = logging.INFO) -> list[str]:
    """Return the lines of sessions, without the address in their prefix."""
    found = [re.fullmatch(r"127\.0\.0\.1:\d+-(\[.*)", line) for line in serve.log.lines(level)]
    return [match[1] for match in found if match]


def test_the_list_of_logged_commands_is_extended_as_a_list(serve: Serve) -> None:
    class More(FTPHandler):
        log_cmds_list = FTPHandler.log_cmds_list + ["PWD"]  # noqa: RUF005  as old code has it

    client = serve(More).login()
    assert client.command("PWD") == 257
    assert client.command("MKD d") == 257
    wait_for(lambda: len(told(serve)) > 2, "the lines of both commands")
    assert told(serve)[-2:] == [f"[{USER}] PWD 257", f"[{USER}] MKD {serve.directory / 'd'} 257"]


def test_log_cmd_gets_what_old_code_expects(serve: Serve) -> None:
    (serve.directory / "d").mkdir()
    notes: list[tuple[str, str, int, str]] = []

    class Auditing(FTPHandler):
        def log_cmd(self, cmd: str, arg: str, respcode: int, respstr: str) -> None:
            arg.startswith("/")  # as old code does, whatever the command
            notes.append((cmd, arg.replace(str(serve.directory), "~"), respcode, respstr))

    client = serve(Auditing).login()
    notes.clear()
    for line in ("CWD d", "CDUP", "CWD d", "XCUP", "NOOP", "STAT d", "STAT", "MLST d", "STAT /nowhere", "PASS x"):
        client.command(line)
    wait_for(lambda: len(notes) == 10, "the last command")
    assert notes == [
        ("CWD", "~/d", 250, '"/d" is the current directory.'),
        ("CDUP", "~", 250, '"/" is the current directory.'),
        ("CWD", "~/d", 250, '"/d" is the current directory.'),
        ("XCUP", "~", 250, '"/" is the current directory.'),
        ("NOOP", "", 200, "I successfully did nothing."),
        ("STAT", "~/d", 213, "End of status."),
        ("STAT", "", 211, "End of status."),
        ("MLST", "~/d", 250, "End MLST."),
        ("STAT", "~/nowhere", 550, "/nowhere: No such file or directory."),
        ("PASS", "******", 503, "User already authenticated."),
    ]


# -- exceptions --------------------------------------------------------------------------------------------------------


class Sentry(FTPHandler):
    """Reports exceptions elsewhere."""

    auth_failed_timeout = 0.01
    reported: list[str]

    def log_exception(self, instance: object) -> None:
        self.reported.append(repr(sys.exc_info()[1]))

    def fail(self, *arguments: object) -> None:
        raise LookupError("a bug")


@pytest.mark.parametrize(
    ("method", "lines", "ends"),
    [
        ("on_connect", (), True),
        ("on_login", (f"USER {USER}", f"PASS {PASSWORD}"), True),
        ("on_login_failed", (f"USER {USER}", "PASS wrong"), True),
        ("on_logout", ("LOGIN", "REIN"), True),
        ("on_file_sent", ("LOGIN", "RETR f"), True),
        ("on_file_received", ("LOGIN", "STOR g"), True),
        ("on_disconnect", ("QUIT",), True),
        ("ftp_NOOP", ("NOOP",), False),
        ("process_command", ("NOOP",), False),
        ("pre_process_command", ("NOOP",), False),
        ("log_cmd", ("NOOP",), True),
    ],
)
def test_an_overridden_log_exception_gets_what_user_code_raises(
    serve: Serve, method: str, lines: tuple[str, ...], ends: bool
) -> None:
    (serve.directory / "f").write_bytes(b"data")
    reported: list[str] = []
    client = serve(Sentry, reported=reported, **{method: Sentry.fail}).client()
    for line in lines:
        if line == "LOGIN":
            client.login()
        elif line.endswith((" f", " g")):
            with client.data():
                client.send(line)
                assert client.code() == 150
        else:
            client.send(line)
    if ends:
        while client.line():
            pass
    wait_for(lambda: reported, "the report")
    assert reported == ["LookupError('a bug')"]
    assert not serve.log.errors, "it is the override's to log it"


def test_what_log_exception_inherits_logs(serve: Serve) -> None:
    serve.errors_expected = True

    class Both(Sentry):
        def log_exception(self, instance: object) -> None:
            super().log_exception(instance)
            FTPHandler.log_exception(self, instance)

        def ftp_NOOP(self, line: str) -> None:
            raise LookupError("a bug")

    reported: list[str] = []
    client = serve(Both, reported=reported).login()
    assert [client.command("NOOP"), client.command("PWD")] == [451, 257]
    [record] = [record for record in serve.log.records if record.exc_info]
    assert record.getMessage().startswith("unhandled exception in instance <Handler(")
    assert reported == ["LookupError('a bug')"]


def test_handle_error_comes_before_log_exception(serve: Serve) -> None:
    class Both(Sentry):
        def handle_error(self) -> None:
            self.reported.append("handle_error")
            super().handle_error()

        def ftp_NOOP(self, line: str) -> None:
            raise LookupError("a bug")

    reported: list[str] = []
    client = serve(Both, reported=reported).login()
    assert client.command("NOOP") == 451
    wait_for(lambda: len(reported) == 2, "both")
    assert reported == ["handle_error", "LookupError('a bug')"]


# -- who is meant ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("line", ["USER bob", "REIN", "QUIT"])
def test_a_line_of_on_logout_names_who_leaves(serve: Serve, line: str) -> None:
    class Bye(FTPHandler):
        def on_logout(self, username: str) -> None:
            self.log("bye")

    client = serve(Bye).login()
    client.command(line)
    wait_for(lambda: any("bye" in each for each in told(serve)), "the line")
    assert f"[{USER}] bye" in told(serve)


@pytest.mark.parametrize("runtime", ["asyncio", "trio"])
def test_an_asynchronous_on_logout_finds_who_leaves(runtime: str, directory: Path) -> None:
    found: list[str] = []

    class Bye(FTPHandler):
        async def on_logout(self, username: str) -> None:
            found.append(self.username)
            await anyio.lowlevel.checkpoint()
            found.append(self.username)

        def ftp_NOOP(self, line: str) -> None:
            found.append(self.username)
            self.respond("200 Noted.")

    with HOSTS[runtime](make_handler(directory, Bye)) as address, Client(address) as client:
        client.login()
        assert [client.command("USER bob"), client.command("NOOP")] == [331, 200]
    assert found == [USER, USER, "bob"]


# -- lines of sessions and data connections ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limits", "text"),
    [
        ({"max_cons": 2}, "Too many connections. Service temporarily unavailable."),
        ({"max_cons_per_ip": 1}, "Too many connections from the same IP address."),
    ],
    ids=["server", "address"],
)
def test_a_refused_session_is_opened_and_closed(serve: Serve, limits: dict[str, object], text: str) -> None:
    serving = serve(server=limits)
    serving.login()
    before = len(serve.log.records)
    client = serving.client()
    assert client.line() == f"421 {text}"
    assert client.ended()
    wait_for(lambda: "closed" in serve.log.lines()[-1], "the end")
    lines = [line.partition("-")[2] for line in serve.log.lines()[before:]]
    assert lines == ["[] FTP session opened (connect)", f"[] {text}", "[] FTP session closed (disconnect)."]


@pytest.mark.parametrize(("line", "code"), [("NOOP", 421), ("RETR f", 425)], ids=["no command", "a transfer waits"])
def test_a_passive_connection_that_nobody_makes_is_told(serve: Serve, line: str, code: int) -> None:
    (serve.directory / "f").touch()
    client = serve(passive_dtp=type("Hasty", (PassiveDTP,), {"timeout": 0.1})).login()
    client.passive()
    client.send(line)
    assert client.code() in (150, 200)
    assert client.code() == code
    assert f"[{USER}] Passive data channel timed out." in told(serve)
    assert client.command("PWD") == 257
