"""Journals of sessions under TLS: what was offered, what handshakes came to, who was let in by a certificate."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ftpcore import CCC_COMMANDS, COMMANDS, Delegate, PeerCertificate, Reply, Session, StreamTruncated, command_table
from ftpcore.ports import Authorizer
from ftpcore.testing import JournalError, ScriptedHost, SingleUser, recording, replay, told
from ftpcore_adapters.memory import MemoryFileSystem
from tests.core.protected import BOB, SHOWN, Badge, Hooked, Offer, secured
from tests.core.test_journal import Journal

PORT = b"PORT 127,0,0,1,100,1\r\n"


@pytest.fixture
def journal() -> Journal:
    return Journal()


def recorded(
    journal: Journal, authorizer: Authorizer, delegate: Delegate | None = None, base: type[Session] = Session
) -> ScriptedHost:
    return ScriptedHost(authorizer, delegate=delegate, session_class=recording(lambda: journal, base=base))


def same(journal: Journal, **options: Any) -> bool:
    """Tell whether the journal replays to the same outputs; what differs is in the failure."""
    assert replay(journal.lines(), **options).difference is None
    return True


@pytest.mark.parametrize("ccc", [False, True])
def test_what_was_offered_is_told(journal: Journal, fs: MemoryFileSystem, ccc: bool) -> None:
    host = recorded(journal, SingleUser(fs), Offer(ccc=ccc))
    host.feed(b"FEAT\r\nHELP\r\nCCC\r\n").feed(b"AUTH TLS\r\n").feed(b"FEAT\r\n").lose_control()
    assert same(journal)
    assert ("CCC" in journal.lines()[0]["commands"]) is ccc


@pytest.mark.parametrize(
    "demand", [{"bob", "ann"}, frozenset({"ann"}), ["ann"], ("ann",), True], ids=lambda demand: type(demand).__name__
)
def test_options_that_are_sets_are_told(journal: Journal, fs: MemoryFileSystem, demand: object) -> None:
    delegate = Offer(tls_control_required=demand)
    host = recorded(journal, SingleUser(fs), delegate).feed(b"USER ann\r\n")
    delegate.tls_data_required = {"ann"}
    secured(host).feed(b"PROT C\r\n").lose_control()
    assert same(journal)
    replies = replay(journal.lines()).replies
    assert b"530 " in replies
    assert b"534 " in replies


def test_an_option_that_cant_be_told_needs_its_code(journal: Journal, fs: MemoryFileSystem) -> None:
    class Everybody:
        def __contains__(self, username: object) -> bool:
            return True

    recorded(journal, SingleUser(fs), Offer(tls_control_required=Everybody())).feed(b"USER x\r\n").lose_control()
    with pytest.raises(JournalError, match="tls_control_required"):
        replay(journal.lines())
    assert same(journal, delegate=Offer(tls_control_required=Everybody()))


def test_an_option_that_comes_to_be_one_that_cant_be_told_is_left_out(journal: Journal, fs: MemoryFileSystem) -> None:
    delegate = Offer()
    host = recorded(journal, SingleUser(fs), delegate).feed(b"NOOP\r\n")
    delegate.tls_control_required = range(3)  # type: ignore[assignment]  # users do such things
    delegate.masquerade_address = object()  # type: ignore[assignment]  # and such
    host.feed(b"NOOP\r\n").lose_control()
    assert same(journal)


def test_a_session_with_a_certificate_is_replayed(journal: Journal, fs: MemoryFileSystem) -> None:
    fs.write_bytes("/f", b"data")
    host = recorded(journal, Badge(fs), Hooked(ccc=True))
    host.tls = replace(SHOWN, reused=True, server_name="ftp.example.org", protocol="ftp")
    host.feed(b"AUTH TLS\r\n").feed(b"PBSZ 0\r\nPROT P\r\nUSER ann\r\n" + PORT + b"RETR f\r\n")
    host.tls = replace(SHOWN, certificate=BOB)
    host.feed(PORT + b"RETR f\r\n").feed(b"CCC\r\n").feed(b"USER ann\r\nQUIT\r\n")
    assert [code for code in host.codes() if code in (232, 226, 522, 331)] == [232, 226, 522, 331]
    assert same(journal)


def test_the_certificate_of_a_journal_is_that_of_the_client(journal: Journal, fs: MemoryFileSystem) -> None:
    host = recorded(journal, SingleUser(fs), Offer())
    odd = PeerCertificate(b"\x00\xff", "l\xe9a", ())
    host.tls = replace(SHOWN, certificate=odd)
    secured(host).feed(PORT + b"NLST\r\n").lose_control()
    assert b"226 " in replay(journal.lines()).replies
    assert same(journal)


class Alert(ConnectionError):
    """An error of a host's own."""


@pytest.mark.parametrize(
    "error",
    [
        Alert("no shared cipher"),
        Alert(),
        Alert(1, "no shared cipher"),
        StreamTruncated("cut"),
        StreamTruncated(104, "Connection reset by peer"),
        ConnectionResetError(104, "Connection reset by peer"),
        ValueError("a fault"),
    ],
    ids=repr,
)
@pytest.mark.parametrize("lane", ["control", "data", "upload"])
def test_failures_are_replayed(journal: Journal, fs: MemoryFileSystem, error: Exception, lane: str) -> None:
    host = recorded(journal, SingleUser(fs), Offer())
    if lane == "control":
        host.tls = error
        host.feed(b"AUTH TLS\r\n").feed(b"NOOP\r\n")
    elif lane == "data":
        secured(host).tls = error
        host.feed(PORT + b"NLST\r\n").feed(b"NOOP\r\n").lose_control()
    else:
        secured(host).session.delegate.tls_accept_truncated = True
        failed = error if isinstance(error, ConnectionError) else ConnectionError()
        host.feed(PORT + b"STOR g\r\n").upload(b"x", failed).feed(b"NOOP\r\n").lose_control()  # type: ignore[arg-type]  # an end of the network's
    assert same(journal)


def test_commands_of_a_class_of_sessions_are_taken_from_it(journal: Journal, fs: MemoryFileSystem) -> None:
    class Own(Session):
        commands = command_table(*COMMANDS.values(), replace(COMMANDS["NOOP"], name="PING"))

        def ftp_PING(self) -> Reply:
            return Reply.of(200, "Pong.")

    recorded(journal, SingleUser(fs), base=Own).login().feed(b"PING\r\n").lose_control()
    assert same(journal, session_class=Own)
    with pytest.raises(JournalError, match="PING"):
        replay(journal.lines())


def test_a_journal_that_does_not_tell_what_was_offered_had_the_usual_commands(
    journal: Journal, fs: MemoryFileSystem
) -> None:
    recorded(journal, SingleUser(fs)).feed(b"HELP\r\nFEAT\r\n").lose_control()
    lines = journal.lines()
    assert set(lines[0]["commands"]) == set(COMMANDS)
    for name in ("commands", "certificates", "opaque"):
        lines[0].pop(name)
    assert replay(lines).difference is None
    assert set(CCC_COMMANDS) > set(COMMANDS)


def test_tls_is_told_for_people(journal: Journal, fs: MemoryFileSystem) -> None:
    host = recorded(journal, Badge(fs), Offer(ccc=True))
    host.tls = replace(SHOWN, reused=True, server_name="ftp.example.org", protocol="ftp")
    host.feed(b"AUTH TLS\r\n").feed(b"USER ann\r\n")
    host.tls = replace(SHOWN, certificate=None)
    host.feed(b"PBSZ 0\r\nPROT P\r\n" + PORT + b"NLST\r\n").feed(b"CCC\r\n")
    host.tls = ConnectionError("no shared cipher")
    host.feed(b"AUTH TLS\r\n")
    host.lose_control()
    text = "\n".join(told(journal.lines()))
    for part in (
        "control #1 StartTLS(connection=CONTROL)",
        "-> TLSv1.3, TLS_AES_256_GCM_SHA384, resumed, for ftp.example.org, ALPN ftp, certificate of ann (CN=ann, O=Ex",
        "AuthenticateCertificate(username=ann, certificate=ann, peer=127.0.0.1)",
        "StartTLS(connection=DATA)",
        "-> TLSv1.3, TLS_AES_256_GCM_SHA384\n",
        "StopTLS(connection=CONTROL)",
        "failed: ConnectionError no shared cipher",
    ):
        assert part in text
