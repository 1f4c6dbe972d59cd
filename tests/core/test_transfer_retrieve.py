"""RETR.  Checklist X-01, X-02, X-22, X-24, P-10, P-11, Q-04."""

from __future__ import annotations

import pytest

from ftpcore import (
    Account,
    CloseData,
    CloseFile,
    Delegate,
    Direction,
    LaneName,
    Outcome,
    Pause,
    Perform,
    ReadFile,
    SendData,
    SendFile,
    TransferFinished,
    TransferStarted,
    VirtualPath,
)
from ftpcore.testing import ScriptedHost, SingleUser
from ftpcore_adapters.memory import MemoryFileSystem
from tests.watched import WatchedFileSystem

PORT = b"PORT 127,0,0,1,100,1\r\n"
BIG = bytes(range(256)) * 3000


@pytest.fixture(autouse=True)
def _files(fs: MemoryFileSystem) -> None:
    fs.write_bytes("/f", b"one\ntwo\r\nthree")
    fs.write_bytes("/empty", b"")
    fs.write_bytes("/big", BIG)
    fs.write_bytes("/d/g", b"g")


class Options(Delegate):
    """Options that a test sets on the instance."""


def with_options(disk: WatchedFileSystem, options: Options) -> ScriptedHost:
    return ScriptedHost(SingleUser(disk), delegate=options).login()


def retrieved(host: ScriptedHost, name: bytes) -> bytes:
    assert host.feed(PORT + b"RETR " + name + b"\r\n").codes() == [200, 150, 226]
    return host.downloads.pop()


@pytest.mark.parametrize("kernel", [False, True], ids=["by hand", "in the kernel"])
def test_X_01_all_bytes_arrive(disk_host: ScriptedHost, disk: WatchedFileSystem, kernel: bool) -> None:
    disk.kernel = kernel
    assert retrieved(disk_host, b"big") == BIG
    assert bool(disk_host.performed(SendFile)) is kernel
    assert bool(disk_host.performed(SendData)) is not kernel


def test_X_01_226_comes_after_both_ends_are_closed(disk_host: ScriptedHost) -> None:
    disk_host.hold = (CloseData, CloseFile)
    disk_host.feed(PORT + b"RETR f\r\n")
    disk_host.take()
    disk_host.carry_out(LaneName.DATA)
    assert disk_host.codes() == []
    disk_host.carry_out(LaneName.DATA)
    assert disk_host.codes() == [226]


def test_X_01_the_end_of_the_file_is_an_orderly_end(disk_host: ScriptedHost) -> None:
    retrieved(disk_host, b"f")
    assert disk_host.performed(CloseData)[-1].orderly


def test_the_connection_is_closed_before_the_file(disk_host: ScriptedHost) -> None:
    retrieved(disk_host, b"f")
    effects = [output.effect for output in disk_host.outputs if isinstance(output, Perform)]
    assert [type(effect) for effect in effects[-2:]] == [CloseData, CloseFile]


def test_the_file_is_closed_once_as_complete(disk_host: ScriptedHost, disk: WatchedFileSystem) -> None:
    retrieved(disk_host, b"f")
    assert disk.closings == [[True]]


@pytest.mark.parametrize("name", [b"missing", b"missing/f", b"d", b"/", b"f/f"], ids="X-02 {!r}".format)
def test_X_02_what_can_not_be_retrieved_uses_no_data_connection(host: ScriptedHost, name: bytes) -> None:
    host.feed(b"PASV\r\n").connect().feed(b"RETR " + name + b"\r\nRETR f\r\n")
    assert host.codes() == [227, 550, 125, 226]


@pytest.mark.parametrize("kernel", [False, True], ids=["by hand", "in the kernel"])
def test_X_22_a_peer_that_does_not_read_stops_the_reading(
    disk_host: ScriptedHost, disk: WatchedFileSystem, kernel: bool
) -> None:
    disk.kernel = kernel
    disk_host.window = 0
    disk_host.feed(PORT + b"RETR big\r\n")
    assert len(disk_host.performed(ReadFile)) == (0 if kernel else 1)
    assert len(disk_host.performed(SendFile)) == (1 if kernel else 0)


@pytest.mark.parametrize("kernel", [False, True], ids=["by hand", "in the kernel"])
def test_short_progress_loses_nothing(disk_host: ScriptedHost, disk: WatchedFileSystem, kernel: bool) -> None:
    disk.kernel = kernel
    disk_host.window = 0
    disk_host.feed(PORT + b"RETR big\r\n")
    for size in (1, 7, 70_000, 300_000, 1):
        disk_host.window = size
        disk_host.pump()
    disk_host.window = None
    assert disk_host.pump().downloads == [BIG]
    assert disk_host.codes() == [200, 150, 226]


def test_no_effect_moves_more_than_a_block(disk_host: ScriptedHost, disk: WatchedFileSystem) -> None:
    """Progress is only seen between blocks: STAT, the stall clock and throttling rest on it."""
    disk.kernel = True
    retrieved(disk_host, b"big")
    assert all(effect.size <= 1024 * 1024 for effect in disk_host.performed(SendFile))


def test_a_host_without_sendfile_sends_the_file_all_the_same(disk_host: ScriptedHost, disk: WatchedFileSystem) -> None:
    disk.kernel = True
    disk_host.kernel = False
    assert retrieved(disk_host, b"big") == BIG
    assert len(disk_host.performed(SendFile)) == 1


def test_sendfile_may_end_in_the_middle_of_a_file(disk_host: ScriptedHost, disk: WatchedFileSystem) -> None:
    disk.kernel = True
    disk_host.window = 1000
    disk_host.feed(PORT + b"RETR big\r\n")
    disk_host.kernel, disk_host.window = False, None
    assert disk_host.pump().downloads == [BIG]


def test_an_option_keeps_the_kernel_out(disk: WatchedFileSystem) -> None:
    options = Options()
    options.use_sendfile = False
    disk.kernel = True
    host = with_options(disk, options)
    assert retrieved(host, b"big") == BIG
    assert host.performed(SendFile) == []


@pytest.mark.parametrize("sizeless", [False, True])
@pytest.mark.parametrize("kernel", [False, True], ids=["by hand", "in the kernel"])
def test_X_24_an_empty_file(disk_host: ScriptedHost, disk: WatchedFileSystem, kernel: bool, sizeless: bool) -> None:
    disk.kernel, disk.sizeless = kernel, sizeless
    assert retrieved(disk_host, b"empty") == b""


@pytest.mark.parametrize("kernel", [False, True], ids=["by hand", "in the kernel"])
def test_a_file_that_claims_to_be_empty_is_read_to_its_end(
    disk_host: ScriptedHost, disk: WatchedFileSystem, kernel: bool
) -> None:
    disk.kernel, disk.sizeless = kernel, True
    assert retrieved(disk_host, b"big") == BIG


@pytest.mark.parametrize("kernel", [False, True], ids=["by hand", "in the kernel"])
def test_bytes_that_a_file_gains_meanwhile_are_not_sent(
    disk_host: ScriptedHost, disk: WatchedFileSystem, fs: MemoryFileSystem, kernel: bool
) -> None:
    disk.kernel = kernel
    disk_host.window = 0
    disk_host.feed(PORT + b"RETR f\r\n")
    fs.write_bytes("/f", b"one\ntwo\r\nthree and more")
    disk_host.window = None
    assert disk_host.pump().downloads == [b"one\ntwo\r\nthree"]


@pytest.mark.parametrize("kernel", [False, True], ids=["by hand", "in the kernel"])
def test_a_file_that_shrinks_is_a_failure(
    disk_host: ScriptedHost, disk: WatchedFileSystem, fs: MemoryFileSystem, kernel: bool
) -> None:
    disk.kernel = kernel
    disk_host.window = 10
    disk_host.feed(PORT + b"RETR big\r\n")
    fs.write_bytes("/big", b"x" * 20)
    disk_host.window = None
    assert disk_host.pump().feed(b"NOOP\r\n").codes() == [200, 150, 426, 200]
    assert disk.closings == [[False]]


def test_P_10_type_a_makes_crlf_of_line_ends(host: ScriptedHost) -> None:
    host.feed(b"TYPE A\r\n").take()
    assert retrieved(host, b"f") == b"one\r\ntwo\r\nthree"


def test_P_11_type_i_changes_nothing(host: ScriptedHost) -> None:
    assert retrieved(host, b"f") == b"one\ntwo\r\nthree"


def test_P_10_type_a_keeps_the_kernel_out(disk_host: ScriptedHost, disk: WatchedFileSystem) -> None:
    disk.kernel = True
    disk_host.feed(b"TYPE A\r\n").take()
    assert retrieved(disk_host, b"f") == b"one\r\ntwo\r\nthree"


def test_P_12_conversion_is_a_setting(disk: WatchedFileSystem) -> None:
    options = Options()
    options.ascii_conversion = False
    host = with_options(disk, options)
    host.feed(b"TYPE A\r\n").take()
    assert retrieved(host, b"f") == b"one\ntwo\r\nthree"


@pytest.mark.parametrize("kernel", [False, True], ids=["by hand", "in the kernel"])
def test_Q_04_a_client_that_has_enough_may_close(
    disk_host: ScriptedHost, disk: WatchedFileSystem, kernel: bool
) -> None:
    disk.kernel = kernel
    disk_host.window = 1000
    disk_host.feed(PORT + b"RETR big\r\n").reset()
    assert disk_host.feed(b"NOOP\r\n").codes() == [200, 150, 426, 200]
    assert disk.closings == [[False]]


def test_a_download_whose_end_does_not_arrive_is_not_complete(disk_host: ScriptedHost, disk: WatchedFileSystem) -> None:
    disk_host.hold = (CloseData,)
    disk_host.feed(PORT + b"RETR f\r\n").answer(LaneName.DATA, error=ConnectionResetError())
    assert disk_host.codes() == [200, 150, 426]
    assert disk.closings == [[False]]


def test_a_download_is_two_events(host: ScriptedHost) -> None:
    host.window = 4
    host.feed(PORT + b"RETR d/../f\r\n").advance(2)
    host.window = None
    host.pump()
    path = VirtualPath("/f")
    assert [event for event in host.events if isinstance(event, TransferStarted | TransferFinished)] == [
        TransferStarted(username="ann", verb="RETR", path=path, name="/f", direction=Direction.SENT),
        TransferFinished(
            username="ann",
            verb="RETR",
            path=path,
            name="/f",
            direction=Direction.SENT,
            size=14,
            elapsed=2.0,
            outcome=Outcome.COMPLETE,
        ),
    ]


@pytest.mark.parametrize("kernel", [False, True], ids=["by hand", "in the kernel"])
def test_Z_14_a_limit_slows_a_download(disk: WatchedFileSystem, kernel: bool) -> None:
    options = Options()
    options.write_limit = 100_000
    disk.kernel = kernel
    host = with_options(disk, options).feed(PORT + b"RETR big\r\n")
    host.advance(5)
    assert 450_000 <= len(host.downloaded) <= 550_000
    host.advance(10)
    assert host.downloads == [BIG]
    assert host.performed(Pause) == []


@pytest.mark.parametrize(
    ("own", "option", "least", "most"),
    [
        pytest.param(100_000, 0, 450_000, 550_000, id="a limit of the account's own"),
        pytest.param(100_000, 10_000, 450_000, 550_000, id="it goes before the option"),
        pytest.param(0, 10_000, len(BIG), len(BIG), id="none for this account"),
        pytest.param(None, 100_000, 450_000, 550_000, id="the option"),
    ],
)
def test_Z_14_an_account_has_a_limit(
    disk: WatchedFileSystem, own: float | None, option: float, least: int, most: int
) -> None:
    user = SingleUser(disk)
    user.account = Account(name="ann", filesystem=disk, write_limit=own, read_limit=1)
    options = Options()
    options.write_limit = option
    host = ScriptedHost(user, delegate=options).login().feed(PORT + b"RETR big\r\n").advance(5)
    assert least <= len(host.downloaded) <= most


def test_Z_14_a_limit_does_not_delay_replies(disk: WatchedFileSystem) -> None:
    options = Options()
    options.write_limit = 100
    host = with_options(disk, options).feed(PORT + b"RETR big\r\n").feed(b"NOOP\r\nSTAT\r\n")
    assert host.codes() == [200, 150, 200, 211]
