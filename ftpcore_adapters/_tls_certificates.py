"""Certificates, keys and authorities, as files and as PEM text in memory."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal, Protocol

from ftpcore_adapters._tls_engine import Library

__all__ = [
    "SUBJECT_NAMES",
    "CertificateFiles",
    "ClientCertificates",
    "Contexts",
    "KeyPair",
    "Policy",
    "SessionReuse",
    "read_file",
    "signature",
]

ClientCertificates = Literal["ignore", "request", "require"]
SessionReuse = Literal["off", "prefer", "require"]

#: Names of a subject, long to short.  RFC 4514 3.
SUBJECT_NAMES: Final = {
    "commonName": "CN",
    "localityName": "L",
    "stateOrProvinceName": "ST",
    "organizationName": "O",
    "organizationalUnitName": "OU",
    "countryName": "C",
    "streetAddress": "STREET",
    "domainComponent": "DC",
    "userId": "UID",
}

_KEY: Final = re.compile(rb"-----BEGIN ([A-Z ]*PRIVATE KEY)-----.*?-----END \1-----", re.DOTALL)
_CERTIFICATE: Final = re.compile(rb"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A certificate with those that vouch for it, and its key; all PEM."""

    certificates: bytes
    key: bytes
    certfile: str
    keyfile: str
    """Where they came from."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What all connections of a server have in common."""

    client_certificates: ClientCertificates
    authorities: bytes | None
    """Who vouches for clients: PEM."""
    session_reuse: SessionReuse
    ciphers: str | None
    options: int


class Contexts(Protocol):
    """Makes the contexts of one certificate."""

    def for_session(self) -> Callable[[], Library]:
        """Return what makes the connections of one control session; OSError: there is no room for a context."""

    def make(self) -> object:
        """Return a context of the library."""


@dataclass(frozen=True, slots=True)
class CertificateFiles:
    """Where a certificate stands; the key may stand in the same file."""

    certfile: str
    keyfile: str

    def read(self) -> KeyPair:
        """Return what the files hold.

        Raises:
            FileNotFoundError: One is missing.
            ValueError: One does not hold what it should.
        """
        certificates, key = read_file(self.certfile), read_file(self.keyfile)
        found = _KEY.search(key)
        if found is None:
            raise ValueError(f"{self.keyfile} has no private key (PEM); name the file that has it as keyfile")
        if b"ENCRYPTED" in found[0]:
            raise ValueError(f"the key in {self.keyfile} is encrypted; a server needs it without a passphrase")
        chain = _CERTIFICATE.findall(certificates)
        if not chain:
            raise ValueError(f"{self.certfile} has no certificate (PEM)")
        return KeyPair(b"\n".join(chain) + b"\n", found[0] + b"\n", self.certfile, self.keyfile)


def read_file(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def signature(paths: tuple[str, ...]) -> tuple[tuple[int, int, int] | None, ...]:
    """Return what tells whether one of the files is not the one it was; None: it is missing."""
    return tuple(map(_file_signature, paths))


def _file_signature(path: str) -> tuple[int, int, int] | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino
