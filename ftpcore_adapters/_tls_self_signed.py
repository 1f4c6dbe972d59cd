"""Certificates that nobody vouches for: for development."""

from __future__ import annotations

import ipaddress
import subprocess
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path
from shutil import which
from typing import Final

__all__ = ["self_signed"]

_LIFETIME: Final = timedelta(days=30)


def self_signed(hostnames: Sequence[str] = ("localhost",)) -> tuple[bytes, bytes]:
    """Return a new certificate for names and addresses, and its key; both PEM, to be kept by nobody for long.

    Raises:
        RuntimeError: Neither the package `cryptography` nor the program `openssl` is there.
    """
    if not hostnames:
        raise ValueError("a certificate needs at least one host name or address")
    if find_spec("cryptography") is not None:
        return _by_cryptography(hostnames)
    program = which("openssl")
    if program is None:
        raise RuntimeError(
            "A self-signed certificate needs the package cryptography (pip install 'ftpcore[tls]') or the program "
            "openssl; or name files of your own as certfile and keyfile"
        )
    return _by_program(program, hostnames)


def _by_cryptography(hostnames: Sequence[str]) -> tuple[bytes, bytes]:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, hostnames[0][:64])])
    names: list[x509.GeneralName] = []
    for hostname in hostnames:
        address = _address(hostname)
        names.append(x509.DNSName(hostname) if address is None else x509.IPAddress(address))
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))  # for clocks that are behind
        .not_valid_after(now + _LIFETIME)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, SHA256())
    )
    return (
        certificate.public_bytes(Encoding.PEM),
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
    )


def _by_program(program: str, hostnames: Sequence[str]) -> tuple[bytes, bytes]:
    names = ",".join(f"{'DNS' if _address(hostname) is None else 'IP'}:{hostname}" for hostname in hostnames)
    request = [program, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-sha256"]
    request += ["-days", str(_LIFETIME.days), "-subj", f"/CN={hostnames[0][:64]}", "-addext", f"subjectAltName={names}"]
    with tempfile.TemporaryDirectory() as directory:
        certfile, keyfile = Path(directory, "certificate"), Path(directory, "key")
        done = subprocess.run([*request, "-out", certfile, "-keyout", keyfile], capture_output=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"openssl made no certificate: {done.stderr.decode(errors='replace').strip()}")
        return certfile.read_bytes(), keyfile.read_bytes()


def _address(hostname: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(hostname)
    except ValueError:
        return None
