"""Private transfers that are slow, limited, cut or many, on every kind of filesystem."""

from __future__ import annotations

import random
import socket
import ssl
import struct
import time
from typing import Any, Final

import pytest

from ftpcore.testing import SingleUser
from ftpcore_adapters.filesystems import AbstractedFS
from ftpcore_adapters.handlers import DTPHandler, TLS_DTPHandler, TLS_FTPHandler
from ftpcore_adapters.local import LocalFileSystem
from ftpcore_adapters.memory import MemoryFileSystem
from ftpcore_adapters.wrappers import ReadOnly
from tests.adapters.certificates import Certificates
from tests.adapters.conftest import TLSServe
from tests.adapters.serving import PASSWORD, USER, Recorder, wait_for
from tests.adapters.tls_clients import SecureClient, Truncated, Wire, client_context

CONTENT: Final = random.Random(7).randbytes(700_000)


class Slow(DTPHandler):
    read_limit = 40_000
    write_limit = 40_000


def test_what_tls_has_received_already_is_stored_without_a_sign_of_the_socket(tls_serve: TLSServe) -> None:
    """A client that waits for close_notify sends nothing more; the rest of its file is in the server's memory."""
    serving = tls_serve(dtp_handler=Slow)
    client = tls_serve.login(serving)
    data, wire = client.begin("STOR up")
    with data:
        assert wire is not None
        data.sendall(wire.encrypted(CONTENT[:100_000]) + wire.farewell())
        assert wire.read_to_end() == b""
    assert client.code() == 226
    assert (tls_serve.serve.directory / "up").read_bytes() == CONTENT[:100_000]


def test_limits_hold_for_what_is_inside(tls_serve: TLSServe) -> None:
    (tls_serve.serve.directory / "file").write_bytes(CONTENT[:40_000])
    serving = tls_serve(dtp_handler=Slow)
    client = tls_serve.login(serving)
    began = time.monotonic()
    assert client.retrieve("RETR file") == CONTENT[:40_000]
    assert time.monotonic() - began >= 0.7


@pytest.mark.parametrize(
    "kind",
    [
        DTPHandler,
        TLS_DTPHandler,
        type("Limited", (DTPHandler,), {"read_limit": 10_000_000, "write_limit": 10_000_000}),
        type("One", (TLS_DTPHandler, Slow), {"read_limit": 10_000_000, "write_limit": 10_000_000}),
    ],
)
def test_prot_encrypts_whatever_the_class_of_data_connections(tls_serve: TLSServe, kind: type) -> None:
    serving = tls_serve(dtp_handler=kind)
    client = tls_serve.login(serving)
    assert client.store("STOR up", CONTENT) == 226
    assert client.retrieve("RETR up") == CONTENT


class Upper(AbstractedFS):
    """A filesystem of the old style, which opens files by itself."""

    def open(self, filename: Any, mode: Any) -> Any:
        return super().open(filename, mode)


@pytest.mark.parametrize("kind", ["memory", "local", "old style"])
def test_private_transfers_on_every_kind_of_filesystem(tls_serve: TLSServe, kind: str) -> None:
    directory = tls_serve.serve.directory
    options: dict[str, dict[str, Any]] = {
        "memory": {"authorizer": SingleUser(MemoryFileSystem(), name=USER, password=PASSWORD)},
        "local": {"authorizer": SingleUser(LocalFileSystem(directory), name=USER, password=PASSWORD)},
        "old style": {"abstracted_fs": Upper},
    }
    client = tls_serve.login(tls_serve(**options[kind]))
    assert client.store("STOR up", CONTENT) == 226
    assert client.store("APPE up", CONTENT) == 226
    assert client.retrieve("RETR up") == CONTENT * 2
    assert client.command("REST 5") == 350
    assert client.retrieve("RETR up") == (CONTENT * 2)[5:]
    assert client.command("TYPE A") == 200
    assert client.store("STOR text", b"one\r\ntwo\r\n") == 226
    assert client.retrieve("RETR text") == b"one\r\ntwo\r\n"


def test_private_downloads_from_a_filesystem_that_only_reads(tls_serve: TLSServe) -> None:
    files = MemoryFileSystem()
    files.write_bytes("/file", CONTENT)
    user = SingleUser(ReadOnly(files), name=USER, password=PASSWORD)
    client = tls_serve.login(tls_serve(authorizer=user))
    assert client.retrieve("RETR file") == CONTENT
    assert client.command("EPSV") == 229
    assert client.command("STOR up") == 550


def test_a_client_that_reads_slowly_stalls_itself_alone(tls_serve: TLSServe) -> None:
    with open(tls_serve.serve.directory / "huge", "wb") as file:
        file.truncate(256 * 1024 * 1024)
    (tls_serve.serve.directory / "file").write_bytes(CONTENT)
    serving = tls_serve()
    slow, other = tls_serve.login(serving), tls_serve.login(serving)
    data, wire = slow.begin("RETR huge")
    with data:
        assert wire is not None
        assert wire.receive(10)
        assert other.retrieve("RETR file") == CONTENT
        assert other.store("STOR up", CONTENT) == 226
        serving.call(lambda: None)
        before = time.process_time()
        other.sock.settimeout(0.5)
        with pytest.raises(TimeoutError):
            other.sock.recv(1)
        assert time.process_time() - before < 0.05
        assert slow.command("STAT") == 211
        for _ in range(100):
            assert wire.receive()
        assert slow.command("NOOP") == 200
        slow.send("ABOR")
        assert slow.codes(2) == [426, 226]
    assert slow.retrieve("RETR file") == CONTENT


def test_a_download_that_nobody_reads_is_cut_in_time(tls_serve: TLSServe, calls: list[str]) -> None:
    class Impatient(TLS_DTPHandler):
        timeout = 0.2

    class Both(Recorder, TLS_FTPHandler):
        pass

    with open(tls_serve.serve.directory / "huge", "wb") as file:
        file.truncate(256 * 1024 * 1024)
    client = tls_serve.login(tls_serve(Both, dtp_handler=Impatient, calls=calls))
    data, _ = client.begin("RETR huge")
    with data:
        assert client.code() == 426
    wait_for(lambda: "incomplete sent huge" in calls, "the hook")


def test_a_connection_that_is_lost_before_close_notify_is_closed(tls_serve: TLSServe) -> None:
    """The pause of the limit comes between the last byte and the end."""
    (tls_serve.serve.directory / "file").write_bytes(CONTENT[:10_000])
    serving = tls_serve(dtp_handler=Slow)
    client = tls_serve.login(serving)
    data, wire = client.begin("RETR file")
    with data:
        assert wire is not None
        came = b""
        while len(came) < 10_000:
            came += wire.receive()
        data.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    assert client.code() == 426
    assert serving.call(lambda: serving.loop.open_sockets) == 2


@pytest.mark.parametrize("engine", ["openssl", "stdlib"])
@pytest.mark.parametrize("version", ["TLSv1.2", "TLSv1.3"])
def test_data_connections_must_resume_the_session_where_that_is_required(
    tls_serve: TLSServe, tls_certificates: Certificates, version: str, engine: str
) -> None:
    serving = tls_serve(tls_session_reuse="require", tls_engine_name=engine)
    context = client_context(tls_certificates.authority, version)
    with SecureClient(serving.address, context) as client, SecureClient(serving.address, context) as stranger:
        for each in (client, stranger):
            assert each.code() == 220
            each.start_tls()
            each.protect()
            each.send(f"USER {USER}", f"PASS {PASSWORD}", "TYPE I")
            assert each.codes(3) == [331, 230, 200]
        client.resumes = True
        for number in range(3):
            assert client.store(f"STOR {number}", CONTENT) == 226
            assert client.retrieve(f"RETR {number}") == CONTENT
        client.resumes = False
        assert refused(client)
        assert stranger.wire is not None
        assert client.wire is not None
        client.wire, own = stranger.wire, client.wire
        foreign = client.wire.session
        client.wire = own
        assert refused(client, foreign)
        client.resumes = True
        assert client.store("STOR 0", b"own again") == 226


def refused(client: SecureClient, session: ssl.SSLSession | None = None) -> bool:
    """Is a data connection refused that resumes `session`, another one?"""
    data, _ = client.begin("STOR no", handshake=False)
    with data:
        wire = Wire(data, client.context, session)
        wire.handshake()
        assert not wire.tls.session_reused
        with pytest.raises((Truncated, ConnectionError)):
            wire.receive()
    return client.code() == 522 and client.command("NOOP") == 200
