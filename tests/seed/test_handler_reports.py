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
