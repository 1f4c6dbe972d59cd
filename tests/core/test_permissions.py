"""Rights: which letter each command needs, the same on all paths or looked up for each."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ftpcore import COMMANDS, Account, CheckPermission, LaneName, Session, VirtualPath
from ftpcore.testing import ScriptedHost, SingleUser
from ftpcore_adapters.memory import MemoryFileSystem

#: Command, and the right it needs.
NEEDED = [
    ("CWD /", "e"),
    ("CDUP", "e"),
    ("LIST", "l"),
    ("NLST", "l"),
    ("MLSD", "l"),
    ("MLST /", "l"),
    ("STAT /", "l"),
    ("SIZE /file", "l"),
    ("MDTM /file", "l"),
    ("RETR /file", "r"),
    ("APPE /file", "a"),
    ("DELE /file", "d"),
    ("RMD /dir", "d"),
    ("RNFR /file", "f"),
    ("MKD /new", "m"),
    ("STOR /new", "w"),
    ("STOU new", "w"),
    ("SITE CHMOD 644 /file", "M"),
    ("MFMT 20200101000000 /file", "T"),
]


@pytest.mark.parametrize(("command", "letter"), NEEDED, ids=[command for command, _ in NEEDED])
@pytest.mark.parametrize("rights_vary", [False, True], ids=["same everywhere", "varying"])
def test_each_command_needs_its_right_and_no_other(command: str, letter: str, rights_vary: bool) -> None:
    for rights, refused in ((letter, False), ("elradfmwMT".replace(letter, ""), True)):
        fs = MemoryFileSystem()
        fs.write_bytes("/file", b"")
        fs.make_dir(VirtualPath("/dir"))
        before = fs.tree()
        authorizer = SingleUser(fs)
        authorizer.account = Account(name="ann", filesystem=fs, rights=rights, rights_vary=rights_vary)
        host = ScriptedHost(authorizer).login().feed(b"PASV\r\n").connect()
        host.take()
        host.feed(f"{command}\r\n".encode()).finish()
        assert (host.codes() == [550]) is refused
        if refused:
            assert fs.tree() == before
            assert host.connected  # the data connection serves the next command


def test_varying_rights_are_asked_for_by_path(fs: MemoryFileSystem) -> None:
    class Asked(SingleUser):
        asked: list[tuple[str, str]] = []

        def check_permission(self, account: Account, letter: str, path: VirtualPath, /) -> bool:
            self.asked.append((letter, path))
            return True

    authorizer = Asked(fs)
    authorizer.account = Account(name="ann", filesystem=fs, rights="", rights_vary=True)
    ScriptedHost(authorizer).login().feed(b"MKD a\r\nCWD a\r\nCDUP\r\nSTAT a/../b\r\n")
    assert Asked.asked == [("m", "/a"), ("e", "/a"), ("e", "/"), ("l", "/b")]


def test_commands_wait_while_a_right_is_looked_up(fs: MemoryFileSystem) -> None:
    authorizer = SingleUser(fs)
    authorizer.account = Account(name="ann", filesystem=fs, rights="m", rights_vary=True)
    host = ScriptedHost(authorizer, hold=[CheckPermission]).login()
    assert host.feed(b"MKD a\r\nNOOP\r\n").codes() == []
    assert isinstance(host.pending[LaneName.CONTROL].effect, CheckPermission)
    assert host.release().codes() == [257, 200]


@pytest.mark.parametrize("vary", [False, True], ids=["the same everywhere", "path by path"])
def test_a_right_on_a_command_without_a_path_is_asked_for_the_current_directory(
    fs: MemoryFileSystem, vary: bool
) -> None:
    class Guarded(Session):
        commands = {**COMMANDS, "PASV": replace(COMMANDS["PASV"], permission="w")}

    authorizer = SingleUser(fs, rights="elr")
    object.__setattr__(authorizer.account, "rights_vary", vary)
    host = ScriptedHost(authorizer, session_class=Guarded).login()
    assert host.feed(b"PASV\r\nEPSV\r\n").codes() == [550, 229]
