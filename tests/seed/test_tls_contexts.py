"""`get_ssl_context`: what user code gets, refines or makes, and which sessions have it."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

import pytest

from ftpcore_adapters.handlers import TLS_FTPHandler
from ftpcore_adapters.servers import FTPServer
from tests.adapters.certificates import Certificates
from tests.adapters.conftest import TLSServe
from tests.adapters.serving import Serving
from tests.adapters.tls_clients import SecureClient, Truncated

pytest.importorskip("OpenSSL")
from OpenSSL import SSL

KINDS = {None: SSL.Context, "openssl": SSL.Context, "stdlib": ssl.SSLContext}


def only_tls_1_2(context: SSL.Context | ssl.SSLContext) -> None:
    if isinstance(context, ssl.SSLContext):
        context.maximum_version = ssl.TLSVersion.TLSv1_2
    else:
        context.set_max_proto_version(SSL.TLS1_2_VERSION)


class Refining(TLS_FTPHandler):
    """The usual way to change a context."""

    @classmethod
    def get_ssl_context(cls) -> Any:
        context = super().get_ssl_context()
        only_tls_1_2(context)
        return context


class Inventing(TLS_FTPHandler):
    """Makes one, and keeps it to itself."""

    pair: tuple[str, str]
    calls = 0

    @classmethod
    def get_ssl_context(cls) -> Any:
        cls.calls += 1
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*cls.pair)
        only_tls_1_2(context)
        return context


def handler_of(serving: Serving) -> Any:
    return serving.handler


def version(tls_serve: TLSServe, serving: Serving) -> str | None:
    """Return what a new client and the server agree on, on both connections."""
    client = tls_serve.login(serving)
    assert client.retrieve("NLST") == b""
    assert client.wire is not None
    return client.wire.tls.version()


@pytest.fixture(params=KINDS, ids=str)
def engine(request: pytest.FixtureRequest) -> Any:
    return request.param


def test_the_context_is_made_of_the_files_and_kept(tls_certificates: Certificates, engine: Any) -> None:
    class Handler(TLS_FTPHandler):
        certfile, keyfile = map(str, tls_certificates.server.pair)
        tls_engine_name = engine

    context = Handler.get_ssl_context()
    assert isinstance(context, KINDS[engine])
    assert Handler.ssl_context is context
    assert Handler.get_ssl_context() is context
    assert TLS_FTPHandler.ssl_context is None


def test_a_mistake_is_told_when_the_context_or_the_server_is_made(tmp_path: Path) -> None:
    class Handler(TLS_FTPHandler):
        pass

    for make in (Handler.get_ssl_context, lambda: FTPServer(("127.0.0.1", 0), Handler)):
        Handler.certfile = None
        with pytest.raises(ValueError, match="set certfile to a PEM file"):
            make()
        Handler.certfile = str(tmp_path / "missing.pem")
        with pytest.raises(FileNotFoundError):
            make()
        assert Handler.ssl_context is None


def test_unasked_for_there_is_none(tls_serve: TLSServe) -> None:
    serving = tls_serve()
    assert version(tls_serve, serving) == "TLSv1.3"
    assert handler_of(serving).ssl_context is None


def test_one_that_is_refined_before_the_server_is_made(tls_serve: TLSServe, tls_certificates: Certificates) -> None:
    certfile, keyfile = map(str, tls_certificates.server.pair)
    handler: Any = type("Handler", (TLS_FTPHandler,), {"certfile": certfile, "keyfile": keyfile})
    only_tls_1_2(handler.get_ssl_context())
    assert version(tls_serve, tls_serve(handler)) == "TLSv1.2"


def test_one_that_is_asked_for_while_the_server_runs(tls_serve: TLSServe) -> None:
    serving = tls_serve()
    assert version(tls_serve, serving) == "TLSv1.3"
    only_tls_1_2(handler_of(serving).get_ssl_context())
    assert version(tls_serve, serving) == "TLSv1.2"


def test_an_override_refines(tls_serve: TLSServe, engine: Any) -> None:
    serving = tls_serve(Refining, tls_engine_name=engine)
    assert version(tls_serve, serving) == "TLSv1.2"
    assert isinstance(handler_of(serving).ssl_context, KINDS[engine])


def test_an_override_replaces(tls_serve: TLSServe, tls_certificates: Certificates) -> None:
    serving = tls_serve(Inventing, pair=tls_certificates.server.pair, certfile="/ignored")
    assert version(tls_serve, serving) == version(tls_serve, serving) == "TLSv1.2"
    assert handler_of(serving).calls == 1, "it is asked for when the server is built"


def test_a_shared_context_cannot_require_reuse(tls_serve: TLSServe) -> None:
    with pytest.raises(ValueError, match="a context for each control session"):
        tls_serve(Refining, tls_session_reuse="require")


def test_a_subclass_with_options_of_its_own_has_a_context_of_its_own(
    tls_serve: TLSServe, tls_certificates: Certificates
) -> None:
    base = handler_of(tls_serve())
    context = base.get_ssl_context()

    class Same(base):  # type: ignore[misc, valid-type]  # it is made at run time
        timeout = 10

    class Stricter(base):  # type: ignore[misc, valid-type]  # as above
        client_certificates = "require"
        client_ca = str(tls_certificates.authority)

    assert Same.get_ssl_context() is context
    assert Stricter.get_ssl_context() is not context
    assert base.get_ssl_context() is context
    serving = tls_serve(Stricter)
    client = tls_serve.client(serving)
    assert client.code() == 220
    with pytest.raises((ssl.SSLError, ConnectionError, Truncated)):
        ask(client)


def ask(client: SecureClient) -> None:
    """Have the server see that there is no certificate; with TLS 1.3 that is after the client's handshake."""
    client.start_tls()
    client.send("NOOP")
    assert client.wire is not None
    client.wire.receive()


def test_a_context_that_can_not_do_what_is_asked_for_is_not_made(tls_serve: TLSServe) -> None:
    handler = handler_of(tls_serve())
    for options in (
        {"tls_session_reuse": "require"},
        {"certificates": {"ftp.example.org": (handler.certfile, handler.keyfile)}},
    ):
        asked: Any = type("Asked", (handler,), options)
        with pytest.raises(ValueError, match=r"a context for each control session|several certificates"):
            asked.get_ssl_context()
        assert asked.ssl_context is None
        assert asked.tls_settings()
