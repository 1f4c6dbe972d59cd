"""TLS as user code steps in: what is called when it begins, fails and ends, and implicit TLS by hand."""

from __future__ import annotations

import ssl
from contextlib import suppress
from socket import socket
from typing import Any

import pytest

from ftpcore_adapters.handlers import TLS_DTPHandler, TLS_FTPHandler
from tests.adapters.certificates import Certificates
from tests.adapters.serving import PATIENCE, Serving, make_handler, wait_for
from tests.adapters.tls_clients import SecureClient, client_context, login
from tests.seed.noted import Noting, Site, sites

pytestmark = pytest.mark.filterwarnings("ignore:.*use of fork.*:DeprecationWarning")

site = sites()


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


class Data(TLS_DTPHandler):
    """Notes what becomes of TLS on data connections."""

    cmd_channel: NotingTLS

    def handle_ssl_established(self) -> None:
        self.cmd_channel.note("data established", self.cmd_channel.data_channel is self)

    def handle_failed_ssl_handshake(self) -> None:
        self.cmd_channel.note("data failed")
        super().handle_failed_ssl_handshake()

    def handle_ssl_shutdown(self) -> None:
        self.cmd_channel.note("data over", self.transfer_finished)
        super().handle_ssl_shutdown()


class NotingTLS(Noting, TLS_FTPHandler):
    dtp_handler = Data

    def handle_ssl_established(self) -> None:
        self.note("established", self.secure)
        super().handle_ssl_established()

    def handle_failed_ssl_handshake(self) -> None:
        self.note("failed")
        super().handle_failed_ssl_handshake()

    def handle_ssl_shutdown(self) -> None:
        self.note("over")
        super().handle_ssl_shutdown()

    def on_connect(self) -> None:
        self.note("connect", self.secure)


def serve(
    site: Site, certificates: Certificates, base: type[TLS_FTPHandler] = NotingTLS, **options: Any
) -> ssl.SSLContext:
    files = certificates.server
    site.serve(base, certfile=str(files.certfile), keyfile=str(files.keyfile), **options)
    return client_context(certificates.authority)


def test_what_is_called_from_auth_to_the_end(site: Site, certificates: Certificates) -> None:
    (site.home / "file").write_bytes(b"content")
    context = serve(site, certificates)
    with login(site.address, context) as client:
        assert client.retrieve("RETR file") == b"content"
        assert client.store("STOR new", b"new") == 226
        assert client.command("QUIT") == 221
    site.noted(
        "connect False",
        "established True",
        "data established True",
        "data over True",
        "sent file",
        "data established True",
        "data over True",
        "received new",
        "gone",
        "over",
    )


def test_a_session_in_clear_is_told_nothing(site: Site, certificates: Certificates) -> None:
    serve(site, certificates)
    client = site.login()
    with client.data():
        assert client.command("LIST") == 150
        assert client.code() == 226
    assert client.command("QUIT") == 221
    site.noted("connect False", "gone")


def test_a_handshake_that_fails(site: Site, certificates: Certificates) -> None:
    serve(site, certificates)
    with site.client() as client:
        assert client.code() == 220
        assert client.command("AUTH TLS") == 234
        client.sock.sendall(b"This is no ClientHello.\r\n")
        with suppress(ConnectionError):
            assert client.sock.recv(65536)[:1] in (b"", b"\x15")  # an alert
    site.noted("connect False", "failed", "gone")


def test_a_handshake_of_a_data_connection_that_fails(site: Site, certificates: Certificates) -> None:
    (site.home / "file").write_bytes(b"content")
    context = serve(site, certificates)
    with login(site.address, context) as client:
        with client.data() as data:
            client.send("RETR file")
            assert client.code() == 150
            data.sendall(b"This is no ClientHello.\r\n")
            assert client.code() == 522
        assert client.command("PWD") == 257
    wait_for(lambda: site.lines()[-1:] == ["over"], "the end")
    assert site.lines() == ["connect False", "established True", "data failed", "gone", "over"]


def test_an_end_of_tls_that_fails_is_no_handshake(site: Site, certificates: Certificates) -> None:
    context = serve(site, certificates)
    with login(site.address, context) as client:
        assert client.command("REIN") == 220
        client.send("NOOP")  # within TLS, although that is to end
        assert client.ended()
    wait_for(lambda: site.lines()[-1:] == ["over"], "the end")
    assert site.lines() == ["connect False", "established True", "gone", "over"]


# -- implicit TLS by hand ----------------------------------------------------------------------------------------------


class ByHandle(NotingTLS):
    """Prepares TLS, then begins."""

    def handle(self) -> None:
        self.secure_connection(self.get_ssl_context())
        super().handle()


class ByHandshake(NotingTLS):
    """Begins when the handshake is over: the recipe that goes round."""

    def handle(self) -> None:
        self.secure_connection(self.ssl_context)

    def handle_ssl_established(self) -> None:
        super().handle_ssl_established()
        TLS_FTPHandler.handle(self)

    def ftp_AUTH(self, line: str) -> None:
        self.respond("550 Not with implicit TLS.")


class ByInit(NotingTLS):
    """Prepares it when it is made, with a context of its own."""

    context: ssl.SSLContext

    def __init__(self, conn: socket, server: Any, ioloop: Any = None) -> None:
        super().__init__(conn, server, ioloop)
        self.secure_connection(self.context)


@pytest.mark.parametrize("base", [ByHandle, ByHandshake, ByInit])
def test_implicit_tls(site: Site, certificates: Certificates, base: type[NotingTLS]) -> None:
    (site.home / "file").write_bytes(b"content")
    options: dict[str, object] = {}
    if base is ByInit:
        own = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        own.load_cert_chain(*certificates.server.pair)
        options["context"] = own
    context = serve(site, certificates, base, **options)
    with login(site.address, context, implicit=True) as client:
        assert client.retrieve("RETR file") == b"content"
        assert client.command("AUTH TLS") == (550 if base is ByHandshake else 503)
        assert client.command("QUIT") == 221
    expected = [
        "established True",
        "connect True",
        "data established True",
        "data over True",
        "sent file",
        "gone",
        "over",
    ]
    site.noted(*expected)


def test_a_client_that_is_one_too_many_is_refused_all_the_same(certificates: Certificates, tmp_path: Any) -> None:
    files = certificates.server
    handler = make_handler(
        tmp_path, ByHandshake, notes=tmp_path / "notes", certfile=str(files.certfile), keyfile=str(files.keyfile)
    )
    serving = Serving(handler, max_cons_per_ip=1).start()
    try:
        with SecureClient(serving.address, client_context(certificates.authority), implicit=True) as first:
            assert first.code() == 220
            with serving.client() as second:
                second.sock.settimeout(PATIENCE)
                assert second.ended()
            assert first.command("NOOP") == 200
    finally:
        serving.stop()


def test_it_is_too_late_when_the_session_has_begun(site: Site, certificates: Certificates) -> None:
    class Late(NotingTLS):
        def on_connect(self) -> None:
            with pytest.raises(RuntimeError, match="too late"):
                self.secure_connection()
            self.note("refused")

    serve(site, certificates, Late)
    assert site.client().code() == 220
    site.noted("refused")


def test_a_point_that_fails_is_logged_and_ends_nothing(site: Site, certificates: Certificates) -> None:
    class Faulty(NotingTLS):
        def handle_ssl_established(self) -> None:
            raise LookupError("a fault of the user's code")

    context = serve(site, certificates, Faulty)
    with login(site.address, context) as client:
        assert client.command("PWD") == 257


def test_the_class_of_data_channels_does_not_make_their_tls() -> None:
    with pytest.raises(TypeError, match="tls_engine"):
        type("Own", (TLS_DTPHandler,), {"secure_connection": lambda self, context: None})
