"""Certificates for tests: an authority, servers and clients that it vouches for, and one that it does not know."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

__all__ = ["Certificates", "Files"]

_Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

_DAY: Final = timedelta(days=1)


@dataclass(frozen=True)
class Files:
    """A certificate and its key, as PEM files."""

    certfile: Path
    keyfile: Path

    @property
    def pair(self) -> tuple[Path, Path]:
        """Both, in the order in which they are passed."""
        return self.certfile, self.keyfile


class Certificates:
    """Makes certificates in a directory, each once."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._authority_key: _Key = ec.generate_private_key(ec.SECP256R1())
        self._authority_name = _name("Test authority")
        self._made: dict[str, Files] = {}

    @cached_property
    def authority(self) -> Path:
        """The certificate of who vouches for `server`, `client` and what `issue` makes."""
        key = self._authority_key
        certificate = (
            _builder(self._authority_name, key)
            .issuer_name(self._authority_name)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(_usage(certificates=True), critical=True)
            .sign(key, SHA256())
        )
        path = self.directory / "authority.pem"
        path.write_bytes(certificate.public_bytes(Encoding.PEM))
        return path

    @property
    def server(self) -> Files:
        """A server named localhost, 127.0.0.1 and ::1."""
        return self.issue("localhost")

    @property
    def client(self) -> Files:
        """A client named ann."""
        return self.issue("ann")

    @cached_property
    def stranger(self) -> Files:
        """A client named ann too, for which nobody vouches."""
        return Certificates(_made_directory(self.directory / "strangers")).issue("ann")

    def issue(self, name: str, *, rsa_key: bool = False) -> Files:
        """Return the certificate of a common name, which is also a host name."""
        label = f"{name.replace('*', '_')}{'-rsa' if rsa_key else ''}"
        if label not in self._made:
            self._made[label] = self._issue(name, label, rsa_key=rsa_key)
        return self._made[label]

    def renew(self, name: str, label: str) -> Files:
        """Return another certificate of a name, in files named after `label`."""
        return self._issue(name, label, rsa_key=False)

    def _issue(self, name: str, label: str, *, rsa_key: bool) -> Files:
        key: _Key = rsa.generate_private_key(65537, 2048) if rsa_key else ec.generate_private_key(ec.SECP256R1())
        purposes = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
        public = self._authority_key.public_key()
        certificate = (
            _builder(_name(name), key)
            .issuer_name(self._authority_name)
            .add_extension(x509.SubjectAlternativeName(_alternatives(name)), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(public), critical=False)
            .add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
            .sign(self._authority_key, SHA256())
        )
        files = Files(self.directory / f"{label}.pem", self.directory / f"{label}.key")
        files.certfile.write_bytes(certificate.public_bytes(Encoding.PEM))
        files.keyfile.write_bytes(
            key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()),
        )
        return files


def _made_directory(path: Path) -> Path:
    path.mkdir()
    return path


def _name(name: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, name),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Example"),
        ]
    )


def _alternatives(name: str) -> Sequence[x509.GeneralName]:
    names: list[x509.GeneralName] = [x509.DNSName(name)]
    if name == "localhost":
        names += [x509.IPAddress(ipaddress.ip_address(address)) for address in ("127.0.0.1", "::1")]
    return names


def _builder(name: x509.Name, key: _Key) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _DAY)
        .not_valid_after(now + 30 * _DAY)
    )


def _usage(*, certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=certificates,
        crl_sign=certificates,
        encipher_only=False,
        decipher_only=False,
    )
