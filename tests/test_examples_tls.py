"""The examples about TLS do what they say."""

from __future__ import annotations

import shutil
import ssl
import sys
from ftplib import FTP_TLS, error_perm
from io import BytesIO
from pathlib import Path

import pytest

from tests.adapters.certificates import Certificates, Files
from tests.adapters.serving import wait_for
from tests.adapters.tls_clients import client_context
from tests.test_examples import PATIENCE, connected, downloaded, running


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def home(tmp_path: Path) -> Path:
    home = tmp_path / "home"
    home.mkdir()
    return home


def secure(address: tuple[str, int], context: ssl.SSLContext) -> FTP_TLS:
    """Return a client whose control connection is encrypted."""
    client = FTP_TLS(context=context, timeout=PATIENCE)
    client.connect(*address)
    client.auth()
    return client


def stored(client: FTP_TLS, content: bytes) -> bytes:
    """Store a file, and return what is read back."""
    client.prot_p()
    client.storbinary("STOR file", BytesIO(content))
    return downloaded(client, "file")


def test_the_server_wants_tls_for_all(home: Path) -> None:
    any_context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    any_context.check_hostname, any_context.verify_mode = False, ssl.CERT_NONE
    with running("tls_server", home) as program:
        address = program.address()
        with connected(address) as client, pytest.raises(error_perm, match=r"^530"):
            client.login("ann", "secret")
        with secure(address, any_context) as client:
            assert client.login("ann", "secret", secure=False).startswith("230")
            assert program.line() == "ann came by TLSv1.3"
            with pytest.raises(error_perm, match=r"^521"):
                downloaded(client, "file")
            assert stored(client, b"content") == b"content"
            client.quit()


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGHUP")
def test_the_server_reads_its_files_again(home: Path, tmp_path: Path, certificates: Certificates) -> None:
    files = Files(tmp_path / "c.pem", tmp_path / "k.pem")
    for source, target in zip(certificates.server.pair, files.pair, strict=True):
        shutil.copy(source, target)
    context = client_context(certificates.authority)

    def shown() -> bytes | None:
        with secure(address, context) as client:
            assert isinstance(client.sock, ssl.SSLSocket)
            return client.sock.getpeercert(binary_form=True)

    with running("tls_server", home, *map(str, files.pair)) as program:
        address = program.address()
        first = shown()
        renewed = certificates.renew("localhost", "renewed")
        for source, target in zip(renewed.pair, files.pair, strict=True):
            shutil.copy(source, target)
        program.hang_up()
        wait_for(lambda: "reloaded" in program.log, "the log to tell of it")
        assert shown() != first


def test_a_certificate_stands_for_the_password(home: Path, certificates: Certificates) -> None:
    server = certificates.server
    words = [str(path) for path in (*server.pair, certificates.authority)]
    with running("client_certificates", home, *words) as program:
        address = program.address()
        context = client_context(certificates.authority)
        with secure(address, context) as client:
            assert client.login("ann", "secret", secure=False).startswith("230")
        context.load_cert_chain(*certificates.issue("ann").pair)
        with secure(address, context) as client:
            assert client.sendcmd("USER ann").startswith("232")
            assert stored(client, b"content") == b"content"
        other = client_context(certificates.authority)
        other.load_cert_chain(*certificates.issue("bob").pair)
        with secure(address, other) as client:
            assert client.sendcmd("USER ann").startswith("331")
