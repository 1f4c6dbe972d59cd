"""Transfers that fail: connections, disks, ports, the session.  Checklist X-04, X-05, X-21, X-23, R-12, V-04, I-05."""

from __future__ import annotations

import errno

import pytest

from ftpcore import (
    CloseControl,
    CloseData,
    CloseFile,
    CommandFinished,
    Delegate,
    Disconnected,
    Failed,
    FilesystemError,
    LaneName,
    NextEntries,
    OpenFile,
    Outcome,
    Perform,
    ReceiveData,
    ReceiveFile,
    ScanDir,
    SendData,
    TransferFinished,
    WallTime,
)
from ftpcore.testing import ScriptedHost, SingleUser
from ftpcore_adapters.memory import MemoryFileSystem
from tests.watched import WatchedFileSystem

PORT = b"PORT 127,0,0,1,100,1\r\n"
MODES = pytest.mark.parametrize("kernel", [False, True], ids=["by hand", "in the kernel"])
BOTH = pytest.mark.parametrize("command", [b"RETR f", b"STOR g"], ids=["download", "upload"])


@pytest.fixture(autouse=True)
def _files(fs: MemoryFileSystem) -> None:
    fs.write_bytes("/f", b"0123456789")


def running(host: ScriptedHost, command: bytes) -> ScriptedHost:
    """Begin a transfer that does not end by itself."""
    host.window = 3
    host.feed(PORT + command + b"\r\n").upload(b"abc").take()
    return host


def outcomes(host: ScriptedHost) -> list[Outcome]:
    return [event.outcome for event in host.events if isinstance(event, TransferFinished)]


FILE_ERRORS = [
    pytest.param(OSError(errno.ENOSPC, "No space left"), 452, id="X-05 the disk is full"),
    pytest.param(OSError(errno.EDQUOT, "Quota exceeded"), 552, id="X-05 the quota is used up"),
    pytest.param(OSError(errno.EFBIG, "File too large"), 552, id="X-05 the file is too large"),
    pytest.param(OSError(errno.EIO, "Input/output error"), 451, id="X-05 the disk fails"),
    pytest.param(OSError(errno.ENOENT, "Gone"), 451, id="X-05 any other error of a file"),
    pytest.param(OSError("no number"), 451, id="X-05 an error without a number"),
    pytest.param(FilesystemError("refused"), 451, id="X-05 an error of the filesystem's own"),
]


@pytest.mark.parametrize(("error", "code"), FILE_ERRORS)
@pytest.mark.parametrize("method", ["write_at", "truncate", "close"])
def test_a_file_fails_during_an_upload(
    disk_host: ScriptedHost, disk: WatchedFileSystem, method: str, error: Exception, code: int
) -> None:
    disk.faults[method] = error
    disk_host.feed(PORT + b"STOR f\r\n").upload(b"abc").finish().feed(b"NOOP\r\n")
    assert disk_host.codes() == [200, 150, code, 200]
    assert disk.closings == [[method == "close"]]
    assert outcomes(disk_host) == [Outcome.FAILED]


@pytest.mark.parametrize(("error", "code"), FILE_ERRORS)
def test_a_file_fails_within_the_kernel(
    disk_host: ScriptedHost, disk: WatchedFileSystem, error: Exception, code: int
) -> None:
    disk.kernel = True
    disk_host.hold = (ReceiveFile,)
    disk_host.feed(PORT + b"STOR f\r\n").answer(LaneName.DATA, error=error)
    assert disk_host.codes() == [200, 150, code]
    assert disk.closings == [[False]]


@pytest.mark.parametrize(("error", "code"), FILE_ERRORS)
def test_a_file_fails_during_a_download(
    disk_host: ScriptedHost, disk: WatchedFileSystem, error: Exception, code: int
) -> None:
    disk.faults["read_at"] = error
    assert disk_host.feed(PORT + b"RETR f\r\n").feed(b"NOOP\r\n").codes() == [200, 150, code, 200]
    assert disk.closings == [[False]]


def test_X_05_a_disk_that_fills_keeps_what_fitted() -> None:
    small = MemoryFileSystem(limit=100)
    host = ScriptedHost(SingleUser(small)).login()
    host.feed(PORT + b"STOR f\r\n").upload(b"x" * 60).upload(b"y" * 60).feed(b"NOOP\r\n")
    assert host.codes() == [200, 150, 452, 200]
    assert small.read_bytes("/f") == b"x" * 60 + b"y" * 40


def test_the_first_failure_counts(disk_host: ScriptedHost, disk: WatchedFileSystem) -> None:
    disk.faults = {"write_at": OSError(errno.ENOSPC, "full"), "close": OSError(errno.EIO, "fails too")}
    assert disk_host.feed(PORT + b"STOR f\r\n").upload(b"abc").codes() == [200, 150, 452]


@pytest.mark.parametrize("method", ["open_file", "read_at", "close"])
def test_R_12_a_fault_of_a_port_is_one_451_and_an_event(
    disk_host: ScriptedHost, disk: WatchedFileSystem, method: str
) -> None:
    fault = ZeroDivisionError("a secret of the server")
    disk.faults[method] = fault
    replies = disk_host.feed(PORT + b"RETR f\r\n").feed(b"NOOP\r\n").replies()
    assert [reply.code for reply in replies if not reply.preliminary] == [200, 451, 200]
    assert not any("secret" in line for reply in replies for line in reply.lines)
    assert [event.error for event in disk_host.events if isinstance(event, Failed)] == [fault]
    assert [len(closings) for closings in disk.closings] == [1] * len(disk.opened)


@MODES
@BOTH
def test_X_23_a_stall_ends_the_transfer_and_not_the_session(
    disk_host: ScriptedHost, disk: WatchedFileSystem, command: bytes, kernel: bool
) -> None:
    disk.kernel = kernel
    running(disk_host, command).advance(299)
    assert disk_host.codes() == []
    assert disk_host.advance(2).feed(b"NOOP\r\n").codes() == [426, 200]
    assert disk.closings == [[False]]
    assert outcomes(disk_host) == [Outcome.TIMED_OUT]


@BOTH
def test_X_23_a_byte_in_time_is_no_stall(host: ScriptedHost, command: bytes) -> None:
    running(host, command)
    for _ in range(3):
        host.advance(290)
        host.window = 1
        host.upload(b"x")
    assert host.codes() == []


def test_X_23_a_stalled_listing(host: ScriptedHost) -> None:
    host.window = 0
    assert host.feed(PORT + b"LIST\r\n").advance(301).feed(b"NOOP\r\n").codes() == [200, 150, 426, 200]


def test_X_23_a_close_is_not_waited_for_for_ever(host: ScriptedHost) -> None:
    host.hold = (CloseData,)
    host.feed(PORT + b"RETR f\r\n").advance(301)
    assert host.release().codes() == [200, 150, 226]


@pytest.mark.parametrize("timeout", [0, None])
@BOTH
def test_X_23_the_stall_time_may_be_switched_off(fs: MemoryFileSystem, command: bytes, timeout: float | None) -> None:
    class Patient(Delegate):
        data_timeout = timeout

    host = running(ScriptedHost(SingleUser(fs), delegate=Patient()).login(), command)
    assert host.advance(1_000_000).codes() == []


@pytest.mark.parametrize("effect", [SendData, ReceiveData])
@pytest.mark.parametrize(
    "error", [ConnectionResetError(), BrokenPipeError(), TimeoutError(), OSError(errno.EHOSTUNREACH, "No route")]
)
def test_X_04_any_error_of_the_network_is_a_lost_connection(
    host: ScriptedHost, effect: type[object], error: Exception
) -> None:
    host.hold = (effect,)
    host.feed(PORT + (b"RETR f" if effect is SendData else b"STOR g") + b"\r\n").answer(LaneName.DATA, error=error)
    assert host.codes() == [200, 150, 426]
    assert outcomes(host) == [Outcome.CUT]


def test_X_04_a_connection_that_failed_is_not_closed_in_order(host: ScriptedHost) -> None:
    running(host, b"STOR g").reset()
    assert host.performed(CloseData)[-1] == CloseData(orderly=False)


# -- the control connection, and the server ----------------------------------------------------------------------------


@MODES
@BOTH
def test_X_21_a_lost_control_connection_ends_the_transfer(
    disk_host: ScriptedHost, disk: WatchedFileSystem, command: bytes, kernel: bool
) -> None:
    disk.kernel = kernel
    running(disk_host, command).lose_control()
    assert disk_host.session.idle
    assert not disk_host.connected
    assert disk.closings == [[False]]
    assert outcomes(disk_host) == [Outcome.CUT]
    assert isinstance(disk_host.events[-1], Disconnected)


@pytest.mark.parametrize("effect", [OpenFile, ScanDir, WallTime])
def test_X_21_what_was_being_opened_is_closed(
    disk_host: ScriptedHost, disk: WatchedFileSystem, effect: type[object]
) -> None:
    disk_host.hold = (effect,)
    disk_host.feed(PORT + (b"STOR f" if effect is OpenFile else b"LIST") + b"\r\n").lose_control().release()
    assert disk_host.session.idle
    assert disk.closings == [[False]] * len(disk.opened)
    assert disk.files.read_bytes("/f") == b"0123456789"


def test_X_21_a_client_that_comes_too_late(host: ScriptedHost) -> None:
    """Nothing is sent to a passive connection that comes up while the session ends."""
    host.feed(b"PASV\r\nRETR f\r\n").lose_control()
    assert host.session.idle
    assert host.performed(SendData) == []


@BOTH
def test_X_21_a_client_that_ends_the_control_connection_is_left(host: ScriptedHost, command: bytes) -> None:
    running(host, command).end_control()
    assert host.control_closed
    assert host.session.idle
    assert CloseControl() in host.outputs


@BOTH
def test_Q_05_a_client_may_leave_after_quit(host: ScriptedHost, command: bytes) -> None:
    running(host, command).feed(b"QUIT\r\n").end_control()
    host.window = None
    host.finish()
    assert host.codes() == [221, 226]
    assert not [event for event in host.events if isinstance(event, Failed)]


def test_I_05_a_transfer_is_cut_when_the_grace_is_over(host: ScriptedHost) -> None:
    running(host, b"STOR g").session.shut_down(grace=5, now=host.now)
    assert host.pump().advance(4).codes() == []
    assert host.advance(2).codes() == [426, 421]
    assert outcomes(host) == [Outcome.CUT]
    assert host.control_closed


# -- listings ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", [b"LIST", b"NLST", b"MLSD"])
def test_a_directory_fails_before_the_mark(disk_host: ScriptedHost, disk: WatchedFileSystem, command: bytes) -> None:
    disk.faults["next"] = OSError(errno.EIO, "Input/output error")
    assert disk_host.feed(PORT + command + b"\r\n").codes() == [200, 451]


@pytest.mark.parametrize("command", [b"LIST", b"MLSD"])
def test_a_directory_fails_after_the_mark(disk_host: ScriptedHost, disk: WatchedFileSystem, command: bytes) -> None:
    for number in range(2_100):
        disk.files.write_bytes(f"/{number}", b"")
    disk_host.hold = (NextEntries,)
    disk_host.feed(PORT + command + b"\r\n")
    disk_host.answer(LaneName.DATA, error=OSError(errno.EIO, "Input/output error"))
    assert disk_host.codes() == [200, 150, 451]
    assert [scan.ended for scan in disk.scans] == [True]


# -- closing once, in time ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [OSError(errno.EIO, "fails"), FilesystemError("refused"), KeyError("a fault")])
def test_V_04_a_file_that_fails_to_close_is_not_closed_again(
    disk_host: ScriptedHost, disk: WatchedFileSystem, error: Exception
) -> None:
    disk.faults["close"] = error
    disk_host.feed(PORT + b"STOR f\r\n").finish()
    assert disk_host.codes() == [200, 150, 451]
    assert disk.closings == [[True]]


def test_a_close_that_fails_after_abor(disk_host: ScriptedHost, disk: WatchedFileSystem) -> None:
    disk.faults["close"] = OSError(errno.EIO, "fails")
    assert running(disk_host, b"STOR f").feed(b"ABOR\r\n").codes() == [426, 226]


def test_a_failed_transfer_has_its_path_in_the_event(host: ScriptedHost) -> None:
    running(host, b"STOR g").reset()
    finished = [event for event in host.events if isinstance(event, CommandFinished)]
    assert (finished[-1].path, finished[-1].reply.code) == ("/g", 426)


def test_a_file_is_closed_behind_its_connection(host: ScriptedHost) -> None:
    running(host, b"STOR g").reset()
    kinds = [type(output.effect) for output in host.outputs if isinstance(output, Perform)]
    assert kinds[-2:] == [CloseData, CloseFile]
