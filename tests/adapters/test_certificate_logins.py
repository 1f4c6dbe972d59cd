"""Authorizers of the seed API that let users in by the certificate of their TLS connection."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

import pytest

from ftpcore import PeerCertificate
from ftpcore_adapters._seed_authorizer import SeedAuthorizer
from ftpcore_adapters.authorizers import AuthenticationFailed, AuthorizerError, DummyAuthorizer
from ftpcore_adapters.handlers import TLS_FTPHandler
from ftpcore_adapters.memory import MemoryFileSystem
from tests.adapters.certificates import Certificates, Files
from tests.adapters.conftest import Serve
from tests.adapters.serving import PASSWORD, USER
from tests.adapters.tls_clients import SecureClient, client_context

ANN = PeerCertificate(b"der", "ann", (("CN", "ann"),))


class Named(DummyAuthorizer):
    """Whoever a certificate is for may log in without a password."""

    refusal: Exception | None = None

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[tuple[str, PeerCertificate, object]] = []

    def validate_certificate(self, username: str, certificate: PeerCertificate, handler: object) -> bool:
        self.asked.append((username, certificate, handler))
        if self.refusal is not None:
            raise self.refusal
        return self.has_user(username) and certificate.common_name == username


@pytest.fixture
def named(tmp_path: Path) -> Named:
    authorizer = Named()
    authorizer.add_user("ann", "pw", tmp_path, msg_login="Hello.", msg_quit="Bye.")
    authorizer.add_user("bob", "pw", tmp_path)
    return authorizer


class Holder:
    """What stands for a handler."""

    password = "of before"


def port(authorizer: DummyAuthorizer, handler: object = None) -> Any:
    return SeedAuthorizer(authorizer, handler, lambda home: (MemoryFileSystem(), "/"))


def test_an_authorizer_that_knows_no_certificates_is_not_asked() -> None:
    assert not hasattr(port(DummyAuthorizer()), "authenticate_certificate")


def test_a_certificate_becomes_an_account(named: Named) -> None:
    handler = Holder()
    account = port(named, handler).authenticate_certificate("ann", ANN, "127.0.0.1")
    assert (account.name, account.login_message, account.quit_message) == ("ann", "Hello.", "Bye.")
    assert account.everywhere() == "elr"
    assert named.asked == [("ann", ANN, handler)]
    assert handler.password == ""


@pytest.mark.parametrize("username", ["bob", "nobody"])
def test_a_certificate_of_somebody_else_has_the_password_decide(named: Named, username: str) -> None:
    assert port(named).authenticate_certificate(username, ANN, "127.0.0.1") is None


def test_a_refusal_is_one_of_the_port(named: Named) -> None:
    named.refusal = AuthorizerError("The directory is down.")
    with pytest.raises(AuthenticationFailed, match="directory"):
        port(named).authenticate_certificate("ann", ANN, "127.0.0.1")


def test_the_password_still_counts(named: Named) -> None:
    assert port(named).authenticate("bob", "pw", "127.0.0.1").name == "bob"
    with pytest.raises(AuthenticationFailed):
        port(named).authenticate("bob", "wrong", "127.0.0.1")


def test_whoever_asks_about_certificates_may_wait(named: Named) -> None:
    assert port(named).blocking
    assert not port(DummyAuthorizer()).blocking


# -- on a server -------------------------------------------------------------------------------------------------------


@pytest.fixture
def address(serve: Serve, tls_certificates: Certificates) -> tuple[str, int]:
    """A server that asks for certificates."""
    authorizer = Named()
    authorizer.add_user(USER, PASSWORD, serve.directory, perm="elradfmwMT")
    server = tls_certificates.server
    return serve(
        TLS_FTPHandler,
        authorizer=authorizer,
        certfile=str(server.certfile),
        keyfile=str(server.keyfile),
        client_ca=str(tls_certificates.authority),
        client_certificates="request",
    ).address


def connected(address: tuple[str, int], authority: Path, files: Files | None) -> SecureClient:
    context = client_context(authority)
    if files is not None:
        context.load_cert_chain(*files.pair)
    client = SecureClient(address, context)
    assert client.code() == 220
    client.start_tls()
    return client


def test_a_certificate_logs_in(address: tuple[str, int], tls_certificates: Certificates) -> None:
    with connected(address, tls_certificates.authority, tls_certificates.issue(USER)) as client:
        assert client.command(f"USER {USER}") == 232
        client.protect()
        assert client.store("STOR file", b"content") == 226
        assert client.retrieve("RETR file") == b"content"
        assert client.command("QUIT") == 221


def test_without_a_certificate_there_is_the_password(address: tuple[str, int], tls_certificates: Certificates) -> None:
    with connected(address, tls_certificates.authority, None) as client:
        assert client.command(f"USER {USER}") == 331
        assert client.command(f"PASS {PASSWORD}") == 230


def test_the_certificate_of_somebody_else_is_not_enough(
    address: tuple[str, int], tls_certificates: Certificates
) -> None:
    with connected(address, tls_certificates.authority, tls_certificates.issue("bob")) as client:
        assert client.command(f"USER {USER}") == 331
        assert client.command(f"PASS {PASSWORD}") == 230


def test_a_certificate_that_nobody_vouches_for_is_refused(
    address: tuple[str, int], tls_certificates: Certificates
) -> None:
    context = client_context(tls_certificates.authority, "TLSv1.2")  # in which the handshake itself tells
    context.load_cert_chain(*tls_certificates.stranger.pair)
    with SecureClient(address, context) as client:
        assert client.code() == 220
        with pytest.raises(ssl.SSLError):
            client.start_tls()
