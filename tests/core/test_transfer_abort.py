"""ABOR, whatever it finds under way.  Checklist X-16 to X-20, D-24."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from ftpcore import (
    AcceptData,
    Address,
    Cancel,
    CloseData,
    CloseFile,
    CloseScan,
    ConnectData,
    Delegate,
    EffectCancelled,
    LaneName,
    NextEntries,
    OpenFile,
    OpenListener,
    OpenUnique,
    Outcome,
    ReadFile,
    ReceiveData,
    ReceiveFile,
    RemoveFile,
    ScanDir,
    SendData,
    SendFile,
    TransferFinished,
    TruncateFile,
    WallTime,
    WriteFile,
)
from ftpcore.testing import ScriptedHost, SingleUser
from ftpcore_adapters.memory import MemoryFileSystem
from tests.watched import WatchedFileSystem

PORT = b"PORT 127,0,0,1,100,1\r\n"
PASV = b"PASV\r\n"
MODES = pytest.mark.parametrize("kernel", [False, True], ids=["by hand", "in the kernel"])


@pytest.fixture(autouse=True)
def _files(fs: MemoryFileSystem) -> None:
    fs.write_bytes("/f", b"0123456789" * 100_000)
    for number in range(2_100):  # more than what a listing reads at once
        fs.write_bytes(f"/many/{number}", b"")


class Phase(NamedTuple):
    """A command, and the effect that it is about when ABOR comes."""

    command: bytes
    effect: type[object]
    kernel: bool = False


#: While these are under way the command has its data connection, or waits for it.
IN_TRANSFER = [
    Phase(b"RETR f", ConnectData),
    Phase(b"RETR f", ReadFile),
    Phase(b"RETR f", SendData),
    Phase(b"RETR f", SendFile, kernel=True),
    Phase(b"STOR f", ConnectData),
    Phase(b"STOR f", TruncateFile),
    Phase(b"STOR f", ReceiveData),
    Phase(b"STOR new", WriteFile),
    Phase(b"STOR new", ReceiveFile, kernel=True),
    Phase(b"APPE f", ConnectData),
    Phase(b"APPE f", ReceiveData),
    Phase(b"STOU", ConnectData),
    Phase(b"STOU", WriteFile),
    Phase(b"LIST many", ConnectData),
    Phase(b"LIST many", SendData),
    Phase(b"LIST many", NextEntries),
    Phase(b"NLST many", SendData),
    Phase(b"MLSD many", NextEntries),
]
#: While these are under way the command has not sent its mark yet.
BEFORE = [
    Phase(b"RETR f", OpenFile),
    Phase(b"STOR f", OpenFile),
    Phase(b"APPE f", OpenFile),
    Phase(b"STOU", OpenUnique),
    Phase(b"LIST many", WallTime),
    Phase(b"LIST many", ScanDir),
    Phase(b"MLSD many", ScanDir),
]


def named(phase: Phase) -> str:
    return f"{phase.command.decode()} {phase.effect.__name__}"


def started(host: ScriptedHost, disk: WatchedFileSystem, phase: Phase) -> ScriptedHost:
    disk.kernel = phase.kernel
    host.hold = (phase.effect,)
    host.window = 10_000_000
    host.feed(PORT + phase.command + b"\r\n").upload(b"abc")
    assert any(isinstance(perform.effect, phase.effect) for perform in host.pending.values())
    return host


@pytest.mark.parametrize("answer", ["cancelled", "succeeds", "fails"])
@pytest.mark.parametrize("phase", IN_TRANSFER, ids=named)
def test_X_16_a_transfer_is_aborted(
    disk_host: ScriptedHost, disk: WatchedFileSystem, phase: Phase, answer: str
) -> None:
    """Data connection closed, 426, 226, and the next transfer works, however the host answers what was under way."""
    host = started(disk_host, disk, phase).feed(b"ABOR\r\n")
    assert host.codes() == [200, 150]
    perform = host.pending[LaneName.DATA]
    if Cancel(perform.serial) in host.outputs and answer != "succeeds":
        error = EffectCancelled() if answer == "cancelled" else ConnectionResetError()
        host.answer(LaneName.DATA, error=error)
    host.release()
    assert host.codes() == [426, 226]
    assert not host.connected
    assert [len(closings) for closings in disk.closings] == [1] * len(disk.opened)
    assert all(scan.ended for scan in disk.scans)
    host.window = None
    assert host.feed(PORT + b"RETR f\r\n").codes() == [200, 150, 226]


@pytest.mark.parametrize("phase", IN_TRANSFER, ids=named)
def test_X_16_only_effects_on_the_network_are_cancelled(
    disk_host: ScriptedHost, disk: WatchedFileSystem, phase: Phase
) -> None:
    """An opened file is never lost, and no write is left in doubt."""
    host = started(disk_host, disk, phase)
    perform = host.pending[LaneName.DATA]
    host.feed(b"ABOR\r\n")
    network = isinstance(perform.effect, ConnectData | SendData | SendFile | ReceiveData | ReceiveFile)
    assert (Cancel(perform.serial) in host.outputs) is network


@pytest.mark.parametrize("phase", BEFORE, ids=named)
def test_X_18_abor_waits_for_the_mark(disk_host: ScriptedHost, disk: WatchedFileSystem, phase: Phase) -> None:
    host = started(disk_host, disk, phase).feed(b"ABOR\r\n")
    assert host.codes() == [200]
    assert host.release().codes() == [150, 426, 226]
    assert disk.closings == [[False]] * len(disk.opened)
    assert all(scan.ended for scan in disk.scans)


@pytest.mark.parametrize("command", [b"RETR f", b"STOR f", b"STOR new", b"APPE f", b"STOU", b"LIST", b"NLST", b"MLSD"])
def test_X_18_a_transfer_that_waits_for_its_client(
    disk_host: ScriptedHost, fs: MemoryFileSystem, command: bytes
) -> None:
    before = fs.tree()
    disk_host.feed(PASV + command + b"\r\n").feed(b"ABOR\r\n")
    assert disk_host.codes() == [227, 150, 426, 226]
    assert disk_host.listening is None
    assert fs.tree() == before


def test_X_18_a_stou_that_waits_for_pasv(host: ScriptedHost, fs: MemoryFileSystem) -> None:
    before = fs.tree()
    assert host.feed(b"STOU\r\nABOR\r\n").codes() == [150, 426, 226]
    assert fs.tree() == before


def test_X_18_a_stou_whose_pasv_is_under_way(host: ScriptedHost) -> None:
    host.hold = (OpenListener,)
    host.feed(b"STOU\r\nPASV\r\nABOR\r\n")
    assert host.release().codes() == [150, 227, 426, 226]
    assert host.listening is None


@pytest.mark.parametrize("command", [b"RETR f", b"STOR f", b"LIST"])
def test_X_18_the_client_comes_at_that_moment(host: ScriptedHost, fs: MemoryFileSystem, command: bytes) -> None:
    """A host that accepted a connection says so, also after Cancel; the transfer does not begin for that."""
    before = fs.tree()
    host.hold = (AcceptData,)
    host.feed(PASV + command + b"\r\n").feed(b"ABOR\r\n").answer(LaneName.DATA, Address("127.0.0.1", 50_001))
    assert host.codes() == [227, 150, 426, 226]
    assert host.performed(CloseData)[-1] == CloseData()
    assert fs.tree() == before


def test_X_18_the_connection_comes_up_at_that_moment(host: ScriptedHost, fs: MemoryFileSystem) -> None:
    host.hold = (ConnectData,)
    host.feed(PORT + b"STOR f\r\nABOR\r\n").answer(LaneName.DATA)
    assert host.codes() == [200, 150, 426, 226]
    assert len(fs.read_bytes("/f")) == 1_000_000


def test_X_18_abor_while_the_listener_is_closed(host: ScriptedHost) -> None:
    host.hold = (CloseData,)
    host.feed(PASV + b"RETR f\r\n").connect().feed(b"ABOR\r\n")
    assert host.release().codes() == [227, 150, 426, 226]


def test_X_17_nothing_is_under_way(host: ScriptedHost) -> None:
    assert host.feed(b"ABOR\r\n").codes() == [225]


@pytest.mark.parametrize("endpoint", [PASV, PORT])
def test_D_24_a_data_connection_that_no_command_uses(host: ScriptedHost, endpoint: bytes) -> None:
    assert host.feed(endpoint + b"ABOR\r\n").codes()[1:] == [225]


def test_D_24_a_connected_one(host: ScriptedHost) -> None:
    assert host.feed(PASV).connect().feed(b"ABOR\r\nRETR f\r\n").codes() == [227, 225, 425]
    assert not host.connected


def test_X_17_the_transfer_is_over(host: ScriptedHost) -> None:
    assert host.feed(PORT + b"RETR f\r\n").feed(b"ABOR\r\n").codes() == [200, 150, 226, 225]


@MODES
def test_X_20_the_transfer_is_over_but_for_its_file(
    disk_host: ScriptedHost, disk: WatchedFileSystem, kernel: bool
) -> None:
    disk.kernel = kernel
    disk_host.hold = (CloseFile,)
    disk_host.feed(PORT + b"RETR f\r\n").feed(b"ABOR\r\n")
    assert disk_host.release().codes() == [200, 150, 226, 225]
    assert disk.closings == [[True]]


def test_X_20_a_download_whose_end_is_under_way_is_hastened(host: ScriptedHost) -> None:
    host.hold = (CloseData,)
    host.feed(PORT + b"RETR f\r\n").feed(b"ABOR\r\n").answer(LaneName.DATA, error=EffectCancelled())
    assert host.codes() == [200, 150, 426, 226]


def test_X_20_an_upload_whose_end_is_under_way_is_complete(host: ScriptedHost, fs: MemoryFileSystem) -> None:
    """Its peer has said that all was sent."""
    host.hold = (CloseData,)
    host.feed(PORT + b"STOR f\r\n").upload(b"abc").finish().feed(b"ABOR\r\n")
    host.answer(LaneName.DATA, error=EffectCancelled())
    assert host.codes() == [200, 150, 226, 225]
    assert fs.read_bytes("/f") == b"abc"


def test_X_20_the_transfer_failed_otherwise(host: ScriptedHost) -> None:
    host.hold = (RemoveFile,)
    host.feed(PASV + b"STOR new\r\n").advance(31).feed(b"ABOR\r\n")
    assert host.release().codes() == [227, 150, 425, 225]


def test_X_20_a_hook_runs_after_the_transfer(fs: MemoryFileSystem) -> None:
    class Hooked(Delegate):
        def on_file_sent(self, file: str) -> None:
            """Something to wait for."""

    host = ScriptedHost(SingleUser(fs), delegate=Hooked()).login()
    host.hold = (CloseFile,)
    host.feed(PORT + b"RETR f\r\n").feed(b"ABOR\r\nNOOP\r\n").release()
    assert host.codes() == [200, 150, 226, 225, 200]


def test_X_20_abor_twice(host: ScriptedHost) -> None:
    host.hold = (SendData,)
    host.feed(PORT + b"RETR f\r\n").feed(b"ABOR\r\nABOR\r\n")
    assert host.release().codes() == [200, 150, 426, 226, 225]


@pytest.mark.parametrize("prefix", [b"", b"\xff\xf4\xff\xf2", b"\xff\xf4\xff"], ids=["plain", "IP DM", "DM urgent"])
def test_X_18_telnet_before_abor(host: ScriptedHost, prefix: bytes) -> None:
    host.window = 0
    host.feed(PORT + b"RETR f\r\n").feed(prefix + b"ABOR\r\n")
    assert host.codes() == [200, 150, 426, 226]


def test_X_16_abor_overtakes_what_waits(host: ScriptedHost) -> None:
    host.window = 0
    host.feed(PORT + b"RETR f\r\nPWD\r\nNOOP\r\nABOR\r\n")
    assert host.codes() == [200, 150, 426, 226, 257, 200]


def test_X_19_the_session_goes_on(host: ScriptedHost) -> None:
    host.window = 0
    host.feed(PORT + b"RETR f\r\nABOR\r\n").take()
    host.window = None
    assert host.feed(PASV + b"RETR f\r\n").connect().codes() == [227, 150, 226]


def test_X_16_an_aborted_upload_keeps_what_came(host: ScriptedHost, fs: MemoryFileSystem) -> None:
    """As on a plain disk; a filesystem with atomic uploads drops it at close(complete=False)."""
    host.feed(PORT + b"STOR f\r\n").upload(b"abc").feed(b"ABOR\r\n")
    assert fs.read_bytes("/f") == b"abc"
    assert [event.outcome for event in host.events if isinstance(event, TransferFinished)] == [Outcome.ABORTED]


def test_X_16_bytes_that_moved_before_the_cancel_count(disk_host: ScriptedHost, disk: WatchedFileSystem) -> None:
    disk.kernel = True
    disk_host.hold = (ReceiveFile,)
    disk_host.feed(PORT + b"STOR f\r\n").feed(b"ABOR\r\n").answer(LaneName.DATA, 3)
    finished = [event for event in disk_host.events if isinstance(event, TransferFinished)]
    assert [(event.size, event.outcome) for event in finished] == [(3, Outcome.ABORTED)]


def test_X_16_abor_during_a_pause_of_the_limiter(fs: MemoryFileSystem) -> None:
    class Limited(Delegate):
        write_limit = 100

    host = ScriptedHost(SingleUser(fs), delegate=Limited()).login()
    assert host.feed(PORT + b"RETR f\r\n").feed(b"ABOR\r\n").codes() == [200, 150, 426, 226]


def test_the_rest_of_a_directory_is_given_up(disk_host: ScriptedHost, disk: WatchedFileSystem) -> None:
    disk_host.window = 0
    disk_host.feed(PORT + b"LIST many\r\nABOR\r\n")
    assert len(disk_host.performed(CloseScan)) == 1
    assert [scan.ended for scan in disk.scans] == [True]
