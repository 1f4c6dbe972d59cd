"""The tables of states: that sessions go by them, and what STAT tells of a transfer.  Checklist X-14, S-12, N-07."""

from __future__ import annotations

import pytest

from ftpcore import CloseFile, ConnectData
from ftpcore._command import COMMANDS
from ftpcore._state import PENDING, TRANSFER, Pending, PendingStep, TransferPhase, TransferStep
from ftpcore.testing import ScriptedHost
from ftpcore_adapters.memory import MemoryFileSystem

PORT = b"PORT 127,0,0,1,100,1\r\n"


@pytest.fixture(autouse=True)
def _files(fs: MemoryFileSystem) -> None:
    fs.write_bytes("/f", b"data")


def told(host: ScriptedHost) -> tuple[str, ...]:
    """Return what STAT says of the data connection, behind who is logged in and the parameters."""
    host.take()
    (reply,) = host.feed(b"STAT\r\n").replies()
    return reply.lines[4:-1]


OPEN = ("Data connection open:", "Total bytes sent: 4", "Total bytes received: 0", "Transfer elapsed time: 0 secs")


def test_X_14_stat_while_a_stou_waits_for_its_pasv(host: ScriptedHost) -> None:
    host.feed(b"STOU\r\n")
    assert told(host) == ("Transfer: waiting for PASV, EPSV, PORT or EPRT.", "Data connection closed.")
    host.feed(b"PASV\r\n")
    assert told(host) == ("Transfer: waiting for the data connection.", "Passive data channel waiting for connection.")


def test_X_14_stat_while_an_active_connection_comes_up(host: ScriptedHost) -> None:
    host.hold = (ConnectData,)
    host.feed(PORT + b"RETR f\r\n")
    assert told(host) == ("Transfer: waiting for the data connection.", "Data connection closed.")


def test_X_14_stat_while_a_transfer_waits_for_its_client(host: ScriptedHost) -> None:
    host.feed(b"PASV\r\nRETR f\r\n")
    assert told(host) == ("Transfer: waiting for the data connection.", "Passive data channel waiting for connection.")


def test_X_14_stat_while_data_move(host: ScriptedHost, fs: MemoryFileSystem) -> None:
    fs.write_bytes("/f", b"more data")
    host.window = 4
    host.feed(PORT + b"RETR f\r\n")
    assert told(host) == ("Transfer: moving data.", *OPEN)


def test_X_14_stat_while_the_file_is_closed(host: ScriptedHost) -> None:
    host.hold = (CloseFile,)
    host.feed(PORT + b"RETR f\r\n")
    assert told(host) == ("Transfer: closing both ends.", *OPEN)


def test_every_phase_of_a_transfer_may_be_left_by_a_failure() -> None:
    before_the_end = set(TransferPhase) - {TransferPhase.CLOSING, TransferPhase.OVER}
    assert {phase for phase, step in TRANSFER if step is TransferStep.FAIL} == before_the_end
    assert not [phase for phase, _ in TRANSFER if phase is TransferPhase.OVER]


def test_every_step_is_possible_whatever_is_pending() -> None:
    assert set(PENDING) == {(pending, step) for pending in Pending for step in PendingStep}


LEFT = {
    Pending.NOTHING: b"NOOP\r\n",
    Pending.OFFSET: b"REST 3\r\n",
    Pending.SOURCE: b"RNFR f\r\n",
}


@pytest.mark.parametrize("name", [name for name in COMMANDS if name not in ("QUIT", "REST", "RNFR")])
@pytest.mark.parametrize("pending", Pending)
def test_what_is_pending_follows_the_table(host: ScriptedHost, pending: Pending, name: str) -> None:
    """Also in front of commands that fail."""
    host.feed(LEFT[pending])
    assert host.session.pending is pending
    host.feed(name.encode() + b"\r\n")
    step = PendingStep.KEEPER if COMMANDS[name].keeps_restart else PendingStep.OTHER
    assert host.session.pending is PENDING[pending, step]
    assert host.session.restart == (3 if host.session.pending is Pending.OFFSET else 0)
    assert host.session.rename_from is None


@pytest.mark.parametrize(("line", "step"), [(b"REST 7", PendingStep.REST), (b"RNFR f", PendingStep.RNFR)])
@pytest.mark.parametrize("pending", Pending)
def test_the_latest_of_rest_and_rnfr_counts(
    host: ScriptedHost, pending: Pending, line: bytes, step: PendingStep
) -> None:
    host.feed(LEFT[pending] + line + b"\r\n")
    assert host.session.pending is PENDING[pending, step]
    offset, source = (7, None) if step is PendingStep.REST else (0, "/f")
    assert (host.session.restart, host.session.rename_from) == (offset, source)


@pytest.mark.parametrize("line", [b"REST x", b"RNFR missing"])
@pytest.mark.parametrize("pending", Pending)
def test_a_refused_rest_or_rnfr_leaves_nothing(host: ScriptedHost, pending: Pending, line: bytes) -> None:
    host.feed(LEFT[pending] + line + b"\r\n")
    assert host.session.pending is Pending.NOTHING
