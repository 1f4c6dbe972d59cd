"""LIST, NLST, MLSD, MLST, and STAT with a path, in a session.  Checklist section 8, Q-09."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, timedelta, timezone

import pytest

from ftpcore import CommandFinished, Delegate, NextEntries, RightsOn, ScanDir, VirtualPath
from ftpcore.ports import Account, FileInfo, FileKind
from ftpcore.testing import FixedClock, ScriptedHost, SingleUser
from ftpcore_adapters.memory import MemoryFileSystem
from tests.watched import WatchedFileSystem

PORT = b"PORT 127,0,0,1,100,1\r\n"
MODIFIED = "20231114221320"
#: More than LIST sorts, and than STAT shows.
MANY = 2_500
LISTED = {
    "a": b"-rw-r--r--   1 owner    group           3 Nov 14 22:13 a\r\n",
    "dir": b"drwxr-xr-x   1 owner    group           0 Nov 14 22:13 dir\r\n",
    "link": b"lrwxrwxrwx   1 owner    group           1 Nov 14 22:13 link -> a\r\n",
    "z z": b"-rw-r--r--   1 owner    group           0 Nov 14 22:13 z z\r\n",
}


@pytest.fixture(autouse=True)
def _files(fs: MemoryFileSystem) -> None:
    fs.write_bytes("/z z", b"")
    fs.write_bytes("/a", b"abc")
    fs.write_bytes("/dir/sub/f", b"")
    fs.write_bytes("/dir/g", b"g")
    fs.make_link("/link", "a")
    fs.make_dir(VirtualPath("/empty"))
    fs.remove_dir(VirtualPath("/empty"))


class Options(Delegate):
    """Options that a test sets on the instance."""


def listed(host: ScriptedHost, command: bytes) -> bytes:
    assert host.feed(PORT + command + b"\r\n").codes() == [200, 150, 226]
    return host.downloads.pop()


@pytest.mark.parametrize(
    ("command", "names"),
    [
        pytest.param(b"LIST", ["a", "dir", "link", "z z"], id="M-01 the current directory"),
        pytest.param(b"LIST /", ["a", "dir", "link", "z z"], id="M-01 a directory"),
        pytest.param(b"LIST a", ["a"], id="M-01 a file"),
        pytest.param(b"LIST z z", ["z z"], id="M-01 a name with a blank"),
        pytest.param(b"LIST link", ["link"], id="M-07 a link is shown as such"),
        pytest.param(b"LIST -a", ["a", "dir", "link", "z z"], id="M-05 -a"),
        pytest.param(b"LIST -la", ["a", "dir", "link", "z z"], id="M-05 -la"),
        pytest.param(b"LIST -aL", ["a", "dir", "link", "z z"], id="Q-09 -aL"),
        pytest.param(b"LIST -la /", ["a", "dir", "link", "z z"], id="Q-09 switches and a directory"),
        pytest.param(b"LIST -a -l a", ["a"], id="M-05 two switches and a file"),
        pytest.param(b"LIST dir/../", ["a", "dir", "link", "z z"], id="Q-09 a slash at the end"),
    ],
)
def test_list(host: ScriptedHost, command: bytes, names: list[str]) -> None:
    assert listed(host, command) == b"".join(LISTED[name] for name in names)


def test_M_05_a_file_named_like_a_switch(host: ScriptedHost, fs: MemoryFileSystem) -> None:
    fs.write_bytes("/-a", b"")
    assert listed(host, b"NLST ./-a") == b"./-a\r\n"


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        pytest.param(b"NLST", b"a\r\ndir\r\nlink\r\nz z\r\n", id="M-03 bare names"),
        pytest.param(b"NLST -a", b"a\r\ndir\r\nlink\r\nz z\r\n", id="Q-09 a switch"),
        pytest.param(b"NLST dir", b"dir/g\r\ndir/sub\r\n", id="M-03 the path is kept as it was typed"),
        pytest.param(b"NLST dir/", b"dir/g\r\ndir/sub\r\n", id="M-03 a slash at the end is not doubled"),
        pytest.param(b"NLST /dir", b"/dir/g\r\n/dir/sub\r\n", id="M-03 an absolute path"),
        pytest.param(b"NLST /", b"/a\r\n/dir\r\n/link\r\n/z z\r\n", id="M-03 the root"),
        pytest.param(b"NLST dir/sub/..", b"dir/sub/../g\r\ndir/sub/../sub\r\n", id="M-03 a path with dots"),
        pytest.param(b"NLST dir/g", b"dir/g\r\n", id="M-03 a file"),
    ],
)
def test_nlst(host: ScriptedHost, command: bytes, expected: bytes) -> None:
    assert listed(host, command) == expected


def test_M_03_every_name_can_be_retrieved(host: ScriptedHost) -> None:
    (name, _) = listed(host, b"NLST dir").splitlines()
    assert listed(host, b"RETR " + name) == b"g"


@pytest.mark.parametrize("command", [b"LIST", b"NLST", b"MLSD"])
@pytest.mark.parametrize("letter", [b"A", b"I"])
def test_M_02_the_type_makes_no_difference_and_stays(host: ScriptedHost, command: bytes, letter: bytes) -> None:
    host.feed(b"TYPE " + letter + b"\r\n").take()
    before = host.session.transfer_type
    assert listed(host, command).count(b"\r\n") == listed(host, command).count(b"\n")
    assert host.session.transfer_type is before


@pytest.mark.parametrize("command", [b"LIST", b"NLST", b"MLSD"])
def test_M_04_an_empty_directory(host: ScriptedHost, fs: MemoryFileSystem, command: bytes) -> None:
    fs.make_dir(VirtualPath("/empty"))
    assert listed(host, command + b" empty") == b""


@pytest.mark.parametrize("command", [b"LIST", b"NLST", b"MLSD"])
def test_M_04_a_missing_path_uses_no_data_connection(host: ScriptedHost, command: bytes) -> None:
    assert host.feed(PORT + command + b" missing\r\nLIST\r\n").codes() == [200, 550, 150, 226]


def test_M_06_there_are_no_patterns(host: ScriptedHost, fs: MemoryFileSystem) -> None:
    fs.write_bytes("/*", b"")
    assert listed(host, b"NLST *") == b"*\r\n"


def test_a_link_that_leads_nowhere_is_listed(host: ScriptedHost, fs: MemoryFileSystem) -> None:
    fs.make_link("/lost", "missing")
    assert listed(host, b"NLST lost") == b"lost\r\n"


def test_a_link_to_a_directory_is_listed_as_that(host: ScriptedHost, fs: MemoryFileSystem) -> None:
    fs.make_link("/there", "dir")
    assert listed(host, b"NLST there") == b"there/g\r\nthere/sub\r\n"


def test_M_07_times_may_be_shown_in_the_zone_of_the_server(fs: MemoryFileSystem) -> None:
    options = Options()
    options.use_gmt_times = False
    clock = FixedClock(zone=timezone(timedelta(hours=2)))
    host = ScriptedHost(SingleUser(fs), delegate=options, clock=clock).login()
    assert b"Nov 15 00:13 a\r\n" in listed(host, b"LIST")


def test_M_07_times_are_those_of_utc(fs: MemoryFileSystem) -> None:
    host = ScriptedHost(SingleUser(fs), clock=FixedClock(zone=timezone(timedelta(hours=2)))).login()
    assert b"Nov 14 22:13 a\r\n" in listed(host, b"LIST")
    assert FixedClock().zone is UTC


def test_M_08_stat_lists_over_the_control_connection(host: ScriptedHost) -> None:
    (reply,) = host.feed(b"STAT dir\r\n").replies()
    assert reply.code == 213
    assert [line.split()[-1] for line in reply.lines[1:-1]] == ["g", "sub"]


def test_M_08_no_line_of_stat_can_end_the_reply(host: ScriptedHost) -> None:
    lines = host.feed(b"STAT dir\r\n").take().splitlines()
    assert all(line.startswith(b" ") for line in lines[1:-1])


def test_M_08_stat_of_a_file(host: ScriptedHost) -> None:
    (reply,) = host.feed(b"STAT a\r\n").replies()
    assert [line.split()[-1] for line in reply.lines[1:-1]] == ["a"]


def test_M_08_stat_of_a_missing_path(host: ScriptedHost) -> None:
    assert host.feed(b"STAT missing\r\n").codes() == [550]


def test_M_08_stat_shows_so_many_entries_and_no_more(disk_host: ScriptedHost, disk: WatchedFileSystem) -> None:
    """The peer can neither stop nor delay them."""
    fill(disk.files)
    (reply,) = disk_host.feed(b"STAT many\r\n").replies()
    assert len(reply.lines) == 2_000 + 3
    assert disk.scans[0].ended


def test_M_10_mlst_tells_of_one_path(host: ScriptedHost) -> None:
    facts = f"modify={MODIFIED};perm=adfrw;size=3;type=file;unique="
    first, line, last = host.feed(b"MLST a\r\n").take().splitlines()
    assert (first[:4], last[:4]) == (b"250-", b"250 ")
    assert line.startswith(b" " + facts.encode())
    assert line.endswith(b"; /a")


@pytest.mark.parametrize(
    ("command", "path", "kind"),
    [
        pytest.param(b"MLST", "/", "dir", id="M-14 the current directory"),
        pytest.param(b"MLST dir", "/dir", "dir", id="M-13 a directory"),
        pytest.param(b"MLST dir/sub/../g", "/dir/g", "file", id="M-14 the full path"),
        pytest.param(b"MLST link", "/link", "file", id="M-15 what a link leads to"),
    ],
)
def test_mlst(host: ScriptedHost, command: bytes, path: str, kind: str) -> None:
    (reply,) = host.feed(command + b"\r\n").replies()
    facts, _, name = reply.lines[1].partition(" ")
    assert (name, f";type={kind};" in facts) == (path, True)


def test_M_10_mlst_of_a_missing_path(host: ScriptedHost) -> None:
    assert host.feed(b"MLST missing\r\n").codes() == [550]


def test_M_11_mlsd_tells_of_a_directory(host: ScriptedHost) -> None:
    lines = listed(host, b"MLSD dir").splitlines()
    assert sorted(line.partition(b" ")[2] for line in lines) == [b"g", b"sub"]
    assert all(line.partition(b" ")[0].endswith(b";") for line in lines)


def test_M_13_mlsd_of_a_file_uses_no_data_connection(host: ScriptedHost) -> None:
    assert host.feed(PORT + b"MLSD a\r\nMLSD\r\n").codes() == [200, 501, 150, 226]


def test_M_16_two_names_of_one_file_have_one_id(host: ScriptedHost) -> None:
    host.feed(b"OPTS MLST unique;\r\n").take()
    one, other, link = (
        host.feed(f"MLST {name}\r\n".encode()).replies()[0].lines[1].partition(" ")[0]
        for name in ("a", "dir/g", "link")
    )
    assert one == link != other


def test_M_22_the_facts_are_those_chosen(host: ScriptedHost) -> None:
    host.feed(b"OPTS MLST type;size;\r\n").take()
    assert listed(host, b"MLSD dir").splitlines() == [b"type=dir; sub", b"size=1;type=file; g"]


def test_M_23_no_facts_are_one_blank(host: ScriptedHost) -> None:
    host.feed(b"OPTS MLST\r\n").take()
    assert listed(host, b"MLSD dir").splitlines() == [b" sub", b" g"]
    assert host.feed(b"MLST a\r\n").take().splitlines()[1] == b"  /a"


class OwnRights(SingleUser):
    """Allows everything but for what is called "g"."""

    def rights_on(self, account: Account, path: VirtualPath, /) -> str:
        return "" if path.endswith("/g") else "elradfmw"


def test_M_19_perm_follows_the_rights_on_each_path(fs: MemoryFileSystem) -> None:
    user = OwnRights(fs)
    user.account = Account(name="ann", filesystem=fs, rights="elr", rights_vary=True)
    host = ScriptedHost(user).login().feed(b"OPTS MLST perm;\r\n")
    host.take()
    assert listed(host, b"MLSD dir").splitlines() == [b"perm=cdeflmp; sub", b"perm=; g"]
    (reply,) = host.feed(b"MLST dir/g\r\n").replies()
    assert reply.lines[1] == "perm=; /dir/g"


def test_M_19_rights_are_not_asked_for_unless_shown(fs: MemoryFileSystem) -> None:
    user = OwnRights(fs)
    user.account = Account(name="ann", filesystem=fs, rights="elr", rights_vary=True)
    host = ScriptedHost(user).login().feed(b"OPTS MLST size;\r\n" + PORT + b"MLSD\r\nMLST a\r\n")
    assert host.performed(RightsOn) == []


@pytest.mark.parametrize("name", ["line\nfeed", "car\rriage", "n\0ul"])
@pytest.mark.parametrize("command", [b"LIST", b"NLST", b"MLSD"])
def test_M_26_a_name_that_would_break_a_line_is_left_out(name: str, command: bytes) -> None:
    host = ScriptedHost(SingleUser(Directory(name, "good"))).login()
    data = listed(host, command)
    assert data.count(b"\r\n") == data.count(b"\n") == data.count(b"\r") == 1
    assert data.endswith(b"good\r\n")


def test_M_26_a_file_that_would_break_a_line_is_left_out(host: ScriptedHost, fs: MemoryFileSystem) -> None:
    fs.write_bytes("/car\rriage", b"")
    assert listed(host, b"NLST car\r\0riage") == listed(host, b"LIST car\r\0riage") == b""


def test_N_12_a_name_that_is_not_utf8_is_listed_as_it_is(host: ScriptedHost, fs: MemoryFileSystem) -> None:
    fs.write_bytes("/dir/\udce9", b"")
    assert listed(host, b"NLST dir").splitlines()[-1] == b"dir/\xe9"


def test_a_name_that_the_encoding_lacks_is_shown_in_part(fs: MemoryFileSystem) -> None:
    options = Options()
    options.encoding = "ascii"
    fs.write_bytes("/dir/\u20ac1", b"")
    assert listed(ScriptedHost(SingleUser(fs), delegate=options).login(), b"NLST dir").splitlines()[-1] == b"dir/?1"


def fill(fs: MemoryFileSystem) -> None:
    for number in reversed(range(MANY)):
        fs.write_bytes(f"/many/{number:04}", b"")


@pytest.mark.parametrize("command", [b"LIST many", b"NLST many", b"MLSD many"])
def test_M_27_a_large_directory_comes_in_pages(
    disk_host: ScriptedHost, disk: WatchedFileSystem, command: bytes
) -> None:
    fill(disk.files)
    lines = listed(disk_host, command).splitlines()
    assert sorted(line[-4:] for line in lines) == [f"{number:04}".encode() for number in range(MANY)]
    assert len(disk_host.performed(NextEntries)) >= 1
    assert disk.scans[0].ended


def test_M_27_a_client_that_does_not_read_stops_the_reading(disk_host: ScriptedHost, disk: WatchedFileSystem) -> None:
    fill(disk.files)
    disk_host.window = 0
    disk_host.feed(PORT + b"MLSD many\r\n")
    assert disk_host.performed(NextEntries) == []
    assert disk_host.performed(ScanDir)[0].limit < MANY


def test_M_27_a_directory_too_large_to_sort_keeps_its_order(host: ScriptedHost, fs: MemoryFileSystem) -> None:
    fill(fs)
    assert listed(host, b"NLST many").splitlines()[0] == b"many/2499"


class Directory(MemoryFileSystem):
    """One whose entries are made up."""

    def __init__(self, *names: str) -> None:
        super().__init__()
        self.names = names

    def scan_dir(self, path: VirtualPath, /, *, follow: bool) -> Iterator[FileInfo]:
        yield from (FileInfo(name, kind) for name, kind in zip(self.names, [*FileKind], strict=False))


def test_two_entries_of_one_name_are_listed() -> None:
    """Object stores have them."""
    assert listed(ScriptedHost(SingleUser(Directory("x", "x"))).login(), b"NLST") == b"x\r\nx\r\n"


def test_a_listing_is_told_with_its_path(host: ScriptedHost) -> None:
    listed(host, b"LIST dir")
    finished = [event for event in host.events if isinstance(event, CommandFinished)]
    assert (finished[-1].name, finished[-1].path) == ("LIST", VirtualPath("/dir"))
