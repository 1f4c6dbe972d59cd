"""What the filesystem does not let a client see is not handed to commands of user code, either."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ftpcore_adapters.filesystems import AbstractedFS
from ftpcore_adapters.handlers import FTPHandler, proto_cmds
from tests.adapters.conftest import Serve


class Eager(FTPHandler):
    """Notes each path that its commands are given."""

    proto_cmds = {
        **proto_cmds,
        "SITE RMTREE": {"perm": "d", "auth": True, "arg": True, "help": "Syntax: SITE RMTREE <SP> path (remove)."},
    }
    given: list[str]

    def _take(self, path: str) -> None:
        self.given.append(os.path.basename(path))
        self.respond("200 Taken.")

    ftp_SITE_RMTREE = ftp_SIZE = ftp_CWD = ftp_MLST = _take
    ftp_DELE = ftp_RNFR = ftp_RMD = ftp_MKD = _take

    def ftp_MFMT(self, path: str, timeval: str) -> None:
        self._take(path)


class Processing(FTPHandler):
    """Sees all commands in one place."""

    given: list[str]

    def process_command(self, cmd: str, *args: str, **kwargs: str) -> None:
        if cmd in ("RETR", "SIZE", "CWD", "MFMT"):
            self.given.append(os.path.basename(args[0]))
        super().process_command(cmd, *args, **kwargs)


class Shy(AbstractedFS):
    """Shows nothing that begins with a dot."""

    def validpath(self, path: str) -> bool:
        return super().validpath(path) and not os.path.basename(path).startswith(".")


def stock(directory: Path) -> None:
    (directory / "d").mkdir()
    (directory / "f").write_bytes(b"f")
    (directory / "out").symlink_to("/etc")
    (directory / "outer").symlink_to("/etc/passwd")
    (directory / ".shy").mkdir()


@pytest.mark.parametrize("line", ["SITE RMTREE out", "SITE RMTREE out/ssl", "SIZE outer", "CWD out", "MLST out"])
def test_what_a_link_leads_out_to_is_refused(line: str, serve: Serve) -> None:
    stock(serve.directory)
    given: list[str] = []
    client = serve(Eager, given=given).login()
    assert client.command(line) == 550
    assert client.command("MFMT 20200101000000 outer") == 550
    assert given == []


@pytest.mark.parametrize("line", ["DELE out", "RNFR outer", "RMD out"])
def test_a_link_itself_may_be_removed_and_renamed(line: str, serve: Serve) -> None:
    stock(serve.directory)
    given: list[str] = []
    client = serve(Eager, given=given).login()
    assert client.command(line) == 200
    assert given == [line.partition(" ")[2]]
    assert client.command("DELE out/passwd") == 550
    assert given == [line.partition(" ")[2]]


@pytest.mark.parametrize("line", ["SITE RMTREE .shy", "DELE .shy", "RMD .shy", "MKD .new", "CWD .shy"])
def test_what_a_filesystem_of_ones_own_refuses_is_refused(line: str, serve: Serve) -> None:
    stock(serve.directory)
    given: list[str] = []
    client = serve(Eager, given=given, abstracted_fs=Shy).login()
    assert client.command(line) == 550
    assert given == []
    assert client.command(line.replace(".", "")) == 200
    assert given == [line.partition(".")[2]]


def test_what_passes_through_one_method_is_checked_as_well(serve: Serve) -> None:
    stock(serve.directory)
    given: list[str] = []
    client = serve(Processing, given=given).login()
    lines = ("SIZE outer", "CWD out", "MFMT 20200101000000 outer", "SIZE f", "CWD d")
    assert [client.command(line) for line in lines] == [550, 550, 550, 213, 250]
    assert given == ["f", "d"]
