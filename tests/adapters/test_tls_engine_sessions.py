"""TLS sessions resumed on data connections, and ALPN."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ftpcore_adapters.tls import TLSContext, TLSError, TLSSettings
from tests.adapters.certificates import Certificates
from tests.adapters.tls_play import (
    ALL_CLIENTS,
    ALL_ENGINES,
    ALL_VERSIONS,
    Client,
    ClientRefused,
    Version,
    meet,
    read_all,
    take_output,
)

Settings = Callable[..., TLSSettings]


@pytest.fixture(params=ALL_ENGINES)
def make_settings(request: pytest.FixtureRequest, tls_certificates: Certificates) -> Settings:
    def make(**options: Any) -> TLSSettings:
        return TLSSettings(*tls_certificates.server.pair, engine=request.param, **options)

    return make


@pytest.fixture
def client_of(make_client: type[Client], version: Version, tls_certificates: Certificates) -> Callable[..., Client]:
    """Return clients that share a context.

    They live as long as the test: OpenSSL gives up the session of a connection that goes without a close_notify.
    """
    contexts: list[Any] = []
    clients: list[Client] = []

    def client(**options: Any) -> Client:
        made: Client = make_client(
            tls_certificates.authority,
            version,
            context=contexts[0] if contexts else None,
            **options,
        )
        if not contexts:
            contexts.append(made.context)
        clients.append(made)
        return made

    return client


pytestmark = [
    pytest.mark.parametrize("make_client", ALL_CLIENTS),
    pytest.mark.parametrize("version", ALL_VERSIONS),
]


def _log_in(context: TLSContext, client: Client) -> Any:
    """Make a control connection, and return what can be resumed."""
    engine = context.control()
    meet(engine, client)
    engine.write(b"220 ready\r\n")
    client.feed(take_output(engine))
    assert client.read() == (b"220 ready\r\n", False)
    return client.session()


@pytest.mark.parametrize("reuse", ["prefer", "require"])
def test_six_data_connections_resume_the_session_of_the_control_connection(
    make_settings: Settings, client_of: Callable[..., Client], reuse: str
) -> None:
    context = make_settings(session_reuse=reuse).for_session()
    session = _log_in(context, client_of())
    for _ in range(3):
        engine, client = context.data(), client_of(session=session)
        assert meet(engine, client).reused
        client.write(b"upload")
        client.close()
        engine.feed(client.take())
        assert read_all(engine) == (b"upload", True)
        engine, client = context.data(), client_of(session=session)
        assert meet(engine, client).reused
        engine.write(b"download")
        engine.close()
        client.feed(take_output(engine))
        assert client.read() == (b"download", True)


def test_a_session_of_another_control_connection_is_foreign(
    make_settings: Settings, client_of: Callable[..., Client]
) -> None:
    settings = make_settings(session_reuse="require")
    session = _log_in(settings.for_session(), client_of())
    context = settings.for_session()
    _log_in(context, client_of())
    assert not meet(context.data(), client_of(session=session)).reused


def test_a_client_that_does_not_resume_is_told_apart(make_settings: Settings, client_of: Callable[..., Client]) -> None:
    context = make_settings(session_reuse="require").for_session()
    _log_in(context, client_of())
    assert not meet(context.data(), client_of()).reused


def test_nothing_is_resumed_where_that_is_off(make_settings: Settings, client_of: Callable[..., Client]) -> None:
    context = make_settings(session_reuse="off").for_session()
    session = _log_in(context, client_of())
    assert not meet(context.data(), client_of(session=session)).reused


def test_a_resumed_session_knows_the_certificate_of_the_client(
    make_settings: Settings, client_of: Callable[..., Client], tls_certificates: Certificates
) -> None:
    settings = make_settings(client_certificates="require", client_ca=tls_certificates.authority)
    context = settings.for_session()
    session = _log_in(context, client_of(certificate=tls_certificates.client))
    details = meet(context.data(), client_of(session=session))
    assert details.reused
    assert details.certificate is not None
    assert details.certificate.common_name == "ann"


@pytest.mark.parametrize(
    ("kind", "offered", "chosen"),
    [
        ("control", [], None),
        ("control", ["ftp"], "ftp"),
        ("control", ["h2", "ftp"], "ftp"),
        ("data", [], None),
        ("data", ["ftp"], "ftp"),
        ("data", ["ftp-data"], "ftp-data"),
        ("data", ["ftp-data", "ftp"], "ftp"),
    ],
)
def test_alpn_chooses_ftp(
    make_settings: Settings, client_of: Callable[..., Client], kind: str, offered: list[str], chosen: str | None
) -> None:
    engine, client = getattr(make_settings().for_session(), kind)(), client_of(protocols=offered)
    assert meet(engine, client).protocol == chosen
    assert client.protocol() == chosen


@pytest.mark.parametrize(
    ("kind", "offered"), [("control", ["http/1.1"]), ("control", ["ftp-data"]), ("data", ["h2", "smtp"])]
)
def test_alpn_refuses_what_is_foreign(
    make_settings: Settings, client_of: Callable[..., Client], kind: str, offered: list[str]
) -> None:
    engine, client = getattr(make_settings().for_session(), kind)(), client_of(protocols=offered)
    client.shake()
    engine.feed(client.take())
    with pytest.raises(TLSError, match="application protocol"):
        engine.handshake()
    output = take_output(engine)
    assert output == b"\x15\x03\x03\x00\x02\x02\x78"  # fatal: no_application_protocol
    client.feed(output)
    with pytest.raises(ClientRefused, match=r"(?i)no.application.protocol"):
        client.shake()
