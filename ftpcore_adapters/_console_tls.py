"""The certificate of a server that the command line starts, and what the person who starts it is told of TLS."""

from __future__ import annotations

import argparse
import hashlib
import ipaddress
import os
import re
import ssl
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ftpcore_adapters._command_line_tls import IMPLICIT
from ftpcore_adapters._console_log import printable, reachable_hosts
from ftpcore_adapters._tls_self_signed import self_signed

__all__ = ["TLSNotice", "certificate_for_development", "fingerprint", "tls_attributes"]

_CERTIFICATE: Final = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class TLSNotice:
    """What the start text tells of TLS."""

    mode: str
    certfile: str
    """As it was given; "": self-signed."""
    fingerprint: str
    control_required: bool
    data_required: bool
    client_certificate: bool

    @classmethod
    def of(cls, options: argparse.Namespace, *, self_signed: bool) -> TLSNotice:
        """Describe options whose files have been read."""
        return cls(
            mode=options.tls,
            certfile="" if self_signed else options.certfile,
            fingerprint=fingerprint(Path(options.certfile).read_text("ascii", "replace")),
            control_required=options.tls_control_required,
            data_required=options.tls_data_required,
            client_certificate=options.client_ca is not None,
        )

    def rows(self) -> list[tuple[str, str]]:
        """Return lines for the start text: a name and a text each."""
        certificate = printable(self.certfile) or (
            "self-signed and made just now, for development: clients can know it by its fingerprint only"
        )
        return [("TLS", self._policy()), ("cert", certificate), ("SHA-256", self.fingerprint)]

    def _policy(self) -> str:
        demanded = ["logins"] * self.control_required + ["data connections"] * self.data_required
        if self.mode == IMPLICIT:
            parts = ["implicit, before the greeting"]
        else:
            parts = ["explicit, by AUTH TLS"]
        if demanded:
            parts.append(f"required for {' and '.join(demanded)}")
        elif self.mode != IMPLICIT:
            parts.append("not required")
        return "; ".join(parts + ["clients must show a certificate"] * self.client_certificate)

    @property
    def client_options(self) -> str:
        """What curl is told: no address of this machine need stand in the certificate, so that it can't be checked."""
        explicit = "" if self.mode == IMPLICIT else "--ssl-reqd "
        return f"-k {explicit}" + "-E CERTIFICATE.pem " * self.client_certificate

    @property
    def scheme(self) -> str:
        """Of the URL for clients."""
        return "ftps" if self.mode == IMPLICIT else "ftp"


def tls_attributes(options: argparse.Namespace) -> dict[str, object]:
    """Return what the options for TLS are on a `TLS_FTPHandler`."""
    attributes: dict[str, object] = {
        "certfile": options.certfile,
        "keyfile": options.keyfile,
        "implicit_tls": options.tls == IMPLICIT,
        "tls_accept_truncated": options.tls_accept_truncated,
        "tls_control_required": options.tls_control_required,
        "tls_data_required": options.tls_data_required,
    }
    if options.tls_session_reuse is not None:
        attributes["tls_session_reuse"] = options.tls_session_reuse
    if options.client_ca is not None:
        attributes |= {"client_ca": options.client_ca, "client_certificates": "require"}
    return attributes


@contextmanager
def certificate_for_development(interface: str, nat_address: str | None) -> Iterator[str]:
    """Make a self-signed certificate for the addresses of this machine.

    Gives the path of a file that has it and its key, and is there as long as the context lasts: servers look whether it
    changes.  It is in memory where that can be, so that a server that is killed leaves nothing behind; forked
    children find it, too.

    Raises:
        ValueError: There is nothing that can make one.
    """
    hosts = reachable_hosts(interface or "::")
    names = _names(["localhost", *hosts, "127.0.0.1", "::1", *([nat_address] if nat_address else [])])
    try:
        certificate, key = self_signed(names)
    except RuntimeError as error:
        raise ValueError(f"--tls without --certfile: {error}") from None
    if hasattr(os, "memfd_create"):
        with open(os.memfd_create("self-signed"), "wb") as file:
            file.write(certificate + key)
            file.flush()
            yield f"/proc/self/fd/{file.fileno()}"
        return
    with tempfile.TemporaryDirectory(prefix="ftpcore-") as directory:  # of mode 0700
        path = os.path.join(directory, "self-signed.pem")
        Path(path).write_bytes(certificate + key)
        yield path


def fingerprint(text: str) -> str:
    """Return the SHA-256 fingerprint of the first certificate in a PEM text, as `openssl x509 -fingerprint` shows it.

    Raises:
        ValueError: There is none.
    """
    found = _CERTIFICATE.search(text)
    if found is None:
        raise ValueError("there is no certificate (PEM)")
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(found[0])).digest().hex(":").upper()


def _names(hosts: Iterable[str]) -> list[str]:
    """Return what can stand in a certificate, each once: addresses without zones, and names in ASCII."""
    names = []
    for host in hosts:
        name = host.partition("%")[0]
        try:
            names.append(str(ipaddress.ip_address(name)))
        except ValueError:
            if name.isascii() and name.isprintable():
                names.append(name)
    return list(dict.fromkeys(names))
