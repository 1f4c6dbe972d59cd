"""STOR, APPE, STOU.  Checklist X-03, X-04, X-06, X-07, X-09 to X-11, X-24, D-19, Q-01."""

from __future__ import annotations

import pytest

from ftpcore import (
    CloseFile,
    CommandFinished,
    ConnectData,
    Delegate,
    Direction,
    LaneName,
    Outcome,
    ReceiveData,
    ReceiveFile,
    TransferFinished,
    TruncateFile,
    VirtualPath,
)
from ftpcore.ports import Account, Capability
from ftpcore.testing import ScriptedHost, SingleUser
from ftpcore_adapters.memory import MemoryFileSystem
from tests.watched import WatchedFileSystem

PORT = b"PORT 127,0,0,1,100,1\r\n"
BIG = bytes(range(256)) * 3000
MODES = pytest.mark.parametrize("kernel", [False, True], ids=["by hand", "in the kernel"])


@pytest.fixture(autouse=True)
def _files(fs: MemoryFileSystem) -> None:
    fs.write_bytes("/f", b"0123456789")
    fs.write_bytes("/d/g", b"g")


class Options(Delegate):
    """Options that a test sets on the instance."""


def stored(host: ScriptedHost, command: bytes, *blocks: bytes) -> list[int]:
    """Upload over an active connection; return the codes behind that of PORT."""
    host.feed(PORT + command + b"\r\n").upload(*blocks).finish()
    return host.codes()[1:]


@MODES
def test_X_03_all_bytes_are_stored(
    disk_host: ScriptedHost, disk: WatchedFileSystem, fs: MemoryFileSystem, kernel: bool
) -> None:
    disk.kernel = kernel
    assert stored(disk_host, b"STOR new", BIG[:1], BIG[1:300_000], BIG[300_000:]) == [150, 226]
    assert fs.read_bytes("/new") == BIG
    assert bool(disk_host.performed(ReceiveFile)) is kernel
    assert bool(disk_host.performed(ReceiveData)) is not kernel


def test_X_03_226_comes_after_the_file_is_closed(disk_host: ScriptedHost, disk: WatchedFileSystem) -> None:
    disk_host.hold = (CloseFile,)
    assert stored(disk_host, b"STOR new", b"x") == [150]
    assert disk_host.release().codes() == [226]
    assert disk.closings == [[True]]


def test_X_03_a_file_that_is_not_accepted_is_a_failure(disk_host: ScriptedHost, disk: WatchedFileSystem) -> None:
    disk.faults["close"] = OSError("the commit failed")
    assert stored(disk_host, b"STOR new", b"x") == [150, 451]
    assert disk.closings == [[True]]


@MODES
@pytest.mark.parametrize("command", [b"STOR new", b"APPE f", b"STOU"])
def test_X_04_an_upload_that_is_reset_is_not_complete(
    disk_host: ScriptedHost, disk: WatchedFileSystem, kernel: bool, command: bytes
) -> None:
    disk.kernel = kernel
    disk_host.feed(PORT + command + b"\r\n").upload(b"abc").reset()
    assert disk_host.feed(b"NOOP\r\n").codes() == [200, 150, 426, 200]
    assert disk.closings == [[False]]


@pytest.mark.parametrize(
    ("name", "code"),
    [
        pytest.param(b"missing/f", 550, id="X-06 the directory is missing"),
        pytest.param(b"d", 550, id="X-06 a directory"),
        pytest.param(b"f/x", 550, id="X-06 below a file"),
        pytest.param(b"x" * 300, 553, id="X-06 a name that the filesystem lacks"),
    ],
)
@pytest.mark.parametrize("command", [b"STOR", b"APPE"])
def test_X_06_what_can_be_refused_is_refused_before_the_mark(
    host: ScriptedHost, command: bytes, name: bytes, code: int
) -> None:
    assert stored(host, command + b" " + name) == [code]


def test_X_07_a_shorter_upload_leaves_no_tail(host: ScriptedHost, fs: MemoryFileSystem) -> None:
    assert stored(host, b"STOR f", b"abc") == [150, 226]
    assert fs.read_bytes("/f") == b"abc"


def test_X_07_the_file_is_emptied_when_the_connection_is_up(host: ScriptedHost, fs: MemoryFileSystem) -> None:
    host.hold = (ConnectData,)
    host.feed(PORT + b"STOR f\r\n")
    assert fs.read_bytes("/f") == b"0123456789"
    host.release()
    assert fs.read_bytes("/f") == b""


def test_X_09_appe_appends(host: ScriptedHost, fs: MemoryFileSystem) -> None:
    assert stored(host, b"APPE f", b"abc") == [150, 226]
    assert fs.read_bytes("/f") == b"0123456789abc"


def test_X_09_appe_makes_a_file(host: ScriptedHost, fs: MemoryFileSystem) -> None:
    assert stored(host, b"APPE new", b"abc") == [150, 226]
    assert fs.read_bytes("/new") == b"abc"


def test_X_09_appe_never_uses_splice(disk_host: ScriptedHost, disk: WatchedFileSystem) -> None:
    """A splice into a file opened to append fails after the bytes have left the socket."""
    disk.kernel = True
    assert stored(disk_host, b"APPE f", b"abc") == [150, 226]
    assert disk_host.performed(ReceiveFile) == []


def test_X_09_appe_needs_a_filesystem_that_can() -> None:
    host = ScriptedHost(SingleUser(MemoryFileSystem(capabilities=Capability.WRITE | Capability.RESUME))).login()
    assert stored(host, b"APPE f") == [502]


@pytest.mark.parametrize(
    ("command", "prefix"),
    [
        pytest.param(b"STOU", "/ftpd.", id="X-11 no argument"),
        pytest.param(b"STOU hint", "/hint.", id="X-11 an argument is a hint"),
        pytest.param(b"STOU d/hint", "/d/hint.", id="X-11 a hint may name a directory"),
        pytest.param(b"STOU /", "/ftpd.", id="X-11 the root is no hint"),
    ],
)
def test_X_10_stou_tells_the_name_of_a_file_that_did_not_exist(
    host: ScriptedHost, fs: MemoryFileSystem, command: bytes, prefix: str
) -> None:
    before = fs.tree()
    host.feed(PORT + command + b"\r\n").upload(b"abc").finish()
    mark = host.replies()[1]
    (path,) = fs.tree().keys() - before.keys()
    assert mark.lines == (f"FILE: {path.rpartition('/')[2]}",)
    assert path.startswith(prefix)
    assert fs.read_bytes(path) == b"abc"


def test_X_10_125_tells_the_name_too(host: ScriptedHost) -> None:
    host.feed(b"PASV\r\n").connect().feed(b"STOU\r\n")
    assert [(reply.code, reply.lines) for reply in host.replies()[1:]] == [(125, ("FILE: ftpd.1",))]


def test_X_10_two_at_once_never_share_a_name(fs: MemoryFileSystem) -> None:
    hosts = [ScriptedHost(SingleUser(fs)).login().feed(PORT + b"STOU\r\n") for _ in range(2)]
    names = {host.replies()[1].lines for host in hosts}
    assert len(names) == 2


def test_X_10_no_name_is_free(disk_host: ScriptedHost, disk: WatchedFileSystem) -> None:
    disk.faults["open_unique"] = FileExistsError()
    assert disk_host.feed(b"STOU\r\n").codes() == [450]


class NotBelowHints(SingleUser):
    """Lets its user make any file but one of STOU."""

    fault: Exception | None = None

    def check_permission(self, account: Account, letter: str, path: VirtualPath, /) -> bool:
        if ".1" in path and self.fault is not None:
            raise self.fault
        return ".1" not in path


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        pytest.param(None, 550, id="refused"),
        pytest.param(OSError("the authorizer is away"), 451, id="the authorizer fails"),
    ],
)
def test_stou_removes_a_file_that_may_not_be(disk: WatchedFileSystem, fault: Exception | None, code: int) -> None:
    user = NotBelowHints(disk)
    user.account = Account(name="ann", filesystem=disk, rights_vary=True)
    user.fault = fault
    before = disk.files.tree()
    assert stored(ScriptedHost(user).login(), b"STOU") == [code]
    assert disk.files.tree() == before
    assert disk.closings == [[False]]


def test_stou_is_refused_without_the_right_to_store(fs: MemoryFileSystem) -> None:
    assert ScriptedHost(SingleUser(fs, rights="elr")).login().feed(b"STOU\r\n").codes() == [550]


@MODES
@pytest.mark.parametrize("command", [b"STOR new", b"STOR f", b"STOU", b"APPE new"])
def test_X_24_an_empty_upload(disk_host: ScriptedHost, disk: WatchedFileSystem, kernel: bool, command: bytes) -> None:
    disk.kernel = kernel
    assert stored(disk_host, command) == [150, 226]
    assert disk.closings == [[True]]
    assert disk.files.read_bytes(disk.opened[0].name) == b""


@MODES
def test_D_19_a_file_that_can_not_be_removed_is_not_told(
    disk_host: ScriptedHost, disk: WatchedFileSystem, kernel: bool
) -> None:
    """The client learns why its command failed; somebody else may have removed the file by then."""
    disk.kernel = kernel
    disk.faults["remove_file"] = FileNotFoundError()
    disk_host.hold = (ConnectData,)
    disk_host.feed(PORT + b"STOR new\r\n").answer(LaneName.DATA, error=ConnectionRefusedError())
    assert disk_host.codes() == [200, 150, 425]


def test_a_host_without_splice_stores_the_file_all_the_same(disk_host: ScriptedHost, disk: WatchedFileSystem) -> None:
    disk.kernel = True
    disk_host.kernel = False
    assert stored(disk_host, b"STOR new", BIG) == [150, 226]
    assert disk.files.read_bytes("/new") == BIG
    assert len(disk_host.performed(ReceiveFile)) == 1


def test_splice_may_end_in_the_middle_of_a_file(disk_host: ScriptedHost, disk: WatchedFileSystem) -> None:
    disk.kernel = True
    disk_host.feed(PORT + b"STOR new\r\n").upload(BIG[:1000])
    disk_host.kernel = False
    disk_host.upload(BIG[1000:]).finish()
    assert disk.files.read_bytes("/new") == BIG


def test_P_10_type_a_makes_local_line_ends(host: ScriptedHost, fs: MemoryFileSystem) -> None:
    """A CR LF cut by two reads is one end of a line; a CR at the very end is a byte."""
    host.feed(b"TYPE A\r\n").take()
    assert stored(host, b"STOR f", b"one\r", b"\ntwo\r\nth\rree\n", b"\r") == [150, 226]
    assert fs.read_bytes("/f") == b"one\ntwo\nth\rree\n\r"


def test_P_11_type_i_changes_nothing(host: ScriptedHost, fs: MemoryFileSystem) -> None:
    assert stored(host, b"STOR f", b"one\r", b"\ntwo\r\n") == [150, 226]
    assert fs.read_bytes("/f") == b"one\r\ntwo\r\n"


def test_Z_14_a_limit_slows_an_upload(disk: WatchedFileSystem) -> None:
    options = Options()
    options.read_limit = 100_000
    host = ScriptedHost(SingleUser(disk), delegate=options).login()
    host.feed(PORT + b"STOR new\r\n").upload(BIG).finish().advance(5)
    assert 450_000 <= len(disk.files.read_bytes("/new")) <= 550_000
    host.advance(10)
    assert host.codes() == [200, 150, 226]
    assert disk.files.read_bytes("/new") == BIG


def test_Z_14_an_account_has_a_limit(disk: WatchedFileSystem) -> None:
    user = SingleUser(disk)
    user.account = Account(name="ann", filesystem=disk, rights="w", read_limit=100_000, write_limit=1)
    host = ScriptedHost(user).login()
    host.feed(PORT + b"STOR new\r\n").upload(BIG).finish().advance(5)
    assert 450_000 <= len(disk.files.read_bytes("/new")) <= 550_000


def test_an_upload_is_told_by_its_name_and_size(host: ScriptedHost) -> None:
    stored(host, b"STOR d/new", b"abc")
    assert [event for event in host.events if isinstance(event, TransferFinished)] == [
        TransferFinished(
            username="ann",
            verb="STOR",
            path=VirtualPath("/d/new"),
            name="/d/new",
            direction=Direction.RECEIVED,
            size=3,
            elapsed=0.0,
            outcome=Outcome.COMPLETE,
        )
    ]
    finished = [event for event in host.events if isinstance(event, CommandFinished)]
    assert (finished[-1].name, finished[-1].path) == ("STOR", VirtualPath("/d/new"))


# -- filesystems that can't open a file and keep its content -----------------------------------------------------------


@pytest.fixture
def plain() -> WatchedFileSystem:
    files = MemoryFileSystem(capabilities=Capability.WRITE)
    files.write_bytes("/f", b"0123456789")
    files.make_dir(VirtualPath("/d"))
    return WatchedFileSystem(files)


@pytest.mark.parametrize(("name", "path"), [(b"f", "/f"), (b"d/new", "/d/new")], ids=["replaced", "made"])
def test_V_05_stor_without_resume(plain: WatchedFileSystem, name: bytes, path: str) -> None:
    host = ScriptedHost(SingleUser(plain)).login()
    assert stored(host, b"STOR " + name, b"ab", b"c") == [150, 226]
    assert plain.files.read_bytes(path) == b"abc"
    assert host.performed(TruncateFile) == []
    assert plain.closings == [[True]]


def test_V_05_stor_without_resume_opens_when_the_connection_is_up(plain: WatchedFileSystem) -> None:
    host = ScriptedHost(SingleUser(plain)).login()
    host.hold = (ConnectData,)
    host.feed(PORT + b"STOR f\r\n").answer(LaneName.DATA, error=ConnectionRefusedError())
    assert host.codes() == [200, 150, 425]
    assert plain.opened == []


@pytest.mark.parametrize("name", [b"d", b"missing/new", b"f/new"])
def test_V_05_stor_without_resume_looks_first(plain: WatchedFileSystem, name: bytes) -> None:
    assert stored(ScriptedHost(SingleUser(plain)).login(), b"STOR " + name) == [550]


def test_V_05_an_opening_that_fails_late_is_a_failed_transfer(plain: WatchedFileSystem) -> None:
    plain.faults["open_file"] = PermissionError()
    assert stored(ScriptedHost(SingleUser(plain)).login(), b"STOR new", b"x") == [150, 451]


@pytest.mark.parametrize("line", [b"ALLO 10", b"MODE S", b"STRU F", b"TYPE A N", b"SITE HELP"])
def test_Q_01_what_cameras_send_first_is_accepted(host: ScriptedHost, line: bytes) -> None:
    assert host.feed(line + b"\r\n").codes()[-1] in (200, 214)
