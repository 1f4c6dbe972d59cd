"""Servers under TLS that the command line started, and clients of theirs, for tests."""

from __future__ import annotations

import os
import re
import shutil
import ssl
import sys
from pathlib import Path

import pytest

from ftpcore_adapters._console_tls import fingerprint
from ftpcore_adapters.authorizers import hash_password
from tests.adapters.certificates import Files
from tests.adapters.command_line import Process
from tests.adapters.tls_clients import SecureClient

__all__ = [
    "LOOPBACK",
    "copied",
    "logged",
    "logged_in",
    "needs_posix",
    "said_fingerprint",
    "shared",
    "shown",
    "shown_now",
    "unchecked",
    "with_files",
    "write_users",
]

LOOPBACK = "-i", "127.0.0.1", "-p", "0"

needs_posix = pytest.mark.skipif(sys.platform == "win32", reason="no signals and terminals of this kind here")


def copied(files: Files, directory: Path) -> Files:
    """Return copies, which a test may change."""
    copies = Files(directory / "cert.pem", directory / "key.pem")
    shutil.copy(files.certfile, copies.certfile)
    shutil.copy(files.keyfile, copies.keyfile)
    return copies


def shared(directory: Path) -> Path:
    """Return a directory in it that has a file."""
    home = directory / "home"
    home.mkdir()
    (home / "file").write_bytes(b"content")
    return home


def with_files(files: Files) -> tuple[str, ...]:
    return "--tls", "--certfile", str(files.certfile), "--keyfile", str(files.keyfile)


def unchecked() -> ssl.SSLContext:
    """A client that takes any certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def logged_in(server: Process, context: ssl.SSLContext | None = None, *, implicit: bool = False) -> SecureClient:
    """Return a client of an anonymous user, with private data connections."""
    client = SecureClient(server.address, context or unchecked(), implicit=implicit)
    assert client.code() == 220
    if not implicit:
        client.start_tls()
        client.protect()
    client.send("USER anonymous", "PASS x")
    assert client.codes(2) == [331, 230]
    return client


def shown(client: SecureClient) -> str:
    """Return the fingerprint of the certificate that the server showed."""
    assert client.wire is not None
    der = client.wire.tls.getpeercert(binary_form=True)
    assert der is not None
    return fingerprint(ssl.DER_cert_to_PEM_cert(der))


def shown_now(server: Process) -> str:
    """Return that of a new session."""
    with logged_in(server) as client:
        return shown(client)


def logged(server: Process) -> str:
    """Return the log so far; the server goes on writing where it was."""
    return os.pread(server.log.fileno(), 1 << 20, 0).decode()


def said_fingerprint(server: Process) -> str:
    match = re.search(r"SHA-256 +(\S+)", "".join(server.said))
    assert match, server.said
    return match[1]


def write_users(path: Path, home: Path) -> Path:
    """Write a file of users: ann, who must use TLS, and bob."""
    rows = (f"home = {home}", f"password = {hash_password('secret', ln=10)}", "rights = elr")
    path.write_text("\n".join(["[ann]", *rows, "tls = yes", "", "[bob]", *rows, ""]))
    path.chmod(0o600)
    return path
