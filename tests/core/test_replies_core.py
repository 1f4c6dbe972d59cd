"""Replies of a session: one final each, in order, of the codes that RFC 959 5.4 and its successors allow.

Checklist section 2; their bytes alone: test_wire_replies.py.
"""

from __future__ import annotations

import errno
import re

import pytest

from ftpcore import (
    COMMANDS,
    Account,
    AuthenticationFailed,
    FileInfo,
    LaneName,
    MakeDir,
    OpenMode,
    Reply,
    Session,
    VirtualPath,
)
from ftpcore.ports import BinaryFile
from ftpcore.testing import ScriptedHost, SingleUser
from ftpcore_adapters.memory import MemoryFileSystem

#: What each command may be answered, besides 421, 500, 501 and 530, or a code of the same first two digits.
ALLOWED = {
    "USER": "230 232 331 332 336 534 503",
    "PASS": "230 202 332 503",
    "REIN": "220 502",
    "QUIT": "221",
    "CWD": "250 502 550",
    "CDUP": "250 200 502 550",
    "TYPE": "200 504",
    "MODE": "200 504",
    "STRU": "200 504",
    "PASV": "227 502 425 503 522",
    "EPSV": "229 200 522 425",
    "PORT": "200",
    "EPRT": "200 522",
    "RETR": "125 150 226 250 425 426 451 522 450 550 521 554 555",
    "STOR": "125 150 226 250 425 426 451 522 551 552 450 452 532 550 553 521 554 555",
    "STOU": "125 150 226 250 425 426 451 522 551 552 450 452 532 550 553 521 554 555",
    "APPE": "125 150 226 250 425 426 451 522 551 552 450 452 532 550 553 521 554 555",
    "REST": "350 502 504",
    "ABOR": "225 226 502",
    "ALLO": "200 202 504 452 552",
    "DELE": "250 450 550",
    "RNFR": "350 450 550",
    "RNTO": "250 503 532 553 550",
    "MKD": "257 550",
    "RMD": "250 550",
    "PWD": "257 550",
    "SIZE": "213 550",
    "MDTM": "213 550",
    "MFMT": "213 504 550",
    "LIST": "125 150 226 250 425 426 451 522 450 550 521",
    "NLST": "125 150 226 250 425 426 451 522 450 550 521",
    "MLSD": "125 150 226 250 425 426 451 522 450 550 521",
    "MLST": "250 550 504",
    "STAT": "211 212 213 450 550",
    "SYST": "215",
    "FEAT": "211 502",
    "OPTS": "200 451 502",
    "HELP": "211 214 502",
    "NOOP": "200",
    "SITE": "200 202 214 250 504 550",
}
SAME_AS = {"XCWD": "CWD", "XCUP": "CDUP", "XMKD": "MKD", "XRMD": "RMD", "XPWD": "PWD"}
ALWAYS = {"421", "500", "501", "530"}

#: Arguments that succeed, that fail, and that are no arguments for most commands.
ARGUMENTS = [
    b"",
    b" file",
    b" dir",
    b" missing",
    b" /",
    b" missing/name",
    b" I",
    b" S",
    b" F",
    b" A C",
    b" 127,0,0,1,78,32",
    b" |1|127.0.0.1|20000|",
    b" 20200101000000 file",
    b" CHMOD 644 file",
    b" HELP",
    b" UTF8 ON",
    b" 5",
    b" 999",
    b" " + b"n" * 300,
    b" \xff\xff",
]

#: A reply of one line, or of several.
WELL_FORMED = re.compile(
    rb"(?:[1-5]\d\d [^\r\n]*(?:\r\0[^\r\n]*)*\r\n|([1-5]\d\d)-[^\n]*\r\n(?: [^\n]*\r\n)*\1 [^\n]*\r\n)*"
)


def populated() -> ScriptedHost:
    files = MemoryFileSystem(now=lambda: 0.0)
    files.write_bytes("/file", b"0123456789")
    files.write_bytes("/dir/in", b"")
    return ScriptedHost(SingleUser(files)).login()


@pytest.mark.parametrize("argument", ARGUMENTS)
@pytest.mark.parametrize("name", [name for name in COMMANDS if " " not in name])
def test_R_04_R_06_every_command_gets_one_final_reply_with_a_code_of_its_own(name: str, argument: bytes) -> None:
    for rest in (b"", b"RNFR file\r\n", b"REST 5\r\n"):
        host = populated().feed(rest + b"PASV\r\n").connect()
        host.take()
        host.feed(name.encode() + argument + b"\r\n").finish()
        codes = host.codes()
        marks, finals = [code for code in codes if code < 200], [code for code in codes if code >= 200]
        assert len(finals) == 1
        assert len(marks) <= 1
        assert codes == marks + finals
        allowed = set(ALLOWED[SAME_AS.get(name, name)].split()) | ALWAYS
        assert {str(code)[:2] for code in codes} <= {code[:2] for code in allowed}


def test_R_01_R_02_replies_are_well_formed_and_inner_lines_are_indented() -> None:
    host = populated()
    host.feed(b"STAT\r\nSTAT /\r\nFEAT\r\nHELP\r\nSITE HELP\r\nMLST file\r\nPWD\r\nMKD 250 x\r\nSTAT /\r\nFROB\r\n")
    assert WELL_FORMED.fullmatch(host.take())


def test_R_02_a_name_of_digits_can_not_end_a_listing(fs: MemoryFileSystem) -> None:
    host = ScriptedHost(SingleUser(fs)).login()
    host.feed(b"MKD a\r\nMKD 213 End\r\nSTAT /\r\n")
    assert host.codes() == [257, 257, 213]


def test_R_03_no_reply_comes_that_no_command_caused(host: ScriptedHost) -> None:
    assert host.feed(b"PWD\r\nNOOP\r\nSYST\r\n").codes() == [257, 200, 215]
    assert host.advance(250.0).codes() == []


def test_R_03_a_listener_that_nobody_came_for_is_the_exception(host: ScriptedHost) -> None:
    assert host.feed(b"PASV\r\n").advance(31.0).codes() == [227, 421]
    assert host.feed(b"NOOP\r\n").codes() == [200]


def test_R_05_replies_keep_the_order_of_the_commands(host: ScriptedHost) -> None:
    host.hold = (MakeDir,)
    assert host.feed(b"MKD a\r\nNOOP\r\nMKD b\r\nPWD\r\n").codes() == []
    host.answer(LaneName.CONTROL)
    assert host.codes() == [257, 200]
    host.answer(LaneName.CONTROL)
    assert host.codes() == [257, 257]


class TornFile:
    """A file that can't be read."""

    def __init__(self, file: BinaryFile) -> None:
        self.name, self.size, self.created = file.name, file.size, file.created
        self._file = file
        self.write_at, self.truncate = file.write_at, file.truncate

    def read_at(self, offset: int, size: int, /) -> bytes:
        raise ValueError("torn")

    def close(self, *, complete: bool) -> None:
        self._file.close(complete=complete)


class BrokenFileSystem(MemoryFileSystem):
    """Making a directory fails."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

    def make_dir(self, path: VirtualPath, /) -> None:
        raise self.error


@pytest.mark.parametrize(
    ("number", "code"),
    [
        pytest.param(errno.ENOSPC, 452, id="R-07 disk full"),
        pytest.param(errno.EBUSY, 450, id="R-07 busy"),
        pytest.param(errno.ENOENT, 550, id="R-07 missing"),
        pytest.param(errno.EACCES, 550, id="R-07 permission"),
        pytest.param(errno.EIO, 451, id="R-07 broken disk"),
    ],
)
def test_what_may_pass_is_4yz_and_what_lasts_is_5yz(number: int, code: int) -> None:
    host = ScriptedHost(SingleUser(BrokenFileSystem(OSError(number, "no")))).login()
    assert host.feed(b"MKD a\r\n").codes() == [code]


@pytest.mark.parametrize(
    ("name", "told"),
    [
        pytest.param("a\r\n250 b", b"/a\r\0?250 b", id="R-08 CR LF"),
        pytest.param("a\nb\0c", b"/a?b?c", id="R-08 LF and NUL"),
        pytest.param("a\rb", b"/a\r\0b", id="R-08 CR"),
    ],
)
def test_R_08_a_name_can_not_forge_a_reply(fs: MemoryFileSystem, name: str, told: bytes) -> None:
    host = ScriptedHost(SingleUser(fs))
    host.login()
    host.session.cwd = VirtualPath(f"/{name}")
    data = host.feed(b"PWD\r\n").take()
    assert data.startswith(b'257 "' + told + b'"')
    assert data.count(b"\n") == 1


def test_R_08_a_text_of_a_port_can_not_forge_a_reply() -> None:
    host = ScriptedHost(SingleUser(BrokenFileSystem(OSError(errno.EIO, "bad\r\n250 fine\0")))).login()
    assert host.feed(b"MKD a\r\n").take() == b"451 /a: bad  250 fine .\r\n"


def test_R_08_a_file_name_in_a_status_can_not_forge_a_reply() -> None:
    class Evil(MemoryFileSystem):
        def stat(self, path: VirtualPath, /, *, follow: bool) -> FileInfo:
            return super().stat(VirtualPath("/"), follow=follow)._replace(name="a\r\n213 End")

    host = ScriptedHost(SingleUser(Evil())).login()
    assert host.feed(b"STAT missing\r\n").codes() == [213]
    assert host.feed(b"MLST missing\r\n").codes() == [250]


@pytest.mark.parametrize("banner", ["Hello.", "x" * 76, "One.\nTwo.", ""], ids="R-09 {!r:.9}".format)
def test_R_09_the_greeting_is_220(fs: MemoryFileSystem, banner: str) -> None:
    class Bannered(Session):
        pass

    Bannered.banner = banner
    assert ScriptedHost(SingleUser(fs), session_class=Bannered).codes() == [220]


def test_R_10_a_shutdown_is_told_by_421_and_a_close(host: ScriptedHost) -> None:
    host.session.shut_down(grace=0.0, now=host.now)
    assert host.pump().codes() == [421]
    assert host.control_closed


def test_R_11_size_and_mdtm_are_one_line() -> None:
    host = populated().feed(b"SIZE file\r\nMDTM file\r\n")
    assert host.take() == b"213 10\r\n213 19700101000000\r\n"


@pytest.mark.parametrize("error", [ValueError("x"), KeyError("x"), ZeroDivisionError()], ids="R-12 {!r}".format)
def test_R_12_a_fault_of_a_filesystem_is_451_and_no_more(error: Exception) -> None:
    host = ScriptedHost(SingleUser(BrokenFileSystem(error))).login()
    assert host.feed(b"MKD a\r\nNOOP\r\n").codes() == [451, 200]


@pytest.mark.parametrize("error", [ValueError("x"), OSError(errno.EIO, "x")], ids="R-12 {!r}".format)
def test_R_12_a_fault_of_an_authorizer_is_451_and_the_password_may_come_again(
    fs: MemoryFileSystem, error: Exception
) -> None:
    class Broken(SingleUser):
        fault: Exception | None = error

        def authenticate(self, username: str, password: str, peer: str, /) -> Account:
            if self.fault is not None:
                raise self.fault
            return super().authenticate(username, password, peer)

    authorizer = Broken(fs)
    host = ScriptedHost(authorizer)
    assert host.feed(b"USER ann\r\nPASS pw\r\n").codes() == [220, 331, 451]
    authorizer.fault = None
    assert host.feed(b"PASS pw\r\n").codes() == [230]


def test_R_12_a_fault_during_a_transfer_is_one_reply_too() -> None:
    class Torn(MemoryFileSystem):
        def open_file(self, path: VirtualPath, mode: OpenMode, /) -> BinaryFile:  # type: ignore[override]  # wider
            return TornFile(super().open_file(path, mode))

    files = Torn()
    MemoryFileSystem.write_bytes(files, "/a", b"")
    host = ScriptedHost(SingleUser(files)).login()
    assert host.feed(b"PASV\r\n").connect().feed(b"RETR a\r\n").codes() == [227, 125, 451]
    assert host.feed(b"NOOP\r\n").codes() == [200]


def test_a_refusal_of_a_port_has_its_text(fs: MemoryFileSystem) -> None:
    class Closed(SingleUser):
        def authenticate(self, username: str, password: str, peer: str, /) -> Account:
            raise AuthenticationFailed("we are closed")

    host = ScriptedHost(Closed(fs)).feed(b"USER ann\r\nPASS pw\r\n").advance(3.0)
    assert host.replies()[-1] == Reply.of(530, "We are closed")
