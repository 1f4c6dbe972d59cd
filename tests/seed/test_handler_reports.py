"""What a handler reports, and to whom: the methods of the log that old code overrides or extends, and their lines."""

from __future__ import annotations

import logging
import re

from ftpcore_adapters.handlers import FTPHandler
from tests.adapters.conftest import Serve
from tests.adapters.serving import USER, wait_for


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
