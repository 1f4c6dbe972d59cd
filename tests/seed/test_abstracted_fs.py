"""`AbstractedFS` and `UnixFilesystem` by themselves: paths, operations and lines of listings."""

from __future__ import annotations

import errno
import os
import re
import stat
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from ftpcore_adapters import exceptions, filesystems
from ftpcore_adapters.filesystems import AbstractedFS, FilesystemError, UnixFilesystem


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A root with /file and /dir/inner; beside it /outside and, with a name that starts alike, /root2."""
    root = tmp_path / "root"
    for directory in (root / "dir", tmp_path / "outside", tmp_path / "root2"):
        directory.mkdir(parents=True)
    (root / "file").write_bytes(b"0123")
    (root / "dir" / "inner").write_bytes(b"")
    return root


@pytest.fixture
def fs(root: Path) -> AbstractedFS:
    return AbstractedFS(str(root), None)


def test_the_exception_is_one() -> None:
    assert filesystems.FilesystemError is exceptions.FilesystemError


@pytest.mark.parametrize(
    ("cwd", "typed", "expected"),
    [
        pytest.param("/", "", "/", id="nothing is the current directory"),
        pytest.param("/a", "", "/a", id="nothing is the current directory, below"),
        pytest.param("/a", "b", "/a/b", id="relative"),
        pytest.param("/a", "/b", "/b", id="absolute"),
        pytest.param("/a", "b/", "/a/b", id="trailing slash"),
        pytest.param("/", "//a", "/a", id="two slashes"),
        pytest.param("/", "///a//b", "/a/b", id="many slashes"),
        pytest.param("/a/b", "..", "/a", id="up"),
        pytest.param("/a", "../../../x", "/x", id="never above the root"),
        pytest.param("/", "/..", "/", id="above the root"),
        pytest.param("/a", "./b/./c", "/a/b/c", id="dots"),
        pytest.param("/a", " b ", "/a/ b ", id="blanks stay"),
        pytest.param("/", "\udcff", "/\udcff", id="not UTF-8"),
    ],
)
def test_what_a_client_types_becomes_a_path(fs: AbstractedFS, root: Path, cwd: str, typed: str, expected: str) -> None:
    fs.cwd = cwd
    assert fs.ftpnorm(typed) == expected
    assert fs.ftp2fs(typed) == (str(root) + expected).rstrip("/")
    assert fs.fs2ftp(fs.ftp2fs(typed)) == expected


def test_the_root_of_the_host_maps_as_it_is() -> None:
    fs = AbstractedFS("/", None)
    assert [fs.ftp2fs(path) for path in ("/", "etc", "//etc/x")] == ["/", "/etc", "/etc/x"]
    assert [fs.fs2ftp(path) for path in ("/", "/etc", "etc")] == ["/", "/etc", "/etc"]
    assert fs.validpath("/etc")


def test_real_paths_outside_are_the_root(fs: AbstractedFS, root: Path) -> None:
    for path in (root.parent, root.parent / "root2", root.parent / "outside", "/"):
        assert fs.fs2ftp(str(path)) == "/"
        assert not fs.validpath(str(path))
    assert fs.fs2ftp("dir/inner") == "/dir/inner"


def test_a_root_may_be_named_through_a_link(root: Path) -> None:
    (root.parent / "alias").symlink_to("root")
    fs = AbstractedFS(str(root.parent / "alias"), None)
    assert fs.fs2ftp(str(root / "dir")) == "/dir"
    assert fs.fs2ftp(fs.ftp2fs("/dir")) == "/dir"


def test_links_are_valid_as_far_as_they_stay_inside(fs: AbstractedFS, root: Path) -> None:
    (root / "in").symlink_to("dir")
    (root / "out").symlink_to("../outside")
    (root / "alike").symlink_to("../root2")
    valid = {name: fs.validpath(fs.ftp2fs(name)) for name in ("in", "in/x", "out", "out/x", "alike", "", "absent/x")}
    assert valid == {"in": True, "in/x": True, "out": False, "out/x": False, "alike": False, "": True, "absent/x": True}


def test_root_and_cwd_may_be_assigned(fs: AbstractedFS, root: Path) -> None:
    fs.root = str(root / "dir")
    fs.cwd = "/sub"
    assert fs.ftp2fs("x") == str(root / "dir" / "sub" / "x")


def test_chdir_moves_the_client_and_not_the_process(fs: AbstractedFS, root: Path) -> None:
    before = os.getcwd()
    fs.chdir(str(root / "dir"))
    assert (fs.cwd, os.getcwd()) == ("/dir", before)
    for path, error in (("absent", FileNotFoundError), ("file", NotADirectoryError)):
        with pytest.raises(error):
            fs.chdir(str(root / path))
    assert fs.cwd == "/dir"


def test_files_are_opened_in_all_four_modes(fs: AbstractedFS, root: Path) -> None:
    path = str(root / "new")
    for mode, data in (("wb", b"abc"), ("ab", b"def"), ("r+b", b"X")):
        with fs.open(path, mode) as file:
            assert file.name == path
            file.write(data)
    with fs.open(path, "rb") as file:
        assert file.read() == b"Xbcdef"
    for path, mode, error in (("absent", "rb", FileNotFoundError), ("absent", "r+b", FileNotFoundError)):
        with pytest.raises(error):
            fs.open(str(root / path), mode)
    for mode in ("rb", "wb"):
        with pytest.raises(IsADirectoryError):
            fs.open(str(root / "dir"), mode)


@pytest.mark.parametrize("mode", ["rb", "wb", "ab", "r+b"])
def test_a_fifo_blocks_nobody(fs: AbstractedFS, root: Path, mode: str) -> None:
    os.mkfifo(root / "fifo")
    raised: list[OSError] = []

    def attempt() -> None:
        try:
            fs.open(str(root / "fifo"), mode)
        except OSError as error:
            raised.append(error)

    thread = threading.Thread(target=attempt, daemon=True)
    thread.start()
    thread.join(10)
    assert len(raised) == 1


def test_mkstemp_makes_a_file_of_the_owners_alone(fs: AbstractedFS, root: Path) -> None:
    with fs.mkstemp(suffix=".tmp", prefix="ftpd.", dir=str(root)) as file:
        file.write(b"x")
    path = Path(file.name)
    assert path.parent == root
    assert path.name.startswith("ftpd.")
    assert path.name.endswith(".tmp")
    assert (stat.S_IMODE(path.stat().st_mode), path.read_bytes()) == (0o600, b"x")
    with pytest.raises(FileNotFoundError):
        fs.mkstemp(dir=str(root / "absent"))


def test_mkstemp_gives_up(fs: AbstractedFS, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After 50 names that are taken: EEXIST."""
    tried: list[int] = []

    def token(size: int) -> str:
        tried.append(size)
        return "taken"

    monkeypatch.setattr("secrets.token_hex", token)
    (root / "x.taken").touch()
    with pytest.raises(FileExistsError) as caught:
        fs.mkstemp(prefix="x.", dir=str(root))
    assert (caught.value.errno, len(tried)) == (errno.EEXIST, 50)


def test_operations_do_what_they_are_called(fs: AbstractedFS, root: Path) -> None:
    new, moved = str(root / "new"), str(root / "moved")
    fs.mkdir(new)
    fs.rename(new, moved)
    assert fs.isdir(moved)
    assert not fs.lexists(new)
    fs.chmod(moved, 0o700)
    assert stat.S_IMODE(fs.stat(moved).st_mode) == 0o700
    fs.utime(moved, 1_000_000_000)
    assert (fs.getmtime(moved), fs.stat(moved).st_atime) == (1_000_000_000, 1_000_000_000)
    fs.rmdir(moved)
    fs.remove(str(root / "file"))
    assert list(fs.listdir(str(root))) == list(fs.listdirinfo(str(root))) == ["dir"]


def test_questions_follow_links_or_not(fs: AbstractedFS, root: Path) -> None:
    link, dangling = str(root / "link"), str(root / "dangling")
    os.symlink("file", link)
    os.symlink("absent", dangling)
    assert [ask(link) for ask in (fs.isfile, fs.islink, fs.isdir, fs.lexists)] == [True, True, False, True]
    assert [ask(dangling) for ask in (fs.isfile, fs.islink, fs.isdir, fs.lexists)] == [False, True, False, True]
    assert (fs.getsize(link), fs.readlink(link), fs.realpath(link)) == (4, "file", os.path.realpath(root / "file"))
    assert stat.S_ISLNK(fs.lstat(link).st_mode)


def test_owners_without_a_name_are_numbers(fs: AbstractedFS) -> None:
    assert (fs.get_user_by_uid(0), fs.get_group_by_gid(0)) == ("root", Path("/").group())
    assert (fs.get_user_by_uid(54321), fs.get_group_by_gid(54321)) == (54321, 54321)


def test_lines_of_list_look_as_those_of_ls(fs: AbstractedFS, root: Path) -> None:
    (root / "broken").symlink_to("no where")
    os.utime(root / "file", (1_000_000_000, 1_000_000_000))
    lines = list(fs.format_list(str(root), ["file", "dir", "broken"]))
    assert all(isinstance(line, bytes) and line.endswith(b"\r\n") for line in lines)
    assert re.fullmatch(rb"-rw\S{7} +1 \S+ +\S+ +4 Sep 09  2001 file\r\n", lines[0])
    assert re.fullmatch(rb"drwx\S{6} +\d+ \S+ +\S+ +\d+ [A-Z][a-z]{2} \d\d \d\d:\d\d dir\r\n", lines[1])
    assert re.fullmatch(rb"lrwxrwxrwx +1 .* broken -> no where\r\n", lines[2])


def test_lines_of_mlsx_have_the_facts_asked_for(fs: AbstractedFS, root: Path) -> None:
    (root / "broken").symlink_to("absent")
    os.utime(root / "file", (1_000_000_000, 1_000_000_000))
    facts = ["type", "perm", "size", "modify"]
    assert list(fs.format_mlsx(str(root), ["file", "broken"], "elrwd", facts)) == [
        b"modify=20010909014640;perm=drw;size=4;type=file; file\r\n"
    ]
    assert list(fs.format_mlsx(str(root), ["dir"], "elr", ["type", "perm"])) == [b"perm=el;type=dir; dir\r\n"]
    assert list(fs.format_mlsx(str(root), ["dir"], "elr", [])) == [b" dir\r\n"]
    assert list(fs.format_mlsx(str(root), [".", ".."], "elr", ["type"])) == [b"type=cdir; .\r\n", b"type=pdir; ..\r\n"]


@pytest.mark.parametrize("method", ["format_list", "format_mlsx"])
def test_errors_of_entries_are_dropped_or_raised(fs: AbstractedFS, root: Path, method: str) -> None:
    def lines(ignore_err: bool) -> Iterator[bytes]:
        if method == "format_list":
            return fs.format_list(str(root), ["absent", "file"], ignore_err=ignore_err)
        return fs.format_mlsx(str(root), ["absent", "file"], "elr", ["type"], ignore_err=ignore_err)

    assert len(list(lines(True))) == 1
    with pytest.raises(FileNotFoundError):
        list(lines(False))


def test_a_filesystem_error_of_an_entry_is_dropped_too(root: Path) -> None:
    class Shy(AbstractedFS):
        def lstat(self, path: str) -> os.stat_result:
            raise FilesystemError("not this one")

    fs = Shy(str(root), None)
    assert list(fs.format_list(str(root), ["file"])) == []
    with pytest.raises(FilesystemError):
        list(fs.format_list(str(root), ["file"], ignore_err=False))


def test_listings_take_any_iterable_and_are_lazy(fs: AbstractedFS, root: Path) -> None:
    taken = []

    def names() -> Iterator[str]:
        for name in ("file", "dir"):
            taken.append(name)
            yield name

    lines = fs.format_list(str(root), names())
    assert taken == []
    assert next(lines).endswith(b"file\r\n")
    assert taken == ["file"]


@pytest.mark.parametrize(
    ("channel", "name", "expected"),
    [
        pytest.param(None, "caf\u00e9", b"caf\xc3\xa9", id="UTF-8"),
        pytest.param(None, "\udce9", b"\xe9", id="not UTF-8"),
        pytest.param(SimpleNamespace(encoding="latin-1"), "caf\u00e9", b"caf\xe9", id="another encoding"),
        pytest.param(SimpleNamespace(encoding="ascii"), "caf\u00e9", b"caf?", id="an encoding that lacks it"),
        pytest.param(
            SimpleNamespace(encoding="ascii", unicode_errors="xmlcharrefreplace"), "\u00e9", b"&#233;", id="errors"
        ),
    ],
)
def test_lines_are_encoded_as_the_handler_says(root: Path, channel: object, name: str, expected: bytes) -> None:
    (root / name).touch()
    fs = AbstractedFS(str(root), channel)
    assert list(fs.format_mlsx(str(root), [name], "", [])) == [b" " + expected + b"\r\n"]


def test_a_name_can_forge_no_line(fs: AbstractedFS, root: Path) -> None:
    (root / "x\r\ntype=file; forged").touch()
    joined = b"".join(fs.format_list(str(root), fs.listdir(str(root))))
    assert b"forged" not in joined
    assert joined.count(b"\n") == 2


def test_times_are_local_if_the_handler_says_so(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "XXX-05:30")
    time.tzset()
    try:
        os.utime(root / "file", (1_111_111_111, 1_111_111_111))
        shown = {
            gmt: b"".join(
                AbstractedFS(str(root), SimpleNamespace(use_gmt_times=gmt)).format_mlsx(
                    str(root), ["file"], "", ["modify"]
                )
            )
            for gmt in (True, False)
        }
    finally:
        monkeypatch.undo()
        time.tzset()
    assert shown == {True: b"modify=20050318015831; file\r\n", False: b"modify=20050318072831; file\r\n"}


def test_the_unix_filesystem_is_the_whole_disk(root: Path) -> None:
    fs = UnixFilesystem(str(root), None)
    assert (fs.root, fs.cwd) == (str(root), str(root))
    assert [fs.ftp2fs(path) for path in ("", "dir", "..", "/etc")] == [
        str(root),
        f"{root}/dir",
        str(root.parent),
        "/etc",
    ]
    assert fs.fs2ftp("/etc/x") == "/etc/x"
    assert fs.validpath("/etc/x")
    fs.chdir(str(root.parent / "outside"))
    assert fs.cwd == str(root.parent / "outside")
