"""What a server says of TLS: certificates by host name, of clients, changed while it runs; contexts of the user's.

Checklist K-26.
"""

from __future__ import annotations

import os
import shutil
import ssl
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)
from OpenSSL import SSL

from ftpcore_adapters import _tls_self_signed
from ftpcore_adapters.tls import TLSContext, TLSError, TLSSettings, self_signed
from tests.adapters.certificates import Certificates
from tests.adapters.tls_play import ALL_ENGINES, ALL_VERSIONS, ClientRefused, StdlibClient, Version, meet, take_output

Settings = Callable[..., TLSSettings]


@pytest.fixture(params=ALL_ENGINES)
def make_settings(request: pytest.FixtureRequest) -> Settings:
    def make(*files: Path, **options: Any) -> TLSSettings:
        return TLSSettings(*files, engine=request.param, **options)

    return make


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def _shown(context: TLSContext, authority: Path, name: str | None, kind: str = "control") -> str:
    client = StdlibClient(authority, name=name)
    meet(getattr(context, kind)(), client)
    return client.server()


@pytest.mark.parametrize(
    ("asked", "shown"),
    [
        (None, "localhost"),
        ("unknown.example.com", "localhost"),
        ("a.example.net", "a.example.net"),
        ("A.Example.NET", "a.example.net"),
        ("x.example.org", "*.example.org"),
        ("x.y.example.org", "localhost"),
        ("example.org", "localhost"),
    ],
)
def test_the_certificate_is_that_of_the_host_name(
    make_settings: Settings, tls_certificates: Certificates, asked: str | None, shown: str
) -> None:
    others = {name: tls_certificates.issue(name).pair for name in ("a.example.net", "*.example.org")}
    settings = make_settings(*tls_certificates.server.pair, certificates=others)
    context = settings.for_session()
    assert _shown(context, tls_certificates.authority, asked) == shown
    assert _shown(context, tls_certificates.authority, None, "data") == shown


def test_a_data_connection_shows_what_its_control_connection_showed(
    make_settings: Settings, tls_certificates: Certificates
) -> None:
    others = {"a.example.net": tls_certificates.issue("a.example.net").pair}
    settings = make_settings(*tls_certificates.server.pair, certificates=others)
    context = settings.for_session()
    assert _shown(context, tls_certificates.authority, None) == "localhost"
    assert _shown(context, tls_certificates.authority, "a.example.net", "data") == "localhost"


@pytest.mark.parametrize("version", ALL_VERSIONS)
@pytest.mark.parametrize("wanted", ["request", "require"])
def test_a_certificate_of_a_client_is_told(
    make_settings: Settings, tls_certificates: Certificates, version: Version, wanted: str
) -> None:
    settings = make_settings(
        *tls_certificates.server.pair, client_ca=tls_certificates.authority, client_certificates=wanted
    )
    client = StdlibClient(tls_certificates.authority, version, certificate=tls_certificates.client)
    certificate = meet(settings.for_session().control(), client).certificate
    assert certificate is not None
    assert certificate.common_name == "ann"
    assert certificate.subject == (("CN", "ann"), ("O", "Example"))
    own = x509.load_pem_x509_certificate(tls_certificates.client.certfile.read_bytes())
    assert certificate.der == own.public_bytes(Encoding.DER)


@pytest.mark.parametrize("version", ALL_VERSIONS)
@pytest.mark.parametrize("wanted", ["request", "require"])
def test_a_certificate_that_nobody_vouches_for_fails_the_handshake(
    make_settings: Settings, tls_certificates: Certificates, version: Version, wanted: str
) -> None:
    settings = make_settings(
        *tls_certificates.server.pair, client_ca=tls_certificates.authority, client_certificates=wanted
    )
    client = StdlibClient(tls_certificates.authority, version, certificate=tls_certificates.stranger)
    engine = settings.for_session().control()
    with pytest.raises(TLSError, match="certificate verify failed"):
        meet(engine, client)
    client.feed(take_output(engine))
    with pytest.raises(ClientRefused):
        client.read()


def test_a_certificate_is_optional_or_not(make_settings: Settings, tls_certificates: Certificates) -> None:
    def details(wanted: str) -> object:
        authority = tls_certificates.authority
        settings = make_settings(*tls_certificates.server.pair, client_ca=authority, client_certificates=wanted)
        return meet(settings.for_session().control(), StdlibClient(authority)).certificate

    assert details("ignore") is None
    assert details("request") is None
    with pytest.raises(TLSError, match="did not return a certificate"):
        details("require")


def test_a_certificate_that_is_not_asked_for_is_not_told(
    make_settings: Settings, tls_certificates: Certificates
) -> None:
    client = StdlibClient(tls_certificates.authority, certificate=tls_certificates.client)
    settings = make_settings(*tls_certificates.server.pair)
    assert meet(settings.for_session().control(), client).certificate is None


class TestReloading:
    @pytest.fixture
    def files(self, tls_certificates: Certificates, tmp_path: Path) -> tuple[Path, Path]:
        return self.copy(tls_certificates, "old.example.org", tmp_path)

    @staticmethod
    def copy(certificates: Certificates, name: str, directory: Path) -> tuple[Path, Path]:
        """Put a certificate in place as a renewing program does."""
        for source, target in zip(certificates.issue(name).pair, ("c.pem", "k.pem"), strict=True):
            shutil.copy(source, directory / "new")
            os.replace(directory / "new", directory / target)
        return directory / "c.pem", directory / "k.pem"

    def test_changed_files_are_read_again(
        self, make_settings: Settings, tls_certificates: Certificates, files: tuple[Path, Path], tmp_path: Path
    ) -> None:
        clock = Clock()
        settings = make_settings(*files, clock=clock)
        authority = tls_certificates.authority
        before = settings.for_session()
        assert _shown(before, authority, None) == "old.example.org"
        self.copy(tls_certificates, "new.example.org", tmp_path)
        clock.now = 0.9
        assert _shown(settings.for_session(), authority, None) == "old.example.org"
        clock.now = 1.0
        assert _shown(settings.for_session(), authority, None) == "new.example.org"
        assert _shown(before, authority, None, "data") == "old.example.org"

    def test_reload_does_so_at_once(
        self, make_settings: Settings, tls_certificates: Certificates, files: tuple[Path, Path], tmp_path: Path
    ) -> None:
        settings = make_settings(*files, clock=Clock())
        self.copy(tls_certificates, "new.example.org", tmp_path)
        assert settings.reload()
        assert _shown(settings.for_session(), tls_certificates.authority, None) == "new.example.org"

    @pytest.mark.parametrize("reuse", ["off", "prefer", "require"])
    @pytest.mark.parametrize("fault", ["missing", "other key", "garbage"])
    def test_what_is_wrong_is_not_taken(
        self,
        make_settings: Settings,
        tls_certificates: Certificates,
        files: tuple[Path, Path],
        caplog: pytest.LogCaptureFixture,
        fault: str,
        reuse: str,
    ) -> None:
        clock = Clock()
        settings = make_settings(*files, clock=clock, session_reuse=reuse)
        match fault:
            case "missing":
                files[0].unlink()
            case "other key":
                shutil.copy(tls_certificates.server.keyfile, files[1])
            case _:
                files[0].write_bytes(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
        for _ in range(3):
            clock.now += 1
            assert _shown(settings.for_session(), tls_certificates.authority, None) == "old.example.org"
        assert [record.levelname for record in caplog.records] == ["WARNING"]
        assert not settings.reload()


class TestMistakes:
    def test_no_certificate(self, make_settings: Settings) -> None:
        with pytest.raises(ValueError, match="certfile"):
            make_settings()

    @pytest.mark.parametrize("index", [0, 1])
    def test_a_missing_file(self, make_settings: Settings, tls_certificates: Certificates, index: int) -> None:
        files = list(tls_certificates.server.pair)
        files[index] = Path("/nowhere/file.pem")
        with pytest.raises(FileNotFoundError, match=r"/nowhere/file\.pem"):
            make_settings(*files)

    def test_a_key_of_another(self, make_settings: Settings, tls_certificates: Certificates) -> None:
        with pytest.raises(ValueError, match=r"(?i)not that of the private key|key values mismatch"):
            make_settings(tls_certificates.server.certfile, tls_certificates.client.keyfile)

    def test_a_file_without_a_key(self, make_settings: Settings, tls_certificates: Certificates) -> None:
        with pytest.raises(ValueError, match="no private key"):
            make_settings(tls_certificates.server.certfile)

    def test_a_file_without_a_certificate(self, make_settings: Settings, tls_certificates: Certificates) -> None:
        with pytest.raises(ValueError, match="no certificate"):
            make_settings(tls_certificates.server.keyfile)

    @pytest.mark.parametrize("form", [PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL])
    def test_an_encrypted_key(
        self, make_settings: Settings, tls_certificates: Certificates, tmp_path: Path, form: PrivateFormat
    ) -> None:
        key = load_pem_private_key(tls_certificates.server.keyfile.read_bytes(), None)
        path = tmp_path / "key.pem"
        path.write_bytes(key.private_bytes(Encoding.PEM, form, BestAvailableEncryption(b"secret")))
        with pytest.raises(ValueError, match="encrypted"):
            make_settings(tls_certificates.server.certfile, path)

    @pytest.mark.parametrize("option", ["session_reuse", "client_certificates"])
    def test_an_unknown_word(self, make_settings: Settings, tls_certificates: Certificates, option: str) -> None:
        with pytest.raises(ValueError, match="'maybe'"):
            make_settings(*tls_certificates.server.pair, **{option: "maybe"})

    def test_certificates_of_clients_for_which_nobody_vouches(
        self, make_settings: Settings, tls_certificates: Certificates
    ) -> None:
        with pytest.raises(ValueError, match="client_ca"):
            make_settings(*tls_certificates.server.pair, client_certificates="require")

    def test_ciphers_that_do_not_exist(self, make_settings: Settings, tls_certificates: Certificates) -> None:
        with pytest.raises(ValueError, match="NONE-SUCH"):
            make_settings(*tls_certificates.server.pair, ciphers="NONE-SUCH")

    @pytest.mark.parametrize("context", [None.__class__, object()], ids=["callable", "object"])
    def test_what_is_no_context(self, context: object) -> None:
        with pytest.raises(ValueError, match=r"OpenSSL\.SSL\.Context"):
            TLSSettings(ssl_context=context).for_session()  # type: ignore[arg-type]  # on purpose


def _openssl_context(certificates: Certificates) -> SSL.Context:
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    context.use_certificate_file(str(certificates.server.certfile))
    context.use_privatekey_file(str(certificates.server.keyfile))
    return context


def _stdlib_context(certificates: Certificates) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificates.server.pair)
    return context


@pytest.mark.parametrize("make", [_openssl_context, _stdlib_context])
class TestOwnContexts:
    def test_one_for_all_sessions(self, make: Callable[[Certificates], Any], tls_certificates: Certificates) -> None:
        settings = TLSSettings(ssl_context=make(tls_certificates), certfile="/ignored")
        for _ in range(2):
            assert _shown(settings.for_session(), tls_certificates.authority, None) == "localhost"
        assert settings.reload()

    def test_one_for_each_session(self, make: Callable[[Certificates], Any], tls_certificates: Certificates) -> None:
        made = []

        def own() -> Any:
            made.append(make(tls_certificates))
            return made[-1]

        settings = TLSSettings(ssl_context=own, session_reuse="require")
        first, second = settings.for_session(), settings.for_session()
        assert len(made) == 2
        client = StdlibClient(tls_certificates.authority)
        meet(first.control(), client)
        client.read()
        for context, reused in ((first, True), (second, False)):
            again = StdlibClient(tls_certificates.authority, context=client.context, session=client.session())
            assert meet(context.data(), again).reused is reused

    def test_one_for_all_can_not_tell_sessions_apart(
        self, make: Callable[[Certificates], Any], tls_certificates: Certificates
    ) -> None:
        with pytest.raises(ValueError, match="callable"):
            TLSSettings(ssl_context=make(tls_certificates), session_reuse="require")

    def test_foreign_protocols_are_refused(
        self, make: Callable[[Certificates], Any], tls_certificates: Certificates
    ) -> None:
        settings = TLSSettings(ssl_context=make(tls_certificates))
        with pytest.raises(TLSError, match="application protocol"):
            meet(settings.for_session().control(), StdlibClient(tls_certificates.authority, protocols=["h2"]))


def test_an_engine_of_the_other_library_is_a_mistake(tls_certificates: Certificates) -> None:
    with pytest.raises(ValueError, match=r"an ssl\.SSLContext"):
        TLSSettings(ssl_context=_openssl_context(tls_certificates), engine="stdlib")
    with pytest.raises(ValueError, match=r"an OpenSSL\.SSL\.Context"):
        TLSSettings(ssl_context=_stdlib_context(tls_certificates), engine="openssl")


def test_options_of_older_programs_are_taken(make_settings: Settings, tls_certificates: Certificates) -> None:
    settings = make_settings(
        *tls_certificates.server.pair,
        ssl_protocol=SSL.SSLv23_METHOD,
        ssl_options=SSL.OP_NO_SSLv2 | SSL.OP_NO_SSLv3 | SSL.OP_NO_COMPRESSION | SSL.OP_NO_TLSv1_3,
    )
    assert (
        meet(settings.for_session().control(), StdlibClient(tls_certificates.authority, "TLSv1.2")).version == "TLSv1.2"
    )
    with pytest.raises(TLSError, match="unsupported protocol"):
        meet(settings.for_session().control(), StdlibClient(tls_certificates.authority, "TLSv1.3"))


def test_ciphers_are_a_choice(make_settings: Settings, tls_certificates: Certificates) -> None:
    cipher = "ECDHE-ECDSA-AES128-GCM-SHA256"
    settings = make_settings(*tls_certificates.server.pair, ciphers=cipher)
    details = meet(settings.for_session().control(), StdlibClient(tls_certificates.authority, "TLSv1.2"))
    assert details.cipher == cipher


def test_keys_of_both_kinds_serve_and_may_stand_behind_their_certificate(
    make_settings: Settings, tls_certificates: Certificates, tmp_path: Path
) -> None:
    pair = tls_certificates.issue("localhost", rsa_key=True)
    path = tmp_path / "both.pem"
    path.write_bytes(pair.keyfile.read_bytes() + b"comment\n" + pair.certfile.read_bytes())
    settings = make_settings(path)
    assert _shown(settings.for_session(), tls_certificates.authority, None) == "localhost"


def _by_program(hostnames: list[str]) -> tuple[bytes, bytes]:
    program = shutil.which("openssl")
    if program is None:
        pytest.skip("needs the program openssl")
    return _tls_self_signed._by_program(program, hostnames)


@pytest.mark.parametrize("make", [self_signed, _by_program])
def test_a_self_signed_certificate_serves(
    make_settings: Settings, tmp_path: Path, make: Callable[[list[str]], tuple[bytes, bytes]]
) -> None:
    certificate, key = make(["localhost", "127.0.0.1", "::1"])
    certfile, keyfile = tmp_path / "c.pem", tmp_path / "k.pem"
    certfile.write_bytes(certificate)
    keyfile.write_bytes(key)
    assert _shown(make_settings(certfile, keyfile).for_session(), certfile, None) == "localhost"
    names = x509.load_pem_x509_certificate(certificate).extensions.get_extension_for_class(x509.SubjectAlternativeName)
    assert names.value.get_values_for_type(x509.DNSName) == ["localhost"]
    assert [str(address) for address in names.value.get_values_for_type(x509.IPAddress)] == ["127.0.0.1", "::1"]


def test_a_self_signed_certificate_needs_a_name() -> None:
    with pytest.raises(ValueError, match="at least one"):
        self_signed([])


_WITHOUT_PYOPENSSL = """
import sys
sys.modules.update({"OpenSSL": None, "cryptography": None})
from ftpcore_adapters.tls import TLSSettings, self_signed
certificate, key = self_signed(["localhost"])
open(sys.argv[1], "wb").write(certificate + key)
print(TLSSettings(sys.argv[1]).for_session().control().handshake())
try:
    TLSSettings(sys.argv[1], engine="openssl")
except ImportError:
    print("needs pyOpenSSL")
"""


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs the program openssl")
def test_the_standard_library_does_where_nothing_is_installed(tmp_path: Path) -> None:
    command = [sys.executable, "-c", _WITHOUT_PYOPENSSL, str(tmp_path / "both.pem")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2])
    assert (done.stdout, done.stderr) == ("None\nneeds pyOpenSSL\n", "")
