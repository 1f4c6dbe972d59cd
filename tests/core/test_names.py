"""Directories and names: PWD to RNTO, virtual paths, and what never gets out of the root.  Checklist section 10."""

from __future__ import annotations

import errno

import pytest

from ftpcore import Account, Capability, VirtualPath, base_name, join_path, parent_path, quoted, resolve
from ftpcore.testing import ScriptedHost, SingleUser
from ftpcore_adapters.memory import MemoryFileSystem


@pytest.fixture
def fs() -> MemoryFileSystem:
    files = MemoryFileSystem(now=lambda: 0.0)
    files.write_bytes("/file", b"data")
    files.write_bytes("/dir/in", b"in")
    files.make_dir(VirtualPath("/dir/empty"))
    return files


def where(host: ScriptedHost) -> str:
    host.take()
    (reply,) = host.feed(b"PWD\r\n").replies()
    return reply.lines[0].rpartition('"')[0].removeprefix('"').replace('""', '"')


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        pytest.param(b"PWD", b'257 "/" ', id="N-01 PWD"),
        pytest.param(b'MKD q"d', b'257 "/q""d" ', id="N-01 MKD doubles quotes"),
        pytest.param(b"MKD dir/new", b'257 "/dir/new" ', id="N-01 MKD tells the full path"),
        pytest.param(b"CWD dir", b'250 "/dir" ', id="N-02 CWD tells the full path"),
    ],
)
def test_paths_are_told_in_quotes(host: ScriptedHost, sent: bytes, told: bytes) -> None:
    assert host.feed(sent + b"\r\n").take().startswith(told)


def test_N_01_pwd_doubles_quotes(host: ScriptedHost) -> None:
    assert host.feed(b'MKD q"d\r\nCWD q"d\r\nPWD\r\n').take().endswith(b'257 "/q""d" is the current directory.\r\n')


@pytest.mark.parametrize(
    ("argument", "code", "there"),
    [
        pytest.param("dir", 250, "/dir", id="N-02 a directory"),
        pytest.param("dir/empty", 250, "/dir/empty", id="N-02 below a directory"),
        pytest.param("file", 550, "/", id="N-02 a file"),
        pytest.param("missing", 550, "/", id="N-02 missing"),
        pytest.param("dir/../dir//empty/.", 250, "/dir/empty", id="N-10 dots and double slashes"),
        pytest.param("dir/", 250, "/dir", id="N-10 a slash at the end"),
        pytest.param("//dir", 250, "/dir", id="N-10 two slashes at the start"),
        pytest.param("../../dir", 250, "/dir", id="N-11 above the root is the root"),
        pytest.param("/../../../etc", 550, "/", id="N-11 nothing is above the root"),
        pytest.param("C:\\", 550, "/", id="N-11 a drive letter is a name"),
        pytest.param("..\\dir", 550, "/", id="N-11 a backslash is part of a name"),
        pytest.param("~", 550, "/", id="N-11 a tilde is a name"),
    ],
)
def test_cwd(host: ScriptedHost, argument: str, code: int, there: str) -> None:
    assert host.feed(f"CWD {argument}\r\n".encode()).codes() == [code]
    assert where(host) == there


@pytest.mark.parametrize("command", [b"CWD", b"CWD ", b"XCWD"], ids="N-09 {!r}".format)
def test_N_09_cwd_alone_goes_to_the_root(host: ScriptedHost, command: bytes) -> None:
    host.feed(b"CWD dir\r\n" + command + b"\r\n")
    assert host.codes() == [250, 250]
    assert where(host) == "/"


@pytest.mark.parametrize("command", [b"CWD dir", b"CDUP"], ids=["N-02 CWD", "N-03 CDUP"])
@pytest.mark.parametrize("rights_vary", [False, True], ids=["same everywhere", "varying"])
def test_changing_the_directory_needs_the_right(fs: MemoryFileSystem, command: bytes, rights_vary: bool) -> None:
    authorizer = SingleUser(fs)
    authorizer.account = Account(name="ann", filesystem=fs, rights="l", rights_vary=rights_vary)
    host = ScriptedHost(authorizer).login()
    assert host.feed(command + b"\r\n").codes() == [550]
    assert where(host) == "/"


def test_N_03_cdup_stops_at_the_root(host: ScriptedHost) -> None:
    assert host.feed(b"CWD dir/empty\r\nCDUP\r\nCDUP\r\nCDUP\r\n").codes() == [250] * 4
    assert where(host) == "/"


@pytest.mark.parametrize(
    ("command", "code"),
    [
        pytest.param("MKD new", 257, id="N-04 MKD"),
        pytest.param("MKD dir", 550, id="N-04 MKD existing"),
        pytest.param("MKD file", 550, id="N-04 MKD existing file"),
        pytest.param("MKD missing/new", 550, id="N-04 MKD parent missing"),
        pytest.param("MKD file/new", 550, id="N-04 MKD below a file"),
        pytest.param("RMD dir/empty", 250, id="N-04 RMD"),
        pytest.param("RMD dir", 550, id="N-04 RMD not empty"),
        pytest.param("RMD missing", 550, id="N-04 RMD missing"),
        pytest.param("RMD file", 550, id="N-04 RMD a file"),
        pytest.param("RMD /", 550, id="N-04 RMD the root"),
        pytest.param("RMD dir/..", 550, id="N-04 RMD the root by another name"),
        pytest.param("DELE file", 250, id="N-05 DELE"),
        pytest.param("DELE dir", 550, id="N-05 DELE a directory"),
        pytest.param("DELE missing", 550, id="N-05 DELE missing"),
        pytest.param("DELE /", 550, id="N-05 DELE the root"),
        pytest.param("RNFR file", 350, id="N-06 RNFR"),
        pytest.param("RNFR missing", 550, id="N-06 RNFR missing"),
        pytest.param("RNFR /", 550, id="N-06 RNFR the root"),
    ],
)
def test_making_and_removing(host: ScriptedHost, command: str, code: int) -> None:
    assert host.feed(f"{command}\r\n".encode()).codes() == [code]


def test_N_05_a_busy_file_may_be_removed_later() -> None:
    class Busy(MemoryFileSystem):
        def remove_file(self, path: VirtualPath, /) -> None:
            raise OSError(errno.EBUSY, "Device or resource busy")

    assert ScriptedHost(SingleUser(Busy())).login().feed(b"DELE x\r\n").codes() == [450]


@pytest.mark.parametrize(
    ("sent", "codes"),
    [
        pytest.param("RNFR file|RNTO new", [350, 250], id="N-06 rename"),
        pytest.param("RNFR dir|RNTO new", [350, 250], id="N-06 rename a directory"),
        pytest.param("RNFR file|RNTO missing/new", [350, 550], id="N-06 into nowhere"),
        pytest.param(f"RNFR file|RNTO {'n' * 300}", [350, 553], id="N-06 a name too long"),
        pytest.param("RNFR dir|RNTO dir/in/it", [350, 550], id="N-06 into a file"),
        pytest.param("RNTO new", [503], id="N-07 RNTO alone"),
        pytest.param("RNFR missing|RNTO new", [550, 503], id="N-07 after a bad RNFR"),
        pytest.param("RNFR file|NOOP|RNTO new", [350, 200, 503], id="N-07 NOOP between"),
        pytest.param("RNFR file|FROB|RNTO new", [350, 500, 503], id="N-07 nonsense between"),
        pytest.param("RNFR file||RNTO new", [350, 500, 503], id="N-07 an empty line between"),
        pytest.param("RNFR file|RNTO|RNTO new", [350, 501, 503], id="N-07 a malformed RNTO clears it"),
        pytest.param("RNFR file|RNTO missing/x|RNTO new", [350, 550, 503], id="N-07 a failed RNTO clears it"),
        pytest.param("RNFR file|RNTO new|RNTO other", [350, 250, 503], id="N-07 it serves once"),
        pytest.param("RNFR dir|RNFR file|RNTO new", [350, 350, 250], id="N-07 the latest RNFR counts"),
    ],
)
def test_renaming(host: ScriptedHost, sent: str, codes: list[int]) -> None:
    assert host.feed("".join(f"{line}\r\n" for line in sent.split("|")).encode()).codes() == codes


def test_N_06_a_link_is_renamed_itself(host: ScriptedHost, fs: MemoryFileSystem) -> None:
    fs.make_link("/link", "nowhere")
    assert host.feed(b"RNFR link\r\nRNTO other\r\n").codes() == [350, 250]
    assert "/other -> nowhere" in fs.tree()


def test_N_07_renaming_needs_the_right_on_both_names(fs: MemoryFileSystem) -> None:
    class Half(SingleUser):
        def check_permission(self, account: Account, letter: str, path: VirtualPath, /) -> bool:
            return path == "/file"

    authorizer = Half(fs)
    authorizer.account = Account(name="ann", filesystem=fs, rights_vary=True)
    host = ScriptedHost(authorizer).login()
    assert host.feed(b"RNFR file\r\nRNTO new\r\nRNFR dir\r\n").codes() == [350, 550, 550]
    assert "/file" in fs.tree()


@pytest.mark.parametrize("replaces", [True, False], ids=["N-08 replaced", "N-08 refused"])
def test_N_08_renaming_over_a_file_follows_the_filesystem(replaces: bool) -> None:
    fs = MemoryFileSystem()
    if not replaces:
        fs.capabilities &= ~Capability.REPLACE
    fs.write_bytes("/a", b"a")
    fs.write_bytes("/b", b"b")
    host = ScriptedHost(SingleUser(fs)).login()
    assert host.feed(b"RNFR a\r\nRNTO b\r\n").codes() == [350, 250 if replaces else 553]
    assert fs.tree() == ({"/b": b"a"} if replaces else {"/a": b"a", "/b": b"b"})


@pytest.mark.parametrize(
    ("directory", "text", "path"),
    [
        ("/", "a", "/a"),
        ("/a", "b/c", "/a/b/c"),
        ("/a", "/b", "/b"),
        ("/a/b", "..", "/a"),
        ("/a/b", "../../../..", "/"),
        ("/a", ".", "/a"),
        ("/a", "./b/./c/", "/a/b/c"),
        ("/a", "//b", "/b"),
        ("/a", "///b//c", "/b/c"),
        ("/a", "b/../..", "/"),
        ("/", "..a", "/..a"),
        ("/", "a\\..\\b", "/a\\..\\b"),
        ("/", " ", "/ "),
        ("/", "e\u0301", "/e\u0301"),
    ],
    ids="N-10 {!r}".format,
)
def test_N_10_paths_are_resolved_before_the_filesystem_sees_them(directory: str, text: str, path: str) -> None:
    assert resolve(VirtualPath(directory), text) == path


def test_N_10_the_parts_of_a_path() -> None:
    root, deep = VirtualPath("/"), VirtualPath("/a/b")
    assert (parent_path(deep), parent_path(root)) == ("/a", "/")
    assert (base_name(deep), base_name(root)) == ("b", "/")
    assert (join_path(root, "a"), join_path(deep, "c")) == ("/a", "/a/b/c")
    assert quoted('/a"b') == '"/a""b"'


ESCAPES = ["../../x", "/../x", "/etc/x", "C:\\x", "..\\..\\x", "....//x", "..%2f..%2fx", "dir/../../../x"]


@pytest.mark.parametrize("path", ESCAPES, ids="N-11 {}".format)
@pytest.mark.parametrize("command", ["RETR", "DELE", "RMD", "CWD", "SIZE", "MDTM", "MLST", "RNFR", "STAT"])
def test_N_11_nothing_outside_the_root_is_named(host: ScriptedHost, path: str, command: str) -> None:
    host.feed(b"PASV\r\n").connect().take()
    assert host.feed(f"{command} {path}\r\n".encode()).codes() == [550]


@pytest.mark.parametrize("path", ["../../x", "/../x", "dir/../../../x"], ids="N-11 {}".format)
def test_N_11_renaming_stays_inside_the_root(host: ScriptedHost, fs: MemoryFileSystem, path: str) -> None:
    assert host.feed(f"RNFR file\r\nRNTO {path}\r\n".encode()).codes() == [350, 250]
    assert fs.read_bytes("/x") == b"data"


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(b"l\xe9", id="N-12 not UTF-8"),
        pytest.param(b"\xc3\xa9", id="N-12 UTF-8"),
        pytest.param(b"e\xcc\x81", id="N-13 decomposed"),
        pytest.param(b"\xed\xa0\x80", id="N-12 a surrogate"),
        pytest.param(b"# ? % [x] 'y'", id="N-10 punctuation"),
    ],
)
def test_a_name_is_the_same_in_every_command(host: ScriptedHost, name: bytes) -> None:
    host.feed(b"MKD top\r\nCWD top\r\nMKD " + name + b"\r\n").take()
    host.feed(b"PASV\r\n").connect().feed(b"NLST\r\n")
    assert host.downloads[-1] == name + b"\r\n"
    host.take()
    assert host.feed(b"RNFR " + name + b"\r\nRNTO x\r\nRNFR x\r\nRNTO " + name + b"\r\n").codes() == [350, 250] * 2
    assert host.feed(b"RMD " + name + b"\r\n").codes() == [250]


def test_N_13_composed_and_decomposed_names_differ(host: ScriptedHost) -> None:
    assert host.feed("MKD \xe9\r\nMKD e\u0301\r\n".encode()).codes() == [257, 257]


def test_N_14_a_name_with_a_line_end_is_never_shown_raw(host: ScriptedHost, fs: MemoryFileSystem) -> None:
    fs.make_dir(VirtualPath("/a\r\nb"))
    shown = host.feed(b"STAT /\r\n").take()
    assert b" a\r\0?b\r\n" in shown
    host.feed(b"PASV\r\n").connect().feed(b"LIST\r\n")
    assert host.downloads[-1].count(b"\n") == 2


def test_N_15_after_cwd_through_a_link_pwd_shows_the_virtual_path(host: ScriptedHost, fs: MemoryFileSystem) -> None:
    fs.make_link("/link", "/dir/empty")
    assert host.feed(b"CWD link\r\n").codes() == [250]
    assert where(host) == "/link"


def test_N_15_no_reply_shows_a_path_of_the_host() -> None:
    class Real(MemoryFileSystem):
        def remove_file(self, path: VirtualPath, /) -> None:
            raise FileNotFoundError(errno.ENOENT, "No such file or directory", f"/srv/ftp{path}")

    host = ScriptedHost(SingleUser(Real())).login()
    assert host.feed(b"DELE x\r\n").take() == b"550 /x: No such file or directory.\r\n"
