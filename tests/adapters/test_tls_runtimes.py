"""FTP under TLS is the same on every runtime and with either engine: scripts of whole sessions, down to the wire."""

from __future__ import annotations

import random
import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import pytest

from ftpcore import Address
from ftpcore_adapters.handlers import TLS_FTPHandler
from tests.adapters.certificates import Certificates
from tests.adapters.serving import make_handler, wait_for
from tests.adapters.tls_clients import SecureClient, client_context, login
from tests.parity.hosts import HOSTS

pytestmark = pytest.mark.filterwarnings("ignore:.*use of fork.*:DeprecationWarning")

CONTENT: Final = random.Random(9).randbytes(3_000_001)


class Noting(TLS_FTPHandler):
    """Notes the ends of transfers in a file, for sessions may be in other processes."""

    notes: Path

    def _note(self, what: str, file: str) -> None:
        with self.notes.open("a") as notes:
            notes.write(f"{what} {Path(file).name}\n")

    def on_file_received(self, file: str) -> None:
        self._note("received", file)

    def on_incomplete_file_received(self, file: str) -> None:
        self._note("incomplete received", file)

    def on_file_sent(self, file: str) -> None:
        self._note("sent", file)

    def on_incomplete_file_sent(self, file: str) -> None:
        self._note("incomplete sent", file)


class Site:
    """Starts a server on one runtime, and clients of it."""

    def __init__(self, host: str, engine: str, directory: Path, certificates: Certificates, stack: ExitStack) -> None:
        self.home = directory / "home"
        self.home.mkdir()
        self.notes = directory / "notes"
        self.notes.touch()
        self.context = client_context(certificates.authority)
        self.address = Address("", 0)
        self._host = host
        self._engine = engine
        self._files = certificates.server
        self._stack = stack

    def serve(self, **options: object) -> None:
        names = {"notes": self.notes, "tls_engine_name": self._engine, "tls_ccc": True}
        files = {"certfile": str(self._files.certfile), "keyfile": str(self._files.keyfile)}
        handler = make_handler(self.home, Noting, **{**names, **files, **options})
        self.address = self._stack.enter_context(HOSTS[self._host](handler))

    def client(self, *, implicit: bool = False) -> SecureClient:
        return self._stack.enter_context(SecureClient(self.address, self.context, implicit=implicit))

    def login(self, *, implicit: bool = False) -> SecureClient:
        return self._stack.enter_context(login(self.address, self.context, implicit=implicit))

    def noted(self, line: str) -> None:
        """Wait until this was noted."""
        wait_for(lambda: line in self.notes.read_text().splitlines(), line)


@pytest.fixture(params=["openssl", "stdlib"])
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=HOSTS)
def site(request: pytest.FixtureRequest, engine: str, tmp_path: Path, tls_certificates: Certificates) -> Iterator[Site]:
    with ExitStack() as stack:
        yield Site(request.param, engine, tmp_path, tls_certificates, stack)


def test_files_and_listings_go_both_ways(site: Site) -> None:
    (site.home / "big").write_bytes(CONTENT)
    (site.home / "empty").touch()
    (site.home / "void").mkdir()
    site.serve()
    client = site.login()
    for active in (False, True):
        assert client.retrieve("RETR big", active=active) == CONTENT
        assert client.retrieve("RETR empty", active=active) == b""
        assert client.retrieve("LIST void", active=active) == b""
        assert b"big" in client.retrieve("LIST", active=active)
        assert b" empty\r\n" in client.retrieve("MLSD", active=active)
        for waits in (False, True):
            assert client.store("STOR up", CONTENT, active=active, waits=waits) == 226
            assert (site.home / "up").read_bytes() == CONTENT
            assert client.store("STOR up", b"", active=active, waits=waits) == 226
            assert (site.home / "up").read_bytes() == b""
    assert client.command("QUIT") == 221
    assert client.ended_well()
    site.noted("sent empty")
    site.noted("received up")


def test_prot_says_for_each_transfer_whether_it_is_private(site: Site) -> None:
    (site.home / "big").write_bytes(CONTENT)
    site.serve()
    client = site.login()
    for level in "CPPCCP":
        assert client.command(f"PROT {level}") == 200
        client.private = level == "P"
        assert client.retrieve("RETR big") == CONTENT
        assert client.store(f"STOR {level}", CONTENT) == 226
        assert (site.home / level).read_bytes() == CONTENT


def test_abor_and_stat_are_answered_during_private_transfers(site: Site) -> None:
    with open(site.home / "huge", "wb") as file:
        file.truncate(64 * 1024 * 1024)
    site.serve()
    client = site.login()
    data, wire = client.begin("RETR huge")
    with data:
        assert wire is not None
        assert wire.receive(10)
        assert client.command("STAT") == 211
        client.send_raw(b"\xff\xf4\xff\xf2ABOR\r\n")
        assert client.codes(2) == [426, 226]
    site.noted("incomplete sent huge")
    data, wire = client.begin("STOR up")
    with data:
        assert wire is not None
        wire.send(b"some")
        assert client.command("STAT") == 211
        client.send_raw(b"\xff\xf4\xff\xf2ABOR\r\n")
        assert client.codes(2) == [426, 226]
    site.noted("incomplete received up")
    data, wire = client.begin("STOR up", handshake=False)
    with data:
        assert client.command("ABOR") in (426, 522)
        assert client.code() == 226
    assert client.store("STOR up", b"all") == 226


def test_ccc_goes_on_in_clear_and_data_stays_private(site: Site) -> None:
    site.serve()
    client = site.login()
    assert client.command("CCC") == 200
    client.clear()
    assert client.command("NOOP") == 200
    assert client.command("PROT C") == 503
    assert client.store("STOR up", CONTENT) == 226
    assert client.retrieve("RETR up") == CONTENT
    client.start_tls()
    assert client.command("PWD") == 530
    assert client.command("QUIT") == 221
    assert client.ended_well()


def test_a_command_glued_to_close_notify_is_taken_in_clear_once(site: Site) -> None:
    site.serve()
    client = site.login()
    assert client.command("CCC") == 200
    assert client.wire is not None
    assert client.wire.receive() == b""
    client.sock.sendall(client.wire.farewell() + b"MKD made\r\nMKD made\r\nNOOP\r\n")
    client.wire = None
    assert client.codes(3) == [257, 550, 200]


def test_rein_ends_tls_and_the_login(site: Site) -> None:
    site.serve()
    client = site.login()
    assert client.command("REIN") == 220
    client.clear()
    assert client.command("PWD") == 530
    assert client.command("PBSZ 0") == 503
    client.start_tls()
    client.protect()
    client.send("USER ann", "PASS correct-horse")
    assert client.codes(2) == [331, 230]
    assert client.store("STOR up", b"again") == 226


def test_implicit_tls_comes_before_the_greeting(site: Site) -> None:
    (site.home / "big").write_bytes(CONTENT)
    site.serve(implicit_tls=True)
    client = site.login(implicit=True)
    assert client.command("AUTH TLS") == 503
    assert client.retrieve("RETR big") == CONTENT
    assert client.store("STOR up", CONTENT) == 226
    assert (site.home / "up").read_bytes() == CONTENT
    assert client.command("QUIT") == 221
    assert client.ended_well()


def test_commands_in_clear_behind_auth_are_never_run(site: Site) -> None:
    site.serve()
    for script in (b"AUTH TLS\r\nMKD made\r\n", b"AUTH TLS\r\nMKD ma", b"AUTH TLS\r\n\r\n"):
        client = site.client()
        assert client.code() == 220
        client.sock.sendall(script)
        assert client.code() in (421, 0)
        assert client.ended()
    client = site.client()
    assert client.code() == 220
    assert client.command("AUTH TLS") == 234
    client.sock.sendall(b"USER ann\r\nPASS correct-horse\r\nMKD made\r\n")
    assert not any(client.line().startswith(("2", "3", "5")) for _ in range(3))
    assert client.ended()
    assert not (site.home / "made").exists()
    site.login().close()  # the server goes on


def _fin(sock: socket.socket) -> None:
    sock.shutdown(socket.SHUT_WR)


def _reset(sock: socket.socket) -> None:
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


@pytest.mark.parametrize("end", [_fin, _reset])
def test_an_upload_without_close_notify_is_incomplete(site: Site, end: Callable[[socket.socket], None]) -> None:
    site.serve()
    client = site.login()
    for content in (CONTENT, b""):
        data, wire = client.begin("STOR up")
        with data:
            assert wire is not None
            wire.send(content)
            end(data)
            assert client.code() == 426
        site.noted("incomplete received up")
        site.notes.write_text("")
    assert client.command("NOOP") == 200


def test_an_upload_without_close_notify_may_be_accepted(site: Site) -> None:
    site.serve(tls_accept_truncated=True)
    client = site.login()
    data, wire = client.begin("STOR up")
    with data:
        assert wire is not None
        wire.send(CONTENT)
        _fin(data)
        assert client.code() == 226
    assert (site.home / "up").read_bytes() == CONTENT
    site.noted("received up")
    data, wire = client.begin("STOR up")
    with data:
        assert wire is not None
        wire.send(b"beginning")
        _reset(data)
    assert client.code() == 426
    site.noted("incomplete received up")
