"""Who is at the other end of a data connection, and whether it said that it ended.  Checklist K-12 to K-21, X-04."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ftpcore import (
    CloseData,
    Connection,
    Outcome,
    PeerCertificate,
    StopTLS,
    TLSDetails,
    TLSEstablished,
    TransferFinished,
)
from ftpcore.testing import ScriptedHost, SingleUser
from ftpcore_adapters.memory import MemoryFileSystem
from tests.core.protected import ANN, BOB, SHOWN, Offer, protected, secured
from tests.watched import WatchedFileSystem

PORT = b"PORT 127,0,0,1,100,1\r\n"
PLAIN = TLSDetails("TLSv1.2", "ECDHE-RSA-AES128-GCM-SHA256")


@pytest.fixture(autouse=True)
def _files(fs: MemoryFileSystem) -> None:
    fs.write_bytes("/f", b"0123456789")


@pytest.fixture
def host(disk: WatchedFileSystem) -> ScriptedHost:
    """A session of "ann", logged in, all of whose connections are encrypted."""
    return protected(disk)


# -- who is there ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("policy", "reused", "code"),
    [("require", True, 226), ("require", False, 522), ("prefer", False, 226), ("off", False, 226)],
)
def test_K_14_session_reuse(disk: WatchedFileSystem, policy: str, reused: bool, code: int) -> None:
    host = protected(disk, delegate=Offer(tls_session_reuse=policy))
    host.tls = replace(PLAIN, reused=reused)
    for _ in range(3):
        assert host.feed(PORT + b"RETR f\r\n").codes() == [200, 150, code]
    assert host.downloads == [b"0123456789" if code == 226 else b""] * 3


@pytest.mark.parametrize(
    ("control", "data", "code"),
    [(ANN, ANN, 226), (ANN, BOB, 522), (ANN, None, 522), (None, BOB, 226), (None, None, 226)],
    ids=["same", "another", "none", "only on data", "none at all"],
)
@pytest.mark.parametrize("cleared", [False, True], ids=["", "behind CCC"])
def test_K_21_a_data_connection_must_show_the_certificate_of_its_control_connection(
    disk: WatchedFileSystem, control: PeerCertificate | None, data: PeerCertificate | None, code: int, cleared: bool
) -> None:
    host = ScriptedHost(SingleUser(disk), delegate=Offer(ccc=True))
    host.tls = replace(PLAIN, certificate=control)
    secured(host)
    if cleared:
        host.feed(b"CCC\r\n").take()
    host.tls = replace(PLAIN, certificate=data)
    assert host.feed(PORT + b"STOR g\r\n").finish().codes() == [200, 150, code]


def test_K_21_a_transfer_asks_for_the_certificate_that_was_shown_when_it_began(disk: WatchedFileSystem) -> None:
    host = ScriptedHost(SingleUser(disk), delegate=Offer(ccc=True))
    host.tls = SHOWN
    secured(host).feed(b"CCC\r\n").feed(b"PASV\r\nSTOR g\r\nREIN\r\n")
    host.tls = replace(SHOWN, certificate=BOB)
    assert host.connect().codes() == [200, 227, 150, 220, 522]


def test_what_a_handshake_came_to_is_told(host: ScriptedHost) -> None:
    host.tls = PLAIN
    host.feed(PORT + b"RETR f\r\n")
    assert TLSEstablished(connection=Connection.DATA, details=PLAIN) in host.events
    assert host.performed(StopTLS) == []


# -- truncation --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["STOR g", "APPE f", "STOU"])
@pytest.mark.parametrize("size", [0, 3, 100_000])
def test_K_13_X_04_an_upload_whose_tls_ends_without_close_notify_is_incomplete(
    host: ScriptedHost, disk: WatchedFileSystem, command: str, size: int
) -> None:
    host.feed(PORT + f"{command}\r\n".encode()).upload(*[b"x" * size][: size > 0]).truncate()
    assert host.codes() == [200, 150, 426]
    assert disk.closings == [[False]]
    assert [event.outcome for event in host.events if isinstance(event, TransferFinished)] == [Outcome.CUT]
    assert not host.performed(CloseData)[-1].orderly


@pytest.mark.parametrize("kind", [b"TYPE I\r\n", b"TYPE A\r\n"], ids=["image", "ascii"])
def test_K_13_a_setting_accepts_it(disk: WatchedFileSystem, fs: MemoryFileSystem, kind: bytes) -> None:
    host = protected(disk, delegate=Offer(tls_accept_truncated=True))
    host.feed(kind + PORT + b"STOR g\r\n").upload(b"data\r").truncate()
    assert host.codes() == [200, 200, 150, 226]
    assert disk.closings == [[True]]
    assert fs.read_bytes("/g") == b"data\r"


def test_K_13_no_setting_accepts_a_reset(disk: WatchedFileSystem) -> None:
    host = protected(disk, delegate=Offer(tls_accept_truncated=True))
    host.feed(PORT + b"STOR g\r\n").upload(b"data").reset()
    assert host.codes() == [200, 150, 426]
    assert disk.closings == [[False]]


def test_K_12_a_download_that_is_cut_has_no_orderly_end(host: ScriptedHost) -> None:
    host.window = 3
    host.feed(PORT + b"RETR f\r\n").reset()
    assert host.codes() == [200, 150, 426]
    assert not host.performed(CloseData)[-1].orderly
