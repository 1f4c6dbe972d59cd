"""Rights: which letter each command needs, the same on all paths or looked up for each."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ftpcore import COMMANDS, Account, Capability, CheckPermission, FileInfo, LaneName, Session, VirtualPath
from ftpcore.ports import FileSystem
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


@pytest.mark.parametrize(
    ("command", "code"),
    [
        pytest.param("RNFR f", 502, id="V-05 RENAME"),
        pytest.param("MFMT 20200101000000 f", 502, id="V-05 TIMES"),
        pytest.param("SITE CHMOD 644 f", 504, id="V-05 MODE"),
        pytest.param("APPE f", 502, id="V-05 APPEND"),
        pytest.param("REST 1", 350, id="V-05 REST is for RETR too"),
        pytest.param("MKD d", 257, id="V-05 what needs nothing"),
    ],
)
def test_what_a_filesystem_does_not_declare_is_not_asked_of_it(command: str, code: int) -> None:
    filesystem = MemoryFileSystem(capabilities=Capability.WRITE)
    filesystem.write_bytes("/f", b"")
    host = ScriptedHost(SingleUser(filesystem)).login()
    assert host.feed(f"{command}\r\n".encode()).codes() == [code]


@pytest.mark.parametrize(
    "command",
    [
        "DELE f",
        "MKD d",
        "RMD d",
        "XMKD d",
        "XRMD d",
        "STOU",
        "RNFR f",
        "APPE f",
        "MFMT 20200101000000 f",
        "SITE CHMOD 644 f",
        "STOR f",
    ],
)
def test_a_filesystem_that_is_read_only_says_so(command: str) -> None:
    """V-06: 550, as a file that may not be written gets, and no perm fact promises more."""
    filesystem = MemoryFileSystem(capabilities=Capability.NONE)
    filesystem.write_bytes("/f", b"kept")
    host = ScriptedHost(SingleUser(filesystem)).login()
    assert host.feed(f"EPSV\r\n{command}\r\n".encode()).codes() == [229, 550]
    assert filesystem.tree() == {"/f": b"kept"}


@pytest.mark.parametrize(
    ("capabilities", "perm"),
    [
        pytest.param(Capability.NONE, b"perm=r;", id="M-19 read-only"),
        pytest.param(Capability.WRITE, b"perm=drw;", id="M-19 neither append nor rename"),
        pytest.param(Capability.WRITE | Capability.APPEND | Capability.RENAME, b"perm=adfrw;", id="M-19 all"),
    ],
)
@pytest.mark.parametrize("vary", [False, True], ids=["rights", "rights that vary"])
def test_the_fact_perm_promises_what_the_filesystem_can_do(capabilities: Capability, perm: bytes, vary: bool) -> None:
    filesystem = MemoryFileSystem(capabilities=capabilities)
    filesystem.write_bytes("/f", b"")
    authorizer = SingleUser(filesystem)
    object.__setattr__(authorizer.account, "rights_vary", vary)
    host = ScriptedHost(authorizer).login()
    assert perm in host.feed(b"MLST f\r\n").take()
    assert perm in host.feed(b"PASV\r\n").connect().feed(b"MLSD\r\n").downloaded


def test_a_verb_that_a_filesystem_leaves_out_is_502() -> None:
    class Sparse:
        capabilities = Capability.WRITE
        blocking = False

        def stat(self, path: VirtualPath, /, *, follow: bool) -> FileInfo:
            raise FileNotFoundError(path)

    sparse: FileSystem = Sparse()  # type: ignore[assignment]  # that is what is tested
    host = ScriptedHost(SingleUser(sparse)).login()
    assert host.feed(b"DELE f\r\nMKD d\r\nSIZE f\r\n").codes() == [502, 502, 550]
